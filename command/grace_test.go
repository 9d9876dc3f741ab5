package command

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"dormant/client/sandbox"
	"dormant/job"
)

// Only accounts are removed that an earlier run has found, long enough ago.
func TestGrace(t *testing.T) {
	t.Parallel()
	d := serve(t, "itflex")
	unused := d.unused()
	returned, rest := unused[1], append(slices.Clone(unused[:1]), unused[2:]...)
	ledger := filepath.Join(t.TempDir(), "ledger.json")
	grace := []string{"DORMANT_GRACE=14d", "DORMANT_LEDGER=" + ledger}
	found := func() map[string]time.Time {
		t.Helper()
		var file struct {
			Directory string
			FoundAt   map[string]time.Time `json:"found_at"`
		}
		if err := json.Unmarshal([]byte(read(t, ledger)), &file); err != nil || file.Directory != "itflex "+d.url {
			t.Fatalf("%v: %+v", err, file)
		}
		return file.FoundAt
	}
	// earlier makes the runs up to now as many days older.
	earlier := func(days int) {
		t.Helper()
		text := read(t, ledger)
		for id, at := range found() {
			text = strings.ReplaceAll(text, fmt.Sprintf("%q: %q", id, at.Format(time.RFC3339Nano)), fmt.Sprintf("%q: %q", id, at.AddDate(0, 0, -days).Format(time.RFC3339Nano)))
		}
		if err := os.WriteFile(ledger, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	inGrace := func(r result, want []string) {
		t.Helper()
		var got []string
		for _, a := range r.report.Accounts.All() {
			if a.Reason == job.InGrace {
				got = append(got, a.ID)
				if at := found()[a.ID].AddDate(0, 0, 14); a.Result != job.Kept || a.RemovableAt.Before(at) || a.RemovableAt.Sub(at) >= time.Second {
					t.Errorf("%s is removable from %s, want %s: %+v", a.ID, a.RemovableAt, at, a)
				}
			}
		}
		sameIDs(t, "in grace", got, want)
	}

	audit := d.run("audit", grace...)
	audit.expect(t, exitDone, job.DryRun)
	if _, err := os.Lstat(ledger); err == nil || audit.report.Counts.Kept[job.InGrace] != len(unused) {
		t.Errorf("an audit leaves a ledger, or %+v", audit.report.Counts)
	}

	first := d.run("run", append(grace, forReal)...)
	first.expect(t, exitDone, job.Completed)
	inGrace(first, unused)
	earlier(13)

	d.change(returned, func(u *sandbox.User) { u.LastLogin = now })
	second := d.run("daemon", append(grace, forReal)...)
	second.expect(t, exitDone, job.Completed)
	inGrace(second, rest)
	sameIDs(t, "removed", d.Removed(), nil)
	for _, c := range []struct{ command, arg, says string }{
		{"explain", rest[0], `\* in_grace +found inactive: \S+Z, removable from: \S+Z\n  \* inactive (?s:.*)Decision: keep \(in_grace\)\n$`},
		{"check", "", fmt.Sprintf(`(?m)^ledger +%s: %d accounts that earlier runs found inactive; a grace is 2w\n(?s:.*)^in grace +\d+\nwould be removed +0$`, regexp.QuoteMeta(ledger), len(rest))},
	} {
		p := start(t, d.env(grace...), strings.Fields(c.command+" "+c.arg)...)
		if code := p.wait(t); code != exitDone || !regexp.MustCompile(c.says).MatchString(p.stdout.String()) {
			t.Errorf("%s: %d, %s is not in:\n%s%s", c.command, code, c.says, &p.stdout, &p.stderr)
		}
	}
	earlier(1)

	late := rest[2]
	text := read(t, ledger)
	at := found()[late]
	tomorrow := strings.ReplaceAll(text, fmt.Sprintf("%q: %q", late, at.Format(time.RFC3339Nano)), fmt.Sprintf("%q: %q", late, at.AddDate(0, 0, 1).Format(time.RFC3339Nano)))
	if err := os.WriteFile(ledger, []byte(tomorrow), 0o600); err != nil || tomorrow == text {
		t.Fatal(err)
	}
	third := d.run("run", append(grace, forReal)...)
	third.expect(t, exitDone, job.Completed)
	inGrace(third, []string{late})
	sameIDs(t, "removed", d.Removed(), slices.DeleteFunc(slices.Clone(rest), func(id string) bool { return id == late }))
	sameIDs(t, "in the ledger", slices.Collect(maps.Keys(found())), []string{late})
	d.expectOrder()
}

// No account counts as found before if the ledger is about another directory.
func TestALedgerThatCannotBeUsed(t *testing.T) {
	t.Parallel()
	d := serve(t, "itflex")
	ledger := write(t, "ledger.json", `{"directory": "itflex https://elsewhere.example", "found_at": {"`+d.unused()[0]+`": "2026-01-01T00:00:00Z"}}`)
	grace := []string{"DORMANT_GRACE=1d", "DORMANT_LEDGER=" + ledger}
	p := start(t, d.env(grace...), "check")
	if p.wait(t) != exitDone || !strings.Contains(p.stdout.String(), "can't be used, so nobody counts as found by an earlier run: read ledger: "+ledger+" is about another directory") {
		t.Errorf("%d: %s", p.code, &p.stdout)
	}
	r := d.run("run", append(grace, forReal)...)
	r.expect(t, exitDone, job.Completed)
	if warnings := strings.Count(r.stderr, "nobody counts as found by an earlier run (DORMANT_LEDGER)"); warnings != 1 || r.report.Counts.Kept[job.InGrace] != len(d.unused()) {
		t.Errorf("%d warnings, %+v", warnings, r.report.Counts)
	}
	if err := errors.Join(os.Remove(ledger), os.Remove(filepath.Dir(ledger))); err != nil {
		t.Fatal(err)
	}
	d.refuses(t, "check", []string{"DORMANT_LEDGER"}, grace...)
}

// ledger is one in which all unused accounts were found so many days from now.
func (d *directory) ledger(days int) string {
	found := map[string]time.Time{}
	for _, id := range d.unused() {
		found[id] = now.AddDate(0, 0, days)
	}
	text, err := json.Marshal(map[string]any{"directory": "itflex " + d.url, "found_at": found})
	if err != nil {
		d.t.Fatal(err)
	}
	return string(text)
}
