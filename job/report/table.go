package report

import (
	"bufio"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"dormant/job"
)

const (
	tableColumns = 100 // the width of the table in terminal columns
	gap          = "  "
)

// writeTable writes the report for a terminal. It has no colours, and one fixed word for
// each state, so that two runs can be compared line by line.
func writeTable(b *bufio.Writer, r job.Report) error {
	writeHeading(b, r)
	if r.Planned {
		writeAccounts(b, r)
	}
	writeCounts(b, r)
	writeRefusals(b, r)
	writeWarnings(b, r)
	writeConclusion(b, conclude(r))
	return nil
}

func writeHeading(b *bufio.Writer, r job.Report) {
	mode := "REAL RUN"
	if r.DryRun {
		mode = "DRY RUN"
	}
	heading := paragraph(fmt.Sprintf("dormant %s, %s: %s at %s,", r.Command, mode, r.Profile, r.URL), "")
	cutoff := "cutoff " + withAge(r, r.Cutoff)
	if disables(r) && removes(r) {
		cutoff += ", to disable " + withAge(r, *r.DisableCutoff)
	}
	between := " "
	if width(heading)+1+width(cutoff) > tableColumns {
		between = "\n"
	}
	fmt.Fprintln(b, heading+between+cutoff)
	if !removes(r) {
		return
	}
	for _, name := range slices.Sorted(maps.Keys(r.Extras)) {
		fmt.Fprintln(b, paragraph(fmt.Sprintf("a removal %s (DORMANT_PARAMS=%s=true)", r.Extras[name], name), ""))
	}
}

func withAge(r job.Report, cutoff time.Time) string {
	return fmt.Sprintf("%s (%s ago)", cutoff.UTC().Format(time.RFC3339), plural(daysAgo(r, cutoff), "day"))
}

// column is a column of the table. The cells of one that shrinks may be truncated.
type column struct {
	title   string
	cell    func(job.Account) string
	right   bool
	shrinks bool
	width   int
}

func columns(r job.Report) []column {
	all := []column{
		{title: "ID", cell: func(a job.Account) string { return a.ID }, shrinks: true},
		{title: "USERNAME", cell: func(a job.Account) string { return a.Username }, shrinks: true},
		{title: "EMAIL", cell: func(a job.Account) string { return a.Email }, shrinks: true},
		{title: "LAST LOGIN", cell: lastLoginDate},
		{title: "DAYS", cell: inactiveDays, right: true},
		{title: "ACTION", cell: func(a job.Account) string { return string(a.Action) }},
		{title: "REASON", cell: func(a job.Account) string { return string(a.Reason) }},
		{title: "RESULT", cell: func(a job.Account) string { return string(a.Result) }},
	}
	if inGrace(r).Len() > 0 {
		all = append(all, column{title: "REMOVABLE", cell: func(a job.Account) string { return removableAt(a, time.DateOnly) }})
	}
	if !disables(r) { // there is only one action
		all = slices.DeleteFunc(all, func(c column) bool { return c.title == "ACTION" })
	}
	return all
}

func lastLoginDate(a job.Account) string {
	switch {
	case a.LastLogin != nil:
		return a.LastLogin.UTC().Format(time.DateOnly)
	case a.NotAfter != nil:
		return "before " + a.NotAfter.UTC().Format(time.DateOnly)
	}
	return "never"
}

func inactiveDays(a job.Account) string {
	if a.InactiveDays == nil {
		return "-"
	}
	return strconv.Itoa(*a.InactiveDays)
}

func writeAccounts(b *bufio.Writer, r job.Report) {
	if r.Accounts.Len() == 0 {
		return
	}
	cols := columns(r)
	for i, c := range cols {
		cols[i].width = width(c.title)
	}
	for _, a := range r.Accounts.All() {
		for i, c := range cols {
			cols[i].width = max(c.width, width(job.Printable(c.cell(a))))
		}
	}
	fitWidth(cols)

	fmt.Fprintln(b)
	writeRow(b, cols, func(c column) string { return c.title })
	for _, a := range r.Accounts.All() {
		writeRow(b, cols, func(c column) string { return job.Printable(c.cell(a)) })
		if a.Error != "" {
			label := "error: "
			if slices.Contains([]job.Result{job.AlreadyGone, job.Disabled, job.Kept}, a.Result) {
				label = "note: "
			} else if a.Result == job.RefusedByDirectory {
				label = "refused: "
			}
			fmt.Fprintln(b, paragraph(label+a.Error, "      "))
		}
	}
}

