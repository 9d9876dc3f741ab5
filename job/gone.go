package job

import (
	"context"
	"errors"
	"fmt"
	"slices"
)

// settleGone puts on record who was gone before anything was done. If that is all
// that the run has come to, it looks once more: a directory that answers every
// request with "no such account" may have been asked at the wrong place.
func (c *Cleanup) settleGone(ctx context.Context, all []*removal) error {
	gone := map[string]*removal{}
	for _, m := range all {
		if m.account.Result == AlreadyGone {
			gone[m.candidate.User.ID] = m
		}
	}
	did := slices.ContainsFunc(all, func(m *removal) bool { return m.account.Result == Removed || m.account.Result == Disabled })
	var err error
	if len(gone) > 0 && !did {
		err = c.stillListed(ctx, gone)
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

// errStillListed says that what the directory says of one account, it does not
// say of all of them.
var errStillListed = errors.New("the directory says that there is no such account, and still lists it: does the profile ask at the right path?")

// stillListed marks those that the listing still has.
func (c *Cleanup) stillListed(ctx context.Context, gone map[string]*removal) error {
	if ctx.Err() != nil {
		return nil
	}
	for u, err := range c.Directory.Users(ctx) {
		if err != nil {
			return fmt.Errorf("see whether accounts are gone: %w", err)
		}
		if m := gone[u.ID]; m != nil {
			m.account.Result, m.account.Error = NotRemoved, describe(errStillListed)
		}
	}
	return nil
}
