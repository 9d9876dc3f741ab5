package report

import (
	"errors"
	"fmt"
	"strings"

	"dormant/job"
)

// conclusion says in plain words how a run ended.
type conclusion struct {
	Outcome string
	Cause   string // the error, or empty
	Next    string // what to do now, or empty
}

// conclude never says that something was removed unless it was, and never that
// nothing was removed if a request for it may have been carried out.
func conclude(r job.Report) conclusion {
	if r.NotBegun {
		return conclusion{
			Outcome: "Failed: nothing was removed, because the run could not begin.",
			Cause:   cause(r),
			Next:    "Correct what the error names; dormant check tries the configuration.",
		}
	}
	if !r.Planned {
		return conclusion{
			Outcome: stopped(r) + ": nothing was removed, because the directory was not read to its end.",
			Cause:   cause(r),
			Next:    afterUnread(r),
		}
	}
	switch r.Outcome {
	case job.DryRun:
		return concludeDryRun(r)
	case job.Refused:
		return conclusion{
			Outcome: fmt.Sprintf("Refused: nothing was removed. %s.", candidates(r)),
			Next:    "The guards say what to check, and which variable to change if all of them should go.",
		}
	case job.Completed:
		return conclusion{Outcome: concludeCompleted(r)}
	case job.Partial:
		return conclusion{
			Outcome: "Partly done: " + removedOf(r) + ".",
			Next:    "Each failed account has its error; the next run tries them again.",
		}
	case job.Failed, job.Interrupted:
	}
	return conclusion{
		Outcome: stopped(r) + ": " + removedOf(r) + ".",
		Cause:   cause(r),
		Next:    "The next run reads the directory anew and decides again about what is left.",
	}
}

func concludeDryRun(r job.Report) conclusion {
	switch {
	case len(r.Refusals) > 0:
		return conclusion{
			Outcome: fmt.Sprintf("Dry run: nothing was removed. %s, and a real run would be refused.",
				candidates(r)),
			Next: "The guards say what to check, and which variable to change if all of them should go.",
		}
	case r.Counts.Candidates == 0:
		return conclusion{Outcome: "Dry run: nothing was removed. No account would be removed."}
	}
	c := conclusion{Outcome: fmt.Sprintf("Dry run: nothing was removed. %d of %s would be removed.",
		r.Counts.Candidates, plural(r.Counts.Scanned, "account"))}
	switch r.Command {
	case "audit":
		c.Next = "dormant run with DORMANT_DRY_RUN=false removes them."
	case "daemon":
		c.Next = "A daemon that is started with DORMANT_DRY_RUN=false removes them."
	default:
		c.Next = "To remove them: DORMANT_DRY_RUN=false dormant run"
	}
	return c
}

func concludeCompleted(r job.Report) string {
	switch removed := count(r, job.Removed); {
	case len(r.Accounts) == 0:
		return "Nothing to remove: no account is a candidate."
	case removed == len(r.Accounts):
		return fmt.Sprintf("Removed %s.", plural(removed, "account"))
	}
	return "Done: " + removedOf(r) + "."
}

// candidates tells how many of the scanned accounts are candidates.
func candidates(r job.Report) string {
	is := "are candidates"
	if r.Counts.Candidates == 1 {
		is = "is a candidate"
	}
	return fmt.Sprintf("%d of %s %s", r.Counts.Candidates, plural(r.Counts.Scanned, "account"), is)
}

// removedOf tells what became of the candidates. A removal that failed may have
// been carried out all the same, if only its answer was lost.
func removedOf(r job.Report) string {
	removed := fmt.Sprintf("removed %d of %s", count(r, job.Removed), plural(len(r.Accounts), "account"))
	if count(r, job.Removed) == 0 && count(r, job.NotRemoved) == 0 {
		removed = "nothing was removed"
	}
	var others []string
	for _, t := range []struct {
		result job.Result
		words  string
	}{
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
		return removed
	}
	return removed + " (" + strings.Join(others, ", ") + ")"
}

func stopped(r job.Report) string {
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

func afterUnread(r job.Report) string {
	switch {
	case r.Outcome == job.Interrupted:
		return "The next run starts from the beginning."
	case errors.Is(r.Err, job.ErrCredentials), errors.Is(r.Err, job.ErrSignedOut):
		return "Check the credentials and what they may read; dormant check tries them."
	}
	return "dormant check shows what the directory answers; the next run starts from the beginning."
}