// fitWidth narrows the widest column that shrinks until the table has tableColumns.
func fitWidth(cols []column) {
	total := len(gap) * (len(cols) - 1)
	var shrinking []*column
	for i := range cols {
		total += cols[i].width
		if cols[i].shrinks {
			shrinking = append(shrinking, &cols[i])
		}
	}
	for ; total > tableColumns; total-- {
		widest := slices.MaxFunc(shrinking, func(a, b *column) int { return a.width - b.width })
		if widest.width <= width(widest.title) {
			return
		}
		widest.width--
	}
}

func writeRow(b *bufio.Writer, cols []column, text func(column) string) {
	var line strings.Builder
	for i, c := range cols {
		if i > 0 {
			line.WriteString(gap)
		}
		cell := truncate(text(c), c.width)
		padding := strings.Repeat(" ", c.width-width(cell))
		if c.right {
			line.WriteString(padding + cell)
		} else {
			line.WriteString(cell + padding)
		}
	}
	fmt.Fprintln(b, strings.TrimRight(line.String(), " "))
}

func writeCounts(b *bufio.Writer, r job.Report) {
	fmt.Fprintln(b)
	if !r.Planned {
		writeTotal(b, "", namedCount{"read before it ended", r.Counts.Scanned}, "")
		return
	}
	writeTotal(b, "", namedCount{"scanned", r.Counts.Scanned}, "")
	writeTotal(b, "", namedCount{"candidates", r.Counts.Candidates}, "")
	for _, t := range resultCounts(r) {
		writeTotal(b, gap, t, "")
	}
	kept, note := keptByReason(r), ""
	if again := count(r, job.Kept); again > 0 {
		note = fmt.Sprintf("  (%d of them candidates, kept on a second look)", again)
	}
	writeTotal(b, "", namedCount{"kept", sum(kept)}, note)
	for _, t := range kept {
		writeTotal(b, gap, t, "")
	}
}

func writeTotal(b *bufio.Writer, indent string, t namedCount, note string) {
	fmt.Fprintf(b, "%-22s %8d%s\n", indent+job.Printable(t.Name), t.N, note)
}

func writeRefusals(b *bufio.Writer, r job.Report) {
	verb := "guard refused"
	if r.DryRun {
		verb = "guard would refuse"
	}
	for _, refusal := range r.Refusals {
		fmt.Fprintf(b, "\n%s: %s (found %d, limit %d, %s)\n", verb,
			job.Printable(refusal.Guard), refusal.Found, refusal.Allowed, job.Printable(refusal.Variable))
		fmt.Fprintln(b, paragraph(refusal.Message, gap))
	}
}

func writeWarnings(b *bufio.Writer, r job.Report) {
	for _, warning := range r.Warnings {
		fmt.Fprintf(b, "\nwarning: %s\n%s\n", warning.Code, paragraph(warning.Message, gap))
	}
}

func writeConclusion(b *bufio.Writer, c conclusion) {
	fmt.Fprintln(b)
	fmt.Fprintln(b, paragraph(c.Outcome, ""))
	if c.Grace != "" {
		fmt.Fprintln(b, paragraph(c.Grace, ""))
	}
	if c.Cause != "" {
		fmt.Fprintln(b, paragraph("error: "+c.Cause, gap))
	}
	if c.Next != "" {
		fmt.Fprintln(b, paragraph(c.Next, ""))
	}
}

func paragraph(s, indent string) string {
	return wrap(job.Printable(s), indent, tableColumns)
}

// Conclude writes only the refusals of the guards and how the run ended.
func Conclude(w io.Writer, r job.Report) error {
	b := bufio.NewWriter(w)
	writeRefusals(b, r)
	writeWarnings(b, r)
	writeConclusion(b, conclude(r))
	return b.Flush()
}
