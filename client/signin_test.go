package client

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"dormant/client/profile"
	"dormant/job"
)

// tokenServer is a directory that gives out the tokens tok-SECRET-1, tok-SECRET-2, …
// and accepts only the one given last.
type tokenServer struct {
	answer func(token string) string // to a sign-in

	mu     sync.Mutex
	given  int
	expire bool // accept nothing until the next sign-in
}

func (o *tokenServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if r.Method == http.MethodPost {
		o.given++
		o.expire = false
		io.WriteString(w, o.answer("tok-SECRET-"+strconv.Itoa(o.given)))
		return
	}
	given := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
	if o.expire || o.given == 0 || given != "tok-SECRET-"+strconv.Itoa(o.given) {
		status(401, "who is "+given+"?")(w, r)
		return
	}
	switch {
	case r.Method == http.MethodDelete:
		w.WriteHeader(http.StatusNoContent)
	case strings.HasSuffix(r.URL.Path, "/audit/logs"):
		io.WriteString(w, `{"action_logs":[],"cursor":{"next":null}}`)
	case strings.HasSuffix(r.URL.Path, "/users"):
		io.WriteString(w, people(1, 2, `,"cursor":{"next":null}`))
	default:
		io.WriteString(w, `{"id":1,"superuser":false}`)
	}
}

func (o *tokenServer) expires() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.expire = true
}

func maestroTokens() *tokenServer {
	return &tokenServer{answer: func(token string) string { return `{"tokens":{"accessToken":"` + token + `","refreshToken":"x"}}` }}
}

func itflexTokens(seconds string) *tokenServer {
	return &tokenServer{answer: func(token string) string { return `{"access_token":"` + token + `","expires_in":` + seconds + `}` }}
}

func TestSignInMaestro(t *testing.T) {
	s := serve(t, maestroTokens())
	c := connect(t, s, builtin(t, "maestro"), signsInMaestro, func(o *Options) { o.Values.Params = map[string]string{"scheme": "Bearer"} })
	if users, err := all(t, s, c); err != nil || ids(users) != "1 2" {
		t.Fatalf("%s, %v", ids(users), err)
	}
	if err := c.Remove(t.Context(), job.User{ID: "1"}, agree); err != nil {
		t.Error(err)
	}
	s.wantRequests(t, "POST /auth/sign-in", "GET /users", "DELETE /users/1")
	seen := s.seen()
	var body map[string]string
	if err := json.Unmarshal([]byte(seen[0].body), &body); err != nil || len(body) != 2 || body["username"] != "ana" || body["password"] != password {
		t.Errorf("signed in with %v", body)
	}
	// There is no token yet: a scheme alone would be a malformed header.
	wantHeaders(t, seen[0], map[string]string{"Content-Type": "application/json", "dadosfera-lang": "pt-br", "Authorization": ""})
	wantHeaders(t, seen[1], map[string]string{"Authorization": "Bearer tok-SECRET-1", "Content-Type": ""})
	wantHeaders(t, seen[2], map[string]string{"Authorization": "Bearer tok-SECRET-1", "Dadosfera-User": "cleaner@acme.test"})
}

func TestSignInITFlex(t *testing.T) {
	s := serve(t, itflexTokens("900"))
	c := connect(t, s, builtin(t, "itflex"), signsInITFlex, readOnly) // a sign-in changes nothing
	if _, err := all(t, s, c); err != nil {
		t.Fatal(err)
	}
	s.wantRequests(t, "POST /api/v1/oauth2/token", "GET /api/audit/logs?cursor=0&size=100", "GET /api/users?cursor=0&size=100")
	var body map[string]string
	if err := json.Unmarshal([]byte(s.seen()[0].body), &body); err != nil || len(body) != 2 || body["grant_type"] != "refresh_token" || body["refresh_token"] != refreshToken {
		t.Errorf("signed in with %v", body)
	}
	wantHeaders(t, s.seen()[0], map[string]string{"Authorization": ""})
	wantHeaders(t, s.seen()[2], map[string]string{"Authorization": "Bearer tok-SECRET-1"})
}

