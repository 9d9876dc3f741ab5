package job

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/rs/zerolog"
)

// Cleanup is one run over one directory: it reads all accounts, makes a plan, lets the
// guards check it, and applies exactly that plan.
type Cleanup struct {
	RunID   string
	Command string // audit, run, apply or daemon
	Profile string
	URL     string

	Directory Directory
	Extras    map[string]string // as in Report
	Policy    Policy
	Limits    Limits
	Activity  *Activity // or nil
	AliveIn   []Elsewhere

	DryRun      bool
	Recheck     bool // read each candidate again before each request, where the directory can
	Concurrency int  // how many removals, or reads of single accounts, run at once
	MaxFailures int  // number of consecutive failed removals that ends the run
	Journal     *Journal
	Ledger      *Ledger   // nil: nothing is remembered, and there is no grace
	Approval    *Approval // nil: nobody has reviewed a plan

	// Confirm asks the person at the terminal, right before the first account is changed;
	// nil: there is nobody to ask.
	Confirm func(Report) bool

	Log    zerolog.Logger
	Record *Record // the destination of Log, or nil; if Journal is nil, an error of it stops removals
}

// Run carries the cleanup out, closes the ledger and the journal, and returns a report
// however the run ended. What the run has seen is in the ledger before anybody is removed,
// and what became of them afterwards. Once ctx is done, no new request starts and requests
// under way end. now is the time that all decisions are based on.
func (c *Cleanup) Run(ctx context.Context, now time.Time) Report {
	r, log := c.start(now)
	plan, err := c.scan(ctx, &r, log)
	if err == nil {
		r.Refusals = append(r.Refusals, c.Approval.limits(c.Limits).Check(plan)...)
		before := r.BrakeOn()
		r.Refusals = append(r.Refusals, c.Ledger.check(&r, &c.Policy, plan, c.Approval)...)
		if before && !r.BrakeOn() {
			err = c.Journal.BrakeCleared(fmt.Sprintf("by the plan %s, approved by %q", c.Approval.Head.Digest, c.Approval.By))
		}
		if err == nil {
			err = c.rememberAndApply(ctx, plan, &r, log)
		}
	}
	err = errors.Join(err, c.Ledger.Close(), c.Journal.Close())
	r.count()
	if r.Planned {
		r.Control = plan.control(r.Accounts)
	}
	r.Outcome = outcome(ctx, r, err)
	return r.finish(err, log)
}

// rememberAndApply applies the plan, between two writings of the ledger: one of what the run
// has seen, and one of what became of the candidates. An audit leaves nothing behind.
func (c *Cleanup) rememberAndApply(ctx context.Context, plan *Plan, r *Report, log zerolog.Logger) error {
	if c.Command == "audit" || c.Ledger == nil {
		return c.applyUnlessRefused(ctx, plan, r, log)
	}
	if err := c.Record.Err(); err != nil && c.Ledger.hasGrace() {
		return fmt.Errorf("write ledger: nobody can know who is in grace: write log: %w", err)
	}
	if earlier := c.Ledger.earlierFile(); earlier != "" {
		log.Warn().Msg("the ledger is of an earlier version: what it has is carried over, and the file is kept as " + earlier)
	}
	acts := !c.DryRun && len(r.Refusals) == 0 && len(plan.Candidates) > 0
	if err := c.Ledger.remember(c.RunID, &c.Policy, plan, acts); err != nil {
		return err
	}
	err := c.applyUnlessRefused(ctx, plan, r, log)
	if acts {
		err = errors.Join(err, c.Ledger.settle(plan, r))
	}
	return err
}

// Fail returns the report of a run that could not begin because of err.
func (c *Cleanup) Fail(now time.Time, err error) Report {
	r, log := c.start(now)
	r.Outcome, r.NotStarted = Failed, true
	return r.finish(err, log)
}

func (c *Cleanup) start(now time.Time) (Report, zerolog.Logger) {
	log := c.Log.With().Str(FieldRunID, c.RunID).Logger()
	r := Report{
		RunID: c.RunID, Command: c.Command, DryRun: c.DryRun, Profile: c.Profile, URL: c.URL,
		StartedAt: now, Cutoff: c.Policy.Cutoff(now), Extras: c.Extras,
		Counts: Counts{Kept: map[Reason]int{}}, Refusals: []Refusal{}, Warnings: []Warning{},
	}
	if at := c.Policy.DisableCutoff(now); !at.IsZero() {
		r.DisableCutoff = &at
	}
	log.Info().Str(FieldCommand, c.Command).Str(FieldProfile, c.Profile).Str(FieldURL, c.URL).
		Bool(FieldDryRun, c.DryRun).Time(FieldCutoff, r.Cutoff).Msg("run started")
	return r, log
}

