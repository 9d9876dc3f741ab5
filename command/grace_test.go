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
	"dormant/job/memory"
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
		return d.found(ledger)
	}
	// earlier makes the runs up to now as many days older.
	earlier := func(days int) {
		t.Helper()
		rewriteLedger(t, ledger, func(a memory.Account) memory.Entry {
			if !a.Found.IsZero() {
				a.Found = a.Found.AddDate(0, 0, -days)
			}
			return a.Entry
		})
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
		{"check", "", fmt.Sprintf(`(?m)^ledger +%s: %d accounts, since \S+Z\n(?s:.*)^in grace +\d+\nwould be removed +0$`, regexp.QuoteMeta(ledger), len(d.users))},
	} {
		p := start(t, d.env(grace...), strings.Fields(c.command+" "+c.arg)...)
		if code := p.wait(t); code != exitDone || !regexp.MustCompile(c.says).MatchString(p.stdout.String()) {
			t.Errorf("%s: %d, %s is not in:\n%s%s", c.command, code, c.says, &p.stdout, &p.stderr)
		}
	}
	earlier(1)

	late := rest[2]
	rewriteLedger(t, ledger, func(a memory.Account) memory.Entry {
		if a.ID == late {
			a.Found = a.Found.AddDate(0, 0, 1)
		}
		return a.Entry
	})
	third := d.run("run", append(grace, forReal)...)
	third.expect(t, exitDone, job.Completed)
	inGrace(third, []string{late})
	sameIDs(t, "removed", d.Removed(), slices.DeleteFunc(slices.Clone(rest), func(id string) bool { return id == late }))
	sameIDs(t, "in the ledger", slices.Collect(maps.Keys(found())), []string{late})
	d.expectOrder()
}

// found returns when the accounts in the ledger were found inactive.
func (d *directory) found(path string) map[string]time.Time {
	d.t.Helper()
	f, err := memory.Open(path)
	if err != nil || !strings.Contains(string(f.Header()), `"directory":"itflex `+d.url+`"`) {
		d.t.Fatalf("%v: %s", err, f.Header())
	}
	defer f.Close()
	found := map[string]time.Time{}
	for a, err := range f.All() {
		if err != nil {
			d.t.Fatal(err)
		}
		if !a.Found.IsZero() {
			found[a.ID] = a.Found
		}
	}
	return found
}

// rewriteLedger changes what a ledger has of each account.
func rewriteLedger(t *testing.T, path string, change func(memory.Account) memory.Entry) {
	t.Helper()
	f, err := memory.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	w := memory.NewWriter(path, f, f.LastSeen())
	next, err := w.Commit(f.Header(), func(a memory.Account) (memory.Entry, bool) { return change(a), true })
	if err := errors.Join(err, w.Close(), f.Close(), next.Close()); err != nil {
		t.Fatal(err)
	}
}

// A run without its ledger acts on nobody, and says why.
func TestALedgerThatCannotBeUsed(t *testing.T) {
	t.Parallel()
	d := serve(t, "itflex")
	earlier := `{"directory": "itflex ` + d.url + `", "found_at": {"` + d.unused()[0] + `": "2026-01-01T00:00:00Z"}}`
	for _, c := range []struct{ text, says string }{
		{strings.Replace(earlier, d.url, "https://elsewhere.example", 1), "is about another directory"},
		{earlier[:len(earlier)-4], "the file is damaged"}, {"", "it is empty"}, {"dormant ledger\n\x02", "of a newer version"}, {"dormant ledger\n\x01", "it is cut short"},
		{"\x7fELF", "is no ledger"},
	} {
		ledger := write(t, "ledger.json", c.text)
		for _, command := range []string{"run", "audit", "daemon"} {
			for _, more := range [][]string{nil, {"DORMANT_GRACE=1d"}} {
				r := d.run(command, append(more, forReal, "DORMANT_LEDGER="+ledger)...)
				want := exitUsage
				if command == "daemon" {
					want = exitDone
				}
				if r.expect(t, want, job.Failed); !strings.Contains(r.report.Error, c.says) || !strings.Contains(r.report.Error, ledger) || !strings.Contains(r.report.Error, "DORMANT_LEDGER") {
					t.Errorf("%s: %q is not in %s", command, c.says, r.report.Error)
				}
			}
		}
		for _, args := range []string{"check", "explain 1", "ledger show", "ledger export", "ledger forget 1", "ledger clear-brake --reason x"} {
			p := start(t, d.env("DORMANT_LEDGER="+ledger), strings.Fields(args)...)
			if code := p.wait(t); code != exitUsage || !strings.Contains(p.stderr.String(), c.says) {
				t.Errorf("%s: %d: %s", args, code, &p.stderr)
			}
		}
		if now := read(t, ledger); now != c.text {
			t.Errorf("%q has become %q", c.text, now)
		}
		if left, err := os.ReadDir(filepath.Dir(ledger)); err != nil || len(left) != 1 {
			t.Errorf("%q: beside it are %v, %v", c.text, left, err)
		}
	}
	sameIDs(t, "removed", d.Removed(), nil)

	at := t.TempDir()
	lock, err := memory.Acquire(at + "/ledger")
	if err != nil {
		t.Fatal(err)
	}
	r := d.run("run", forReal, "DORMANT_LEDGER="+at+"/ledger")
	if r.expect(t, exitFailed, job.Failed); !strings.Contains(r.report.Error, "another run has it") {
		t.Error(r.report.Error)
	}
	d.run("audit", "DORMANT_LEDGER="+at+"/ledger").expect(t, exitDone, job.DryRun)
	if err := lock.Release(); err != nil {
		t.Fatal(err)
	}
	r = d.run("run", forReal, "DORMANT_LEDGER="+at+"/ledger")
	r.expect(t, exitDone, job.Completed)
	sameIDs(t, "removed", d.Removed(), d.unused())
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
