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

// readActivity reads the sources about all accounts.
func (c *Client) readActivity(ctx context.Context, maxPages int) error {
	start, traces := time.Now(), make([]trace, len(c.sources))
	for i, s := range c.sources {
		if s.isOwn {
			continue
		}
		var err error
		if traces[i], err = c.readTrace(ctx, s, job.User{}, maxPages); err != nil {
			return err
		}
	}
	c.seen.Store(&look{traces, start})
	return nil
}

// look is what the sources about all accounts said.
type look struct {
	traces []trace   // by the sources' order; nothing of those about one account
	start  time.Time // what happened since need not be in it
}

// traceLife is for how long a look at the sources about all accounts is a look
// right before a removal.
const traceLife = time.Minute

// isFresh reports whether what was read from start on is a look right before a
// removal that asks for one at asked. Sources that take longer to read than a look
// lives are read once for all who have asked before.
func isFresh(start, asked time.Time) bool {
	return time.Since(start) < traceLife || !start.Before(asked)
}

// lookAgain reads the sources about all accounts anew, where they are all that
// there is, and it is long ago.
func (c *Client) lookAgain(ctx context.Context) error {
	if len(c.sources) == 0 || c.hasOwnSources() {
		return nil
	}
	asked := time.Now()
	select {
	case c.looking <- struct{}{}:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	defer func() { <-c.looking }()
	last := c.seen.Load()
	if last == nil || isFresh(last.start, asked) {
		return nil
	}
	if err := c.readActivity(ctx, 0); err != nil {
		return err
	}
	for i, now := range c.seen.Load().traces {
		if last.traces[i].known && !now.known {
			c.seen.Store(last)
			return fmt.Errorf("%s: is not there any more", c.sources[i].Path)
		}
	}
	return nil
}

// proven is the account with what the sources say of it now.
func (c *Client) proven(ctx context.Context, u job.User) (job.User, error) {
	if err := c.lookAgain(ctx); err != nil {
		return job.User{}, fmt.Errorf("list activity: %w", err)
	}
	traces := make([]trace, len(c.sources))
	if last := c.seen.Load(); last != nil {
		copy(traces, last.traces)
	}
	for i, s := range c.sources {
		if !s.isOwn {
			continue
		}
		var err error
		traces[i], err = c.readTrace(ctx, s, u, 0)
		if errors.Is(err, errUnnamed) || errors.Is(err, job.ErrUnsafeID) {
			return hidden(u), nil
		}
		if errors.Is(err, errNoSource) && c.profile.Get == nil && i == c.firstOwn() {
			return job.User{}, job.ErrNotFound // nothing else tells
		}
		if err != nil {
			return job.User{}, fmt.Errorf("read the activity of account %q: %w", u.ID, err)
		}
	}
	return c.judged(u, traces), nil
}

// listed is the account with what the sources about all accounts say of it. It
// is partial if there is more to read.
func (c *Client) listed(u job.User) job.User {
	if last := c.seen.Load(); last != nil {
		u = c.judged(u, last.traces)
	}
	// What can't be read, or not be seen, stays so. What only proves life changes
	// nothing for an account that is kept anyway.
	judged := u.LastLogin.State == job.LoginKnown || u.LastLogin.State == job.LoginNever
	details := c.profile.Get.Details()
	u.Partial = details && (u.Partial || judged || u.LastLogin.State == job.LoginAbsent)
	u.LoginAlone = details && len(c.profile.User.LastLogin.Path) > 0
	for _, s := range c.sources {
		// An absent last login may come from elsewhere, and then be judged.
		u.Partial = u.Partial || s.isOwn && (judged || u.LastLogin.State == job.LoginAbsent)
		u.LoginAlone = u.LoginAlone || s.isOwn && s.coverage != profile.CoverageLife
	}
	return u
}

func (c *Client) hasOwnSources() bool { return c.firstOwn() >= 0 }

// firstOwn is the index of the first source about one account, or -1.
func (c *Client) firstOwn() int {
	return slices.IndexFunc(c.sources, func(s source) bool { return s.isOwn })
}

// judged adds what the traces prove: first what is there, and then, where that
// means something, what is not.
func (c *Client) judged(u job.User, traces []trace) job.User {
	seen := false
	for i, s := range c.sources {
		at, ok := traces[i].last[s.nameOf(u)]
		switch {
		case !ok:
		case at.IsZero():
			// It may be newer than the last login, which is then not known.
			u.LastLogin = job.LastLogin{State: job.LoginUnreadable}
		case s.coverage != profile.CoverageLife:
			u.LastLogin, seen = newer(u.LastLogin, job.LoginAt(at)), true
		case at.After(u.LastActivity):
			u.LastActivity = at
		}
	}
	if seen || u.LastLogin.State != job.LoginAbsent {
		return u
	}
	for i, s := range c.sources {
		if s.coverage == profile.CoverageComplete && traces[i].known && s.nameOf(u) != "" {
			u.LastLogin.State = job.LoginNever
			return u
		}
	}
	for i, s := range c.sources {
		t := traces[i]
		if s.coverage == profile.CoverageLog && !s.isOwn && t.known && s.nameOf(u) != "" && t.oldest.After(u.LastLogin.At) {
			u.LastLogin = job.LastLogin{State: job.LoginKnown, At: t.oldest, NotAfter: true}
		}
	}
	return u
}

// newer is the newer one of two last logins. One that can't be seen may be newer
// than any.
func newer(a, b job.LastLogin) job.LastLogin {
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
