package command

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"dormant/client/sandbox"
	"dormant/job"
)

// aliveIn is DORMANT_ALIVE_IN for these directories.
func aliveIn(t *testing.T, elsewhere ...*directory) string {
	t.Helper()
	var list strings.Builder
	for i, d := range elsewhere {
		list.WriteString(entry(t, d, fmt.Sprintf("secret%d", i)))
	}
	return "DORMANT_ALIVE_IN=" + write(t, "alive.yaml", list.String())
}

// entry is the element of the list for the directory, with its credentials in files.
func entry(t *testing.T, d *directory, secret string) string {
	t.Helper()
	var lines []string
	for _, pair := range sandboxEnviron(d.system, d.url) {
		name, value, _ := strings.Cut(strings.TrimPrefix(pair, "DORMANT_"), "=")
		switch name = strings.ToLower(name); name {
		case "inactive_for", "actor":
			continue
		case "token", "password":
			name, value = name+"_file", write(t, secret, value+"\n")
		}
		lines = append(lines, name+": "+value)
	}
	return "- " + strings.Join(lines, "\n  ") + "\n"
}

// peopleOf serves a directory with the same people as d. Those with an id in alive logged in
// yesterday, and so did one who has no account in d; the others, two years ago.
func peopleOf(t *testing.T, d *directory, system string, alive []string) *directory {
	t.Helper()
	return serve(t, system, func(o *sandbox.Options) {
		o.Users = slices.Clone(d.users)
		for i := range o.Users {
			u := &o.Users[i]
			u.LastLogin = now.AddDate(-2, 0, 0)
			if slices.Contains(alive, u.ID) {
				u.LastLogin = now.AddDate(0, 0, -1)
			}
			u.ID, u.LastAction, u.Entries, u.Disabled, u.Fields = "", time.Time{}, nil, false, nil
			u.Created = now.AddDate(-5, 0, 0)
		}
		caller := slices.IndexFunc(o.Users, func(u sandbox.User) bool { return u.Username == sandboxCaller })
		o.Users[0], o.Users[caller] = o.Users[caller], o.Users[0]
		o.Users = append(o.Users, sandbox.User{Username: "elsewhere.only", Email: "elsewhere.only@example.org", FirstName: "E", LastName: "O", Created: now.AddDate(-5, 0, 0), LastLogin: now.AddDate(0, 0, -1)})
	})
}

// everySecond are the ids at odd places.
func everySecond(ids []string) (odd, even []string) {
	for i, id := range ids {
		if i%2 == 1 {
			odd = append(odd, id)
		} else {
			even = append(even, id)
		}
	}
	return odd, even
}

// Whoever is alive in another directory is active, in every pair of systems: nobody of them
// is removed, and the other directory only ever gets requests that read.
func TestAliveInAnotherDirectory(t *testing.T) {
	for _, pair := range [][2]string{
		{"gitlab", "entra"}, {"redmine", "kratos"}, {"gitea", "keycloak"}, {"mattermost", "okta"},
		{"nextcloud", "google-workspace"}, {"itflex", "authentik"}, {"synapse", "zitadel"}, {"maestro", "itflex"},
	} {
		t.Run(pair[0]+" and "+pair[1], func(t *testing.T) {
			t.Parallel()
			d := serve(t, pair[0])
			d.environ = append(d.environ, sandboxEnviron(pair[0], d.url)...)
			d.unset("DORMANT_INACTIVE_FOR")
			if pair[0] != "maestro" {
				d.unset("DORMANT_ACTOR")
			}
			if pair[0] == "nextcloud" {
				d.unset("DORMANT_TOKEN")
			}
			gone := candidates(d.run("audit").report)
			back, rest := everySecond(gone)
			there := peopleOf(t, d, pair[1], back)
			in := aliveIn(t, there)
			if len(back) < 5 {
				t.Fatalf("%d candidates", len(gone))
			}
			sameIDs(t, "would be removed", candidates(d.run("audit", in).report), rest)
			p := start(t, d.env(in), "explain", back[0])
			proof := regexp.MustCompile(`\* active .*, alive in ` + pair[1] + " " + regexp.QuoteMeta(there.url) + `[^:]*( login=.*)?: 20`)
			if p.wait(t) != exitDone || !proof.MatchString(p.stdout.String()) {
				t.Errorf("explain %s: %s%s", back[0], &p.stdout, &p.stderr)
			}
			d.requests, d.removed = len(d.Requests()), len(d.Removed())
			r := d.run("run", forReal, in)
			r.expect(t, exitDone, job.Completed)
			sameIDs(t, "removed", d.Removed(), rest)
			onlyAsks(t, there)
			if len(there.Removed())+len(there.Disabled()) > 0 {
				t.Errorf("removed there: %q", there.Removed())
			}
		})
	}
}

