package client

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"dormant/job"
)

// roster is a directory with one listing and no way to read one account.
const roster = ", last_login: {path: last, missing: never}"

// TestListsAgain: where a single account can't be read, the listing is read again once
// it is older than a minute, once for all removals that wait for it.
func TestListsAgain(t *testing.T) {
	const old, recent = `{"users":[{"id":1,"last":"2020-01-01"},{"id":2,"last":"2020-01-01"}]}`, `{"users":[{"id":1,"last":"2025-01-01"},{"id":2,"last":"2020-01-01"}]}`
	for name, row := range map[string]struct {
		again  any // the second answer
		waits  []time.Duration
		change bool // a request about the account goes out before
		reads  int
		want   string // the last look's last login, or its error
	}{
		"at once":                    {recent, []time.Duration{0}, false, 1, job.ErrUnsupported.Error()},
		"within a minute":            {recent, []time.Duration{time.Minute - time.Nanosecond}, false, 1, job.ErrUnsupported.Error()},
		"after a minute":             {recent, []time.Duration{time.Minute}, false, 2, "2025-01-01T23:59:59Z"},
		"once a minute":              {recent, []time.Duration{time.Minute, 59 * time.Second}, false, 2, "2025-01-01T23:59:59Z"},
		"every minute":               {recent, []time.Duration{time.Minute, time.Minute}, false, 3, "2025-01-01T23:59:59Z"},
		"after a request":            {recent, []time.Duration{0}, true, 2, "2025-01-01T23:59:59Z"},
		"it is not listed any more":  {`{"users":[{"id":2,"last":null}]}`, []time.Duration{time.Hour}, false, 2, job.ErrNotFound.Error()},
		"nobody is listed any more":  {`{"users":[]}`, []time.Duration{time.Hour}, false, 0, "hard to believe"},
		"the listing fails":          {500, []time.Duration{time.Hour}, false, 0, "list users again"},
		"the listing is refused":     {403, []time.Duration{time.Hour}, false, 0, "403"},
		"the listing is cut short":   {`{"users":[{"id":1,"last":"2020-01-01"}`, []time.Duration{time.Hour}, false, 0, "cut short"},
		"it is another kind of page": {`<html>`, []time.Duration{time.Hour}, false, 0, "not JSON"},
	} {
		t.Run(name, func(t *testing.T) {
			fails := row.reads == 0 // each who asks tries
			first := true
			bubble(t, answering(routes{"DELETE /users/1": 404, "GET /users": func(w http.ResponseWriter, _ *http.Request) {
				answer := row.again
				if first {
					answer, first = old, false
				}
				if code, ok := answer.(int); ok {
					w.WriteHeader(code)
					return
				}
				fmt.Fprint(w, answer)
			}}), func(t *testing.T, s *server) {
				c := connect(t, s, sketch(t, "", roster, ""), retries(0))
				if _, err := all(t, s, c); err != nil {
					t.Fatal(err)
				}
				if row.change {
					<-time.After(time.Second)
					if err := c.Remove(t.Context(), job.User{ID: "1"}, agree); !errors.Is(err, job.ErrNotFound) {
						t.Fatal(err)
					}
					<-time.After(time.Second)
				}
				for _, wait := range row.waits {
					<-time.After(wait)
					var wg sync.WaitGroup
					for range 3 {
						wg.Go(func() {
							u, err := c.User(t.Context(), job.User{ID: "1"})
							if s.heard(err); err != nil {
								wantError(t, err, row.want)
								return
							}
							if u.ID != "1" || u.LastLogin.String() != row.want {
								t.Errorf("%+v, want %s", u, row.want)
							}
						})
					}
					wg.Wait()
				}
				if reads := strings.Count(s.lines()+"\n", "GET /users\n"); !fails && reads != row.reads {
					t.Errorf("the listing is read %d times, want %d:\n%s", reads, row.reads, s.lines())
				}
			})
		})
	}
}

// TestListsNothingAgain: a listing in pages, or one that has not been read yet, is not
// read again.
func TestListsNothingAgain(t *testing.T) {
	for name, more := range map[string]string{"nothing was listed": "", "in pages": ", page: {param: page, first: 1}"} {
		bubble(t, answering(routes{
			"GET /users": people(1, 2, ""), "GET /users?page=1": people(1, 2, ""), "GET /users?page=2": `{"users":[]}`,
		}), func(t *testing.T, s *server) {
			c := connect(t, s, sketch(t, more, roster, ""))
			if more != "" {
				if _, err := all(t, s, c); err != nil {
					t.Fatal(err)
				}
			}
			before := s.lines()
			<-time.After(time.Hour)
			if _, err := c.User(t.Context(), job.User{ID: "1"}); !errors.Is(err, job.ErrUnsupported) || s.lines() != before {
				t.Errorf("%s: %v\n%s", name, err, s.lines())
			}
		})
	}
}

// TestListsAgainWhileItRemoves: an account that logs in while others are removed is
// kept, and no request about it is sent.
func TestListsAgainWhileItRemoves(t *testing.T) {
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for takes, want := range map[time.Duration]string{59 * time.Second: "removed", 2 * time.Minute: "kept active_again"} {
		removed := 0
		bubble(t, answering(routes{
			"GET /users": func(w http.ResponseWriter, _ *http.Request) {
				last := "2020-01-02"
				if time.Now().After(start) {
					last = time.Now().Format(time.RFC3339)
				}
				accounts := []string{`{"id":1,"last":"2020-01-01"}`, fmt.Sprintf(`{"id":2,"last":%q}`, last), `{"id":3,"last":"2025-12-31"}`}
				fmt.Fprintf(w, `{"users":[%s]}`, strings.Join(accounts[removed:], ","))
			},
			"DELETE /users/1": func(w http.ResponseWriter, _ *http.Request) {
				<-time.After(takes)
				removed++
				w.WriteHeader(http.StatusNoContent)
			},
			"DELETE /users/2": func(w http.ResponseWriter, _ *http.Request) {
				removed++
				w.WriteHeader(http.StatusNoContent)
			},
		}), func(t *testing.T, s *server) {
			c := connect(t, s, sketch(t, "", roster, ""), func(o *Options) { o.Timeout = time.Hour })
			<-time.After(time.Until(start))
			now := time.Now()
			cleanup := job.Cleanup{
				Directory: c, Policy: job.Policy{InactiveFor: 90 * 24 * time.Hour},
				Limits: job.Limits{MaxRemovals: 10, MaxRemovalPercent: 100, MaxSilence: 14 * 24 * time.Hour}, Recheck: true, Concurrency: 1, MaxFailures: 3,
			}
			r := cleanup.Run(t.Context(), now)
			if r.Accounts.Len() != 2 {
				t.Fatalf("%+v", r)
			}
			got := strings.TrimSpace(string(r.Accounts.At(1).Result) + " " + string(r.Accounts.At(1).Reason))
			if want == "removed" {
				got = string(r.Accounts.At(1).Result)
			}
			if got != want || strings.Contains(s.lines(), "DELETE /users/2") != (want == "removed") {
				t.Errorf("%s: %s, want %s:\n%s", takes, got, want, s.lines())
			}
		})
	}
}
