package job

import (
	"iter"
	"slices"
	"time"
)

// foundAt returns when the candidate was first found inactive. That is now if no run has
// found it, if the account has been used or created since or is another one by now, or if
// the recorded time is implausible. planned is the account as it is planned for.
func (l *Ledger) foundAt(c Candidate, planned User, now time.Time) time.Time {
	e, _ := l.entry(planned.ID)
	if e.Found.Before(year2000) || e.Found.After(now) || c.InactiveSince.After(e.Found) || e.Identity != 0 && e.Identity != planned.identity(now) {
		return now
	}
	return e.Found
}

// withGrace defers the removal of c until its grace has ended. Until then the account is
// disabled if the policy disables first, and kept otherwise. planned is the account as it
// is planned for.
func (l *Ledger) withGrace(p Policy, c Candidate, planned User, now time.Time) Candidate {
	if !l.hasGrace() || c.Action != Remove {
		return c
	}
	removable := l.foundAt(c, planned, now).Add(l.Grace)
	switch {
	case !now.Before(removable):
		c.RemovableAt = removable
	case p.DisableAfter > 0 && !c.User.Disabled:
		c.Action = Disable
	default:
		c.Action, c.Reason, c.RemovableAt = Keep, InGrace, removable
	}
	return c
}

// hasGrace reports whether removals are deferred.
func (l *Ledger) hasGrace() bool { return l != nil && l.Grace > 0 }

// applyGrace applies withGrace to all candidates of the plan.
func (l *Ledger) applyGrace(pl *Plan, p Policy, now time.Time) {
	if !l.hasGrace() {
		return
	}
	candidates := pl.Candidates[:0]
	for i, c := range pl.Candidates.All() {
		c = l.withGrace(p, c, c.User, now)
		if s := pl.Candidates[i].with(&c); c.Action == Keep {
			pl.InGrace = append(pl.InGrace, s)
		} else {
			candidates = append(candidates, s)
		}
	}
	pl.Candidates = candidates
}

// explain adds the rule of the grace to the explanation of an account that the policy
// removes.
func (l *Ledger) explain(p Policy, e Explanation, now time.Time) Explanation {
	if !l.hasGrace() || e.Decision.Action != Remove {
		return e
	}
	c := newCandidate(e.User, e.Decision, now)
	at, because := l.foundAt(c, e.User, now), "no earlier run has found it inactive, or it has been used or has changed since"
	if at.Before(now) {
		because = "found inactive: " + at.UTC().Format(time.RFC3339)
	}
	because += ", removable from: " + wholeSecond(at.Add(l.Grace)).Format(time.RFC3339)
	c = l.withGrace(p, c, c.User, now)
	e.Decision = Decision{c.Action, c.Reason}
	e.Rules = slices.Insert(e.Rules, len(e.Rules)-1, Verdict{InGrace, c.Reason == InGrace, because})
	return e
}

// wholeSecond rounds t up to a whole second, in UTC.
func wholeSecond(t time.Time) time.Time {
	return t.UTC().Add(time.Second - 1).Truncate(time.Second)
}

// found yields the accounts that the plan finds inactive for long enough to be removed, now
// or once their grace has ended, each with its index in the report.
func (pl *Plan) found() iter.Seq2[int, Candidate] {
	return func(yield func(int, Candidate) bool) {
		for i := range pl.Candidates {
			if pl.Candidates[i].planned.Action == Remove && !yield(i, pl.Candidates.At(i)) {
				return
			}
		}
		for i := range pl.InGrace {
			if !yield(len(pl.Candidates)+i, pl.InGrace.At(i)) {
				return
			}
		}
	}
}
