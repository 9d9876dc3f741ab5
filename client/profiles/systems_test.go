package profiles_test

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
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
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"

	"dormant/client"
	"dormant/client/profile"
	"dormant/client/sandbox"
	"dormant/job"
)

// system is a built-in profile, and what it does with a directory that looks as
// the system's documentation says. The directory is the sandbox's of the same name.
type system struct {
	base   string // what stands behind the host in DORMANT_URL
	values func(v *profile.Values, url string)
	signIn func(v *profile.Values, url string) // instead of the token; nil: there is none

	every    trait             // of the accounts that every directory has
	accounts []account         // besides those
	want     map[string]string // decisions about those that every directory has, where they are not as in usual
	kept     []string          // who of those is kept only by the second look
	logins   bool              // last logins come from a file, as the system has none
	protect  string            // a pattern of protected roles
	never    job.NeverPolicy   // remove unless given
	options  func(*sandbox.Options)
	answers  answers // what the directory answers otherwise

	enters  string            // the request that signs in; * stands for anything
	asks    []string          // what is read, in order, to list accounts and to look at one again
	headers map[string]string // of every request with the token
	remove  []string          // what is sent for each candidate
	disable []string          // the same; nil: it can't
	extras  map[string]extra

	twice         string            // what a second removal is: gone unless given, or removed, failed
	disabledTwice string            // what a second disabling is: disabled unless given, or failed
	disabledGone  string            // what disabling somebody who is gone is: gone unless given, or failed
	meanwhile     map[string]string // what becomes of a removal if that happens before it, where it is not as in events

	most   int  // accounts on a page; 0: any number
	limit  int  // of accounts that are listed at all; 0: none
	counts bool // it says how many accounts there are

	only    []string // the scenes that are of interest: all unless given
	open    bool     // it asks for no credentials
	weak    string   // the outcome for a caller who is no administrator: failed for lack of rights unless given; or a status
	blind   string   // the outcome for a caller who sees nobody else; not tried unless given
	tooMany int      // the status if requests come too fast: 429 unless given
	vague   bool     // and it does not say then how long to wait
}

// account is one that the directory has, what is decided about it, and what
// becomes of it.
type account struct {
	name                   string
	login, action, created time.Duration // ago; 0: never, never, long ago
	is                     trait
	want                   string

	removal   string // of a candidate: removed unless given, or failed, kept
	disabling string // disabled unless given, or failed, kept
	sends     string // to be disabled, if it is not as for the others
}

// trait is something that an account has.
type trait func(u *sandbox.User, now time.Time)

// extra is what a destructive extra does if it is turned on.
type extra struct {
	remove  []string // what is sent for each candidate
	removes []string // who is removed then, and is not otherwise
	refused bool     // by this directory
}

// answers changes what the directory answers.
type answers func(r *http.Request, status *int, header http.Header, body []byte) []byte

// usual are the accounts that every directory has, and what is decided about
// them where the system tells all that there is to tell.
var usual = []account{
	{name: "caller", login: time.Hour, is: admin, want: "keep self"},
	{name: "busy", login: 10 * day, want: "keep active"},
	{name: "edge", login: 90 * day, want: "keep active"},
	{name: "past", login: 90*day + time.Second, want: "remove inactive"},
	{name: "gone", login: 400 * day, want: "remove inactive"},
	{name: "unused", created: 200 * day, want: "remove never_logged_in"},
	{name: "fresh", created: 10 * day, want: "keep never_logged_in"},
	{name: "boss", login: 400 * day, is: admin, want: "keep admin"},
	{name: "robot", login: 400 * day, is: bot, want: "keep service_account"},
	{name: "locked", login: 400 * day, is: blocked, want: "remove inactive"},
	{name: "listed", login: 400 * day, want: "keep allowlisted"}, // by the address
}

func (a account) user(now time.Time) sandbox.User {
	ago := func(d time.Duration) time.Time {
		if d <= 0 {
			return time.Time{}
		}
		return now.Add(-d)
	}
	u := sandbox.User{
		Username: a.name, FirstName: "F", LastName: strings.ToUpper(a.name), Email: a.name + "@example.com",
		Created: ago(cmp.Or(a.created, 2000*day)), LastLogin: ago(a.login), LastAction: ago(a.action),
	}
	if a.is != nil {
		a.is(&u, now)
	}
	return u
}

// all are the system's accounts, with the decisions as they are there.
func (s system) all() []account {
	all := slices.Clone(usual)
	for i, a := range all {
		all[i].want = cmp.Or(s.want[a.name], a.want)
		if s.every != nil {
			all[i].is = both(a.is, s.every)
		}
		if slices.Contains(s.kept, a.name) {
			all[i].removal, all[i].disabling = "kept", "kept"
		}
	}
	return append(all, s.accounts...)
}

// those are the names of the accounts of which that is so, sorted.
func (s system) those(is func(account) bool) []string {
	var names []string
	for _, a := range s.all() {
		if is(a) {
			names = append(names, a.name)
		}
	}
	slices.Sort(names)
	return names
}

func (a account) isCandidate() bool { return strings.HasPrefix(a.want, "remove") }
func (a account) isRemoved() bool   { return a.isCandidate() && a.removal == "" }
func (a account) isSent() bool      { return a.isCandidate() && a.removal != "kept" }

// An address of the network in memory is one of these. Nothing else listens there.
var (
	addresses atomic.Uint32
	listeners sync.Map // by address
)

// inMemory lets every client reach the network in memory, in which nobody waits
// for anything but each other: the time of a bubble of testing/synctest can pass.
var inMemory = sync.OnceFunc(func() {
	transport := http.DefaultTransport.(*http.Transport) //nolint:forcetypeassert // it is one, or all this is pointless
	transport.Proxy = nil
	dial := transport.DialContext
	transport.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
		if l, ok := listeners.Load(address); ok {
			return l.(*listener).dial(ctx)
		}
		return dial(ctx, network, address)
	}
})

