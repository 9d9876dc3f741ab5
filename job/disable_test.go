package job

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// The policies of the tests of disabling. Between the two ages is 1 May 2026.
func disableOnly(c *cleanup) { c.Policy.DisableOnly = true }
func ladder(c *cleanup)      { c.Policy.DisableAfter = 45 * 24 * time.Hour }
func require(c *cleanup)     { c.Policy.RequireDisabled = true }
func both(c *cleanup)        { ladder(c); require(c) }

func all(edits ...func(*cleanup)) func(*cleanup) {
	return func(c *cleanup) {
		for _, edit := range edits {
			edit(c)
		}
	}
}

// fourAges returns the accounts 1 and 2, which are past the second age, and 3 and 4, which
// are past the first. 1 and 4 are disabled.
func fourAges() []User {
	return []User{
		with("new", login("2026-06-30T00:00:00Z")), with("newer", login("2026-06-30T00:00:00Z"), disabled),
		with("4", login("2026-05-02T00:00:00Z"), disabled), with("3", login("2026-05-01T00:00:00Z")),
		with("2", login("2022-01-01T00:00:00Z")), with("1", login("2021-01-01T00:00:00Z"), disabled),
	}
}

// lost makes the first request about the account do what it should, and lose
// its answer.
func lost(id string, done func(*inMemory) *[]string) func(*cleanup) {
	return func(c *cleanup) {
		c.dir.remove = func(_ context.Context, got string, attempt int) error {
			if got != id || attempt > 1 {
				return nil
			}
			c.dir.mu.Lock()
			defer c.dir.mu.Unlock()
			*done(c.dir) = append(*done(c.dir), id)
			return errAgain
		}
	}
}

func disabledIn(d *inMemory) *[]string { return &d.disabled }

