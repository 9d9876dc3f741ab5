package report

import (
	"bytes"
	"errors"
	"io"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

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
		StartedAt: start, FinishedAt: start.Add(time.Minute), Cutoff: *before(90), Planned: true, Accounts: accounts,
		Counts: job.Counts{Scanned: 10, Candidates: len(accounts), Kept: map[job.Reason]int{job.Active: 5, job.Admin: 1, job.Allowlisted: 1}},
	}
}

func before(days int) *time.Time { return new(start.AddDate(0, 0, -days)) }

var (
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
		large.Accounts = append(large.Accounts, small.Accounts...)
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
	a := &r.Accounts[0]
	a.ID, a.Username, a.Email, a.Error, a.Reason = hostile, hostile, hostile, hostile, hostile
	r.Refusals = []job.Refusal{{Guard: hostile, Variable: hostile, Message: hostile}}
	for _, format := range formats {
		text := write(t, format, r)
		if format == CSV {
			text = strings.ReplaceAll(text, "\r\n", "\n")
		}
		for _, c := range text {
			if hidden(c) && c != '\n' {
				t.Errorf("%s holds %q", format, c)
			}
		}
	}
	if text := write(t, CSV, r); !strings.Contains(text, hostileVisible) || strings.Count(text, "\n") != 2 {
		t.Errorf("got %q", text)
	}
}

func TestDryRunNeverSaysRemoved(t *testing.T) {
	for _, refusals := range [][]job.Refusal{nil, {refusal}} {
		r := sample("run", true, job.DryRun, job.WouldRemove, job.WouldRemove)
		r.Refusals = refusals
		for _, format := range []string{Table, CSV, HTML} {
			text := strings.ToLower(write(t, format, r))
			if format != CSV && !strings.Contains(text, "dry run: nothing was removed.") {
				t.Errorf("%s does not say that nothing was removed:\n%s", format, text)
			}
			for _, harmless := range []string{"nothing was removed", "would be removed", "removed by a real run"} {
				text = strings.ReplaceAll(text, harmless, "")
			}
			if strings.Contains(text, "removed") {
				t.Errorf("%s says removed:\n%s", format, text)
			}
		}
	}
}
