package profiles_test

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"dormant/client"
	"dormant/client/sandbox"
	"dormant/job"
)

// system is a built-in profile, and what it does with a directory that looks as
// the system's documentation says. The directory is the sandbox's of the same name.
type system struct {
	base   string // what stands behind the host in DORMANT_URL
	values func(v *client.Values, url string)
	signIn func(v *client.Values, url string) // instead of the token; nil: there is none

	accounts []sandbox.User    // besides those that every directory has
	want     map[string]string // decisions, by username; besides those of usual
	refuses  []string          // whose removal the directory refuses
	rethinks []string          // who is kept only by the second look
	logins   bool              // last logins come from a file, as the system has none

	remove  []string // what is sent for each candidate
	disable []string // the same; nil: it can't
	twice   string   // what a second removal is: gone unless given, or removed, failed

	open    bool   // it asks for no credentials
	weak    string // the outcome for a caller who is no administrator: failed unless given
	limited bool   // its rate limit is not tried
}

// usual are the accounts that every directory has, and what is decided about
// them where the system tells all that there is to tell.
func usual(now time.Time) (accounts []sandbox.User, want map[string]string) {
	want = map[string]string{}
	for _, a := range []struct {
		name        string
		login       time.Duration // ago; 0: never
		created     time.Duration // ago; 0: long ago
		is          func(*sandbox.User)
		want        string
		application string
	}{
		{name: "caller", login: time.Hour, is: func(u *sandbox.User) { u.Admin = true }, want: "keep self"},
		{name: "busy", login: 10 * day, want: "keep active"},
		{name: "edge", login: 90 * day, want: "keep active"},
		{name: "past", login: 90*day + time.Second, want: "remove inactive"},
		{name: "gone", login: 400 * day, want: "remove inactive"},
		{name: "unused", created: 200 * day, want: "remove never_logged_in"},
		{name: "fresh", created: 10 * day, want: "keep never_logged_in"},
		{name: "boss", login: 400 * day, is: func(u *sandbox.User) { u.Admin = true }, want: "keep admin"},
		{name: "robot", login: 400 * day, is: func(u *sandbox.User) { u.Bot = true }, want: "keep service_account"},
		{name: "locked", login: 400 * day, is: func(u *sandbox.User) { u.Disabled = true }, want: "remove inactive"},
	} {
		u := sandbox.User{
			Username: a.name, FirstName: "F", LastName: strings.ToUpper(a.name), Email: a.name + "@example.com",
			Created: now.Add(-cmp.Or(a.created, 2000*day)),
		}
		if a.login > 0 {
			u.LastLogin = now.Add(-a.login)
		}
		if a.is != nil {
			a.is(&u)
		}
		accounts, want[a.name] = append(accounts, u), a.want
	}
	return accounts, want
}

// directory is a sandbox that is being served, with what reached it.
type directory struct {
	*sandbox.Server
	url string

	mu     sync.Mutex
	writes []string // requests that are no reads, as METHOD PATH BODY
	others []string // what reached it below another path
}

// serve starts the system's directory, as it is at that time.
func (s system) serve(t *testing.T, name string, now time.Time, change func(*sandbox.Options)) *directory {
	t.Helper()
	d := &directory{}
	accounts, _ := usual(now)
	o := sandbox.Options{
		System: name, Users: append(accounts, s.accounts...), PublicKey: &key().PublicKey, Before: d.note,
	}
	if !stepsBySize(t, name) {
		o.PageLimit = 3
	}
	if change != nil {
		change(&o)
	}
	var err error
	if d.Server, err = sandbox.New(o); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(d)
	t.Cleanup(server.Close)
	d.url = server.URL
	return d
}

// stepsBySize reports whether the profile relies on the directory's sending no
// less than is asked for.
func stepsBySize(t *testing.T, name string) bool {
	t.Helper()
	p, err := client.LoadProfile(name)
	if err != nil {
		t.Fatal(err)
	}
	listings := []client.Listing{p.List}
	for _, source := range p.Activity {
		listings = append(listings, source.Listing)
	}
	return slices.ContainsFunc(listings, func(l client.Listing) bool { return l.Offset != nil && l.Offset.Step == "size" })
}

func (d *directory) note(_ http.ResponseWriter, r *http.Request) bool {
	body, _ := io.ReadAll(r.Body)
	r.Body = io.NopCloser(bytes.NewReader(body))
	if r.Method != http.MethodGet {
		d.mu.Lock()
		defer d.mu.Unlock()
		d.writes = append(d.writes, strings.TrimSpace(r.Method+" "+r.URL.RequestURI()+" "+string(body)))
	}
	return false
}

// key signs assertions.
var key = sync.OnceValue(func() *rsa.PrivateKey {
	k, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return k
})

