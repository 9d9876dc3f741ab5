// Package report writes what people read about a run: a table for a terminal,
// JSON and CSV for programs, and a page of HTML to keep as evidence. What it is
// told of accounts is other people's data, so no format passes on a control
// character, a formula or markup that could act on whoever reads it.
package report

import (
	"bufio"
	"cmp"
	"fmt"
	"io"
	"slices"
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

// formats are those that a report can be written in.
var formats = []string{Table, JSON, CSV, HTML}

var writers = map[string]func(*bufio.Writer, job.Report) error{
	Table: writeTable,
	JSON:  writeJSON,
	CSV:   writeCSV,
	HTML:  writeHTML,
}

// Write writes the report to w in the format, one of formats. An error means
// that w may hold a part of it.
func Write(w io.Writer, format string, r job.Report) error {
	write, ok := writers[format]
	if !ok {
		return fmt.Errorf("unknown report format %q: use %s", format, strings.Join(formats, ", "))
	}
	// A bufio.Writer keeps its first error for Flush, so the formats need not
	// look at each line's.
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

// total is how many accounts there are of a kind.
type total struct {
	Name string
	N    int
}

// disables reports whether the run is one that disables accounts, and removes
// whether it is one that removes them.
func disables(r job.Report) bool { return r.DisableCutoff != nil }

func removes(r job.Report) bool { return !disables(r) || !r.DisableCutoff.Equal(r.Cutoff) }

// choose is the word for what the run does.
func choose(r job.Report, removing, disabling, both string) string {
	switch {
	case !disables(r):
		return removing
	case !removes(r):
		return disabling
	}
	return both
}

// done is what the run may have done with an account.
func done(r job.Report) string { return choose(r, "removed", "disabled", "removed or disabled") }

// results are what became of the candidates. What matters most for the kind of
// run comes first, even if it is 0; other zeros are left out.
func results(r job.Report) []total {
	shown := map[job.Result]bool{
		job.WouldRemove: r.DryRun && removes(r), job.WouldDisable: r.DryRun && disables(r),
		job.Removed: !r.DryRun && removes(r), job.Disabled: !r.DryRun && disables(r),
	}
	var totals []total
	for _, result := range []job.Result{
		job.WouldRemove, job.WouldDisable, job.Removed, job.Disabled, job.AlreadyGone, job.Kept, job.NotRemoved, job.NotAttempted,
	} {
		if n := count(r, result); n > 0 || shown[result] {
			totals = append(totals, total{string(result), n})
		}
	}
	return totals
}

// candidates are the accounts of a report without those in grace, and inGrace are
// these: they are kept, and follow the candidates.
func candidates(r job.Report) []job.Account { return r.Accounts[:len(r.Accounts)-len(inGrace(r))] }

func inGrace(r job.Report) []job.Account {
	i := slices.IndexFunc(r.Accounts, func(a job.Account) bool { return a.Reason == job.InGrace })
	if i < 0 {
		return nil
	}
	return r.Accounts[i:]
}

// removableAt is empty if the account is not in grace.
func removableAt(a job.Account, layout string) string {
	if a.RemovableAt == nil {
		return ""
	}
	return a.RemovableAt.UTC().Format(layout)
}

// count is how many candidates have the result.
func count(r job.Report, result job.Result) int {
	n := 0
	for _, a := range candidates(r) {
		if a.Result == result {
			n++
		}
	}
	return n
}

// keptByReason has the most frequent reason first.
func keptByReason(r job.Report) []total {
	var totals []total
	for reason, n := range r.Counts.Kept {
		totals = append(totals, total{string(reason), n})
	}
	slices.SortFunc(totals, func(a, b total) int {
		return cmp.Or(cmp.Compare(b.N, a.N), cmp.Compare(a.Name, b.Name))
	})
	return totals
}

func sum(totals []total) int {
	n := 0
	for _, t := range totals {
		n += t.N
	}
	return n
}

// daysAgo is how many days before the run the cutoff lies.
func daysAgo(r job.Report, cutoff time.Time) int {
	return int(r.StartedAt.Sub(cutoff).Hours() / 24)
}

func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