func TestTokenExpires(t *testing.T) {
	o := itflexTokens("900")
	bubble(t, answering(o), func(t *testing.T, s *server) {
		c := connect(t, s, builtin(t, "itflex"), signsInITFlex)
		for _, step := range []struct {
			wait  time.Duration
			given int
		}{{0, 1}, {900*time.Second - expiryMargin - 1, 1}, {1, 2}, {time.Hour, 3}} {
			<-time.After(step.wait)
			if _, err := c.User(t.Context(), job.User{ID: "1"}); err != nil || o.given != step.given {
				t.Errorf("after %s: %d tokens, %v; want %d", step.wait, o.given, err, step.given)
			}
		}
	})
	for _, seconds := range []string{"1", "null", `"900"`, "0", "-5", "10000000000"} { // odd lives do no harm
		s := serve(t, itflexTokens(seconds))
		c := connect(t, s, builtin(t, "itflex"), signsInITFlex)
		for range 2 {
			if _, err := c.User(t.Context(), job.User{ID: "1"}); err != nil {
				t.Errorf("expires_in %s: %v", seconds, err)
			}
		}
		if n := len(s.seen()); seconds != "1" && n != 3 {
			t.Errorf("expires_in %s: %d requests, want 3", seconds, n)
		}
	}
}

func TestTokenRejectedMidway(t *testing.T) {
	o := itflexTokens("900")
	s := serve(t, o)
	c := connect(t, s, builtin(t, "itflex"), signsInITFlex)
	for i := range 3 {
		confirmed := 0
		if err := c.Remove(t.Context(), job.User{ID: "1"}, func(context.Context, func(job.User) error) error { confirmed++; return nil }); err != nil {
			t.Fatal(err)
		}
		if want := min(i, 1) + 1; confirmed != want {
			t.Errorf("confirmed %d times, want %d: once for each request", confirmed, want)
		}
		o.expires()
	}
	s.wantRequests(t, "POST /api/v1/oauth2/token", "DELETE /api/users/1",
		"DELETE /api/users/1", "POST /api/v1/oauth2/token", "DELETE /api/users/1",
		"DELETE /api/users/1", "POST /api/v1/oauth2/token", "DELETE /api/users/1")
}

func TestSecondRejectionIsFinal(t *testing.T) {
	s := serve(t, routes{
		"POST /auth/sign-in": `{"tokens":{"accessToken":"` + token + `"}}`,
		"GET /users":         status(401, "no "+token), "DELETE /users/1": 401,
	})
	c := connect(t, s, builtin(t, "maestro"), signsInMaestro)
	_, err := all(t, s, c)
	if !errors.Is(err, job.ErrSignedOut) || !errors.Is(err, job.ErrCredentials) {
		t.Error(err)
	}
	s.wantRequests(t, "POST /auth/sign-in", "GET /users", "POST /auth/sign-in", "GET /users")
}

// TestGivenTokenRejected: 401 and 403 for a token of the configuration end the request
// at once.
func TestGivenTokenRejected(t *testing.T) {
	for code, signedOut := range map[int]bool{401: true, 403: false} {
		s := serve(t, routes{"GET /users": code, "DELETE /users/1": code})
		c := connect(t, s, builtin(t, "maestro"))
		_, listing := all(t, s, c)
		for _, err := range []error{listing, c.Remove(t.Context(), job.User{ID: "1"}, agree)} {
			if !errors.Is(err, job.ErrCredentials) || errors.Is(err, job.ErrSignedOut) != signedOut {
				t.Errorf("%d: %v", code, err)
			}
		}
		s.wantRequests(t, "GET /users", "DELETE /users/1")
	}
}

