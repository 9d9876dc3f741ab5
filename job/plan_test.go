package job

import (
	"maps"
	"strings"
	"testing"
	"time"
)

func planOf(p Policy, users ...User) *Plan {
	pl := newPlan(p, testNow)
	for _, u := range users {
		pl.add(&p, u, testNow)
	}
	pl.protectNearMisses(p)
	pl.Candidates.sort()
	return pl
}

// with is the dormant account id after the edits.
func with(id string, edits ...func(*User)) User {
	u := dormantUser(id)
	for _, edit := range edits {
		edit(&u)
	}
	return u
}

func login(text string) func(*User)    { return func(u *User) { u.LastLogin = LoginAt(instant(text)) } }
func loginIs(s LoginState) func(*User) { return func(u *User) { u.LastLogin = state(s) } }
func created(text string) func(*User)  { return func(u *User) { u.Created = instant(text) } }
func activity(text string) func(*User) { return func(u *User) { u.LastActivity = instant(text) } }
func notAfter(text string) func(*User) {
	return func(u *User) { u.LastLogin = LastLogin{State: LoginKnown, At: instant(text), NotAfter: true} }
}
func disabled(u *User)                  { u.Disabled = true }
func undated(u *User)                   { u.Created, u.Undated = time.Time{}, true }
func admin(u *User)                     { u.Admin = true }
func named(username string) func(*User) { return func(u *User) { u.Username = username } }
func mailed(address string) func(*User) { return func(u *User) { u.Email = address } }

// candidatesOf are the candidates as a plan has them.
func candidatesOf(list ...Candidate) Candidates {
	var p pieces
	var candidates Candidates
	for _, c := range list {
		candidates = append(candidates, p.store(&c, &planned{Decision: Decision{c.Action, c.Reason}, removableAt: c.RemovableAt}))
	}
	return candidates
}

func ids(candidates Candidates) string {
	var ids []string
	for _, c := range candidates.All() {
		ids = append(ids, c.User.ID)
	}
	return strings.Join(ids, " ")
}

func TestPlanOrder(t *testing.T) {
	p := testPolicy()
	p.NeverLoggedIn = NeverRemoveUndated
	pl := planOf(p,
		with("2023", login("2023-01-01T00:00:00Z")),
		with("2021-b", login("2021-01-01T00:00:00Z")),
		with("2024", login("2021-01-01T00:00:00Z"), activity("2024-01-01T00:00:00Z")),
		with("2021-a", login("2021-01-01T00:00:00Z")),
		with("2022", loginIs(LoginNever), created("2022-01-01T00:00:00Z")),
		with("2025", login("2025-01-01T00:00:00Z"), activity("2024-01-01T00:00:00Z")),
		with("undated", loginIs(LoginNever), undated),
		with("2022-created", login("2022-05-31T12:00:00Z"), created("2022-06-01T00:00:00Z")),
		with("kept", login("2012-06-01T00:00:00Z"), created("2022-06-01T00:00:00Z")),
	)
	if got, want := ids(pl.Candidates), "undated 2021-a 2021-b 2022 2022-created 2023 2024 2025"; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestPlanCounts(t *testing.T) {
	pl := planOf(testPolicy(),
		with("1"), with("2"),
		with("3", login("2026-06-30T00:00:00Z")),
		with("4", login("2026-06-30T00:00:00Z"), admin),
		with("5", activity("2026-06-30T00:00:00Z")),
		with("6", admin),
		with("7", loginIs(LoginAbsent)), with("8", loginIs(LoginHidden)),
		with("9", loginIs(LoginUnreadable)), with("10", login("1999-01-01T00:00:00Z")),
		with("11", loginIs(LoginNever)),
		with(".."),
		with("root"), with("13", mailed("a@keep.example")), with("14", named("janitor"), login("2026-06-30T00:00:00Z")),
	)
	if pl.Scanned != 15 || pl.LoggedIn != 2 || ids(pl.Candidates) != "1 2" {
		// 5 was seen, and did not log in.
		t.Errorf("%d scanned, %d logged in, candidates %s", pl.Scanned, pl.LoggedIn, ids(pl.Candidates))
	}
	if want := map[Reason]int{Active: 2, Admin: 2, LastLoginUnknown: 4, NeverLoggedIn: 1, UnsafeID: 1, Allowlisted: 2, Self: 1}; !maps.Equal(pl.Kept, want) {
		t.Errorf("kept %v, want %v", pl.Kept, want)
	}
	if want := map[string]int{"absent": 1, "hidden": 1, "unreadable": 2}; !maps.Equal(pl.Unknown, want) {
		t.Errorf("unknown %v, want %v", pl.Unknown, want)
	}
	if got := codes(pl.Warnings); got != "role_unmatched" {
		t.Errorf("warnings %v", pl.Warnings)
	}
}

// What is only known as a bound is no login, and not unknown either.
func TestPlanCountsABound(t *testing.T) {
	p := testPolicy()
	p.NeverLoggedIn = NeverRemove // without it, both are kept
	pl := planOf(p, with("1", notAfter("2026-06-30T00:00:00Z")), with("2", notAfter("2024-06-30T00:00:00Z")))
	if pl.LoggedIn != 0 || len(pl.Unknown) != 0 || pl.Kept[LastLoginUnknown] != 1 || ids(pl.Candidates) != "2" {
		t.Errorf("%d logged in, unknown %v, kept %v, candidates %s", pl.LoggedIn, pl.Unknown, pl.Kept, ids(pl.Candidates))
	}
	if a := newAccount(pl.Candidates.At(0), testNow); a.LastLogin != nil || !a.NotAfter.Equal(instant("2024-06-30T00:00:00Z")) || *a.InactiveDays != 731 {
		t.Errorf("%+v", a)
	}
}

// Only a login since the first cutoff counts: accounts with an older one may have been
// disabled since.
func TestPlanOfALadder(t *testing.T) {
	p := testPolicy()
	p.DisableAfter = 45 * 24 * time.Hour
	pl := planOf(p, with("1"), with("2", disabled), with("3", login("2026-05-01T00:00:00Z")), with("4", login("2026-05-01T00:00:00Z"), disabled))
	if pl.LoggedIn != 0 || pl.Kept[AlreadyDisabled] != 1 || ids(pl.Candidates) != "1 2 3" || !pl.Cutoff.Equal(testCutoff) {
		t.Errorf("%+v", pl)
	}
	for i, want := range []Action{Remove, Remove, Disable} {
		if got := pl.Candidates.At(i).Action; got != want || newAccount(pl.Candidates.At(i), testNow).Action != want {
			t.Errorf("%s: %s, want %s", pl.Candidates.At(i).User.ID, got, want)
		}
	}
}
