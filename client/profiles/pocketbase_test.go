package profiles_test

import (
	"bytes"
	"cmp"
	"crypto/md5"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/tidwall/gjson"
)

// pocketbaseProfile is what a user of PocketBase writes after the guide. That system is
// not built in, and no Go knows it.
const pocketbaseProfile = `# PocketBase
#
# Signs in as a superuser (DORMANT_USERNAME, DORMANT_PASSWORD). The fields role and banned
# are the application's own; its rule for signing in is "banned = false".
#
# An account has no last login. PocketBase notes the devices from which somebody has signed in
# (_authOrigins), the five newest, each with the time of its last sign-in, as long as the
# collection has alerts for sign-ins (authAlert). It does not note a sign-in from a new device
# if the mail about it can't be sent, nor that an app keeps somebody signed in. So requests
# prove life, too: the settings need logs.logAuthId, and logs.maxDays longer than a token
# lives (5 days). Who is named nowhere has not signed in since the oldest entry of all.
#
# To a token that has ended, PocketBase shows an empty directory, and 404 for an account.

title: PocketBase
params:
  superuser: null # the id of the one who signs in
  users: _pb_users_auth_ # the id of the collection

headers:
  Authorization: "{token}"

sign_in:
  path: /api/collections/_superusers/auth-with-password
  body: {identity: "{username}", password: "{password}"}
  token: token
  expires: 24h

self: # 403 if the token is no superuser's, or has ended
  path: /api/collections/_superusers/records/{superuser}
  confirms: [404]

list:
  path: /api/collections/{users}/records
  query: {sort: id}
  items: items
  page: {param: page, first: 1}
  size: {param: perPage, default: 100, max: 1000}
  total: totalItems

get:
  path: /api/collections/{users}/records/{id}

user:
  id: id
  username: name
  email: email
  admin: {path: role, in: [admin]}
  service_account: {path: role, in: [bot]}
  disabled: banned
  roles: {path: role, split: ","}
  created: created

activity:
  - path: /api/collections/_authOrigins/records
    query: {filter: "(collectionRef='{users}')", sort: id}
    items: items
    page: {param: page, first: 1}
    size: {param: perPage, default: 500, max: 1000}
    total: totalItems
    account: {path: recordRef}
    at: updated
    coverage: log

  - path: /api/collections/_authOrigins/records # the same of one account, to look again
    query: {filter: "(recordRef='{id}')", sort: id}
    items: items
    page: {param: page, first: 1}
    size: {param: perPage, default: 5, max: 1000}
    total: totalItems
    account: {path: recordRef}
    at: updated

  - path: /api/logs
    query: {filter: "(data.authId='{id}')", sort: -created, perPage: "1", skipTotal: "true"}
    items: items
    account: {path: data.authId}
    at: created

remove:
  path: /api/collections/{users}/records/{id}
  refused: [400] # a record of another collection needs the account

disable:
  method: PATCH
  path: /api/collections/{users}/records/{id}
  body: {banned: true}
  success_if: banned
`

// records are accounts that are alike. Their times are relative to the cutoff.
var records = []struct {
	name    string
	size    int
	login   time.Duration // the last one, as the database has it
	created time.Duration // 0: long ago
	role    string        // member unless given
	other   string        // what else there is to say
	want    string        // what the program has to say
}{
	{name: "stale", size: 40, login: -10 * day, want: "inactive"},
	{name: "before", size: 1, login: -time.Second, want: "inactive"},
	{name: "exact", size: 1, login: 0, want: "active"},
	{name: "after", size: 1, login: time.Second, want: "active"},
	{name: "recent", size: 120, login: 60 * day, want: "active"},
	{name: "back", size: 5, login: -100 * day, other: "signs in again", want: "active"},
	{name: "devices", size: 3, login: -100 * day, other: "has another device", want: "active"},
	{name: "kept", size: 3, login: -100 * day, other: "stays signed in", want: "active"},
	{name: "never", size: 30, other: "never", want: "last_login_unknown"},
	{name: "newcomer", size: 5, created: 80 * day, other: "never", want: "never_logged_in"},
	{name: "admin", size: 3, login: -100 * day, role: "admin", want: "admin"},
	{name: "bot", size: 3, login: -100 * day, role: "bot", want: "service_account"},
	{name: "staff", size: 3, login: -100 * day, role: "staff", want: "protected_role"},
	{name: "listed", size: 5, login: -100 * day, want: "allowlisted"},
	{name: "banned", size: 5, login: -100 * day, other: "banned", want: "inactive"},
	// Later scenes make these old.
	{name: "doubtful", size: 12, login: 60 * day, want: "active"},
	{name: "forgotten", size: 8, login: 60 * day, want: "active"},
	{name: "author", size: 4, login: 60 * day, want: "active"},
	{name: "tired", size: 6, login: 60 * day, want: "active"},
}