// onlyAsks fails if a request reached the directory that could change something: one that is
// neither a GET, nor a listing or a sign-in by POST.
func onlyAsks(t *testing.T, d *directory) {
	t.Helper()
	posts := map[string][]string{"zitadel": {"/v2/users", "/v2/sessions/search"}}
	for _, r := range d.Requests() {
		if r.Method != http.MethodGet && (r.Method != http.MethodPost || !slices.Contains(posts[d.system], r.Path)) {
			t.Errorf("%s %s was sent there", r.Method, r.Path)
		}
	}
	if len(d.Requests()) == 0 {
		t.Error("nothing was asked there")
	}
}

// A source that fails ends the run, and one in which nobody is alive refuses it. Nothing is
// removed, and what is said names the source.
func TestAliveInFails(t *testing.T) {
	on := func(path string, code int) func(*directory) {
		return func(d *directory) {
			d.before(func(w http.ResponseWriter, r *http.Request) bool {
				return strings.Contains(r.URL.Path, path) && answer(w, code, "")
			})
		}
	}
	nobody := func(d *directory) {
		for _, u := range d.users {
			d.change(u.ID, func(u *sandbox.User) { u.LastLogin = now.AddDate(-1, 0, 0) })
		}
	}
	for _, c := range []struct {
		name    string
		do      func(there *directory)
		code    int
		outcome job.Outcome
		says    string
	}{
		{"broken", on("/", 500), exitFailed, job.Failed, "500"},
		{"unauthorized", on("/", 401), exitUsage, job.Failed, "401"},
		{"forbidden", on("/", 403), exitUsage, job.Failed, "403"},
		{"not the API", on("/", 404), exitFailed, job.Failed, "404"},
		{"cut short", func(d *directory) {
			n := 0
			d.before(func(w http.ResponseWriter, r *http.Request) bool {
				if strings.HasSuffix(r.URL.Path, "/users.json") {
					n++
				}
				return n > 1 && answer(w, 200, `{"users":[`)
			})
		}, exitFailed, job.Failed, "list users"},
		{"nobody is alive", nobody, exitRefused, job.Refused, "none of 121 accounts in redmine http://"},
		{"only the caller is alive", func(d *directory) {
			nobody(d)
			caller, _ := d.Find(sandboxCaller)
			d.change(caller.ID, func(u *sandbox.User) { u.LastLogin = now })
		}, exitRefused, job.Refused, "none of 121 accounts in redmine http://"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			d := serve(t, "itflex")
			there := peopleOf(t, d, "redmine", nil)
			in := aliveIn(t, there)
			c.do(there)
			r := d.run("run", forReal, in)
			r.expect(t, c.code, c.outcome)
			sameIDs(t, "removed", d.Removed(), nil)
			said := r.report.Error
			for _, refusal := range r.report.Refusals {
				said = refusal.Message
				if refusal.Guard != job.GuardAliveIn || refusal.Variable != "DORMANT_ALIVE_IN" || refusal.Found != 0 || refusal.Allowed != 1 {
					t.Errorf("%+v", refusal)
				}
			}
			if !strings.Contains(said, c.says) || !strings.Contains(said, "DORMANT_ALIVE_IN") || !strings.Contains(said, there.url) {
				t.Errorf("%s does not name the source, or lacks %q", said, c.says)
			}
			if c.outcome == job.Failed { // before the directory itself is listed
				for _, request := range d.Requests() {
					if strings.HasSuffix(request.Path, "/users") {
						t.Errorf("%s was sent", request.Path)
					}
				}
			}
			onlyAsks(t, there)
			check := start(t, d.env(in), "check")
			if code := check.wait(t); c.outcome == job.Failed && code != c.code || c.outcome == job.Refused && !strings.Contains(check.stdout.String(), "alive_in: ") {
				t.Errorf("check: %d\n%s%s", code, &check.stdout, &check.stderr)
			}
		})
	}
}

