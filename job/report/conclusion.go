package report

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"dormant/job"
)

// conclusion is how a run ended, in sentences.
type conclusion struct {
	Outcome string
	Grace   string // the accounts in grace, or empty
	Cause   string // the error, or empty
	Next    string // what to do next, or empty
}

// conclude returns the conclusion of the report. It never claims that something was done
// that was not, nor that nothing was done if the directory may have carried out a request.
func conclude(r job.Report) conclusion {
	c := concludeOutcome(r)
	c.Grace = concludeGrace(r)
	return c
}

func concludeOutcome(r job.Report) conclusion {
	if r.NotStarted {
		return conclusion{
			Outcome: "Failed: nothing was " + participle(r) + ", because the run could not begin.",
			Cause:   cause(r),
			Next:    "Correct what the error names; dormant check tries the configuration.",
		}
	}
	if !r.Planned {
		return conclusion{
			Outcome: endedAs(r) + ": nothing was " + participle(r) + ", because the directory was not read to its end.",
			Cause:   cause(r),
			Next:    nextAfterUnread(r),
		}
	}
	switch r.Outcome {
	case job.DryRun:
		return concludeDryRun(r)
	case job.Refused:
		return conclusion{
			Outcome: fmt.Sprintf("Refused: nothing was %s. %s.", participle(r), candidateShare(r)),
			Next:    nextAfterRefusal(r),
		}
	case job.Completed:
		return conclusion{Outcome: concludeCompleted(r)}
	case job.Partial:
		return conclusion{
			Outcome: "Partly done: " + resultSummary(r) + ".",
			Next:    "Each failed account has its error; the next run tries them again.",
		}
	case job.Failed, job.Interrupted:
	}
	return conclusion{
		Outcome: endedAs(r) + ": " + resultSummary(r) + ".",
		Cause:   cause(r),
		Next:    "The next run reads the directory anew and decides again about what is left.",
	}
}

// concludeGrace describes the accounts in grace. It never claims that an account will be
// removed: the guards have not decided that yet, and an audit begins no grace.
func concludeGrace(r job.Report) string {
	waiting := inGrace(r)
	if waiting.Len() == 0 {
		return ""
	}
	first := waiting.At(0)
	due := map[string]int{}
	for _, a := range waiting.All() {
		due[removableAt(a, time.DateOnly)]++
		if a.RemovableAt.Before(*first.RemovableAt) {
			first = a
		}
	}
	text := "In grace: %s, removable from %s unless used before."
	if waiting.Len() > 1 {
		text = "In grace: %s, the first removable from %s unless used before."
	}
	text = fmt.Sprintf(text, plural(waiting.Len(), "account"), removableAt(first, time.RFC3339)) + fallDue(due)
	if slices.ContainsFunc(r.Warnings, func(w job.Warning) bool { return w.Code == job.WarnGraceRefusal }) {
		text += " As things are, the guards will refuse to remove them: see the warnings."
	}
	if r.Command == "audit" {
		text += " An audit begins no grace; dormant run does."
	}
	return text
}

// maxDays is how many days the conclusion names on which accounts fall due.
const maxDays = 5

// fallDue says how many accounts in grace fall due on which day, if it is not the same for
// all.
func fallDue(due map[string]int) string {
	days := slices.Sorted(maps.Keys(due))
	if len(days) < 2 {
		return ""
	}
	var parts []string
	for _, day := range days[:min(maxDays, len(days))] {
		parts = append(parts, fmt.Sprintf("%d on %s", due[day], day))
	}
	if later := days[len(parts):]; len(later) > 0 {
		n := 0
		for _, day := range later {
			n += due[day]
		}
		parts = append(parts, fmt.Sprintf("%d later", n))
	}
	return " Due: " + strings.Join(parts, ", ") + "."
}

