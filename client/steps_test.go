package client

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"

	"dormant/client/profile"
	"dormant/job"
)

const twoSteps = `remove: [{method: POST, path: "/users/{id}/off"}, {path: "/users/{id}"}]` + "\n"

// TestSteps: a removal of several requests is done, not done, or half done.
func TestSteps(t *testing.T) {
	const first, second = "POST /users/1/off", "DELETE /users/1"
	no := errors.New("active again")
	for name, row := range map[string]struct {
		routes  routes
		refuse  int // which confirmation says no; 0: none
		as      error
		want    error // nil: removed
		half    bool
		asked   int
		request []string
	}{
		"both":                       {routes{first: 200, second: 204}, 0, nil, nil, false, 2, []string{first, second}},
		"the first fails":            {routes{first: 409}, 0, nil, &statusError{}, false, 1, []string{first}},
		"the first is gone":          {routes{first: 404}, 0, nil, job.ErrNotFound, false, 1, []string{first}},
		"the first is forbidden":     {routes{first: 403}, 0, nil, job.ErrCredentials, false, 1, []string{first}},
		"refused before the first":   {routes{}, 1, no, no, false, 1, nil},
		"the second fails":           {routes{first: 200, second: 409}, 0, nil, &statusError{}, true, 2, []string{first, second}},
		"the second is forbidden":    {routes{first: 200, second: 403}, 0, nil, job.ErrCredentials, true, 2, []string{first, second}},
		"the second is gone":         {routes{first: 200, second: 404}, 0, nil, nil, false, 2, []string{first, second}},
		"refused before the second":  {routes{first: 200}, 2, no, no, true, 2, []string{first}},
		"gone before the second":     {routes{first: 200}, 2, job.ErrNotFound, nil, false, 2, []string{first}},
		"the first is tried again":   {routes{first: turns(503, 200), second: 200}, 0, nil, nil, false, 3, []string{first, first, second}},
		"the second is tried again":  {routes{first: 200, second: turns(hangUp, 204)}, 0, nil, nil, false, 3, []string{first, second, second}},
		"the second at last fails":   {routes{first: 200, second: 503}, 0, nil, &statusError{}, true, 4, []string{first, second, second, second}},
		"the second was done unseen": {routes{first: 200, second: turns(hangUp, 404)}, 0, nil, nil, false, 3, []string{first, second, second}},
		"refused between two tries":  {routes{first: 200, second: turns(503)}, 3, no, no, true, 3, []string{first, second}},
		"the first was done unseen":  {routes{first: turns(hangUp, 404)}, 0, nil, job.ErrNotFound, false, 2, []string{first, first}},
		"a redirect of the second":   {routes{first: 200, second: status(307, "", "Location", "/prefix/users/2")}, 0, nil, &statusError{}, true, 2, []string{first, second}},
		"HTML instead of the second": {routes{first: 200, second: "<html>"}, 0, nil, &responseError{}, true, 2, []string{first, second}},
		"HTML instead of the first":  {routes{first: "<html>"}, 0, nil, &responseError{}, false, 1, []string{first}},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, answering(row.routes), func(t *testing.T, s *server) {
				asked := 0
				c := connect(t, s, sketch(t, "", "", twoSteps), retries(2))
				err := c.Remove(t.Context(), job.User{ID: "1"}, func(context.Context, func(job.User) error) error {
					if asked++; asked == row.refuse {
						return row.as
					}
					return nil
				})
				s.heard(err)
				is := errors.Is(err, row.want) || err == nil && row.want == nil
				switch row.want.(type) { //nolint:errorlint // what kind of error is wanted
				case *statusError:
					is = errors.As(err, new(*statusError))
				case *responseError:
					is = errors.As(err, new(*responseError))
				}
				if !is || errors.Is(err, job.ErrHalfDone) != row.half || asked != row.asked {
					t.Errorf("asked %d times: %v; want %d, %v, half done %t", asked, err, row.asked, row.want, row.half)
				}
				if row.half {
					wantError(t, err, "1 of 2")
				}
				s.wantRequests(t, row.request...)
			})
		})
	}
}

