package command

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"dormant/client/sandbox"
	"dormant/job"
)

// reviewed writes a plan, and returns its path and its lines: six of the head, then one for each
// candidate.
func reviewed(t *testing.T, d *directory, environ ...string) (path string, lines []string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "plan.csv")
	d.run("audit", append(environ, "DORMANT_PLAN="+path)...).expect(t, exitDone, job.DryRun)
	lines = strings.SplitAfter(strings.TrimSuffix(read(t, path), "\r\n"), "\r\n")
	if len(lines) != 6+len(d.unused()) {
		t.Fatalf("%d lines:\n%s", len(lines), read(t, path))
	}
	return path, lines
}

func (d *directory) apply(path string, environ ...string) result {
	d.t.Helper()
	p := start(d.t, d.env(append(environ, forReal)...), "apply", path)
	code := p.wait(d.t)
	return d.checkRun(code, p.stdout.String(), p)
}

// Exactly the lines that were left are acted on, in whatever way the spreadsheet has written
// them; the number that was approved is the limit.
func TestApply(t *testing.T) {
	t.Parallel()
	d := serve(t, "itflex")
	journal := filepath.Join(t.TempDir(), "journal")
	path, lines := reviewed(t, d)
	unused := d.unused()
	idOf := func(line string) string { return strings.Split(line, ",")[2] }
	deleted, kept := lines[7], lines[9]
	lines[9] = strings.Replace(kept, ",,", `Keep,"on leave, ""until"" May",`, 1)
	lines = slices.Delete(lines, 7, 8)
	text := strings.ReplaceAll(strings.Join(lines, ""), "\r\n", "\n") + "\n,,,\n\n"
	write := func(text string) {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("\ufeff" + text)

	r := d.apply(path, "DORMANT_MAX_REMOVALS=1", "DORMANT_MAX_REMOVAL_PERCENT=1", "DORMANT_JOURNAL="+journal, "DORMANT_APPROVED_BY=Ann")
	r.expect(t, exitDone, job.Completed)
	without := func(id string) bool { return id == idOf(deleted) || id == idOf(kept) }
	sameIDs(t, "removed", d.Removed(), slices.DeleteFunc(slices.Clone(unused), without))
	if r.report.Counts.Kept[job.NotApproved] != 2 || r.report.ApprovedBy != "Ann" {
		t.Error(r.stdout)
	}
	for line := range strings.Lines(read(t, journal)) {
		if strings.Contains(line, `"intent"`) && (!strings.Contains(line, `"plan":"`+r.report.Digest+`"`) || !strings.Contains(line, `"approved_by":"Ann"`)) {
			t.Error(line)
		}
	}
	refusesPlan(t, d, path, "it was applied before", "DORMANT_JOURNAL="+journal)

	table := start(t, d.env("DORMANT_FORMAT=table", "DORMANT_APPROVED_BY=Ann"), "apply", path)
	table.wait(t)
	until := time.Now().UTC().AddDate(0, 0, 180).Format(time.DateOnly)
	if want := idOf(kept) + " until=" + until + ` owner="Ann" note="on leave, 'until' May"` + "\n"; !strings.Contains(table.stdout.String(), "\n"+want) {
		t.Errorf("no %q in\n%s", want, table.stdout.String())
	}
}

// A dry run of apply says what it would do, and begins nothing.
func TestApplyIsDry(t *testing.T) {
	t.Parallel()
	d := serve(t, "itflex")
	path, _ := reviewed(t, d)
	p := start(t, d.env(), "apply", path)
	d.checkRun(p.wait(t), p.stdout.String(), p).expect(t, exitDone, job.DryRun)
}

// Whoever came back, or became a candidate after the plan, is left alone.
func TestApplyLooksAgain(t *testing.T) {
	t.Parallel()
	d := serve(t, "itflex")
	path, _ := reviewed(t, d)
	unused := d.unused()
	back := unused[0]
	d.change(back, func(u *sandbox.User) { u.LastLogin = time.Now() })
	d.apply(path, "DORMANT_INACTIVE_SINCE="+cutoff.Format(time.RFC3339)).expect(t, exitDone, job.Completed)
	sameIDs(t, "removed", d.Removed(), unused[1:])
}

func refusesPlan(t *testing.T, d *directory, path, says string, environ ...string) {
	t.Helper()
	before := len(d.Removed())
	p := start(t, d.env(append(environ, forReal)...), "apply", path)
	if code := p.wait(t); code != exitUsage || !regexp.MustCompile(says).MatchString(p.stderr.String()) || len(d.Removed()) > before {
		t.Errorf("exit code %d, want %q:\n%s", code, says, p.stderr.String())
	}
}

// A plan that is not as it was written, or not for this run, is applied not at all.
func TestPlansThatAreRefused(t *testing.T) {
	t.Parallel()
	d := serve(t, "itflex")
	path, lines := reviewed(t, d)
	first, second := lines[6], lines[7]
	id := strings.Split(first, ",")[2]
	check := func(line string) string { return line[strings.LastIndex(line, ",")+1:] }
	for what, c := range map[string]struct {
		from, to, says string
	}{
		"another id":          {first, strings.Replace(first, ","+id+",", ",9999,", 1), "line 7, column check: the line is not one of this plan, or was altered"},
		"another action":      {first, strings.Replace(first, ",remove,", ",disable,", 1), "line 7, column check"},
		"another name":        {first, strings.Replace(first, "@", "@x", 1), "line 7, column check"},
		"the check of others": {check(first), check(second), "line 7, column check"},
		"no check":            {check(first), "\r\n", "line 7, column check"},
		"a line twice":        {first, first + first, "line 8, column id: the account is there twice"},
		"a word of its own":   {first, "kep" + first, `line 7, column keep: "kep" can't be understood`},
		"a note alone":        {first, strings.Replace(first, ",,", ",why?,", 1), "line 7, column note: there is a note and no keep"},
		"a cell more":         {first, "," + first, "line 7, column 11: the line has 11 cells, not 10"},
		"an open quote":       {first, `"` + first, "line"},
		"no head":             {"dormant plan", "plan", "line 1, column 1"},
		"another version":     {"dormant plan,1", "dormant plan,2", `line 1, column 2: version "2"`},
		"another time":        {"made,2", "made,1", "line 7, column check"},
		"no time":             {"made,2", "made,x", "line 4, column 2"},
		"other titles":        {"keep,note", "keep,notes", "line 6"},
		"nothing left":        {strings.Join(lines[6:], ""), "", "no line is left"},
		"nothing":             {strings.Join(lines, ""), "", "line 1"},
		"another policy":      {"policy,inactive", "policy,x inactive", "it was made with the policy|column check"},
	} {
		text := strings.Join(lines, "")
		if !strings.Contains(text, c.from) {
			t.Fatalf("%s: no %q in\n%s", what, c.from, text)
		}
		changed := write(t, "plan.csv", strings.Replace(text, c.from, c.to, 1))
		refusesPlan(t, d, changed, c.says)
	}
	refusesPlan(t, d, path, "it was made with the policy", "DORMANT_NEVER_LOGGED_IN=remove")
	refusesPlan(t, d, filepath.Join(t.TempDir(), "none.csv"), "no such file")
	refusesPlan(t, serve(t, "itflex"), path, "it is of the directory")

	for age, says := range map[time.Duration]string{7*24*time.Hour + time.Second: "no older than 1w", -2 * time.Hour: "in the future"} {
		var stdout, stderr output
		code := Main(t.Context(), Process{"dormant", []string{"apply", path}, d.env(forReal), nil, &stdout, &stderr, func() time.Time { return time.Now().Add(age) }})
		if code != exitUsage || !strings.Contains(stderr.String(), says) {
			t.Errorf("%s: %d, %s", age, code, stderr.String())
		}
	}
	if len(d.Removed()) > 0 {
		t.Error("it removed ", d.Removed())
	}
}

// Cells are separated as the spreadsheet's language has it.
func TestPlanWithSemicolons(t *testing.T) {
	t.Parallel()
	d := serve(t, "itflex")
	path, lines := reviewed(t, d)
	for i, line := range lines {
		if strings.Contains(line, `"`) {
			t.Fatal(line)
		}
		lines[i] = strings.ReplaceAll(line, ",", ";")
	}
	if err := os.WriteFile(path, []byte(strings.Join(lines, "")), 0o600); err != nil {
		t.Fatal(err)
	}
	d.apply(path).expect(t, exitDone, job.Completed)
	sameIDs(t, "removed", d.Removed(), d.unused())
}

// On a terminal, nothing is sent before the person has agreed; in a pipe nobody is asked.
func TestNothingIsDoneBeforeThePersonAgrees(t *testing.T) {
	t.Parallel()
	terminal, err := exec.LookPath("script")
	if err != nil {
		t.Skip(err)
	}
	for _, c := range []struct {
		answer, environ string
		code            int
		removes         bool
	}{
		{"yes\n", "", exitDone, true},
		{"no\n", "", exitRefused, false},
		{"\x04", "", exitRefused, false}, // the end of the input
		{"", "DORMANT_YES=true", exitDone, true},
	} {
		d := serve(t, "itflex")
		cmd := process(t, d.env(forReal, c.environ), "run")
		if c.environ == "" {
			cmd.Env = slices.DeleteFunc(cmd.Env, func(pair string) bool { return pair == "" })
		}
		cmd.Args = []string{"script", "-q", "-e", "-c", cmd.Path + " run", "/dev/null"}
		cmd.Path = terminal
		cmd.Stdin = strings.NewReader(c.answer)
		p := startProcess(t, cmd)
		if code := p.wait(t); code != c.code || len(d.Removed()) > 0 != c.removes {
			t.Errorf("%q: exit code %d, removed %q:\n%s", c.answer, code, d.Removed(), p.stdout.String())
		}
		if asked := strings.Contains(p.stdout.String(), "Go on with 24 of 120 accounts"); asked != (c.environ == "") {
			t.Errorf("%q: asked: %t", c.answer, asked)
		}
		if !c.removes {
			d.onlyReads(d.Requests())
		}
	}
}

// What a person at a terminal answers decides; only yes is an agreement.
func TestAsk(t *testing.T) {
	t.Parallel()
	for answer, want := range map[string]bool{"yes\n": true, " YES \n": true, "yes": true, "y\n": false, "no\n": false, "\n": false, "": false, "yes please\n": false} {
		var out strings.Builder
		r := job.Report{Counts: job.Counts{Scanned: 120, Candidates: 24}}
		if got := ask(t.Context(), strings.NewReader(answer), &out, 80, r); got != want || !strings.Contains(out.String(), "Go on with 24 of 120 accounts") {
			t.Errorf("%q: %t\n%s", answer, got, out.String())
		}
	}
}
