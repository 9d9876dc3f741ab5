package report

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"strings"

	"dormant/job"
)

// NoticeOn is which runs people are told about.
type NoticeOn string

// The choices of which runs people are told about; each includes the one before.
const (
	NoticeProblems NoticeOn = "problems" // it was refused, has failed or was interrupted, or is only partly done
	NoticeChanges  NoticeOn = "changes"  // it has changed an account, or would
	NoticeAlways   NoticeOn = "always"
)

// Includes reports whether people are told about the run.
func (on NoticeOn) Includes(r job.Report) bool {
	problem := !r.Outcome.Succeeded()
	change := done(r.Counts) > 0 || r.Counts.Candidates > 0
	return on == NoticeAlways || problem || on == NoticeChanges && change
}

// maxNamed is how many accounts a notice names.
const maxNamed = 20

// NoticeTitle returns one line about the run, in printable ASCII, as for the subject of a mail.
func NoticeTitle(r job.Report) string {
	result := fmt.Sprintf("%s, %d removed, %d disabled", r.Outcome, r.Counts.Removed, r.Counts.Disabled)
	if r.Outcome == job.DryRun {
		result = "dry run, " + plural(r.Counts.Candidates, "candidate")
	}
	return strings.Map(func(c rune) rune {
		if c < ' ' || c > '~' {
			return '?'
		}
		return c
	}, fmt.Sprintf("dormant: %s: %s", r.Profile, result))
}

// NoticeText returns what a person is told about the run. Without names it has nothing in it
// that the directory says of an account.
func NoticeText(r job.Report, names bool) string {
	c := conclude(r)
	if !names && c.Cause != "" && r.Err != nil {
		c.Cause = r.Err.Error() // as in the log, without what the directory says
	}
	lines := []string{r.URL, c.Outcome, c.Grace, c.Cause}
	for _, refusal := range r.Refusals {
		lines = append(lines, fmt.Sprintf("%s: %s", refusal.Guard, refusal.Message))
	}
	lines = append(lines, c.Next)
	codes := map[string]int{}
	for _, w := range r.Warnings {
		codes[w.Code]++
		if names {
			lines = append(lines, "Warning: "+w.Message)
		}
	}
	if !names && len(codes) > 0 {
		lines = append(lines, "Warnings: "+strings.Join(counted(codes), ", ")+". The report has their text.")
	}
	if names {
		for _, a := range r.Accounts.Slice(0, min(maxNamed, r.Accounts.Len())).All() {
			lines = append(lines, fmt.Sprintf("- %s (%s): %s, %s", cmp.Or(a.Username, a.Email, a.ID), a.ID, a.Result, a.Reason))
		}
		if n := r.Accounts.Len() - maxNamed; n > 0 {
			lines = append(lines, fmt.Sprintf("and %d more", n))
		}
	}
	lines = append(lines, "run "+r.RunID)
	for i, line := range lines {
		lines[i] = job.Printable(line)
	}
	return strings.Join(slices.DeleteFunc(lines, func(line string) bool { return line == "" }), "\n")
}

// counted returns each name with its number if that is above one.
func counted(numbers map[string]int) []string {
	var texts []string
	for name, n := range numbers {
		if n > 1 {
			name = fmt.Sprintf("%s (%d)", name, n)
		}
		texts = append(texts, name)
	}
	slices.Sort(texts)
	return texts
}

// NoticeJSON returns the report as JSON without its accounts. Without names it has nothing in
// it that the directory says of an account.
func NoticeJSON(r job.Report, names bool) (string, error) {
	r.Accounts, r.Exempt = job.Accounts{}, job.Accounts{}
	if !names {
		warnings := slices.Clone(r.Warnings)
		for i := range warnings {
			warnings[i].Message, warnings[i].Subject = "", ""
		}
		r.Warnings = warnings
		if r.Err != nil {
			r.Error = r.Err.Error()
		}
	}
	var text bytes.Buffer
	err := Write(&text, JSON, r)
	return text.String(), err
}
