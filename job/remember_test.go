package job

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"dormant/job/memory"
)

// without makes the ledger one without a grace.
func without(c *cleanup) { c.Ledger.Grace = 0 }

// remembered is what the file at path has of an account.
func remembered(t *testing.T, path, id string) memory.Entry {
	t.Helper()
	f, err := memory.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	e, _, err := f.Lookup(id)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// A directory says that somebody logged in lately in two runs, and something else in the
// third: nobody is removed for that.
func TestALastLoginThatMovesBackRemovesNobody(t *testing.T) {
	for rule, edits := range map[string][]func(*User){
		"moved back":        {login("2024-03-01T00:00:00Z")},
		"turned to never":   {loginIs(LoginNever)},
		"turned to missing": {loginIs(LoginAbsent)},
		"before 2000":       {login("1999-03-01T00:00:00Z")},
	} {
		t.Run(rule, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "ledger")
			users := threeDormant()
			users = append(users, with("loved", login("2026-06-20T00:00:00Z")))
			for i := range 100 {
				users = append(users, with(fmt.Sprint("other", i), login("2026-06-30T00:00:00Z")))
			}
			inBubble(t, users, func(t *testing.T, c *cleanup) {
				c.Policy.NeverLoggedIn = NeverRemoveUndated
				for _, days := range []float64{0, 1} {
					c.after(t, days, path)
					without(c)
					if r := c.run(t.Context(), t); r.Outcome != Completed || r.Ledger == nil || r.Ledger.MovedBack != 0 {
						t.Fatalf("%s, %+v", r.Outcome, r.Ledger)
					}
				}
				for _, days := range []float64{2, 3, 90} { // 90 days later, it is no better
					c.after(t, days, path)
					without(c)
					edit("loved", edits...)(c)
					for i := range 100 {
						edit(fmt.Sprint("other", i), usedOn(days))(c)
					}
					r := c.run(t.Context(), t)
					if r.Outcome != Completed || len(c.dir.requests) > 0 || codes(r.Warnings) != WarnLoginsMovedBack || r.Ledger.MovedBack != 1 ||
						r.Counts.Kept[LastLoginUnknown] != 1 {
						t.Fatalf("%s, %+v, %+v, %+v", r.Outcome, r.Counts, r.Warnings, r.Ledger)
					}
					c.Ledger = openLedger(t, path)
					u, d := c.Decide(c.dir.users[slices.IndexFunc(c.dir.users, func(u User) bool { return u.ID == "loved" })], testNow)
					if u.LastLogin.String() != "moved_back" || d != (Decision{Keep, LastLoginUnknown}) {
						t.Errorf("%s: %v", u.LastLogin, d)
					}
					_ = c.Ledger.Close()
				}
				c.after(t, 91, path)
				without(c)
				edit("loved", login("2026-06-20T00:00:00Z"))(c)
				if r := c.run(t.Context(), t); r.Outcome != Completed || r.Ledger.MovedBack != 0 || resultsOf(r) != "loved:removed" {
					t.Errorf("when it is told right again: %s, %s", r.Outcome, resultsOf(r))
				}
			})
		})
	}
}

// Of a hundred accounts one may have moved back, and of a thousand ten.
func TestManyLastLoginsThatMoveBack(t *testing.T) {
	for _, tt := range []struct {
		moved, scanned int
		refused        bool
	}{{0, 0, false}, {1, 99, true}, {1, 100, false}, {2, 199, true}, {2, 200, false}, {10, 1000, false}, {11, 1000, true}, {60, 60, true}} {
		r, refused := movedBack(tt.moved, tt.scanned)
		if refused != tt.refused || refused && (r.Guard != GuardLoginsMovedBack || r.Found != tt.moved || r.Allowed != tt.scanned/100) {
			t.Errorf("%+v: %t, %+v", tt, refused, r)
		}
	}
	path := filepath.Join(t.TempDir(), "ledger")
	inBubble(t, threeDormant(), func(t *testing.T, c *cleanup) {
		c.after(t, 0, path)
		c.run(t.Context(), t)
		c.after(t, 14, path)
		edit("new", loginIs(LoginNever))(c)
		r := c.run(t.Context(), t)
		if r.Outcome != Refused || r.Refusals[len(r.Refusals)-1].Guard != GuardLoginsMovedBack || len(c.dir.requests) > 0 {
			t.Errorf("%s, %+v", r.Outcome, r.Refusals)
		}
		c.after(t, 15, path)
		c.DryRun, c.Command = true, "audit"
		edit("new", loginIs(LoginNever))(c)
		if r := c.run(t.Context(), t); r.Outcome != DryRun || len(r.Refusals) == 0 {
			t.Errorf("an audit: %s, %+v", r.Outcome, r.Refusals)
		}
	})
}

