package command

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"dormant/client/sandbox"
	"dormant/job"
)

// systems are those that are tried here; the profiles' tests try them all.
var systems = []string{"itflex", "maestro", "redmine"}

const (
	forReal  = "DORMANT_DRY_RUN=false"
	patience = 20 * time.Second // for what takes a moment
)

var (
	now    = time.Now().UTC().Truncate(time.Second)
	cutoff = now.AddDate(0, 0, -90) // to the second: the population has accounts on both sides
)

// directory is a sandbox that is served under a prefix.
type directory struct {
	*sandbox.Server
	t       *testing.T
	system  string
	url     string
	environ []string
	users   []sandbox.User // as they are at first
	hook    atomic.Pointer[hook]

	connections atomic.Int64 // that are open

	requests, removed int // by earlier runs
}

func serve(t *testing.T, system string, options ...func(*sandbox.Options)) *directory {
	t.Helper()
	d := &directory{t: t, system: system}
	o := sandbox.Options{System: system, Seed: 1, WithLastLogin: true, Users: sandbox.Population(120, 1, now)}
	switch system {
	case "maestro":
		for _, id := range []string{"..", "x/../y", "team 7|ü+a=b&c@d:e", "7?x", "..;"} {
			o.Users = append(o.Users, sandbox.User{ID: id, Username: "odd" + strconv.Itoa(len(id)) + ".id", LastLogin: now.AddDate(-1, 0, 0)})
		}
	case "redmine":
		for i := 5; i < len(o.Users); i += 5 {
			o.Users[i].Disabled = true
		}
	}
	o.Before = func(w http.ResponseWriter, r *http.Request) bool { return (*d.hook.Load())(w, r) }
	d.before(func(http.ResponseWriter, *http.Request) bool { return false })
	for _, option := range options {
		option(&o)
	}
	var err error
	if d.Server, err = sandbox.New(o); err != nil {
		t.Fatal(err)
	}
	d.users = d.Users()
	server := httptest.NewUnstartedServer(http.StripPrefix("/tenant/7", d.Server))
	server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		switch state {
		case http.StateNew:
			d.connections.Add(1)
		case http.StateClosed, http.StateHijacked:
			d.connections.Add(-1)
		case http.StateActive, http.StateIdle:
		}
	}
	server.Start()
	t.Cleanup(server.Close)
	d.url = server.URL + "/tenant/7"
	d.environ = []string{
		"DORMANT_PROFILE=" + system, "DORMANT_URL=" + d.url, "DORMANT_TOKEN=" + cmp.Or(o.Token, sandbox.DefaultToken),
		"DORMANT_INACTIVE_SINCE=" + cutoff.Format(time.RFC3339), "DORMANT_MAX_RETRIES=0",
		"DORMANT_MAX_REMOVALS=1000", "DORMANT_MAX_REMOVAL_PERCENT=100", "DORMANT_FORMAT=json",
	}
	if system == "maestro" {
		d.environ = append(d.environ, "DORMANT_ACTOR=admin")
	}
	return d
}

// hook sees a request first, and reports whether it has answered.
type hook func(http.ResponseWriter, *http.Request) bool

// before sets the hook.
func (d *directory) before(h hook) { d.hook.Store(&h) }

// env is the environment in which the program finds the directory.
func (d *directory) env(more ...string) []string { return slices.Concat(d.environ, more) }

// unset takes a variable out of the environment.
func (d *directory) unset(variable string) {
	d.environ = slices.DeleteFunc(d.environ, func(v string) bool { return strings.HasPrefix(v, variable+"=") })
}

// unused are the ids of the accounts that should go by default, the longest
// inactive first: as the documents say, not as the program does.
func (d *directory) unused() []string {
	return d.matching(func(u sandbox.User) bool {
		old := !u.LastLogin.IsZero() && u.LastLogin.Before(cutoff)
		switch d.system {
		case "maestro": // tells neither administrators nor what was done, and has odd ids
			return old && !slices.Contains([]string{"..", "x/../y", "7?x", "..;"}, u.ID)
		case "itflex":
			return old && !u.Admin && u.LastAction.Before(cutoff)
		default:
			return old && !u.Admin && !u.Disabled
		}
	})
}

func (d *directory) matching(are func(sandbox.User) bool) []string {
	users := slices.DeleteFunc(slices.Clone(d.users), func(u sandbox.User) bool { return !are(u) })
	slices.SortFunc(users, func(a, b sandbox.User) int {
		return cmp.Or(a.LastLogin.Compare(b.LastLogin), cmp.Compare(a.ID, b.ID))
	})
	var ids []string
	for _, u := range users {
		ids = append(ids, u.ID)
	}
	return ids
}

// user is the account as it was at first.
func (d *directory) user(id string) sandbox.User {
	return d.users[slices.IndexFunc(d.users, func(u sandbox.User) bool { return u.ID == id })]
}

func (d *directory) change(id string, change func(*sandbox.User)) {
	if err := d.Update(id, change); err != nil {
		d.t.Error(err)
	}
}

// path is where the account is.
func (d *directory) path(id string) string {
	form := map[string]string{"itflex": "/api/users/%s", "maestro": "/users/%s", "redmine": "/users/%s.json"}[d.system]
	return fmt.Sprintf(form, url.PathEscape(id))
}

func (d *directory) paths() []string {
	var paths []string
	for _, u := range d.users {
		paths = append(paths, d.path(u.ID))
	}
	return paths
}

func (d *directory) onlyReads(requests []sandbox.Request) {
	d.t.Helper()
	for _, r := range requests {
		if r.Method != http.MethodGet {
			d.t.Errorf("%s %s was sent", r.Method, r.Path)
		}
	}
}

