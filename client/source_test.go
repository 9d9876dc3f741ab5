package client

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"dormant/client/profile"
	"dormant/job"
)

// describeUse is what is known of the account's use, on one line.
func describeUse(u job.User) string {
	text := u.LastLogin.String()
	if !u.LastActivity.IsZero() {
		text += ", active " + u.LastActivity.UTC().Format(time.RFC3339)
	}
	if u.Partial {
		text += ", partial"
	}
	return text
}

// withActivity is a profile with sources of activity, and users that have a last
// login if the listing shows one.
func withActivity(t testing.TB, activity string) *profile.Profile {
	t.Helper()
	return sketch(t, "", ", username: name, email: email, last_login: {path: last, missing: absent}, created: made, optional: [username, email, created]", "activity:\n"+activity)
}

// TestCoverage: what entries and their absence mean, by the source's coverage.
func TestCoverage(t *testing.T) {
	const (
		log     = `{"log":[{"who":1,"at":"2024-02-01T00:00:00Z"},{"who":9,"at":"2023-01-01T00:00:00Z"},{"who":1,"at":"2024-03-01T00:00:00Z"}]}`
		undated = `{"log":[{"who":1},{"who":9,"at":"2023-01-01T00:00:00Z"}]}`
		odd     = `{"log":[{"who":1,"at":"soon"},{"who":1,"at":"2024-03-01T00:00:00Z"}]}`
		never   = `{"log":[{"who":1,"at":null},{"who":2,"at":0}]}`
		empty   = `{"log":[]}`
	)
	for name, row := range map[string]struct {
		log, account string
		want         [3]string // with the coverage life, log, complete
	}{
		"in it":                         {log, `"id":1`, [3]string{"absent, active 2024-03-01T00:00:00Z", "2024-03-01T00:00:00Z", "2024-03-01T00:00:00Z"}},
		"in it, newer":                  {log, `"id":1,"last":"2020-01-01T00:00:00Z"`, [3]string{"2020-01-01T00:00:00Z, active 2024-03-01T00:00:00Z", "2024-03-01T00:00:00Z", "2024-03-01T00:00:00Z"}},
		"in it, older":                  {log, `"id":1,"last":"2025-01-01T00:00:00Z"`, [3]string{"2025-01-01T00:00:00Z, active 2024-03-01T00:00:00Z", "2025-01-01T00:00:00Z", "2025-01-01T00:00:00Z"}},
		"in it, though never":           {log, `"id":1,"last":null`, [3]string{"never, active 2024-03-01T00:00:00Z", "2024-03-01T00:00:00Z", "2024-03-01T00:00:00Z"}},
		"in it, unreadable":             {log, `"id":1,"last":"?"`, [3]string{"unreadable, active 2024-03-01T00:00:00Z", "unreadable", "unreadable"}},
		"not in it":                     {log, `"id":2`, [3]string{"absent", "before 2023-01-01T00:00:00Z", "never"}},
		"not in it, known":              {log, `"id":2,"last":"2020-01-01T00:00:00Z"`, [3]string{"2020-01-01T00:00:00Z", "2020-01-01T00:00:00Z", "2020-01-01T00:00:00Z"}},
		"not in it, though never":       {log, `"id":2,"last":null`, [3]string{"never", "never", "never"}},
		"not in it, unreadable":         {log, `"id":2,"last":{}`, [3]string{"unreadable", "unreadable", "unreadable"}},
		"in it, too old to be true":     {log, `"id":1,"last":"1999-12-31T00:00:00Z"`, [3]string{"1999-12-31T00:00:00Z, active 2024-03-01T00:00:00Z", "unreadable", "unreadable"}},
		"in it, and yet to come":        {log, `"id":1,"last":"2999-12-31T00:00:00Z"`, [3]string{"2999-12-31T00:00:00Z, active 2024-03-01T00:00:00Z", "unreadable", "unreadable"}},
		"not in it, too old to be true": {log, `"id":2,"last":"1999-12-31T00:00:00Z"`, [3]string{"1999-12-31T00:00:00Z", "1999-12-31T00:00:00Z", "1999-12-31T00:00:00Z"}},
		"not in it, created since":      {log, `"id":2,"made":"2024-01-01T00:00:00Z"`, [3]string{"absent", "before 2023-01-01T00:00:00Z", "never"}},
		"in it at no time":              {undated, `"id":1`, [3]string{"unreadable", "unreadable", "unreadable"}},
		"in it at no time, known":       {undated, `"id":1,"last":"2025-01-01T00:00:00Z"`, [3]string{"unreadable", "unreadable", "unreadable"}},
		"in it at an odd time":          {odd, `"id":1`, [3]string{"unreadable", "unreadable", "unreadable"}},
		"one is at an odd time":         {odd, `"id":2`, [3]string{"absent", "before 2024-03-01T00:00:00Z", "never"}},
		"in it as one who never did":    {never, `"id":1`, [3]string{"unreadable", "absent", "never"}},
		"in it as one who did it in 0":  {never, `"id":2`, [3]string{"unreadable", "absent", "never"}},
		"an empty log":                  {empty, `"id":1`, [3]string{"absent", "absent", "never"}},
	} {
		for i, coverage := range []string{"life", "log", "complete"} {
			s := serve(t, routes{"GET /log": row.log, "GET /users": `{"users":[{` + row.account + `}]}`})
			p := withActivity(t, "  - {path: /log, items: log, account: {path: who}, at: at, coverage: "+coverage+"}\n")
			users, err := all(t, s, connect(t, s, p))
			if err != nil || describeUse(users[0]) != row.want[i] {
				t.Errorf("%s, %s: %v, %v; want %s", name, coverage, users, err, row.want[i])
			}
			s.wantRequests(t, "GET /log", "GET /users")
		}
	}
}

