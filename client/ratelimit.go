package client

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"dormant/job"
)

// longWait is a wait that the log tells of.
const longWait = 5 * time.Second

// begin waits until a request of the operation may start, or until ctx is done. It returns
// a context for that request, and for those that have to be sent in the same turn. The
// caller has to end the turn when the request has ended.
func (c *Client) begin(ctx context.Context, operation string) (context.Context, *turn, error) {
	ctx, turn, err := c.throttle.enter(ctx)
	if err != nil {
		return ctx, nil, err
	}
	if err := c.wait(ctx, operation, turn); err != nil {
		turn.end()
		return ctx, nil, err
	}
	return ctx, turn, nil
}

func (c *Client) wait(ctx context.Context, operation string, turn *turn) error {
	for !turn.urgent {
		wait := c.throttle.delay(operation, time.Now())
		if wait <= 0 {
			break
		}
		if wait >= longWait {
			c.log.Info().Str(job.FieldOperation, operation).Float64(job.FieldWait, wait.Seconds()).
				Msg("waiting: the directory asked for it, or announced how many requests it will answer until then")
		}
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return fmt.Errorf("%w while waiting because of the directory's limit of requests", context.Cause(ctx))
		}
	}
	if err := c.limiter.Wait(withoutDeadline{ctx}); err != nil {
		return cmp.Or(context.Cause(ctx), err)
	}
	return nil
}

// withoutDeadline is a context that does not tell its deadline. If the limiter
// knew it, it would give up before it, with an error that is not the context's.
type withoutDeadline struct{ context.Context }

func (withoutDeadline) Deadline() (time.Time, bool) { return time.Time{}, false }

// isExhausted reports whether the headers of a 403 say that it is the rate of requests
// that is forbidden, and not the request.
func isExhausted(header http.Header) bool {
	a, ok := readAnnouncement(header, "", time.Time{})
	return header.Get("Retry-After") != "" || ok && a.remaining == 0
}

// firstHeader is the value of the first of the headers that is there.
func firstHeader(header http.Header, names []string) string {
	for _, name := range names {
		if value := header.Get(name); value != "" {
			return value
		}
	}
	return ""
}

// maxRetryAfter is the longest wait that a server can ask for.
const maxRetryAfter = 2 * time.Minute

// retryAfter reads a Retry-After header (RFC 9110, section 10.2.3): seconds or
// a date. What can't be read is 0, and what is too long is cut.
func retryAfter(header string, now time.Time) time.Duration {
	if seconds, err := strconv.ParseUint(header, 10, 31); err == nil || errors.Is(err, strconv.ErrRange) {
		return min(time.Duration(seconds)*time.Second, maxRetryAfter)
	}
	date, err := http.ParseTime(header)
	if err != nil {
		return 0
	}
	return min(max(0, date.Sub(now)), maxRetryAfter)
}

// untilReset is spanUntil, and what is too long is cut.
func untilReset(header string, now time.Time) time.Duration {
	return min(spanUntil(header, now), maxRetryAfter)
}

// maxReset bounds the time until a budget begins anew.
const maxReset = 24 * time.Hour

// spanUntil reads a header that says when requests are allowed again: as a time
// of RFC 3339, in seconds or milliseconds since 1970, or in seconds from now. The
// size of the number shows which it is. What can't be read is 0, and no span is longer
// than maxReset.
func spanUntil(header string, now time.Time) time.Duration {
	const year2001 = 1e9
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04Z07:00"} {
		if t, err := time.Parse(layout, header); err == nil {
			return min(max(0, t.Sub(now)), maxReset)
		}
	}
	seconds, err := strconv.ParseFloat(header, 64)
	if err == nil && seconds >= 1000*year2001 { // milliseconds
		seconds /= 1000
	}
	if err == nil && seconds >= year2001 {
		seconds -= float64(now.UnixMilli()) / 1000
	}
	if err != nil || !(seconds > 0) {
		return 0
	}
	return time.Duration(min(seconds, maxReset.Seconds()) * float64(time.Second))
}
