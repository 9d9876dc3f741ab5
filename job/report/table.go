package report

import (
	"bufio"
	"cmp"
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
	proseColumns = 100 // the most columns that sentences take
	shownRows    = 20  // of the accounts, on a terminal
	gap          = "  "
)

// WriteTable writes the report for a person. It has one fixed word for each state, so that two
// runs can be compared line by line. columns is the width of the terminal; 0 stands for a
// pipe or a file, in which each account has its line, and nothing is cut.
func WriteTable(w io.Writer, r job.Report, columns int) error {
	b := bufio.NewWriter(w)
	prose := min(cmp.Or(columns, proseColumns), proseColumns)
	writeHeading(b, r, prose)
	if r.Planned {
		writeAccounts(b, r, columns, prose)
		writeExempt(b, r, columns, prose)
	}
	writeCounts(b, r, prose)
	writeRefusals(b, r, prose)
	writeWarnings(b, r, prose)
	writeConclusion(b, conclude(r), prose)
	return b.Flush()
}

func writeHeading(b *bufio.Writer, r job.Report, prose int) {
	mode := "REAL RUN"
	if r.DryRun {
		mode = "DRY RUN"
	}
	heading := paragraph(fmt.Sprintf("dormant %s, %s: %s at %s,", r.Command, mode, r.Profile, r.URL), "", prose)
	cutoff := "cutoff " + withAge(r, r.Cutoff)
	if disables(r) && removes(r) {
		cutoff += ", to disable " + withAge(r, *r.DisableCutoff)
	}
	between := " "
	if width(heading)+1+width(cutoff) > prose {
		between = "\n"
	}
	if between == "\n" {
		cutoff = paragraph(cutoff, "", prose)
	}
	fmt.Fprintln(b, heading+between+cutoff)
	if since := watchedSince(r); since != nil {
		fmt.Fprintln(b, paragraph("the ledger knows all logins since "+withAge(r, *since), "", prose))
	}
	if !removes(r) {
		return
	}
	for _, name := range slices.Sorted(maps.Keys(r.Extras)) {
		fmt.Fprintln(b, paragraph(fmt.Sprintf("a removal %s (DORMANT_PARAMS=%s=true)", r.Extras[name], name), "", prose))
	}
}

func withAge(r job.Report, cutoff time.Time) string {
	return fmt.Sprintf("%s (%s ago)", cutoff.UTC().Format(time.RFC3339), plural(daysAgo(r, cutoff), "day"))
}

// column is a column of the table.
type column struct {
	title string
	cell  func(job.Account) string
	right bool

	// On a terminal that is too narrow, the cells of a column with a least width are truncated,
	// and then the columns are left out that can be, from the lowest number on. An id is never
	// truncated, because it is copied from here.
	least, leaves int

	width  int
	repeat bool // each cell is empty, or the same as the id's or the username's
}

func columns(r job.Report) []column {
	all := []column{
		{title: "ID", cell: func(a job.Account) string { return a.ID }},
		{title: "USERNAME", cell: func(a job.Account) string { return a.Username }, least: 12, leaves: 5},
		{title: "EMAIL", cell: func(a job.Account) string { return a.Email }, least: 12, leaves: 2},
		{title: "LAST LOGIN", cell: lastLoginDate, leaves: 6},
		{title: "DAYS", cell: inactiveDays, right: true, leaves: 1},
		{title: "ACTION", cell: func(a job.Account) string { return string(a.Action) }, leaves: 3},
		{title: "REASON", cell: func(a job.Account) string { return string(a.Reason) }, leaves: 4},
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
	case a.LoginUnknown:
		return "unknown"
	}
	return "never"
}

func inactiveDays(a job.Account) string {
	if a.InactiveDays == nil {
		return "-"
	}
	return strconv.Itoa(*a.InactiveDays)
}

func writeAccounts(b *bufio.Writer, r job.Report, terminal, prose int) {
	shown := r.Accounts
	if terminal > 0 && shown.Len() > shownRows {
		shown = shown.Slice(0, shownRows)
	}
	if shown.Len() == 0 {
		return
	}
	cols := measure(columns(r), shown)
	if terminal > 0 {
		cols = fit(cols, terminal)
	}

	fmt.Fprintln(b)
	writeRow(b, cols, func(c column) string { return c.title })
	for _, a := range shown.All() {
		writeRow(b, cols, func(c column) string { return job.Printable(c.cell(a)) })
		if a.Error != "" {
			label := "error: "
			if slices.Contains([]job.Result{job.AlreadyGone, job.Disabled, job.Kept}, a.Result) {
				label = "note: "
			} else if a.Result == job.RefusedByDirectory {
				label = "refused: "
			}
			fmt.Fprintln(b, paragraph(label+a.Error, "      ", prose))
		}
	}
	if more := r.Accounts.Len() - shown.Len(); more > 0 {
		fmt.Fprintln(b, paragraph(fmt.Sprintf("and %d more: DORMANT_REPORT=report.html writes all of them into a file", more), "", prose))
	}
}

