package client

import (
	"context"
	"errors"
	"io"
	"net/http"
	"testing"
	"time"

	"dormant/job"
)

func TestNoHeadersInTime(t *testing.T) {
	hang := func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }
	bubble(t, answering(routes{"GET /users": hang, "DELETE /users/1": hang}), func(t *testing.T, s *server) {
		c := connect(t, s, pagedProfile(t, ""), retries(1))
		start := time.Now()
		_, err := all(t, s, c)
		wantError(t, err, "page 1", "giving up after 2 attempts", "DORMANT_REQUEST_TIMEOUT")
		if took := time.Since(start); took < time.Minute || took > time.Minute+time.Second {
			t.Errorf("took %s", took)
		}
		wantError(t, c.Remove(t.Context(), job.User{ID: "1"}, agree), "giving up after 2 attempts", "DORMANT_REQUEST_TIMEOUT")
	})
}

func TestStalledListing(t *testing.T) {
	bubble(t, answering(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, `{"users":[{"id":1},{"id":2}`)
		w.(http.Flusher).Flush()
		<-r.Context().Done()
	})), func(t *testing.T, s *server) {
		start := time.Now()
		_, err := all(t, s, connect(t, s, pagedProfile(t, ""), retries(0)))
		if wantError(t, err, "page 1", "DORMANT_REQUEST_TIMEOUT"); time.Since(start) != 30*time.Second {
			t.Errorf("took %s", time.Since(start))
		}
	})
}

// TestSlowListing: a listing may take ten times the time-out if it never stands still.
func TestSlowListing(t *testing.T) {
	bubble(t, answering(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		<-time.After(29 * time.Second)
		io.WriteString(w, `{"users":[{"id":0}`)
		for range 10 {
			w.(http.Flusher).Flush()
			<-time.After(29 * time.Second)
			io.WriteString(w, `,{"id":1}`)
		}
		io.WriteString(w, `]}`)
	})), func(t *testing.T, s *server) {
		if _, err := all(t, s, connect(t, s, pagedProfile(t, ""), retries(0))); err != nil {
			t.Error(err)
		}
	})
}

// TestSlowConsumer: the time that the consumer takes does not count towards the time-
// out.
func TestSlowConsumer(t *testing.T) {
	bubble(t, answering(manyUsers(5*batchItems, 300)), func(t *testing.T, s *server) {
		n := 0
		for _, err := range connect(t, s, pagedProfile(t, ""), retries(0)).Users(t.Context()) {
			if err != nil {
				t.Fatal(err)
			}
			if n++; n%batchItems == 0 {
				<-time.After(time.Hour)
			}
		}
		if n != 5*batchItems {
			t.Errorf("%d users", n)
		}
	})
}

// TestSlowAnswer: an answer about one account has to be complete within the time-out.
func TestSlowAnswer(t *testing.T) {
	bubble(t, answering(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { drip(w, r, `{"user":[0`, 20*time.Second) })),
		func(t *testing.T, s *server) {
			start := time.Now()
			_, err := connect(t, s, builtin(t, "redmine"), retries(0)).User(t.Context(), job.User{ID: "1"})
			if wantError(t, err, "DORMANT_REQUEST_TIMEOUT"); time.Since(start) != 30*time.Second {
				t.Errorf("took %s", time.Since(start))
			}
		})
}

// TestSlowRefusal: the body of a refusal has to come within the time-out, and its code
// counts without the body.
func TestSlowRefusal(t *testing.T) {
	bubble(t, answering(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusConflict)
		drip(w, r, "no", 20*time.Second)
	})), func(t *testing.T, s *server) {
		err := connect(t, s, builtin(t, "maestro")).Remove(t.Context(), job.User{ID: "1"}, agree)
		var status *statusError
		if !errors.As(err, &status) || status.Code != 409 || len(s.seen()) != 1 {
			t.Error(err)
		}
	})
}

func TestSlowSuccess(t *testing.T) {
	bubble(t, answering(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { drip(w, r, "yes", 20*time.Second) })),
		func(t *testing.T, s *server) {
			if err := connect(t, s, builtin(t, "maestro")).Remove(t.Context(), job.User{ID: "1"}, agree); !errors.Is(err, job.ErrUnclear) || len(s.seen()) != 1 {
				t.Errorf("%d requests, %v", len(s.seen()), err)
			}
		})
}

func TestRateLimit(t *testing.T) {
	bubble(t, answering(routes{
		"GET /users?c=0": people(1, 1, `,"next":"a"`), "GET /users?c=a": people(2, 2, `,"next":null`), "DELETE /users/1": 200,
	}), func(t *testing.T, s *server) {
		c := connect(t, s, pagedProfile(t, byCursor), func(o *Options) { o.RateLimit = 0.5 })
		if _, err := all(t, s, c); err != nil {
			t.Error(err)
		}
		for range 3 {
			if err := c.Remove(t.Context(), job.User{ID: "1"}, agree); err != nil {
				t.Error(err)
			}
		}
		for _, gap := range s.gaps() {
			if gap < 2*time.Second {
				t.Errorf("a request after %s; the limit is one in 2s", gap)
			}
		}
		// A wait that the context won't outlast ends with the context, and says so.
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := c.Remove(ctx, job.User{ID: "1"}, agree); !errors.Is(err, context.DeadlineExceeded) || ctx.Err() == nil {
			t.Error(err)
		}
	})
}