// TestCoverageAndCreation: an account that is younger than the log has never logged in
// if it is not in the log.
func TestCoverageAndCreation(t *testing.T) {
	s := serve(t, routes{
		"GET /log": `{"log":[{"who":9,"at":"2023-01-01T00:00:00Z"}]}`, "GET /users": `{"users":[{"id":1,"made":"2024-01-01T00:00:00Z"},{"id":2,"made":"2022-01-01T00:00:00Z"}]}`,
	})
	users, err := all(t, s, connect(t, s, withActivity(t, "  {path: /log, items: log, account: {path: who}, at: at, coverage: log}\n")))
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []string{"never", "before 2023-01-01T00:00:00Z"} {
		if got := users[i].LastLogin.Normalize(users[i].Created, time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)); got.String() != want {
			t.Errorf("account %s: %s, want %s", users[i].ID, got, want)
		}
	}
}

// TestCoverageFromAParam: the coverage can depend on how the directory is set up.
func TestCoverageFromAParam(t *testing.T) {
	p := sketch(t, "", "", "params: {coverage: life}\nactivity: {path: /log, items: log, account: {path: who}, at: at, coverage: \"{coverage}\"}\n")
	for coverage, want := range map[string]string{"": "absent", "life": "absent", "log": "before 2023-01-01T00:00:00Z", "complete": "never", "none": "absent"} {
		s := serve(t, routes{"GET /log": `{"log":[{"who":9,"at":"2023-01-01T00:00:00Z"}]}`, "GET /users": people(1, 1, "")})
		users, err := all(t, s, connect(t, s, p, func(o *Options) { o.Values.Params = map[string]string{"coverage": coverage} }))
		if err != nil || describeUse(users[0]) != want {
			t.Errorf("%s: %v, %v; want %s", coverage, users, err, want)
		}
		if read := strings.Contains(s.lines(), "GET /log"); read != (coverage != "none") {
			t.Errorf("%s: the source is read: %t", coverage, read)
		}
	}
	_, err := New(Options{Profile: p, URL: &url.URL{Scheme: "http", Host: "127.0.0.1"}, Timeout: time.Second, Values: profile.Values{Token: token, Params: map[string]string{"coverage": "full"}}})
	wantError(t, err, `"full" is none of life, log, complete, none`, "own.yaml", "line 6: activity.coverage")
}

// TestEntriesAndAccounts: an entry is about the account that it names, and about no
// other.
func TestEntriesAndAccounts(t *testing.T) {
	const users = `{"users":[{"id":1,"name":"Ana","email":"ana@X.test"},{"id":2,"name":"bo"},{"id":3}]}`
	for name, row := range map[string]struct {
		account, entries string
		want             [3]string
	}{
		"by id":                             {`{path: who}`, `{"who":1}`, [3]string{"2024", "never", "never"}},
		"by id as text":                     {`{path: who, by: id}`, `{"who":"1"}`, [3]string{"2024", "never", "never"}},
		"by id with a prefix":               {`{path: who, prefix: "user:"}`, `{"who":"user:1"},{"who":"2"},{"who":"token:3"},{"who":"user:"},{"who":"USER:2"}`, [3]string{"2024", "never", "never"}},
		"a prefix is only at the beginning": {`{path: who, prefix: "u"}`, `{"who":"xu1"},{"who":"uu1"}`, [3]string{"never", "never", "never"}},
		"by username":                       {`{path: who, by: username}`, `{"who":"ANA"},{"who":1},{"who":"ana@x.test"}`, [3]string{"2024", "never", "absent"}},
		"by email":                          {`{path: a.b, by: email}`, `{"a":{"b":"Ana@x.TEST"}},{"who":"bo"}`, [3]string{"2024", "absent", "absent"}},
		"ids keep their case":               {`{path: who}`, `{"who":"ANA"}`, [3]string{"never", "never", "never"}},
		"no name is nobody's":               {`{path: who, by: username}`, `{"who":"x"},{"who":""},{"who":null},{},{"who":{}},{"who":["bo"]},{"who":true}`, [3]string{"never", "never", "absent"}},
	} {
		s := serve(t, routes{"GET /log": `{"log":[` + withTime(row.entries) + `]}`, "GET /users": users})
		got, err := all(t, s, connect(t, s, withActivity(t, "  {path: /log, items: log, account: "+row.account+", at: at, coverage: complete}\n")))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		for i, u := range got {
			if !strings.HasPrefix(describeUse(u), row.want[i]) {
				t.Errorf("%s, account %s: %s, want %s", name, u.ID, describeUse(u), row.want[i])
			}
		}
	}
}

// withTime gives each of the entries a time.
func withTime(entries string) string {
	var list []map[string]any
	if err := json.Unmarshal([]byte("["+entries+"]"), &list); err != nil {
		panic(err)
	}
	for _, entry := range list {
		entry["at"] = "2024-03-01T00:00:00Z"
	}
	raw := string(must(json.Marshal(list)))
	return raw[1 : len(raw)-1]
}

