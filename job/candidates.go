package job

import (
	"iter"
	"slices"
	"strings"
	"time"
)

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
	text      string     // InactiveSince, so that texts sort by it; then the packed User
	decision  *Decision  // shared
	removable *time.Time // nil without grace
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
func (p *pieces) store(c *Candidate) stored {
	p.scratch = appendUser(appendInstant(p.scratch[:0], c.InactiveSince), &c.User)
	return stored{text: p.keep(p.scratch)}.with(c)
}

// with returns the candidate with another decision and grace.
func (s stored) with(c *Candidate) stored {
	s.decision, s.removable = shared(Decision{c.Action, c.Reason}), nil
	if !c.RemovableAt.IsZero() {
		s.removable = new(c.RemovableAt)
	}
	return s
}

func (s stored) candidate() Candidate {
	c := Candidate{Action: s.decision.Action, Reason: s.decision.Reason, User: s.user().user(), InactiveSince: instantIn(s.text)}
	if s.removable != nil {
		c.RemovableAt = *s.removable
	}
	return c
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

// made are the decisions that can be made, to be shared by all about whom they are made.
var made = decisions()

func shared(d Decision) *Decision {
	if i := slices.Index(made, d); i >= 0 {
		return &made[i]
	}
	return &d
}
