package client

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
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

// wire is a request as it arrived at a server.
type wire struct {
	method, uri string // as on the request line
	header      http.Header
	body        string
	at          time.Time
}

func (w wire) String() string { return w.method + " " + w.uri }

// server is a directory below /prefix that keeps what it is asked, and what the
// client says about it.
type server struct {
	*httptest.Server
	dial func(ctx context.Context, network, address string) (net.Conn, error) // nil: loopback

	mu       sync.Mutex
	requests []wire
	said     bytes.Buffer // logs and errors
	observed map[string]int
}

// serve starts a server on the loopback interface. Whatever is asked outside of
// the prefix fails the test.
func serve(t testing.TB, h http.Handler) *server {
	t.Helper()
	s := &server{observed: map[string]int{}}
	s.Server = httptest.NewUnstartedServer(s.record(t, h))
	s.Config.ErrorLog = newSilentLog()
	s.Start()
	t.Cleanup(s.Close)
	return s
}

// bubble runs the test in a bubble of synctest, with a server in memory. When
// it ends, every goroutine of the client must have ended.
func bubble(t *testing.T, h func(t *testing.T) http.Handler, test func(t *testing.T, s *server)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s := &server{observed: map[string]int{}}
		l := &pipes{conns: make(chan net.Conn), closed: make(chan struct{})}
		s.dial = l.dial
		s.Server = httptest.NewUnstartedServer(s.record(t, h(t)))
		s.Config.ErrorLog = newSilentLog()
		s.Listener.Close()
		s.Listener = l
		s.Start()
		t.Cleanup(s.Close)
		test(t, s)
	})
}

// answering makes bubble's server from a handler that needs no test.
func answering(h http.Handler) func(*testing.T) http.Handler {
	return func(*testing.T) http.Handler { return h }
}

func (s *server) record(t testing.TB, h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		s.mu.Lock()
		s.requests = append(s.requests, wire{r.Method, r.RequestURI, r.Header.Clone(), string(body), time.Now()})
		s.mu.Unlock()
		if !strings.HasPrefix(r.RequestURI, "/prefix/") {
			t.Errorf("%s %s is outside of the configured URL", r.Method, r.RequestURI)
		}
		if h, ok := h.(routes); ok {
			h.serve(t, w, r)
			return
		}
		h.ServeHTTP(w, r)
	})
}

func (s *server) seen() []wire {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]wire(nil), s.requests...)
}

// lines are the requests so far, as METHOD URI without the prefix.
func (s *server) lines() string {
	var lines []string
	for _, w := range s.seen() {
		lines = append(lines, w.method+" "+strings.TrimPrefix(w.uri, "/prefix"))
	}
	return strings.Join(lines, "\n")
}

func (s *server) wantRequests(t testing.TB, lines ...string) {
	t.Helper()
	if got, want := s.lines(), strings.Join(lines, "\n"); got != want {
		t.Errorf("requests on the wire:\n%s\nwant:\n%s", got, want)
	}
}

// server is the client's observer and its log.
func (s *server) Request(operation string, code int, _ time.Duration) {
	s.count(fmt.Sprintf("%s %d", operation, code))
}

func (s *server) Retry(operation string) { s.count("retry " + operation) }

func (s *server) count(what string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.observed[what]++
}

func (s *server) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.said.Write(p)
}

// heard notes an error among what the client said.
func (s *server) heard(err error) {
	if err != nil {
		fmt.Fprintf(s, "%v %+v\n", err, err)
	}
}

func (s *server) logged() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.said.String()
}

// routes answer by METHOD URI without the prefix: with 200 and this text, with
// this code, with this handler, or with one after the other of several. What is
// not among them fails the test.
type routes map[string]any

type inTurn struct {
	mu      sync.Mutex
	answers []any
}

func turns(answers ...any) *inTurn { return &inTurn{answers: answers} }

func (rs routes) ServeHTTP(http.ResponseWriter, *http.Request) { panic("served by record") }

func (rs routes) serve(t testing.TB, w http.ResponseWriter, r *http.Request) {
	line := r.Method + " " + strings.TrimPrefix(r.RequestURI, "/prefix")
	answer, ok := rs[line]
	if in, several := answer.(*inTurn); several {
		in.mu.Lock()
		if ok = len(in.answers) > 0; ok {
			answer, in.answers = in.answers[0], in.answers[1:]
		}
		in.mu.Unlock()
	}
	if !ok {
		t.Errorf("unexpected request: %s", line)
		w.WriteHeader(http.StatusTeapot)
		return
	}
	switch a := answer.(type) {
	case string:
		io.WriteString(w, a)
	case int:
		w.WriteHeader(a)
	case func(http.ResponseWriter, *http.Request):
		a(w, r)
	default:
		panic(fmt.Sprintf("no answer: %T", a))
	}
}

// status answers with a code, a body and headers (name, value, …).
func status(code int, body string, headers ...string) func(http.ResponseWriter, *http.Request) {
	return func(w http.ResponseWriter, _ *http.Request) {
		for i := 0; i < len(headers); i += 2 {
			w.Header().Set(headers[i], headers[i+1])
		}
		w.WriteHeader(code)
		io.WriteString(w, body)
	}
}

// cut sends the beginning of a body and drops the connection.
func cut(body string) func(http.ResponseWriter, *http.Request) {
	return func(w http.ResponseWriter, _ *http.Request) {
		io.WriteString(w, body)
		w.(http.Flusher).Flush()
		panic(http.ErrAbortHandler)
	}
}

// hangUp drops the connection without an answer.
func hangUp(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }

