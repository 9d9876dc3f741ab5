package client

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"dormant/job"
)

const (
	logsPath  = "GET /api/audit/logs?cursor=0&size=100"
	usersPath = "GET /api/users?cursor=0&size=100"
)

func TestActivity(t *testing.T) {
	s := serve(t, routes{
		logsPath: `{"cursor":{"current":0,"next":50,"previous":null},"action_logs":[
			{"id":1,"datetime":"2024-05-01T10:00:00-03:00","consumer_id":"user:1","module":"users","action":"update"},
			{"id":2,"datetime":"2024-06-01T10:00:00-03:00","consumer_id":"user:1","module":"users","action":"update"},
			{"id":3,"datetime":"2023-06-01T10:00:00-03:00","consumer_id":"user:1","module":"users","action":"update"},
			{"id":4,"datetime":"2024-06-01T10:00:00Z","consumer_id":"user:2"}, {"id":5,"datetime":"then","consumer_id":"user:2"},
			{"id":6,"datetime":"2025-06-01T10:00:00Z","consumer_id":"user:2"}]}`,
		strings.Replace(logsPath, "=0", "=50", 1): `{"cursor":{"next":null},"action_logs":[
			{"id":7,"consumer_id":"user:3"}, {"id":8,"datetime":null,"consumer_id":"user:4"}, {"id":9,"datetime":{},"consumer_id":"user:5"},
			{"datetime":"2024-06-01T10:00:00Z","consumer_id":"token:6"}, {"datetime":"2024-06-01T10:00:00Z","consumer_id":"user:"},
			{"datetime":"2024-06-01T10:00:00Z","consumer_id":7}, {"datetime":"2024-06-01T10:00:00Z","consumer_id":null},
			{"datetime":"2024-06-01T10:00:00Z","consumer_id":"USER:8"}, {"datetime":"2024-06-01T10:00:00Z","consumer_id":"user:gone"}]}`,
		usersPath:          people(1, 9, `,"cursor":{"next":null}`),
		"GET /api/users/1": `{"id":1,"superuser":false,"lastLogin":"2020-01-01T00:00:00Z"}`,
		"GET /api/users/2": `{"id":2,"superuser":false,"lastLogin":"2020-01-01T00:00:00Z"}`,
	})
	c := connect(t, s, builtin(t, "itflex"))
	users, err := all(t, s, c)
	if err != nil || len(users) != 9 {
		t.Fatal(users, err)
	}
	for i, u := range users {
		want := job.User{LastLogin: job.LastLogin{State: job.LoginHidden}} // no superuser flag
		switch i + 1 {
		case 1:
			want.LastActivity = time.Date(2024, 6, 1, 13, 0, 0, 0, time.UTC)
		case 2, 3, 4, 5:
			want.LastLogin.State = job.LoginUnreadable
		}
		if u.LastLogin != want.LastLogin || !u.LastActivity.Equal(want.LastActivity) {
			t.Errorf("user %s: login %s, activity %s; want %s, %s", u.ID, u.LastLogin, u.LastActivity, want.LastLogin, want.LastActivity)
		}
	}
	// What was proven holds for a second look as well.
	if u, err := c.User(t.Context(), job.User{ID: "1"}); err != nil || u.LastLogin.State != job.LoginKnown || u.LastActivity.Year() != 2024 {
		t.Errorf("%+v, %v", u, err)
	}
	if u, err := c.User(t.Context(), job.User{ID: "2"}); err != nil || u.LastLogin.State != job.LoginUnreadable {
		t.Errorf("%+v, %v", u, err)
	}
}

func TestActivityFails(t *testing.T) {
	next := `{"cursor":{"next":50},"action_logs":[{"consumer_id":"user:1","datetime":"2024-06-01T10:00:00Z"}]}`
	for name, row := range map[string]struct{ first, second any }{
		"403": {403, nil}, "401": {401, nil}, "500": {500, nil}, "302": {302, nil}, "410": {410, nil}, "204": {204, nil},
		"404 on page 2": {next, 404}, "403 on page 2": {next, 403}, "500 on page 2": {next, 500}, "circle": {next, next},
		"no events": {`{"cursor":{"next":null}}`, nil}, "HTML": {`<html>`, nil},
		"an event is null":   {`{"cursor":{"next":null},"action_logs":[null]}`, nil},
		"an event is a text": {`{"cursor":{"next":null},"action_logs":["user:1"]}`, nil}, "cut": {cut(`{"action_logs":[`), nil},
	} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, routes{logsPath: row.first, strings.Replace(logsPath, "=0", "=50", 1): row.second})
			users, err := all(t, s, connect(t, s, builtin(t, "itflex"), retries(0)))
			if wantError(t, err, "list activity: ", "page "); len(users) > 0 || strings.Contains(s.lines(), "/users") {
				t.Errorf("users are listed all the same: %s", s.lines())
			}
		})
	}
}