// TestPocketBase cleans up a real PocketBase with the real program and a profile that a
// user could have written, and takes what came of it from the server's database and log.
// .ci/pocketbase starts a server.
func TestPocketBase(t *testing.T) {
	if os.Getenv("POCKETBASE_URL") == "" {
		t.Skip("POCKETBASE_URL is not set: no PocketBase was started with .ci/pocketbase")
	}
	profile := filepath.Join(t.TempDir(), "pocketbase.yaml")
	if err := os.WriteFile(profile, []byte(pocketbaseProfile), 0o600); err != nil {
		t.Fatal(err)
	}
	username, secret := os.Getenv("POCKETBASE_USERNAME"), os.Getenv("POCKETBASE_PASSWORD")
	p := &pocketbase{username: username, server: &server{
		url: os.Getenv("POCKETBASE_URL"), secret: secret,
		settings: []string{"DORMANT_PROFILE=" + profile, "DORMANT_USERNAME=" + username, "DORMANT_PASSWORD=" + secret, "DORMANT_PROTECT_ROLES=sta*"},
		database: os.Getenv("POCKETBASE_DB"), log: os.Getenv("POCKETBASE_LOG"), requests: pocketbaseRequests, looks: true,
		account: "/api/collections/_pb_users_auth_/records/%s", listed: "SELECT id FROM users", there: map[string]bool{},
	}}
	p.prepare(t)
	p.populate(t)
	// Each scene goes on where the one before has ended.
	_ = t.Run("an audit changes nothing", p.audit) &&
		t.Run("guards refuse", p.guards) &&
		t.Run("bad credentials", p.credentials) &&
		t.Run("a run removes who is inactive", p.run) &&
		t.Run("the second look", p.lookAgain) &&
		t.Run("the token ends", p.tokenEnds) &&
		t.Run("the server refuses", p.refused) &&
		t.Run("disable before you delete", p.disable) &&
		t.Run("who never signed in", p.never)
}

func (p *pocketbase) audit(t *testing.T) {
	before := p.sqlite("SELECT * FROM users ORDER BY id")
	p.dormant(t, "check").wants(t, 0, nil)
	for _, command := range []string{"audit DORMANT_DRY_RUN=false", "run"} {
		o := p.dormant(t, command)
		o.wants(t, 0, each(p.inactive(), wouldRemove))
		p.wantsKept(t, o)
	}
	o := p.dormant(t, "audit DORMANT_ACTION=disable")
	o.wants(t, 0, each(slices.Concat(p.ids["stale"], p.ids["before"]), "would_disable inactive ()"))
	if p.sqlite("SELECT * FROM users ORDER BY id") != before {
		t.Error("an audit has changed accounts")
	}
}

// inactive are the ids of those who are.
func (p *pocketbase) inactive() []string {
	return slices.Concat(p.ids["stale"], p.ids["before"], p.ids["banned"])
}

func (p *pocketbase) guards(t *testing.T) {
	found := len(p.inactive())
	for limits, guard := range map[string]string{
		"": "max_removal_percent",
		"DORMANT_MAX_REMOVAL_PERCENT=100 DORMANT_MAX_REMOVALS=" + strconv.Itoa(found-1): "max_removals",
		"DORMANT_MAX_REMOVAL_PERCENT=100 DORMANT_MAX_REMOVALS=0":                        "max_removals",
	} {
		o := p.dormant(t, "run DORMANT_DRY_RUN=false "+limits)
		o.wants(t, 3, each(p.inactive(), notAttempted))
		if no := o.report.Get("refusals"); no.Get("#").Int() != 1 || no.Get("0.guard").Str != guard || no.Get("0.found").Int() != int64(found) {
			t.Errorf("%s: refusals are %s, want one of %s with %d", limits, no, guard, found)
		}
	}
	p.wantsAccounts(t)
}

