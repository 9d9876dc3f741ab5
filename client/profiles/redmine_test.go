package profiles_test

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/tidwall/gjson"
)

const day = 24 * time.Hour

// groups are accounts that are alike. Their times are relative to the cutoff.
var groups = []struct {
	name    string
	size    int
	login   time.Duration // the last one, as the database has it
	created time.Duration // 0: long ago
	other   string        // what else there is to say
	want    string        // what the program has to say; none: is not listed
}{
	{name: "stale", size: 60, login: -10 * day, want: "inactive"},
	{name: "before", size: 1, login: -time.Second, want: "inactive"},
	{name: "exact", size: 1, login: 0, want: "active"},
	{name: "after", size: 1, login: time.Second, want: "active"},
	{name: "recent", size: 20, login: 60 * day, want: "active"},
	{name: "back", size: 5, login: -100 * day, other: "logs in", want: "active"},
	{name: "never", size: 25, other: "never", want: "never_logged_in"},
	{name: "newcomer", size: 5, other: "never", created: 80 * day, want: "never_logged_in"},
	{name: "imported", size: 5, login: -100 * day, created: -50 * day, want: "never_logged_in"},
	{name: "admin", size: 4, login: -100 * day, other: "admin", want: "admin"},
	{name: "listed", size: 5, login: -100 * day, want: "allowlisted"},
	{name: "locked", size: 15, login: -100 * day, other: "locked"},
	{name: "registered", size: 5, login: -100 * day, other: "registered"},
	// Later scenes make these old.
	{name: "doubtful", size: 12, login: 60 * day, want: "active"},
	{name: "next", size: 30, login: 60 * day, want: "active"},
}

// TestRedmine cleans up a real Redmine with the real program, and takes what came
// of it from the server's database and log. .ci/redmine starts a server.
func TestRedmine(t *testing.T) {
	if os.Getenv("REDMINE_URL") == "" {
		t.Skip("REDMINE_URL is not set: no Redmine was started with .ci/redmine")
	}
	r := &redmine{
		url: os.Getenv("REDMINE_URL"), key: os.Getenv("REDMINE_API_KEY"), program: build(t),
		prefix: everyRun + strconv.FormatInt(time.Now().UnixNano(), 36) + "-",
		cutoff: time.Now().UTC().Truncate(time.Second).Add(-90 * day),
		ids:    map[string][]string{}, there: map[string]bool{"1": true},
	}
	r.populate(t)
	// Each scene goes on where the one before has ended.
	_ = t.Run("an audit changes nothing", r.audit) &&
		t.Run("guards refuse", r.guards) &&
		t.Run("bad credentials", r.credentials) &&
		t.Run("a run removes who is inactive", r.run) &&
		t.Run("the second look", r.lookAgain) &&
		t.Run("the caller stays", r.self) &&
		t.Run("locked accounts", r.locked) &&
		t.Run("the daemon", r.daemon)
}

func (r *redmine) audit(t *testing.T) {
	before := sqlite("SELECT * FROM users ORDER BY id")
	for _, command := range []string{"audit DORMANT_DRY_RUN=false", "run"} {
		o := r.dormant(t, command)
		o.wants(t, 0, each(slices.Concat(r.ids["stale"], r.ids["before"]), wouldRemove))
		r.wantsKept(t, o)
	}
	o := r.dormant(t, "audit DORMANT_NEVER_LOGGED_IN=remove")
	fates := each(slices.Concat(r.ids["stale"], r.ids["before"]), wouldRemove)
	maps.Copy(fates, each(slices.Concat(r.ids["never"], r.ids["imported"]), "would_remove never_logged_in ()"))
	o.wants(t, 0, fates)
	if sqlite("SELECT * FROM users ORDER BY id") != before {
		t.Error("an audit has changed accounts")
	}
}

