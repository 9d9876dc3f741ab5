package command

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"dormant/command/config"
	"dormant/job"
	"dormant/job/report"
)

// maxPlan bounds a plan, in bytes.
const maxPlan = 1 << 30

// apply acts on whom a person has left in a plan, if they still are candidates.
func (a *app) apply(ctx context.Context, args []string) int {
	if len(args) == 0 {
		return a.failUsage(errors.New("usage: dormant apply PLAN; DORMANT_PLAN=plan.csv dormant audit writes one"))
	}
	review, err := config.ReadFile(args[0], maxPlan, report.ReadPlan)
	if err != nil {
		return a.failUsage(fmt.Errorf("the plan can't be applied: %w", err))
	}
	if err := a.checkPlan(review.Head); err != nil {
		return a.failUsage(fmt.Errorf("the plan can't be applied: %s: %w", args[0], err))
	}
	review.By = a.cfg.ApprovedBy
	a.approval = &review.Approval
	code := a.runOnce(ctx, "apply")
	if lines := review.Exemptions(a.Now()); len(lines) > 0 && a.cfg.Format == report.Table {
		printf(a.Stdout, "\nTo keep them for good, put this into the file of DORMANT_ALLOWLIST_FILE:\n\n")
		for _, line := range lines {
			printf(a.Stdout, "%s\n", line)
		}
	}
	return code
}

// planHead is what a plan that is made now is bound to.
func (a *app) planHead() job.PlanHead {
	return job.PlanHead{Directory: directoryName(a.cfg), Policy: a.cfg.Rules().DescribePolicy(time.Duration(a.cfg.Grace))}
}

// checkPlan returns an error if the plan is not one for this run: of another directory or
// policy, too old, or applied before.
func (a *app) checkPlan(h job.PlanHead) error {
	here, age := a.planHead(), a.Now().Sub(h.Made)
	switch {
	case h.Directory != here.Directory:
		return fmt.Errorf("it is of the directory %q, and this is %q", h.Directory, here.Directory)
	case h.Policy != here.Policy:
		return fmt.Errorf("it was made with the policy %q, and this is %q: make a new plan", h.Policy, here.Policy)
	case age > time.Duration(a.cfg.PlanMaxAge):
		return fmt.Errorf("it was made at %s, and may be no older than %s (DORMANT_PLAN_MAX_AGE): make a new one", h.Made.UTC().Format(time.RFC3339), a.cfg.PlanMaxAge)
	case age < -time.Hour:
		return fmt.Errorf("it was made at %s, which is in the future: one of the clocks is wrong", h.Made.UTC().Format(time.RFC3339))
	case a.cfg.Journal == "":
		return nil
	}
	traces, err := config.ReadFile(a.cfg.Journal, maxJournal, job.ReadJournal)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return fmt.Errorf("nobody can know whether it was applied before: DORMANT_JOURNAL: %w", err)
	case traces.Plans[h.Digest]:
		return errors.New("it was applied before, as the journal says: make a new one for who is left")
	}
	return nil
}

// writePlan writes the plan for review, if one is wanted and there is one.
func (a *app) writePlan(r job.Report) error {
	if a.cfg.Plan == "" || r.Command == "apply" || r.Command == "daemon" || !r.Planned {
		return nil
	}
	head := a.planHead()
	head.Made, head.RunID, head.Digest = r.StartedAt, r.RunID, r.Digest
	return report.WritePlan(a.cfg.Plan, head, r)
}