// TestSources: several sources at once.
func TestSources(t *testing.T) {
	const (
		log  = "  - {path: /log, items: log, account: {path: who}, at: at, coverage: log}\n"
		old  = "  - {path: /old, items: log, account: {path: who}, at: [at, end], coverage: log}\n"
		use  = "  - {path: /use, optional: true, items: \"@this\", only: {path: type, in: [\"use*\"]}, account: {path: who}, at: {path: at, layout: DD.MM.YYYY, zone: UTC}}\n"
		all3 = "  - {path: /all, optional: true, items: log, account: {path: who}, at: at, coverage: complete}\n"
	)
	at := func(who int, at string) string {
		return fmt.Sprintf(`{"log":[{"who":%d,"at":"%s-01-01T00:00:00Z"}]}`, who, at)
	}
	for name, row := range map[string]struct {
		activity string
		routes   routes
		want     string
	}{
		"the later beginning of two logs": {log + old, routes{"GET /log": at(9, "2020"), "GET /old": at(9, "2022")}, "before 2022-01-01T00:00:00Z"},
		"in the other order":              {log + old, routes{"GET /log": at(9, "2022"), "GET /old": at(9, "2020")}, "before 2022-01-01T00:00:00Z"},
		"one of two logs is empty":        {log + old, routes{"GET /log": at(9, "2022"), "GET /old": `{"log":[]}`}, "before 2022-01-01T00:00:00Z"},
		"in one of two logs":              {log + old, routes{"GET /log": at(1, "2020"), "GET /old": at(9, "2022")}, "2020-01-01T00:00:00Z"},
		"in both":                         {log + old, routes{"GET /log": at(1, "2020"), "GET /old": at(1, "2022")}, "2022-01-01T00:00:00Z"},
		"in both, once at no time":        {log + old, routes{"GET /log": `{"log":[{"who":1}]}`, "GET /old": at(1, "2022")}, "unreadable"},
		"in both, then at no time":        {log + old, routes{"GET /log": at(1, "2022"), "GET /old": `{"log":[{"who":1}]}`}, "unreadable"},
		"the newest of two times":         {old, routes{"GET /old": `{"log":[{"who":1,"at":"2020-01-01","end":"2021-01-01"}]}`}, "2021-01-01T23:59:59Z"},
		"a log and a life":                {log + use, routes{"GET /log": at(9, "2020"), "GET /use": `[{"who":1,"type":"used","at":"05.06.2021"},{"who":1,"type":"x","at":"05.06.2025"},{"who":1,"type":"use","at":"01.01.2020"}]`}, "before 2020-01-01T00:00:00Z, active 2021-06-05T23:59:59Z"},
		"what may be of use counts":       {use, routes{"GET /use": `[{"who":1,"at":"05.06.2021"}]`}, "absent, active 2021-06-05T23:59:59Z"},
		"a life, in it at no time":        {log + use, routes{"GET /log": at(9, "2020"), "GET /use": `[{"who":1,"type":"use","at":"?"}]`}, "unreadable"},
		"there is no life":                {log + use, routes{"GET /log": at(9, "2020"), "GET /use": 404}, "before 2020-01-01T00:00:00Z"},
		"there is no complete one":        {all3, routes{"GET /all": 404}, "absent"},
		"complete, and a log":             {all3 + log, routes{"GET /all": `{"log":[]}`, "GET /log": at(9, "2020")}, "never"}, // and stays never
		"a log, and complete":             {log + all3, routes{"GET /all": `{"log":[]}`, "GET /log": at(9, "2020")}, "never"},
		"a log, and no complete one":      {log + all3, routes{"GET /all": 404, "GET /log": at(9, "2020")}, "before 2020-01-01T00:00:00Z"},
	} {
		rs := maps.Clone(row.routes)
		rs["GET /users"] = people(1, 1, "")
		s := serve(t, rs)
		users, err := all(t, s, connect(t, s, withActivity(t, row.activity)))
		if err != nil || describeUse(users[0]) != row.want {
			t.Errorf("%s: %v, %v; want %s", name, users, err, row.want)
		}
		if warned := strings.Contains(s.logged(), `"level":"warn"`); warned != slices.Contains(slices.Collect(maps.Values(row.routes)), any(404)) {
			t.Errorf("%s: warned %t: %s", name, warned, s.logged())
		}
	}
}

// TestAbsenceNeedsAName: an account without a name in the source is not judged by its
// absence.
func TestAbsenceNeedsAName(t *testing.T) {
	for _, by := range []string{"username", "email"} {
		for _, coverage := range []string{"log", "complete"} {
			s := serve(t, routes{"GET /log": `{"log":[{"who":"bo","at":"2020-01-01"}]}`, "GET /users": `{"users":[{"id":1},{"id":2,"name":"","email":null},{"id":3,"name":"bo","email":"bo"}]}`})
			users, err := all(t, s, connect(t, s, withActivity(t, "  {path: /log, items: log, account: {path: who, by: "+by+"}, at: at, coverage: "+coverage+"}\n")))
			if err != nil || describeUse(users[0]) != "absent" || describeUse(users[1]) != "absent" || describeUse(users[2]) != "2020-01-01T23:59:59Z" {
				t.Errorf("%s, %s: %v, %v", by, coverage, users, err)
			}
		}
		s := serve(t, routes{})
		c := connect(t, s, withActivity(t, "  {path: /log, query: {q: \"{"+by+"}\"}, items: log, at: at, coverage: complete}\n"))
		if u, err := c.User(t.Context(), job.User{ID: "1"}); err != nil || describeUse(u) != "hidden" {
			t.Errorf("%s: %v, %v", by, u, err)
		}
		s.wantRequests(t)
	}
}