// TestStepsAreCarriedThrough: once the first step has been performed, the others
// follow even if the run ends.
func TestStepsAreCarriedThrough(t *testing.T) {
	for name, when := range map[string]string{"while the first is under way": "POST /users/1/off", "while it is confirmed": "confirm"} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			bubble(t, answering(routes{
				"POST /users/1/off": func(http.ResponseWriter, *http.Request) {
					if when != "confirm" {
						cancel()
					}
				},
				"DELETE /users/1": turns(503, hangUp, 204),
			}), func(t *testing.T, s *server) {
				asked := 0
				err := connect(t, s, sketch(t, "", "", twoSteps)).Remove(ctx, job.User{ID: "1"}, func(ctx context.Context, _ func(job.User) error) error {
					if asked++; asked == 2 {
						cancel()
					}
					if asked > 1 && ctx.Err() != nil {
						t.Error("the context of the second look has ended")
					}
					return nil
				})
				if err != nil || asked != 4 || ctx.Err() == nil {
					t.Errorf("asked %d times: %v", asked, err)
				}
				s.wantRequests(t, "POST /users/1/off", "DELETE /users/1", "DELETE /users/1", "DELETE /users/1")
			})
		})
	}
	t.Run("before the first", func(t *testing.T) {
		s := serve(t, routes{})
		ctx, cancel := context.WithCancel(t.Context())
		err := connect(t, s, sketch(t, "", "", twoSteps)).Remove(ctx, job.User{ID: "1"}, func(context.Context, func(job.User) error) error { cancel(); return nil })
		if !errors.Is(err, context.Canceled) || errors.Is(err, job.ErrHalfDone) {
			t.Error(err)
		}
		s.wantRequests(t)
	})
}

// TestSuccessIf: where the answer has to say that it was done, a code alone is no
// success.
func TestSuccessIf(t *testing.T) {
	for condition, rows := range map[string]map[string]string{
		`success_if: {path: deleted, in: [true]}`: {
			`{"deleted":true}`: "done", `{"deleted":"true"}`: "done", `{"deleted":["x",true]}`: "done",
			`{"deleted":false}`: "denied", `{"deleted":null}`: "denied", `{"deleted":1}`: "denied", `{}`: "denied", ``: "denied", `null`: "denied", `true`: "denied",
			`deleted`: "denied", `{"deleted":true`: "denied", `{"deleted":true} x`: "denied", `<html>{"deleted":true}`: "HTML",
		},
		`success_if: ok`: {`{"ok":true}`: "done", `{"ok":false}`: "denied", `{"ok":"true"}`: "denied"},
		`success_if: {path: error, in: [none], missing: true}`: {
			`{}`: "done", `{"error":null}`: "done", `{"error":"none"}`: "done", `{"error":"owns things"}`: "denied",
			`nothing`: "denied", // and not an answer without an error
		},
		`gone_if: {path: status, in: [missing]}`: {`{"status":"missing"}`: "gone", `{"status":"x"}`: "done", `{}`: "done", ``: "done", `removed`: "done"},
		`success_if: ok, gone_if: {path: status, in: [missing]}`: {
			`{"status":"missing","ok":true}`: "gone", `{"status":"missing"}`: "gone", `{"status":"x","ok":true}`: "done", `{"ok":true}`: "done", `{"status":"x"}`: "denied",
		},
	} {
		for body, want := range rows {
			s := serve(t, routes{"DELETE /users/1": body})
			err := connect(t, s, sketch(t, "", "", `remove: {path: "/users/{id}", `+condition+"}\n")).Remove(t.Context(), job.User{ID: "1"}, agree)
			s.heard(err)
			got := "done"
			switch {
			case errors.Is(err, job.ErrNotFound):
				got = "gone"
			case err != nil && strings.Contains(err.Error(), "HTML"):
				got = "HTML"
			case err != nil && strings.Contains(err.Error(), "but not that it was done"):
				got = "denied"
			case err != nil:
				got = err.Error()
			}
			if got != want {
				t.Errorf("%s: %s is %s, want %s", condition, body, got, want)
			}
			s.wantRequests(t, "DELETE /users/1")
		}
	}
	s := serve(t, routes{"DELETE /users/1": 204})
	err := connect(t, s, sketch(t, "", "", `remove: {path: "/users/{id}", success_if: ok}`+"\n")).Remove(t.Context(), job.User{ID: "1"}, agree)
	wantError(t, err, "not that it was done")
	// What may have been said is asked for again.
	bubble(t, answering(routes{"DELETE /users/1": turns(cut(`{"ok":tr`), `{"ok":true}`)}), func(t *testing.T, s *server) {
		if err := connect(t, s, sketch(t, "", "", `remove: {path: "/users/{id}", success_if: ok}`+"\n")).Remove(t.Context(), job.User{ID: "1"}, agree); err != nil {
			t.Error(err)
		}
		s.wantRequests(t, "DELETE /users/1", "DELETE /users/1")
	})
	// What the server says about it is for the report, without the credentials.
	s = serve(t, routes{"DELETE /users/1": `{"ok":false,"why":"owns 3 repositories","token":"` + token + `"}`})
	err = connect(t, s, sketch(t, "", "", `remove: {path: "/users/{id}", success_if: ok}`+"\n")).Remove(t.Context(), job.User{ID: "1"}, agree)
	var denied *statusError
	if s.heard(err); !errors.As(err, &denied) || denied.Detail() != `{"ok":false,"why":"owns 3 repositories","token":"***"}` {
		t.Errorf("%v", err)
	}
}

