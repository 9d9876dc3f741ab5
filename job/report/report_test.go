package report

import (
	"bytes"
	"errors"
	"io"
	"os"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
	"unicode"

	"dormant/job"
)

// hostile is what a directory may hold as a name: an escape sequence, a turn of
// the writing direction, a C1 control character, a line's end and bad UTF-8.
const hostile = "<script>\x1b[2J\u202e\u009b31m\r\n\x00\xff&"

const hostileVisible = `<script>\x1b[2J\u202e\u009b31m\r\n\x00\xff&`

var start = time.Date(2026, 5, 1, 3, 0, 0, 0, time.UTC)

// sample is a run over 10 accounts of which 3 are candidates.
func sample(command string, dryRun bool, outcome job.Outcome, results ...job.Result) job.Report {
	accounts := []job.Account{
		{ID: "17", Username: "alice", Email: "alice@example.com", Reason: job.Inactive, LastLogin: before(412), InactiveDays: new(412)},
		{ID: "4", Username: "bob", Email: "bob@example.com", Reason: job.NeverLoggedIn, InactiveDays: new(400)},
		{ID: "b3", Username: "claire", Reason: job.Inactive, LastLogin: before(91), InactiveDays: new(91)},
	}
	accounts = accounts[:len(results)]
	for i, result := range results {
		accounts[i].Action, accounts[i].Result = job.Remove, result
	}
	return job.Report{
		RunID: "r1", Command: command, DryRun: dryRun, Outcome: outcome, Profile: "itflex", URL: "https://example.com/api",
		StartedAt: start, FinishedAt: start.Add(time.Minute), Cutoff: *before(90), Planned: true, Accounts: job.ListAccounts(accounts...),
		Counts: job.Counts{Scanned: 10, Candidates: len(accounts), Kept: map[job.Reason]int{job.Active: 5, job.Admin: 1, job.Allowlisted: 1}},
	}
}

// account is the account with the index, to be changed.
func account(r *job.Report, i int) *job.Account {
	accounts := r.Accounts.List()
	r.Accounts = job.ListAccounts(accounts...)
	return &accounts[i]
}

// disabling is the run as one that disables accounts unused for so many days: if
// it is as long as the cutoff, it removes none.
func disabling(r job.Report, days int) job.Report {
	r.DisableCutoff = before(days)
	for i, a := range r.Accounts.All() {
		if a.Result == job.Disabled || a.Result == job.WouldDisable || days == 90 {
			account(&r, i).Action = job.Disable
		}
	}
	return r
}

// waiting is the run with accounts in grace behind its candidates, each removable in so many days.
func waiting(r job.Report, days ...int) job.Report {
	accounts := r.Accounts.List()
	for i, n := range days {
		accounts = append(accounts, job.Account{
			ID: "g" + string(rune('1'+i)), Username: "dora", Email: "dora@example.com", LastLogin: before(300), InactiveDays: new(300),
			Action: job.Keep, Reason: job.InGrace, Result: job.Kept, RemovableAt: before(-n),
		})
		r.Counts.Kept[job.InGrace]++
	}
	r.Accounts = job.ListAccounts(accounts...)
	return r
}

// foretold is the run with a warning that a guard will refuse those in grace.
func foretold(r job.Report) job.Report {
	r.Warnings = append(r.Warnings, job.Warning{
		Code: job.WarnGraceRefusal, Subject: "DORMANT_MAX_REMOVALS", Message: "of the accounts in grace, 2 fall due on 2026-05-15, and max_removals will refuse",
	})
	return r
}

func before(days int) *time.Time { return new(start.AddDate(0, 0, -days)) }

