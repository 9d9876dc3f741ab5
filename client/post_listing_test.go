package client

import (
	"errors"
	"net/http"
	"reflect"
	"strings"
	"testing"

	"dormant/job"
)

func TestPostListing(t *testing.T) {
	for name, row := range map[string]struct {
		listing string
		answers []any
		bodies  []string // one for each request
	}{
		"no pages": {`body: {query: {asc: true}, texts: ["{org}", 5, null, 1.5]}`, []any{people(1, 1, "")},
			[]string{`{"query":{"asc":true},"texts":["acme",5,null,1.5]}`}},
		"page": {`body: {}, page: {param: q.page, first: 1}, size: {param: q.limit, default: 2}`,
			[]any{people(1, 2, ""), people(3, 3, ""), people(1, 0, "")},
			[]string{`{"q":{"limit":2,"page":1}}`, `{"q":{"limit":2,"page":2}}`, `{"q":{"limit":2,"page":3}}`}},
		"offset beside what is there": {`body: {query: {asc: true, offset: "x"}}, offset: {param: query.offset}, total: n`,
			[]any{people(1, 2, `,"n":3`), people(3, 3, `,"n":3`)},
			[]string{`{"query":{"asc":true,"offset":0}}`, `{"query":{"asc":true,"offset":2}}`}},
		"cursor as text and as a number": {`body: {a: 1}, cursor: {param: c, next: next}`,
			[]any{people(1, 1, `,"next":"7"`), people(2, 2, `,"next":12345678901234567890`), people(3, 3, `,"next":null`)},
			[]string{`{"a":1}`, `{"a":1,"c":"7"}`, `{"a":1,"c":12345678901234567890}`}},
		"after":         {`body: {}, after: {since: id, by.name: n}`, []any{`{"users":[{"id":2,"n":"x"}]}`, people(1, 0, "")}, []string{`{}`, `{"by":{"name":"x"},"since":2}`}},
		"query as well": {`body: {a: "{none}"}, query: {org: "{org}", x: "{none}"}`, []any{people(1, 1, "")}, []string{`{"a":""}`}},
	} {
		t.Run(name, func(t *testing.T) {
			line := "POST /users/search"
			if strings.Contains(row.listing, "query: {org") {
				line += "?org=acme"
			}
			s := serve(t, routes{line: turns(row.answers...)})
			p := load(t, "headers: {Authorization: \"{token}\"}\nparams: {org: acme, none: \"\"}\nlist: {method: POST, path: /users/search, items: users, "+row.listing+
				"}\nuser: {id: id}\nremove: {path: \"/users/{id}\"}\n")
			users, err := all(t, s, connect(t, s, p, readOnly))
			if err != nil || len(users) == 0 {
				t.Error(ids(users), err)
			}
			var got []string
			for _, w := range s.seen() {
				got = append(got, w.body)
				wantHeaders(t, w, map[string]string{"Content-Type": "application/json", "Authorization": token})
			}
			if !reflect.DeepEqual(got, row.bodies) {
				t.Errorf("sent\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(row.bodies, "\n"))
			}
		})
	}
}

// TestPostListingIsNoRemoval: a read-only client sends the POSTs of its listings, and
// refuses all others.
func TestPostListingIsNoRemoval(t *testing.T) {
	s := serve(t, routes{"POST /users/search": people(1, 1, "")})
	p := load(t, `headers: {Authorization: "{token}"}
list: {method: POST, path: /users/search, body: {}, items: users}
user: {id: id, disabled: off, optional: [disabled]}
remove: {path: "/users/{id}"}
disable: {method: POST, path: "/users/{id}/lock"}
`)
	c := connect(t, s, p, readOnly)
	if _, err := all(t, s, c); err != nil {
		t.Error(err)
	}
	for _, err := range []error{
		c.Remove(t.Context(), job.User{ID: "1"}, agree), c.Remove(t.Context(), job.User{ID: "search"}, agree), c.Disable(t.Context(), job.User{ID: "1"}, agree),
	} {
		if !errors.Is(err, errReadOnly) {
			t.Error(err)
		}
	}
	for _, method := range []string{"DELETE", "PUT", "PATCH", "HEAD"} {
		req := must(http.NewRequest(method, s.URL+"/prefix/users/search", nil))
		if resp, err := c.http.Do(req); !errors.Is(err, errReadOnly) { //nolint:bodyclose // there is none
			t.Errorf("%s: %v, %v", method, resp, err)
		}
	}
	s.wantRequests(t, "POST /users/search")
}

// TestPostListingFollowsNoRedirect: the body would be sent along.
func TestPostListingFollowsNoRedirect(t *testing.T) {
	s := serve(t, routes{"POST /users/search": status(307, "", "Location", "/prefix/users/1")})
	p := load(t, `headers: {Authorization: "{token}"}
list: {method: POST, path: /users/search, body: {}, items: users}
user: {id: id}
remove: {path: "/users/{id}"}
`)
	_, err := all(t, s, connect(t, s, p))
	wantError(t, err, "307", "not followed")
	s.wantRequests(t, "POST /users/search")
}