func (r *redmine) guards(t *testing.T) {
	for limits, guard := range map[string]string{
		"": "max_removal_percent",
		"DORMANT_MAX_REMOVAL_PERCENT=100 DORMANT_MAX_REMOVALS=60": "max_removals", // there are 61
		"DORMANT_MAX_REMOVAL_PERCENT=100 DORMANT_MAX_REMOVALS=0":  "max_removals",
	} {
		o := r.dormant(t, "run DORMANT_DRY_RUN=false "+limits)
		o.wants(t, 3, each(slices.Concat(r.ids["stale"], r.ids["before"]), notAttempted))
		if no := o.report.Get("refusals"); no.Get("#").Int() != 1 || no.Get("0.guard").Str != guard || no.Get("0.found").Int() != 61 {
			t.Errorf("%s: refusals are %s, want one of %s with 61", limits, no, guard)
		}
	}
	r.wantsAccounts(t)
}

func (r *redmine) credentials(t *testing.T) {
	for _, key := range []string{"0123456789abcdef", r.keyOf(r.ids["recent"][0])} {
		for _, command := range []string{"audit", "run DORMANT_DRY_RUN=false", "check"} {
			r.dormant(t, command+" DORMANT_TOKEN="+key).wants(t, 2, nil)
		}
	}
	r.wantsAccounts(t)
}

func (r *redmine) run(t *testing.T) {
	gone := slices.Concat(r.ids["stale"], r.ids["before"])
	o := r.dormant(t, "run DORMANT_DRY_RUN=false DORMANT_MAX_REMOVAL_PERCENT=40 DORMANT_MAX_REMOVALS=61")
	r.wantsRemoved(t, o, gone)
	r.wantsKept(t, o)
	for _, id := range gone {
		if status, _ := r.call(r.key, "GET /users/"+id+".json", ""); status != http.StatusNotFound {
			t.Errorf("account %s: status %d after its removal, want 404", id, status)
		}
	}
}

// lookAgain has things happen between the program's scan and its removals.
func (r *redmine) lookAgain(t *testing.T) {
	ids := r.ids["doubtful"]
	r.set(ids, "last_login_on", -200*day)
	returned, promoted, deleted, overtaken, rest := ids[0], ids[1], ids[2], ids[3], ids[4:]
	promote := "PUT /users/" + promoted + ".json"
	remove := deletes(deleted, overtaken)
	somebody := func(route, body string) func() { return func() { r.call(r.key, route, body) } }
	proxy := r.proxy(t, map[string]func(){
		"GET /users/" + returned + ".json": func() { r.logIn(returned) },
		"GET /users/" + promoted + ".json": somebody(promote, `{"user":{"admin":true}}`),
		"GET /users/" + deleted + ".json":  somebody(remove[0], ""),
		remove[1]:                          somebody(remove[1], ""),
	})
	o := r.dormant(t, "run DORMANT_DRY_RUN=false DORMANT_MAX_REMOVAL_PERCENT=11 DORMANT_URL="+proxy)
	fates := each(rest, removed)
	fates[returned], fates[promoted] = "kept active_again (kept)", "kept admin (kept)"
	fates[deleted], fates[overtaken] = "already_gone inactive (already_gone)", "already_gone inactive (intent already_gone)"
	// What somebody else did is in the server's log as well.
	o.wants(t, 0, fates, append(deletes(append(rest, deleted, overtaken, overtaken)...), promote)...)
	r.wantsAccounts(t, ids[2:]...)
	r.ids["admin"] = append(r.ids["admin"], promoted)
}