func keyPEM() client.Secret {
	return client.Secret(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key())}))
}

// connect makes a client of the profile for the directory.
func (s system) connect(t *testing.T, name string, d *directory, dryRun bool, change func(*client.Options)) (*client.Client, *retries) {
	t.Helper()
	p, err := client.LoadProfile(name)
	if err != nil {
		t.Fatal(err)
	}
	base, err := url.Parse(d.url + s.base)
	if err != nil {
		t.Fatal(err)
	}
	r := &retries{}
	o := client.Options{
		Profile: p, URL: base, Values: client.Values{Token: sandbox.DefaultToken}, ReadOnly: dryRun,
		Timeout: 30 * time.Second, MaxRetries: 5, Connections: 4, UserAgent: "dormant/test", Observer: r, Log: zerolog.Nop(),
	}
	if s.values != nil {
		s.values(&o.Values, d.url)
	}
	if p.List.Size != nil {
		o.PageSize = 3
	}
	if change != nil {
		change(&o)
	}
	c, err := client.New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c, r
}

// retries counts requests that were repeated.
type retries struct {
	mu sync.Mutex
	n  int
}

func (r *retries) Request(string, int, time.Duration) {}

func (r *retries) Retry(string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.n++
}

func (s system) cleanup(t *testing.T, c *client.Client, d *directory, dryRun bool) *job.Cleanup {
	t.Helper()
	run := &job.Cleanup{
		RunID: "test", Command: "run", Directory: c, DryRun: dryRun, Recheck: true, Concurrency: 4, MaxFailures: 100,
		Policy: job.Policy{
			InactiveFor: 90 * day, NeverLoggedIn: job.NeverRemove, ProtectAdmins: true, ProtectServiceAccounts: true,
		},
		Limits: job.Limits{MaxRemovals: 100, MaxRemovalPercent: 100, RequireActive: true},
		Log:    zerolog.Nop(),
	}
	v := client.Values{}
	if s.values != nil {
		s.values(&v, d.url)
	}
	for _, name := range []string{v.Actor, v.Username} {
		if name != "" {
			run.Policy.Self = append(run.Policy.Self, name)
		}
	}
	if s.logins {
		var file strings.Builder
		file.WriteString("username,last_login\n")
		for _, u := range d.Users() {
			if !u.LastLogin.IsZero() {
				file.WriteString(u.Username + "," + u.LastLogin.Format(time.RFC3339) + "\n")
			}
		}
		var err error
		if run.Activity, err = job.ReadActivity(strings.NewReader(file.String()), time.Now()); err != nil {
			t.Fatal(err)
		}
	}
	return run
}

// wanted is what is decided about each account.
func (s system) wanted(now time.Time) map[string]string {
	_, want := usual(now)
	maps.Copy(want, s.want)
	return want
}

// those are the usernames of which something is wanted, sorted.
func those(want map[string]string, is func(name, decision string) bool) []string {
	var names []string
	for _, name := range slices.Sorted(maps.Keys(want)) {
		if is(name, want[name]) {
			names = append(names, name)
		}
	}
	return names
}

// names are the usernames of the ids, sorted.
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

// changes are the requests for the accounts: templates with {id}, {username} and {email}.
func changes(accounts []sandbox.User, templates []string) []string {
	var lines []string
	for _, u := range accounts {
		for _, t := range templates {
			lines = append(lines, strings.NewReplacer("{id}", url.PathEscape(u.ID), "{username}", u.Username, "{email}", u.Email).Replace(t))
		}
	}
	slices.Sort(lines)
	return lines
}

// sent are the requests so far that are neither listings nor sign-ins, sorted.
func (d *directory) sent(p *client.Profile) []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	lines := slices.DeleteFunc(slices.Clone(d.writes), func(line string) bool {
		path, _, _ := strings.Cut(strings.TrimPrefix(line, "POST "), " ")
		harmless := strings.HasSuffix(path, "/token") || path == string(p.List.Path)
		for _, s := range p.Activity {
			harmless = harmless || path == string(s.Path)
		}
		return strings.HasPrefix(line, "POST ") && harmless
	})
	slices.Sort(lines)
	return lines
}

func equal(t *testing.T, what string, got, want []string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s:\n%s\nwant:\n%s", what, strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestSystems(t *testing.T) {
	for _, name := range client.ProfileNames() {
		if _, ok := systems[name]; !ok {
			t.Errorf("%s: there is no row for it", name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(systems)) {
		s := systems[name]
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			t.Run("decides", func(t *testing.T) { s.decides(t, name) })
			t.Run("removes", func(t *testing.T) { s.removes(t, name) })
			t.Run("removes twice", func(t *testing.T) { s.removesTwice(t, name) })
			t.Run("disables", func(t *testing.T) { s.disables(t, name) })
			t.Run("signs in", func(t *testing.T) { s.signsIn(t, name) })
			t.Run("forbidden", func(t *testing.T) { s.forbidden(t, name) })
			t.Run("too fast", func(t *testing.T) { s.tooFast(t, name) })
		})
	}
}