// --- what only tells of one account ---

// TestAccountSource: a source about one account is read when the account is read, by a
// request that names it.
func TestAccountSource(t *testing.T) {
	account := job.User{ID: "a|1", Username: "ana b", Email: "ana@x.test", Extra: map[string]string{"realm": `"r&1"`, "n": "7"}}
	for name, row := range map[string]struct {
		activity, line, answer, body, want string
	}{
		"id in the path": {`{path: "/users/{id}/sessions", items: "@this", at: at}`, "GET /users/a%7C1/sessions",
			`[{"at":"2024-01-01"},{"at":"2023-01-01"}]`, "", "absent, active 2024-01-01T23:59:59Z"},
		"id in the query": {`{path: /log, query: {user: "{id}", max: "5"}, items: log, at: at, coverage: complete}`, "GET /log?max=5&user=a%7C1",
			`{"log":[{"at":"2024-01-01"}]}`, "", "2024-01-01T23:59:59Z"},
		"username in the path": {`{path: "/users/{username}/log", items: log, at: at, coverage: complete}`, "GET /users/ana%20b/log", `{"log":[]}`, "", "never"},
		"email in the query":   {`{path: /log, query: {user: "{email}"}, items: log, at: at, coverage: log}`, "GET /log?user=ana%40x.test", `{"log":[]}`, "", "absent"},
		"an extra":             {`{path: "/realms/{realm}/{n}", items: log, at: at}`, "GET /realms/r&1/7", `{"log":[]}`, "", "absent"},
		"in a body": {`{path: /log, method: POST, body: {filter: {user: "{id}", n: "{n}", text: "is {n}"}, p: 1}, items: log, at: at, page: {param: p, first: 1}}`, "POST /log",
			`{"log":[]}`, `{"filter":{"n":7,"text":"is 7","user":"a|1"},"p":1}`, "absent"},
		"the answer is the entry": {`{path: "/users/{id}/last", at: at, coverage: complete}`, "GET /users/a%7C1/last", `{"at":"2024-01-01"}`, "", "2024-01-01T23:59:59Z"},
		"the answer is no entry":  {`{path: "/users/{id}/last", at: at, coverage: complete}`, "GET /users/a%7C1/last", `{"at":null}`, "", "never"},
		"the answer has no time":  {`{path: "/users/{id}/last", at: at, coverage: complete}`, "GET /users/a%7C1/last", `{}`, "", "unreadable"},
		"entries of others": {`{path: /log, query: {user: "{id}"}, items: log, account: {path: who}, at: at, coverage: complete}`, "GET /log?user=a%7C1",
			`{"log":[{"who":"b","at":"2024-01-01"}]}`, "", "never"},
		"a log with entries of others": {`{path: /log, query: {user: "{id}"}, items: log, account: {path: who}, at: at, coverage: log}`, "GET /log?user=a%7C1",
			`{"log":[{"who":"b","at":"2024-01-01"}]}`, "", "absent"},
		"not there": {`{path: "/users/{id}/log", optional: true, items: log, at: at, coverage: complete}`, "GET /users/a%7C1/log", "", "", "absent"},
		"without a time that counts": {`{path: "/users/{id}/log", items: log, only: {path: ok, in: [true]}, at: at}`, "GET /users/a%7C1/log",
			`{"log":[{"ok":false,"at":"2024-01-01"}]}`, "", "absent"},
	} {
		t.Run(name, func(t *testing.T) {
			rs := routes{row.line: row.answer}
			if row.answer == "" {
				rs[row.line] = 404
			}
			s := serve(t, rs)
			p := sketch(t, "", ", username: name, email: email, extra: {realm: realm, n: n}", "activity: "+row.activity+"\n")
			c := connect(t, s, p, readOnly)
			u, err := c.User(t.Context(), account)
			if err != nil || describeUse(u) != row.want || u.ID != account.ID {
				t.Errorf("%v, %v; want %s", u, err, row.want)
			}
			s.wantRequests(t, row.line)
			if seen := s.seen(); len(seen) > 0 && seen[0].body != row.body {
				t.Errorf("the body is %s, want %s", seen[0].body, row.body)
			}
			if strings.Contains(s.logged(), "warn") {
				t.Errorf("warns for each account: %s", s.logged())
			}
		})
	}
}

// TestAccountSourceFails: a source that can't be read proves nothing. If it is all
// that there is about an account, its 404 means that the account is gone.
func TestAccountSourceFails(t *testing.T) {
	const get = "get: {path: \"/users/{id}\"}\n"
	for _, row := range []struct {
		name   string
		get    string
		answer any // page 1; nil: page 2 is not there
		gone   bool
	}{
		{"404", "", 404, true},
		{"404 with get", get, 404, false},
		{"410", "", 410, false},
		{"403", "", 403, false},
		{"404 because of haste", "rate_limit: {also: {code: 404, if: {path: slow, in: [true]}}}\n", status(404, `{"slow":true}`), false},
		{"500", "", 500, false},
		{"cut", "", cut(`{"log":[`), false},
		{"HTML", "", "<html>", false},
		{"no entries", "", `{}`, false},
		{"an entry is text", "", `{"log":["x"]}`, false},
		{"page 2", get, nil, false},
	} {
		rs := routes{"GET /users/1": `{"id":1}`, "GET /users/1/log?p=1": row.answer, "GET /users/1/log?p=2": 404}
		if row.answer == nil {
			rs["GET /users/1/log?p=1"] = `{"log":[{"at":"2020-01-01"}]}`
		}
		s := serve(t, rs)
		p := sketch(t, "", "", row.get+"activity: {path: \"/users/{id}/log\", items: log, at: at, page: {param: p, first: 1}, coverage: complete}\n")
		u, err := connect(t, s, p, retries(0)).User(t.Context(), job.User{ID: "1"})
		if s.heard(err); err == nil || errors.Is(err, job.ErrNotFound) != row.gone {
			t.Errorf("%s: %v, %v; want gone %t", row.name, u, err, row.gone)
		}
		if !row.gone {
			wantError(t, err, `the activity of account "1": `, "page")
		}
	}
}

