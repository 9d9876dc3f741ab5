package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"dormant/client/profile"
	"dormant/job"
)

// TestLookups: the answers of several GETs are merged into one account.
func TestLookups(t *testing.T) {
	const (
		two   = `get: [{path: "/users/{id}", item: user}, {path: /search, query: {q: "{username}"}, items: found, details: true}]`
		roles = `get: [{path: "/users/{id}"}, {path: "/users/{id}/roles", as: roles, details: true}]`
		named = `get: [{path: "/users/{id}"}, {path: "/users/{id}/roles", item: data, as: roles}]`
		first = "GET /users/1"
		found = "GET /search?q=ana+b"
		of    = "GET /users/1/roles"
	)
	const user = `, username: name, email: email, last_login: last, admin: {path: roles.#.type, in: [root], missing: false}, optional: [username, email]`
	for name, row := range map[string]struct {
		get    string
		routes routes
		want   string // the account, or what the error says
	}{
		"laid over": {two, routes{first: `{"user":{"id":1,"name":"ana","email":"a@x","last":null}}`, found: `{"found":[{"id":9,"last":"2020-01-01"},{"id":1,"last":"2024-01-01"}]}`},
			"1 ana a@x 2024-01-01T23:59:59Z"},
		"a later one wins": {two, routes{first: `{"user":{"id":1,"name":"ana","last":"2024-01-01"}}`, found: `{"found":[{"id":"1","name":"bo","last":"2025-01-01"}]}`},
			"1 bo  2025-01-01T23:59:59Z"},
		"a later null does not": {two, routes{first: `{"user":{"id":1,"name":"ana","last":"2024-01-01"}}`, found: `{"found":[{"id":"1","name":"bo","last":null}]}`},
			"1 bo  2024-01-01T23:59:59Z"},
		"two nulls": {two, routes{first: `{"user":{"id":1,"last":null}}`, found: `{"found":[{"id":"1","last":null}]}`}, "1   never"},
		"a later false does": {two, routes{first: `{"user":{"id":1,"last":"2024-01-01","roles":[{"type":"root"}]}}`, found: `{"found":[{"id":"1","roles":[]}]}`},
			"1   2024-01-01T23:59:59Z"},
		"a later null does not take a flag": {two, routes{first: `{"user":{"id":1,"last":null,"roles":[{"type":"root"}]}}`, found: `{"found":[{"id":"1","roles":null}]}`},
			"1   never admin"},
		"not among them":           {two, routes{first: `{"user":{"id":1}}`, found: `{"found":[{"id":9}]}`}, `line 5: get[1].item`},
		"nobody":                   {two, routes{first: `{"user":{"id":1}}`, found: `{"found":[]}`}, `line 5: get[1].item`},
		"no array":                 {two, routes{first: `{"user":{"id":1}}`, found: `{}`}, `line 5: get[1].item`},
		"an array of other things": {two, routes{first: `{"user":{"id":1}}`, found: `{"found":["1",1,null,[1]]}`}, `line 5: get[1].item`},
		"the first is gone":        {two, routes{first: 404}, job.ErrNotFound.Error()},
		"the second is gone":       {two, routes{first: `{"user":{"id":1}}`, found: 410}, `line 5: get[1].path`}, // the account is not
		"the second is not there":  {two, routes{first: `{"user":{"id":1}}`, found: 404}, `account "1" is there`},
		"a member is not there":    {roles, routes{first: `{"id":1,"last":null}`, of: 404}, `line 5: get[1].path`},
		"the second is refused":    {two, routes{first: `{"user":{"id":1}}`, found: 403}, "403"},
		"no item in the first":     {two, routes{first: `{"error":"no"}`}, `line 5: get[0].item`},
		"the item is a list":       {two, routes{first: `{"user":[{"id":1}]}`}, `line 5: get[0].item`},
		"somebody else first":      {two, routes{first: `{"user":{"id":8,"last":"2020-01-01"}}`, found: `{"found":[{"id":1}]}`}, `not about account "1"`},
		"no field of a detail":     {two, routes{first: `{"user":{"id":1,"name":"ana"}}`, found: `{"found":[{"id":1,"name":"x"}]}`}, "1 x  hidden"},
		"an optional one":          {two, routes{first: `{"user":{"id":1}}`, found: `{"found":[{"id":1,"last":null}]}`}, "1   never"},
		"as a member":              {roles, routes{first: `{"id":1,"last":null}`, of: `[{"type":"x"},{"type":"root"}]`}, "1   never admin"},
		"as a member, empty":       {roles, routes{first: `{"id":1,"last":null,"roles":[{"type":"root"}]}`, of: `[]`}, "1   never"},
		"as a member, no array":    {roles, routes{first: `{"id":1,"last":null}`, of: `null`}, `line 5: get[1].item`},
		"as a member, an object":   {roles, routes{first: `{"id":1,"last":null}`, of: `{"id":7}`}, "1   hidden"}, // and no list of roles
		"as a member, an item":     {named, routes{first: `{"id":1,"last":null}`, of: `{"data":[{"type":"root"}]}`}, "1   never admin"},
		"as a member, no item":     {named, routes{first: `{"id":1,"last":null}`, of: `{"error":"no"}`}, `line 5: get[1].item`},
		"as a member, null":        {named, routes{first: `{"id":1,"last":null}`, of: `{"data":null}`}, `line 5: get[1].item`},
		"as a member, a number":    {named, routes{first: `{"id":1,"last":null}`, of: `5`}, `line 5: get[1].item`},
	} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, row.routes)
			c := connect(t, s, sketch(t, "", user, row.get+"\n"), readOnly)
			u, err := c.User(t.Context(), job.User{ID: "1", Username: "ana b"})
			if s.heard(err); err != nil {
				if wantError(t, err, row.want); errors.Is(err, job.ErrNotFound) != (row.want == job.ErrNotFound.Error()) {
					t.Errorf("gone: %v", err)
				}
				return
			}
			got := fmt.Sprintf("%s %s %s %s", u.ID, u.Username, u.Email, u.LastLogin)
			if u.Admin {
				got += " admin"
			}
			if got != row.want {
				t.Errorf("%s, want %s", got, row.want)
			}
		})
	}
}