// decides: every account is read, page by page, and judged.
func (s system) decides(t *testing.T, name string) {
	now := time.Now().UTC().Truncate(time.Second)
	d := s.serve(t, name, now, nil)
	c, _ := s.connect(t, name, d, true, nil)
	for username, want := range s.wanted(now) {
		got := "not listed"
		run := s.cleanup(t, c, d, true)
		if u, ok := d.Find(username); ok {
			found, err := run.Explain(t.Context(), u.ID, now)
			if err != nil {
				t.Fatal(err)
			}
			if len(found) == 1 {
				got = string(found[0].Decision.Action) + " " + string(found[0].Decision.Reason)
			}
		}
		if got != want {
			t.Errorf("%s: %s, want %s", username, got, want)
		}
	}
	p, err := client.LoadProfile(name)
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "a dry run sent", d.sent(p), nil)
	for _, f := range c.Census().Fields {
		if f.Accounts == 0 && !f.Optional && !slices.ContainsFunc(p.Get, func(g client.Single) bool { return g.Details }) {
			t.Errorf("no account has %s at %s", f.Field, f.Paths)
		}
	}
}

// removes: exactly those go for whom it was decided, by exactly these requests.
func (s system) removes(t *testing.T, name string) {
	now := time.Now().UTC().Truncate(time.Second)
	d := s.serve(t, name, now, nil)
	before := d.Users()
	c, _ := s.connect(t, name, d, false, nil)
	run := s.cleanup(t, c, d, false)
	r := run.Run(t.Context(), now)

	candidates := those(s.wanted(now), func(_, decision string) bool { return strings.HasPrefix(decision, "remove") })
	changed := slices.DeleteFunc(slices.Clone(candidates), func(name string) bool { return slices.Contains(s.rethinks, name) })
	removed := slices.DeleteFunc(slices.Clone(changed), func(name string) bool { return slices.Contains(s.refuses, name) })
	if r.Counts.Removed != len(removed) || r.Counts.Failed != len(s.refuses) || r.Counts.Candidates != len(candidates) {
		t.Errorf("outcome %s, %+v, %v", r.Outcome, r.Counts, r.Error)
		for _, a := range r.Accounts {
			t.Logf("%s: %s %s", a.Username, a.Result, a.Error)
		}
	}
	equal(t, "removed", d.names(t, before, d.Removed()), removed)
	p, err := client.LoadProfile(name)
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "sent", d.sent(p), changes(slices.DeleteFunc(before, func(u sandbox.User) bool { return !slices.Contains(changed, u.Username) }), s.remove))
}

// candidate is an account that is to be removed, as the client sees it.
func (s system) candidate(t *testing.T, c *client.Client, d *directory) job.User {
	t.Helper()
	want, ok := d.Find("gone")
	if !ok {
		t.Fatal("there is nobody")
	}
	for u, err := range c.Users(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		if u.ID == want.ID {
			return u
		}
	}
	t.Fatal("it is not listed")
	return job.User{}
}

// removesTwice: who is gone is not removed once more.
func (s system) removesTwice(t *testing.T, name string) {
	now := time.Now().UTC()
	d := s.serve(t, name, now, nil)
	c, _ := s.connect(t, name, d, false, nil)
	u := s.candidate(t, c, d)
	agree := func(context.Context) error { return nil }
	if err := c.Remove(t.Context(), u, agree); err != nil {
		t.Fatal(err)
	}
	err := c.Remove(t.Context(), u, agree)
	got := "failed"
	switch {
	case err == nil:
		got = "removed"
	case errors.Is(err, job.ErrNotFound):
		got = "gone"
	}
	if got != cmp.Or(s.twice, "gone") {
		t.Errorf("the second time: %s, %v", got, err)
	}
}

