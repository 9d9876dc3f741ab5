package client

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/tidwall/gjson"

	"dormant/client/profile"
	"dormant/job"
)

// Remove removes one account for good. A request that got no answer is repeated
// only after confirm has agreed again; if the account is gone by then, that is
// ErrNotFound, because nobody can tell who removed it.
func (c *Client) Remove(ctx context.Context, u job.User, confirm job.Confirm) error {
	return c.change(ctx, opRemove, c.profile.Remove, u, confirm)
}

// Disable takes from one account the right to log in. It repeats requests as
// Remove does.
func (c *Client) Disable(ctx context.Context, u job.User, confirm job.Confirm) error {
	if c.profile.Disable == nil {
		return job.ErrUnsupported
	}
	return c.change(ctx, opDisable, c.profile.Disable, u, confirm)
}

// change takes all the steps. Once the first has been taken, the others follow
// even if ctx ends.
func (c *Client) change(ctx context.Context, operation string, steps profile.Steps, u job.User, confirm job.Confirm) error {
	if !job.SafeID(u.ID) {
		return fmt.Errorf("%s %q: %w", operation, u.ID, job.ErrUnsafeID)
	}
	for i, step := range steps {
		during, end := ctx, func() {}
		if i > 0 {
			during, end = outliving(ctx)
		}
		err := c.take(during, operation, step, u, confirm)
		if i > 0 && errors.Is(err, job.ErrNotFound) && c.isGone(during, u) {
			err = nil // the steps so far have done it
		}
		end()
		switch {
		case i > 0 && err != nil:
			return fmt.Errorf("%w: %d of %d, and then: %w", job.ErrHalfDone, i, len(steps), err)
		case err != nil:
			return err
		}
	}
	return nil
}

// carryThrough is for how long the steps after the first are tried when the run
// has been told to end.
const carryThrough = time.Minute

// outliving is a context that ends some time after ctx does.
func outliving(ctx context.Context) (during context.Context, end func()) {
	during, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() {
		last := time.AfterFunc(carryThrough, func() { cancel(context.Cause(ctx)) })
		context.AfterFunc(during, func() { last.Stop() })
	})
	return during, func() {
		stop()
		cancel(nil)
	}
}

// isGone reports whether the directory does not show the account any more, or
// can't show it.
func (c *Client) isGone(ctx context.Context, u job.User) bool {
	_, err := c.User(ctx, u)
	return errors.Is(err, job.ErrNotFound) || errors.Is(err, job.ErrUnsupported)
}

