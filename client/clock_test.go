package client

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"testing"
	"time"

	"dormant/job"
)

func TestClocks(t *testing.T) {
	for _, c := range []struct {
		off    time.Duration
		warned bool
		err    string
	}{
		{0, false, ""},
		{5 * time.Minute, false, ""},
		{-5 * time.Minute, false, ""},
		{5*time.Minute + time.Second, true, ""},
		{-5*time.Minute - time.Second, true, ""},
		{24 * time.Hour, true, ""},
		{-24 * time.Hour, true, ""},
		{24*time.Hour + time.Second, false, "correct the clock"},
		{-24*time.Hour - time.Second, false, "correct the clock"},
		{365 * 24 * time.Hour, false, "correct the clock"},
	} {
		t.Run(c.off.String(), func(t *testing.T) {
			bubble(t, func(*testing.T) http.Handler {
				return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
					w.Header().Set("Date", time.Now().Add(c.off).UTC().Format(http.TimeFormat))
					_, _ = io.WriteString(w, people(1, 2, ""))
				})
			}, func(t *testing.T, s *server) {
				client := connect(t, s, load(t, smallest))
				users, err := all(t, s, client)
				if c.err != "" {
					wantError(t, err, "list users: page 1", "the directory says that it is", c.err)
					return
				}
				if err != nil || ids(users) != "1 2" {
					t.Errorf("%s, %v", ids(users), err)
				}
				_, _ = all(t, s, client) // which warns no second time
				want := 0
				if c.warned {
					want = 1
				}
				if got := client.Warnings(); len(got) != want || want > 0 && got[0].Code != job.WarnClock {
					t.Errorf("warnings: %+v", got)
				}
			})
		})
	}
}

// TestClockOfAChange: what became of an account follows from what the directory says of it,
// whatever clock stands on that answer alone. A look or a listing has the clock that counts.
func TestClockOfAChange(t *testing.T) {
	for _, off := range []time.Duration{time.Hour, -25 * time.Hour, 25 * time.Hour, 365 * 24 * time.Hour} {
		for code, want := range map[int]error{204: nil, 404: job.ErrNotFound, 403: job.ErrCredentials, 422: job.ErrDeclined} {
			date := time.Now().Add(off).UTC().Format(http.TimeFormat)
			s := serve(t, routes{"DELETE /users/1": status(code, "", "Date", date), "POST /users/1/lock": status(code, "", "Date", date), "GET /users/1": status(200, `{"id":1,"off":false}`, "Date", date)})
			c := connect(t, s, sketch(t, "", ", disabled: off", "get: {path: \"/users/{id}\"}\ndisable: {method: POST, path: \"/users/{id}/lock\"}\n"))
			one := job.User{ID: "1"}
			for _, err := range []error{c.Remove(t.Context(), one, agree), c.Disable(t.Context(), one, agree)} {
				if !errors.Is(err, want) {
					t.Errorf("%s, %d: %v, want %v", off, code, err, want)
				}
			}
			if _, err := c.Find(t.Context(), one); off.Abs() > clockRefusal && err == nil {
				t.Errorf("%s: a look with that clock is believed", off)
			}
		}
	}
}

// A Date that is missing, or none, tells nothing.
func TestNoClock(t *testing.T) {
	for _, date := range [][]string{nil, {""}, {"yesterday"}, {"2020-01-01T00:00:00Z"}} {
		s := serve(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header()["Date"] = date
			_, _ = io.WriteString(w, people(1, 2, ""))
		}))
		c := connect(t, s, load(t, smallest))
		if users, err := all(t, s, c); err != nil || ids(users) != "1 2" || len(c.Warnings()) > 0 {
			t.Errorf("%q: %s, %v, %+v", date, ids(users), err, c.Warnings())
		}
	}
}

func TestByteOrderMark(t *testing.T) {
	for name, row := range map[string]struct {
		text string
		err  string
	}{
		"one":               {"\ufeff" + people(1, 2, ""), ""},
		"and white space":   {"\ufeff\r\n " + people(1, 2, ""), ""},
		"alone":             {"\ufeff", "the answer is empty"},
		"two":               {"\ufeff\ufeff" + people(1, 2, ""), "not JSON"},
		"within the answer": {"{\ufeff}", "not JSON"},
	} {
		s := serve(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = fmt.Fprint(w, row.text) }))
		users, err := all(t, s, connect(t, s, load(t, smallest), retries(0)))
		if row.err != "" {
			wantError(t, err, row.err)
		} else if err != nil || ids(users) != "1 2" {
			t.Errorf("%s: %s, %v", name, ids(users), err)
		}
	}
}

// What a cache has may be from before a login.
func TestNoCache(t *testing.T) {
	s := serve(t, routes{"GET /users": people(1, 1, ""), "DELETE /users/1": 204})
	c := connect(t, s, load(t, smallest))
	if _, err := all(t, s, c); err != nil {
		t.Error(err)
	}
	if err := c.Remove(t.Context(), job.User{ID: "1"}, agree); err != nil {
		t.Error(err)
	}
	for _, w := range s.seen() {
		wantHeaders(t, w, map[string]string{"Cache-Control": "no-cache"})
	}
}