// disables: those are disabled who would be removed, and only once.
func (s system) disables(t *testing.T, name string) {
	now := time.Now().UTC().Truncate(time.Second)
	d := s.serve(t, name, now, nil)
	before := d.Users()
	c, _ := s.connect(t, name, d, false, nil)
	if s.disable == nil {
		if err := c.Disable(t.Context(), s.candidate(t, c, d), func(context.Context) error { return nil }); !errors.Is(err, job.ErrUnsupported) {
			t.Errorf("disabling: %v", err)
		}
		return
	}
	run := s.cleanup(t, c, d, false)
	run.Policy.DisableOnly = true
	r := run.Run(t.Context(), now)
	disabled := those(s.wanted(now), func(name, decision string) bool {
		return strings.HasPrefix(decision, "remove") && !slices.Contains(s.rethinks, name) && !slices.ContainsFunc(before, func(u sandbox.User) bool { return u.Username == name && u.Disabled })
	})
	if r.Outcome != job.Completed || r.Counts.Disabled != len(disabled) {
		t.Errorf("outcome %s, %+v, %v", r.Outcome, r.Counts, r.Error)
		for _, a := range r.Accounts {
			t.Logf("%s: %s %s", a.Username, a.Result, a.Error)
		}
	}
	equal(t, "disabled", d.names(t, before, d.Disabled()), disabled)
	equal(t, "removed", d.Removed(), nil)
	p, err := client.LoadProfile(name)
	if err != nil {
		t.Fatal(err)
	}
	sent := d.sent(p)
	equal(t, "sent", sent, changes(slices.DeleteFunc(before, func(u sandbox.User) bool { return !slices.Contains(disabled, u.Username) }), s.disable))

	again := s.cleanup(t, c, d, false)
	again.Policy.DisableOnly = true
	if r := again.Run(t.Context(), now); r.Outcome != job.Completed || r.Counts.Candidates != len(s.rethinks) {
		t.Errorf("the second time: outcome %s, %+v, %v", r.Outcome, r.Counts, r.Error)
	}
	equal(t, "sent the second time", d.sent(p)[len(sent):], nil)
}

// signsIn: where the profile can, by other credentials than a token; and a token
// that is wrong opens nothing.
func (s system) signsIn(t *testing.T, name string) {
	now := time.Now().UTC().Truncate(time.Second)
	d := s.serve(t, name, now, nil)
	if s.signIn != nil {
		c, _ := s.connect(t, name, d, true, func(o *client.Options) {
			o.Values.Token = ""
			s.signIn(&o.Values, d.url)
		})
		run := s.cleanup(t, c, d, true)
		if r := run.Run(t.Context(), now); r.Outcome != job.DryRun || r.Counts.Scanned == 0 {
			t.Errorf("signed in: %s, %+v, %v", r.Outcome, r.Counts, r.Error)
		}
	}
	if s.open {
		return
	}
	c, _ := s.connect(t, name, d, true, func(o *client.Options) {
		if o.Values.Token != "" {
			o.Values.Token = "wrong"
		} else {
			o.Values.Password = "wrong"
		}
	})
	run := s.cleanup(t, c, d, true)
	if r := run.Run(t.Context(), now); r.Outcome != job.Failed || !errors.Is(r.Err, job.ErrCredentials) {
		t.Errorf("with wrong credentials: %s, %v", r.Outcome, r.Error)
	}
}

// forbidden: a caller without the rights removes nobody.
func (s system) forbidden(t *testing.T, name string) {
	if s.open {
		return
	}
	now := time.Now().UTC().Truncate(time.Second)
	d := s.serve(t, name, now, func(o *sandbox.Options) { o.Caller = "busy" })
	c, _ := s.connect(t, name, d, false, func(o *client.Options) {
		if o.Values.Username != "" {
			o.Values.Username = "busy"
		}
		if o.Values.Actor != "" {
			o.Values.Actor = "busy@example.com"
		}
	})
	run := s.cleanup(t, c, d, false)
	r := run.Run(t.Context(), now)
	if got := string(r.Outcome); got != cmp.Or(s.weak, "failed") {
		t.Errorf("%s: %+v %v", got, r.Counts, r.Error)
	}
	if r.Outcome == job.Failed && !errors.Is(r.Err, job.ErrCredentials) {
		t.Errorf("it failed otherwise: %v", r.Error)
	}
	equal(t, "removed", d.Removed(), nil)
}

// tooFast: the run waits as it is told, and does the same as otherwise.
func (s system) tooFast(t *testing.T, name string) {
	if s.limited {
		return
	}
	now := time.Now().UTC().Truncate(time.Second)
	d := s.serve(t, name, now, func(o *sandbox.Options) { o.RateLimit = 10 })
	before := d.Users()
	c, retried := s.connect(t, name, d, false, func(o *client.Options) { o.MaxRetries = 20 })
	run := s.cleanup(t, c, d, false)
	r := run.Run(t.Context(), now)
	removed := those(s.wanted(now), func(name, decision string) bool {
		return strings.HasPrefix(decision, "remove") && !slices.Contains(s.refuses, name) && !slices.Contains(s.rethinks, name)
	})
	if r.Counts.Removed != len(removed) {
		t.Errorf("outcome %s, %+v, %v", r.Outcome, r.Counts, r.Error)
	}
	equal(t, "removed", d.names(t, before, d.Removed()), removed)
	if len(d.Requests()) > 12 && retried.n == 0 {
		t.Errorf("%d requests, and none was too fast", len(d.Requests()))
	}
}
