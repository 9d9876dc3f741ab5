package sandbox

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// acme is a system that has one of everything. Tests add routes.
const acme = `
title: Acme
ids: number
accepts: ["X-Key: {token}", "Authorization: Bearer {token}", "Authorization: Basic {basic}"]
error: '{"kind": {{json .Kind}}, "status": {{.Status}}, "code": {{json .Code}}, "message": {{json .Message}}}'
errors:
  token: {code: E1, message: 'who calls {{.Header "Host-Name"}}?', headers: {WWW-Authenticate: Basic}}
  not_found: {code: E2, message: 'no {{.Path "id"}}{{.Path "username"}}'}
  rate_limit: {status: 403, code: tooFast, headers: {X-Reset: "{{add .Now.Unix .Wait}}"}}
user: |
  {{if not .Hidden}}{"id": {{json .ID}}, "name": {{json .Username}}}{{end}}
event: |
  {"of": {{json .ID}}, "kind": {{json .Kind}}, "ip": {{json (.Entry "ip" "none")}}}
routes:
`

// build makes a directory of acme with these routes, and more keys.
func build(t *testing.T, o Options, routes string, keys ...string) directory {
	t.Helper()
	sys, err := parseSystem("acme", []byte(acme+routes+"\n"+strings.Join(keys, "\n")))
	if err != nil {
		t.Fatal(err)
	}
	if o.Users == nil {
		o.Users = people(7)
	}
	s, err := newServer(sys, o)
	if err != nil {
		t.Fatal(err)
	}
	return serve(t, s)
}

// people are root, who calls, and others.
func people(n int) []User {
	users := []User{{Username: "root", Email: "root@example.com", Admin: true}}
	for i := 1; i < n; i++ {
		users = append(users, User{Username: fmt.Sprintf("u%d", i), Email: fmt.Sprintf("u%d@example.com", i)})
	}
	return users
}

// call sends a request as the caller.
func (d directory) call(route, body string, header ...string) answer {
	d.t.Helper()
	h := http.Header{"X-Key": {DefaultToken}}
	for _, line := range header {
		name, value, _ := strings.Cut(line, ": ")
		h.Set(name, value)
	}
	got, err := d.try(h, route, body)
	if err != nil {
		d.t.Fatalf("%s: %v", route, err)
	}
	return got
}

// is fails the test unless the answer to a request is this.
func (d directory) is(route, body string, status int, want string, header ...string) {
	d.t.Helper()
	got := d.call(route, body, header...)
	if got.status != status || got.body != want {
		d.t.Errorf("%s %s\n got %d %s\nwant %d %s", route, body, got.status, got.body, status, want)
	}
}

func TestCredentials(t *testing.T) {
	basic := func(pair string) string { return "Basic " + base64.StdEncoding.EncodeToString([]byte(pair)) }
	d := build(t, Options{Secret: "pw"}, `
  - {route: GET /open, does: answer, body: '[{{json .Caller.Username}}]'}
  - {route: GET /who, does: answer, requires: {X-Who: ""}, body: '{}'}
`, `requires: {X-Api: "true", X-As: "{{.Caller.Username}}"}`)
	for _, test := range []struct {
		route, header string
		more          []string
		want          int
	}{
		{"GET /open", "X-Key: sandbox-token", []string{"X-Api: true", "X-As: root"}, 200},
		{"GET /open", "Authorization: Bearer sandbox-token", []string{"X-Api: true", "X-As: root"}, 200},
		{"GET /open", "Authorization: " + basic("root:pw"), []string{"X-Api: true", "X-As: root"}, 200},
		{"GET /open", "Authorization: " + basic("root:no"), []string{"X-Api: true", "X-As: root"}, 401},
		{"GET /open", "Authorization: " + basic("u1:pw"), []string{"X-Api: true", "X-As: root"}, 401},
		{"GET /open", "Authorization: sandbox-token", []string{"X-Api: true", "X-As: root"}, 401},
		{"GET /open", "X-Key: sandbox-token", []string{"X-Api: true"}, 400},
		{"GET /open", "X-Key: sandbox-token", []string{"X-Api: true", "X-As: u1"}, 400},
		{"GET /open", "X-Key: sandbox-token", []string{"X-Api: yes", "X-As: root"}, 400},
		{"GET /who", "X-Key: sandbox-token", []string{"X-Api: true", "X-As: root"}, 400},
		{"GET /who", "X-Key: sandbox-token", []string{"X-Api: true", "X-As: root", "X-Who: me"}, 200},
	} {
		h := http.Header{}
		for _, line := range append(test.more, test.header) {
			name, value, _ := strings.Cut(line, ": ")
			h.Set(name, value)
		}
		got, err := d.try(h, test.route, "")
		if err != nil || got.status != test.want {
			t.Errorf("%s with %v: %v, %v, want %d", test.route, h, got, err, test.want)
		}
	}
}

// The tokens of an app outlive every account.
func TestTokensOfAnApp(t *testing.T) {
	routes := `
  - {route: GET /x, does: answer, admin: true, body: '{}'}
  - {route: GET /users, does: list, admin: true, body: '{{.Items}}'}`
	d := build(t, Options{}, routes, "app: true")
	if !d.Remove("1") {
		t.Fatal("root was not there")
	}
	d.is("GET /x", "", 200, "{}")
	h := "Authorization: Basic " + base64.StdEncoding.EncodeToString([]byte(DefaultClientID+":"+DefaultSecret))
	d.is("GET /x", "", 200, "{}", "X-Key: no", h)
	build(t, Options{Caller: "u1"}, routes, "app: true").is("GET /x", "", 403,
		`{"kind":"forbidden","status":403,"code":"","message":"only for administrators"}`)
}

