package profiles_test

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"dormant/client"
	"dormant/client/profile"
	"dormant/client/sandbox"
	"dormant/job"
)

// A mishap is something that goes wrong with a directory, or with what the caller may see of it.
type mishap struct {
	wrong func(d *directory, u sandbox.User) // for each account but the caller's
	later time.Duration                      // than the run before; default: a day
}

func everyone(change func(u *sandbox.User)) func(*directory, sandbox.User) {
	return func(d *directory, u sandbox.User) { _ = d.Update(u.ID, change) }
}

// another replaces the account by one that the change makes of it, with an id of its own.
func another(change func(u *sandbox.User)) func(*directory, sandbox.User) {
	return func(d *directory, u sandbox.User) {
		d.Remove(u.ID)
		u.ID = ""
		change(&u)
		_, _ = d.Add(u)
	}
}

// odd reports whether the account is one of a half of all.
func odd(u sandbox.User) bool { return strings.ContainsAny(u.Username[len(u.Username)-1:], "13579") }

var mishaps = map[string]mishap{
	"everybody has never logged in": {wrong: everyone(func(u *sandbox.User) { u.LastLogin = time.Time{} })},
	"nobody has entries in a log":   {wrong: everyone(func(u *sandbox.User) { u.Entries = []sandbox.Entry{} })},
	"every login is a year back": {wrong: everyone(func(u *sandbox.User) {
		if !u.LastLogin.IsZero() {
			u.LastLogin = u.LastLogin.AddDate(-1, 0, 0)
		}
	})},
	"every login is a day back": {wrong: everyone(func(u *sandbox.User) {
		if !u.LastLogin.IsZero() {
			u.LastLogin = u.LastLogin.Add(-day)
		}
	})},
	"logins stand still": {wrong: func(*directory, sandbox.User) {}, later: 100 * day},
	"half of the accounts are hidden": {wrong: func(d *directory, u sandbox.User) {
		_ = d.Update(u.ID, func(u *sandbox.User) { u.Hidden = odd(*u) })
	}},
	"half of the accounts are gone": {wrong: func(d *directory, u sandbox.User) {
		if odd(u) {
			d.Remove(u.ID)
		}
	}},
	"all ids are new": {wrong: another(func(*sandbox.User) {})},
	"another tenant": {wrong: another(func(u *sandbox.User) {
		u.Username = "other-" + u.Username
		u.Email = "other-" + u.Email
	})},
	"seconds are read as milliseconds": {wrong: everyone(func(u *sandbox.User) {
		if !u.LastLogin.IsZero() {
			u.LastLogin = time.Unix(u.LastLogin.Unix()/1000, 0)
		}
	})},
	"roles are no longer told": {wrong: everyone(func(u *sandbox.User) { u.Roles = nil })},
	"the flags are inverted": {wrong: everyone(func(u *sandbox.User) {
		u.Admin, u.Bot, u.Disabled = !u.Admin, !u.Bot, !u.Disabled
	})},
}

// After ordinary runs, something goes wrong with the directory. On every system, nobody is
// removed or disabled who was in use, whether the run refuses or takes them for unknown.
func TestWhenADirectoryGoesWrong(t *testing.T) {
	inMemory()
	for _, name := range profile.Names() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for what, m := range mishaps {
				play(t, what, func(t *testing.T, now time.Time) { systems[name].goesWrong(t, name, now, m) })
			}
		})
	}
}

func (s system) goesWrong(t *testing.T, name string, now time.Time, m mishap) {
	const inUse, idle = 40, 3
	used := map[string]bool{}
	users := []sandbox.User{usual[0].user(now)} // who calls
	for i := range inUse {
		u := account{name: fmt.Sprintf("used%d", i), login: time.Duration(1+i%25) * day}.user(now)
		users = append(users, u)
	}
	for i := range idle {
		users = append(users, account{name: fmt.Sprintf("idle%d", i), login: 400 * day}.user(now))
	}
	if s.every != nil {
		for i := range users {
			s.every(&users[i], now)
		}
	}
	d := s.serve(t, name, now, func(o *sandbox.Options) { o.Users, o.PageLimit = users, 100 })
	for _, u := range d.Users() {
		if strings.HasPrefix(u.Username, "used") {
			used[u.ID] = true
		}
	}
	path := filepath.Join(t.TempDir(), "ledger")
	run := func(dry bool, before func()) job.Report {
		c := s.connect(t, name, d, dry, func(o *client.Options) { o.PageSize = 0 })
		run := s.cleanup(t, c, d, dry)        // with an activity file from before
		run.Limits.MaxRemovals = inUse + idle // which somebody has set generously
		before()
		ledger, err := job.OpenLedger(job.LedgerOptions{Path: path, Directory: name, Keep: 400 * day})
		if err != nil {
			t.Fatal(err)
		}
		run.Ledger = ledger
		return run.Run(t.Context(), time.Now().UTC())
	}
	for range 3 {
		if r := run(true, func() {}); r.Outcome != job.DryRun {
			t.Fatalf("an ordinary run: %s: %s", r.Outcome, r.Error)
		}
		<-time.After(day)
	}
	removed := 0
	r := run(false, func() {
		<-time.After(max(0, m.later-day))
		for _, u := range d.Users()[1:] {
			m.wrong(d, u)
		}
		for _, u := range d.Users() { // the same people, who may have new ids
			if strings.HasPrefix(u.Username, "used") {
				used[u.ID] = true
			}
		}
		removed = len(d.Removed())
	})
	for _, id := range append(d.Removed()[removed:], d.Disabled()...) {
		if used[id] {
			t.Errorf("%s, who was in use, is gone: %s, %+v", id, r.Outcome, r.Refusals)
		}
	}
}
