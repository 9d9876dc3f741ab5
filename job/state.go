package job

import (
	"slices"
	"time"
)

// UserState is what a plan makes of an account. Each account that was scanned has one of them, so
// that their numbers add up.
type UserState string

// The states. "The cutoff" is the first one that an unused account reaches.
const (
	InUse       UserState = "active"    // used at or after the cutoff
	NewlyMade   UserState = "new"       // never used, and created at or after the cutoff
	IsCandidate UserState = "candidate" // to be disabled or removed
	Waiting     UserState = "in_grace"  // to be removed once its grace has ended
	Exempt      UserState = "exempt"    // not used since the cutoff, and kept
	UnknownUse  UserState = "unknown"   // kept, and nobody knows whether it was used since the cutoff
)

func states() []UserState {
	return []UserState{InUse, NewlyMade, IsCandidate, Waiting, Exempt, UnknownUse}
}

// use is whether an account was used since the first cutoff, whatever protects it: InUse,
// NewlyMade, UnknownUse, or Exempt if it was not.
func (pl *Plan) use(u *User, used *lastUse) UserState {
	now, cutoff := pl.At, pl.firstCutoff
	known := cutoff
	if !u.KnownUntil.IsZero() { // as in unusedSince
		known = cutoff.Add(-max(0, now.Sub(u.KnownUntil)))
	}
	login, activity := &used.login, &used.activity
	switch {
	case login.since(cutoff), activity.since(cutoff):
		return InUse
	case activity.State == LoginUnreadable:
		return UnknownUse
	case login.State == LoginKnown && login.At.Before(known): // a bound, too: it is not later than that
		return Exempt
	case login.State == LoginNever && activity.State == LoginAbsent && plausible(u.Created, now):
		if !u.Created.Before(cutoff) {
			return NewlyMade
		}
		if u.Created.Before(known) {
			return Exempt
		}
	}
	return UnknownUse
}

// state is that of an account in a list of the plan.
func (s stored) state() UserState {
	switch {
	case s.planned.Action != Keep:
		return IsCandidate
	case s.planned.Reason == InGrace:
		return Waiting
	}
	return s.planned.use
}

// exempt keeps an account that was a candidate, by an entry if there is one.
func (pl *Plan) exempt(s stored, reason Reason, entry *Entry) {
	kept := *s.planned
	kept.Decision, kept.removableAt, kept.entry = Decision{Keep, reason}, time.Time{}, entry
	pl.Kept[reason]++
	pl.Exempt = append(pl.Exempt, stored{s.text, pl.share(kept)})
}

// share returns what is planned, the same for all for whom it is the same.
func (pl *Plan) share(p planned) *planned {
	if pl.shared == nil {
		pl.shared = map[planned]*planned{}
	}
	if pl.shared[p] == nil {
		pl.shared[p] = &p
	}
	return pl.shared[p]
}

// sortExempt sorts the accounts that are kept although they were not used: those of which
// that is known first, the longest inactive of them in front.
func (pl *Plan) sortExempt() {
	pl.Exempt.sort()
	order := []UserState{Exempt, UnknownUse, NewlyMade}
	slices.SortStableFunc(pl.Exempt, func(a, b stored) int {
		return slices.Index(order, a.state()) - slices.Index(order, b.state())
	})
}

// states counts the accounts by their states.
func (pl *Plan) states() map[UserState]int {
	n := map[UserState]int{}
	for _, s := range states() {
		n[s] = 0
	}
	n[InUse] = pl.inUse
	for _, list := range []Candidates{pl.Candidates, pl.InGrace, pl.Exempt} {
		for _, s := range list {
			n[s.state()]++
		}
	}
	return n
}

// Control is what the CIS Controls measure their Safeguard 5.3 by, Disable Dormant Accounts
// (https://controls-assessment-specification.readthedocs.io/en/stable/control-5/control-5.3.html).
// The state is that at the end of the run. An account that the run has removed counts as
// disabled, because the safeguard asks to delete or to disable it.
type Control struct {
	Safeguard string `json:"safeguard"`

	M1 int `json:"m1"` // accounts
	M2 int `json:"m2"` // days without use after which an account is dormant
	M3 int `json:"m3"` // dormant accounts: candidates, in grace or exempt
	M4 int `json:"m4"` // accounts that are not: active or new
	M5 int `json:"m5"` // dormant accounts that are disabled
	M6 int `json:"m6"` // dormant accounts that are still enabled, for all that is known

	// Unknown is the number of accounts that are in neither M3 nor M4, because it is not known
	// whether they were used.
	Unknown int `json:"unknown"`

	// EnabledDormantPercent is the metric, M6 / M3; nil if there is no dormant account.
	EnabledDormantPercent *float64 `json:"enabled_dormant_percent"`
}

// control returns the measures of a plan, with what became of its candidates.
func (pl *Plan) control(accounts Accounts) *Control {
	n := pl.states()
	c := &Control{
		Safeguard: "CIS 5.3", M1: pl.Scanned, M2: int(pl.At.Sub(pl.firstCutoff) / day),
		M3: n[IsCandidate] + n[Waiting] + n[Exempt], M4: n[InUse] + n[NewlyMade], Unknown: n[UnknownUse],
	}
	for i, s := range pl.Candidates {
		if s.planned.disabled || slices.Contains([]Result{Removed, Disabled, AlreadyGone}, accounts.Status(i).Result) {
			c.M5++
		}
	}
	for _, list := range []Candidates{pl.InGrace, pl.Exempt} {
		for _, s := range list {
			if s.planned.disabled && (s.state() == Waiting || s.state() == Exempt) {
				c.M5++
			}
		}
	}
	if c.M6 = c.M3 - c.M5; c.M3 > 0 {
		c.EnabledDormantPercent = new(100 * float64(c.M6) / float64(c.M3))
	}
	return c
}

// exemptAccounts are the accounts that are kept although they were not used, for a report.
func (pl *Plan) exemptAccounts() Accounts {
	return Accounts{
		n:      len(pl.Exempt),
		status: func(i int) Status { return Status{Keep, pl.Exempt[i].planned.Reason, Kept} },
		at: func(i int) Account {
			s := pl.Exempt[i]
			a := newAccount(s.candidate(), pl.At)
			a.Result, a.State = Kept, s.state()
			if a.State == UnknownUse {
				a.InactiveDays = nil
			}
			if e := s.planned.entry; e != nil {
				a.Owner, a.Note = e.Owner, e.Note
				if !e.Until.IsZero() {
					a.Until = e.Until.Format(time.DateOnly)
				}
			}
			return a
		},
	}
}