func TestSignInByForm(t *testing.T) {
	d := build(t, Options{Secret: "s&s", ClientID: "me"}, `
  - route: POST /oauth/token
    does: sign_in
    takes: [application/x-www-form-urlencoded]
    wants: {grant_type: client_credentials, client_id: "{{.ClientID}}", client_secret: "{{.Secret}}", audience: "{{.Base}}/api/"}
    life: 5m
    errors: {credentials: {status: 400, body: '{"error": "invalid_client"}'}}
    body: '{"access_token": {{json .Token}}, "expires_in": {{.Life.Seconds}}}'
  - {route: GET /users, does: list, body: '{{.Total}}'}`)
	right := url.Values{
		"grant_type": {"client_credentials"}, "client_id": {"me"}, "client_secret": {"s&s"}, "audience": {d.url + "/api/"},
		"scope": {"whatever"},
	}
	const asForm = "Content-Type: application/x-www-form-urlencoded; charset=utf-8"
	d.is("POST /oauth/token", right.Encode(), 200, `{"access_token":"access-1","expires_in":300}`, asForm, "X-Key: none")
	d.is("GET /users", "", 200, "7", "X-Key: access-1")
	for name := range right {
		if name == "scope" {
			continue
		}
		values := url.Values{}
		for other := range right {
			if other != name {
				values.Set(other, right.Get(other))
			}
		}
		d.is("POST /oauth/token", values.Encode(), 400, `{"error":"invalid_client"}`, asForm)
	}
	d.is("POST /oauth/token", `{"grant_type":"client_credentials"}`, 415,
		`{"kind":"media","status":415,"code":"","message":"the body has the wrong Content-Type"}`, "Content-Type: application/json")
}

func TestSignInByAssertion(t *testing.T) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	other, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	sign := func(key *rsa.PrivateKey, header string, claims map[string]any) string {
		encoded, err := json.Marshal(claims)
		if err != nil {
			t.Fatal(err)
		}
		text := base64.RawURLEncoding.EncodeToString([]byte(header)) + "." + base64.RawURLEncoding.EncodeToString(encoded)
		sum := sha256.Sum256([]byte(text))
		signature, err := rsa.SignPKCS1v15(nil, key, crypto.SHA256, sum[:])
		if err != nil {
			t.Fatal(err)
		}
		return text + "." + base64.RawURLEncoding.EncodeToString(signature)
	}
	routes := `
  - route: POST /token
    does: sign_in
    wants: {grant_type: urn:ietf:params:oauth:grant-type:jwt-bearer}
    assertion: {iss: "{{.ClientID}}", sub: "{{.Caller.Email}}", aud: "{{.URL}}", scope: read write}
    life: 1h
    errors: {credentials: {status: 400}}
    body: '{{json .Token}}'`
	d := build(t, Options{PublicKey: &key.PublicKey}, routes)
	const rs256 = `{"alg":"RS256","typ":"JWT"}`
	seconds := time.Now().Unix()
	for _, test := range []struct {
		why    string
		key    *rsa.PrivateKey
		header string
		change map[string]any
		want   int
	}{
		{"right", key, rs256, nil, 200},
		{"more scopes", key, rs256, map[string]any{"scope": "write other read"}, 200},
		{"another key", other, rs256, nil, 400},
		{"no signature", key, `{"alg":"none"}`, nil, 400},
		{"another algorithm", key, `{"alg":"HS256"}`, nil, 400},
		{"iss", key, rs256, map[string]any{"iss": "somebody"}, 400},
		{"sub", key, rs256, map[string]any{"sub": "u1@example.com"}, 400},
		{"no sub", key, rs256, map[string]any{"sub": nil}, 400},
		{"aud", key, rs256, map[string]any{"aud": "https://example.com"}, 400},
		{"scope", key, rs256, map[string]any{"scope": "read"}, 400},
		{"expired", key, rs256, map[string]any{"exp": seconds - 1}, 400},
		{"exp too late", key, rs256, map[string]any{"exp": seconds + 3700}, 400},
		{"no exp", key, rs256, map[string]any{"exp": nil}, 400},
		{"iat ahead", key, rs256, map[string]any{"iat": seconds + 60}, 400},
		{"iat as a text", key, rs256, map[string]any{"iat": "0"}, 400},
	} {
		claims := map[string]any{
			"iss": DefaultClientID, "sub": "root@example.com", "aud": d.url + "/token", "scope": "read write",
			"iat": seconds, "exp": seconds + 3600,
		}
		for name, value := range test.change {
			claims[name] = value
		}
		body := url.Values{
			"grant_type": {"urn:ietf:params:oauth:grant-type:jwt-bearer"}, "assertion": {sign(test.key, test.header, claims)},
		}
		if got := d.call("POST /token", body.Encode(), "Content-Type: "+form); got.status != test.want {
			t.Errorf("%s: %v, want %d", test.why, got, test.want)
		}
	}
	for _, assertion := range []string{"", "a.b.c", "..", "a"} {
		body := url.Values{"grant_type": {"urn:ietf:params:oauth:grant-type:jwt-bearer"}, "assertion": {assertion}}
		if got := d.call("POST /token", body.Encode(), "Content-Type: "+form); got.status != 400 {
			t.Errorf("%q: %v", assertion, got)
		}
	}
}

