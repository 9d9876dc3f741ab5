package report

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"dormant/job"
)

// A plan for review is a CSV file that a spreadsheet opens and a person edits: a head of five
// rows, the titles, and one line for each candidate. To approve of it is to leave lines as
// they are; to keep an account is to delete its line, or to write keep into the first column
// and, into the second, why.
//
// The head binds the plan to its directory, policy and time, and the last cell of each line
// binds the line to the head. A spreadsheet may quote otherwise, end lines otherwise, or
// separate cells by semicolons or tabs.
var planColumns = []string{"keep", "note", "id", "username", "email", "last_login", "inactive_days", "action", "reason", "check"}

const (
	planTitle   = "dormant plan"
	planVersion = "1"
	planHelp    = "To keep an account delete its line - or write keep into its first cell and why into the second. Then run: dormant apply FILE"
)

// WritePlan writes the candidates on which the run has not acted to path, for review. Only the
// owner can read the file, because it names people.
func WritePlan(path string, head job.PlanHead, r job.Report) error {
	if err := replace(path, func(w io.Writer) error { return writePlan(w, head, r) }); err != nil {
		return fmt.Errorf("plan %w", err)
	}
	return nil
}

func writePlan(to io.Writer, head job.PlanHead, r job.Report) error {
	b := bufio.NewWriter(to)
	w := csv.NewWriter(b)
	w.UseCRLF = true
	for _, row := range [][]string{
		{planTitle, planVersion, head.Digest},
		{"directory", head.Directory},
		{"policy", head.Policy},
		{"made", head.Made.UTC().Format(time.RFC3339), head.RunID},
		{planHelp},
		planColumns,
	} {
		for len(row) < len(planColumns) { // as a spreadsheet would write them
			row = append(row, "")
		}
		_ = w.Write(row) // the writer keeps its first error
	}
	for _, a := range r.Accounts.All() {
		if !slices.Contains([]job.Result{job.WouldRemove, job.WouldDisable, job.NotAttempted}, a.Result) {
			continue
		}
		cells := []string{csvText(a.ID), csvText(a.Username), csvText(a.Email), csvTime(a.LastLogin), csvNumber(a.InactiveDays), string(a.Action), string(a.Reason)}
		check := head.Check(head.Key(a.ID, a.Action), cells...)
		_ = w.Write(slices.Concat([]string{"", ""}, cells, []string{check}))
	}
	w.Flush()
	return errors.Join(w.Error(), b.Flush())
}

// Review is a plan as a person has left it.
type Review struct {
	job.Approval
	Kept []KeptInReview
}

// KeptInReview is an account that the person wants to keep, and why.
type KeptInReview struct{ ID, Note string }

// maxPlanProblems is how many problems ReadPlan names.
const maxPlanProblems = 10

// ReadPlan reads a plan after its review. The error names the line and the column of each
// problem; a plan with one is not applied.
func ReadPlan(r io.Reader) (Review, error) {
	rows, err := planRows(r)
	if err != nil {
		return Review{}, err
	}
	review := Review{Approval: job.Approval{Accounts: map[job.ApprovalKey]bool{}}}
	n, err := review.readHead(rows)
	if err != nil {
		return Review{}, err
	}
	var errs []error
	seen := map[job.ApprovalKey]bool{}
	for _, row := range rows[n:] {
		if len(errs) == maxPlanProblems {
			break
		}
		if err := review.readLine(row.cells, seen); err != nil {
			errs = append(errs, fmt.Errorf("line %d, %w", row.line, err))
		}
	}
	if len(errs) == 0 && len(review.Accounts) == 0 {
		errs = append(errs, errors.New("no line is left that is not to be kept, so there is nothing to apply"))
	}
	return review, errors.Join(errs...)
}

type planRow struct {
	line  int
	cells []string
}

// planRows reads the rows that have something in them, whatever separates their cells.
func planRows(r io.Reader) ([]planRow, error) {
	text := bufio.NewReader(r)
	if mark, _ := text.Peek(3); bytes.Equal(mark, []byte("\ufeff")) {
		_, _ = text.Discard(3)
	}
	start, _ := text.Peek(len(`"` + planTitle + `",`))
	rows := csv.NewReader(text)
	rows.FieldsPerRecord = -1
	if i := bytes.IndexAny(start, ",;\t"); i > 0 {
		rows.Comma = rune(start[i])
	}
	var all []planRow
	for {
		cells, err := rows.Read()
		if errors.Is(err, io.EOF) {
			return all, nil
		}
		if err != nil {
			return nil, err // names line and column
		}
		line, _ := rows.FieldPos(0)
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
		}
		if slices.ContainsFunc(cells, func(cell string) bool { return cell != "" }) {
			all = append(all, planRow{line, cells})
		}
	}
}

