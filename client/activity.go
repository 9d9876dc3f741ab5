package client

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"dormant/job"
)

// Sources are where the use of accounts shows, besides in the accounts themselves.
type Sources []Source

// UnmarshalYAML accepts one source or a list.
func (s *Sources) UnmarshalYAML(decode func(any) error) error {
	return several(decode, (*[]Source)(s))
}

// Source is a listing of entries, each of which proves that an account was used:
// events, sessions, a report. If its path, query or body names an account, it is
// about that one, and is read for candidates only: while planning, and again
// right before a removal. If it has no items, the answer is the only entry.
type Source struct {
	Listing `yaml:",inline"`

	// Optional says that a directory may be without it: a 404 for its first page
	// then means that there is no entry.
	Optional bool `yaml:"optional"`

	Account struct {
		Path   string `yaml:"path"`
		Prefix string `yaml:"prefix"` // stands before the name; what lacks it is no account
		By     string `yaml:"by"`     // id (or nothing), username or email
	} `yaml:"account"`
	At Moment `yaml:"at"`

	// Coverage is what the absence of entries means: life, log or complete.
	Coverage Template `yaml:"coverage"`
}

// What the absence of entries means.
const (
	coverLife     = "life"     // nothing
	coverLog      = "log"      // no login since the oldest entry
	coverComplete = "complete" // no login at all
)

// own reports whether the source is about one account, which it names by one of
// these placeholders.
func (s Source) own(account []string) bool {
	for _, t := range append(slices.Collect(maps.Values(s.Query)), append(s.Body.texts(), s.Path)...) {
		if slices.ContainsFunc(t.names(), func(name string) bool { return slices.Contains(account, name) }) {
			return true
		}
	}
	return false
}

// source is one that is in use.
type source struct {
	Source
	key      string // where the profile has it
	clock    clock
	coverage string
	isOwn    bool
}

func newSources(p *Profile, values map[string]string) ([]source, error) {
	var sources []source
	var errs []error
	for i, s := range p.Activity {
		key := fmt.Sprintf("activity[%d]", i)
		clock, err := s.At.clock(values)
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", p.where(key+".at.zone"), err))
		}
		coverage := s.Coverage.text(values)
		switch coverage {
		case "":
			coverage = coverLife
		case coverLife, coverLog, coverComplete:
		default:
			errs = append(errs, fmt.Errorf("%s: %q is none of life, log, complete", p.where(key+".coverage"), coverage))
		}
		sources = append(sources, source{s, key, clock, coverage, s.own(p.User.names())})
	}
	return sources, errors.Join(errs...)
}

// trace is what a source says.
type trace struct {
	known  bool                 // the source has been read
	last   map[string]time.Time // entry of each account, by its name there; zero: of unknown time
	oldest time.Time            // entry, or zero
}

// add notes an entry. One of unknown time outweighs all others.
func (t *trace) add(name string, at time.Time) {
	before, known := t.last[name]
	if !known || at.IsZero() || !before.IsZero() && at.After(before) {
		t.last[name] = at
	}
	if t.oldest.IsZero() || at.Before(t.oldest) && !at.IsZero() {
		t.oldest = at
	}
}

// readTrace reads the whole source, or its first pages; an own source about u.
func (c *Client) readTrace(ctx context.Context, s source, u job.User, maxPages int) (trace, error) {
	t := trace{last: map[string]time.Time{}}
	entries, named := 0, s.Account.Path == ""
	w := &walk{client: c, operation: opActivity, listing: s.Listing, key: s.key, user: u, maxPages: maxPages}
	for it, err := range w.items(ctx) {
		if s.Optional && isMissing(err) && w.pagesRead == 0 {
			if !s.isOwn {
				c.log.Warn().Str(job.FieldPath, string(s.Path)).
					Msg("the directory has no log of activity here: accounts are judged by their last logins alone")
			}
			return trace{}, nil
		}
		if s.isOwn && isMissing(err) && w.pagesRead == 0 {
			return t, fmt.Errorf("%w: %w", errNoSource, err)
		}
		if err != nil {
			return t, err
		}
		if !it.value.IsObject() {
			return t, it.wrong(fmt.Errorf("%s is not an entry: an object is needed", kind(it.value)))
		}
		if !s.counts(it.value) {
			continue
		}
		entries++
		name, isAccount := s.nameOf(u), true
		if s.Account.Path != "" {
			name = text(it.value, s.Account.Path)
			named = named || it.value.Get(s.Account.Path).Exists()
			name, isAccount = strings.CutPrefix(name, s.Account.Prefix)
		}
		if !isAccount || name == "" {
			continue
		}
		at, found := s.clock.newest(s.At.Path, it.value)
		if found && at.State == job.LoginNever && s.coverage != coverLife {
			continue // an entry for one who never logged in
		}
		t.add(s.fold(name), at.At)
	}
	if entries > 0 && !named {
		return t, fmt.Errorf("%w: %s: nothing at %s in any of %d entries", job.ErrProfile, c.profile.where(s.key+".account.path"), s.Account.Path, entries)
	}
	if !w.cut && w.counted > w.read {
		return t, fmt.Errorf("the listing has %d entries and says that there are %d: it is incomplete", w.read, w.counted)
	}
	t.known = !w.cut
	return t, nil
}

