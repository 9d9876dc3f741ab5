package client

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"strconv"
	"time"
)

// wait waits until the rate limit allows another request, or until ctx is done.
func (c *Client) wait(ctx context.Context) error {
	if err := c.limiter.Wait(withoutDeadline{ctx}); err != nil {
		return cmp.Or(context.Cause(ctx), err)
	}
	return nil
}

// withoutDeadline is a context that does not tell its deadline. If the limiter
// knew it, it would give up before it, with an error that is not the context's.
type withoutDeadline struct{ context.Context }

func (withoutDeadline) Deadline() (time.Time, bool) { return time.Time{}, false }

// Servers that tell a caller what is left of a limit do so by one of these headers, and
// when it begins anew by one of resetHeaders. None of them is standardised.
var (
	remainingHeaders = []string{"X-RateLimit-Remaining", "X-Rate-Limit-Remaining", "RateLimit-Remaining"}
	resetHeaders     = []string{"X-RateLimit-Reset", "X-Rate-Limit-Reset", "RateLimit-Reset"}
)

// isExhausted reports whether the headers of a 403 say that it is the rate of requests
// that is forbidden, and not the request.
func isExhausted(header http.Header) bool {
	return header.Get("Retry-After") != "" || firstHeader(header, remainingHeaders) == "0"
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

// untilReset reads a header that says when requests are allowed again: as a time
// of RFC 3339, in seconds or milliseconds since 1970, or in seconds from now. The
// size of the number shows which it is. What can't be read is 0, and what is too
// long is cut.
func untilReset(header string, now time.Time) time.Duration {
	const year2001 = 1e9
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04Z07:00"} {
		if t, err := time.Parse(layout, header); err == nil {
			return min(max(0, t.Sub(now)), maxRetryAfter)
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
	return time.Duration(min(seconds, maxRetryAfter.Seconds()) * float64(time.Second))
}