// listing is a route that lists names, with this paging.
func listing(paging string, more ...string) string {
	return "\n  - {route: GET /users, does: list, item: '{{json .Username}}', paging: " + paging +
		`, body: '{"is": {{.Items}}, "at": {{.Offset}}, "of": {{.Total}}, "next": {{json .Next}}, "before": {{json .Previous}}}'` +
		strings.Join(append([]string{""}, more...), ", ") + "}"
}

func TestStylesOfPages(t *testing.T) {
	for _, test := range []struct{ paging, query, want string }{
		{"{}", "?page=2", `root u1 u2 u3 u4 u5 u6 at 0 of 7, null null`},

		{"{style: page, param: page, first: 1, size: n, default: 3, max: 4}", "", `root u1 u2 at 0 of 7, 2 null`},
		{"{style: page, param: page, first: 1, size: n, default: 3, max: 4}", "?page=0", `root u1 u2 at 0 of 7, 2 null`},
		{"{style: page, param: page, first: 1, size: n, default: 3, max: 4}", "?page=x&n=-1", `root u1 u2 at 0 of 7, 2 null`},
		{"{style: page, param: page, first: 1, size: n, default: 3, max: 4}", "?page=2&n=100", `u4 u5 u6 at 4 of 7, null 1`},
		{"{style: page, param: page, first: 1, size: n, default: 3, max: 4}", "?page=9", ` at 24 of 7, null 8`},
		{"{style: page, param: page, size: n, default: 3}", "?page=1&n=5", `u5 u6 at 5 of 7, null 0`},
		{"{style: page, param: page, size: n, default: 3}", "?n=500", `root u1 u2 u3 u4 u5 u6 at 0 of 7, null null`},

		{"{style: offset, param: from, size: n, default: 3}", "?from=2", `u2 u3 u4 at 2 of 7, 5 0`},
		{"{style: offset, param: from, first: 1, size: n, default: 3}", "?from=2", `u1 u2 u3 at 1 of 7, 5 1`},
		{"{style: offset, param: from, first: 1, size: n, default: 3}", "?from=0&n=2", `root u1 at 0 of 7, 3 null`},
		{"{style: offset, param: from, size: n}", "?from=2", `u2 u3 u4 u5 u6 at 2 of 7, null 0`},
		{"{style: offset, param: from, size: n}", "?from=2&n=1", `u2 at 2 of 7, 3 1`},

		{"{style: cursor, param: c, size: n, default: 3}", "", `root u1 u2 at 0 of 7, 3 null`},
		{"{style: cursor, param: c, size: n, default: 3}", "?c=6&n=9", `u6 at 6 of 7, null 0`},
		{"{style: cursor, param: c, cursor: id, size: n, default: 3}", "", `root u1 u2 at 0 of 7, "3" null`},
		{"{style: cursor, param: c, cursor: id, size: n, default: 3}", "?c=6", `u6 at 6 of 7, null "3"`},
		{"{style: cursor, param: c, size: n, default: 3}", "?c=0&n=7", `root u1 u2 u3 u4 u5 u6 at 0 of 7, null null`},
		{"{style: cursor, param: c, size: n, default: 3, blind: true}", "?c=0&n=7", `root u1 u2 u3 u4 u5 u6 at 0 of 7, 7 null`},
		{"{style: cursor, param: c, size: n, default: 3, blind: true}", "?c=7&n=7", ` at 7 of 7, null 0`},
	} {
		d := build(t, Options{}, listing(test.paging))
		var got struct {
			Is           []string
			At, Of       int
			Next, Before json.RawMessage
		}
		if body := d.call("GET /users"+test.query, "").body; json.Unmarshal([]byte(body), &got) != nil {
			t.Fatalf("%s %s: %s", test.paging, test.query, body)
		}
		if is := fmt.Sprintf("%s at %d of %d, %s %s", strings.Join(got.Is, " "), got.At, got.Of, got.Next, got.Before); is != test.want {
			t.Errorf("%s %s\n got %s\nwant %s", test.paging, test.query, is, test.want)
		}
	}
}

func TestCursorsThatAreNone(t *testing.T) {
	for kind, cursors := range map[string][]string{"number": {"x", "-1"}, "opaque": {"3", "!", "YWZ0ZXIg"}, "id": {"99"}} {
		d := build(t, Options{}, listing("{style: cursor, param: c, default: 3, cursor: "+kind+"}"))
		for _, cursor := range cursors {
			d.is("GET /users?c="+cursor, "", 400, `{"kind":"cursor","status":400,"code":"","message":"invalid cursor"}`)
		}
	}
}

// follow reads all pages by the URLs that next finds in the answers.
func follow(t *testing.T, d directory, path string, next func(answer) string) (names []string, pages int) {
	t.Helper()
	for ; path != ""; pages++ {
		got := d.call("GET "+path, "")
		var body struct{ Is []string }
		if err := json.Unmarshal([]byte(got.body), &body); err != nil || got.status != 200 || pages > 20 {
			t.Fatalf("%s: %v", path, got)
		}
		names = append(names, body.Is...)
		path = strings.TrimPrefix(next(got), d.url)
	}
	return names, pages
}

