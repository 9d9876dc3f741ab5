package job

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"dormant/job/memory"
)

const fortnight = 14 * day

func openLedger(t *testing.T, path string) *Ledger {
	t.Helper()
	l, err := OpenLedger(ledgerAt(path))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l
}

// ledgerAt are options with which a run of the tests opens the ledger.
func ledgerAt(path string) LedgerOptions {
	return LedgerOptions{Path: path, Directory: "memory https://directory.example", Grace: fortnight, Keep: 400 * day}
}

// foundStore is a memory of when accounts were found inactive, and of nothing else.
type foundStore map[string]time.Time

func (s foundStore) Lookup(id string) (memory.Entry, bool, error) {
	at, known := s[id]
	return memory.Entry{Found: at, FirstSeen: instant("2019-01-01T00:00:00Z")}, known, nil
}

func (foundStore) Close() error { return nil }

// foundOnly is a ledger with these accounts.
func foundOnly(found map[string]time.Time) *Ledger {
	return &Ledger{LedgerOptions: LedgerOptions{Grace: fortnight, ReadOnly: true}, store: foundStore(found)}
}

func TestGrace(t *testing.T) {
	const s = time.Second
	found := func(at time.Time) map[string]time.Time { return map[string]time.Time{"1": at} }
	old := testNow.Add(-fortnight)
	ladder := func(p *Policy, _ *User) { p.DisableAfter = 45 * day }
	tests := []struct {
		rule  string
		found map[string]time.Time
		edit  func(*Policy, *User)
		want  Decision
		until time.Time // of one in grace
	}{
		{"found by no run", nil, nil, Decision{Keep, InGrace}, testNow.Add(fortnight)},
		{"another one was found", map[string]time.Time{"2": old}, nil, Decision{Keep, InGrace}, testNow.Add(fortnight)},
		{"found now", found(testNow), nil, Decision{Keep, InGrace}, testNow.Add(fortnight)},
		{"grace - 1 s", found(old.Add(s)), nil, Decision{Keep, InGrace}, testNow.Add(s)},
		{"grace - 1 ns", found(old.Add(1)), nil, Decision{Keep, InGrace}, testNow.Add(1)},
		{"grace", found(old), nil, Decision{Remove, Inactive}, time.Time{}},
		{"grace + 1 s", found(old.Add(-s)), nil, Decision{Remove, Inactive}, time.Time{}},
		{"grace, in another zone", found(old.In(time.FixedZone("", 7200))), nil, Decision{Remove, Inactive}, time.Time{}},

		{"used 1 s before it was found", found(instant("2024-01-31T12:00:01Z")), nil, Decision{Remove, Inactive}, time.Time{}},
		{"used when it was found", found(instant("2024-01-31T12:00:00Z")), nil, Decision{Remove, Inactive}, time.Time{}},
		{"used 1 s after it was found", found(instant("2024-01-31T11:59:59Z")), nil, Decision{Keep, InGrace}, testNow.Add(fortnight)},
		{"seen after it was found", found(instant("2024-06-01T00:00:00Z")), func(_ *Policy, u *User) { u.LastActivity = instant("2024-06-02T00:00:00Z") },
			Decision{Keep, InGrace}, testNow.Add(fortnight)},
		{"made after it was found, and never used", found(instant("2024-06-01T00:00:00Z")), func(p *Policy, u *User) {
			p.NeverLoggedIn, u.LastLogin, u.Created = NeverRemove, state(LoginNever), instant("2024-06-02T00:00:00Z")
		}, Decision{Keep, InGrace}, testNow.Add(fortnight)},
		{"made after it was found, with a login from before", found(instant("2024-06-01T18:00:00Z")), func(_ *Policy, u *User) {
			u.LastLogin, u.Created = LoginAt(instant("2024-06-01T12:00:00Z")), instant("2024-06-02T00:00:00Z")
		}, Decision{Keep, InGrace}, testNow.Add(fortnight)},
		{"never used, with no creation date", found(old), func(p *Policy, u *User) {
			p.NeverLoggedIn, u.LastLogin, u.Created, u.Undated = NeverRemoveUndated, state(LoginNever), time.Time{}, true
		}, Decision{Remove, NeverLoggedIn}, time.Time{}},
		{"only a bound is known", found(old), func(p *Policy, u *User) { p.NeverLoggedIn, u.LastLogin.NotAfter = NeverRemove, true }, Decision{Remove, Inactive}, time.Time{}},

		{"found later than now", found(testNow.Add(s)), nil, Decision{Keep, InGrace}, testNow.Add(fortnight)},
		{"found at no time", found(time.Time{}), nil, Decision{Keep, InGrace}, testNow.Add(fortnight)},
		{"found before 2000", found(year2000.Add(-s)), func(p *Policy, u *User) {
			p.NeverLoggedIn, u.LastLogin, u.Created, u.Undated = NeverRemoveUndated, state(LoginNever), time.Time{}, true
		}, Decision{Keep, InGrace}, testNow.Add(fortnight)},

		{"kept for another reason", nil, func(_ *Policy, u *User) { u.Admin = true }, Decision{Keep, Admin}, time.Time{}},
		{"to be disabled", nil, func(p *Policy, _ *User) { p.DisableOnly = true }, Decision{Disable, Inactive}, time.Time{}},
		{"past both ages", nil, ladder, Decision{Disable, Inactive}, time.Time{}},
		{"past both ages, and disabled", nil, func(p *Policy, u *User) { ladder(p, u); u.Disabled = true }, Decision{Keep, InGrace}, testNow.Add(fortnight)},
		{"past both ages, after its grace", found(old), ladder, Decision{Remove, Inactive}, time.Time{}},
		{"past both ages, only the disabled", found(old), func(p *Policy, u *User) { ladder(p, u); p.RequireDisabled = true }, Decision{Disable, Inactive}, time.Time{}},
		{"only the disabled", nil, func(p *Policy, u *User) { p.RequireDisabled, u.Disabled = true, true }, Decision{Keep, InGrace}, testNow.Add(fortnight)},
	}
	for _, tt := range tests {
		t.Run(tt.rule, func(t *testing.T) {
			p, u := testPolicy(), dormantUser("1")
			if tt.edit != nil {
				tt.edit(&p, &u)
			}
			l := foundOnly(tt.found)
			pl := planOf(p, u)
			kept := maps.Clone(pl.Kept)
			l.applyGrace(pl, p, testNow)
			got, until := Decision{Keep, ""}, time.Time{}
			switch {
			case len(pl.InGrace)+len(pl.Candidates) > 1:
				t.Fatalf("both %v and %v", pl.InGrace, pl.Candidates)
			case len(pl.Candidates) == 1:
				got = Decision{pl.Candidates.At(0).Action, pl.Candidates.At(0).Reason}
			case len(pl.InGrace) == 1:
				got, until = Decision{pl.InGrace.At(0).Action, pl.InGrace.At(0).Reason}, pl.InGrace.At(0).RemovableAt
			default:
				got.Reason = slices.Collect(maps.Keys(kept))[0]
			}
			if got != tt.want || !until.Equal(tt.until) {
				t.Errorf("%v until %s, want %v until %s", got, until, tt.want, tt.until)
			}
			if _, d := (&Cleanup{Policy: p, Ledger: l}).Decide(u, testNow); d != tt.want {
				t.Errorf("alone: %v, want %v", d, tt.want)
			}
			e := l.explain(p, p.Explain(u, testNow), testNow)
			i := slices.IndexFunc(e.Rules, func(v Verdict) bool { return v.Applies })
			if e.Decision != tt.want || e.Rules[i].Rule != tt.want.Reason {
				t.Errorf("explained as %v, by %v, want %v", e.Decision, e.Rules[i], tt.want)
			}
			if _, d := (&Cleanup{Policy: p}).Decide(u, testNow); d.Reason == InGrace || d != p.Decide(u, testNow) {
				t.Errorf("%v without a ledger", d)
			}
		})
	}
}

