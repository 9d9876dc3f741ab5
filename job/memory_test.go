package job

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"sync"
)

// inMemory is a directory in memory. It records its requests, and each of its answers can
// be replaced.
type inMemory struct {
	users          []User
	self           func() (User, error)
	list           func(context.Context, int) error // called before the account with this index is yielded, and after the last one
	read           func(context.Context, User) (User, error)
	find           func(context.Context, User) (User, error)               // is told what would be found; errAsUsual finds that
	remove         func(ctx context.Context, id string, attempt int) error // the result of a request to remove or disable; errAgain repeats the request
	unconfirmed    bool                                                    // removes without calling confirm
	steps          bool                                                    // repeated requests are steps of one removal
	byName         bool                                                    // addresses accounts by their usernames
	lies           bool                                                    // says that it has made a change without making it
	removeNotFound bool                                                    // answers a removal with ErrNotFound although the account is still there

	mu            sync.Mutex
	asked         []string // such as "remove 3", in order
	requests      map[string]int
	removed       []string
	disabled      []string
	gone          []string
	listsGone     bool // the listing has accounts that are gone
	busy, busiest int
	requested     func(id string) // right before a request to remove or disable
}

var _ Directory = (*inMemory)(nil)

var (
	errAgain      = errors.New("try again")
	errUnanswered = fmt.Errorf("no answer: %w", errAgain) // the request may have been carried out
)

func (d *inMemory) recordRequest(what string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.asked = append(d.asked, what)
}

func (d *inMemory) Self(ctx context.Context) (User, error) {
	d.recordRequest("self")
	if d.self == nil {
		return User{}, fmt.Errorf("self: %w", ErrUnsupported)
	}
	u, err := d.self()
	return u, errors.Join(err, ctx.Err())
}

func (d *inMemory) Users(ctx context.Context) iter.Seq2[User, error] {
	return func(yield func(User, error) bool) {
		d.recordRequest("list")
		for i := range len(d.users) + 1 {
			err := ctx.Err()
			if err == nil && d.list != nil {
				err = d.list(ctx, i)
			}
			if errors.Is(err, errCutShort) {
				return
			}
			if err != nil {
				yield(User{}, fmt.Errorf("list users: %w", err))
				return
			}
			if i < len(d.users) && !d.isGone(d.users[i].ID) && !yield(d.now(d.users[i]), nil) {
				return
			}
		}
	}
}

// now returns the account with what requests have changed.
func (d *inMemory) now(u User) User {
	d.mu.Lock()
	defer d.mu.Unlock()
	u.Disabled = u.Disabled || slices.Contains(d.disabled, u.ID)
	return u
}

// isGone reports whether the account is gone and left out of the listing.
func (d *inMemory) isGone(id string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Contains(slices.Concat(d.gone, d.removed), id) && !d.listsGone
}

func (d *inMemory) Find(ctx context.Context, u User) (User, error) {
	d.recordRequest("find " + u.ID)
	d.mu.Lock()
	gone := slices.Contains(slices.Concat(d.gone, d.removed), u.ID)
	found := User{ID: u.ID, Disabled: slices.Contains(d.disabled, u.ID)}
	d.mu.Unlock()
	if d.find != nil {
		if u, err := d.find(ctx, found); !errors.Is(err, errAsUsual) {
			return u, err
		}
	}
	i := slices.IndexFunc(d.users, func(x User) bool { return x.ID == u.ID })
	if i < 0 || gone {
		return User{}, fmt.Errorf("find user: %w", ErrNotFound)
	}
	found.Disabled = found.Disabled || d.users[i].Disabled
	return found, ctx.Err()
}

// errAsUsual makes an answer that is replaced the usual one.
var errAsUsual = errors.New("as usual")

func (d *inMemory) Renew() { d.recordRequest("renew") }

// errCutShort makes a listing end early without an error.
var errCutShort = errors.New("cut short")

func (d *inMemory) User(ctx context.Context, u User) (User, error) {
	id := u.ID
	d.recordRequest("read " + id)
	d.mu.Lock()
	gone := slices.Contains(slices.Concat(d.gone, d.removed), id)
	d.mu.Unlock()
	i := slices.IndexFunc(d.users, func(u User) bool { return u.ID == id })
	if i < 0 || gone {
		return User{}, fmt.Errorf("read user: %w", ErrNotFound)
	}
	u = d.users[i]
	d.mu.Lock()
	u.Disabled = u.Disabled || slices.Contains(d.disabled, id)
	d.mu.Unlock()
	if d.read == nil {
		return u, ctx.Err()
	}
	u, err := d.read(ctx, u)
	if errors.Is(err, ErrNotFound) {
		d.mu.Lock()
		d.gone = append(d.gone, id)
		d.mu.Unlock()
	}
	return u, err
}

func (d *inMemory) Remove(ctx context.Context, u User, confirm Confirm) error {
	return d.change(ctx, u, "remove", &d.removed, confirm)
}

func (d *inMemory) Disable(ctx context.Context, u User, confirm Confirm) error {
	return d.change(ctx, u, "disable", &d.disabled, confirm)
}

// change removes or disables the account: it adds the id to done.
func (d *inMemory) change(ctx context.Context, u User, what string, done *[]string, confirm Confirm) error {
	id := u.ID
	prepare := func(current User) error {
		if d.byName && current.Username != u.Username {
			return ErrRenamed
		}
		return nil
	}
	if d.byName && !SafeID(u.Username) {
		return ErrUnsafeID
	}
	for _, other := range d.users {
		if d.byName && other.ID != id && CanonicalName(other.Username) == CanonicalName(u.Username) {
			return ErrAmbiguous
		}
	}
	d.mu.Lock()
	d.busy++
	d.busiest = max(d.busiest, d.busy)
	d.mu.Unlock()
	defer func() {
		d.mu.Lock()
		d.busy--
		d.mu.Unlock()
	}()
	unanswered := false
	for attempt := 1; ; attempt++ {
		if !d.unconfirmed {
			// Whether ctx is done is left to confirm.
			switch err := confirm(ctx, prepare); {
			case err == nil:
			case d.steps && attempt > 1:
				return fmt.Errorf("%s user: %w: %w", what, ErrHalfDone, err)
			case unanswered:
				return fmt.Errorf("%w; %w", err, ErrMaybeDone)
			default:
				return err
			}
		}
		d.recordRequest(what + " " + id)
		d.mu.Lock()
		d.requests[id]++
		d.mu.Unlock()
		if d.requested != nil {
			d.requested(id)
		}
		var err error
		if d.remove != nil {
			err = d.remove(ctx, id, attempt)
		}
		if err == nil && d.lies {
			return nil
		}
		if err == nil {
			d.mu.Lock()
			*done = append(*done, id)
			d.mu.Unlock()
			return nil
		}
		if errors.Is(err, ErrNotFound) && !d.removeNotFound && !d.lies {
			d.mu.Lock()
			d.gone = append(d.gone, id)
			d.mu.Unlock()
		}
		unanswered = unanswered || errors.Is(err, errUnanswered)
		if !errors.Is(err, errAgain) {
			return fmt.Errorf("%s user: %w", what, err)
		}
	}
}