// listener is a server's end of the network in memory.
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

// serveAt serves what the handler says at an address of its own.
func serveAt(t *testing.T, h http.Handler) (url string) {
	t.Helper()
	n := addresses.Add(1)
	l := listen(fmt.Sprintf("127.1.%d.%d:80", n>>8&0xff, n&0xff))
	server := &http.Server{Handler: h, ReadHeaderTimeout: time.Minute}
	go server.Serve(l) //nolint:errcheck // that it was closed
	t.Cleanup(func() { server.Close() })
	return "http://" + strings.TrimSuffix(l.address, ":80")
}

// directory is a sandbox that is being served, with what reached it.
type directory struct {
	*sandbox.Server
	url     string
	before  func(w http.ResponseWriter, r *http.Request) (handled bool)
	answers answers

	mu       sync.Mutex
	requests []string // as METHOD PATH BODY
	times    []time.Time
}

// serve starts the system's directory, as it is at that time.
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

// stepsBySize reports whether the profile relies on the directory's sending no
// less than is asked for.
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
	changed := d.answers(r, &status, answer.Header(), answer.Body.Bytes())
	maps.Copy(w.Header(), answer.Header())
	w.Header().Del("Content-Length")
	w.WriteHeader(status)
	if status != http.StatusNoContent {
		_, _ = w.Write(changed)
	}
}

// said are all requests so far, but for signing in.
func (d *directory) said() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(d.requests), isSignIn)
}

func isSignIn(line string) bool {
	path, _, _ := strings.Cut(strings.TrimPrefix(line, "POST "), " ")
	return strings.HasPrefix(line, "POST ") && strings.HasSuffix(path, "/token")
}

// sent are the requests so far that are neither readings nor sign-ins, sorted.
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

// names are the usernames that the ids had, sorted.
func (d *directory) names(t *testing.T, before []sandbox.User, ids []string) []string {
	t.Helper()
	var names []string
	for _, id := range ids {
		i := slices.IndexFunc(before, func(u sandbox.User) bool { return u.ID == id })
		if i < 0 {
			t.Fatalf("there was no %q", id)
		}
		names = append(names, before[i].Username)
	}
	slices.Sort(names)
	return names
}

// changes are the requests about those of the accounts: templates with {id},
// {username} and {email}.
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

func written(u sandbox.User, templates []string) []string {
	var lines []string
	for _, t := range templates {
		lines = append(lines, strings.NewReplacer("{id}", url.PathEscape(u.ID), "{username}", u.Username, "{email}", u.Email,
			"{username?}", url.QueryEscape(u.Username), "{id?}", url.QueryEscape(u.ID), "{id:}", u.ID).Replace(t))
	}
	return lines
}

// key signs assertions.
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

// connect makes a client of the profile for the directory.
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
		o.PageSize = 4 // of which 3 are given
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

// nobody observes.
type nobody struct{}

func (nobody) Request(string, int, time.Duration) {}
func (nobody) Retry(string)                       {}

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
		Limits: job.Limits{MaxRemovals: 100, MaxRemovalPercent: 100, RequireActive: true},
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
		file.WriteString("username,last_login\n")
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

// results are what became of the candidates, by username, as NAME RESULT, sorted.
func (d *directory) results(t *testing.T, before []sandbox.User, r job.Report) []string {
	t.Helper()
	var lines []string
	for _, a := range r.Accounts {
		lines = append(lines, d.names(t, before, []string{a.ID})[0]+" "+string(a.Result))
	}
	slices.Sort(lines)
	return lines
}

// explained shows a report when a test has failed.
func explained(t *testing.T, r job.Report) {
	t.Helper()
	if t.Failed() {
		t.Logf("outcome %s, %+v, %s", r.Outcome, r.Counts, r.Error)
		for _, a := range r.Accounts {
			t.Logf("%s: %s %s %s", a.Username, a.Result, a.Reason, a.Error)
		}
	}
}

// noon is when all of it happens.
var noon = time.Date(2026, 3, 18, 12, 34, 56, 0, time.UTC)

// scenes are what each system goes through.
var scenes = []struct {
	name string
	play func(s system, t *testing.T, name string, now time.Time)
}{
	{"decides", system.listing},
	{"asks", system.asking},
	{"removes", system.removing},
	{"removes with extras", system.removingMore},
	{"removes twice", system.removingTwice},
	{"disables", system.disabling},
	{"disables twice", system.disablingTwice},
	{"much happens meanwhile", system.muchHappens},
	{"rights are lost meanwhile", system.rightsAreLost},
	{"signs in", system.signingIn},
	{"signs in elsewhere", system.signingInElsewhere},
	{"forbidden", system.forbidden},
	{"nobody to be seen", system.seeingNobody},
	{"no last login to be seen", system.seeingNoLogins},
	{"no entry to be seen", system.seeingNoEntries},
	{"too fast", system.tooFast},
	{"page sizes", system.pageSizes},
	{"the limit", system.limited},
	{"a page is elsewhere", system.pageElsewhere},
	{"somebody is missing", system.losing},
	{"somebody leaves between two pages", system.leavingBetweenPages},
}

