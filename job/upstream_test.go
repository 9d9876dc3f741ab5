package job

import (
	"fmt"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

// After four ordinary runs something is wrong with the directory, or with what the credentials
// may see. Nobody is removed who is in use, and a refusal names its cause.
func TestWhenTheDirectoryGoesWrong(t *testing.T) {
	each := func(edit func(*User)) func([]User) []User {
		return func(users []User) []User {
			for i := range users {
				edit(&users[i])
			}
			return users
		}
	}
	half := func(users []User) []User { return users[:len(users)/2] }
	tests := map[string]struct {
		wrong func([]User) []User
		guard string // that refuses; empty: nobody has to
	}{
		"every last login is null":              {each(loginIs(LoginAbsent)), GuardLoginsMovedBack},
		"everybody has never logged in":         {each(loginIs(LoginNever)), GuardLoginsMovedBack},
		"every last login is a year back":       {each(func(u *User) { u.LastLogin.At = u.LastLogin.At.AddDate(-1, 0, 0) }), GuardLoginsMovedBack},
		"last logins stand still":               {func(users []User) []User { return users }, GuardMaxSilence},
		"half of the accounts are not listed":   {half, GuardVanishedUnusual},
		"all ids are new":                       {each(func(u *User) { u.ID = "new-" + u.ID }), GuardVanishedUnusual},
		"another tenant":                        {each(func(u *User) { *u = with("other-"+u.ID, login("2023-01-01T00:00:00Z")) }), GuardVanishedUnusual},
		"milliseconds are read as seconds":      {each(func(u *User) { u.LastLogin = LoginAt(time.Unix(u.LastLogin.At.Unix()/1000, 0)) }), GuardLoginsMovedBack},
		"seconds are read as milliseconds":      {each(func(u *User) { u.LastLogin = LoginAt(time.Unix(u.LastLogin.At.Unix()*1000, 0)) }), GuardUnknownUnusual},
		"every time is a day back":              {each(func(u *User) { u.LastLogin.At, u.Created = u.LastLogin.At.Add(-day), u.Created.Add(-day) }), GuardLoginsMovedBack},
		"no roles are told":                     {each(func(u *User) { u.Roles = nil }), ""},
		"the flags are inverted":                {each(func(u *User) { u.Admin, u.ServiceAccount, u.Disabled = !u.Admin, !u.ServiceAccount, !u.Disabled }), ""},
		"a third are not to be seen any longer": {func(users []User) []User { return append(users[:len(users)/3:len(users)/3], users[2*len(users)/3:]...) }, GuardVanishedUnusual},
	}
	const inUse, idle = 300, 5
	for what, tt := range tests {
		t.Run(what, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "ledger")
			inBubble(t, nil, func(t *testing.T, c *cleanup) {
				directory := func(days int) []User {
					var users []User
					for i := range inUse {
						at := testNow.Add(time.Duration(days)*day - time.Duration(i%40*24)*time.Hour)
						users = append(users, with(fmt.Sprint("used", i), func(u *User) { u.LastLogin = LoginAt(at) }))
					}
					for i := range idle {
						users = append(users, with(fmt.Sprint("idle", days, "-", i)))
					}
					return users
				}
				for days := range 4 {
					c.after(t, float64(days), path)
					without(c)
					c.dir.users = directory(days)
					if r := c.run(t.Context(), t); r.Outcome != Completed || r.Counts.Removed != idle {
						t.Fatalf("day %d: %s, %+v, %+v", days, r.Outcome, r.Counts, r.Refusals)
					}
				}
				next := 4
				if tt.guard == GuardMaxSilence {
					next = 60
				}
				c.after(t, float64(next), path)
				without(c)
				c.Policy.NeverLoggedIn = NeverRemoveUndated
				c.Limits.MaxRemovals = inUse // which somebody has set generously
				c.dir.users = tt.wrong(directory(3))
				r := c.run(t.Context(), t)
				for _, id := range c.dir.removed {
					if id[:4] == "used" {
						t.Errorf("%s is removed", id)
					}
				}
				refused := slices.ContainsFunc(r.Refusals, func(r Refusal) bool { return r.Guard == tt.guard })
				if refused != (tt.guard != "") || tt.guard != "" && (r.Outcome != Refused || len(c.dir.removed) > 0) {
					t.Errorf("%s: %+v, and not %s", r.Outcome, r.Refusals, tt.guard)
				}
			})
		})
	}
}