// TestMergeObjects: objects inside the answers are merged as well, and null replaces
// nothing.
func TestMergeObjects(t *testing.T) {
	for name, row := range map[string]struct{ first, second, want string }{
		"a null inside":         {`"seen":{"at":"2024-01-01"}`, `"seen":{"at":null}`, "2024-01-01T23:59:59Z"},
		"an object without it":  {`"seen":{"at":"2024-01-01"}`, `"seen":{"by":"web"}`, "2024-01-01T23:59:59Z"},
		"null for the object":   {`"seen":{"at":"2024-01-01"}`, `"seen":null`, "2024-01-01T23:59:59Z"},
		"a later one inside":    {`"seen":{"at":"2024-01-01"}`, `"seen":{"at":"2025-01-01"}`, "2025-01-01T23:59:59Z"},
		"an object behind null": {`"seen":null`, `"seen":{"at":"2025-01-01"}`, "2025-01-01T23:59:59Z"},
		"null behind nothing":   {`"name":"ana"`, `"seen":null`, "absent"},
	} {
		s := serve(t, routes{"GET /users/1": `{"id":1,` + row.first + `}`, "GET /users/1/more": `{"id":1,` + row.second + `}`})
		c := connect(t, s, sketch(t, "", ", username: name, last_login: {path: seen.at, missing: absent}, optional: [username]", "get: [{path: \"/users/{id}\"}, {path: \"/users/{id}/more\"}]\n"))
		if u, err := c.User(t.Context(), job.User{ID: "1"}); err != nil || u.LastLogin.String() != row.want {
			t.Errorf("%s: %s, %v; want %s", name, u.LastLogin, err, row.want)
		}
	}
}

