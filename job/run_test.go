package job

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"
)

func TestRun(t *testing.T) {
	const (
		untouched = "self list"
		removed   = "1:removed 2:removed 3:removed"
		would     = "1:would_remove 2:would_remove 3:would_remove"
		none      = "1:not_attempted 2:not_attempted 3:not_attempted"
		each      = "self list read 1 remove 1 find 1 read 2 remove 2 find 2 read 3 remove 3 find 3"
	)
	tests := []struct {
		rule    string
		do      func(*cleanup)
		outcome Outcome
		became  string
		asked   string // of the directory, unless it is empty here
	}{
		{"the longest inactive goes first", func(*cleanup) {}, Completed, removed, each},
		{"nothing to do", func(c *cleanup) { c.dir.users = c.dir.users[:1] }, Completed, "", untouched},

		// dry runs
		{"a dry run only reads", func(c *cleanup) { c.DryRun = true }, DryRun, would, untouched},
		{"a dry run only reads, whatever the guards say", func(c *cleanup) { c.DryRun, c.Limits = true, Limits{} }, DryRun, would, untouched},
		{"a dry run of half of a directory", func(c *cleanup) { c.DryRun = true; list(3, errBroken)(c) }, Failed, "", untouched},

		// guards
		{"at the limit", func(c *cleanup) { c.Limits = limits(3, 75) }, Completed, removed, each},
		{"refused for max_removals", func(c *cleanup) { c.Limits.MaxRemovals = 2 }, Refused, none, untouched},
		{"refused for max_removal_percent", func(c *cleanup) { c.Limits.MaxRemovalPercent = 74.9 }, Refused, none, untouched},
		{"refused for require_active", func(c *cleanup) { c.dir.users = c.dir.users[1:] }, Refused, none, untouched},
		{"refused for max_silence", func(c *cleanup) { c.dir.users[0].LastLogin = LoginAt(testNow.Add(-14 * day)) }, Refused, none, untouched},
		{"nothing to refuse in an empty directory", func(c *cleanup) { c.dir.users = nil }, Completed, "", untouched},
		{"refused by the zero limits", func(c *cleanup) { c.Limits = Limits{} }, Refused, none, untouched},

		// partial reads
		{"the listing breaks at the start", list(0, errBroken), Failed, "", untouched},
		{"the listing breaks in between", list(2, errBroken), Failed, "", untouched},
		{"the listing breaks behind the last account", list(4, errBroken), Failed, "", untouched},

		// the caller
		{"self by id is kept", self(User{ID: "1"}, nil), Completed, "2:removed 3:removed", ""},
		{"self by username is kept", self(User{Username: "NAME-of-1"}, nil), Completed, "2:removed 3:removed", ""},
		{"self by email is kept", self(User{Email: "mail-of-1@corp.example"}, nil), Completed, "2:removed 3:removed", ""},
		{"the named and the real self are kept", func(c *cleanup) { self(User{ID: "1"}, nil)(c); c.Policy.Actor = ExactNames("name-of-2") }, Completed, "3:removed", ""},
		{"self is somebody else on the second look", func(c *cleanup) { self(User{Email: "me@x"}, nil)(c); recheckFinds("2", mailed("me@x"))(c) }, Completed, "1:removed 2:kept/self 3:removed", ""},
		{"self can't be read", self(User{}, errBroken), Failed, "", "self"},
		{"self may not be read", self(User{}, ErrCredentials), Failed, "", "self"},
		{"self has no name", self(User{}, nil), Failed, "", "self"},

		// the recheck
		{"used again", recheckFinds("2", login("2026-06-30T00:00:00Z")), Completed, "1:removed 2:kept/active_again 3:removed", "self list read 1 remove 1 find 1 read 2 read 3 remove 3 find 3"},
		{"active again", recheckFinds("2", activity("2026-06-30T00:00:00Z")), Completed, "1:removed 2:kept/active_again 3:removed", ""},
		{"an admin by now", recheckFinds("2", admin), Completed, "1:removed 2:kept/admin 3:removed", ""},
		{"allowlisted by now", func(c *cleanup) { c.Policy.Allowlist = entries("boss"); recheckFinds("2", named("boss"))(c) }, Completed, "1:removed 2:kept/allowlisted 3:removed", ""},
		{"absent by now", recheckFinds("2", loginIs(LoginAbsent)), Completed, "1:removed 2:kept/last_login_unknown 3:removed", ""},
		{"hidden by now", recheckFinds("2", loginIs(LoginHidden)), Completed, "1:removed 2:kept/last_login_unknown 3:removed", ""},
		{"unreadable by now", recheckFinds("2", login("1971-01-01T00:00:00Z")), Completed, "1:removed 2:kept/last_login_unknown 3:removed", ""},
		{"never by now", recheckFinds("2", loginIs(LoginNever)), Completed, "1:removed 2:kept/never_logged_in 3:removed", ""},
		{"later, and still before the cutoff", recheckFinds("2", login("2025-01-01T00:00:00Z")), Completed, removed, each},
		{"another account has its name, by which the request would lead to it", func(c *cleanup) { c.dir.byName = true; c.dir.users[0].Username = "NAME-of-2" }, Completed, "1:removed 2:kept/unsafe_id 3:removed", "self list read 1 remove 1 find 1 read 3 remove 3 find 3"},
		{"its name can't stand in a URL", func(c *cleanup) { c.dir.byName = true; c.dir.users[3].Username = ".." }, Completed, "1:removed 2:kept/unsafe_id 3:removed", "self list read 1 remove 1 find 1 read 3 remove 3 find 3"},
		{"renamed by now, where the name leads to it", func(c *cleanup) { c.dir.byName = true; recheckFinds("2", named("somebody"))(c) }, Completed, "1:removed 2:kept/unsafe_id 3:removed", "self list read 1 remove 1 find 1 read 2 read 3 remove 3 find 3"},
		{"renamed by now, where the id leads to it", recheckFinds("2", named("somebody")), Completed, removed, each},
		{"renamed between two requests", func(c *cleanup) {
			c.dir.byName = true
			failing("2", errAgain)(c)
			c.dir.read = func(_ context.Context, u User) (User, error) {
				if c.dir.requests[u.ID] > 0 {
					u.Username = "somebody"
				}
				return u, nil
			}
		}, Completed, "1:removed 2:kept/unsafe_id 3:removed", "self list read 1 remove 1 find 1 read 2 remove 2 read 2 read 3 remove 3 find 3"},
		{"another account", recheckFinds("2", func(u *User) { u.ID = "22" }), Partial, "1:removed 2:failed 3:removed", "self list read 1 remove 1 find 1 read 2 read 3 remove 3 find 3"},
		{"an account without an id", recheckFinds("2", func(u *User) { u.ID = "" }), Partial, "1:removed 2:failed 3:removed", ""},
		{"gone by now", func(c *cleanup) {
			c.dir.read = func(_ context.Context, u User) (User, error) { return u, fmt.Errorf("read user: %w", ErrNotFound) }
		}, Completed, "1:already_gone 2:already_gone 3:already_gone", "self list read 1 self read 2 self read 3 self renew list"},
		{"gone, says a directory that still lists them", func(c *cleanup) {
			c.dir.listsGone = true
			c.dir.read = func(_ context.Context, u User) (User, error) { return u, fmt.Errorf("read user: %w", ErrNotFound) }
		}, Partial, "1:failed 2:failed 3:failed", "self list read 1 self read 2 self read 3 self renew list"},
		{"gone, says a directory that can't be read again", func(c *cleanup) {
			c.dir.read = func(_ context.Context, u User) (User, error) {
				c.dir.list = func(context.Context, int) error { return errBroken }
				return u, fmt.Errorf("read user: %w", ErrNotFound)
			}
		}, Failed, "1:failed 2:failed 3:failed", ""},
		{"gone from a caller who is signed out", func(c *cleanup) {
			c.dir.self = func() (User, error) {
				if slices.Contains(c.dir.asked, "read 1") {
					return User{}, fmt.Errorf("read self: %w: %w", ErrSignedOut, ErrCredentials)
				}
				return User{ID: "me"}, nil
			}
			c.dir.read = func(_ context.Context, u User) (User, error) { return u, fmt.Errorf("read user: %w", ErrNotFound) }
		}, Failed, "1:failed 2:not_attempted 3:not_attempted", "self list read 1 self"},
		{"can't be read", func(c *cleanup) {
			c.dir.read = func(_ context.Context, u User) (User, error) { return u, errBroken }
		}, Partial, "1:failed 2:failed 3:failed", "self list read 1 read 2 read 3"},
		{"the directory can't read one", func(c *cleanup) {
			c.dir.read = func(_ context.Context, u User) (User, error) {
				return User{}, fmt.Errorf("read user: %w", ErrUnsupported)
			}
		}, Completed, removed, each},
		{"signed out by now", func(c *cleanup) {
			c.dir.read = func(_ context.Context, u User) (User, error) {
				return u, fmt.Errorf("read user: %w: %w", ErrSignedOut, ErrCredentials)
			}
		}, Failed, "1:failed 2:not_attempted 3:not_attempted", "self list read 1"},
		{"without a second look", func(c *cleanup) { c.Recheck = false; recheckFinds("2", admin)(c) }, Completed, removed, "self list remove 1 find 1 remove 2 find 2 remove 3 find 3"},

		// requests
		{"already gone", failing("2", ErrNotFound), Completed, "1:removed 2:already_gone 3:removed", "self list read 1 remove 1 find 1 read 2 remove 2 find 2 read 3 remove 3 find 3 renew list"},
		{"not found, and there all the same", func(c *cleanup) { c.dir.removeNotFound = true; failing("2", ErrNotFound)(c) }, Partial, "1:removed 2:failed 3:removed", ""},
		{"not found, without a second look", func(c *cleanup) { c.Recheck = false; failing("2", ErrNotFound)(c) }, Completed, "1:removed 2:already_gone 3:removed", "self list remove 1 find 1 remove 2 find 2 remove 3 find 3 renew list"},
		{"a request fails", failing("2", errBroken), Partial, "1:removed 2:failed 3:removed", "self list read 1 remove 1 find 1 read 2 remove 2 read 3 remove 3 find 3"},
		{"forbidden once", failing("2", ErrCredentials), Partial, "1:removed 2:failed 3:removed", "self list read 1 remove 1 find 1 read 2 remove 2 read 3 remove 3 find 3"},
		{"signed out", failing("2", fmt.Errorf("%w: %w", ErrSignedOut, ErrCredentials)), Failed, "1:removed 2:failed 3:not_attempted", "self list read 1 remove 1 find 1 read 2 remove 2"},
		{"a request is repeated", failing("2", errAgain, errAgain), Completed, removed, "self list read 1 remove 1 find 1 read 2 remove 2 read 2 remove 2 read 2 remove 2 find 2 read 3 remove 3 find 3"},
		{"a request is repeated in vain", failing("2", errAgain, errBroken), Partial, "1:removed 2:failed 3:removed", ""},
		{"used between two requests", func(c *cleanup) { failing("2", errAgain)(c); usedAfter(1)(c) }, Completed, "1:removed 2:kept/active_again 3:removed", "self list read 1 remove 1 find 1 read 2 remove 2 read 2 read 3 remove 3 find 3"},
		{"used after a request without an answer", func(c *cleanup) { failing("2", errUnanswered)(c); usedAfter(1)(c) }, Partial, "1:removed 2:failed 3:removed", "self list read 1 remove 1 find 1 read 2 remove 2 read 2 read 3 remove 3 find 3"},
		{"used after another request, the first one without an answer", func(c *cleanup) { failing("2", errUnanswered, errAgain)(c); usedAfter(2)(c) }, Partial, "1:removed 2:failed 3:removed", ""},
		{"renamed after a request without an answer", func(c *cleanup) {
			c.dir.byName = true
			failing("2", errUnanswered)(c)
			c.dir.read = func(_ context.Context, u User) (User, error) {
				if c.dir.requests[u.ID] > 0 {
					u.Username = "somebody"
				}
				return u, nil
			}
		}, Partial, "1:removed 2:failed 3:removed", ""},
		{"what was not asked about counts as failed", func(c *cleanup) { c.dir.unconfirmed = true }, Partial, "1:failed 2:failed 3:failed", ""},

		// failures in a row
		{"fewer than the limit", func(c *cleanup) { c.MaxFailures = 4; failing("*", errBroken)(c) }, Partial, "1:failed 2:failed 3:failed", "self list read 1 remove 1 read 2 remove 2 read 3 remove 3"},
		{"at the limit: the end", func(c *cleanup) { c.MaxFailures = 2; failing("*", errBroken)(c) }, Failed, "1:failed 2:failed 3:not_attempted", "self list read 1 remove 1 read 2 remove 2"},
		{"a limit of 1", func(c *cleanup) { c.MaxFailures = 1; failing("2", errBroken)(c) }, Failed, "1:removed 2:failed 3:not_attempted", ""},
		{"a limit of 0 is 1", func(c *cleanup) { c.MaxFailures = 0; failing("2", errBroken)(c) }, Failed, "1:removed 2:failed 3:not_attempted", ""},
		{"not in a row", func(c *cleanup) {
			c.MaxFailures = 2
			c.dir.remove = func(_ context.Context, id string, _ int) error {
				return map[string]error{"1": errBroken, "3": errBroken}[id]
			}
		}, Partial, "1:failed 2:removed 3:failed", ""},
		{"an account that is gone ends the row", func(c *cleanup) {
			c.MaxFailures = 2
			c.dir.remove = func(_ context.Context, id string, _ int) error {
				return map[string]error{"1": errBroken, "2": ErrNotFound, "3": errBroken}[id]
			}
		}, Partial, "1:failed 2:already_gone 3:failed", ""},

		// ids that mean something else in a URL
		{"an unsafe id is never asked about", func(c *cleanup) {
			c.dir.users = append(c.dir.users, with("4/../1"), with(".."), with(""), with(" 1"), with("1\n"))
		}, Completed, removed, each},
	}
	for _, tt := range tests {
		t.Run(tt.rule, func(t *testing.T) {
			inBubble(t, threeDormant(), func(t *testing.T, c *cleanup) {
				tt.do(c)
				r := c.run(t.Context(), t)
				if r.Outcome != tt.outcome || resultsOf(r) != tt.became {
					t.Errorf("%s: %s\nwant %s: %s", r.Outcome, resultsOf(r), tt.outcome, tt.became)
				}
				if got := strings.Join(c.dir.asked, " "); got != tt.asked && tt.asked != "" {
					t.Errorf("asked %s\nwant  %s", got, tt.asked)
				}
			})
		})
	}
}

