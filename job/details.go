package job

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"sync"
	"time"
)

// Detailed yields the users of a listing, and behind them, once it has been read
// to its end, those of whom it does not tell enough, as they are when they are
// read alone. Those that are gone by then are left out.
func (c *Cleanup) Detailed(ctx context.Context, users iter.Seq2[User, error], now time.Time) iter.Seq2[User, error] {
	return func(yield func(User, error) bool) {
		var partial []User
		for u, err := range users {
			if err == nil && c.lacks(c.Activity.apply(u, now), now) {
				partial = append(partial, u)
				continue
			}
			if !yield(u, err) || err != nil {
				return
			}
		}
		found, err := c.readAlone(ctx, partial)
		for _, u := range found {
			if u != nil && !yield(*u, nil) {
				return
			}
		}
		if err != nil {
			yield(User{}, err)
		}
	}
}

// lacks reports whether reading u alone may change what becomes of it.
func (c *Cleanup) lacks(u User, now time.Time) bool {
	return u.Partial && (u.LastLogin.State != LoginAbsent || u.LoginAlone) && !c.Policy.settled(u, now)
}

// readAlone reads each of the users, at most Concurrency at once, until one of
// them can't be read. It has nil in the place of those that are gone.
func (c *Cleanup) readAlone(ctx context.Context, users []User) ([]*User, error) {
	run := ctx
	ctx, end := context.WithCancelCause(ctx)
	defer end(nil)

	var wg sync.WaitGroup
	slots := make(chan struct{}, max(1, c.Concurrency))
	found := make([]*User, len(users))
	for i, u := range users {
		select {
		case slots <- struct{}{}:
		case <-ctx.Done():
		}
		if ctx.Err() != nil {
			break
		}
		wg.Go(func() {
			defer func() { <-slots }()
			switch told, err := c.detail(ctx, u); {
			case err == nil:
				found[i] = &told
			case !errors.Is(err, ErrNotFound):
				end(fmt.Errorf("read account %q: %w", u.ID, err))
			}
		})
	}
	wg.Wait()
	if ended := context.Cause(run); ended != nil {
		return found, fmt.Errorf("read accounts: %w", ended) // the end may not be the directory's
	}
	return found, context.Cause(ctx)
}

// detail is what reading u alone tells, or u as it is where the directory can't do that.
func (c *Cleanup) detail(ctx context.Context, u User) (User, error) {
	told, err := c.Directory.User(ctx, u)
	switch {
	case errors.Is(err, ErrUnsupported):
		return u, nil
	case err == nil && told.ID != u.ID:
		return User{}, fmt.Errorf("the directory answered with %q", told.ID)
	}
	return told, err
}
