package command

import (
	"errors"
	"fmt"

	"dormant/job"
)

// Exit codes.
const (
	exitDone    = 0
	exitFailed  = 1 // a retry may help
	exitUsage   = 2 // configuration, usage or credentials are wrong
	exitRefused = 3 // by a guard; nothing was done
	exitPartial = 4 // finished, but some accounts could not be removed or disabled, or are in doubt
)

// errSetup is a run that could not start because of the configuration or its files.
var errSetup = errors.New("the run can't start")

func exitCode(r job.Report) int {
	switch r.Outcome {
	case job.Completed, job.DryRun:
		return exitDone
	case job.Refused:
		return exitRefused
	case job.Partial:
		return exitPartial
	case job.Failed, job.Interrupted:
	}
	if errors.Is(r.Err, job.ErrCredentials) || errors.Is(r.Err, job.ErrProfile) || errors.Is(r.Err, errSetup) {
		return exitUsage
	}
	return exitFailed
}

// fail prints what ended a command, and returns its exit code.
func (a *app) fail(err error) int {
	a.complain(err)
	return exitCode(job.Report{Outcome: job.Failed, Err: err})
}

// failUsage prints what is wrong with the arguments.
func (a *app) failUsage(err error) int {
	a.complain(err)
	return exitUsage
}

// complain prints an error, its further lines indented: each is one that the program
// wrote, because what is quoted in it has no line breaks that show as such.
func (a *app) complain(err error) {
	fmt.Fprintf(a.Stderr, "dormant: %s\n", indented(job.Describe(err), "  "))
}
