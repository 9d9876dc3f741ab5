package job

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// elsewhere returns a further directory with these accounts, and somebody else who is alive there.
func elsewhere(users ...User) *inMemory {
	alive := User{ID: "e1", Username: "somebody", LastLogin: LoginAt(testNow.Add(-day))}
	return &inMemory{users: append([]User{alive}, users...), requests: map[string]int{}}
}

// in makes the cleanup judge by further directories, too.
func in(dirs ...*inMemory) func(*cleanup) {
	return func(c *cleanup) {
		for i, d := range dirs {
			c.AliveIn = append(c.AliveIn, Elsewhere{Name: fmt.Sprintf("directory %d", i+1), Directory: d})
		}
	}
}

// person is an account elsewhere that belongs to account 2 here, by its address.
func person(edits ...func(*User)) User {
	u := User{ID: "e2", Username: "other", Email: "mail-of-2@corp.example"}
	for _, edit := range edits {
		edit(&u)
	}
	return u
}

func at(offset time.Duration) func(*User) {
	return func(u *User) { u.LastLogin = LoginAt(testNow.Add(offset)) }
}

func only(edit func(*User)) func(*User) { // no address
	return func(u *User) { u.Email = ""; edit(u) }
}

func TestAliveElsewhere(t *testing.T) {
	const (
		all  = "1:removed 2:removed 3:removed"
		kept = "1:removed 3:removed"
	)
	recent, cutoff := at(-day), -90*day
	tests := []struct {
		rule  string
		there User
		want  string
	}{
		// when
		{"1 ns before the cutoff", person(at(cutoff - 1)), all},
		{"at the cutoff", person(at(cutoff)), kept},
		{"1 ns after the cutoff", person(at(cutoff + 1)), kept},
		{"now", person(at(0)), kept},
		{"at now + 1 d", person(at(day)), kept},
		{"beyond tomorrow is no plausible time", person(at(day + 1)), all},
		{"no login, and activity 1 ns before the cutoff", person(func(u *User) { u.LastActivity = testNow.Add(cutoff - 1) }), all},
		{"no login, and activity at the cutoff", person(func(u *User) { u.LastActivity = testNow.Add(cutoff) }), kept},
		{"an old login, and activity of late", person(login("2021-01-01T00:00:00Z"), func(u *User) { u.LastActivity = testNow.Add(-day) }), kept},
		{"a login that is hidden, and activity of late", person(loginIs(LoginHidden), func(u *User) { u.LastActivity = testNow.Add(-day) }), kept},
		{"an upper bound is no login", person(created("2020-01-01T00:00:00Z"), func(u *User) { u.LastLogin = LastLogin{State: LoginKnown, At: testNow.Add(-day), NotAfter: true} }), all},
		{"never", person(loginIs(LoginNever)), all},
		{"absent", person(), all},
		{"hidden", person(loginIs(LoginHidden)), all},
		{"unreadable", person(loginIs(LoginUnreadable)), all},
		{"more than a day before the account was created", person(recent, func(u *User) { u.Created = testNow.Add(time.Minute) }), all},
		{"a disabled account is alive by its login", person(recent, disabled), kept},

		// who
		{"the address in another case", person(recent, mailed(" MAIL-of-2@Corp.Example.")), kept},
		{"the username", person(recent, only(named("Name-Of-2"))), kept},
		{"the username is the address here", person(recent, only(named("mail-of-2@corp.example"))), kept},
		{"the address is the username here", person(recent, mailed("name-of-2")), kept},
		{"an alias is the address here", person(recent, only(func(u *User) { u.Aliases = []string{"x", "mail-of-2@corp.example"} })), kept},
		{"the id is the username here, and there is none there", person(recent, only(func(u *User) { u.Username, u.ID = "", "name-of-2" })), kept},
		{"the id is the username here, and there is one there", person(recent, only(func(u *User) { u.ID = "name-of-2" })), all},
		{"the ids are the same", person(recent, only(func(u *User) { u.ID = "2" })), all},
		{"the id there is the username here, which is a number", person(recent, only(func(u *User) { u.Username, u.ID = "", "2" })), all},
		{"no name at all", person(recent, only(func(u *User) { u.Username, u.ID = "", "" })), all},
		{"somebody else's address", person(recent, mailed("mail-of-22@corp.example")), all},
	}
	for _, tt := range tests {
		t.Run(tt.rule, func(t *testing.T) {
			inBubble(t, threeDormant(), func(t *testing.T, c *cleanup) {
				there := elsewhere(tt.there)
				in(there)(c)
				r := c.run(t.Context(), t)
				if got := resultsOf(r); r.Outcome != Completed || got != tt.want {
					t.Errorf("%s %s, want %s (%v)", r.Outcome, got, tt.want, r.Err)
				}
				if tt.want == kept && r.Counts.Kept[Active] != 2 {
					t.Errorf("kept: %v", r.Counts.Kept)
				}
				if asked := strings.Join(there.asked, " "); asked != "self list" {
					t.Errorf("asked there: %s", asked)
				}
			})
		})
	}
}