func TestExplainGrace(t *testing.T) {
	p, u := testPolicy(), dormantUser("1")
	l := foundOnly(map[string]time.Time{"1": testNow.Add(-day - 1)})
	for id, want := range map[string]string{
		"1": "found inactive: 2026-06-30T11:59:59Z, removable from: 2026-07-14T12:00:00Z",
		"2": "no earlier run has found it inactive, or it has been used or has changed since, removable from: 2026-07-15T12:00:00Z",
	} {
		u.ID = id
		e := l.explain(p, p.Explain(u, testNow), testNow)
		if v := e.Rules[len(e.Rules)-2]; v != (Verdict{InGrace, true, want}) {
			t.Errorf("%+v", v)
		}
	}
}

// graceStep is one of several runs with the same ledger.
type graceStep struct {
	day     float64 // since testNow
	do      func(*cleanup)
	outcome Outcome
	became  string
	ledger  string // afterwards, as "1@0 2@7": the accounts, and the days on which they were found
	asked   string // of the directory, unless it is empty here
}

// after prepares the cleanup for a run that many days after testNow, with the directory
// and the ledger as earlier runs left them.
func (c *cleanup) after(t *testing.T, days float64, path string) {
	t.Helper()
	at := testNow.Add(time.Duration(days * float64(day)))
	<-time.After(time.Until(at))
	c.dir.users = slices.DeleteFunc(slices.Clone(c.dir.users), func(u User) bool { return slices.Contains(c.dir.removed, u.ID) })
	for i, u := range c.dir.users {
		if c.dir.users[i].Disabled = u.Disabled || slices.Contains(c.dir.disabled, u.ID); u.ID == "new" {
			c.dir.users[i].LastLogin = LoginAt(at)
		}
	}
	c.dir.asked, c.dir.removed, c.dir.disabled, c.dir.gone, c.dir.requests = nil, nil, nil, nil, map[string]int{}
	c.dir.list, c.dir.read, c.dir.remove = nil, nil, nil
	c.Limits = limits(100, 100)
	c.Command, c.DryRun, c.Journal = "run", false, nil
	c.log.Reset()
	c.Ledger = openLedger(t, path)
}

