package job

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// What tells an account from another one of its id, and what does not.
func TestIdentity(t *testing.T) {
	base := func() User {
		u := with("alice", login("2024-01-01T00:00:00Z"), created("2020-01-01T00:00:00Z"))
		u.Aliases = []string{"al@corp.example", "alice@corp.example"}
		return u
	}
	tests := []struct {
		rule    string
		edit    func(*User)
		another bool
	}{
		{"nothing", func(*User) {}, false},
		{"a name in another case", func(u *User) { u.Username = strings.ToUpper(u.Username) }, false},
		{"an address in another case", func(u *User) { u.Email = strings.ToUpper(u.Email) }, false},
		{"the aliases in another order", func(u *User) { slices.Reverse(u.Aliases) }, false},
		{"an alias twice", func(u *User) { u.Aliases = append(u.Aliases, u.Aliases[0]) }, false},
		{"disabled", disabled, false},
		{"an administrator", admin, false},
		{"other roles", func(u *User) { u.Roles = []string{"ops"} }, false},
		{"known elsewhere until a time", func(u *User) { u.KnownUntil = testNow }, false},
		{"the creation in another zone", func(u *User) { u.Created = u.Created.Local() }, false},
		{"a fraction of a second of the creation", func(u *User) { u.Created = u.Created.Add(1) }, false},

		{"another creation", created("2020-01-01T00:00:01Z"), true},
		{"no creation", undated, true},
		{"never logged in", loginIs(LoginNever), true},
		{"a later login", login("2024-01-01T00:00:01Z"), true},
		{"an earlier login", login("2023-12-31T23:59:59Z"), true},
		{"renamed", named("alice2"), true},
		{"another address", mailed("a@new.example"), true},
		{"no address", mailed(""), true},
		{"another alias", func(u *User) { u.Aliases[0] = "x@corp.example" }, true},
		{"an alias more", func(u *User) { u.Aliases = append(u.Aliases, "x@corp.example") }, true},
		{"another id", func(u *User) { u.ID = "bob" }, true},
	}
	for _, tt := range tests {
		u := base()
		tt.edit(&u)
		if got := u.identity(testNow) != base().identity(testNow); got != tt.another {
			t.Errorf("%s: another account: %t, want %t", tt.rule, got, tt.another)
		}
	}
	// A bound moves with the log that it comes from.
	bound, later, never := with("1", notAfter("2024-01-01T00:00:00Z")), with("1", notAfter("2024-02-01T00:00:00Z")), with("1", loginIs(LoginNever))
	if id := bound.identity(testNow); id != later.identity(testNow) || id != never.identity(testNow) {
		t.Error("a bound that has moved is another account")
	}
}

// An account that is made anew has its own grace, although it has the id of one that has
// been found.
func TestGraceOfAnotherAccount(t *testing.T) {
	undatedNever := func(c *cleanup) { c.Policy.NeverLoggedIn = NeverRemoveUndated }
	alice := with("alice", undated, login("2022-01-01T00:00:00Z"))
	users := []User{threeDormant()[0], alice}
	const found, removed, anew, unknown = "alice:kept/in_grace", "alice:removed", "alice:kept/in_grace", ""
	tests := []struct {
		rule  string
		users []User
		days  float64
		do    func(*cleanup)
		want  string
		asked string
	}{
		{"the same", users, 14, nil, removed, ""},
		{"written otherwise", users, 14, edit("alice", named("NAME-of-Alice")), removed, ""},
		{"made anew, and never used", users, 14, edit("alice", loginIs(LoginNever)), unknown, "self list"},
		{"made anew for somebody else", users, 14, edit("alice", loginIs(LoginNever), mailed("other@corp.example")), unknown, "self list"},
		{"never used, and made anew for somebody else", []User{users[0], with("alice", loginIs(LoginNever))}, 14, edit("alice", mailed("other@corp.example")), anew, "self list"},
		{"never used, and still not", []User{users[0], with("alice", loginIs(LoginNever))}, 14, nil, removed, ""},
		{"renamed", users, 14, edit("alice", named("alicia")), anew, "self list"},
		{"a last login that has moved back", users, 14, edit("alice", login("2021-01-01T00:00:00Z")), unknown, "self list"},
		{"made anew between the listing and the second look", users, 14, recheckFinds("alice", loginIs(LoginNever)), "alice:kept/last_login_unknown", "self list read alice"},
		{"told with other details on the second look", users, 14, recheckFinds("alice", mailed("Alice@corp.example"), func(u *User) { u.Aliases = []string{"al@corp.example"} }), removed, ""},
	}
	for _, tt := range tests {
		t.Run(tt.rule, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "ledger")
			inBubble(t, slices.Clone(tt.users), func(t *testing.T, c *cleanup) {
				undatedNever(c)
				c.after(t, 0, path)
				if r := c.run(t.Context(), t); resultsOf(r) != found {
					t.Fatal(resultsOf(r))
				}
				c.after(t, 7, path)
				if r := c.run(t.Context(), t); resultsOf(r) != found || ledgerDays(t, path) != "alice@0" {
					t.Fatal(resultsOf(r), ledgerDays(t, path))
				}
				c.after(t, tt.days, path)
				if tt.do != nil {
					tt.do(c)
				}
				r := c.run(t.Context(), t)
				if resultsOf(r) != tt.want || tt.asked != "" && strings.Join(c.dir.asked, " ") != tt.asked {
					t.Errorf("%s, want %s; asked %q", resultsOf(r), tt.want, c.dir.asked)
				}
				if tt.want == anew && tt.asked == "self list" {
					if got := ledgerDays(t, path); got != "alice@14" {
						t.Errorf("the ledger has %s", got)
					}
					c.after(t, 28, path)
					if r := c.run(t.Context(), t); resultsOf(r) != removed {
						t.Errorf("after its own grace: %s", resultsOf(r))
					}
				}
			})
		})
	}
}