// Whatever is known or unknown here, who is alive elsewhere is active.
func TestAliveElsewhereOutweighsWhatIsKnownHere(t *testing.T) {
	for rule, here := range map[string]func(*User){
		"an old login":           login("2020-01-01T00:00:00Z"),
		"never":                  loginIs(LoginNever),
		"absent":                 loginIs(LoginAbsent),
		"hidden":                 loginIs(LoginHidden),
		"unreadable":             loginIs(LoginUnreadable),
		"an upper bound":         notAfter("2021-01-01T00:00:00Z"),
		"old activity":           activity("2020-01-01T00:00:00Z"),
		"activity in the future": activity("2030-01-01T00:00:00Z"),
		"disabled":               disabled,
	} {
		t.Run(rule, func(t *testing.T) {
			inBubble(t, []User{with("new", login("2026-06-30T00:00:00Z")), with("2", here)}, func(t *testing.T, c *cleanup) {
				c.Policy.NeverLoggedIn = NeverRemoveUndated
				in(elsewhere(person(at(-day))))(c)
				if r := c.run(t.Context(), t); r.Counts.Kept[Active] != 2 || r.Outcome != Completed {
					t.Errorf("%s, kept %v (%v)", r.Outcome, r.Counts.Kept, r.Err)
				}
			})
		})
	}
}

// Where accounts are disabled first, a life between the two cutoffs is too old for the one and
// not for the other.
func TestAliveElsewhereBetweenTheCutoffs(t *testing.T) {
	for offset, want := range map[time.Duration]string{
		-45 * day:     "", // active
		-45*day - 1:   "2:disabled",
		-90 * day:     "2:disabled",
		-90*day - 1:   "2:removed",
		-1000 * day:   "2:removed",
		-45*day + day: "",
	} {
		inBubble(t, []User{with("new", login("2026-06-30T00:00:00Z")), with("2")}, func(t *testing.T, c *cleanup) {
			c.Policy.DisableAfter = 45 * day
			in(elsewhere(person(at(offset))))(c)
			if r := c.run(t.Context(), t); resultsOf(r) != want || r.Outcome != Completed {
				t.Errorf("%s: %s %s, want %s (%v)", offset, r.Outcome, resultsOf(r), want, r.Err)
			}
		})
	}
}

