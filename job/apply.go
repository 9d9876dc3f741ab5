package job

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/rs/zerolog"
)

// apply carries out the actions of the candidates in their order, at most Concurrency at
// once, and sets the result in the account of the same index in r. It returns an error
// if it had to end early; accounts that it did not get to keep the result NotAttempted.
func (c *Cleanup) apply(ctx context.Context, plan *Plan, r *Report, log zerolog.Logger) error {
	ctx, end := context.WithCancelCause(ctx)
	defer end(nil)

	var wg sync.WaitGroup
	var all []*removal
	slots := make(chan struct{}, max(1, c.Concurrency))
	streak := failureStreak{what: "removals", limit: max(1, c.MaxFailures), end: end}
	if verb, _ := plan.verb(); verb != "remove" {
		streak.what = "actions"
	}
	for i, candidate := range plan.Candidates {
		select {
		case slots <- struct{}{}:
		case <-ctx.Done():
		}
		if ctx.Err() != nil {
			break
		}
		m := &removal{Cleanup: c, candidate: candidate, account: &r.Accounts[i], now: r.StartedAt, log: log}
		all = append(all, m)
		wg.Go(func() {
			defer func() { <-slots }()
			streak.add(m.execute(ctx))
		})
	}
	wg.Wait()
	if err := c.recordGone(ctx, all); err != nil {
		streak.err = errors.Join(streak.err, err)
	}
	ended := context.Cause(ctx)
	if streak.err != nil {
		ended = streak.err
	}
	if ended != nil && slices.ContainsFunc(r.Accounts, unfinished) {
		return fmt.Errorf("%s ended early: %w", streak.what, ended)
	}
	return streak.err
}

// errStopping cancels the removals under way. It does not name the cause, because their
// results would show it as their own error.
var errStopping = errors.New("the run is ending")

// unfinished reports whether the end of the run may have affected the account.
func unfinished(a Account) bool { return a.Result == NotAttempted || a.Result == NotRemoved }

// failureStreak ends a run after too many consecutive failures, or after an error that
// later requests can only repeat.
type failureStreak struct {
	what  string // "removals" or "actions", for the error
	limit int
	end   context.CancelCauseFunc

	mu  sync.Mutex
	n   int   // consecutive failures
	err error // why the run has to end, or nil
}

func (s *failureStreak) add(result Result, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case errors.Is(err, ErrSignedOut), errors.Is(err, errNoRecord):
		s.err = err
	case result == Removed, result == Disabled, result == AlreadyGone:
		s.n = 0
	case result == NotRemoved:
		if s.n++; s.n >= s.limit {
			s.err = fmt.Errorf("%d %s in a row failed (DORMANT_MAX_FAILURES), the last one: %w", s.n, s.what, err)
		}
	}
	if s.err != nil {
		s.end(errStopping)
	}
}