// TestGoneIf: some directories say with another code that there is no such account.
func TestGoneIf(t *testing.T) {
	for code, rows := range map[int]map[string]bool{
		200: {`{"code":1001}`: true, `{"code":"1001"}`: true, `{"code":1}`: false, `{}`: false},
		400: {`{"code":1001}`: true, `{"code":1}`: false, `{}`: false, ``: false, `1001`: false},
		403: {`{"code":1001}`: true, `{"code":1}`: false},
		404: {`{"code":1}`: true, ``: true},
		409: {`{"code":[1001]}`: true, `{"code":null}`: false},
	} {
		for body, gone := range rows {
			s := serve(t, routes{"DELETE /users/1": status(code, body)})
			err := connect(t, s, sketch(t, "", "", `remove: {path: "/users/{id}", gone_if: {path: code, in: [1001]}}`+"\n")).Remove(t.Context(), job.User{ID: "1"}, agree)
			if errors.Is(err, job.ErrNotFound) != gone || !gone && (err == nil) != (code == 200) {
				t.Errorf("%d with %s: %v", code, body, err)
			}
		}
	}
}

// TestStepRequest: all that a step can send.
func TestStepRequest(t *testing.T) {
	u := job.User{ID: "7", Username: "ana", Email: "a@x", Extra: map[string]string{"n": "12345678901234567890", "text": `"a \"b\""`, "flag": "true", "list": `[1,"x"]`}}
	const user = `, username: name, email: email, extra: {n: n, text: text, flag: flag, list: list}`
	for name, row := range map[string]struct {
		more, step string
		params     map[string]string
		line, body string
		headers    map[string]string
	}{
		"all of it": {"", `{method: PATCH, path: "/users/{id}", query: {u: "{username}", e: "to {email}", fix: "1"}, headers: {Content-Type: application/json-patch+json, If-Match: "{n}", X-By: "{actor}"}, body: [{op: replace, path: /active, value: false}]}`,
			nil, "PATCH /users/7?e=to+a%40x&fix=1&u=ana", `[{"op":"replace","path":"/active","value":false}]`,
			map[string]string{"Content-Type": "application/json-patch+json", "If-Match": "12345678901234567890", "X-By": "", "Authorization": token}},
		"types": {"", `{method: PUT, path: "/users/{id}", body: {n: "{n}", text: "{text}", flag: "{flag}", inside: "no {n} {flag}", id: "{id}", null: null, num: 1.5, deep: [{a: ["{n}"]}]}}`,
			nil, "PUT /users/7", `{"deep":[{"a":[12345678901234567890]}],"flag":true,"id":"7","inside":"no 12345678901234567890 true","n":12345678901234567890,"null":null,"num":1.5,"text":"a \"b\""}`,
			map[string]string{"Content-Type": "application/json"}},
		"no body": {"", `{method: POST, path: "/users/{id}"}`, nil, "POST /users/7", "", map[string]string{"Content-Type": ""}},
		"an extra, off": {"extras: {purge: also everything}\n", `{path: "/users/{id}", query: {purge: "{purge}"}, body: {purge: "{purge}", text: "p={purge}"}}`,
			nil, "DELETE /users/7?purge=false", `{"purge":false,"text":"p=false"}`, nil},
		"an extra, on": {"extras: {purge: also everything}\n", `{path: "/users/{id}", query: {purge: "{purge}"}, body: {purge: "{purge}"}}`,
			map[string]string{"purge": "true"}, "DELETE /users/7?purge=true", `{"purge":true}`, nil},
		"a param": {"params: {org: \"a|b\", none: \"\"}\n", `{path: "/{org}/users/{id}", query: {o: "{org}", n: "{none}"}, body: {o: "{org}", n: "{none}"}, headers: {X-N: "{none}", X-O: "{org}"}}`,
			nil, "DELETE /a%7Cb/users/7?o=a%7Cb", `{"n":"","o":"a|b"}`, map[string]string{"X-N": "", "X-O": "a|b"}},
		"who it is, and not who calls": {"headers: {Authorization: \"Basic {basic}\"}\n", `{path: "/users/{id}", headers: {X-User: "{username}", X-Id: "{id}"}}`,
			nil, "DELETE /users/7", "", map[string]string{"X-User": "ana", "X-Id": "7"}},
	} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, routes{row.line: 200})
			p := sketch(t, "", user, row.more+"remove: "+row.step+"\n")
			c := connect(t, s, p, func(o *Options) {
				if o.Values.Params = row.params; strings.Contains(row.more, "basic") {
					o.Values = profile.Values{Username: "operator", Password: password}
				}
			})
			if err := c.Remove(t.Context(), u, agree); err != nil {
				t.Error(err)
			}
			s.wantRequests(t, row.line)
			for _, w := range s.seen() {
				if wantHeaders(t, w, row.headers); w.body != row.body {
					t.Errorf("the body is\n%s, want\n%s", w.body, row.body)
				}
			}
		})
	}
}