func TestBadCredentials(t *testing.T) {
	for _, code := range []int{400, 401, 403, 404, 422} {
		s := serve(t, routes{"POST /auth/sign-in": status(code, "no: "+password)})
		_, err := all(t, s, connect(t, s, builtin(t, "maestro"), signsInMaestro))
		if !errors.Is(err, job.ErrCredentials) || !errors.Is(err, job.ErrSignedOut) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%d: %q", code, err)
		}
		if detail := job.Describe(err); strings.Contains(detail, "SECRET") || !strings.HasSuffix(detail, ": no: ***") {
			t.Errorf("detail %q", detail)
		}
		s.wantRequests(t, "POST /auth/sign-in")
	}
	// What is no refusal is tried again.
	bubble(t, answering(routes{
		"POST /auth/sign-in": turns(503, 429, cut(`{"tok`), `{"tokens":{"accessToken":"t"}}`), "GET /users": people(1, 1, ""),
	}), func(t *testing.T, s *server) {
		if _, err := all(t, s, connect(t, s, builtin(t, "maestro"), signsInMaestro)); err != nil {
			t.Error(err)
		}
	})
	// And what still fails is not tried again for the request that needed it.
	bubble(t, answering(routes{"POST /auth/sign-in": 503}), func(t *testing.T, s *server) {
		_, err := all(t, s, connect(t, s, builtin(t, "maestro"), signsInMaestro, retries(2)))
		if wantError(t, err, "sign in: giving up after 3 attempts"); errors.Is(err, job.ErrCredentials) || len(s.seen()) != 3 {
			t.Errorf("%d requests, %v", len(s.seen()), err)
		}
	})
}

func TestAnswersThatAreNoToken(t *testing.T) {
	for _, answer := range []any{
		``, `null`, `{}`, `<html>`, `{"tokens":null}`, `{"tokens":{"accessToken":null}}`, `{"tokens":{"accessToken":""}}`,
		`{"tokens":{"accessToken":{"tok":"tok-SECRET-9"}}}`, `{"tokens":"tok-SECRET-9"}`, `{"accessToken":"tok-SECRET-9"}`,
		`{"tokens":{"accessToken":["tok-SECRET-9"]}}`, `{"tokens":{"accessToken":4711}}`, `{"tokens":{"accessToken":"tok-SECRET-9"}} x`, `{"tokens":{"accessToken":"` + strings.Repeat("x", maxBody) + `"}}`, 204, 302,
		status(307, "", "Location", "/prefix/elsewhere"), status(302, "", "Location", "/prefix/elsewhere"),
	} {
		s := serve(t, routes{"POST /auth/sign-in": answer})
		_, err := all(t, s, connect(t, s, builtin(t, "maestro"), signsInMaestro))
		wantError(t, err, "sign in")
		s.wantRequests(t, "POST /auth/sign-in")
	}
	// A token with a line break would be another header.
	s := serve(t, routes{"POST /auth/sign-in": `{"tokens":{"accessToken":"tok\r\nX-Evil: SECRET"}}`})
	_, err := all(t, s, connect(t, s, builtin(t, "maestro"), signsInMaestro, retries(0)))
	wantError(t, err, "list users")
	s.wantRequests(t, "POST /auth/sign-in")
}

