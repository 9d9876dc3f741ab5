package sandbox

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// headers are those of a caller that a system lets in.
var headers = map[string]http.Header{
	"maestro": {"Authorization": {DefaultToken}, "Dadosfera-User": {"admin"}},
	"itflex":  {"Authorization": {"Bearer " + DefaultToken}},
	"redmine": {"X-Redmine-Api-Key": {DefaultToken}},
}

// directory is a sandbox behind a real connection.
type directory struct {
	*Server
	t   *testing.T
	url string
}

func start(t *testing.T, o Options) directory {
	t.Helper()
	s, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	return serve(t, s)
}

func serve(t *testing.T, s *Server) directory {
	t.Helper()
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	return directory{s, t, server.URL}
}

// answer is a response that has been read.
type answer struct {
	status int
	header http.Header
	body   string
}

// try sends a request. The error is that of the connection.
func (d directory) try(h http.Header, route, body string) (answer, error) {
	d.t.Helper()
	method, path, _ := strings.Cut(route, " ")
	req, err := http.NewRequest(method, d.url+path, strings.NewReader(body))
	if err != nil {
		d.t.Fatal(err)
	}
	req.Header = h.Clone()
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return answer{}, err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	return answer{resp.StatusCode, resp.Header, string(text)}, err
}

// do sends a request as the caller and wants an answer.
func (d directory) do(route string) (int, string) {
	d.t.Helper()
	got, err := d.try(headers[d.options.System], route, "")
	if err != nil {
		d.t.Fatalf("%s: %v", route, err)
	}
	return got.status, got.body
}

// wants fails the test unless the answer is this JSON.
func (d directory) wants(route string, status int, want string) {
	d.t.Helper()
	got, body := d.do(route)
	if got != status {
		d.t.Errorf("%s: status %d, want %d", route, got, status)
	}
	if !sameJSON(d.t, body, want) {
		d.t.Errorf("%s\n got %s\nwant %s", route, body, want)
	}
}

func sameJSON(t *testing.T, a, b string) bool {
	t.Helper()
	if a == "" || b == "" {
		return a == b
	}
	var x, y any
	if err := errors.Join(json.Unmarshal([]byte(a), &x), json.Unmarshal([]byte(b), &y)); err != nil {
		t.Fatalf("%v: %s", err, a)
	}
	return reflect.DeepEqual(x, y)
}

func at(text string) time.Time {
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		panic(err)
	}
	return t
}

var (
	root = User{
		Username: "admin", FirstName: "Redmine", LastName: "Admin", Email: "admin@example.net", Admin: true,
		Created: at("2026-11-21T17:37:15Z"), LastLogin: at("2026-11-22T08:00:00Z"), LastAction: at("2019-01-09T13:50:00Z"),
	}
	zero = User{
		Username: "u0", FirstName: "U", LastName: "Zero", Email: "u0@example.com", Roles: []string{"Users management"},
		Created: at("2026-11-21T17:49:43Z"),
	}
)

func TestMaestroSpeaksAsDocumented(t *testing.T) {
	root, zero := root, zero
	root.ID, zero.ID = "7d3c0000-0000-4000-8000-000000000001", "7d3c0000-0000-4000-8000-000000000002"
	d := start(t, Options{System: "maestro", Users: []User{root, zero}})
	d.wants("GET /users", 200, `{"users":[
		{"id":"7d3c0000-0000-4000-8000-000000000001","username":"admin","email":"admin@example.net","name":"Redmine Admin","lastLogin":"2026-11-22T08:00:00.000Z"},
		{"id":"7d3c0000-0000-4000-8000-000000000002","username":"u0","email":"u0@example.com","name":"U Zero"}]}`)
	d.wants("GET /users?page=2&limit=1", 200, second(d.do("GET /users")))
	if status, _ := d.do("GET /users/" + zero.ID); status != 404 {
		t.Errorf("there is no way to read one account, but the status is %d", status)
	}
	d.wants("DELETE /users/"+zero.ID, 204, "")
	d.wants("DELETE /users/"+zero.ID, 404,
		`{"statusCode":404,"message":"there is no such user","error":"Not Found","code":"UNKNOWN"}`)
}

