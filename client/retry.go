package client

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/cenkalti/backoff/v5"

	"dormant/job"
)

// The waits between two tries: the first, and the longest. Each is varied by
// half, so that many clients do not come back at once.
const (
	firstWait = 500 * time.Millisecond
	maxWait   = 30 * time.Second
)

// final is an error after which nothing is tried again, and which is returned as
// it is, whatever it is.
type final struct{ error }

func (f final) Unwrap() error { return f.error }

// retry tries until try succeeds, its error is one that would come again, or
// the retries are used up. The waits end with ctx.
func (c *Client) retry(ctx context.Context, operation string, try func() error) error {
	attempt := 0
	var last error
	asItIs := false
	once := func() (struct{}, error) {
		attempt++
		last = try()
		var unrepeatable final
		switch {
		case last == nil:
			return struct{}{}, nil
		case errors.As(last, &unrepeatable):
			last, asItIs = unrepeatable.error, true
			return struct{}{}, backoff.Permanent(last)
		case !retryable(last):
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
	case last == nil, err == nil, asItIs:
		// What the last try brought counts, even if ctx has ended meanwhile.
		return last
	case ctx.Err() != nil && retryable(last):
		return fmt.Errorf("%w while waiting to try again after: %w", context.Cause(ctx), last)
	case attempt > 1 && retryable(last):
		return fmt.Errorf("giving up after %d attempts: %w", attempt, last)
	}
	return last
}
