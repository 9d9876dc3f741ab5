package profiles_test

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/tidwall/gjson"
)

// identities are groups of accounts with the same history. Times are relative to the cutoff.
var identities = []struct {
	name    string
	size    int
	login   time.Duration // start of the session, written to the database
	created time.Duration // 0: long ago
	other   string        // what else happens to the accounts
	want    string        // expected reason, with DORMANT_PARAMS=coverage=complete
}{
	{name: "stale", size: 40, login: -10 * day, want: "inactive"},
	{name: "before", size: 1, login: -time.Second, want: "inactive"},
	{name: "exact", size: 1, login: 0, want: "active"},
	{name: "after", size: 1, login: time.Second, want: "active"},
	{name: "recent", size: 250, login: 60 * day, other: "in bulk", want: "active"},
	{name: "now", size: 5, other: "now", want: "active"},
	{name: "back", size: 5, login: -100 * day, other: "logs in again", want: "active"},
	{name: "refreshed", size: 3, login: -100 * day, other: "logs in again in the same session", want: "active"},
	{name: "ended", size: 5, login: -100 * day, other: "logs out", want: "inactive"},
	{name: "revoked", size: 5, login: -100 * day, other: "is logged out", want: "inactive"},
	{name: "living", size: 5, login: -100 * day, other: "expires in an hour", want: "active"},
	{name: "long", size: 5, login: -100 * day, other: "expires in a month", want: "last_login_unknown"},
	{name: "extended", size: 3, login: -100 * day, other: "is extended", want: "active"},
	{name: "never", size: 220, other: "never", want: "never_logged_in"},
	{name: "newcomer", size: 5, created: 80 * day, other: "never", want: "never_logged_in"},
	{name: "listed", size: 5, login: -100 * day, want: "allowlisted"},
	{name: "disabled", size: 10, login: -100 * day, other: "disabled", want: "inactive"},
	{name: "caught", size: 3, login: -100 * day, other: "disabled in a session", want: "active"},
	// Later scenes set these to an old login.
	{name: "filed", size: 6, other: "never", want: "never_logged_in"},
	{name: "doubtful", size: 15, login: 60 * day, want: "active"},
	{name: "tired", size: 6, login: 60 * day, want: "active"},
	{name: "rung", size: 8, login: 60 * day, want: "active"},
	{name: "fading", size: 8, login: 60 * day, want: "active"},
}

// TestKratos cleans up a real Ory Kratos with the real program, and reads the results from
// the server's database and log. .ci/kratos starts a server.
func TestKratos(t *testing.T) {
	k := connectKratos(t)
	k.populate(t)
	// Each scene continues with the accounts that the one before has left.
	_ = t.Run("sessions alone prove only life", k.life) &&
		t.Run("last logins from a file", k.file) &&
		k.knows("coverage=complete") &&
		t.Run("an audit changes nothing", k.audit) &&
		t.Run("a run removes inactive accounts", k.run) &&
		t.Run("the recheck", k.lookAgain) &&
		t.Run("sessions that the server skips", k.skipped) &&
		t.Run("disable and delete none", k.disable) &&
		t.Run("disable before deleting", k.ladder) &&
		t.Run("accounts that never logged in", k.never)
}

// connectKratos returns the server that was started, with no identities of these tests, and
// skips the test if there is none.
func connectKratos(t *testing.T) *kratos {
	if os.Getenv("KRATOS_ADMIN_URL") == "" {
		t.Skip("KRATOS_ADMIN_URL is not set: no Kratos was started with .ci/kratos")
	}
	k := &kratos{public: os.Getenv("KRATOS_PUBLIC_URL"), server: &server{
		url: os.Getenv("KRATOS_ADMIN_URL"), settings: []string{"DORMANT_PROFILE=kratos"},
		database: os.Getenv("KRATOS_DB"), log: os.Getenv("KRATOS_LOG"), requests: kratosRequests, looks: true,
		account: "/admin/identities/%s", listed: "SELECT id FROM identities", there: map[string]bool{},
	}}
	k.prepare(t)
	remove := "PRAGMA foreign_keys = ON; DELETE FROM identities WHERE traits LIKE '%\"" + everyRun + "%'"
	k.sqlite(remove)
	t.Cleanup(func() { k.sqlite(remove) })
	k.wantsAccounts(t)
	if t.Failed() {
		t.Fatal("this Kratos is not one for this test: it would remove those identities")
	}
	return k
}

