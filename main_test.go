package main

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/csv"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"html"
	"io"
	"io/fs"
	stdlog "log"
	"maps"
	mathrand "math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	"runtime"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"github.com/rs/zerolog"

	"dormant/client/profile"
	"dormant/client/sandbox"
	"dormant/job"
)

// asProgram makes the test's own binary the program, for what only a process has:
// signals and an exit code.
const asProgram = "RUN_TEST_BINARY_AS_DORMANT"

func TestMain(m *testing.M) {
	if os.Getenv(panicking) != "" {
		http.DefaultTransport.(*http.Transport).Proxy = func(*http.Request) (*url.URL, error) { panic("on purpose") }
	}
	if os.Getenv(asProgram) != "" {
		main()
	}
	m.Run()
}

// systems are those that are tried here; the profiles' tests try them all.
var systems = []string{"itflex", "maestro", "redmine"}

// Whom it removes. What counts is what reached the directory.

func TestRemovesExactlyWhomItShould(t *testing.T) {
	for _, system := range systems {
		for _, command := range job.Commands() {
			for _, dry := range []string{"DORMANT_DRY_RUN=true", "DORMANT_DRY_RUN=false", "LANG=C"} {
				t.Run(system+"/"+command+"/"+dry, func(t *testing.T) {
					t.Parallel()
					d := serve(t, system)
					r := d.run(command, dry)
					sameIDs(t, "candidates", candidates(r.report), d.unused())
					if dry == "DORMANT_DRY_RUN=false" && command != "audit" {
						r.ended(t, exitDone, job.Completed)
						sameIDs(t, "removed", d.Removed(), d.unused())
					} else {
						r.ended(t, exitDone, job.DryRun)
						sameIDs(t, "removed", d.Removed(), nil)
					}
					d.orderly()
				})
			}
		}
	}
}

// orderly fails unless everything was read before the first removal, and each
// account right before its own.
func (d *directory) orderly() {
	removing, looked := false, map[string]bool{}
	for _, r := range d.Requests() {
		isAccount := slices.Contains(d.paths(), r.Path)
		switch {
		case r.Method == http.MethodDelete:
			removing = true
			if !isAccount || d.system != "maestro" && !looked[r.Path] {
				d.t.Errorf("%s was removed, and not looked at right before", r.Path)
			}
			looked[r.Path] = false
		case isAccount:
			looked[r.Path] = true
		case removing:
			d.t.Errorf("%s was read after the first removal", r.Path)
		}
	}
}

func TestLooksAgainBeforeItRemoves(t *testing.T) {
	t.Parallel()
	d := serve(t, "itflex")
	back, renumbered := d.unused()[0], d.unused()[1]
	d.before(func(w http.ResponseWriter, r *http.Request) bool {
		switch r.URL.Path {
		case d.path(back):
			d.change(back, func(u *sandbox.User) { u.LastLogin = time.Now() })
		case d.path(renumbered):
			return answer(w, http.StatusOK, fmt.Sprintf(`{"id": %s, "superuser": false, "last_login": "2020-01-01"}`, back))
		}
		return false
	})
	r := d.run("run", forReal)
	r.ended(t, exitPartial, job.Partial)
	sameIDs(t, "removed", d.Removed(), d.unused()[2:])
	if n := r.report.Counts.Kept[job.ActiveAgain]; n != 1 {
		t.Errorf("%d accounts are active again, not 1", n)
	}
}

func TestTheAllowlistKeeps(t *testing.T) {
	t.Parallel()
	d := serve(t, "maestro")
	unused := d.unused()
	email := d.user(unused[1]).Email
	file := write(t, "allowlist", "# who stays\n\n"+unused[2]+"  # by id\n"+d.user(unused[3]).Username+"\n")
	r := d.run("run", forReal, "DORMANT_ALLOWLIST="+unused[0]+","+strings.ToUpper(email)+",svc-*", "DORMANT_ALLOWLIST_FILE="+file)
	r.ended(t, exitDone, job.Completed)
	sameIDs(t, "removed", d.Removed(), slices.DeleteFunc(unused[4:], func(id string) bool {
		return strings.HasPrefix(d.user(id).Username, "svc-")
	}))
	if r.report.Counts.Kept[job.Allowlisted] < 4 {
		t.Errorf("kept %v", r.report.Counts.Kept)
	}
}

func TestWhoNeverLoggedIn(t *testing.T) {
	never := func(u sandbox.User) bool { return u.LastLogin.IsZero() && !u.Admin && !u.Disabled }
	old := func(u sandbox.User) bool { return never(u) && u.Created.Before(cutoff) }
	nobody := func(sandbox.User) bool { return false }
	for _, c := range []struct {
		system, policy string
		too            func(sandbox.User) bool
	}{
		{"maestro", "keep", nobody},
		{"maestro", "remove", nobody}, // it gives no creation dates
		{"maestro", "remove-undated", never},
		{"redmine", "keep", nobody},
		{"redmine", "remove", old},
		{"redmine", "remove-undated", old},
		{"itflex", "remove-undated", nobody}, // its null has no known meaning
	} {
		t.Run(c.system+"/"+c.policy, func(t *testing.T) {
			t.Parallel()
			d := serve(t, c.system)
			d.run("run", forReal, "DORMANT_NEVER_LOGGED_IN="+c.policy).ended(t, exitDone, job.Completed)
			sameIDs(t, "removed", d.Removed(), append(d.unused(), d.those(c.too)...))
		})
	}
}

// Whoever is unused is disabled first, and removed when more time has passed:
// nothing but the directory remembers.
func TestDisablesBeforeItRemoves(t *testing.T) {
	first := now.AddDate(0, 0, -45)
	unused := func(u sandbox.User, since time.Time) bool {
		return !u.Admin && !u.Bot && !u.LastLogin.IsZero() && u.LastLogin.Before(since)
	}
	nobody := func(sandbox.User) bool { return false }
	for _, c := range []struct {
		says     string
		environ  []string
		disabled func(sandbox.User) bool
		removed  func(sandbox.User) bool
	}{
		{"disable", []string{"DORMANT_ACTION=disable"},
			func(u sandbox.User) bool { return unused(u, cutoff) && !u.Disabled }, nobody},
		{"ladder", []string{"DORMANT_DISABLE_AFTER=45d"},
			func(u sandbox.User) bool { return unused(u, first) && !unused(u, cutoff) && !u.Disabled },
			func(u sandbox.User) bool { return unused(u, cutoff) }},
		{"only the disabled", []string{"DORMANT_REQUIRE_DISABLED=true"}, nobody,
			func(u sandbox.User) bool { return unused(u, cutoff) && u.Disabled }},
		{"ladder, only the disabled", []string{"DORMANT_DISABLE_AFTER=45d", "DORMANT_REQUIRE_DISABLED=true"},
			func(u sandbox.User) bool { return unused(u, first) && !u.Disabled },
			func(u sandbox.User) bool { return unused(u, cutoff) && u.Disabled }},
	} {
		t.Run(c.says, func(t *testing.T) {
			t.Parallel()
			d := serve(t, "gitea", func(o *sandbox.Options) {
				for i := 5; i < len(o.Users); i += 5 {
					o.Users[i].Disabled = true
				}
			})
			disabled, removed := d.those(c.disabled), d.those(c.removed)
			audit := d.run("audit", c.environ...)
			audit.ended(t, exitDone, job.DryRun)
			sameIDs(t, "foretold", candidates(audit.report), append(slices.Clone(disabled), removed...))

			r := d.run("run", append(c.environ, forReal)...)
			r.ended(t, exitDone, job.Completed)
			sameIDs(t, "removed", d.Removed(), removed)
			var are []string
			for _, u := range d.Users() {
				if u.Disabled && !d.user(u.ID).Disabled {
					are = append(are, u.ID)
				}
			}
			sameIDs(t, "disabled", are, disabled)
			if r.report.Counts.Disabled != len(disabled) || r.report.Counts.Removed != len(removed) || len(disabled)+len(removed) == 0 {
				t.Errorf("%+v, for %d to disable and %d to remove", r.report.Counts, len(disabled), len(removed))
			}
			again := d.run("run", append(c.environ, forReal)...)
			if c.says == "ladder, only the disabled" { // the directory remembers
				sameIDs(t, "removed at last", d.Removed()[len(removed):], d.those(func(u sandbox.User) bool { return unused(u, cutoff) && !u.Disabled }))
			} else if again.report.Counts.Candidates > 0 {
				t.Errorf("a second run finds %+v", again.report.Counts)
			}
		})
	}
}

