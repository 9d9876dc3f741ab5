package client

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"testing"
	"time"

	"dormant/job"
)

func TestUntilReset(t *testing.T) {
	now := time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)
	epoch := func(d time.Duration) string { return strconv.FormatInt(now.Add(d).Unix(), 10) }
	for header, want := range map[string]time.Duration{
		"": 0, "0": 0, "-5": 0, "5": 5 * time.Second, "1.5": 1500 * time.Millisecond, "119": 119 * time.Second, "121": maxRetryAfter, "999999999": maxRetryAfter,
		epoch(0): 0, epoch(time.Second): time.Second, epoch(30 * time.Second): 30 * time.Second, epoch(-time.Hour): 0, epoch(time.Hour): maxRetryAfter,
		epoch(30*time.Second) + "000": 30 * time.Second, epoch(time.Hour) + "000": maxRetryAfter, epoch(-time.Hour) + "000": 0, epoch(30*time.Second) + ".5": 30*time.Second + 500*time.Millisecond,
		"2026-05-04T12:00:30Z": 30 * time.Second, "2026-05-04T14:00:30+02:00": 30 * time.Second, "2026-05-04T12:01Z": time.Minute, "2026-05-04T11:59:59Z": 0, "2099-01-01T00:00:00Z": maxRetryAfter,
		"soon": 0, "NaN": 0, "Inf": maxRetryAfter, "-Inf": 0, "1e400": 0, "1e300": maxRetryAfter, "0x10": 0, " 5": 0, "5s": 0, "5, 6": 0, "2026-05-04": 0,
	} {
		if got := untilReset(header, now); got != want {
			t.Errorf("%q: %s, want %s", header, got, want)
		}
	}
	// A clock between two seconds.
	if got := untilReset(epoch(2*time.Second), now.Add(250*time.Millisecond)); got != 1750*time.Millisecond {
		t.Errorf("%s", got)
	}
}

func FuzzUntilReset(f *testing.F) {
	for _, header := range []string{"", "1", "-1", "1777000030", "1777000030000", "1e308", "NaN", "2026-05-04T12:00Z", "9999-12-31T23:59:59Z", "0000-01-01T00:00:00Z"} {
		f.Add(header, int64(1_777_000_000))
	}
	f.Fuzz(func(t *testing.T, header string, now int64) {
		wait := untilReset(header, time.Unix(now, 0))
		if wait < 0 || wait > maxRetryAfter {
			t.Errorf("%q: %s", header, wait)
		}
	})
}

const tooFast = `rate_limit: {reset: X-Reset, also: {code: 403, if: {path: error.errors.#.reason, in: [userRateLimitExceeded, quota*]}}}` + "\n"

// until answers with a code and the time at which the wait ends.
func until(code int, wait time.Duration, layout string) func(http.ResponseWriter, *http.Request) {
	return func(w http.ResponseWriter, _ *http.Request) {
		at := time.Now().Add(wait)
		text := at.UTC().Format(layout)
		if layout == "" {
			text = strconv.FormatInt(at.Unix(), 10)
		}
		w.Header().Set("X-Reset", text)
		w.WriteHeader(code)
	}
}

// TestWaitsForReset: the next attempt comes when the rate limit is reset.
func TestWaitsForReset(t *testing.T) {
	const limited = `{"error":{"errors":[{"reason":"userRateLimitExceeded"}]}}`
	for name, row := range map[string]struct {
		answer   func(http.ResponseWriter, *http.Request)
		min, max time.Duration
	}{
		"seconds from now":   {status(429, "", "X-Reset", "7"), 7 * time.Second, 7 * time.Second},
		"since 1970":         {until(429, 90*time.Second, ""), 89 * time.Second, 90 * time.Second},
		"RFC 3339":           {until(429, 42*time.Second, time.RFC3339), 41 * time.Second, 42 * time.Second},
		"far away":           {status(429, "", "X-Reset", "86400"), maxRetryAfter, maxRetryAfter},
		"over":               {until(429, -time.Minute, ""), firstWait / 2, firstWait * 3 / 2},
		"garbage":            {status(429, "", "X-Reset", "soon"), firstWait / 2, firstWait * 3 / 2},
		"nothing":            {status(429, ""), firstWait / 2, firstWait * 3 / 2},
		"Retry-After wins":   {status(429, "", "X-Reset", "7", "Retry-After", "3"), 3 * time.Second, 3 * time.Second},
		"403 that means 429": {status(403, limited, "X-Reset", "7"), 7 * time.Second, 7 * time.Second},
		"403, Retry-After":   {status(403, limited, "Retry-After", "4"), 4 * time.Second, 4 * time.Second},
		"403, no header":     {status(403, limited), firstWait / 2, firstWait * 3 / 2},
		"503 has no limit":   {status(503, "", "X-Reset", "7"), firstWait / 2, firstWait * 3 / 2},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, answering(routes{
				"GET /users": turns(row.answer, people(1, 1, "")), "DELETE /users/1": turns(row.answer, 204), "GET /users/1": turns(row.answer, `{"id":1}`),
			}), func(t *testing.T, s *server) {
				<-time.After(3 * 365 * 24 * time.Hour) // a bubble begins in the year 2000, with times since 1970 that could be spans
				c := connect(t, s, sketch(t, "", "", tooFast+"get: {path: \"/users/{id}\"}\n"))
				_, listing := all(t, s, c)
				_, reading := c.User(t.Context(), job.User{ID: "1"})
				asked := 0
				removing := c.Remove(t.Context(), job.User{ID: "1"}, func(_ context.Context, _ func(job.User) error) error { asked++; return nil })
				if err := errors.Join(listing, reading, removing); err != nil || asked != 2 {
					t.Errorf("asked %d times: %v", asked, err)
				}
				for i, gap := range s.gaps() {
					if i%2 == 0 && (gap < row.min || gap > row.max) {
						t.Errorf("waited %s, want %s to %s", gap, row.min, row.max)
					}
				}
			})
		})
	}
}