// errNoSource says that a source about one account is not there.
var errNoSource = errors.New("there is no such log")

// isMissing reports whether the answer was that there is no such thing.
func isMissing(err error) bool {
	var status *statusError
	return errors.As(err, &status) && status.Code == http.StatusNotFound && !status.TooFast
}

// nameOf is what the source calls the account.
func (s source) nameOf(u job.User) string {
	return s.fold(map[string]string{"": u.ID, "id": u.ID, "username": u.Username, "email": u.Email}[s.Account.By])
}

func (s source) fold(name string) string {
	if s.Account.By == "username" || s.Account.By == "email" {
		return strings.ToLower(name)
	}
	return name
}

// readActivity reads the sources about all accounts.
func (c *Client) readActivity(ctx context.Context, maxPages int) error {
	traces := make([]trace, len(c.sources))
	for i, s := range c.sources {
		if s.isOwn {
			continue
		}
		var err error
		if traces[i], err = c.readTrace(ctx, s, job.User{}, maxPages); err != nil {
			return err
		}
	}
	c.seen.Store(&look{traces, time.Now()})
	return nil
}

// look is what the sources about all accounts said.
type look struct {
	traces []trace // by the sources' order; nothing of those about one account
	at     time.Time
}

// traceLife is for how long a look at the sources about all accounts is a look
// right before a removal.
const traceLife = time.Minute

// lookAgain reads the sources about all accounts anew, where they are all that
// there is, and it is long ago.
func (c *Client) lookAgain(ctx context.Context) error {
	if len(c.sources) == 0 || c.hasOwnSources() {
		return nil
	}
	select {
	case c.looking <- struct{}{}:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	defer func() { <-c.looking }()
	last := c.seen.Load()
	if last == nil || time.Since(last.at) < traceLife {
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
	details := c.profile.Get.details()
	u.Partial = details && (u.Partial || judged || u.LastLogin.State == job.LoginAbsent)
	u.LoginAlone = details && len(c.profile.User.LastLogin.Path) > 0
	for _, s := range c.sources {
		u.Partial = u.Partial || s.isOwn && (judged || s.coverage != coverLife && u.LastLogin.State == job.LoginAbsent)
		u.LoginAlone = u.LoginAlone || s.isOwn && s.coverage != coverLife
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
		case s.coverage != coverLife:
			u.LastLogin, seen = newer(u.LastLogin, job.LoginAt(at)), true
		case at.After(u.LastActivity):
			u.LastActivity = at
		}
	}
	if seen || u.LastLogin.State != job.LoginAbsent {
		return u
	}
	for i, s := range c.sources {
		if s.coverage == coverComplete && traces[i].known && s.nameOf(u) != "" {
			u.LastLogin.State = job.LoginNever
			return u
		}
	}
	for i, s := range c.sources {
		t := traces[i]
		if s.coverage == coverLog && !s.isOwn && t.known && s.nameOf(u) != "" && t.oldest.After(u.LastLogin.At) {
			u.LastLogin = job.LastLogin{State: job.LoginKnown, At: t.oldest, NotAfter: true}
		}
	}
	return u
}

// newer is the newer one of two last logins. One that can't be seen may be newer
// than any.
func newer(a, b job.LastLogin) job.LastLogin {
	now := time.Now()
	a, b = a.Settle(time.Time{}, now), b.Settle(time.Time{}, now)
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
