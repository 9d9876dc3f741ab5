package job

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// threePartial returns threeDormant as a listing without last logins has them.
func threePartial() []User {
	users := threeDormant()
	for i := range users {
		users[i].LastLogin, users[i].Partial, users[i].LoginAlone = LastLogin{}, true, true
	}
	return users
}

// alone makes reading an account alone tell what threeDormant are, after the
// edits for its id.
func alone(edits map[string]func(*User) error) func(*cleanup) {
	return func(c *cleanup) {
		c.dir.read = func(ctx context.Context, u User) (User, error) {
			told := threeDormant()
			if i := slices.IndexFunc(told, func(t User) bool { return t.ID == u.ID }); i >= 0 {
				u.LastLogin = told[i].LastLogin
			}
			if edit := edits[u.ID]; edit != nil {
				if err := edit(&u); err != nil {
					return User{}, fmt.Errorf("read user: %w", err)
				}
			}
			return u, ctx.Err()
		}
	}
}

func TestRunReadsAlone(t *testing.T) {
	const (
		each   = "self list read new read 3 read 1 read 2"
		remove = " read 1 remove 1 find 1 read 2 remove 2 find 2 read 3 remove 3 find 3"
	)
	edited := func(id string, edit func(*User)) map[string]func(*User) error {
		return map[string]func(*User) error{id: func(u *User) error { edit(u); return nil }}
	}
	fails := func(id string, err error) map[string]func(*User) error {
		return map[string]func(*User) error{id: func(*User) error { return err }}
	}
	listed := func(id string, edit func(*User)) func(*cleanup) {
		return func(c *cleanup) {
			edit(&c.dir.users[slices.IndexFunc(c.dir.users, func(u User) bool { return u.ID == id })])
		}
	}
	tests := []struct {
		rule    string
		edits   map[string]func(*User) error
		do      func(*cleanup)
		outcome Outcome
		became  string
		scanned int
		asked   string // of the directory
	}{
		{"of whom the listing does not tell enough", nil, all(), Completed, "1:removed 2:removed 3:removed", 4, each + remove},
		{"in a dry run", nil, func(c *cleanup) { c.DryRun = true }, DryRun, "1:would_remove 2:would_remove 3:would_remove", 4, each},
		{"without a second look", nil, func(c *cleanup) { c.Recheck = false }, Completed, "1:removed 2:removed 3:removed", 4, each + " remove 1 find 1 remove 2 find 2 remove 3 find 3"},
		{"before the guards", nil, func(c *cleanup) { c.Limits.MaxRemovals = 2 }, Refused, "1:not_attempted 2:not_attempted 3:not_attempted", 4, each},
		{"for the guards, too", edited("new", login("2022-06-01T00:00:00Z")), all(), Refused, "1:not_attempted 2:not_attempted new:not_attempted 3:not_attempted", 4, each},
		{"nobody of whom the listing tells enough", nil, func(c *cleanup) { c.dir.users = threeDormant(); c.DryRun = true }, DryRun, "1:would_remove 2:would_remove 3:would_remove", 4, "self list"},
		{"nobody who is protected", nil, all(listed("1", admin), listed("2", named("root")), listed("new", mailed("me@x")), func(c *cleanup) {
			c.Policy.Allowlist, c.Policy.Actor, c.Limits.RequireActive = entries("root"), ExactNames("me@x"), false
			c.Limits.MaxSilence = math.MaxInt64 // nobody else has logged in of late
		}), Completed, "3:removed", 4, "self list read 3 read 3 remove 3 find 3"},
		{"nobody who is active", nil, listed("1", activity("2026-06-30T00:00:00Z")), Completed, "2:removed 3:removed", 4, "self list read new read 3 read 2 read 2 remove 2 find 2 read 3 remove 3 find 3"},
		{"nobody with an unsafe id", nil, all(listed("1", func(u *User) { u.ID, u.Roles = "..", nil }), func(c *cleanup) { c.Policy.ProtectRoles = entries("ops") }), Completed, "2:removed 3:removed", 4, "self list read new read 3 read 2 read 2 remove 2 find 2 read 3 remove 3 find 3"},
		{"whose roles the listing does not tell", edited("1", func(u *User) { u.Roles = []string{} }), all(listed("1", func(u *User) { u.Roles = nil }), func(c *cleanup) { c.Policy.ProtectRoles = entries("ops") }), Completed, "1:removed 2:removed 3:removed", 4, each + remove},

		{"and finds one active", edited("2", login("2026-06-30T00:00:00Z")), all(), Completed, "1:removed 3:removed", 4, each + " read 1 remove 1 find 1 read 3 remove 3 find 3"},
		{"and finds an admin", edited("2", admin), all(), Completed, "1:removed 3:removed", 4, each + " read 1 remove 1 find 1 read 3 remove 3 find 3"},
		{"and finds out nothing", edited("2", loginIs(LoginAbsent)), all(), Completed, "1:removed 3:removed", 4, each + " read 1 remove 1 find 1 read 3 remove 3 find 3"},
		{"and finds one gone", fails("2", ErrNotFound), all(), Completed, "1:removed 3:removed", 3, each + " read 1 remove 1 find 1 read 3 remove 3 find 3"},
		{"and finds another account", edited("2", func(u *User) { u.ID = "22" }), all(), Failed, "", 3, each},
		{"and finds an account without an id", edited("2", func(u *User) { u.ID = "" }), all(), Failed, "", 3, each},
		{"in vain", fails("1", errBroken), all(), Failed, "", 2, "self list read new read 3 read 1"},
		{"without leave", fails("1", ErrCredentials), all(), Failed, "", 2, "self list read new read 3 read 1"},
		{"where the directory can't", fails("2", ErrUnsupported), all(), Completed, "1:removed 3:removed", 4, each + " read 1 remove 1 find 1 read 3 remove 3 find 3"},
		{"only when the listing was read", nil, list(3, errBroken), Failed, "", 0, "self list"},
	}
	for _, tt := range tests {
		t.Run(tt.rule, func(t *testing.T) {
			inBubble(t, threePartial(), func(t *testing.T, c *cleanup) {
				alone(tt.edits)(c)
				tt.do(c)
				r := c.run(t.Context(), t)
				if r.Outcome != tt.outcome || resultsOf(r) != tt.became || r.Counts.Scanned != tt.scanned {
					t.Errorf("%s: %s of %d, error %v\nwant %s: %s of %d", r.Outcome, resultsOf(r), r.Counts.Scanned, r.Err, tt.outcome, tt.became, tt.scanned)
				}
				if got := strings.Join(c.dir.asked, " "); got != tt.asked {
					t.Errorf("asked %s\nwant  %s", got, tt.asked)
				}
				if r.Outcome == Failed && tt.scanned > 0 && !strings.HasPrefix(r.Error, "read account ") {
					t.Errorf("the error is %q", r.Error)
				}
			})
		})
	}
}

