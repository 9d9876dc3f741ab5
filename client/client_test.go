package client

import (
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"

	"dormant/client/profile"
	"dormant/job"
)

// The credentials of the tests. None of them may be seen in a log or an error.
const (
	token        = "tok-SECRET-4711"
	password     = `pass"word\SECRET`
	refreshToken = "refresh/SECRET+1"
)

// connect makes a client of the server. When the test ends, it may have shown
// no credentials.
func connect(t testing.TB, s *server, p *profile.Profile, changes ...func(*Options)) *Client {
	t.Helper()
	u, err := url.Parse(s.URL + "/prefix")
	if err != nil {
		t.Fatal(err)
	}
	o := Options{
		Profile: p, URL: u, Values: profile.Values{Token: token}, Timeout: 30 * time.Second, MaxRetries: 5,
		Connections: 4, UserAgent: "dormant/test", Observer: s, Log: zerolog.New(s),
	}
	if p.SendsActor() {
		o.Values.Actor = "cleaner@acme.test"
	}
	for _, change := range changes {
		change(&o)
	}
	c, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	if s.dial != nil {
		c.wire().DialContext = s.dial
	}
	t.Cleanup(func() {
		c.Close()
		for _, secret := range append(secretsOf(o.Values), token, password, refreshToken, "SECRET") {
			if strings.Contains(s.logged(), secret) {
				t.Errorf("the log or an error shows %q:\n%s", secret, s.logged())
			}
		}
	})
	return c
}

// secretsOf are the credentials as they may show: of a key, each of its lines.
func secretsOf(v profile.Values) []string {
	basic := base64.StdEncoding.EncodeToString([]byte(v.Username + ":" + string(v.Password)))
	secrets := strings.FieldsFunc(string(v.Token)+"\n"+string(v.Password)+"\n"+string(v.ClientSecret)+"\n"+basic,
		func(r rune) bool { return strings.ContainsRune("\n\"\\", r) })
	return slices.DeleteFunc(secrets, func(s string) bool { return len(s) < 10 || strings.Contains(s, "PRIVATE KEY") })
}

// wire is what is behind the gate.
func (c *Client) wire() *http.Transport { return c.http.Transport.(*gate).next }

func retries(n int) func(*Options) { return func(o *Options) { o.MaxRetries = n } }
func readOnly(o *Options)          { o.ReadOnly = true }
func signsInMaestro(o *Options) {
	o.Values = profile.Values{Username: "ana", Password: password, Actor: "cleaner@acme.test"}
}
func signsInITFlex(o *Options) { o.Values = profile.Values{ClientSecret: refreshToken} }

const smallest = `headers: {Authorization: "{token}"}
list: {path: /users, items: users}
user: {id: id}
remove: {path: "/users/{id}"}
`

func builtin(t testing.TB, name string) *profile.Profile {
	t.Helper()
	p, err := profile.Load(name)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// load reads a profile from its YAML.
func load(t testing.TB, source string) *profile.Profile {
	t.Helper()
	p, err := loadText(t, source)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func loadText(t testing.TB, source string) (*profile.Profile, error) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "own.yaml")
	if err := os.WriteFile(file, []byte(source), 0o600); err != nil {
		t.Fatal(err)
	}
	return profile.Load(file)
}

// all reads the listing. An error must be the last thing that comes.
func all(t testing.TB, s *server, c *Client) ([]job.User, error) {
	t.Helper()
	var users []job.User
	var failed error
	for u, err := range c.Users(t.Context()) {
		if failed != nil {
			t.Fatalf("%v comes after the error %v", u, failed)
		}
		if err != nil {
			s.heard(err)
			failed = err
			continue
		}
		users = append(users, u)
	}
	return users, failed
}

func ids(users []job.User) string {
	var ids []string
	for _, u := range users {
		ids = append(ids, u.ID)
	}
	return strings.Join(ids, " ")
}

// people is a page with accounts from first to last and whatever is behind them.
func people(first, last int, behind string) string {
	var items []string
	for id := first; id <= last; id++ {
		items = append(items, `{"id":`+strconv.Itoa(id)+`}`)
	}
	return `{"users":[` + strings.Join(items, ",") + `]` + behind + `}`
}

func wantError(t testing.TB, err error, parts ...string) {
	t.Helper()
	if err == nil {
		t.Errorf("no error; want one with %q", parts)
		return
	}
	for _, part := range parts {
		if !strings.Contains(job.Describe(err), part) {
			t.Errorf("error %q does not say %q", err, part)
		}
	}
}

// --- the operations that read one account ---

func TestNew(t *testing.T) {
	u := &url.URL{Scheme: "http", Host: "127.0.0.1"}
	good := Options{Profile: builtin(t, "redmine"), URL: u, Values: profile.Values{Token: token}, Timeout: time.Second}
	if _, err := New(good); err != nil {
		t.Error(err)
	}
	for name, change := range map[string]func(*Options){
		"no time-out":           func(o *Options) { o.Timeout = 0 },
		"negative retries":      func(o *Options) { o.MaxRetries = -1 },
		"negative rate":         func(o *Options) { o.RateLimit = -1 },
		"negative size":         func(o *Options) { o.PageSize = -1 },
		"no token":              func(o *Options) { o.Values.Token = "" },
		"a token and a newline": func(o *Options) { o.Values.Token = "a\r\nX-Evil: 1" },
	} {
		o := good
		change(&o)
		if _, err := New(o); err == nil {
			t.Errorf("%s is accepted", name)
		}
	}
}

