package job

import (
	"testing"
	"time"
)

// The tests of decisions are at noon on 1 July 2026, with a cutoff 90 days before.
var (
	testNow    = instant("2026-07-01T12:00:00Z")
	testCutoff = instant("2026-04-02T12:00:00Z")
)

// testPolicy protects what can be protected.
func testPolicy() Policy {
	return Policy{
		InactiveFor: 90 * 24 * time.Hour, NeverLoggedIn: NeverKeep,
		Allowlist: entries("root", "*@keep.example"), Actor: ExactNames("janitor"),
		ProtectAdmins: true, ProtectServiceAccounts: true, ProtectRoles: entries("ops-*"),
	}
}

// dormantUser is an account that testPolicy removes.
func dormantUser(id string) User {
	return User{
		ID: id, Username: "name-of-" + id, Email: "mail-of-" + id + "@corp.example",
		Created: instant("2020-01-01T00:00:00Z"), LastLogin: LoginAt(instant("2024-01-31T12:00:00Z")), Roles: []string{},
	}
}

func entries(texts ...string) Entries {
	es, err := ParseEntries(texts)
	if err != nil {
		panic(err)
	}
	return NewEntries(es...)
}

func state(s LoginState) LastLogin { return LastLogin{State: s} }

func TestCutoff(t *testing.T) {
	since := instant("2024-01-31T00:00:00Z")
	for _, tt := range []struct {
		rule   string
		policy Policy
		want   time.Time
	}{
		{"for counts back from now", Policy{InactiveFor: 90 * 24 * time.Hour}, testCutoff},
		{"since is as it is", Policy{InactiveSince: since}, since},
		{"neither is before every login", Policy{}, time.Time{}},
	} {
		if got := tt.policy.Cutoff(testNow); !got.Equal(tt.want) {
			t.Errorf("%s: %s, want %s", tt.rule, got, tt.want)
		}
	}
}

