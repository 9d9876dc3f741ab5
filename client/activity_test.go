package client

import (
	"strings"
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

func TestNoActivityLog(t *testing.T) {
	s := serve(t, routes{logsPath: 404, usersPath: people(1, 2, `,"cursor":{"next":null}`)})
	if users, err := all(t, s, connect(t, s, builtin(t, "itflex"))); err != nil || ids(users) != "1 2" {
		t.Errorf("%s, %v", ids(users), err)
	}
	if !strings.Contains(s.logged(), "no log of activity") || !strings.Contains(s.logged(), `"level":"warn"`) {
		t.Errorf("no warning: %s", s.logged())
	}
}