func TestRunDisables(t *testing.T) {
	const untouched = "self list"
	tests := []struct {
		rule    string
		do      func(*cleanup)
		outcome Outcome
		became  string
		asked   string // of the directory, unless it is empty here
	}{
		// the actions by the policy
		{"delete", all(), Completed, "1:removed 2:removed", "self list read 1 remove 1 find 1 read 2 remove 2 find 2"},
		{"disable", disableOnly, Completed, "2:disabled", "self list read 2 disable 2 find 2"},
		{"ladder", ladder, Completed, "1:removed 2:removed 3:disabled", "self list read 1 remove 1 find 1 read 2 remove 2 find 2 read 3 disable 3 find 3"},
		{"only the disabled", require, Completed, "1:removed", "self list read 1 remove 1 find 1"},
		{"ladder, only the disabled", both, Completed, "1:removed 2:disabled 3:disabled", "self list read 1 remove 1 find 1 read 2 disable 2 find 2 read 3 disable 3 find 3"},
		{"disable, without a second look", all(disableOnly, func(c *cleanup) { c.Recheck = false }), Completed, "2:disabled", "self list disable 2 find 2"},
		{"whoever logged in is active again", all(both, func(c *cleanup) { c.dir.users[5].LastLogin = LoginAt(testNow) }), Completed, "2:disabled 3:disabled", ""},

		// dry runs and guards
		{"a dry run only reads", all(ladder, func(c *cleanup) { c.DryRun = true }), DryRun, "1:would_remove 2:would_remove 3:would_disable", untouched},
		{"a dry run that would only disable", all(disableOnly, func(c *cleanup) { c.DryRun = true }), DryRun, "2:would_disable", untouched},
		{"at the limit together", all(ladder, func(c *cleanup) { c.Limits = limits(3, 50) }), Completed, "1:removed 2:removed 3:disabled", ""},
		{"over max_removals together", all(ladder, func(c *cleanup) { c.Limits.MaxRemovals = 2 }), Refused, "1:not_attempted 2:not_attempted 3:not_attempted", untouched},
		{"over max_removal_percent together", all(ladder, func(c *cleanup) { c.Limits.MaxRemovalPercent = 49.9 }), Refused, "1:not_attempted 2:not_attempted 3:not_attempted", untouched},
		{"a limit of 0 disables none", all(disableOnly, func(c *cleanup) { c.Limits.MaxRemovals = 0 }), Refused, "2:not_attempted", untouched},
		{"nobody active since the second age", all(ladder, func(c *cleanup) { c.dir.users = c.dir.users[4:] }), Refused, "1:not_attempted 2:not_attempted", untouched},
		{"nobody active since the first age", all(ladder, func(c *cleanup) { c.dir.users = c.dir.users[3:] }), Refused, "1:not_attempted 2:not_attempted 3:not_attempted", "self list"},

		// the recheck of an account to disable
		{"disabled by now", all(both, recheckFinds("3", disabled)), Completed, "1:removed 2:disabled 3:kept/already_disabled", "self list read 1 remove 1 find 1 read 2 disable 2 find 2 read 3"},
		{"disabled by now, and so to be removed", all(both, recheckFinds("2", disabled)), Completed, "1:removed 2:kept/already_disabled 3:disabled", "self list read 1 remove 1 find 1 read 2 read 3 disable 3 find 3"},
		{"disabled by now, where none are removed", all(disableOnly, recheckFinds("2", disabled)), Completed, "2:kept/already_disabled", "self list read 2"},
		{"used again", all(disableOnly, recheckFinds("2", login("2026-06-30T00:00:00Z"))), Completed, "2:kept/active_again", "self list read 2"},
		{"an admin by now", all(disableOnly, recheckFinds("2", admin)), Completed, "2:kept/admin", "self list read 2"},
		{"unused for longer than was planned by", all(ladder, recheckFinds("3", login("2022-01-01T00:00:00Z"))), Completed, "1:removed 2:removed 3:kept/last_login_unknown", ""},
		{"gone by now", all(disableOnly, func(c *cleanup) {
			c.dir.read = func(_ context.Context, u User) (User, error) { return u, fmt.Errorf("read user: %w", ErrNotFound) }
		}), Completed, "2:already_gone", "self list read 2 self renew list"},
		{"can't be read", all(disableOnly, func(c *cleanup) {
			c.dir.read = func(_ context.Context, u User) (User, error) { return u, errBroken }
		}), Partial, "2:failed", "self list read 2"},

		// the recheck of an account to remove
		{"enabled again", all(require, recheckFinds("1", enabled)), Completed, "1:kept/not_disabled", "self list read 1"},
		{"enabled again, on a ladder", all(both, recheckFinds("1", enabled)), Completed, "1:kept/not_disabled 2:disabled 3:disabled", "self list read 1 read 2 disable 2 find 2 read 3 disable 3 find 3"},
		{"enabled again and used", all(both, recheckFinds("1", enabled, login("2026-06-30T00:00:00Z"))), Completed, "1:kept/active_again 2:disabled 3:disabled", ""},
		{"enabled again, where that does not matter", all(ladder, recheckFinds("1", enabled)), Completed, "1:removed 2:removed 3:disabled", ""},
		{"used between the two ages", all(ladder, recheckFinds("2", login("2026-05-01T00:00:00Z"))), Completed, "1:removed 2:kept/active_again 3:disabled", "self list read 1 remove 1 find 1 read 2 read 3 disable 3 find 3"},
		{"used between the two ages, and disabled", all(ladder, recheckFinds("1", login("2026-05-01T00:00:00Z"))), Completed, "1:kept/already_disabled 2:removed 3:disabled", ""},

		// requests
		{"already gone", all(disableOnly, failing("2", ErrNotFound)), Completed, "2:already_gone", "self list read 2 disable 2 find 2 renew list"},
		{"a request fails", all(disableOnly, failing("2", errBroken)), Partial, "2:failed", "self list read 2 disable 2"},
		{"the directory can't disable", all(disableOnly, failing("2", ErrUnsupported)), Partial, "2:failed", ""},
		{"a request is repeated", all(disableOnly, failing("2", errAgain)), Completed, "2:disabled", "self list read 2 disable 2 read 2 disable 2 find 2"},
		{"the answer is lost", all(disableOnly, lost("2", disabledIn)), Completed, "2:kept/already_disabled", "self list read 2 disable 2 read 2"},
		{"the answer is lost, and the account is one to remove", all(both, lost("2", disabledIn)), Completed, "1:removed 2:kept/already_disabled 3:disabled", "self list read 1 remove 1 find 1 read 2 disable 2 read 2 read 3 disable 3 find 3"},
		{"the answer is lost, without a second look", all(disableOnly, failing("2", errAgain), func(c *cleanup) { c.Recheck = false }), Completed, "2:disabled", "self list disable 2 disable 2 find 2"},
		{"used between two requests", all(disableOnly, failing("2", errAgain), usedAfter(1)), Completed, "2:kept/active_again", "self list read 2 disable 2 read 2"},
		{"used after a request without an answer", all(disableOnly, failing("2", errUnanswered), usedAfter(1)), Partial, "2:failed", "self list read 2 disable 2 read 2"},
		{"what was not asked about counts as failed", all(disableOnly, func(c *cleanup) { c.dir.unconfirmed = true }), Partial, "2:failed", ""},
		{"disabled ones end a row of failures", all(both, func(c *cleanup) {
			c.MaxFailures = 2
			c.dir.remove = func(_ context.Context, id string, _ int) error {
				return map[string]error{"1": errBroken, "3": errBroken}[id]
			}
		}), Partial, "1:failed 2:disabled 3:failed", ""},
		{"both count in a row of failures", all(both, failing("*", errBroken), func(c *cleanup) { c.MaxFailures = 2 }), Failed, "1:failed 2:failed 3:not_attempted", ""},

		// several steps
		{"every step is taken", all(func(c *cleanup) { c.dir.steps = true }, failing("2", errAgain, errAgain)), Completed, "1:removed 2:removed", "self list read 1 remove 1 find 1 read 2 remove 2 read 2 remove 2 read 2 remove 2 find 2"},
		{"half done", failing("2", ErrHalfDone), Partial, "1:removed 2:failed", ""},
		{"half done and gone", failing("2", fmt.Errorf("%w: %w", ErrHalfDone, ErrNotFound)), Partial, "1:removed 2:failed", ""},
		{"half disabled", all(disableOnly, failing("2", fmt.Errorf("%w: %w", ErrHalfDone, errBroken))), Partial, "2:failed", ""},
		{"half done, and used between two steps", all(func(c *cleanup) {
			c.dir.steps = true
			c.dir.read = func(_ context.Context, u User) (User, error) {
				if c.dir.requests[u.ID] > 0 {
					u.LastLogin = LoginAt(testNow)
				}
				return u, nil
			}
		}, failing("2", errAgain)), Partial, "1:removed 2:failed", "self list read 1 remove 1 find 1 read 2 remove 2 read 2"},
		{"half done, and signed out", failing("1", fmt.Errorf("%w: %w: %w", ErrHalfDone, ErrSignedOut, ErrCredentials)), Failed, "1:failed 2:not_attempted", ""},
	}
	for _, tt := range tests {
		t.Run(tt.rule, func(t *testing.T) {
			inBubble(t, fourAges(), func(t *testing.T, c *cleanup) {
				tt.do(c)
				r := c.run(t.Context(), t)
				if r.Outcome != tt.outcome || resultsOf(r) != tt.became {
					t.Errorf("%s: %s\nwant %s: %s", r.Outcome, resultsOf(r), tt.outcome, tt.became)
				}
				if got := strings.Join(c.dir.asked, " "); got != tt.asked && tt.asked != "" {
					t.Errorf("asked %s\nwant  %s", got, tt.asked)
				}
				if want := c.Policy.DisableCutoff(testNow); want.IsZero() != (r.DisableCutoff == nil) || r.DisableCutoff != nil && !r.DisableCutoff.Equal(want) {
					t.Errorf("cutoff to disable %v, want %s", r.DisableCutoff, want)
				}
			})
		})
	}
}