// TestForbidden: a 403 that is not about the rate limit is about the credentials, and
// is not tried again.
func TestForbidden(t *testing.T) {
	for _, body := range []string{``, `{}`, `{"error":{"errors":[{"reason":"forbidden"}]}}`, `{"error":{"errors":[]}}`, `{"error":{"errors":[{}]}}`, `<html>quota</html>`, `{"error":"quota"}`} {
		s := serve(t, routes{"GET /users": status(403, body, "X-Reset", "1")})
		_, err := all(t, s, connect(t, s, sketch(t, "", "", tooFast)))
		if !errors.Is(err, job.ErrCredentials) {
			t.Errorf("%s: %v", body, err)
		}
		s.wantRequests(t, "GET /users")
	}
	// One that goes on for too long is no matter of the credentials either.
	bubble(t, answering(routes{"GET /users": status(403, `{"error":{"errors":[{"reason":"quotaExceeded"}]}}`)}), func(t *testing.T, s *server) {
		_, err := all(t, s, connect(t, s, sketch(t, "", "", tooFast), retries(2)))
		if wantError(t, err, "giving up after 3 attempts", "too many requests"); errors.Is(err, job.ErrCredentials) {
			t.Error(err)
		}
	})
}

// TestRateLimitIsNotGone: an answer about the rate limit never means that the account
// is gone or the credentials are wrong, whatever its code otherwise means.
func TestRateLimitIsNotGone(t *testing.T) {
	for _, code := range []int{404, 401, 409} {
		limit := "rate_limit: {also: {code: " + strconv.Itoa(code) + ", if: {path: slow, in: [true]}}}\n"
		slow := status(code, `{"slow":true}`)
		bubble(t, answering(routes{"DELETE /users/1": turns(slow, 204), "GET /users/1": turns(slow, `{"id":1}`), "GET /users/1/s": turns(slow, `[]`)}), func(t *testing.T, s *server) {
			c := connect(t, s, sketch(t, "", "", limit+"get: {path: \"/users/{id}\"}\nactivity: {path: \"/users/{id}/s\", optional: true, items: \"@this\", at: at}\n"))
			_, reading := c.User(t.Context(), job.User{ID: "1"})
			if err := errors.Join(reading, c.Remove(t.Context(), job.User{ID: "1"}, agree)); err != nil {
				t.Errorf("%d: %v", code, err)
			}
			s.wantRequests(t, "GET /users/1", "GET /users/1", "GET /users/1/s", "GET /users/1/s", "DELETE /users/1", "DELETE /users/1")
		})
	}
}

// TestForbiddenThatMeansSlowDown: a 403 that says when to come back, or that nothing is left
// of a limit, is about the rate and not about the request.
func TestForbiddenThatMeansSlowDown(t *testing.T) {
	for name, row := range map[string]struct {
		headers map[string]string
		waits   time.Duration // 0: it is forbidden for good
	}{
		"nothing":                 {nil, 0},
		"Retry-After":             {map[string]string{"Retry-After": "7"}, 7 * time.Second},
		"none left, with a reset": {map[string]string{"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "9"}, 9 * time.Second},
		"none left, Okta's":       {map[string]string{"X-Rate-Limit-Remaining": "0", "X-Rate-Limit-Reset": "5"}, 5 * time.Second},
		"none left, the draft's":  {map[string]string{"RateLimit-Remaining": "0", "RateLimit-Reset": "3"}, 3 * time.Second},
		"none left, no reset":     {map[string]string{"X-RateLimit-Remaining": "0"}, time.Millisecond},
		"some left":               {map[string]string{"X-RateLimit-Remaining": "1", "X-RateLimit-Reset": "9"}, 0},
		"a reset alone":           {map[string]string{"X-RateLimit-Reset": "9"}, 0},
	} {
		for _, operation := range []string{"list", "remove"} {
			t.Run(name+"/"+operation, func(t *testing.T) {
				bubble(t, func(*testing.T) http.Handler {
					first := true
					return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
						if first {
							first = false
							for name, value := range row.headers {
								w.Header().Set(name, value)
							}
							w.WriteHeader(http.StatusForbidden)
							return
						}
						_, _ = w.Write([]byte(people(1, 1, "")))
					})
				}, func(t *testing.T, s *server) {
					c := connect(t, s, load(t, smallest))
					start := time.Now()
					var err error
					if operation == "list" {
						_, err = all(t, s, c)
					} else {
						err = c.Remove(t.Context(), job.User{ID: "1"}, agree)
					}
					took, requests := time.Since(start), len(s.seen())
					switch {
					case row.waits == 0 && (requests != 1 || !errors.Is(err, job.ErrCredentials)):
						t.Errorf("%d requests, %v", requests, err)
					case row.waits > 0 && (requests < 2 || err != nil || took < row.waits || took > row.waits+10*time.Second):
						t.Errorf("%d requests in %s, %v", requests, took, err)
					}
				})
			})
		}
	}
}
