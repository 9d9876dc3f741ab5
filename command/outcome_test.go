package command

import (
	"cmp"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"dormant/client/sandbox"
	"dormant/job"
)

func TestGuards(t *testing.T) {
	n := len(serve(t, "itflex").unused())
	nobody := func(o *sandbox.Options) {
		for i := range o.Users {
			o.Users[i].LastLogin, o.Users[i].LastAction = now.AddDate(0, -6, 0), time.Time{}
		}
	}
	silentFor := func(days int) func(*sandbox.Options) {
		return func(o *sandbox.Options) {
			for i := range o.Users[1:] {
				if u := &o.Users[i+1]; u.LastLogin.After(now.AddDate(0, 0, -days)) {
					u.LastLogin = now.AddDate(0, 0, -days)
				}
			}
		}
	}
	for _, c := range []struct {
		says    string
		environ string
		guards  string // none: it may be done
		option  func(*sandbox.Options)
	}{
		{"just enough", fmt.Sprintf("DORMANT_MAX_REMOVALS=%d", n), "", nil},
		{"one too many", fmt.Sprintf("DORMANT_MAX_REMOVALS=%d", n-1), job.GuardMaxRemovals, nil},
		{"0 is none", "DORMANT_MAX_REMOVALS=0", job.GuardMaxRemovals, nil},
		{"0 % is none", "DORMANT_MAX_REMOVAL_PERCENT=0", job.GuardMaxRemovalPercent, nil},
		{"a small share", "DORMANT_MAX_REMOVAL_PERCENT=5", job.GuardMaxRemovalPercent, nil},
		{"nobody is active", "DORMANT_REQUIRE_ACTIVE=true", job.GuardRequireActive + " " + job.GuardMaxSilence, nobody},
		{"nobody has logged in of late", "DORMANT_MAX_SILENCE=20d", job.GuardMaxSilence, silentFor(20)},
		{"somebody has, just so", "DORMANT_MAX_SILENCE=21d", "", silentFor(20)},
	} {
		t.Run(c.says, func(t *testing.T) {
			t.Parallel()
			var options []func(*sandbox.Options)
			if c.option != nil {
				options = append(options, c.option)
			}
			d := serve(t, "itflex", options...)
			d.run("run", c.environ).expect(t, exitDone, job.DryRun) // a dry run says it, and that is all
			r := d.run("run", forReal, c.environ)
			if c.guards == "" {
				r.expect(t, exitDone, job.Completed)
				return
			}
			r.expect(t, exitRefused, job.Refused)
			sameIDs(t, "removed", d.Removed(), nil)
			var guards []string
			for _, refusal := range r.report.Refusals {
				guards = append(guards, refusal.Guard)
			}
			if strings.Join(guards, " ") != c.guards {
				t.Fatalf("refusals: %+v", r.report.Refusals)
			}
			if v := r.report.Refusals[0].Variable; !strings.HasPrefix(c.environ, v+"=") || !strings.Contains(r.stderr, v) {
				t.Errorf("the refusal names %s, for %s", v, c.environ)
			}
		})
	}
}

func TestADirectoryThatCannotBeTrusted(t *testing.T) {
	page := func(n int) func(*http.Request) bool { // of the listing of accounts, whenever it is read
		first, asked := "", 0
		return func(r *http.Request) bool {
			if r.URL.Path != "/api/users" {
				return false
			}
			if first = cmp.Or(first, r.URL.RawQuery); r.URL.RawQuery == first {
				asked = 0
			}
			asked++
			return asked == n
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
			r.expect(t, c.want, job.Failed)
			sameIDs(t, "removed", d.Removed(), nil)
			if r.report.Error == "" || r.report.Accounts.Len() > 0 {
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
		d.run("run", forReal).expect(t, exitFailed, job.Failed)
	})
	t.Run("nobody is there", func(t *testing.T) {
		t.Parallel()
		d := serve(t, "itflex")
		d.run("run", forReal, "DORMANT_URL=http://"+unusedAddress(t)).expect(t, exitFailed, job.Failed)
	})
	t.Run("it hangs", func(t *testing.T) {
		t.Parallel()
		d := serve(t, "itflex")
		d.before(func(_ http.ResponseWriter, r *http.Request) bool { <-r.Context().Done(); return true })
		r := d.run("run", forReal, "DORMANT_RUN_TIMEOUT=200ms")
		r.expect(t, exitFailed, job.Failed)
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
	r.expect(t, exitPartial, job.Partial)
	sameIDs(t, "removed", d.Removed(), slices.DeleteFunc(d.unused(), func(id string) bool { return id == stuck }))
	if a := r.account(t, stuck); r.report.Counts.Failed != 1 || !strings.Contains(a.Error, "409") || !strings.Contains(a.Error, "in use") {
		t.Errorf("the account that can't be removed: %+v", a)
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

// A listing that is longer than DORMANT_MAX_ACCOUNTS counts as one that does not end.
func TestMaxAccounts(t *testing.T) {
	d := serve(t, "itflex")
	first := d.run("audit")
	first.expect(t, exitDone, job.DryRun)
	n := first.report.Counts.Scanned
	d.run("audit", fmt.Sprintf("DORMANT_MAX_ACCOUNTS=%d", n)).expect(t, exitDone, job.DryRun)
	r := d.run("run", forReal, fmt.Sprintf("DORMANT_MAX_ACCOUNTS=%d", n-1))
	r.expect(t, exitFailed, job.Failed)
	if !strings.Contains(r.report.Error, "DORMANT_MAX_ACCOUNTS") {
		t.Errorf("%q", r.report.Error)
	}
}