func TestITFlexSpeaksAsDocumented(t *testing.T) {
	for _, test := range []struct {
		with  bool
		extra string
	}{
		{false, ``},
		{true, `,"last_login":null`},
	} {
		d := start(t, Options{System: "itflex", Users: []User{root, zero}, WithLastLogin: test.with})
		number := functions["number"].(func(string) uint32)("Users management")
		user := fmt.Sprintf(`{"id":2,"username":"u0","email":"u0@example.com","fullname":"U Zero","superuser":false,
			"roles":[{"id":%d,"name":"Users management"}],
			"created_at":"2026-11-21T17:49:43Z","updated_at":"2026-11-21T17:49:43Z"%s}`, number, test.extra)
		d.wants("GET /api/users/2", 200, user)
		d.wants("GET /api/users?cursor=1&size=15", 200,
			`{"cursor":{"current":1,"next":null,"previous":0},"users":[`+user+`]}`)
		d.wants("GET /api/audit/logs?cursor=0&size=15", 200, `{"cursor":{"current":0,"next":null,"previous":null},"action_logs":[
			{"datetime":"2019-01-09T10:50:00-03:00","source_ip":"192.0.2.17","consumer_id":"user:1","module":"firewall",
			 "target_type":"rules","target_id":"9","target_desc":"Firewall Rule 09","action":"update","payload":{}}]}`)
		_, me := d.do("GET /api/user/info")
		if _, first := d.do("GET /api/users/1"); me != first {
			t.Errorf("GET /api/user/info is %s, not the caller", me)
		}
		d.wants("DELETE /api/users/2", 200, "{}")
		d.wants("DELETE /api/users/2", 404, `{"message":"there is no such user"}`)
		d.wants("GET /api/users/2", 404, `{"message":"there is no such user"}`)
		d.wants("GET /api/users?cursor=x", 400, `{"message":"invalid cursor"}`)
	}
}

func TestRedmineSpeaksAsDocumented(t *testing.T) {
	d := start(t, Options{System: "redmine", Users: []User{root, zero}})
	user := `"id":2,"login":"u0","admin":false,"firstname":"U","lastname":"Zero","mail":"u0@example.com",
		"created_on":"2026-11-21T17:49:43Z","updated_on":"2026-11-21T17:49:43Z","last_login_on":null,
		"passwd_changed_on":"2026-11-21T17:49:43Z","twofa_scheme":null`
	d.wants("GET /users.json?offset=1&limit=500", 200, `{"users":[{`+user+`}],"total_count":2,"offset":1,"limit":100}`)
	d.wants("GET /users.json?offset=5000", 200, `{"users":[],"total_count":2,"offset":5000,"limit":25}`)
	d.wants("GET /users/2.json", 200, `{"user":{`+user+`,"api_key":"0123456789abcdef0123456789abcdef01234567","status":1}}`)
	for _, route := range []string{"GET /users/3.json", "DELETE /users/3.json", "GET /users/u0.json"} {
		d.wants(route, 404, "")
	}
	d.wants("DELETE /users/1.json", 422, "")
	d.wants("DELETE /users/2.json", 204, "")
	d.wants("DELETE /users/2.json", 404, "")
	if got := d.Removed(); !reflect.DeepEqual(got, []string{"2"}) {
		t.Errorf("removed %q, want only 2", got)
	}
}

// In Redmine, oneself can go while another administrator stays, and the key
// with it.
func TestRedmineLetsOneselfGo(t *testing.T) {
	second := zero
	second.Admin = true
	d := start(t, Options{System: "redmine", Users: []User{root, second}})
	d.wants("DELETE /users/1.json", 204, "")
	d.wants("DELETE /users/2.json", 401, "")
}

func TestRedmineListsByStatus(t *testing.T) {
	locked := zero
	locked.Disabled = true
	d := start(t, Options{System: "redmine", Users: []User{root, locked}})
	for query, want := range map[string]string{
		"": "admin", "?status=1": "admin", "?status=2": "", "?status=3": "u0", "?status=": "admin u0", "?status=*": "",
	} {
		if got := strings.Join(logins(t, second(d.do("GET /users.json"+query))), " "); got != want {
			t.Errorf("GET /users.json%s lists %q, want %q", query, got, want)
		}
	}
}