// A log that reaches back a week proves as much as a long one once a ledger has watched it
// for as long, and begins anew after a gap.
func TestAShortLogBecomesALongOne(t *testing.T) {
	for rule, tt := range map[string]struct {
		every   float64 // days between two runs
		removed string
	}{
		"a run a day":               {1, "quiet:removed"},
		"a run a week":              {7, "quiet:removed"},
		"runs that leave a gap":     {7.5, ""},
		"runs that leave a day out": {8, ""},
	} {
		t.Run(rule, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "ledger")
			inBubble(t, []User{with("new"), with("quiet"), with("busy")}, func(t *testing.T, c *cleanup) {
				c.Policy.NeverLoggedIn = NeverRemove
				days, removed := 0.0, ""
				var r Report
				for ; days < 100; days += tt.every {
					c.after(t, days, path)
					without(c)
					log := func(u *User) { // quiet is in the log for the last time before all runs
						u.LastLogin = LastLogin{State: LoginKnown, At: testNow.Add(time.Duration((days - 7) * float64(day))), NotAfter: true}
					}
					edit("quiet", log)(c)
					edit("busy", log)(c)
					if last := math.Floor(days/40) * 40; days-last <= 7 {
						edit("busy", usedOn(last))(c)
					}
					r = c.run(t.Context(), t)
					if r.Outcome != Completed || removed != "" && resultsOf(r) != "" {
						t.Fatalf("day %g: %s, %s", days, r.Outcome, r.Error)
					}
					if removed += resultsOf(r); resultsOf(r) != "" && days < 83 {
						t.Errorf("day %g: %s", days, resultsOf(r))
					}
				}
				if removed != tt.removed {
					t.Errorf("removed are %q, and not %q", removed, tt.removed)
				}
				since := testNow.AddDate(0, 0, -7)
				if tt.removed == "" {
					since = testNow.Add(time.Duration((days - tt.every - 7) * float64(day)))
				}
				if r.Ledger.WatchedSince == nil || !r.Ledger.WatchedSince.Equal(since) {
					t.Errorf("watched since %s, and not %s", r.Ledger.WatchedSince, since)
				}
			})
		})
	}
	inBubble(t, []User{with("new"), with("quiet", notAfter("2026-06-24T12:00:00Z"))}, func(t *testing.T, c *cleanup) {
		if r := c.run(t.Context(), t); codes(r.Warnings) != WarnLedgerMissing || r.Ledger != nil {
			t.Errorf("without a ledger: %+v", r.Warnings)
		}
	})
}

// What a run sees is in the ledger before anybody is removed, and afterwards who is gone.
func TestWhatARunRemembers(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ledger")
	inBubble(t, threeDormant(), func(t *testing.T, c *cleanup) {
		c.after(t, 0, path)
		without(c)
		c.dir.remove = func(_ context.Context, id string, _ int) error {
			if e := remembered(t, path, id); !e.Found.IsZero() || !e.LastSeen.Equal(testNow) || e.Login.IsZero() {
				t.Errorf("%s is removed, and %+v is remembered", id, e)
			}
			if _, err := OpenLedger(ledgerAt(path)); !errors.Is(err, ErrLedgerInUse) {
				t.Errorf("another run may begin: %v", err)
			}
			return nil
		}
		if r := c.run(t.Context(), t); resultsOf(r) != "1:removed 2:removed 3:removed" {
			t.Fatal(resultsOf(r))
		}
		if e := remembered(t, path, "1"); !e.Found.IsZero() || !e.LastSeen.Before(testNow) || e.Login.IsZero() {
			t.Errorf("of one that is gone %+v is remembered", e)
		}
		if e := remembered(t, path, "new"); !e.LastSeen.Equal(testNow) || !e.FirstSeen.Equal(testNow) {
			t.Errorf("of one that is there %+v is remembered", e)
		}
		for _, later := range []struct {
			days float64
			has  bool
		}{{1, true}, {400 - 1.0/86400, true}, {400, false}} {
			c.after(t, later.days, path)
			without(c)
			r := c.run(t.Context(), t)
			if has := !remembered(t, path, "1").FirstSeen.IsZero(); has != later.has || r.Ledger.Vanished != 0 {
				t.Errorf("day %g: it is remembered: %t; %d have vanished", later.days, has, r.Ledger.Vanished)
			}
		}
		c.after(t, 401, path)
		without(c)
		c.dir.users = c.dir.users[:0]
		if r := c.run(t.Context(), t); r.Ledger.Vanished != 1 {
			t.Errorf("%d have vanished", r.Ledger.Vanished)
		}
	})
}