func TestSystems(t *testing.T) {
	inMemory()
	for _, name := range profile.Names() {
		if _, ok := systems[name]; !ok {
			t.Errorf("%s: there is no row for it", name)
		}
	}
	for _, variant := range slices.Sorted(maps.Keys(systems)) {
		s := systems[variant]
		name, _, _ := strings.Cut(variant, ", ")
		t.Run(variant, func(t *testing.T) {
			t.Parallel()
			for _, scene := range scenes {
				if s.only == nil || slices.Contains(s.only, scene.name) {
					play(t, scene.name, func(t *testing.T, now time.Time) { scene.play(s, t, name, now) })
				}
			}
			for _, what := range slices.Sorted(maps.Keys(scenesOf[variant])) {
				play(t, what, func(t *testing.T, now time.Time) { scenesOf[variant][what](s, t, now) })
			}
		})
	}
}

// play lets something happen at noon.
func play(t *testing.T, name string, scene func(t *testing.T, now time.Time)) {
	t.Helper()
	t.Run(name, func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			<-time.After(time.Until(noon))
			scene(t, time.Now().UTC())
		})
	})
}

// listing: every account is read, page by page, and judged; and nothing else is listed.
func (s system) listing(t *testing.T, name string, now time.Time) {
	d := s.serve(t, name, now, nil)
	c := s.connect(t, name, d, true, nil)
	run := s.cleanup(t, c, d, true)
	if _, err := run.FindSelf(t.Context()); err != nil && !errors.Is(err, job.ErrUnsupported) {
		t.Fatal(err)
	}
	got := map[string]string{}
	for u, err := range run.Detailed(t.Context(), c.Users(t.Context()), now) {
		if err != nil {
			t.Fatal(err)
		}
		u, decision := run.Decide(u, now)
		known, ok := d.User(u.ID)
		if !ok {
			known.Username = u.Username // the answer was changed
		}
		got[known.Username] += string(decision.Action) + " " + string(decision.Reason)
	}
	for _, a := range s.all() {
		if found := cmp.Or(got[a.name], "not listed"); found != a.want {
			t.Errorf("%s: %s, want %s", a.name, found, a.want)
		}
		delete(got, a.name)
	}
	for username, decision := range got {
		t.Errorf("nobody knows of %s: %s", username, decision)
	}
	p := builtin(t, name)
	equal(t, "sent in spite of a dry run", d.sent(p), nil)
	for _, f := range c.FieldCounts().Fields {
		if f.Accounts == 0 && !f.Optional && !slices.ContainsFunc(p.Get, func(g profile.Lookup) bool { return g.Details }) {
			t.Errorf("no account has %s at %s", f.Field, f.Paths)
		}
	}
	// Whoever is active by the listing is not read alone.
	busy, _ := d.Find("busy")
	for _, line := range d.said() {
		path, query, _ := strings.Cut(strings.Fields(line)[1], "?")
		alone := slices.ContainsFunc(strings.Split(path, "/"), func(segment string) bool { return segment == url.PathEscape(busy.ID) || segment == busy.Username })
		if s.want["busy"] == "" && (alone || strings.Contains(query, "="+busy.Username)) {
			t.Errorf("an active account was read alone: %s", line)
		}
	}
}

// asking: what is read, by exactly these requests.
func (s system) asking(t *testing.T, name string, now time.Time) {
	d := s.serve(t, name, now, func(o *sandbox.Options) { o.PageLimit = 0 })
	c := s.connect(t, name, d, true, func(o *client.Options) { o.Connections, o.PageSize = 1, 0 })
	u := s.candidate(t, c, d)
	if _, err := c.User(t.Context(), u); err != nil && !errors.Is(err, job.ErrUnsupported) {
		t.Error(err)
	}
	if _, err := c.Self(t.Context()); err != nil && !errors.Is(err, job.ErrUnsupported) {
		t.Error(err)
	}
	gone, _ := d.Find("gone")
	said := d.said()
	for i, line := range said {
		said[i] = strings.ReplaceAll(line, url.QueryEscape(d.url), "{url}")
	}
	for i, line := range written(gone, s.asks) {
		if i < len(said) && is(said[i], line) {
			said[i] = line
		}
	}
	equal(t, "asked", said, written(gone, s.asks))
	for _, r := range d.Requests() {
		for header, value := range s.headers {
			if got := r.Header.Get(header); got != value && !strings.HasSuffix(r.Path, "/token") {
				t.Errorf("%s %s came with %s: %q, want %q", r.Method, r.Path, header, got, value)
			}
		}
	}
}

// is reports whether the line is as wanted, in which one * stands for anything.
func is(line, wanted string) bool {
	before, after, open := strings.Cut(wanted, "*")
	return line == wanted || open && strings.HasPrefix(line, before) && strings.HasSuffix(line, after)
}

// removing: exactly those go for whom it was decided, by exactly these requests.
func (s system) removing(t *testing.T, name string, now time.Time) {
	d := s.serve(t, name, now, nil)
	before := d.Users()
	run := s.cleanup(t, s.connect(t, name, d, false, nil), d, false)
	r := run.Run(t.Context(), now)

	var results []string
	for _, a := range s.all() {
		if a.isCandidate() {
			results = append(results, a.name+" "+cmp.Or(a.removal, "removed"))
		}
	}
	slices.Sort(results)
	equal(t, "results", d.results(t, before, r), results)
	equal(t, "removed", d.names(t, before, d.Removed()), s.those(account.isRemoved))
	equal(t, "sent", d.sent(builtin(t, name)), changes(before, s.those(account.isSent), s.remove))
	if failed := len(s.those(func(a account) bool { return a.removal == "failed" })); failed > 0 != (r.Outcome == job.Partial) {
		t.Errorf("%d failed, and the outcome is %s", failed, r.Outcome)
	}
	explained(t, r)
}

