package client

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"dormant/client/profile"
	"dormant/job"
)

// Remove removes one account for good. It calls confirm before every request, and
// sends none after an error of it, which it returns. If a request had no answer,
// and the account is gone at the next attempt, it returns job.ErrNotFound, because
// nobody can tell who removed the account.
func (c *Client) Remove(ctx context.Context, u job.User, confirm job.Confirm) error {
	return c.change(ctx, opRemove, c.profile.Remove, u, confirm)
}

// Disable takes from one account the right to log in; confirm and errors are as for
// Remove. It returns job.ErrUnsupported if the directory can't do that.
func (c *Client) Disable(ctx context.Context, u job.User, confirm job.Confirm) error {
	if c.profile.Disable == nil {
		return job.ErrUnsupported
	}
	return c.change(ctx, opDisable, c.profile.Disable, u, confirm)
}

// change performs all steps. Once the first has been performed, the others follow
// even if ctx ends.
func (c *Client) change(ctx context.Context, operation string, steps profile.Steps, u job.User, confirm job.Confirm) (err error) {
	defer func() { err = c.hide(err) }()
	if !job.SafeID(u.ID) {
		return fmt.Errorf("%s %q: %w", operation, u.ID, job.ErrUnsafeID)
	}
	if err := c.checkUnique(steps, u); err != nil {
		return err
	}
	var accepted error // what one of the steps has said that it will do later
	for i, step := range steps {
		stepCtx, end := ctx, func() {}
		if i > 0 {
			stepCtx, end = withGracePeriod(withUrgency(ctx))
		}
		err := c.performStep(stepCtx, operation, i, step, u, confirm)
		if i > 0 && errors.Is(err, job.ErrNotFound) && c.isGone(stepCtx, u) {
			err = nil // the steps so far have removed the account
		}
		end()
		open := errors.Is(err, job.ErrUnclear) || errors.Is(err, job.ErrUnnamed)
		switch {
		case errors.Is(err, job.ErrAccepted):
			accepted = err
		case i > 0 && open && i == len(steps)-1: // the account shows whether it was done
			return fmt.Errorf("step %d: %w", i+1, err)
		case i > 0 && err != nil:
			return fmt.Errorf("%w: %d of %d, and then: %w", job.ErrHalfDone, i, len(steps), err)
		case err != nil:
			return err
		}
	}
	return accepted
}

// gracePeriod is how long the steps after the first are tried when the run has
// been told to end.
const gracePeriod = time.Minute

// withGracePeriod returns a context that ends some time after ctx does. The caller
// has to call end.
func withGracePeriod(ctx context.Context) (extended context.Context, end func()) {
	extended, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() {
		last := time.AfterFunc(gracePeriod, func() { cancel(context.Cause(ctx)) })
		context.AfterFunc(extended, func() { last.Stop() })
	})
	return extended, func() {
		stop()
		cancel(nil)
	}
}

// isGone reports whether the directory does not show the account any more, or
// can't show it.
func (c *Client) isGone(ctx context.Context, u job.User) bool {
	look := c.Find
	if c.profile.Get == nil { // sources about one account alone may tell
		look = c.User
	}
	_, err := look(ctx, u)
	return errors.Is(err, job.ErrNotFound) || errors.Is(err, job.ErrUnsupported)
}

