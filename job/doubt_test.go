package job

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"
)

// doubtful is a plan with a candidate, of 200 accounts whose newest last login, and whose
// newest one in an activity file, are as old as said.
func doubtful(login, row time.Duration) *Plan {
	return &Plan{
		At: testNow, Scanned: 200, LoggedIn: 147, NewestLogin: testNow.Add(-login), Candidates: candidatesOf(Candidate{Action: Remove}),
		Activity: activityMatch{rows: 10, matched: 10, newest: testNow.Add(-row)},
	}
}

func refused(refusals []Refusal) string {
	var guards []string
	for _, r := range refusals {
		guards = append(guards, fmt.Sprintf("%s %d>%d", r.Guard, r.Found, r.Allowed))
	}
	return strings.Join(guards, ", ")
}

// The data is refused as soon as nobody has logged in for so long, to the second, and a
// file that nobody has renewed for as long.
func TestMaxSilence(t *testing.T) {
	const fresh, limit = time.Hour, 14 * day
	noFile := func(pl *Plan) { pl.Activity = activityMatch{} }
	tests := []struct {
		rule       string
		login, row time.Duration
		edit       func(*Plan)
		want       string
	}{
		{"both are fresh", fresh, fresh, nil, ""},
		{"a login of tomorrow", -day, -day, nil, ""},
		{"the newest login at the limit - 1 s", limit - time.Second, fresh, nil, ""},
		{"at the limit", limit, fresh, nil, "max_silence 14>14"},
		{"at the limit + 1 s", limit + time.Second, fresh, nil, "max_silence 14>14"},
		{"without a file", limit, fresh, noFile, "max_silence 14>14"},
		{"the newest row at the limit - 1 s", fresh, limit - time.Second, nil, ""},
		{"the row at the limit", fresh, limit, nil, "max_silence 14>14"},
		{"the row at the limit + 1 s", fresh, limit + time.Second, nil, "max_silence 14>14"},
		{"a row of long ago", fresh, 60 * day, nil, "max_silence 60>14"},
		{"both", 15 * day, 16 * day, nil, "max_silence 15>14, max_silence 16>14"},
		{"no login at all", fresh, fresh, func(pl *Plan) { pl.NewestLogin = time.Time{} }, "max_silence 9678>14"},
		{"no login at all, and so nobody active", fresh, fresh, func(pl *Plan) { pl.NewestLogin, pl.LoggedIn = time.Time{}, 0 }, "require_active 0>1"},
		{"nobody active, and a login", 100 * day, fresh, func(pl *Plan) { pl.LoggedIn = 0 }, "require_active 0>1, max_silence 100>14"},
		{"no row with a login", fresh, fresh, func(pl *Plan) { pl.Activity.newest = year2000 }, "max_silence 9678>14"},
	}
	for _, tt := range tests {
		t.Run(tt.rule, func(t *testing.T) {
			pl := doubtful(tt.login, tt.row)
			if tt.edit != nil {
				tt.edit(pl)
			}
			limits := limits(100, 100)
			if got := refused(limits.Check(pl)); got != tt.want {
				t.Errorf("refused %q, want %q", got, tt.want)
			}
			if got := limits.Doubts(pl); len(got) > 0 {
				t.Errorf("a plan that is refused is in doubt as well: %v", got)
			}
			pl.Candidates = nil
			if got := refused(limits.Check(pl)); got != "" {
				t.Errorf("without candidates, refused %q", got)
			}
			if got := refused(limits.Doubts(pl)); got != tt.want {
				t.Errorf("without candidates, in doubt for %q, want %q", got, tt.want)
			}
		})
	}
}