func TestDirectoriesElsewhere(t *testing.T) {
	const (
		none    = "1:not_attempted 2:not_attempted 3:not_attempted"
		all     = "1:removed 2:removed 3:removed"
		without = "1:removed 3:removed"
	)
	fails := func(d *inMemory, i int, err error) *inMemory {
		d.list = func(_ context.Context, n int) error {
			if n == i {
				return err
			}
			return nil
		}
		return d
	}
	selfIs := func(d *inMemory, u User, err error) *inMemory {
		d.self = func() (User, error) { return u, err }
		return d
	}
	changes := func(d *inMemory, times int) *inMemory {
		d.list = func(_ context.Context, n int) error {
			if n == 1 && times > 0 {
				times--
				return ErrChanged
			}
			return nil
		}
		return d
	}
	nobody := func(edits ...func(*User)) *inMemory {
		d := elsewhere(person(edits...))
		d.users = d.users[1:]
		return d
	}
	tests := []struct {
		rule    string
		do      func(*cleanup)
		outcome Outcome
		became  string
		says    string // the error, or the refusal
		asked   string // of the directory itself, if it is not empty here
	}{
		{"none", in(), Completed, all, "", "self list read 1 remove 1 find 1 read 2 remove 2 find 2 read 3 remove 3 find 3"},
		{"alive in the second of two", in(elsewhere(), elsewhere(person(at(-day)))), Completed, without, "", ""},
		{"the newest of two counts", in(elsewhere(person(at(-80*day))), elsewhere(person(at(-100*day)))), Completed, without, "", ""},

		// one that fails
		{"it can't be read", in(fails(elsewhere(), 0, errBroken)), Failed, "", "DORMANT_ALIVE_IN: directory 1: list users: broken pipe", "self"},
		{"it breaks in between", in(fails(elsewhere(person(at(-day))), 1, errBroken)), Failed, "", "DORMANT_ALIVE_IN: directory 1: list users", "self"},
		{"it breaks behind the last account", in(fails(elsewhere(), 1, errBroken)), Failed, "", "DORMANT_ALIVE_IN: directory 1: list users", "self"},
		{"the second one can't be read", in(elsewhere(person(at(-day))), fails(elsewhere(), 0, ErrCredentials)), Failed, "", "DORMANT_ALIVE_IN: directory 2: list users: ", "self"},
		{"it rejects the caller", in(selfIs(elsewhere(), User{}, ErrCredentials)), Failed, "", "DORMANT_ALIVE_IN: directory 1: ask who is calling", "self"},
		{"it changes all the time", in(changes(elsewhere(), 3)), Failed, "", "DORMANT_ALIVE_IN: directory 1: read 3 times, each time in vain", "self"},
		{"it changes twice", in(changes(elsewhere(person(at(-day))), 2)), Completed, without, "", ""},
		{"an account can't be read alone", func(c *cleanup) {
			d := elsewhere(person(func(u *User) { u.Partial = true }))
			d.read = func(context.Context, User) (User, error) { return User{}, errBroken }
			in(d)(c)
		}, Failed, "", `DORMANT_ALIVE_IN: directory 1: read account "e2": broken pipe`, "self"},

		// accounts that are read alone
		{"alive by what is read alone", func(c *cleanup) {
			d := elsewhere(person(func(u *User) { u.Partial = true }))
			d.read = func(_ context.Context, u User) (User, error) { return with2(u, at(-day)), nil }
			in(d)(c)
		}, Completed, without, "", ""},
		{"one that is gone when it is read alone", func(c *cleanup) {
			d := elsewhere(person(func(u *User) { u.Partial = true }))
			d.read = func(context.Context, User) (User, error) { return User{}, ErrNotFound }
			in(d)(c)
		}, Completed, all, "", ""},

		// one in which nobody is alive
		{"nobody is alive", in(nobody(at(-90*day - 1))), Refused, none, "alive_in 0>1", ""},
		{"it has no accounts", in(fails(nobody(), 9, nil), elsewhere(person(at(-day)))), Refused, "1:not_attempted 3:not_attempted", "alive_in 0>1", ""},
		{"one is alive", in(nobody(at(-day))), Completed, without, "", ""},
		{"only other activity", in(nobody(func(u *User) { u.LastActivity = testNow.Add(-day) })), Completed, without, "", ""},
		{"only the caller is alive, as the directory says", in(selfIs(nobody(at(-day)), User{Email: "Mail-of-2@corp.example"}, nil)), Refused, "1:not_attempted 3:not_attempted", "alive_in 0>1", ""},
		{"only the caller is alive, by who signs in", func(c *cleanup) {
			in(nobody(at(-day)))(c)
			c.AliveIn[0].Username = ExactNames("OTHER")
		}, Refused, "1:not_attempted 3:not_attempted", "alive_in 0>1", ""},
		{"nobody is alive, in a dry run", func(c *cleanup) { c.DryRun = true; in(nobody())(c) }, DryRun, "1:would_remove 2:would_remove 3:would_remove", "alive_in 0>1", ""},
		{"nobody is alive, and nobody is to go", func(c *cleanup) { c.dir.users = c.dir.users[:1]; in(nobody())(c) }, Completed, "", "", ""},

		// one that has stopped
		{"silent for less than 14 days", in(nobody(at(-14*day + 1))), Completed, without, "", ""},
		{"silent for 14 days", in(nobody(at(-14 * day))), Refused, "1:not_attempted 3:not_attempted", "max_silence 14>14", ""},
	}
	for _, tt := range tests {
		t.Run(tt.rule, func(t *testing.T) {
			inBubble(t, threeDormant(), func(t *testing.T, c *cleanup) {
				c.dir.self = func() (User, error) { return User{ID: "me"}, nil }
				tt.do(c)
				r := c.run(t.Context(), t)
				said := r.Error
				for _, refusal := range r.Refusals {
					said = fmt.Sprintf("%s %d>%d", refusal.Guard, refusal.Found, refusal.Allowed)
					if !strings.Contains(refusal.Message, "DORMANT_ALIVE_IN") || !strings.Contains(refusal.Message, refusal.Variable) || !strings.Contains(refusal.Message, "directory 1") {
						t.Errorf("the refusal does not name the directory and the variable: %+v", refusal)
					}
				}
				if r.Outcome != tt.outcome || resultsOf(r) != tt.became || !strings.HasPrefix(said, tt.says) || tt.says == "" && said != "" {
					t.Errorf("%s %s, %q; want %s %s, %q", r.Outcome, resultsOf(r), said, tt.outcome, tt.became, tt.says)
				}
				if asked := strings.Join(c.dir.asked, " "); tt.asked != "" && asked != tt.asked {
					t.Errorf("asked %s, want %s", asked, tt.asked)
				}
				for _, e := range c.AliveIn {
					if d := e.Directory.(*inMemory); len(d.removed)+len(d.disabled)+len(d.requests) > 0 {
						t.Errorf("changed elsewhere: %v", d.asked)
					}
				}
			})
		})
	}
}

