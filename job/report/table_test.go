package report

import (
	"strings"
	"testing"
	"time"

	"dormant/job"
)

func TestTable(t *testing.T) {
	r := sample("run", false, job.Failed, job.Removed, job.NotRemoved, job.Kept)
	r.Cutoff = r.Cutoff.In(time.FixedZone("", 3600))
	r.Error = "removals ended early: signed out"
	account(&r, 1).Error = "remove user: 403 Forbidden\nthe server says: " + strings.Repeat("no way ", 12)
	account(&r, 1).InactiveDays = nil
	account(&r, 2).Reason = job.ActiveAgain
	r.Counts.Kept[job.ActiveAgain] = 1
	r.Refusals = []job.Refusal{refusal}
	r.Warnings = []job.Warning{warning}
	want := `dormant run, REAL RUN: itflex at https://example.com/api, cutoff 2026-01-31T03:00:00Z (90 days ago)

ID  USERNAME  EMAIL              LAST LOGIN  DAYS  REASON           RESULT
17  alice     alice@example.com  2025-03-15   412  inactive         removed
4   bob       bob@example.com    never          -  never_logged_in  failed
      error: remove user: 403 Forbidden\nthe server says: no way no way no way no way no way no way
      no way no way no way no way no way no way
b3  claire                       2026-01-30    91  active_again     kept

scanned                      10
candidates                    3
  removed                     1
  kept                        1
  failed                      1
kept                          8  (1 of them candidates, kept on a second look)
  active                      5
  active_again                1
  admin                       1
  allowlisted                 1

guard refused: max_removals (found 3, limit 2, DORMANT_MAX_REMOVALS)
  3 accounts would be removed, and one run may remove 2

warning: allowlist_near_match
  the allowlist's entry "alcie" matches nobody, and is nearly the same as "alice" (id "17"), who is
  kept: correct it, or take it out

Failed: removed 1 of 3 accounts (1 kept on a second look, 1 failed).
  error: removals ended early: signed out
The next run reads the directory anew and decides again about what is left.
`
	if got := write(t, Table, r); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestTableOfUnreadDirectory(t *testing.T) {
	r := unread
	r.Accounts = sample("run", false, job.Failed, job.NotAttempted).Accounts
	got := write(t, Table, r)
	if strings.Contains(got, "candidate") || strings.Contains(got, "USERNAME") || !strings.Contains(got, "\nread before it ended          7\n") {
		t.Errorf("got\n%s", got)
	}
}

func TestTableNotesWhatWasGone(t *testing.T) {
	r := sample("run", false, job.Completed, job.AlreadyGone)
	account(&r, 0).Error = "remove user: 404"
	if got, want := write(t, Table, r), "already_gone\n      note: remove user: 404\n"; !strings.Contains(got, want) {
		t.Errorf("no %q in\n%s", want, got)
	}
}

func TestTableSaysThatNoneWasRemoved(t *testing.T) {
	got := write(t, Table, sample("run", false, job.Refused, job.NotAttempted))
	if want := "\n  removed                     0\n  not_attempted               1\nkept "; !strings.Contains(got, want) {
		t.Errorf("no %q in\n%s", want, got)
	}
}

func TestTableOfDryRunSaysSo(t *testing.T) {
	r := sample("audit", true, job.DryRun, job.WouldRemove)
	r.Refusals = []job.Refusal{refusal}
	got := write(t, Table, r)
	for _, want := range []string{"dormant audit, DRY RUN: ", "would_remove\n", "\n  would_remove                1\n", "\nguard would refuse: max_removals "} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in\n%s", want, got)
		}
	}
}

func TestTableFitsTheTerminal(t *testing.T) {
	r := sample("run", false, job.Refused, job.NotAttempted, job.NotAttempted)
	r.URL = "https://" + strings.Repeat("x", 60) + ".example.com"
	a := account(&r, 0)
	a.ID, a.Username, a.Email = "f47ac10b-58cc-4372-a567-0e02b2c3d479", strings.Repeat("田", 40), strings.Repeat("é", 300)
	a.InactiveDays = new(9999)
	a.Reason = job.LastLoginUnknown
	got := write(t, Table, r)
	for line := range strings.Lines(got) {
		if n := width(strings.TrimSuffix(line, "\n")); n > tableColumns {
			t.Errorf("%d columns: %s", n, line)
		}
	}
	if !strings.Contains(got, "\nf47ac10b-58cc…  田田田田田田…   éééééé") {
		t.Errorf("got\n%s", got)
	}
}

func TestCut(t *testing.T) {
	for _, tt := range []struct {
		in      string
		columns int
		want    string
	}{
		{"abcd", 5, "abcd"},
		{"abcde", 5, "abcde"},
		{"abcdef", 5, "abcd…"},
		{"田中", 4, "田中"},
		{"田中太", 5, "田中…"},
		{"田中太", 4, "田…"},
		{"👍👍", 3, "👍…"},
		{"ＡＢ", 3, "Ａ…"},
	} {
		if got := truncate(tt.in, tt.columns); got != tt.want {
			t.Errorf("cut(%q, %d) = %q, want %q", tt.in, tt.columns, got, tt.want)
		}
	}
}

func TestWrap(t *testing.T) {
	for in, want := range map[string]string{
		"":                     "",
		"one":                  "  one",
		"one two 3":            "  one two\n  3",
		"one two3":             "  one\n  two3",
		"a averylongword here": "  a\n  averylongword\n  here",
	} {
		if got := wrap(in, "  ", 9); got != want {
			t.Errorf("wrap(%q) = %q, want %q", in, got, want)
		}
	}
}