// ledgerDays is a ledger's file as chapters have it.
func ledgerDays(t *testing.T, path string) string {
	t.Helper()
	f, err := memory.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return "none"
	}
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var entries []string
	for a, err := range f.All() {
		if err != nil {
			t.Fatal(err)
		}
		if !a.Found.IsZero() {
			entries = append(entries, fmt.Sprintf("%s@%g", a.ID, a.Found.Sub(testNow).Hours()/24))
		}
	}
	slices.Sort(entries)
	return strings.Join(entries, " ")
}

// edit changes the account of that id.
func edit(id string, edits ...func(*User)) func(*cleanup) {
	return func(c *cleanup) {
		for i := range c.dir.users {
			if c.dir.users[i].ID == id {
				for _, edit := range edits {
					edit(&c.dir.users[i])
				}
			}
		}
	}
}

func usedOn(days float64) func(*User) {
	return func(u *User) { u.LastLogin = LoginAt(testNow.Add(time.Duration(days * float64(day)))) }
}

func TestGraceFromRunToRun(t *testing.T) {
	const (
		untouched = "self list"
		inGrace   = "1:kept/in_grace 2:kept/in_grace 3:kept/in_grace"
		removed   = "1:removed 2:removed 3:removed"
		second1   = 1.0 / 24 / 60 / 60
	)
	// threeDormant: 1, 2 and 3.
	first := graceStep{0, nil, Completed, inGrace, "1@0 2@0 3@0", untouched}
	tests := []struct {
		rule     string
		policy   func(*cleanup)
		users    []User // threeDormant if there are none
		chapters []graceStep
	}{
		{"removed after its grace", nil, nil, []graceStep{
			first,
			{7, nil, Completed, inGrace, "1@0 2@0 3@0", untouched},
			{14 - second1, nil, Completed, inGrace, "1@0 2@0 3@0", untouched},
			{14, nil, Completed, removed, "", "self list read 1 remove 1 find 1 read 2 remove 2 find 2 read 3 remove 3 find 3"},
			{15, nil, Completed, "", "", untouched},
		}},
		{"whoever logs in is struck, and begins anew", nil, nil, []graceStep{
			first,
			{3, edit("2", usedOn(3)), Completed, "1:kept/in_grace 3:kept/in_grace", "1@0 3@0", untouched},
			{14, nil, Completed, "1:removed 3:removed", "", "self list read 1 remove 1 find 1 read 3 remove 3 find 3"},
			{94, nil, Completed, "2:kept/in_grace", "2@94", untouched},
			{107, nil, Completed, "2:kept/in_grace", "2@94", untouched},
			{108, nil, Completed, "2:removed", "", ""},
		}},
		{"whoever logged in while none ran begins anew", nil, nil, []graceStep{
			first, {200, edit("2", usedOn(5)), Completed, "1:removed 3:removed 2:kept/in_grace", "2@200", "self list read 1 remove 1 find 1 read 3 remove 3 find 3"},
		}},
		{"another account of that id begins anew", func(c *cleanup) { c.Policy.NeverLoggedIn = NeverRemove }, nil, []graceStep{
			first, {200, edit("2", loginIs(LoginNever), func(u *User) { u.Created = testNow.Add(day) }), Completed, "1:removed 3:removed 2:kept/in_grace", "2@200", ""},
		}},
		{"others are found later", nil, nil, []graceStep{
			first,
			{5, func(c *cleanup) { c.dir.users = append(c.dir.users, with("4")) }, Completed, inGrace + " 4:kept/in_grace", "1@0 2@0 3@0 4@5", untouched},
			{14, nil, Completed, removed + " 4:kept/in_grace", "4@5", ""},
			{19, nil, Completed, "4:removed", "", ""},
		}},
		{"whoever is protected meanwhile begins anew", nil, nil, []graceStep{
			first,
			{3, edit("2", admin), Completed, "1:kept/in_grace 3:kept/in_grace", "1@0 3@0", untouched},
			{14, edit("2", func(u *User) { u.Admin = false }), Completed, "1:removed 3:removed 2:kept/in_grace", "2@14", ""},
		}},
		{"a dry run has said so", nil, nil, []graceStep{
			{0, func(c *cleanup) { c.DryRun = true }, DryRun, inGrace, "1@0 2@0 3@0", untouched},
			{14, func(c *cleanup) { c.DryRun = true }, DryRun, "1:would_remove 2:would_remove 3:would_remove", "1@0 2@0 3@0", untouched},
			{15, nil, Completed, removed, "", ""},
		}},
		{"an audit leaves nothing behind", nil, nil, []graceStep{
			{0, func(c *cleanup) { c.Command, c.DryRun = "audit", true }, DryRun, inGrace, "none", untouched},
			{14, nil, Completed, inGrace, "1@14 2@14 3@14", untouched},
			{20, func(c *cleanup) { edit("2", usedOn(20))(c); c.Command, c.DryRun = "audit", true }, DryRun, "1:kept/in_grace 3:kept/in_grace", "1@14 2@14 3@14", untouched},
			{28, func(c *cleanup) { c.Command, c.DryRun = "audit", true }, DryRun, "1:would_remove 3:would_remove", "1@14 2@14 3@14", untouched},
			{29, func(c *cleanup) { c.Command = "daemon" }, Completed, "1:removed 3:removed", "", ""},
		}},
		{"a refused run keeps the dates", nil, nil, []graceStep{
			first,
			{14, func(c *cleanup) { c.Limits.MaxRemovals = 2 }, Refused, "1:not_attempted 2:not_attempted 3:not_attempted", "1@0 2@0 3@0", untouched},
			{15, nil, Completed, removed, "", ""},
		}},
		{"data in doubt are no reason to forget whom a run has found", nil, nil, []graceStep{
			{0, func(c *cleanup) { c.dir.users[0].LastLogin = LoginAt(testNow.Add(-100 * day)) }, Completed, inGrace + " new:kept/in_grace", "1@0 2@0 3@0 new@0", untouched},
			{14, nil, Completed, removed, "", ""},
		}},
		{"guards judge only whose grace has ended", nil, nil, []graceStep{
			{0, func(c *cleanup) { c.Limits = limits(0, 0) }, Completed, inGrace, "1@0 2@0 3@0", untouched},
			{14, func(c *cleanup) { c.Limits = limits(3, 75) }, Completed, removed, "", ""},
		}},
		{"a listing that fails leaves the ledger as it is", nil, nil, []graceStep{
			first, {7, list(4, errBroken), Failed, "", "1@0 2@0 3@0", untouched}, {14, nil, Completed, removed, "", ""},
		}},
		{"half of a listing warns nobody", nil, nil, []graceStep{
			{0, list(4, errBroken), Failed, "", "none", untouched}, {14, nil, Completed, inGrace, "1@14 2@14 3@14", untouched},
		}},
		{"a failed removal is tried again", nil, nil, []graceStep{
			first,
			{14, failing("2", errBroken), Partial, "1:removed 2:failed 3:removed", "2@0", ""},
			{15, nil, Completed, "2:removed", "", ""},
		}},
		{"whoever is gone is struck", nil, nil, []graceStep{
			first, {14, failing("2", ErrNotFound), Completed, "1:removed 2:already_gone 3:removed", "", ""},
		}},
		{"a run that ends early keeps the dates of the rest", nil, nil, []graceStep{
			first,
			{14, func(c *cleanup) { failing("2", ErrSignedOut)(c) }, Failed, "1:removed 2:failed 3:not_attempted", "2@0 3@0", ""},
			{15, nil, Completed, "2:removed 3:removed", "", ""},
		}},
		{"a second look strikes whoever logged in", nil, nil, []graceStep{
			first,
			{14, recheckFinds("2", usedOn(14)), Completed, "1:removed 2:kept/active_again 3:removed", "", "self list read 1 remove 1 find 1 read 2 read 3 remove 3 find 3"},
			{15, nil, Completed, "2:kept/in_grace", "2@15", ""},
		}},
		{"a second look strikes whoever was used since it was found", nil, nil, []graceStep{
			first,
			{200, recheckFinds("2", usedOn(1)), Completed, "1:removed 2:kept/active_again 3:removed", "", "self list read 1 remove 1 find 1 read 2 read 3 remove 3 find 3"},
		}},
		{"a second look at the same", nil, nil, []graceStep{first, {200, recheckFinds("2", usedOn(0)), Completed, removed, "", ""}}},

		// several steps; stairs: 1 and 2 past the second age, 3 and 4 past the first, 1 and 4 disabled
		{"ladder", ladder, fourAges(), []graceStep{
			{0, nil, Completed, "2:disabled 3:disabled 1:kept/in_grace", "1@0", "self list read 2 disable 2 find 2 read 3 disable 3 find 3"},
			{1, nil, Completed, "1:kept/in_grace 2:kept/in_grace", "1@0 2@1", untouched},
			{14, nil, Completed, "1:removed 2:kept/in_grace", "2@1", "self list read 1 remove 1 find 1"},
			{15, nil, Completed, "2:removed", "", ""},
			{30, nil, Completed, "3:kept/in_grace 4:kept/in_grace", "3@30 4@30", untouched},
			{44, nil, Completed, "3:removed 4:removed", "", ""},
		}},
		{"ladder: a dry run disables nobody, and so warns nobody", ladder, fourAges(), []graceStep{
			{0, func(c *cleanup) { c.DryRun = true }, DryRun, "2:would_disable 3:would_disable 1:kept/in_grace", "1@0", untouched},
			{14, func(c *cleanup) { c.DryRun = true }, DryRun, "1:would_remove 2:would_disable 3:would_disable", "1@0", untouched},
		}},
		{"ladder: enabled again in its grace", ladder, fourAges(), []graceStep{
			{0, nil, Completed, "2:disabled 3:disabled 1:kept/in_grace", "1@0", ""},
			{7, edit("1", enabled), Completed, "1:disabled 2:kept/in_grace", "2@7", ""},
			{8, nil, Completed, "1:kept/in_grace 2:kept/in_grace", "1@8 2@7", ""},
		}},
		{"ladder: disabled between the listing and the second look", ladder, fourAges(), []graceStep{
			{0, recheckFinds("2", disabled), Completed, "2:kept/already_disabled 3:disabled 1:kept/in_grace", "1@0", "self list read 2 read 3 disable 3 find 3"},
		}},
		{"ladder, only the disabled", both, fourAges(), []graceStep{
			{0, nil, Completed, "2:disabled 3:disabled 1:kept/in_grace", "1@0", ""},
			{14, nil, Completed, "1:removed 2:kept/in_grace", "2@14", ""},
		}},
		{"only the disabled", require, fourAges(), []graceStep{
			{0, nil, Completed, "1:kept/in_grace", "1@0", untouched},
			{13, edit("2", disabled), Completed, "1:kept/in_grace 2:kept/in_grace", "1@0 2@13", untouched},
			{14, recheckFinds("1", enabled), Completed, "1:kept/not_disabled 2:kept/in_grace", "2@13", "self list read 1"},
		}},
	}
	for _, tt := range tests {
		t.Run(tt.rule, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "ledger")
			users := tt.users
			if users == nil {
				users = threeDormant()
			}
			inBubble(t, users, func(t *testing.T, c *cleanup) {
				if tt.policy != nil {
					tt.policy(c)
				}
				for _, ch := range tt.chapters {
					c.after(t, ch.day, path)
					if ch.do != nil {
						ch.do(c)
					}
					r := c.run(t.Context(), t)
					if r.Outcome != ch.outcome || resultsOf(r) != ch.became {
						t.Errorf("day %g: %s: %s\nwant %s: %s", ch.day, r.Outcome, resultsOf(r), ch.outcome, ch.became)
					}
					if got := ledgerDays(t, path); got != ch.ledger {
						t.Errorf("day %g: the ledger has %s, want %s", ch.day, got, ch.ledger)
					}
					if got := strings.Join(c.dir.asked, " "); got != ch.asked && ch.asked != "" {
						t.Errorf("day %g: asked %s\nwant  %s", ch.day, got, ch.asked)
					}
				}
			})
			left, err := filepath.Glob(filepath.Join(filepath.Dir(path), ".*"))
			if err != nil || len(left) > 0 {
				t.Errorf("%q, %v are left behind", left, err)
			}
		})
	}
}

