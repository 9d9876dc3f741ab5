package job

import (
	"errors"
	"fmt"
	"iter"
	"slices"

	"dormant/job/memory"
)

// ErrNoLedger means that there is no ledger yet, or one of an earlier version, which no run
// has carried over.
var ErrNoLedger = errors.New("no run of this version has written it yet")

// Account is what the ledger remembers of an account, and whether it remembers any.
func (l *Ledger) Account(id string) (memory.Entry, bool, error) {
	e, known := l.entry(id)
	return e, known, l.Err()
}

// All yields what is remembered of every account, in no order that means anything. After an
// error it yields nothing more.
func (l *Ledger) All() iter.Seq2[memory.Account, error] {
	return func(yield func(memory.Account, error) bool) {
		if l.earlier != nil {
			for id := range l.earlier.FoundAt {
				if e, ok := l.earlier.entry(id); ok && !yield(memory.Account{ID: id, Entry: e}, nil) {
					return
				}
			}
			return
		}
		l.file().All()(yield)
	}
}

// Runs returns the last runs, the newest last.
func (l *Ledger) Runs() []PastRun { return l.state.Runs }

// ClearBrake lets the runs act again, and makes what tripped the brake usual. It returns what
// it was, or nil if the brake was not on.
func (l *Ledger) ClearBrake() (*Brake, error) {
	was := l.state.Brake
	if was == nil {
		return nil, nil
	}
	return was, l.rewrite(l.state.withoutBrake(), nil)
}

// withoutBrake returns the state in which what tripped the brake is usual.
func (s ledgerState) withoutBrake() ledgerState {
	s.Brake = nil
	s.Runs = slices.Clone(s.Runs)
	for i := range s.Runs {
		s.Runs[i].Tripped = false
	}
	return s
}

// Forget removes an account from the ledger, and reports whether it was there. A run that
// finds it again has never seen it before.
func (l *Ledger) Forget(id string) (bool, error) {
	_, known, err := l.Account(id)
	if err != nil || !known {
		return false, err
	}
	state := l.state
	if e, _ := l.entry(id); l.expects(e) {
		state.Expected--
	}
	return true, l.rewrite(state, func(a memory.Account) (memory.Entry, bool) { return a.Entry, a.ID != id })
}

// rewrite writes the file again, as of the last run.
func (l *Ledger) rewrite(state ledgerState, keep func(memory.Account) (memory.Entry, bool)) error {
	if l.file() == nil || l.ReadOnly {
		return fmt.Errorf("write ledger: %s: %w", l.path, ErrNoLedger)
	}
	l.begin(l.lastSeen())
	return l.commit(state, keep)
}
