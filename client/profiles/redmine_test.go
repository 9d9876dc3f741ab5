package profiles_test

import (
	"cmp"
	"fmt"
	"maps"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/tidwall/gjson"
)

// groups are groups of accounts with the same history. Times are relative to the cutoff.
var groups = []struct {
	name    string
	size    int
	login   time.Duration // last login, written to the database
	created time.Duration // 0: long ago
	other   string        // what else is special about the accounts
	want    string        // expected reason; "": not listed
}{
	{name: "stale", size: 60, login: -10 * day, want: "inactive"},
	{name: "before", size: 1, login: -time.Second, want: "inactive"},
	{name: "exact", size: 1, login: 0, want: "active"},
	{name: "after", size: 1, login: time.Second, want: "active"},
	{name: "recent", size: 20, login: 60 * day, want: "active"},
	{name: "back", size: 5, login: -100 * day, other: "logs in", want: "active"},
	{name: "never", size: 25, other: "never", want: "never_logged_in"},
	{name: "newcomer", size: 5, other: "never", created: 80 * day, want: "never_logged_in"},
	{name: "imported", size: 5, login: -100 * day, created: -50 * day, want: "last_login_unknown"},
	{name: "admin", size: 4, login: -100 * day, other: "admin", want: "admin"},
	{name: "listed", size: 5, login: -100 * day, want: "allowlisted"},
	{name: "locked", size: 15, login: -100 * day, other: "locked"},
	{name: "registered", size: 5, login: -100 * day, other: "registered"},
	// Later scenes set these to an old login.
	{name: "doubtful", size: 12, login: 60 * day, want: "active"},
	{name: "next", size: 30, login: 60 * day, want: "active"},
}

// TestRedmine cleans up a real Redmine with the real program, and reads the results from the
// server's database and log. .ci/redmine starts a server.
func TestRedmine(t *testing.T) {
	r := connectRedmine(t)
	r.populate(t)
	// Each scene continues with the accounts that the one before has left.
	_ = t.Run("an audit changes nothing", r.audit) &&
		t.Run("guards refuse", r.guards) &&
		t.Run("bad credentials", r.credentials) &&
		t.Run("a run removes inactive accounts", r.run) &&
		t.Run("the recheck", r.lookAgain) &&
		t.Run("the caller stays", r.self) &&
		t.Run("locked accounts", r.locked) &&
		t.Run("the daemon", r.daemon)
}

// connectRedmine returns the server that was started, with no accounts of these tests, and
// skips the test if there is none.
func connectRedmine(t *testing.T) *redmine {
	if os.Getenv("REDMINE_URL") == "" {
		t.Skip("REDMINE_URL is not set: no Redmine was started with .ci/redmine")
	}
	key := os.Getenv("REDMINE_API_KEY")
	r := &redmine{key: key, server: &server{
		url: os.Getenv("REDMINE_URL"), secret: key, settings: []string{"DORMANT_PROFILE=redmine", "DORMANT_TOKEN=" + key},
		database: os.Getenv("REDMINE_DB"), log: os.Getenv("REDMINE_LOG"), requests: redmineRequests, looks: true,
		account: "/users/%s.json", listed: "SELECT id FROM users WHERE type = 'User'", there: map[string]bool{"1": true},
	}}
	r.prepare(t)
	ours := "(SELECT id FROM users WHERE login LIKE '" + everyRun + "%')"
	remove := fmt.Sprintf("DELETE FROM tokens WHERE user_id IN %[1]s; DELETE FROM user_preferences WHERE user_id IN %[1]s;"+
		"DELETE FROM email_addresses WHERE user_id IN %[1]s; DELETE FROM users WHERE id IN %[1]s", ours)
	r.sqlite(remove)
	t.Cleanup(func() { r.sqlite(remove) })
	r.wantsAccounts(t)
	if t.Failed() {
		t.Fatal("this Redmine is not one for this test: it would remove those accounts")
	}
	return r
}