// performStep performs the step with this index, with retries.
func (c *Client) performStep(ctx context.Context, operation string, index int, step profile.Step, u job.User, confirm job.Confirm) error {
	r, requestErr := c.stepRequest(operation, step, u)
	mayComplete := errors.Is(requestErr, profile.ErrUnnamed) && c.profile.Get != nil // confirm may read what the listing lacks
	if requestErr != nil && !mayComplete {
		return requestErr
	}
	// prepare makes the request anew, of the account as it is now.
	prepare := func(current job.User) error {
		if err := checkAddress(step, c.profile.User, u, current); err != nil {
			return err
		}
		r, requestErr = c.stepRequest(operation, step, current)
		return requestErr
	}
	var earlierFailure error // of a request that is repeated
	var maybeDone error      // of one that may have been carried out all the same
	unanswered := false      // whether the last attempt ended without an answer
	declined := false        // by confirm
	err := c.retry(ctx, operation, func() error {
		unanswered = false
		// The token comes after confirm, which can take longer than a token lives.
		try := func() (err error) {
			ctx, turn, err := c.begin(ctx, operation)
			if err != nil {
				return noRetry{err}
			}
			defer turn.end()
			if err := confirm(ctx, prepare); err != nil {
				declined = true
				return noRetry{err}
			}
			if requestErr != nil {
				return noRetry{requestErr}
			}
			if r.token, err = c.tokens.token(ctx); err != nil {
				return noRetry{err}
			}
			if ctx.Err() != nil {
				return noRetry{context.Cause(ctx)}
			}
			defer func() { c.markChanged(u.ID) }() // when the request has ended
			r.key = fmt.Sprintf("%s[%d]", operation, index)
			return c.sendStep(ctx, r, step, u)
		}
		again, err := c.judgeToken(ctx, try(), r.token)
		if again {
			err = try()
		}
		if errors.As(err, new(noRetry)) {
			return err // of confirm, or of signing in
		}
		if isRetryable(err) {
			earlierFailure, unanswered = err, isConnectionError(err)
			if !isRateLimited(err) {
				maybeDone = err
			}
		}
		return err
	})
	switch {
	case err == nil:
		return nil
	case errors.Is(err, job.ErrNotFound) && earlierFailure != nil:
		return fmt.Errorf("%w now; an earlier request to %s it failed: %w", err, operation, earlierFailure)
	case declined && maybeDone != nil:
		return fmt.Errorf("%w; %w: %s: %w", err, job.ErrMaybeDone, operation, maybeDone)
	case unanswered:
		return fmt.Errorf("%w; it may have been done all the same", err)
	}
	return err
}

// sendStep sends one request. It waits for the answer even if ctx ends meanwhile:
// the answer tells what has become of the account.
func (c *Client) sendStep(ctx context.Context, r request, step profile.Step, u job.User) error {
	var code int
	var said error
	r.code = &code
	err := c.send(context.WithoutCancel(ctx), r, func(body io.Reader, header http.Header) error {
		err := c.checkAnswer(r, step, u, code, body, header)
		if isConnectionError(err) {
			return err
		}
		said = err // which is known even if the rest of the answer does not come
		return nil
	})
	err = cmp.Or(err, said)
	var status *statusError
	switch {
	case saysNotFound(step.NotFound, err):
		return asNotFound(err)
	case errors.As(err, &status) && saysRefused(step, status):
		return &refusedError{status}
	}
	return err
}

// A renamedError says which of the values that a request would address an account
// by have changed since the plan.
type renamedError struct{ placeholders, changes []string }

func (e *renamedError) Error() string {
	return fmt.Sprintf("%v: its %s has changed, by which the request would address it", job.ErrRenamed, strings.Join(e.placeholders, " and "))
}

// Detail has the values themselves, which are not for logs.
func (e *renamedError) Detail() string { return strings.Join(e.changes, ", ") }

func (e *renamedError) Unwrap() error { return job.ErrRenamed }

// checkAddress returns a *renamedError if a value by which the step addresses the
// account is not that of the plan: another account may have it now.
func checkAddress(step profile.Step, f profile.Fields, planned, current job.User) error {
	before, now := profile.AccountValues(planned), profile.AccountValues(current)
	e := &renamedError{}
	for _, name := range step.AddressedBy(f) {
		if before[name] != "" && now[name] != before[name] {
			e.placeholders = append(e.placeholders, name)
			e.changes = append(e.changes, fmt.Sprintf("%s was %q and is %q", name, before[name], now[name]))
		}
	}
	if len(e.placeholders) == 0 {
		return nil
	}
	return e
}

// anySuccess are all codes of success: which of them mean one, checkAnswer tells.
var anySuccess = func() []int {
	codes := make([]int, 100)
	for i := range codes {
		codes[i] = http.StatusOK + i
	}
	return codes
}()

func (c *Client) stepRequest(operation string, step profile.Step, u job.User) (request, error) {
	r := request{operation: operation, method: cmp.Or(step.Method, http.MethodDelete), success: anySuccess}
	bindings, err := c.bindings.ForAccount(u, step.Path, step.Body, step.Templates()...)
	if err != nil {
		return r, fmt.Errorf("%s: %w", operation, err)
	}
	r.headers = profile.ExpandAll(step.Headers, bindings)
	if !step.Body.IsZero() {
		body, err := json.Marshal(step.Body.Expand(bindings))
		if err != nil {
			return r, err
		}
		r.body = body
	}
	if step.Form != nil {
		r.body, r.bodyType = formBody(step.Form, bindings)
	}
	r.url, err = c.target(step.Path, bindings, profile.ExpandAll(step.Query, bindings))
	return r, err
}
