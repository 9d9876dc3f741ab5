package client

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"dormant/job"
)

// roll is the last reading of a listing that stands in for the reading of one
// account, where the directory can't do that.
type roll struct {
	users map[string]job.User // by their ids; nil: the first reading, which is not kept
	start time.Time           // what happened since need not be in it
}

// rolls are the readings, and who asks for the next one.
type rolls struct {
	one  chan struct{} // has room for one, who reads
	mu   sync.Mutex
	last *roll
	// changed are the accounts that requests were about, with when: what was read
	// before that says nothing of them any more.
	changed map[string]time.Time
}

// ListsAgain reports whether the whole listing, if it is older than a minute, is
// read again in the place of one account: there is no other way, and it is one response.
func (c *Client) ListsAgain() bool {
	return c.profile.Get == nil && !c.hasOwnSources() && !c.profile.List.Paged()
}

// hasListed notes that the listing has been read.
func (c *Client) hasListed(users map[string]job.User, start time.Time) {
	c.rolls.mu.Lock()
	defer c.rolls.mu.Unlock()
	c.rolls.last = &roll{users, start}
}

// hasChanged notes that a request about the account may have changed it.
func (c *Client) hasChanged(id string) {
	if !c.ListsAgain() {
		return
	}
	c.rolls.mu.Lock()
	defer c.rolls.mu.Unlock()
	if c.rolls.changed == nil {
		c.rolls.changed = map[string]time.Time{}
	}
	c.rolls.changed[id] = time.Now()
}

// at is the last reading, and whether it is a look right before a removal of the account.
func (r *rolls) at(id string, asked time.Time) (last *roll, fresh bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.last == nil {
		return nil, false
	}
	at, changed := r.changed[id]
	return r.last, isFresh(r.last.start, asked) && (!changed || r.last.start.After(at))
}

// relisted is the account as the listing has it now. It is ErrUnsupported before
// the first reading, and while that is a look right before a removal, to which
// nothing can be added.
func (c *Client) relisted(ctx context.Context, u job.User) (job.User, error) {
	if !c.ListsAgain() {
		return job.User{}, job.ErrUnsupported
	}
	asked := time.Now()
	select {
	case c.rolls.one <- struct{}{}:
	case <-ctx.Done():
		return job.User{}, context.Cause(ctx)
	}
	defer func() { <-c.rolls.one }()
	last, fresh := c.rolls.at(u.ID, asked)
	if last == nil || fresh && last.users == nil {
		return job.User{}, job.ErrUnsupported
	}
	if !fresh {
		var err error
		if last, err = c.readRoll(ctx); err != nil {
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

func (c *Client) readRoll(ctx context.Context) (*roll, error) {
	start, users := time.Now(), map[string]job.User{}
	err := c.list(ctx, 0, func(u job.User, _ error) bool {
		users[u.ID] = u
		return true
	})
	if err == nil && len(users) == 0 {
		err = errNobodyLeft
	}
	if err != nil {
		return nil, err
	}
	c.hasListed(users, start)
	return &roll{users, start}, nil
}
