package profiles_test

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"dormant/client"
	"dormant/client/profile"
	"dormant/client/sandbox"
	"dormant/job"
)

// The network in memory: the last address given out, and the listener of each address.
var (
	addresses atomic.Uint32
	listeners sync.Map // *listener by address
)

// inMemory makes the default transport dial the network in memory. A goroutine that waits
// for it is durably blocked, so that the clock of a testing/synctest bubble can advance.
var inMemory = sync.OnceFunc(func() {
	transport := http.DefaultTransport.(*http.Transport) //nolint:forcetypeassert // the tests need this type
	transport.Proxy = nil
	dial := transport.DialContext
	transport.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
		if l, ok := listeners.Load(address); ok {
			return l.(*listener).dial(ctx)
		}
		return dial(ctx, network, address)
	}
})

// listener is the listener of one server in the network in memory.
type listener struct {
	address string
	dialled chan net.Conn
	closed  chan struct{}
	close   func()
}

func listen(address string) *listener {
	l := &listener{address: address, dialled: make(chan net.Conn), closed: make(chan struct{})}
	l.close = sync.OnceFunc(func() { close(l.closed) })
	listeners.Store(l.address, l)
	return l
}

func (l *listener) dial(ctx context.Context) (net.Conn, error) {
	client, server := net.Pipe()
	select {
	case l.dialled <- server:
		return client, nil
	case <-l.closed:
		return nil, net.ErrClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (l *listener) Accept() (net.Conn, error) {
	select {
	case c := <-l.dialled:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l *listener) Close() error {
	l.close()
	listeners.Delete(l.address)
	return nil
}

func (l *listener) Addr() net.Addr { return &net.TCPAddr{} }

// serveAt starts a server for the handler at a new address, and returns its URL.
func serveAt(t *testing.T, h http.Handler) (url string) {
	t.Helper()
	n := addresses.Add(1)
	l := listen(fmt.Sprintf("127.1.%d.%d:80", n>>8&0xff, n&0xff))
	server := &http.Server{Handler: h, ReadHeaderTimeout: time.Minute}
	go server.Serve(l) //nolint:errcheck // returns only that it was closed
	t.Cleanup(func() { server.Close() })
	return "http://" + strings.TrimSuffix(l.address, ":80")
}

// directory is a sandbox that is being served, and records the requests that reach it.
type directory struct {
	*sandbox.Server
	url     string
	before  func(w http.ResponseWriter, r *http.Request) (handled bool)
	answers answers // called for one request at a time

	answering sync.Mutex

	mu       sync.Mutex
	requests []string // as METHOD PATH BODY
	times    []time.Time
}

// serve starts the directory of the system, with accounts whose times are relative to now.
func (s system) serve(t *testing.T, name string, now time.Time, change func(*sandbox.Options)) *directory {
	t.Helper()
	o := sandbox.Options{System: name, PublicKey: &key().PublicKey}
	if !stepsBySize(builtin(t, name)) {
		o.PageLimit = 3
	}
	for _, a := range s.all() {
		o.Users = append(o.Users, a.user(now))
	}
	for _, change := range []func(*sandbox.Options){s.options, change} {
		if change != nil {
			change(&o)
		}
	}
	d := &directory{answers: s.answers}
	var err error
	if d.Server, err = sandbox.New(o); err != nil {
		t.Fatal(err)
	}
	d.url = serveAt(t, d)
	return d
}

// stepsBySize reports whether the profile advances its offset by the requested size of a
// page, so that a directory that returns fewer items would lose some.
func stepsBySize(p *profile.Profile) bool {
	listings := []profile.Listing{p.List}
	for _, source := range p.Activity {
		listings = append(listings, source.Listing)
	}
	return slices.ContainsFunc(listings, func(l profile.Listing) bool { return l.Offset != nil && l.Offset.Step == "size" })
}

func (d *directory) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	r.Body = io.NopCloser(bytes.NewReader(body))
	d.mu.Lock()
	d.requests = append(d.requests, strings.TrimSpace(r.Method+" "+r.URL.RequestURI()+" "+string(body)))
	d.times = append(d.times, time.Now())
	d.mu.Unlock()
	switch {
	case d.before != nil && d.before(w, r):
		return
	case d.answers == nil:
		d.Server.ServeHTTP(w, r)
		return
	}
	answer := httptest.NewRecorder()
	d.Server.ServeHTTP(answer, r)
	status := answer.Code
	d.answering.Lock()
	changed := d.answers(r, &status, answer.Header(), answer.Body.Bytes())
	d.answering.Unlock()
	maps.Copy(w.Header(), answer.Header())
	w.Header().Del("Content-Length")
	w.WriteHeader(status)
	if status != http.StatusNoContent {
		_, _ = w.Write(changed)
	}
}

// said returns all requests so far, except those to sign in.
func (d *directory) said() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(d.requests), isSignIn)
}

func isSignIn(line string) bool {
	path, _, _ := strings.Cut(strings.TrimPrefix(line, "POST "), " ")
	return strings.HasPrefix(line, "POST ") && strings.HasSuffix(path, "/token")
}

// sent returns the requests so far that neither read nor sign in, sorted.
func (d *directory) sent(p *profile.Profile) []string {
	lines := slices.DeleteFunc(d.said(), func(line string) bool {
		path, _, _ := strings.Cut(strings.TrimPrefix(line, "POST "), " ")
		harmless := path == string(p.List.Path)
		for _, s := range p.Activity {
			harmless = harmless || path == string(s.Path)
		}
		return strings.HasPrefix(line, "GET ") || strings.HasPrefix(line, "POST ") && harmless
	})
	slices.Sort(lines)
	return lines
}