// all is a run for which the limits allow all removals.
const all = "run DORMANT_DRY_RUN=false DORMANT_MAX_REMOVAL_PERCENT=100 DORMANT_MAX_REMOVALS=1000"

// alone makes the program send one request after the other. SQLite has a single writer, and
// Kratos answers concurrent writes of different kinds with errors.
const alone = " DORMANT_CONCURRENCY=1"

// disabled is the fate of an account that was disabled.
const disabled = "disabled inactive (intent disabled)"

// life: without coverage=complete, an account without a session is kept, because its sessions
// may have been deleted.
func (k *kratos) life(t *testing.T) {
	want := map[string]int{}
	for _, g := range identities {
		switch reason := g.want; {
		case reason == "allowlisted":
			want[reason] += g.size
		case reason == "active" && g.login >= 0, strings.HasPrefix(g.other, "logs in again"):
			want["active"] += g.size
		default:
			want["last_login_unknown"] += g.size
		}
	}
	const doubt = `["require_active"]` // no last login is known; without candidates there is nothing to refuse
	for command, warnings := range map[string]string{
		"check": "", "audit": doubt, "audit DORMANT_NEVER_LOGGED_IN=remove-undated": doubt, all: doubt,
		all + " DORMANT_REQUIRE_ACTIVE=false DORMANT_NEVER_LOGGED_IN=remove-undated": `["max_silence"]`,
	} {
		o := k.dormant(t, command)
		o.wants(t, 0, nil)
		if command == "check" {
			continue
		}
		o.wantsKept(t, want)
		if got := o.report.Get("warnings.#.code").Raw; got != warnings {
			t.Errorf("%s: the warnings are %s, want %s", command, got, warnings)
		}
	}
	k.wantsAccounts(t)
}

// file: an activity file has old logins of accounts without a session, which are removed, and
// of accounts with a session, which are kept, even if it begins right before the removal. Names
// are in capital letters.
func (k *kratos) file(t *testing.T) {
	gone := k.ids["filed"]
	others := slices.Concat(k.ids["living"], k.ids["long"], k.ids["extended"], k.ids["recent"], k.ids["back"])
	old := k.rows(-300*day, others...) + k.rows(-300*day, gone...)
	const yesterday, twoWeeksAgo = 89 * day, 76 * day // the cutoff is 90 days ago
	renewed := k.rows(yesterday, k.ids["now"]...)
	foreign := strings.Builder{} // as many as there are rows, and one more
	for i := range strings.Count(old+renewed, "\n") + 1 {
		fmt.Fprintf(&foreign, ",somebody%d,,2026-01-01\n", i)
	}
	mixed := gone[0] + "," + k.trait(gone[1], "username") + ",,2020-01-01\n" // the id of one, the name of another
	for _, test := range []struct {
		name, command, rows string
		candidates          []string
		refusals, warnings  string
	}{
		{"the newest row is two weeks old", all, old + k.rows(twoWeeksAgo, k.ids["now"]...), gone, `["max_silence","max_silence"]`, `[]`},
		{"and more silence is allowed", "audit DORMANT_MAX_SILENCE=15d", old + k.rows(twoWeeksAgo, k.ids["now"]...), gone, `[]`, `[]`},
		{"most rows are about another directory", all, old + renewed + foreign.String(), gone, `["activity_file"]`, `["activity_unmatched"]`},
		{"only some of the rows are", "audit", old + renewed + ",somebody,,2026-01-01\n", gone, `[]`, `["activity_unmatched"]`},
		{"a row is about two accounts", "audit", old + renewed + mixed, gone[2:], `[]`, `["activity_disputed"]`},
		{"the logins after the newest row are not known", "audit", k.rows(-day, gone[:3]...) + k.rows(-2*day, gone[3:]...) + renewed, gone[3:], `[]`, `[]`},
	} {
		o := k.dormant(t, test.command+" DORMANT_MAX_REMOVAL_PERCENT=100 DORMANT_ACTIVITY_FILE="+logins(t, test.rows))
		code, fates := 0, each(test.candidates, wouldRemove)
		if test.command == all && test.refusals != "[]" {
			code, fates = 3, each(test.candidates, notAttempted)
		}
		o.wants(t, code, fates)
		if got := o.report.Get("refusals.#.guard").Raw; got != test.refusals {
			t.Errorf("%s: the refusals are %s, want %s", test.name, got, test.refusals)
		}
		if got := o.report.Get("warnings.#.code").Raw; got != test.warnings {
			t.Errorf("%s: the warnings are %s, want %s", test.name, got, test.warnings)
		}
	}
	k.wantsAccounts(t)
	returned, gone := gone[0], gone[1:]
	proxy := k.proxy(t, map[string]func(){k.routes(http.MethodGet, returned)[0]: nth(2, func() {
		k.logIn(returned)
		k.expire([]string{returned}, 90*day+time.Hour) // a session that ends more than a day after the run began proves nothing
	})})
	o := k.dormant(t, all+" DORMANT_ACTIVITY_FILE="+logins(t, old+renewed)+" DORMANT_URL="+proxy)
	fates := each(gone, removed)
	fates[returned] = "kept active_again (kept)"
	o.wants(t, 0, fates, k.routes(http.MethodDelete, gone...)...)
	k.wantsAccounts(t, gone...)
	delete(k.ids, "filed")
	k.ids["back"] = append(k.ids["back"], returned)
}