func TestNextURLs(t *testing.T) {
	link := func(a answer) string {
		for _, value := range a.header.Values("Link") {
			if target, rest, ok := strings.Cut(value, ">; "); ok && strings.HasPrefix(rest, `rel="next"`) {
				return target[1:]
			}
		}
		return ""
	}
	for _, test := range []struct{ paging, links string }{
		{"{style: page, param: page, first: 1, default: 3}", `'{{.Links "next" "last" "first"}}'`},
		{"{style: page, param: page, default: 3}", `'{{.RelativeLinks "next" "last"}}'`},
		{"{style: offset, param: offset, default: 3}", `'{{.Links "next"}}'`},
		{"{style: cursor, cursor: opaque, param: $skiptoken, default: 3}", `"{{.Links \"self\"}}\n{{.Links \"next\"}}"`},
		{"{style: cursor, cursor: id, param: after, default: 3}", `'{{.RelativeLinks "next" "first"}}'`},
	} {
		d := build(t, Options{}, listing(test.paging, "headers: {Link: "+test.links+"}"))
		names, pages := follow(t, d, "/users?a=b%26c", link)
		if got := strings.Join(names, " "); got != "root u1 u2 u3 u4 u5 u6" || pages != 3 {
			t.Errorf("%s: %s on %d pages", test.paging, got, pages)
		}
		for i, r := range d.Requests() {
			if r.Query.Get("a") != "b&c" {
				t.Errorf("%s: the query of page %d is %v", test.paging, i+1, r.Query)
			}
		}
	}
}

func TestURLsOfPages(t *testing.T) {
	d := build(t, Options{}, `
  - route: GET /users
    does: list
    paging: {style: page, param: page, first: 1, size: n, default: 3}
    headers: {Link: '{{.Links "first" "prev" "next" "last" "self" "odd"}}', X-Total: "{{.Total}}", X-None: " "}
    body: '[{{json .NextURL}}, {{json (path .PreviousURL)}}, {{.Page}}, {{.Pages}}, {{.Count}}, {{.Limit}}]'`)
	// Whoever serves it under a prefix sees the prefix in the URLs.
	server := httptest.NewServer(http.StripPrefix("/tenant/7", d.Server))
	t.Cleanup(server.Close)
	d.url = server.URL + "/tenant/7"
	got := d.call("GET /users?page=2&q=%20", "")
	at := d.url + "/users?page="
	if want := `["` + at + `3&q=+","/tenant/7/users?page=1&q=+",2,3,3,3]`; got.body != want {
		t.Errorf(" got %s\nwant %s", got.body, want)
	}
	want := "<" + at + `1&q=+>; rel="first", <` + at + `1&q=+>; rel="prev", <` + at + `3&q=+>; rel="next", <` + at + `3&q=+>; rel="last", <` +
		at + `2&q=%20>; rel="self"`
	if link := got.header.Get("Link"); link != want {
		t.Errorf(" got %s\nwant %s", link, want)
	}
	if _, there := got.header["X-None"]; there || got.header.Get("X-Total") != "7" {
		t.Errorf("headers are %v", got.header)
	}
}

func TestListingsByPost(t *testing.T) {
	d := build(t, Options{}, `
  - route: POST /search
    does: list
    wants: {query: {asc: true}}
    where: hasPrefix .Username (print (.Body "filters.0.prefix"))
    paging: {style: offset, in: body, param: query.offset, size: query.limit, default: 2}
    body: '[{{.Count}}, {{.Offset}}, {{json (print .Total)}}, {{json .Next}}, {{json .NextURL}}]'`)
	d.is("POST /search", `{"query":{"asc":true,"offset":"1","limit":3},"filters":[{"prefix":"u"}]}`, 200, `[3,1,"6",4,""]`)
	d.is("POST /search", `{"query":{"asc":true,"offset":4,"limit":"3"},"filters":[{"prefix":"u"}]}`, 200, `[2,4,"6",null,""]`)
	d.is("POST /search", `{"query":{"asc":true},"filters":[{"prefix":"ro"}]}`, 200, `[1,0,"1",null,""]`)
	d.is("POST /search", `{"query":{}}`, 400, `{"kind":"body","status":400,"code":"","message":"asc is missing"}`)
	d.is("POST /search", `{"query":`, 400,
		`{"kind":"body","status":400,"code":"","message":"the body can't be read: unexpected EOF"}`)
	d.is("POST /search", ``, 400, `{"kind":"body","status":400,"code":"","message":"the body is no object"}`)
}