// Only those go whom an earlier run has found, long enough ago.
func TestGrace(t *testing.T) {
	t.Parallel()
	d := serve(t, "itflex")
	unused := d.unused()
	returned, rest := unused[1], append(slices.Clone(unused[:1]), unused[2:]...)
	ledger := filepath.Join(t.TempDir(), "ledger.json")
	grace := []string{"DORMANT_GRACE=14d", "DORMANT_LEDGER=" + ledger}
	found := func() map[string]time.Time {
		t.Helper()
		var file struct {
			Directory string
			FoundAt   map[string]time.Time `json:"found_at"`
		}
		if err := json.Unmarshal([]byte(read(t, ledger)), &file); err != nil || file.Directory != "itflex "+d.url {
			t.Fatalf("%v: %+v", err, file)
		}
		return file.FoundAt
	}
	// earlier makes the runs up to now as many days older.
	earlier := func(days int) {
		t.Helper()
		text := read(t, ledger)
		for id, at := range found() {
			text = strings.ReplaceAll(text, fmt.Sprintf("%q: %q", id, at.Format(time.RFC3339Nano)), fmt.Sprintf("%q: %q", id, at.AddDate(0, 0, -days).Format(time.RFC3339Nano)))
		}
		if err := os.WriteFile(ledger, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	inGrace := func(r result, want []string) {
		t.Helper()
		var got []string
		for _, a := range r.report.Accounts {
			if a.Reason == job.InGrace {
				got = append(got, a.ID)
				if at := found()[a.ID].AddDate(0, 0, 14); a.Result != job.Kept || a.RemovableAt.Before(at) || a.RemovableAt.Sub(at) >= time.Second {
					t.Errorf("%s is removable from %s, want %s: %+v", a.ID, a.RemovableAt, at, a)
				}
			}
		}
		sameIDs(t, "in grace", got, want)
	}

	audit := d.run("audit", grace...)
	audit.ended(t, exitDone, job.DryRun)
	if _, err := os.Lstat(ledger); err == nil || audit.report.Counts.Kept[job.InGrace] != len(unused) {
		t.Errorf("an audit leaves a ledger, or %+v", audit.report.Counts)
	}

	first := d.run("run", append(grace, forReal)...)
	first.ended(t, exitDone, job.Completed)
	inGrace(first, unused)
	earlier(13)

	d.change(returned, func(u *sandbox.User) { u.LastLogin = now })
	second := d.run("daemon", append(grace, forReal)...)
	second.ended(t, exitDone, job.Completed)
	inGrace(second, rest)
	sameIDs(t, "removed", d.Removed(), nil)
	for _, c := range []struct{ command, arg, says string }{
		{"explain", rest[0], `\* in_grace +found inactive: \S+Z, removable from: \S+Z\n  \* inactive (?s:.*)Decision: keep \(in_grace\)\n$`},
		{"check", "", fmt.Sprintf(`(?m)^ledger +%s: %d accounts that earlier runs found inactive; a grace is 2w\n(?s:.*)^in grace +\d+\nwould be removed +0$`, regexp.QuoteMeta(ledger), len(rest))},
	} {
		p := start(t, d.env(grace...), strings.Fields(c.command+" "+c.arg)...)
		if code := p.wait(t); code != exitDone || !regexp.MustCompile(c.says).MatchString(p.stdout.String()) {
			t.Errorf("%s: %d, %s is not in:\n%s%s", c.command, code, c.says, &p.stdout, &p.stderr)
		}
	}
	earlier(1)

	late := rest[2]
	text := read(t, ledger)
	at := found()[late]
	tomorrow := strings.ReplaceAll(text, fmt.Sprintf("%q: %q", late, at.Format(time.RFC3339Nano)), fmt.Sprintf("%q: %q", late, at.AddDate(0, 0, 1).Format(time.RFC3339Nano)))
	if err := os.WriteFile(ledger, []byte(tomorrow), 0o600); err != nil || tomorrow == text {
		t.Fatal(err)
	}
	third := d.run("run", append(grace, forReal)...)
	third.ended(t, exitDone, job.Completed)
	inGrace(third, []string{late})
	sameIDs(t, "removed", d.Removed(), slices.DeleteFunc(slices.Clone(rest), func(id string) bool { return id == late }))
	sameIDs(t, "in the ledger", slices.Collect(maps.Keys(found())), []string{late})
	d.orderly()
}

// Nobody counts as found before if the ledger is not one of this directory.
func TestALedgerThatCannotBeUsed(t *testing.T) {
	t.Parallel()
	d := serve(t, "itflex")
	ledger := write(t, "ledger.json", `{"directory": "itflex https://elsewhere.example", "found_at": {"`+d.unused()[0]+`": "2026-01-01T00:00:00Z"}}`)
	grace := []string{"DORMANT_GRACE=1s", "DORMANT_LEDGER=" + ledger}
	p := start(t, d.env(grace...), "check")
	if p.wait(t) != exitDone || !strings.Contains(p.stdout.String(), "can't be used, so nobody counts as found by an earlier run: read ledger: "+ledger+" is about another directory") {
		t.Errorf("%d: %s", p.code, &p.stdout)
	}
	r := d.run("run", append(grace, forReal)...)
	r.ended(t, exitDone, job.Completed)
	if warnings := strings.Count(r.stderr, "nobody counts as found by an earlier run (DORMANT_LEDGER)"); warnings != 1 || r.report.Counts.Kept[job.InGrace] != len(d.unused()) {
		t.Errorf("%d warnings, %+v", warnings, r.report.Counts)
	}
	if err := errors.Join(os.Remove(ledger), os.Remove(filepath.Dir(ledger))); err != nil {
		t.Fatal(err)
	}
	d.wrong(t, "check", []string{"DORMANT_LEDGER"}, grace...)
}

func TestLastLoginsFromElsewhere(t *testing.T) {
	t.Parallel()
	d := serve(t, "itflex", func(o *sandbox.Options) { o.WithLastLogin = false })
	var rows strings.Builder
	for i, u := range d.users {
		if i%2 == 0 && !u.LastLogin.IsZero() {
			fmt.Fprintf(&rows, "%s,%s\n", u.Username, u.LastLogin.Format(time.RFC3339))
		}
	}
	// The audit log proves that some are alive, which says nothing of last logins.
	r := d.run("run", forReal)
	r.ended(t, exitRefused, job.Refused)
	sameIDs(t, "removed without the file", d.Removed(), nil)
	r = d.run("run", forReal, "DORMANT_REQUIRE_ACTIVE=false")
	r.ended(t, exitDone, job.Completed)
	sameIDs(t, "removed without the file and the guard", d.Removed(), nil)

	r = d.run("run", forReal, "DORMANT_ACTIVITY_FILE="+write(t, "logins.csv", "username,last_login\n"+rows.String()))
	r.ended(t, exitDone, job.Completed)
	want := slices.DeleteFunc(d.unused(), func(id string) bool { return !strings.Contains("\n"+rows.String(), "\n"+d.user(id).Username+",") })
	if len(want) == 0 || len(want) == len(d.unused()) {
		t.Fatalf("the file is about %d of %d", len(want), len(d.unused()))
	}
	sameIDs(t, "removed", d.Removed(), want)
}

func TestTheActor(t *testing.T) {
	t.Parallel()
	d := serve(t, "maestro")
	actor := d.user(d.unused()[0])
	d.forget("DORMANT_ACTOR")
	d.wrong(t, "run", []string{"DORMANT_ACTOR"}, forReal)

	d.run("run", forReal, "DORMANT_ACTOR="+actor.Email).ended(t, exitDone, job.Completed)
	sameIDs(t, "removed", d.Removed(), d.unused()[1:])
	for _, r := range d.Requests() {
		if got := r.Header.Get("Dadosfera-User"); got != actor.Email {
			t.Errorf("%s %s has Dadosfera-User %q", r.Method, r.Path, got)
		}
	}
}

func TestTheCallerIsKept(t *testing.T) {
	t.Parallel()
	d := serve(t, "itflex", func(o *sandbox.Options) {
		o.Users[0].LastLogin, o.Users[0].LastAction = now.AddDate(-2, 0, 0), time.Time{}
	})
	d.run("run", forReal, "DORMANT_PROTECT_ADMINS=false").ended(t, exitDone, job.Completed)
	sameIDs(t, "removed and the caller", append(d.Removed(), "1"), d.those(func(u sandbox.User) bool {
		return !u.LastLogin.IsZero() && u.LastLogin.Before(cutoff) && u.LastAction.Before(cutoff)
	}))
}

// How it ends.

func TestGuards(t *testing.T) {
	n := len(serve(t, "itflex").unused())
	nobody := func(o *sandbox.Options) {
		for i := range o.Users {
			o.Users[i].LastLogin, o.Users[i].LastAction = now.AddDate(0, -6, 0), time.Time{}
		}
	}
	for _, c := range []struct {
		says    string
		environ string
		guard   string // none: it may be done
		option  func(*sandbox.Options)
	}{
		{"just enough", fmt.Sprintf("DORMANT_MAX_REMOVALS=%d", n), "", nil},
		{"one too many", fmt.Sprintf("DORMANT_MAX_REMOVALS=%d", n-1), job.GuardMaxRemovals, nil},
		{"0 is none", "DORMANT_MAX_REMOVALS=0", job.GuardMaxRemovals, nil},
		{"0 % is none", "DORMANT_MAX_REMOVAL_PERCENT=0", job.GuardMaxRemovalPercent, nil},
		{"a small share", "DORMANT_MAX_REMOVAL_PERCENT=5", job.GuardMaxRemovalPercent, nil},
		{"nobody is active", "DORMANT_REQUIRE_ACTIVE=true", job.GuardRequireActive, nobody},
	} {
		t.Run(c.says, func(t *testing.T) {
			t.Parallel()
			var options []func(*sandbox.Options)
			if c.option != nil {
				options = append(options, c.option)
			}
			d := serve(t, "itflex", options...)
			d.run("run", c.environ).ended(t, exitDone, job.DryRun) // a dry run says it, and that is all
			r := d.run("run", forReal, c.environ)
			if c.guard == "" {
				r.ended(t, exitDone, job.Completed)
				return
			}
			r.ended(t, exitRefused, job.Refused)
			sameIDs(t, "removed", d.Removed(), nil)
			if len(r.report.Refusals) != 1 || r.report.Refusals[0].Guard != c.guard {
				t.Fatalf("refusals: %+v", r.report.Refusals)
			}
			if v := r.report.Refusals[0].Variable; !strings.HasPrefix(c.environ, v+"=") || !strings.Contains(r.stderr, v) {
				t.Errorf("the refusal names %s, for %s", v, c.environ)
			}
		})
	}
}

func TestADirectoryThatCannotBeTrusted(t *testing.T) {
	page := func(n int) func(*http.Request) bool { // of the listing of accounts
		return func(r *http.Request) bool {
			if r.URL.Path == "/api/users" {
				n--
			}
			return r.URL.Path == "/api/users" && n == 0
		}
	}
	only := func(path string) func(*http.Request) bool {
		return func(r *http.Request) bool { return r.URL.Path == path }
	}
	account := `{"id": 1000, "username": "x", "superuser": false, "last_login": "2020-01-01T00:00:00Z"}`
	for _, c := range []struct {
		says string
		when func(*http.Request) bool
		code int
		body string
		want int
	}{
		{"down", only("/api/user/info"), 503, "", exitFailed},
		{"the log of activity is down", only("/api/audit/logs"), 500, "", exitFailed},
		{"page 2 is missing", page(2), 500, "", exitFailed},
		{"page 2 is gone", page(2), 404, "", exitFailed},
		{"page 2 is a page for people", page(2), 200, "<html>please sign in</html>", exitFailed},
		{"page 2 is cut short", page(2), 200, `{"cursor": {"next": null}, "users": [` + account, exitFailed},
		{"page 2 is empty", page(2), 200, "", exitFailed},
		{"page 2 does not say what follows", page(2), 200, `{"users": [` + account + `]}`, exitFailed},
		{"page 2 leads to itself", page(2), 200, `{"cursor": {"next": 20}, "users": [` + account + `]}`, exitFailed},
		{"an account has no id", page(2), 200, `{"cursor": {"next": null}, "users": [{"username": "x"}]}`, exitFailed},
		{"it does not say who calls", only("/api/user/info"), 200, `{}`, exitFailed},
		{"the credentials are wrong", page(1), 401, "", exitUsage},
		{"the credentials allow little", page(2), 403, "", exitUsage},
	} {
		t.Run(c.says, func(t *testing.T) {
			t.Parallel()
			d := serve(t, "itflex")
			d.before(func(w http.ResponseWriter, r *http.Request) bool { return c.when(r) && answer(w, c.code, c.body) })
			r := d.run("run", forReal, "DORMANT_PAGE_SIZE=20")
			r.ended(t, c.want, job.Failed)
			sameIDs(t, "removed", d.Removed(), nil)
			if r.report.Error == "" || len(r.report.Accounts) > 0 {
				t.Errorf("the report: %s", r.stdout)
			}
		})
	}
	t.Run("its total is another", func(t *testing.T) {
		t.Parallel()
		d := serve(t, "redmine")
		d.before(func(w http.ResponseWriter, r *http.Request) bool {
			return r.URL.Path == "/users.json" && answer(w, 200, `{"users": [], "total_count": 3, "offset": 0, "limit": 100}`)
		})
		d.run("run", forReal).ended(t, exitFailed, job.Failed)
	})
	t.Run("nobody is there", func(t *testing.T) {
		t.Parallel()
		d := serve(t, "itflex")
		d.run("run", forReal, "DORMANT_URL=http://"+unusedAddress(t)).ended(t, exitFailed, job.Failed)
	})
	t.Run("it hangs", func(t *testing.T) {
		t.Parallel()
		d := serve(t, "itflex")
		d.before(func(_ http.ResponseWriter, r *http.Request) bool { <-r.Context().Done(); return true })
		r := d.run("run", forReal, "DORMANT_RUN_TIMEOUT=200ms")
		r.ended(t, exitFailed, job.Failed)
		if !strings.Contains(r.report.Error, "DORMANT_RUN_TIMEOUT") {
			t.Errorf("the error is %q", r.report.Error)
		}
	})
}

func TestSomeAccountsCannotBeRemoved(t *testing.T) {
	t.Parallel()
	d := serve(t, "maestro")
	stuck := d.unused()[1]
	d.before(func(w http.ResponseWriter, r *http.Request) bool {
		return r.Method == http.MethodDelete && r.URL.Path == d.path(stuck) && answer(w, http.StatusConflict, `{"message": "in use"}`)
	})
	r := d.run("run", forReal)
	r.ended(t, exitPartial, job.Partial)
	sameIDs(t, "removed", d.Removed(), slices.DeleteFunc(d.unused(), func(id string) bool { return id == stuck }))
	if a := r.account(t, stuck); r.report.Counts.Failed != 1 || !strings.Contains(a.Error, "409") || !strings.Contains(a.Error, "in use") {
		t.Errorf("the account that can't be removed: %+v", a)
	}
}

// Configuration.

// wrongValues are values that their variables do not take.
var wrongValues = map[string]string{
	"PROFILE": "active-directory", "URL": "ldap://directory", "PARAMS": "realm", "TOKEN_FILE": "/nowhere/token",
	"PASSWORD_FILE": "/nowhere/password", "CLIENT_SECRET_FILE": "/nowhere/secret", "ACTIVITY_FILE": "/nowhere/logins.csv",
	"ACTION": "remove", "DISABLE_AFTER": "45 days", "REQUIRE_DISABLED": "maybe",
	"GRACE": "0d", "LEDGER": "/nowhere/ledger.json",
	"INACTIVE_FOR": "90 days", "INACTIVE_SINCE": "01.02.2024", "MIN_INACTIVE_FOR": "-1d", "NEVER_LOGGED_IN": "delete",
	"DRY_RUN": "no", "ALLOWLIST": "jane,,joe", "ALLOWLIST_FILE": "/nowhere/allowlist", "PROTECT_ADMINS": "yes",
	"PROTECT_SERVICE_ACCOUNTS": "on", "PROTECT_ROLES": ",", "MAX_REMOVALS": "-1", "MAX_REMOVAL_PERCENT": "NaN",
	"REQUIRE_ACTIVE": "off", "RECHECK": "2", "CONCURRENCY": "0", "RATE_LIMIT": "-1", "PAGE_SIZE": "many",
	"REQUEST_TIMEOUT": "0s", "RUN_TIMEOUT": "1.5h", "MAX_RETRIES": "101", "MAX_FAILURES": "0", "SCHEDULE": "61 * * * *",
	"TIMEZONE": "Mars/Olympus", "RUN_AT_START": "later", "LISTEN": "8080", "PUSHGATEWAY_URL": "gateway:9091",
	"METRICS_FILE": "metrics.txt", "REPORT": "report.pdf", "FORMAT": "xml", "LOG_LEVEL": "loud", "LOG_FORMAT": "logfmt",
	"CA_FILE": "/nowhere/ca.pem", "CERT_FILE": "/nowhere/cert.pem", "KEY_FILE": "/nowhere/key.pem", "ALLOW_PLAIN_HTTP": "maybe",
}

// free are the variables that take any text.
var free = []string{"TOKEN", "USERNAME", "PASSWORD", "CLIENT_ID", "CLIENT_SECRET", "ACTOR", "JOURNAL"}

func TestEveryVariableIsChecked(t *testing.T) {
	t.Parallel()
	d := serve(t, "itflex")
	var all, names []string
	for _, f := range fields() {
		name := f.Tag.Get("env")
		variable := "DORMANT_" + name
		if name != "RATE_LIMIT" && name != "PAGE_SIZE" {
			d.wrong(t, "run", []string{variable}, variable+"=")
		}
		value, ok := wrongValues[name]
		if !ok {
			if !slices.Contains(free, name) {
				t.Errorf("%s: no value of it is known to be wrong", variable)
			}
			continue
		}
		says := d.wrong(t, "run", []string{variable}, forReal, variable+"="+value)
		hidden := []string{"URL", "PUSHGATEWAY_URL", "ALLOWLIST", "PROTECT_ROLES"} // a URL may have a password in it
		if !strings.Contains(says, value) && !slices.Contains(hidden, name) {
			t.Errorf("%s=%s: the value is not shown in:\n%s", variable, value, says)
		}
		if slices.Contains([]string{"PROFILE", "PARAMS", "TOKEN_FILE", "PASSWORD_FILE", "CLIENT_SECRET_FILE"}, name) {
			continue // without a profile, nothing can be said of those
		}
		all, names = append(all, variable+"="+value), append(names, variable)
	}
	d.wrong(t, "daemon", append(names, "DORMANT_MAX_REMOVAL:", "DORMANT_UNHEARD_OF"),
		append(all, "DORMANT_MAX_REMOVAL=5", "DORMANT_UNHEARD_OF=1")...)
}

func TestContradictions(t *testing.T) {
	t.Parallel()
	d := serve(t, "itflex")
	for _, c := range []struct{ environ, says string }{
		{"DORMANT_INACTIVE_FOR=90d", "DORMANT_INACTIVE_SINCE"},
		{"DORMANT_INACTIVE_SINCE=" + time.Now().Format(time.DateOnly), "DORMANT_MIN_INACTIVE_FOR"},
		{"DORMANT_INACTIVE_SINCE=2999", "DORMANT_MIN_INACTIVE_FOR"},
		{"DORMANT_MIN_INACTIVE_FOR=1y", "DORMANT_MIN_INACTIVE_FOR"},
		{"DORMANT_TOKEN_FILE=" + write(t, "token", "x"), "DORMANT_TOKEN"},
		{"DORMANT_USERNAME=jane", "DORMANT_USERNAME"},
		{"DORMANT_PARAMS=realm=acme", "DORMANT_PARAMS"},
		{"DORMANT_URL=http://directory.example.com", "DORMANT_ALLOW_PLAIN_HTTP"},
		{"DORMANT_URL=https://directory.example.com/?tenant=7", "DORMANT_URL"},
		{"DORMANT_URL=https://directory.example.com?", "DORMANT_URL"},
		{"DORMANT_ALLOWLIST_FILE=" + write(t, "allowlist", "# nobody\n"), "DORMANT_ALLOWLIST_FILE"},
		{"DORMANT_ACTIVITY_FILE=" + write(t, "logins", "who,when\n"), "DORMANT_ACTIVITY_FILE"},
		{"DORMANT_CA_FILE=" + write(t, "ca", "none"), "DORMANT_CA_FILE"},
		{"DORMANT_REPORT=" + filepath.Join(t.TempDir(), "none", "report.html"), "DORMANT_REPORT"},
	} {
		d.wrong(t, "run", []string{c.says}, c.environ)
	}
	serve(t, "maestro").wrong(t, "run", []string{"DORMANT_PROTECT_ROLES"}, "DORMANT_PROTECT_ROLES=*")

	gitea := serve(t, "gitea")
	gitea.forget("DORMANT_INACTIVE_SINCE")
	span, since := "DORMANT_INACTIVE_FOR=90d", "DORMANT_INACTIVE_SINCE="+cutoff.Format(time.RFC3339)
	for _, c := range []struct {
		says    []string
		environ []string
	}{
		{[]string{"DORMANT_DISABLE_AFTER=\"45d\"", "DORMANT_ACTION=delete"}, []string{span, "DORMANT_ACTION=disable", "DORMANT_DISABLE_AFTER=45d"}},
		{[]string{"DORMANT_REQUIRE_DISABLED=\"true\"", "DORMANT_ACTION=delete"}, []string{span, "DORMANT_ACTION=disable", "DORMANT_REQUIRE_DISABLED=true"}},
		{[]string{"DORMANT_DISABLE_AFTER=\"90d\"", "DORMANT_INACTIVE_FOR, 90d"}, []string{span, "DORMANT_DISABLE_AFTER=90d"}},
		{[]string{"DORMANT_DISABLE_AFTER=\"95d\"", "DORMANT_INACTIVE_SINCE, " + cutoff.Format(time.RFC3339)}, []string{since, "DORMANT_DISABLE_AFTER=95d"}},
		{[]string{"DORMANT_DISABLE_AFTER=\"29d\"", "DORMANT_MIN_INACTIVE_FOR, 30d"}, []string{span, "DORMANT_DISABLE_AFTER=29d"}},
		{[]string{"DORMANT_DISABLE_AFTER=\"100d\"", "DORMANT_MIN_INACTIVE_FOR, 101d", "DORMANT_INACTIVE_FOR=\"90d\"", "DORMANT_ACTION=delete", "DORMANT_REQUIRE_DISABLED"},
			[]string{span, "DORMANT_DISABLE_AFTER=100d", "DORMANT_MIN_INACTIVE_FOR=101d", "DORMANT_ACTION=disable", "DORMANT_REQUIRE_DISABLED=true"}},
	} {
		gitea.wrong(t, "run", c.says, c.environ...)
	}
	for _, environ := range []string{"DORMANT_DISABLE_AFTER=89d", "DORMANT_DISABLE_AFTER=30d", "DORMANT_ACTION=disable", "DORMANT_REQUIRE_DISABLED=true"} {
		gitea.run("audit", span, environ).ended(t, exitDone, job.DryRun)
		gitea.run("audit", since, environ).ended(t, exitDone, job.DryRun)
	}
	for second, wrong := range map[time.Duration]bool{0: false, time.Second: true} {
		c := config{DisableAfter: duration(45 * 24 * time.Hour), InactiveSince: date(now.AddDate(0, 0, -45).Add(-time.Second + second))}
		if problems := c.disableProblems(now); len(problems) > 0 != wrong {
			t.Errorf("%s before the first age: %v", time.Second-second, problems)
		}
	}

	// What the profile does not tell.
	neither := serve(t, "maestro")
	for _, c := range []struct{ environ, says string }{
		{"DORMANT_ACTION=disable", "user.disabled"}, {"DORMANT_ACTION=disable", "(disable)"},
		{"DORMANT_DISABLE_AFTER=\"45d\"", "user.disabled"}, {"DORMANT_DISABLE_AFTER=\"45d\"", "(disable)"},
		{"DORMANT_REQUIRE_DISABLED=true", "user.disabled"},
	} {
		neither.wrong(t, "audit", []string{c.environ + ": profile maestro", c.says}, strings.ReplaceAll(c.environ, `"`, ""))
	}

	printed := start(t, nil, "profiles", "gitea")
	printed.wait(t)
	flagged := regexp.MustCompile(`(?m)^disable:\n([ #].*\n)+`).ReplaceAllString(printed.stdout.String(), "")
	mine := "DORMANT_PROFILE=" + write(t, "flagged.yaml", flagged)
	gitea.wrong(t, "run", []string{"(disable)"}, span, mine, "DORMANT_ACTION=disable")
	gitea.run("audit", span, mine, "DORMANT_REQUIRE_DISABLED=true").ended(t, exitDone, job.DryRun)

	// Nothing at all, and what Kubernetes adds for Services.
	p := start(t, []string{"DORMANT_SERVICE_HOST=10.0.0.1", "DORMANT_PORT_8080_TCP_PROTO=tcp", "DORMANT_GATEWAY_SERVICE_PORT_HTTP=80"}, "run")
	if p.wait(t) != exitUsage || strings.Contains(p.stderr.String(), "SERVICE") {
		t.Errorf("%d: %s", p.code, &p.stderr)
	}
	for _, name := range []string{"PROFILE", "URL", "INACTIVE_FOR"} {
		if !strings.Contains(p.stderr.String(), "DORMANT_"+name+":") && !strings.Contains(p.stderr.String(), "DORMANT_"+name+" or") {
			t.Errorf("%s is not asked for in:\n%s", name, &p.stderr)
		}
	}
	r := d.run("audit", "DORMANT_SERVICE_HOST=10.0.0.1", "DORMANT_PORT=tcp://10.0.0.1:8080", "DORMANT_PORT_8080_TCP_ADDR=10.0.0.1")
	r.ended(t, exitDone, job.DryRun)
}

func TestContradictionsOfAGrace(t *testing.T) {
	t.Parallel()
	d := serve(t, "gitea")
	d.forget("DORMANT_INACTIVE_SINCE")
	ledger := "DORMANT_LEDGER=" + filepath.Join(t.TempDir(), "ledger.json")
	for _, c := range []struct{ says, environ []string }{
		{[]string{`DORMANT_GRACE="15d"`, "DORMANT_LEDGER"}, []string{"DORMANT_GRACE=15d"}},
		{[]string{ledger[:15] + `"`, "DORMANT_GRACE=14d"}, []string{ledger}},
		{[]string{`DORMANT_GRACE="2w"`, "DORMANT_ACTION=disable"}, []string{"DORMANT_GRACE=2w", ledger, "DORMANT_ACTION=disable"}},
		{[]string{`DORMANT_LEDGER="` + filepath.Dir(ledger[15:]) + `": is not a regular file`}, []string{"DORMANT_GRACE=14d", "DORMANT_LEDGER=" + filepath.Dir(ledger[15:])}},
		{[]string{`DORMANT_LEDGER=`, "there is no such directory"}, []string{"DORMANT_GRACE=14d", ledger + "/ledger.json"}},
		{[]string{`DORMANT_LEDGER=`, "is not a regular file"}, []string{"DORMANT_GRACE=14d", "DORMANT_LEDGER=/dev/null"}},
	} {
		d.wrong(t, "run", c.says, append(c.environ, "DORMANT_INACTIVE_FOR=90d")...)
	}
	if says := d.wrong(t, "run", nil, "DORMANT_INACTIVE_FOR=90d", ledger, "DORMANT_GRACE=14"); strings.Contains(says, "DORMANT_LEDGER=") {
		t.Errorf("a wrong grace is none:\n%s", says)
	}
}

func TestBadSchedules(t *testing.T) {
	t.Parallel()
	d := serve(t, "itflex")
	for _, schedule := range []string{"TZ=", "CRON_TZ=x", "CRON_TZ=UTC 0 3 * * *", "61 * * * *", "0 0 30 2 *", "@every 1s", "@never", "* * * * * *", " "} {
		d.wrong(t, "daemon", []string{"DORMANT_SCHEDULE"}, "DORMANT_SCHEDULE="+schedule)
	}
	for _, zone := range []string{"Mars/Olympus", "../UTC"} {
		d.wrong(t, "daemon", []string{"DORMANT_TIMEZONE"}, "DORMANT_TIMEZONE="+zone)
	}
}

func TestSecretsAreNotShown(t *testing.T) {
	const secret = "hunter2-do-not-show"
	echo := func(w http.ResponseWriter, r *http.Request) bool { // a server that repeats what it was told
		body, _ := io.ReadAll(r.Body)
		return answer(w, http.StatusBadRequest, fmt.Sprintf(`{"message": "bad request: %s %s"}`, r.Header, body))
	}
	gateway := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(gateway.Close)
	withPassword := strings.Replace(gateway.URL, "//", "//user:"+secret+"@", 1)
	for _, c := range []struct {
		says, system string
		want         int
		environ      []string // in the place of DORMANT_TOKEN
	}{
		{"token", "itflex", exitFailed, []string{"DORMANT_TOKEN=" + secret}},
		{"token in a file", "maestro", exitFailed, []string{"DORMANT_TOKEN_FILE=" + write(t, "token", secret+"\n")}},
		{"refresh token", "itflex", exitUsage, []string{"DORMANT_CLIENT_SECRET=" + secret}},
		{"password", "maestro", exitUsage, []string{"DORMANT_USERNAME=admin", "DORMANT_PASSWORD_FILE=" + write(t, "password", secret)}},
		{"a token that is no header", "itflex", exitUsage, []string{"DORMANT_TOKEN=" + secret + "\n"}},
		{"all of them, and a mistake", "redmine", exitUsage, []string{
			"DORMANT_TOKEN=" + secret, "DORMANT_PASSWORD=" + secret, "DORMANT_CLIENT_SECRET=" + secret, "DORMANT_PASWORD=" + secret,
		}},
		{"in the URL", "itflex", exitUsage, []string{"DORMANT_TOKEN=x", "DORMANT_URL=http://user:" + secret + "@127.0.0.1"}},
		{"in the gateway's URL", "itflex", exitFailed, []string{"DORMANT_TOKEN=x", "DORMANT_PUSHGATEWAY_URL=" + withPassword}},
	} {
		t.Run(c.says, func(t *testing.T) {
			t.Parallel()
			d := serve(t, c.system)
			d.before(echo)
			report := filepath.Join(t.TempDir(), "report.json")
			d.forget("DORMANT_TOKEN")
			p := start(t, d.env(append(c.environ, "DORMANT_LOG_LEVEL=debug", "DORMANT_REPORT="+report)...), "run")
			if got := p.wait(t); got != c.want {
				t.Errorf("the exit code is %d, not %d:\n%s", got, c.want, &p.stderr)
			}
			written, _ := os.ReadFile(report)
			if all := p.stdout.String() + p.stderr.String() + string(written); strings.Contains(all, secret) {
				t.Errorf("the secret is in:\n%s", all)
			}
		})
	}
}

// Usage.

func TestUsage(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		args           string
		code           int
		stdout, stderr string // patterns
	}{
		{"", exitUsage, `^$`, `Commands:(?s:.*)DORMANT_PROFILE`},
		{"clean", exitUsage, `^$`, `"clean".*dormant help`},
		{"audit extra", exitUsage, `^$`, `usage: dormant audit`},
		{"run --force", exitUsage, `^$`, `usage: dormant run`},
		{"explain", exitUsage, `^$`, `DORMANT_`},
		{"version 2", exitUsage, `^$`, `usage`},
		{"-h", exitDone, `Commands:(?s:.*)DORMANT_PROFILE`, `^$`},
		{"--help", exitDone, `Commands:(?s:.*)DORMANT_PROFILE`, `^$`},
		{"help", exitDone, `Commands:(?s:.*)DORMANT_PROFILE`, `^$`},
		{"help run", exitDone, `usage: dormant run\n(?s:.*)DORMANT_DRY_RUN +true`, `^$`},
		{"run --help", exitDone, `usage: dormant run\n`, `^$`},
		{"help clean", exitUsage, `^$`, `"clean"`},
		{"version", exitDone, `^dormant \S+ \(revision \S+, go\S+\)\n$`, `^$`},
		{"profiles", exitDone, `(?s)\bitflex .*\nmaestro .*\nredmine `, `^$`},
		{"profiles ldap", exitUsage, `^$`, `"ldap".*itflex, .*maestro, .*redmine`},
		{"sandbox extra", exitUsage, `^$`, `usage: dormant sandbox`},
		{"sandbox --users=-1", exitUsage, `^$`, `users`},
		{"sandbox --users=0", exitUsage, `^$`, `users`},
		{"sandbox --system=ldap", exitUsage, `^$`, `ldap`},
		{"sandbox --listen=nowhere", exitUsage, `^$`, `nowhere`},
	} {
		p := start(t, nil, strings.Fields(c.args)...)
		if got := p.wait(t); got != c.code {
			t.Errorf("dormant %s: the exit code is %d, not %d", c.args, got, c.code)
		}
		for pattern, text := range map[string]string{c.stdout: p.stdout.String(), c.stderr: p.stderr.String()} {
			if !regexp.MustCompile(pattern).MatchString(text) {
				t.Errorf("dormant %s: %s is not in:\n%s", c.args, pattern, text)
			}
		}
	}
}

func TestExitCodeOfTheProcess(t *testing.T) {
	t.Parallel()
	d := serve(t, "itflex")
	for _, c := range []struct {
		environ string
		want    int
	}{
		{"DORMANT_DRY=1", exitUsage}, {"DORMANT_MAX_REMOVALS=0", exitRefused}, {"DORMANT_MAX_REMOVALS=50", exitDone},
	} {
		p := spawn(t, d.env(forReal, c.environ), "run")
		if got := p.wait(t); got != c.want {
			t.Errorf("%s: the exit code is %d, not %d:\n%s", c.environ, got, c.want, &p.stderr)
		}
	}
	sameIDs(t, "removed", d.Removed(), d.unused())
}

func TestAPrintedProfileWorks(t *testing.T) {
	for _, system := range systems {
		t.Run(system, func(t *testing.T) {
			t.Parallel()
			p := start(t, nil, "profiles", system)
			p.wait(t)
			d := serve(t, system)
			r := d.run("audit", "DORMANT_PROFILE="+write(t, "mine.yaml", p.stdout.String()))
			sameIDs(t, "candidates", candidates(r.report), d.unused())
		})
	}
}

func TestCheckAndExplainOnlyLook(t *testing.T) {
	t.Parallel()
	d := serve(t, "itflex")
	gone := d.user(d.unused()[0])
	for _, c := range []struct {
		args   []string
		code   int
		stdout string
	}{
		{[]string{"check"}, exitDone, `caller +"1" "admin"(?s:.*)first page +100 accounts(?s:.*)would be removed +\d+\n`},
		{[]string{"explain", strings.ToUpper(gone.Email)}, exitDone, `^` + gone.ID + `  ` + gone.Username + `(?s:.*)Decision: remove \(inactive\)\n$`},
		{[]string{"explain", gone.ID}, exitDone, `Decision: remove \(inactive\)\n$`},
		{[]string{"explain", "admin"}, exitDone, `\* self(?s:.*)\* admin(?s:.*)Decision: keep \(self\)\n$`},
		{[]string{"explain", "nobody"}, exitUsage, `^$`},
	} {
		p := start(t, d.env(forReal), c.args...)
		if got := p.wait(t); got != c.code || !regexp.MustCompile(c.stdout).MatchString(p.stdout.String()) {
			t.Errorf("dormant %s: %d, %s is not in:\n%s%s", c.args, got, c.stdout, &p.stdout, &p.stderr)
		}
	}
	for _, code := range []int{401, 500} {
		d.before(func(w http.ResponseWriter, _ *http.Request) bool { return answer(w, code, "") })
		for _, args := range [][]string{{"check"}, {"explain", "admin"}} {
			if got, want := start(t, d.env(), args...).wait(t), map[int]int{401: exitUsage, 500: exitFailed}[code]; got != want {
				t.Errorf("dormant %s with a %d: the exit code is %d, not %d", args, code, got, want)
			}
		}
	}
	d.onlyReads(d.Requests())
}

// Whoever writes a profile sees what is made of it.
func TestCheckShowsWhatAProfileReads(t *testing.T) {
	t.Parallel()
	mine := func(t *testing.T, old, line string) string {
		p := start(t, nil, "profiles", "itflex")
		p.wait(t)
		text := p.stdout.String()
		if strings.Count(text, old) != 1 {
			t.Fatalf("%q is not once in\n%s", old, text)
		}
		return "DORMANT_PROFILE=" + write(t, "mine.yaml", strings.Replace(text, old, line, 1))
	}
	second := func(body string) hook { // the second look at the first account
		return func(w http.ResponseWriter, r *http.Request) bool {
			return r.URL.Path == "/api/users/1" && answer(w, http.StatusOK, body)
		}
	}
	nothing := func(http.ResponseWriter, *http.Request) bool { return false }
	for _, c := range []struct {
		says    string
		before  hook
		environ func(*testing.T) string
		code    int
		stdout  []string // patterns
		stderr  string
	}{
		{"what is right", nothing, nil, exitDone, []string{
			`(?m)^second look +works; tried with account "1"$`, `(?m)^id +"1" +"2" +"3" +"4" +"5"$`, `(?m)^username +"admin" `, `(?m)^admin +true `,
			`(?m)^disabled +false `, `(?m)^created +20\d\d-\S+Z `, `(?m)^last login +20\d\d-\S+Z `, `(?m)^other activity .*20\d\d-`,
			`(?m)^decision +keep `, `(?m)^reason +self `, `(?m)^last_login +on \d+ of 100 +lastLogin, last_login +"20\d\d-`, `(?m)^email +on 100 of 100 +email +"admin@example.com"$`,
		}, `^$`},
		{"a second look that fails", func(w http.ResponseWriter, r *http.Request) bool {
			return r.URL.Path == "/api/users/1" && answer(w, http.StatusForbidden, "")
		}, nil, exitUsage, []string{`second look +does not work`, `(?m)^id +"1" `}, `read account "1" again.*403`},
		{"a second look at nobody", func(w http.ResponseWriter, r *http.Request) bool {
			return r.URL.Path == "/api/users/1" && answer(w, http.StatusNotFound, "")
		}, nil, exitFailed, []string{`second look +does not work`}, `read account "1" again`},
		{"a second look at another account", second(`{"id": 2, "username": "x", "superuser": false, "last_login": "2020-01-01"}`),
			nil, exitFailed, []string{`second look +does not work`}, `"2"`},
		{"a path that leads nowhere", nothing, func(t *testing.T) string { return mine(t, "username: username\n", "username: user\n") }, exitUsage, []string{
			`(?m)^username +not found +user$`, `(?m)^id +on 100 of 100 +id +1$`, `(?m)^username +"" +"" `, `(?m)^decision +keep `,
		}, `user\.username`},
		{"a path that leads nowhere, and may", nothing, func(t *testing.T) string { return mine(t, "email: email\n", "email: mail\n") }, exitDone, []string{
			`(?m)^email +not found \(optional\) +mail$`,
		}, `^$`},
		{"a second look that tells less", second(`{"id": 1, "username": "x", "superuser": false}`),
			func(t *testing.T) string {
				return mine(t, "self:\n  path: /api/user/info\n  item: [user, data, \"@this\"]\n", "")
			}, exitDone,
			[]string{`second look +works, but of account "1" it tells another thing than the listing: keep \(\w+\), not keep \(admin\)`}, `^$`},
	} {
		t.Run(c.says, func(t *testing.T) {
			t.Parallel()
			d := serve(t, "itflex")
			d.before(c.before)
			environ := []string{"DORMANT_PAGE_SIZE=100"}
			if c.environ != nil {
				environ = append(environ, c.environ(t))
			}
			p := start(t, d.env(environ...), "check")
			if code := p.wait(t); code != c.code || !regexp.MustCompile(c.stderr).MatchString(p.stderr.String()) {
				t.Errorf("%d, and %s is not in:\n%s", code, c.stderr, &p.stderr)
			}
			for _, pattern := range c.stdout {
				if !regexp.MustCompile(pattern).MatchString(p.stdout.String()) {
					t.Errorf("%s is not in:\n%s", pattern, &p.stdout)
				}
			}
			d.onlyReads(d.Requests())
		})
	}
}

// What it leaves behind.

func TestReports(t *testing.T) {
	t.Parallel()
	d := serve(t, "itflex")
	at := t.TempDir()
	r := d.run("audit", "DORMANT_REPORT="+at+"/report.json")
	if written := read(t, at+"/report.json"); written != r.stdout {
		t.Errorf("the file is not what was printed:\n%s", written)
	}
	var report, first map[string]any
	if err := json.Unmarshal([]byte(r.stdout), &report); err != nil {
		t.Fatal(err)
	}
	first = report["accounts"].([]any)[0].(map[string]any)
	for what, c := range map[string]struct {
		object map[string]any
		keys   string
	}{
		"report":  {report, "run_id command dry_run outcome profile url started_at finished_at cutoff counts refusals accounts"},
		"counts":  {report["counts"].(map[string]any), "scanned candidates removed disabled already_gone failed not_attempted kept"},
		"account": {first, "id username email last_login inactive_days action reason result error"},
	} {
		if got, want := slices.Sorted(maps.Keys(c.object)), slices.Sorted(slices.Values(strings.Fields(c.keys))); !slices.Equal(got, want) {
			t.Errorf("%s: %q, not %q", what, got, want)
		}
	}
	p := start(t, d.env("DORMANT_FORMAT=csv", "DORMANT_REPORT="+at+"/report.csv"), "run")
	p.wait(t)
	rows, err := csv.NewReader(strings.NewReader(p.stdout.String())).ReadAll()
	if err != nil || len(rows) != 1+len(d.unused()) || strings.Join(rows[0], " ") != "id username email last_login inactive_days action reason result error" {
		t.Errorf("CSV, %v:\n%s", err, &p.stdout)
	}
	if read(t, at+"/report.csv") != p.stdout.String() {
		t.Error("the CSV file is not what was printed")
	}
	p = start(t, d.env("DORMANT_FORMAT=table", "DORMANT_REPORT="+at+"/report.html"), "run")
	p.wait(t)
	html := read(t, at+"/report.html")
	for _, id := range d.unused() {
		if name := d.user(id).Username; !strings.Contains(html, name) || !strings.Contains(p.stdout.String(), name) {
			t.Errorf("%s is missing in a report", name)
		}
	}
}

func TestOutputThatCannotBeWritten(t *testing.T) {
	t.Parallel()
	d := serve(t, "itflex")
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Skip(err)
	}
	defer full.Close()
	var stderr bytes.Buffer
	if code := run(t.Context(), []string{"run"}, d.env(forReal), full, &stderr); code != exitFailed || !strings.Contains(stderr.String(), "no space left") {
		t.Errorf("the exit code is %d:\n%s", code, &stderr)
	}
	sameIDs(t, "removed", d.Removed(), d.unused())
	unlogged := serve(t, "itflex") // without a journal, the log is the only trace
	if code := run(t.Context(), []string{"run"}, unlogged.env(forReal), io.Discard, full); code != exitFailed || len(unlogged.Removed()) > 0 {
		t.Errorf("without a log: the exit code is %d, and %q are removed", code, unlogged.Removed())
	}
	for _, args := range []string{"help", "version", "profiles", "demo", "check"} {
		if code := run(t.Context(), []string{args}, d.env(), full, io.Discard); code != exitFailed {
			t.Errorf("dormant %s: the exit code is %d", args, code)
		}
	}
}

