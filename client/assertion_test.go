package client

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"dormant/client/profile"
	"dormant/job"
)

// testKey is made once: it takes a while.
var testKey = sync.OnceValue(func() *rsa.PrivateKey { return must(rsa.GenerateKey(rand.Reader, 2048)) })

func asPEM(kind string, der []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
}

// keyTexts are the test's key as operators have it.
func keyTexts() (pkcs1, pkcs8, google string) {
	pkcs1 = asPEM("RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(testKey()))
	pkcs8 = asPEM("PRIVATE KEY", must(x509.MarshalPKCS8PrivateKey(testKey())))
	google = string(must(json.MarshalIndent(map[string]string{
		"type": "service_account", "private_key_id": "kid-7", "private_key": pkcs8, "client_email": "robot@acme.test", "token_uri": "https://evil.test/token",
	}, "", "  ")))
	return pkcs1, pkcs8, google
}

// withAssertion signs in at another server.
const withAssertion = `params: {login: null}
headers: {Authorization: "Bearer {token}", X-Actor: "{actor}", X-Plain: plain}
sign_in:
  url: "{login}/prefix/token"
  form: {grant_type: "urn:x:jwt", assertion: "{assertion}", client_id: "{client_id}"}
  assertion: {iss: "{client_id}", sub: "{actor}", aud: "{url}", scope: a b}
  token: access_token
  expires_in: expires_in
list: {path: /users, items: users}
user: {id: id}
remove: {path: "/users/{id}"}
`

func signsFor(actor, key, id string, login *server) func(*Options) {
	return func(o *Options) {
		o.Values = profile.Values{Actor: actor, ClientSecret: profile.Secret(key), ClientID: id, Params: map[string]string{"login": login.URL}}
	}
}

func TestAssertion(t *testing.T) {
	pkcs1, pkcs8, google := keyTexts()
	for name, row := range map[string]struct{ key, id, issuer, kid string }{
		"PKCS 1":                    {pkcs1, "app", "app", ""},
		"PKCS 8":                    {pkcs8, "app", "app", ""},
		"with a line break behind":  {"\n" + pkcs8 + "\n", "app", "app", ""},
		"Google's":                  {google, "", "robot@acme.test", "kid-7"},
		"Google's for another name": {google, "app", "app", "kid-7"},
	} {
		t.Run(name, func(t *testing.T) {
			office := serve(t, routes{"POST /token": `{"access_token":"tok-SECRET-9","expires_in":3600}`})
			s := serve(t, routes{"GET /users": people(1, 1, ""), "DELETE /users/1": 204})
			c := connect(t, s, load(t, withAssertion), signsFor("root@acme.test", row.key, row.id, office))
			before := time.Now().Add(-time.Second)
			if _, err := all(t, s, c); err != nil {
				t.Fatal(err)
			}
			if err := c.Remove(t.Context(), job.User{ID: "1"}, agree); err != nil {
				t.Error(err)
			}
			s.wantRequests(t, "GET /users", "DELETE /users/1")
			office.wantRequests(t, "POST /token")
			wantHeaders(t, s.seen()[0], map[string]string{"Authorization": "Bearer tok-SECRET-9", "X-Actor": "root@acme.test", "X-Plain": "plain"})

			post := office.seen()[0]
			wantHeaders(t, post, map[string]string{"Content-Type": "application/x-www-form-urlencoded", "Authorization": "", "X-Actor": "", "X-Plain": "", "Cookie": "", "Accept": "application/json"})
			form := must(url.ParseQuery(post.body))
			if form.Get("grant_type") != "urn:x:jwt" || form.Get("client_id") != row.id || form.Has("client_id") != (row.id != "") || len(form["assertion"]) != 1 {
				t.Errorf("the form is %v", form)
			}
			token, err := jwt.Parse(form.Get("assertion"), func(*jwt.Token) (any, error) { return &testKey().PublicKey, nil },
				jwt.WithValidMethods([]string{"RS256"}), jwt.WithExpirationRequired(), jwt.WithIssuedAt(), jwt.WithIssuer(row.issuer),
				jwt.WithSubject("root@acme.test"), jwt.WithAudience(office.URL+"/prefix/token"))
			if err != nil {
				t.Fatal(err)
			}
			claims := token.Claims.(jwt.MapClaims)
			issued, expires := must(claims.GetIssuedAt()), must(claims.GetExpirationTime())
			if issued.Before(before) || expires.Sub(issued.Time) != assertionLife || claims["scope"] != "a b" || len(claims) != 6 {
				t.Errorf("claims %v", claims)
			}
			if kid, has := token.Header["kid"]; has != (row.kid != "") || has && kid != row.kid {
				t.Errorf("header %v", token.Header)
			}
		})
	}
}

// TestAssertionIsNew each time: one that was made for an earlier sign-in is old.
func TestAssertionIsNew(t *testing.T) {
	_, _, google := keyTexts()
	profile := strings.Replace(withAssertion, `url: "{login}/prefix/token"`, "path: /token", 1)
	bubble(t, answering(routes{"POST /token": `{"access_token":"t","expires_in":3600}`, "GET /users": people(1, 1, "")}), func(t *testing.T, s *server) {
		c := connect(t, s, load(t, profile), signsFor("root@acme.test", google, "", s))
		for range 2 {
			if _, err := all(t, s, c); err != nil {
				t.Fatal(err)
			}
			<-time.After(2 * time.Hour)
		}
		var issued []any
		for _, w := range s.seen() {
			if w.method == http.MethodPost {
				claims := jwt.MapClaims{}
				if _, _, err := jwt.NewParser().ParseUnverified(must(url.ParseQuery(w.body)).Get("assertion"), claims); err != nil {
					t.Fatal(err)
				}
				issued = append(issued, claims["iat"])
			}
		}
		if len(issued) != 2 || issued[0] == issued[1] {
			t.Errorf("issued at %v", issued)
		}
	})
}

// TestAssertionIsHidden, and so is the key, whatever a server says.
func TestAssertionIsHidden(t *testing.T) {
	_, _, google := keyTexts()
	for _, code := range []int{200, 400, 401, 500} {
		var sign *server
		sign = serve(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			seen := sign.seen()
			w.WriteHeader(code)
			io.WriteString(w, `{"error":"invalid_grant","got":"`+must(url.ParseQuery(seen[len(seen)-1].body)).Get("assertion")+`"}`)
		}))
		s := serve(t, routes{})
		c := connect(t, s, load(t, withAssertion), signsFor("root@acme.test", google, "", sign), retries(0))
		_, err := all(t, s, c)
		wantError(t, err, "sign in")
		var refused *statusError
		text := s.logged()
		if errors.As(err, &refused) {
			text += refused.Detail()
		}
		if strings.Contains(text, "eyJ") {
			t.Errorf("%d: the assertion shows in %s", code, text)
		}
		if code == 400 && (!errors.Is(err, job.ErrCredentials) || !strings.Contains(refused.Detail(), "invalid_grant")) {
			t.Errorf("%v", err)
		}
		s.wantRequests(t)
	}
}

