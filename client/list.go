package client

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"iter"
	"strings"
	"sync"
	"time"

	"dormant/client/profile"
	"dormant/job"
)

// Users yields every account once.
func (c *Client) Users(ctx context.Context) iter.Seq2[job.User, error] {
	return func(yield func(job.User, error) bool) {
		c.read(ctx, 0, yield)
	}
}

// FirstPage yields the accounts on the first page of the listing, with what the
// first page of each source of activity says of them.
func (c *Client) FirstPage(ctx context.Context) iter.Seq2[job.User, error] {
	return func(yield func(job.User, error) bool) {
		c.read(ctx, 1, yield)
	}
}

// read reads the activity first, so that what happens meanwhile shows in the accounts.
func (c *Client) read(ctx context.Context, maxPages int, yield func(job.User, error) bool) {
	if err := c.readActivity(ctx, maxPages); err != nil {
		yield(job.User{}, fmt.Errorf("list activity: %w", err))
		return
	}
	start := time.Now()
	if err := c.list(ctx, maxPages, yield); err != nil {
		yield(job.User{}, fmt.Errorf("list users: %w", err))
		return
	}
	c.hasListed(nil, start)
}

// list yields the accounts on the pages, up to maxPages unless that is 0. It
// returns why they are not all there is.
func (c *Client) list(ctx context.Context, maxPages int, yield func(job.User, error) bool) error {
	w := &walk{client: c, operation: opList, listing: c.profile.List, key: "list", maxPages: maxPages}
	seen := sightings{}
	others := map[uint64]bool{} // items that are no accounts, hashed
	census := c.profile.User.NewCensus()
	c.census.Store(census)
	check := sync.OnceValue(func() error { return c.check(census) })
	for it, err := range w.items(ctx) {
		if err != nil {
			return err
		}
		if !c.profile.List.Counts(it.value) {
			others[maphash.String(c.seed, it.key+"\x00"+it.value.Raw)] = true
			continue
		}
		if it.page == 1 {
			census.Add(it.value)
		} else if err := check(); err != nil {
			return err
		}
		u, err := c.reader.User(it.key, it.value)
		if field := (*profile.FieldError)(nil); errors.As(err, &field) {
			err = fmt.Errorf("%w (%s)", err, c.profile.Where("user."+field.Field))
		}
		if err != nil {
			return it.wrong(err)
		}
		fresh, err := seen.add(u, it)
		if err != nil {
			return it.wrong(err)
		}
		if fresh && !yield(c.listed(u), nil) {
			return nil
		}
	}
	if err := errors.Join(seen.endPage(), seen.allTried(w)); err != nil {
		return err
	}
	if err := check(); err != nil {
		return err
	}
	if maxPages == 0 && w.total >= 0 && w.total != len(seen.users)+len(others) {
		return fmt.Errorf("the listing has %d accounts and says that there are %d: "+
			"it is incomplete, or %w (%s)", len(seen.users)+len(others), w.total, job.ErrChanged, c.profile.Where("list.total"))
	}
	return nil
}

// sightings are the accounts of a listing so far. They tell a page that repeats
// from one on which some accounts have moved.
type sightings struct {
	seed  maphash.Seed
	users map[string]sighting
	page  int // the page that is being read
	fresh int // accounts on it that were on no page before
	again int // accounts on it that were on another page before
}

type sighting struct {
	page    int
	try     int    // of the page that brought it last
	account uint64 // what was read of it, hashed
}

// fingerprint is what was read of an account. Two different ones with the same
// id mean that a removal could hit the wrong one.
func (s *sightings) fingerprint(u job.User) uint64 {
	extra := ""
	if len(u.Extra) > 0 {
		extra = fmt.Sprint(u.Extra)
	}
	return maphash.Comparable(s.seed, struct {
		username, email, roles string
		extra                  string
		admin, service, off    bool
		login                  job.LoginState
		at, created            int64
	}{u.Username, u.Email, strings.Join(u.Roles, "\x00"), extra, u.Admin, u.ServiceAccount, u.Disabled, u.LastLogin.State, u.LastLogin.At.UnixNano(), u.Created.UnixNano()})
}

// add notes the account and reports whether it is new.
func (s *sightings) add(u job.User, it item) (fresh bool, err error) {
	if s.users == nil {
		s.users, s.seed = map[string]sighting{}, maphash.MakeSeed()
	}
	if it.page != s.page {
		if err := s.endPage(); err != nil {
			return false, err
		}
		s.page, s.fresh, s.again = it.page, 0, 0
	}
	before, known := s.users[u.ID]
	switch {
	case !known:
		s.users[u.ID] = sighting{page: it.page, try: it.try, account: s.fingerprint(u)}
		s.fresh++
		return true, nil
	case before.account == s.fingerprint(u) && before.page == it.page:
		before.try = it.try
		s.users[u.ID] = before
	case before.account == s.fingerprint(u):
		s.again++
	case before.page == it.page && before.try == it.try:
		return false, fmt.Errorf("account %q is on the page twice, with different contents: the id is not unique", u.ID)
	default:
		return false, fmt.Errorf("account %q was on page %d with other contents, perhaps another last login: "+
			"the id is not unique, or %w", u.ID, before.page, job.ErrChanged)
	}
	return false, nil
}

// allTried complains of accounts that came with a failed try of the one response,
// and were not in the one that came whole.
func (s *sightings) allTried(w *walk) error {
	for id, seen := range s.users {
		if !w.listing.Paged() && seen.try < w.tries {
			return fmt.Errorf("account %q was in a response that was cut short, and not in the next: %w", id, job.ErrChanged)
		}
	}
	return nil
}

// endPage complains of a page on which every account had been on earlier ones.
func (s *sightings) endPage() error {
	if s.again > 0 && s.fresh == 0 {
		return fmt.Errorf("page %d has only accounts of earlier pages, so the listing repeats, or %w", s.page, job.ErrChanged)
	}
	return nil
}