// removingMore: what extras destroy is destroyed if they are turned on, and not
// otherwise, as the scene before this has shown.
func (s system) removingMore(t *testing.T, name string, now time.Time) {
	p := builtin(t, name)
	for _, name := range slices.Sorted(maps.Keys(p.Extras)) {
		if s.extras[name].remove == nil {
			t.Errorf("%s: there is no row for it", name)
		}
	}
	for _, on := range slices.Sorted(maps.Keys(s.extras)) {
		more := s.extras[on]
		d := s.serve(t, name, now, nil)
		before := d.Users()
		c := s.connect(t, name, d, false, func(o *client.Options) {
			o.Values.Params = maps.Clone(o.Values.Params)
			if o.Values.Params == nil {
				o.Values.Params = map[string]string{}
			}
			o.Values.Params[on] = "true"
		})
		run := s.cleanup(t, c, d, false)
		run.Concurrency = 1
		r := run.Run(t.Context(), now)
		removed := append(s.those(account.isRemoved), more.removes...)
		sent := changes(before, s.those(account.isSent), more.remove)
		if more.refused {
			removed = nil
			sent = slices.DeleteFunc(sent, func(line string) bool { return !slices.Contains(d.sent(p), line) })
		}
		slices.Sort(removed)
		equal(t, on+": removed", d.names(t, before, d.Removed()), removed)
		equal(t, on+": sent", d.sent(p), sent)
		if len(sent) == 0 {
			t.Errorf("%s: nothing was tried", on)
		}
		explained(t, r)
	}
}

// candidate is an account that is to be removed, as the client sees it.
func (s system) candidate(t *testing.T, c *client.Client, d *directory) job.User {
	t.Helper()
	want, ok := d.Find("gone")
	if !ok {
		t.Fatal("there is nobody")
	}
	var found job.User
	for u, err := range c.Users(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		if u.ID == want.ID {
			found = u
		}
	}
	if found.ID == "" {
		t.Fatal("it is not listed")
	}
	return found
}

func agree(context.Context, func(job.User) error) error { return nil }

// came says what came of a removal or a disabling.
func came(err error, done string) string {
	switch {
	case err == nil:
		return done
	case errors.Is(err, job.ErrNotFound):
		return "gone"
	}
	return "failed"
}

// removingTwice: who is gone is not removed once more.
func (s system) removingTwice(t *testing.T, name string, now time.Time) {
	d := s.serve(t, name, now, nil)
	c := s.connect(t, name, d, false, nil)
	u := s.candidate(t, c, d)
	if err := c.Remove(t.Context(), u, agree); err != nil {
		t.Fatal(err)
	}
	err := c.Remove(t.Context(), u, agree)
	if got := came(err, "removed"); got != cmp.Or(s.twice, "gone") {
		t.Errorf("the second time: %s, %v", got, err)
	}
	if n := len(d.Removed()); n != 1 {
		t.Errorf("%d were removed", n)
	}
}

// disabling: those are disabled who would be removed, and only once.
func (s system) disabling(t *testing.T, name string, now time.Time) {
	d := s.serve(t, name, now, nil)
	before := d.Users()
	c := s.connect(t, name, d, false, nil)
	if s.disable == nil {
		if err := c.Disable(t.Context(), s.candidate(t, c, d), agree); !errors.Is(err, job.ErrUnsupported) {
			t.Errorf("disabling: %v", err)
		}
		return
	}
	isCandidate := func(a account) bool { return a.isCandidate() && !a.user(now).Disabled }
	run := s.cleanup(t, c, d, false)
	run.Policy.DisableOnly = true
	r := run.Run(t.Context(), now)
	var results, sent []string
	for _, a := range s.all() {
		if !isCandidate(a) {
			continue
		}
		results = append(results, a.name+" "+cmp.Or(a.disabling, "disabled"))
		switch {
		case a.disabling == "kept":
		case a.sends != "":
			sent = append(sent, changes(before, []string{a.name}, []string{a.sends})...)
		default:
			sent = append(sent, changes(before, []string{a.name}, s.disable)...)
		}
	}
	slices.Sort(results)
	slices.Sort(sent)
	equal(t, "results", d.results(t, before, r), results)
	disabled := s.those(func(a account) bool { return isCandidate(a) && a.disabling == "" })
	equal(t, "disabled", d.names(t, before, d.Disabled()), disabled)
	equal(t, "removed", d.Removed(), nil)
	p := builtin(t, name)
	equal(t, "sent", d.sent(p), sent)
	explained(t, r)

	// They are known by their being disabled, and not once more.
	said := len(d.said())
	again := s.cleanup(t, c, d, false)
	again.Policy.DisableOnly = true
	again.Run(t.Context(), now)
	equal(t, "disabled the second time", d.names(t, before, d.Disabled()), disabled)
	for _, line := range d.said()[said:] {
		for _, name := range disabled {
			if slices.Contains(changes(before, []string{name}, s.disable), line) {
				t.Errorf("sent the second time: %s", line)
			}
		}
	}
}

// disablingTwice: by two requests, the second of which comes too late; and of
// somebody who is gone.
func (s system) disablingTwice(t *testing.T, name string, now time.Time) {
	if s.disable == nil {
		return
	}
	d := s.serve(t, name, now, nil)
	c := s.connect(t, name, d, false, nil)
	u := s.candidate(t, c, d)
	if err := c.Disable(t.Context(), u, agree); err != nil {
		t.Fatal(err)
	}
	err := c.Disable(t.Context(), u, agree)
	if got := came(err, "disabled"); got != cmp.Or(s.disabledTwice, "disabled") {
		t.Errorf("the second time: %s, %v", got, err)
	}
	d.Remove(u.ID)
	err = c.Disable(t.Context(), u, agree)
	if got := came(err, "disabled"); got != cmp.Or(s.disabledGone, "gone") {
		t.Errorf("somebody who is gone: %s, %v", got, err)
	}
	if len(d.Disabled()) != 1 || len(d.Removed()) != 0 {
		t.Errorf("disabled: %q, removed: %q", d.Disabled(), d.Removed())
	}
}