func TestReadKey(t *testing.T) {
	pkcs1, pkcs8, google := keyTexts()
	for _, text := range []string{pkcs1, pkcs8, google, google + "\n", "\n\n" + pkcs1} {
		if key, err := readKey(text); err != nil || !key.rsa.Equal(testKey()) {
			t.Errorf("%.40q: %v", text, err)
		}
	}
	elliptic := asPEM("PRIVATE KEY", must(x509.MarshalPKCS8PrivateKey(must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader)))))
	public := asPEM("PUBLIC KEY", must(x509.MarshalPKIXPublicKey(&testKey().PublicKey)))
	body := strings.Split(pkcs8, "\n")[1]
	for name, text := range map[string]string{
		"nothing": "", "a word": "SECRET", "a password": password, "an object without a key": `{"client_email":"x"}`, "no object": "{SECRET", "a key of another kind": elliptic,
		"a public key": public, "half a key": pkcs8[:len(pkcs8)/2], "without its frame": body, "on one line": strings.ReplaceAll(pkcs8, "\n", " "),
		"another kind in a file": string(must(json.Marshal(map[string]string{"private_key": elliptic}))), "a key that is a number": `{"private_key":5}`,
		"a file within a list": "[" + google + "]",
	} {
		_, err := readKey(text)
		if err == nil {
			t.Errorf("%s is a key", name)
			continue
		}
		if strings.Contains(err.Error(), "SECRET") || strings.Contains(err.Error(), body) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v", name, err)
		}
		_, err = New(Options{
			Profile: load(t, withAssertion), URL: &url.URL{Scheme: "https", Host: "acme.test"}, Timeout: time.Second,
			Values: profile.Values{Actor: "a", ClientID: "i", ClientSecret: profile.Secret(text), Params: map[string]string{"login": "https://login.test"}},
		})
		wantError(t, err, "DORMANT_CLIENT_SECRET")
		if err != nil && (strings.Contains(err.Error(), "SECRET\"") || strings.Contains(err.Error(), body)) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestKeyWithoutAnOwner: somebody has to be the issuer.
