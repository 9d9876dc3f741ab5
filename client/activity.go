package client

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"dormant/client/profile"
	"dormant/job"
)

// source is one that is in use.
type source struct {
	profile.Source
	key      string // where the profile has it
	clock    profile.Clock
	coverage string
	isOwn    bool
}

func newSources(p *profile.Profile, values map[string]string) ([]source, error) {
	var sources []source
	var errs []error
	for i, s := range p.Activity {
		key := fmt.Sprintf("activity[%d]", i)
		clock, err := s.At.Clock(values)
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", p.Where(key+".at.zone"), err))
		}
		coverage := s.Coverage.Text(values)
		switch coverage {
		case "":
			coverage = profile.CoverageLife
		case profile.CoverageNone:
			continue
		case profile.CoverageLife, profile.CoverageLog, profile.CoverageComplete:
		default:
			errs = append(errs, fmt.Errorf("%s: %q is none of life, log, complete, none", p.Where(key+".coverage"), coverage))
		}
		sources = append(sources, source{s, key, clock, coverage, s.Own(p.User.Names())})
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

// rereads is how often a listing is read again that has changed while it was read.
const rereads = 2

// readTrace reads the whole source, or its first pages; an own source about u. It
// may change meanwhile, and this very run may be what changes it: a search for
// one account finds others, who are removed at the same time.
func (c *Client) readTrace(ctx context.Context, s source, u job.User, maxPages int) (trace, error) {
	for again := 0; ; again++ {
		t, err := c.readTraceOnce(ctx, s, u, maxPages)
		switch {
		case !errors.Is(err, job.ErrChanged) || ctx.Err() != nil:
			return t, err
		case again == rereads:
			// The accounts need not be read again as well.
			return t, fmt.Errorf("read %d times, each time in vain: %v", again+1, err) //nolint:errorlint // see above
		}
	}
}

func (c *Client) readTraceOnce(ctx context.Context, s source, u job.User, maxPages int) (trace, error) {
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
			return t, it.wrong(fmt.Errorf("%s is not an entry: an object is needed", profile.Kind(it.value)))
		}
		if !s.Counts(it.value) {
			continue
		}
		entries++
		name, isAccount := s.nameOf(u), true
		if s.Account.Path != "" {
			name = profile.Text(it.value, s.Account.Path)
			named = named || it.value.Get(s.Account.Path).Exists()
			name, isAccount = strings.CutPrefix(name, s.Account.Prefix)
		}
		if !isAccount || name == "" {
			continue
		}
		at, found := s.clock.Newest(s.At.Path, it.value)
		if found && at.State == job.LoginNever && s.coverage != profile.CoverageLife {
			continue // an entry for one who never logged in
		}
		t.add(s.fold(name), at.At)
	}
	if entries > 0 && !named {
		return t, fmt.Errorf("%w: %s: nothing at %s in any of %d entries", job.ErrProfile, c.profile.Where(s.key+".account.path"), s.Account.Path, entries)
	}
	if !w.cut && w.counted > w.read {
		return t, fmt.Errorf("the listing has %d entries and says that there are %d: it is incomplete, or %w", w.read, w.counted, job.ErrChanged)
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