func TestDecide(t *testing.T) {
	const s = time.Second
	year := 365 * 24 * time.Hour
	tests := []struct {
		rule string
		edit func(p *Policy, u *User)
		want Decision
	}{
		{"long inactive", func(*Policy, *User) {}, Decision{Remove, Inactive}},

		{"last login at cutoff - 1 s", func(_ *Policy, u *User) { u.LastLogin = LoginAt(testCutoff.Add(-s)) }, Decision{Remove, Inactive}},
		{"last login at cutoff - 1 ns", func(_ *Policy, u *User) { u.LastLogin = LoginAt(testCutoff.Add(-1)) }, Decision{Remove, Inactive}},
		{"last login at the cutoff", func(_ *Policy, u *User) { u.LastLogin = LoginAt(testCutoff) }, Decision{Keep, Active}},
		{"last login at cutoff + 1 s", func(_ *Policy, u *User) { u.LastLogin = LoginAt(testCutoff.Add(s)) }, Decision{Keep, Active}},
		{"last login now", func(_ *Policy, u *User) { u.LastLogin = LoginAt(testNow) }, Decision{Keep, Active}},
		{"last login tomorrow", func(_ *Policy, u *User) { u.LastLogin = LoginAt(testNow.Add(24 * time.Hour)) }, Decision{Keep, Active}},
		{"last login on the cutoff's day, as a date", func(_ *Policy, u *User) { u.LastLogin = ParseLastLogin("2026-04-02") }, Decision{Keep, Active}},
		{"last login on the day before, as a date", func(_ *Policy, u *User) { u.LastLogin = ParseLastLogin("2026-04-01") }, Decision{Remove, Inactive}},
		{"no cutoff at all", func(p *Policy, _ *User) { p.InactiveFor = 0 }, Decision{Keep, Active}},

		{"last login absent", func(_ *Policy, u *User) { u.LastLogin = LastLogin{} }, Decision{Keep, LastLoginUnknown}},
		{"last login hidden", func(_ *Policy, u *User) { u.LastLogin = state(LoginHidden) }, Decision{Keep, LastLoginUnknown}},
		{"last login unreadable", func(_ *Policy, u *User) { u.LastLogin = state(LoginUnreadable) }, Decision{Keep, LastLoginUnknown}},
		{"last login before 2000", func(_ *Policy, u *User) { u.LastLogin = LoginAt(instant("1999-12-31T23:59:59Z")) }, Decision{Keep, LastLoginUnknown}},
		{"last login beyond tomorrow", func(_ *Policy, u *User) { u.LastLogin = LoginAt(testNow.Add(24*time.Hour + s)) }, Decision{Keep, LastLoginUnknown}},
		{"last login 1 s before creation", func(_ *Policy, u *User) { u.LastLogin = LoginAt(u.Created.Add(-s)) }, Decision{Remove, Inactive}},
		{"last login 1 s before creation, at the cutoff", func(_ *Policy, u *User) { u.Created, u.LastLogin = testCutoff.Add(s), LoginAt(testCutoff) }, Decision{Keep, Active}},
		{"last login a day before creation", func(_ *Policy, u *User) { u.LastLogin = LoginAt(u.Created.Add(-24 * time.Hour)) }, Decision{Remove, Inactive}},
		{"last login a day and 1 s before creation", func(_ *Policy, u *User) { u.LastLogin = LoginAt(u.Created.Add(-24*time.Hour - s)) }, Decision{Keep, LastLoginUnknown}},
		{"last login long before creation, whatever becomes of never", func(p *Policy, u *User) {
			p.NeverLoggedIn, u.LastLogin = NeverRemoveUndated, LoginAt(u.Created.AddDate(-10, 0, 0))
		}, Decision{Keep, LastLoginUnknown}},
		{"never", func(_ *Policy, u *User) { u.LastLogin = state(LoginNever) }, Decision{Keep, NeverLoggedIn}},
		{"unknown, whatever becomes of never", func(p *Policy, u *User) {
			p.NeverLoggedIn, u.LastLogin, u.Undated = NeverRemoveUndated, LastLogin{}, true
		}, Decision{Keep, LastLoginUnknown}},
		{"the zero account", func(p *Policy, u *User) {
			*p, *u = Policy{InactiveFor: year, NeverLoggedIn: NeverRemoveUndated}, User{ID: "1"}
		}, Decision{Keep, LastLoginUnknown}},

		{"activity at cutoff - 1 s", func(_ *Policy, u *User) { u.LastActivity = testCutoff.Add(-s) }, Decision{Remove, Inactive}},
		{"activity at the cutoff", func(_ *Policy, u *User) { u.LastActivity = testCutoff }, Decision{Keep, Active}},
		{"activity at cutoff + 1 s", func(_ *Policy, u *User) { u.LastActivity = testCutoff.Add(s) }, Decision{Keep, Active}},
		{"activity before the last login", func(_ *Policy, u *User) { u.LastActivity = u.LastLogin.At.Add(-s) }, Decision{Remove, Inactive}},
		{"activity before creation is no sentinel", func(_ *Policy, u *User) { u.LastActivity = u.Created.Add(-s) }, Decision{Remove, Inactive}},
		{"activity before 2000", func(_ *Policy, u *User) { u.LastActivity = time.Unix(1, 0) }, Decision{Keep, LastLoginUnknown}},
		{"activity beyond tomorrow", func(_ *Policy, u *User) { u.LastActivity = testNow.Add(25 * time.Hour) }, Decision{Keep, LastLoginUnknown}},
		{"activity beyond tomorrow, active", func(_ *Policy, u *User) { u.LastActivity, u.LastLogin = testNow.Add(25*time.Hour), LoginAt(testCutoff) }, Decision{Keep, Active}},
		{"unknown, new activity", func(_ *Policy, u *User) { u.LastActivity, u.LastLogin = testCutoff, LastLogin{} }, Decision{Keep, Active}},
		{"unknown, old activity", func(_ *Policy, u *User) { u.LastActivity, u.LastLogin = testCutoff.Add(-s), LastLogin{} }, Decision{Keep, LastLoginUnknown}},
		{"never, new activity", func(p *Policy, u *User) {
			p.NeverLoggedIn, u.LastActivity, u.LastLogin = NeverRemove, testCutoff, state(LoginNever)
		}, Decision{Keep, Active}},
		{"never, old activity belies it", func(p *Policy, u *User) {
			p.NeverLoggedIn, u.LastActivity, u.LastLogin = NeverRemove, testCutoff.Add(-s), state(LoginNever)
		}, Decision{Keep, LastLoginUnknown}},

		{"allowlisted id", func(_ *Policy, u *User) { u.ID = "ROOT" }, Decision{Keep, Allowlisted}},
		{"allowlisted username", func(_ *Policy, u *User) { u.Username = "Root" }, Decision{Keep, Allowlisted}},
		{"allowlisted email", func(_ *Policy, u *User) { u.Email = "a@Keep.Example" }, Decision{Keep, Allowlisted}},
		{"self by id", func(_ *Policy, u *User) { u.ID = "janitor" }, Decision{Keep, Self}},
		{"self by username", func(_ *Policy, u *User) { u.Username = "Janitor" }, Decision{Keep, Self}},
		{"self by email", func(p *Policy, u *User) { p.Self = ExactNames("J@corp.example"); u.Email = "j@corp.example" }, Decision{Keep, Self}},
		{"an empty name of self is nobody's", func(p *Policy, u *User) { p.Actor, p.Self, u.Email = ExactNames(""), ExactNames(""), "" }, Decision{Remove, Inactive}},
		{"admin", func(_ *Policy, u *User) { u.Admin = true }, Decision{Keep, Admin}},
		{"admin, not protected", func(p *Policy, u *User) { p.ProtectAdmins, u.Admin = false, true }, Decision{Remove, Inactive}},
		{"service account", func(_ *Policy, u *User) { u.ServiceAccount = true }, Decision{Keep, ServiceAccount}},
		{"service account, not protected", func(p *Policy, u *User) { p.ProtectServiceAccounts, u.ServiceAccount = false, true }, Decision{Remove, Inactive}},
		{"a protected role among others", func(_ *Policy, u *User) { u.Roles = []string{"staff", "OPS-eu"} }, Decision{Keep, ProtectedRole}},
		{"other roles", func(_ *Policy, u *User) { u.Roles = []string{"staff", "devops-eu"} }, Decision{Remove, Inactive}},
		{"no roles", func(_ *Policy, u *User) { u.Roles = []string{} }, Decision{Remove, Inactive}},
		{"roles not told", func(_ *Policy, u *User) { u.Roles = nil }, Decision{Keep, ProtectedRole}},
		{"roles not told and none protected", func(p *Policy, u *User) { p.ProtectRoles, u.Roles = Entries{}, nil }, Decision{Remove, Inactive}},
		{"an unsafe id", func(_ *Policy, u *User) { u.ID = ".." }, Decision{Keep, UnsafeID}},
		{"no id", func(_ *Policy, u *User) { u.ID = "" }, Decision{Keep, UnsafeID}},
		{"an active admin is an admin", func(_ *Policy, u *User) { u.Admin, u.LastLogin = true, LoginAt(testNow) }, Decision{Keep, Admin}},
	}
	for _, tt := range tests {
		t.Run(tt.rule, func(t *testing.T) {
			p, u := testPolicy(), dormantUser("17")
			tt.edit(&p, &u)
			if got := p.Decide(u, testNow); got != tt.want {
				t.Errorf("%s %s, want %s %s", got.Action, got.Reason, tt.want.Action, tt.want.Reason)
			}
		})
	}
}