func TestKeyWithoutAnOwner(t *testing.T) {
	_, pkcs8, google := keyTexts()
	for id, ok := range map[string]bool{"": false, "app": true} {
		o := Options{
			Profile: load(t, withAssertion), URL: &url.URL{Scheme: "https", Host: "acme.test"}, Timeout: time.Second,
			Values: profile.Values{Actor: "a", ClientID: id, ClientSecret: profile.Secret(pkcs8), Params: map[string]string{"login": "https://login.test"}},
		}
		if _, err := New(o); ok && err != nil {
			t.Error(err)
		} else if !ok {
			wantError(t, err, "DORMANT_CLIENT_ID")
		}
		o.Values.ClientSecret = profile.Secret(google)
		if _, err := New(o); err != nil {
			t.Error(err)
		}
	}
}

func FuzzReadKey(f *testing.F) {
	pkcs1, _, google := keyTexts()
	for _, text := range []string{"", "{", "{}", pkcs1, google, `{"private_key":""}`, `{"private_key":"-----BEGIN PRIVATE KEY-----\n"}`, "-----BEGIN RSA PRIVATE KEY-----\nAAAA\n-----END RSA PRIVATE KEY-----"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		key, err := readKey(text)
		if (key == nil) == (err == nil) {
			t.Fatal("neither a key nor an error, or both")
		}
		if err != nil {
			// What is wrong is said without what was read.
			if len(strings.TrimSpace(text)) > 20 && strings.Contains(err.Error(), strings.TrimSpace(text)) {
				t.Fatalf("%q shows in %v", text, err)
			}
			return
		}
		if signed, err := key.sign(map[string]string{"sub": "x"}, time.Unix(1, 0)); err == nil && strings.Count(signed, ".") != 2 {
			t.Fatalf("signed %q", signed)
		}
	})
}

// --- where a sign-in goes ---

const signInURL = `headers: {Authorization: "Bearer {token}", X-Actor: "{actor}"}
params: {login: null, tenant: t, scope: ""}
sign_in: {url: "{login}", form: {grant_type: client_credentials, client_id: "{client_id}", client_secret: "{client_secret}", scope: "{scope}"}, token: t}
list: {path: /users, items: users}
user: {id: id}
remove: {path: "/users/{id}"}
`

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