// between is a directory in which something happens to each account between the
// plan and what is done.
type between struct {
	*client.Client
	happens func(u job.User)
}

func (b between) Remove(ctx context.Context, u job.User, confirm job.Confirm) error {
	b.happens(u)
	return b.Client.Remove(ctx, u, confirm)
}

func (b between) Disable(ctx context.Context, u job.User, confirm job.Confirm) error {
	b.happens(u)
	return b.Client.Disable(ctx, u, confirm)
}

// events are what can happen to an account between the plan and its removal, and
// what becomes of the removal then, if the look before it tells. " sent" means
// that the directory was asked all the same, " at once" that the first step did it.
var events = []struct {
	name    string
	removal string
	happens func(d *directory, id string, now time.Time)
}{
	{"promoted", "kept", func(d *directory, id string, _ time.Time) {
		_ = d.Update(id, func(u *sandbox.User) { u.Admin = true })
	}},
	{"returned", "kept", func(d *directory, id string, now time.Time) {
		_ = d.Update(id, func(u *sandbox.User) { u.LastLogin = now.Add(-time.Minute) })
	}},
	{"left", "already_gone", func(d *directory, id string, _ time.Time) { d.Remove(id) }},
	{"renamed", "removed", func(d *directory, id string, _ time.Time) {
		_ = d.Update(id, func(u *sandbox.User) { u.Username = "nobody-" + id })
	}},
	{"replaced", "failed", func(d *directory, id string, now time.Time) { // by another account of the same id
		_ = d.Update(id, func(u *sandbox.User) { u.Created = now.Add(-100 * day) })
	}},
	{"deactivated", "removed", func(d *directory, id string, _ time.Time) {
		_ = d.Update(id, func(u *sandbox.User) { u.Deactivated = true })
	}},
	{"disabled", "removed", func(d *directory, id string, _ time.Time) {
		_ = d.Update(id, func(u *sandbox.User) { u.Disabled = true })
	}},
	{"succeeded", "removed", func(d *directory, id string, now time.Time) { // by somebody who takes the name
		u, _ := d.User(id)
		if !strings.Contains(u.ID, u.Username) {
			_ = d.Update(id, func(u *sandbox.User) { u.Username = "nobody-" + id })
			_, _ = d.Add(sandbox.User{Username: u.Username, Email: u.Email, Created: u.Created, LastLogin: u.LastLogin})
		}
	}},
}

// muchHappens: what has changed since the plan counts.
func (s system) muchHappens(t *testing.T, name string, now time.Time) {
	s.accounts, s.kept = nil, nil
	var results, removed, sent, once []string
	for _, e := range events {
		s.accounts = append(s.accounts, account{name: e.name, login: 400 * day, is: s.every, want: "remove inactive"})
		result, asked := strings.CutSuffix(cmp.Or(s.meanwhile[e.name], e.removal), " sent")
		result, early := strings.CutSuffix(result, " at once")
		results = append(results, e.name+" "+result)
		if result == "removed" {
			removed = append(removed, e.name)
		}
		switch {
		case early:
			once = append(once, e.name)
		case result == "removed" || asked:
			sent = append(sent, e.name)
		}
	}
	d := s.serve(t, name, now, nil)
	before := d.Users()
	c := s.connect(t, name, d, false, nil)
	run := s.cleanup(t, between{c, func(u job.User) {
		for _, e := range events {
			if d.names(t, before, []string{u.ID})[0] == e.name {
				e.happens(d, u.ID, now)
			}
		}
	}}, d, false)
	r := run.Run(t.Context(), now)
	ours := func(names []string) []string {
		return slices.DeleteFunc(names, func(line string) bool {
			return !slices.ContainsFunc(s.accounts, func(a account) bool { return a.name == strings.Fields(line)[0] })
		})
	}
	slices.Sort(results)
	slices.Sort(removed)
	equal(t, "results", ours(d.results(t, before, r)), results)
	equal(t, "removed", ours(d.names(t, before, d.Removed())), removed)
	var about []string
	for _, line := range d.sent(builtin(t, name)) {
		for _, a := range s.accounts {
			if slices.Contains(changes(before, []string{a.name}, s.remove), line) {
				about = append(about, line)
			}
		}
	}
	want := append(changes(before, sent, s.remove), changes(before, once, s.remove[:1])...)
	slices.Sort(want)
	equal(t, "sent", about, want)
	explained(t, r)
}

// rightsAreLost: a caller who may no longer see accounts, or is not known any
// more, removes nobody.
func (s system) rightsAreLost(t *testing.T, name string, now time.Time) {
	if s.open {
		return
	}
	for what, lose := range map[string]func(*directory){
		"the rights": func(d *directory) {
			u, _ := d.Find("caller")
			_ = d.Update(u.ID, func(u *sandbox.User) { u.Admin = false })
		},
		"the token": func(d *directory) { d.ExpireTokens() },
	} {
		if s.values != nil && what == "the token" {
			v := profile.Values{}
			if s.values(&v, ""); v.Password != "" {
				continue
			}
		}
		d := s.serve(t, name, now, func(o *sandbox.Options) { o.Caller = "caller" })
		before := d.Users()
		c := s.connect(t, name, d, false, nil)
		lost := sync.OnceFunc(func() { lose(d) })
		run := s.cleanup(t, between{c, func(job.User) { lost() }}, d, false)
		r := run.Run(t.Context(), now)
		if r.Counts.Candidates == 0 || r.Outcome.Succeeded() && len(d.Removed()) > 0 {
			t.Errorf("%s: %s, %+v", what, r.Outcome, r.Counts)
		}
		equal(t, what+": removed", d.names(t, before, d.Removed()), nil)
		explained(t, r)
	}
}