func enabled(u *User) { u.Disabled = false }

// Log and journal distinguish what was done from what was only intended.
func TestRunRecordsDisabling(t *testing.T) {
	inBubble(t, fourAges(), func(t *testing.T, c *cleanup) {
		all(both, lost("3", disabledIn))(c)
		c.dir.users = append(c.dir.users, with("5", login("2023-01-01T00:00:00Z")), with("6", login("2024-01-01T00:00:00Z")))
		recheckFinds("5", disabled)(c)
		r := c.run(t.Context(), t)
		if resultsOf(r) != "1:removed 2:disabled 5:kept/already_disabled 6:disabled 3:kept/already_disabled" {
			t.Fatal(resultsOf(r))
		}
		if got := r.Counts; got.Removed != 1 || got.Disabled != 2 || got.Candidates != 5 || got.Kept[AlreadyDisabled] != 3 {
			t.Errorf("%+v", got)
		}
		for i, want := range []Action{Remove, Disable, Keep, Disable, Keep} {
			if a := r.Accounts.At(i); a.Action != want || (a.Error != "") != (a.ID == "3") {
				t.Errorf("%+v, want action %s", a, want)
			}
		}
		if note := r.Accounts.At(4).Error; !strings.Contains(note, "an earlier request to disable it got no answer") {
			t.Errorf("the note is %q", note)
		}
		for message, want := range map[string]int{"removing account": 1, "removed account": 1, "disabling account": 3, "disabled account": 2, "kept account": 2} {
			if got := strings.Count(c.log.String(), `"message":"`+message); got != want {
				t.Errorf("%d times %q, want %d", got, message, want)
			}
		}
	})
}