// TestHeadersOfAStep: the headers of a step replace those of the profile.
func TestHeadersOfAStep(t *testing.T) {
	s := serve(t, routes{"DELETE /users/1": 200})
	p := sketch(t, "", "", "headers: {Authorization: \"{token}\", Accept-Language: en, Content-Type: text/x}\nremove: {path: \"/users/{id}\", headers: {accept-language: de}}\n")
	if err := connect(t, s, p).Remove(t.Context(), job.User{ID: "1"}, agree); err != nil {
		t.Error(err)
	}
	wantHeaders(t, s.seen()[0], map[string]string{"Accept-Language": "de", "Authorization": token, "Content-Type": ""})
}

// TestForm: a step can send a form.
func TestForm(t *testing.T) {
	const of = "application/x-www-form-urlencoded"
	u := job.User{ID: "7", Username: "a&b=c d", Email: "é@x", Extra: map[string]string{"n": "5"}}
	for step, want := range map[string]struct{ line, body, contentType string }{
		`{method: POST, path: "/users/{id}/off", form: {by: "{actor}", active: "0"}}`:                                                    {"POST /users/7/off", "active=0", of},
		`{method: POST, path: /drop, form: {id: "{id}"}}`:                                                                                {"POST /drop", "id=7", of},
		`{method: PUT, path: /drop, form: {u: "{username}", "e[0]": "{email}"}}`:                                                         {"PUT /drop", "e%5B0%5D=%C3%A9%40x&u=a%26b%3Dc+d", of},
		`{method: POST, path: /drop, query: {q: "{id}"}, form: {n: "{n}", t: "a {n}"}}`:                                                  {"POST /drop?q=7", "n=5&t=a+5", of},
		`{method: POST, path: "/users/{id}", form: {}}`:                                                                                  {"POST /users/7", "", of},
		`{method: POST, path: "/users/{id}", form: {a: b}, headers: {Content-Type: "application/x-www-form-urlencoded; charset=utf-8"}}`: {"POST /users/7", "a=b", of + "; charset=utf-8"},
	} {
		s := serve(t, routes{want.line: 200})
		c := connect(t, s, sketch(t, "", ", username: name, email: email, disabled: off, extra: {n: n}", "remove: "+step+"\ndisable: "+step+"\n"), func(o *Options) { o.Values.Actor = "" })
		for _, change := range []func(context.Context, job.User, job.Confirm) error{c.Remove, c.Disable} {
			if err := change(t.Context(), u, agree); err != nil {
				t.Error(err)
			}
		}
		s.wantRequests(t, want.line, want.line)
		for _, w := range s.seen() {
			if wantHeaders(t, w, map[string]string{"Content-Type": want.contentType, "Authorization": token}); w.body != want.body {
				t.Errorf("%s: the body is %s, want %s", step, w.body, want.body)
			}
		}
	}
	// Where the form alone names the account, nothing is sent without its name.
	for name, u := range map[string]job.User{"no name": {ID: "7"}, "an object": {ID: "7", Username: "ana", Extra: map[string]string{"n": "{}"}}} {
		s := serve(t, routes{})
		p := sketch(t, "", ", username: name, extra: {n: n}", `remove: {method: POST, path: /drop, form: {u: "{username}", n: "{n}"}}`+"\n")
		err := connect(t, s, p).Remove(t.Context(), u, agree)
		if !errors.Is(err, profile.ErrUnnamed) {
			t.Errorf("%s: %v", name, err)
		}
		s.wantRequests(t)
	}
}