// TestOptionalAccountSource: the absence of an optional source says nothing about the
// account.
func TestOptionalAccountSource(t *testing.T) {
	s := serve(t, routes{"GET /users/1/log": 404})
	p := sketch(t, "", "", "activity: {path: \"/users/{id}/log\", optional: true, items: log, at: at, coverage: complete}\n")
	if u, err := connect(t, s, p).User(t.Context(), job.User{ID: "1"}); err != nil || describeUse(u) != "absent" {
		t.Errorf("%v, %v", u, err)
	}
}

// TestCurrentActivity: what the sources about all accounts said still counts, and the
// sources about one account are read again.
func TestCurrentActivity(t *testing.T) {
	s := serve(t, routes{
		"GET /log":     `{"log":[{"who":1,"at":"2024-01-01"}]}`,
		"GET /users":   people(1, 2, ""),
		"GET /users/1": `{"id":1,"last":"2020-01-01"}`, "GET /users/1/s": turns(`[]`, `[{"at":"2025-01-01"}]`),
		"GET /users/2": 404,
	})
	p := withActivity(t, "  - {path: /log, items: log, account: {path: who}, at: at}\n  - {path: \"/users/{id}/s\", items: \"@this\", at: at}\nget: {path: \"/users/{id}\"}\n")
	c := connect(t, s, p)
	if _, err := all(t, s, c); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"2020-01-01T23:59:59Z, active 2024-01-01T23:59:59Z", "2020-01-01T23:59:59Z, active 2025-01-01T23:59:59Z"} {
		if u, err := c.User(t.Context(), job.User{ID: "1"}); err != nil || describeUse(u) != want {
			t.Errorf("%s, %v; want %s", describeUse(u), err, want)
		}
	}
	if _, err := c.User(t.Context(), job.User{ID: "2"}); !errors.Is(err, job.ErrNotFound) {
		t.Error(err)
	}
}

// TestPartial: an account with more to be read is not decided by the listing alone.
func TestPartial(t *testing.T) {
	const own, complete = "  - {path: \"/users/{id}/s\", items: \"@this\", at: at}\n", "  - {path: \"/users/{id}/s\", items: \"@this\", at: at, coverage: complete}\n"
	for name, row := range map[string]struct {
		more string
		want [4]bool // known, never, absent, unreadable
	}{
		"a listing":        {"", [4]bool{}},
		"get":              {"get: {path: \"/users/{id}\"}\n", [4]bool{}},
		"get with details": {"get: {path: \"/users/{id}\", details: true}\n", [4]bool{true, true, true, false}},
		"details at last":  {"get: [{path: \"/users/{id}\"}, {path: \"/x/{id}\", details: true}]\n", [4]bool{true, true, true, false}},
		"own life":         {"activity:\n" + own, [4]bool{true, true, true, false}}, // an absent one may come from elsewhere
		"own, complete":    {"activity:\n" + complete, [4]bool{true, true, true, false}},
		"both":             {"activity:\n" + own + complete, [4]bool{true, true, true, false}},
	} {
		s := serve(t, routes{"GET /users": `{"users":[{"id":1,"last":"2020-01-01"},{"id":2,"last":null},{"id":3},{"id":4,"last":{}}]}`})
		users, err := all(t, s, connect(t, s, sketch(t, "", ", last_login: last", row.more)))
		if err != nil {
			t.Fatal(err)
		}
		for i := range users {
			if users[i].Partial != row.want[i] {
				t.Errorf("%s: account %d is partial: %t", name, i+1, users[i].Partial)
			}
		}
	}
}

// TestFirstPageOfSources: of a sample, while there are more pages, absence means nothing.
func TestFirstPageOfSources(t *testing.T) {
	for _, coverage := range []string{"log", "complete"} {
		for next, want := range map[string]string{`"x"`: "absent", `null`: map[string]string{"log": "before 2020-01-01T23:59:59Z", "complete": "never"}[coverage]} {
			s := serve(t, routes{"GET /log": `{"log":[{"who":2,"at":"2020-01-01"}],"next":` + next + `}`, "GET /users": people(1, 2, "")})
			p := withActivity(t, "  {path: /log, items: log, account: {path: who}, at: at, cursor: {param: c, next: next}, coverage: "+coverage+"}\n")
			var got []string
			for u, err := range connect(t, s, p).Sample(t.Context()) {
				if err != nil {
					t.Fatal(err)
				}
				got = append(got, describeUse(u))
			}
			if len(got) != 2 || got[0] != want || got[1] != "2020-01-01T23:59:59Z" {
				t.Errorf("%s, next %s: %q, want %s", coverage, next, got, want)
			}
			s.wantRequests(t, "GET /log", "GET /users")
		}
	}
}