// take takes one step, as often as it has to be tried.
func (c *Client) take(ctx context.Context, operation string, step profile.Step, u job.User, confirm job.Confirm) error {
	r, unfilled := c.stepRequest(operation, step, u)
	if unfilled != nil && !(errors.Is(unfilled, errUnnamed) && c.profile.Get != nil) { // what the listing lacks, the look may have
		return unfilled
	}
	prepare := func(current job.User) error {
		if err := c.renamed(step, u, current); err != nil {
			return err
		}
		r, unfilled = c.stepRequest(operation, step, current)
		return unfilled
	}
	var unanswered error
	unsure := false // whether the last try ended without an answer
	err := c.retry(ctx, operation, func() error {
		unsure = false
		// The token is fetched after the look, which can take longer than a token lives.
		try := func() (err error) {
			if err := c.wait(ctx); err != nil {
				return final{err}
			}
			if err := confirm(ctx, prepare); err != nil {
				return final{err}
			}
			if unfilled != nil {
				return final{unfilled}
			}
			if r.token, err = c.tokens.token(ctx); err != nil {
				return final{err}
			}
			if ctx.Err() != nil {
				return final{context.Cause(ctx)}
			}
			defer func() { c.hasChanged(u.ID) }() // when the request has ended
			return c.takeOnce(ctx, r, step)
		}
		err := try()
		if !errors.As(err, new(final)) && c.ended(err, r.token) {
			err = try()
		}
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
		return fmt.Errorf("%w now; an earlier request to %s it failed: %w", err, operation, unanswered)
	case unsure:
		return fmt.Errorf("%w; it may have been done all the same", err)
	}
	return err
}

// takeOnce sends one request. It is carried through even if ctx ends meanwhile:
// the answer tells what has become of the account.
func (c *Client) takeOnce(ctx context.Context, r request, step profile.Step) error {
	err := c.send(context.WithoutCancel(ctx), r, func(body io.Reader, _ http.Header) error { return readChanged(step, body, c.secrets(r.token)) })
	if saysGone(step.Missing, err) {
		return job.ErrNotFound
	}
	return err
}

// A renamedError says which of the values that a request would address an account by have
// changed since the plan.
type renamedError struct{ values, changes []string }

func (e *renamedError) Error() string {
	return fmt.Sprintf("%v: its %s has changed, by which the request would address it", job.ErrRenamed, strings.Join(e.values, " and "))
}

// Detail has the values themselves, which are not for logs.
func (e *renamedError) Detail() string { return strings.Join(e.changes, ", ") }

func (e *renamedError) Unwrap() error { return job.ErrRenamed }

// renamed returns an error if a value has changed by which the step addresses the account.
func (c *Client) renamed(step profile.Step, planned, current job.User) error {
	was, is := profile.AccountPlaceholders(planned), profile.AccountPlaceholders(current)
	e := &renamedError{}
	for _, name := range step.AddressedBy(c.profile.User) {
		if was[name] != "" && is[name] != was[name] {
			e.values = append(e.values, name)
			e.changes = append(e.changes, fmt.Sprintf("%s was %q and is %q", name, was[name], is[name]))
		}
	}
	if len(e.values) == 0 {
		return nil
	}
	return e
}

func (c *Client) stepRequest(operation string, step profile.Step, u job.User) (request, error) {
	r := request{operation: operation, method: cmp.Or(step.Method, http.MethodDelete), success: step.Success}
	if r.success == nil {
		r.success = []int{http.StatusOK, http.StatusNoContent}
	}
	values, err := c.about(u, step.Path, step.Body, step.Templates()...)
	if err != nil {
		return r, fmt.Errorf("%s: %w", operation, err)
	}
	r.headers = profile.Texts(step.Headers, values)
	if !step.Body.IsZero() {
		body, err := json.Marshal(step.Body.Expand(values, c.asJSON(u)))
		if err != nil {
			return r, err
		}
		r.body = body
	}
	if step.Form != nil {
		r.body, r.bodyType = formBody(step.Form, values)
	}
	r.url, err = c.target(step.Path, values, profile.Texts(step.Query, values))
	return r, err
}

// maxAnswer is how much of the answer to a change is read, in bytes.
const maxAnswer = 64 << 10

// readChanged makes sure that a success is one. A page for people is none: a portal or
// a login stands between us and the directory, and nobody knows what it did.
func readChanged(s profile.Step, body io.Reader, secrets []string) error {
	raw, err := io.ReadAll(io.LimitReader(body, maxAnswer))
	raw = bytes.TrimSpace(raw)
	switch {
	case bytes.HasPrefix(raw, []byte("<")):
		return shapeErrorf("the answer is a page of HTML, not the API's: nothing may have been done")
	case s.SuccessIf == nil && s.GoneIf == nil:
		// The beginning is enough: an answer that is cut short behind it was given.
		if len(raw) > 0 {
			return nil
		}
		return err
	case err != nil:
		return err
	}
	answer := &statusError{Code: http.StatusOK, Denied: true, detail: excerpt(raw, true, secrets)}
	switch {
	case gjson.ValidBytes(raw):
		answer.body = gjson.ParseBytes(raw)
	case len(raw) > 0 && s.SuccessIf != nil: // nothing that anybody could read anything into
		return answer
	}
	if saysGone(s.Missing, answer) {
		return job.ErrNotFound
	}
	if s.SuccessIf != nil {
		if holds, known, err := s.SuccessIf.Holds(answer.body); !holds || !known || err != nil {
			return answer
		}
	}
	return nil
}

// saysGone reports whether the answer says that there is no such account.
func saysGone(m profile.Missing, err error) bool {
	var status *statusError
	if !errors.As(err, &status) || status.TooFast {
		return errors.Is(err, job.ErrNotFound)
	}
	if m.GoneIf != nil {
		if holds, known, err := m.GoneIf.Holds(status.body); holds && known && err == nil {
			return true
		}
	}
	codes := m.Gone
	if codes == nil {
		codes = []int{http.StatusNotFound, http.StatusGone}
	}
	return slices.Contains(codes, status.Code)
}