// rows returns a line of an activity file for each account, with a login at this time.
func (k *kratos) rows(at time.Duration, ids ...string) string {
	return k.sqlite(fmt.Sprintf(`SELECT id || ',' || upper(traits ->> '$.username') || ',' || upper(coalesce(traits ->> '$.email', '')) || ',%s'
		FROM identities WHERE id IN %s`, k.cutoff.Add(at).Format(time.RFC3339), list(ids))) + "\n"
}

// logins writes an activity file, and returns its path.
func logins(t *testing.T, rows string) string {
	path := filepath.Join(t.TempDir(), "logins.csv")
	if err := os.WriteFile(path, []byte("id,username,email,last_login\n"+rows), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// those returns the ids of the accounts whose expected reason is want.
func (k *kratos) those(want string) []string {
	var ids []string
	for _, g := range identities {
		if g.want == want {
			ids = append(ids, k.ids[g.name]...)
		}
	}
	return ids
}

// wantsKept fails the test unless the accounts of all groups but the excepted one are kept
// for their expected reasons.
func (k *kratos) wantsKept(t *testing.T, o *outing, except string) {
	t.Helper()
	want := map[string]int{}
	for _, g := range identities {
		if n := len(k.ids[g.name]); g.want != "inactive" && g.name != except && n > 0 {
			want[g.want] += n
		}
	}
	o.wantsKept(t, want)
}

func (k *kratos) audit(t *testing.T) {
	everything := "SELECT * FROM identities ORDER BY id; SELECT * FROM sessions ORDER BY id"
	before := k.sqlite(everything)
	for _, command := range []string{"audit DORMANT_DRY_RUN=false", "run", "run DORMANT_PAGE_SIZE=7 DORMANT_CONCURRENCY=1"} {
		o := k.dormant(t, command)
		o.wants(t, 0, each(k.those("inactive"), wouldRemove))
		k.wantsKept(t, o, "")
		if n := o.report.Get("counts.scanned").Int(); int(n) != len(k.there) {
			t.Errorf("%s: scanned %d, want %d", command, n, len(k.there))
		}
	}
	o := k.dormant(t, "audit DORMANT_NEVER_LOGGED_IN=remove")
	fates := each(k.those("inactive"), wouldRemove)
	maps.Copy(fates, each(k.ids["never"], "would_remove never_logged_in ()"))
	o.wants(t, 0, fates)
	o = k.dormant(t, "audit DORMANT_ACTION=disable")
	o.wants(t, 0, each(slices.DeleteFunc(k.those("inactive"), k.isDisabled), "would_disable inactive ()"))
	if k.sqlite(everything) != before {
		t.Error("an audit has changed accounts")
	}
}

func (k *kratos) run(t *testing.T) {
	gone := k.those("inactive")
	run := "run DORMANT_DRY_RUN=false DORMANT_MAX_REMOVAL_PERCENT=50 DORMANT_MAX_REMOVALS="
	k.dormant(t, run+strconv.Itoa(len(gone)-1)).wants(t, 3, each(gone, notAttempted))
	k.wantsAccounts(t)
	o := k.dormant(t, run+strconv.Itoa(len(gone)))
	k.wantsRemoved(t, o, gone)
	k.wantsKept(t, o, "")
	for _, id := range gone {
		if status, _ := k.call("GET /admin/identities/"+id, nil); status != http.StatusNotFound {
			t.Errorf("account %s: status %d after its removal, want 404", id, status)
		}
	}
	for _, g := range identities {
		if g.want == "inactive" {
			delete(k.ids, g.name)
		}
	}
}

// lookAgain: the recheck sees changes between the program's scan, which also reads each
// account alone, and its removals.
func (k *kratos) lookAgain(t *testing.T) {
	ids := k.ids["doubtful"]
	k.begin(ids, -200*day)
	returned, extended, deleted, overtaken, rest := ids[0], ids[1], ids[2], ids[3], ids[4:]
	extend := "PATCH /admin/sessions/" + k.session(extended) + "/extend" // its session has ended
	remove := k.routes(http.MethodDelete, deleted, overtaken)
	look := k.routes(http.MethodGet, returned, extended, deleted)
	somebody := func(route string, want int) func() {
		return func() {
			if status, answer := k.call(route, nil); status != want {
				t.Errorf("%s: status %d, want %d: %s", route, status, want, answer)
			}
		}
	}
	proxy := k.proxy(t, map[string]func(){
		look[0]:   nth(2, func() { k.logIn(returned) }),
		look[1]:   nth(2, somebody(extend, http.StatusOK)),
		look[2]:   nth(2, somebody(remove[0], http.StatusNoContent)),
		remove[1]: nth(1, somebody(remove[1], http.StatusNoContent)),
	})
	o := k.dormant(t, all+alone+" DORMANT_URL="+proxy)
	fates := each(rest, removed)
	fates[returned], fates[extended] = "kept active_again (kept)", "kept last_login_unknown (kept)"
	fates[deleted], fates[overtaken] = "already_gone inactive (already_gone)", "already_gone inactive (intent already_gone)"
	// The server's log also has the requests that the proxy added.
	o.wants(t, 0, fates, append(k.routes(http.MethodDelete, append(rest, deleted, overtaken, overtaken)...), extend)...)
	k.wantsAccounts(t, ids[2:]...)
	k.ids["doubtful"] = ids[:2]
}

// skipped: if more sessions began at the same instant than fit on a page, Kratos leaves some
// of them out of all pages. The total reveals that, and the run fails.
func (k *kratos) skipped(t *testing.T) {
	audit := "audit DORMANT_NEVER_LOGGED_IN=remove"
	fates := each(k.ids["never"], "would_remove never_logged_in ()")
	victims := k.ids["recent"][:5]
	owner := k.ids["recent"][5]
	k.insert([]string{owner}, 80*day, 1100)
	// No session is skipped here: each began in another second. One more begins between two pages.
	proxy := k.proxy(t, map[string]func(){"GET /admin/sessions": nth(2, func() { k.logIn(k.ids["now"][0]) })})
	o := k.dormant(t, audit+" DORMANT_URL="+proxy)
	o.wants(t, 0, fates)
	k.wantsKept(t, o, "never")

	k.sqlite("UPDATE sessions SET id = '00000000' || substr(id, 9) WHERE identity_id = '" + owner + "';" +
		"UPDATE sessions SET id = 'ffffffff' || substr(id, 9) WHERE identity_id IN " + list(victims) + ";" +
		"UPDATE sessions SET created_at = '2099-01-01 00:00:00+00:00' WHERE identity_id IN " + list(k.ids["recent"][:6]))
	listed, total := k.readSessions()
	if slices.Contains(listed, victims[0]) || len(listed) >= total {
		t.Fatalf("the server lists %d of %d sessions, with that of %s: it skips none", len(listed), total, victims[0])
	}
	for _, command := range []string{audit, all + " DORMANT_NEVER_LOGGED_IN=remove", all + " DORMANT_PARAMS=coverage=life"} {
		o := k.dormant(t, command)
		o.wants(t, 1, nil)
		if text := o.report.Get("error").Str; !strings.Contains(text, strconv.Itoa(total)) {
			t.Errorf("%s: the error does not name the total of %d: %s", command, total, text)
		}
	}
	// Without a total, the recheck reads the sessions of each candidate.
	profile := filepath.Join(t.TempDir(), "kratos.yaml")
	text := regexp.MustCompile(`(?m)^ +total:.*\n`).ReplaceAll(must(os.ReadFile("kratos.yaml")), nil)
	if err := os.WriteFile(profile, text, 0o600); err != nil {
		t.Fatal(err)
	}
	o = k.dormant(t, audit+" DORMANT_PROFILE="+profile)
	o.wants(t, 0, fates)
	k.wantsKept(t, o, "never")
	k.wantsAccounts(t)
	k.sqlite("DELETE FROM sessions WHERE identity_id = '" + owner + "'")
	k.insert([]string{owner}, 60*day, 1)
	k.begin(victims, 60*day)
}

func (k *kratos) disable(t *testing.T) {
	ids := k.ids["tired"]
	k.begin(ids, -200*day)
	inactive := "SELECT id FROM identities WHERE state = 'inactive'"
	before := strings.Fields(k.sqlite(inactive))
	disable := all + " DORMANT_ACTION=disable"
	k.dormant(t, disable).wants(t, 0, each(ids, disabled), k.routes(http.MethodPatch, ids...)...)
	wantSame(t, "inactive", strings.Fields(k.sqlite(inactive)), append(before, ids...))
	if status, _ := k.logIn(ids[0]); status != http.StatusUnauthorized {
		t.Errorf("status %d for the login of a disabled account, want 401", status)
	}
	o := k.dormant(t, disable)
	o.wants(t, 0, nil)
	if n := o.report.Get("counts.kept.already_disabled").Int(); int(n) != len(ids) {
		t.Errorf("kept %d as already disabled, want %d", n, len(ids))
	}
	k.wantsAccounts(t)
}

// ladder: accounts are disabled after 45 days, and deleted after 90 days if they are disabled.
func (k *kratos) ladder(t *testing.T) {
	first, second, third := k.ids["tired"], k.ids["rung"], slices.Concat(k.ids["fading"], k.ids["exact"], k.ids["after"])
	k.begin(second, -200*day)
	k.begin(k.ids["fading"], 20*day)
	run := all + alone + " DORMANT_DISABLE_AFTER=45d DORMANT_REQUIRE_DISABLED=true"
	patched := slices.Concat(second, third)
	fates := each(patched, disabled)
	maps.Copy(fates, each(first, removed))
	k.dormant(t, run).wants(t, 0, fates, append(k.routes(http.MethodDelete, first...), k.routes(http.MethodPatch, patched...)...)...)
	k.wantsAccounts(t, first...)

	// Two accounts are enabled again, and one of them logs in.
	enabled, back, gone := second[0], second[1], second[2:]
	for _, id := range second[:2] {
		k.patch(id, "active")
	}
	k.logIn(back)
	fates = each(gone, removed)
	fates[enabled] = disabled
	o := k.dormant(t, run)
	o.wants(t, 0, fates, append(k.routes(http.MethodDelete, gone...), k.routes(http.MethodPatch, enabled)...)...)
	k.wantsAccounts(t, gone...)
	if n := o.report.Get("counts.kept.already_disabled").Int(); int(n) != len(third) {
		t.Errorf("kept %d as already disabled, want %d", n, len(third))
	}

	// Without DORMANT_DISABLE_AFTER, accounts that are not disabled are kept.
	o = k.dormant(t, "run DORMANT_DRY_RUN=false DORMANT_REQUIRE_DISABLED=true")
	k.wantsRemoved(t, o, []string{enabled})
}

func (k *kratos) never(t *testing.T) {
	ids := k.ids["never"]
	o := k.dormant(t, all+" DORMANT_NEVER_LOGGED_IN=remove")
	o.wants(t, 0, each(ids, "removed never_logged_in (intent removed)"), k.routes(http.MethodDelete, ids...)...)
	k.wantsAccounts(t, ids...)
	if n := o.report.Get("counts.kept.never_logged_in").Int(); int(n) != len(k.ids["newcomer"]) {
		t.Errorf("kept %d who never logged in, want %d", n, len(k.ids["newcomer"]))
	}
}

// kratos is a server, with the URL of its public API.
type kratos struct {
	*server
	public string
}

// knows sets DORMANT_PARAMS for each following run. It returns true.
func (k *kratos) knows(params string) bool {
	k.settings = append(k.settings, "DORMANT_PARAMS="+params)
	return true
}

// populate creates the identities and their sessions through the API, and sets their times in
// the database.
func (k *kratos) populate(t *testing.T) {
	for _, g := range identities {
		k.create(t, g.name, g.size)
		ids := k.ids[g.name]
		k.sqlite(fmt.Sprintf("UPDATE identities SET created_at = '%s' WHERE id IN %s", k.time(cmp.Or(g.created, -1000*day)), list(ids)))
		switch g.other {
		case "never":
			continue
		case "in bulk":
			k.insert(ids, g.login, 1)
			continue
		}
		tokens := map[string]string{}
		for _, id := range ids {
			_, tokens[id] = k.logIn(id)
		}
		if g.other == "now" {
			continue
		}
		switch g.other {
		case "logs out":
			for _, token := range tokens {
				k.call("DELETE /self-service/logout/api", map[string]any{"session_token": token})
			}
		case "is logged out":
			for _, id := range ids {
				k.call("DELETE /admin/sessions/"+k.session(id), nil)
			}
		}
		k.begin(ids, g.login)
		switch g.other {
		case "logs out", "is logged out", "expires in an hour", "disabled in a session":
			k.expire(ids, 90*day+time.Hour)
		case "expires in a month":
			k.expire(ids, 120*day)
		}
		for _, id := range ids {
			switch g.other {
			case "logs in again":
				k.logIn(id)
			case "logs in again in the same session":
				k.expire([]string{id}, 90*day+time.Hour)
				k.logIn(id, "X-Session-Token", tokens[id])
			case "is extended":
				k.expire([]string{id}, 90*day+time.Hour)
				k.call("PATCH /admin/sessions/"+k.session(id)+"/extend", nil)
			case "disabled", "disabled in a session":
				k.patch(id, "inactive")
			}
		}
	}
}

// create creates the identities of a group. Every second one has no email.
func (k *kratos) create(t *testing.T, group string, size int) {
	var patches []any
	for i := range size {
		name := fmt.Sprintf("%s%s%d", k.prefix, group, i)
		traits := map[string]any{"username": name}
		if i%2 == 0 {
			traits["email"] = name + "@example.com"
		}
		patches = append(patches, map[string]any{"create": map[string]any{
			"schema_id": "person", "traits": traits,
			"credentials": map[string]any{"password": map[string]any{"config": map[string]any{"password": password}}},
		}})
	}
	_, answer := k.call("PATCH /admin/identities", map[string]any{"identities": patches})
	for _, id := range gjson.Get(answer, "identities.#.identity").Array() {
		k.add(group, id.Str)
	}
	if len(k.ids[group]) != size {
		t.Fatalf("%s: %d were made, not %d: %s", group, len(k.ids[group]), size, answer)
	}
}

// logIn logs the identity in, and returns the token of the new session.
func (k *kratos) logIn(id string, header ...string) (status int, token string) {
	_, answer := k.call("GET /self-service/login/api?refresh=true", nil, header...)
	status, answer = k.call("POST /self-service/login?flow="+gjson.Get(answer, "id").Str, map[string]any{
		"method": "password", "password": password,
		"identifier": k.trait(id, "username"),
	}, header...)
	return status, gjson.Get(answer, "session_token").Str
}

// trait returns a trait of the identity, or "".
func (k *kratos) trait(id, name string) string {
	return k.sqlite("SELECT json_extract(traits, '$." + name + "') FROM identities WHERE id = '" + id + "'")
}

// patch sets the state of the identity.
func (k *kratos) patch(id, state string) {
	k.call(k.routes(http.MethodPatch, id)[0], []any{map[string]any{"op": "replace", "path": "/state", "value": state}})
}

// session returns the id of the only session of the identity.
func (k *kratos) session(id string) string {
	return k.sqlite("SELECT id FROM sessions WHERE identity_id = '" + id + "'")
}

// readSessions reads the pages that the profile reads. It returns the owner of each session on
// them, and the total.
func (k *kratos) readSessions() (owners []string, total int) {
	next := regexp.MustCompile(`<([^>]*)>; rel="next"`)
	for path := "/admin/sessions?page_size=1000&expand=identity"; path != ""; {
		resp, err := http.Get(k.url + path)
		if err != nil {
			panic(err)
		}
		for _, id := range gjson.GetBytes(must(io.ReadAll(resp.Body)), "#.identity.id").Array() {
			owners = append(owners, id.Str)
		}
		resp.Body.Close()
		total = must(strconv.Atoi(resp.Header.Get("X-Total-Count")))
		path = ""
		if m := next.FindStringSubmatch(resp.Header.Get("Link")); m != nil {
			path = m[1]
		}
	}
	return owners, total
}

// insert writes sessions to the database without a login, the same number for each identity.
func (k *kratos) insert(ids []string, at time.Duration, each int) {
	k.sqlite(fmt.Sprintf(`WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %d)
		INSERT INTO sessions (id, nid, identity_id, active, aal, authentication_methods, token, logout_token,
			issued_at, authenticated_at, expires_at, created_at, updated_at)
		SELECT lower(hex(randomblob(4)) || '-' || hex(randomblob(2)) || '-4000-8000-' || hex(randomblob(6))), nid, id, 1, 'aal1', '[]',
			'ory_st_' || hex(randomblob(16)), 'ory_lo_' || hex(randomblob(16)), '', '', '', '', '2020-01-01 00:00:00+00:00'
		FROM identities, n WHERE id IN %s`, each, list(ids)))
	k.begin(ids, at)
}

// begin sets the start of the sessions, and their end to a day later. The creation, by which
// Kratos sorts them, is another second for each session.
func (k *kratos) begin(ids []string, at time.Duration) {
	k.sqlite(fmt.Sprintf(`UPDATE sessions SET issued_at = '%[1]s', authenticated_at = '%[1]s', expires_at = '%s',
		created_at = strftime('%%Y-%%m-%%d %%H:%%M:%%S+00:00', '2020-01-01', rowid || ' seconds') WHERE identity_id IN %s`,
		k.time(at), k.time(at+day), list(ids)))
}

// expire sets the end of the sessions.
func (k *kratos) expire(ids []string, at time.Duration) {
	k.sqlite(fmt.Sprintf("UPDATE sessions SET expires_at = '%s' WHERE identity_id IN %s", k.time(at), list(ids)))
}

// time formats a time relative to the cutoff as Kratos writes it to the database.
func (k *kratos) time(at time.Duration) string {
	return k.cutoff.Add(at).Format("2006-01-02 15:04:05-07:00")
}

func list(ids []string) string { return "('" + strings.Join(ids, "','") + "')" }

// isDisabled reports whether the account was disabled by populate.
func (k *kratos) isDisabled(id string) bool { return slices.Contains(k.ids["disabled"], id) }

// call sends a request to the public API or to the admin API, by its path.
func (k *kratos) call(route string, body any, header ...string) (int, string) {
	method, path, _ := strings.Cut(route, " ")
	base := k.url
	if strings.HasPrefix(path, "/self-service/") {
		base = k.public
	}
	req := must(http.NewRequest(method, base+path, bytes.NewReader(must(json.Marshal(body)))))
	req.Header.Set("Content-Type", "application/json")
	for pair := range slices.Chunk(header, 2) {
		req.Header.Set(pair[0], pair[1])
	}
	return send(req)
}

// kratosRequests returns the requests in the server's log, except self-service logins.
func kratosRequests(log string) []request {
	var requests []request
	for line := range strings.Lines(log) {
		e := gjson.Parse(line)
		method, path := e.Get("http_request.method").Str, e.Get("http_request.path").Str
		if e.Get("msg").Str == "started handling request" && !strings.HasPrefix(path, "/self-service/") {
			requests = append(requests, request{e.Get("time").Time(), method + " " + path})
		}
	}
	return requests
}
