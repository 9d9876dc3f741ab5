package client

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/cenkalti/backoff/v5"

	"dormant/job"
)

// The waits between two attempts: the first, and the longest. Each is varied by
// half, so that many clients do not come back at once.
const (
	firstWait = 500 * time.Millisecond
	maxWait   = 30 * time.Second
)

// noRetry marks an error after which nothing is tried again. retry returns the
// error in it unchanged.
type noRetry struct{ error }

func (e noRetry) Unwrap() error { return e.error }

// retry calls try until it succeeds, its error is one that would come again, or
// the retries are used up. The waits end with ctx.
func (c *Client) retry(ctx context.Context, operation string, try func() error) error {
	attempt := 0
	var last error
	unchanged := false
	once := func() (struct{}, error) {
		attempt++
		last = try()
		var stop noRetry
		switch {
		case last == nil:
			return struct{}{}, nil
		case errors.As(last, &stop):
			last, unchanged = stop.error, true
			return struct{}{}, backoff.Permanent(last)
		case !isRetryable(last):
			return struct{}{}, backoff.Permanent(last)
		}
		var status *statusError
		if errors.As(last, &status) && status.RetryAfter > 0 {
			return struct{}{}, &backoff.RetryAfterError{Duration: status.RetryAfter}
		}
		return struct{}{}, last
	}
	waits := &backoff.ExponentialBackOff{
		InitialInterval: firstWait, MaxInterval: maxWait, Multiplier: 2, RandomizationFactor: 0.5,
	}
	_, err := backoff.Retry(ctx, once,
		backoff.WithBackOff(waits),
		backoff.WithMaxTries(uint(c.maxRetries)+1),
		backoff.WithMaxElapsedTime(0),
		backoff.WithNotify(func(_ error, wait time.Duration) {
			c.observer.Retry(operation)
			c.log.Warn().Str(job.FieldOperation, operation).Int(job.FieldAttempt, attempt).
				Float64(job.FieldWait, wait.Seconds()).Err(last).Msg("request failed, trying again")
		}),
	)
	switch {
	case last == nil, err == nil, unchanged:
		// The result of the last attempt counts, even if ctx has ended meanwhile.
		return last
	case ctx.Err() != nil && isRetryable(last):
		return fmt.Errorf("%w while waiting to try again after: %w", context.Cause(ctx), last)
	case attempt > 1 && isRetryable(last):
		return fmt.Errorf("giving up after %d attempts: %w", attempt, last)
	}
	return last
}