// signingIn: where the profile can, by other credentials than a token; and a token
// that is wrong opens nothing.
func (s system) signingIn(t *testing.T, name string, now time.Time) {
	d := s.serve(t, name, now, nil)
	if s.signIn != nil {
		defer func() {
			if first := strings.ReplaceAll(d.requests[0], d.url, "{url}"); !is(first, s.enters) {
				t.Errorf("signed in by\n\t%s\nwant\n\t%s", first, s.enters)
			}
		}()
		for _, secret := range []profile.Secret{"", "wrong"} {
			c := s.connect(t, name, d, true, func(o *client.Options) {
				o.Values.Token = ""
				s.signIn(&o.Values, d.url)
				switch {
				case secret == "":
				case o.Values.Password != "":
					o.Values.Password = secret
				case o.Values.Actor == "" || o.Values.ClientID == "":
					o.Values.ClientSecret = secret
				default:
					o.Values.ClientID = "somebody else"
				}
			})
			r := s.cleanup(t, c, d, true).Run(t.Context(), now)
			if signed := r.Outcome == job.DryRun && r.Counts.Scanned > 0; signed != (secret == "") {
				t.Errorf("signing in %s: %s, %+v, %v", secret, r.Outcome, r.Counts, r.Error)
			}
		}
	} else if builtin(t, name).SignIn != nil {
		t.Error("nobody says how to sign in")
	}
	if s.open {
		return
	}
	c := s.connect(t, name, d, true, func(o *client.Options) {
		if o.Values.Token != "" {
			o.Values.Token = "wrong"
		} else {
			o.Values.Password = "wrong"
		}
	})
	if r := s.cleanup(t, c, d, true).Run(t.Context(), now); r.Outcome != job.Failed || !errors.Is(r.Err, job.ErrCredentials) {
		t.Errorf("with wrong credentials: %s, %v", r.Outcome, r.Error)
	}
}

// signingInElsewhere: where the sign-in has a host of its own, nothing else goes
// there, and the secret goes nowhere else.
func (s system) signingInElsewhere(t *testing.T, name string, now time.Time) {
	if how := builtin(t, name).SignIn; how == nil || how.URL == "" {
		return
	}
	d := s.serve(t, name, now, nil)
	var mu sync.Mutex
	var there []*http.Request
	l := listen("example.com:443") // whom the certificate is for
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		there = append(there, r)
		mu.Unlock()
		d.Server.ServeHTTP(w, r)
	}))
	server.Listener.Close()
	server.Listener = l
	server.StartTLS()
	t.Cleanup(server.Close)
	c := s.connect(t, name, d, true, func(o *client.Options) {
		o.CAs = x509.NewCertPool()
		o.CAs.AddCert(server.Certificate())
		s.values(&o.Values, "https://example.com")
		s.signIn(&o.Values, "https://example.com")
		o.Values.Token = ""
	})
	if r := s.cleanup(t, c, d, true).Run(t.Context(), now); r.Outcome != job.DryRun {
		t.Errorf("%s: %s", r.Outcome, r.Error)
	}
	if len(there) != 1 || there[0].Method != http.MethodPost || there[0].Header.Get("Authorization") != "" {
		t.Errorf("%d requests, want one POST without a token", len(there))
	}
	if all, here := len(d.requests), len(d.said()); all != here {
		t.Errorf("%d sign-ins went to the directory", all-here)
	}
}

// forbidden: a caller without the rights removes nobody.
func (s system) forbidden(t *testing.T, name string, now time.Time) {
	if s.open {
		return
	}
	d := s.serve(t, name, now, func(o *sandbox.Options) { o.Caller = "busy" })
	c := s.connect(t, name, d, false, func(o *client.Options) {
		if o.Values.Username != "" {
			o.Values.Username = "busy"
		}
		if o.Values.Actor != "" {
			o.Values.Actor = strings.Replace(o.Values.Actor, "caller", "busy", 1)
		}
	})
	r := s.cleanup(t, c, d, false).Run(t.Context(), now)
	got := string(r.Outcome)
	if r.Outcome == job.Failed && !errors.Is(r.Err, job.ErrCredentials) {
		_, got, _ = strings.Cut(r.Error, "the directory answered ")
		got = strings.Fields(got + " otherwise")[0]
	}
	if got != cmp.Or(s.weak, "failed") {
		t.Errorf("%s: %+v %v", got, r.Counts, r.Error)
	}
	equal(t, "removed", d.Removed(), nil)
}

// seeingNobody: a directory that hides everybody else is none to clean up.
func (s system) seeingNobody(t *testing.T, name string, now time.Time) {
	if s.blind == "" {
		return
	}
	d := s.serve(t, name, now, func(o *sandbox.Options) {
		for i := range o.Users {
			o.Users[i].Hidden = o.Users[i].Username != "caller" || s.want["caller"] != ""
		}
	})
	r := s.cleanup(t, s.connect(t, name, d, false, nil), d, false).Run(t.Context(), now)
	if got := string(r.Outcome); got != s.blind {
		t.Errorf("%s, want %s: %+v %v", got, s.blind, r.Counts, r.Error)
	}
	equal(t, "sent", d.sent(builtin(t, name)), nil)
}