// result is what came of one cleanup.
type result struct {
	code           int
	report         job.Report
	stdout, stderr string
}

// run carries out one cleanup, as the command does it.
func (d *directory) run(command string, environ ...string) result {
	d.t.Helper()
	environ = d.env(environ...)
	if command != "daemon" {
		p := start(d.t, environ, command)
		code := p.wait(d.t)
		return d.checkRun(code, p.stdout.String(), p)
	}
	report := filepath.Join(d.t.TempDir(), "report.json")
	p := start(d.t, append(environ, "DORMANT_RUN_AT_START=true", "DORMANT_LISTEN=127.0.0.1:0", "DORMANT_REPORT="+report), command)
	p.stderr.await(d.t, `"run finished"`)
	p.signal(os.Interrupt)
	code := p.wait(d.t)
	return d.checkRun(code, read(d.t, report), p)
}

// checkRun checks what is true of every cleanup, however it ends.
func (d *directory) checkRun(code int, report string, p *program) result {
	d.t.Helper()
	r := result{code: code, stdout: p.stdout.String(), stderr: p.stderr.String()}
	if err := json.Unmarshal([]byte(report), &r.report); err != nil {
		d.t.Fatalf("no report: %v\n%s\n%s", err, report, r.stderr)
	}
	requests, removed := d.Requests()[d.requests:], d.Removed()[d.removed:]
	d.requests, d.removed = len(d.Requests()), len(d.Removed())
	if r.report.DryRun {
		d.onlyReads(requests)
	}
	var said []string
	for _, a := range r.report.Accounts.All() {
		if a.Result == job.Removed {
			said = append(said, a.ID)
		}
	}
	sameIDs(d.t, "reported as removed", said, removed)
	sameIDs(d.t, "counted as removed", make([]string, r.report.Counts.Removed), make([]string, len(removed)))

	summaries := 0
	for line := range strings.Lines(r.stderr) {
		var event struct {
			Message, Outcome string
			RunID            string `json:"run_id"`
		}
		if err := json.Unmarshal([]byte(line), &event); err != nil {
			d.t.Errorf("no line of a log: %s", line)
		}
		ofDaemon := event.Message == "daemon started" || strings.HasPrefix(event.Message, "stopping")
		if event.RunID != r.report.RunID && !ofDaemon || event.RunID == "" && !ofDaemon {
			d.t.Errorf("not of run %q: %s", r.report.RunID, line)
		}
		if event.Message == "run finished" {
			summaries++
			if event.Outcome != string(r.report.Outcome) {
				d.t.Errorf("the log says %s, the report %s", event.Outcome, r.report.Outcome)
			}
		}
	}
	if summaries != 1 {
		d.t.Errorf("%d summaries in:\n%s", summaries, r.stderr)
	}
	for _, u := range d.users {
		if strings.Contains(u.Username, ".") && !strings.Contains(u.ID, u.Username) && strings.Contains(r.stderr, u.Username) {
			d.t.Errorf("the log names %s:\n%s", u.Username, r.stderr)
		}
	}
	if strings.Contains(r.stdout+r.stderr+report, sandbox.DefaultToken) {
		d.t.Errorf("the token is shown:\n%s%s", r.stdout, r.stderr)
	}
	return r
}

func (r result) expect(t *testing.T, code int, outcome job.Outcome) {
	t.Helper()
	if r.code != code || r.report.Outcome != outcome {
		t.Errorf("it ended with %d, %s, and not with %d, %s:\n%s%s", r.code, r.report.Outcome, code, outcome, r.stdout, r.stderr)
	}
}

func (r result) account(t *testing.T, id string) job.Account {
	t.Helper()
	i := slices.IndexFunc(r.report.Accounts.List(), func(a job.Account) bool { return a.ID == id })
	if i < 0 {
		t.Fatalf("%s is not in the report", id)
	}
	return r.report.Accounts.At(i)
}

func candidates(r job.Report) []string {
	var ids []string
	for _, a := range r.Accounts.All() {
		ids = append(ids, a.ID)
	}
	return ids
}

// refuses fails unless the command refuses its configuration: with exit code 2,
// with all that it should say, and before it sends anything. It returns what was said.
func (d *directory) refuses(t *testing.T, command string, says []string, environ ...string) string {
	t.Helper()
	sent := len(d.Requests())
	p := start(t, d.env(environ...), command)
	if code := p.wait(t); code != exitUsage || p.stdout.String() != "" || len(d.Requests()) > sent {
		t.Errorf("%q: the exit code is %d, and %d requests were sent:\n%s%s", environ, code, len(d.Requests())-sent, &p.stdout, &p.stderr)
	}
	for _, s := range says {
		if !strings.Contains(p.stderr.String(), s) {
			t.Errorf("%q: %s is not in:\n%s", environ, s, &p.stderr)
		}
	}
	return p.stderr.String()
}

// sameIDs compares two lists in any order, and says what differs.
func sameIDs(t *testing.T, what string, got, want []string) {
	t.Helper()
	got, want = slices.Sorted(slices.Values(got)), slices.Sorted(slices.Values(want))
	if slices.Equal(got, want) {
		return
	}
	without := func(a, b []string) []string {
		return slices.DeleteFunc(slices.Clone(a), func(s string) bool { return slices.Contains(b, s) })
	}
	t.Errorf("%s: %d, not %d; too much: %q; missing: %q", what, len(got), len(want), without(got, want), without(want, got))
}

func answer(w http.ResponseWriter, code int, body string) bool {
	w.WriteHeader(code)
	io.WriteString(w, body)
	return true
}

// unusedAddress is one at which nobody listens.
func unusedAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}