func TestTheJournal(t *testing.T) {
	t.Parallel()
	d := serve(t, "itflex")
	journal := filepath.Join(t.TempDir(), "journal")
	d.run("run", "DORMANT_JOURNAL="+journal)
	if _, err := os.Stat(journal); err == nil {
		t.Error("a dry run writes a journal")
	}
	d.before(func(_ http.ResponseWriter, r *http.Request) bool { // the intent is there when the request comes
		if r.Method == http.MethodDelete && !slices.Contains(events(t, journal), "intent "+filepath.Base(r.URL.Path)) {
			t.Errorf("%s was removed without a trace", r.URL.Path)
		}
		return false
	})
	d.run("run", forReal, "DORMANT_JOURNAL="+journal).ended(t, exitDone, job.Completed)
	var want []string
	for _, id := range d.unused() {
		want = append(want, "intent "+id, "result "+id+" removed")
	}
	sameIDs(t, "journal", events(t, journal), want)

	d = serve(t, "itflex")
	d.wrong(t, "run", []string{"DORMANT_JOURNAL"}, "DORMANT_JOURNAL="+filepath.Join(journal, "none"))
	r := d.run("run", forReal, "DORMANT_JOURNAL=/dev/null")
	r.ended(t, exitUsage, job.Failed)
	if sent := d.Requests(); len(sent) > 0 || !strings.Contains(r.report.Error, "DORMANT_JOURNAL") {
		t.Errorf("%d requests were sent, and the error is %q", len(sent), r.report.Error)
	}
}

func TestTheMetricsFile(t *testing.T) {
	t.Parallel()
	d := serve(t, "itflex")
	path := filepath.Join(t.TempDir(), "dormant.prom")
	environ := "DORMANT_METRICS_FILE=" + path
	d.run("run", forReal, environ).ended(t, exitDone, job.Completed)
	before, _ := os.Stat(path)
	succeeded := metrics(t, read(t, path))
	for name, want := range map[string]float64{
		`dormant_runs_total{command="run",outcome="completed"}`:      1,
		`dormant_runs_total{command="audit",outcome="dry_run"}`:      0,
		`dormant_removals_total{dry_run="false",result="removed"}`:   float64(len(d.unused())),
		`dormant_removals_total{dry_run="true",result="removed"}`:    0,
		`dormant_last_run_users{state="scanned"}`:                    float64(len(d.users)),
		`dormant_api_requests_total{code="200",operation="remove"}`:  float64(len(d.unused())),
		`dormant_decisions_total{action="remove",reason="inactive"}`: float64(len(d.unused())),
	} {
		if got, ok := succeeded[name]; !ok || got != want {
			t.Errorf("%s is %v, not %v", name, got, want)
		}
	}
	d.before(func(w http.ResponseWriter, _ *http.Request) bool { return answer(w, 500, "") })
	d.run("run", forReal, environ).ended(t, exitFailed, job.Failed)
	failed := metrics(t, read(t, path))
	const success, ended = "dormant_last_success_timestamp_seconds", "dormant_last_run_timestamp_seconds"
	if succeeded[success] == 0 || failed[success] != succeeded[success] || failed[ended] <= succeeded[ended] {
		t.Errorf("last success %v, then %v; last run %v, then %v", succeeded[success], failed[success], succeeded[ended], failed[ended])
	}
	for name := range failed {
		if !strings.HasPrefix(name, "dormant_") {
			t.Errorf("%s is in the file", name)
		}
	}
	after, _ := os.Stat(path)
	if names, _ := os.ReadDir(filepath.Dir(path)); os.SameFile(before, after) || len(names) != 1 {
		t.Errorf("the file was written over and not replaced, or more than it is left: %v", names)
	}
	environ = "DORMANT_METRICS_FILE=" + filepath.Join(t.TempDir(), "folder.prom")
	if err := os.Mkdir(strings.TrimPrefix(environ, "DORMANT_METRICS_FILE="), 0o700); err != nil {
		t.Fatal(err)
	}
	d.run("run", environ).ended(t, exitFailed, job.Failed)
	d.before(func(http.ResponseWriter, *http.Request) bool { return false })
	d.run("run", environ).ended(t, exitFailed, job.DryRun)
	d.wrong(t, "run", []string{"DORMANT_METRICS_FILE"}, "DORMANT_METRICS_FILE="+path+"/none.prom")
}

func TestThePushgateway(t *testing.T) {
	t.Parallel()
	var pushes []string // method and path
	var body []byte
	status := http.StatusOK
	gateway := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		pushes = append(pushes, r.Method+" "+r.URL.Path)
		body, _ = io.ReadAll(r.Body)
		w.WriteHeader(status)
	}))
	defer gateway.Close()
	d := serve(t, "itflex")
	for _, c := range []struct {
		path   string
		status int
		down   bool
		code   int
		want   job.Outcome
		pushed string
	}{
		{"", 200, false, exitDone, job.DryRun, "POST /metrics/job/dormant"}, // POST adds, PUT would replace
		{"/metrics/job/cleanup/instance/acme", 202, false, exitDone, job.DryRun, "POST /metrics/job/cleanup/instance/acme"},
		{"/prefix/", 200, true, exitFailed, job.Failed, "POST /prefix/metrics/job/dormant"},
		{"", 500, false, exitFailed, job.DryRun, "POST /metrics/job/dormant"},
	} {
		status = c.status
		d.before(func(w http.ResponseWriter, _ *http.Request) bool { return c.down && answer(w, 500, "") })
		d.run("run", "DORMANT_PUSHGATEWAY_URL="+gateway.URL+c.path).ended(t, c.code, c.want)
		if got := pushes[len(pushes)-1]; got != c.pushed {
			t.Errorf("%s: %s, not %s", c.path, got, c.pushed)
		}
		if got := bytes.Contains(body, []byte("dormant_last_success_timestamp_seconds")); got == c.down {
			t.Errorf("%s: the last success is pushed: %t", c.want, got)
		}
		if !bytes.Contains(body, []byte("dormant_last_run_timestamp_seconds")) || bytes.Contains(body, []byte("go_goroutines")) {
			t.Errorf("%s: not the metrics that belong there are pushed", c.want)
		}
	}
	if len(pushes) != 4 {
		t.Errorf("pushes: %q", pushes)
	}
	d.run("run", "DORMANT_PUSHGATEWAY_URL=http://"+unusedAddress(t)).ended(t, exitFailed, job.DryRun)
}

// The daemon, and signals.

