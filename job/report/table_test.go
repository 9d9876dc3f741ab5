package report

import (
	"slices"
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

// On a terminal, columns give way until the rows fit; an id is whole at any width. In a pipe
// nothing is cut.
func TestTableFitsTheTerminal(t *testing.T) {
	const id = "f47ac10b-58cc-4372-a567-0e02b2c3d479"
	long := sample("run", false, job.Refused, job.NotAttempted, job.NotAttempted)
	long.URL = "https://" + strings.Repeat("x", 20) + ".example.com"
	a := account(&long, 0)
	a.ID, a.Username, a.Email = id, strings.Repeat("田", 40), strings.Repeat("é", 300)
	a.InactiveDays = new(9999)
	a.Reason = job.LastLoginUnknown
	same := sample("run", false, job.Refused, job.NotAttempted)
	a = account(&same, 0)
	a.ID, a.Username, a.Email = id, "alice.carpenter@example.com", "alice.carpenter@example.com"
	for _, tt := range []struct {
		what    string
		r       job.Report
		columns int
		titles  string
		row     string // a part of it
	}{
		{"a pipe", long, 0, "ID USERNAME EMAIL LAST LOGIN DAYS REASON RESULT", id + "  " + strings.Repeat("田", 40) + "  " + strings.Repeat("é", 300) + "  2025-03-15  9999  last_login_unknown  not_attempted"},
		{"a wide terminal", long, 150, "ID USERNAME EMAIL LAST LOGIN DAYS REASON RESULT", id + "  田"},
		{"120 columns", long, 120, "ID USERNAME EMAIL LAST LOGIN DAYS REASON RESULT", id + "  田田田田田田…  ééééééééééééé…  2025-03-15  9999"},
		{"80 columns", long, 80, "ID USERNAME LAST LOGIN RESULT", id + "  田"},
		{"60 columns", long, 60, "ID RESULT", id + "  not_attempted"},
		{"fewer than an id has", long, 20, "ID RESULT", id + "  not_attempted"},
		{"a repeated column", same, 110, "ID USERNAME LAST LOGIN DAYS REASON RESULT", id + "  alice.carpenter@example.com  2025-03-15"},
		{"room for a repeated column", same, 150, "ID USERNAME EMAIL LAST LOGIN DAYS REASON RESULT", id + "  alice.carpenter@example.com  alice.carpenter@example.com"},
	} {
		t.Run(tt.what, func(t *testing.T) {
			var text strings.Builder
			if err := WriteTable(&text, tt.r, tt.columns); err != nil {
				t.Fatal(err)
			}
			lines := strings.Split(text.String(), "\n")
			i := slices.IndexFunc(lines, func(line string) bool { return strings.HasPrefix(line, "ID ") })
			if got := strings.Join(strings.Fields(lines[i]), " "); got != tt.titles || !strings.Contains(lines[i+1], tt.row) {
				t.Errorf("titles %q\n%s", got, text.String())
			}
			for _, line := range lines {
				if n := width(line); tt.columns >= 60 && n > tt.columns {
					t.Errorf("%d columns: %s", n, line)
				}
			}
		})
	}
}

// A terminal gets a screen of accounts, and is told where the others are.
func TestTableOfManyAccounts(t *testing.T) {
	r := sample("audit", true, job.DryRun)
	r.Accounts = job.ListAccounts(slices.Repeat([]job.Account{{ID: "1", Email: "a@example.com", Action: job.Remove, Reason: job.Inactive, Result: job.WouldRemove}}, 50)...)
	for columns, rows := range map[int]int{0: 50, 100: 20} {
		var text strings.Builder
		if err := WriteTable(&text, r, columns); err != nil {
			t.Fatal(err)
		}
		if n := strings.Count(text.String(), "@example.com"); n != rows {
			t.Errorf("%d columns: %d rows, want %d", columns, n, rows)
		}
		if strings.Contains(text.String(), "and 30 more: DORMANT_REPORT=") != (columns > 0) {
			t.Error(text.String())
		}
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
