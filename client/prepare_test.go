package client

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"dormant/job"
)

// confirming is a Confirm of a run that has just read the account.
func confirming(current job.User) job.Confirm {
	return func(_ context.Context, prepare func(job.User) error) error { return prepare(current) }
}

// TestRequestIsMadeOfTheCurrentAccount: a request has the values of the account as it
// was read again, not those of the listing.
func TestRequestIsMadeOfTheCurrentAccount(t *testing.T) {
	planned := job.User{ID: "7", Username: "ana", Email: "a@x", Extra: map[string]string{"login": `"uid=ana"`, "source": "1", "rev": `"r1"`}}
	now := job.User{ID: "7", Username: "ana", Email: "new@x", Extra: map[string]string{"login": `"uid=ana2"`, "source": "3", "rev": `"r2"`}}
	const user = ", username: name, email: email, extra: {login: login, source: source, rev: rev}"
	for step, want := range map[string][2]string{
		`{method: PATCH, path: "/users/{username}", body: {off: true, login_name: "{login}", source_id: "{source}"}}`: {"PATCH /users/ana", `{"login_name":"uid=ana2","off":true,"source_id":3}`},
		`{method: PUT, path: "/users/{id}", body: {email: "{email}", rev: "{rev}", text: "by {email}"}}`:              {"PUT /users/7", `{"email":"new@x","rev":"r2","text":"by new@x"}`},
		`{path: "/users/{id}", query: {rev: "{rev}", mail: "{email}"}}`:                                               {"DELETE /users/7?mail=new%40x&rev=r2", ""},
		`{method: POST, path: /drop, form: {user: "{username}"}, headers: {If-Match: "{rev}"}}`:                       {"POST /drop", "user=ana"},
		`{method: POST, path: "/users/{id}/drop", form: {rev: "{rev}"}}`:                                              {"POST /users/7/drop", "rev=r2"},
	} {
		s := serve(t, routes{want[0]: 200})
		c := connect(t, s, sketch(t, "", user, "get: {path: \"/users/{id}\"}\nremove: "+step+"\n"))
		if err := c.Remove(t.Context(), planned, confirming(now)); err != nil {
			t.Errorf("%s: %v", step, err)
		}
		s.wantRequests(t, want[0])
		for _, w := range s.seen() {
			if w.body != want[1] {
				t.Errorf("%s: sent %s, want %s", step, w.body, want[1])
			}
			if strings.Contains(step, "If-Match") && w.header.Get("If-Match") != "r2" {
				t.Errorf("%s: If-Match: %s", step, w.header.Get("If-Match"))
			}
		}
	}
}

// TestRenamed: a request that would address the account by a value that has changed is
// not sent: another account may have the value now.
func TestRenamed(t *testing.T) {
	planned := job.User{ID: "7", Username: "ana", Email: "a@x", Extra: map[string]string{"login": `"l1"`, "n": "5"}}
	const user = ", username: name, email: email, extra: {login: login, n: n}"
	for step, by := range map[string]string{ // what leads to the account
		`{path: "/users/{id}"}`: "",
		`{path: "/users/{id}", query: {mail: "{email}"}, body: {u: "{username}"}}`: "",
		`{path: "/users/{username}"}`:                                                                        "username",
		`{path: "/users/{email}.json"}`:                                                                      "email",
		`{path: "/users/{username}/x{email}"}`:                                                               "username email",
		`{path: "/users/x{login}", query: {n: "{n}"}}`:                                                       "login n",
		`{path: "/sources/{n}/users", query: {q: "{username}"}, body: {mail: "{email}"}}`:                    "username n",
		`{path: /users, query: {user: "{username}"}, body: {mail: "{email}"}}`:                               "username",
		`{path: /users, query: {user: "{email}"}}`:                                                           "email",
		`{method: POST, path: /drop, form: {user: "{username}"}}`:                                            "username",
		`{method: POST, path: /drop, body: {user: "{username}"}}`:                                            "username",
		`{method: POST, path: /drop, body: {users: ["x {login}"]}}`:                                          "login",
		`{method: POST, path: /drop, body: {in: {mail: "{email}", n: "{n}"}}, headers: {X-L: "{username}"}}`: "email n",
	} {
		p := sketch(t, "", user, "get: {path: \"/users/{id}\"}\nremove: "+step+"\n")
		for name, change := range map[string]func(*job.User){
			"username": func(u *job.User) { u.Username = "ana2" },
			"email":    func(u *job.User) { u.Email = "b@x" },
			"login":    func(u *job.User) { u.Extra = map[string]string{"login": `"l2"`, "n": "5"} },
			"n":        func(u *job.User) { u.Extra = map[string]string{"login": `"l1"`, "n": "6"} },
			"case":     func(u *job.User) { u.Username, u.Email = "Ana", "A@x" },
		} {
			now := planned
			change(&now)
			s := serve(t, anything)
			err := connect(t, s, p).Remove(t.Context(), planned, confirming(now))
			led := strings.Contains(" "+by+" ", " "+name+" ") || name == "case" && (strings.Contains(by, "username") || strings.Contains(by, "email"))
			if errors.Is(err, job.ErrRenamed) != led || !led && err != nil || (s.lines() == "") != led {
				t.Errorf("%s, %s has changed: %v, on the wire: %s", step, name, err, s.lines())
			}
			var renamed *renamedError
			if !errors.As(err, &renamed) {
				continue
			}
			if text := err.Error(); strings.Contains(text, "ana") || strings.Contains(text, "@x") {
				t.Errorf("the error names the account: %s", text)
			}
			if detail := renamed.Detail(); name == "username" && !strings.Contains(detail, `username was "ana" and is "ana2"`) {
				t.Errorf("the detail is %s", detail)
			}
		}
	}
}