// credentials: an ordinary account is shown itself, and somebody without a good token is
// shown nobody; both with 200.
func (p *pocketbase) credentials(t *testing.T) {
	_, token := p.signIn(p.ids["recent"][0], "phone")
	for _, command := range []string{"audit", "run DORMANT_DRY_RUN=false", "check"} {
		p.dormant(t, command+" DORMANT_PASSWORD=wrong").wants(t, 2, nil)
		for _, token := range []string{token, "ended"} {
			settings := p.settings
			p.settings = slices.DeleteFunc(slices.Clone(settings), func(s string) bool {
				return strings.HasPrefix(s, "DORMANT_USERNAME") || strings.HasPrefix(s, "DORMANT_PASSWORD")
			})
			p.dormant(t, command+" DORMANT_TOKEN="+token).wants(t, 2, nil)
			p.settings = settings
		}
	}
	p.wantsAccounts(t)
}

func (p *pocketbase) run(t *testing.T) {
	gone := p.inactive()
	o := p.dormant(t, "run DORMANT_DRY_RUN=false DORMANT_MAX_REMOVAL_PERCENT=40 DORMANT_MAX_REMOVALS="+strconv.Itoa(len(gone)))
	p.wantsRemoved(t, o, gone)
	p.wantsKept(t, o)
	for _, id := range gone {
		if status, _ := p.call("GET /api/collections/users/records/"+id, nil); status != http.StatusNotFound {
			t.Errorf("account %s: status %d after its removal, want 404", id, status)
		}
	}
}

// lookAgain has things happen between the program's scan, which reads candidates alone,
// and its removals.
func (p *pocketbase) lookAgain(t *testing.T) {
	ids := p.ids["doubtful"]
	p.set(ids, -200*day)
	returned, promoted, renamed, deleted, overtaken, rest := ids[0], ids[1], ids[2], ids[3], ids[4], ids[5:]
	look, remove := p.routes(http.MethodGet, ids...), p.routes(http.MethodDelete, ids...)
	patch := func(id string, body map[string]any) func() {
		return nth(2, func() { p.call("PATCH /api/collections/_pb_users_auth_/records/"+id, body) })
	}
	proxy := p.proxy(t, map[string]func(){
		look[0]:   nth(2, func() { p.signIn(returned, "phone") }),
		look[1]:   patch(promoted, map[string]any{"role": "admin"}),
		look[2]:   patch(renamed, map[string]any{"name": p.prefix + "listed-now"}),
		look[3]:   nth(2, func() { p.call(remove[3], nil) }),
		remove[4]: nth(1, func() { p.call(remove[4], nil) }),
	})
	o := p.dormant(t, all+" DORMANT_URL="+proxy)
	fates := each(rest, removed)
	fates[returned], fates[promoted], fates[renamed] = "kept active_again (kept)", "kept admin (kept)", "kept allowlisted (kept)"
	fates[deleted], fates[overtaken] = "already_gone inactive (already_gone)", "already_gone inactive (intent already_gone)"
	// What somebody else did is in the server's log as well.
	others := append(p.routes(http.MethodPatch, promoted, renamed), p.routes(http.MethodDelete, deleted, overtaken)...)
	o.wants(t, 0, fates, append(p.routes(http.MethodDelete, append(rest, overtaken)...), others...)...)
	p.wantsAccounts(t, ids[3:]...)
}

// tokenEnds takes the superuser's tokens away in the middle of a run. What PocketBase
// then answers, 404, must not be believed.
func (p *pocketbase) tokenEnds(t *testing.T) {
	ids := p.ids["forgotten"]
	p.set(ids, -200*day)
	end := func() {
		p.sqlite("UPDATE _superusers SET tokenKey = hex(randomblob(25))")
		p.token = ""
	}
	remove := p.routes(http.MethodDelete, ids...)
	proxy := p.proxy(t, map[string]func(){remove[3]: nth(1, end)})
	o := p.dormant(t, all+alone+" DORMANT_URL="+proxy)
	o.wants(t, 0, each(ids, removed), append(remove, remove[3])...) // once with each token
	p.wantsAccounts(t, ids...)
}

// refused: PocketBase keeps a record that another collection needs.
func (p *pocketbase) refused(t *testing.T) {
	ids := p.ids["author"]
	p.set(ids, -200*day)
	_, note := p.call("POST /api/collections/notes/records", map[string]any{"owner": ids[0]})
	if gjson.Get(note, "owner").Str != ids[0] {
		t.Fatal(note)
	}
	fates := each(ids[1:], removed)
	fates[ids[0]] = "refused_by_directory inactive (intent refused_by_directory)"
	o := p.dormant(t, all)
	o.wants(t, 0, fates, p.routes(http.MethodDelete, ids...)...)
	p.wantsAccounts(t, ids[1:]...)
	p.set(ids[:1], 60*day)
}