func TestRunReports(t *testing.T) {
	inBubble(t, threeDormant(), func(t *testing.T, c *cleanup) {
		c.Policy.NeverLoggedIn = NeverRemoveUndated
		c.dir.users = append(c.dir.users, with("4", loginIs(LoginNever), undated), with("5", loginIs(LoginHidden)))
		c.dir.remove = func(_ context.Context, id string, _ int) error {
			if id == "2" {
				return wordy{errBroken}
			}
			return nil
		}
		r := c.run(t.Context(), t)
		if r.Command != "run" || r.Profile != "memory" || r.URL != "https://directory.example" || !r.StartedAt.Equal(testNow) || !r.Cutoff.Equal(testCutoff) {
			t.Errorf("%+v", r)
		}
		got, err := json.Marshal(r.Accounts.List()[:3])
		if err != nil {
			t.Fatal(err)
		}
		want := `[{"id":"4","username":"name-of-4","email":"mail-of-4@corp.example","last_login":null,"inactive_days":null,` +
			`"action":"remove","reason":"never_logged_in","result":"removed","error":""},` +
			`{"id":"1","username":"name-of-1","email":"mail-of-1@corp.example","last_login":"2021-01-01T00:00:00Z","inactive_days":2007,` +
			`"action":"remove","reason":"inactive","result":"removed","error":""},` +
			`{"id":"2","username":"name-of-2","email":"mail-of-2@corp.example","last_login":"2022-01-01T00:00:00Z","inactive_days":1642,` +
			`"action":"remove","reason":"inactive","result":"failed","error":"remove user: broken pipe: name-of-2, in the server's words"}]`
		if string(got) != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
		got, err = json.Marshal(r.Counts)
		if want := `{"scanned":6,"candidates":4,"removed":3,"disabled":0,"accepted":0,"refused_by_directory":0,"already_gone":0,"failed":1,"not_attempted":0,"kept":{"active":1,"last_login_unknown":1},"states":{"active":1,"candidate":4,"exempt":0,"in_grace":0,"new":0,"unknown":1}}`; err != nil || string(got) != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	})
}