// A listing elsewhere that ends because the run has been told to end is not all of it.
func TestTheRunEndsWhileItReadsElsewhere(t *testing.T) {
	inBubble(t, threeDormant(), func(t *testing.T, c *cleanup) {
		ctx, cancel := context.WithCancel(t.Context())
		there := elsewhere(person(at(-day)))
		there.list = func(_ context.Context, n int) error {
			if n == 1 {
				cancel()
				return errCutShort
			}
			return nil
		}
		in(there)(c)
		if r := c.run(ctx, t); r.Outcome != Interrupted || r.Planned || len(c.dir.asked) != 1 {
			t.Errorf("%s: %s, asked %v", r.Outcome, r.Error, c.dir.asked)
		}
	})
}

func with2(u User, edit func(*User)) User { edit(&u); return u }

// Between the plan and the removals, somebody may come back to life elsewhere, and the account
// may get the name of somebody who is alive. What was alive in the plan stays alive.
func TestAliveElsewhereOnTheSecondLook(t *testing.T) {
	const all = "1:removed 2:removed 3:removed"
	later := func(span time.Duration, then func(c *cleanup, there *inMemory)) func(*cleanup, *inMemory) {
		return func(c *cleanup, there *inMemory) {
			c.dir.list = func(_ context.Context, n int) error {
				if n == len(c.dir.users) {
					<-time.After(span)
					then(c, there)
				}
				return nil
			}
		}
	}
	comesBack := func(_ *cleanup, there *inMemory) { there.users[1] = person(at(0)) }
	tests := []struct {
		rule    string
		do      func(c *cleanup, there *inMemory)
		outcome Outcome
		became  string
		says    string
		asked   string // elsewhere
	}{
		{"nothing happens", later(time.Minute-1, func(*cleanup, *inMemory) {}), Completed, all, "", "self list"},
		{"back while the directory was read, which took less than a minute", later(time.Minute-1, comesBack), Completed, all, "", "self list"},
		{"back while the directory was read, which took a minute", later(time.Minute, comesBack), Completed, "1:removed 2:kept/active_again 3:removed", "", "self list self list"},
		{"back, and there is no second look", func(c *cleanup, there *inMemory) { c.Recheck = false; later(time.Hour, comesBack)(c, there) }, Completed, all, "", "self list"},
		{"back, in a dry run", func(c *cleanup, there *inMemory) { c.DryRun = true; later(time.Hour, comesBack)(c, there) }, DryRun, "1:would_remove 2:would_remove 3:would_remove", "", "self list"},
		{"nobody is to go", func(c *cleanup, there *inMemory) {
			c.dir.users, there.users = c.dir.users[:1], there.users[1:] // and nobody is alive
			later(time.Hour, func(*cleanup, *inMemory) {})(c, there)
		}, Completed, "", "", "self list"},
		{"it can't be read again", later(time.Hour, func(_ *cleanup, there *inMemory) {
			there.list = func(context.Context, int) error { return errBroken }
		}), Failed, "1:not_attempted 2:not_attempted 3:not_attempted", "DORMANT_ALIVE_IN: directory 1: read again before the first change: list users", "self list self list"},
		{"nobody is alive any more", later(time.Hour, func(_ *cleanup, there *inMemory) { there.users = there.users[1:] }),
			Failed, "1:not_attempted 2:not_attempted 3:not_attempted", "DORMANT_ALIVE_IN: directory 1: read again before the first change: nobody is alive", "self list self list"},
		{"renamed to somebody who is alive", func(c *cleanup, _ *inMemory) { recheckFinds("2", named("somebody"))(c) },
			Completed, "1:removed 2:kept/active_again 3:removed", "", "self list"},
		{"renamed to somebody who was alive in the plan and is gone", func(c *cleanup, there *inMemory) {
			there.users = append(there.users, User{ID: "e3", Username: "third", LastLogin: LoginAt(testNow)})
			later(time.Hour, func(_ *cleanup, there *inMemory) { there.users = there.users[1:] })(c, there)
			recheckFinds("2", named("somebody"))(c)
		}, Completed, "1:removed 2:kept/active_again 3:removed", "", "self list self list"},
	}
	for _, tt := range tests {
		t.Run(tt.rule, func(t *testing.T) {
			inBubble(t, threeDormant(), func(t *testing.T, c *cleanup) {
				there := elsewhere(person(at(-200 * day)))
				there.self = func() (User, error) { return User{}, ErrUnsupported }
				in(there)(c)
				tt.do(c, there)
				r := c.run(t.Context(), t)
				if r.Outcome != tt.outcome || resultsOf(r) != tt.became || !strings.HasPrefix(r.Error, tt.says) {
					t.Errorf("%s %s, %q; want %s %s, %q", r.Outcome, resultsOf(r), r.Error, tt.outcome, tt.became, tt.says)
				}
				if asked := strings.Join(there.asked, " "); asked != tt.asked {
					t.Errorf("asked %s, want %s", asked, tt.asked)
				}
			})
		})
	}
}

