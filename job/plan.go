package job

import (
	"iter"
	"slices"
	"strings"
	"time"
)

// Plan is what a cleanup is going to do. It is complete before anything is done; the
// guards check it, and exactly its Candidates are acted on.
type Plan struct {
	Cutoff      time.Time
	At          time.Time // when it was made
	Scanned     int
	LoggedIn    int            // accounts other than the caller's, with a last login at or after the first cutoff
	NewestLogin time.Time      // of the same accounts, at any time
	Unknown     map[string]int // accounts without a usable last login, by its state
	Kept        map[Reason]int
	Bounded     int           // accounts of which only a log tells that there was no login since some time
	Activity    activityMatch // how the activity file and the accounts match
	AliveIn     []AliveCount  // what the further directories have
	Candidates  Candidates    // the longest inactive first
	InGrace     Candidates    // accounts to remove once their grace has ended

	// Exempt are all other accounts of which it is not known that they were used since the
	// first cutoff: those that were not, and those of unknown use.
	Exempt Candidates

	Warnings []Warning // about entries that stand for nobody, or nearly for a candidate

	// ActorUnknown says that Policy.Actor is the name of no account, and that the
	// directory does not say who is calling either.
	ActorUnknown bool

	inUse       int    // accounts that were used since the first cutoff, and are kept
	accounts    pieces // of which the candidates are
	shared      map[planned]*planned
	witnesses   []string  // ids of accounts that are kept; not all of them
	firstCutoff time.Time // of the policy
	sightings   *sightings
	forms       []forms // of the account that is added; kept for the next one
	misses      misses  // of the policy, known when all have been added
}

// verb returns the verb for the candidates' actions, and its past participle.
func (pl *Plan) verb() (verb, participle string) {
	is := func(a Action) func(stored) bool { return func(c stored) bool { return c.planned.Action == a } }
	switch {
	case !slices.ContainsFunc(pl.Candidates, is(Disable)):
		return "remove", "removed"
	case !slices.ContainsFunc(pl.Candidates, is(Remove)):
		return "disable", "disabled"
	}
	return "remove or disable", "removed or disabled"
}

// ReadPlan makes the plan for all the users, with the last logins of activity, which may
// be nil. After an error the plan must not be applied; it only counts the users read.
func ReadPlan(users iter.Seq2[User, error], p Policy, activity *Activity, now time.Time) (*Plan, error) {
	plan, err := readPlan(users, p, activity, nil, now)
	if err == nil {
		plan.protectNearMisses(p)
		plan.keepNearRows(p, activity, now)
	}
	return plan, err
}

// readPlan is ReadPlan, up to the near misses. A ledger, if there is one, remembers the users.
func readPlan(users iter.Seq2[User, error], p Policy, activity *Activity, ledger *Ledger, now time.Time) (*Plan, error) {
	plan := newPlan(p, now)
	// Users with a row come last: only when all have been read is it known whether a
	// row matches two of them.
	var withRow []packed
	var accounts pieces
	for u, err := range users {
		if err != nil {
			plan.Scanned += len(withRow)
			return plan, err
		}
		if ledger != nil {
			u = ledger.see(&p, activity, u, now)
		}
		switch {
		case activity.hasRow(&u):
			withRow = append(withRow, accounts.pack(&u))
		case activity == nil:
			plan.add(&p, u, now)
		default:
			plan.add(&p, activity.apply(u, now), now)
		}
	}
	for _, packed := range withRow {
		u := packed.user()
		known := activity.apply(u, now)
		ledger.seeElsewhere(u, known, now)
		plan.add(&p, known, now)
	}
	if err := ledger.Err(); err != nil {
		return plan, err
	}
	plan.Activity = activity.match()
	plan.Candidates.sort()
	return plan, nil
}

// Plan is ReadPlan with the cleanup's policy and activity, and then defers removals by
// its ledger.
func (c *Cleanup) Plan(users iter.Seq2[User, error], now time.Time) (*Plan, error) {
	c.Policy.misses = misses{}
	c.Ledger.begin(now)
	plan, err := readPlan(users, c.Policy, c.Activity, c.Ledger, now)
	if err == nil {
		plan.protectNearMisses(c.Policy)
		plan.keepNearRows(c.Policy, c.Activity, now)
		c.Policy.misses = plan.misses // for whoever is looked at later
		c.Ledger.applyGrace(plan, c.Policy, now)
	}
	return plan, err
}

// PlanPart is Plan for some of the users, to show what a run would do with them. An entry
// that matches none of them may match one of the others, so it keeps nobody that it nearly
// matches; the warnings are about such entries.
func (c *Cleanup) PlanPart(users iter.Seq2[User, error], now time.Time) (*Plan, error) {
	c.Policy.misses = misses{}
	plan, err := readPlan(users, c.Policy, c.Activity, c.Ledger, now)
	if err == nil {
		plan.warn(c.Policy, plan.sightings.misses(), nil)
		c.Ledger.applyGrace(plan, c.Policy, now)
	}
	return plan, err
}

// newPlan returns the plan for an empty directory.
func newPlan(p Policy, now time.Time) *Plan {
	return &Plan{
		Cutoff:      p.Cutoff(now),
		firstCutoff: p.firstCutoff(now),
		At:          now,
		Unknown:     map[string]int{},
		Kept:        map[Reason]int{},
		sightings:   newSightings(p),
	}
}

// add decides about one more account and counts it.
func (pl *Plan) add(p *Policy, u User, now time.Time) {
	pl.Scanned++
	if p.needNames() {
		pl.forms = u.appendForms(pl.forms[:0])
		u.forms = pl.forms
	}
	used := u.lastUse(now)
	login := &used.login
	// Neither other activity nor the caller's own login shows that the last logins
	// of this directory are right.
	if !p.isSelf(&u) {
		if login.since(pl.firstCutoff) {
			pl.LoggedIn++
		}
		if login.State == LoginKnown && !login.NotAfter && login.At.After(pl.NewestLogin) {
			pl.NewestLogin = login.At
		}
	}
	if u.LastLogin.NotAfter {
		pl.Bounded++
	}
	if login.State != LoginKnown && login.State != LoginNever {
		pl.Unknown[login.State.String()]++
	}
	if p.needNames() || p.hasEntries(ProtectedRole) {
		pl.sightings.note(&u)
	}

	d := p.decide(&u, used, now)
	if d.Action == Keep {
		pl.Kept[d.Reason]++
		if len(pl.witnesses) < maxWitnesses && d.Reason != Self { // a caller without rights may still see itself
			pl.witnesses = append(pl.witnesses, strings.Clone(u.ID))
		}
	}
	use := pl.use(&u, &used)
	if d.Action == Keep && use == InUse {
		pl.inUse++
		return
	}
	what := planned{Decision: d, use: use, disabled: u.Disabled}
	if d.Reason == Allowlisted {
		what.entry = p.Allowlist.entry(u.nameForms())
	}
	c := newCandidate(u, d, now)
	if s := pl.accounts.store(&c, pl.share(what)); d.Action == Keep {
		pl.Exempt = append(pl.Exempt, s)
	} else {
		pl.Candidates = append(pl.Candidates, s)
	}
}

// keepSelf keeps the account that the run acts as, if that has become known only after all
// had been added.
func (pl *Plan) keepSelf(p Policy) {
	keep := func(c stored) bool {
		u := c.user().user()
		if !p.isSelf(&u) {
			return false
		}
		pl.exempt(c, Self, nil)
		return true
	}
	pl.Candidates = slices.DeleteFunc(pl.Candidates, keep)
	pl.InGrace = slices.DeleteFunc(pl.InGrace, keep)
}
