package job

import (
	"iter"
	"slices"
	"strings"
	"time"
)

// Candidate is an account to disable or to remove, or one that is kept although it was not used.
type Candidate struct {
	User   User
	Action Action
	Reason Reason

	// InactiveSince is the last known use of the account, or its creation if it was
	// never used; zero if that is not known either.
	InactiveSince time.Time

	RemovableAt time.Time // when the grace before a removal ends or ended; zero without grace
}

// newCandidate returns u with the decision about it.
func newCandidate(u User, d Decision, now time.Time) Candidate {
	used := u.lastUse(now)
	since := used.login.At
	if d.Reason == NeverLoggedIn || plausible(u.Created, now) && u.Created.After(since) {
		since = u.Created // it can't be unused for longer than it exists
	}
	if used.activity.At.After(since) {
		since = used.activity.At
	}
	return Candidate{User: u, Action: d.Action, Reason: d.Reason, InactiveSince: since}
}

// Candidates is a list of candidates, each stored once, in hardly more bytes than its names
// have. Lists that are made from it share what is stored. A Candidate is made when it is
// looked at; what is in it is not to be changed.
type Candidates []stored

type stored struct {
	text    string   // InactiveSince, so that texts sort by it; then the packed User
	planned *planned // shared by all for whom it is the same
}

// planned is what is to be done, and when, and what has to be known for a report.
type planned struct {
	Decision
	removableAt time.Time // zero without grace
	use         UserState // as Plan.use says
	disabled    bool
	entry       *Entry // of the allowlist, if one protects it
}

// At returns the candidate with the index.
func (c Candidates) At(i int) Candidate { return c[i].candidate() }

// All yields the candidates with their indexes.
func (c Candidates) All() iter.Seq2[int, Candidate] {
	return func(yield func(int, Candidate) bool) {
		for i := range c {
			if !yield(i, c[i].candidate()) {
				return
			}
		}
	}
}

// store returns the candidate as it is stored, with a copy of the account.
func (p *pieces) store(c *Candidate, planned *planned) stored {
	p.scratch = appendUser(appendInstant(p.scratch[:0], c.InactiveSince), &c.User)
	return stored{p.keep(p.scratch), planned}
}

// with returns the candidate with what c says is to be done.
func (s stored) with(c *Candidate) stored {
	next := *s.planned
	next.Decision, next.removableAt = Decision{c.Action, c.Reason}, c.RemovableAt
	if next != *s.planned {
		s.planned = &next
	}
	return s
}

func (s stored) candidate() Candidate {
	return Candidate{
		User: s.user().user(), Action: s.planned.Action, Reason: s.planned.Reason,
		InactiveSince: instantIn(s.text), RemovableAt: s.planned.removableAt,
	}
}

func (s stored) user() packed { return packed(s.text[instantLen:]) }

// sort sorts the candidates, the longest inactive first. Accounts with an unknown
// creation date that were never used come before all others; ties are sorted by id, so
// that two plans for the same directory can be compared.
func (c Candidates) sort() {
	slices.SortFunc(c, func(a, b stored) int {
		if longer := strings.Compare(a.text[:instantLen], b.text[:instantLen]); longer != 0 {
			return longer
		}
		return strings.Compare(a.user().id(), b.user().id())
	})
}