// wordy is an error with words of the server's that are not for the log.
type wordy struct{ error }

func (wordy) Detail() string { return "name-of-2, in the server's words" }

func TestRunKeepsLogins(t *testing.T) {
	shared := func(c *cleanup) { c.dir.users[2].Email, c.dir.users[3].Email = "a@x", "a@x" }
	tests := []struct {
		rule string
		rows []string
		do   func(*cleanup)
		want string
	}{
		{"used elsewhere", []string{"mail-of-2@corp.example,2026-06-30"}, func(*cleanup) {}, "1:removed 3:removed"},
		{"used elsewhere long ago", []string{"mail-of-2@corp.example,2025-06-30"}, func(*cleanup) {}, "1:removed 3:removed 2:removed"},
		{"known elsewhere alone, on both looks", []string{"mail-of-2@corp.example,2020-06-30"}, func(c *cleanup) { c.dir.users[3].LastLogin = LastLogin{} }, "2:removed 1:removed 3:removed"},
		{"a row about two accounts", []string{"a@x,2020-06-30"}, shared, "3:removed"},
		{"a row that turns out to be about two accounts", []string{"mail-of-2@corp.example,2020-06-30"}, recheckFinds("3", mailed("mail-of-2@corp.example")), "1:removed 2:removed 3:kept/last_login_unknown"},
	}
	for _, tt := range tests {
		t.Run(tt.rule, func(t *testing.T) {
			inBubble(t, threeDormant(), func(t *testing.T, c *cleanup) {
				c.Activity = readActivity(t, append([]string{"email,last_login", "mail-of-new@corp.example,2026-07-01"}, tt.rows...)...)
				tt.do(c)
				if r := c.run(t.Context(), t); resultsOf(r) != tt.want || r.Outcome != Completed {
					t.Errorf("%s: %s, want %s", r.Outcome, resultsOf(r), tt.want)
				}
			})
		})
	}
}