// A run that is killed while it removes has not said who is gone. The next one does not
// wonder where they are.
func TestWhoWasToBeRemovedIsNotMissed(t *testing.T) {
	at := t.TempDir()
	path, heir := filepath.Join(at, "ledger"), filepath.Join(at, "heir")
	users := []User{with("new")}
	for i := range 60 {
		users = append(users, with(fmt.Sprint("dormant", i)))
	}
	inBubble(t, users, func(t *testing.T, c *cleanup) {
		for days := range 4 {
			c.after(t, float64(days), path)
			without(c)
			c.DryRun = true
			c.run(t.Context(), t)
		}
		c.after(t, 4, path)
		without(c)
		c.dir.remove = func(context.Context, string, int) error {
			text, err := os.ReadFile(path)
			return errors.Join(err, os.WriteFile(heir, text, 0o600))
		}
		if r := c.run(t.Context(), t); r.Counts.Removed != 60 {
			t.Fatalf("%+v, %s", r.Counts, r.Error)
		}
		c.after(t, 5, heir)
		without(c)
		if r := c.run(t.Context(), t); r.Outcome != Completed || r.Ledger.Vanished != 0 || r.Counts.Scanned != 1 {
			t.Errorf("%s, %+v, %+v", r.Outcome, r.Ledger, r.Refusals)
		}
	})
}

// The newest login that an activity file had of an account is a sign of life when the file
// has it no more.
func TestARowThatIsNoLongerInTheActivityFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ledger")
	inBubble(t, []User{with("new"), with("1")}, func(t *testing.T, c *cleanup) {
		for _, tt := range []struct {
			days    float64
			rows    []string
			removed string
		}{
			{0, []string{"new,2026-07-01", "1,2026-06-20"}, ""}, {1, []string{"new,2026-07-02"}, ""},
			{79, []string{"new,2026-09-18"}, ""}, {80, []string{"new,2026-09-19"}, "1:removed"},
		} {
			c.after(t, tt.days, path)
			without(c)
			text := strings.Join(append([]string{"id,last_login"}, tt.rows...), "\n")
			activity, err := ReadActivity(strings.NewReader(text), time.Now())
			if err != nil {
				t.Fatal(err)
			}
			c.Activity = activity
			if r := c.run(t.Context(), t); resultsOf(r) != tt.removed {
				t.Errorf("day %g: %s", tt.days, resultsOf(r))
			}
		}
	})
}