// self is called by an old administrator. As there is another one, Redmine would
// let this one remove himself.
func (r *redmine) self(t *testing.T) {
	caller, others := r.ids["admin"][0], r.ids["admin"][1:]
	key := r.keyOf(caller)
	o := r.dormant(t, "run DORMANT_DRY_RUN=false DORMANT_PROTECT_ADMINS=false DORMANT_TOKEN="+key)
	r.wantsRemoved(t, o, others)
	if kept := o.report.Get("counts.kept"); kept.Get("self").Int() != 1 {
		t.Errorf("kept %s, want the caller as self", kept)
	}

	if status, _ := r.call(key, "DELETE /users/"+caller+".json", ""); status != http.StatusNoContent {
		t.Errorf("status %d for removing oneself, want 204", status)
	}
	if admins := sqlite("SELECT id FROM users WHERE admin = 1 AND status = 1"); admins != "1" {
		t.Fatalf("the administrators are %s, want 1", admins)
	}
	if status, _ := r.call(r.key, "DELETE /users/1.json", ""); status != http.StatusUnprocessableEntity {
		t.Errorf("status %d for removing oneself as the last administrator, want 422", status)
	}
	r.wantsAccounts(t, caller)
}

func (r *redmine) locked(t *testing.T) {
	kept, gone := r.ids["locked"][0], r.ids["locked"][1:]
	run := "run DORMANT_DRY_RUN=false DORMANT_PARAMS=status=3 DORMANT_MAX_REMOVAL_PERCENT=95 DORMANT_ALLOWLIST=" + kept
	r.dormant(t, run).wants(t, 3, each(gone, notAttempted)) // nobody among them has been active
	r.wantsAccounts(t)
	r.wantsRemoved(t, r.dormant(t, run+" DORMANT_REQUIRE_ACTIVE=false"), gone)
}

func (r *redmine) daemon(t *testing.T) {
	gone := r.ids["next"]
	r.set(gone, "last_login_on", -200*day)
	o := r.start(t, "daemon DORMANT_DRY_RUN=false DORMANT_MAX_REMOVAL_PERCENT=50 DORMANT_RUN_AT_START=true DORMANT_LISTEN=127.0.0.1:0")
	base := "http://" + o.waitFor(t, "daemon started").Get("address").Str
	o.waitFor(t, "run finished")
	for tick := time.Tick(10 * time.Millisecond); strings.Contains(get(base+"/readyz"), "no run has ended"); {
		<-tick
	}
	metrics := get(base + "/metrics")
	for _, line := range []string{
		`dormant_runs_total{command="daemon",outcome="completed"} 1`,
		`dormant_removals_total{dry_run="false",result="removed"} 30`,
		`dormant_api_requests_total{code="204",operation="remove"} 30`,
	} {
		if !strings.Contains(metrics, line+"\n") {
			t.Errorf("the metrics lack %s", line)
		}
	}
	_ = o.cmd.Process.Signal(syscall.SIGTERM)
	r.finish(t, o)
	r.wantsRemoved(t, o, gone)
}

// everyRun begins the names of the accounts that this test makes, in whichever run.
const everyRun = "dormant-test-"

const password = "correct horse battery"

// redmine is a server, and what the test knows of it.
type redmine struct {
	url, key, program string

	prefix string // of the names and emails of this run
	cutoff time.Time
	ids    map[string][]string // by group
	there  map[string]bool     // the ids that the server has to have
}

// populate makes the accounts: by the API, with a past from the database.
func (r *redmine) populate(t *testing.T) {
	ours := "(SELECT id FROM users WHERE login LIKE '" + everyRun + "%')"
	remove := fmt.Sprintf("DELETE FROM tokens WHERE user_id IN %[1]s; DELETE FROM user_preferences WHERE user_id IN %[1]s;"+
		"DELETE FROM email_addresses WHERE user_id IN %[1]s; DELETE FROM users WHERE id IN %[1]s", ours)
	sqlite(remove)
	t.Cleanup(func() { sqlite(remove) })
	r.wantsAccounts(t)
	if t.Failed() {
		t.Fatal("this Redmine is not one for this test: it would remove those accounts")
	}
	status := map[string]int{"registered": 2, "locked": 3}
	for _, g := range groups {
		for i := range g.size {
			name := fmt.Sprintf("%s%s%d", r.prefix, g.name, i)
			code, answer := r.call(r.key, "POST /users.json", fmt.Sprintf(
				`{"user":{"login":%q,"firstname":"F","lastname":"L","mail":"%s@example.com","password":%q,"admin":%t,"status":%d}}`,
				name, name, password, g.other == "admin", cmp.Or(status[g.other], 1)))
			if code != http.StatusCreated {
				t.Fatalf("create %s: status %d: %s", name, code, answer)
			}
			id := gjson.Get(answer, "user.id").Raw
			r.ids[g.name], r.there[id] = append(r.ids[g.name], id), true
		}
		r.set(r.ids[g.name], "created_on", cmp.Or(g.created, -1000*day))
		if g.other != "never" {
			r.set(r.ids[g.name], "last_login_on", g.login)
		}
	}
	for _, id := range r.ids["back"] {
		r.logIn(id)
	}
}