// The reason is the first protection in the order of the policy.
func TestDecideNamesTheFirstProtection(t *testing.T) {
	steps := []struct {
		protect func(*User)
		want    Reason
	}{
		{func(*User) {}, Inactive},
		{func(u *User) { u.LastLogin = LoginAt(testNow) }, Active},
		{func(u *User) { u.ID = ".." }, UnsafeID},
		{func(u *User) { u.Roles = []string{"ops-eu"} }, ProtectedRole},
		{func(u *User) { u.ServiceAccount = true }, ServiceAccount},
		{func(u *User) { u.Admin = true }, Admin},
		{func(u *User) { u.Username = "janitor" }, Self},
		{func(u *User) { u.Email = "a@keep.example" }, Allowlisted},
	}
	p, u := testPolicy(), dormantUser("17")
	for _, step := range steps {
		step.protect(&u)
		if got := p.Decide(u, testNow).Reason; got != step.want {
			t.Errorf("%s, want %s", got, step.want)
		}
	}
}

func TestDecideNever(t *testing.T) {
	policies := []NeverPolicy{"", NeverKeep, NeverRemove, NeverRemoveUndated, "typo"}
	tests := []struct {
		creation string
		created  time.Time
		undated  bool
		removes  string // a column for each of the policies
	}{
		{"at cutoff - 1 s", testCutoff.Add(-time.Second), false, "--RR-"},
		{"at the cutoff", testCutoff, false, "-----"},
		{"at cutoff + 1 s", testCutoff.Add(time.Second), false, "-----"},
		{"at 2000", year2000, false, "--RR-"},
		{"before 2000", year2000.Add(-time.Second), false, "-----"},
		{"before 2000, in a directory without dates", year2000.Add(-time.Second), true, "-----"},
		{"1970", time.Unix(0, 0), false, "-----"},
		{"beyond tomorrow", testNow.Add(25 * time.Hour), false, "-----"},
		{"unreadable", time.Time{}, false, "-----"},
		{"not given by the directory", time.Time{}, true, "---R-"},
		{"at cutoff + 1 s, in a directory without dates", testCutoff.Add(time.Second), true, "-----"},
	}
	for _, tt := range tests {
		for i, policy := range policies {
			p, u := testPolicy(), dormantUser("17")
			p.NeverLoggedIn, u.LastLogin, u.Created, u.Undated = policy, state(LoginNever), tt.created, tt.undated
			want := Decision{Keep, NeverLoggedIn}
			if tt.removes[i] == 'R' {
				want.Action = Remove
			}
			if got := p.Decide(u, testNow); got != want {
				t.Errorf("created %s, policy %q: %s %s, want %s", tt.creation, policy, got.Action, got.Reason, want.Action)
			}
			u.Admin = true
			if got := p.Decide(u, testNow); got != (Decision{Keep, Admin}) {
				t.Errorf("created %s, policy %q: an admin: %s %s", tt.creation, policy, got.Action, got.Reason)
			}
		}
	}
}