// Redmine shows one account to anybody, but not all of it.
func TestRedmineShowsLessToOthers(t *testing.T) {
	locked := zero
	locked.Disabled = true
	d := start(t, Options{System: "redmine", Users: []User{zero, root, locked}}) // u0 calls
	stranger := http.Header{"X-Redmine-Api-Key": {"wrong"}}
	got, err := d.try(stranger, "GET /users/2.json", "")
	if err != nil || got.status != http.StatusOK {
		t.Fatal(got, err)
	}
	if want := `{"user":{"id":2,"login":"admin","firstname":"Redmine","lastname":"Admin","created_on":"2026-11-21T17:37:15Z",
		"updated_on":"2026-11-21T17:37:15Z","last_login_on":"2026-11-22T08:00:00Z","passwd_changed_on":"2026-11-21T17:37:15Z"}}`; !sameJSON(t, got.body, want) {
		t.Errorf("got %s\nwant %s", got.body, want)
	}
	d.wants("GET /users/3.json", 404, "")
	d.wants("GET /users.json", 403, "")
	d.wants("DELETE /users/1.json", 403, "")
	got, err = d.try(stranger, "DELETE /users/1.json", "")
	if err != nil || got.status != http.StatusUnauthorized || got.header.Get("WWW-Authenticate") != `Basic realm="Redmine API"` {
		t.Errorf("%v, %v: want a 401 with a challenge", got, err)
	}
}

func second(_ int, body string) string { return body }

func logins(t *testing.T, body string) (names []string) {
	t.Helper()
	var page struct {
		Users []struct{ Login, Username string }
	}
	if err := json.Unmarshal([]byte(body), &page); err != nil {
		t.Fatal(err)
	}
	for _, u := range page.Users {
		names = append(names, u.Login+u.Username)
	}
	return names
}

func TestTokens(t *testing.T) {
	bearer := func(token string) http.Header { return http.Header{"Authorization": {token}} }
	for _, test := range []struct {
		system, route string
		header        http.Header
		want          int
	}{
		{"maestro", "GET /users", bearer(DefaultToken), 200},
		{"maestro", "GET /users", bearer("Bearer " + DefaultToken), 200},
		{"maestro", "GET /users", bearer("Bearer"), 401},
		{"maestro", "GET /users", bearer("wrong"), 401},
		{"maestro", "GET /users", nil, 401},
		{"maestro", "DELETE /users/x", bearer(DefaultToken), 400}, // nobody is said to remove
		{"maestro", "DELETE /users/x", bearer("wrong"), 401},
		{"itflex", "GET /api/users", bearer("Bearer " + DefaultToken), 200},
		{"itflex", "GET /api/users", bearer(DefaultToken), 401},
		{"itflex", "GET /api/users/1", nil, 401},
		{"itflex", "DELETE /api/users/1", nil, 401},
		{"redmine", "GET /users.json", bearer("Bearer " + DefaultToken), 401},
		{"redmine", "GET /users/current.json", nil, 401},
	} {
		d := start(t, Options{System: test.system, Users: []User{root}})
		got, err := d.try(test.header, test.route, "")
		if err != nil || got.status != test.want {
			t.Errorf("%s %s with %v: %v, %v, want %d", test.system, test.route, test.header, got, err, test.want)
		}
	}
}