// set sets a time of these accounts, relative to the cutoff.
func (r *redmine) set(ids []string, column string, at time.Duration) {
	sqlite(fmt.Sprintf("UPDATE users SET %s = '%s' WHERE id IN (%s)",
		column, r.cutoff.Add(at).Format("2006-01-02 15:04:05.000000"), strings.Join(ids, ",")))
}

// logIn is a login that Redmine takes note of. Calls with a key are none.
func (r *redmine) logIn(id string) {
	r.call(sqlite("SELECT login FROM users WHERE id = "+id)+":"+password, "GET /users/current.json", "")
}

func (r *redmine) keyOf(id string) string {
	_, answer := r.call(r.key, "GET /users/"+id+".json", "")
	return gjson.Get(answer, "user.api_key").Str
}

// call sends a request with a key or as name:password.
func (r *redmine) call(as, route, body string) (int, string) {
	method, path, _ := strings.Cut(route, " ")
	req := must(http.NewRequest(method, r.url+path, strings.NewReader(body)))
	name, secret, _ := strings.Cut(as, ":")
	req.SetBasicAuth(name, secret) // Redmine takes a key for a name as well
	req.Header.Set("Content-Type", "application/json")
	return send(req)
}

func send(req *http.Request) (int, string) {
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		panic(err)
	}
	defer resp.Body.Close()
	return resp.StatusCode, string(must(io.ReadAll(resp.Body)))
}

// proxy stands in front of the server. Before it passes on the first request of
// one of these routes, it lets something else happen.
func (r *redmine) proxy(t *testing.T, before map[string]func()) string {
	for route, happens := range before {
		before[route] = sync.OnceFunc(happens)
	}
	target := must(url.Parse(r.url))
	onward := &httputil.ReverseProxy{Rewrite: func(p *httputil.ProxyRequest) { p.SetURL(target) }}
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if happens, ok := before[req.Method+" "+req.URL.Path]; ok {
			happens()
		}
		onward.ServeHTTP(w, req)
	}))
	t.Cleanup(proxy.Close)
	return proxy.URL
}

// wantsAccounts wants all to be there but those who have gone since it was last
// asked, and nobody else.
func (r *redmine) wantsAccounts(t *testing.T, gone ...string) {
	t.Helper()
	for _, id := range gone {
		delete(r.there, id)
	}
	there := strings.Fields(sqlite("SELECT id FROM users WHERE type = 'User'"))
	wantSame(t, "accounts", there, slices.Collect(maps.Keys(r.there)))
}

// wantsRemoved wants just these to have been removed, each with a single request.
func (r *redmine) wantsRemoved(t *testing.T, o *outing, ids []string) {
	t.Helper()
	o.wants(t, 0, each(ids, removed), deletes(ids...)...)
	r.wantsAccounts(t, ids...)
}