var (
	warning = job.Warning{
		Code: job.WarnAllowlistNearMatch, Subject: "alcie",
		Message: `the allowlist's entry "alcie" matches nobody, and is nearly the same as "alice" (id "17"), who is kept: correct it, or take it out`,
	}
	refusal = job.Refusal{
		Guard: "max_removals", Found: 3, Allowed: 2, Variable: "DORMANT_MAX_REMOVALS",
		Message: "3 accounts would be removed, and one run may remove 2",
	}
	unread = job.Report{
		Command: "run", Outcome: job.Failed, StartedAt: start, FinishedAt: start, Cutoff: *before(90),
		Counts: job.Counts{Scanned: 7}, Err: errors.New("list users: page 3: 502"), Error: "list users: page 3: 502",
	}
)

func write(t *testing.T, format string, r job.Report) string {
	t.Helper()
	var b bytes.Buffer
	if err := Write(&b, format, r); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestWriteUnknownFormat(t *testing.T) {
	err := Write(io.Discard, "pdf", job.Report{})
	if err == nil || !strings.Contains(err.Error(), `"pdf": use table, json, csv, html`) {
		t.Errorf("got %v", err)
	}
}

func TestWriteToFullDisk(t *testing.T) {
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Skip(err)
	}
	defer full.Close()
	small := sample("run", false, job.Completed, job.Removed)
	large := small
	for range 1000 {
		large.Accounts = job.ListAccounts(append(large.Accounts.List(), small.Accounts.List()...)...)
	}
	for _, format := range formats {
		for name, r := range map[string]job.Report{"small": small, "large": large} {
			if err := Write(full, format, r); !errors.Is(err, syscall.ENOSPC) {
				t.Errorf("%s, %s: got %v, want that there is no space", format, name, err)
			}
		}
	}
}

func TestHostileTextIsMadeVisible(t *testing.T) {
	r := sample("run", false, job.Failed, job.NotRemoved)
	r.Profile, r.URL, r.RunID, r.Error = hostile, hostile, hostile, hostile
	r.Counts.Kept[hostile] = 1
	a := account(&r, 0)
	a.ID, a.Username, a.Email, a.Error, a.Reason = hostile, hostile, hostile, hostile, hostile
	r.Refusals = []job.Refusal{{Guard: hostile, Variable: hostile, Message: hostile}}
	for _, format := range formats {
		text := write(t, format, r)
		if format == CSV {
			text = strings.ReplaceAll(text, "\r\n", "\n")
		}
		for _, c := range text {
			if !unicode.IsPrint(c) && c != '\n' {
				t.Errorf("%s holds %q", format, c)
			}
		}
	}
	if text := write(t, CSV, r); !strings.Contains(text, hostileVisible) || strings.Count(text, "\n") != 2 {
		t.Errorf("got %q", text)
	}
}

func TestDryRunNeverSaysDone(t *testing.T) {
	for _, tt := range []struct {
		report job.Report
		done   string
	}{
		{sample("run", true, job.DryRun, job.WouldRemove, job.WouldRemove), "removed"},
		{disabling(sample("run", true, job.DryRun, job.WouldDisable, job.WouldDisable), 90), "disabled"},
		{disabling(sample("run", true, job.DryRun, job.WouldRemove, job.WouldDisable), 45), "removed or disabled"},
		{disabling(sample("run", true, job.DryRun), 45), "removed or disabled"},
	} {
		for _, refusals := range [][]job.Refusal{nil, {refusal}} {
			r := tt.report
			r.Refusals = refusals
			for _, format := range []string{Table, CSV, HTML} {
				text := strings.Join(strings.Fields(strings.ToLower(write(t, format, r))), " ")
				if format != CSV && !strings.Contains(text, "dry run: nothing was "+tt.done+".") {
					t.Errorf("%s does not say that nothing was %s:\n%s", format, tt.done, text)
				}
				for _, harmless := range []string{
					"nothing was " + tt.done, "would be removed, 1 disabled", "would be " + tt.done, "should be " + tt.done, "would be removed", "would be disabled",
					"removed by a real run", "disabled by a real run",
				} {
					text = strings.ReplaceAll(text, harmless, "")
				}
				if strings.Contains(text, "removed") || strings.Contains(text, "disabled") {
					t.Errorf("%s says that it was done:\n%s", format, text)
				}
			}
		}
	}
}