// Some filter after they have cut the page.
func TestShortPages(t *testing.T) {
	users := people(7)
	users[1].Hidden, users[2].Hidden, users[6].Hidden = true, true, true
	d := build(t, Options{Users: users, PageLimit: 3}, `
  - {route: GET /users, does: list, paging: {style: offset, param: first, size: max, default: 100}, body: '{"n": {{.Count}}, "of": {{.Total}}, "is": {{.Items}}}'}
  - {route: GET /all, does: list, body: '{{.Total}}{{.Count}}'}
  - {route: GET /cut, does: list, paging: {max: 2}, item: '{{.ID}}', body: '{{.Items}}'}
  - {route: "GET /users/{id}", does: get, refuse: [{when: .Account.Hidden, error: forbidden}], body: '{{.User}}'}
  - {route: "GET /alone/{id}", does: get, body: '{{.User}}'}`)
	d.is("GET /users", "", 200, `{"n":1,"of":7,"is":[{"id":"1","name":"root"}]}`)
	d.is("GET /users?first=6", "", 200, `{"n":0,"of":7,"is":[]}`)
	d.is("GET /all", "", 200, "74")
	d.is("GET /cut", "", 200, "[1,2]")
	d.is("GET /users/2", "", 403, `{"kind":"forbidden","status":403,"code":"","message":"only for administrators"}`)
	d.is("GET /alone/2", "", 404, `{"kind":"not_found","status":404,"code":"E2","message":"no 2"}`)
}

func TestItemsByKey(t *testing.T) {
	d := build(t, Options{Users: people(2)}, `
  - route: GET /users
    does: list
    paging: {style: offset, param: offset, size: limit}
    keyed: "{{.Username}}"
    item: '{{.ID}}'
    body: '{{if .Count}}{{.Items}}{{else}}[]{{end}}'`)
	d.is("GET /users", "", 200, `{"root":1,"u1":2}`)
	d.is("GET /users?offset=2", "", 200, `[]`)
}

func TestLimitsOfListings(t *testing.T) {
	d := build(t, Options{}, listing("{style: page, param: page, size: n, default: 2, max: 5}", `refuse: [`+
		`{when: 'gt (int (.Query "n")) 5', status: 400, code: size, message: at most 5}, `+
		`{when: gt (add .Offset .Limit) 6, status: 400, code: "{{.Kind}}", message: 'only 6, and not {{.Query "page"}}'}]`))
	if got := d.call("GET /users?page=2", ""); got.status != 200 {
		t.Error(got)
	}
	d.is("GET /users?page=3", "", 400, `{"kind":"refused","status":400,"code":"refused","message":"only 6, and not 3"}`)
	d.is("GET /users?n=6", "", 400, `{"kind":"refused","status":400,"code":"size","message":"at most 5"}`)
}

func TestMadeUpIDs(t *testing.T) {
	for _, test := range []struct{ ids, want string }{
		{`'acme|{{.Random 4 "01"}}'`, `^acme\|[01]{4}$`},
		{`'@{{.Username}}:example.com'`, `^@root:example.com$`},
		{`'{{.Key}}'`, `^1$`},
	} {
		sys, err := parseSystem("acme", []byte(strings.Replace(acme, "ids: number", "ids: "+test.ids, 1)))
		if err != nil {
			t.Fatal(err)
		}
		var got [2]string
		for i := range got {
			s, err := newServer(sys, Options{Users: people(1), Seed: 4})
			if err != nil {
				t.Fatal(err)
			}
			got[i] = s.Users()[0].ID
		}
		if !regexp.MustCompile(test.want).MatchString(got[0]) || got[0] != got[1] {
			t.Errorf("%s makes %q", test.ids, got)
		}
	}
}

func TestAccountsByOtherNames(t *testing.T) {
	users := people(3)
	users[1].Fields = map[string]string{"dn": "cn=u1/x"}
	d := build(t, Options{Users: users}, `
  - {route: "GET /by-name/{username}", does: get, body: '{{.User}}'}
  - {route: "GET /by-mail/{email}", does: get, body: '{{.User}}'}
  - {route: "GET /by-dn/{dn}", does: get, item: '[{{json (.Field "dn")}}, {{json (.Field "none" "x")}}, {{.Single}}]', body: '{{.User}}'}
  - {route: GET /self, does: self, body: '[{{.User}}, {{.Self}}]'}`)
	d.is("GET /by-name/u1", "", 200, `{"id":"2","name":"u1"}`)
	d.is("GET /by-name/2", "", 404, `{"kind":"not_found","status":404,"code":"E2","message":"no 2"}`)
	d.is("GET /by-mail/u2%40example.com", "", 200, `{"id":"3","name":"u2"}`)
	d.is("GET /by-dn/cn%3Du1%2Fx", "", 200, `["cn=u1/x","x",true]`)
	d.is("GET /self", "", 200, `[{"id":"1","name":"root"},true]`)
}

func TestHowTimesAreWritten(t *testing.T) {
	users := people(2)
	users[0].Created, users[0].LastLogin = at("2024-02-29T12:00:00Z"), at("2026-11-21T12:00:00.5Z")
	users[1].Created = at("2024-02-29T12:00:00Z")
	for _, test := range []struct{ template, login, never string }{
		{`{{time .LastLogin}}`, `"2026-11-21T12:00:00Z"`, `null`},
		{`{{time .LastLogin "2006-01-02T15:04:05.000Z"}}`, `"2026-11-21T12:00:00.500Z"`, `null`},
		{`{{millis .LastLogin}}`, `1795262400500`, `0`},
		{`{{epoch .LastLogin}}`, `1795262400`, `0`},
		{`{{json (.LastLogin.Format "2006-01-02T15:04:05Z07:00")}}`, `"2026-11-21T12:00:00Z"`, `"0001-01-01T00:00:00Z"`},
		{`{{time (zone (coalesce .LastLogin (unix 0)) "+01:00")}}`, `"2026-11-21T13:00:00+01:00"`, `"1970-01-01T01:00:00+01:00"`},
		{`{{time (coalesce .LastLogin (.Created.AddDate -10 0 0))}}`, `"2026-11-21T12:00:00Z"`, `"2014-03-01T12:00:00Z"`},
		{`{{time .LastLogin "2006-01-02"}}`, `"2026-11-21"`, `null`},
		{`{ {{if not .LastLogin.IsZero}}"at": 1{{end}} }`, `{"at":1}`, `{}`},
	} {
		d := build(t, Options{Users: users}, "\n  - route: GET /users\n    does: list\n    item: '"+test.template+"'\n    body: '{{.Items}}'")
		d.is("GET /users", "", 200, "["+test.login+","+test.never+"]")
	}
}

