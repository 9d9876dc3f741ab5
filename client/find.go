package client

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/tidwall/gjson"

	"dormant/job"
)

// Find looks for one account alone, whether it is still there and whether it is disabled,
// and reads nothing else of it. That it is not there is believed of an answer of the directory
// itself, to a request by its id: an account may have another name by now, and Find
// returns job.ErrUnproven. An account of which the answer says that it is gone may come
// with job.ErrNotFound: some directories keep what they have removed or disabled, and show it.
func (c *Client) Find(ctx context.Context, u job.User) (_ job.User, err error) {
	defer func() { err = c.hide(err) }()
	if c.profile.Get == nil {
		return job.User{}, job.ErrUnsupported
	}
	if !job.SafeID(u.ID) {
		return job.User{}, fmt.Errorf("%s %q: %w", opGet, u.ID, job.ErrUnsafeID)
	}
	part, err := c.readPart(ctx, "get[0]", c.profile.Get[0], u)
	gone := errors.Is(err, job.ErrNotFound)
	if gone && !part.IsObject() {
		var answer *notFoundError
		switch {
		case errors.As(err, &answer) && answer.elsewhere:
			return job.User{}, fmt.Errorf("%s: the directory answered %d with a page of HTML or after a redirect, which may be about something else", opGet, answer.code)
		case !slices.Contains(c.profile.Get[0].AddressedBy(c.profile.User), "id"):
			return job.User{}, fmt.Errorf("%s: %w", opGet, job.ErrUnproven)
		}
	}
	if err != nil && !gone || gone && !part.IsObject() {
		return job.User{}, fmt.Errorf("%s: %w", opGet, err)
	}
	found, known, readErr := c.accounts.Disabled(u.ID, part)
	if readErr == nil && !gone && !known && len(c.profile.Get) > 1 { // another part of the account tells
		var account gjson.Result
		if account, readErr = c.readAccount(ctx, u); readErr == nil {
			found, known, readErr = c.accounts.Disabled(u.ID, account)
		}
	}
	switch {
	case gone:
		return found, fmt.Errorf("%s: %w", opGet, err)
	case readErr != nil:
		return job.User{}, fmt.Errorf("%s: read account %q: %w", opGet, u.ID, readErr)
	}
	found.Partial = !known
	return found, nil
}