// TestDetailsHidden: an answer about one account that lacks a field hides something,
// so the last login is unknown.
func TestDetailsHidden(t *testing.T) {
	const user = `, username: name, last_login: {path: last, missing: never}, created: made, service_account: {path: bot, in: [1], missing: false}, roles: roles.#.n`
	for details, want := range map[string]string{"true": "hidden", "false": "2020-01-01T23:59:59Z"} {
		for answer, whole := range map[string]bool{
			`{"id":1,"name":"a","made":null,"roles":[],"last":"2020-01-01"}`:    true,
			`{"id":1,"name":null,"made":null,"roles":null,"last":"2020-01-01"}`: true,
			`{"id":1,"made":null,"roles":[],"last":"2020-01-01"}`:               false,
			`{"id":1,"name":"a","roles":[],"last":"2020-01-01"}`:                false,
			`{"id":1,"name":"a","made":null,"last":"2020-01-01"}`:               false,
		} {
			s := serve(t, routes{"GET /users/1": answer})
			u, err := connect(t, s, sketch(t, "", user, `get: {path: "/users/{id}", details: `+details+"}\n")).User(t.Context(), job.User{ID: "1"})
			if whole && u.LastLogin.String() != "2020-01-01T23:59:59Z" || !whole && u.LastLogin.String() != want || err != nil {
				t.Errorf("details %s, %s: %s, %v", details, answer, u.LastLogin, err)
			}
		}
	}
	s := serve(t, routes{"GET /users/1": `{"id":1,"name":"a","made":null,"roles":[]}`})
	u, err := connect(t, s, sketch(t, "", user, "get: {path: \"/users/{id}\", details: true}\n")).User(t.Context(), job.User{ID: "1"})
	if err != nil || u.LastLogin.State != job.LoginNever {
		t.Errorf("what may be missing is not there: %s, %v", u.LastLogin, err)
	}
}

// TestLookupNotFound: the ways in which a directory says that there is no such
// account.
func TestLookupNotFound(t *testing.T) {
	for gone, rows := range map[string]map[int]string{
		``:              {404: "gone", 410: "gone", 400: "error", 200: "there"},
		`, gone: [400]`: {400: "gone", 404: "error", 410: "error"},
		`, gone_if: {path: status, in: [missing, 404]}`: {200: "there", 400: "error", 404: "gone"},
	} {
		for code, want := range rows {
			s := serve(t, routes{"GET /users/1": status(code, `{"id":1,"status":"ok"}`)})
			_, err := connect(t, s, sketch(t, "", "", `get: {path: "/users/{id}"`+gone+"}\n")).User(t.Context(), job.User{ID: "1"})
			if got := map[bool]string{true: "there", false: "error"}[err == nil]; errors.Is(err, job.ErrNotFound) != (want == "gone") || want != "gone" && got != want {
				t.Errorf("%s: %d is %v, want %s", gone, code, err, want)
			}
		}
	}
	for body, want := range map[string]bool{
		`{"status":"missing"}`: true, `{"status":404}`: true, `{"id":1,"status":"missing"}`: true, `{"id":1,"status":["x","missing"]}`: true,
		`{"id":1}`: false, `{"id":1,"status":null}`: false, `{"id":1,"status":"here"}`: false,
	} {
		for _, code := range []int{200, 400, 403, 500} {
			s := serve(t, routes{"GET /users/1": status(code, body)})
			_, err := connect(t, s, sketch(t, "", "", `get: {path: "/users/{id}", gone_if: {path: status, in: [missing, 404]}}`+"\n"), retries(0)).User(t.Context(), job.User{ID: "1"})
			if errors.Is(err, job.ErrNotFound) != want || !want && (err == nil) != (code == 200) {
				t.Errorf("%d with %s: %v", code, body, err)
			}
		}
	}
}