// check reaches each source, and says how many of the first accounts join.
func TestCheckReachesTheOtherDirectories(t *testing.T) {
	t.Parallel()
	d := serve(t, "itflex")
	redmine, gitea := peopleOf(t, d, "redmine", d.unused()[:7]), peopleOf(t, d, "gitea", nil)
	for i, u := range gitea.users {
		gitea.change(u.ID, func(u *sandbox.User) {
			u.Username, u.Email = fmt.Sprintf("other%d", i), fmt.Sprintf("other%d@example.org", i)
		})
	}
	p := start(t, d.env(aliveIn(t, redmine, gitea)), "check")
	if code := p.wait(t); code != exitDone {
		t.Errorf("%d:\n%s%s", code, &p.stdout, &p.stderr)
	}
	for _, want := range []string{
		"alive in            redmine " + redmine.url + ": 8 of 121 accounts; 120 of the first 120 accounts here have one there\n",
		"alive in            gitea " + gitea.url + ": 1 of 117 accounts; 0 of the first 120 accounts here have one there\n",
		"alive_in_unmatched: none of the first accounts has its username or an address in gitea " + gitea.url,
	} {
		if !strings.Contains(p.stdout.String(), want) {
			t.Errorf("%s is not in:\n%s", want, &p.stdout)
		}
	}
	onlyAsks(t, redmine)
	onlyAsks(t, gitea)
	r := d.run("run", forReal, aliveIn(t, redmine, gitea))
	sameIDs(t, "removed", d.Removed(), d.unused()[7:])
	if w := r.report.Warnings; len(w) != 1 || w[0].Code != job.WarnAliveInUnmatched || !strings.Contains(w[0].Message, gitea.url) {
		t.Errorf("%+v", w)
	}
}

// Somebody may come back to life elsewhere while the directory is read. With a source that was
// read just now that is not asked again, so this is about an account that is renamed meanwhile.
func TestAliveInOnTheSecondLook(t *testing.T) {
	t.Parallel()
	d := serve(t, "itflex")
	there := peopleOf(t, d, "redmine", nil)
	renamed := d.unused()[0]
	d.before(func(_ http.ResponseWriter, r *http.Request) bool {
		if r.URL.Path == d.path(renamed) {
			d.change(renamed, func(u *sandbox.User) { u.Email = "Elsewhere.Only@example.org" })
		}
		return false
	})
	r := d.run("run", forReal, aliveIn(t, there))
	sameIDs(t, "removed", d.Removed(), d.unused()[1:])
	if a := r.account(t, renamed); a.Result != job.Kept || a.Reason != job.ActiveAgain {
		t.Errorf("%+v", a)
	}
}