func TestRunRecordsDisablingThatFailed(t *testing.T) {
	inBubble(t, fourAges(), func(t *testing.T, c *cleanup) {
		all(disableOnly, failing("2", errBroken))(c)
		c.MaxFailures = 1
		r := c.run(t.Context(), t)
		if r.Outcome != Failed || !strings.Contains(r.Error, "1 actions in a row failed (DORMANT_MAX_FAILURES)") || !errors.Is(r.Err, errBroken) {
			t.Errorf("%s: %s", r.Outcome, r.Error)
		}
		if got := strings.Count(c.log.String(), "could not disable account"); got != 1 {
			t.Errorf("logged %d times", got)
		}
	})
}

// An account may be removed, and its id given to another account, between the listing
// and the recheck.
func TestRunKeepsWhoeverHasTheIDNow(t *testing.T) {
	planned := instant("2020-01-01T00:00:00Z")
	tests := []struct {
		rule          string
		planned, then time.Time
		want          string
	}{
		{"the same", planned, planned, "1:removed 2:removed 3:removed"},
		{"a day later", planned, planned.Add(day), "1:removed 2:removed 3:removed"},
		{"a day and 1 s later", planned, planned.Add(day + time.Second), "1:removed 2:failed 3:removed"},
		{"a day and 1 s before", planned, planned.Add(-day - time.Second), "1:removed 2:removed 3:removed"},
		{"not known in the listing", time.Time{}, planned, "1:removed 2:removed 3:removed"},
		{"not known any more", planned, time.Time{}, "1:removed 2:removed 3:removed"},
		{"not plausible in the listing", time.Unix(1, 0), planned, "1:removed 2:removed 3:removed"},
	}
	for _, tt := range tests {
		for _, policy := range []func(*cleanup){all(), disableOnly} {
			t.Run(tt.rule, func(t *testing.T) {
				inBubble(t, threeDormant(), func(t *testing.T, c *cleanup) {
					policy(c)
					c.dir.users[3].Created = tt.planned
					recheckFinds("2", func(u *User) { u.Created = tt.then })(c)
					want := tt.want
					if c.Policy.DisableOnly {
						want = strings.ReplaceAll(want, "removed", "disabled")
					}
					r := c.run(t.Context(), t)
					if resultsOf(r) != want {
						t.Errorf("%s, want %s", resultsOf(r), want)
					}
					failed := strings.Contains(want, "failed")
					if sent := slices.Contains(c.dir.asked, "remove 2") || slices.Contains(c.dir.asked, "disable 2"); sent == failed {
						t.Errorf("asked %v", c.dir.asked)
					}
					if failed && !strings.Contains(r.Accounts.At(1).Error, `account "2" was created on 2020-01-02`) {
						t.Errorf("the error is %q", r.Accounts.At(1).Error)
					}
				})
			})
		}
	}
}
