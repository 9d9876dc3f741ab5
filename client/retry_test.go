package client

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"dormant/client/profile"
	"dormant/job"
)

// gaps are the times between the requests so far.
func (s *server) gaps() []time.Duration {
	var gaps []time.Duration
	seen := s.seen()
	for i := 1; i < len(seen); i++ {
		gaps = append(gaps, seen[i].at.Sub(seen[i-1].at))
	}
	return gaps
}

func TestRetriedCodes(t *testing.T) {
	retried := map[int]bool{408: true, 429: true, 500: true, 502: true, 503: true, 504: true}
	for code := 201; code < 600; code++ {
		if http.StatusText(code) == "" {
			continue
		}
		bubble(t, answering(routes{
			"GET /users":   turns(code, people(1, 2, "")),
			"GET /users/1": turns(code, `{"id":1}`),
		}), func(t *testing.T, s *server) {
			p := pagedProfile(t, "")
			p.Get = profile.Lookups{{Listing: profile.Listing{Path: "/users/{id}"}}}
			c := connect(t, s, p)
			_, listing := all(t, s, c)
			_, reading := c.User(t.Context(), job.User{ID: "1"})
			for what, err := range map[string]error{"list": listing, "get": reading} {
				if s.heard(err); (err == nil) != retried[code] {
					t.Errorf("%d, %s: error %v", code, what, err)
				}
			}
			want := 2
			if retried[code] {
				want = 4
			}
			if n := len(s.seen()); n != want {
				t.Errorf("%d: %d requests, want %d", code, n, want)
			}
		})
	}
}

func TestBackoff(t *testing.T) {
	bubble(t, answering(routes{"GET /users": 503}), func(t *testing.T, s *server) {
		_, err := all(t, s, connect(t, s, pagedProfile(t, ""), retries(12)))
		wantError(t, err, "list users: page 1: giving up after 13 attempts: the directory answered 503")
		want := firstWait
		for i, gap := range s.gaps() {
			if gap < want/2 || gap > want*3/2 {
				t.Errorf("wait %d is %s, want %s and half as much more or less", i+1, gap, want)
			}
			want = min(2*want, 30*time.Second)
		}
		if s.observed["retry list"] != 12 || s.observed["list 503"] != 13 {
			t.Errorf("observed %v", s.observed)
		}
	})
}

func TestNoRetries(t *testing.T) {
	bubble(t, answering(routes{"GET /users": 503}), func(t *testing.T, s *server) {
		_, err := all(t, s, connect(t, s, pagedProfile(t, ""), retries(0)))
		if wantError(t, err, "503"); len(s.seen()) != 1 || s.observed["retry list"] != 0 {
			t.Errorf("%d requests", len(s.seen()))
		}
	})
}

func TestRetryAfterIsKept(t *testing.T) {
	for header, want := range map[string]time.Duration{
		"7": 7 * time.Second, "120": 2 * time.Minute, "86400": maxRetryAfter, "99999999999999999999": maxRetryAfter,
		"Sat, 01 Jan 2000 00:00:42 GMT": 42 * time.Second, // a bubble begins with the year 2000
		"Sun, 02 Jan 2000 00:00:00 GMT": maxRetryAfter,
	} {
		for _, code := range []int{429, 503} {
			bubble(t, answering(routes{"GET /users": turns(status(code, "", "Retry-After", header), people(1, 1, ""))}),
				func(t *testing.T, s *server) {
					if _, err := all(t, s, connect(t, s, pagedProfile(t, ""))); err != nil {
						t.Error(err)
					}
					if gaps := s.gaps(); len(gaps) != 1 || gaps[0] != want {
						t.Errorf("Retry-After %q: waited %v, want %s", header, gaps, want)
					}
				})
		}
	}
}

// TestRetriedPage: every page fails in the middle once, and no account comes twice.
func TestRetriedPage(t *testing.T) {
	bubble(t, answering(routes{
		"GET /users?c=0": turns(cut(`{"users":[{"id":1},{"id":2}`), cut(people(1, 3, `,"next":"a"`)), people(1, 3, `,"next":"a"`)),
		"GET /users?c=a": turns(cut(`{"users":[{"id":4},{"i`), 503, people(3, 5, `,"next":null`)),
	}), func(t *testing.T, s *server) {
		users, err := all(t, s, connect(t, s, pagedProfile(t, byCursor)))
		if err != nil || ids(users) != "1 2 3 4 5" {
			t.Errorf("got %s, %v", ids(users), err)
		}
	})
}

// TestRetriedPageByOffset: the items of a failed attempt do not count towards the next
// offset, or accounts would be skipped.
func TestRetriedPageByOffset(t *testing.T) {
	bubble(t, answering(routes{
		"GET /users?o=0": turns(cut(`{"users":[{"id":1},{"id":2}`), people(1, 3, `,"n":5`)),
		"GET /users?o=3": turns(cut(`{"users":[{"id":4}`), people(4, 5, `,"n":5`)),
	}), func(t *testing.T, s *server) {
		users, err := all(t, s, connect(t, s, pagedProfile(t, byOffset)))
		if err != nil || ids(users) != "1 2 3 4 5" {
			t.Errorf("got %s, %v", ids(users), err)
		}
	})
}