// Those in grace are behind the candidates, and are not candidates.
func TestGraceInTheReport(t *testing.T) {
	inBubble(t, threeDormant(), func(t *testing.T, c *cleanup) {
		c.Log = c.Log.Level(zerolog.Disabled)
		c.Ledger = foundOnly(map[string]time.Time{"2": testNow.Add(-fortnight), "3": testNow.Add(-day - 1)})
		r := c.run(t.Context(), t)
		if resultsOf(r) != "2:removed 1:kept/in_grace 3:kept/in_grace" || r.Counts.Candidates != 1 || r.Counts.Kept[InGrace] != 2 {
			t.Fatalf("%s, %+v", resultsOf(r), r.Counts)
		}
		for i, want := range []time.Time{{}, testNow.Add(fortnight), testNow.Add(13 * day)} {
			a := r.Accounts.At(i)
			if (a.RemovableAt == nil) != want.IsZero() || a.RemovableAt != nil && (!a.RemovableAt.Equal(want) || a.Action != Keep || *a.InactiveDays == 0) {
				t.Errorf("%+v, want it removable from %s", a, want)
			}
		}
		for _, a := range r.Accounts.List()[1:] {
			line := fmt.Sprintf(`"user_id":%q,"reason":"in_grace","last_login":%q,"removable_at":%q`,
				a.ID, a.LastLogin.Format(time.RFC3339), a.RemovableAt.Format(time.RFC3339))
			if strings.Count(c.log.String(), line) != 1 { // at any level
				t.Errorf("no %s in\n%s", line, c.log.String())
			}
		}
	})
}

