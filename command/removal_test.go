package command

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"dormant/client/sandbox"
	"dormant/job"
)

func TestRemovesExactlyWhomItShould(t *testing.T) {
	for _, system := range systems {
		for _, command := range []string{"audit", "run", "daemon"} {
			for _, dry := range []string{"DORMANT_DRY_RUN=true", "DORMANT_DRY_RUN=false", "LANG=C"} {
				t.Run(system+"/"+command+"/"+dry, func(t *testing.T) {
					t.Parallel()
					d := serve(t, system)
					r := d.run(command, dry)
					sameIDs(t, "candidates", candidates(r.report), d.unused())
					if dry == "DORMANT_DRY_RUN=false" && command != "audit" {
						r.expect(t, exitDone, job.Completed)
						sameIDs(t, "removed", d.Removed(), d.unused())
					} else {
						r.expect(t, exitDone, job.DryRun)
						sameIDs(t, "removed", d.Removed(), nil)
					}
					d.expectOrder()
				})
			}
		}
	}
}

// expectOrder fails unless everything was read before the first removal or, to see what has
// become of the accounts, after the last one, and each account right before its own.
func (d *directory) expectOrder() {
	looked, listed := map[string]bool{}, "" // what was read since the first removal
	removing := false
	for _, r := range d.Requests() {
		isAccount := slices.Contains(d.paths(), r.Path)
		switch {
		case r.Method == http.MethodDelete:
			if removing = true; listed != "" {
				d.t.Errorf("%s was removed after %s had been read since the first removal", r.Path, listed)
			}
			if !isAccount || d.system != "maestro" && !looked[r.Path] {
				d.t.Errorf("%s was removed, and not looked at right before", r.Path)
			}
			looked[r.Path] = false
		case isAccount:
			looked[r.Path] = true
		case removing:
			listed = r.Path
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
	r.expect(t, exitPartial, job.Partial)
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
	r.expect(t, exitDone, job.Completed)
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
			d.run("run", forReal, "DORMANT_NEVER_LOGGED_IN="+c.policy).expect(t, exitDone, job.Completed)
			sameIDs(t, "removed", d.Removed(), append(d.unused(), d.matching(c.too)...))
		})
	}
}

// An unused account is disabled first, and removed when more time has passed. Only
// the directory remembers that.
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
			disabled, removed := d.matching(c.disabled), d.matching(c.removed)
			audit := d.run("audit", c.environ...)
			audit.expect(t, exitDone, job.DryRun)
			sameIDs(t, "foretold", candidates(audit.report), append(slices.Clone(disabled), removed...))

			r := d.run("run", append(c.environ, forReal)...)
			r.expect(t, exitDone, job.Completed)
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
				sameIDs(t, "removed at last", d.Removed()[len(removed):], d.matching(func(u sandbox.User) bool { return unused(u, cutoff) && !u.Disabled }))
			} else if again.report.Counts.Candidates > 0 {
				t.Errorf("a second run finds %+v", again.report.Counts)
			}
		})
	}
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
	// The audit log proves that some are alive, which says nothing of last logins. Nobody is to
	// be removed, so there is nothing to refuse.
	r := d.run("run", forReal)
	r.expect(t, exitDone, job.Completed)
	sameIDs(t, "removed without the file", d.Removed(), nil)
	if w := r.report.Warnings; len(w) != 1 || w[0].Code != job.GuardRequireActive || !strings.HasSuffix(w[0].Message, ": check the profile and what the credentials may see, or give the last logins in DORMANT_ACTIVITY_FILE") {
		t.Errorf("warnings: %+v", w)
	}
	r = d.run("run", forReal, "DORMANT_REQUIRE_ACTIVE=false")
	r.expect(t, exitDone, job.Completed)
	sameIDs(t, "removed without the file and the guard", d.Removed(), nil)

	r = d.run("run", forReal, "DORMANT_ACTIVITY_FILE="+write(t, "logins.csv", "username,last_login\n"+rows.String()))
	r.expect(t, exitDone, job.Completed)
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
	d.unset("DORMANT_ACTOR")
	d.refuses(t, "run", []string{"DORMANT_ACTOR"}, forReal)

	d.run("run", forReal, "DORMANT_ACTOR="+actor.Email).expect(t, exitDone, job.Completed)
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
	d.run("run", forReal, "DORMANT_PROTECT_ADMINS=false").expect(t, exitDone, job.Completed)
	sameIDs(t, "removed and the caller", append(d.Removed(), "1"), d.matching(func(u sandbox.User) bool {
		return !u.LastLogin.IsZero() && u.LastLogin.Before(cutoff) && u.LastAction.Before(cutoff)
	}))
}