// --- disabling ---

const disabling = `disable: {method: PATCH, path: "/users/{id}", body: {active: false}}` + "\n"

func TestDisable(t *testing.T) {
	s := serve(t, routes{})
	if err := connect(t, s, sketch(t, "", "", "")).Disable(t.Context(), job.User{ID: "1"}, agree); err != job.ErrUnsupported { //nolint:errorlint // as it is
		t.Error(err)
	}
	s.wantRequests(t)
	p := sketch(t, "", ", disabled: {path: active, in: [false]}", disabling)
	for code, want := range map[int]error{200: nil, 204: nil, 404: job.ErrNotFound, 410: job.ErrNotFound, 401: job.ErrSignedOut, 403: job.ErrCredentials} {
		s := serve(t, routes{"PATCH /users/1": code})
		if err := connect(t, s, p).Disable(t.Context(), job.User{ID: "1"}, agree); !errors.Is(err, want) || want == nil && err != nil {
			t.Errorf("%d: %v", code, err)
		}
		s.wantRequests(t, "PATCH /users/1")
		if body := s.seen()[0].body; body != `{"active":false}` {
			t.Errorf("the body is %s", body)
		}
		if s.observed["disable "+strconv.Itoa(code)] != 1 || len(s.observed) != 1 {
			t.Errorf("observed %v", s.observed)
		}
	}
	s = serve(t, routes{"PATCH /users/1": 200})
	if err := connect(t, s, p, readOnly).Disable(t.Context(), job.User{ID: "1"}, agree); !errors.Is(err, errReadOnly) {
		t.Error(err)
	}
	for _, id := range []string{"", "..", "a\nb"} {
		if err := connect(t, s, p).Disable(t.Context(), job.User{ID: id}, agree); !errors.Is(err, job.ErrUnsafeID) {
			t.Errorf("%q: %v", id, err)
		}
	}
	no := errors.New("active again")
	if err := connect(t, s, p).Disable(t.Context(), job.User{ID: "1"}, func(context.Context, func(job.User) error) error { return no }); err != no { //nolint:errorlint // as it is
		t.Error(err)
	}
	s.wantRequests(t)
}