func (p *pocketbase) disable(t *testing.T) {
	ids := p.ids["tired"]
	p.set(ids, -200*day)
	run := all + " DORMANT_DISABLE_AFTER=45d DORMANT_REQUIRE_DISABLED=true"
	patched := slices.Concat(ids, p.ids["exact"], p.ids["after"]) // the others are not due for removal
	p.dormant(t, run).wants(t, 0, each(patched, disabled), p.routes(http.MethodPatch, patched...)...)
	wantSame(t, "banned", strings.Fields(p.sqlite("SELECT id FROM users WHERE banned")), patched)
	if status, _ := p.signIn(ids[0], "phone"); status != http.StatusForbidden {
		t.Errorf("status %d for the sign-in of a disabled account, want 403", status)
	}
	p.wantsAccounts(t)
	p.wantsRemoved(t, p.dormant(t, run), ids)
}

func (p *pocketbase) never(t *testing.T) {
	ids := p.ids["never"]
	o := p.dormant(t, all+" DORMANT_NEVER_LOGGED_IN=remove")
	o.wants(t, 0, each(ids, removed), p.routes(http.MethodDelete, ids...)...)
	p.wantsAccounts(t, ids...)
}

// pocketbase is a server, with its superuser.
type pocketbase struct {
	*server
	username string
	token    string // of the test's own requests; nothing: it has to sign in
}

// populate makes the accounts: by the API, with a past from the database.
func (p *pocketbase) populate(t *testing.T) {
	remove := func() {
		p.call("DELETE /api/collections/notes", nil)
		p.sqlite("DELETE FROM users WHERE name LIKE '" + everyRun + "%'; DELETE FROM _authOrigins WHERE recordRef NOT IN (SELECT id FROM users)")
	}
	remove()
	t.Cleanup(remove)
	p.wantsAccounts(t)
	if t.Failed() {
		t.Fatal("this PocketBase is not one for this test: it would remove those accounts")
	}
	p.settings = append(p.settings, "DORMANT_PARAMS=superuser="+p.sqlite("SELECT id FROM _superusers WHERE email = '"+p.username+"'"))
	_, users := p.call("GET /api/collections/users", nil)
	var collection struct {
		Fields []map[string]any `json:"fields"`
	}
	if err := json.Unmarshal([]byte(users), &collection); err != nil {
		t.Fatal(err)
	}
	collection.Fields = slices.DeleteFunc(collection.Fields, func(f map[string]any) bool {
		return f["name"] == "banned" || f["name"] == "role" // from an earlier run
	})
	for _, f := range collection.Fields {
		if f["name"] == "password" {
			f["cost"] = 4 // the cheapest hash, as every account and every sign-in costs one
		}
	}
	collection.Fields = append(collection.Fields, map[string]any{"name": "banned", "type": "bool"},
		map[string]any{"name": "role", "type": "select", "values": []string{"member", "admin", "bot", "staff"}})
	owner := map[string]any{"name": "owner", "type": "relation", "collectionId": "_pb_users_auth_", "required": true}
	for _, change := range []struct {
		route string
		body  map[string]any
	}{
		{"PATCH /api/collections/users", map[string]any{"fields": collection.Fields, "authRule": "banned = false"}},
		{"PATCH /api/settings", map[string]any{"logs": map[string]any{"logAuthId": true, "maxDays": 7}}},
		{"POST /api/collections", map[string]any{"name": "notes", "type": "base", "fields": []any{owner}}},
	} {
		if status, answer := p.call(change.route, change.body); status != http.StatusOK {
			t.Fatalf("%s: status %d: %s", change.route, status, answer)
		}
	}
	for _, g := range records {
		p.create(t, g.name, g.size, g.role, g.other == "banned")
		ids := p.ids[g.name]
		p.sqlite("UPDATE users SET created = '" + p.time(cmp.Or(g.created, -1000*day)) + "' WHERE id IN " + list(ids))
		if g.other != "never" {
			p.set(ids, g.login)
		}
	}
	p.use(t)
}

