package job

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"maps"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"
)

// memory is a directory in memory. It notes what it is asked, and each of its
// answers can be replaced.
type memory struct {
	users  []User
	self   func() (User, error)
	list   func(context.Context, int) error // before the account with this index, and after the last
	read   func(context.Context, User) (User, error)
	remove func(ctx context.Context, id string, attempt int) error // what a request to remove or disable comes to; errAgain repeats it
	rude   bool                                                    // removes without asking leave
	steps  bool                                                    // what is repeated are steps of one removal
	ghosts bool                                                    // shows accounts that it can't find to remove

	mu            sync.Mutex
	asked         []string // such as "remove 3", in order
	requests      map[string]int
	removed       []string
	disabled      []string
	gone          []string
	lies          bool // who is gone is listed all the same
	busy, busiest int
	requested     func(id string) // right before a request to remove or disable
}

var _ Directory = (*memory)(nil)

var errAgain = errors.New("try again")

func (d *memory) note(what string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.asked = append(d.asked, what)
}

func (d *memory) Self(ctx context.Context) (User, error) {
	d.note("self")
	if d.self == nil {
		return User{}, fmt.Errorf("self: %w", ErrUnsupported)
	}
	u, err := d.self()
	return u, errors.Join(err, ctx.Err())
}

func (d *memory) Users(ctx context.Context) iter.Seq2[User, error] {
	return func(yield func(User, error) bool) {
		d.note("list")
		for i := range len(d.users) + 1 {
			err := ctx.Err()
			if err == nil && d.list != nil {
				err = d.list(ctx, i)
			}
			if errors.Is(err, errCutShort) {
				return
			}
			if err != nil {
				yield(User{}, fmt.Errorf("list users: %w", err))
				return
			}
			if i < len(d.users) && !d.isGone(d.users[i].ID) && !yield(d.users[i], nil) {
				return
			}
		}
	}
}

// isGone reports whether the directory has said that there is no such account,
// and means it.
func (d *memory) isGone(id string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Contains(d.gone, id) && !d.lies
}

// errCutShort makes a listing end as if it were whole.
var errCutShort = errors.New("cut short")

func (d *memory) User(ctx context.Context, u User) (User, error) {
	id := u.ID
	d.note("read " + id)
	d.mu.Lock()
	gone := slices.Contains(d.gone, id)
	d.mu.Unlock()
	i := slices.IndexFunc(d.users, func(u User) bool { return u.ID == id })
	if i < 0 || gone {
		return User{}, fmt.Errorf("read user: %w", ErrNotFound)
	}
	u = d.users[i]
	d.mu.Lock()
	u.Disabled = u.Disabled || slices.Contains(d.disabled, id)
	d.mu.Unlock()
	if d.read == nil {
		return u, ctx.Err()
	}
	u, err := d.read(ctx, u)
	if errors.Is(err, ErrNotFound) {
		d.mu.Lock()
		d.gone = append(d.gone, id)
		d.mu.Unlock()
	}
	return u, err
}

func (d *memory) Remove(ctx context.Context, u User, confirm func(context.Context) error) error {
	return d.act(ctx, u.ID, "remove", &d.removed, confirm)
}

func (d *memory) Disable(ctx context.Context, u User, confirm func(context.Context) error) error {
	return d.act(ctx, u.ID, "disable", &d.disabled, confirm)
}

// act does to the account what adds it to done.
func (d *memory) act(ctx context.Context, id, what string, done *[]string, confirm func(context.Context) error) error {
	d.mu.Lock()
	d.busy++
	d.busiest = max(d.busiest, d.busy)
	d.mu.Unlock()
	defer func() {
		d.mu.Lock()
		d.busy--
		d.mu.Unlock()
	}()
	for attempt := 1; ; attempt++ {
		if !d.rude {
			// That ctx is done is left for confirm to find out.
			if err := confirm(ctx); err != nil && d.steps && attempt > 1 {
				return fmt.Errorf("%s user: %w: %w", what, ErrHalfDone, err)
			} else if err != nil {
				return err
			}
		}
		d.note(what + " " + id)
		d.mu.Lock()
		d.requests[id]++
		d.mu.Unlock()
		if d.requested != nil {
			d.requested(id)
		}
		var err error
		if d.remove != nil {
			err = d.remove(ctx, id, attempt)
		}
		if err == nil {
			d.mu.Lock()
			*done = append(*done, id)
			d.mu.Unlock()
			return nil
		}
		if errors.Is(err, ErrNotFound) && !d.ghosts {
			d.mu.Lock()
			d.gone = append(d.gone, id)
			d.mu.Unlock()
		}
		if !errors.Is(err, errAgain) {
			return fmt.Errorf("%s user: %w", what, err)
		}
	}
}