func TestOneSignInForMany(t *testing.T) {
	o := itflexTokens("900")
	s := serve(t, o)
	c := connect(t, s, builtin(t, "itflex"), signsInITFlex)
	for round := 1; round <= 3; round++ {
		var wg sync.WaitGroup
		for range 30 {
			wg.Go(func() {
				if _, err := c.User(t.Context(), job.User{ID: "1"}); err != nil {
					s.heard(err)
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if o.given != round {
			t.Errorf("%d sign-ins for %d tokens", o.given, round)
		}
		o.expires()
	}
}

func TestSignInURL(t *testing.T) {
	p := load(t, signInURL)
	for base, rows := range map[string]map[string]bool{
		"https://acme.test": {
			"https://login.test/token": true, "https://LOGIN.test:8443/a/b": true, "https://acme.test/token": true,
			"http://login.test/token": false, "http://acme.test/token": false, "http://127.0.0.1/token": false, "ftp://login.test/": false, "login.test/token": false, "/token": false, "//login.test/token": false,
			"https://ana:pw@login.test/": false, "https://login.test/?a=b": false, "https://login.test/#x": false, "https:///token": false, "https://login.test/\x7f": false, "https://[::1": false, "": false,
		},
		"http://127.0.0.1:8080": {"http://127.0.0.1:9090/token": true, "https://login.test/token": true, "http://localhost:8080/token": false, "http://login.test/": false},
	} {
		for login, ok := range rows {
			_, err := New(Options{
				Profile: p, URL: must(url.Parse(base)), Timeout: time.Second,
				Values: profile.Values{ClientID: "i", ClientSecret: "s", Params: map[string]string{"login": login}},
			})
			if (err == nil) != ok {
				t.Errorf("%s signs in at %q: %v", base, login, err)
			}
			if !ok && login != "" && !strings.Contains(login, "\x7f") {
				wantError(t, err, "own.yaml", "line 3: sign_in.url")
			}
		}
	}
}

// TestSignInElsewhere: one POST goes to the other origin, and nothing else.
func TestSignInElsewhere(t *testing.T) {
	tokenServer := serve(t, routes{"POST /token": `{"t":"tok-SECRET-9"}`})
	s := serve(t, routes{"GET /users": people(1, 1, "")})
	c := connect(t, s, load(t, signInURL), readOnly, func(o *Options) {
		o.Values = profile.Values{ClientID: "an id", ClientSecret: refreshToken, Actor: "root", Params: map[string]string{"login": tokenServer.URL + "/prefix/token"}}
	})
	if _, err := all(t, s, c); err != nil {
		t.Fatal(err)
	}
	post := tokenServer.seen()[0]
	wantHeaders(t, post, map[string]string{"Authorization": "", "X-Actor": "", "Content-Type": "application/x-www-form-urlencoded"})
	if want := "client_id=an+id&client_secret=refresh%2FSECRET%2B1&grant_type=client_credentials"; post.body != want {
		t.Errorf("sent %s, want %s", post.body, want)
	}
	for _, request := range []struct{ method, url string }{
		{"GET", tokenServer.URL + "/prefix/token"}, {"POST", tokenServer.URL + "/prefix/token/x"}, {"POST", tokenServer.URL + "/prefix/"}, {"PUT", tokenServer.URL + "/prefix/token"},
		{"DELETE", tokenServer.URL + "/prefix/users/1"}, {"GET", tokenServer.URL + "/prefix/users"}, {"POST", s.URL + "/prefix/token"},
	} {
		for _, operation := range []string{opSignIn, opList, opRemove, opGet} {
			ctx := context.WithValue(t.Context(), operationKey{}, operation)
			req := must(http.NewRequestWithContext(ctx, request.method, request.url, nil))
			if resp, err := c.http.Do(req); err == nil { //nolint:bodyclose // there is none
				t.Errorf("%s %s to %s: %v", operation, request.method, request.url, resp)
			}
		}
	}
	tokenServer.wantRequests(t, "POST /token")
	s.wantRequests(t, "GET /users")
}

// TestSignInFollowsNoRedirect: the credentials would be sent along.
func TestSignInFollowsNoRedirect(t *testing.T) {
	evil := serve(t, http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	for _, code := range []int{301, 302, 303, 307, 308} {
		tokenServer := serve(t, routes{"POST /token": status(code, "", "Location", evil.URL+"/prefix/token")})
		s := serve(t, routes{})
		c := connect(t, s, load(t, signInURL), func(o *Options) {
			o.Values = profile.Values{ClientID: "i", ClientSecret: refreshToken, Params: map[string]string{"login": tokenServer.URL + "/prefix/token"}}
		})
		_, err := all(t, s, c)
		wantError(t, err, "sign in", "not followed")
		tokenServer.wantRequests(t, "POST /token")
	}
	if len(evil.seen()) > 0 {
		t.Errorf("the other server saw %v", evil.seen())
	}
}

// TestSignInFields: fields whose placeholders are all empty are left out, in JSON and
// in a form.
func TestSignInFields(t *testing.T) {
	for how, want := range map[string]string{
		`body: {user: "{username}", scope: "{scope}", kind: x, both: "a {scope}"}`: `{"kind":"x","user":"ana"}`,
		`form: {user: "{username}", scope: "{scope}", kind: "x y&z"}`:              `kind=x+y%26z&user=ana`,
	} {
		s := serve(t, routes{"POST /in": `{"t":"tok-SECRET-9"}`, "GET /users": people(1, 1, "")})
		p := sketch(t, "", "", "params: {scope: \"\"}\nsign_in: {path: /in, "+how+", token: t}\n")
		if _, err := all(t, s, connect(t, s, p, func(o *Options) { o.Values = profile.Values{Username: "ana"} })); err != nil {
			t.Error(err)
		}
		if got := s.seen()[0].body; got != want {
			t.Errorf("%s sends %s, want %s", how, got, want)
		}
	}
}

func TestBasic(t *testing.T) {
	p := sketch(t, "", "", "headers: {Authorization: \"Basic {basic}\"}\n")
	for name, row := range map[string]struct {
		values profile.Values
		want   string
	}{
		"both":        {profile.Values{Username: "ana", Password: "pw:x"}, "Basic YW5hOnB3Ong="},
		"UTF-8":       {profile.Values{Username: "jörg", Password: "ü"}, "Basic asO2cmc6w7w="},
		"no password": {profile.Values{Username: "ana"}, ""},
		"no name":     {profile.Values{Password: "x"}, ""},
		"nothing":     {profile.Values{}, ""},
		"a token":     {profile.Values{Token: "t"}, ""},
	} {
		if errs := row.values.Check(p); (len(errs) == 0) != (row.want != "") {
			t.Errorf("%s: %v", name, errs)
			continue
		}
		if row.want == "" {
			continue
		}
		s := serve(t, routes{"GET /users": people(1, 1, "")})
		if _, err := all(t, s, connect(t, s, p, func(o *Options) { o.Values = row.values })); err != nil {
			t.Error(err)
		}
		wantHeaders(t, s.seen()[0], map[string]string{"Authorization": row.want})
	}
	// Servers that say what they were sent don't have the log say it.
	s := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Error(w, "bad: "+r.Header.Get("Authorization"), http.StatusTeapot)
	}))
	_, err := all(t, s, connect(t, s, p, func(o *Options) { o.Values = profile.Values{Username: "ana", Password: password} }))
	var refused *statusError
	if !errors.As(err, &refused) || refused.Detail() != "bad: Basic ***" {
		t.Errorf("%v", err)
	}
}

func TestAnonymous(t *testing.T) {
	p := sketch(t, "", "", "anonymous: true\nheaders: {Authorization: \"Bearer {token}\", X-A: b}\n")
	for token, want := range map[profile.Secret]string{"": "", token: "Bearer " + token} {
		s := serve(t, routes{"GET /users": people(1, 1, ""), "DELETE /users/1": 204})
		c := connect(t, s, p, func(o *Options) { o.Values = profile.Values{Token: token} })
		if _, err := all(t, s, c); err != nil {
			t.Error(err)
		}
		if err := c.Remove(t.Context(), job.User{ID: "1"}, agree); err != nil {
			t.Error(err)
		}
		for _, w := range s.seen() {
			wantHeaders(t, w, map[string]string{"Authorization": want, "X-A": "b"})
		}
	}
	if errs := (profile.Values{Password: "x"}).Check(p); len(errs) != 1 || !strings.Contains(errs[0].Error(), "DORMANT_PASSWORD: is of no use") {
		t.Errorf("%v", errs)
	}
	if errs := (profile.Values{}).Check(sketch(t, "", "", "")); len(errs) != 1 {
		t.Errorf("%v", errs)
	}
}

// TestForbiddenToken: some directories answer 403 when a token has ended. One that the
// program fetched itself is replaced once; after that, a 403 is about the request.
func TestForbiddenToken(t *testing.T) {
	for name, row := range map[string]struct {
		ended   int // after so many requests, the first token is forbidden
		forever bool
		change  func(*Options)
		want    []string
		err     error
	}{
		"ended":          {1, false, signsInMaestro, []string{"POST /auth/sign-in", "GET /users", "DELETE /users/1", "POST /auth/sign-in", "DELETE /users/1"}, nil},
		"before any use": {0, false, signsInMaestro, []string{"POST /auth/sign-in", "GET /users", "POST /auth/sign-in", "GET /users", "DELETE /users/1"}, nil},
		"not allowed":    {1, true, signsInMaestro, []string{"POST /auth/sign-in", "GET /users", "DELETE /users/1", "POST /auth/sign-in", "DELETE /users/1"}, job.ErrCredentials},
		"a given token":  {1, false, func(*Options) {}, []string{"GET /users", "DELETE /users/1"}, job.ErrCredentials},
	} {
		t.Run(name, func(t *testing.T) {
			signedIn, requests := 0, 0
			s := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				switch {
				case r.Method == http.MethodPost:
					signedIn++
					_, _ = io.WriteString(w, `{"tokens":{"accessToken":"tok-SECRET-`+strconv.Itoa(signedIn)+`"}}`)
					return
				case requests >= row.ended && (signedIn < 2 || row.forever):
					w.WriteHeader(http.StatusForbidden)
				case r.Method == http.MethodDelete:
					w.WriteHeader(http.StatusNoContent)
				default:
					_, _ = io.WriteString(w, people(1, 2, ""))
				}
				requests++
			}))
			c := connect(t, s, builtin(t, "maestro"), row.change)
			_, err := all(t, s, c)
			if err == nil {
				err = c.Remove(t.Context(), job.User{ID: "1"}, agree)
			}
			if !errors.Is(err, row.err) {
				t.Errorf("%v, want %v", err, row.err)
			}
			s.wantRequests(t, row.want...)
		})
	}
}

