package client

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"dormant/client/profile"
	"dormant/job"
)

func TestReadOnly(t *testing.T) {
	s := serve(t, routes{"GET /users": people(1, 1, ""), "POST /auth/sign-in": `{"tokens":{"accessToken":"t"}}`})
	for name, sign := range map[string]func(*Options){"token": func(*Options) {}, "signs in": signsInMaestro} {
		c := connect(t, s, builtin(t, "maestro"), readOnly, sign)
		if _, err := all(t, s, c); err != nil {
			t.Error(err)
		}
		before := s.lines()
		if err := c.Remove(t.Context(), job.User{ID: "1"}, agree); !errors.Is(err, errReadOnly) {
			t.Errorf("%s: %v", name, err)
		}
		for _, method := range []string{"DELETE", "PUT", "PATCH", "POST", "HEAD", "OPTIONS", "get", "PURGE"} {
			for _, path := range []string{"/users/1", "/users", "/auth/sign-in/x", "/auth/sign-in/../../users/1", "/auth%2Fsign-in", "/auth/sign-in?x=1"} {
				req := must(http.NewRequest(method, s.URL+"/prefix"+path, strings.NewReader("{}")))
				if method == "POST" && path == "/auth/sign-in?x=1" {
					continue // the same path
				}
				if resp, err := c.http.Do(req); !errors.Is(err, errReadOnly) { //nolint:bodyclose // there is none
					t.Errorf("%s: %s %s: %v, %v", name, method, path, resp, err)
				}
			}
		}
		if s.lines() != before {
			t.Errorf("%s: on the wire:\n%s", name, s.lines())
		}
	}
	// With a token there is no sign-in, so there is no POST at all.
	c := connect(t, s, builtin(t, "maestro"), readOnly)
	if _, err := c.http.Post(s.URL+"/prefix/auth/sign-in", "", nil); !errors.Is(err, errReadOnly) { //nolint:bodyclose // there is none
		t.Error(err)
	}
}

func TestOtherOrigin(t *testing.T) {
	evil := serve(t, http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	s := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, r.Header.Get("X-Test-To"), http.StatusTemporaryRedirect)
	}))
	port := must(url.Parse(s.URL)).Port()
	for _, to := range []string{
		evil.URL + "/prefix/users", "http://localhost:" + port + "/prefix/users", "https://127.0.0.1:" + port + "/prefix/users",
		"http://127.0.0.1/prefix/users", "//" + must(url.Parse(evil.URL)).Host + "/prefix/users",
		"http://127.0.0.1:" + port + "@evil.test/", "ftp://127.0.0.1:" + port + "/", "file:///etc/passwd",
	} {
		p := builtin(t, "redmine")
		p.Headers["X-Test-To"] = profile.Template(to)
		c := connect(t, s, p)
		_, listing := all(t, s, c)
		_, reading := c.User(t.Context(), job.User{ID: "1"})
		_, self := c.Self(t.Context())
		for _, err := range []error{listing, reading, self} {
			if s.heard(err); !errors.Is(err, errOtherOrigin) {
				t.Errorf("%s: %v", to, err)
			}
		}
		if resp, err := c.http.Get(to); err == nil { //nolint:bodyclose // there is none
			t.Errorf("%s: %v", to, resp)
		}
	}
	if seen := evil.seen(); len(seen) > 0 {
		t.Errorf("the other server saw %s with %v", seen[0], seen[0].header)
	}
	if n := len(s.seen()); n != 3*8 {
		t.Errorf("%d requests, want 3 for each: nothing is tried again", n)
	}
}

func TestSameOriginRedirect(t *testing.T) {
	s := serve(t, routes{
		"GET /users":     status(301, "", "Location", "/prefix/v2/users"),
		"GET /v2/users":  status(307, "", "Location", "users/"),
		"GET /v2/users/": people(1, 2, ""),
	})
	if users, err := all(t, s, connect(t, s, builtin(t, "maestro"))); err != nil || ids(users) != "1 2" {
		t.Errorf("%s, %v", ids(users), err)
	}
	for _, w := range s.seen() {
		wantHeaders(t, w, map[string]string{"Authorization": token, "Dadosfera-User": "cleaner@acme.test"})
	}
	s = serve(t, routes{"GET /users": status(302, "", "Location", "users")})
	_, err := all(t, s, connect(t, s, builtin(t, "maestro")))
	if wantError(t, err, "redirects"); len(s.seen()) != maxRedirects+1 {
		t.Errorf("%d requests, want %d", len(s.seen()), maxRedirects+1)
	}
}

func TestOrigin(t *testing.T) {
	for a, b := range map[string]string{
		"http://a.test": "http://a.test:80/x", "https://a.test/": "https://a.test:443", "http://A.test": "http://a.TEST", "http://[::1]:80": "http://[::1]",
	} {
		if x, y := origin(must(url.Parse(a))), origin(must(url.Parse(b))); x != y {
			t.Errorf("%s is not %s", x, y)
		}
	}
	for a, b := range map[string]string{
		"http://a.test": "https://a.test", "http://a.test:443": "https://a.test:80", "http://b.test": "http://b.test:8080",
		"https://a.test": "https://b.a.test", "https://a.test.": "https://a.test",
	} {
		if x, y := origin(must(url.Parse(a))), origin(must(url.Parse(b))); x == y {
			t.Errorf("%s and %s are both %s", a, b, x)
		}
	}
}