// use has people come back.
func (p *pocketbase) use(t *testing.T) {
	for _, id := range p.ids["back"] {
		if status, _ := p.signIn(id, "phone"); status != http.StatusOK {
			t.Fatalf("status %d for a sign-in", status)
		}
	}
	for _, id := range slices.Concat(p.ids["devices"], p.ids["kept"]) {
		_, token := p.signIn(id, "tablet") // of which no mail can be sent, so it is not noted
		if n := p.sqlite("SELECT count(*) FROM _authOrigins WHERE updated > '" + p.time(0) + "' AND recordRef = '" + id + "'"); n != "0" {
			t.Errorf("%s: the server has noted %s sign-ins from a new device without a mail about it", id, n)
		}
		p.call("POST /api/collections/users/auth-refresh", nil, "Authorization", token)
	}
	// The server writes its log every few seconds.
	for _, id := range slices.Concat(p.ids["devices"], p.ids["kept"]) {
		for tick := time.Tick(50 * time.Millisecond); ; <-tick {
			_, answer := p.call("GET /api/logs?perPage=1&filter="+"(data.authId='"+id+"')", nil)
			if gjson.Get(answer, "items.#").Int() > 0 {
				break
			}
			if t.Context().Err() != nil {
				t.Fatal("the server does not write its log")
			}
		}
	}
}

// create makes accounts.
func (p *pocketbase) create(t *testing.T, group string, size int, role string, banned bool) {
	for i := range size {
		name := fmt.Sprintf("%s%s%d", p.prefix, group, i)
		status, answer := p.call("POST /api/collections/users/records", map[string]any{
			"name": name, "email": name + "@example.com", "password": password, "passwordConfirm": password, "role": cmp.Or(role, "member"), "banned": banned,
		})
		if status != http.StatusOK {
			t.Fatalf("create %s: status %d: %s", name, status, answer)
		}
		p.add(group, gjson.Get(answer, "id").Str)
	}
}

// set makes a sign-in from a phone the only one of these accounts.
func (p *pocketbase) set(ids []string, at time.Duration) {
	p.sqlite(fmt.Sprintf(`DELETE FROM _authOrigins WHERE recordRef IN %[1]s;
		INSERT INTO _authOrigins (id, collectionRef, recordRef, fingerprint, created, updated)
		SELECT lower(substr(hex(randomblob(8)), 1, 15)), '_pb_users_auth_', id, '%[2]s', '%[3]s', '%[3]s' FROM users WHERE id IN %[1]s`,
		list(ids), fingerprint("phone"), p.time(at)))
}

// fingerprint is how PocketBase knows a device of this machine again.
func fingerprint(device string) string { return fmt.Sprintf("%x", md5.Sum([]byte("127.0.0.1"+device))) }

// signIn returns the account's token.
func (p *pocketbase) signIn(id, device string) (status int, token string) {
	body := map[string]any{"identity": p.sqlite("SELECT email FROM users WHERE id = '" + id + "'"), "password": password}
	status, answer := p.call("POST /api/collections/users/auth-with-password", body, "User-Agent", device, "Authorization", "")
	return status, gjson.Get(answer, "token").Str
}

// time is as PocketBase writes it to the database, relative to the cutoff.
func (p *pocketbase) time(at time.Duration) string {
	return p.cutoff.Add(at).Format("2006-01-02 15:04:05.000Z")
}

// call sends a request, as the superuser unless the header says otherwise.
func (p *pocketbase) call(route string, body any, header ...string) (int, string) {
	if p.token == "" {
		p.token = "…"
		_, answer := p.call("POST /api/collections/_superusers/auth-with-password", map[string]any{"identity": p.username, "password": p.secret})
		p.token = gjson.Get(answer, "token").Str
	}
	method, path, _ := strings.Cut(route, " ")
	req := must(http.NewRequest(method, p.url+path, bytes.NewReader(must(json.Marshal(body)))))
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Authorization", p.token)
	for pair := range slices.Chunk(header, 2) {
		req.Header.Set(pair[0], pair[1])
	}
	return send(req)
}

// wantsKept wants the reasons to keep that the groups are there for.
func (p *pocketbase) wantsKept(t *testing.T, o *outing) {
	t.Helper()
	want := map[string]int{}
	for _, g := range records {
		if g.want != "inactive" {
			want[g.want] += g.size
		}
	}
	o.wantsKept(t, want)
}

// pocketbaseRequests leaves out sign-ins.
func pocketbaseRequests(log string) []request {
	var requests []request
	for line := range strings.Lines(log) {
		e := gjson.Parse(line)
		method, path := e.Get("method").Str, e.Get("path").Str
		if e.Get("msg").Str == "request" && !strings.HasSuffix(path, "/auth-with-password") {
			requests = append(requests, request{e.Get("time").Time(), method + " " + path})
		}
	}
	return requests
}