// TestConfirmedToken: where a token that has ended sees nothing, no account is taken for
// gone unless the directory still knows who asks with the same token.
func TestConfirmedToken(t *testing.T) {
	const confirms = "self: {path: /me, confirms: [404]}\n" + `get: {path: "/users/{id}"}` + "\n"
	const signIn = confirms + `sign_in: {path: /in, body: {p: "{password}"}, token: t}` + "\n"
	in, get, remove, me := "POST /in", "GET /users/1", "DELETE /users/1", "GET /me"
	for name, row := range map[string]struct {
		profile string
		ended   int   // after so many requests, the first token sees nothing
		gone    bool  // the account is
		self    []any // to what the caller is asked for with a token that is good
		want    []string
		err     error
	}{
		"before the look":           {signIn, 0, false, nil, []string{in, get, me, in, get, remove}, nil},
		"before the removal":        {signIn, 1, false, nil, []string{in, get, remove, me, in, remove}, nil},
		"before the caller is read": {signIn, 1, true, nil, []string{in, get, me, in, get}, job.ErrNotFound},
		"the account is gone":       {signIn, 9, true, nil, []string{in, get, me}, job.ErrNotFound},
		"no token has ended":        {signIn, 9, false, nil, []string{in, get, remove}, nil},
		"tried again":               {signIn, 9, true, []any{500, `{"id":9}`}, []string{in, get, me, me}, job.ErrNotFound},
		"too many requests":         {signIn, 9, true, []any{status(403, "", "Retry-After", "0"), `{"id":9}`}, []string{in, get, me, me}, job.ErrNotFound},
		"nobody knows":              {signIn, 9, true, []any{400}, []string{in, get, me}, errAny},
		"the caller is not JSON":    {signIn, 9, true, []any{`<html>`}, []string{in, get, me}, errAny},
		"a given token, ended":      {confirms, 0, false, nil, []string{get, me}, job.ErrSignedOut},
		"later":                     {confirms, 1, false, nil, []string{get, remove, me}, job.ErrSignedOut},
		"a given token, good":       {confirms, 9, true, nil, []string{get, me}, job.ErrNotFound},
		"the profile is silent":     {strings.Replace(signIn, ", confirms: [404]", "", 1), 0, false, nil, []string{in, get}, job.ErrNotFound},
		"another code":              {strings.Replace(signIn, "404", "410", 1), 0, false, nil, []string{in, get}, job.ErrNotFound},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) http.Handler {
				signedIn, requests := 0, 0
				self := routes{"GET /me": turns(row.self...)}
				return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					switch {
					case r.Method == http.MethodPost:
						signedIn++
						_, _ = io.WriteString(w, `{"t":"tok-SECRET-`+strconv.Itoa(signedIn)+`"}`)
						return
					case requests >= row.ended && signedIn < 2:
						w.WriteHeader(http.StatusNotFound)
					case strings.HasSuffix(r.URL.Path, "/me") && row.self != nil:
						self.serve(t, w, r)
					case strings.HasSuffix(r.URL.Path, "/me"):
						_, _ = io.WriteString(w, `{"id":9}`)
					case row.gone:
						w.WriteHeader(http.StatusNotFound)
					case r.Method == http.MethodDelete:
						w.WriteHeader(http.StatusNoContent)
					default:
						_, _ = io.WriteString(w, `{"id":1}`)
					}
					requests++
				})
			}, func(t *testing.T, s *server) {
				c := connect(t, s, sketch(t, "", "", row.profile), func(o *Options) {
					if strings.Contains(row.profile, "sign_in") {
						o.Values = profile.Values{Password: password}
					}
				})
				u, err := c.User(t.Context(), job.User{ID: "1"})
				if err == nil {
					err = c.Remove(t.Context(), u, agree)
				}
				if s.heard(err); !errors.Is(err, row.err) && !errors.Is(row.err, errAny) || (err == nil) != (row.err == nil) {
					t.Errorf("%v, want %v", err, row.err)
				}
				if errors.Is(err, job.ErrNotFound) != errors.Is(row.err, job.ErrNotFound) {
					t.Errorf("gone: %v, want %v", err, row.err)
				}
				s.wantRequests(t, row.want...)
			})
		})
	}
}