func (r Report) finish(err error, log zerolog.Logger) Report {
	if r.Err = err; err != nil {
		r.Error = Describe(err)
	}
	r.FinishedAt = time.Now().UTC()
	logSummary(log, r)
	return r
}

// scan reads the whole directory and makes the plan. After an error there is no plan.
func (c *Cleanup) scan(ctx context.Context, r *Report, log zerolog.Logger) (*Plan, error) {
	if _, err := c.FindSelf(ctx); err != nil && !errors.Is(err, ErrUnsupported) {
		return nil, err
	}
	if err := c.ReadAliveIn(ctx, r.StartedAt); err != nil {
		return nil, err
	}
	var plan *Plan
	readings := 0
	err := reread(ctx, log, func() (err error) {
		readings++
		c.Activity.forget()
		plan, err = c.Plan(c.Detailed(ctx, c.Directory.Users(ctx), r.StartedAt), r.StartedAt)
		r.Counts.Scanned = plan.Scanned
		return err
	})
	if err != nil {
		return nil, err
	}
	if ctx.Err() != nil {
		return nil, fmt.Errorf("list users: %w", context.Cause(ctx)) // the listing may have ended because ctx did
	}
	plan.AliveIn = c.AliveCounts()
	c.FindActor(ctx, plan)
	r.Digest = plan.digest()
	if c.Approval != nil {
		plan.keepUnapproved(c.Approval)
		r.Digest, r.ApprovedBy = c.Approval.Head.Digest, c.Approval.By
	}
	c.warn(plan, r, log)
	if readings > 1 { // which is in the log already
		r.Warnings = append(r.Warnings, Warning{
			Code: WarnListingChanged, Message: fmt.Sprintf("the directory changed while it was read, so it was read %d times", readings),
		})
	}

	r.Planned = true
	r.Counts.Candidates = len(plan.Candidates)
	maps.Copy(r.Counts.Kept, plan.Kept)
	plan.sortExempt()
	r.Counts.States = plan.states()
	r.Accounts, r.Exempt = plan.accountsOf(plan.notAttempted), plan.exemptAccounts()
	for _, candidate := range plan.InGrace.All() {
		log := atLeastInfo(log)
		log.WithLevel(zerolog.InfoLevel).Str(FieldUserID, candidate.User.ID).Str(FieldReason, string(candidate.Reason)).
			Stringer(FieldLastLogin, candidate.User.LastLogin).Time(FieldRemovableAt, wholeSecond(candidate.RemovableAt)).
			Msg("account is in grace: it can be removed then unless it is used")
	}
	return plan, nil
}

// FindSelf asks the directory which account the caller is, and adds it to Policy.Self,
// so that it is kept. It returns ErrUnsupported where the directory has no such
// operation. After any other error no run may start.
func (c *Cleanup) FindSelf(ctx context.Context) (User, error) {
	self, err := c.Directory.Self(ctx)
	if err == nil && self.ID == "" && self.Username == "" && self.Email == "" {
		err = errors.New("the answer names nobody")
	}
	if err != nil {
		return User{}, fmt.Errorf("ask who is calling, to keep that account: %w", err)
	}
	c.Policy.Self = ExactNames(slices.Collect(self.Names())...)
	return self, nil
}

// FindActor asks the directory for the account that Policy.Actor names, if the plan has
// found none of that name: the listing may be one of some accounts only, or have them by
// other names. If there is one, it is kept under each of its names.
func (c *Cleanup) FindActor(ctx context.Context, plan *Plan) {
	if !plan.ActorUnknown {
		return
	}
	name := c.Policy.Actor.list[0].Text
	u, err := c.Directory.User(ctx, User{ID: name, Username: name, Email: name})
	if err != nil || u.LastLogin.State == LoginHidden || !c.Policy.Actor.Match(u.Names()) {
		return // it stays unknown; what is hidden may be no answer at all
	}
	plan.ActorUnknown = false
	plan.Warnings = slices.DeleteFunc(plan.Warnings, func(w Warning) bool { return w.Code == WarnActorUnmatched })
	c.Policy.Self = ExactNames(slices.Collect(u.Names())...)
	plan.keepSelf(c.Policy)
}