// TestSourceTotal: a source with fewer entries than its total is an error.
func TestSourceTotal(t *testing.T) {
	s := serve(t, routes{"GET /log?p=1": `{"log":[{"who":2,"at":"2020-01-01"}],"n":3}`, "GET /log?p=2": `{"log":[],"n":3}`, "GET /log?p=3": `{"log":[],"n":3}`})
	_, err := all(t, s, connect(t, s, withActivity(t, "  {path: /log, items: log, account: {path: who}, at: at, page: {param: p, first: 1}, total: n, coverage: log}\n")))
	wantError(t, err, "list activity", "1", "3")
	if strings.Contains(s.lines(), "/users") {
		t.Error(s.lines())
	}
}

// TestSourceChanges: a source that changed while it was read is read again, up to
// twice: a search for one account finds others, which the run removes meanwhile.
func TestSourceChanges(t *testing.T) {
	const (
		two   = `{"log":[{"who":2,"at":"2020-01-01"}],"n":2}` // and the second is on the next page,
		fewer = `{"log":[],"n":1}`                            // unless the first has gone, and it has moved
		rest  = `{"log":[{"who":1,"at":"2025-01-01"}],"n":2}`
	)
	search := "  {path: %s, items: log, account: {path: who}, at: at, page: {param: p, first: 1}, total: n, coverage: log}\n"
	for name, row := range map[string]struct {
		second []any // what the second page says, each time
		want   string
		reads  int // of the second page
	}{
		"does not change":  {[]any{rest}, "2025-01-01T23:59:59Z", 1},
		"changes once":     {[]any{fewer, rest}, "2025-01-01T23:59:59Z", 2},
		"changes twice":    {[]any{fewer, fewer, rest}, "2025-01-01T23:59:59Z", 3},
		"changes always":   {[]any{fewer, fewer, fewer, rest}, "", 3},
		"fails once read":  {[]any{403, rest}, "", 1},
		"fails then, too":  {[]any{fewer, 403, rest}, "", 2},
		"has another form": {[]any{`{}`, rest}, "", 1},
	} {
		t.Run(name, func(t *testing.T) {
			for path, read := range map[string]func(*Client) (job.User, error){
				`"/search/{id}"`: func(c *Client) (job.User, error) { return c.User(t.Context(), job.User{ID: "1"}) },
				`/search/1`: func(c *Client) (job.User, error) {
					for u, err := range c.Users(t.Context()) {
						return u, err
					}
					return job.User{}, errors.New("nobody is listed")
				},
			} {
				s := serve(t, routes{"GET /search/1?p=1": two, "GET /search/1?p=2": turns(row.second...), "GET /users": people(1, 1, "")})
				u, err := read(connect(t, s, withActivity(t, fmt.Sprintf(search, path)), retries(0)))
				s.heard(err)
				if row.want == "" {
					wantError(t, err, "activity")
				} else if err != nil || describeUse(u) != row.want {
					t.Errorf("%s: %v, %v; want %s", path, u, err, row.want)
				}
				if n := strings.Count(s.lines(), "p=2"); n != row.reads {
					t.Errorf("%s: page 2 was read %d times, want %d", path, n, row.reads)
				}
			}
		})
	}
}

// TestSourcesAreReadBeforeTheListing: what happens while the sources are read shows in
// the accounts.
func TestSourcesAreReadBeforeTheListing(t *testing.T) {
	last := "2020-01-01"
	s := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/log") {
			last = "2025-01-01"
			fmt.Fprint(w, `{"log":[{"who":1,"at":"2021-01-01"}]}`)
			return
		}
		fmt.Fprintf(w, `{"users":[{"id":1,"last":%q}]}`, last)
	}))
	users, err := all(t, s, connect(t, s, withActivity(t, "  {path: /log, items: log, account: {path: who}, at: at}\n")))
	if err != nil || describeUse(users[0]) != "2025-01-01T23:59:59Z, active 2021-01-01T23:59:59Z" {
		t.Errorf("%v, %v", users, err)
	}
}

// TestUnsafeAccountSource: an account that no request can name may be in use.
func TestUnsafeAccountSource(t *testing.T) {
	for _, coverage := range []string{"life", "log", "complete"} {
		for _, login := range []string{"2020-01-01", ""} {
			s := serve(t, routes{})
			c := connect(t, s, sketch(t, "", ", username: name", "activity: {path: \"/users/{username}/sessions\", items: \"@this\", at: at, coverage: "+coverage+"}\n"))
			u, err := c.User(t.Context(), job.User{ID: "1", Username: "a/../b", LastLogin: job.ParseLastLogin(login)})
			if err != nil || u.LastLogin.State != job.LoginHidden {
				t.Errorf("%s, %q: %s, %v", coverage, login, describeUse(u), err)
			}
			s.wantRequests(t)
		}
	}
}

// --- sources that are not what the profile says ---

