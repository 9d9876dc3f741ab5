package client

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"iter"
	"sync"
	"time"

	"dormant/client/profile"
	"dormant/job"
)

// Users yields every account once. An error is the last thing that it yields: the
// accounts before it are then not all.
func (c *Client) Users(ctx context.Context) iter.Seq2[job.User, error] {
	return func(yield func(job.User, error) bool) {
		c.listUsers(ctx, 0, yield)
	}
}

// FirstPage yields the accounts on the first page of the listing, with what the
// first page of each source of activity says of them.
func (c *Client) FirstPage(ctx context.Context) iter.Seq2[job.User, error] {
	return func(yield func(job.User, error) bool) {
		c.listUsers(ctx, 1, yield)
	}
}

// HasMorePages reports whether the last listing, of its first page, may have left others
// unread.
func (c *Client) HasMorePages() bool { return c.morePages.Load() }

// listUsers reads the activity before the accounts, so that what happens meanwhile
// shows in the accounts. maxPages bounds both; 0: all pages.
func (c *Client) listUsers(ctx context.Context, maxPages int, yield func(job.User, error) bool) {
	if err := c.readActivity(ctx, maxPages); err != nil {
		yield(job.User{}, fmt.Errorf("list activity: %w", err))
		return
	}
	start := time.Now()
	if err := c.listAccounts(ctx, maxPages, yield); err != nil {
		yield(job.User{}, fmt.Errorf("list users: %w", err))
		return
	}
	c.storeListing(nil, start)
}

// listAccounts yields the accounts on the pages. It returns an error if they are
// not all that the directory has on them.
func (c *Client) listAccounts(ctx context.Context, maxPages int, yield func(job.User, error) bool) error {
	p := &pagination{client: c, operation: opList, listing: c.profile.List, key: "list", maxPages: maxPages}
	seen := newSeenAccounts(p.listing.IsPaged())
	defer seen.close()
	var excluded hashTable // items that are no accounts
	defer excluded.close()
	counts := profile.NewFieldCounts(c.profile.User)
	c.fieldCounts.Store(counts)
	checkFields := sync.OnceValue(func() error { return c.checkFields(counts) })
	defer func() { c.morePages.Store(p.truncated) }()
	for it, err := range p.items(ctx) {
		if err != nil {
			return err
		}
		if !c.profile.List.Includes(it.value) {
			hash := maphash.Comparable(c.hashSeed, [...]string{it.name, it.value.Raw})
			if !excluded.has(hash) {
				if err := excluded.insert(hash, 0); err != nil {
					return err
				}
			}
			continue
		}
		if it.page == 1 {
			counts.Add(it.value)
		} else if err := checkFields(); err != nil {
			return err
		}
		u, err := c.accounts.Account(it.name, it.value)
		if field := (*profile.FieldError)(nil); errors.As(err, &field) {
			err = fmt.Errorf("%w (%s)", err, c.profile.Where(field.Key))
		}
		if err != nil {
			return it.wrap(err)
		}
		isNew, err := seen.add(u, it)
		if err != nil {
			return it.wrap(err)
		}
		if isNew && !yield(c.withListedActivity(u), nil) {
			return nil
		}
	}
	if err := errors.Join(seen.checkPage(), seen.checkAttempts(p.attempts)); err != nil {
		return err
	}
	if err := checkFields(); err != nil {
		return err
	}
	if found := seen.len() + excluded.count; maxPages == 0 && p.maxTotal >= 0 && p.maxTotal != found {
		return fmt.Errorf("the listing has %d accounts and says that there are %d: "+
			"it is incomplete, or %w (%s)", found, p.maxTotal, job.ErrChanged, c.profile.Where("list.total"))
	}
	return nil
}
