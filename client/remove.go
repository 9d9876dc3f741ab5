package client

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"

	"dormant/job"
)

// Remove removes one account for good. A request that got no answer is repeated
// only after confirm has agreed again; if the account is gone by then, that is
// ErrNotFound, because nobody can tell who removed it.
func (c *Client) Remove(ctx context.Context, u job.User, confirm func(context.Context) error) error {
	id := u.ID
	if !job.SafeID(id) {
		return fmt.Errorf("%s %q: %w", opRemove, id, job.ErrUnsafeID)
	}
	var unanswered error
	unsure := false // whether the last try ended without an answer
	err := c.retry(ctx, opRemove, func() error {
		unsure = false
		err := c.withToken(ctx, func(token string) error {
			if err := confirm(ctx); err != nil {
				return final{err}
			}
			if ctx.Err() != nil {
				return final{context.Cause(ctx)}
			}
			return c.removeOnce(ctx, id, token)
		})
		if errors.As(err, new(final)) {
			return err // of confirm, or of signing in
		}
		if retryable(err) {
			unanswered, unsure = err, errors.As(err, new(*connectionError))
		}
		return err
	})
	switch {
	case err == nil:
		return nil
	case errors.Is(err, job.ErrNotFound) && unanswered != nil:
		return fmt.Errorf("%w now; an earlier request to remove it failed: %w", err, unanswered)
	case unsure:
		return fmt.Errorf("%w; the account may be gone all the same", err)
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
		r.success = []int{http.StatusOK, http.StatusNoContent}
	}
	err := c.send(context.WithoutCancel(ctx), r, notAPage)
	var status *statusError
	if errors.As(err, &status) && isGone(status.Code, how.Gone) {
		return job.ErrNotFound
	}
	return err
}

// notAPage refuses a success that comes as a page for people: a portal or a
// login stands between us and the directory, and nobody knows what it did.
func notAPage(body io.Reader) error {
	// The beginning is enough: an answer that is cut short behind it was given.
	answer, err := io.ReadAll(io.LimitReader(body, 4096))
	switch answer = bytes.TrimSpace(answer); {
	case bytes.HasPrefix(answer, []byte("<")):
		return shapeErrorf("the answer to the removal is a page of HTML, not the API's: the account may still be there")
	case len(answer) > 0:
		return nil
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

// Disable is not there yet.
func (c *Client) Disable(context.Context, job.User, func(context.Context) error) error {
	return job.ErrUnsupported
}