// What is known from elsewhere counts before an account is read alone, and after.
func TestRunReadsAloneWithLoginsFromElsewhere(t *testing.T) {
	inBubble(t, threePartial(), func(t *testing.T, c *cleanup) {
		c.Activity = readActivity(t, "id,last_login", "1,2026-06-30", "2,2026-06-29", "3,2021-06-01")
		alone(map[string]func(*User) error{"3": func(u *User) error { u.LastLogin = LastLogin{}; return nil }})(c)
		c.dir.users[3].Partial = false
		r := c.run(t.Context(), t)
		if resultsOf(r) != "3:removed" || strings.Join(c.dir.asked, " ") != "self list read new read 3 read 3 remove 3 find 3" {
			t.Errorf("%s, asked %v", resultsOf(r), c.dir.asked)
		}
	})
}

// extraRecorder is a directory that records the Extra of the accounts it has to change.
type extraRecorder struct {
	*inMemory
	extra []string
}

func (d *extraRecorder) Remove(ctx context.Context, u User, confirm Confirm) error {
	d.extra = append(d.extra, "remove "+u.Extra["login"])
	return d.inMemory.Remove(ctx, u, confirm)
}

func (d *extraRecorder) User(ctx context.Context, u User) (User, error) {
	d.extra = append(d.extra, "read "+u.Extra["login"])
	return d.inMemory.User(ctx, u)
}

// The account that is acted on is the one that was read alone.
func TestRunActsOnWhatWasReadAlone(t *testing.T) {
	inBubble(t, threePartial()[:2], func(t *testing.T, c *cleanup) {
		alone(map[string]func(*User) error{"3": func(u *User) error { u.Extra = map[string]string{"login": `"x"`}; return nil }})(c)
		d := &extraRecorder{inMemory: c.dir}
		c.Directory = d
		c.run(t.Context(), t)
		if got := strings.Join(d.extra, ", "); got != `read , read , remove "x", read "x"` {
			t.Error(got)
		}
	})
}

