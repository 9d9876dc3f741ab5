package command

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"dormant/job"
)

func TestTheJournal(t *testing.T) {
	t.Parallel()
	d := serve(t, "itflex")
	journal := filepath.Join(t.TempDir(), "journal")
	d.run("run", "DORMANT_JOURNAL="+journal)
	if _, err := os.Stat(journal); err == nil {
		t.Error("a dry run writes a journal")
	}
	d.before(func(_ http.ResponseWriter, r *http.Request) bool { // the intent is there when the request comes
		if r.Method == http.MethodDelete && !slices.Contains(events(t, journal), "intent "+filepath.Base(r.URL.Path)) {
			t.Errorf("%s was removed without a trace", r.URL.Path)
		}
		return false
	})
	d.run("run", forReal, "DORMANT_JOURNAL="+journal).expect(t, exitDone, job.Completed)
	var want []string
	for _, id := range d.unused() {
		want = append(want, "intent "+id, "result "+id+" removed")
	}
	sameIDs(t, "journal", events(t, journal), want)

	d = serve(t, "itflex")
	d.refuses(t, "run", []string{"DORMANT_JOURNAL"}, "DORMANT_JOURNAL="+filepath.Join(journal, "none"))
	r := d.run("run", forReal, "DORMANT_JOURNAL=/dev/null")
	r.expect(t, exitUsage, job.Failed)
	if sent := d.Requests(); len(sent) > 0 || !strings.Contains(r.report.Error, "DORMANT_JOURNAL") {
		t.Errorf("%d requests were sent, and the error is %q", len(sent), r.report.Error)
	}
}

// events are the lines of a journal, in short.
func events(t *testing.T, path string) []string {
	text, err := os.ReadFile(path)
	if err != nil {
		t.Error(err)
	}
	var all []string
	for line := range strings.Lines(string(text)) {
		if !strings.HasSuffix(line, "\n") {
			break // it is being written for another account
		}
		var e job.Event
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			t.Error(err)
		}
		all = append(all, strings.TrimSpace(fmt.Sprint(e.Event, " ", e.UserID, " ", e.Result)))
	}
	return all
}

// verified is what dormant journal verify says: the state of each account, in the
// order of the lines.
type verified struct {
	code   int
	states []string // "17 removed"
	stdout string
	stderr string
}

// verify asks what the journal proves. It must not change the directory.
func (d *directory) verify(t *testing.T, journal string, environ ...string) verified {
	t.Helper()
	sent := len(d.Requests())
	p := start(t, environ, "journal", "verify", journal)
	v := verified{code: p.wait(t), stdout: p.stdout.String(), stderr: p.stderr.String()}
	d.onlyReads(d.Requests()[sent:])
	for _, row := range regexp.MustCompile(`(?m)^\d+ +\S+ +"\w+" +("\S+") +(?:remove|disable) +(\w+)`).FindAllStringSubmatch(v.stdout, -1) {
		id, err := strconv.Unquote(row[1])
		if err != nil {
			t.Error(err)
		}
		v.states = append(v.states, id+" "+row[2])
	}
	return v
}

func (v verified) expect(t *testing.T, code int, states []string, says ...string) {
	t.Helper()
	if v.code != code || !slices.Equal(v.states, states) {
		t.Errorf("verify ended with %d and %q, not with %d and %q:\n%s%s", v.code, v.states, code, states, v.stdout, v.stderr)
	}
	for _, s := range says {
		if !strings.Contains(v.stdout+v.stderr, s) {
			t.Errorf("%s is not in:\n%s%s", s, v.stdout, v.stderr)
		}
	}
}

