package job

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"sync"
	"time"
)

// Detailed yields the users of a listing. Those whose entry in the listing is not enough
// to decide about them are yielded last, as they are when read one by one once the
// listing is complete; those that are gone by then are left out. After an error nothing
// more is yielded.
func (c *Cleanup) Detailed(ctx context.Context, users iter.Seq2[User, error], now time.Time) iter.Seq2[User, error] {
	return c.detailed(ctx, users, func(u *User) bool { return c.needsDetails(u, now) })
}

// detailed is Detailed for the users that need it.
func (c *Cleanup) detailed(ctx context.Context, users iter.Seq2[User, error], need func(*User) bool) iter.Seq2[User, error] {
	return func(yield func(User, error) bool) {
		var partial []packed
		var accounts pieces
		for u, err := range users {
			if err == nil && need(&u) {
				partial = append(partial, accounts.pack(&u))
				continue
			}
			if !yield(u, err) || err != nil {
				return
			}
		}
		found, err := c.readAlone(ctx, partial)
		for _, u := range found {
			if u != gone && !yield(u.user(), nil) {
				return
			}
		}
		if err != nil {
			yield(User{}, err)
		}
	}
}

// needsDetails reports whether reading u alone may change the decision about it.
func (c *Cleanup) needsDetails(u *User, now time.Time) bool {
	if !u.Partial {
		return false
	}
	known := c.Activity.apply(*u, now)
	return (known.LastLogin.State != LoginAbsent || known.LoginAlone) && !c.Policy.keepsWithoutDetails(&known, now)
}

// gone stands for an account that is gone.
const gone packed = ""

// readAlone reads each of the users alone, at most Concurrency at once, and stops at the
// first that can't be read. The result has gone in the place of each that is gone.
func (c *Cleanup) readAlone(ctx context.Context, users []packed) ([]packed, error) {
	runCtx := ctx
	ctx, end := context.WithCancelCause(ctx)
	defer end(nil)

	var wg sync.WaitGroup
	slots := make(chan struct{}, max(1, c.Concurrency))
	found := make([]packed, len(users))
	var accounts pieces
	var mu sync.Mutex
	for i, p := range users {
		select {
		case slots <- struct{}{}:
		case <-ctx.Done():
		}
		if ctx.Err() != nil {
			break
		}
		wg.Go(func() {
			defer func() { <-slots }()
			u := p.user()
			switch detailed, err := c.detail(ctx, u); {
			case err == nil:
				mu.Lock()
				found[i] = accounts.pack(&detailed)
				mu.Unlock()
			case !errors.Is(err, ErrNotFound):
				end(fmt.Errorf("read account %q: %w", u.ID, err))
			}
		})
	}
	wg.Wait()
	if ended := context.Cause(runCtx); ended != nil {
		return found, fmt.Errorf("read accounts: %w", ended) // the error may not be the directory's
	}
	return found, context.Cause(ctx)
}

// detail reads u alone. It returns u unchanged where the directory can't do that.
func (c *Cleanup) detail(ctx context.Context, u User) (User, error) {
	detailed, err := c.Directory.User(ctx, u)
	switch {
	case errors.Is(err, ErrUnsupported):
		return u, nil
	case err == nil && detailed.ID != u.ID:
		return User{}, fmt.Errorf("the directory answered with %q", detailed.ID)
	}
	return detailed, err
}
