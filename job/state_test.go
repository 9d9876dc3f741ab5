package job

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"
)

// The states of accounts at their boundaries: the cutoff is 2026-04-02T12:00:00Z, or 45 days
// before now where accounts are disabled first.
func TestStates(t *testing.T) {
	disablesFirst := func(p *Policy) { p.DisableAfter = 45 * day }
	keepsNever := func(p *Policy) { p.NeverLoggedIn = NeverKeep }
	undatedToo := func(p *Policy) { p.NeverLoggedIn = NeverRemoveUndated }
	atCutoff, before := testCutoff.Format(time.RFC3339Nano), testCutoff.Add(-1).Format(time.RFC3339Nano)
	log := func(at string) func(*User) {
		return func(u *User) { u.LastLogin = LastLogin{State: LoginKnown, At: instant(at), NotAfter: true} }
	}
	until := func(at string) func(*User) { return func(u *User) { u.KnownUntil = instant(at) } }
	tests := []struct {
		rule  string
		edit  func(*Policy)
		user  User
		state string // and the reason, and for how many days it was not used
	}{
		{"used at the cutoff", nil, with("1", login(atCutoff)), "active"},
		{"used before the cutoff", nil, with("1", login(before)), "candidate"},
		{"an administrator, used at the cutoff", nil, with("1", admin, login(atCutoff)), "active"},
		{"an administrator, used before the cutoff", nil, with("1", admin, login(before)), "exempt admin 90"},
		{"an administrator, active at the cutoff", nil, with("1", admin, login(before), activity(atCutoff)), "active"},
		{"an administrator, active before the cutoff", nil, with("1", admin, login("2026-01-01T00:00:00Z"), activity(before)), "exempt admin 90"},
		{"an administrator of unknown login", nil, with("1", admin, loginIs(LoginAbsent)), "unknown admin -"},
		{"an unknown login", nil, with("1", loginIs(LoginHidden)), "unknown last_login_unknown -"},
		{"an unknown login, and active", nil, with("1", loginIs(LoginHidden), activity(atCutoff)), "active"},
		{"an unreadable activity", nil, with("1", login(before), activity("2030-01-01T00:00:00Z")), "unknown last_login_unknown -"},
		{"a log that reaches back beyond the cutoff", keepsNever, with("1", log(before)), "exempt last_login_unknown 90"},
		{"a log that does not", keepsNever, with("1", log(atCutoff)), "unknown last_login_unknown -"},
		{"logins known long enough", nil, with("1", admin, login("2026-03-31T00:00:00Z"), until("2026-06-30T12:00:00Z")), "exempt admin 92"},
		{"logins not known of late", nil, with("1", admin, login("2026-03-31T00:00:00Z"), until("2026-06-01T00:00:00Z")), "unknown admin -"},
		{"never used, and old", keepsNever, with("1", loginIs(LoginNever), created(before)), "exempt never_logged_in 90"},
		{"never used, and new", keepsNever, with("1", loginIs(LoginNever), created(atCutoff)), "new never_logged_in 90"},
		{"never used, and old, to be removed", nil, with("1", loginIs(LoginNever), created(before)), "candidate"},
		{"never used, of unknown age", keepsNever, with("1", loginIs(LoginNever), undated), "unknown never_logged_in -"},
		{"never used, of unknown age, to be removed", undatedToo, with("1", loginIs(LoginNever), undated), "candidate"},
		{"disabled already, between the cutoffs", disablesFirst, with("1", disabled, login("2026-05-01T00:00:00Z")), "exempt already_disabled 61"},
		{"enabled, between the cutoffs", disablesFirst, with("1", login("2026-05-01T00:00:00Z")), "candidate"},
		{"an administrator between the cutoffs", disablesFirst, with("1", admin, login("2026-05-01T00:00:00Z")), "exempt admin 61"},
		{"an id that is none", nil, with("a/b", login(before)), "exempt unsafe_id 90"},
		{"nearly on the allowlist", func(p *Policy) { p.Allowlist = entries("alcie") }, with("1", named("alice"), login(before)), "exempt allowlisted 90"},
		{"the caller", func(p *Policy) { p.Self = ExactNames("alice") }, with("1", named("alice"), login(before)), "exempt self 90"},
	}
	for _, tt := range tests {
		p := testPolicy()
		p.Allowlist, p.Actor = Entries{}, Entries{}
		p.NeverLoggedIn = NeverRemove
		if tt.edit != nil {
			tt.edit(&p)
		}
		pl := planOf(p, tt.user)
		var got []string
		for state, n := range pl.states() {
			if n > 0 {
				got = append(got, string(state))
			}
		}
		for _, a := range pl.exemptAccounts().All() {
			days := "-"
			if a.InactiveDays != nil {
				days = strconv.Itoa(*a.InactiveDays)
			}
			got = append(got, string(a.Reason), days)
			if a.Action != Keep || a.Result != Kept || a.State != UserState(got[0]) || a.ID != tt.user.ID {
				t.Errorf("%s: %+v", tt.rule, a)
			}
		}
		if got := strings.Join(got, " "); got != tt.state {
			t.Errorf("%s: %s, want %s", tt.rule, got, tt.state)
		}
	}
}