// Whenever a run is cut short, the ledger holds who is not known to be gone.
func TestGraceOfARunCutShort(t *testing.T) {
	for _, tt := range []struct {
		after  time.Duration // a removal takes 10 s
		became string
		ledger string
	}{
		{0, "", "1@0 2@0 3@0"},
		{5 * time.Second, "1:removed 2:not_attempted 3:not_attempted", "2@0 3@0"},
		{15 * time.Second, "1:removed 2:removed 3:not_attempted", "3@0"},
	} {
		path := filepath.Join(t.TempDir(), "ledger")
		inBubble(t, threeDormant(), func(t *testing.T, c *cleanup) {
			c.after(t, 0, path)
			c.run(t.Context(), t)
			c.after(t, 14, path)
			c.dir.remove = func(context.Context, string, int) error { <-time.After(10 * time.Second); return nil }
			ctx, cancel := context.WithCancel(t.Context())
			if tt.after == 0 {
				cancel()
			}
			time.AfterFunc(tt.after, cancel)
			if r := c.run(ctx, t); r.Outcome != Interrupted || resultsOf(r) != tt.became || ledgerDays(t, path) != tt.ledger {
				t.Errorf("%s: %s, %s, ledger %s", tt.after, r.Outcome, resultsOf(r), ledgerDays(t, path))
			}
		})
	}
}
