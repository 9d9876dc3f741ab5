package profiles_test

import (
	"bytes"
	"cmp"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tidwall/gjson"
)

// members are accounts that are alike. Their times are relative to the cutoff.
var members = []struct {
	name    string
	size    int
	login   time.Duration // the last one, as the database has it
	created time.Duration // 0: long ago
	other   string        // what else there is to say
	want    string        // what the program has to say
}{
	{name: "stale", size: 30, login: -10 * day, want: "inactive"},
	{name: "before", size: 1, login: -time.Second, want: "inactive"},
	{name: "exact", size: 1, login: 0, want: "active"},
	{name: "after", size: 1, login: time.Second, want: "active"},
	{name: "recent", size: 60, login: 60 * day, want: "active"},
	{name: "back", size: 3, login: -100 * day, other: "signs in", want: "active"},
	{name: "api", size: 3, login: -100 * day, other: "acts by the API", want: "active"},
	{name: "oldapi", size: 2, login: -100 * day, other: "has acted by the API", want: "inactive"},
	{name: "key", size: 3, login: -100 * day, other: "uses an SSH key", want: "active"},
	{name: "oldkey", size: 2, login: -100 * day, other: "has used an SSH key", want: "inactive"},
	{name: "never", size: 10, other: "never", want: "never_logged_in"},
	{name: "newcomer", size: 3, created: 80 * day, other: "never", want: "never_logged_in"},
	{name: "admin", size: 3, login: -100 * day, other: "admin", want: "admin"},
	{name: "listed", size: 3, login: -100 * day, want: "allowlisted"},
	{name: "disabled", size: 4, login: -100 * day, other: "disabled", want: "inactive"},
	// Later scenes make these old.
	{name: "owner", size: 6, login: 60 * day, want: "active"},
	{name: "doubtful", size: 14, login: 60 * day, want: "active"},
	{name: "tired", size: 5, login: 60 * day, want: "active"},
	{name: "rung", size: 5, login: 60 * day, want: "active"},
}

// TestGitea cleans up a real Gitea with the real program, and takes what came of it from
// the server's database. .ci/gitea starts a server.
func TestGitea(t *testing.T) {
	if os.Getenv("GITEA_URL") == "" {
		t.Skip("GITEA_URL is not set: no Gitea was started with .ci/gitea")
	}
	token := os.Getenv("GITEA_TOKEN")
	g := &giteaServer{token: os.Getenv("GITEA_ALL_TOKEN"), direct: os.Getenv("GITEA_URL"), names: map[string]string{}, server: &server{
		url: os.Getenv("GITEA_URL"), secret: token, settings: []string{"DORMANT_PROFILE=gitea", "DORMANT_TOKEN=" + token},
		database: os.Getenv("GITEA_DB"), requests: giteaRequests,
		account: "/api/v1/admin/users/%s", listed: "SELECT id FROM user WHERE type = 0", there: map[string]bool{"1": true},
	}}
	g.address = func(id string) string { return g.names[id] }
	g.record(t)
	g.prepare(t)
	g.populate(t)
	// Each scene goes on where the one before has ended.
	_ = t.Run("an audit changes nothing", g.audit) &&
		t.Run("bad credentials", g.credentials) &&
		t.Run("a run removes who is inactive", g.run) &&
		t.Run("owners are refused", g.owners) &&
		t.Run("the second look", g.lookAgain) &&
		t.Run("disable before you delete", g.ladder) &&
		t.Run("who never signed in", g.never)
}

func (g *giteaServer) audit(t *testing.T) {
	const everything = "SELECT * FROM user ORDER BY id"
	before := g.sqlite(everything)
	g.dormant(t, "check").wants(t, 0, nil)
	for _, command := range []string{"audit DORMANT_DRY_RUN=false", "run"} {
		o := g.dormant(t, command)
		o.wants(t, 0, each(g.inactive(), wouldRemove))
		g.wantsKept(t, o)
	}
	o := g.dormant(t, "audit DORMANT_NEVER_LOGGED_IN=remove")
	fates := each(g.inactive(), wouldRemove)
	maps.Copy(fates, each(g.ids["never"], "would_remove never_logged_in ()"))
	o.wants(t, 0, fates)
	if g.sqlite(everything) != before {
		t.Error("an audit has changed accounts")
	}
}