// TestDisableConfirmsEachAttempt: confirm is called before a request is sent once
// more.
func TestDisableConfirmsEachAttempt(t *testing.T) {
	p := sketch(t, "", ", disabled: {path: active, in: [false]}", disabling)
	bubble(t, answering(routes{"PATCH /users/1": turns(hangUp, 503, 200)}), func(t *testing.T, s *server) {
		asked := 0
		if err := connect(t, s, p).Disable(t.Context(), job.User{ID: "1"}, func(context.Context, func(job.User) error) error { asked++; return nil }); err != nil || asked != 3 {
			t.Errorf("asked %d times: %v", asked, err)
		}
	})
	bubble(t, answering(routes{"PATCH /users/1": turns(hangUp)}), func(t *testing.T, s *server) {
		no, asked := errors.New("active again"), 0
		err := connect(t, s, p).Disable(t.Context(), job.User{ID: "1"}, func(context.Context, func(job.User) error) error {
			if asked++; asked == 2 {
				return no
			}
			return nil
		})
		if !errors.Is(err, no) || !errors.Is(err, job.ErrMaybeDone) || asked != 2 {
			t.Errorf("asked %d times: %v", asked, err)
		}
	})
}

// TestReadOnlySteps: a dry run sends no step, not even one whose URL is that of a
// listing or of the sign-in.
func TestReadOnlySteps(t *testing.T) {
	for name, source := range map[string]string{
		"one URL for everything": `headers: {Authorization: "{token}"}
list: {method: POST, path: /rpc, body: {method: list}, items: users}
activity: {path: /rpc, method: POST, body: {method: log, user: "{id}"}, items: log, at: at}
user: {id: id, disabled: {path: off, in: [true], missing: false}}
remove: {method: POST, path: /rpc, body: {method: delete, id: "{id}"}}
disable: {method: POST, path: /rpc, body: {method: disable, id: "{id}"}}
`,
		"an id that is a path": `headers: {Authorization: "{token}"}
list: {method: POST, path: /rpc, body: {}, items: users}
user: {id: id, disabled: {path: off, in: [true], missing: false}}
remove: {method: POST, path: "/{id}"}
disable: {method: POST, path: "/{id}"}
`,
		"the sign-in": `headers: {Authorization: "{token}"}
sign_in: {path: /rpc, body: {p: "{password}"}, token: t}
list: {path: /users, items: users}
user: {id: id, disabled: {path: off, in: [true], missing: false}}
remove: {method: POST, path: "/{id}"}
disable: {method: POST, path: "/{id}"}
`,
	} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				io.WriteString(w, `{"users":[{"id":"rpc"}],"log":[],"t":"tok"}`)
			}))
			c := connect(t, s, load(t, source), readOnly, func(o *Options) {
				if o.Profile.SignIn != nil {
					o.Values = profile.Values{Password: password}
				}
			})
			users, err := all(t, s, c)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := c.User(t.Context(), users[0]); err != nil && !errors.Is(err, job.ErrUnsupported) {
				t.Error(err)
			}
			before := s.lines()
			for what, change := range map[string]func(context.Context, job.User, job.Confirm) error{"remove": c.Remove, "disable": c.Disable} {
				if err := change(t.Context(), users[0], agree); !errors.Is(err, errReadOnly) {
					t.Errorf("%s: %v", what, err)
				}
			}
			if s.lines() != before {
				t.Errorf("on the wire:\n%s", s.lines())
			}
		})
	}
}