func TestDaemonServes(t *testing.T) {
	t.Parallel()
	d := serve(t, "itflex")
	scanning, release := make(chan struct{}), make(chan struct{})
	d.before(func(_ http.ResponseWriter, r *http.Request) bool {
		if r.URL.Path == "/api/user/info" {
			close(scanning)
			select {
			case <-release:
			case <-r.Context().Done():
			}
		}
		return false
	})
	p := spawn(t, d.env("DORMANT_LISTEN=127.0.0.1:0", "DORMANT_RUN_AT_START=true", "DORMANT_TIMEZONE=America/Sao_Paulo"), "daemon")
	address := p.stderr.await(t, `"address":"([^"]+)"`)[1]
	at := "http://" + address

	p2 := start(t, d.env("DORMANT_LISTEN="+address), "daemon")
	if code := p2.wait(t); code != exitFailed || !strings.Contains(p2.stderr.String(), "DORMANT_LISTEN") {
		t.Errorf("a second daemon at the same address: %d, %s", code, &p2.stderr)
	}
	// A client that does not end its request is not waited for.
	slow, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer slow.Close()
	fmt.Fprint(slow, "GET /metrics HTTP/1.1\r\nHost:")

	p.await(t, scanning)
	for _, c := range []struct {
		method, path string
		code         int
	}{
		{"GET", "/healthz", 200}, {"GET", "/readyz", 200}, {"GET", "/metrics", 200}, {"HEAD", "/metrics", 200},
		{"POST", "/metrics", 405}, {"POST", "/healthz", 405}, {"DELETE", "/readyz", 405},
		{"GET", "/", 404}, {"GET", "/debug/pprof/", 404}, {"POST", "/run", 404}, {"GET", "/metrics/x", 404},
	} {
		if code, _ := ask(t, c.method, at+c.path); code != c.code {
			t.Errorf("%s %s: %d, not %d", c.method, c.path, code, c.code)
		}
	}
	close(release)
	p.stderr.await(t, "run finished")
	_, text := ask(t, http.MethodGet, at+"/metrics")
	m := metrics(t, text)
	next := time.Unix(int64(m["dormant_next_run_timestamp_seconds"]), 0).UTC().Format(time.TimeOnly)
	if m["go_goroutines"] == 0 || m["process_start_time_seconds"] == 0 || next != "06:00:00" { // 3 o'clock in São Paulo
		t.Errorf("the next run is at %s; the metrics are:\n%s", next, text)
	}
	_ = slow.SetReadDeadline(time.Now().Add(patience))
	if _, err := io.Copy(io.Discard, slow); errors.Is(err, os.ErrDeadlineExceeded) {
		t.Error("a slow client keeps its connection")
	}
	p.signal(syscall.SIGTERM)
	if code := p.wait(t); code != exitDone || p.stdout.String() != "" {
		t.Errorf("a daemon that was idle ends with %d:\n%s%s", code, &p.stdout, &p.stderr)
	}
}

// Two runs of one daemon, without the minute between them.
func TestDaemonFromRunToRun(t *testing.T) {
	t.Parallel()
	d := serve(t, "itflex")
	file := write(t, "token", sandbox.DefaultToken+"\n")
	d.forget("DORMANT_TOKEN")
	var logs output
	a := &app{environ: d.env(forReal, "DORMANT_TOKEN_FILE="+file, "DORMANT_MAX_REMOVALS=0"), stderr: &logs}
	if problems := a.configure("daemon"); len(problems) > 0 {
		t.Fatal(problems)
	}
	one := &daemon{app: a}
	ready := func(want int, says string) {
		t.Helper()
		w := httptest.NewRecorder()
		one.server().Handler.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/readyz", http.NoBody))
		if w.Code != want || !strings.Contains(w.Body.String(), says) {
			t.Errorf("%d %s, not %d with %q", w.Code, w.Body, want, says)
		}
	}
	ready(200, "no run")
	one.tick(t.Context())
	ready(503, "refused")
	a.cfg.MaxRemovals = 1000
	d.ExpireTokens()
	one.tick(t.Context())
	ready(503, "failed")
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	seen := len(d.Requests())
	one.tick(t.Context())
	ready(503, "failed")
	if !strings.Contains(logs.String(), "DORMANT_TOKEN_FILE") || len(d.Requests()) > seen {
		t.Errorf("without its token, it sent %d requests:\n%s", len(d.Requests())-seen, &logs)
	}
	sameIDs(t, "removed", d.Removed(), nil)

	rotated := serve(t, "itflex", func(o *sandbox.Options) { o.Token = "another-token" })
	a.cfg.URL = rotated.url
	if err := os.WriteFile(file, []byte("another-token"), 0o600); err != nil {
		t.Fatal(err)
	}
	one.tick(t.Context())
	ready(200, "completed")
	sameIDs(t, "removed", rotated.Removed(), rotated.unused())
	if n := strings.Count(logs.String(), `"run finished"`); n != 4 {
		t.Errorf("%d summaries of 4 runs:\n%s", n, &logs)
	}
}

// halfway is a directory in which a first removal waits for release, and the
// look at a second account does not end before the program gives it up.
type halfway struct {
	*directory
	first, second    string
	reached, noticed chan struct{}
	release          func()
}

func serveHalfway(t *testing.T) *halfway {
	d := serve(t, "itflex")
	released, reached := make(chan struct{}), make(chan struct{}, 2)
	h := &halfway{d, d.unused()[0], d.unused()[1], reached, make(chan struct{}), sync.OnceFunc(func() { close(released) })}
	t.Cleanup(h.release)
	d.before(func(_ http.ResponseWriter, r *http.Request) bool {
		switch r.Method + r.URL.Path {
		case http.MethodDelete + d.path(h.first):
			reached <- struct{}{}
			select {
			case <-released:
			case <-r.Context().Done():
				return true
			}
		case http.MethodGet + d.path(h.second):
			reached <- struct{}{}
			<-r.Context().Done()
			close(h.noticed)
			return true
		}
		return false
	})
	return h
}

// wait waits until the directory is halfway.
func (h *halfway) wait(t *testing.T, p *program) {
	t.Helper()
	p.await(t, h.reached)
	p.await(t, h.reached)
}

func TestASignalInTheMiddleOfARemoval(t *testing.T) {
	for _, command := range []string{"run", "daemon"} {
		for _, sig := range []os.Signal{syscall.SIGTERM, os.Interrupt} {
			t.Run(fmt.Sprint(command, "/", sig), func(t *testing.T) {
				t.Parallel()
				h := serveHalfway(t)
				at := t.TempDir()
				p := spawn(t, h.env(forReal, "DORMANT_CONCURRENCY=2", "DORMANT_LISTEN=127.0.0.1:0", "DORMANT_RUN_AT_START=true",
					"DORMANT_JOURNAL="+at+"/journal", "DORMANT_REPORT="+at+"/report.json", "DORMANT_METRICS_FILE="+at+"/m.prom"), command)
				h.wait(t, p)
				p.signal(sig)
				p.await(t, h.noticed)
				h.release()
				code := p.wait(t)
				r := h.judge(code, read(t, at+"/report.json"), p)
				r.ended(t, exitFailed, job.Interrupted)
				sameIDs(t, "removed", h.Removed(), []string{h.first})
				if n := r.report.Counts.NotAttempted; n != len(h.unused())-1 {
					t.Errorf("%d are not attempted, not %d", n, len(h.unused())-1)
				}
				sameIDs(t, "journal", events(t, at+"/journal"), []string{"intent " + h.first, "result " + h.first + " removed"})
				if command == "run" && (p.stdout.String() != read(t, at+"/report.json") || metrics(t, read(t, at+"/m.prom"))[`dormant_runs_total{command="run",outcome="interrupted"}`] != 1) {
					t.Errorf("what an interrupted run leaves:\n%s", &p.stdout)
				}
			})
		}
	}
}

func TestASecondSignalEndsAtOnce(t *testing.T) {
	t.Parallel()
	h := serveHalfway(t)
	journal := filepath.Join(t.TempDir(), "journal")
	p := spawn(t, h.env(forReal, "DORMANT_CONCURRENCY=2", "DORMANT_JOURNAL="+journal), "run")
	h.wait(t, p)
	p.signal(os.Interrupt)
	p.await(t, h.noticed)
	for again, deadline := time.NewTicker(20*time.Millisecond), time.After(patience); p.running(); {
		p.signal(os.Interrupt)
		select {
		case <-again.C:
		case <-p.ended:
		case <-deadline:
			t.Fatalf("a second signal does not end it:\n%s", &p.stderr)
		}
	}
	sameIDs(t, "journal", events(t, journal), []string{"intent " + h.first})
	if p.code != -1 {
		t.Errorf("it ended with %d, and not by the signal", p.code)
	}
}

// Trying it out.

func TestDemo(t *testing.T) {
	t.Parallel()
	p := start(t, []string{"DORMANT_DRY_RUN=nonsense"}, "demo") // the environment does not matter
	if code := p.wait(t); code != exitDone || p.stderr.String() != "" {
		t.Fatalf("%d:\n%s%s", code, &p.stdout, &p.stderr)
	}
	scenes := regexp.MustCompile(`(?s)== 1\..*\ncandidates +(\d+)\n.*== 2\..*guard refused.*== 3\..*Removed (\d+) accounts.*` +
		`== 4\..*No account would be removed.*directory: .*?(\d+) DELETE`).FindStringSubmatch(p.stdout.String())
	if len(scenes) != 4 || scenes[1] == "0" || scenes[1] != scenes[2] || scenes[1] != scenes[3] {
		t.Errorf("%q in:\n%s", scenes, &p.stdout)
	}
}

func TestSandboxPrintsHowToReachIt(t *testing.T) {
	for _, system := range sandbox.Systems() {
		t.Run(system, func(t *testing.T) {
			t.Parallel()
			p := spawn(t, nil, "sandbox", "--listen=127.0.0.1:0", "--system="+system, "--users=40")
			exports := strings.Fields(p.stdout.await(t, `(?m)^export (.*)\ndormant audit$`)[1])
			audit := start(t, append(exports, "DORMANT_FORMAT=json"), "audit")
			code := audit.wait(t)
			switch exists := slices.Contains(profile.Names(), system); {
			case exists && (code != exitDone || !strings.Contains(audit.stdout.String(), `"outcome": "dry_run"`)):
				t.Errorf("%d:\n%s%s", code, &audit.stdout, &audit.stderr)
			case !exists && (code != exitUsage || !strings.Contains(audit.stderr.String(), "./"+system+".yaml")): // the guide writes it
				t.Errorf("%d:\n%s%s", code, &audit.stdout, &audit.stderr)
			}
			p.signal(syscall.SIGTERM)
			if code := p.wait(t); code != exitDone {
				t.Errorf("the exit code is %d:\n%s", code, &p.stderr)
			}
		})
	}
}

// The documents.

func TestReadmeNamesEveryVariable(t *testing.T) {
	t.Parallel()
	var got, want []string
	for _, row := range readme(t, "variable") {
		got = append(got, row[0]+" "+row[1])
	}
	for _, f := range fields() {
		want = append(want, "DORMANT_"+f.Tag.Get("env")+" "+f.Tag.Get("envDefault"))
	}
	sameIDs(t, "variables", got, want)
}

func TestReadmeNamesEveryMetric(t *testing.T) {
	t.Parallel()
	d := serve(t, "itflex")
	a := &app{environ: d.env(), stderr: io.Discard}
	if problems := a.configure("daemon"); len(problems) > 0 {
		t.Fatal(problems)
	}
	(&daemon{app: a}).tick(t.Context()) // some metrics are not there before
	a.metrics.NextRun(time.Now())
	families, err := a.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	text := read(t, "README.md")
	var got, want []string
	for _, row := range readme(t, "metric") {
		labels := strings.FieldsFunc(row[1], func(r rune) bool { return strings.ContainsRune("`, ", r) })
		got = append(got, fmt.Sprint(row[0], slices.Sorted(slices.Values(labels))))
	}
	for _, f := range families {
		var labels []string
		for _, l := range f.GetMetric()[0].GetLabel() {
			labels = append(labels, l.GetName())
		}
		want = append(want, fmt.Sprint(f.GetName(), labels))
		for _, m := range f.GetMetric() {
			for _, l := range m.GetLabel() { // what reports say as well
				known := slices.Contains([]string{"outcome", "reason", "result", "state"}, l.GetName())
				if known && !strings.Contains(text, "`"+l.GetValue()+"`") {
					t.Errorf("%s %s is nowhere in the README", l.GetName(), l.GetValue())
				}
			}
		}
	}
	sameIDs(t, "metrics", got, want)
}

func TestReadmeNamesEveryExitCode(t *testing.T) {
	t.Parallel()
	var got, want []string
	for _, row := range readme(t, "code") {
		got = append(got, row[0])
	}
	file, err := parser.ParseFile(token.NewFileSet(), "main.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	ast.Inspect(file, func(n ast.Node) bool {
		if v, ok := n.(*ast.ValueSpec); ok && strings.HasPrefix(v.Names[0].Name, "exit") && len(v.Values) == 1 {
			if literal, ok := v.Values[0].(*ast.BasicLit); ok {
				want = append(want, literal.Value)
			}
		}
		return true
	})
	sameIDs(t, "exit codes", got, want)
}

func TestReadmeNamesEveryCommand(t *testing.T) {
	t.Parallel()
	text := read(t, "README.md")
	for _, c := range commands() {
		if !regexp.MustCompile("(dormant|go run [.]) " + c.name + `\b`).MatchString(text) {
			t.Errorf("dormant %s is nowhere in the README", c.name)
		}
	}
	if !strings.Contains(read(t, "CHANGELOG.md"), "\n## [Unreleased]\n") {
		t.Error("the changelog has no section of what is unreleased")
	}
}

// Whatever is deployed names only variables that the program reads.
func TestDeployedVariablesExist(t *testing.T) {
	t.Parallel()
	known := map[string]bool{}
	for _, f := range fields() {
		known[prefix+f.Tag.Get("env")] = true
	}
	variable := regexp.MustCompile(`\bDORMANT_[A-Z_]+[A-Z]\b`)
	found := 0
	err := filepath.WalkDir("deploy", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		for _, name := range variable.FindAllString(read(t, path), -1) {
			if found++; !known[name] {
				t.Errorf("%s: there is no variable %s", path, name)
			}
		}
		return nil
	})
	if err != nil || found == 0 {
		t.Errorf("%d variables found, %v", found, err)
	}
}

// readme are the rows of the README's table whose first column has this title.
func readme(t *testing.T, title string) [][]string {
	t.Helper()
	_, rest, _ := strings.Cut(read(t, "README.md"), "\n| "+title+" |")
	var rows [][]string
	for i, line := range strings.Split(rest, "\n") {
		if i < 2 { // the other titles, and the line below
			continue
		}
		if !strings.HasPrefix(line, "|") {
			break
		}
		var cells []string
		for cell := range strings.SplitSeq(strings.Trim(line, "|"), "|") {
			cells = append(cells, strings.Trim(strings.TrimSpace(cell), "`"))
		}
		rows = append(rows, cells)
	}
	return rows
}

// A directory for a test.

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

	requests, removed int // by earlier runs
}