// Once tripped, the brake holds until it is cleared, and what was then is usual afterwards.
func TestTheBrakeIsSticky(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ledger")
	var users []User
	for i := range 200 {
		users = append(users, with(fmt.Sprint("u", i), login("2026-06-30T00:00:00Z")))
	}
	inBubble(t, append(users, with("new")), func(t *testing.T, c *cleanup) {
		all := c.dir.users
		run := func(days float64, listed int) Report {
			c.after(t, days, path)
			without(c)
			c.Limits.RequireActive, c.Limits.MaxSilence = false, 10_000*day
			c.dir.users = append(slices.Clone(all[:listed]), with("new", usedOn(days)), with("idle", func(u *User) { u.ID = fmt.Sprint("idle", days) }))
			return c.run(t.Context(), t)
		}
		for i := range 4 {
			if r := run(float64(i), 200); r.Outcome != Completed || r.Counts.Removed != 1 || r.BrakeOn() {
				t.Fatalf("%s, %+v, %+v", r.Outcome, r.Counts, r.Refusals)
			}
		}
		for i, want := range []string{GuardVanishedUnusual, GuardBrake, GuardBrake} {
			r := run(float64(4+i), []int{100, 100, 200}[i])
			if r.Outcome != Refused || len(r.Refusals) != 1 || r.Refusals[0].Guard != want || !r.BrakeOn() || len(c.dir.requests) > 0 {
				t.Errorf("run %d: %s, %+v", i, r.Outcome, r.Refusals)
			}
		}
		l := openLedger(t, path)
		if b := l.Summary().Brake; b == nil || b.Guard != GuardVanishedUnusual || b.Found != 100 {
			t.Errorf("%+v", b)
		}
		if was, err := l.ClearBrake(); err != nil || was == nil || l.Close() != nil {
			t.Fatal(was, err)
		}
		if r := run(8, 100); r.Outcome != Completed || r.BrakeOn() {
			t.Errorf("after it was cleared: %s, %+v", r.Outcome, r.Refusals)
		}
	})
}

// A plan that a person has reviewed after the brake was tripped clears it, and may have any
// number of candidates; one from before does not, and a dry run clears nothing.
func TestAnApprovalClearsTheBrake(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ledger")
	var users []User
	for i := range 200 {
		users = append(users, with(fmt.Sprint("u", i), login("2026-06-30T00:00:00Z")))
	}
	inBubble(t, append(users, with("new")), func(t *testing.T, c *cleanup) {
		all, dry := c.dir.users, false
		run := func(days float64, idle int, approve func(*Approval)) Report {
			c.after(t, days, path)
			without(c)
			c.Limits.RequireActive, c.Limits.MaxSilence, c.Approval, c.DryRun = false, 10_000*day, nil, dry
			c.dir.users = append(slices.Clone(all[:200]), with("new", usedOn(days)))
			for i := range idle {
				c.dir.users = append(c.dir.users, with("idle", func(u *User) { u.ID = fmt.Sprint("idle", days, "-", i) }))
			}
			if approve != nil {
				c.Approval = &Approval{Head: PlanHead{Made: time.Now()}, Accounts: map[ApprovalKey]bool{}}
				approve(c.Approval)
				for _, u := range c.dir.users {
					c.Approval.Accounts[c.Approval.Head.Key(u.ID, Remove)] = true
				}
			}
			return c.run(t.Context(), t)
		}
		for i := range 4 {
			if r := run(float64(i), 1, nil); r.Outcome != Completed {
				t.Fatalf("%s, %+v", r.Outcome, r.Refusals)
			}
		}
		c.Limits.MaxRemovals, c.Limits.MaxRemovalPercent = 1000, 100
		r := run(4, 60, nil)
		if r.Outcome != Refused || !r.BrakeOn() {
			t.Fatalf("%s, %+v", r.Outcome, r.Refusals)
		}
		tripped := r.StartedAt
		early := func(a *Approval) { a.Head.Made = tripped.Add(-time.Second) }
		if r := run(5, 60, early); r.Outcome != Refused || !r.BrakeOn() || len(c.dir.requests) > 0 {
			t.Errorf("a plan of before: %s, %+v", r.Outcome, r.Refusals)
		}
		dry = true
		if r := run(6, 60, func(*Approval) {}); r.Outcome != DryRun || len(r.Refusals) > 0 {
			t.Errorf("a dry run: %s, %+v", r.Outcome, r.Refusals)
		}
		dry = false
		if r := run(7, 60, nil); r.Outcome != Refused || !r.BrakeOn() || len(c.dir.requests) > 0 {
			t.Errorf("after a dry run: %s, %+v", r.Outcome, r.Refusals)
		}
		if r := run(8, 60, func(*Approval) {}); r.Outcome != Completed || r.BrakeOn() || r.Counts.Removed != 60 {
			t.Errorf("with a plan: %s, %+v, %+v", r.Outcome, r.Counts, r.Refusals)
		}
		if r := run(9, 1, nil); r.Outcome != Completed || r.BrakeOn() {
			t.Errorf("afterwards: %s, %+v", r.Outcome, r.Refusals)
		}
		if r := run(10, 190, func(*Approval) {}); r.Outcome != Completed || r.BrakeOn() || r.Counts.Removed != 190 {
			t.Errorf("many, with a plan: %s, %+v, %+v", r.Outcome, r.Counts, r.Refusals)
		}
	})
}

