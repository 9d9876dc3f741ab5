// Package report writes the report of a run: as a table for a terminal, as JSON and CSV
// for programs, and as an HTML page to keep as evidence. The data of accounts is not
// trusted: no format passes on control characters, formulas or markup that a terminal, a
// spreadsheet or a browser would act on.
package report

import (
	"bufio"
	"cmp"
	"fmt"
	"io"
	"slices"
	"sort"
	"strings"
	"time"

	"dormant/job"
)

// The formats.
const (
	Table = "table"
	JSON  = "json"
	CSV   = "csv"
	HTML  = "html"
)

// formats are the formats that Write accepts.
var formats = []string{Table, JSON, CSV, HTML}

var writers = map[string]func(*bufio.Writer, job.Report) error{
	Table: func(b *bufio.Writer, r job.Report) error { return WriteTable(b, r, 0) },
	JSON:  writeJSON,
	CSV:   writeCSV,
	HTML:  writeHTML,
}

// Write writes the report to w in one of the formats. After an error w may contain a part
// of the report.
func Write(w io.Writer, format string, r job.Report) error {
	write, ok := writers[format]
	if !ok {
		return fmt.Errorf("unknown report format %q: use %s", format, strings.Join(formats, ", "))
	}
	// A bufio.Writer keeps its first error for Flush, so the formats need not check each
	// write.
	b := bufio.NewWriter(w)
	err := write(b, r)
	if err == nil {
		err = b.Flush()
	}
	if err != nil {
		return fmt.Errorf("write report as %s: %w", format, err)
	}
	return nil
}

// namedCount is a number of accounts and what they have in common: a result or a reason.
type namedCount struct {
	Name string
	N    int
}

// disables reports whether the policy of the run disables accounts, and removes whether
// it removes accounts.
func disables(r job.Report) bool { return r.DisableCutoff != nil }

// watchedSince is since when the runs have read a log of logins without a gap; nil where
// nothing depends on that.
func watchedSince(r job.Report) *time.Time {
	if r.Ledger == nil {
		return nil
	}
	return r.Ledger.WatchedSince
}

func removes(r job.Report) bool { return !disables(r) || !r.DisableCutoff.Equal(r.Cutoff) }

// byAction returns the text for what the policy of the run does.
func byAction(r job.Report, removing, disabling, both string) string {
	switch {
	case !disables(r):
		return removing
	case !removes(r):
		return disabling
	}
	return both
}

// participle is byAction for what may have been done to an account.
func participle(r job.Report) string {
	return byAction(r, "removed", "disabled", "removed or disabled")
}

// resultCounts counts the candidates by result. The main results for the kind of run come
// first, even if they are 0; other zeros are left out.
func resultCounts(r job.Report) []namedCount {
	shown := map[job.Result]bool{
		job.WouldRemove: r.DryRun && removes(r), job.WouldDisable: r.DryRun && disables(r),
		job.Removed: !r.DryRun && removes(r), job.Disabled: !r.DryRun && disables(r),
	}
	var totals []namedCount
	for _, result := range []job.Result{
		job.WouldRemove, job.WouldDisable, job.Removed, job.Disabled, job.Accepted, job.RefusedByDirectory, job.AlreadyGone, job.Kept, job.NotRemoved, job.NotAttempted,
	} {
		if n := count(r, result); n > 0 || shown[result] {
			totals = append(totals, namedCount{string(result), n})
		}
	}
	return totals
}

// candidates returns the accounts of a report without those in grace. inGrace returns
// those in grace, which are kept and follow the candidates.
func candidates(r job.Report) job.Accounts { return r.Accounts.Slice(0, firstInGrace(r)) }

func inGrace(r job.Report) job.Accounts { return r.Accounts.Slice(firstInGrace(r), r.Accounts.Len()) }

func firstInGrace(r job.Report) int {
	return sort.Search(r.Accounts.Len(), func(i int) bool { return r.Accounts.Status(i).Reason == job.InGrace })
}

// hasExemptions reports whether the allowlist says of an exempt account until when it is,
// whose it is, or why.
func hasExemptions(r job.Report) bool {
	for _, a := range r.Exempt.All() {
		if a.Until != "" || a.Owner != "" || a.Note != "" {
			return true
		}
	}
	return false
}

// removableAt formats the end of the grace, or returns "" if the account is not in grace.
func removableAt(a job.Account, layout string) string {
	if a.RemovableAt == nil {
		return ""
	}
	return a.RemovableAt.UTC().Format(layout)
}

// count returns how many candidates have the result.
func count(r job.Report, result job.Result) int {
	n := 0
	for status := range candidates(r).Statuses() {
		if status.Result == result {
			n++
		}
	}
	return n
}

// keptByReason counts kept accounts by reason, the most frequent reason first.
func keptByReason(r job.Report) []namedCount {
	var totals []namedCount
	for reason, n := range r.Counts.Kept {
		totals = append(totals, namedCount{string(reason), n})
	}
	slices.SortFunc(totals, func(a, b namedCount) int {
		return cmp.Or(cmp.Compare(b.N, a.N), cmp.Compare(a.Name, b.Name))
	})
	return totals
}

func sum(totals []namedCount) int {
	n := 0
	for _, t := range totals {
		n += t.N
	}
	return n
}

// daysAgo returns how many whole days before the run the cutoff is.
func daysAgo(r job.Report, cutoff time.Time) int {
	return int(r.StartedAt.Sub(cutoff).Hours() / 24)
}

func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