// The documentation shows the events and not what surrounds them.
func TestActivityInOneResponse(t *testing.T) {
	s := serve(t, routes{
		logsPath:  `{"action_logs":[{"consumer_id":"user:2","datetime":"2024-06-01T10:00:00Z"}]}`,
		usersPath: people(1, 2, `,"cursor":{"next":null}`),
	})
	users, err := all(t, s, connect(t, s, builtin(t, "itflex")))
	if err != nil || len(users) != 2 || !users[0].LastActivity.IsZero() || users[1].LastActivity.Year() != 2024 {
		t.Errorf("%+v, %v", users, err)
	}
}

// TestNoActivityLog: a directory without an optional log is listed, with a warning.
func TestNoActivityLog(t *testing.T) {
	s := serve(t, routes{"GET /log": 404, "GET /users": people(1, 2, "")})
	p := withActivity(t, "  {path: /log, optional: true, items: log, account: {path: who}, at: at}\n")
	if users, err := all(t, s, connect(t, s, p)); err != nil || ids(users) != "1 2" {
		t.Errorf("%s, %v", ids(users), err)
	}
	if !strings.Contains(s.logged(), "no log of activity") || !strings.Contains(s.logged(), `"level":"warn"`) {
		t.Errorf("no warning: %s", s.logged())
	}
}

// TestActivityIsRefreshed: the sources about all accounts are read again before a
// removal if the last reading is more than a minute old, once for all accounts that
// wait for it.
func TestActivityIsRefreshed(t *testing.T) {
	const shared, own = "  - {path: /log, items: log, account: {path: who}, at: at}\n", "  - {path: \"/users/{id}/s\", items: \"@this\", at: at}\n"
	const get = "get: {path: \"/users/{id}\"}\n"
	for _, row := range []struct {
		name     string
		activity string
		listed   bool
		waits    []time.Duration // before each two looks at once
		reads    []int           // of the log after each, and the listing's
	}{
		{"at once", shared, true, []time.Duration{0, 0}, []int{1, 1}},
		{"within a minute", shared, true, []time.Duration{time.Minute - time.Nanosecond}, []int{1}},
		{"after a minute", shared, true, []time.Duration{time.Minute}, []int{2}},
		{"once a minute", shared, true, []time.Duration{50 * time.Second, 20 * time.Second, 50 * time.Second, 20 * time.Second}, []int{1, 2, 2, 3}},
		{"with own sources", shared + own, true, []time.Duration{time.Hour}, []int{1}},
		{"with own sources first", own + shared, true, []time.Duration{time.Hour}, []int{1}},
		{"own ones alone", own, true, []time.Duration{time.Hour}, []int{0}},
		{"where nothing was listed", shared, false, []time.Duration{0, time.Hour}, []int{0, 0}},
	} {
		t.Run(row.name, func(t *testing.T) {
			bubble(t, answering(routes{
				"GET /users": people(1, 1, ""), "GET /users/1": `{"id":1}`, "GET /users/1/s": `[]`,
				"GET /log": func(w http.ResponseWriter, _ *http.Request) {
					fmt.Fprintf(w, `{"log":[{"who":1,"at":%d}]}`, time.Now().Unix())
				},
			}), func(t *testing.T, s *server) {
				c := connect(t, s, withActivity(t, row.activity+get))
				if row.listed {
					if _, err := all(t, s, c); err != nil {
						t.Fatal(err)
					}
				}
				var wg sync.WaitGroup
				for i, wait := range row.waits {
					<-time.After(wait)
					for range 2 {
						wg.Go(func() {
							u, err := c.User(t.Context(), job.User{ID: "1"})
							if old := time.Since(u.LastActivity); err != nil || row.activity == shared && row.listed && old > time.Minute+time.Second {
								t.Errorf("look %d: %v, %v", i+1, u, err)
							}
						})
					}
					wg.Wait()
					if reads := strings.Count(s.lines()+"\n", "GET /log\n"); reads != row.reads[i] {
						t.Errorf("the log is read %d times after %s, want %d:\n%s", reads, wait, row.reads[i], s.lines())
					}
				}
			})
		})
	}
}

