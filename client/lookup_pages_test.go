package client

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"dormant/job"
)

// TestLookupCollectsPages: the items of one account are collected from all pages, and
// an incomplete collection is an error.
func TestLookupCollectsPages(t *testing.T) {
	const (
		linked   = `{path: "/users/{id}/of", as: of, items: value, collect: true, next: next}`
		numbered = `{path: "/users/{id}/of", as: of, items: value, collect: true, page: {param: page, first: 1}, total: count}`
		alone    = `{path: "/users/{id}/of", as: of, items: value, collect: true}`
		some     = `{path: "/users/{id}/of", as: of, items: value, collect: true, only: {path: on, in: [1]}, next: next}`
		one      = "GET /users/1/of"
		two      = "GET /users/1/of?p=2"
	)
	const group, role = `{"type":"group"}`, `{"type":"role"}`
	for name, row := range map[string]struct {
		get    string
		routes routes
		want   string // admin, nobody, or what the error says
	}{
		"a role on the second page":      {linked, routes{one: `{"value":[` + group + `],"next":"?p=2"}`, two: `{"value":[` + role + `]}`}, "admin"},
		"none on two pages":              {linked, routes{one: `{"value":[` + group + `],"next":"?p=2"}`, two: `{"value":[]}`}, "nobody"},
		"none at all":                    {linked, routes{one: `{"value":[]}`}, "nobody"},
		"a role on the first page":       {linked, routes{one: `{"value":[` + role + `],"next":"?p=2"}`, two: `{"value":[` + group + `]}`}, "admin"},
		"an empty page between":          {linked, routes{one: `{"value":[],"next":"?p=2"}`, two: `{"value":[` + role + `]}`}, "admin"},
		"the second page is refused":     {linked, routes{one: `{"value":[` + group + `],"next":"?p=2"}`, two: 403}, "403"},
		"the second page is not there":   {linked, routes{one: `{"value":[` + group + `],"next":"?p=2"}`, two: 404}, "page 2"},
		"the second page is no array":    {linked, routes{one: `{"value":[` + group + `],"next":"?p=2"}`, two: `{}`}, "no value in the answer"},
		"the second page is cut short":   {linked, routes{one: `{"value":[` + group + `],"next":"?p=2"}`, two: `{"value":[` + group}, "cut short"},
		"the pages run in a circle":      {linked, routes{one: `{"value":[` + group + `],"next":"?p=2"}`, two: `{"value":[` + role + `],"next":"?p=2"}`}, "circle"},
		"a page elsewhere":               {linked, routes{one: `{"value":[` + group + `],"next":"https://elsewhere.test/x"}`}, errOtherOrigin.Error()},
		"by number":                      {numbered, routes{one + "?page=1": `{"value":[` + group + `],"count":2}`, one + "?page=2": `{"value":[` + role + `],"count":2}`}, "admin"},
		"fewer than there are":           {numbered, routes{one + "?page=1": `{"value":[` + group + `],"count":3}`, one + "?page=2": `{"value":[` + role + `],"count":3}`, one + "?page=3": `{"value":[],"count":3}`}, "says that there are 3"},
		"in one answer":                  {alone, routes{one: `{"value":[` + group + "," + role + `]}`}, "admin"},
		"an element without a type":      {linked, routes{one: `{"value":[{}]}`}, "nobody"}, // as the profile's missing: false says
		"those that do not count":        {some, routes{one: `{"value":[{"type":"role","on":0}]}`}, "nobody"},
		"those that count":               {some, routes{one: `{"value":[{"type":"role","on":1}]}`}, "admin"},
		"there is no such part":          {linked, routes{one: 404}, "this part of it is not"},
		"an answer that is no such list": {linked, routes{one: `{"value":{"type":"role"}}`}, "not an array"},
	} {
		t.Run(name, func(t *testing.T) {
			routes := routes{"GET /users/1": `{"id":1,"last":"2020-01-01","of":[` + role + `]}`}
			for line, answer := range row.routes {
				routes[line] = answer
			}
			s := serve(t, routes)
			const admin = `, last_login: last, admin: {path: of.#.type, in: [role], missing: false}`
			c := connect(t, s, sketch(t, "", admin, `get: [{path: "/users/{id}"}, `+row.get+"]\n"), readOnly, retries(0), connections(1))
			u, err := c.User(t.Context(), job.User{ID: "1"})
			if s.heard(err); row.want != "admin" && row.want != "nobody" {
				if wantError(t, err, row.want); errors.Is(err, job.ErrNotFound) {
					t.Errorf("gone: %v", err)
				}
				return
			}
			if err != nil || u.Admin != (row.want == "admin") || u.LastLogin.State != job.LoginKnown {
				t.Errorf("%+v, %v; want %s", u, err, row.want)
			}
		})
	}
}