// errAny stands for an error that a cleanup knows nothing of.
var errAny = errors.New("any")

// TestTokenLife: a life that the profile names counts where the answer has none.
func TestTokenLife(t *testing.T) {
	for name, row := range map[string]struct {
		keys, answer string
		life         time.Duration // 0: for good
	}{
		"the profile's":              {", expires: 30m", "", 30 * time.Minute},
		"no number in the answer":    {", expires: 30m, expires_in: life", `,"life":null`, 30 * time.Minute},
		"the answer's":               {", expires: 30m, expires_in: life", `,"life":600`, 10 * time.Minute},
		"the shortest":               {", expires: 1m", "", time.Minute},
		"longer than a day":          {", expires: 72h", "", 24 * time.Hour},
		"longer, in the answer":      {", expires_in: life", `,"life":10000000000`, 24 * time.Hour},
		"nobody says":                {", expires_in: life", "", 0},
		"the answer has it, unasked": {"", `,"expires_in":600`, 0},
	} {
		t.Run(name, func(t *testing.T) {
			p := sketch(t, "", "", "sign_in: {path: /in, body: {p: \"{password}\"}, token: t"+row.keys+"}\n"+`get: {path: "/users/{id}"}`+"\n")
			bubble(t, answering(routes{"POST /in": `{"t":"tok-SECRET-1"` + row.answer + `}`, "GET /users/1": `{"id":1}`}), func(t *testing.T, s *server) {
				c := connect(t, s, p, func(o *Options) { o.Values = profile.Values{Password: password} })
				look := func(after time.Duration, requests int) {
					t.Helper()
					<-time.After(after)
					if _, err := c.User(t.Context(), job.User{ID: "1"}); err != nil || len(s.seen()) != requests {
						t.Errorf("%d requests, %v; want %d", len(s.seen()), err, requests)
					}
				}
				look(0, 2)
				if row.life == 0 {
					look(1000*time.Hour, 3)
					return
				}
				look(row.life-expiryMargin-1, 3)
				look(1, 5)
			})
		})
	}
}