func TestFunctions(t *testing.T) {
	for template, want := range map[string]string{
		`{{is nil nil}} {{is "1" 1}} {{is 1 1.0}} {{is true true}}`: "true false true true",
		`{{in "a" "b" "a"}} {{in 1 "1"}}`:                           "true false",
		`{{int "7"}} {{int nil}} {{add 1 "2"}} {{sub 1 2}}`:         "7 0 3 -1",
		`{{mul 3 4}} {{div 7 2}}`:                                   "12 3",
		`{{base64 "a:b"}} {{path "http://h:1/p?q=1"}}`:              "YTpi /p?q=1",
		`{{lower "A"}}{{upper "b"}}{{replace "a b" " " "_"}}`:       "aBa_b",
		`{{index (split "a/b" "/") 1}}{{contains "abc" "b"}}`:       "btrue",
		`{{hasPrefix "abc" "a"}} {{hasSuffix "abc" "a"}}`:           "true false",
		`{{uuid 1 | len}} {{eq (uuid "a") (uuid "a")}}`:             "36 true",
	} {
		parsed, err := parseText(template)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := parsed.render(nil); err != nil || got != want {
			t.Errorf("%s is %q, %v, want %q", template, got, err, want)
		}
	}
	for _, template := range []string{`{{div 1 0}}`, `{{zone (unix 0) "CET"}}`} {
		if parsed, err := parseText(template); err != nil {
			t.Error(err)
		} else if got, err := parsed.render(nil); err == nil {
			t.Errorf("%s is %q", template, got)
		}
	}
}

func TestEntries(t *testing.T) {
	now := time.Now()
	users := people(5)
	users[1].LastLogin, users[1].LastAction = now.Add(-time.Hour), now.Add(-2*time.Hour)
	users[2].LastLogin = now.Add(-100 * day)
	users[3].LastLogin, users[3].Entries = now, []Entry{}
	users[4].Entries = []Entry{
		{Kind: "login", At: now.Add(-time.Minute), Fields: map[string]string{"ip": "192.0.2.1"}},
		{Kind: "logout", At: now.Add(-48 * time.Hour)},
	}
	d := build(t, Options{Users: users}, `
  - {route: GET /events, does: events, body: '{{.Items}}', item: '"{{.Username}} {{.Kind}}"'}
  - {route: GET /logins, does: events, kinds: [login], newest: true, retention: 240h, paging: {style: page, param: page, first: 1, size: n, default: 10}, body: '{{.Items}}'}
  - {route: GET /opaque, does: events, paging: {style: cursor, cursor: opaque, param: c, default: 3}, body: '[{{.Count}}, {{json .NextURL}}]'}
  - {route: GET /old, does: events, where: lt (epoch .At) (epoch (.Now.AddDate 0 0 -1)), item: '{{json .Username}}', body: '{{.Items}}'}
  - {route: "GET /users/{id}/sessions", does: events, item: '{{json .Kind}}', body: '{{.Items}}'}`)
	d.is("GET /events", "", 200, `["u1 action","u1 login","u2 login","u4 logout","u4 login"]`)
	d.is("GET /logins", "", 200, `[{"of":"5","kind":"login","ip":"192.0.2.1"},{"of":"2","kind":"login","ip":"none"}]`)
	d.is("GET /logins?n=1&page=2", "", 200, `[{"of":"2","kind":"login","ip":"none"}]`)
	d.is("GET /old", "", 200, `["u2","u4"]`)
	d.is("GET /users/2/sessions", "", 200, `["action","login"]`)
	d.is("GET /users/4/sessions", "", 200, `[]`)
	d.is("GET /users/9/sessions", "", 404, `{"kind":"not_found","status":404,"code":"E2","message":"no 9"}`)

	var first []any
	if err := json.Unmarshal([]byte(d.call("GET /opaque", "").body), &first); err != nil {
		t.Fatal(err)
	}
	d.is("GET "+strings.TrimPrefix(first[1].(string), d.url), "", 200, `[2,""]`)
}