// A ledger that can't be opened says why, and there is none.
func TestALedgerThatCannotBeOpened(t *testing.T) {
	good := func(t *testing.T, path string) {
		inBubble(t, threeDormant(), func(t *testing.T, c *cleanup) {
			c.Ledger = openLedger(t, path)
			c.run(t.Context(), t)
		})
	}
	write := func(text string) func(*testing.T, string) {
		return func(t *testing.T, path string) {
			if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	const earlier = `{"directory": "memory https://directory.example", "found_at": {"1": "2026-07-01T12:00:00Z"}}`
	for rule, tt := range map[string]struct {
		make func(t *testing.T, path string)
		says string // empty: it can be opened
		runs bool   // also to be written
	}{
		"as it should be":      {good, "", true},
		"not there yet":        {func(*testing.T, string) {}, "", true},
		"empty":                {write(""), "damaged: it is empty", false},
		"something else":       {write("PK\x03\x04"), "is no ledger", false},
		"a folder":             {func(t *testing.T, path string) { _ = os.Mkdir(path, 0o700) }, "is not a regular file", false},
		"an earlier version":   {write(earlier), "", true},
		"half of an earlier":   {write(earlier[:60]), "damaged: unexpected end", false},
		"two earlier ones":     {write(earlier + earlier), "damaged: invalid character", false},
		"an earlier of others": {write(strings.Replace(earlier, "memory", "itflex", 1)), `it is about another directory: "itflex https://directory.example", and not "memory https://directory.example"`, false},
		"half of it": {func(t *testing.T, path string) {
			good(t, path)
			if err := os.Truncate(path, 90); err != nil {
				t.Fatal(err)
			}
		}, "the file is damaged", false},
		"a newer version": {func(t *testing.T, path string) {
			good(t, path)
			text, _ := os.ReadFile(path)
			text[15]++
			write(string(text))(t, path)
		}, "of a newer version", false},
		"of another directory": {func(t *testing.T, path string) {
			good(t, path)
			o := ledgerAt(path)
			o.Directory = "memory https://other.example"
			if l, err := OpenLedger(o); l != nil || err == nil || !strings.Contains(err.Error(), "about another directory") {
				t.Errorf("of another directory: %v", err)
			}
		}, "", true},
		"another run has it": {func(t *testing.T, path string) {
			good(t, path)
			openLedger(t, path)
		}, "another run has it", true},
	} {
		t.Run(rule, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "ledger")
			tt.make(t, path)
			before, _ := os.ReadDir(filepath.Dir(path))
			l, err := OpenLedger(ledgerAt(path))
			if (err != nil) != (tt.says != "") || err != nil && (l != nil || !strings.Contains(err.Error(), tt.says) || !strings.Contains(err.Error(), path)) {
				t.Errorf("%v, and not %q", err, tt.says)
			}
			if err := l.Close(); err != nil {
				t.Error(err)
			}
			o := ledgerAt(path)
			o.ReadOnly = true
			r, err := OpenLedger(o)
			if (err == nil) != tt.runs {
				t.Errorf("to be read: %v", err)
			}
			_ = r.Close()
			if after, _ := os.ReadDir(filepath.Dir(path)); len(after) != len(before) {
				t.Errorf("there were %v, and are %v", before, after)
			}
		})
	}
}