// TestAccountInAPath: a request can name an account by other values than the id; each
// is one segment of the path, and a value that can't be one is not sent.
func TestAccountInAPath(t *testing.T) {
	p := sketch(t, "", ", username: name, email: email, extra: {login: login}, optional: [username, email]",
		"params: {realm: \"a|b\"}\nget: {path: \"/{realm}/{username}/{email}/x{login}.json\"}\nremove: {path: \"/{realm}/{username}/{email}/x{login}.json\"}\n")
	for value, segment := range hostile {
		line := "/a%7Cb/" + segment + "/" + segment + "/x" + segment + ".json"
		s := serve(t, routes{"GET " + line: `{"id":1}`, "DELETE " + line: 204})
		c := connect(t, s, p)
		u := job.User{ID: "1", Username: value, Email: value, Extra: map[string]string{"login": string(must(json.Marshal(value)))}}
		if _, err := c.User(t.Context(), u); err != nil {
			t.Errorf("%q: %v", value, err)
		}
		if err := c.Remove(t.Context(), u, agree); err != nil {
			t.Errorf("%q: %v", value, err)
		}
		s.wantRequests(t, "GET "+line, "DELETE "+line)
	}
	s := serve(t, routes{})
	c := connect(t, s, p)
	for _, value := range []string{"", ".", "..", "a/../b", "..\\x", "a\nb", " a", "\xff", strings.Repeat("x", 600)} {
		good := job.User{ID: "1", Username: "a", Email: "b", Extra: map[string]string{"login": `"c"`}}
		for name, u := range map[string]job.User{
			"username": {ID: "1", Username: value, Email: good.Email, Extra: good.Extra},
			"email":    {ID: "1", Username: good.Username, Email: value, Extra: good.Extra},
			"extra":    {ID: "1", Username: good.Username, Email: good.Email, Extra: map[string]string{"login": string(must(json.Marshal(value)))}},
			"no extra": {ID: "1", Username: good.Username, Email: good.Email},
		} {
			if name == "extra" && value == "\xff" {
				continue // JSON has no such text
			}
			confirmed := false
			if err := c.Remove(t.Context(), u, func(_ context.Context, _ func(job.User) error) error { confirmed = true; return nil }); err == nil || confirmed {
				t.Errorf("%s %q is removed: %v", name, value, err)
			}
			// Nothing is known of it then, which must not stop the run for the others.
			if u, err := c.User(t.Context(), u); err != nil || u.ID != "1" || u.LastLogin.State != job.LoginHidden {
				t.Errorf("%s %q is read: %v, %v", name, value, u, err)
			}
		}
	}
	s.wantRequests(t)
}

// TestAccountInAQuery: a request without a value for its account would be about all
// accounts, so it is not sent.
func TestAccountInAQuery(t *testing.T) {
	for _, request := range []string{
		`{path: /users, query: {user: "{username}"}}`, `{path: /users, query: {user: "{email}"}}`, `{path: /users, query: {user: "{login}"}}`,
		`{path: /users, body: {user: "{username}"}}`, `{path: /users, body: {user: "{login}"}}`, `{path: /users, body: {users: ["x {login}"]}}`,
		`{path: "/users/{id}", query: {user: "{login}"}}`, `{path: "/users/{id}", headers: {If-Match: "{login}"}}`,
	} {
		p := sketch(t, "", ", username: name, email: email, extra: {login: login}", "remove: "+request+"\n")
		for _, login := range []string{"", `""`, "null", "{}", "[]", `[1]`} {
			s := serve(t, routes{"GET /users": `{"users":[{"id":1,"name":"","email":null,"login":` + login + `}]}`})
			c := connect(t, s, p)
			u := job.User{ID: "1", Extra: map[string]string{}}
			if login != "" {
				users, err := all(t, s, c)
				if err != nil {
					t.Fatal(err)
				}
				u = users[0]
			}
			before := s.lines()
			if err := c.Remove(t.Context(), u, agree); err == nil || s.lines() != before {
				t.Errorf("%s, login %s: %v, on the wire:\n%s", request, login, err, s.lines())
			}
		}
	}
}