// cleanup is a Cleanup of a directory in memory, and what can be seen of it.
type cleanup struct {
	*Cleanup
	dir     *memory
	lines   func() []string // of the journal
	journal *Journal        // the one that lines reads

	mu     sync.Mutex
	log    bytes.Buffer
	logged func(line string)
	lost   string // lines with this text can't be written
}

func (c *cleanup) Write(line []byte) (int, error) {
	if c.lost != "" && strings.Contains(string(line), c.lost) {
		return 0, errBroken
	}
	c.mu.Lock()
	c.log.Write(line)
	c.mu.Unlock()
	if c.logged != nil {
		c.logged(string(line))
	}
	return len(line), nil
}

// threeDormant are the accounts 1, 2 and 3, the longest inactive first, behind
// one that is active.
func threeDormant() []User {
	return []User{
		with("new", login("2026-06-30T00:00:00Z")),
		with("3", login("2023-01-01T00:00:00Z")), with("1", login("2021-01-01T00:00:00Z")), with("2", login("2022-01-01T00:00:00Z")),
	}
}

// inBubble runs a test of a cleanup by testNow. When a goroutine is left behind,
// the bubble tells.
func inBubble(t *testing.T, users []User, test func(t *testing.T, c *cleanup)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		<-time.After(time.Until(testNow))
		c := &cleanup{dir: &memory{users: users, requests: map[string]int{}}}
		c.journal, c.lines = openJournal(t)
		p := testPolicy()
		p.Allowlist, p.Self, p.ProtectRoles = nil, nil, nil
		c.Cleanup = &Cleanup{
			RunID: "run-1", Command: "run", Profile: "memory", URL: "https://directory.example",
			Directory: c.dir, Policy: p, Limits: Limits{MaxRemovals: 100, MaxRemovalPercent: 100, RequireActive: true},
			Recheck: true, Concurrency: 1, MaxFailures: 10, Journal: c.journal,
			Log: zerolog.New(c),
		}
		test(t, c)
	})
}

// run runs the cleanup, and checks what holds for every run.
func (c *cleanup) run(ctx context.Context, t *testing.T) Report {
	t.Helper()
	c.dir.requested = func(id string) {
		if c.Journal == c.journal && !c.dir.rude && !slices.ContainsFunc(c.lines(), func(l string) bool { return strings.HasPrefix(l, "intent "+id+" ") }) {
			t.Errorf("account %s is removed before the intent is on record", id)
		}
	}
	r := c.Run(ctx, time.Now().UTC())
	c.checkReport(t, r)
	c.checkLog(t, r)
	if c.Journal == c.journal {
		c.checkJournal(t, r)
	}
	return r
}

func (c *cleanup) checkReport(t *testing.T, r Report) {
	t.Helper()
	n := map[Result]int{}
	secondLook := map[Reason]int{}
	candidates := slices.DeleteFunc(slices.Clone(r.Accounts), func(a Account) bool { return a.Reason == InGrace })
	for i, a := range r.Accounts {
		if wait := a.Reason == InGrace; wait != (a.RemovableAt != nil) || wait != (i >= len(candidates)) || wait && (c.Ledger == nil || c.dir.requests[a.ID] > 0) {
			t.Errorf("account %d: %+v", i, a)
		}
	}
	for _, a := range candidates {
		if n[a.Result]++; a.Result == Kept {
			secondLook[a.Reason]++
		}
		if (a.Result == Kept) != (a.Action == Keep) && !c.dir.rude {
			t.Errorf("account %s: action %s, result %s", a.ID, a.Action, a.Result)
		}
		if got := slices.Contains(c.dir.removed, a.ID); got != (a.Result == Removed) && !c.dir.rude {
			t.Errorf("account %s is reported as %s; removed: %t", a.ID, a.Result, got)
		}
		if got := slices.Contains(c.dir.disabled, a.ID); got != (a.Result == Disabled || a.Result == Kept && a.Error != "") && !c.dir.rude {
			t.Errorf("account %s is reported as %s; disabled: %t", a.ID, a.Result, got)
		}
		if does := a.Action == Disable; a.Result == Removed && does || (a.Result == Disabled || a.Result == WouldDisable) && !does || a.Result == WouldRemove && does {
			t.Errorf("account %s: action %s, result %s", a.ID, a.Action, a.Result)
		}
		if got := c.dir.requests[a.ID]; got > 0 && (a.Result == NotAttempted || a.Result == WouldRemove || a.Result == WouldDisable) {
			t.Errorf("account %s is reported as %s after %d requests", a.ID, a.Result, got)
		}
	}
	kept := 0
	for reason, n := range r.Counts.Kept {
		if kept += n - secondLook[reason]; n < secondLook[reason] {
			t.Errorf("%d kept as %s, %d of them on the second look", n, reason, secondLook[reason])
		}
	}
	k := r.Counts
	if r.Planned && k.Scanned != k.Candidates+kept {
		t.Errorf("%d scanned, %d candidates and %d kept", k.Scanned, k.Candidates, kept)
	}
	if k.Candidates != len(candidates) || k.Removed != n[Removed] || k.Disabled != n[Disabled] || k.AlreadyGone != n[AlreadyGone] ||
		k.Failed != n[NotRemoved] || k.NotAttempted != n[NotAttempted] {
		t.Errorf("counts %+v, accounts %v", k, n)
	}
	if !r.Planned && len(r.Accounts) > 0 {
		t.Error("accounts without a plan")
	}
	if len(c.dir.removed)+len(c.dir.disabled) > 0 && (r.DryRun || len(r.Refusals) > 0 || !r.Planned) {
		t.Errorf("removed %v, disabled %v", c.dir.removed, c.dir.disabled)
	}
	if r.Outcome == Completed && k.Removed+k.Disabled+k.AlreadyGone+n[Kept] != k.Candidates {
		t.Errorf("completed with %+v", k)
	}
	if (r.Err != nil) != (r.Error != "") || (r.Err != nil) != (r.Outcome == Failed || r.Outcome == Interrupted) {
		t.Errorf("%s with error %v, %q", r.Outcome, r.Err, r.Error)
	}
	if r.RunID != c.RunID || r.StartedAt.IsZero() || r.FinishedAt.Before(r.StartedAt) || r.Cutoff != c.Policy.Cutoff(r.StartedAt) {
		t.Errorf("run %q from %s to %s, cutoff %s", r.RunID, r.StartedAt, r.FinishedAt, r.Cutoff)
	}
}