func TestMaxSilenceMessages(t *testing.T) {
	pl := doubtful(15*day+time.Hour, 40*day)
	want := []Refusal{
		{
			GuardMaxSilence, 15, 14, "DORMANT_MAX_SILENCE",
			"the newest last login of 200 accounts, the caller's aside, is of 2026-06-16T11:00:00Z, 15 days before this run (2026-07-01T12:00:00Z); " +
				"DORMANT_MAX_SILENCE asks for one in the last 14 days: most likely the directory has stopped recording logins, " +
				"as after a move to single sign-on, and then everybody seems to be inactive; raise DORMANT_MAX_SILENCE to 16d if nobody has logged in since",
		},
		{
			GuardMaxSilence, 40, 14, "DORMANT_MAX_SILENCE",
			"the newest last login in the activity file is of 2026-05-22T12:00:00Z, 40 days before this run (2026-07-01T12:00:00Z); " +
				"DORMANT_MAX_SILENCE asks for one in the last 14 days: most likely nothing renews DORMANT_ACTIVITY_FILE, " +
				"and then everybody seems to be inactive; raise DORMANT_MAX_SILENCE to 41d if nobody has logged in since",
		},
	}
	if got := limits(100, 100).Check(pl); !slices.Equal(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	for i, days := range []int{16, 41} { // what is named will do
		raised := limits(100, 100)
		raised.MaxSilence = time.Duration(days) * day
		if got := len(raised.Check(pl)); got != 1-i {
			t.Errorf("%d days: %d refusals", days, got)
		}
	}
}

// What is not known is not said to have stopped, and the remedy is the one that there is.
func TestRemedyOfUnknownLogins(t *testing.T) {
	pl := doubtful(0, 0)
	pl.NewestLogin, pl.LoggedIn, pl.Candidates, pl.Activity = time.Time{}, 0, nil, activityMatch{}
	limits := limits(100, 100)
	limits.Remedy = "give them"
	doubts := limits.Doubts(pl)
	if len(doubts) != 1 || !strings.HasSuffix(doubts[0].Message, ": give them") || strings.Contains(doubts[0].Message, "turns this guard off") {
		t.Errorf("%+v", doubts)
	}
}

// Half of the rows of a file have to be about somebody here.
func TestActivityFileOfAnotherDirectory(t *testing.T) {
	tests := []struct {
		rows, matched int
		want          string
	}{
		{100, 100, ""}, {100, 51, ""}, {100, 50, ""}, {100, 49, "activity_file 49>50"}, {100, 0, "activity_file 0>50"},
		{1, 1, ""}, {1, 0, "activity_file 0>1"}, {2, 1, ""}, {3, 2, ""}, {3, 1, "activity_file 1>2"},
	}
	for _, tt := range tests {
		pl := doubtful(0, 0)
		pl.Activity.rows, pl.Activity.matched = tt.rows, tt.matched
		refusals := limits(100, 100).Check(pl)
		if got := refused(refusals); got != tt.want {
			t.Errorf("%d of %d: refused %q, want %q", tt.matched, tt.rows, got, tt.want)
		}
		for _, r := range refusals {
			if r.Variable != "DORMANT_ACTIVITY_FILE" || !strings.Contains(r.Message, fmt.Sprintf("of %s of the activity file, %d match", plural(tt.rows, "row"), tt.matched)) {
				t.Errorf("%+v", r)
			}
		}
	}
}

// Neither the caller's login, nor a bound, nor other activity, nor a time that is none shows
// that logins are recorded.
func TestNewestLogin(t *testing.T) {
	p := testPolicy()
	p.Self = ExactNames("me")
	old := with("old", login("2026-05-01T00:00:00Z"))
	tests := []struct {
		rule string
		user User
		want string
	}{
		{"another account's", with("1", login("2026-06-30T00:00:00Z")), "2026-06-30T00:00:00Z"},
		{"an older one", with("1", login("2026-04-30T00:00:00Z")), "2026-05-01T00:00:00Z"},
		{"an administrator's", with("1", admin, login("2026-06-30T00:00:00Z")), "2026-06-30T00:00:00Z"},
		{"the caller's", with("me", login("2026-06-30T00:00:00Z")), "2026-05-01T00:00:00Z"},
		{"the caller's by its name", with("1", named("ME"), login("2026-06-30T00:00:00Z")), "2026-05-01T00:00:00Z"},
		{"a bound", with("1", notAfter("2026-06-30T00:00:00Z")), "2026-05-01T00:00:00Z"},
		{"other activity", with("1", activity("2026-06-30T00:00:00Z")), "2026-05-01T00:00:00Z"},
		{"the year 9999", with("1", login("9999-01-01T00:00:00Z")), "2026-05-01T00:00:00Z"},
		{"never", with("1", loginIs(LoginNever)), "2026-05-01T00:00:00Z"},
		{"a row's", with("row", loginIs(LoginAbsent)), "2026-06-29T23:59:59Z"},
		{"a row's of the caller", with("me", mailed("row@x")), "2026-05-01T00:00:00Z"},
	}
	for _, tt := range tests {
		file := readActivity(t, "username,last_login", "name-of-row,2026-06-29", "row@x,2026-06-28")
		pl, err := ReadPlan(iterate([]User{old, tt.user}), p, file, testNow)
		if got := pl.NewestLogin.Format(time.RFC3339); err != nil || got != tt.want || !pl.At.Equal(testNow) {
			t.Errorf("%s: %s, error %v, want %s", tt.rule, got, err, tt.want)
		}
	}
}

// A file knows of no login after its newest row: the time without one has to be as long up
// to there.
func TestAFileKnowsNothingAfterItsNewestRow(t *testing.T) {
	cutoff := func(before, plus time.Duration) string {
		return testCutoff.Add(-before).Add(plus).UTC().Format(time.RFC3339)
	}
	const late = 10 * day // the age of the newest row
	row := "new," + testNow.Add(-late).Format(time.RFC3339)
	tests := []struct {
		rule  string
		never NeverPolicy
		rows  string
		user  User
		want  Decision
	}{
		{"a row that is old enough", NeverKeep, "1," + cutoff(late, -time.Second), with("1", loginIs(LoginAbsent)), Decision{Remove, Inactive}},
		{"at the second", NeverKeep, "1," + cutoff(late, 0), with("1", loginIs(LoginAbsent)), Decision{Keep, LastLoginUnknown}},
		{"old enough only today", NeverKeep, "1," + cutoff(0, -time.Second), with("1", loginIs(LoginAbsent)), Decision{Keep, LastLoginUnknown}},
		{"in use", NeverKeep, "1," + cutoff(0, 0), with("1", loginIs(LoginAbsent)), Decision{Keep, Active}},
		{"the directory's, and no row", NeverKeep, "2,2026-06-01", with("1", login(cutoff(late, -time.Second))), Decision{Remove, Inactive}},
		{"the directory's at the second, and no row", NeverKeep, "2,2026-06-01", with("1", login(cutoff(late, 0))), Decision{Keep, LastLoginUnknown}},
		{"the directory's, and an older row", NeverKeep, "1,2022-01-01", with("1", login(cutoff(late, 0))), Decision{Keep, LastLoginUnknown}},
		{"never, and no row", NeverRemove, "2,2026-06-01", with("1", loginIs(LoginNever), created(cutoff(late, -time.Second))), Decision{Remove, NeverLoggedIn}},
		{"never, created at the second, and no row", NeverRemove, "2,2026-06-01", with("1", loginIs(LoginNever), created(cutoff(late, 0))), Decision{Keep, NeverLoggedIn}},
		{"never, and a row without a time", NeverRemove, "1,", with("1", loginIs(LoginNever), created(cutoff(late, 0))), Decision{Keep, NeverLoggedIn}},
	}
	for _, tt := range tests {
		p := testPolicy()
		p.NeverLoggedIn = tt.never
		pl, err := ReadPlan(iterate([]User{tt.user}), p, readActivity(t, "id,last_login", row, tt.rows), testNow)
		if err != nil {
			t.Fatal(err)
		}
		got := Decision{Keep, ""}
		for reason := range pl.Kept {
			got.Reason = reason
		}
		for _, c := range pl.Candidates.All() {
			got = Decision{c.Action, c.Reason}
		}
		if got != tt.want {
			t.Errorf("%s: %v, want %v", tt.rule, got, tt.want)
		}
		c := Cleanup{Policy: p, Activity: readActivity(t, "id,last_login", row, tt.rows)}
		if _, second := c.Decide(tt.user, testNow); second != tt.want {
			t.Errorf("%s: a second look decides %v", tt.rule, second)
		}
	}
	// With no row that has a login, nothing is known at all.
	pl, err := ReadPlan(iterate([]User{with("1")}), testPolicy(), readActivity(t, "id,last_login", "1,"), testNow)
	if err != nil || len(pl.Candidates) > 0 {
		t.Errorf("no login in the file: %v, %v", pl.Candidates, err)
	}
}

// How a file with several names matches: a row is about the account that has all of them.
func TestActivityMatch(t *testing.T) {
	alias := func(names ...string) func(*User) { return func(u *User) { u.Aliases = names } }
	tests := []struct {
		rule     string
		rows     []string // id, username, email, last login
		want     string   // matched and disputed rows, of all
		wantKept string   // whose last login a dispute makes unknown
	}{
		{"each agrees", []string{"1,name-of-1,mail-of-1@corp.example,2025-01-01", "2,name-of-2,,2025-01-01"}, "2 0 2", ""},
		{"another of the addresses", []string{"1,,one@corp.example,2025-01-01"}, "1 0 1", ""},
		{"written otherwise", []string{"1,NAME-of-1 ,MAIL-of-1@CORP.example,2025-01-01"}, "1 0 1", ""},
		{"duplicates are one row", []string{"1,,,2025-01-01", "1,,,2025-01-02", " 1 ,,,"}, "1 0 1", ""},
		{"two rows of one account", []string{"1,,,2025-01-01", ",name-of-1,,2025-01-02"}, "2 0 2", ""},
		{"nobody", []string{"9,,,2025-01-01", ",,nobody@corp.example,2025-01-01"}, "0 0 2", ""},
		{"the id of one, and the name of nobody", []string{"1,stranger,,2025-01-01"}, "0 1 1", "1"},
		{"the id of nobody, and the name of one", []string{"9,name-of-1,,2025-01-01"}, "0 1 1", "1"},
		{"the id of one, and the address of another", []string{"1,,mail-of-2@corp.example,2025-01-01"}, "0 1 1", "1 2"},
		{"the name of one, and the address of another", []string{",name-of-1,mail-of-2@corp.example,2025-01-01"}, "0 1 1", "1 2"},
		{"one agrees, and another has one of the names", []string{"1,,shared@corp.example,2025-01-01"}, "1 0 1", ""},
	}
	for _, tt := range tests {
		for _, backwards := range []bool{false, true} {
			users := []User{with("1", alias("one@corp.example", "shared@corp.example")), with("2"), with("3", alias("Shared@corp.example"))}
			if backwards {
				slices.Reverse(users)
			}
			a := readActivity(t, append([]string{"id,username,email,last_login", "fresh,,,2026-07-01"}, tt.rows...)...)
			pl, err := ReadPlan(iterate(users), testPolicy(), a, testNow)
			if err != nil {
				t.Fatal(err)
			}
			if got := fmt.Sprint(pl.Activity.matched, pl.Activity.disputed, pl.Activity.rows-1); got != tt.want {
				t.Errorf("%s, backwards %t: matched %s, want %s", tt.rule, backwards, got, tt.want)
			}
			var kept []string
			for _, u := range []string{"1", "2", "3"} {
				if !slices.ContainsFunc(pl.Candidates, func(c stored) bool { return c.user().id() == u }) {
					kept = append(kept, u)
				}
			}
			if got := strings.Join(kept, " "); got != tt.wantKept {
				t.Errorf("%s, backwards %t: kept %s, want %s", tt.rule, backwards, got, tt.wantKept)
			}
		}
	}
}

// A run with nothing to do warns of its data, and succeeds; a dry run says what the guards
// say, and succeeds as well.
func TestRunWithDataInDoubt(t *testing.T) {
	silent := func(c *cleanup) { c.dir.users[0].LastLogin = LoginAt(testNow.Add(-14 * day)) }
	tests := []struct {
		rule     string
		edit     func(*testing.T, *cleanup)
		outcome  Outcome
		guards   string
		warnings string
	}{
		{"candidates", func(_ *testing.T, c *cleanup) { silent(c) }, Refused, "max_silence", ""},
		{"candidates, in a dry run", func(_ *testing.T, c *cleanup) { silent(c); c.DryRun = true }, DryRun, "max_silence", ""},
		{"no candidates", func(_ *testing.T, c *cleanup) { silent(c); c.dir.users = c.dir.users[:1] }, Completed, "", "max_silence"},
		{"no candidates, in a dry run", func(_ *testing.T, c *cleanup) { silent(c); c.dir.users, c.DryRun = c.dir.users[:1], true }, DryRun, "", "max_silence"},
		{"nobody is known to be active", func(_ *testing.T, c *cleanup) { c.dir.users[0].LastLogin = LastLogin{} }, Refused, "require_active max_silence", ""},
		{"nothing is known of anybody", func(_ *testing.T, c *cleanup) {
			for i := range c.dir.users {
				c.dir.users[i].LastLogin = LastLogin{}
			}
		}, Completed, "", "require_active"},
		{"a file that nobody renews", func(t *testing.T, c *cleanup) {
			t.Helper()
			c.Activity = readActivity(t, "id,last_login", "1,2021-01-01", "new,2026-06-01")
		}, Refused, "max_silence", ""},
		{"a file about others", func(t *testing.T, c *cleanup) {
			t.Helper()
			c.Activity = readActivity(t, "id,last_login", "x,2021-01-01", "y,2021-01-01", "new,2026-07-01")
		}, Refused, "activity_file", "activity_unmatched"},
		{"a file about others, and nobody to remove", func(t *testing.T, c *cleanup) {
			t.Helper()
			c.dir.users = c.dir.users[:1]
			c.Activity = readActivity(t, "id,last_login", "x,2021-01-01", "y,2021-01-01", "new,2026-07-01")
		}, Completed, "", "activity_unmatched activity_file"},
		{"a file in which a row is in dispute", func(t *testing.T, c *cleanup) {
			t.Helper()
			c.Limits.MaxRemovals = math.MaxInt
			c.Activity = readActivity(t, "id,email,last_login", "1,mail-of-2@corp.example,2021-01-01", "new,,2026-07-01", "3,,2023-01-01")
		}, Completed, "", "activity_disputed"},
	}
	for _, tt := range tests {
		t.Run(tt.rule, func(t *testing.T) {
			inBubble(t, threeDormant(), func(t *testing.T, c *cleanup) {
				tt.edit(t, c)
				r := c.run(t.Context(), t)
				var guards []string
				for _, refusal := range r.Refusals {
					guards = append(guards, refusal.Guard)
				}
				if r.Outcome != tt.outcome || strings.Join(guards, " ") != tt.guards || codes(r.Warnings) != tt.warnings {
					t.Errorf("%s, refused by %q, warnings %q", r.Outcome, guards, codes(r.Warnings))
				}
				if n := len(c.dir.requests); n > 0 && (r.Outcome != Completed || tt.warnings != "activity_disputed") {
					t.Errorf("%d removals were asked for", n)
				}
			})
		})
	}
}