func (r *redmine) audit(t *testing.T) {
	before := r.sqlite("SELECT * FROM users ORDER BY id")
	for _, command := range []string{"audit DORMANT_DRY_RUN=false", "run"} {
		o := r.dormant(t, command)
		o.wants(t, 0, each(slices.Concat(r.ids["stale"], r.ids["before"]), wouldRemove))
		r.wantsKept(t, o)
	}
	o := r.dormant(t, "audit DORMANT_NEVER_LOGGED_IN=remove")
	fates := each(slices.Concat(r.ids["stale"], r.ids["before"]), wouldRemove)
	maps.Copy(fates, each(r.ids["never"], "would_remove never_logged_in ()"))
	o.wants(t, 0, fates)
	if r.sqlite("SELECT * FROM users ORDER BY id") != before {
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

// lookAgain: the recheck sees changes between the program's scan and its removals.
func (r *redmine) lookAgain(t *testing.T) {
	ids := r.ids["doubtful"]
	r.set(ids, "last_login_on", -200*day)
	returned, promoted, deleted, overtaken, rest := ids[0], ids[1], ids[2], ids[3], ids[4:]
	promote := "PUT /users/" + promoted + ".json"
	remove := r.routes(http.MethodDelete, deleted, overtaken)
	somebody := func(route, body string) func() { return nth(1, func() { r.call(r.key, route, body) }) }
	proxy := r.proxy(t, map[string]func(){
		"GET /users/" + returned + ".json": nth(1, func() { r.logIn(returned) }),
		"GET /users/" + promoted + ".json": somebody(promote, `{"user":{"admin":true}}`),
		"GET /users/" + deleted + ".json":  somebody(remove[0], ""),
		remove[1]:                          somebody(remove[1], ""),
	})
	o := r.dormant(t, "run DORMANT_DRY_RUN=false DORMANT_MAX_REMOVAL_PERCENT=11 DORMANT_URL="+proxy)
	fates := each(rest, removed)
	fates[returned], fates[promoted] = "kept active_again (kept)", "kept admin (kept)"
	fates[deleted], fates[overtaken] = "already_gone inactive (already_gone)", "already_gone inactive (intent already_gone)"
	// The server's log also has the requests that the proxy added.
	o.wants(t, 0, fates, append(r.routes(http.MethodDelete, append(rest, deleted, overtaken, overtaken)...), promote)...)
	r.wantsAccounts(t, ids[2:]...)
	r.ids["admin"] = append(r.ids["admin"], promoted)
}

// self: the caller is an inactive administrator, and is kept. Redmine would accept the removal,
// as there is another administrator.
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
	if admins := r.sqlite("SELECT id FROM users WHERE admin = 1 AND status = 1"); admins != "1" {
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
	for settings, want := range map[string]string{
		"":                              `["require_active","max_silence"]`,
		" DORMANT_REQUIRE_ACTIVE=false": `["max_silence"]`,
		" DORMANT_MAX_SILENCE=365d":     `["require_active"]`,
	} {
		o := r.dormant(t, run+settings)
		o.wants(t, 3, each(gone, notAttempted))
		if got := o.report.Get("refusals.#.guard").Raw; got != want {
			t.Errorf("%s: refused by %s, want %s", settings, got, want)
		}
	}
	r.wantsAccounts(t)
	r.wantsRemoved(t, r.dormant(t, run+" DORMANT_REQUIRE_ACTIVE=false DORMANT_MAX_SILENCE=365d"), gone)
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
	o.finish(t)
	r.wantsRemoved(t, o, gone)
}

// redmine is a server, with the API key of its administrator.
type redmine struct {
	*server
	key string
}

// populate creates the accounts through the API, and sets their times in the database.
func (r *redmine) populate(t *testing.T) {
	status := map[string]int{"registered": 2, "locked": 3}
	for _, g := range groups {
		for i := range g.size {
			name := fmt.Sprintf("%s%s%d", r.prefix, g.name, i)
			r.create(t, g.name, name, name+"@example.com", g.other == "admin", cmp.Or(status[g.other], 1))
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

// create creates an account through the API.
func (r *redmine) create(t *testing.T, group, name, address string, isAdmin bool, status int) {
	code, answer := r.call(r.key, "POST /users.json", fmt.Sprintf(
		`{"user":{"login":%q,"firstname":"F","lastname":"L","mail":%q,"password":%q,"admin":%t,"status":%d}}`,
		name, address, password, isAdmin, status))
	if code != http.StatusCreated {
		t.Fatalf("create %s: status %d: %s", name, code, answer)
	}
	r.add(group, gjson.Get(answer, "user.id").Raw)
}

// set sets a column of these accounts to a time relative to the cutoff.
func (r *redmine) set(ids []string, column string, at time.Duration) {
	r.sqlite(fmt.Sprintf("UPDATE users SET %s = '%s' WHERE id IN (%s)",
		column, r.cutoff.Add(at).Format("2006-01-02 15:04:05.000000"), strings.Join(ids, ",")))
}

// logIn sends a request with name and password, which sets the last login in Redmine. Requests
// with an API key do not.
func (r *redmine) logIn(id string) {
	r.call(r.sqlite("SELECT login FROM users WHERE id = "+id)+":"+password, "GET /users/current.json", "")
}

func (r *redmine) keyOf(id string) string {
	_, answer := r.call(r.key, "GET /users/"+id+".json", "")
	return gjson.Get(answer, "user.api_key").Str
}

// call sends a request with an API key, or with name:password.
func (r *redmine) call(as, route, body string) (int, string) {
	method, path, _ := strings.Cut(route, " ")
	req := must(http.NewRequest(method, r.url+path, strings.NewReader(body)))
	name, secret, _ := strings.Cut(as, ":")
	req.SetBasicAuth(name, secret) // Redmine also accepts an API key as the name
	req.Header.Set("Content-Type", "application/json")
	return send(req)
}

// wantsKept fails the test unless the accounts of all groups are kept for their expected reasons.
func (r *redmine) wantsKept(t *testing.T, o *outing) {
	t.Helper()
	want := map[string]int{"self": 1}
	for _, g := range groups {
		if g.want != "" && g.want != "inactive" {
			want[g.want] += g.size
		}
	}
	o.wantsKept(t, want)
}

// started matches a request in the server's log:
//
// I, [2026-11-21T17:54:33.744727 #1675]  INFO -- : [5bdedf6d-…] Started DELETE "/users/77.json" for 127.0.0.1 at …
var started = regexp.MustCompile(`(?m)^I, \[(\S+) #\d+\].* Started ([A-Z]+) "([^"]*)" for `)

func redmineRequests(log string) []request {
	var requests []request
	for _, m := range started.FindAllStringSubmatch(log, -1) {
		requests = append(requests, request{must(time.Parse("2006-01-02T15:04:05", m[1])), m[2] + " " + m[3]})
	}
	return requests
}