func TestSignIn(t *testing.T) {
	for _, test := range []struct{ system, route, right, wrong, read, before string }{
		{
			"maestro", "POST /auth/sign-in", `{"username":"admin","password":"pw"}`, `{"username":"admin","password":"no"}`,
			"GET /users", "",
		},
		{
			"itflex", "POST /api/v1/oauth2/token", `{"grant_type":"refresh_token","refresh_token":"pw"}`,
			`{"grant_type":"password","refresh_token":"pw"}`, "GET /api/users", "Bearer ",
		},
	} {
		d := start(t, Options{System: test.system, Users: []User{root}, Secret: "pw"})
		for body, want := range map[string]int{test.wrong: 401, "{}": 401, "": 400, "[]": 400} {
			if got, err := d.try(nil, test.route, body); err != nil || got.status != want {
				t.Errorf("%s: %s with %s: %v, %v, want %d", test.system, test.route, body, got, err, want)
			}
		}
		read := func() int {
			got, err := d.try(nil, test.route, test.right)
			if err != nil {
				t.Fatal(err)
			}
			var brought struct {
				AccessToken string                       `json:"access_token"`
				ExpiresIn   int                          `json:"expires_in"`
				Tokens      struct{ AccessToken string } `json:"tokens"`
			}
			if err := json.Unmarshal([]byte(got.body), &brought); err != nil {
				t.Fatalf("%v: %s", err, got.body)
			}
			if test.system == "itflex" && brought.ExpiresIn != 900 {
				t.Errorf("expires_in is %d, not 900", brought.ExpiresIn)
			}
			header := http.Header{"Authorization": {test.before + brought.AccessToken + brought.Tokens.AccessToken}}
			if got, err = d.try(header, test.read, ""); err != nil {
				t.Fatal(err)
			}
			return got.status
		}
		if status := read(); status != 200 {
			t.Errorf("%s: status %d with a new token", test.system, status)
		}
		d.ExpireTokens()
		if status, _ := d.do(test.read); status != 401 {
			t.Errorf("%s: status %d with the token of the options after all have ended", test.system, status)
		}
		if status := read(); status != 200 {
			t.Errorf("%s: status %d with a new token after the others have ended", test.system, status)
		}
	}
}

func TestTokensEnd(t *testing.T) {
	now := at("2026-11-21T12:00:00Z")
	bag := tokens{good: map[string]time.Time{"forever": {}}}
	token := bag.issue(15*time.Minute, now)
	for _, test := range []struct {
		token string
		after time.Duration
		want  bool
	}{
		{token, 0, true},
		{token, 15*time.Minute - 1, true},
		{token, 15 * time.Minute, false},
		{"forever", 1000 * time.Hour, true},
		{"", 0, false},
	} {
		if got := bag.accept(test.token, now.Add(test.after)); got != test.want {
			t.Errorf("%q after %s: %t, want %t", test.token, test.after, got, test.want)
		}
	}
}

func TestPages(t *testing.T) {
	population := Population(240, 1, at("2026-11-21T12:00:00Z"))
	for _, test := range []struct {
		system, path string
		limit        int
		pages        int
	}{
		{"itflex", "/api/users", 0, 16},
		{"itflex", "/api/users?size=100", 0, 3},
		{"itflex", "/api/users?size=1000", 0, 3},
		{"itflex", "/api/users?size=120", 80, 3},
		{"redmine", "/users.json", 0, 10},
		{"redmine", "/users.json?limit=1000", 0, 3},
		{"redmine", "/users.json?limit=0", 0, 10},
		{"redmine", "/users.json?limit=60", 0, 4},
	} {
		d := start(t, Options{System: test.system, Users: population, PageLimit: test.limit})
		seen := map[string]int{}
		pages := 0
		for path := test.path; path != ""; pages++ {
			status, body := d.do("GET " + path)
			if status != 200 || pages > 240 {
				t.Fatalf("%s: status %d, page %d", path, status, pages)
			}
			for _, login := range logins(t, body) {
				seen[login]++
			}
			path = nextPath(t, test.path, body)
		}
		if pages != test.pages || len(seen) != 240 {
			t.Errorf("%s: %d accounts on %d pages, want 240 on %d", test.path, len(seen), pages, test.pages)
		}
		for login, times := range seen {
			if times != 1 {
				t.Errorf("%s: %s was there %d times", test.path, login, times)
			}
		}
	}
}

// nextPath is where a client would find the next page, or nothing.
func nextPath(t *testing.T, path, body string) string {
	t.Helper()
	var page struct {
		Cursor               *struct{ Next *int }
		Users                []any
		Total, Offset, Limit int
		TotalCount           int `json:"total_count"`
	}
	if err := json.Unmarshal([]byte(body), &page); err != nil {
		t.Fatal(err)
	}
	u, _ := url.Parse(path)
	q := u.Query()
	switch {
	case page.Cursor != nil && page.Cursor.Next != nil:
		q.Set("cursor", strconv.Itoa(*page.Cursor.Next))
	case page.Cursor == nil && page.Offset+len(page.Users) < page.TotalCount:
		q.Set("offset", strconv.Itoa(page.Offset+len(page.Users)))
	default:
		return ""
	}
	u.RawQuery = q.Encode()
	return u.String()
}