// inactive are the ids of those who are.
func (g *giteaServer) inactive() (ids []string) {
	for _, m := range members {
		if m.want == "inactive" {
			ids = append(ids, g.ids[m.name]...)
		}
	}
	return ids
}

func (g *giteaServer) credentials(t *testing.T) {
	name := g.names[g.ids["recent"][0]]
	status, answer := g.call("POST /api/v1/users/"+name+"/tokens", map[string]any{"name": "t", "scopes": []string{"all"}},
		"Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(name+":"+password)))
	if status != http.StatusCreated {
		t.Fatal(status, answer)
	}
	for _, token := range []string{"0123456789abcdef0123456789abcdef01234567", gjson.Get(answer, "sha1").Str} {
		for _, command := range []string{"audit", "run DORMANT_DRY_RUN=false", "check"} {
			g.dormant(t, command+" DORMANT_TOKEN="+token).wants(t, 2, nil)
		}
	}
	g.wantsAccounts(t)
}

func (g *giteaServer) run(t *testing.T) {
	gone := g.inactive()
	run := "run DORMANT_DRY_RUN=false DORMANT_MAX_REMOVAL_PERCENT=50 DORMANT_MAX_REMOVALS="
	o := g.dormant(t, run+strconv.Itoa(len(gone)-1))
	o.wants(t, 3, each(gone, notAttempted))
	g.wantsAccounts(t)
	o = g.dormant(t, run+strconv.Itoa(len(gone)))
	g.wantsRemoved(t, o, gone)
	g.wantsKept(t, o)
	for _, id := range gone {
		if status, _ := g.call("GET /api/v1/users/"+g.names[id], nil); status != http.StatusNotFound {
			t.Errorf("account %s: status %d after its removal, want 404", id, status)
		}
	}
}

// owners are refused by the server, unless the removal destroys what they own. What they
// did to come to it is long ago.
func (g *giteaServer) owners(t *testing.T) {
	ids := g.ids["owner"]
	repository, member, organisation, pack, ends, rest := ids[0], ids[1], ids[2], ids[3], ids[4], ids[5:]
	g.as(t, repository, "POST /api/v1/user/repos", map[string]any{"name": "own"})
	g.as(t, organisation, "POST /api/v1/orgs", map[string]any{"username": g.prefix + "shared"})
	g.as(t, organisation, "POST /api/v1/orgs/"+g.prefix+"shared/repos", map[string]any{"name": "work"})
	g.as(t, ends, "POST /api/v1/orgs", map[string]any{"username": g.prefix + "alone"})
	team := g.sqlite("SELECT team.id FROM team JOIN user ON user.id = org_id WHERE user.name = '" + g.prefix + "shared'")
	g.as(t, organisation, "PUT /api/v1/teams/"+team+"/members/"+g.names[member], nil)
	g.as(t, pack, "PUT /api/packages/"+g.names[pack]+"/generic/thing/1.0/file", map[string]any{})
	g.set(ids, -200*day)
	g.sqlite("UPDATE action SET created_unix = " + g.time(-200*day) + " WHERE act_user_id IN " + list(ids))

	owners := ids[:5]
	fates := each(owners, "refused_by_directory inactive (intent refused_by_directory)")
	maps.Copy(fates, each(rest, removed))
	g.dormant(t, all).wants(t, 0, fates, g.routes(http.MethodDelete, ids...)...)
	g.wantsAccounts(t, rest...)

	purge := all + " DORMANT_PARAMS=purge=true DORMANT_ALLOWLIST=" + g.prefix + "listed*," + member + "," + organisation
	g.wantsRemoved(t, g.dormant(t, purge), []string{repository, pack, ends})
	left := g.sqlite("SELECT name FROM user WHERE type = 1 UNION SELECT lower_name FROM repository UNION SELECT lower_version FROM package_version")
	wantSame(t, "organisations, repositories, versions of packages", strings.Fields(left), []string{g.prefix + "shared", "work", "common"})
	g.set([]string{member, organisation}, 60*day)
}

// lookAgain has things happen between the program's scan, which reads candidates alone,
// and its removals.
func (g *giteaServer) lookAgain(t *testing.T) {
	ids := g.ids["doubtful"]
	g.set(ids, -200*day)
	signedIn, acted, keyed, promoted, renamed, replaced, deleted, overtaken, rest := ids[0], ids[1], ids[2], ids[3], ids[4], ids[5], ids[6], ids[7], ids[8:]
	privateKey := g.addKey(t, keyed)
	g.sqlite("UPDATE public_key SET updated_unix = " + g.time(-300*day) + " WHERE owner_id = " + keyed)
	look := func(id string) string { return "GET /api/v1/users/" + g.names[id] }
	remove := g.routes(http.MethodDelete, ids...)
	rename := func(id string) {
		g.admin(t, "POST /api/v1/admin/users/"+g.names[id]+"/rename", map[string]any{"new_username": g.names[id] + "-renamed"}, http.StatusNoContent)
	}
	var newcomer string
	proxy := g.proxy(t, map[string]func(){
		look(signedIn): nth(2, func() { g.signIn(t, signedIn) }),
		look(acted):    nth(2, func() { g.act(t, acted) }),
		look(keyed):    nth(2, func() { g.useKey(t, privateKey) }),
		look(promoted): nth(2, func() {
			g.admin(t, "PATCH /api/v1/admin/users/"+g.names[promoted], map[string]any{"admin": true, "login_name": g.names[promoted], "source_id": 0}, http.StatusOK)
		}),
		look(renamed): nth(2, func() { rename(renamed) }),
		look(replaced): nth(2, func() {
			rename(replaced)
			newcomer = g.create(t, g.names[replaced], false)
		}),
		look(deleted): nth(2, func() { g.admin(t, remove[6], nil, http.StatusNoContent) }),
		remove[7]:     nth(1, func() { g.admin(t, remove[7], nil, http.StatusNoContent) }),
	})
	o := g.dormant(t, all+" DORMANT_URL="+proxy)
	fates := each(rest, removed)
	maps.Copy(fates, each([]string{signedIn, acted, keyed}, "kept active_again (kept)"))
	fates[promoted] = "kept admin (kept)"
	fates[renamed], fates[replaced] = "kept unsafe_id (kept)", "kept unsafe_id (kept)"
	fates[deleted], fates[overtaken] = "already_gone inactive (already_gone)", "already_gone inactive (intent already_gone)"
	o.wants(t, 0, fates, g.routes(http.MethodDelete, append(rest, overtaken)...)...)
	g.there[newcomer] = true
	g.wantsAccounts(t, ids[6:]...)
	g.set([]string{renamed, replaced}, 60*day) // for the next scene
}

// ladder disables after 45 days, and after 90 days deletes who is disabled by then.
func (g *giteaServer) ladder(t *testing.T) {
	first, second, third := g.ids["tired"], g.ids["rung"], slices.Concat(g.ids["exact"], g.ids["after"])
	g.set(first, -200*day)
	disable := all + " DORMANT_ACTION=disable"
	g.dormant(t, disable).wants(t, 0, each(first, disabled), g.routes(http.MethodPatch, first...)...)
	wantSame(t, "disabled", strings.Fields(g.sqlite("SELECT id FROM user WHERE prohibit_login")), first)
	if status := g.tryToSignIn(first[0]); status == http.StatusSeeOther {
		t.Error("a disabled account has signed in")
	}

	g.set(second, -200*day)
	patched := slices.Concat(second, third)
	fates := each(patched, disabled)
	maps.Copy(fates, each(first, removed))
	run := all + " DORMANT_DISABLE_AFTER=45d DORMANT_REQUIRE_DISABLED=true"
	g.dormant(t, run).wants(t, 0, fates, append(g.routes(http.MethodDelete, first...), g.routes(http.MethodPatch, patched...)...)...)
	g.wantsAccounts(t, first...)
	wantSame(t, "disabled", strings.Fields(g.sqlite("SELECT id FROM user WHERE prohibit_login")), patched)
	g.wantsRemoved(t, g.dormant(t, run), second)
}

func (g *giteaServer) never(t *testing.T) {
	ids := g.ids["never"]
	o := g.dormant(t, all+" DORMANT_NEVER_LOGGED_IN=remove")
	o.wants(t, 0, each(ids, "removed never_logged_in (intent removed)"), g.routes(http.MethodDelete, ids...)...)
	g.wantsAccounts(t, ids...)
}

// giteaServer is a server, with the token of its administrator for the test's own requests.
type giteaServer struct {
	*server
	token  string
	direct string            // the server itself
	names  map[string]string // of the accounts, by their ids
}

// record stands between the program and the server, and writes a log of what comes by:
// the server's own is written after its answers.
func (g *giteaServer) record(t *testing.T) {
	g.log = filepath.Join(t.TempDir(), "log")
	log := must(os.Create(g.log))
	var mu sync.Mutex
	onward := &httputil.ReverseProxy{Rewrite: func(p *httputil.ProxyRequest) { p.SetURL(must(url.Parse(g.direct))) }}
	recorder := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		mu.Lock()
		fmt.Fprintln(log, time.Now().UTC().Format(time.RFC3339Nano), req.Method, req.URL.Path)
		mu.Unlock()
		onward.ServeHTTP(w, req)
	}))
	t.Cleanup(func() {
		recorder.Close()
		log.Close()
	})
	g.url = recorder.URL
}

