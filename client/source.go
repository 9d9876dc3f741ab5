package client

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"dormant/client/profile"
	"dormant/job"
)

// sourceEntries are the entries of one source of activity.
type sourceEntries struct {
	complete bool                 // all pages were read, and the source exists
	newest   map[string]time.Time // entry of each account, by its name in the source; zero: of unknown time
	doubtful map[string]time.Time // entry of the accounts that have one of no plausible time, which newest is without
	oldest   time.Time            // entry, or zero
}

// add notes an entry. One of unknown time outweighs all others.
func (s *sourceEntries) add(e profile.Entry) {
	before, known := s.newest[e.Account]
	if !e.At.IsZero() && !isPlausible(e.At) {
		if s.doubtful == nil {
			s.doubtful = map[string]time.Time{}
		}
		s.doubtful[e.Account] = e.At
	} else if !known || e.At.IsZero() || !before.IsZero() && e.At.After(before) {
		s.newest[e.Account] = e.At
	}
	if s.oldest.IsZero() || e.At.Before(s.oldest) && !e.At.IsZero() {
		s.oldest = e.At
	}
}

// newestOf returns the newest entry of the names of one account. One of unknown time
// outweighs all others.
func (s *sourceEntries) newestOf(names []string) (at time.Time, found bool) {
	for _, name := range names {
		next, ok := s.newest[name]
		if ok && (!found || next.IsZero() || !at.IsZero() && next.After(at)) {
			at, found = next, true
		}
	}
	return at, found
}

// doubtfulOf returns an entry of no plausible time of the names of one account, or zero.
func (s *sourceEntries) doubtfulOf(names []string) (at time.Time) {
	for _, name := range names {
		if next, ok := s.doubtful[name]; ok {
			at = next
		}
	}
	return at
}

// isPlausible reports whether something may have happened at that time.
func isPlausible(at time.Time) bool {
	return job.LoginAt(at).Normalize(time.Time{}, time.Now()).State == job.LoginKnown
}

// maxRereads is how often a source is read again that has changed while it was read.
const maxRereads = 2

// errNoSource says that a source about one account is not there.
var errNoSource = errors.New("there is no such log")

// readSource reads a source, all of it unless maxPages is set; u is the account if
// it is a source about one account. It may change meanwhile, and this very run may
// be what changes it: a search for one account finds others, who are removed at
// the same time.
func (c *Client) readSource(ctx context.Context, s profile.SourceReader, u job.User, maxPages int) (sourceEntries, error) {
	for rereads := 0; ; rereads++ {
		entries, err := c.readSourceOnce(ctx, s, u, maxPages)
		switch {
		case !errors.Is(err, job.ErrChanged) || ctx.Err() != nil:
			return entries, err
		case rereads == maxRereads:
			// This is not job.ErrChanged: the accounts need not be read again as well.
			return entries, fmt.Errorf("read %d times, each time in vain: %v", rereads+1, err) //nolint:errorlint // see above
		}
	}
}

func (c *Client) readSourceOnce(ctx context.Context, s profile.SourceReader, u job.User, maxPages int) (sourceEntries, error) {
	entries := sourceEntries{newest: map[string]time.Time{}}
	count, haveAccounts := 0, false
	p := &pagination{client: c, operation: opActivity, listing: s.Source.Listing, key: s.Key, user: u, maxPages: maxPages}
	for it, err := range p.items(ctx) {
		isMissing := isNotFound(err) && p.pagesRead == 0 // which is valid only at the end
		if isMissing && s.Source.Optional {
			if !s.PerAccount {
				c.log.Warn().Str(job.FieldPath, string(s.Source.Path)).
					Msg("the directory has no log of activity here: accounts are judged by their last logins alone")
				c.warn(job.Warning{
					Code: job.WarnSourceMissing, Subject: string(s.Source.Path),
					Message: "the directory has no log of activity at this path: accounts are judged by their last logins alone",
				})
			}
			return sourceEntries{}, nil
		}
		if isMissing && s.PerAccount {
			return entries, fmt.Errorf("%w: %w", errNoSource, err)
		}
		if err != nil {
			return entries, err
		}
		if !it.value.IsObject() {
			return entries, it.wrap(fmt.Errorf("%s is not an entry: an object is needed", profile.Describe(it.value)))
		}
		if !s.Source.Includes(it.value) {
			continue
		}
		count++
		haveAccounts = haveAccounts || s.HasAccount(it.value)
		if entry, ok := s.Entry(it.value, u); ok {
			entries.add(entry)
		}
	}
	if count > 0 && !haveAccounts {
		return entries, fmt.Errorf("%w: %s: nothing at %s in any of %d entries", job.ErrProfile, c.profile.Where(s.Key+".account.path"), s.Source.Account.Path, count)
	}
	if !p.truncated && p.firstTotal > p.itemsRead {
		return entries, fmt.Errorf("the listing has %d entries and says that there are %d: it is incomplete, or %w", p.itemsRead, p.firstTotal, job.ErrChanged)
	}
	entries.complete = !p.truncated
	return entries, nil
}

// isNotFound reports whether the error is an answer that there is no such resource.
func isNotFound(err error) bool {
	var status *statusError
	return errors.As(err, &status) && status.Code == http.StatusNotFound && !status.RateLimited
}
