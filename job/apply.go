package job

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"

	"github.com/rs/zerolog"
)

// apply carries out the actions of the candidates in their order, at most Concurrency at
// once, and puts what became of them into r. It returns an error if it had to end early;
// accounts that it did not get to keep the result NotAttempted.
func (c *Cleanup) apply(ctx context.Context, plan *Plan, r *Report, log zerolog.Logger) error {
	outer := ctx
	ctx, end := context.WithCancelCause(ctx)
	defer end(nil)

	ends := make([]ended, len(plan.Candidates))
	for i := range ends {
		ends[i] = plan.notAttempted(i)
	}
	r.Accounts = plan.accountsOf(func(i int) ended { return ends[i] })

	var wg sync.WaitGroup
	var open pending
	slots := make(chan struct{}, max(1, c.Concurrency))
	streak := failureStreak{what: "removals", limit: max(1, c.MaxFailures), end: end}
	if verb, _ := plan.verb(); verb != "remove" {
		streak.what = "actions"
	}
	for i, candidate := range plan.Candidates.All() {
		select {
		case slots <- struct{}{}:
		case <-ctx.Done():
		}
		if ctx.Err() != nil {
			break
		}
		m := &removal{Cleanup: c, candidate: candidate, end: &ends[i], now: r.StartedAt, log: log}
		wg.Go(func() {
			defer func() { <-slots }()
			streak.add(m.execute(ctx, outer))
			if m.pending {
				open.add(i, m)
			}
		})
	}
	wg.Wait()
	cause := context.Cause(ctx)
	if streak.err != nil {
		cause = streak.err
	}
	err := c.settle(outer, plan, open.inOrder())
	if cause != nil && slices.ContainsFunc(ends, ended.unfinished) {
		return errors.Join(fmt.Errorf("%s ended early: %w", streak.what, cause), err)
	}
	return errors.Join(streak.err, streak.forbidden(), err)
}

// errStopping cancels the removals under way. It does not name the cause, because their
// results would show it as their own error.
var errStopping = errors.New("the run is ending")

// unfinished reports whether the end of the run may have affected the account.
func (e ended) unfinished() bool { return e.Result == NotAttempted || e.Result == NotRemoved }

// pending are the removals that verify has left open. The others are forgotten: there may
// be very many.
type pending struct {
	mu   sync.Mutex
	open map[int]*removal // by the index of the candidate
}

func (p *pending) add(i int, m *removal) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.open == nil {
		p.open = map[int]*removal{}
	}
	p.open[i] = m
}

// inOrder returns them in the order of the plan.
func (p *pending) inOrder() []*removal {
	var all []*removal
	for _, i := range slices.Sorted(maps.Keys(p.open)) {
		all = append(all, p.open[i])
	}
	return all
}

// failureStreak ends a run after too many consecutive failures, or after an error that
// later requests can only repeat.
type failureStreak struct {
	what  string // "removals" or "actions", for the error
	limit int
	end   context.CancelCauseFunc

	mu      sync.Mutex
	n       int   // consecutive failures of the directory
	denied  int   // accounts for which the credentials do not suffice
	denial  error // the last one
	success bool  // one account has fared better
	err     error // why the run has to end, or nil
}

// add counts a result. What the directory answers about one account says nothing of the
// next one, so that neither a refusal nor such a failure ends the run, and neither counts
// as a success.
func (s *failureStreak) add(result Result, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case errors.Is(err, ErrSignedOut), errors.Is(err, errNoRecord):
		s.err = err
	case result == Removed, result == Disabled, result == Accepted, result == AlreadyGone:
		s.n, s.success = 0, true
	case result == NotRemoved && errors.Is(err, ErrCredentials):
		s.denied, s.denial = s.denied+1, err
	case result == NotRemoved && isAboutOneAccount(err):
	case result == NotRemoved:
		if s.n++; s.n >= s.limit {
			s.err = fmt.Errorf("%d %s in a row failed (DORMANT_MAX_FAILURES), the last one: %w", s.n, s.what, err)
		}
	}
	if s.err != nil {
		s.end(errStopping)
	}
}

// isAboutOneAccount reports whether the directory answered, and another account may fare
// better.
func isAboutOneAccount(err error) bool {
	for _, of := range []error{ErrDeclined, ErrRefused, ErrUnclear, ErrUnnamed, errAsItWas, errDisabledInstead, errStillThere} {
		if errors.Is(err, of) {
			return true
		}
	}
	return false
}

// forbidden returns an error if the credentials sufficed for no account: then it is not
// the accounts.
func (s *failureStreak) forbidden() error {
	if s.err == nil && !s.success && s.denied >= s.limit {
		return fmt.Errorf("%d %s failed (DORMANT_MAX_FAILURES) and none succeeded, the last one: %w", s.denied, s.what, s.denial)
	}
	return nil
}
