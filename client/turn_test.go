package client

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"dormant/job"
)

const single = "get: {path: \"/users/{id}\"}\n"

// TestPausesTogether: when one request is told to wait, no other one starts until then.
func TestPausesTogether(t *testing.T) {
	for _, row := range []struct {
		code    int
		headers map[string]string
	}{
		{429, map[string]string{"Retry-After": "30"}},
		{429, map[string]string{"X-RateLimit-Reset": "30"}},
		{429, map[string]string{"RateLimit": `"a";r=0;t=30`}},
		{403, map[string]string{"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "30"}},
		{403, map[string]string{"RateLimit": "limit=10, remaining=0, reset=30"}},
	} {
		t.Run(fmt.Sprint(row), func(t *testing.T) {
			var n atomic.Int32
			h := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				<-time.After(100 * time.Millisecond)
				if n.Add(1) == 101 {
					for name, value := range row.headers {
						w.Header().Set(name, value)
					}
					w.WriteHeader(row.code)
					return
				}
				io.WriteString(w, `{"id":1}`)
			})
			bubble(t, answering(h), func(t *testing.T, s *server) {
				c := connect(t, s, sketch(t, "", "", single))
				stop := busy(t, c, 4)
				<-time.After(25 * time.Second)
				if got := n.Load(); got < 101 || got > 108 {
					t.Errorf("%d requests until the end of the wait", got)
				}
				<-time.After(20 * time.Second)
				if got := n.Load(); got < 200 {
					t.Errorf("%d requests with the time after the wait", got)
				}
				stop()
			})
		})
	}
}

// busy reads an account with so many workers, until the function that it returns is called.
func busy(t *testing.T, c *Client, workers int) (stop func()) {
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	for range workers {
		running.Go(func() {
			for ctx.Err() == nil {
				if _, err := c.User(ctx, job.User{ID: "1"}); err != nil && ctx.Err() == nil {
					t.Error(err)
				}
			}
		})
	}
	return func() {
		cancel()
		running.Wait()
	}
}

// TestLookStaysNextToRemoval: however few requests may be under way, nothing comes between
// the look at an account and its removal, and they do not wait for each other.
func TestLookStaysNextToRemoval(t *testing.T) {
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		<-time.After(100 * time.Millisecond)
		if r.Method == http.MethodGet {
			fmt.Fprintf(w, `{"id":%q}`, r.URL.Path[strings.LastIndexByte(r.URL.Path, '/')+1:])
		}
	})
	bubble(t, answering(h), func(t *testing.T, s *server) {
		c := connect(t, s, sketch(t, "", "", single))
		for range 5 {
			c.throttle.refused(c.throttle.start(time.Now()), time.Now(), 0)
		}
		if c.throttle.atOnce() != 1 {
			t.Fatal(c.throttle.atOnce())
		}
		c.throttle.hold = time.Hour
		var running sync.WaitGroup
		for i := range 20 {
			u := job.User{ID: strconv.Itoa(i)}
			running.Go(func() {
				err := c.Remove(t.Context(), u, func(ctx context.Context, _ func(job.User) error) error {
					_, err := c.User(ctx, u)
					return err
				})
				if err != nil && !errors.Is(err, job.ErrUnclear) {
					t.Error(err)
				}
			})
		}
		running.Wait()
		seen := s.seen()
		if len(seen) != 40 {
			t.Fatalf("%d requests", len(seen))
		}
		for i := 0; i < len(seen); i += 2 {
			if seen[i].method != http.MethodGet || seen[i+1].method != http.MethodDelete || seen[i].uri != seen[i+1].uri {
				t.Errorf("%s, and then %s", seen[i], seen[i+1])
			}
		}
	})
}

// TestRequestsDuringAListing: whoever reads a listing may send other requests meanwhile,
// even if only one may be under way.
func TestRequestsDuringAListing(t *testing.T) {
	for name, paging := range map[string]string{"one response": "", "pages": byCursor} {
		t.Run(name, func(t *testing.T) {
			h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if strings.HasSuffix(r.URL.Path, "/users/1") {
					io.WriteString(w, `{"id":1}`)
					return
				}
				if paging != "" && r.URL.Query().Get("c") != "9" {
					io.WriteString(w, people(1, 3000, `,"next":"9"`))
					return
				}
				io.WriteString(w, people(3001, 8000, `,"next":null`))
			})
			bubble(t, answering(h), func(t *testing.T, s *server) {
				p := pagedProfile(t, paging)
				p.Get = sketch(t, "", "", single).Get
				c := connect(t, s, p, connections(1))
				n := 0
				for _, err := range c.Users(t.Context()) {
					if n++; err != nil {
						t.Fatal(err)
					}
					if n%1000 == 0 {
						if _, err := c.User(t.Context(), job.User{ID: "1"}); err != nil {
							t.Fatal(err)
						}
					}
				}
				if n < 5000 {
					t.Errorf("%d accounts", n)
				}
			})
		})
	}
}

// TestNextStepIsNotDelayed: once the first step of a change was performed, neither a pause
// nor other requests keep the next one from following.
func TestNextStepIsNotDelayed(t *testing.T) {
	bubble(t, answering(routes{"POST /users/1/off": 200, "DELETE /users/1": 204}), func(t *testing.T, s *server) {
		p := sketch(t, "", "", "")
		p.Remove = load(t, strings.Replace(smallest, `remove: {path: "/users/{id}"}`,
			`remove: [{method: POST, path: "/users/{id}/off"}, {path: "/users/{id}"}]`, 1)).Remove
		c := connect(t, s, p, connections(1))
		start, asked := time.Now(), 0
		err := c.Remove(t.Context(), job.User{ID: "1"}, func(context.Context, func(job.User) error) error {
			if asked++; asked == 1 {
				c.throttle.refused(c.throttle.start(time.Now()), time.Now(), time.Hour)
			}
			return nil
		})
		if err != nil || time.Since(start) > time.Second {
			t.Errorf("%v after %s", err, time.Since(start))
		}
		s.wantRequests(t, "POST /users/1/off", "DELETE /users/1")
	})
}

// TestWaitForATurnEnds: who waits gives up when told to, and leaves the turn to others.
func TestWaitForATurnEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		th := newThrottle(1)
		_, held, err := th.enter(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		why := errors.New("enough")
		ctx, cancel := context.WithTimeoutCause(t.Context(), time.Second, why)
		defer cancel()
		if _, _, err := th.enter(ctx); !errors.Is(err, why) {
			t.Errorf("%v", err)
		}
		held.end()
		held.end()     // a second time makes no difference
		for range 50 { // both at the same moment
			_, held, err := th.enter(t.Context())
			if err != nil || th.underWay != 1 {
				t.Fatal(th.underWay, err)
			}
			ctx, cancel := context.WithCancel(t.Context())
			go func() {
				if _, turn, err := th.enter(ctx); err == nil {
					turn.end()
				}
			}()
			synctest.Wait()
			cancel()
			held.end()
			synctest.Wait()
		}
	})
}