// TestSignInElsewhere: nothing but the one POST goes to the other origin.
func TestSignInElsewhere(t *testing.T) {
	office := serve(t, routes{"POST /token": `{"t":"tok-SECRET-9"}`})
	s := serve(t, routes{"GET /users": people(1, 1, "")})
	c := connect(t, s, load(t, signInURL), readOnly, func(o *Options) {
		o.Values = profile.Values{ClientID: "an id", ClientSecret: refreshToken, Actor: "root", Params: map[string]string{"login": office.URL + "/prefix/token"}}
	})
	if _, err := all(t, s, c); err != nil {
		t.Fatal(err)
	}
	post := office.seen()[0]
	wantHeaders(t, post, map[string]string{"Authorization": "", "X-Actor": "", "Content-Type": "application/x-www-form-urlencoded"})
	if want := "client_id=an+id&client_secret=refresh%2FSECRET%2B1&grant_type=client_credentials"; post.body != want {
		t.Errorf("sent %s, want %s", post.body, want)
	}
	for _, request := range []struct{ method, url string }{
		{"GET", office.URL + "/prefix/token"}, {"POST", office.URL + "/prefix/token/x"}, {"POST", office.URL + "/prefix/"}, {"PUT", office.URL + "/prefix/token"},
		{"DELETE", office.URL + "/prefix/users/1"}, {"GET", office.URL + "/prefix/users"}, {"POST", s.URL + "/prefix/token"},
	} {
		for _, operation := range []string{opSignIn, opList, opRemove, opGet} {
			ctx := context.WithValue(t.Context(), operationKey{}, operation)
			req := must(http.NewRequestWithContext(ctx, request.method, request.url, nil))
			if resp, err := c.http.Do(req); err == nil { //nolint:bodyclose // there is none
				t.Errorf("%s %s to %s: %v", operation, request.method, request.url, resp)
			}
		}
	}
	office.wantRequests(t, "POST /token")
	s.wantRequests(t, "GET /users")
}

// TestSignInFollowsNoRedirect: the credentials would go along.
func TestSignInFollowsNoRedirect(t *testing.T) {
	evil := serve(t, http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	for _, code := range []int{301, 302, 303, 307, 308} {
		office := serve(t, routes{"POST /token": status(code, "", "Location", evil.URL+"/prefix/token")})
		s := serve(t, routes{})
		c := connect(t, s, load(t, signInURL), func(o *Options) {
			o.Values = profile.Values{ClientID: "i", ClientSecret: refreshToken, Params: map[string]string{"login": office.URL + "/prefix/token"}}
		})
		_, err := all(t, s, c)
		wantError(t, err, "sign in", "not followed")
		office.wantRequests(t, "POST /token")
	}
	if len(evil.seen()) > 0 {
		t.Errorf("the other server saw %v", evil.seen())
	}
}

// TestSignInFields: what has nothing to say is left out, in JSON and in a form.
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

// --- without a sign-in ---

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

// TestWhatASignInNeeds has each problem on a line of its own.
func TestWhatASignInNeeds(t *testing.T) {
	_, pkcs8, google := keyTexts()
	p := load(t, withAssertion)
	login := map[string]string{"login": "https://login.test"}
	for name, row := range map[string]struct {
		values profile.Values
		want   []string
	}{
		"a key file":    {profile.Values{Actor: "a", ClientSecret: profile.Secret(google), Params: login}, nil},
		"a key":         {profile.Values{Actor: "a", ClientID: "i", ClientSecret: profile.Secret(pkcs8), Params: login}, nil},
		"a token":       {profile.Values{Token: "t", Params: login}, nil},
		"no actor":      {profile.Values{ClientSecret: profile.Secret(google), Params: login}, []string{"DORMANT_ACTOR: is not set"}},
		"no key":        {profile.Values{Actor: "a", ClientID: "i", Params: login}, []string{"DORMANT_CLIENT_SECRET: is not set"}},
		"nothing":       {profile.Values{Params: login}, []string{"DORMANT_CLIENT_SECRET: is not set", "DORMANT_ACTOR: is not set"}},
		"no param":      {profile.Values{Actor: "a", ClientSecret: profile.Secret(google)}, []string{"needs login="}},
		"a password":    {profile.Values{Actor: "a", ClientSecret: profile.Secret(google), Password: "x", Params: login}, []string{"DORMANT_PASSWORD: is of no use"}},
		"a token twice": {profile.Values{Token: "t", ClientSecret: profile.Secret(google), Params: login}, []string{"DORMANT_CLIENT_SECRET: is of no use"}},
	} {
		errs := row.values.Check(p)
		if len(errs) != len(row.want) {
			t.Errorf("%s: %v, want %q", name, errs, row.want)
			continue
		}
		for _, want := range row.want {
			wantError(t, errors.Join(errs...), want)
		}
	}
	if !p.SendsActor() || sketch(t, "", "", "").SendsActor() {
		t.Error("who is named")
	}
}
