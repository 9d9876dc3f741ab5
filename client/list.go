package client

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"iter"
	"sync"
	"time"

	"github.com/tidwall/gjson"

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

// samplePages is how many pages Sample reads: the second one shows whether the
// profile's way to get there is right.
const samplePages = 2

// Sample yields the accounts on the first pages of the listing, with what the first page
// of each source of activity says of them.
func (c *Client) Sample(ctx context.Context) iter.Seq2[job.User, error] {
	return func(yield func(job.User, error) bool) {
		c.listUsers(ctx, samplePages, yield)
	}
}

// Extent is how much of a listing was read, and what is known of the rest.
type Extent struct {
	Pages   int
	More    bool // there are more pages, or may be
	Assumed bool // nothing says or proves that there are no more; of one response, that may be a full page
}

// Extent returns that of the last listing.
func (c *Client) Extent() Extent {
	if e := c.extent.Load(); e != nil {
		return *e
	}
	return Extent{}
}

// listUsers reads the activity before the accounts, so that what happens meanwhile
// shows in the accounts. maxPages bounds the accounts' pages, and then one page of each
// source is read; 0: all pages.
func (c *Client) listUsers(ctx context.Context, maxPages int, yield func(job.User, error) bool) {
	if err := c.readActivity(ctx, min(maxPages, 1)); err != nil {
		yield(job.User{}, c.hide(fmt.Errorf("list activity: %w", err)))
		return
	}
	start := time.Now()
	if err := c.listAccounts(ctx, maxPages, yield); err != nil {
		yield(job.User{}, c.hide(fmt.Errorf("list users: %w", err)))
		return
	}
	c.storeListing(nil, start)
}

// listAccounts yields the accounts on the pages. It returns an error if they are
// not all that the directory has on them.
func (c *Client) listAccounts(ctx context.Context, maxPages int, yield func(job.User, error) bool) error {
	p := &pagination{client: c, operation: opList, listing: c.profile.List, key: "list", maxPages: maxPages}
	seen := newSeenAccounts(p.listing.IsPaged(), c.hashSeed)
	defer seen.close()
	book := newAddressBook(c.profile, c.hashSeed)
	defer book.close()
	var excluded hashTable // items that are no accounts
	defer excluded.close()
	counts := profile.NewFieldCounts(c.profile.User)
	c.fieldCounts.Store(counts)
	checkFields := sync.OnceValue(func() error { return c.checkFields(counts) })
	defer func() { c.extent.Store(&Extent{p.pagesRead, p.truncated, p.endAssumed}) }()
	for it, err := range p.items(ctx) {
		if err != nil {
			return err
		}
		if !c.profile.List.Includes(it.value) {
			hash := maphash.Comparable(c.hashSeed, [...]string{it.name, it.value.Raw})
			if slot, again := excluded.find(hash); !again {
				if err := excluded.insert(slot, hash, 0); err != nil {
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
		if err != nil {
			if field := (*profile.FieldError)(nil); errors.As(err, &field) {
				err = fmt.Errorf("%w (%s)", err, c.profile.Where(field.Key))
			}
			return it.wrap(err)
		}
		if it.page == 1 && counts.Counts() {
			countUnreadable(counts, u, it.value)
		}
		isNew, err := seen.add(&u, &it)
		if err != nil {
			return it.wrap(err)
		}
		if !isNew {
			continue
		}
		if err := book.add(&u); err != nil {
			return it.wrap(err)
		}
		if c.addListedActivity(&u); !yield(u, nil) {
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
	if maxPages == 0 {
		shared := book.finish(seen.hasID)
		c.shared.Store(&shared)
	}
	return nil
}

// countUnreadable counts the times of an account that can't be read, or can't be right.
func countUnreadable(counts *profile.FieldCounts, u job.User, item gjson.Result) {
	if u.LastLogin.Normalize(time.Time{}, time.Now()).State == job.LoginUnreadable {
		counts.AddUnreadable("last_login", item)
	}
	if u.Created.IsZero() && !u.Undated {
		counts.AddUnreadable("created", item)
	}
}