func TestRunWithoutARecord(t *testing.T) {
	tests := []struct {
		rule    string
		do      func(*testing.T, *cleanup)
		outcome Outcome
		became  string
	}{
		{"no journal is wanted", func(_ *testing.T, c *cleanup) { c.Journal = nil }, Completed, "1:removed 2:removed 3:removed"},
		{"no journal, and the log can't be written", func(_ *testing.T, c *cleanup) { c.Journal, c.lost = nil, "removing account" }, Failed, "1:not_attempted 2:not_attempted 3:not_attempted"},
		{"no journal, and the log has lost a line before", func(_ *testing.T, c *cleanup) { c.Journal, c.lost = nil, "run started" }, Failed, "1:not_attempted 2:not_attempted 3:not_attempted"},
		{"no journal, and the log loses a result", func(_ *testing.T, c *cleanup) { c.Journal, c.lost = nil, "removed account" }, Failed, "1:removed 2:not_attempted 3:not_attempted"},
		{"a journal, and the log can't be written", func(_ *testing.T, c *cleanup) { c.lost = "removing account" }, Completed, "1:removed 2:removed 3:removed"},
		{"an intent can't be written", func(t *testing.T, c *cleanup) { c.Journal = full(t) }, Failed, "1:not_attempted 2:not_attempted 3:not_attempted"},
		{"an intent can't be synced", func(t *testing.T, c *cleanup) { c.Journal = unsynced(t) }, Failed, "1:not_attempted 2:not_attempted 3:not_attempted"},
		{"a result can't be written", func(_ *testing.T, c *cleanup) {
			c.dir.remove = func(_ context.Context, id string, _ int) error {
				if id == "2" {
					return c.journal.file.Close()
				}
				return nil
			}
		}, Failed, "1:removed 2:removed 3:not_attempted"},
		{"the last result can't be written", func(_ *testing.T, c *cleanup) {
			c.dir.remove = func(_ context.Context, id string, _ int) error {
				if id == "3" {
					return c.journal.file.Close()
				}
				return nil
			}
		}, Failed, "1:removed 2:removed 3:removed"},
	}
	for _, tt := range tests {
		t.Run(tt.rule, func(t *testing.T) {
			inBubble(t, threeDormant(), func(t *testing.T, c *cleanup) {
				c.Record = NewRecord(c)
				c.Log = zerolog.New(c.Record)
				tt.do(t, c)
				r := c.run(t.Context(), t)
				if r.Outcome != tt.outcome || resultsOf(r) != tt.became || (r.Outcome == Failed) != errors.Is(r.Err, errNoRecord) {
					t.Errorf("%s: %s, error %v\nwant %s: %s", r.Outcome, resultsOf(r), r.Err, tt.outcome, tt.became)
				}
			})
		})
	}
}