// TestEntriesWithoutAccounts: a wrong path to the account would make every account
// absent, so it is an error.
func TestEntriesWithoutAccounts(t *testing.T) {
	const nowhere = "error"
	for name, row := range map[string]struct{ more, entries, want string }{
		"nothing there":             {``, `{"by":1},{"by":2}`, nowhere},
		"no names there":            {``, `{"who":""},{"who":null},{},{"who":{}},{"who":["1"]}`, "never"}, // but the place for them
		"one of many":               {``, `{"by":1},{"who":1},{"by":1}`, "2024-03-01T00:00:00Z"},
		"somebody who left":         {``, `{"who":7}`, "never"},
		"no entries":                {``, ``, "never"},
		"others than accounts":      {`, prefix: "user:"`, `{"who":"token:1"}`, "never"},
		"others, and nothing there": {`, prefix: "user:"`, `{"by":"user:1"}`, nowhere},
		"no entries that count":     {`}, only: {path: ok, in: [1]`, `{"ok":0},{"ok":2,"who":1}`, "never"},
		"nothing in those that do":  {`}, only: {path: ok, in: [1]`, `{"ok":1},{"ok":2,"who":1}`, nowhere},
		"of another field":          {`, by: email`, `{"by":"a@x"}`, nowhere},
	} {
		for _, coverage := range []string{"log", "complete"} {
			s := serve(t, routes{"GET /log": `{"log":[` + withTime(row.entries) + `]}`, "GET /users": people(1, 1, "")})
			users, err := all(t, s, connect(t, s, withActivity(t, "  {path: /log, items: log, at: at, coverage: "+coverage+", account: {path: who"+row.more+"}}\n")))
			if row.want == nowhere {
				if wantError(t, err, "list activity", "line 6: activity.account.path", "nothing at who in any of"); !errors.Is(err, job.ErrProfile) || len(users) > 0 {
					t.Errorf("%s: %v, %v", name, users, err)
				}
				s.wantRequests(t, "GET /log")
				continue
			}
			if err != nil || coverage == "complete" && describeUse(users[0]) != row.want {
				t.Errorf("%s, %s: %v, %v; want %s", name, coverage, users, err, row.want)
			}
		}
	}
}

// TestSourceRepeats: a server that ignores the parameter shows the same page for ever,
// which would prove that the accounts on other pages were never there.
func TestSourceRepeats(t *testing.T) {
	const entries = `"log":[{"who":1,"at":"2024-01-01"},{"who":2,"at":"2024-01-02"}]`
	for paging, envelope := range map[string]string{
		"page: {param: p, first: 1}":           ``,
		"page: {param: p, first: 0}, total: n": `,"n":6`,
		"offset: {param: p}":                   ``,
		"offset: {param: p}, total: n":         `,"n":6`,
		"offset: {param: p, step: size}, size: {param: s, default: 2, max: 2}, total: n": `,"n":6`,
		"cursor: {param: p, next: next}":                                                 `,"next":%d`,
		"next: next":                                                                     `,"next":"?p=%d"`,
	} {
		for _, about := range []string{"", `query: {user: "{id}"}, `} {
			for _, n := range []int{1, 4} {
				page := atomic.Int32{}
				s := serve(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
					more := envelope
					if strings.Contains(more, "%d") {
						more = fmt.Sprintf(more, page.Add(1))
					}
					fmt.Fprint(w, "{"+entries+more+"}")
				}))
				c := connect(t, s, withActivity(t, "  {path: /log, "+about+"items: log, account: {path: who}, at: at, coverage: log, "+paging+"}\n"), connections(n))
				c.maxItems = 1000
				var err error
				if about == "" {
					_, err = all(t, s, c)
				} else {
					_, err = c.User(t.Context(), job.User{ID: "1"})
				}
				wantError(t, err, "activity", "page 2 is page 1 once more, so the listing repeats")
				if asked := len(s.seen()); asked > 1+n || strings.Contains(s.lines(), "/users") {
					t.Errorf("%s, %d connections: %d requests:\n%s", paging, n, asked, s.lines())
				}
			}
		}
	}
}

// TestSourceOfLikePages: pages that are alike in part do not count as repeated.
func TestSourceOfLikePages(t *testing.T) {
	at := func(list string, n int) string { return fmt.Sprintf(`{"log":[%s],"n":%d}`, list, n) }
	const a, b, d = `{"who":1,"at":"2024-01-01"}`, `{"who":2,"at":"2024-01-01"}`, `{"who":1,"at":"2024-01-02"}`
	for name, pages := range map[string][]string{
		"in another order":   {at(a+","+b, 4), at(b+","+a, 4)},
		"one that is new":    {at(a+","+b, 4), at(a+","+d, 4)},
		"a shorter last one": {at(a+","+b, 3), at(a, 3)},
	} {
		for _, n := range []int{1, 4} {
			rs := routes{"GET /users": people(1, 1, "")}
			for i, page := range pages {
				rs[fmt.Sprintf("GET /log?p=%d", i+1)] = page
			}
			s := serve(t, rs)
			users, err := all(t, s, connect(t, s, withActivity(t, "  {path: /log, items: log, account: {path: who}, at: at, coverage: log, page: {param: p, first: 1}, total: n}\n"), connections(n)))
			if err != nil || !strings.HasPrefix(describeUse(users[0]), "2024-01-0") {
				t.Errorf("%s: %v, %v", name, users, err)
			}
		}
	}
}

// --- what a bound is worth ---