// Who removes while reading loses accounts by offset, and none by cursor.
func TestRemovalsShiftOffsets(t *testing.T) {
	population := Population(200, 1, at("2026-11-21T12:00:00Z"))
	for _, test := range []struct {
		system, first, path string
		want                int
	}{
		{"redmine", "/users.json?limit=100", "/users.json?offset=100&limit=100", 90},
		{"itflex", "/api/users?size=100", "/api/users?cursor=100&size=100", 100},
	} {
		d := start(t, Options{System: test.system, Users: population})
		for _, u := range d.Users()[50:60] {
			d.Remove(u.ID)
		}
		if got := len(logins(t, second(d.do("GET "+test.path)))); got != test.want {
			t.Errorf("%s: %d accounts on the second page, want %d", test.system, got, test.want)
		}
	}
}

func TestDirectoryChangesBehindTheClient(t *testing.T) {
	d := start(t, Options{System: "redmine", Users: []User{root, zero}})
	id, err := d.Add(User{Username: "anna"})
	if err != nil || id != "3" {
		t.Fatal(id, err)
	}
	if err := d.Update("2", func(u *User) { u.ID, u.Username = "9", "aaron" }); err != nil {
		t.Fatal(err)
	}
	if got, want := logins(t, second(d.do("GET /users.json"))), []string{"aaron", "admin", "anna"}; !reflect.DeepEqual(got, want) {
		t.Errorf("listed %q, want %q", got, want)
	}
	if u, ok := d.Find("aaron"); !ok || u.ID != "2" {
		t.Errorf("aaron is %v, %t", u, ok)
	}
	if !d.Remove("3") || d.Remove("3") || len(d.Removed()) != 0 {
		t.Error("an account was removed twice, or by a request")
	}
	if err := d.Update("3", func(*User) {}); !errors.Is(err, ErrNoUser) {
		t.Errorf("the error is %v", err)
	}
	for _, u := range []User{{ID: "1"}, {ID: "x"}, {ID: "0"}} {
		if _, err := d.Add(u); err == nil {
			t.Errorf("the id %q was accepted", u.ID)
		}
	}
}

func TestIDsAreOneSegment(t *testing.T) {
	d := start(t, Options{System: "maestro", Users: []User{root, {ID: "a/b c%", Username: "odd"}}})
	for route, want := range map[string]int{
		"DELETE /users/a/b": 404, "DELETE /users/": 404, "DELETE /users": 404, "DELETE /users/..": 404, "DELETE /users/a%2Fb%20c%25": 204,
	} {
		if got, _ := d.do(route); got != want {
			t.Errorf("%s: %d, want %d", route, got, want)
		}
	}
}