func TestRunReadsAloneAtMostSoManyAtOnce(t *testing.T) {
	var users []User
	for i := range 20 {
		users = append(users, with(fmt.Sprintf("%02d", i), func(u *User) { u.Partial, u.LoginAlone = true, true }))
	}
	for concurrency, took := range map[int]time.Duration{0: 20 * time.Second, 4: 5 * time.Second, 100: time.Second} {
		inBubble(t, users, func(t *testing.T, c *cleanup) {
			c.Concurrency, c.DryRun = concurrency, true
			var busy, busiest atomic.Int64
			c.dir.read = func(_ context.Context, u User) (User, error) {
				busiest.Store(max(busiest.Load(), busy.Add(1)))
				<-time.After(time.Second)
				busy.Add(-1)
				return u, nil
			}
			r := c.run(t.Context(), t)
			if got := r.FinishedAt.Sub(r.StartedAt); got != took || busiest.Load() > int64(max(1, concurrency)) || r.Counts.Candidates != 20 {
				t.Errorf("%d candidates in %s, %d at once; want %s, %d", r.Counts.Candidates, got, busiest.Load(), took, concurrency)
			}
		})
	}
}

// The first that can't be read ends the others' reading.
func TestRunStopsReadingAlone(t *testing.T) {
	inBubble(t, threePartial(), func(t *testing.T, c *cleanup) {
		c.Concurrency = 2
		c.dir.read = func(ctx context.Context, u User) (User, error) {
			if u.ID == "3" {
				<-time.After(time.Second)
				return User{}, errBroken
			}
			<-ctx.Done()
			return User{}, ctx.Err()
		}
		r := c.run(t.Context(), t)
		if r.Outcome != Failed || !errors.Is(r.Err, errBroken) || r.Error != `read account "3": broken pipe` || len(c.dir.asked) != 4 {
			t.Errorf("%s: %s, asked %v", r.Outcome, r.Error, c.dir.asked)
		}
	})
}

func TestRunCutShortWhileItReadsAlone(t *testing.T) {
	for _, cause := range []error{context.Canceled, errors.New("it took longer than DORMANT_RUN_TIMEOUT")} {
		inBubble(t, threePartial(), func(t *testing.T, c *cleanup) {
			ctx, cancel := context.WithCancelCause(t.Context())
			alone(map[string]func(*User) error{"3": func(*User) error { cancel(cause); return nil }})(c)
			r := c.run(ctx, t)
			if r.Outcome != Interrupted || !errors.Is(r.Err, cause) || !strings.HasPrefix(r.Error, "read accounts: ") || strings.Join(c.dir.asked, " ") != "self list read new read 3" {
				t.Errorf("%s: %s, asked %v", r.Outcome, r.Error, c.dir.asked)
			}
		})
	}
}

func TestExplainReadsAlone(t *testing.T) {
	inBubble(t, threePartial(), func(t *testing.T, c *cleanup) {
		alone(map[string]func(*User) error{"2": func(*User) error { return errBroken }})(c)
		c.dir.users[1].Admin = true
		for _, tt := range []struct{ name, want, asked string }{
			{"1", "remove inactive", "self list read 1"},
			{"new", "keep active", "self list read new"},
			{"3", "keep admin", "self list"},
		} {
			c.dir.asked = nil
			explanations, err := c.Explain(t.Context(), tt.name, testNow)
			if err != nil || len(explanations) != 1 {
				t.Fatalf("%s: %v, %v", tt.name, explanations, err)
			}
			d := explanations[0].Decision
			if got := fmt.Sprintf("%s %s", d.Action, d.Reason); got != tt.want || strings.Join(c.dir.asked, " ") != tt.asked {
				t.Errorf("%s: %s, want %s; asked %v", tt.name, got, tt.want, c.dir.asked)
			}
		}
		if found, err := c.Explain(t.Context(), "2", testNow); !errors.Is(err, errBroken) || found != nil {
			t.Errorf("%v, %v", found, err)
		}
	})
}

func TestExplainTellsOfDisabling(t *testing.T) {
	u := with("17", login("2026-05-01T00:00:00Z"))
	for _, tt := range []struct {
		policy Policy
		want   string
		never  string
	}{
		{Policy{InactiveFor: 90 * 24 * time.Hour}, "cutoff: 2026-04-02T12:00:00Z", "disable"},
		{Policy{InactiveFor: 90 * 24 * time.Hour, DisableOnly: true}, "cutoff: 2026-04-02T12:00:00Z, disabled: false", "to disable"},
		{Policy{InactiveFor: 90 * 24 * time.Hour, DisableAfter: 45 * 24 * time.Hour}, "cutoff: 2026-04-02T12:00:00Z, to disable: 2026-05-17T12:00:00Z, disabled: false", "?"},
	} {
		e := tt.policy.Explain(u, testNow)
		if last := e.Rules[len(e.Rules)-1]; !strings.HasSuffix(last.Because, tt.want) || strings.Contains(last.Because, tt.never) || last.Rule != e.Decision.Reason {
			t.Errorf("%+v, want %s", last, tt.want)
		}
	}
}
