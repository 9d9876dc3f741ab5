package client

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"dormant/client/profile"
	"dormant/job"
)

// An activitySnapshot is what the sources about all accounts said at one time.
type activitySnapshot struct {
	entries []sourceEntries // of each source, in their order; those about one account have none
	start   time.Time       // what happened since need not be in it
}

// readActivity reads the sources about all accounts.
func (c *Client) readActivity(ctx context.Context, maxPages int) error {
	start, entries := time.Now(), make([]sourceEntries, len(c.sources))
	for i, s := range c.sources {
		if s.PerAccount {
			continue
		}
		var err error
		if entries[i], err = c.readSource(ctx, s, job.User{}, maxPages); err != nil {
			return err
		}
	}
	c.activity.Store(&activitySnapshot{entries, start})
	return nil
}

// maxSnapshotAge is how old a snapshot of a listing may be right before a removal.
const maxSnapshotAge = time.Minute

// isFresh reports whether a snapshot whose reading began at start is good enough
// right before a removal that asked for one at asked. A listing that takes longer
// to read than maxSnapshotAge is read once for all who asked before.
func isFresh(start, asked time.Time) bool {
	return time.Since(start) < maxSnapshotAge || !start.Before(asked)
}

// refreshActivity reads the sources about all accounts again if the snapshot is
// too old. It does not if there are sources about one account: those are read
// before each removal.
func (c *Client) refreshActivity(ctx context.Context) error {
	if len(c.sources) == 0 || c.hasAccountSources() {
		return nil
	}
	asked := time.Now()
	select {
	case c.refreshing <- struct{}{}:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	defer func() { <-c.refreshing }()
	last := c.activity.Load()
	if last == nil || isFresh(last.start, asked) {
		return nil
	}
	if err := c.readActivity(ctx, 0); err != nil {
		return err
	}
	for i, now := range c.activity.Load().entries {
		if last.entries[i].complete && !now.complete {
			c.activity.Store(last)
			return fmt.Errorf("%s: is not there any more", c.sources[i].Source.Path)
		}
	}
	return nil
}

// withCurrentActivity returns the account with what the sources say of it now. It
// returns job.ErrNotFound if a source about the account says that it is gone, and no
// lookup could have said so.
func (c *Client) withCurrentActivity(ctx context.Context, u job.User) (job.User, error) {
	if err := c.refreshActivity(ctx); err != nil {
		return job.User{}, fmt.Errorf("list activity: %w", err)
	}
	entries := make([]sourceEntries, len(c.sources))
	if last := c.activity.Load(); last != nil {
		copy(entries, last.entries)
	}
	for i, s := range c.sources {
		if !s.PerAccount {
			continue
		}
		var err error
		entries[i], err = c.readSource(ctx, s, u, 0)
		if errors.Is(err, profile.ErrUnnamed) || errors.Is(err, job.ErrUnsafeID) {
			return hideLastLogin(u), nil
		}
		if errors.Is(err, errNoSource) && c.profile.Get == nil && i == c.firstAccountSource() {
			return job.User{}, job.ErrNotFound
		}
		if err != nil {
			return job.User{}, fmt.Errorf("read the activity of account %q: %w", u.ID, err)
		}
	}
	u = c.applyActivity(u, entries)
	c.accounts.MarkNever(&u)
	return u, nil
}

// addListedActivity adds to an account of the listing what the sources about all accounts
// say of it. It is partial if there is more to read of it.
func (c *Client) addListedActivity(u *job.User) {
	if last := c.activity.Load(); last != nil && len(c.sources) > 0 {
		*u = c.applyActivity(*u, last.entries)
	}
	c.accounts.MarkNever(u)
	// A last login that can't be read, or is hidden, stays so. A source that only
	// proves life changes nothing for an account that is kept anyway.
	decidable := u.LastLogin.State == job.LoginKnown || u.LastLogin.State == job.LoginNever
	details := c.profile.Get.HasDetails()
	u.Partial = details && (u.Partial || decidable || u.LastLogin.State == job.LoginAbsent)
	u.LoginAlone = details && len(c.profile.User.LastLogin.Path) > 0
	for _, s := range c.sources {
		// An absent last login may come from elsewhere, and then be decided by.
		u.Partial = u.Partial || s.PerAccount && (decidable || u.LastLogin.State == job.LoginAbsent)
		u.LoginAlone = u.LoginAlone || s.PerAccount && s.ListsLogins()
	}
}

// hasAccountSources reports whether there is a source about one account.
func (c *Client) hasAccountSources() bool { return c.firstAccountSource() >= 0 }

// firstAccountSource is the index of the first source about one account, or -1.
func (c *Client) firstAccountSource() int {
	return slices.IndexFunc(c.sources, func(s profile.SourceReader) bool { return s.PerAccount })
}

// applyActivity returns the account with what the entries of the sources prove:
// first the entries that there are, and then, where no login is known, that there
// are none.
func (c *Client) applyActivity(u job.User, entries []sourceEntries) job.User {
	loggedIn := false
	var doubtful time.Time // activity, such as a session that ends long after now
	for i, s := range c.sources {
		at, ok := entries[i].newestOf(s.NamesOf(u))
		if odd := entries[i].doubtfulOf(s.NamesOf(u)); !odd.IsZero() && !s.ListsLogins() {
			doubtful = odd
		} else if !odd.IsZero() {
			if isKnown(u.LastLogin) && u.LastLogin.At.After(u.LastActivity) {
				u.LastActivity = u.LastLogin.At
			}
			if at.After(u.LastActivity) {
				u.LastActivity = at
			}
			u.LastLogin, loggedIn = job.LastLogin{State: job.LoginUnreadable}, true
			continue
		}
		switch {
		case !ok:
		case at.IsZero():
			// It may be newer than the last login, which is then not known.
			u.LastLogin = job.LastLogin{State: job.LoginUnreadable}
		case s.ListsLogins():
			u.LastLogin, loggedIn = newerLogin(u.LastLogin, job.LoginAt(at)), true
		case at.After(u.LastActivity):
			u.LastActivity = at
		}
	}
	switch {
	case doubtful.IsZero():
	case u.LastActivity.IsZero(), isKnown(u.LastLogin) && !u.LastLogin.At.Before(u.LastActivity):
		u.LastActivity = doubtful // so that only the last login can show that the account is in use
	default:
		u.LastLogin = job.LastLogin{State: job.LoginUnreadable} // only the last activity can
	}
	if loggedIn || u.LastLogin.State != job.LoginAbsent {
		return u
	}
	for i, s := range c.sources {
		if s.Coverage == profile.CoverageComplete && entries[i].complete && s.CanName(u) {
			u.LastLogin.State = job.LoginNever
			return u
		}
	}
	for i, s := range c.sources {
		if s.Coverage == profile.CoverageLog && !s.PerAccount && entries[i].complete && s.CanName(u) && entries[i].oldest.After(u.LastLogin.At) {
			u.LastLogin = job.LastLogin{State: job.LoginKnown, At: entries[i].oldest, NotAfter: true}
		}
	}
	return u
}

// isKnown reports whether a last login is a plausible time of a login.
func isKnown(l job.LastLogin) bool {
	return l.State == job.LoginKnown && !l.NotAfter && isPlausible(l.At)
}

// newerLogin returns the newer one of two last logins. One that is hidden or can't
// be read may be newer than any.
func newerLogin(a, b job.LastLogin) job.LastLogin {
	now := time.Now()
	a, b = a.Normalize(time.Time{}, now), b.Normalize(time.Time{}, now)
	switch {
	case a.State == job.LoginHidden || a.State == job.LoginUnreadable:
		return a
	case b.State == job.LoginUnreadable:
		return b
	case a.State == job.LoginKnown && a.At.After(b.At):
		return a
	}
	return b
}