func TestRequestsAreNoted(t *testing.T) {
	handled := func(w http.ResponseWriter, r *http.Request) bool {
		if r.URL.Path == "/quiet" {
			return true
		}
		if r.URL.Path == "/teapot" {
			w.WriteHeader(http.StatusTeapot)
			return true
		}
		return false
	}
	d := start(t, Options{System: "maestro", Users: []User{root}, Before: handled})
	for _, route := range []string{"GET /users?a=b", "DELETE /users/a%2Fb", "GET /teapot", "GET /quiet"} {
		d.do(route)
	}
	var got []string
	for _, r := range d.Requests() {
		got = append(got, fmt.Sprintf("%s %s %s %s %d", r.Method, r.Path, r.Query.Encode(), r.Header.Get("Dadosfera-User"), r.Status))
	}
	want := []string{
		"GET /users a=b admin 200", "DELETE /users/a%2Fb  admin 404", "GET /teapot  admin 418", "GET /quiet  admin 200",
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

func TestRateLimit(t *testing.T) {
	d := start(t, Options{System: "maestro", Users: []User{root}, RateLimit: 0.01})
	if status, _ := d.do("GET /users"); status != 200 {
		t.Errorf("status %d for the first request", status)
	}
	got, err := d.try(headers["maestro"], "GET /users", "")
	if err != nil || got.status != http.StatusTooManyRequests || got.header.Get("Retry-After") != "100" {
		t.Errorf("%v, %v: want a 429 that says to wait for 100 s", got, err)
	}
}

// A request that nobody waits for any more does not hold up the server.
func TestLatencyEndsWithTheRequest(t *testing.T) {
	s, err := New(Options{System: "maestro", Users: []User{root}, Latency: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	defer func() {
		if err, _ := recover().(error); !errors.Is(err, http.ErrAbortHandler) {
			t.Errorf("recovered %v", err)
		}
		if r := s.Requests(); len(r) != 1 || r[0].Status != 0 {
			t.Errorf("noted %v", r)
		}
	}()
	s.ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(ctx, http.MethodGet, "/users", nil))
}

// What fails does not depend on who else is asking.
func TestFaultsAreTheSameEachTime(t *testing.T) {
	run := func(workers int) map[string][]string {
		users := Population(100, 1, at("2026-11-21T12:00:00Z"))
		d := start(t, Options{System: "redmine", Users: users, FaultRate: 0.5, Seed: 3})
		outcomes := map[string][]string{}
		ids := make(chan string)
		var mu sync.Mutex
		var group sync.WaitGroup
		for range workers {
			group.Go(func() {
				for id := range ids {
					var outcome []string
					for range 3 {
						got, err := d.try(headers["redmine"], "DELETE /users/"+id+".json", "")
						if err != nil {
							got.status = 0
						}
						outcome = append(outcome, strconv.Itoa(got.status)+got.header.Get("Retry-After"))
					}
					mu.Lock()
					outcomes[id] = outcome
					mu.Unlock()
				}
			})
		}
		for id := 2; id <= 100; id++ {
			ids <- strconv.Itoa(id)
		}
		close(ids)
		group.Wait()
		faults := map[Fault]int{}
		for _, r := range d.Requests() {
			faults[r.Fault]++
		}
		for _, f := range append(slices.Clone(changeFaults), "") {
			if faults[f] < 20 {
				t.Errorf("the fault %q came up %d times in %d requests", f, faults[f], len(d.Requests()))
			}
		}
		return outcomes
	}
	if one, many := run(1), run(8); !reflect.DeepEqual(one, many) {
		t.Errorf("one worker and eight met different faults:\n%v\n%v", one, many)
	}
}

func TestFaults(t *testing.T) {
	for _, test := range []struct {
		fault   Fault
		route   string
		status  int // 0: no answer, or not all of it
		removed bool
	}{
		{FaultError, "DELETE /api/users/2", 500, false},
		{FaultUnavailable, "DELETE /api/users/2", 503, false},
		{FaultDropped, "DELETE /api/users/2", 0, false},
		{FaultCut, "DELETE /api/users/2", 0, true},
		{FaultDenied, "DELETE /api/users/2", 200, false},
		{FaultPage, "DELETE /api/users/2", 200, false},
		{FaultCut, "GET /api/users", 0, false},
	} {
		d := start(t, Options{System: "itflex", Users: []User{root, zero}, FaultRate: 1, Seed: seedOf(t, test.fault, test.route)})
		got, err := d.try(headers["itflex"], test.route, "")
		switch {
		case test.status == 0 && err == nil:
			t.Errorf("%s of %s: the answer is whole", test.fault, test.route)
		case test.status != 0 && (err != nil || got.status != test.status):
			t.Errorf("%s of %s: %v, %v, want %d", test.fault, test.route, got, err, test.status)
		}
		if _, there := d.User("2"); there == test.removed {
			t.Errorf("%s of %s: removed is %t", test.fault, test.route, test.removed)
		}
	}
}

// seedOf is a seed with which the first such request meets the fault.
func seedOf(t *testing.T, want Fault, route string) uint64 {
	t.Helper()
	for seed := range uint64(1000) {
		f := faults{rate: 1, seed: seed, came: map[string]uint64{}}
		if f.next(route) == want {
			return seed
		}
	}
	t.Fatalf("no seed brings %s", want)
	return 0
}

func TestNewRefuses(t *testing.T) {
	for _, o := range []Options{
		{},
		{System: "../itflex"},
		{System: "itflex", FaultRate: 2},
		{System: "itflex", RateLimit: -1},
		{System: "itflex", Caller: "nobody"},
		{System: "itflex", Users: []User{{ID: "1"}, {ID: "1"}}},
		{System: "itflex", Users: []User{{ID: "x"}}},
	} {
		if _, err := New(o); err == nil {
			t.Errorf("%+v is accepted", o)
		}
	}
}

// Whatever a system's file says, all that it sends has to be JSON or nothing.
func TestEverySystem(t *testing.T) {
	users := append([]User{{
		Username: `quote"d`, Email: "quoted@example.com", Admin: true, LastLogin: time.Now(), Roles: []string{"Sales"},
		LastAction: time.Now(),
	}}, Population(30, 1, time.Now())...)
	users = append(users,
		User{Username: "bare"}, User{Username: "hidden", Hidden: true}, User{Username: "owner", Owns: true, Guest: true},
		User{Username: "off", Disabled: true, Created: time.Now()}, User{Username: "gone", Deactivated: true, Bot: true},
	)
	for _, system := range Systems() {
		t.Run(system, func(t *testing.T) {
			t.Parallel()
			for _, caller := range []string{"", users[0].Username, "bare"} {
				d := start(t, Options{System: system, Users: users, Caller: caller, WithLastLogin: true})
				for i := range d.system.Routes {
					rt := &d.system.Routes[i]
					for _, about := range []string{users[0].Username, users[9].Username, "bare", "hidden", "owner", "off", "gone", ""} {
						got := d.asWanted(rt, about)
						if strings.HasPrefix(got.body, "the sandbox is wrong") {
							t.Errorf("%s for %q about %q: %d %s", rt.Route, caller, about, got.status, got.body)
						}
						if strings.Contains(got.header.Get("Content-Type"), "json") && got.body != "" && !json.Valid([]byte(got.body)) {
							t.Errorf("%s: no JSON: %s", rt.Route, got.body)
						}
					}
				}
			}
		})
	}
}

// asWanted sends what the route wants, about the account with this username.
func (d directory) asWanted(rt *route, username string) answer {
	d.t.Helper()
	u, _ := d.Find(username)
	if u.ID == "" {
		u = User{ID: "unknown", Username: "unknown", Email: "unknown"}
	}
	path := placeholder.ReplaceAllStringFunc(string(rt.Route), func(name string) string {
		value := map[string]string{"{id}": u.ID, "{username}": u.Username, "{email}": u.Email}[name]
		return url.PathEscape(cmp.Or(value, u.Fields[strings.Trim(name, "{}")], "nothing"))
	})
	d.mu.Lock()
	q := &request{
		Caller: d.caller(), Account: u, Now: time.Now(), Secret: d.options.Secret, ClientID: d.options.ClientID, Base: d.url,
		r: httptest.NewRequest(http.MethodGet, "/", nil),
	}
	header := http.Header{}
	if len(d.system.Accepts) > 0 {
		name, value, _ := strings.Cut(d.system.Accepts[0], ": ")
		header.Set(name, strings.NewReplacer("{token}", d.options.Token, "{basic}", d.basic()).Replace(value))
	}
	d.mu.Unlock()
	for _, requires := range []map[string]text{d.system.Requires, rt.Requires} {
		for name, value := range requires {
			rendered, err := value.render(q)
			if err != nil {
				d.t.Fatal(err)
			}
			header.Set(name, cmp.Or(rendered, "anything"))
		}
	}
	body := ""
	if rt.Wants.value != nil {
		wanted := rendered(d.t, rt.Wants.value, q)
		header.Set("Content-Type", append(slices.Clone(rt.Takes), "application/json")[0])
		if header.Get("Content-Type") == form {
			fields := url.Values{}
			for name, value := range wanted.(map[string]any) {
				fields.Set(name, fmt.Sprint(value))
			}
			body = fields.Encode()
		} else {
			body, _ = encode(wanted)
		}
	}
	got, err := d.try(header, path, body)
	if err != nil {
		d.t.Fatal(err)
	}
	return got
}

// rendered is a body as wanted.
func rendered(t *testing.T, wanted any, q *request) any {
	t.Helper()
	switch wanted := wanted.(type) {
	case map[string]any:
		object := map[string]any{}
		for name, value := range wanted {
			object[name] = rendered(t, value, q)
		}
		return object
	case []any:
		var array []any
		for _, element := range wanted {
			array = append(array, rendered(t, element, q))
		}
		return array
	case text:
		value, err := wanted.render(q)
		if err != nil {
			t.Fatal(err)
		}
		return value
	default:
		return wanted
	}
}