// A run that could not even begin has a report and a summary all the same.
func TestRunThatCannotBegin(t *testing.T) {
	inBubble(t, threeDormant(), func(t *testing.T, c *cleanup) {
		r := c.Fail(testNow, errBroken)
		c.checkReport(t, r)
		c.checkLog(t, r)
		if r.Outcome != Failed || !errors.Is(r.Err, errBroken) || len(c.dir.asked) > 0 || len(c.lines()) > 0 {
			t.Errorf("%s, error %v, asked %v", r.Outcome, r.Err, c.dir.asked)
		}
	})
}

// A second run with the same cleanup begins anew.
func TestRunTwice(t *testing.T) {
	inBubble(t, threeDormant(), func(t *testing.T, c *cleanup) {
		c.DryRun = true
		self(User{ID: "3"}, nil)(c)
		first := c.run(t.Context(), t)
		c.log.Reset()
		<-time.After(time.Hour)
		second := c.run(t.Context(), t)
		if resultsOf(first) != "1:would_remove 2:would_remove" || resultsOf(second) != resultsOf(first) || !maps.Equal(first.Counts.Kept, second.Counts.Kept) {
			t.Errorf("first %s, second %s", resultsOf(first), resultsOf(second))
		}
		if second.StartedAt.Sub(first.StartedAt) != time.Hour || second.Cutoff.Sub(first.Cutoff) != time.Hour {
			t.Errorf("first %s, second %s", first.StartedAt, second.StartedAt)
		}
	})
}

