package job

import (
	"cmp"
	"iter"
	"slices"
	"time"
)

// Plan is what a cleanup would do: it is calculated before anything is done,
// the guards judge it, and its very Candidates are what is acted on.
type Plan struct {
	Cutoff     time.Time
	Scanned    int
	LoggedIn   int            // accounts, the caller's aside, with a last login at or after the first cutoff of their lives
	Unknown    map[string]int // accounts without a usable last login, by its state
	Kept       map[Reason]int
	Candidates []Candidate // the longest inactive first
	InGrace    []Candidate // who would be removed, had they been found inactive long enough ago

	// Unmatched are the entries of the allowlist, and Strangers the names of
	// the caller, that stand for no account: most likely they are misspelt.
	Unmatched Globs
	Strangers []string
}

// deed is what the candidates' actions are called: to do it, and done.
func (pl *Plan) deed() (do, done string) {
	is := func(a Action) func(Candidate) bool { return func(c Candidate) bool { return c.Action == a } }
	switch {
	case !slices.ContainsFunc(pl.Candidates, is(Disable)):
		return "remove", "removed"
	case !slices.ContainsFunc(pl.Candidates, is(Remove)):
		return "disable", "disabled"
	}
	return "remove or disable", "removed or disabled"
}

// Candidate is an account to disable or to remove.
type Candidate struct {
	User   User
	Action Action
	Reason Reason

	// InactiveSince is the last time the account is known to have been used, or
	// its creation if that was never; zero if that is not known either.
	InactiveSince time.Time

	RemovableAt time.Time // when the grace of one to remove ends or has ended; zero if there is none
}

// ReadPlan plans for all the users, with what is known of them from elsewhere.
// If it returns an error, the plan counts what was read before, and is none.
func ReadPlan(users iter.Seq2[User, error], p Policy, activity *Activity, now time.Time) (*Plan, error) {
	plan := newPlan(p, now)
	// Whom a row is about is judged last: the one who shares it may be the last of all.
	var elsewhere []User
	for u, err := range users {
		switch {
		case err != nil:
			plan.Scanned += len(elsewhere)
			return plan, err
		case activity.about(u):
			elsewhere = append(elsewhere, u)
		default:
			plan.add(p, u, now)
		}
	}
	for _, u := range elsewhere {
		plan.add(p, activity.apply(u, now), now)
	}
	plan.sort()
	return plan, nil
}

// Plan is ReadPlan by the cleanup's policy and, for removals, its ledger.
func (c *Cleanup) Plan(users iter.Seq2[User, error], now time.Time) (*Plan, error) {
	plan, err := ReadPlan(users, c.Policy, c.Activity, now)
	if err == nil {
		c.Ledger.hold(plan, c.Policy, now)
	}
	return plan, err
}

// decide is what becomes of an account, of which all is known that can be.
func (c *Cleanup) decide(u User, now time.Time) Decision {
	candidate := c.Ledger.judge(c.Policy, newCandidate(u, c.Policy.Decide(u, now), now), now)
	return Decision{candidate.Action, candidate.Reason}
}

// newPlan is the plan for a directory of which nothing has been read.
func newPlan(p Policy, now time.Time) *Plan {
	return &Plan{
		Cutoff:    p.Cutoff(now),
		Unknown:   map[string]int{},
		Kept:      map[Reason]int{},
		Unmatched: slices.Clone(p.Allowlist),
		Strangers: slices.Clone(p.Self),
	}
}

// add decides about one more account.
func (pl *Plan) add(p Policy, u User, now time.Time) {
	pl.Scanned++
	login, _ := u.evidence(now)
	// Neither a proof of life nor the caller's own login tells that the directory's
	// last logins are right.
	if login.since(p.firstCutoff(now)) && !p.isSelf(u) {
		pl.LoggedIn++
	}
	if login.State != LoginKnown && login.State != LoginNever {
		pl.Unknown[login.State.String()]++
	}
	pl.Unmatched = slices.DeleteFunc(pl.Unmatched, func(g Glob) bool { return g.MatchUser(u) })
	pl.Strangers = slices.DeleteFunc(pl.Strangers, u.named)

	d := p.Decide(u, now)
	if d.Action == Keep {
		pl.Kept[d.Reason]++
		return
	}
	pl.Candidates = append(pl.Candidates, newCandidate(u, d, now))
}

// newCandidate is the account as one that the decision is about.
func newCandidate(u User, d Decision, now time.Time) Candidate {
	login, activity := u.evidence(now)
	since := login.At
	if d.Reason == NeverLoggedIn {
		since = u.Created
	}
	if activity.At.After(since) {
		since = activity.At
	}
	return Candidate{User: u, Action: d.Action, Reason: d.Reason, InactiveSince: since}
}

// sort puts the longest inactive first. Accounts of which not even the creation
// is known come before all; equals are in the order of their ids, so that two
// plans for the same directory can be compared.
func (pl *Plan) sort() {
	slices.SortFunc(pl.Candidates, func(a, b Candidate) int {
		return cmp.Or(a.InactiveSince.Compare(b.InactiveSince), cmp.Compare(a.User.ID, b.User.ID))
	})
}