// The decision by the two ages, and by whether the account is disabled, with a column for
// each policy.
func TestDecideWhomToDisable(t *testing.T) {
	const s = time.Second
	policies := []struct {
		name string
		set  func(*Policy)
	}{
		{"delete", func(*Policy) {}},
		{"disable", func(p *Policy) { p.DisableOnly = true }},
		{"ladder", func(p *Policy) { p.DisableAfter = 45 * 24 * time.Hour }},
		{"require", func(p *Policy) { p.RequireDisabled = true }},
		{"ladder and require", func(p *Policy) { p.DisableAfter, p.RequireDisabled = 45*24*time.Hour, true }},
	}
	keep, dis, rem := Decision{Keep, Active}, Decision{Disable, Inactive}, Decision{Remove, Inactive}
	was, not := Decision{Keep, AlreadyDisabled}, Decision{Keep, NotDisabled}
	never, disNever, remNever := Decision{Keep, NeverLoggedIn}, Decision{Disable, NeverLoggedIn}, Decision{Remove, NeverLoggedIn}
	unknown := Decision{Keep, LastLoginUnknown}
	self := Decision{Keep, Self}

	at := func(t time.Time) func(*User) { return func(u *User) { u.LastLogin = LoginAt(t) } }
	bound := func(t time.Time) func(*User) {
		return func(u *User) { u.LastLogin = LastLogin{State: LoginKnown, At: t, NotAfter: true} }
	}
	made := func(t time.Time) func(*User) {
		return func(u *User) { u.LastLogin, u.Created = state(LoginNever), t }
	}
	first, second := testNow.AddDate(0, 0, -45), testCutoff
	tests := []struct {
		rule              string
		edit              func(*User)
		enabled, disabled [5]Decision
	}{
		{"now", at(testNow), [5]Decision{keep, keep, keep, keep, keep}, [5]Decision{keep, keep, keep, keep, keep}},
		{"the first age - 1 s", at(first.Add(s)), [5]Decision{keep, keep, keep, keep, keep}, [5]Decision{keep, keep, keep, keep, keep}},
		{"the first age", at(first), [5]Decision{keep, keep, keep, keep, keep}, [5]Decision{keep, keep, keep, keep, keep}},
		{"the first age + 1 s", at(first.Add(-s)), [5]Decision{keep, keep, dis, keep, dis}, [5]Decision{keep, keep, was, keep, was}},
		{"the second age - 1 s", at(second.Add(s)), [5]Decision{keep, keep, dis, keep, dis}, [5]Decision{keep, keep, was, keep, was}},
		{"the second age", at(second), [5]Decision{keep, keep, dis, keep, dis}, [5]Decision{keep, keep, was, keep, was}},
		{"the second age + 1 s", at(second.Add(-s)), [5]Decision{rem, dis, rem, not, dis}, [5]Decision{rem, was, rem, rem, rem}},

		{"never, the first age - 1 s", made(first.Add(s)), [5]Decision{never, never, never, never, never}, [5]Decision{never, never, never, never, never}},
		{"never, the first age", made(first), [5]Decision{never, never, never, never, never}, [5]Decision{never, never, never, never, never}},
		{"never, the first age + 1 s", made(first.Add(-s)), [5]Decision{never, never, disNever, never, disNever}, [5]Decision{never, never, was, never, was}},
		{"never, the second age - 1 s", made(second.Add(s)), [5]Decision{never, never, disNever, never, disNever}, [5]Decision{never, never, was, never, was}},
		{"never, the second age", made(second), [5]Decision{never, never, disNever, never, disNever}, [5]Decision{never, never, was, never, was}},
		{"never, the second age + 1 s", made(second.Add(-s)), [5]Decision{remNever, disNever, remNever, not, disNever}, [5]Decision{remNever, was, remNever, remNever, remNever}},
		{"never, created nobody knows when", made(time.Time{}), [5]Decision{never, never, never, never, never}, [5]Decision{never, never, never, never, never}},

		{"none since now", bound(testNow), [5]Decision{unknown, unknown, unknown, unknown, unknown}, [5]Decision{unknown, unknown, unknown, unknown, unknown}},
		{"none since the first age", bound(first), [5]Decision{unknown, unknown, unknown, unknown, unknown}, [5]Decision{unknown, unknown, unknown, unknown, unknown}},
		{"none since the first age + 1 s", bound(first.Add(-s)), [5]Decision{unknown, unknown, dis, unknown, dis}, [5]Decision{unknown, unknown, was, unknown, was}},
		{"none since the second age", bound(second), [5]Decision{unknown, unknown, dis, unknown, dis}, [5]Decision{unknown, unknown, was, unknown, was}},
		{"none since the second age + 1 s", bound(second.Add(-s)), [5]Decision{rem, dis, rem, not, dis}, [5]Decision{rem, was, rem, rem, rem}},
		{"none since the second age + 1 s, and active", func(u *User) { bound(second.Add(-s))(u); u.LastActivity = first }, [5]Decision{keep, keep, keep, keep, keep}, [5]Decision{keep, keep, keep, keep, keep}},
		{"none since before its creation", func(u *User) { bound(second.Add(-s))(u); u.Created = second }, [5]Decision{never, never, disNever, never, disNever}, [5]Decision{never, never, was, never, was}},

		{"active at the first age", func(u *User) { u.LastActivity = first }, [5]Decision{keep, keep, keep, keep, keep}, [5]Decision{keep, keep, keep, keep, keep}},
		{"active at the second age", func(u *User) { u.LastActivity = second }, [5]Decision{keep, keep, dis, keep, dis}, [5]Decision{keep, keep, was, keep, was}},
		{"activity nobody can read", func(u *User) { u.LastActivity = time.Unix(1, 0) }, [5]Decision{unknown, unknown, unknown, unknown, unknown}, [5]Decision{unknown, unknown, unknown, unknown, unknown}},
		{"hidden", loginIs(LoginHidden), [5]Decision{unknown, unknown, unknown, unknown, unknown}, [5]Decision{unknown, unknown, unknown, unknown, unknown}},
		{"protected", named("janitor"), [5]Decision{self, self, self, self, self}, [5]Decision{self, self, self, self, self}},
	}
	for _, tt := range tests {
		for i, policy := range policies {
			for _, disabled := range []bool{false, true} {
				p, u := testPolicy(), dormantUser("17")
				p.NeverLoggedIn = NeverRemove
				policy.set(&p)
				tt.edit(&u)
				u.Disabled = disabled
				want := tt.enabled[i]
				if disabled {
					want = tt.disabled[i]
				}
				if got := p.Decide(u, testNow); got != want {
					t.Errorf("%s, policy %s, disabled %t: %s %s, want %s %s", tt.rule, policy.name, disabled, got.Action, got.Reason, want.Action, want.Reason)
				}
			}
		}
	}
}