// wantsKept wants the reasons to keep that the groups are there for.
func (r *redmine) wantsKept(t *testing.T, o *outing) {
	t.Helper()
	got, want := map[string]int{}, map[string]int{"self": 1}
	for _, g := range groups {
		if g.want != "" && g.want != "inactive" {
			want[g.want] += g.size
		}
	}
	for reason, n := range o.report.Get("counts.kept").Map() {
		got[reason] = int(n.Int())
	}
	if !maps.Equal(got, want) {
		t.Errorf("kept %v, want %v", got, want)
	}
}

// build builds the program, with the race detector if the test has it.
func build(t *testing.T) string {
	path := filepath.Join(t.TempDir(), "dormant")
	args := []string{"build", "-buildvcs=false", "-o", path}
	info, _ := debug.ReadBuildInfo()
	if slices.Contains(info.Settings, debug.BuildSetting{Key: "-race", Value: "true"}) {
		args = append(args, "-race")
	}
	if text, err := exec.Command("go", append(args, "dormant")...).CombinedOutput(); err != nil {
		t.Fatalf("go build: %v: %s", err, text)
	}
	return path
}

// outing is one start of the program, and what it has left behind.
type outing struct {
	cmd    *exec.Cmd
	stderr bytes.Buffer
	lines  *bufio.Scanner // of it
	dir    string
	logged int // by the server before, in bytes

	report gjson.Result
}

// dormant runs the program to its end. The words after the command are variables.
func (r *redmine) dormant(t *testing.T, command string) *outing {
	t.Helper()
	o := r.start(t, command)
	r.finish(t, o)
	return o
}

func (r *redmine) start(t *testing.T, command string) *outing {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	words := strings.Fields(command)
	o := &outing{cmd: exec.CommandContext(ctx, r.program, words[0]), dir: t.TempDir(), logged: len(serverLog())}
	o.cmd.Env = append([]string{
		"DORMANT_PROFILE=redmine", "DORMANT_URL=" + r.url, "DORMANT_TOKEN=" + r.key, "DORMANT_LOG_LEVEL=debug",
		"DORMANT_INACTIVE_SINCE=" + r.cutoff.Format(time.RFC3339), "DORMANT_ALLOWLIST=" + strings.ToUpper(r.prefix) + "listed*",
		"DORMANT_JOURNAL=" + o.dir + "/journal", "DORMANT_REPORT=" + o.dir + "/report.json",
		"GORACE=atexit_sleep_ms=0", // or the race detector lets each run wait for a second
	}, words[1:]...) // of two with one name, the last counts
	o.lines = bufio.NewScanner(io.TeeReader(must(o.cmd.StderrPipe()), &o.stderr))
	if err := o.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return o
}

// waitFor reads the log up to this message.
func (o *outing) waitFor(t *testing.T, message string) gjson.Result {
	t.Helper()
	for o.lines.Scan() {
		if line := gjson.ParseBytes(o.lines.Bytes()); line.Get("message").Str == message {
			return line
		}
	}
	t.Fatalf("the program has not logged %q:\n%s", message, &o.stderr)
	return gjson.Result{}
}

// finish waits for the program's end.
func (r *redmine) finish(t *testing.T, o *outing) {
	t.Helper()
	for o.lines.Scan() {
		continue
	}
	_ = o.cmd.Wait() // the exit code is looked at later
	if text := strings.ToLower(o.stderr.String()); strings.Contains(text, r.prefix) || strings.Contains(text, r.key) {
		t.Errorf("names, emails or the key are in the log:\n%s", text)
	}
	report, _ := os.ReadFile(o.dir + "/report.json") // none from check
	o.report = gjson.ParseBytes(report)
}

// What became of an account: the result and the reason in the report, and what
// the journal has.
const (
	wouldRemove  = "would_remove inactive ()"
	notAttempted = "not_attempted inactive ()"
	removed      = "removed inactive (intent removed)"
)

// each is the same for all.
func each(ids []string, fate string) map[string]string {
	fates := map[string]string{}
	for _, id := range ids {
		fates[id] = fate
	}
	return fates
}