// TestBoundOnTheLastLogin: of an account that is not in a log, only a bound of the
// last login is known. It removes no account that may be too new for the log, and none
// that may never have logged in where those are kept.
func TestBoundOnTheLastLogin(t *testing.T) {
	const (
		inLog, notInLog = `"id":1`, `"id":2`
		unknown         = "keep last_login_unknown"
		inactive        = "remove inactive"
		never           = "remove never_logged_in"
	)
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for name, row := range map[string]struct {
		account string
		want    [3]string // if those who never logged in are kept, removed, removed where undated
	}{
		"in the log":               {inLog, [3]string{inactive, inactive, inactive}},
		"not, and older than it":   {notInLog + `,"made":"2015-01-01"`, [3]string{unknown, inactive, inactive}},
		"not, and no date":         {notInLog, [3]string{unknown, unknown, unknown}},
		"not, and date of null":    {notInLog + `,"made":null`, [3]string{unknown, unknown, unknown}},
		"not, and an odd date":     {notInLog + `,"made":"once"`, [3]string{unknown, unknown, unknown}},
		"not, made in 1999":        {notInLog + `,"made":"1999-01-01"`, [3]string{unknown, unknown, unknown}},
		"not, made in the future":  {notInLog + `,"made":"2999-01-01"`, [3]string{unknown, unknown, unknown}},
		"not, and younger than it": {notInLog + `,"made":"2023-06-01"`, [3]string{"keep never_logged_in", never, never}},
		"not, and quite new":       {notInLog + `,"made":"2025-12-01"`, [3]string{"keep never_logged_in", "keep never_logged_in", "keep never_logged_in"}},
		"not, and known":           {notInLog + `,"last":"2020-01-01"`, [3]string{inactive, inactive, inactive}},
	} {
		s := serve(t, routes{"GET /log": `{"log":[{"who":9,"at":"2023-01-01"},{"who":1,"at":"2023-02-01"}]}`, "GET /users": `{"users":[{` + row.account + `}]}`})
		users, err := all(t, s, connect(t, s, withActivity(t, "  {path: /log, items: log, account: {path: who}, at: at, coverage: log}\n")))
		if err != nil {
			t.Fatal(name, err)
		}
		for i, policy := range []job.NeverPolicy{job.NeverKeep, job.NeverRemove, job.NeverRemoveUndated} {
			p := job.Policy{InactiveSince: now.AddDate(-1, 0, 0), NeverLoggedIn: policy}
			d := p.Decide(users[0], now)
			if got := fmt.Sprintf("%s %s", d.Action, d.Reason); got != row.want[i] {
				t.Errorf("%s, %s: %s, want %s", name, policy, got, row.want[i])
			}
		}
	}
}

// --- looking again ---

// TestAccountSourceWithoutAccounts: a wrong path to the account is an error, not the
// absence of entries.
func TestAccountSourceWithoutAccounts(t *testing.T) {
	for _, coverage := range []string{"life", "log", "complete"} {
		s := serve(t, routes{"GET /users/1/s": `[{"by":1,"at":"2026-01-01"}]`})
		c := connect(t, s, sketch(t, "", "", "activity: {path: \"/users/{id}/s\", items: \"@this\", account: {path: who}, at: at, coverage: "+coverage+"}\n"))
		u, err := c.User(t.Context(), job.User{ID: "1", LastLogin: job.ParseLastLogin("2020-01-01")})
		if wantError(t, err, "nothing at who in any of 1 entries"); !errors.Is(err, job.ErrProfile) {
			t.Errorf("%s: %s, %v", coverage, describeUse(u), err)
		}
	}
}

// TestLaterAccountSourceIsMissing: a 404 of a later request does not mean that the
// account is gone: an earlier one has shown it.
func TestLaterAccountSourceIsMissing(t *testing.T) {
	for name, row := range map[string]struct {
		activity string
		routes   routes
	}{
		"the second page": {"{path: \"/users/{id}/s\", items: log, page: {param: p, first: 1}, at: at, coverage: complete}",
			routes{"GET /users/1/s?p=1": `{"log":[{"at":"2026-01-01"}]}`, "GET /users/1/s?p=2": 404}},
		"the second source": {"[{path: \"/users/{id}/s\", items: log, at: at, coverage: complete}, {path: \"/users/{id}/t\", items: log, at: at}]",
			routes{"GET /users/1/s": `{"log":[{"at":"2026-01-01"}]}`, "GET /users/1/t": 404}},
	} {
		s := serve(t, row.routes)
		u, err := connect(t, s, sketch(t, "", "", "activity: "+row.activity+"\n")).User(t.Context(), job.User{ID: "1"})
		if s.heard(err); err == nil || errors.Is(err, job.ErrNotFound) {
			t.Errorf("%s: %s, %v", name, describeUse(u), err)
		}
	}
}

// TestEntryWithoutATime: an entry with an impossible time makes the last login
// unknown.
func TestEntryWithoutATime(t *testing.T) {
	for _, at := range []string{`"1999-12-31"`, `29534400`, `"2999-01-01"`} {
		for _, coverage := range []string{"log", "complete"} {
			s := serve(t, routes{"GET /log": `{"log":[{"who":1,"at":` + at + `}]}`, "GET /users": `{"users":[{"id":1,"last":"2020-01-01"}]}`})
			users, err := all(t, s, connect(t, s, withActivity(t, "  - {path: /log, items: log, account: {path: who}, at: at, coverage: "+coverage+"}\n")))
			if err != nil || users[0].LastLogin.String() != "unreadable" {
				t.Errorf("%s, %s: %v, %v", coverage, at, users, err)
			}
		}
	}
}

// TestOneEntryForEver: pages of one entry can repeat as well.
func TestOneEntryForEver(t *testing.T) {
	s := serve(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, `{"log":[{"who":1,"at":"2020-01-01"}]}`) }))
	_, err := all(t, s, connect(t, s, withActivity(t, "  - {path: /log, items: log, account: {path: who}, at: at, coverage: log, page: {param: p, first: 1}}\n")))
	if wantError(t, err, "list activity", "repeats"); len(s.seen()) > 10 {
		t.Errorf("%d requests", len(s.seen()))
	}
}