func (c *cleanup) checkLog(t *testing.T, r Report) {
	t.Helper()
	lines := strings.Split(strings.TrimSuffix(c.log.String(), "\n"), "\n")
	said := map[string]int{}
	for i, text := range lines {
		var line map[string]any
		if err := json.Unmarshal([]byte(text), &line); err != nil {
			t.Errorf("%s: %v", text, err)
		}
		message := fmt.Sprint(line["message"])
		said[message]++
		if line[FieldRunID] != c.RunID {
			t.Errorf("without the run: %s", text)
		}
		for _, private := range []string{"name-of-", "mail-of-", "in the server's words"} {
			if strings.Contains(text, private) {
				t.Errorf("logged: %s", text)
			}
		}
		if strings.Contains(message, "account") && line[FieldUserID] != nil && (line[FieldReason] == nil || line[FieldLastLogin] == nil) {
			t.Errorf("without reason or last login: %s", text)
		}
		if message == "run finished" && (i != len(lines)-1 || line[FieldOutcome] != string(r.Outcome) || line[FieldRemoved] != float64(r.Counts.Removed) || line[FieldDisabled] != float64(r.Counts.Disabled)) {
			t.Errorf("summary %d of %d lines: %s", i+1, len(lines), text)
		}
	}
	if said["run finished"] != 1 || said["removed account"] != r.Counts.Removed && c.lost == "" || said["disabled account"] != r.Counts.Disabled ||
		said["could not remove account"]+said["could not disable account"] != r.Counts.Failed {
		t.Errorf("logged %v, counted %+v", said, r.Counts)
	}
}

func (c *cleanup) checkJournal(t *testing.T, r Report) {
	t.Helper()
	intents, results := map[string]int{}, map[string]string{}
	for _, line := range c.lines() {
		event, rest, _ := strings.Cut(line, " ")
		id, rest, _ := strings.Cut(rest, " ")
		switch _, done := results[id]; {
		case done:
			t.Errorf("after the result: %s", line)
		case event == "intent":
			intents[id]++
		default:
			results[id] = rest
		}
	}
	for _, a := range r.Accounts {
		want := fmt.Sprintf("%s %s", a.Reason, a.Result)
		attempted := a.Result == Removed || a.Result == Disabled || c.dir.requests[a.ID] > 0
		if intents[a.ID] > 1 || attempted && !c.dir.rude && intents[a.ID] != 1 {
			t.Errorf("account %s, %s: %d intents", a.ID, a.Result, intents[a.ID])
		}
		if result, ok := results[a.ID]; (intents[a.ID] > 0 || ok) && result != want && !errors.Is(r.Err, errNoRecord) {
			t.Errorf("account %s: journal %q, report %q", a.ID, result, want)
		}
	}
}

// became is what became of the candidates, as "1:removed 2:kept/admin".
func became(r Report) string {
	var texts []string
	for _, a := range r.Accounts {
		text := a.ID + ":" + string(a.Result)
		if a.Result == Kept {
			text += "/" + string(a.Reason)
		}
		texts = append(texts, text)
	}
	return strings.Join(texts, " ")
}

// second makes the second look at the account with this id find something else
// than the listing did.
func second(id string, edits ...func(*User)) func(*cleanup) {
	return func(c *cleanup) {
		c.dir.read = func(_ context.Context, u User) (User, error) {
			if u.ID == id {
				for _, edit := range edits {
					edit(&u)
				}
			}
			return u, nil
		}
	}
}