// TestLookupBoundsWhatItCollects: the items that are kept of one account are bounded.
func TestLookupBoundsWhatItCollects(t *testing.T) {
	n := 0
	s := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasSuffix(r.URL.Path, "/of") {
			fmt.Fprint(w, `{"id":1,"last":"2020-01-01"}`)
			return
		}
		n++
		fmt.Fprintf(w, `{"value":[%s{"n":%d}],"next":"?p=%d"}`, strings.Repeat(`{},`, 30_000), n, n)
	}))
	c := connect(t, s, sketch(t, "", "", `get: [{path: "/users/{id}"}, {path: "/users/{id}/of", as: of, items: value, collect: true, next: next}]`+"\n"))
	_, err := c.User(t.Context(), job.User{ID: "1"})
	wantError(t, err, "more than 100000 items about one account")
}

// TestLookupFindsInPages: an account is found on any page, and is not gone because it
// is not on the first.
func TestLookupFindsInPages(t *testing.T) {
	const get = `get: [{path: /users, query: {q: "{id}"}, items: found, next: next, gone_if: {path: off, in: [true]}}, {path: "/users/{id}", as: alone}]` + "\n"
	const first, second = "GET /users?q=1", "GET /users?p=2"
	for name, row := range map[string]struct {
		routes routes
		want   string
	}{
		"on the first page":   {routes{first: `{"found":[{"id":11},{"id":1,"last":"2024-01-01"}],"next":"?p=2"}`, second: `{"found":[]}`}, "2024-01-01T23:59:59Z"},
		"on the second page":  {routes{first: `{"found":[{"id":11}],"next":"?p=2"}`, second: `{"found":[{"id":1,"last":"2024-01-01"}]}`}, "2024-01-01T23:59:59Z"},
		"on no page":          {routes{first: `{"found":[{"id":11}],"next":"?p=2"}`, second: `{"found":[]}`}, "nothing there of account"},
		"it is gone":          {routes{first: `{"found":[{"id":1,"off":true}]}`}, job.ErrNotFound.Error()},
		"another one is gone": {routes{first: `{"found":[{"id":11,"off":true},{"id":1,"off":false,"last":"2024-01-01"}]}`}, "2024-01-01T23:59:59Z"},
		"404 for the search":  {routes{first: 404}, job.ErrNotFound.Error()},
		"404 for the next":    {routes{first: `{"found":[{"id":11}],"next":"?p=2"}`, second: 404}, "page 2"},
	} {
		row.routes["GET /users/1"] = `{"id":1,"last":null}`
		s := serve(t, row.routes)
		u, err := connect(t, s, sketch(t, "", ", last_login: last", get), retries(0)).User(t.Context(), job.User{ID: "1"})
		if s.heard(err); err != nil {
			if wantError(t, err, row.want); errors.Is(err, job.ErrNotFound) != (row.want == job.ErrNotFound.Error()) {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		if u.LastLogin.String() != row.want {
			t.Errorf("%s: %s, want %s", name, u.LastLogin, row.want)
		}
	}
}
