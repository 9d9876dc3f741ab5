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

// rereads is how often a listing is read again that has changed while it was read.
const rereads = 2

// errIncomplete says that a listing has fewer items than it said that it has.
var errIncomplete = errors.New("it is incomplete")

// readTrace reads the whole source, or its first pages; an own source about u. It
// may change meanwhile, and this very run may be what changes it: a search for
// one account finds others, who are removed at the same time.
func (c *Client) readTrace(ctx context.Context, s source, u job.User, maxPages int) (trace, error) {
	for again := 0; ; again++ {
		t, err := c.readTraceOnce(ctx, s, u, maxPages)
		if !errors.Is(err, errIncomplete) || again == rereads {
			return t, err
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
		return t, fmt.Errorf("the listing has %d entries and says that there are %d: %w, or it changes whenever it is read", w.read, w.counted, errIncomplete)
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
