package client

import (
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
			tokenServer := serve(t, routes{"POST /token": `{"access_token":"tok-SECRET-9","expires_in":3600}`})
			s := serve(t, routes{"GET /users": people(1, 1, ""), "DELETE /users/1": 204})
			c := connect(t, s, load(t, withAssertion), signsFor("root@acme.test", row.key, row.id, tokenServer))
			before := time.Now().Add(-time.Second)
			if _, err := all(t, s, c); err != nil {
				t.Fatal(err)
			}
			if err := c.Remove(t.Context(), job.User{ID: "1"}, agree); err != nil {
				t.Error(err)
			}
			s.wantRequests(t, "GET /users", "DELETE /users/1")
			tokenServer.wantRequests(t, "POST /token")
			wantHeaders(t, s.seen()[0], map[string]string{"Authorization": "Bearer tok-SECRET-9", "X-Actor": "root@acme.test", "X-Plain": "plain"})

			post := tokenServer.seen()[0]
			wantHeaders(t, post, map[string]string{"Content-Type": "application/x-www-form-urlencoded", "Authorization": "", "X-Actor": "", "X-Plain": "", "Cookie": "", "Accept": "application/json"})
			form := must(url.ParseQuery(post.body))
			if form.Get("grant_type") != "urn:x:jwt" || form.Get("client_id") != row.id || form.Has("client_id") != (row.id != "") || len(form["assertion"]) != 1 {
				t.Errorf("the form is %v", form)
			}
			token, err := jwt.Parse(form.Get("assertion"), func(*jwt.Token) (any, error) { return &testKey().PublicKey, nil },
				jwt.WithValidMethods([]string{"RS256"}), jwt.WithExpirationRequired(), jwt.WithIssuedAt(), jwt.WithIssuer(row.issuer),
				jwt.WithSubject("root@acme.test"), jwt.WithAudience(tokenServer.URL+"/prefix/token"))
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

// TestEachSignInSignsANewAssertion: an assertion of an earlier sign-in is not used
// again.
func TestEachSignInSignsANewAssertion(t *testing.T) {
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

// TestAssertionIsHidden: neither the assertion nor the key shows in a log or an error,
// whatever a server says.
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
		text := s.logged() + job.Describe(err)
		if strings.Contains(text, "eyJ") {
			t.Errorf("%d: the assertion shows in %s", code, text)
		}
		if code == 400 && (!errors.Is(err, job.ErrCredentials) || !strings.Contains(job.Describe(err), "invalid_grant")) {
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

// TestKeyNeedsAnIssuer: a key without an owner needs a client id.
func TestKeyNeedsAnIssuer(t *testing.T) {
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

// --- without a sign-in ---

// TestSignInValuesCheck: each row has one problem with the values for a sign-in, or
// none.
func TestSignInValuesCheck(t *testing.T) {
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