// warn puts the warnings of the plan, and those about the activity file, into the report
// and, without the names in them, into the log.
func (c *Cleanup) warn(plan *Plan, r *Report, log zerolog.Logger) {
	r.Warnings = append(r.Warnings, plan.Warnings...)
	r.Warnings = append(r.Warnings, warningsOf(c.Directory)...)
	m := plan.Activity
	for _, found := range []struct {
		rows          int
		code, problem string
	}{
		{m.rows - m.matched - m.disputed, WarnActivityUnmatched, "match no account"},
		{m.disputed, WarnActivityDisputed, "have names that no one account has, so that they tell of nobody"},
	} {
		if found.rows > 0 {
			r.Warnings = append(r.Warnings, Warning{
				Code: found.code, Subject: "DORMANT_ACTIVITY_FILE",
				Message: fmt.Sprintf("%d of %d rows of the activity file %s", found.rows, m.rows, found.problem),
			})
		}
	}
	r.Warnings = append(r.Warnings, c.Ledger.warn(r, plan)...)
	for _, doubt := range c.Limits.Doubts(plan) {
		r.Warnings = append(r.Warnings, Warning{Code: doubt.Guard, Subject: doubt.Variable, Message: doubt.Message})
	}
	r.Warnings = append(r.Warnings, c.Limits.forecast(plan)...)
	for _, w := range r.Warnings {
		event := log.Warn().Str(FieldWarning, w.Code)
		if w.entry > 0 {
			event = event.Int(FieldEntry, w.entry)
		}
		event.Msg("the report says what to look at")
	}
}

// applyUnlessRefused applies the plan, unless this is a dry run or a guard refused.
func (c *Cleanup) applyUnlessRefused(ctx context.Context, plan *Plan, r *Report, log zerolog.Logger) error {
	switch {
	case c.DryRun:
		r.Accounts = plan.accountsOf(plan.inDryRun)
		return nil
	case len(r.Refusals) > 0:
		return nil
	case c.Confirm != nil && len(plan.Candidates) > 0 && !c.Confirm(*r):
		r.Refusals = append(r.Refusals, Refusal{
			Guard: GuardConfirmation, Found: len(plan.Candidates), Allowed: 0, Variable: "DORMANT_YES",
			Message: "the person at the terminal did not agree",
		})
		return nil
	}
	c.Journal.approve(r.Digest, r.ApprovedBy)
	if err := c.readAliveAgain(ctx, plan); err != nil {
		return err
	}
	return c.apply(ctx, plan, r, log)
}

func outcome(ctx context.Context, r Report, err error) Outcome {
	switch {
	case err != nil && errors.Is(ctx.Err(), context.Canceled):
		return Interrupted
	case err != nil:
		return Failed
	case r.DryRun:
		return DryRun
	case len(r.Refusals) > 0:
		return Refused
	case r.Counts.Failed > 0:
		return Partial
	}
	return Completed
}

// logSummary logs the refusals and the one line that ends the log of every run.
func logSummary(log zerolog.Logger, r Report) {
	for _, refusal := range r.Refusals {
		log.Warn().Str(FieldGuard, refusal.Guard).Int(FieldFound, refusal.Found).Int(FieldAllowed, refusal.Allowed).
			Str(FieldVariable, refusal.Variable).Bool(FieldDryRun, r.DryRun).Msg("guard refused: " + refusal.Message)
	}
	level := zerolog.InfoLevel
	if !r.Outcome.Succeeded() {
		level = zerolog.ErrorLevel
	}
	kept := zerolog.Dict()
	for reason, n := range r.Counts.Kept {
		kept.Int(string(reason), n)
	}
	log = atLeastInfo(log)
	event := log.WithLevel(level).Str(FieldOutcome, string(r.Outcome)).Bool(FieldDryRun, r.DryRun).
		Int(FieldScanned, r.Counts.Scanned).Int(FieldCandidates, r.Counts.Candidates).
		Int(FieldRemoved, r.Counts.Removed).Int(FieldDisabled, r.Counts.Disabled).
		Int(FieldAccepted, r.Counts.Accepted).Int(FieldRefused, r.Counts.RefusedByDirectory).Int(FieldAlreadyGone, r.Counts.AlreadyGone).
		Int(FieldFailed, r.Counts.Failed).Int(FieldNotAttempted, r.Counts.NotAttempted).Dict(FieldKept, kept).
		Float64(FieldDuration, r.FinishedAt.Sub(r.StartedAt).Seconds())
	if r.Err != nil {
		event = event.AnErr(zerolog.ErrorFieldName, r.Err)
	}
	event.Msg("run finished")
}

// atLeastInfo lowers the level of the log to info, for events that have to be on record
// at any configured level.
func atLeastInfo(log zerolog.Logger) zerolog.Logger {
	return log.Level(min(log.GetLevel(), zerolog.InfoLevel))
}