func giteaRequests(log string) []request {
	var requests []request
	for line := range strings.Lines(log) {
		at, route, _ := strings.Cut(strings.TrimSpace(line), " ")
		if !strings.HasPrefix(route, "GET ") {
			requests = append(requests, request{must(time.Parse(time.RFC3339Nano, at)), route})
		}
	}
	return requests
}

// populate makes the accounts: by the API, with a past from the database.
func (g *giteaServer) populate(t *testing.T) {
	g.wantsAccounts(t)
	if t.Failed() {
		t.Fatal("this Gitea is not one for this test: it would remove those accounts")
	}
	g.admin(t, "POST /api/v1/user/repos", map[string]any{"name": "common", "auto_init": true}, http.StatusCreated)
	for _, m := range members {
		for i := range m.size {
			g.add(m.name, g.create(t, fmt.Sprintf("%s%s%d", g.prefix, m.name, i), m.other == "admin"))
		}
		ids := g.ids[m.name]
		g.sqlite("UPDATE user SET created_unix = " + g.time(cmp.Or(m.created, -1000*day)) + " WHERE id IN " + list(ids))
		if m.other != "never" {
			g.set(ids, m.login)
		}
		for _, id := range ids {
			switch m.other {
			case "signs in":
				g.signIn(t, id)
			case "acts by the API":
				g.act(t, id)
			case "has acted by the API":
				g.act(t, id)
				g.sqlite("UPDATE action SET created_unix = " + g.time(-100*day) + " WHERE act_user_id = " + id)
			case "uses an SSH key", "has used an SSH key":
				key := g.addKey(t, id)
				g.sqlite("UPDATE public_key SET updated_unix = " + g.time(-300*day) + " WHERE owner_id = " + id)
				g.useKey(t, key)
				if m.want == "inactive" {
					g.sqlite("UPDATE public_key SET updated_unix = " + g.time(-100*day) + " WHERE owner_id = " + id)
				}
			case "disabled":
				g.sqlite("UPDATE user SET prohibit_login = 1 WHERE id = " + id)
			}
		}
	}
	for _, group := range []string{"api", "key"} {
		logins := g.sqlite("SELECT count(*) FROM user WHERE last_login_unix >= " + g.time(0) + " AND id IN " + list(g.ids[group]))
		if logins != "0" {
			t.Errorf("%s: the server has taken that for %s logins", group, logins)
		}
	}
}

