package command

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"dormant/client/sandbox"
	"dormant/job"
)

// TestFrozenLogins: where logins are no longer recorded, everybody seems to become inactive,
// a few accounts each day. In 120 days of daily runs with the default settings, nobody is
// removed, although the guards that count see nothing to object to.
func TestFrozenLogins(t *testing.T) {
	t.Parallel()
	const accounts, history = 200, 120
	for _, c := range []struct {
		says         string
		file, frozen bool
	}{
		{"a directory", false, true}, {"an activity file", true, true},
		{"a directory that lives", false, false}, {"an activity file that is renewed", true, false},
	} {
		t.Run(c.says, func(t *testing.T) {
			t.Parallel()
			users := []sandbox.User{{Username: "admin", Email: "admin@mail.test", Admin: true, Created: now.AddDate(-3, 0, 0), LastLogin: now}}
			for i := range accounts {
				users = append(users, sandbox.User{
					Username: fmt.Sprint("user", i), Email: fmt.Sprintf("user%d@mail.test", i), Created: now.AddDate(-2, 0, 0),
					LastLogin: now.Add(-time.Duration(i) * 6 * time.Hour), // the last 50 days
				})
			}
			leaver := len(users) - 1
			step := 1
			if !c.frozen {
				users[leaver].LastLogin, step = now.AddDate(0, 0, -80), 5
			}
			d := serve(t, "maestro", func(o *sandbox.Options) {
				o.Users = users
				o.WithLastLogin = !c.file
			})
			file := filepath.Join(t.TempDir(), "logins.csv")
			loginsAt := func(at time.Time) { // of those who are in use
				rows := []string{"username,last_login"}
				for i, u := range users {
					if i != leaver && at.After(now) {
						u.LastLogin = at.Add(-time.Duration(i) * time.Minute)
					}
					rows = append(rows, u.Username+","+u.LastLogin.Format(time.RFC3339))
				}
				if err := os.WriteFile(file, []byte(strings.Join(rows, "\n")), 0o600); err != nil {
					t.Fatal(err)
				}
				for i, u := range d.Users() {
					if !c.file && i != leaver && at.After(now) {
						d.change(u.ID, func(u *sandbox.User) { u.LastLogin = at.Add(-time.Duration(i) * time.Minute) })
					}
				}
			}
			loginsAt(now)
			environ := []string{
				"DORMANT_PROFILE=maestro", "DORMANT_URL=" + d.url, "DORMANT_TOKEN=" + sandbox.DefaultToken, "DORMANT_ACTOR=admin",
				"DORMANT_INACTIVE_FOR=90d", "DORMANT_FORMAT=json", forReal,
			}
			if c.file {
				environ = append(environ, "DORMANT_ACTIVITY_FILE="+file)
			}
			codes, found := map[int]int{}, 0
			for day := 0; day < history; day += step {
				at := now.AddDate(0, 0, day)
				if !c.frozen {
					loginsAt(at)
				}
				var stdout, stderr output
				code := Main(t.Context(), Process{"dormant", []string{"run"}, environ, nil, &stdout, &stderr, func() time.Time { return at }})
				var r job.Report
				if err := json.Unmarshal([]byte(stdout.String()), &r); err != nil {
					t.Fatalf("day %d: %v: %s", day, err, &stderr)
				}
				codes[code]++
				found = max(found, r.Counts.Candidates)
				if c.frozen && (code == exitRefused) != (r.Counts.Candidates > 0) {
					t.Errorf("day %d: exit code %d for %d candidates", day, code, r.Counts.Candidates)
				}
				if code == exitRefused && !strings.Contains(fmt.Sprint(r.Refusals), job.GuardMaxSilence) {
					t.Errorf("day %d: %+v", day, r.Refusals)
				}
				if c.frozen && code == exitDone && day >= 14 && !strings.Contains(fmt.Sprint(r.Warnings), "DORMANT_MAX_SILENCE") {
					t.Errorf("day %d: no warning: %+v", day, r.Warnings)
				}
			}
			if c.frozen {
				d.onlyReads(d.Requests())
				// Of a file that ends, nobody seems to become inactive at all.
				if want := map[bool]int{false: accounts, true: 0}[c.file]; found != want || (codes[exitRefused] < 70) != c.file {
					t.Errorf("%d candidates at most, want %d, exit codes %v", found, want, codes)
				}
				return
			}
			// The guards let those go who have left, and nobody else.
			if removed := d.Removed(); len(removed) != 1 || d.user(removed[0]).Username != users[leaver].Username || codes[exitDone] != history/step {
				t.Errorf("removed %q, exit codes %v", removed, codes)
			}
			deletions := 0
			for _, r := range d.Requests() {
				if r.Method == http.MethodDelete {
					deletions++
				}
			}
			if deletions != 1 {
				t.Errorf("%d deletions were asked for", deletions)
			}
		})
	}
}