// TestSnapshotIsDatedFromItsStart: an event that happens while the sources are read
// may be missing in what they said.
func TestSnapshotIsDatedFromItsStart(t *testing.T) {
	for _, row := range []struct {
		name  string
		takes time.Duration // each reading of the log
		wait  time.Duration // from its end
		reads int           // after four looks at once
	}{
		{"a minute after its start", 30 * time.Second, 30 * time.Second, 2},
		{"right before that", 30 * time.Second, 30*time.Second - time.Nanosecond, 1},
		{"longer than a look lives", 90 * time.Second, 0, 2},
	} {
		t.Run(row.name, func(t *testing.T) {
			bubble(t, answering(routes{
				"GET /users": people(1, 1, ""), "GET /users/1": `{"id":1}`,
				"GET /log": func(w http.ResponseWriter, _ *http.Request) {
					start := time.Now().Unix()
					<-time.After(row.takes)
					fmt.Fprintf(w, `{"log":[{"who":1,"at":%d}]}`, start)
				},
			}), func(t *testing.T, s *server) {
				c := connect(t, s, withActivity(t, "  {path: /log, items: log, account: {path: who}, at: at}\nget: {path: \"/users/{id}\"}\n"),
					func(o *Options) { o.Timeout = time.Hour })
				if _, err := all(t, s, c); err != nil {
					t.Fatal(err)
				}
				<-time.After(row.wait)
				asked := time.Now()
				var wg sync.WaitGroup
				for range 4 {
					wg.Go(func() {
						u, err := c.User(t.Context(), job.User{ID: "1"})
						if old := asked.Sub(u.LastActivity); err != nil || old > time.Minute+time.Second {
							t.Errorf("%v old, %v", old, err)
						}
					})
				}
				wg.Wait()
				if reads := strings.Count(s.lines()+"\n", "GET /log\n"); reads != row.reads {
					t.Errorf("the log is read %d times, want %d:\n%s", reads, row.reads, s.lines())
				}
			})
		})
	}
}

// TestAccountSourceBesideAFile: where last logins come from an activity file, what the
// directory itself proves still counts, before the plan is made.
func TestAccountSourceBesideAFile(t *testing.T) {
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for _, coverage := range []string{"life", "complete"} {
		s := serve(t, routes{
			"GET /users":   `{"users":[{"id":1},{"id":2},{"id":3}]}`,
			"GET /users/1": `{"id":1}`, "GET /users/1/s": `[{"at":"2025-12-31"}]`,
			"GET /users/2": `{"id":2}`, "GET /users/2/s": `[{"at":"2020-12-31"}]`,
			"GET /users/3": `{"id":3}`, "GET /users/3/s": `[{"at":"2025-12-31"}]`,
		})
		file, err := job.ReadActivity(strings.NewReader("id,last_login\n1,2020-01-01\n2,2020-01-01\n"), now)
		if err != nil {
			t.Fatal(err)
		}
		c := connect(t, s, withActivity(t, "  {path: \"/users/{id}/s\", items: \"@this\", at: at, coverage: "+coverage+"}\nget: {path: \"/users/{id}\"}\n"))
		cleanup := job.Cleanup{Directory: c, Activity: file, Policy: job.Policy{InactiveSince: now.AddDate(0, -3, 0)}}
		got := map[string]string{}
		for u, err := range cleanup.Detailed(t.Context(), c.Users(t.Context()), now) {
			if err != nil {
				t.Fatal(err)
			}
			got[u.ID] = describeUse(u)
		}
		want := map[string]string{"1": "absent, active 2025-12-31T23:59:59Z", "2": "absent, active 2020-12-31T23:59:59Z", "3": "absent, partial"}
		if coverage == "complete" {
			want = map[string]string{"1": "2025-12-31T23:59:59Z", "2": "2020-12-31T23:59:59Z", "3": "2025-12-31T23:59:59Z"}
		}
		if !maps.Equal(got, want) {
			t.Errorf("%s: %v, want %v", coverage, got, want)
		}
	}
}

// TestRefreshFails: an account is not judged by old activity if the sources can't be
// read again.
func TestRefreshFails(t *testing.T) {
	for name, answer := range map[string]any{"404": 404, "403": 403, "500": 500, "HTML": "<html>", "nobody is named": `{"log":[{"at":"2024-01-01"}]}`} {
		bubble(t, answering(routes{"GET /users": people(1, 1, ""), "GET /users/1": `{"id":1,"last":"2020-01-01"}`, "GET /log": turns(`{"log":[]}`, answer)}),
			func(t *testing.T, s *server) {
				c := connect(t, s, withActivity(t, "  {path: /log, items: log, account: {path: who}, at: at}\nget: {path: \"/users/{id}\"}\n"), retries(0))
				if _, err := all(t, s, c); err != nil {
					t.Fatal(err)
				}
				<-time.After(time.Hour)
				u, err := c.User(t.Context(), job.User{ID: "1"})
				if s.heard(err); err == nil || errors.Is(err, job.ErrNotFound) {
					t.Errorf("%s: %v, %v", name, u, err)
				}
				wantError(t, err, "list activity")
			})
	}
}