// TestClose: a daemon makes a client for each run, so connections that a client leaves
// open would add up.
func TestClose(t *testing.T) {
	bubble(t, answering(routes{"GET /users": people(1, 1, "")}), func(t *testing.T, s *server) {
		c := connect(t, s, pagedProfile(t, ""))
		conns := 0
		c.wire().DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
			conns++
			return s.dial(ctx, network, address)
		}
		for want := range 3 {
			for range 2 { // the second time over the same connection
				if _, err := all(t, s, c); err != nil || conns != want+1 {
					t.Errorf("%d connections, want %d; %v", conns, want+1, err)
				}
				synctest.Wait()
			}
			c.Close()
		}
	})
}

// TestURLWithEscapes: a base path keeps its escapes.
func TestURLWithEscapes(t *testing.T) {
	s := serve(t, routes{"GET /a%2Fb/users": `{"users":[]}`, "DELETE /a%2Fb/users/1%7C2": 204})
	c := connect(t, s, builtin(t, "maestro"), func(o *Options) { o.URL = must(url.Parse(s.URL + "/prefix/a%2Fb")) })
	if _, err := all(t, s, c); err != nil {
		t.Error(err)
	}
	if err := c.Remove(t.Context(), job.User{ID: "1|2"}, agree); err != nil {
		t.Error(err)
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func agree(context.Context, func(job.User) error) error { return nil }

// TestConcurrentUse is for the race detector.
func TestConcurrentUse(t *testing.T) {
	s := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch strings.TrimPrefix(r.URL.Path, "/prefix") {
		case "/api/audit/logs":
			io.WriteString(w, `{"cursor":{"next":null},"action_logs":[{"consumer_id":"user:1","datetime":"2024-01-01T00:00:00Z"}]}`)
		case "/api/users":
			io.WriteString(w, people(1, 5, `,"cursor":{"next":null}`))
		case "/api/v1/oauth2/token":
			io.WriteString(w, `{"access_token":"fresh","expires_in":900}`)
		default:
			io.WriteString(w, `{"id":1,"superuser":false}`)
		}
	}))
	c := connect(t, s, builtin(t, "itflex"), signsInITFlex)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for _, err := range c.Users(t.Context()) {
				if err != nil {
					t.Error(err)
				}
			}
		})
		wg.Go(func() {
			if _, err := c.User(t.Context(), job.User{ID: "1"}); err != nil {
				t.Error(err)
			}
		})
		wg.Go(func() {
			if err := c.Remove(t.Context(), job.User{ID: "1"}, agree); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
}

// pagedProfile is a profile for tests of paging.
func pagedProfile(t testing.TB, paging string) *profile.Profile {
	t.Helper()
	return load(t, "headers: {Authorization: \"{token}\"}\nlist: {path: /users, items: users"+paging+"}\n"+
		"user: {id: id, username: name, last_login: {path: last}, optional: [username, last_login]}\nremove: {path: \"/users/{id}\"}\n")
}

// sketch is a profile of which only that is written out which a test is about:
// what follows in the listing and in the accounts, and more keys.
func sketch(t testing.TB, listing, user, more string) *profile.Profile {
	t.Helper()
	p, err := sketchText(t, listing, user, more)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func sketchText(t testing.TB, listing, user, more string) (*profile.Profile, error) {
	t.Helper()
	var source strings.Builder
	fmt.Fprintf(&source, "list: {path: /users, items: users%s}\nuser: {id: id%s}\n", listing, user)
	for key, value := range map[string]string{"headers": `{Authorization: "{token}"}`, "remove": `{path: "/users/{id}"}`} {
		if !strings.Contains("\n"+more, "\n"+key+":") {
			fmt.Fprintf(&source, "%s: %s\n", key, value)
		}
	}
	return loadText(t, source.String()+more)
}

// connections is how many requests may be under way at once.
func connections(n int) func(*Options) { return func(o *Options) { o.Connections = n } }

// sorted is a text with its lines in order.
func sorted(lines string) string {
	return strings.Join(slices.Sorted(strings.SplitSeq(lines, "\n")), "\n")
}

func TestZones(t *testing.T) {
	p := sketch(t, "", `, created: {path: made, zone: "{zone}"}`, "params: {zone: UTC}\n")
	for zone, ok := range map[string]bool{"": true, "UTC": true, "Europe/Berlin": true, "Nowhere": false, "../../etc/passwd": false, "europe berlin": false} {
		_, err := New(Options{Profile: p, URL: &url.URL{Scheme: "http", Host: "127.0.0.1"}, Timeout: time.Second, Values: profile.Values{Token: token, Params: map[string]string{"zone": zone}}})
		if (err == nil) != ok {
			t.Errorf("%q: %v", zone, err)
		}
		if !ok {
			wantError(t, err, "own.yaml", "line 2: user")
		}
	}
}