// create makes an account and returns its id.
func (g *giteaServer) create(t *testing.T, name string, admin bool) string {
	answer := g.admin(t, "POST /api/v1/admin/users", map[string]any{
		"username": name, "email": fmt.Sprintf("%s%d@example.com", name, len(g.names)), "password": password, "must_change_password": false,
	}, http.StatusCreated)
	id := gjson.Get(answer, "id").Raw
	if admin {
		g.sqlite("UPDATE user SET is_admin = 1 WHERE id = " + id)
	}
	g.names[id] = name
	return id
}

// set sets the last login of the accounts.
func (g *giteaServer) set(ids []string, at time.Duration) {
	g.sqlite("UPDATE user SET last_login_unix = " + g.time(at) + " WHERE id IN " + list(ids))
}

// time is as Gitea writes it to the database, relative to the cutoff.
func (g *giteaServer) time(at time.Duration) string {
	return strconv.FormatInt(g.cutoff.Add(at).Unix(), 10)
}

// signIn is a login on the page for it, which Gitea takes note of.
func (g *giteaServer) signIn(t *testing.T, id string) {
	if status := g.tryToSignIn(id); status != http.StatusSeeOther {
		t.Errorf("%s: status %d for a sign-in, want 303", g.names[id], status)
	}
}

func (g *giteaServer) tryToSignIn(id string) int {
	form := url.Values{"user_name": {g.names[id]}, "password": {password}}.Encode()
	req := must(http.NewRequest(http.MethodPost, g.direct+"/user/login", strings.NewReader(form)))
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	resp, err := http.DefaultTransport.RoundTrip(req) // follows no redirect
	if err != nil {
		panic(err)
	}
	defer resp.Body.Close()
	return resp.StatusCode
}