// The ledger of an earlier version is carried over by the first run that writes, and its
// file is kept.
func TestALedgerOfAnEarlierVersion(t *testing.T) {
	const earlier = `{"directory": "memory https://directory.example", "found_at": {"1": "2026-07-01T12:00:00Z", "2": "2026-07-10T12:00:00Z", "gone": "2026-07-01T12:00:00Z"}}`
	at := t.TempDir()
	path := filepath.Join(at, "ledger.json")
	if err := os.WriteFile(path, []byte(earlier), 0o600); err != nil {
		t.Fatal(err)
	}
	inBubble(t, threeDormant(), func(t *testing.T, c *cleanup) {
		c.after(t, 14, path)
		c.Command, c.DryRun = "audit", true
		if r := c.run(t.Context(), t); resultsOf(r) != "1:would_remove 2:kept/in_grace 3:kept/in_grace" {
			t.Error(resultsOf(r))
		}
		if text, err := os.ReadFile(path); err != nil || string(text) != earlier {
			t.Errorf("an audit leaves %q, %v", text, err)
		}
		c.after(t, 14, path)
		if r := c.run(t.Context(), t); resultsOf(r) != "1:removed 2:kept/in_grace 3:kept/in_grace" || ledgerDays(t, path) != "2@9 3@14" {
			t.Error(resultsOf(r), ledgerDays(t, path))
		}
		if !strings.Contains(c.log.String(), "the file is kept as "+path+".old.json") {
			t.Error("the log does not say where the earlier file is")
		}
		if text, err := os.ReadFile(path + ".old.json"); err != nil || string(text) != earlier {
			t.Errorf("what is kept is %q, %v", text, err)
		}
		c.after(t, 23, path)
		if r := c.run(t.Context(), t); resultsOf(r) != "2:removed 3:kept/in_grace" {
			t.Error(resultsOf(r))
		}
	})
}

// A ledger that can't be written any more ends the run before anybody is removed.
func TestWithoutALedgerNobodyIsRemoved(t *testing.T) {
	for rule, tt := range map[string]struct {
		breaks func(c *cleanup, path string) error
		says   string
	}{
		"a folder in the place of the next file": {func(_ *cleanup, path string) error { return os.Mkdir(path+".new", 0o700) }, "write ledger: open"},
		"no folder for it": {func(c *cleanup, path string) error {
			c.Ledger.path = filepath.Join(path, "ledger")
			return nil
		}, "write ledger: open"},
		"another content": {func(_ *cleanup, path string) error { return os.WriteFile(path, make([]byte, 4096), 0o600) }, "the ledger can't be used"},
		"no log": {func(c *cleanup, _ string) error {
			c.Record, c.lost = NewRecord(c), "run started"
			c.Log = zerolog.New(c.Record)
			_, _ = c.Record.Write([]byte("run started"))
			return nil
		}, "write ledger: nobody can know who is in grace: write log"},
	} {
		t.Run(rule, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "ledger")
			inBubble(t, threeDormant(), func(t *testing.T, c *cleanup) {
				c.after(t, 0, path)
				c.run(t.Context(), t)
				c.after(t, 14, path)
				c.Journal, c.lines = openJournal(t)
				if err := tt.breaks(c, path); err != nil {
					t.Fatal(err)
				}
				r := c.Run(t.Context(), time.Now())
				if r.Outcome != Failed || len(c.dir.requests) > 0 || !strings.HasPrefix(r.Error, tt.says) {
					t.Errorf("%s: %s, %s", r.Outcome, resultsOf(r), r.Error)
				}
			})
		})
	}
}

// What a link leads to is the ledger, and only its owner can read it.
func TestLedgerFile(t *testing.T) {
	at := t.TempDir()
	path, link := filepath.Join(at, "ledger"), filepath.Join(t.TempDir(), "link")
	inBubble(t, threeDormant(), func(t *testing.T, c *cleanup) {
		c.after(t, 0, path)
		c.run(t.Context(), t)
		if err := os.Symlink(path, link); err != nil {
			t.Fatal(err)
		}
		c.after(t, 1, link)
		c.run(t.Context(), t)
	})
	if info, err := os.Lstat(path); err != nil || info.Mode() != 0o600 {
		t.Errorf("mode %s, %v: others may read who is unused", info.Mode(), err)
	}
	if info, err := os.Lstat(link); err != nil || info.Mode().Type() != fs.ModeSymlink {
		t.Errorf("the link is %s, %v", info.Mode(), err)
	}
	text, err := os.ReadFile(path)
	if err != nil || strings.Contains(string(text), "of-1") || strings.Contains(string(text), "corp") {
		t.Errorf("a name is in it: %v", err)
	}
	if left, err := os.ReadDir(at); err != nil || len(left) != 1 {
		t.Errorf("beside it are %v, %v", left, err)
	}
	o := ledgerAt(filepath.Join(at, "none", "ledger"))
	if l, err := OpenLedger(o); l != nil || !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("in no folder: %v", err)
	}
}