func serve(t *testing.T, system string, options ...func(*sandbox.Options)) *directory {
	t.Helper()
	d := &directory{t: t, system: system}
	o := sandbox.Options{System: system, Seed: 1, WithLastLogin: true, Users: sandbox.Population(120, 1, now)}
	switch system {
	case "maestro":
		for _, id := range []string{"..", "x/../y", "team 7/ü?a=b#%2e"} {
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
	server := httptest.NewServer(http.StripPrefix("/tenant/7", d.Server))
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

// forget takes a variable out of the environment.
func (d *directory) forget(variable string) {
	d.environ = slices.DeleteFunc(d.environ, func(v string) bool { return strings.HasPrefix(v, variable+"=") })
}

// unused are the ids of the accounts that should go by default, the longest
// inactive first: as the documents say, not as the program does.
func (d *directory) unused() []string {
	return d.those(func(u sandbox.User) bool {
		old := !u.LastLogin.IsZero() && u.LastLogin.Before(cutoff)
		switch d.system {
		case "maestro": // tells neither administrators nor what was done, and has odd ids
			return old && !slices.Contains([]string{"..", "x/../y"}, u.ID)
		case "itflex":
			return old && !u.Admin && u.LastAction.Before(cutoff)
		default:
			return old && !u.Admin && !u.Disabled
		}
	})
}

func (d *directory) those(are func(sandbox.User) bool) []string {
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
		return d.judge(code, p.stdout.String(), p)
	}
	report := filepath.Join(d.t.TempDir(), "report.json")
	p := start(d.t, append(environ, "DORMANT_RUN_AT_START=true", "DORMANT_LISTEN=127.0.0.1:0", "DORMANT_REPORT="+report), command)
	p.stderr.await(d.t, `"run finished"`)
	p.signal(os.Interrupt)
	code := p.wait(d.t)
	return d.judge(code, read(d.t, report), p)
}

// judge checks what is true of every cleanup, however it ends.
func (d *directory) judge(code int, report string, p *program) result {
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
	for _, a := range r.report.Accounts {
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
		if strings.Contains(u.Username, ".") && strings.Contains(r.stderr, u.Username) {
			d.t.Errorf("the log names %s:\n%s", u.Username, r.stderr)
		}
	}
	if strings.Contains(r.stdout+r.stderr+report, sandbox.DefaultToken) {
		d.t.Errorf("the token is shown:\n%s%s", r.stdout, r.stderr)
	}
	return r
}

func (r result) ended(t *testing.T, code int, outcome job.Outcome) {
	t.Helper()
	if r.code != code || r.report.Outcome != outcome {
		t.Errorf("it ended with %d, %s, and not with %d, %s:\n%s%s", r.code, r.report.Outcome, code, outcome, r.stdout, r.stderr)
	}
}

func (r result) account(t *testing.T, id string) job.Account {
	t.Helper()
	i := slices.IndexFunc(r.report.Accounts, func(a job.Account) bool { return a.ID == id })
	if i < 0 {
		t.Fatalf("%s is not in the report", id)
	}
	return r.report.Accounts[i]
}

func candidates(r job.Report) []string {
	var ids []string
	for _, a := range r.Accounts {
		ids = append(ids, a.ID)
	}
	return ids
}

// wrong fails unless the command refuses its configuration: with exit code 2,
// with all that it should say, and before it sends anything. It returns what was said.
func (d *directory) wrong(t *testing.T, command string, says []string, environ ...string) string {
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

// The program in a test.

// program is one run of the program.
type program struct {
	stdout, stderr output
	signal         func(os.Signal)
	ended          chan struct{}
	code           int // -1 if a signal ended it
}

// start runs the program within this process. Any signal is one to stop.
func start(t *testing.T, environ []string, args ...string) *program {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	p := &program{ended: make(chan struct{}), signal: func(os.Signal) { cancel() }}
	go func() {
		defer close(p.ended)
		p.code = run(ctx, args, environ, &p.stdout, &p.stderr)
	}()
	t.Cleanup(func() { cancel(); <-p.ended })
	return p
}

// spawn runs the program as a process.
func spawn(t *testing.T, environ []string, args ...string) *program {
	t.Helper()
	p := &program{ended: make(chan struct{})}
	cmd := exec.CommandContext(t.Context(), os.Args[0], args...)
	cmd.Env = slices.Concat(environ, []string{asProgram + "=1", "GOCOVERDIR=" + t.TempDir()})
	cmd.Stdout, cmd.Stderr = &p.stdout, &p.stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	p.signal = func(s os.Signal) { _ = cmd.Process.Signal(s) } // it may have ended
	go func() {
		defer close(p.ended)
		_ = cmd.Wait() // the exit code tells
		p.code = cmd.ProcessState.ExitCode()
	}()
	t.Cleanup(func() { <-p.ended }) // t's context has ended it
	return p
}

// wait returns the exit code.
func (p *program) wait(t *testing.T) int {
	t.Helper()
	p.await(t, p.ended)
	return p.code
}

// await waits for what the program should do.
func (p *program) await(t *testing.T, done <-chan struct{}) {
	t.Helper()
	select {
	case <-done:
	case <-time.After(patience):
		t.Fatalf("it waits in vain:\n%s%s", &p.stdout, &p.stderr)
	}
}

func (p *program) running() bool {
	select {
	case <-p.ended:
		return false
	default:
		return true
	}
}

// output is what a program writes. Others may read it meanwhile.
type output struct {
	mu    sync.Mutex
	text  bytes.Buffer
	grown chan struct{} // closed when there is more, or nil
}

func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.grown != nil {
		close(o.grown)
		o.grown = nil
	}
	return o.text.Write(b)
}

func (o *output) String() string { text, _ := o.look(); return text }

func (o *output) look() (string, <-chan struct{}) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.grown == nil {
		o.grown = make(chan struct{})
	}
	return o.text.String(), o.grown
}

// await returns the match of the pattern as soon as there is one.
func (o *output) await(t *testing.T, pattern string) []string {
	t.Helper()
	expr, deadline := regexp.MustCompile(pattern), time.After(patience)
	for {
		text, grown := o.look()
		if match := expr.FindStringSubmatch(text); match != nil {
			return match
		}
		select {
		case <-grown:
		case <-deadline:
			t.Fatalf("%s does not come:\n%s", pattern, text)
		}
	}
}

// sameIDs compares two lists in any order.
func sameIDs(t *testing.T, what string, got, want []string) {
	t.Helper()
	got, want = slices.Sorted(slices.Values(got)), slices.Sorted(slices.Values(want))
	if !slices.Equal(got, want) {
		t.Errorf("%s: %q, not %q", what, got, want)
	}
}

func answer(w http.ResponseWriter, code int, body string) bool {
	w.WriteHeader(code)
	io.WriteString(w, body)
	return true
}

func ask(t *testing.T, method, address string) (int, string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, address, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, _ := io.ReadAll(response.Body)
	return response.StatusCode, string(body)
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

// metrics reads Prometheus' text format: the values by name and labels.
func metrics(t *testing.T, text string) map[string]float64 {
	t.Helper()
	parser := expfmt.NewTextParser(model.UTF8Validation)
	if _, err := parser.TextToMetricFamilies(strings.NewReader(text)); err != nil {
		t.Fatal(err)
	}
	values := map[string]float64{}
	for line := range strings.Lines(text) {
		if i := strings.LastIndexByte(line, ' '); !strings.HasPrefix(line, "#") && i > 0 {
			values[line[:i]], _ = strconv.ParseFloat(strings.TrimSpace(line[i:]), 64)
		}
	}
	return values
}

// events are the lines of a journal, in short.
func events(t *testing.T, path string) []string {
	text, err := os.ReadFile(path)
	if err != nil {
		t.Error(err)
	}
	var all []string
	for line := range strings.Lines(string(text)) {
		var e job.Event
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			t.Error(err)
		}
		all = append(all, strings.TrimSpace(fmt.Sprint(e.Event, " ", e.UserID, " ", e.Result)))
	}
	return all
}

func write(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestSecurityNamesTestsThatExist: what is promised is shown by these tests.
func TestSecurityNamesTestsThatExist(t *testing.T) {
	t.Parallel()
	n := 0
	for line := range strings.Lines(read(t, "SECURITY.md")) {
		if !strings.HasPrefix(line, "| ") {
			continue
		}
		folder := ""
		for _, m := range regexp.MustCompile("`([A-Za-z/]+)`").FindAllStringSubmatch(line, -1) {
			if !strings.HasPrefix(m[1], "Test") && !strings.HasPrefix(m[1], "Fuzz") {
				folder = strings.TrimPrefix(m[1], "main")
				continue
			}
			n++
			files, err := filepath.Glob(filepath.Join(".", folder, "*_test.go"))
			if err != nil {
				t.Fatal(err)
			}
			if !slices.ContainsFunc(files, func(file string) bool { return strings.Contains(read(t, file), "\nfunc "+m[1]+"(") }) {
				t.Errorf("there is no %s in %q", m[1], folder)
			}
		}
	}
	if n == 0 {
		t.Error("no test is named")
	}
}

func TestReadmeNamesEveryProfile(t *testing.T) {
	t.Parallel()
	var got []string
	for _, row := range readme(t, "profile") {
		got = append(got, row[0])
	}
	sameIDs(t, "profiles", got, profile.Names())
}

// TestProfileGuide follows the guide to profiles as a newcomer would: its profile
// grows from block to block, and check says just what the guide says.
func TestProfileGuide(t *testing.T) {
	guide, err := os.ReadFile("client/profiles/README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, address, err := serveSandbox(t.Context(), sandbox.Options{System: "acme", Seed: 1}, 12, "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Chdir(t.TempDir())
	environ := []string{
		"DORMANT_PROFILE=./acme.yaml", "DORMANT_URL=http://" + address.String(), "DORMANT_TOKEN=" + sandbox.DefaultToken, "DORMANT_INACTIVE_FOR=90d",
	}
	profile, checked := "", 0
	for _, block := range regexp.MustCompile("(?ms)^```(yaml|console)\n(.*?\n)```$").FindAllStringSubmatch(string(guide), -1) {
		if block[1] == "yaml" {
			profile = replaceSections(profile, block[2])
			continue
		}
		if err := os.WriteFile("acme.yaml", []byte(profile), 0o600); err != nil {
			t.Fatal(err)
		}
		command, want, _ := strings.Cut(block[2], "\n")
		var out bytes.Buffer
		run(t.Context(), strings.Fields(strings.TrimPrefix(command, "$ dormant ")), environ, &out, &out)
		got := "\n" + timeless(out.String())
		for part := range strings.SplitSeq(timeless(want), "…\n") {
			_, rest, found := strings.Cut(got, "\n"+part)
			if !found || strings.TrimSpace(part) == "" {
				t.Fatalf("%s, with\n%s\nsays:\n%s\nwant:\n%s", command, profile, out.String(), part)
			}
			got = "\n" + rest
		}
		checked++
	}
	if checked < 6 {
		t.Errorf("there are %d outputs in the guide", checked)
	}
}

// replaceSections puts the sections of a YAML document into another one, in the
// place of those of the same name or at the end.
func replaceSections(document, sections string) string {
	section := regexp.MustCompile(`(?m)^(\w+):.*\n(?: .*\n|\n)*`)
	for _, s := range section.FindAllStringSubmatch(sections, -1) {
		old := regexp.MustCompile(`(?m)^` + s[1] + `:.*\n(?: .*\n|\n)*`)
		if place := old.FindStringIndex(document); place != nil {
			document = document[:place[0]] + s[0] + document[place[1]:]
		} else {
			document += s[0]
		}
	}
	return document
}

// timeless is a text without the times and the addresses that differ each time.
func timeless(text string) string {
	for pattern, with := range map[string]string{
		`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ`: "0000-00-00T00:00:00Z",
		`\d{4}-\d\d-\d\d\b`:               "0000-00-00",
		`\d\d\.\d\d\.\d{4} \d\d:\d\d`:     "00.00.0000 00:00",
		`127\.0\.0\.1:\d+`:                "127.0.0.1:0",
		`[ \t]+\n`:                        "\n",
	} {
		text = regexp.MustCompile(pattern).ReplaceAllString(text, with)
	}
	return text
}

// TestProfileKeys: the guide names every key that a profile can have.
func TestProfileKeys(t *testing.T) {
	guide, err := os.ReadFile("client/profiles/README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, reference, _ := strings.Cut(string(guide), "\n## All keys\n")
	for _, key := range keysOf(reflect.TypeFor[profile.Profile](), map[reflect.Type]bool{}) {
		if !regexp.MustCompile("`[^`\n]*\\b" + key + "\\b[^`\n]*`").MatchString(reference) {
			t.Errorf("the guide does not name %s", key)
		}
	}
}

// keysOf are the YAML keys of a struct and of what is in it.
func keysOf(t reflect.Type, seen map[reflect.Type]bool) []string {
	for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice || t.Kind() == reflect.Map {
		t = t.Elem()
	}
	if t.Kind() != reflect.Struct || seen[t] {
		return nil
	}
	seen[t] = true
	var keys []string
	for _, f := range reflect.VisibleFields(t) {
		name, _, _ := strings.Cut(f.Tag.Get("yaml"), ",")
		if name == "-" || !f.IsExported() {
			continue
		}
		if name != "" {
			keys = append(keys, name)
		}
		keys = append(keys, keysOf(f.Type, seen)...)
	}
	return keys
}

// The daemon's listener.

// newDaemon is one that nothing has started.
func newDaemon(t *testing.T, logs io.Writer, environ ...string) *daemon {
	t.Helper()
	a := &app{environ: environ, stdout: io.Discard, stderr: logs}
	if problems := a.configure("daemon"); len(problems) > 0 {
		t.Fatal(problems)
	}
	return &daemon{app: a}
}

// wires is a listener in memory: in a bubble, time stands still while somebody
// waits for a real one.
type wires struct {
	ends   chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func newWires() *wires { return &wires{ends: make(chan net.Conn), closed: make(chan struct{})} }

func (w *wires) Accept() (net.Conn, error) {
	select {
	case c := <-w.ends:
		return c, nil
	case <-w.closed:
		return nil, net.ErrClosed
	}
}

func (w *wires) Close() error   { w.once.Do(func() { close(w.closed) }); return nil }
func (w *wires) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 7} }

// wire is the other end of a connection.
type wire struct {
	net.Conn
	cut chan struct{} // closed when the server closes its end
}

// end is the server's end of a wire.
type end struct {
	net.Conn
	cut chan struct{}
	one sync.Once
}

func (e *end) Close() error { e.one.Do(func() { close(e.cut) }); return e.Conn.Close() }

func (w *wires) connect() (wire, error) {
	ours, theirs := net.Pipe()
	cut := make(chan struct{})
	select {
	case w.ends <- &end{Conn: theirs, cut: cut}:
		return wire{ours, cut}, nil
	case <-w.closed:
		return wire{}, net.ErrClosed
	}
}

// exchange sends text, and reads one response.
func exchange(c net.Conn, text string) (code int, header http.Header, body string, err error) {
	go io.WriteString(c, text) // which nobody may want to read
	method, _, _ := strings.Cut(text, " ")
	response, err := http.ReadResponse(bufio.NewReader(c), &http.Request{Method: method})
	if err != nil {
		return 0, nil, "", err
	}
	defer response.Body.Close()
	read, err := io.ReadAll(response.Body)
	return response.StatusCode, response.Header, string(read), err
}

// TestListenerAnswersThreePaths: to GET and HEAD. Nothing else is there, nothing
// there changes anything, and nobody is named.
func TestListenerAnswersThreePaths(t *testing.T) {
	t.Parallel()
	d := serve(t, "maestro")
	one := newDaemon(t, io.Discard, d.env(forReal)...)
	one.tick(t.Context())
	ran, sent, before := one.state(), len(d.Requests()), d.Users()
	if len(d.Removed()) == 0 {
		t.Fatal("a run that removes nobody names nobody")
	}
	l := newWires()
	server := one.server()
	go func() { _ = server.Serve(l) }()
	defer server.Close()

	known := []string{"/metrics", "/healthz", "/readyz"}
	paths := append(slices.Clone(known), "/metrics?name[]=x", "/", "*", "//metrics", "/metrics/", "/METRICS", "/./metrics", "/x/../metrics", "/metrics/..", "/metrics%2f",
		"/metrics%00", "/metrics;x", "//127.0.0.1/metrics", "/healthz/", "/readyz/x", "/debug/pprof/", "/debug/pprof/heap", "/debug/vars", "/run", "/-/reload", "/-/quit",
		"/users", "/accounts/"+d.unused()[0], "/api/v1/query", "/favicon.ico", "/%2e%2e/%2e%2e/etc/passwd", "/report.json")
	for _, method := range []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT", "PROPFIND", "get", "PRI"} {
		for _, path := range paths {
			bare, _, _ := strings.Cut(path, "?")
			want := http.StatusNotFound
			switch {
			case slices.Contains(known, bare) && (method == "GET" || method == "HEAD"):
				want = http.StatusOK
			case slices.Contains(known, bare) && method != "CONNECT": // whose target has no path
				want = http.StatusMethodNotAllowed
			}
			c, err := l.connect()
			if err != nil {
				t.Fatal(err)
			}
			code, header, body, err := exchange(c, method+" "+path+" HTTP/1.1\r\nHost: dormant\r\nConnection: close\r\nX-HTTP-Method-Override: DELETE\r\n\r\n")
			c.Close()
			if method == "CONNECT" || path == "*" { // some are no requests at all
				if err == nil && code < 400 || len(body) > 100 {
					t.Errorf("%s %s: %d %s", method, path, code, body)
				}
				continue
			}
			if err != nil || code != want || want == http.StatusMethodNotAllowed && header.Get("Allow") != "GET, HEAD" ||
				want != http.StatusOK && len(body) > 100 || method == "HEAD" && body != "" || header.Get("Location") != "" {
				t.Errorf("%s %s: %v, %d, not %d: %v %s", method, path, err, code, want, header, body)
			}
			for _, u := range before {
				if strings.Contains(body, u.ID) || strings.Contains(body, u.Email) && u.Email != "" || strings.Contains(body, ".") && strings.Contains(u.Username, ".") && strings.Contains(body, u.Username) {
					t.Errorf("%s %s names %+v", method, path, u)
				}
			}
		}
	}
	if one.state() != ran || len(d.Requests()) != sent || len(d.Users()) != len(before) {
		t.Errorf("requests to the daemon made it do something: %+v", one.state())
	}
}

// TestListenerBoundsHeaders: and does not read on.
func TestListenerBoundsHeaders(t *testing.T) {
	t.Parallel()
	one := newDaemon(t, io.Discard, serve(t, "itflex").env()...)
	l := newWires()
	server := one.server()
	go func() { _ = server.Serve(l) }()
	defer server.Close()
	many := strings.Repeat("X: y\r\n", 1<<16)
	for text, want := range map[string]int{
		"GET /healthz HTTP/1.1\r\nHost: x\r\nCookie: " + strings.Repeat("x", 12<<10) + "\r\n\r\n": 200,
		"GET /healthz HTTP/1.1\r\nHost: x\r\nCookie: " + strings.Repeat("x", 64<<10) + "\r\n\r\n": 431,
		"GET /healthz HTTP/1.1\r\nHost: x\r\n" + many + "\r\n":                                    431,
		"GET /" + strings.Repeat("x", 64<<10) + " HTTP/1.1\r\nHost: x\r\n\r\n":                    431,
		"GET /healthz HTTP/1.1\r\n\r\n":                                                           400,
		"GET /healthz HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: x\r\n\r\n":                        501,
		"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n":                                    400,
	} {
		c, err := l.connect()
		if err != nil {
			t.Fatal(err)
		}
		if code, _, _, err := exchange(c, text); code != want {
			t.Errorf("%.60q and so on: %d, %v, not %d", text, code, err, want)
		}
		c.Close()
	}
}

// TestListenerCutsSlowClientsOff: however a client wastes time, its connection
// ends, and others are answered at once meanwhile.
func TestListenerCutsSlowClientsOff(t *testing.T) {
	environ := serve(t, "itflex").env()
	synctest.Test(t, func(t *testing.T) {
		<-time.After(time.Until(now)) // a bubble begins in the year 2000
		l := newWires()
		server := newDaemon(t, io.Discard, environ...).server()
		go func() { _ = server.Serve(l) }()
		defer server.Close()

		drip := func(c net.Conn, text string, every time.Duration) {
			for i := range len(text) {
				if _, err := io.WriteString(c, text[i:i+1]); err != nil {
					return
				}
				<-time.After(every)
			}
		}
		const get, post = "GET /metrics HTTP/1.1\r\nHost: x\r\n", "POST /healthz HTTP/1.1\r\nHost: x\r\n"
		drain := func(c net.Conn) { _, _ = io.Copy(io.Discard, c) }
		var all sync.WaitGroup
		for says, client := range map[string]struct {
			act    func(c net.Conn)
			within time.Duration
		}{
			"says nothing":              {func(net.Conn) {}, 5 * time.Second},
			"headers byte by byte":      {func(c net.Conn) { go drain(c); drip(c, get+strings.Repeat("X: y\r\n", 1000), time.Second) }, 5 * time.Second},
			"headers without an end":    {func(c net.Conn) { io.WriteString(c, get) }, 5 * time.Second},
			"a body that does not come": {func(c net.Conn) { go drain(c); io.WriteString(c, post+"Content-Length: 9\r\n\r\n") }, 11 * time.Second},
			"a body that is waited for": {func(c net.Conn) {
				go drain(c)
				io.WriteString(c, post+"Expect: 100-continue\r\nContent-Length: 9\r\n\r\n")
			}, 11 * time.Second},
			"a body of GET that comes slowly": {func(c net.Conn) {
				go drain(c)
				io.WriteString(c, get+"Content-Length: 99\r\n\r\n")
				drip(c, strings.Repeat("x", 99), time.Second)
			}, 11 * time.Second},
			"a body without an end": {func(c net.Conn) {
				go drain(c)
				io.WriteString(c, post+"Transfer-Encoding: chunked\r\n\r\n")
				drip(c, strings.Repeat("1\r\nx\r\n", 1000), 100*time.Millisecond)
			}, 11 * time.Second},
			"never reads":          {func(c net.Conn) { io.WriteString(c, get+"\r\n") }, 30 * time.Second},
			"never reads, headers": {func(c net.Conn) { io.WriteString(c, "HEAD /metrics HTTP/1.1\r\nHost: x\r\n\r\n") }, 30 * time.Second},
			"reads byte by byte": {func(c net.Conn) {
				io.WriteString(c, get+"\r\n")
				for b := make([]byte, 1); ; <-time.After(time.Second) {
					if _, err := c.Read(b); err != nil {
						return
					}
				}
			}, 30 * time.Second},
			"asks and asks, and never reads": {func(c net.Conn) {
				for {
					if _, err := io.WriteString(c, get+"\r\n"); err != nil {
						return
					}
				}
			}, 30 * time.Second},
			"asks once, and stays": {func(c net.Conn) { go drain(c); io.WriteString(c, get+"\r\n") }, time.Minute},
		} {
			all.Go(func() {
				c, err := l.connect()
				if err != nil {
					t.Error(err)
					return
				}
				defer c.Close()
				began := time.Now()
				go client.act(c)
				select {
				case <-c.cut:
				case <-time.After(time.Hour):
				}
				if took := time.Since(began); took > client.within+time.Second {
					t.Errorf("a client that %s is there for %s", says, took)
				}
			})
		}
		for range 70 {
			<-time.After(time.Second)
			c, err := l.connect()
			if err != nil {
				t.Fatal(err)
			}
			asked := time.Now()
			if code, _, _, err := exchange(c, "GET /readyz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"); code != http.StatusOK || time.Since(asked) > 0 {
				t.Errorf("meanwhile, others get %d, %v, after %s", code, err, time.Since(asked))
			}
			c.Close()
		}
		all.Wait()
	})
}

// TestListenerManyConnections: those beyond a number are closed, so that they take
// neither the memory nor the files that a run needs. It ends with the time-outs.
func TestListenerManyConnections(t *testing.T) {
	environ := serve(t, "itflex").env()
	synctest.Test(t, func(t *testing.T) {
		<-time.After(time.Until(now)) // a bubble begins in the year 2000
		l := newWires()
		server := newDaemon(t, io.Discard, environ...).server()
		go func() { _ = server.Serve(l) }()
		defer server.Close()
		connect := func() wire {
			c, err := l.connect()
			if err != nil {
				t.Fatal(err)
			}
			return c
		}
		get := func(path string) int {
			c := connect()
			defer c.Close()
			code, _, _, _ := exchange(c, "GET "+path+" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
			return code
		}
		flood := func(n int) (all []wire, open int) {
			for range n {
				all = append(all, connect())
			}
			synctest.Wait()
			for _, c := range all {
				select {
				case <-c.cut:
				default:
					open++
				}
			}
			return all, open
		}
		for range 3 {
			all, open := flood(10 * maxConnections)
			if open != maxConnections || get("/healthz") != 0 {
				t.Errorf("of %d connections, %d stay", len(all), open)
			}
			<-time.After(6 * time.Second)
			if code := get("/healthz"); code != http.StatusOK {
				t.Errorf("after the flood: %d", code)
			}
			for _, c := range all {
				c.Close()
			}
		}
		// Whoever does not read what was asked for is in nobody's way but that of
		// other scrapes.
		var deaf []wire
		for range maxScrapes {
			c := connect()
			io.WriteString(c, "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
			deaf = append(deaf, c)
		}
		synctest.Wait()
		if metrics, health := get("/metrics"), get("/healthz"); metrics != http.StatusServiceUnavailable || health != http.StatusOK {
			t.Errorf("with %d scrapes that don't end: %d, and for health %d", maxScrapes, metrics, health)
		}
		<-time.After(31 * time.Second)
		if code := get("/metrics"); code != http.StatusOK {
			t.Errorf("after they have been cut off: %d", code)
		}
		for _, c := range deaf {
			c.Close()
		}
	})
}

// Secrets.

// spills are the texts of which none may be seen, in any form in which they are
// found by a part that no escape changes, or as base64.
type spills map[string][]string

// canary is a secret that is found again.
func (s spills) canary(what string) string {
	core := "kanarie-" + what + "-4711"
	forms := []string{core, strings.ToUpper(core), hex.EncodeToString([]byte(core))}
	for before := range 3 { // base64 depends on where a text begins
		whole := base64.RawStdEncoding.EncodeToString([]byte(strings.Repeat("x", before) + core))
		forms = append(forms, whole[(before*8+5)/6:len(whole)-2])
	}
	s[what] = forms
	return core + `"\+/%<&>=?` + what
}

// in are the secrets that the text shows.
func (s spills) in(text string) (found []string) {
	for what, forms := range s {
		if slices.ContainsFunc(forms, func(form string) bool { return strings.Contains(text, form) }) {
			found = append(found, what)
		}
	}
	slices.Sort(found)
	return found
}

// told is all of a request.
func told(r *http.Request) string {
	body, _ := io.ReadAll(r.Body)
	r.Body = io.NopCloser(bytes.NewReader(body))
	lines := []string{r.Method + " " + r.RequestURI}
	for name, values := range r.Header {
		lines = append(lines, name+": "+strings.Join(values, ", "))
	}
	return strings.Join(append(lines, string(body)), "\n")
}

// parrots answer with what they are sent, where one would not look for it. away
// is another origin.
func parrots(away string) map[string]hook {
	all := func(r *http.Request) string { return strings.ReplaceAll(told(r), "\n", " ") }
	// bare writes an answer that net/http would not write.
	bare := func(form string, more func(r *http.Request) []any) hook {
		return func(w http.ResponseWriter, r *http.Request) bool {
			text := all(r)
			c, _, err := http.NewResponseController(w).Hijack()
			if err != nil {
				return false
			}
			defer c.Close()
			args := []any{text}
			if more != nil {
				args = more(r)
			}
			fmt.Fprintf(c, form, args...)
			return true
		}
	}
	location := func(code int, to string) hook {
		return func(w http.ResponseWriter, r *http.Request) bool {
			w.Header()["Location"] = []string{to + url.QueryEscape(all(r))}
			return answer(w, code, all(r))
		}
	}
	quoted := func(r *http.Request) string { text, _ := json.Marshal(all(r)); return string(text) }
	return map[string]hook{
		"works": func(http.ResponseWriter, *http.Request) bool { return false },
		"400":   func(w http.ResponseWriter, r *http.Request) bool { return answer(w, 400, `{"message":`+quoted(r)+`}`) },
		"401": func(w http.ResponseWriter, r *http.Request) bool {
			w.Header().Set("WWW-Authenticate", all(r))
			return answer(w, 401, all(r))
		},
		"500, as in a URL": func(w http.ResponseWriter, r *http.Request) bool {
			return answer(w, 500, url.QueryEscape(all(r))+url.PathEscape(all(r))+html.EscapeString(all(r)))
		},
		"429": func(w http.ResponseWriter, r *http.Request) bool { return answer(w, 429, fmt.Sprintf("%q", all(r))) },
		"200, not in the form": func(w http.ResponseWriter, r *http.Request) bool {
			return answer(w, 200, `{"message":`+quoted(r)+`,"access_token":`+quoted(r)+`,"users":{"x":`+quoted(r)+`},"total":`+quoted(r)+`}`)
		},
		"names of members": func(w http.ResponseWriter, r *http.Request) bool {
			return answer(w, 200, `{`+quoted(r)+`:1,`+quoted(r)+`:{`+quoted(r)+`:tru}}`)
		},
		"no JSON":         func(w http.ResponseWriter, r *http.Request) bool { return answer(w, 200, all(r)) },
		"accounts are it": func(w http.ResponseWriter, r *http.Request) bool { return answer(w, 200, `{"users":[`+quoted(r)+`]}`) },
		"a status line":   bare("HTTP/1.1 %[1]s\r\n\r\n", nil),
		"no HTTP":         bare("%[1]s\r\n\r\n", nil),
		"a header without a colon": bare("HTTP/1.1 200 OK\r\n%s\r\n\r\n", func(r *http.Request) []any {
			return []any{strings.ReplaceAll(all(r), ":", " ")}
		}),
		"a length":        bare("HTTP/1.1 200 OK\r\nContent-Length: %s\r\n\r\n", nil),
		"an encoding":     bare("HTTP/1.1 200 OK\r\nTransfer-Encoding: %s\r\n\r\n", nil),
		"a cut body":      bare("HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n{\"message\":\"%s", nil),
		"chunks":          bare("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%s\r\n", nil),
		"a switch":        bare("HTTP/1.1 101 Switching Protocols\r\nUpgrade: %s\r\n\r\n", nil),
		"to elsewhere":    location(302, away+"/?leak="),
		"to nowhere":      location(307, "http://%zz/?"),
		"to a scheme":     location(301, "gopher://x/?"),
		"round and round": location(302, "?"),
		"a link elsewhere": func(w http.ResponseWriter, r *http.Request) bool {
			w.Header().Set("Link", "<"+away+"/?leak="+url.QueryEscape(all(r))+`>; rel="next"`)
			return answer(w, 200, `{"users":[],"next":"`+away+`/?leak=`+url.QueryEscape(all(r))+`","total":0}`)
		},
		"only to changes": func(w http.ResponseWriter, r *http.Request) bool {
			return r.Method == http.MethodDelete && answer(w, 409, `{"errors":[`+quoted(r)+`]}`)
		},
	}
}

// credentials are the ways to have some. Each makes environment variables, and
// changes the sandbox so that they are good there.
func credentials(t *testing.T, s spills, login string) map[string]struct {
	system  string
	options func(*sandbox.Options)
	environ []string
} {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	pemText := string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
	for i, line := range strings.Split(strings.TrimSpace(pemText), "\n") {
		if i%8 == 1 {
			s[fmt.Sprint("line ", i, " of the key")] = []string{line[:30]}
		}
	}
	keyFile, err := json.Marshal(map[string]string{"private_key": pemText, "client_email": sandbox.DefaultClientID})
	if err != nil {
		t.Fatal(err)
	}
	token, password, refresh := s.canary("token"), s.canary("password"), s.canary("refresh")
	secret, issued := s.canary("secret"), s.canary("issued")
	good := func(o *sandbox.Options) { o.Token = token }
	// issuing answers a sign-in with a token that is a secret as well.
	issuing := func(o *sandbox.Options) {
		o.Token = issued
		next := o.Before
		o.Before = func(w http.ResponseWriter, r *http.Request) bool {
			if next(w, r) {
				return true
			}
			quoted, _ := json.Marshal(issued)
			return r.Method == http.MethodPost && strings.Contains(r.URL.Path+" ", map[string]string{"maestro": "/sign-in ", "itflex": "/token "}[o.System]) &&
				answer(w, 200, fmt.Sprintf(`{"access_token":%s,"expires_in":3600,"tokens":{"accessToken":%[1]s}}`, quoted))
		}
	}
	return map[string]struct {
		system  string
		options func(*sandbox.Options)
		environ []string
	}{
		"a token":              {"itflex", good, []string{"DORMANT_TOKEN=" + token}},
		"a token in a file":    {"gitea", good, []string{"DORMANT_TOKEN_FILE=" + write(t, "token", token+"\n")}},
		"a password":           {"maestro", issuing, []string{"DORMANT_USERNAME=admin", "DORMANT_PASSWORD=" + password}},
		"a password in a file": {"maestro", issuing, []string{"DORMANT_USERNAME=admin", "DORMANT_PASSWORD_FILE=" + write(t, "password", password)}},
		"basic":                {"grafana", func(o *sandbox.Options) { o.Secret = password }, []string{"DORMANT_USERNAME=admin", "DORMANT_PASSWORD=" + password}},
		"a refresh token":      {"itflex", issuing, []string{"DORMANT_CLIENT_SECRET=" + refresh}},
		"a client's secret": {"entra", func(o *sandbox.Options) { o.Token = issued },
			[]string{"DORMANT_CLIENT_ID=" + sandbox.DefaultClientID, "DORMANT_CLIENT_SECRET_FILE=" + write(t, "secret", secret), "DORMANT_PARAMS=tenant=acme,login=" + login}},
		"a key": {"google-workspace", func(o *sandbox.Options) { o.Token = issued },
			[]string{"DORMANT_CLIENT_ID=" + sandbox.DefaultClientID, "DORMANT_CLIENT_SECRET=" + pemText, "DORMANT_PARAMS=login=" + login, "DORMANT_ACTOR=admin@example.com"}},
		"a key in a file": {"google-workspace", func(o *sandbox.Options) { o.Token = issued },
			[]string{"DORMANT_CLIENT_SECRET_FILE=" + write(t, "key.json", string(keyFile)), "DORMANT_PARAMS=login=" + login, "DORMANT_ACTOR=admin@example.com"}},
	}
}

// meeting is all the commands before one directory.
type meeting struct {
	d        *directory
	says, at string
	programs map[string]*program
}

func meet(t *testing.T, d *directory, says string, environ []string) *meeting {
	m := &meeting{d, says, t.TempDir(), map[string]*program{}}
	if err := os.WriteFile(m.at+"/doubt", []byte(`{"event":"intent","run_id":"r","user_id":"1","action":"remove"}`+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	environ = d.env(append(environ, "DORMANT_JOURNAL="+m.at+"/journal", "DORMANT_LEDGER="+m.at+"/ledger", "DORMANT_METRICS_FILE="+m.at+"/m.prom")...)
	for command, more := range map[string][]string{
		"audit":                             {"DORMANT_REPORT=" + m.at + "/a.json", "DORMANT_FORMAT=table", "DORMANT_MAX_RETRIES=1"},
		"run":                               {"DORMANT_REPORT=" + m.at + "/r.html", "DORMANT_FORMAT=csv"},
		"daemon":                            {"DORMANT_REPORT=" + m.at + "/d.csv", "DORMANT_LOG_FORMAT=console"},
		"check":                             nil,
		"explain admin":                     nil,
		"journal verify " + m.at + "/doubt": nil,
	} {
		m.programs[command] = start(t, slices.Concat(environ, more), strings.Fields(command)...)
	}
	return m
}

// end waits for the commands, and hands on all that they leave.
func (m *meeting) end(t *testing.T, keep func(says, text string)) {
	daemon := m.programs["daemon"]
	address := daemon.stderr.await(t, `address=(\S+)`)[1]
	daemon.stderr.await(t, `run finished`)
	for _, path := range []string{"/metrics", "/healthz", "/readyz", "/x"} {
		_, text := ask(t, http.MethodGet, "http://"+address+path)
		keep(m.says+", "+path, text)
	}
	daemon.signal(os.Interrupt)
	for command, p := range m.programs {
		p.wait(t)
		keep(m.says+", "+command, p.stdout.String()+p.stderr.String())
		if strings.Contains(p.stderr.String(), "the configuration is wrong") {
			t.Errorf("%s: %s", command, &p.stderr)
		}
	}
	if stdout := m.programs["run"].stdout.String(); strings.HasSuffix(m.says, ", works") && !strings.Contains(stdout, "kept") {
		t.Errorf("%s does not:\n%s%s", m.says, stdout, &m.programs["run"].stderr)
	}
	files, err := filepath.Glob(m.at + "/*")
	if err != nil || len(files) < 5 {
		t.Errorf("%v: %q", err, files)
	}
	for _, file := range files {
		keep(m.says+", "+filepath.Base(file), read(t, file))
	}
}

// TestNoSecretIsShown: whatever the directory does with the credentials that it
// is sent, none shows in anything that any command leaves, and none reaches
// another origin, where only goes what signs in there.
func TestNoSecretIsShown(t *testing.T) {
	s := spills{}
	var mu sync.Mutex
	var atLogin, elsewhere []string
	listening := func(to *[]string, code int, body string) *httptest.Server {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			text := told(r)
			mu.Lock()
			defer mu.Unlock()
			*to = append(*to, text)
			if assertion := regexp.MustCompile(`assertion=([^&]{20,})`).FindStringSubmatch(text); assertion != nil {
				s["assertion "+strconv.Itoa(len(*to))] = []string{assertion[1][len(assertion[1])-40:]} // its signature
			}
			answer(w, code, body)
		}))
		t.Cleanup(server.Close)
		return server
	}
	issued, _ := json.Marshal(spills{}.canary("issued"))
	login := listening(&atLogin, 200, fmt.Sprintf(`{"access_token":%s,"expires_in":3600}`, issued))
	away := listening(&elsewhere, 200, "{}")
	var pushes []string
	gateway := listening(&pushes, 200, "")
	gatewayURL := strings.Replace(gateway.URL, "//", "//pusher:"+url.PathEscape(s.canary("gateway"))+"@", 1)

	var sentToDirectory, left []string
	kinds := credentials(t, s, login.URL)
	keep := func(says, text string) {
		mu.Lock()
		defer mu.Unlock()
		left = append(left, says+"\n"+text)
	}
	t.Run("kinds", func(t *testing.T) {
		for kind, c := range kinds {
			t.Run(kind, func(t *testing.T) {
				t.Parallel()
				environ := slices.Concat(c.environ, []string{"DORMANT_LOG_LEVEL=debug", "DORMANT_GRACE=1s", forReal, "DORMANT_PUSHGATEWAY_URL=" + gatewayURL,
					"DORMANT_LISTEN=127.0.0.1:0", "DORMANT_RUN_AT_START=true", "DORMANT_REQUEST_TIMEOUT=5s"})
				if slices.Contains([]string{"entra", "maestro", "gitea"}, c.system) {
					environ = append(environ, "DORMANT_ACTOR=admin")
				}
				var met []*meeting
				for says, parrot := range parrots(away.URL) {
					if strings.HasSuffix(kind, " in a file") && says != "works" && says != "400" && says != "a length" {
						continue // as without a file
					}
					d := serve(t, c.system, func(o *sandbox.Options) { o.Users = sandbox.Population(20, 1, now) }, c.options)
					d.before(parrot)
					d.forget("DORMANT_TOKEN")
					met = append(met, meet(t, d, kind+", "+says, environ))
				}
				for _, m := range met {
					m.end(t, keep)
					mu.Lock()
					for _, r := range m.d.Requests() {
						sentToDirectory = append(sentToDirectory, fmt.Sprint(r.Path, r.Query, r.Header))
					}
					mu.Unlock()
				}
				d := serve(t, c.system, c.options)
				d.forget("DORMANT_TOKEN")
				for _, args := range []string{"run extra", "audit -h", "help", "help run", "profiles", "profiles " + c.system, "version", "sandbox -h", "nothing", "explain"} {
					p := start(t, d.env(environ...), strings.Fields(args)...)
					p.wait(t)
					keep(kind+", "+args, p.stdout.String()+p.stderr.String())
				}
			})
		}
	})
	for _, text := range left {
		if found := s.in(text); len(found) > 0 {
			says, text, _ := strings.Cut(text, "\n")
			at := max(0, strings.Index(text, s[found[0]][0])-200)
			t.Errorf("%s: %q can be seen: %.400q", says, found, text[at:])
		}
	}
	want := func(what string, texts []string, has bool, secrets ...string) {
		t.Helper()
		found := s.in(strings.Join(texts, "\n"))
		for _, secret := range secrets {
			if slices.Contains(found, secret) != has {
				t.Errorf("%s got %q; %s: %t", what, found, secret, has)
			}
		}
	}
	// That they can be found at all shows where they belong.
	want("the directory", sentToDirectory, true, "token", "password", "issued")
	want("the directory", sentToDirectory, false, "gateway", "secret")
	want("where it signs in", atLogin, true, "secret")
	want("where it signs in", atLogin, false, "token", "password", "issued", "gateway", "refresh")
	want("the Pushgateway", pushes, true, "gateway")
	want("the Pushgateway", pushes, false, "token", "password", "issued", "secret", "refresh")
	if len(elsewhere) > 0 {
		t.Errorf("another origin got %d requests: %.2000s", len(elsewhere), elsewhere[0])
	}
	for what := range s {
		if strings.Contains(what, "of the key") {
			want("anybody", slices.Concat(sentToDirectory, atLogin, pushes), false, what)
		}
	}
}

// Crashes, full disks, and two at once.

// verified is what dormant journal verify says: the state of each account, in the
// order of the lines.
type verified struct {
	code   int
	states []string // "17 removed"
	stdout string
	stderr string
}

// verify asks what the journal proves. It must not change the directory.
func (d *directory) verify(t *testing.T, journal string, environ ...string) verified {
	t.Helper()
	sent := len(d.Requests())
	p := start(t, environ, "journal", "verify", journal)
	v := verified{code: p.wait(t), stdout: p.stdout.String(), stderr: p.stderr.String()}
	d.onlyReads(d.Requests()[sent:])
	for _, row := range regexp.MustCompile(`(?m)^\d+ +\S+ +"\w+" +("\S+") +(?:remove|disable) +(\w+)`).FindAllStringSubmatch(v.stdout, -1) {
		id, err := strconv.Unquote(row[1])
		if err != nil {
			t.Error(err)
		}
		v.states = append(v.states, id+" "+row[2])
	}
	return v
}

func (v verified) ended(t *testing.T, code int, states []string, says ...string) {
	t.Helper()
	if v.code != code || !slices.Equal(v.states, states) {
		t.Errorf("verify ended with %d and %q, not with %d and %q:\n%s%s", v.code, v.states, code, states, v.stdout, v.stderr)
	}
	for _, s := range says {
		if !strings.Contains(v.stdout+v.stderr, s) {
			t.Errorf("%s is not in:\n%s%s", s, v.stdout, v.stderr)
		}
	}
}

func TestJournalVerify(t *testing.T) {
	t.Parallel()
	d := serve(t, "itflex")
	there, gone := d.unused()[0], d.unused()[1]
	d.Remove(gone)
	event := func(what, id, rest string) string {
		return fmt.Sprintf(`{"time":"2026-07-01T12:00:00Z","run_id":"run1","event":%q,"user_id":%q,"action":"remove","reason":"inactive"%s}`+"\n", what, id, rest)
	}
	doubt := event("intent", there, "") + event("intent", gone, "") + event("result", gone, `,"result":"failed","error":"time-out"`)
	certain := event("intent", "x", "") + event("result", "x", `,"result":"removed"`)
	doubtful, settled := []string{there + " in_doubt", gone + " in_doubt"}, []string{there + " not_done", gone + " gone"}
	wrong := slices.Concat(d.env(), []string{"DORMANT_TOKEN=wrong"})
	nowhere := slices.Concat(d.env(), []string{"DORMANT_URL=http://" + unusedAddress(t)})
	for _, c := range []struct {
		rule, journal string
		environ       []string
		code          int
		states        []string
		says          []string
	}{
		{"all is certain", certain, nil, exitDone, []string{"x removed"}, []string{"\n1 removed\n"}},
		{"an empty journal", "", nil, exitDone, nil, []string{"none\n"}},
		{"nobody to ask", certain + doubt, nil, exitPartial, append([]string{"x removed"}, doubtful...), []string{"2 in doubt: set DORMANT_PROFILE", `"time-out"`}},
		{"the directory is asked", doubt, d.env(), exitDone, settled, []string{"itflex at " + d.url, "1 gone, 1 not_done"}},
		{"for real is a dry run, too", doubt, d.env(forReal), exitDone, settled, nil},
		{"nothing to ask", certain, nowhere, exitDone, []string{"x removed"}, nil},
		{"the directory can't be reached", doubt, nowhere, exitFailed, doubtful, []string{"connection refused"}},
		{"the credentials are wrong", doubt, wrong, exitUsage, doubtful, []string{"401 Unauthorized"}},
		{"the configuration is wrong", doubt, d.env("DORMANT_RETRIES=1"), exitUsage, nil, []string{"DORMANT_RETRIES"}},
		{"a profile alone", doubt, []string{"DORMANT_PROFILE=itflex"}, exitUsage, nil, []string{"DORMANT_URL"}},
		{"an empty profile", doubt, []string{"DORMANT_PROFILE="}, exitUsage, nil, []string{"DORMANT_PROFILE"}},
		{"cut short", certain + certain[:50], nil, exitDone, []string{"x removed"}, []string{"line 3 is cut short"}},
		{"no journal", "# What we did\n", nil, exitPartial, nil, []string{"line 1 is not one that a journal has"}},
		{"other things in it", certain + "done by hand\n", nil, exitPartial, []string{"x removed"}, []string{"line 3 is not"}},
	} {
		sent := len(d.Requests())
		v := d.verify(t, write(t, "journal", c.journal), c.environ...)
		v.ended(t, c.code, c.states, c.says...)
		if asked := len(d.Requests()) > sent; asked != (c.code != exitUsage && c.states != nil && len(c.environ) > 2 && c.states[0] == settled[0]) && c.rule != "the credentials are wrong" {
			t.Errorf("%s: the directory is asked: %t", c.rule, asked)
		}
		if t.Failed() {
			t.Fatal(c.rule)
		}
	}
	for _, args := range [][]string{{}, {"verify"}, {"verify", "no such file"}, {"verify", t.TempDir()}, {"check", "x"}, {"verify", "x", "y"}} {
		p := start(t, nil, append([]string{"journal"}, args...)...)
		if p.wait(t) != exitUsage || p.stdout.String() != "" || p.stderr.String() == "" {
			t.Errorf("journal %q: %d\n%s%s", args, p.code, &p.stdout, &p.stderr)
		}
	}
}

// Its output is read by others: through a pipe, which may be closed, and from a process.
func TestJournalVerifyWritesToAPipe(t *testing.T) {
	t.Parallel()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	journal := write(t, "journal", strings.Repeat(`{"time":"2026-07-01T12:00:00Z","run_id":"run1","event":"intent","user_id":"17","action":"remove"}`+"\n", 2000))
	verify := func(stdout *os.File) (int, string) {
		var stderr bytes.Buffer
		cmd := exec.CommandContext(t.Context(), os.Args[0], "journal", "verify", journal)
		cmd.Env, cmd.Stdout, cmd.Stderr = []string{asProgram + "=1", "GOCOVERDIR=" + t.TempDir()}, stdout, &stderr
		_ = cmd.Run() // the exit code tells
		return cmd.ProcessState.ExitCode(), stderr.String()
	}
	read := make(chan int)
	go func() {
		text, _ := io.ReadAll(r)
		read <- bytes.Count(text, []byte(" in_doubt "))
	}()
	code, says := verify(w)
	if w.Close(); code != exitPartial || <-read != 2000 || !strings.Contains(says, "2000 in doubt") {
		t.Errorf("through a pipe: %d, %s", code, says)
	}
	r, w, err = os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	if r.Close(); err != nil {
		t.Fatal(err)
	}
	if code, says := verify(w); code != exitFailed || !strings.Contains(says, "broken pipe") {
		t.Errorf("nobody reads: %d, %s", code, says)
	}
	w.Close()
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Skip(err)
	}
	defer full.Close()
	if code, says := verify(full); code != exitFailed || !strings.Contains(says, "no space left") {
		t.Errorf("a full disk: %d, %s", code, says)
	}
}

// changes is what requests do to a directory, and when the program is killed there.
type changes struct {
	*directory
	journal string
	process chan *program // holds the one to kill

	mu      sync.Mutex
	arrived int  // requests for a change
	taken   int  // those that were carried out
	dead    bool // and what it sent before does not arrive any more
}

// named is the account that the request would change, or "".
func (d *directory) named(r *http.Request) string {
	if r.Method != http.MethodDelete && r.Method != http.MethodPatch {
		return ""
	}
	base := filepath.Base(r.URL.Path)
	for _, u := range d.users {
		if u.ID == base || u.Username == base {
			return u.ID
		}
	}
	d.t.Errorf("%s %s changes what?", r.Method, r.URL.Path)
	return ""
}

// intended fails unless the account's intent is in the journal: when the request
// arrives, and not only later.
func (d *directory) intended(journal, id string) {
	f, err := os.Open(journal)
	if err != nil {
		d.t.Error(err)
		return
	}
	defer f.Close()
	traces, err := job.ReadJournal(f)
	if err != nil {
		d.t.Error(err)
		return
	}
	if !slices.ContainsFunc(traces.InDoubt(), func(t *job.Trace) bool { return t.UserID == id }) {
		d.t.Errorf("%s was changed without a trace", id)
	}
}

// watch carries every change out that has its intent, whatever happens meanwhile to
// whoever sent it. The n-th one does not come to that if the program is to be killed before it.
func (c *changes) watch(when string, n int) {
	c.before(func(_ http.ResponseWriter, r *http.Request) bool {
		c.mu.Lock()
		defer c.mu.Unlock()
		if c.dead {
			panic(http.ErrAbortHandler)
		}
		id := c.named(r)
		if id == "" {
			if when == "the answer" && c.arrived >= n { // the next account is being looked at
				c.kill()
				panic(http.ErrAbortHandler)
			}
			return false
		}
		c.intended(c.journal, id)
		c.arrived++
		if strings.HasPrefix(when, "the request") && c.arrived == n {
			c.kill()
			if when == "the request" {
				panic(http.ErrAbortHandler)
			}
		}
		c.taken++
		*r = *r.WithContext(context.WithoutCancel(r.Context()))
		return false
	})
}

func (c *changes) kill() {
	p := <-c.process
	p.signal(syscall.SIGKILL)
	select {
	case <-p.ended:
	case <-time.After(patience):
		c.t.Error("it can't be killed")
	}
	c.dead = true
}

// killAt kills the program when there are n such events in the journal.
func (c *changes) killAt(t *testing.T, event string, n int) {
	until(t, fmt.Sprintf("there are %d %ss", n, event), func() bool {
		text, _ := os.ReadFile(c.journal) // there may be none yet
		return strings.Count(string(text), `"event":"`+event+`"`) >= n
	})
	p := <-c.process
	p.signal(syscall.SIGKILL)
	p.wait(t)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.dead = true
}

// until looks again and again whether it is so.
func until(t *testing.T, what string, so func() bool) {
	t.Helper()
	again, deadline := time.NewTicker(100*time.Microsecond), time.After(patience)
	defer again.Stop()
	for !so() {
		select {
		case <-again.C:
		case <-deadline:
			t.Fatalf("it never comes to this: %s", what)
		}
	}
}

// done are the accounts that requests have removed or disabled.
func (d *directory) done() []string { return append(d.Removed(), d.Disabled()...) }

// A run is killed: nothing has happened without a trace, what is said to be certain
// is, the directory settles the rest, and the next run finishes.
func TestKilled(t *testing.T) {
	for _, system := range []struct {
		name, done, gone string
		environ          []string
		points           []int
	}{
		{"itflex", "removed", "gone", nil, []int{1, 2, 9}},
		{"gitea", "disabled", "disabled", []string{"DORMANT_ACTION=disable"}, []int{4}},
	} {
		for _, when := range []string{"the request", "the request, which is carried out", "the answer", "intent", "result"} {
			for _, n := range system.points {
				for _, concurrency := range []int{1, 4} {
					t.Run(fmt.Sprint(system.name, "/", when, "/", n, "/", concurrency), func(t *testing.T) {
						t.Parallel()
						d := serve(t, system.name, func(o *sandbox.Options) { o.Users = sandbox.Population(70, 1, now) })
						c := &changes{directory: d, journal: filepath.Join(t.TempDir(), "journal"), process: make(chan *program, 1)}
						environ := slices.Concat(system.environ, []string{forReal, "DORMANT_JOURNAL=" + c.journal, fmt.Sprint("DORMANT_CONCURRENCY=", concurrency)})
						unused := d.those(func(u sandbox.User) bool {
							if system.name == "itflex" {
								return slices.Contains(d.unused(), u.ID)
							}
							return !u.Admin && !u.Bot && !u.LastLogin.IsZero() && u.LastLogin.Before(cutoff)
						})
						c.watch(when, n)
						p := spawn(t, d.env(environ...), "run")
						c.process <- p
						if when == "intent" || when == "result" {
							c.killAt(t, when, n)
						}
						if p.wait(t) != -1 {
							t.Fatalf("it was not killed: %d\n%s", p.code, &p.stderr)
						}
						c.mu.Lock()
						taken, asked := c.taken, len(d.Requests())
						c.mu.Unlock()
						until(t, fmt.Sprintf("%d are done", taken), func() bool { return len(d.done()) >= taken })

						// The journal alone.
						before := d.done()
						alone := d.verify(t, c.journal)
						var traced, settled []string
						doubtful := 0
						for _, s := range alone.states {
							id, state, _ := strings.Cut(s, " ")
							traced = append(traced, id)
							is := slices.Contains(before, id)
							switch {
							case state == "in_doubt":
								if doubtful++; is {
									state = system.gone
								} else {
									state = "not_done"
								}
							case state != system.done || !is:
								t.Errorf("%s is said to be %s, of %q", id, state, before)
							}
							settled = append(settled, id+" "+state)
						}
						for _, id := range before {
							if !slices.Contains(traced, id) {
								t.Errorf("%s left no trace in:\n%s", id, alone.stdout)
							}
						}
						code := exitDone
						if doubtful > 0 {
							code = exitPartial
						}
						if strings.HasPrefix(when, "the request") && doubtful == 0 || doubtful > concurrency || len(traced) < min(n, len(unused)-1) {
							t.Errorf("%d are in doubt, of %d", doubtful, len(traced))
						}
						alone.ended(t, code, alone.states)

						// With the directory.
						d.before(func(http.ResponseWriter, *http.Request) bool { return false })
						d.verify(t, c.journal, d.env(environ...)...).ended(t, exitDone, settled)

						// The next run.
						text := read(t, c.journal)
						d.before(func(_ http.ResponseWriter, r *http.Request) bool {
							if id := d.named(r); id != "" {
								d.intended(c.journal, id)
								if slices.Contains(before, id) {
									t.Errorf("%s is changed again", id)
								}
							}
							return false
						})
						d.requests, d.removed = max(asked, len(d.Requests())), len(d.Removed())
						d.run("run", environ...).ended(t, exitDone, job.Completed)
						sameIDs(t, "all in all", d.done(), unused)
						if !strings.HasPrefix(read(t, c.journal), text) {
							t.Error("what was in the journal has changed")
						}
						for _, s := range d.verify(t, c.journal, d.env(environ...)...).states {
							if id, state, _ := strings.Cut(s, " "); state == "in_doubt" || state == system.done && !slices.Contains(unused, id) {
								t.Errorf("in the end, it is said of %s that it is %s", id, state)
							}
						}
					})
				}
			}
		}
	}
}

// smallDisk is a file system of a few pages. fill leaves that many of them free.
// Where nobody may mount one, the test goes on in a process of its own that may,
// and the caller returns.
func smallDisk(t *testing.T) (at string, fill func(pages int)) {
	t.Helper()
	at = t.TempDir()
	err := syscall.Mount("dormant", at, "tmpfs", 0, fmt.Sprint("mode=0700,size=", 64*os.Getpagesize()))
	if err != nil {
		const within = "DORMANTS_TEST_MAY_MOUNT"
		if os.Getenv(within) != "" {
			t.Skip("no file system can be mounted: ", err)
		}
		cmd := exec.CommandContext(t.Context(), "unshare", "--map-root-user", "--mount", os.Args[0], "-test.v", "-test.run=^"+strings.ReplaceAll(t.Name(), "/", "$/^")+"$")
		cmd.Env = append(os.Environ(), within+"=1")
		out, err := cmd.CombinedOutput()
		switch {
		case strings.Contains(string(out), "--- FAIL: "):
			t.Errorf("in a process of its own: %v\n%s", err, out)
		case err != nil || !strings.Contains(string(out), "--- PASS: "):
			t.Skipf("no file system can be mounted, nor with unshare: %v\n%s", err, out)
		}
		return "", nil
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(at, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return at, func(pages int) {
		t.Helper()
		filler := filepath.Join(at, "filler")
		_ = os.Remove(filler)
		var free syscall.Statfs_t
		if err := syscall.Statfs(at, &free); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filler, make([]byte, (int64(free.Bavail)-int64(pages))*free.Bsize), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// A disk that is full when the journal is written ends the run before the next
// removal. What was written is read, and when there is room again, it goes on.
func TestFullDiskOfTheJournal(t *testing.T) {
	for _, pages := range []int{0, 1} {
		for _, concurrency := range []int{1, 4} {
			t.Run(fmt.Sprint(pages, "/", concurrency), func(t *testing.T) {
				t.Parallel()
				at, fill := smallDisk(t)
				if fill == nil {
					return
				}
				d := serve(t, "itflex")
				journal := filepath.Join(at, "journal")
				d.before(func(_ http.ResponseWriter, r *http.Request) bool {
					if id := d.named(r); id != "" {
						d.intended(journal, id)
					}
					return false
				})
				environ := []string{forReal, "DORMANT_JOURNAL=" + journal, fmt.Sprint("DORMANT_CONCURRENCY=", concurrency)}
				fill(pages)
				p := spawn(t, d.env(environ...), "run")
				r := d.judge(p.wait(t), p.stdout.String(), p)
				r.ended(t, exitFailed, job.Failed)
				for _, says := range []string{"no record can be kept of removals", "no space left on device"} {
					if !strings.Contains(r.report.Error, says) {
						t.Errorf("%s is not in: %s", says, r.report.Error)
					}
				}
				removed := d.Removed()
				if pages == 0 && len(removed) > 0 || pages > 0 && (len(removed) < 2 || len(removed) == len(d.unused())) {
					t.Errorf("with %d pages left, %q are removed", pages, removed)
				}

				v, certain, doubtful := d.verify(t, journal), 0, 0
				for _, s := range v.states {
					id, state, _ := strings.Cut(s, " ")
					switch {
					case state == "removed" && slices.Contains(removed, id):
						certain++
					case state == "in_doubt":
						doubtful++
					default:
						t.Errorf("%s is said to be %s", id, state)
					}
				}
				if certain+doubtful < len(removed) || doubtful > concurrency || strings.Contains(v.stdout, "not one that a journal has") {
					t.Errorf("of %q, it says:\n%s", removed, v.stdout)
				}
				after := d.verify(t, journal, d.env(environ...)...)
				if n := strings.Count(strings.Join(after.states, "\n")+"\n", " removed\n") + strings.Count(strings.Join(after.states, "\n")+"\n", " gone\n"); after.code != exitDone || n != len(removed) {
					t.Errorf("%q are removed; with the directory, it says:\n%s%s", removed, after.stdout, after.stderr)
				}

				text := read(t, journal)
				fill(10)
				d.run("run", environ...).ended(t, exitDone, job.Completed)
				sameIDs(t, "all in all", d.Removed(), d.unused())
				if !strings.HasPrefix(read(t, journal), text) {
					t.Error("what was in the journal has changed")
				}
				in := d.verify(t, journal, d.env(environ...)...)
				for _, id := range d.unused() {
					if !slices.Contains(in.states, id+" removed") && !slices.Contains(in.states, id+" gone") {
						t.Errorf("in the end, %s is not said to be removed or gone: %q", id, in.states)
					}
				}
			})
		}
	}
}

// states are those of accounts that were removed one after the other.
func states(removed []string) []string {
	var all []string
	for _, id := range removed {
		all = append(all, id+" removed")
	}
	return all
}

// What else has no room is said, and what was there before it stays.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	at, fill := smallDisk(t)
	if fill == nil {
		return
	}
	for _, c := range []struct{ file, before, says string }{
		{"REPORT=report.json", `{"run_id":"before"}`, "no space left on device"},
		{"REPORT=report.html", "<p>before", "no space left on device"},
		{"METRICS_FILE=metrics.prom", "# before\n", "no space left on device"},
		{"LEDGER=ledger.json", "", "write ledger: write"},
	} {
		variable, name, _ := strings.Cut(c.file, "=")
		path := filepath.Join(at, name)
		environ := []string{forReal, "DORMANT_" + variable + "=" + path}
		d := serve(t, "itflex")
		if variable == "LEDGER" {
			environ = append(environ, "DORMANT_GRACE=14d")
			c.before = d.ledger(-20)
		}
		if err := os.WriteFile(path, []byte(c.before), 0o600); err != nil {
			t.Fatal(err)
		}
		fill(0)
		p := spawn(t, d.env(environ...), "run")
		code := p.wait(t)
		sameIDs(t, c.file+": removed", d.Removed(), d.unused())
		if code != exitFailed || !strings.Contains(p.stderr.String(), c.says) {
			t.Errorf("%s: the exit code is %d, and %s is not in:\n%s", c.file, code, c.says, &p.stderr)
		}
		if now := read(t, path); now != c.before {
			t.Errorf("%s: what was there is now %q", c.file, now)
		}
		left, err := os.ReadDir(at)
		if err != nil || len(left) != 2 {
			t.Errorf("%s: it leaves %v, %v", c.file, left, err)
		}
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
	}
}

// Without a journal, the log is the record: nobody is removed who is not in it.
func TestFullDiskOfTheLog(t *testing.T) {
	t.Parallel()
	at, fill := smallDisk(t)
	if fill == nil {
		return
	}
	for _, c := range []struct {
		pages   int
		journal string
	}{{0, ""}, {1, ""}, {0, "DORMANT_JOURNAL=" + t.TempDir() + "/journal"}} {
		d := serve(t, "itflex")
		path := filepath.Join(at, "log")
		log, err := os.Create(path)
		if err != nil {
			t.Fatal(err)
		}
		fill(c.pages)
		var stdout bytes.Buffer
		cmd := exec.CommandContext(t.Context(), os.Args[0], "run")
		cmd.Env = d.env(forReal, asProgram+"=1", "GOCOVERDIR="+t.TempDir(), "DORMANT_CONCURRENCY=1")
		if c.journal != "" {
			cmd.Env = append(cmd.Env, c.journal)
		}
		cmd.Stdout, cmd.Stderr = &stdout, log
		_ = cmd.Run() // the exit code tells
		_ = log.Close()
		code, removed := cmd.ProcessState.ExitCode(), d.Removed()
		if c.journal != "" {
			sameIDs(t, "removed with a journal", removed, d.unused())
			continue
		}
		if code != exitFailed || !strings.Contains(stdout.String(), "no record can be kept of removals: write log") {
			t.Errorf("with %d pages left: %d\n%s", c.pages, code, &stdout)
		}
		if c.pages == 0 && len(removed) > 0 || c.pages > 0 && (len(removed) == 0 || len(removed) == len(d.unused())) {
			t.Errorf("with %d pages left, %q are removed", c.pages, removed)
		}
		for _, id := range removed {
			if !regexp.MustCompile(fmt.Sprintf(`"user_id":%q,.*"removing account"}\n`, id)).MatchString(read(t, path)) {
				t.Errorf("%s was removed, and is not in the log:\n%s", id, read(t, path))
			}
		}
	}
}

// ledger is one in which all unused accounts were found so many days from now.
func (d *directory) ledger(days int) string {
	found := map[string]time.Time{}
	for _, id := range d.unused() {
		found[id] = now.AddDate(0, 0, days)
	}
	text, err := json.Marshal(map[string]any{"directory": "itflex " + d.url, "found_at": found})
	if err != nil {
		d.t.Fatal(err)
	}
	return string(text)
}

// Two processes clean up the same directory at once, with the same files.
func TestOverlappingRuns(t *testing.T) {
	for _, concurrency := range []int{1, 4} {
		t.Run(strconv.Itoa(concurrency), func(t *testing.T) {
			t.Parallel()
			d := serve(t, "itflex")
			at := t.TempDir()
			journal, ledger := at+"/journal", write(t, "ledger.json", d.ledger(-20))
			both, waiting := make(chan struct{}), atomic.Int32{}
			d.before(func(_ http.ResponseWriter, r *http.Request) bool {
				switch id := d.named(r); {
				case id != "":
					d.intended(journal, id)
				case r.Method == http.MethodGet && slices.Contains(d.paths(), r.URL.Path):
					// More looks than one process can have under way: both have read all.
					if waiting.Add(1) == int32(concurrency)+1 {
						close(both)
					}
					select {
					case <-both:
					case <-time.After(patience):
						t.Error("they do not overlap")
					}
				}
				return false
			})
			environ := d.env(forReal, "DORMANT_JOURNAL="+journal, "DORMANT_GRACE=14d", "DORMANT_LEDGER="+ledger, fmt.Sprint("DORMANT_CONCURRENCY=", concurrency))
			daemon := spawn(t, append(environ, "DORMANT_LISTEN=127.0.0.1:0", "DORMANT_RUN_AT_START=true", "DORMANT_REPORT="+at+"/report.json"), "daemon")
			run := spawn(t, environ, "run")
			daemon.stderr.await(t, `"run finished"`)
			if code := run.wait(t); code != exitDone {
				t.Errorf("the run ends with %d:\n%s", code, &run.stderr)
			}
			daemon.signal(syscall.SIGTERM)
			if code := daemon.wait(t); code != exitDone {
				t.Errorf("the daemon ends with %d:\n%s", code, &daemon.stderr)
			}

			sameIDs(t, "removed", d.Removed(), d.unused())
			var said []string
			gone := 0
			for _, text := range []string{run.stdout.String(), read(t, at+"/report.json")} {
				var r job.Report
				if err := json.Unmarshal([]byte(text), &r); err != nil || r.Outcome != job.Completed || len(r.Accounts) != len(d.unused()) {
					t.Fatalf("%v: %s", err, text)
				}
				for _, a := range r.Accounts {
					if a.Result == job.Removed {
						said = append(said, a.ID)
					}
				}
				if gone += r.Counts.AlreadyGone; r.Counts.Removed+r.Counts.AlreadyGone != len(d.unused()) {
					t.Errorf("%+v, of %d", r.Counts, len(d.unused()))
				}
			}
			sameIDs(t, "reported as removed by one of them", said, d.unused())
			if gone != len(d.unused()) {
				t.Errorf("%d are reported as gone by the other one, of %d", gone, len(d.unused()))
			}
			v := d.verify(t, journal)
			sameIDs(t, "certain", slices.DeleteFunc(slices.Clone(v.states), func(s string) bool { return strings.HasSuffix(s, " gone") }), states(d.unused()))
			if v.code != exitDone || strings.Contains(v.stdout, "\nline ") {
				t.Errorf("verify ends with %d:\n%s", v.code, v.stdout)
			}
			if left := read(t, ledger); !strings.Contains(left, `"found_at": {}`) {
				t.Errorf("the ledger still has\n%s", left)
			}
		})
	}
}

// panicking makes the test's own binary a program that panics where it sends a request.
const panicking = "RUN_TEST_BINARY_PANICKING"

// TestPanicShowsNoSecret: nor do the arguments and the environments of processes,
// but for its own.
func TestPanicShowsNoSecret(t *testing.T) {
	t.Parallel()
	s := spills{}
	token := s.canary(fmt.Sprint("process-", os.Getpid()))
	d := serve(t, "itflex")
	d.forget("DORMANT_TOKEN")
	environ := d.env("DORMANT_TOKEN="+token, "DORMANT_LOG_LEVEL=debug", "DORMANT_LISTEN=127.0.0.1:0", "DORMANT_RUN_AT_START=true", "GOTRACEBACK=all", panicking+"=1")
	once := spawn(t, environ, "run")
	once.wait(t)
	daemon := spawn(t, environ, "daemon")
	address := daemon.stderr.await(t, `"address":"([^"]+)"`)[1]
	daemon.stderr.await(t, "it panicked")
	daemon.stderr.await(t, "goroutine ")
	_, metrics := ask(t, http.MethodGet, "http://"+address+"/metrics")

	holding := map[string]int{}
	for _, what := range []string{"environ", "cmdline"} {
		files, _ := filepath.Glob("/proc/[0-9]*/" + what)
		for _, file := range files {
			if text, err := os.ReadFile(file); err == nil && len(s.in(string(text))) > 0 {
				holding[what]++
			}
		}
	}
	if _, err := os.Stat("/proc/self/environ"); err == nil && (holding["environ"] != 1 || holding["cmdline"] > 0) {
		t.Errorf("as many processes hold the token: %v", holding)
	}
	daemon.signal(os.Interrupt)
	daemon.wait(t)
	if !strings.Contains(once.stderr.String(), "panic: ") || !strings.Contains(metrics, `dormant_runs_total{command="daemon",outcome="failed"} 1`) {
		t.Errorf("it did not panic:\n%s%s", &once.stderr, metrics)
	}
	for _, text := range []string{once.stdout.String() + once.stderr.String(), daemon.stdout.String() + daemon.stderr.String(), metrics} {
		if len(s.in(text)) > 0 {
			t.Errorf("the token can be seen:\n%s", text)
		}
	}
}

// TestNoChildren: nothing here starts another process, which would inherit the
// environment.
func TestNoChildren(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("*.go")
	for _, folder := range []string{"job", "client"} {
		err = errors.Join(err, filepath.WalkDir(folder, func(path string, _ fs.DirEntry, err error) error {
			if filepath.Ext(path) == ".go" {
				files = append(files, path)
			}
			return err
		}))
	}
	if err != nil || len(files) < 50 {
		t.Fatal(err, len(files))
	}
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly)
		if err != nil {
			t.Fatal(err)
		}
		for _, imported := range parsed.Imports {
			if slices.Contains([]string{`"os/exec"`, `"plugin"`, `"C"`, `"unsafe"`, `"net/http/pprof"`, `"expvar"`}, imported.Path.Value) {
				t.Errorf("%s imports %s", file, imported.Path.Value)
			}
		}
	}
}

// The daemon, for a year.

// trouble is what goes wrong with a run.
type trouble struct {
	says string
	hook hook
	// begin spoils something before the run, and returns how to put it right.
	begin func() (end func())
}

// TestAYear: a daemon that runs every hour of a year, most of them in trouble,
// leaves nothing behind: no goroutine, no file, no memory, no series. Each hour
// has its run, once, when the clocks change as well.
func TestAYear(t *testing.T) {
	before, complain := http.DefaultTransport, zerolog.ErrorHandler
	defer func() { http.DefaultTransport, zerolog.ErrorHandler = before, complain }()
	zerolog.ErrorHandler = func(error) {} // of a full disk
	at := t.TempDir()
	if memory, err := os.MkdirTemp("/dev/shm", "dormant"); err == nil { //nolint:usetesting // a year of syncing to a disk takes long
		defer func() { _ = os.RemoveAll(memory) }()
		at = memory
	}
	synctest.Test(t, func(t *testing.T) { aYear(t, at) })
}

// counting is a log of which only the runs are kept.
type counting struct {
	mu       sync.Mutex
	full     bool
	starts   map[int64]int // by the hour
	outcomes map[string]int
	left     int // out
}

func (c *counting) Write(line []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case bytes.Contains(line, []byte(`"message":"run finished`)):
		var event struct {
			Time    time.Time
			Outcome string
		}
		if err := json.Unmarshal(line, &event); err != nil {
			return 0, err
		}
		c.starts[event.Time.Truncate(time.Hour).Unix()]++
		c.outcomes[event.Outcome]++
	case bytes.Contains(line, []byte("this one is left out")):
		c.left++
	case c.full:
		return 0, syscall.ENOSPC
	}
	return len(line), nil
}

// raced reports whether the race detector is on, which makes all of this slow.
func raced() bool {
	info, _ := debug.ReadBuildInfo()
	return info != nil && slices.Contains(info.Settings, debug.BuildSetting{Key: "-race", Value: "true"})
}

func aYear(t *testing.T, at string) {
	zone, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	first := time.Date(2027, 3, 1, 0, 0, 0, 0, zone) // the clocks change on the 28th, and on 2027-10-31
	<-time.After(time.Until(first.Add(-time.Minute)))
	random := mathrand.New(mathrand.NewPCG(1, 2))

	// The directory is a new one every six hours, so that what it keeps of the requests is
	// not counted as the daemon's.
	var directory atomic.Pointer[sandbox.Server]
	var now atomic.Pointer[trouble]
	nothing := &trouble{hook: func(http.ResponseWriter, *http.Request) bool { return false }}
	now.Store(nothing)
	renew := func(rate float64, asOf time.Time) {
		d, err := sandbox.New(sandbox.Options{
			System: "itflex", Seed: random.Uint64(), WithLastLogin: true, Users: sandbox.Population(9, random.Uint64(), asOf), FaultRate: rate,
			Before: func(w http.ResponseWriter, r *http.Request) bool { return now.Load().hook(w, r) },
		})
		if err != nil {
			t.Fatal(err)
		}
		directory.Store(d)
	}
	renew(0, time.Now())
	api, refusing := newWires(), atomic.Bool{}
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { directory.Load().ServeHTTP(w, r) }), ErrorLog: stdlog.New(io.Discard, "", 0)}
	go func() { _ = server.Serve(api) }()
	defer server.Close()
	var panics atomic.Bool
	http.DefaultTransport = &http.Transport{
		Proxy: func(*http.Request) (*url.URL, error) {
			if panics.Swap(false) {
				panic("on purpose")
			}
			return nil, nil
		},
		DialContext: func(context.Context, string, string) (net.Conn, error) {
			if refusing.Load() {
				return nil, syscall.ECONNREFUSED
			}
			return api.connect()
		},
	}

	file := func(name, text string) string {
		if err := os.WriteFile(filepath.Join(at, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return filepath.Join(at, name)
	}
	logs := &counting{starts: map[int64]int{}, outcomes: map[string]int{}}
	if err := os.Mkdir(at+"/reports", 0o700); err != nil {
		t.Fatal(err)
	}
	one := newDaemon(t, logs, "DORMANT_PROFILE=itflex", "DORMANT_URL=http://127.0.0.1:7", forReal,
		"DORMANT_CLIENT_SECRET_FILE="+file("secret", sandbox.DefaultSecret), "DORMANT_ALLOWLIST_FILE="+file("allowlist", "svc-*\n"),
		"DORMANT_JOURNAL="+at+"/journal", "DORMANT_LEDGER="+at+"/ledger", "DORMANT_GRACE=1h", "DORMANT_REPORT="+at+"/reports/r.json",
		"DORMANT_INACTIVE_FOR=90d", "DORMANT_MAX_REMOVAL_PERCENT=25", "DORMANT_MAX_RETRIES=2", "DORMANT_RUN_TIMEOUT=50m", "DORMANT_SCHEDULE=@hourly", "DORMANT_TIMEZONE=Europe/Berlin")
	// spoil makes a file one that can't be read, or a folder.
	spoil := func(name, text string) func() func() {
		return func() func() {
			was, _ := os.ReadFile(filepath.Join(at, name))
			file(name, text)
			return func() { file(name, string(was)) }
		}
	}
	away := func(name string) func() func() {
		return func() func() {
			if err := os.Rename(filepath.Join(at, name), filepath.Join(at, name+".away")); err != nil {
				return func() {}
			}
			return func() { _ = os.Rename(filepath.Join(at, name+".away"), filepath.Join(at, name)) }
		}
	}
	set := func(b *atomic.Bool) func() func() {
		return func() func() { b.Store(true); return func() { b.Store(false) } }
	}
	says := func(code int, body string, headers ...string) hook {
		return func(w http.ResponseWriter, _ *http.Request) bool {
			for i := 0; i < len(headers); i += 2 {
				w.Header().Set(headers[i], headers[i+1])
			}
			return answer(w, code, body)
		}
	}
	on := func(method string, h hook) hook {
		return func(w http.ResponseWriter, r *http.Request) bool { return r.Method == method && h(w, r) }
	}
	hang := func(_ http.ResponseWriter, r *http.Request) bool {
		_, _ = io.Copy(io.Discard, r.Body) // or the server would not look whether the client is still there
		<-r.Context().Done()
		return true
	}
	dripping := func(w http.ResponseWriter, r *http.Request) bool {
		for r.Context().Err() == nil {
			io.WriteString(w, " ")
			_ = http.NewResponseController(w).Flush()
			select {
			case <-time.After(20 * time.Second):
			case <-r.Context().Done():
			}
		}
		return true
	}
	troubles := []trouble{
		{says: "answers 500", hook: says(500, "")}, {says: "answers 403", hook: says(403, "{}")}, {says: "answers 401", hook: says(401, "{}")},
		{says: "answers 429", hook: says(429, "", "Retry-After", "40")}, {says: "is a portal", hook: says(200, "<html>")}, {says: "answers nothing", hook: says(200, "")},
		{says: "is elsewhere", hook: says(302, "", "Location", "http://127.0.0.1:8/")}, {says: "goes round", hook: says(302, "", "Location", "?")},
		{says: "hangs", hook: hang}, {says: "drips", hook: on(http.MethodGet, dripping)},
		{says: "hangs up", hook: func(http.ResponseWriter, *http.Request) bool { panic(http.ErrAbortHandler) }},
		{says: "hangs on removals", hook: on(http.MethodDelete, hang)}, {says: "refuses removals", hook: on(http.MethodDelete, says(409, "{}"))},
		{says: "says that nobody is there", hook: on(http.MethodDelete, says(404, "{}"))}, {says: "fails on removals", hook: on(http.MethodDelete, says(502, ""))},
		{says: "does not listen", begin: set(&refusing)}, {says: "panics", begin: set(&panics)},
		{says: "has another secret", begin: spoil("secret", "wrong")}, {says: "has an empty secret", begin: spoil("secret", "\n")}, {says: "has no secret", begin: away("secret")},
		{says: "has an allowlist of nobody", begin: spoil("allowlist", "#\n")}, {says: "has no allowlist", begin: away("allowlist")},
		{says: "has a damaged ledger", begin: spoil("ledger", "{")}, {says: "has no ledger", begin: away("ledger")}, {says: "has no folder for reports", begin: away("reports")},
		{says: "has a folder as a journal", begin: func() func() {
			back := away("journal")()
			_ = os.Mkdir(at+"/journal", 0o700)
			return func() { _ = os.Remove(at + "/journal"); back() }
		}},
		{says: "logs to a full disk", begin: func() func() {
			logs.mu.Lock()
			defer logs.mu.Unlock()
			logs.full = true
			return func() { logs.mu.Lock(); defer logs.mu.Unlock(); logs.full = false }
		}},
		{says: "loses its token", begin: func() func() { directory.Load().ExpireTokens(); return func() {} }},
		{says: "shows nobody who is active", begin: func() func() { renew(0, time.Now().AddDate(-1, 0, 0)); return func() { renew(0, time.Now()) } }},
	}

	ctx, stop := context.WithCancel(t.Context())
	listener, code := newWires(), make(chan int)
	go func() { code <- one.daemon(ctx, listener) }()
	scrape := func() (series int) {
		c, err := listener.connect()
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		_, _, body, err := exchange(c, "GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
		if err != nil {
			t.Fatal(err)
		}
		return strings.Count(body, "\ndormant_")
	}
	type use struct{ goroutines, files, series, heap int }
	used := func() use {
		for range 3 {
			runtime.GC()
		}
		files, _ := os.ReadDir("/proc/self/fd") // nil elsewhere
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return use{runtime.NumGoroutine(), len(files), scrape(), int(m.HeapAlloc)}
	}
	end := first.AddDate(1, 0, 0)
	if raced() {
		end = first.AddDate(0, 2, 0)
	}
	var months []use
	slow := []wire{}
	for hour := first; hour.Before(end); hour = hour.Add(time.Hour) {
		// Ten minutes before the hour, in which nothing runs.
		<-time.After(time.Until(hour.Add(-10 * time.Minute)))
		var over func()
		if hour.UTC().Hour()%6 == 0 {
			renew(random.Float64()*.3, time.Now())
			for _, c := range slow {
				c.Close()
			}
			slow = slow[:0]
			if c, err := listener.connect(); err == nil {
				go io.WriteString(c, "GET /metrics HTTP/1.1\r\nX:")
				slow = append(slow, c)
			}
		}
		now.Store(nothing)
		if random.IntN(3) > 0 {
			what := &troubles[random.IntN(len(troubles))]
			if what.begin != nil {
				over = what.begin()
			}
			if what.hook != nil {
				now.Store(what)
			}
		}
		<-time.After(time.Until(hour.Add(49*time.Minute + 50*time.Second)))
		if over != nil {
			<-time.After(time.Until(hour.Add(50*time.Minute - time.Second)))
			over()
		}
		if next := hour.Add(time.Hour); next.In(zone).Day() == 1 && next.In(zone).Hour() == 0 {
			<-time.After(time.Until(hour.Add(51 * time.Minute)))
			renew(0, time.Now())
			months = append(months, used())
		}
	}
	<-time.After(time.Until(end.Add(-time.Minute)))
	stop()
	if code := <-code; code != exitDone {
		t.Errorf("it ended with %d", code)
	}

	for hour := first; hour.Before(end); hour = hour.Add(time.Hour) {
		if n := logs.starts[hour.Unix()]; n != 1 {
			t.Errorf("%d runs at %s", n, hour)
		}
	}
	runs := 0
	for _, n := range logs.starts {
		runs += n
	}
	if runs != int(end.Sub(first).Hours()) || logs.left > 0 {
		t.Errorf("%d runs, %d left out", runs, logs.left)
	}
	for _, outcome := range []job.Outcome{job.Completed, job.Refused, job.Partial, job.Failed} {
		if logs.outcomes[string(outcome)] < 20 {
			t.Errorf("%d runs ended %s: %v", logs.outcomes[string(outcome)], outcome, logs.outcomes)
		}
	}
	early, late := months[0], months[len(months)-1]
	t.Logf("%v; at the end of each month: %+v", logs.outcomes, months)
	if late.goroutines > early.goroutines || late.files > early.files || late.series > early.series || late.heap > early.heap+1<<20 {
		t.Errorf("it grows from %+v to %+v", early, late)
	}
}