// act has the account do something by the API.
func (g *giteaServer) act(t *testing.T, id string) {
	g.as(t, id, "POST /api/v1/repos/root/common/issues", map[string]any{"title": "I am here"})
}

// addKey gives the account an SSH key, and returns the file of its private half.
func (g *giteaServer) addKey(t *testing.T, id string) string {
	file := filepath.Join(t.TempDir(), "key")
	if out, err := exec.Command("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", file).CombinedOutput(); err != nil {
		t.Fatalf("ssh-keygen: %v: %s", err, out)
	}
	public := string(must(os.ReadFile(file + ".pub")))
	g.admin(t, "POST /api/v1/admin/users/"+g.names[id]+"/keys", map[string]any{"title": "laptop", "key": public}, http.StatusCreated)
	return file
}

// useKey reads a repository over SSH.
func (g *giteaServer) useKey(t *testing.T, file string) {
	git := exec.Command("git", "ls-remote", "ssh://git@127.0.0.1:"+os.Getenv("GITEA_SSH_PORT")+"/root/common.git")
	git.Env = append(os.Environ(), "GIT_SSH_COMMAND=ssh -F none -i "+file+
		" -o IdentitiesOnly=yes -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null")
	if out, err := git.CombinedOutput(); err != nil {
		t.Errorf("git ls-remote: %v: %s", err, out)
	}
}

// as sends a request of the account, which has to succeed.
func (g *giteaServer) as(t *testing.T, id, route string, body any) {
	t.Helper()
	if status, answer := g.call(route, body, "Sudo", g.names[id]); status != http.StatusCreated && status != http.StatusNoContent {
		t.Fatalf("%s: status %d: %s", route, status, answer)
	}
}

// admin sends a request of the administrator.
func (g *giteaServer) admin(t *testing.T, route string, body any, want int) string {
	t.Helper()
	status, answer := g.call(route, body)
	if status != want {
		t.Fatalf("%s: status %d: %s", route, status, answer)
	}
	return answer
}

// call sends a request past the log.
func (g *giteaServer) call(route string, body any, header ...string) (int, string) {
	method, path, _ := strings.Cut(route, " ")
	req := must(http.NewRequest(method, g.direct+path, bytes.NewReader(must(json.Marshal(body)))))
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Authorization", "token "+g.token)
	for pair := range slices.Chunk(header, 2) {
		req.Header.Set(pair[0], pair[1])
	}
	return send(req)
}

// wantsKept wants the reasons to keep that the groups are there for.
func (g *giteaServer) wantsKept(t *testing.T, o *outing) {
	t.Helper()
	want := map[string]int{"self": 1}
	for _, m := range members {
		if m.want != "inactive" {
			want[m.want] += m.size
		}
	}
	o.wantsKept(t, want)
}