func TestJournalVerify(t *testing.T) {
	t.Parallel()
	d := serve(t, "itflex")
	there, gone := d.unused()[0], d.unused()[1]
	d.Remove(gone)
	event := func(what, id, rest string) string {
		return fmt.Sprintf(`{"time":"2026-07-01T12:00:00Z","run_id":"run1","event":%q,"user_id":%q,"action":"remove","reason":"inactive"%s}`+"\n", what, id, rest)
	}
	doubt := event("intent", there, "") + event("intent", gone, "") + event("result", gone, `,"result":"failed","error":"time-out"`)
	certain := event("intent", "x", "") + event("result", "x", `,"result":"removed"`)
	doubtful, settled := []string{there + " in_doubt", gone + " in_doubt"}, []string{there + " not_done", gone + " gone"}
	wrong := slices.Concat(d.env(), []string{"DORMANT_TOKEN=wrong"})
	nowhere := slices.Concat(d.env(), []string{"DORMANT_URL=http://" + unusedAddress(t)})
	for _, c := range []struct {
		rule, journal string
		environ       []string
		code          int
		states        []string
		says          []string
	}{
		{"all is certain", certain, nil, exitDone, []string{"x removed"}, []string{"\n1 removed\n"}},
		{"an empty journal", "", nil, exitDone, nil, []string{"none\n"}},
		{"nobody to ask", certain + doubt, nil, exitPartial, append([]string{"x removed"}, doubtful...), []string{"2 in doubt: set DORMANT_PROFILE", `"time-out"`}},
		{"the directory is asked", doubt, d.env(), exitDone, settled, []string{"itflex at " + d.url, "1 gone, 1 not_done"}},
		{"for real is a dry run, too", doubt, d.env(forReal), exitDone, settled, nil},
		{"nothing to ask", certain, nowhere, exitDone, []string{"x removed"}, nil},
		{"the directory can't be reached", doubt, nowhere, exitFailed, doubtful, []string{"connection refused"}},
		{"the credentials are wrong", doubt, wrong, exitUsage, doubtful, []string{"401 Unauthorized"}},
		{"the configuration is wrong", doubt, d.env("DORMANT_RETRIES=1"), exitUsage, nil, []string{"DORMANT_RETRIES"}},
		{"a profile alone", doubt, []string{"DORMANT_PROFILE=itflex"}, exitUsage, nil, []string{"DORMANT_URL"}},
		{"an empty profile", doubt, []string{"DORMANT_PROFILE="}, exitUsage, nil, []string{"DORMANT_PROFILE"}},
		{"cut short", certain + certain[:50], nil, exitDone, []string{"x removed"}, []string{"line 3 is cut short"}},
		{"no journal", "# What we did\n", nil, exitPartial, nil, []string{"line 1 is not one that a journal has"}},
		{"other things in it", certain + "done by hand\n", nil, exitPartial, []string{"x removed"}, []string{"line 3 is not"}},
	} {
		sent := len(d.Requests())
		v := d.verify(t, write(t, "journal", c.journal), c.environ...)
		v.expect(t, c.code, c.states, c.says...)
		if asked := len(d.Requests()) > sent; asked != (c.code != exitUsage && c.states != nil && len(c.environ) > 2 && c.states[0] == settled[0]) && c.rule != "the credentials are wrong" {
			t.Errorf("%s: the directory is asked: %t", c.rule, asked)
		}
		if t.Failed() {
			t.Fatal(c.rule)
		}
	}
	for _, args := range [][]string{{}, {"verify"}, {"verify", "no such file"}, {"verify", t.TempDir()}, {"check", "x"}, {"verify", "x", "y"}} {
		p := start(t, nil, append([]string{"journal"}, args...)...)
		if p.wait(t) != exitUsage || p.stdout.String() != "" || p.stderr.String() == "" {
			t.Errorf("journal %q: %d\n%s%s", args, p.code, &p.stdout, &p.stderr)
		}
	}
}

// Its output is read by others: through a pipe, which may be closed, and from a process.
func TestJournalVerifyWritesToAPipe(t *testing.T) {
	t.Parallel()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	journal := write(t, "journal", strings.Repeat(`{"time":"2026-07-01T12:00:00Z","run_id":"run1","event":"intent","user_id":"17","action":"remove"}`+"\n", 2000))
	verify := func(stdout *os.File) (int, string) {
		var stderr bytes.Buffer
		cmd := process(t, nil, "journal", "verify", journal)
		cmd.Stdout, cmd.Stderr = stdout, &stderr
		_ = cmd.Run() // the exit code tells
		return cmd.ProcessState.ExitCode(), stderr.String()
	}
	read := make(chan int)
	go func() {
		text, _ := io.ReadAll(r)
		read <- bytes.Count(text, []byte(" in_doubt "))
	}()
	code, says := verify(w)
	if w.Close(); code != exitPartial || <-read != 2000 || !strings.Contains(says, "2000 in doubt") {
		t.Errorf("through a pipe: %d, %s", code, says)
	}
	r, w, err = os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	if r.Close(); err != nil {
		t.Fatal(err)
	}
	if code, says := verify(w); code != exitFailed || !strings.Contains(says, "broken pipe") {
		t.Errorf("nobody reads: %d, %s", code, says)
	}
	w.Close()
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Skip(err)
	}
	defer full.Close()
	if code, says := verify(full); code != exitFailed || !strings.Contains(says, "no space left") {
		t.Errorf("a full disk: %d, %s", code, says)
	}
}