// Where the directory gives no creation dates, one age is as good as the other.
func TestDecideNeverUndatedByBothAges(t *testing.T) {
	p, u := testPolicy(), with("17", loginIs(LoginNever), undated)
	p.NeverLoggedIn, p.DisableAfter, p.RequireDisabled = NeverRemoveUndated, 45*24*time.Hour, true
	if got := p.Decide(u, testNow); got != (Decision{Disable, NeverLoggedIn}) {
		t.Error(got)
	}
	u.Disabled = true
	if got := p.Decide(u, testNow); got != (Decision{Remove, NeverLoggedIn}) {
		t.Error(got)
	}
	p.NeverLoggedIn = NeverRemove
	if got := p.Decide(u, testNow); got != (Decision{Keep, NeverLoggedIn}) {
		t.Error(got)
	}
}

// The second age may be a fixed date, and the first still counts back from now.
func TestDisableCutoff(t *testing.T) {
	since := instant("2024-01-31T00:00:00Z")
	for _, tt := range []struct {
		policy Policy
		want   time.Time
	}{
		{Policy{InactiveFor: 90 * 24 * time.Hour}, time.Time{}},
		{Policy{InactiveFor: 90 * 24 * time.Hour, RequireDisabled: true}, time.Time{}},
		{Policy{InactiveFor: 90 * 24 * time.Hour, DisableOnly: true}, testCutoff},
		{Policy{InactiveSince: since, DisableOnly: true}, since},
		{Policy{InactiveSince: since, DisableAfter: time.Hour}, testNow.Add(-time.Hour)},
	} {
		if got := tt.policy.DisableCutoff(testNow); !got.Equal(tt.want) {
			t.Errorf("%+v: %s, want %s", tt.policy, got, tt.want)
		}
	}
}

