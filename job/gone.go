package job

import (
	"context"
	"errors"
	"fmt"
	"slices"
)

// recordGone records the results of the removals whose account was already gone. If the
// run changed no account at all, it reads the listing again first: a directory that
// answers every request with "no such account" may have been asked at the wrong URL.
func (c *Cleanup) recordGone(ctx context.Context, all []*removal) error {
	gone := map[string]*removal{}
	for _, m := range all {
		if m.account.Result == AlreadyGone {
			gone[m.candidate.User.ID] = m
		}
	}
	changed := slices.ContainsFunc(all, func(m *removal) bool { return m.account.Result == Removed || m.account.Result == Disabled })
	var err error
	if len(gone) > 0 && !changed {
		err = c.failStillListed(ctx, gone)
	}
	for _, m := range all {
		if gone[m.candidate.User.ID] == m {
			var failure error
			if m.account.Result == NotRemoved {
				failure = errStillListed
			}
			if recordErr := m.record(failure); errors.Is(recordErr, errNoRecord) {
				err = errors.Join(err, recordErr)
			}
		}
	}
	return err
}

// errStillListed means that the directory contradicts itself: a request for the account
// finds nothing, the listing has it.
var errStillListed = errors.New("the directory says that there is no such account, and still lists it: does the profile ask at the right path?")

// failStillListed sets the result of those removals to failed whose account the listing
// still has.
func (c *Cleanup) failStillListed(ctx context.Context, gone map[string]*removal) error {
	if ctx.Err() != nil {
		return nil
	}
	for u, err := range c.Directory.Users(ctx) {
		if err != nil {
			return fmt.Errorf("see whether accounts are gone: %w", err)
		}
		if m := gone[u.ID]; m != nil {
			m.account.Result, m.account.Error = NotRemoved, Describe(errStillListed)
		}
	}
	return nil
}