// Each of a run's words is right for what it does.
func TestWordsOfARun(t *testing.T) {
	for format, words := range map[string][][3]string{ // of a run that removes, disables, does both
		HTML: {
			{"real run, removes accounts", "real run, disables accounts", "real run, removes and disables accounts"},
			{"selected for removal by", "selected for disabling by", "selected for removal or disabling by"},
			{"not confirmed as removed", "not confirmed as done", "not confirmed as done"},
			{"<th>Reason", "<th>Action</th><th>Reason", "<th>Action</th><th>Reason"},
			{`colspan="6"`, `colspan="7"`, `colspan="7"`},
			{"2026-01-31 03:00:00 UTC (90 days", "2026-01-31 03:00:00 UTC (90 days", "Cutoff to disable</dt><dd>2026-03-17 03:00:00 UTC (45 days before the start)"},
		},
		Table: {
			{"DAYS  REASON", "DAYS  ACTION   REASON", "DAYS  ACTION   REASON"},
			{"(90 days ago)\n", "cutoff 2026-01-31T03:00:00Z (90 days ago)\n", "(90 days ago), to disable 2026-03-17T03:00:00Z (45 days ago)\n"},
			{"\n  removed                     0\n  failed ", "\n  disabled                    1\n  failed ", "\n  removed                     0\n  disabled                    1\n  failed "},
			{"error: 500", "note: unanswered\n", "note: unanswered\n"},
		},
	} {
		for i, r := range []job.Report{
			sample("run", false, job.Partial, job.NotRemoved, job.NotRemoved),
			disabling(sample("run", false, job.Partial, job.Disabled, job.NotRemoved), 90),
			disabling(sample("run", false, job.Partial, job.Disabled, job.NotRemoved), 45),
		} {
			account(&r, 1).Error = "500"
			if i > 0 {
				account(&r, 0).Error = "unanswered"
			}
			text := write(t, format, r)
			for _, word := range words {
				if !strings.Contains(text, word[i]) {
					t.Errorf("%s: no %q in\n%s", format, word[i], text)
				}
			}
			if other := "disable"; i == 0 && strings.Contains(strings.ToLower(text), other) {
				t.Errorf("%s: %q in\n%s", format, other, text)
			}
		}
	}
}

func TestABoundIsShown(t *testing.T) {
	r := sample("run", false, job.Completed, job.Removed)
	changed := account(&r, 0)
	changed.LastLogin, changed.NotAfter = nil, before(412)
	for format, want := range map[string]string{Table: "  before 2025-03-15   412  inactive", HTML: ">before 2025-03-15 03:00:00<", CSV: "alice@example.com,,412,remove"} {
		if got := write(t, format, r); !strings.Contains(got, want) {
			t.Errorf("%s: no %q in\n%s", format, want, got)
		}
	}
}