// TestRetriedPageWithOtherContents: a second attempt that shows another last login is
// an error: the first may already be in a plan.
func TestRetriedPageWithOtherContents(t *testing.T) {
	bubble(t, answering(routes{
		"GET /users": turns(cut(`{"users":[{"id":1,"last":"2020-01-01"}`), `{"users":[{"id":1,"last":"2026-01-01"}]}`),
	}), func(t *testing.T, s *server) {
		_, err := all(t, s, connect(t, s, pagedProfile(t, "")))
		wantError(t, err, "page 1, item 1")
	})
}

func TestNetworkErrors(t *testing.T) {
	bubble(t, answering(routes{"GET /users": people(1, 1, "")}), func(t *testing.T, s *server) {
		c := connect(t, s, pagedProfile(t, ""))
		failures := 3
		c.wire().DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
			if failures--; failures >= 0 {
				return nil, &net.OpError{Op: "dial", Net: network, Err: errors.New("connection refused")}
			}
			return s.dial(ctx, network, address)
		}
		if _, err := all(t, s, c); err != nil {
			t.Error(err)
		}
		if s.observed["retry list"] != 3 || s.observed["list 0"] != 3 {
			t.Errorf("observed %v", s.observed)
		}
		synctest.Wait()
		c.Close()
		failures = 1000
		_, err := all(t, s, c)
		wantError(t, err, "giving up after 6 attempts", "connection refused")
		if strings.Contains(s.logged(), "/users") {
			t.Errorf("the log or an error shows a URL, which may hold cursors and ids: %s", s.logged())
		}
	})
}

func TestCancelWhileWaiting(t *testing.T) {
	bubble(t, answering(routes{
		"GET /users": status(503, "", "Retry-After", "100"), "DELETE /users/1": status(503, "", "Retry-After", "100"),
	}), func(t *testing.T, s *server) {
		c := connect(t, s, pagedProfile(t, ""))
		for name, try := range map[string]func(context.Context) error{
			"list": func(ctx context.Context) (last error) {
				for _, err := range c.Users(ctx) {
					last = err
				}
				return last
			},
			"remove": func(ctx context.Context) error { return c.Remove(ctx, job.User{ID: "1"}, agree) },
		} {
			why := errors.New("the operator had enough")
			ctx, cancel := context.WithTimeoutCause(t.Context(), 10*time.Second, why)
			start := time.Now()
			err := try(ctx)
			cancel()
			if took := time.Since(start); took != 10*time.Second || !errors.Is(err, why) {
				t.Errorf("%s ended after %s with %v", name, took, err)
			}
			wantError(t, err, "503")
		}
		if len(s.seen()) != 2 {
			t.Errorf("%d requests", len(s.seen()))
		}
	})
}

// TestNoRetryReturnsTheErrorUnchanged: retry returns the error in noRetry unchanged,
// even if it looks like one to retry.
func TestNoRetryReturnsTheErrorUnchanged(t *testing.T) {
	bubble(t, answering(routes{}), func(t *testing.T, s *server) {
		ctx, cancel := context.WithCancel(t.Context())
		c := connect(t, s, pagedProfile(t, ""))
		want := fmt.Errorf("wrapped: %w", &statusError{Code: 503})
		tries := 0
		err := c.retry(ctx, opRemove, func() error {
			if tries++; tries == 1 {
				return &connectionError{errors.New("reset")}
			}
			cancel()
			return noRetry{want}
		})
		if err != want || tries != 2 { //nolint:errorlint // as it is
			t.Errorf("after %d tries: %v", tries, err)
		}
	})
}

func TestRetryAfter(t *testing.T) {
	now := time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)
	for header, want := range map[string]time.Duration{
		"": 0, "0": 0, "1": time.Second, "119": 119 * time.Second, "121": maxRetryAfter, "4294967296": maxRetryAfter,
		"-1": 0, "1.5": 0, "soon": 0, "1s": 0, "0x10": 0, "+5": 0,
		"Mon, 04 May 2026 12:00:30 GMT":  30 * time.Second,
		"Monday, 04-May-26 12:00:30 GMT": 30 * time.Second,
		"Mon May  4 12:00:30 2026":       30 * time.Second,
		"Mon, 04 May 2026 11:59:00 GMT":  0,
		"Mon, 04 May 2099 11:59:00 GMT":  maxRetryAfter,
		"2026-05-04T12:00:30Z":           0,
	} {
		if got := retryAfter(header, now); got != want {
			t.Errorf("%q: %s, want %s", header, got, want)
		}
	}
}

func FuzzRetryAfter(f *testing.F) {
	for _, header := range []string{"", "1", "-1", "99999999999", "Mon, 04 May 2026 12:00:30 GMT", "Fri, 31 Dec 9999 23:59:59 GMT"} {
		f.Add(header, int64(1_777_000_000))
	}
	f.Fuzz(func(t *testing.T, header string, now int64) {
		if wait := retryAfter(header, time.Unix(now, 0)); wait < 0 || wait > maxRetryAfter {
			t.Errorf("%q: %s", header, wait)
		}
	})
}
