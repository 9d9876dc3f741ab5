package client

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"

	"dormant/job"
)

// Remove removes one account for good. A request that got no answer is repeated
// only after confirm has agreed again; if the account is gone by then, that is
// ErrNotFound, because nobody can tell who removed it.
func (c *Client) Remove(ctx context.Context, id string, confirm func(context.Context) error) error {
	var unanswered error
	err := c.retry(ctx, opRemove, func(int) error {
		err := c.withToken(ctx, func(token string) error {
			if err := confirm(ctx); err != nil {
				return final{err}
			}
			return c.removeOnce(ctx, id, token)
		})
		if retryable(err) {
			unanswered = err
		}
		return err
	})
	switch {
	case err == nil:
		return nil
	case errors.Is(err, job.ErrNotFound) && unanswered != nil:
		return fmt.Errorf("%w now; an earlier request to remove it failed: %w", err, unanswered)
	}
	return err
}

// removeOnce sends one request. It is carried through even if ctx ends
// meanwhile: the answer tells whether the account is gone.
func (c *Client) removeOnce(ctx context.Context, id, token string) error {
	how := c.profile.Remove
	r := request{
		operation: opRemove, method: http.MethodDelete, token: token,
		path:    how.Path.path(c.values(map[string]string{"id": id})),
		success: how.Success,
	}
	if r.success == nil {
		r.success = []int{http.StatusOK, http.StatusAccepted, http.StatusNoContent}
	}
	err := c.send(context.WithoutCancel(ctx), r, nil)
	var status *StatusError
	if errors.As(err, &status) && isGone(status.Code, how.Gone) {
		return job.ErrNotFound
	}
	return err
}

// isGone reports whether the code says that there is no such account.
func isGone(code int, gone []int) bool {
	if gone == nil {
		gone = []int{http.StatusNotFound, http.StatusGone}
	}
	return slices.Contains(gone, code)
}