// seeingNoLogins: if nothing tells of last logins any more, whoever ever logged in stays.
func (s system) seeingNoLogins(t *testing.T, name string, now time.Time) {
	p := builtin(t, name)
	if len(p.User.LastLogin.Path) == 0 || s.logins {
		return
	}
	names, elsewhere := map[string]bool{}, false
	for _, path := range p.User.LastLogin.Path {
		name, _, _ := strings.Cut(path, ".")
		part := slices.ContainsFunc(p.Get, func(g profile.Lookup) bool { return g.As == name })
		names[name], elsewhere = !part, elsewhere || part
	}
	d := s.serve(t, name, now, nil)
	d.answers = func(r *http.Request, status *int, header http.Header, body []byte) []byte {
		if s.answers != nil {
			body = s.answers(r, status, header, body)
		}
		return without(body, names)
	}
	before := d.Users()
	run := s.cleanup(t, s.connect(t, name, d, false, nil), d, false)
	run.Limits.RequireActive = false
	r := run.Run(t.Context(), now)
	for _, name := range d.names(t, before, d.Removed()) {
		u := before[slices.IndexFunc(before, func(u sandbox.User) bool { return u.Username == name })]
		if !u.LastLogin.IsZero() && (!elsewhere || !slices.Contains(s.those(account.isRemoved), name)) {
			t.Errorf("removed: %s", name)
		}
	}
	if r.Counts.Scanned == 0 {
		t.Errorf("%s: %s", r.Outcome, r.Error)
	}
}

// seeingNoEntries: where last logins come from a log, an empty one is none to
// remove anybody by.
func (s system) seeingNoEntries(t *testing.T, name string, now time.Time) {
	p := builtin(t, name)
	if len(p.User.LastLogin.Path) > 0 || len(p.Activity) == 0 || s.logins {
		return
	}
	s.every, s.accounts = did(), nil
	d := s.serve(t, name, now, nil)
	r := s.cleanup(t, s.connect(t, name, d, false, nil), d, false).Run(t.Context(), now)
	if r.Outcome != job.Refused || r.Counts.Scanned == 0 {
		t.Errorf("%s: %+v %s", r.Outcome, r.Counts, r.Error)
	}
	equal(t, "sent", d.sent(p), nil)
}

// without is a JSON document without the members of these names, wherever they are.
func without(document []byte, names map[string]bool) []byte {
	return edited(document, func(object map[string]any) {
		maps.DeleteFunc(object, func(name string, _ any) bool { return names[name] })
	})
}

// edited is a JSON document of which every object has been edited, and one around it.
func edited(document []byte, edit func(object map[string]any)) []byte {
	decoder := json.NewDecoder(bytes.NewReader(document))
	decoder.UseNumber()
	var inside any
	if decoder.Decode(&inside) != nil {
		return document
	}
	root := map[string]any{"": inside}
	var walk func(any)
	walk = func(v any) {
		switch v := v.(type) {
		case map[string]any:
			edit(v)
			for _, member := range v {
				walk(member)
			}
		case []any:
			for _, element := range v {
				walk(element)
			}
		}
	}
	walk(root)
	changed, err := json.Marshal(root[""])
	if err != nil {
		panic(err)
	}
	return changed
}

// tooFast: the run waits for as long as it is told, and does the same as otherwise.
func (s system) tooFast(t *testing.T, name string, now time.Time) {
	d := s.serve(t, name, now, func(o *sandbox.Options) {
		o.RateLimit = 5 // which comes to a wait of a second
		o.PageLimit *= 3
	})
	before := d.Users()
	c := s.connect(t, name, d, false, func(o *client.Options) { o.MaxRetries, o.Connections, o.PageSize = 20, 1, 0 })
	run := s.cleanup(t, c, d, false)
	run.Concurrency = 1
	r := run.Run(t.Context(), now)
	equal(t, "removed", d.names(t, before, d.Removed()), s.those(account.isRemoved))
	refused := 0
	for i, request := range d.Requests() {
		if request.Status != cmp.Or(s.tooMany, http.StatusTooManyRequests) || i+1 == len(d.times) {
			continue
		}
		refused++
		if waited := d.times[i+1].Sub(d.times[i]); waited < time.Second && !s.vague {
			t.Errorf("after %s there was a wait of %s", d.requests[i], waited)
		}
	}
	if refused == 0 {
		t.Errorf("none of %d requests was too fast", len(d.requests))
	}
	explained(t, r)
}

// pageSizes: whatever size is asked for, and whatever of it is given, everybody is
// listed; and a size that the directory would not stand is not asked for.
func (s system) pageSizes(t *testing.T, name string, now time.Time) {
	p := builtin(t, name)
	if p.List.Size == nil {
		return
	}
	most := cmp.Or(s.most, 1000)
	var want []string
	for _, size := range []int{0, 2, most} {
		d := s.serve(t, name, now, func(o *sandbox.Options) { o.PageLimit = 0 })
		c := s.connect(t, name, d, true, func(o *client.Options) { o.PageSize = size })
		var got []string
		for u, err := range c.Users(t.Context()) {
			if err != nil {
				t.Fatalf("%d: %v", size, err)
			}
			got = append(got, u.ID)
		}
		if slices.Sort(got); want == nil {
			want = got
		}
		equal(t, fmt.Sprintf("in pages of %d", size), got, want)
		size = cmp.Or(size, p.List.Size.Default)
		last := p.List.Size.Param[strings.LastIndex(p.List.Size.Param, ".")+1:]
		texts := []string{fmt.Sprintf("%s=%d", url.QueryEscape(last), size), fmt.Sprintf("%q:%d", last, size)}
		if !slices.ContainsFunc(d.said(), func(line string) bool {
			return strings.Contains(line, string(p.List.Path[strings.LastIndex(string(p.List.Path), "}")+1:])) && (strings.Contains(line+"&", texts[0]+"&") || strings.Contains(line, texts[1]))
		}) {
			t.Errorf("%s was not asked for: %q", texts, d.said())
		}
	}
	if s.most == 0 {
		return
	}
	if p.List.Size.Max != most { // which the program refuses to exceed
		t.Errorf("pages of at most %d, want %d", p.List.Size.Max, most)
	}
}