// FuzzAccountPath: a request about an account has its name as one segment of the path,
// or is refused.
func FuzzAccountPath(f *testing.F) {
	for value := range hostile {
		f.Add(value, value)
	}
	f.Add("..", "a")
	f.Add("a", "a/../b")
	f.Add("", "\x00")
	c, err := New(Options{
		Profile: sketch(f, "", ", username: name, extra: {login: login}", "remove: {path: \"/v1/{username}/x{login}.json\", query: {q: \"{login}\", u: \"{username}\"}}\n"),
		URL:     &url.URL{Scheme: "https", Host: "acme.test", Path: "/prefix"}, Values: profile.Values{Token: token}, Timeout: time.Second,
	})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, name, login string) {
		raw, err := json.Marshal(login)
		if err != nil {
			return
		}
		r, err := c.stepRequest(opRemove, c.profile.Remove[0], job.User{ID: "1", Username: name, Extra: map[string]string{"login": string(raw)}})
		if err != nil {
			return
		}
		req, err := c.newRequest(t.Context(), r)
		if err != nil {
			t.Fatalf("%q, %q: %v", name, login, err)
		}
		segments := strings.Split(req.URL.EscapedPath(), "/")
		query := req.URL.Query()
		if len(segments) != 5 || segments[1] != "prefix" || segments[2] != "v1" || req.URL.Host != "acme.test" || req.URL.Fragment != "" ||
			must(url.PathUnescape(segments[3])) != name || name == "" || name == "." || name == ".." || len(query) != 2 ||
			query.Get("q") == "" || query.Get("u") == "" {
			t.Errorf("%q, %q: %s", name, login, req.URL)
		}
	})
}

func TestSelf(t *testing.T) {
	for name, row := range map[string]struct{ profile, line, body, want string }{
		"itflex":         {"itflex", "GET /api/user/info", `{"id":7,"username":"root","email":"root@x"}`, "7 root root@x"},
		"itflex wrapped": {"itflex", "GET /api/user/info", `{"user":{"id":7,"username":"root"}}`, "7 root "},
		"redmine":        {"redmine", "GET /users/current.json", `{"user":{"id":1,"login":"admin","api_key":"x"}}`, "1 admin "},
		"no id":          {"redmine", "GET /users/current.json", `{"user":{"login":"admin"}}`, " admin "},
	} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, routes{row.line: row.body})
			u, err := connect(t, s, builtin(t, row.profile), readOnly).Self(t.Context())
			if got := u.ID + " " + u.Username + " " + u.Email; err != nil || got != row.want {
				t.Errorf("got %q, %v; want %q", got, err, row.want)
			}
		})
	}
	s := serve(t, routes{"GET /users/current.json": `{"user":{}}`})
	if _, err := connect(t, s, builtin(t, "redmine")).Self(t.Context()); err == nil {
		t.Error("an answer without a name is somebody")
	}
	if _, err := connect(t, s, builtin(t, "maestro")).Self(t.Context()); err != job.ErrUnsupported { //nolint:errorlint // as it is
		t.Errorf("maestro can't tell: %v", err)
	}
}