// A further directory that has nobody of this one protects nobody, which the report says.
func TestAliveElsewhereMatchesNobody(t *testing.T) {
	for match, username := range map[bool]string{false: "somebody", true: "name-of-new"} {
		inBubble(t, threeDormant(), func(t *testing.T, c *cleanup) {
			in(elsewhere(), elsewhere(person(at(-day))))(c)
			c.AliveIn[0].Directory.(*inMemory).users[0].Username = username
			r := c.run(t.Context(), t)
			is := func(w Warning) bool { return w.Code == WarnAliveInUnmatched && w.Subject == "directory 1" }
			if got := slices.ContainsFunc(r.Warnings, is); got == match || len(r.Warnings) > 1 {
				t.Errorf("match %t: %+v", match, r.Warnings)
			}
		})
	}
}

func TestExplainSaysWhoIsAliveElsewhere(t *testing.T) {
	inBubble(t, threeDormant(), func(t *testing.T, c *cleanup) {
		in(elsewhere(), elsewhere(person(at(-day))))(c)
		for name, want := range map[string]string{
			"2": "keep active: last login: 2022-01-01T00:00:00Z, other activity: 2026-06-30T12:00:00Z, created: 2020-01-01T00:00:00Z, cutoff: 2026-04-02T12:00:00Z" +
				", alive in directory 1: not since the cutoff, alive in directory 2: 2026-06-30T12:00:00Z",
			"1": "remove inactive: last login: 2021-01-01T00:00:00Z, created: 2020-01-01T00:00:00Z, cutoff: 2026-04-02T12:00:00Z" +
				", alive in directory 1: not since the cutoff, alive in directory 2: not since the cutoff",
		} {
			found, err := c.Explain(t.Context(), name, testNow)
			if err != nil || len(found) != 1 {
				t.Fatal(found, err)
			}
			e := found[0]
			if got := fmt.Sprintf("%s %s: %s", e.Decision.Action, e.Decision.Reason, e.Rules[len(e.Rules)-1].Because); got != want {
				t.Errorf("got  %s\nwant %s", got, want)
			}
		}
		c.AliveIn[0].Directory.(*inMemory).list = func(context.Context, int) error { return errBroken }
		if _, err := c.Explain(t.Context(), "2", testNow); !errors.Is(err, errBroken) {
			t.Errorf("%v", err)
		}
	})
}

