package job

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/rs/zerolog"
)

// apply acts on the candidates in their order, at most Concurrency at once, and
// notes each result in the account of the same index. It returns an error if it
// had to end early; what was not attempted by then stays so.
func (c *Cleanup) apply(ctx context.Context, plan *Plan, r *Report, log zerolog.Logger) error {
	ctx, end := context.WithCancelCause(ctx)
	defer end(nil)

	var wg sync.WaitGroup
	var all []*removal
	slots := make(chan struct{}, max(1, c.Concurrency))
	streak := failureStreak{what: "removals", limit: max(1, c.MaxFailures), end: end}
	if do, _ := plan.deed(); do != "remove" {
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
			streak.note(m.carryOut(ctx))
		})
	}
	wg.Wait()
	if err := c.settleGone(ctx, all); err != nil {
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

// errEnded ends what is under way. It says nothing of why, because that would be
// taken for what happened to the others.
var errEnded = errors.New("the run is ending")

// unfinished reports whether the account may be one that the end of the run hit.
func unfinished(a Account) bool { return a.Result == NotAttempted || a.Result == NotRemoved }

// failureStreak ends a run that keeps failing, or that can't go on.
type failureStreak struct {
	what  string // removals, or actions
	limit int
	end   context.CancelCauseFunc

	mu  sync.Mutex
	n   int
	err error // why the run can't go on
}

func (s *failureStreak) note(result Result, err error) {
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
		s.end(errEnded)
	}
}