// limit: a listing that may have been cut off is no directory.
func (s system) limited(t *testing.T, name string, now time.Time) {
	most := s.limit
	if most == 0 {
		return
	}
	for n, want := range map[int]bool{most - 1: true, most: false, most + 1: false} {
		d := s.serve(t, name, now, func(o *sandbox.Options) {
			o.PageLimit = 0
			for i := len(o.Users); i < n; i++ {
				u := account{name: fmt.Sprintf("user%d", i), login: 400 * day}.user(now)
				o.Users = append(o.Users, u)
			}
		})
		r := s.cleanup(t, s.connect(t, name, d, true, func(o *client.Options) { o.PageSize = 0 }), d, true).Run(t.Context(), now)
		if read := r.Outcome == job.DryRun && r.Counts.Scanned == n; read != want {
			t.Errorf("of %d accounts, %d were read: %s, %s", n, r.Counts.Scanned, r.Outcome, r.Error)
		}
		if pages := len(d.said()); !want && pages > 1 {
			t.Errorf("of %d accounts, %d pages were read", n, pages)
		}
	}
}

// pageElsewhere: no link leads to another server.
func (s system) pageElsewhere(t *testing.T, name string, now time.Time) {
	if builtin(t, name).List.Next == nil {
		return
	}
	var reached atomic.Int32
	elsewhere := serveAt(t, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached.Add(1) }))
	d := s.serve(t, name, now, nil)
	d.answers = func(_ *http.Request, _ *int, header http.Header, body []byte) []byte {
		links := header.Values("Link")
		header.Del("Link")
		for _, link := range links {
			link = strings.ReplaceAll(link, d.url, elsewhere)
			header.Add("Link", strings.ReplaceAll(link, "</", "<"+elsewhere+"/"))
		}
		return bytes.ReplaceAll(body, []byte(d.url), []byte(elsewhere))
	}
	r := s.cleanup(t, s.connect(t, name, d, false, nil), d, false).Run(t.Context(), now)
	if r.Outcome != job.Failed || reached.Load() > 0 {
		t.Errorf("%s, and %d requests went elsewhere: %s", r.Outcome, reached.Load(), r.Error)
	}
	equal(t, "removed", d.Removed(), nil)
}

// losing: where the directory counts its accounts, a listing that lacks one is no
// directory; and whoever is missing is not removed.
func (s system) losing(t *testing.T, name string, now time.Time) {
	d := s.serve(t, name, now, nil)
	before := d.Users()
	past, _ := d.Find("past")
	d.answers = func(r *http.Request, status *int, header http.Header, body []byte) []byte {
		if s.answers != nil {
			body = s.answers(r, status, header, body)
		}
		if r.URL.Path != s.listed(t, name) {
			return body
		}
		return edited(body, func(object map[string]any) {
			for name, member := range object {
				switch member := member.(type) {
				case []any:
					object[name] = slices.DeleteFunc(member, func(v any) bool {
						u, _ := v.(map[string]any)
						return slices.ContainsFunc(slices.Collect(maps.Values(u)), func(v any) bool { return fmt.Sprint(v) == past.ID })
					})
				case map[string]any:
					delete(member, past.ID)
				}
			}
		})
	}
	r := s.cleanup(t, s.connect(t, name, d, false, nil), d, false).Run(t.Context(), now)
	if failed := r.Outcome == job.Failed; s.counts != failed || r.Counts.Scanned == 0 {
		t.Errorf("%s: %+v, %s", r.Outcome, r.Counts, r.Error)
	}
	if slices.Contains(d.names(t, before, d.Removed()), "past") || s.counts && len(d.Removed()) > 0 {
		t.Errorf("removed: %q", d.names(t, before, d.Removed()))
	}
}

// listed is the path of the listing.
func (s system) listed(t *testing.T, name string) string {
	return s.base + strings.NewReplacer("{org}", "acme", "{realm}", "acme").Replace(string(builtin(t, name).List.Path))
}

// leavingBetweenPages: where the directory counts its accounts, a listing in which
// one is missing because another one left is no directory. And whoever is missing
// is not removed.
func (s system) leavingBetweenPages(t *testing.T, name string, now time.Time) {
	p := builtin(t, name)
	d := s.serve(t, name, now, nil)
	before := d.Users()
	var first string
	c := s.connect(t, name, d, false, func(o *client.Options) { o.Connections = 1 })
	for u, err := range c.FirstPage(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		if known, _ := d.User(u.ID); first == "" && known.Username != "caller" {
			first = u.ID
		}
	}
	pages := 0
	path := s.listed(t, name)
	d.answers = func(r *http.Request, status *int, header http.Header, body []byte) []byte {
		if s.answers != nil {
			body = s.answers(r, status, header, body)
		}
		if r.URL.Path == path {
			if pages++; pages == 1 {
				d.Remove(first)
			}
		}
		return body
	}
	r := s.cleanup(t, c, d, false).Run(t.Context(), now)
	paged := p.List.Page != nil || p.List.Offset != nil || p.List.Cursor != nil
	if failed := r.Outcome == job.Failed; paged && s.counts && !failed || failed && len(d.Removed()) > 0 {
		t.Errorf("%s: %+v, %s", r.Outcome, r.Counts, r.Error)
	}
	for _, name := range d.names(t, before, d.Removed()) {
		if !slices.Contains(s.those(account.isRemoved), name) {
			t.Errorf("removed: %s", name)
		}
	}
}