func TestRunConcurrency(t *testing.T) {
	var users []User
	for i := range 20 {
		users = append(users, with(fmt.Sprintf("%02d", i)))
	}
	users = append(users, with("new", login("2026-06-30T00:00:00Z")))
	second := func(context.Context, string, int) error { <-time.After(time.Second); return nil }
	tests := []struct {
		concurrency int
		remove      func(ctx context.Context, id string, attempt int) error
		busiest     int
		took        time.Duration
	}{
		{-1, second, 1, 20 * time.Second},
		{0, second, 1, 20 * time.Second},
		{1, second, 1, 20 * time.Second},
		{4, second, 4, 5 * time.Second},
		{7, second, 7, 3 * time.Second},
		{100, second, 20, time.Second},
		{2, func(ctx context.Context, id string, n int) error { // one that takes long holds up none
			if id == "00" {
				<-time.After(time.Minute)
			}
			return second(ctx, id, n)
		}, 2, time.Minute + time.Second},
	}
	for _, tt := range tests {
		t.Run(strconv.Itoa(tt.concurrency), func(t *testing.T) {
			inBubble(t, users, func(t *testing.T, c *cleanup) {
				c.Concurrency, c.dir.remove = tt.concurrency, tt.remove
				r := c.run(t.Context(), t)
				if took := r.FinishedAt.Sub(r.StartedAt); took != tt.took || c.dir.busiest != tt.busiest || r.Counts.Removed != 20 {
					t.Errorf("%d removed in %s, %d at once; want 20 in %s, %d at once", r.Counts.Removed, took, c.dir.busiest, tt.took, tt.busiest)
				}
			})
		})
	}
}

// Removals are logged at any log level.
func TestRunLogsRemovalsAtAnyLevel(t *testing.T) {
	for _, level := range []zerolog.Level{zerolog.TraceLevel, zerolog.InfoLevel, zerolog.ErrorLevel, zerolog.Disabled} {
		inBubble(t, threeDormant(), func(t *testing.T, c *cleanup) {
			c.Log = c.Log.Level(level)
			failing("2", errBroken)(c)
			c.run(t.Context(), t)
			for message, want := range map[string]int{"removing account": 3, "removed account": 2, "could not remove account": 1, "run finished": 1} {
				if got := strings.Count(c.log.String(), message); got != want {
					t.Errorf("%s: %d times %q, want %d", level, got, message, want)
				}
			}
		})
	}
}