func TestSignsOfLife(t *testing.T) {
	s := newSigns()
	for i := range 1000 {
		u := User{Username: fmt.Sprintf("name%d", i%100), Email: fmt.Sprintf("Mail%d@corp.example", i)}
		s.add(&u, testNow.Add(time.Duration(i)*time.Second))
	}
	s.sort()
	if len(s.list) != 1100 {
		t.Errorf("%d names, not 1100", len(s.list))
	}
	for _, tt := range []struct {
		u    User
		want int // seconds; -1: not found
	}{
		{User{Username: "NAME7"}, 907},
		{User{Email: "name7"}, 907},
		{User{Username: "name7", Email: "mail3@corp.example"}, 907},
		{User{Username: "name7", Email: "mail950@corp.example"}, 950},
		{User{Username: "x", Aliases: []string{"mail1@CORP.example"}}, 1},
		{User{Username: "name100"}, -1},
		{User{}, -1},
	} {
		got := -1
		if at, found := s.newest(&tt.u); found {
			got = int(at.Sub(testNow).Seconds())
		}
		if got != tt.want {
			t.Errorf("%+v: %d, want %d", tt.u, got, tt.want)
		}
	}
}

// What a further directory has proved once is remembered where there is a ledger: it still
// counts when the directory is not read any more.
func TestALifeElsewhereIsRemembered(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ledger")
	inBubble(t, threeDormant(), func(t *testing.T, c *cleanup) {
		there := elsewhere(person(at(-day)))
		in(there)(c)
		c.after(t, 0, path)
		without(c)
		c.DryRun = true
		if r := c.run(t.Context(), t); resultsOf(r) != "1:would_remove 3:would_remove" {
			t.Fatalf("%s %s (%v)", r.Outcome, resultsOf(r), r.Err)
		}
		c.AliveIn = nil
		c.Directory = c.dir
		c.after(t, 1, path)
		without(c)
		c.DryRun = true
		if r := c.run(t.Context(), t); resultsOf(r) != "1:would_remove 3:would_remove" {
			t.Errorf("%s %s (%v)", r.Outcome, resultsOf(r), r.Err)
		}
	})
}

func BenchmarkSignsOfLife(b *testing.B) {
	users := make([]User, 100_000)
	for i := range users {
		users[i] = User{Username: fmt.Sprintf("name%d", i), Email: fmt.Sprintf("mail%d@corp.example", i)}
	}
	b.ReportAllocs()
	for b.Loop() {
		s := newSigns()
		for i := range users {
			s.add(&users[i], testNow)
		}
		s.sort()
		for i := range users {
			if _, found := s.newest(&users[i]); !found {
				b.Fatal(i)
			}
		}
	}
}
