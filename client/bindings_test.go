package client

import (
	"errors"
	"strings"
	"testing"

	"dormant/job"
)

// TestBracesInRequests: doubled braces are literal braces, as in GraphQL and in JSON
// within a text.
func TestBracesInRequests(t *testing.T) {
	for step, want := range map[string]struct{ line, body string }{
		`{method: POST, path: /graphql, body: {query: "mutation {{ removeUser(id: \"{id}\") {{ ok }} }}"}}`:                 {"POST /graphql", `{"query":"mutation { removeUser(id: \"7\") { ok } }"}`},
		`{method: POST, path: /graphql, body: {query: "query {{ id }}", operationName: "{{id}}", variables: {id: "{id}"}}}`: {"POST /graphql", `{"operationName":"{id}","query":"query { id }","variables":{"id":"7"}}`},
		`{path: /users, query: {filter: "{{\"where\":{{\"id\":{id}}}}}"}}`:                                                  {"DELETE /users?filter=%7B%22where%22%3A%7B%22id%22%3A7%7D%7D", ""},
		`{path: "/users/{id}/{{x}}"}`:                               {"DELETE /users/7/%7Bx%7D", ""},
		`{method: POST, path: /drop, form: {q: "{{\"id\":{id}}}"}}`: {"POST /drop", "q=%7B%22id%22%3A7%7D"},
		`{path: "/users/{id}", query: {q: "{{id}}"}}`:               {"DELETE /users/7?q=%7Bid%7D", ""},
	} {
		s := serve(t, routes{want.line: 200})
		if err := connect(t, s, sketch(t, "", "", "remove: "+step+"\n")).Remove(t.Context(), job.User{ID: "7"}, agree); err != nil {
			t.Error(err)
		}
		s.wantRequests(t, want.line)
		for _, w := range s.seen() {
			if w.body != want.body {
				t.Errorf("%s: sent\n%s, want\n%s", step, w.body, want.body)
			}
		}
	}
	s := serve(t, routes{"POST /graphql": `{"data":{"users":[{"id":1}]}}`})
	p := load(t, strings.Replace(smallest, "path: /users, items: users", `method: POST, path: /graphql, body: {query: "{{ users {{ id }} }}"}, items: data.users`, 1))
	if users, err := all(t, s, connect(t, s, p)); err != nil || ids(users) != "1" || s.seen()[0].body != `{"query":"{ users { id } }"}` {
		t.Errorf("%v, %v, %v", users, err, s.seen())
	}
}

// TestExtraObjects: an object or an array keeps its JSON as all of a value in a body,
// and is accepted nowhere else.
func TestExtraObjects(t *testing.T) {
	extra := map[string]string{"ref": `{"b":1,"a":[1.50,"x"]}`, "list": `[1,{}]`}
	for step, want := range map[string]string{
		`{path: "/users/{id}", body: {ref: "{ref}", deep: [{l: "{list}"}]}}`: `{"deep":[{"l":[1,{}]}],"ref":{"b":1,"a":[1.50,"x"]}}`,
		`{path: "/users/{id}", body: "{list}"}`:                              `[1,{}]`,
		`{method: POST, path: /drop, body: {id: "{id}", ref: "{ref}"}}`:      `{"id":"7","ref":{"b":1,"a":[1.50,"x"]}}`,

		`{path: "/users/{ref}"}`:                                      "can't",
		`{path: "/users/{id}/{list}"}`:                                "can't",
		`{path: "/users/{id}", query: {r: "{ref}"}}`:                  "refused",
		`{path: "/users/{id}", query: {r: "{ref}"}, body: "{ref}"}`:   "refused",
		`{path: "/users/{id}", headers: {X-R: "{ref}"}}`:              "refused",
		`{path: "/users/{id}", body: {r: "see {ref}"}}`:               "refused",
		`{path: "/users/{id}", body: {r: "{ref} "}}`:                  "refused",
		`{path: "/users/{id}", body: {r: "{{{ref}}}"}}`:               "refused",
		`{method: POST, path: /drop, form: {id: "{id}", r: "{ref}"}}`: "refused",
		`{method: POST, path: /drop, body: {ref: "{ref}"}}`:           "nobody",
		`{method: POST, path: /drop, body: ["{ref}", "{list}"]}`:      "nobody",
	} {
		s := serve(t, routes{"DELETE /users/7": 200, "POST /drop": 200})
		p := sketch(t, "", ", extra: {ref: ref, list: list}", "remove: "+step+"\n")
		err := connect(t, s, p).Remove(t.Context(), job.User{ID: "7", Extra: extra}, agree)
		switch want {
		case "can't":
			if !errors.Is(err, job.ErrUnsafeID) {
				t.Errorf("%s: %v", step, err)
			}
		case "refused":
			wantError(t, err, `account "7"`, "its ref is no text, and can only be all of a value in a body", "own.yaml, line 2: user.extra.ref")
		case "nobody":
			wantError(t, err, `account "7"`, "nothing in it is a name")
		default:
			if err != nil || len(s.seen()) != 1 || s.seen()[0].body != want {
				t.Errorf("%s: %v, %v; want %s", step, s.seen(), err, want)
			}
			continue
		}
		s.wantRequests(t)
	}
}