// readHead reads the rows up to the titles, and returns how many they are.
func (review *Review) readHead(rows []planRow) (int, error) {
	h := &review.Head
	cell := func(row, i int) string {
		if row >= len(rows) || i >= len(rows[row].cells) {
			return ""
		}
		return rows[row].cells[i]
	}
	if cell(0, 0) != planTitle {
		return 0, fmt.Errorf("line 1, column 1: it does not begin with %q, so it is no plan that DORMANT_PLAN has written", planTitle)
	}
	if version := cell(0, 1); version != planVersion {
		return 0, fmt.Errorf("line 1, column 2: version %q of a plan can't be read, only %s", version, planVersion)
	}
	for i, name := range []string{"directory", "policy", "made"} {
		if cell(i+1, 0) != name {
			return 0, fmt.Errorf("line %d, column 1: it says %q, not %q: the head of the plan has to stay as it was written", i+2, cell(i+1, 0), name)
		}
	}
	h.Digest, h.Directory, h.Policy, h.RunID = cell(0, 2), cell(1, 1), cell(2, 1), cell(3, 2)
	var err error
	if h.Made, err = time.Parse(time.RFC3339, cell(3, 1)); err != nil {
		return 0, fmt.Errorf("line 4, column 2: %q is not the time that was written", cell(3, 1))
	}
	for i := 4; i < len(rows); i++ {
		if slices.Equal(rows[i].cells, planColumns) {
			return i + 1, nil
		}
		if rows[i].cells[0] == planColumns[0] {
			break
		}
	}
	return 0, fmt.Errorf("line 6: the titles have to stay as they were written: %s", strings.Join(planColumns, ", "))
}

// readLine reads the line of one account.
func (review *Review) readLine(cells []string, seen map[job.ApprovalKey]bool) error {
	if len(cells) != len(planColumns) {
		return fmt.Errorf("column %d: the line has %d cells, not %d", min(len(cells), len(planColumns))+1, len(cells), len(planColumns))
	}
	keep, note, check := strings.ToLower(cells[0]), cells[1], cells[len(cells)-1]
	written, _, _ := strings.Cut(check, "-")
	text, err := hex.DecodeString(written)
	var key job.ApprovalKey
	if err != nil || copy(key[:], text) != len(key) || len(text) != len(key) || review.Head.Check(key, cells[2:len(cells)-1]...) != check {
		return errors.New("column check: the line is not one of this plan, or was altered " +
			"(a spreadsheet may have turned an id or a date into a number: import these columns as text)")
	}
	switch {
	case seen[key]:
		return errors.New("column id: the account is there twice")
	case keep != "" && keep != "keep":
		return fmt.Errorf("column keep: %q can't be understood: write keep, or leave it empty", cells[0])
	case keep == "" && note != "":
		return errors.New("column note: there is a note and no keep: write keep into the first column, or delete the note")
	}
	seen[key] = true
	if keep != "" {
		review.Kept = append(review.Kept, KeptInReview{ID: cells[2], Note: note})
	} else {
		review.Accounts[key] = true
	}
	return nil
}

// The exemption that is proposed for an account that a person wants to keep.
const proposedDays = 180

// Exemptions are lines for the allowlist, one for each account that is to be kept, as they can be
// pasted.
func (review Review) Exemptions(now time.Time) []string {
	var lines []string
	for _, k := range review.Kept {
		line := fmt.Sprintf("%s until=%s", k.ID, now.AddDate(0, 0, proposedDays).Format(time.DateOnly))
		if review.By != "" {
			line += ` owner="` + unquoted(review.By) + `"`
		}
		if k.Note != "" {
			line += ` note="` + unquoted(k.Note) + `"`
		}
		lines = append(lines, line)
	}
	return lines
}

// unquoted returns the text as it can stand between the quotes of an exemption.
func unquoted(text string) string { return strings.ReplaceAll(job.Printable(text), `"`, "'") }