// names returns the usernames that the accounts with the ids had before, sorted.
func (d *directory) names(t *testing.T, before []sandbox.User, ids []string) []string {
	t.Helper()
	var names []string
	for _, id := range ids {
		i := slices.IndexFunc(before, func(u sandbox.User) bool { return u.ID == id })
		if i < 0 {
			t.Fatalf("no account had the id %q", id)
		}
		names = append(names, before[i].Username)
	}
	slices.Sort(names)
	return names
}

// changes returns the requests that the templates make of each named account, sorted. The
// templates have the placeholders of written.
func changes(accounts []sandbox.User, names, templates []string) []string {
	lines := []string{}
	for _, u := range accounts {
		if slices.Contains(names, u.Username) {
			lines = append(lines, written(u, templates)...)
		}
	}
	slices.Sort(lines)
	return lines
}

// written replaces {id}, {username} and {email} in the templates by those of the account;
// {id?} and {username?} are escaped for a query, and {id:} is not escaped at all.
func written(u sandbox.User, templates []string) []string {
	var lines []string
	for _, t := range templates {
		lines = append(lines, strings.NewReplacer("{id}", url.PathEscape(u.ID), "{username}", u.Username, "{email}", u.Email,
			"{username?}", url.QueryEscape(u.Username), "{id?}", url.QueryEscape(u.ID), "{id:}", u.ID).Replace(t))
	}
	return lines
}

// key is the private key that signs assertions.
var key = sync.OnceValue(func() *rsa.PrivateKey {
	k, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return k
})

func keyPEM() profile.Secret {
	return profile.Secret(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key())}))
}

func builtin(t *testing.T, name string) *profile.Profile {
	t.Helper()
	p, err := profile.Load(name)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// connect returns a client of the profile for the directory.
func (s system) connect(t *testing.T, name string, d *directory, dryRun bool, change func(*client.Options)) *client.Client {
	t.Helper()
	base, err := url.Parse(d.url + s.base)
	if err != nil {
		t.Fatal(err)
	}
	p := builtin(t, name)
	o := client.Options{
		Profile: p, URL: base, Values: profile.Values{Token: sandbox.DefaultToken}, ReadOnly: dryRun,
		Timeout: 30 * time.Second, Connections: 4, UserAgent: "dormant/test", Observer: nobody{}, Log: zerolog.Nop(),
	}
	if s.values != nil {
		s.values(&o.Values, d.url)
	}
	switch {
	case p.List.Size == nil:
	case stepsBySize(p):
		o.PageSize = 3
	default:
		o.PageSize = 4 // the directory returns at most 3
	}
	if change != nil {
		change(&o)
	}
	c, err := client.New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// nobody is an observer that does nothing.
type nobody struct{}

func (nobody) Request(string, int, time.Duration) {}

func (nobody) Retry(string) {}

func (s system) cleanup(t *testing.T, c job.Directory, d *directory, dryRun bool) *job.Cleanup {
	t.Helper()
	listed, err := job.ParseEntries([]string{"listed@example.com"})
	if err != nil {
		t.Fatal(err)
	}
	run := &job.Cleanup{
		RunID: "test", Command: "run", Directory: c, DryRun: dryRun, Recheck: true, Concurrency: 4, MaxFailures: 100,
		Policy: job.Policy{
			InactiveFor: 90 * day, NeverLoggedIn: cmp.Or(s.never, job.NeverRemove), Allowlist: job.NewEntries(listed...), ProtectAdmins: true, ProtectServiceAccounts: true,
		},
		Limits: job.Limits{MaxRemovals: 100, MaxRemovalPercent: 100, RequireActive: true, MaxSilence: 14 * 24 * time.Hour},
		Log:    zerolog.Nop(),
	}
	if s.protect != "" {
		roles, err := job.ParseRoles([]string{s.protect})
		if err != nil {
			t.Fatal(err)
		}
		run.Policy.ProtectRoles = job.NewEntries(roles...)
	}
	v := profile.Values{}
	if s.values != nil {
		s.values(&v, d.url)
	}
	run.Policy.Actor, run.Policy.Username = job.ExactNames(v.Actor), job.ExactNames(v.Username)
	if s.logins {
		var file strings.Builder
		file.WriteString("username,last_login\nelsewhere," + time.Now().UTC().Format(time.RFC3339Nano) + "\n") // up to now
		for _, u := range d.Users() {
			if !u.LastLogin.IsZero() {
				file.WriteString(u.Username + "," + u.LastLogin.Format(time.RFC3339) + "\n")
			}
		}
		if run.Activity, err = job.ReadActivity(strings.NewReader(file.String()), time.Now()); err != nil {
			t.Fatal(err)
		}
	}
	return run
}

func equal(t *testing.T, what string, got, want []string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s:\n\t%s\nwant:\n\t%s", what, strings.Join(got, "\n\t"), strings.Join(want, "\n\t"))
	}
}

// results returns the results of the candidates, as NAME RESULT, sorted.
func (d *directory) results(t *testing.T, before []sandbox.User, r job.Report) []string {
	t.Helper()
	var lines []string
	for _, a := range r.Accounts.All() {
		lines = append(lines, d.names(t, before, []string{a.ID})[0]+" "+string(a.Result))
	}
	slices.Sort(lines)
	return lines
}

// explained logs the report if the test has failed.
func explained(t *testing.T, r job.Report) {
	t.Helper()
	if t.Failed() {
		t.Logf("outcome %s, %+v, %s", r.Outcome, r.Counts, r.Error)
		for _, a := range r.Accounts.All() {
			t.Logf("%s: %s %s %s", a.Username, a.Result, a.Reason, a.Error)
		}
	}
}