// Whom the allowlist keeps, it keeps with what it says of them.
func TestExemptAccountsHaveWhatTheAllowlistSays(t *testing.T) {
	p := testPolicy()
	list, err := ReadAllowlist(strings.NewReader("ann until=2027-03-31 owner=ops note=\"until then\"\nbob owner=hr\nclara"), testNow)
	if err != nil {
		t.Fatal(err)
	}
	p.Allowlist = NewEntries(list...)
	old := login("2024-01-01T00:00:00Z")
	pl := planOf(p, with("1", named("ann"), old), with("2", named("bob"), old), with("3", named("clarra"), old), with("4", named("dora"), admin, old))
	var got []string
	for _, a := range pl.exemptAccounts().All() {
		got = append(got, strings.Join([]string{a.ID, string(a.Reason), a.Until, a.Owner, a.Note}, "|"))
	}
	slices.Sort(got)
	if want := []string{"1|allowlisted|2027-03-31|ops|until then", "2|allowlisted||hr|", "3|allowlisted|||", "4|admin|||"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// In 10,000 random directories, each account is in one list of the report or was used, and all
// numbers add up to those scanned, in the report and in the metrics.
func TestNothingDormantIsInvisible(t *testing.T) {
	const directories = 10_000
	r := rand.New(rand.NewPCG(53, 0))
	seen := map[UserState]int{}
	registry, folder := prometheus.NewRegistry(), t.TempDir()
	metrics := NewMetrics(registry, nil)
	for n := range directories {
		p := randomPolicy(r)
		var users []User
		for i := range r.IntN(8) {
			users = append(users, randomUser(r, strconv.Itoa(i)))
		}
		c := &Cleanup{
			Command: "run", Directory: &inMemory{users: users, requests: map[string]int{}}, Policy: p, Limits: limits(r.IntN(9), 100),
			DryRun: r.IntN(2) == 0, Concurrency: 1, MaxFailures: 1, Log: zerolog.Nop(),
		}
		if n%20 == 0 { // a ledger in which nobody is, so that the grace of all begins
			c.Ledger = openLedger(t, filepath.Join(folder, strconv.Itoa(n)))
		}
		report := c.Run(t.Context(), testNow)
		if !report.Planned {
			t.Fatal(report.Err)
		}
		cutoff := p.firstCutoff(testNow)
		listed := map[string]int{}
		for _, list := range []Accounts{report.Accounts, report.Exempt} {
			for _, a := range list.All() {
				listed[a.ID]++
			}
		}
		used := 0
		for _, u := range users {
			at := func(login time.Time) bool { return !login.Before(cutoff) && !login.After(testNow.Add(day)) }
			isUsed := at(u.LastActivity) || u.LastLogin.State == LoginKnown && !u.LastLogin.NotAfter && at(u.LastLogin.At) && !u.LastLogin.At.Before(u.Created.Add(-day))
			if isUsed {
				used++
			}
			if want := map[bool]int{false: 1}[isUsed]; listed[u.ID] != want {
				t.Errorf("directory %d: %+v is listed %d times, want %d", n, u, listed[u.ID], want)
			}
		}
		sum := 0
		for _, state := range slices.Sorted(maps.Keys(report.Counts.States)) {
			sum += report.Counts.States[state]
			seen[state] += report.Counts.States[state]
		}
		k := report.Control
		if states := report.Counts.States; sum != len(users) || report.Counts.Scanned != sum || states[InUse] != used || states[IsCandidate] != report.Counts.Candidates ||
			k.M1 != k.M3+k.M4+k.Unknown || k.M3 != k.M5+k.M6 || k.M1 != sum || (k.EnabledDormantPercent == nil) != (k.M3 == 0) || k.M6 < 0 {
			t.Errorf("directory %d: %d accounts, %d used, %v, control %+v", n, len(users), used, states, k)
		}
		if n%500 == 0 {
			metrics.Run(report)
			values, total := gather(t, registry), 0.0
			for _, state := range states() {
				total += values[fmt.Sprintf(`dormant_last_run_users{state=%q}`, state)]
			}
			if scanned := values[`dormant_last_run_users{state="scanned"}`]; total != scanned || scanned != float64(sum) {
				t.Errorf("directory %d: the metrics add up to %g, scanned %g", n, total, scanned)
			}
		}
		if t.Failed() {
			return
		}
	}
	for _, state := range states() {
		if seen[state] < directories/1000 {
			t.Errorf("only %d accounts were %s", seen[state], state)
		}
	}
}

func randomPolicy(r *rand.Rand) Policy {
	p := testPolicy()
	p.ProtectAdmins, p.ProtectServiceAccounts, p.RequireDisabled = r.IntN(2) == 0, r.IntN(2) == 0, r.IntN(3) == 0
	p.DisableOnly = r.IntN(4) == 0
	p.DisableAfter = time.Duration(r.IntN(2)*45) * day
	p.NeverLoggedIn = []NeverPolicy{NeverKeep, NeverRemove, NeverRemoveUndated}[r.IntN(3)]
	p.Allowlist = []Entries{{}, entries("name-of-3"), entries("name-off-3", "mail-of-*")}[r.IntN(3)]
	return p
}

func randomUser(r *rand.Rand, id string) User {
	times := []string{"2020-01-01T00:00:00Z", "2026-01-01T00:00:00Z", "2026-05-01T00:00:00Z", "2026-06-25T00:00:00Z", "2031-01-01T00:00:00Z", "1990-01-01T00:00:00Z"}
	at := func() time.Time { return instant(times[r.IntN(len(times))]) }
	u := with(id)
	u.Admin, u.ServiceAccount, u.Disabled = r.IntN(6) == 0, r.IntN(6) == 0, r.IntN(3) == 0
	u.LastLogin = LastLogin{State: LoginState(r.IntN(5))}
	if u.LastLogin.State == LoginKnown {
		u.LastLogin.At, u.LastLogin.NotAfter = at(), r.IntN(5) == 0
	}
	u.Created = []time.Time{{}, at(), instant("2019-01-01T00:00:00Z")}[r.IntN(3)]
	if u.Created.After(testNow) {
		u.Created = instant("2026-06-20T00:00:00Z")
	}
	u.Undated = u.Created.IsZero() && r.IntN(2) == 0
	if r.IntN(4) == 0 {
		u.LastActivity = at()
	}
	if r.IntN(20) == 0 {
		u.ID = id + "/.."
	}
	return u
}

// M5 counts whoever can't log in at the end of the run, whether the run has seen to that or not.
func TestControlCountsTheEndOfTheRun(t *testing.T) {
	old, locked := login("2024-01-01T00:00:00Z"), disabled
	users := []User{
		with("new", login("2026-06-30T00:00:00Z")), with("1", old), with("2", old, locked), with("3", old), with("4", old),
		with("5", admin, old), with("6", admin, old, locked), with("7", loginIs(LoginHidden), locked),
	}
	for _, tt := range []struct {
		rule string
		edit func(*cleanup)
		m5   int
	}{
		{"a dry run", func(c *cleanup) { c.DryRun = true }, 2},
		{"refused", func(c *cleanup) { c.Limits.MaxRemovals = 1 }, 2},
		{"all removed", func(*cleanup) {}, 5},
		{"one was gone", failing("3", ErrNotFound), 5},
		{"one refused", failing("3", ErrRefused), 4},
		{"one failed, which was disabled before", failing("2", errBroken), 5},
	} {
		t.Run(tt.rule, func(t *testing.T) {
			inBubble(t, users, func(t *testing.T, c *cleanup) {
				tt.edit(c)
				r := c.run(t.Context(), t)
				want := Control{Safeguard: "CIS 5.3", M1: 8, M2: 90, M3: 6, M4: 1, M5: tt.m5, M6: 6 - tt.m5, Unknown: 1}
				want.EnabledDormantPercent = r.Control.EnabledDormantPercent
				if percent := *want.EnabledDormantPercent; *r.Control != want || percent != 100*float64(want.M6)/6 {
					t.Errorf("got %+v, %g %%, want %+v", *r.Control, percent, want)
				}
			})
		})
	}
}