func TestAliveInIsCheckedAtTheStart(t *testing.T) {
	t.Parallel()
	d := serve(t, "itflex")
	secret := write(t, "secret", "hunter2-hunter2")
	good := func(more string) string {
		return "- profile: gitea\n  url: https://git.example\n  token_file: " + secret + "\n" + more
	}
	folder := t.TempDir()
	for _, c := range []struct {
		says string // after the path of the file
		text string
	}{
		{`line 1: there is no directory in it`, ""},
		{`line 1: there is no directory in it`, "# nobody\n"},
		{`line 2: there is no directory in it`, "---\n[]\n"},
		{`line 1: a list is needed`, "profile: gitea\n"},
		{`line 1: a list is needed`, "hunter2-hunter2\n"},
		{`line 1: keys with values are needed: profile, url, `, "- hunter2-hunter2\n"},
		{`line 4: keys with values are needed: profile, url, `, good("-\n")},
		{`line 6: there is a second document`, good("---\n\n" + good(""))},
		{`line 2: `, "- profile: gitea\n\turl: https://git.example\n"},
		{`line 4: mapping key "url" already defined`, good("  url: https://git.example\n")},
		{`line 4: there is no key "user" here; there are profile, url`, good("  user: jane\n")},
		{`line 4: there is no key "URL" here; there are profile, url, token_file, username, password_file, client_id, client_secret_file, params, actor, ca_file, cert_file, key_file, allow_plain_http; url was probably meant`, good("  URL: x\n")},
		{`line 4: there is no key token here: a secret is in a file, which token_file names`, good("  token: hunter2-hunter2\n")},
		{`line 4: there is no key password here: a secret is in a file, which password_file names`, good("  password: hunter2-hunter2\n")},
		{`line 4: there is no key client_secret here`, good("  client_secret: hunter2-hunter2\n")},
		{`line 4: there is no key "dry_run" here`, good("  dry_run: false\n")},
		{`line 3: token_file: text is needed`, "- profile: gitea\n  url: https://git.example\n  token_file: [hunter2-hunter2]\n"},
		{`line 3: token_file: text is needed`, "- profile: gitea\n  url: https://git.example\n  token_file:\n"},
		{`line 3: token_file: is empty`, "- profile: gitea\n  url: https://git.example\n  token_file: \"\"\n"},
		{`line 3: token_file: the path of a file is accepted, and not shown here, since it may be the secret itself: no such file or directory`, "- profile: gitea\n  url: https://git.example\n  token_file: hunter2-hunter2\n"},
		{`line 1: token_file: is not set: profile gitea takes token_file`, "- profile: gitea\n  url: https://git.example\n"},
		{`line 4: password_file: is of no use: profile gitea takes token_file`, good("  password_file: " + secret + "\n")},
		{`line 4: username: is of no use`, good("  username: jane\n")},
		{`line 1: profile: is required`, "- url: https://git.example\n"},
		{`line 1: url: is required`, "- profile: gitea\n  token_file: " + secret + "\n"},
		{`line 1: profile: there is no built-in profile "nothing"`, "- profile: nothing\n  url: https://git.example\n"},
		{`line 2: url: is no URL`, "- profile: gitea\n  url: git.example\n"},
		{`line 2: url: has credentials in it`, "- profile: gitea\n  url: https://jane:hunter2-hunter2@git.example\n"},
		{`line 2: url: has a query or a fragment`, "- profile: gitea\n  url: https://git.example?\n"},
		{`line 2: url="http://git.example": would send the credentials in the clear; use https, or set allow_plain_http=true`, "- profile: gitea\n  url: http://git.example\n"},
		{`line 4: allow_plain_http="maybe": true or false is accepted`, good("  allow_plain_http: maybe\n")},
		{`line 4: params: profile gitea has no "realm"`, good("  params: realm=acme\n")},
		{`line 4: params: profile gitea has no "realm"`, good("  params: {realm: acme}\n")},
		{`line 4: params: name: value, or name=value,name=value, each name once, is accepted`, good("  params: realm\n")},
		{`line 5: params: "realm": text is needed`, good("  params:\n    realm: [acme]\n")},
		{`line 1: params: profile keycloak needs realm=…`, "- profile: keycloak\n  url: https://id.example\n  token_file: " + secret + "\n"},
		{`line 4: ca_file: stat /nowhere/ca.pem: no such file or directory`, good("  ca_file: /nowhere/ca.pem\n")},
		{`line 4: cert_file and key_file: give both or none of them`, good("  cert_file: " + secret + "\n")},
		{`line 4: username="\"jane\"": has quotes around it`, good("  username: \"\\\"jane\\\"\"\n")},
		{`line 4: is the directory of line 1 again: take one of them out`, good(good(""))},
		{`line 4: is the directory of line 1 again: take one of them out`, good("- profile: gitea\n  url: HTTPS://Git.Example:443/\n  token_file: " + secret + "\n")},
		{`line 1: is the directory itself, whose last logins count anyway: take it out`, "- profile: itflex\n  url: " + d.url + "/\n  token_file: " + secret + "\n"},
		{`line 3: token_file: names the same file as DORMANT_JOURNAL, which is written`, "- profile: gitea\n  url: https://git.example\n  token_file: " + filepath.Join(folder, "journal") + "\n"},
	} {
		path := write(t, "alive.yaml", c.text)
		said := d.refuses(t, "run", []string{"DORMANT_ALIVE_IN: " + path + ": " + c.says}, "DORMANT_ALIVE_IN="+path, "DORMANT_JOURNAL="+filepath.Join(folder, "journal"))
		if strings.Contains(said, "hunter2") {
			t.Errorf("the secret is shown:\n%s", said)
		}
	}

	// All at once, with other variables.
	path := write(t, "alive.yaml", "- profile: gitea\n  url: git.example\n  tokenfile: x\n- profile: nothing\n- url: https://id.example\n  secret: y\n")
	d.refuses(t, "daemon", []string{
		"line 2: url: ", "line 3: there is no key \"tokenfile\" here", "token_file was probably meant", "line 1: token_file: is not set", "line 4: url: is required", "line 4: profile: there is no",
		"line 5: profile: is required", "line 6: there is no key \"secret\"", "DORMANT_GRACE",
	}, "DORMANT_ALIVE_IN="+path, "DORMANT_GRACE=0d")
	d.refuses(t, "run", []string{"DORMANT_ALIVE_IN and DORMANT_JOURNAL", "DORMANT_JOURNAL"}[1:], "DORMANT_ALIVE_IN="+path, "DORMANT_JOURNAL="+path)
	d.refuses(t, "run", []string{"DORMANT_ALIVE_IN: "}, "DORMANT_ALIVE_IN="+folder)
	d.refuses(t, "run", []string{"DORMANT_ALIVE_IN: "}, "DORMANT_ALIVE_IN="+write(t, "large", strings.Repeat("#", 65<<10)))
}

// What the file says is read anew for every run.
func TestAliveInIsReadAnew(t *testing.T) {
	t.Parallel()
	d := serve(t, "itflex")
	there := peopleOf(t, d, "redmine", nil)
	variable := aliveIn(t, there)
	_, path, _ := strings.Cut(variable, "=")
	first := true
	d.before(func(http.ResponseWriter, *http.Request) bool {
		if first { // the run has begun
			first = false
			if err := os.WriteFile(path, []byte("- nonsense\n"), 0o600); err != nil {
				t.Error(err)
			}
		}
		return false
	})
	d.run("run", variable).expect(t, exitDone, job.DryRun)
	if code := start(t, d.env(variable), "run").wait(t); code != exitUsage {
		t.Errorf("%d", code)
	}
}