func concludeDryRun(r job.Report) conclusion {
	switch {
	case len(r.Refusals) > 0:
		return conclusion{
			Outcome: fmt.Sprintf("Dry run: nothing was %s. %s, and a real run would be refused.", participle(r), candidateShare(r)),
			Next:    nextAfterRefusal(r),
		}
	case r.Counts.Candidates == 0:
		return conclusion{Outcome: fmt.Sprintf("Dry run: nothing was %s. No account would be %[1]s.", participle(r))}
	}
	// The text follows the candidates of the plan, not what the policy could do.
	removed, disabled := count(r, job.WouldRemove), count(r, job.WouldDisable)
	would, does, to := fmt.Sprintf("%d of %s would be removed", removed, plural(r.Counts.Scanned, "account")), "removes them", "remove them"
	switch {
	case removed == 0:
		would, does, to = fmt.Sprintf("%d of %s would be disabled", disabled, plural(r.Counts.Scanned, "account")), "disables them", "disable them"
	case disabled > 0:
		would, does, to = fmt.Sprintf("%s, %d disabled", would, disabled), "does so", "do so"
	}
	c := conclusion{Outcome: fmt.Sprintf("Dry run: nothing was %s. %s.", participle(r), would)}
	switch r.Command {
	case "audit":
		c.Next = fmt.Sprintf("dormant run with DORMANT_DRY_RUN=false %s.", does)
	case "daemon":
		c.Next = fmt.Sprintf("A daemon that is started with DORMANT_DRY_RUN=false %s.", does)
	default:
		c.Next = fmt.Sprintf("To %s: DORMANT_DRY_RUN=false dormant run", to)
	}
	return c
}

func concludeCompleted(r job.Report) string {
	removed, disabled := count(r, job.Removed), count(r, job.Disabled)
	switch candidates(r).Len() {
	case 0:
		return fmt.Sprintf("Nothing to %s: no account is a candidate.", byAction(r, "remove", "disable", "remove or disable"))
	case removed:
		return fmt.Sprintf("Removed %s.", plural(removed, "account"))
	case disabled:
		return fmt.Sprintf("Disabled %s.", plural(disabled, "account"))
	case removed + disabled:
		return fmt.Sprintf("Removed %s, and disabled %d.", plural(removed, "account"), disabled)
	}
	return "Done: " + resultSummary(r) + "."
}

// candidateShare says how many of the scanned accounts are candidates.
func candidateShare(r job.Report) string {
	is := "are candidates"
	if r.Counts.Candidates == 1 {
		is = "is a candidate"
	}
	return fmt.Sprintf("%d of %s %s", r.Counts.Candidates, plural(r.Counts.Scanned, "account"), is)
}

// resultSummary counts the candidates by result. It does not claim that nothing was done
// if a removal failed, because the directory may have carried it out.
func resultSummary(r job.Report) string {
	removed, disabled := count(r, job.Removed), count(r, job.Disabled)
	text := byAction(r, fmt.Sprintf("removed %d", removed), fmt.Sprintf("disabled %d", disabled),
		fmt.Sprintf("removed %d and disabled %d", removed, disabled)) + " of " + plural(candidates(r).Len(), "account")
	if removed == 0 && disabled == 0 && count(r, job.NotRemoved) == 0 {
		text = "nothing was " + participle(r)
	}
	var others []string
	for _, t := range []struct {
		result job.Result
		words  string
	}{
		{job.Accepted, "accepted, to be done later"},
		{job.RefusedByDirectory, "refused by the directory"},
		{job.AlreadyGone, "already gone"},
		{job.Kept, "kept on a second look"},
		{job.NotRemoved, "failed"},
		{job.NotAttempted, "not attempted"},
	} {
		if n := count(r, t.result); n > 0 {
			others = append(others, fmt.Sprintf("%d %s", n, t.words))
		}
	}
	if len(others) == 0 {
		return text
	}
	return text + " (" + strings.Join(others, ", ") + ")"
}

func endedAs(r job.Report) string {
	if r.Outcome == job.Interrupted {
		return "Interrupted"
	}
	return "Failed"
}

func cause(r job.Report) string {
	if r.Error == "" && r.Err != nil {
		return r.Err.Error()
	}
	return r.Error
}

func nextAfterRefusal(r job.Report) string {
	return "The guards say what to check, and which variable to change if " +
		byAction(r, "all of them should go", "all of them should be disabled", "all that should be done") + "."
}

func nextAfterUnread(r job.Report) string {
	switch {
	case r.Outcome == job.Interrupted:
		return "The next run starts from the beginning."
	case errors.Is(r.Err, job.ErrCredentials), errors.Is(r.Err, job.ErrSignedOut):
		return "Check the credentials and what they may read; dormant check tries them."
	}
	return "dormant check shows what the directory answers; the next run starts from the beginning."
}