// wants wants this exit code, just these candidates, the longest inactive first,
// and just these requests in the server's log that are no reads.
func (o *outing) wants(t *testing.T, code int, fates map[string]string, writes ...string) {
	t.Helper()
	if got := o.cmd.ProcessState.ExitCode(); got != code {
		t.Fatalf("exit code %d, want %d:\n%s", got, code, &o.stderr)
	}
	journal, times := map[string]string{}, map[string]time.Time{}
	lines, _ := os.ReadFile(o.dir + "/journal") // none from a dry run
	for line := range bytes.Lines(lines) {
		e := gjson.ParseBytes(line)
		id := e.Get("user_id").Str
		journal[id] = strings.TrimSpace(journal[id] + " " + cmp.Or(e.Get("result").Str, e.Get("event").Str))
		times[e.Get("event").Str+" /users/"+id+".json"] = e.Get("time").Time()
	}
	var got, want []string
	var days []int64
	for _, a := range o.report.Get("accounts").Array() {
		id := a.Get("id").Str
		got = append(got, fmt.Sprintf("%s %s %s (%s)", id, a.Get("result"), a.Get("reason"), journal[id]))
		days = append(days, -a.Get("inactive_days").Int())
		delete(journal, id)
	}
	for id, fate := range fates {
		want = append(want, id+" "+fate)
	}
	wantSame(t, "candidates", got, want)
	if len(journal) > 0 {
		t.Errorf("in the journal and not in the report: %v", journal)
	}
	if !slices.IsSorted(days) {
		t.Errorf("the longest inactive are not the first: %v", days)
	}

	var sent []string
	for _, m := range startedWrite.FindAllStringSubmatch(serverLog()[o.logged:], -1) {
		at, path := must(time.Parse("2006-01-02T15:04:05", m[1])), m[3]
		sent = append(sent, m[2]+" "+path)
		if intent, result := times["intent "+path], times["result "+path]; !intent.IsZero() && (at.Before(intent) || at.After(result)) {
			t.Errorf("%s %s at %s, but the intent is of %s and the result of %s", m[2], path, at, intent, result)
		}
	}
	wantSame(t, "requests", sent, writes)
}

// I, [2026-11-21T17:54:33.744727 #1675]  INFO -- : [5bdedf6d-…] Started DELETE "/users/77.json" for 127.0.0.1 at …
var startedWrite = regexp.MustCompile(`(?m)^I, \[(\S+) #\d+\].* Started (POST|PUT|PATCH|DELETE) "([^"]*)" for `)

func deletes(ids ...string) []string {
	var routes []string
	for _, id := range ids {
		routes = append(routes, "DELETE /users/"+id+".json")
	}
	return routes
}

// wantSame compares without regard to the order.
func wantSame(t *testing.T, what string, got, want []string) {
	t.Helper()
	got, want = slices.Sorted(slices.Values(got)), slices.Sorted(slices.Values(want))
	if !slices.Equal(got, want) {
		less := func(a, b []string) []string {
			return slices.DeleteFunc(slices.Clone(a), func(s string) bool { return slices.Contains(b, s) })
		}
		t.Errorf("%s: got %d, want %d; unwanted are %q, missing are %q", what, len(got), len(want), less(got, want), less(want, got))
	}
}

// sqlite asks the server's database, and waits while the server writes to it.
func sqlite(statement string) string {
	out, err := exec.Command("sqlite3", "-cmd", ".timeout 10000", os.Getenv("REDMINE_DB"), statement).CombinedOutput()
	if err != nil {
		panic(fmt.Sprintf("sqlite3: %v: %s", err, out))
	}
	return strings.TrimSpace(string(out))
}

func get(url string) string {
	_, body := send(must(http.NewRequest(http.MethodGet, url, http.NoBody)))
	return body
}

func serverLog() string { return string(must(os.ReadFile(os.Getenv("REDMINE_LOG")))) }

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