// TestExtra: extra values of an account are kept as JSON, and only if they exist.
func TestExtra(t *testing.T) {
	s := serve(t, routes{"GET /users": `{"users":[{"id":1,"a":"x","b":{"n":7},"c":true,"d":null,"e":{},"f":[1],"g":1.50}]}`})
	p := sketch(t, "", ", extra: {a: a, n: b.n, c: c, d: d, e: e, f: f, g: g, h: h}", "")
	users, err := all(t, s, connect(t, s, p))
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"a": `"x"`, "n": "7", "c": "true", "e": "{}", "f": "[1]", "g": "1.50"}
	if got := users[0].Extra; !reflect.DeepEqual(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

// TestLaterStepIsGone: a later step that finds no account does not prove that the
// account is gone, unless the directory can't be asked.
func TestLaterStepIsGone(t *testing.T) {
	const (
		first, second, look = "POST /users/1/off", "DELETE /users/1", "GET /users/1"
		get                 = `get: {path: "/users/{id}", gone_if: {path: state, in: [deleted]}}` + "\n"
		twoGets             = `get: [{path: "/users/{id}"}, {path: "/users/{id}/roles", as: roles}]` + "\n"
		own                 = `activity: {path: "/users/{id}/log", items: log, at: at}` + "\n"
		shared              = `activity: {path: /log, items: log, account: {path: who}, at: at}` + "\n"
	)
	for name, row := range map[string]struct {
		more    string
		answers routes // besides the steps
		confirm error  // of the second look; nil: the second step is not found
		done    bool
		asked   []string
	}{
		"gone":                        {get, routes{look: 404}, nil, true, []string{look}},
		"gone for good":               {get, routes{look: 410}, nil, true, []string{look}},
		"gone, in other words":        {get, routes{look: `{"id":1,"state":"deleted"}`}, nil, true, []string{look}},
		"still there":                 {get, routes{look: `{"id":1}`}, nil, false, []string{look}},
		"nobody knows":                {get, routes{look: 503}, nil, false, []string{look}},
		"nobody may know":             {get, routes{look: 403}, nil, false, []string{look}},
		"an answer without anybody":   {get, routes{look: `{}`}, nil, false, []string{look}},
		"only a part is missing":      {twoGets, routes{look: `{"id":1}`, "GET /users/1/roles": 404}, nil, false, []string{look}},
		"all of it is missing":        {twoGets, routes{look: 404}, nil, true, []string{look}},
		"nobody can be asked":         {"", nil, nil, true, nil},
		"a log is nobody to be asked": {shared, nil, nil, true, nil},
		"its sessions are gone":       {own, routes{"GET /users/1/log": 404}, nil, true, []string{"GET /users/1/log"}},
		"its sessions are there":      {own, routes{"GET /users/1/log": `{"log":[]}`}, nil, false, []string{"GET /users/1/log"}},
		"found gone, and gone":        {get, routes{look: 404}, job.ErrNotFound, true, []string{look}},
		"found gone, and there":       {get, routes{look: `{"id":1}`}, job.ErrNotFound, false, []string{look}},
	} {
		t.Run(name, func(t *testing.T) {
			rs := routes{first: 200, second: 404}
			for line, answer := range row.answers {
				rs[line] = answer
			}
			s := serve(t, rs)
			asked := 0
			err := connect(t, s, sketch(t, "", "", row.more+twoSteps), retries(0)).Remove(t.Context(), job.User{ID: "1"}, func(context.Context, func(job.User) error) error {
				if asked++; asked == 2 {
					return row.confirm
				}
				return nil
			})
			s.heard(err)
			if (err == nil) != row.done || errors.Is(err, job.ErrHalfDone) == row.done {
				t.Errorf("%v; want done %t", err, row.done)
			}
			if !row.done {
				wantError(t, err, "1 of 2", "no such account")
			}
			want := []string{first}
			if row.confirm == nil {
				want = append(want, second)
			}
			s.wantRequests(t, append(want, row.asked...)...)
		})
	}
}

// TestEndBetweenSteps: when the run is ended after the first step, the second is tried
// for a minute more.
func TestEndBetweenSteps(t *testing.T) {
	const answer = 30 * time.Second // for which a request is waited for, whatever happens
	for name, row := range map[string]struct {
		second  any
		confirm job.Confirm
		most    time.Duration
	}{
		"it fails again and again": {503, nil, time.Minute + time.Second},
		"it is to come back later": {status(429, "", "Retry-After", "3600"), nil, time.Minute + time.Second},
		"it never answers":         {func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }, nil, time.Minute + answer},
		"the look never ends": {nil, func(ctx context.Context, _ func(job.User) error) error {
			<-ctx.Done()
			return context.Cause(ctx)
		}, time.Minute},
		"the look is told to come back": {nil, func(context.Context, func(job.User) error) error { return &statusError{Code: 503} }, time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			bubble(t, answering(routes{
				"POST /users/1/off": func(http.ResponseWriter, *http.Request) { cancel() },
				"DELETE /users/1":   row.second,
			}), func(t *testing.T, s *server) {
				asked, start := 0, time.Now()
				err := connect(t, s, sketch(t, "", "", twoSteps), retries(100_000)).Remove(ctx, job.User{ID: "1"}, func(ctx context.Context, prepare func(job.User) error) error {
					if asked++; asked > 1 && row.confirm != nil {
						return row.confirm(ctx, prepare)
					}
					return nil
				})
				if took := time.Since(start); took > row.most || !errors.Is(err, job.ErrHalfDone) {
					t.Errorf("after %s, want %s at most: %v", took, row.most, err)
				}
				wantError(t, err, "1 of 2")
			})
		})
	}
}