// Accounts in grace are shown, and are counted as kept, and as no candidates.
func TestInGrace(t *testing.T) {
	r := waiting(disabling(sample("run", false, job.Completed, job.Removed, job.Kept), 45), 14, 3)
	changed := account(&r, 1)
	changed.Reason, changed.Action = job.ActiveAgain, job.Keep
	r.Counts.Kept[job.ActiveAgain] = 1
	for format, want := range map[string][]string{
		Table: {
			"ACTION  REASON        RESULT   REMOVABLE\n17  alice     alice@example.com  2025-03-15   412  remove  inactive      removed\n",
			"300  keep    in_grace      kept     2026-05-15\n", "300  keep    in_grace      kept     2026-05-04\n",
			"candidates                    2\n  removed                     1\n  disabled                    0\n  kept                        1\nkept                         10  (1 of them candidates, kept on a second look)\n",
			"  in_grace                    2\n",
			"Done: removed 1 and disabled 0 of 2 accounts (1 kept on a second look).\nIn grace: 2 accounts, the first removable from 2026-05-04T03:00:00Z unless used before. Due: 1 on\n2026-05-04, 1 on 2026-05-15.\n",
		},
		CSV: {
			"result,error,removable_at\r\n17,", ",removed,,\r\n", "300,keep,in_grace,kept,,2026-05-15T03:00:00Z\r\n", ",in_grace,kept,,2026-05-04T03:00:00Z\r\n",
		},
		JSON: {
			"\"result\": \"removed\",\n      \"error\": \"\"\n    }", "\"result\": \"kept\",\n      \"error\": \"\",\n      \"removable_at\": \"2026-05-15T03:00:00Z\"\n", `"removable_at": "2026-05-04T03:00:00Z"`,
		},
		HTML: {
			"<p>In grace: 2 accounts, the first removable from 2026-05-04T03:00:00Z unless used before. Due: 1 on 2026-05-04, 1 on 2026-05-15.</p>", "<h2>In grace</h2>",
			`<td class="number">300</td>` + "\n" + `<td class="whole">2026-05-15 03:00:00</td></tr>`, `<td class="whole">2026-05-04 03:00:00</td></tr>`,
			`<th>kept</th><td class="number">10</td><td class="meaning">1 of them candidates`, `<th>in_grace</th><td class="number">2</td><td class="meaning">unused, and first found so not long enough ago<`,
			`<th>candidates</th><td class="number">2</td>`,
		},
	} {
		text := write(t, format, r)
		for _, want := range want {
			if !strings.Contains(text, want) {
				t.Errorf("%s: no %q in\n%s", format, want, text)
			}
		}
		if format == HTML && strings.Count(text, "dora@example.com") != 2 {
			t.Errorf("not each once in\n%s", text)
		}
		r := r
		r.Accounts = r.Accounts.Slice(0, 2)
		for _, word := range []string{"GRACE", "REMOVABLE"} {
			r.Counts.Kept = map[job.Reason]int{job.ActiveAgain: 1}
			if text := strings.ToUpper(write(t, format, r)); strings.Contains(text, word) {
				t.Errorf("%s: %s of nobody in\n%s", format, word, text)
			}
		}
	}
}

func TestTableOfGraceFitsTheTerminal(t *testing.T) {
	r := waiting(disabling(sample("run", false, job.Completed), 45), 14)
	changed := account(&r, 0)
	changed.Email, changed.Username, changed.LastLogin, changed.NotAfter = strings.Repeat("x", 200), strings.Repeat("y", 200), nil, before(300)
	var text strings.Builder
	if err := WriteTable(&text, r, 100); err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(text.String()) {
		if n := width(strings.TrimSuffix(line, "\n")); n > 100 {
			t.Errorf("%d columns: %s", n, line)
		}
	}
}

// TestExtrasAreShown: what goes with an account is said where people look, unless
// nobody is removed.
func TestExtrasAreShown(t *testing.T) {
	const text = "a removal also destroys the repositories (DORMANT_PARAMS=purge=true)"
	for _, format := range []string{"table", "html", "json"} {
		for _, row := range []struct {
			name string
			edit func(job.Report) job.Report
			want bool
		}{
			{"on", func(r job.Report) job.Report { return r }, true},
			{"off", func(r job.Report) job.Report { r.Extras = nil; return r }, false},
			{"nobody is removed", func(r job.Report) job.Report {
				r = disabling(r, 30)
				r.DisableCutoff = &r.Cutoff
				return r
			}, format == "json"},
		} {
			r := sample("audit", true, job.DryRun, job.WouldRemove)
			r.Extras = map[string]string{"purge": "also destroys the repositories"}
			got := strings.Join(strings.Fields(tags.ReplaceAllString(write(t, format, row.edit(r)), "")), " ")
			wanted := strings.ToLower(text)
			if format == "json" {
				wanted = `"extras": { "purge": "also destroys the repositories" }`
			}
			if strings.Contains(strings.ToLower(got), wanted) != row.want {
				t.Errorf("%s, %s: says so: %t, want %t:\n%.300s", format, row.name, !row.want, row.want, got)
			}
		}
	}
}

var tags = regexp.MustCompile(`<[^>]*>`)