// TestSelfIsNobody: where the caller is no account, the directory can't tell which; anything
// else that goes wrong is an error.
func TestSelfIsNobody(t *testing.T) {
	const more = `self: {path: /me, none: [400, 501]}` + "\n"
	for code, want := range map[int]error{400: job.ErrUnsupported, 501: job.ErrUnsupported, 403: job.ErrCredentials, 401: job.ErrSignedOut, 404: nil, 500: nil} {
		s := serve(t, routes{"GET /me": code})
		_, err := connect(t, s, sketch(t, "", "", more), retries(0)).Self(t.Context())
		if err == nil || want != nil && !errors.Is(err, want) || want == nil && errors.Is(err, job.ErrUnsupported) {
			t.Errorf("%d: %v, want %v", code, err, want)
		}
	}
	for actor, want := range map[string]string{"": "", "boss@x": "GET /users/boss@x"} {
		s := serve(t, routes{"GET /users/boss@x": `{"id":7}`})
		u, err := connect(t, s, sketch(t, "", "", `self: {path: "/users/{actor}"}`+"\n"), func(o *Options) { o.Values.Actor = actor }).Self(t.Context())
		if actor == "" && !errors.Is(err, job.ErrUnsupported) || actor != "" && (err != nil || u.ID != "7") {
			t.Errorf("%q: %v, %v", actor, u, err)
		}
		if s.lines() != want {
			t.Errorf("%q: asked %s", actor, s.lines())
		}
	}
}

func TestUser(t *testing.T) {
	for name, row := range map[string]struct {
		profile, line string
		answer        any
		want          string
		err           error
	}{
		"itflex":         {"itflex", "GET /api/users/7", `{"id":7,"superuser":false,"username":"g"}`, "7 g absent", nil},
		"itflex wrapped": {"itflex", "GET /api/users/7", `{"user":{"id":7,"superuser":false,"username":"g"}}`, "7 g absent", nil},
		"redmine": {"redmine", "GET /users/7.json",
			`{"user":{"id":7,"login":"g","admin":false,"last_login_on":"2011-08-01T18:05:45Z"}}`, "7 g 2011-08-01T18:05:45Z", nil},
		"redmine, admin flag not shown": {"redmine", "GET /users/7.json",
			`{"user":{"id":7,"login":"g","last_login_on":"2011-08-01T18:05:45Z"}}`, "7 g hidden", nil},
		"404": {"redmine", "GET /users/7.json", 404, "", job.ErrNotFound},
		"410": {"redmine", "GET /users/7.json", 410, "", job.ErrNotFound},
		"401": {"redmine", "GET /users/7.json", 401, "", job.ErrSignedOut},
		"403": {"redmine", "GET /users/7.json", 403, "", job.ErrCredentials},
	} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, routes{row.line: row.answer})
			u, err := connect(t, s, builtin(t, row.profile), readOnly).User(t.Context(), job.User{ID: "7"})
			if row.err != nil {
				if s.heard(err); !errors.Is(err, row.err) {
					t.Errorf("error %v, want %v", err, row.err)
				}
			} else if got := u.ID + " " + u.Username + " " + u.LastLogin.String(); err != nil || got != row.want {
				t.Errorf("got %q, %v; want %q", got, err, row.want)
			}
			s.wantRequests(t, row.line)
		})
	}
	for _, body := range []string{``, `null`, `{}`, `[]`, `{"user":null}`, `{"user":5}`, `{"user":{}}`, `<html>`, `{"user":{"id":7}}x`,
		`{"user":{"id":7,"id":8}}`, `{"user":{"id":true}}`, `{"user":{"id":7.5}}`, `{"user":{"id":{}}}`, `{"user":[{"id":7}]}`,
		`{"user":{"id":7,"admin":"yes"}}`, `{"user":{"id":7,"login":"` + strings.Repeat("x", maxBody) + `"}}`} {
		s := serve(t, routes{"GET /users/7.json": body})
		if u, err := connect(t, s, builtin(t, "redmine")).User(t.Context(), job.User{ID: "7"}); err == nil {
			t.Errorf("%.60q is the account %v", body, u)
		}
	}
	s := serve(t, routes{})
	if _, err := connect(t, s, builtin(t, "maestro")).User(t.Context(), job.User{ID: "7"}); err != job.ErrUnsupported { //nolint:errorlint // as it is
		t.Errorf("maestro can't read one: %v", err)
	}
}