// pipes is a listener in memory, so that a bubble's time stands still only
// while nothing is under way.
type pipes struct {
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error {
	p.once.Do(func() { close(p.closed) })
	return nil
}

func (p *pipes) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 7} }

func (p *pipes) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	ours, theirs := net.Pipe()
	select {
	case p.conns <- theirs:
		return ours, nil
	case <-p.closed:
		return nil, net.ErrClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

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

func TestSelf(t *testing.T) {
	for name, row := range map[string]struct{ profile, line, body, want string }{
		"itflex":         {"itflex", "GET /api/user/info", `{"id":7,"username":"root","email":"root@x"}`, "7 root root@x"},
		"itflex wrapped": {"itflex", "GET /api/user/info", `{"user":{"id":7,"username":"root"}}`, "7 root "},
		"redmine":        {"redmine", "GET /users/current.json", `{"user":{"id":1,"login":"admin","api_key":"x"}}`, "1 admin "},
		"no id":          {"redmine", "GET /users/current.json", `{"user":{"login":"admin"}}`, " admin "},
	} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, routes{row.line: row.body})
			u, err := connect(t, s, builtin(t, row.profile), readOnly).Self(t.Context())
			if got := u.ID + " " + u.Username + " " + u.Email; err != nil || got != row.want {
				t.Errorf("got %q, %v; want %q", got, err, row.want)
			}
		})
	}
	s := serve(t, routes{"GET /users/current.json": `{"user":{}}`})
	if _, err := connect(t, s, builtin(t, "redmine")).Self(t.Context()); err == nil {
		t.Error("an answer without a name is somebody")
	}
	if _, err := connect(t, s, builtin(t, "maestro")).Self(t.Context()); err != job.ErrUnsupported { //nolint:errorlint // as it is
		t.Errorf("maestro can't tell: %v", err)
	}
}

func TestUser(t *testing.T) {
	for name, row := range map[string]struct {
		profile, line string
		answer        any
		want          string
		err           error
	}{
		"itflex":         {"itflex", "GET /api/users/7", `{"id":7,"superuser":false,"username":"g"}`, "7 g absent", nil},
		"itflex wrapped": {"itflex", "GET /api/users/7", `{"user":{"id":7,"superuser":false,"username":"g"}}`, "7 g absent", nil},
		"redmine": {"redmine", "GET /users/7.json",
			`{"user":{"id":7,"login":"g","admin":false,"last_login_on":"2011-08-01T18:05:45Z"}}`, "7 g 2011-08-01T18:05:45Z", nil},
		"redmine, admin flag not shown": {"redmine", "GET /users/7.json",
			`{"user":{"id":7,"login":"g","last_login_on":"2011-08-01T18:05:45Z"}}`, "7 g hidden", nil},
		"404": {"redmine", "GET /users/7.json", 404, "", job.ErrNotFound},
		"410": {"redmine", "GET /users/7.json", 410, "", job.ErrNotFound},
		"401": {"redmine", "GET /users/7.json", 401, "", job.ErrSignedOut},
		"403": {"redmine", "GET /users/7.json", 403, "", job.ErrCredentials},
	} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, routes{row.line: row.answer})
			u, err := connect(t, s, builtin(t, row.profile), readOnly).User(t.Context(), job.User{ID: "7"})
			if row.err != nil {
				if s.heard(err); !errors.Is(err, row.err) {
					t.Errorf("error %v, want %v", err, row.err)
				}
			} else if got := u.ID + " " + u.Username + " " + u.LastLogin.String(); err != nil || got != row.want {
				t.Errorf("got %q, %v; want %q", got, err, row.want)
			}
			s.wantRequests(t, row.line)
		})
	}
	for _, body := range []string{``, `null`, `{}`, `[]`, `{"user":null}`, `{"user":5}`, `{"user":{}}`, `<html>`, `{"user":{"id":7}}x`,
		`{"user":{"id":7,"id":8}}`, `{"user":{"id":true}}`, `{"user":{"id":7.5}}`, `{"user":{"id":{}}}`, `{"user":[{"id":7}]}`,
		`{"user":{"id":7,"admin":"yes"}}`, `{"user":{"id":7,"login":"` + strings.Repeat("x", maxBody) + `"}}`} {
		s := serve(t, routes{"GET /users/7.json": body})
		if u, err := connect(t, s, builtin(t, "redmine")).User(t.Context(), job.User{ID: "7"}); err == nil {
			t.Errorf("%.60q is the account %v", body, u)
		}
	}
	s := serve(t, routes{})
	if _, err := connect(t, s, builtin(t, "maestro")).User(t.Context(), job.User{ID: "7"}); err != job.ErrUnsupported { //nolint:errorlint // as it is
		t.Errorf("maestro can't read one: %v", err)
	}
}

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

// TestClose: a daemon makes a client for each run, so what a client leaves open
// adds up.
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

// TestURLWithEscapes is a base path that would change if it were decoded.
func TestURLWithEscapes(t *testing.T) {
	s := serve(t, routes{"GET /a%2Fb/users": `{"users":[]}`, "DELETE /a%2Fb/users/1%2F2": 204})
	c := connect(t, s, builtin(t, "maestro"), func(o *Options) { o.URL = must(url.Parse(s.URL + "/prefix/a%2Fb")) })
	if _, err := all(t, s, c); err != nil {
		t.Error(err)
	}
	if err := c.Remove(t.Context(), job.User{ID: "1/2"}, agree); err != nil {
		t.Error(err)
	}
}

func newSilentLog() *log.Logger { return log.New(io.Discard, "", 0) }

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
