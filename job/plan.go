package job

import (
	"cmp"
	"iter"
	"slices"
	"time"
)

// Plan is what a cleanup is going to do. It is complete before anything is done; the
// guards check it, and exactly its Candidates are acted on.
type Plan struct {
	Cutoff     time.Time
	Scanned    int
	LoggedIn   int            // accounts other than the caller's, with a last login at or after the first cutoff
	Unknown    map[string]int // accounts without a usable last login, by its state
	Kept       map[Reason]int
	Candidates []Candidate // the longest inactive first
	InGrace    []Candidate // accounts to remove once their grace has ended

	// Unmatched are the entries of the allowlist, and UnmatchedActors the names in
	// Policy.Self, that match no account: most likely they are misspelt.
	Unmatched       Globs
	UnmatchedActors []string
}

// verb returns the verb for the candidates' actions, and its past participle.
func (pl *Plan) verb() (verb, participle string) {
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

	// InactiveSince is the last known use of the account, or its creation if it was
	// never used; zero if that is not known either.
	InactiveSince time.Time

	RemovableAt time.Time // when the grace before a removal ends or ended; zero without grace
}

// ReadPlan makes the plan for all the users, with the last logins of activity, which may
// be nil. After an error the plan must not be applied; it only counts the users read.
func ReadPlan(users iter.Seq2[User, error], p Policy, activity *Activity, now time.Time) (*Plan, error) {
	plan := newPlan(p, now)
	// Users with a row come last: only when all have been read is it known whether a
	// row matches two of them.
	var withRow []User
	for u, err := range users {
		switch {
		case err != nil:
			plan.Scanned += len(withRow)
			return plan, err
		case activity.hasRow(u):
			withRow = append(withRow, u)
		default:
			plan.add(p, u, now)
		}
	}
	for _, u := range withRow {
		plan.add(p, activity.apply(u, now), now)
	}
	plan.sort()
	return plan, nil
}

// Plan is ReadPlan with the cleanup's policy and activity, and then defers removals by
// its ledger.
func (c *Cleanup) Plan(users iter.Seq2[User, error], now time.Time) (*Plan, error) {
	plan, err := ReadPlan(users, c.Policy, c.Activity, now)
	if err == nil {
		c.Ledger.applyGrace(plan, c.Policy, now)
	}
	return plan, err
}

// newPlan returns the plan for an empty directory.
func newPlan(p Policy, now time.Time) *Plan {
	return &Plan{
		Cutoff:          p.Cutoff(now),
		Unknown:         map[string]int{},
		Kept:            map[Reason]int{},
		Unmatched:       slices.Clone(p.Allowlist),
		UnmatchedActors: slices.Clone(p.Self),
	}
}

// add decides about one more account and counts it.
func (pl *Plan) add(p Policy, u User, now time.Time) {
	pl.Scanned++
	login, _ := u.lastUse(now)
	// Neither other activity nor the caller's own login shows that the last logins
	// of this directory are right.
	if login.since(p.firstCutoff(now)) && !p.isSelf(u) {
		pl.LoggedIn++
	}
	if login.State != LoginKnown && login.State != LoginNever {
		pl.Unknown[login.State.String()]++
	}
	pl.Unmatched = slices.DeleteFunc(pl.Unmatched, func(g Glob) bool { return g.MatchUser(u) })
	pl.UnmatchedActors = slices.DeleteFunc(pl.UnmatchedActors, u.named)

	d := p.Decide(u, now)
	if d.Action == Keep {
		pl.Kept[d.Reason]++
		return
	}
	pl.Candidates = append(pl.Candidates, newCandidate(u, d, now))
}

// newCandidate returns u with the decision about it.
func newCandidate(u User, d Decision, now time.Time) Candidate {
	login, activity := u.lastUse(now)
	since := login.At
	if d.Reason == NeverLoggedIn {
		since = u.Created
	}
	if activity.At.After(since) {
		since = activity.At
	}
	return Candidate{User: u, Action: d.Action, Reason: d.Reason, InactiveSince: since}
}

// sort sorts the candidates, the longest inactive first. Accounts with an unknown
// creation date that were never used come before all others; ties are sorted by id, so
// that two plans for the same directory can be compared.
func (pl *Plan) sort() {
	slices.SortFunc(pl.Candidates, func(a, b Candidate) int {
		return cmp.Or(a.InactiveSince.Compare(b.InactiveSince), cmp.Compare(a.User.ID, b.User.ID))
	})
}