func TestUpdates(t *testing.T) {
	d := build(t, Options{}, `
  - route: PATCH /users/{username}
    does: update
    wants: {prohibit_login: true, login_name: "{{.Account.Username}}", source_id: 0, number: "{{.Account.ID}}"}
    set: {disabled: true}
    item: '[{{json .Username}}, {{.Disabled}}]'
    body: '{{.User}}'
  - route: PATCH /patch/{id}
    does: update
    takes: [application/json-patch+json]
    wants: [{op: replace, path: /state, value: inactive}]
    set: {disabled: true}
    success: 204
  - route: PUT /users/{id}
    does: update
    set: {disabled: '{{.Body "enabled" | is false}}', guest: '{{.Body "guest"}}', note: '{{.Body "note"}}'}
    item: '[{{.Disabled}}, {{.Guest}}, {{json (.Field "note")}}]'
    body: '{{.User}}'`)
	right := `{"prohibit_login":true,"login_name":"u1","source_id":0,"number":2,"more":[]}`
	for _, wrong := range []string{
		``, `[]`, `{}`, strings.Replace(right, "true", "false", 1), strings.Replace(right, "u1", "u2", 1),
		strings.Replace(right, `"source_id":0`, `"source_id":"0"`, 1), strings.Replace(right, `"source_id":0,`, ``, 1),
		strings.Replace(right, `"number":2`, `"number":[2]`, 1), right + "}", strings.Replace(right, "true", "null", 1),
	} {
		if got := d.call("PATCH /users/u1", wrong); got.status != 400 || !strings.Contains(got.body, `"kind":"body"`) {
			t.Errorf("%s: %v", wrong, got)
		}
	}
	if got := d.Disabled(); len(got) != 0 {
		t.Errorf("disabled %q", got)
	}
	for range 2 {
		d.is("PATCH /users/u1", right, 200, `["u1",true]`)
	}
	d.is("PATCH /users/u9", right, 404, `{"kind":"not_found","status":404,"code":"E2","message":"no u9"}`)

	patch := `[{"op":"replace","path":"/state","value":"inactive"}]`
	d.is("PATCH /patch/4", patch, 415, `{"kind":"media","status":415,"code":"","message":"the body has the wrong Content-Type"}`)
	d.is("PATCH /patch/4", patch, 204, "", "Content-Type: application/json-patch+json")
	d.is("PATCH /patch/4", `[{"op":"replace","path":"/state","value":"inactive"},{}]`, 400,
		`{"kind":"body","status":400,"code":"","message":"the body is not as it has to be"}`, "Content-Type: application/json-patch+json")

	d.is("PUT /users/2", `{"enabled":true,"guest":true,"note":5000000}`, 200, `[false,true,"5000000"]`)
	d.is("PUT /users/2", `{"enabled":false,"guest":false,"note":"x"}`, 200, `[true,false,"x"]`)
	d.is("PUT /users/3", `{"enabled":false,"guest":"perhaps"}`, 400,
		`{"kind":"body","status":400,"code":"","message":"guest is neither true nor false"}`)
	if got, want := d.Disabled(), []string{"2", "4", "2"}; !reflect.DeepEqual(got, want) {
		t.Errorf("disabled %q, want %q", got, want)
	}
	if len(d.Removed()) != 0 {
		t.Errorf("removed %q", d.Removed())
	}
}

func TestRemovals(t *testing.T) {
	users := people(7)
	users[3].Owns, users[4].Admin, users[4].Disabled = true, true, true
	d := build(t, Options{Users: users}, `
  - route: DELETE /users/{username}
    does: remove
    success: 204
    refuse:
      - {when: and .Self .LastAdmin, status: 409, code: last}
      - {when: 'and .Account.Owns (ne (.Query "purge") "true")', code: owns, message: '{{.Account.Username}} owns something'}
      - {when: .Account.Bot, status: 200, body: '{"deleted": false}', headers: {X-Why: bot}}
    errors: {not_found: {status: 204}}
  - {route: "GET /users/{id}", does: get, item: '[{{.Deactivated}}]', body: '{{.User}}'}
  - {route: GET /users, does: list, where: not .Deactivated, body: '{{.Total}}'}
  - {route: "DELETE /twice/{id}", does: update, when: not .Account.Deactivated, set: {deactivated: true}, success: 202}
  - {route: "DELETE /twice/{id}", does: remove, body: '{}'}
  - {route: "POST /stays/{id}", does: remove, set: {deactivated: true}, body: '{}'}`)
	d.is("DELETE /users/root", "", 409, `{"kind":"refused","status":409,"code":"last","message":"that is not possible"}`)
	d.is("DELETE /users/u3", "", 422, `{"kind":"refused","status":422,"code":"owns","message":"u3 owns something"}`)
	d.is("DELETE /users/u3?purge=true", "", 204, "")
	d.is("DELETE /users/u3", "", 204, "")
	if err := d.Update("3", func(u *User) { u.Bot = true }); err != nil {
		t.Fatal(err)
	}
	if got := d.call("DELETE /users/u2", ""); got.status != 200 || got.body != `{"deleted":false}` || got.header.Get("X-Why") != "bot" {
		t.Error(got)
	}

	d.is("GET /users", "", 200, "6")
	d.is("DELETE /twice/6", "", 202, "")
	d.is("GET /users", "", 200, "5")
	d.is("GET /users/6", "", 200, "[true]")
	d.is("DELETE /twice/6", "", 200, "{}")
	d.is("DELETE /twice/6", "", 404, `{"kind":"not_found","status":404,"code":"E2","message":"no 6"}`)
	for range 2 {
		d.is("POST /stays/7", "", 200, "{}")
	}
	if u, ok := d.User("7"); !ok || !u.Deactivated {
		t.Errorf("%v, %t: want an account that is deactivated", u, ok)
	}
	if got, want := d.Removed(), []string{"4", "6", "7"}; !slices.Equal(got, want) {
		t.Errorf("removed %q, want %q", got, want)
	}

	if err := d.Update("5", func(u *User) { u.Disabled = false }); err != nil { // another administrator
		t.Fatal(err)
	}
	d.is("DELETE /users/root", "", 204, "")
}