// failing makes the first requests to remove each account come to errs.
func failing(id string, errs ...error) func(*cleanup) {
	return func(c *cleanup) {
		c.dir.remove = func(_ context.Context, got string, attempt int) error {
			if (id == got || id == "*") && attempt <= len(errs) {
				return errs[attempt-1]
			}
			return nil
		}
	}
}

// list makes the listing come to err before the account with the index i.
func list(i int, err error) func(*cleanup) {
	return func(c *cleanup) {
		c.dir.list = func(_ context.Context, n int) error {
			if n == i {
				return err
			}
			return nil
		}
	}
}

func self(u User, err error) func(*cleanup) {
	return func(c *cleanup) { c.dir.self = func() (User, error) { return u, err } }
}

var errBroken = errors.New("broken pipe")

func TestRun(t *testing.T) {
	const (
		untouched = "self list"
		removed   = "1:removed 2:removed 3:removed"
		would     = "1:would_remove 2:would_remove 3:would_remove"
		none      = "1:not_attempted 2:not_attempted 3:not_attempted"
		each      = "self list read 1 remove 1 read 2 remove 2 read 3 remove 3"
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
		{"at the limit", func(c *cleanup) { c.Limits = Limits{3, 75, true} }, Completed, removed, each},
		{"refused for max_removals", func(c *cleanup) { c.Limits.MaxRemovals = 2 }, Refused, none, untouched},
		{"refused for max_removal_percent", func(c *cleanup) { c.Limits.MaxRemovalPercent = 74.9 }, Refused, none, untouched},
		{"refused for require_active", func(c *cleanup) { c.dir.users = c.dir.users[1:] }, Refused, none, untouched},
		{"refused for an empty directory", func(c *cleanup) { c.dir.users = nil }, Refused, "", untouched},
		{"refused by the zero limits", func(c *cleanup) { c.Limits = Limits{} }, Refused, none, untouched},

		// partial reads
		{"the listing breaks at the start", list(0, errBroken), Failed, "", untouched},
		{"the listing breaks in between", list(2, errBroken), Failed, "", untouched},
		{"the listing breaks behind the last account", list(4, errBroken), Failed, "", untouched},

		// whoever removes
		{"self by id is kept", self(User{ID: "1"}, nil), Completed, "2:removed 3:removed", ""},
		{"self by username is kept", self(User{Username: "NAME-of-1"}, nil), Completed, "2:removed 3:removed", ""},
		{"self by email is kept", self(User{Email: "mail-of-1@corp.example"}, nil), Completed, "2:removed 3:removed", ""},
		{"the named and the real self are kept", func(c *cleanup) { self(User{ID: "1"}, nil)(c); c.Policy.Self = []string{"name-of-2"} }, Completed, "3:removed", ""},
		{"self is somebody else on the second look", func(c *cleanup) { self(User{Email: "me@x"}, nil)(c); second("2", mailed("me@x"))(c) }, Completed, "1:removed 2:kept/self 3:removed", ""},
		{"self can't be read", self(User{}, errBroken), Failed, "", "self"},
		{"self may not be read", self(User{}, ErrCredentials), Failed, "", "self"},
		{"self has no name", self(User{}, nil), Failed, "", "self"},

		// the second look
		{"used again", second("2", login("2026-06-30T00:00:00Z")), Completed, "1:removed 2:kept/active_again 3:removed", "self list read 1 remove 1 read 2 read 3 remove 3"},
		{"active again", second("2", activity("2026-06-30T00:00:00Z")), Completed, "1:removed 2:kept/active_again 3:removed", ""},
		{"an admin by now", second("2", admin), Completed, "1:removed 2:kept/admin 3:removed", ""},
		{"allowlisted by now", func(c *cleanup) { c.Policy.Allowlist = globs("boss"); second("2", named("boss"))(c) }, Completed, "1:removed 2:kept/allowlisted 3:removed", ""},
		{"absent by now", second("2", loginIs(LoginAbsent)), Completed, "1:removed 2:kept/last_login_unknown 3:removed", ""},
		{"hidden by now", second("2", loginIs(LoginHidden)), Completed, "1:removed 2:kept/last_login_unknown 3:removed", ""},
		{"unreadable by now", second("2", login("1971-01-01T00:00:00Z")), Completed, "1:removed 2:kept/last_login_unknown 3:removed", ""},
		{"never by now", second("2", loginIs(LoginNever)), Completed, "1:removed 2:kept/never_logged_in 3:removed", ""},
		{"later, and still before the cutoff", second("2", login("2025-01-01T00:00:00Z")), Completed, removed, each},
		{"another account", second("2", func(u *User) { u.ID = "22" }), Partial, "1:removed 2:failed 3:removed", "self list read 1 remove 1 read 2 read 3 remove 3"},
		{"an account without an id", second("2", func(u *User) { u.ID = "" }), Partial, "1:removed 2:failed 3:removed", ""},
		{"gone by now", func(c *cleanup) {
			c.dir.read = func(_ context.Context, u User) (User, error) { return u, fmt.Errorf("read user: %w", ErrNotFound) }
		}, Completed, "1:already_gone 2:already_gone 3:already_gone", "self list read 1 self read 2 self read 3 self list"},
		{"gone, says a directory that still lists them", func(c *cleanup) {
			c.dir.lies = true
			c.dir.read = func(_ context.Context, u User) (User, error) { return u, fmt.Errorf("read user: %w", ErrNotFound) }
		}, Partial, "1:failed 2:failed 3:failed", "self list read 1 self read 2 self read 3 self list"},
		{"gone, says a directory that can't be read again", func(c *cleanup) {
			c.dir.read = func(_ context.Context, u User) (User, error) {
				c.dir.list = func(context.Context, int) error { return errBroken }
				return u, fmt.Errorf("read user: %w", ErrNotFound)
			}
		}, Failed, "1:already_gone 2:already_gone 3:already_gone", ""},
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
		{"without a second look", func(c *cleanup) { c.Recheck = false; second("2", admin)(c) }, Completed, removed, "self list remove 1 remove 2 remove 3"},

		// requests
		{"already gone", failing("2", ErrNotFound), Completed, "1:removed 2:already_gone 3:removed", "self list read 1 remove 1 read 2 remove 2 read 2 read 3 remove 3"},
		{"not found, and there all the same", func(c *cleanup) { c.dir.ghosts = true; failing("2", ErrNotFound)(c) }, Partial, "1:removed 2:failed 3:removed", ""},
		{"not found, without a second look", func(c *cleanup) { c.Recheck = false; failing("2", ErrNotFound)(c) }, Completed, "1:removed 2:already_gone 3:removed", "self list remove 1 remove 2 remove 3"},
		{"a request fails", failing("2", errBroken), Partial, "1:removed 2:failed 3:removed", each},
		{"forbidden once", failing("2", ErrCredentials), Partial, "1:removed 2:failed 3:removed", each},
		{"signed out", failing("2", fmt.Errorf("%w: %w", ErrSignedOut, ErrCredentials)), Failed, "1:removed 2:failed 3:not_attempted", "self list read 1 remove 1 read 2 remove 2"},
		{"a request is repeated", failing("2", errAgain, errAgain), Completed, removed, "self list read 1 remove 1 read 2 remove 2 read 2 remove 2 read 2 remove 2 read 3 remove 3"},
		{"a request is repeated in vain", failing("2", errAgain, errBroken), Partial, "1:removed 2:failed 3:removed", ""},
		{"used between two requests", func(c *cleanup) {
			failing("2", errAgain)(c)
			c.dir.read = func(_ context.Context, u User) (User, error) {
				if c.dir.requests[u.ID] > 0 {
					u.LastLogin = LoginAt(testNow)
				}
				return u, nil
			}
		}, Completed, "1:removed 2:kept/active_again 3:removed", "self list read 1 remove 1 read 2 remove 2 read 2 read 3 remove 3"},
		{"what was not asked about counts as failed", func(c *cleanup) { c.dir.rude = true }, Partial, "1:failed 2:failed 3:failed", ""},

		// failures in a row
		{"fewer than the limit", func(c *cleanup) { c.MaxFailures = 4; failing("*", errBroken)(c) }, Partial, "1:failed 2:failed 3:failed", each},
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
				if r.Outcome != tt.outcome || became(r) != tt.became {
					t.Errorf("%s: %s\nwant %s: %s", r.Outcome, became(r), tt.outcome, tt.became)
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
		got, err := json.Marshal(r.Accounts[:3])
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
		if want := `{"scanned":6,"candidates":4,"removed":3,"disabled":0,"already_gone":0,"failed":1,"not_attempted":0,"kept":{"active":1,"last_login_unknown":1}}`; err != nil || string(got) != want {
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
		{"a row that turns out to be about two accounts", []string{"mail-of-2@corp.example,2020-06-30"}, second("3", mailed("mail-of-2@corp.example")), "1:removed 2:removed 3:kept/last_login_unknown"},
	}
	for _, tt := range tests {
		t.Run(tt.rule, func(t *testing.T) {
			inBubble(t, threeDormant(), func(t *testing.T, c *cleanup) {
				c.Activity = readActivity(t, append([]string{"email,last_login"}, tt.rows...)...)
				tt.do(c)
				if r := c.run(t.Context(), t); became(r) != tt.want || r.Outcome != Completed {
					t.Errorf("%s: %s, want %s", r.Outcome, became(r), tt.want)
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
				if r.Outcome != tt.outcome || became(r) != tt.became || (r.Outcome == Failed) != errors.Is(r.Err, errNoRecord) {
					t.Errorf("%s: %s, error %v\nwant %s: %s", r.Outcome, became(r), r.Err, tt.outcome, tt.became)
				}
			})
		})
	}
}

// A run that is cut short starts nothing new, lets end what is under way, and
// still reports. A removal takes 10 s here, a look and a page 1 s.
func TestRunCutShort(t *testing.T) {
	slow := func(ctx context.Context, d time.Duration) error {
		select {
		case <-time.After(d):
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	atOnce := func(c *cleanup, cancel context.CancelFunc) { cancel() }
	in := func(d time.Duration) func(*cleanup, context.CancelFunc) {
		return func(_ *cleanup, cancel context.CancelFunc) { time.AfterFunc(d, cancel) }
	}
	message := func(text string) func(*cleanup, context.CancelFunc) {
		return func(c *cleanup, cancel context.CancelFunc) {
			c.logged = func(line string) {
				if strings.Contains(line, text) {
					cancel()
				}
			}
		}
	}
	tests := []struct {
		rule    string
		cut     func(*cleanup, context.CancelFunc)
		outcome Outcome
		became  string
		asked   string
	}{
		{"before it starts", atOnce, Interrupted, "", "self"},
		{"while it lists", in(2500 * time.Millisecond), Interrupted, "", "self list"},
		{"while the listing ends as if it were whole", func(c *cleanup, cancel context.CancelFunc) {
			c.dir.list = func(_ context.Context, i int) error {
				if i < 2 {
					return nil
				}
				cancel()
				return errCutShort
			}
		}, Interrupted, "", "self list"},
		{"while it looks again", in(4500 * time.Millisecond), Interrupted, "1:not_attempted 2:not_attempted 3:not_attempted", "self list read 1"},
		{"between the intent and the request", message("removing account"), Interrupted, "1:not_attempted 2:not_attempted 3:not_attempted", "self list read 1"},
		{"while it removes", in(6 * time.Second), Interrupted, "1:removed 2:not_attempted 3:not_attempted", "self list read 1 remove 1"},
		{"while it removes the second", in(17 * time.Second), Interrupted, "1:removed 2:removed 3:not_attempted", "self list read 1 remove 1 read 2 remove 2"},
		{"while it removes the last", in(28 * time.Second), Completed, "1:removed 2:removed 3:removed", ""},
		{"when a request has failed and is to be repeated", func(c *cleanup, cancel context.CancelFunc) {
			c.dir.remove = func(context.Context, string, int) error { cancel(); return errAgain }
		}, Interrupted, "1:failed 2:not_attempted 3:not_attempted", "self list read 1 remove 1 read 1"},
		{"when the last account's request is to be repeated", func(c *cleanup, cancel context.CancelFunc) {
			c.dir.remove = func(_ context.Context, id string, _ int) error {
				if id != "3" {
					return nil
				}
				cancel()
				return errAgain
			}
		}, Interrupted, "1:removed 2:removed 3:failed", ""},
		{"after it has ended", message("run finished"), Completed, "1:removed 2:removed 3:removed", ""},
	}
	for _, tt := range tests {
		for _, cause := range []error{context.Canceled, context.DeadlineExceeded} {
			want := tt.outcome
			if want == Interrupted && errors.Is(cause, context.DeadlineExceeded) {
				want = Failed
			}
			t.Run(tt.rule+": "+cause.Error(), func(t *testing.T) {
				inBubble(t, threeDormant(), func(t *testing.T, c *cleanup) {
					c.dir.self = func() (User, error) { return User{ID: "janitor"}, nil }
					c.dir.list = func(ctx context.Context, i int) error {
						if i == len(c.dir.users) {
							return nil
						}
						return slow(ctx, time.Second)
					}
					c.dir.read = func(ctx context.Context, u User) (User, error) { return u, slow(ctx, time.Second) }
					c.dir.remove = func(context.Context, string, int) error { return slow(context.Background(), 10*time.Second) }
					ctx := &endable{Context: t.Context(), done: make(chan struct{})}
					tt.cut(c, sync.OnceFunc(func() { ctx.end(cause) }))
					r := c.run(ctx, t)
					if r.Outcome != want || became(r) != tt.became || want != Completed && !errors.Is(r.Err, cause) {
						t.Errorf("%s: %s, error %v\nwant %s: %s", r.Outcome, became(r), r.Err, want, tt.became)
					}
					if got := strings.Join(c.dir.asked, " "); got != tt.asked && tt.asked != "" {
						t.Errorf("asked %s\nwant  %s", got, tt.asked)
					}
				})
			})
		}
	}
}

// endable is a context that ends when it is told to, and for the reason it is told.
type endable struct {
	context.Context
	done chan struct{}
	err  error
}

func (c *endable) Done() <-chan struct{} { return c.done }

func (c *endable) Err() error {
	select {
	case <-c.done:
		return c.err
	default:
		return nil
	}
}

func (c *endable) end(err error) {
	c.err = err
	close(c.done)
	synctest.Wait() // until the contexts that come from it have ended as well
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
		if became(first) != "1:would_remove 2:would_remove" || became(second) != became(first) || !maps.Equal(first.Counts.Kept, second.Counts.Kept) {
			t.Errorf("first %s, second %s", became(first), became(second))
		}
		if second.StartedAt.Sub(first.StartedAt) != time.Hour || second.Cutoff.Sub(first.Cutoff) != time.Hour {
			t.Errorf("first %s, second %s", first.StartedAt, second.StartedAt)
		}
	})
}

func TestRunTimeout(t *testing.T) {
	inBubble(t, threeDormant(), func(t *testing.T, c *cleanup) {
		c.dir.remove = func(context.Context, string, int) error { <-time.After(10 * time.Second); return nil }
		ctx, cancel := context.WithTimeout(t.Context(), 15*time.Second)
		defer cancel()
		r := c.run(ctx, t)
		if r.Outcome != Failed || became(r) != "1:removed 2:removed 3:not_attempted" || !errors.Is(r.Err, context.DeadlineExceeded) {
			t.Errorf("%s: %s, error %v", r.Outcome, became(r), r.Err)
		}
		if took := r.FinishedAt.Sub(r.StartedAt); took != 20*time.Second {
			t.Errorf("took %s", took)
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

// What was removed is in the log whatever its level is.
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

func TestRunWarns(t *testing.T) {
	inBubble(t, threeDormant(), func(t *testing.T, c *cleanup) {
		c.Policy.Allowlist, c.Policy.Self = globs("1", "nobody-*"), []string{"stranger"}
		c.Activity = readActivity(t, "id,last_login", "nobody,2026-06-01")
		if r := c.run(t.Context(), t); r.Outcome != Completed || became(r) != "2:removed 3:removed" {
			t.Errorf("%s: %s", r.Outcome, became(r))
		}
		for _, want := range []string{`"entry":2`, "the account that does the removing is not in the directory", "rows of the activity file match no account"} {
			if got := strings.Count(c.log.String(), want); got != 1 {
				t.Errorf("%d times %s", got, want)
			}
		}
	})
}

// Whatever happens, and at whatever time it happens, what holds for every run
// holds: see run.
func TestRunWhateverHappens(t *testing.T) {
	const runs = 200
	outcomes := map[Outcome]int{}
	for seed := range uint64(runs) {
		var mu sync.Mutex
		r := rand.New(rand.NewPCG(seed, 0))
		random := func(n int) int {
			mu.Lock()
			defer mu.Unlock()
			return r.IntN(n)
		}
		takes := func() { <-time.After(time.Duration(random(3000)) * time.Millisecond) }
		change := func(u *User) {
			edits := []func(*User){
				login("2026-06-30T00:00:00Z"), login("2024-06-30T00:00:00Z"), loginIs(LoginNever), loginIs(LoginHidden), admin,
				mailed("a@x"), activity("2026-06-01T00:00:00Z"), undated, created("2026-06-01T00:00:00Z"), func(u *User) { u.ID += "/.." },
			}
			edits[random(len(edits))](u)
		}
		errs := []error{errBroken, errAgain, ErrNotFound, ErrCredentials, ErrSignedOut, ErrUnsupported}
		users := []User{with("new", login("2026-06-30T00:00:00Z"))}
		for i := range random(30) {
			u := with(strconv.Itoa(i))
			u.Disabled = random(4) == 0
			if random(3) == 0 {
				change(&u)
			}
			users = append(users, u)
		}
		ok := t.Run(strconv.FormatUint(seed, 10), func(t *testing.T) {
			inBubble(t, users, func(t *testing.T, c *cleanup) {
				c.Concurrency, c.MaxFailures, c.Recheck, c.DryRun = 1+random(5), 1+random(5), random(4) > 0, random(8) == 0
				c.Policy.NeverLoggedIn = []NeverPolicy{NeverKeep, NeverRemove, NeverRemoveUndated}[random(3)]
				c.Policy.DisableOnly, c.Policy.RequireDisabled = random(4) == 0, random(3) == 0
				c.Policy.DisableAfter = time.Duration(random(2)*45*24) * time.Hour
				if random(8) == 0 {
					c.Limits.MaxRemovals = random(10)
				}
				if random(2) == 0 {
					c.Ledger = openLedger(t, filepath.Join(t.TempDir(), "ledger"))
					c.Ledger.found = map[string]time.Time{}
					for _, u := range users {
						c.Ledger.found[u.ID] = testNow.Add(-time.Duration(random(60)) * day)
					}
				}
				elsewhere := func() *Activity { return nil }
				if random(3) == 0 {
					elsewhere = func() *Activity {
						return readActivity(t, "email,last_login", "a@x,2025-01-01", "mail-of-5@corp.example,2026-06-30", "mail-of-6@corp.example,2023-01-01")
					}
				}
				c.Activity = elsewhere()
				trouble := 5 + random(100) // one in so many
				c.dir.list = func(context.Context, int) error {
					if random(50*trouble) == 0 {
						return errBroken
					}
					return nil
				}
				c.dir.read = func(_ context.Context, u User) (User, error) {
					takes()
					if random(trouble) == 0 {
						return u, errs[random(len(errs))]
					}
					if random(trouble) == 0 {
						change(&u)
					}
					return u, nil
				}
				c.dir.remove = func(context.Context, string, int) error {
					takes()
					if random(trouble) == 0 {
						return errs[random(len(errs))]
					}
					return nil
				}
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				if random(2) == 0 {
					ended := time.AfterFunc(time.Duration(random(30000))*time.Millisecond, cancel)
					defer ended.Stop()
				}
				// The plan is pure: it says what might be done with whom.
				allowed := map[string]bool{"self": true, "list": true}
				plan, err := ReadPlan(func(yield func(User, error) bool) {
					for _, u := range users {
						if !yield(u, nil) {
							return
						}
					}
				}, c.Policy, elsewhere(), testNow)
				if err != nil {
					t.Fatal(err)
				}
				c.Ledger.hold(plan, c.Policy, testNow)
				for _, candidate := range plan.Candidates {
					allowed["read "+candidate.User.ID] = true
					allowed[fmt.Sprintf("%s %s", candidate.Action, candidate.User.ID)] = true
				}
				r := c.run(ctx, t)
				for _, what := range c.dir.asked {
					if !allowed[what] {
						t.Errorf("asked to %s, which is not in the plan", what)
					}
				}
				if c.dir.busiest > c.Concurrency {
					t.Errorf("%d at once, want %d", c.dir.busiest, c.Concurrency)
				}
				if r.DryRun && len(c.dir.asked) > 2 {
					t.Errorf("a dry run asked %v", c.dir.asked)
				}
				mu.Lock()
				outcomes[r.Outcome]++
				mu.Unlock()
			})
		})
		if !ok {
			break
		}
	}
	for _, o := range []Outcome{Completed, DryRun, Refused, Partial, Failed, Interrupted} {
		if outcomes[o] == 0 && !t.Failed() {
			t.Errorf("no run was %s: %v", o, outcomes)
		}
	}
}

func TestExplain(t *testing.T) {
	inBubble(t, append(threeDormant(), with("4", mailed("name-of-1")), with("..")), func(t *testing.T, c *cleanup) {
		c.Policy.Allowlist = globs("*-of-2")
		c.dir.users[1].Email, c.dir.users[2].Email, c.dir.users[2].Admin = "a@x", "a@x", true
		self(User{ID: "new"}, nil)(c)
		tests := []struct {
			name string
			want string // the accounts with what becomes of them
		}{
			{"2", "2 keep allowlisted"},
			{"NAME-of-2", "2 keep allowlisted"},
			{"mail-of-2@corp.example", "2 keep allowlisted"},
			{"new", "new keep self"},
			{"name-of-1", "1 keep admin, 4 remove inactive"},
			{"..", ".. keep unsafe_id"},
			{"3", "3 keep last_login_unknown"}, // the row turns out to be about 1, too
			{"nobody", ""},
			{"", ""},
		}
		for _, tt := range tests {
			c.Activity = readActivity(t, "email,last_login", "a@x,2024-01-01")
			explanations, err := c.Explain(t.Context(), tt.name, testNow)
			var got []string
			for _, e := range explanations {
				got = append(got, fmt.Sprintf("%s %s %s", e.User.ID, e.Decision.Action, e.Decision.Reason))
				if i := slices.IndexFunc(e.Rules, func(v Verdict) bool { return v.Applies }); e.Rules[i].Rule != e.Decision.Reason {
					t.Errorf("%q: decided by %s, the first rule that applies is %s", tt.name, e.Decision.Reason, e.Rules[i].Rule)
				}
			}
			if got := strings.Join(got, ", "); got != tt.want || err != nil {
				t.Errorf("%q: %s, error %v, want %s", tt.name, got, err, tt.want)
			}
		}
		list(2, errBroken)(c)
		if found, err := c.Explain(t.Context(), "new", testNow); !errors.Is(err, errBroken) || found != nil {
			t.Errorf("half of a directory: %v, %v", found, err)
		}
		self(User{}, errBroken)(c)
		if found, err := c.Explain(t.Context(), "new", testNow); !errors.Is(err, errBroken) || found != nil {
			t.Errorf("without self: %v, %v", found, err)
		}
		if slices.ContainsFunc(c.dir.asked, func(what string) bool { return what != "self" && what != "list" }) {
			t.Errorf("asked %v", c.dir.asked)
		}
	})
}