// Only a decision that further details can't change is final.
func TestKeepsWithoutDetails(t *testing.T) {
	tests := []struct {
		rule string
		edit func(*Policy, *User)
		want bool
	}{
		{"inactive", func(*Policy, *User) {}, false},
		{"active", func(_ *Policy, u *User) { u.LastLogin = LoginAt(testNow) }, true},
		{"absent", func(_ *Policy, u *User) { u.LastLogin = LastLogin{} }, false},
		{"hidden", func(_ *Policy, u *User) { u.LastLogin = state(LoginHidden) }, false},
		{"never", func(_ *Policy, u *User) { u.LastLogin = state(LoginNever) }, false},
		{"disabled already", func(p *Policy, u *User) { p.DisableOnly, u.Disabled = true, true }, false},
		{"not disabled", func(p *Policy, _ *User) { p.RequireDisabled = true }, false},
		{"allowlisted", func(_ *Policy, u *User) { u.Username = "root" }, true},
		{"self", func(_ *Policy, u *User) { u.Username = "janitor" }, true},
		{"admin", func(_ *Policy, u *User) { u.Admin = true }, true},
		{"service account", func(_ *Policy, u *User) { u.ServiceAccount = true }, true},
		{"a protected role", func(_ *Policy, u *User) { u.Roles = []string{"ops-eu"} }, true},
		{"roles that the listing does not tell", func(_ *Policy, u *User) { u.Roles = nil }, false},
		{"active, roles not told", func(_ *Policy, u *User) { u.Roles, u.LastLogin = nil, LoginAt(testNow) }, true},
		{"an unsafe id", func(_ *Policy, u *User) { u.ID = ".." }, true},
		{"an unsafe id, roles not told", func(_ *Policy, u *User) { u.ID, u.Roles = "..", nil }, true},
	}
	for _, tt := range tests {
		p, u := testPolicy(), dormantUser("17")
		tt.edit(&p, &u)
		if got := p.keepsWithoutDetails(&u, testNow); got != tt.want {
			t.Errorf("%s: %t", tt.rule, got)
		}
	}
}

// For any account and policy, only a known old last login, or a known absence of logins,
// leads to a removal.
func TestDecideKeepsTheUnknown(t *testing.T) {
	logins := []LastLogin{{}, state(LoginHidden), state(LoginUnreadable), LoginAt(time.Time{}), LoginAt(time.Unix(0, 0)), LoginAt(instant("9999-01-01T00:00:00Z"))}
	times := []time.Time{{}, time.Unix(0, 0), year2000, testCutoff.Add(-1), testCutoff, testNow, instant("9999-01-01T00:00:00Z")}
	for _, login := range logins {
		for _, created := range times {
			for _, activity := range times {
				for _, never := range []NeverPolicy{NeverKeep, NeverRemove, NeverRemoveUndated} {
					for _, undated := range []bool{true, false} {
						u := User{ID: "1", LastLogin: login, Created: created, LastActivity: activity, Undated: undated, Disabled: undated}
						for _, p := range []Policy{{}, {DisableOnly: true}, {DisableAfter: time.Hour}, {DisableAfter: time.Hour, RequireDisabled: true}} {
							p.InactiveSince, p.NeverLoggedIn = testCutoff, never
							if d := p.Decide(u, testNow); d.Action != Keep {
								t.Errorf("%s %s: %+v, policy %+v", d.Action, d.Reason, u, p)
							}
						}
					}
				}
			}
		}
	}
}