// TestSignInTellsNothingElse: whatever a sign-in is answered, it says nothing of the account,
// the page, the log or the caller that the new token was for.
func TestSignInTellsNothingElse(t *testing.T) {
	p := sketch(t, ", page: {param: page, first: 1}, total: total", "", `sign_in: {path: /in, body: {p: "{password}"}, token: t}
self: {path: /me, id: id, none: [400, 403, 404, 410, 412, 422]}
get: {path: "/users/{id}", gone: [400, 403, 404, 410, 412, 422]}
activity: {path: /log, optional: true, items: log, account: {path: who}, at: at}
`)
	one := job.User{ID: "1"}
	for name, row := range map[string]struct {
		routes routes // and then the token has ended
		use    func(*server, *Client) error
	}{
		"the look at the end": {routes{"GET /users/1": 401}, func(_ *server, c *Client) error { _, err := c.Find(t.Context(), one); return err }},
		"the second look":     {routes{"GET /users/1": 401}, func(_ *server, c *Client) error { _, err := c.User(t.Context(), one); return err }},
		"the caller":          {routes{"GET /me": 401}, func(_ *server, c *Client) error { _, err := c.Self(t.Context()); return err }},
		"a change":            {routes{"DELETE /users/1": 401}, func(_ *server, c *Client) error { return c.Remove(t.Context(), one, agree) }},
		"the log":             {routes{"GET /log": 401}, func(s *server, c *Client) error { _, err := all(t, s, c); return err }},
		"a page":              {routes{"GET /log": `{"log":[]}`, "GET /users?page=1": 401}, func(s *server, c *Client) error { _, err := all(t, s, c); return err }},
		"behind the last page": {routes{"GET /log": `{"log":[]}`, "GET /users?page=1": people(1, 2, `,"total":2`), "GET /users?page=2": 401},
			func(s *server, c *Client) error { _, err := all(t, s, c); return err }},
	} {
		for _, code := range []int{400, 401, 403, 404, 410, 412, 416, 422} {
			row.routes["POST /in"] = turns(`{"t":"a"}`, status(code, "sorry"))
			s := serve(t, row.routes)
			c := connect(t, s, p, func(o *Options) { o.Values = profile.Values{Password: password} }, retries(0))
			err := row.use(s, c)
			if !errors.Is(err, job.ErrSignedOut) || !errors.Is(err, job.ErrCredentials) || !strings.HasSuffix(job.Describe(err), ": sorry") {
				t.Errorf("%s, %d: %s", name, code, job.Describe(err))
			}
			if errors.Is(err, job.ErrNotFound) || errors.Is(err, job.ErrUnsupported) || len(c.Warnings()) > 0 {
				t.Errorf("%s, %d: a sign-in that failed is taken for an answer: %v, %v", name, code, err, c.Warnings())
			}
		}
	}
}