// writeExempt writes the accounts that are kept although they were not used: the first ones,
// and how many more there are.
func writeExempt(b *bufio.Writer, r job.Report, terminal, prose int) {
	shown := r.Exempt.Slice(0, min(r.Exempt.Len(), shownRows))
	if shown.Len() == 0 {
		return
	}
	all := columns(r)
	cols := all[:0]
	for _, c := range all {
		if c.title != "ACTION" && c.title != "RESULT" && c.title != "REMOVABLE" {
			if c.title == "REASON" {
				c.leaves = 0
			}
			cols = append(cols, c)
		}
	}
	if hasExemptions(r) {
		cols = append(cols,
			column{title: "UNTIL", cell: func(a job.Account) string { return a.Until }},
			column{title: "OWNER", cell: func(a job.Account) string { return a.Owner }, least: 8, leaves: 3},
			column{title: "NOTE", cell: func(a job.Account) string { return a.Note }, least: 8, leaves: 2})
	}
	cols = measure(cols, shown)
	if terminal > 0 {
		cols = fit(cols, terminal)
	}
	fmt.Fprintln(b)
	fmt.Fprintln(b, paragraph("kept, and not used since the cutoff or of unknown use:", "", prose))
	writeRow(b, cols, func(c column) string { return c.title })
	for _, a := range shown.All() {
		writeRow(b, cols, func(c column) string { return job.Printable(c.cell(a)) })
	}
	if more := r.Exempt.Len() - shown.Len(); more > 0 {
		fmt.Fprintln(b, paragraph(fmt.Sprintf("and %d more: DORMANT_REPORT=report.html writes all of them into a file", more), "", prose))
	}
}

// lastToLeave is the greatest number of a column that can be left out.
const lastToLeave = 6

// measure sets the width of each column, and whether it repeats another one.
func measure(cols []column, accounts job.Accounts) []column {
	for i, c := range cols {
		cols[i].width = width(c.title)
		cols[i].repeat = c.least > 0
	}
	for _, a := range accounts.All() {
		for i, c := range cols {
			text := c.cell(a)
			cols[i].width = max(c.width, width(job.Printable(text)))
			repeats := text == "" || text == a.ID || c.title != "USERNAME" && text == a.Username
			cols[i].repeat = c.repeat && repeats
		}
	}
	return cols
}

// fit returns the columns that fit into the width of a terminal: without those that repeat
// others, if that is needed, then with some of them truncated, then without some.
func fit(cols []column, terminal int) []column {
	without := func(leaves func(column) bool) {
		for i := len(cols) - 1; i >= 0 && total(cols) > terminal; i-- {
			if leaves(cols[i]) {
				cols = slices.Delete(cols, i, i+1)
			}
		}
	}
	without(func(c column) bool { return c.repeat })
	for total(cols) > terminal {
		widest := -1
		for i, c := range cols {
			if c.least > 0 && c.width > c.least && (widest < 0 || c.width > cols[widest].width) {
				widest = i
			}
		}
		if widest < 0 {
			break
		}
		cols[widest].width--
	}
	for next := 1; next <= lastToLeave; next++ {
		without(func(c column) bool { return c.leaves == next })
	}
	return cols
}

// total is the width of a row.
func total(cols []column) int {
	n := len(gap) * (len(cols) - 1)
	for _, c := range cols {
		n += c.width
	}
	return n
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

func writeCounts(b *bufio.Writer, r job.Report, prose int) {
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
		if countsColumns+width(note) > prose {
			note = "\n" + paragraph(note, gap, prose)
		}
	}
	writeTotal(b, "", namedCount{"kept", sum(kept)}, note)
	for _, t := range kept {
		writeTotal(b, gap, t, "")
	}
}

// countsColumns is the width of a line that writeTotal writes, without the note.
const countsColumns = 22 + 1 + 8

func writeTotal(b *bufio.Writer, indent string, t namedCount, note string) {
	fmt.Fprintf(b, "%-22s %8d%s\n", indent+job.Printable(t.Name), t.N, note)
}

func writeRefusals(b *bufio.Writer, r job.Report, prose int) {
	verb := "guard refused"
	if r.DryRun {
		verb = "guard would refuse"
	}
	for _, refusal := range r.Refusals {
		fmt.Fprintf(b, "\n%s\n", paragraph(fmt.Sprintf("%s: %s (found %d, limit %d, %s)", verb, refusal.Guard, refusal.Found, refusal.Allowed, refusal.Variable), "", prose))
		fmt.Fprintln(b, paragraph(refusal.Message, gap, prose))
	}
}

func writeWarnings(b *bufio.Writer, r job.Report, prose int) {
	for _, warning := range r.Warnings {
		fmt.Fprintf(b, "\nwarning: %s\n%s\n", warning.Code, paragraph(warning.Message, gap, prose))
	}
}

func writeConclusion(b *bufio.Writer, c conclusion, prose int) {
	fmt.Fprintln(b)
	fmt.Fprintln(b, paragraph(c.Outcome, "", prose))
	if c.Grace != "" {
		fmt.Fprintln(b, paragraph(c.Grace, "", prose))
	}
	if c.Cause != "" {
		fmt.Fprintln(b, paragraph("error: "+c.Cause, gap, prose))
	}
	if c.Next != "" {
		fmt.Fprintln(b, paragraph(c.Next, "", prose))
	}
}

func paragraph(s, indent string, columns int) string {
	return wrap(job.Printable(s), indent, columns)
}

// Conclude writes only the refusals of the guards and how the run ended.
func Conclude(w io.Writer, r job.Report) error {
	b := bufio.NewWriter(w)
	writeRefusals(b, r, proseColumns)
	writeWarnings(b, r, proseColumns)
	writeConclusion(b, conclude(r), proseColumns)
	return b.Flush()
}
