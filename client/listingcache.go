package client

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"dormant/job"
)

// A listingSnapshot is what the listing said at one time. Where the directory can't
// read a single account, it takes the place of that.
type listingSnapshot struct {
	users map[string]job.User // by id; nil: the first listing of a run, which is not kept
	start time.Time           // what happened since need not be in it
}

// A listingCache has the last snapshot of the listing.
type listingCache struct {
	reading chan struct{} // holds an element while the next one is read

	mu   sync.Mutex
	last *listingSnapshot
	// changed are the accounts that requests were about, with the time: an older
	// snapshot says nothing of them any more.
	changed map[string]time.Time
}

// get returns the last snapshot, and whether it is fresh enough right before a
// removal of the account.
func (l *listingCache) get(id string, asked time.Time) (last *listingSnapshot, fresh bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.last == nil {
		return nil, false
	}
	at, changed := l.changed[id]
	return l.last, isFresh(l.last.start, asked) && (!changed || l.last.start.After(at))
}

// ListsAgain reports whether the whole listing is read again in the place of one
// account, if it is older than a minute: there is no other way, and it is one response.
func (c *Client) ListsAgain() bool {
	return c.profile.Get == nil && !c.hasAccountSources() && !c.profile.List.IsPaged()
}

// storeListing notes that the listing has been read.
func (c *Client) storeListing(users map[string]job.User, start time.Time) {
	c.listing.mu.Lock()
	defer c.listing.mu.Unlock()
	c.listing.last = &listingSnapshot{users, start}
}

// markChanged notes that a request about the account may have changed it.
func (c *Client) markChanged(id string) {
	if !c.ListsAgain() {
		return
	}
	c.listing.mu.Lock()
	defer c.listing.mu.Unlock()
	if c.listing.changed == nil {
		c.listing.changed = map[string]time.Time{}
	}
	c.listing.changed[id] = time.Now()
}

// userInListing returns the account as the listing has it now. It returns
// job.ErrUnsupported before the first listing, and as long as that is fresh: there
// is nothing newer then.
func (c *Client) userInListing(ctx context.Context, u job.User) (job.User, error) {
	if !c.ListsAgain() {
		return job.User{}, job.ErrUnsupported
	}
	asked := time.Now()
	select {
	case c.listing.reading <- struct{}{}:
	case <-ctx.Done():
		return job.User{}, context.Cause(ctx)
	}
	defer func() { <-c.listing.reading }()
	last, fresh := c.listing.get(u.ID, asked)
	if last == nil || fresh && last.users == nil {
		return job.User{}, job.ErrUnsupported
	}
	if !fresh {
		var err error
		if last, err = c.readListing(ctx); err != nil {
			return job.User{}, fmt.Errorf("list users again: %w", err)
		}
	}
	again, ok := last.users[u.ID]
	if !ok {
		return job.User{}, job.ErrNotFound
	}
	return again, nil
}

// errNobodyLeft says that a directory that had accounts has none.
var errNobodyLeft = errors.New("nobody is listed any more, which is hard to believe")

// readListing reads the whole listing and keeps it.
func (c *Client) readListing(ctx context.Context) (*listingSnapshot, error) {
	start, users := time.Now(), map[string]job.User{}
	err := c.listAccounts(ctx, 0, func(u job.User, _ error) bool {
		u = u.Clone() // without the rest of the listing
		users[u.ID] = u
		return true
	})
	if err == nil && len(users) == 0 {
		err = errNobodyLeft
	}
	if err != nil {
		return nil, err
	}
	c.storeListing(users, start)
	return &listingSnapshot{users, start}, nil
}