// TestNamesKeepTheirSpaces: without its spaces, a name could be another account's.
func TestNamesKeepTheirSpaces(t *testing.T) {
	for _, name := range []string{" ana", "ana ", " ana b ", "\tana", "ana\u00a0", "   "} {
		q := url.QueryEscape(name)
		quoted := string(must(json.Marshal(name)))
		u := job.User{ID: "1", Username: name, Email: name, Extra: map[string]string{"login": quoted}}
		for request, want := range map[string]string{
			`{method: POST, path: /drop, query: {u: "{username}", e: "{email}", l: "{login}"}}`:  "POST /drop?e=" + q + "&l=" + q + "&u=" + q,
			`{method: POST, path: /drop, query: {u: "{username}", n: "{none}"}}`:                 "POST /drop?u=" + q,
			`{method: POST, path: /drop, query: {u: " {username} "}}`:                            "POST /drop?u=+" + q + "+",
			`{method: POST, path: /drop, body: {u: "{username}", e: ["{email}"], l: "{login}"}}`: `POST /drop {"e":[` + quoted + `],"l":` + quoted + `,"u":` + quoted + `}`,
			`{method: POST, path: /drop, body: {u: "{username}", n: "{none}"}}`:                  `POST /drop {"n":"","u":` + quoted + `}`,
			`{method: POST, path: /drop, form: {u: "{username}", l: "{login}"}}`:                 "POST /drop l=" + q + "&u=" + q,
		} {
			line, _, _ := strings.Cut(want, " {")
			if strings.Contains(request, "form") {
				line = "POST /drop"
			}
			s := serve(t, routes{line: 200})
			p := sketch(t, "", ", username: name, email: email, extra: {login: login}", "params: {none: \"\"}\nremove: "+request+"\n")
			if err := connect(t, s, p).Remove(t.Context(), u, agree); err != nil {
				t.Error(err)
			}
			for _, w := range s.seen() {
				if got := strings.TrimSuffix(strings.Replace(w.String(), "/prefix", "", 1)+" "+w.body, " "); got != want {
					t.Errorf("%q, %s: sent\n%s, want\n%s", name, request, got, want)
				}
			}
		}
		// The same where its use is asked for.
		s := serve(t, routes{"GET /log?u=" + q: `{"log":[]}`})
		c := connect(t, s, sketch(t, "", ", username: name", `activity: {path: /log, query: {u: "{username}"}, items: log, at: at, coverage: complete}`+"\n"))
		if got, err := c.User(t.Context(), u); err != nil || describeUse(got) != "never" {
			t.Errorf("%q: %s, %v", name, describeUse(got), err)
		}
	}
}

// TestLaterStepIsWaitedFor: while the run goes on, a later step may take as long as
// the retries allow.
func TestLaterStepIsWaitedFor(t *testing.T) {
	bubble(t, answering(routes{"POST /users/1/off": 200, "DELETE /users/1": turns(status(429, "", "Retry-After", "110"), 204)}), func(t *testing.T, s *server) {
		if err := connect(t, s, sketch(t, "", "", twoSteps)).Remove(t.Context(), job.User{ID: "1"}, agree); err != nil {
			t.Error(err)
		}
	})
}

// TestNameNextToNothing: a name keeps its spaces next to an empty value.
func TestNameNextToNothing(t *testing.T) {
	s := serve(t, routes{"POST /drop?u=+ana": 200})
	p := sketch(t, "", ", username: name", "params: {realm: \"\"}\nremove: {method: POST, path: /drop, query: {u: \"{realm}{username}\"}}\n")
	if err := connect(t, s, p).Remove(t.Context(), job.User{ID: "1", Username: " ana"}, agree); err != nil {
		t.Error(err)
	}
}