func TestErrors(t *testing.T) {
	d := build(t, Options{Caller: "u1"}, `
  - {route: GET /x, does: answer, body: '{{json (.Query "q" "none")}}', headers: {X-All: own}}
  - {route: GET /admin, does: answer, admin: true, errors: {forbidden: {status: 404, message: "", code: "{{.Kind}}"}}}
  - {route: GET /text, does: answer, headers: {Content-Type: text/plain}, body: 'not JSON: {{.Caller.Username}}'}
  - {route: GET /wrong, does: answer, body: 'no JSON'}
  - {route: GET /broken, does: answer, body: '{{.Nothing}}'}`,
		`headers: {X-All: "{{.Caller.Username}}"}`,
		`refuse: [{when: 'eq (.Query "q") "no"', error: path, code: "{{.Status}} {{.Text}}"}]`)
	d.is("GET /x", "", 200, `"none"`)
	d.is("GET /x?q=", "", 200, `""`)
	d.is("GET /x?q=no", "", 404, `{"kind":"path","status":404,"code":"404 Not Found","message":"there is no such path"}`)
	d.is("GET /y", "", 404, `{"kind":"path","status":404,"code":"","message":"there is no such path"}`)
	d.is("POST /x", "", 404, `{"kind":"path","status":404,"code":"","message":"there is no such path"}`)
	d.is("GET /admin", "", 404, `{"kind":"forbidden","status":404,"code":"forbidden","message":""}`)
	d.is("GET /text", "", 200, "not JSON: u1")
	for _, route := range []string{"GET /wrong", "GET /broken"} {
		if got := d.call(route, ""); got.status != 500 || !strings.HasPrefix(got.body, "the sandbox is wrong: ") {
			t.Errorf("%s: %v", route, got)
		}
	}
	if got := d.call("GET /x", "").header.Get("X-All"); got != "own" {
		t.Errorf("X-All is %q", got)
	}
	if got := d.call("GET /text", "").header.Get("X-All"); got != "u1" {
		t.Errorf("X-All is %q", got)
	}
	got := d.call("GET /x", "", "X-Key: no", "Host-Name: Ann")
	if got.header.Get("WWW-Authenticate") != "Basic" || got.body != `{"kind":"token","status":401,"code":"E1","message":"who calls Ann?"}` {
		t.Error(got)
	}
}

func TestRateLimitOfTheSystem(t *testing.T) {
	d := build(t, Options{RateLimit: 0.01}, "\n  - {route: GET /x, does: answer, body: '{}'}")
	before := time.Now().Unix()
	d.is("GET /x", "", 200, "{}")
	got := d.call("GET /x", "")
	if got.status != 403 || got.body != `{"kind":"rate_limit","status":403,"code":"tooFast","message":"too many requests"}` {
		t.Error(got)
	}
	if reset := integer(got.header.Get("X-Reset")); int64(reset) < before+100 || int64(reset) > time.Now().Unix()+100 || got.header.Get("Retry-After") != "" {
		t.Errorf("the headers are %v", got.header)
	}
}

func TestWhatASystemCantBe(t *testing.T) {
	for _, wrong := range []string{
		"  - {route: GET /x, does: dance}",
		"  - {route: GET /x, does: list, paging: {style: book}}",
		"  - {route: GET /x, does: list, paging: {style: page, in: cookie}}",
		"  - {route: GET /x, does: list, paging: {style: cursor, cursor: text}}",
		"  - {route: GET /x, does: events, paging: {style: cursor, cursor: id}}",
		"  - {route: GET /x, does: list, paging: {style: cursor}}\norder: username",
		"  - {route: GET /x, does: get}",
		"  - {route: GET /x, does: remove}",
		"  - {route: 'PUT /x/{id}', does: update}",
		"  - {route: POST /x, does: sign_in}",
		"  - {route: GET /x, does: answer, errors: {odd: {}}}",
		"  - {route: GET /x, does: answer, refuse: [{error: odd, when: true}]}",
		"  - {route: GET /x, does: answer, refuse: [{status: 400}]}",
		"  - {route: GET /x, does: answer, refuse: [{when: 'and (', status: 400}]}",
		"  - {route: GET /x, does: answer, body: '{{.X'}",
		"  - {route: GET /x, does: answer, wants: {a: '{{'}}",
		"  - {route: GET /x, does: answer, odd: 1}",
		"  - {route: GET /x, does: answer}\norder: age",
	} {
		if _, err := parseSystem("acme", []byte(acme+wrong)); err == nil {
			t.Errorf("it can be with\n%s", wrong)
		}
	}
	for _, id := range []string{"text", "''", "'{{.X'"} {
		if _, err := parseSystem("acme", []byte(strings.Replace(acme, "ids: number", "ids: "+id, 1))); err == nil {
			t.Errorf("ids can be %s", id)
		}
	}
	if _, err := parseSystem("acme", []byte(strings.Replace(acme, "ids: number", "", 1))); err == nil {
		t.Error("it needs no ids")
	}
}