// TestCurrentAccountCompletesTheRequest: an account that the listing does not describe
// well enough is acted on if reading it again completes the request, and not
// otherwise.
func TestCurrentAccountCompletesTheRequest(t *testing.T) {
	p := sketch(t, "", ", username: name, extra: {login: login}", `get: {path: "/users/{id}"}`+"\n"+`remove: {method: PATCH, path: "/users/{username}", body: {login_name: "{login}"}}`+"\n")
	whole := job.User{ID: "7", Username: "ana", Extra: map[string]string{"login": `"l"`}}
	for name, row := range map[string]struct {
		planned, now job.User
		sent         bool
	}{
		"the listing has no extra":        {job.User{ID: "7", Username: "ana"}, whole, true},
		"the look has no extra":           {whole, job.User{ID: "7", Username: "ana"}, false}, // which may be another one by now
		"the look says that it is empty":  {whole, job.User{ID: "7", Username: "ana", Extra: map[string]string{"login": `""`}}, false},
		"the look has no name":            {whole, job.User{ID: "7", Extra: whole.Extra}, false},
		"the look has a name for a path":  {whole, job.User{ID: "7", Username: "..", Extra: whole.Extra}, false},
		"neither has":                     {job.User{ID: "7", Username: "ana"}, job.User{ID: "7", Username: "ana"}, false},
		"the plan has a name for no path": {job.User{ID: "7", Username: "a/../b"}, whole, false},
	} {
		s := serve(t, anything)
		err := connect(t, s, p).Remove(t.Context(), row.planned, confirming(row.now))
		if (err == nil) != row.sent || (s.lines() != "") != row.sent {
			t.Errorf("%s: %v, on the wire: %s", name, err, s.lines())
		}
	}
}

// TestFoundByName: an answer need not repeat the name that led to it.
func TestFoundByName(t *testing.T) {
	u := job.User{ID: "7", Username: "ana", Email: "a@x", Extra: map[string]string{"login": `"l"`, "n": "5"}}
	const user = ", username: name, email: email, extra: {login: login, n: n}, optional: [username, email]"
	for get, want := range map[string]string{
		`{path: "/users/{id}"}`:                        "||",
		`{path: "/users/{username}"}`:                  `ana||`,
		`{path: "/users/{email}"}`:                     `|a@x|`,
		`{path: "/users", query: {q: "{username}"}}`:   `ana||`,
		`{path: "/users/x{login}"}`:                    `||"l"`,
		`{path: "/users/{id}", query: {q: "{login}"}}`: "||",
	} {
		s := serve(t, answer(`{"id":7}`))
		got, err := connect(t, s, sketch(t, "", user, "get: "+get+"\n")).User(t.Context(), u)
		if text := got.Username + "|" + got.Email + "|" + got.Extra["login"]; err != nil || text != want || got.Extra["n"] != "" {
			t.Errorf("%s: %s, %v; want %s", get, text, err, want)
		}
		s = serve(t, answer(`{"id":7,"name":"bo","email":"b@x","login":"m"}`))
		got, err = connect(t, s, sketch(t, "", user, "get: "+get+"\n")).User(t.Context(), u)
		if text := got.Username + "|" + got.Email + "|" + got.Extra["login"]; err != nil || text != `bo|b@x|"m"` {
			t.Errorf("%s: %s, %v", get, text, err)
		}
	}
}

// anything answers every request with 200.
var anything = answer("")

func answer(body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, body) }
}
