package job

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"
)

// cleanup is a Cleanup of a directory in memory, with its log and its journal.
type cleanup struct {
	*Cleanup
	dir     *inMemory
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

// threeDormant returns an active account, and the inactive accounts 1, 2 and 3, of which
// 1 is inactive the longest. They are not in that order.
func threeDormant() []User {
	return []User{
		with("new", login("2026-06-30T00:00:00Z")),
		with("3", login("2023-01-01T00:00:00Z")), with("1", login("2021-01-01T00:00:00Z")), with("2", login("2022-01-01T00:00:00Z")),
	}
}

// limits returns limits of removals, with all guards of the data.
func limits(most int, percent float64) Limits {
	return Limits{MaxRemovals: most, MaxRemovalPercent: percent, RequireActive: true, MaxSilence: 14 * day}
}

// inBubble runs a test of a cleanup at testNow in a synctest bubble, which fails if a
// goroutine is left behind.
func inBubble(t *testing.T, users []User, test func(t *testing.T, c *cleanup)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		<-time.After(time.Until(testNow))
		c := &cleanup{dir: &inMemory{users: users, requests: map[string]int{}}}
		c.journal, c.lines = openJournal(t)
		p := testPolicy()
		p.Allowlist, p.Actor, p.ProtectRoles = Entries{}, Entries{}, Entries{}
		c.Cleanup = &Cleanup{
			RunID: "run-1", Command: "run", Profile: "memory", URL: "https://directory.example",
			Directory: c.dir, Policy: p, Limits: limits(100, 100),
			Recheck: true, Concurrency: 1, MaxFailures: 10, Journal: c.journal,
			Log: zerolog.New(c),
		}
		test(t, c)
	})
}

// run runs the cleanup and checks the invariants of every run.
func (c *cleanup) run(ctx context.Context, t *testing.T) Report {
	t.Helper()
	c.dir.requested = func(id string) {
		if c.Journal == c.journal && !c.dir.unconfirmed && !slices.ContainsFunc(c.lines(), func(l string) bool { return strings.HasPrefix(l, "intent "+id+" ") }) {
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
	candidates := slices.DeleteFunc(r.Accounts.List(), func(a Account) bool { return a.Reason == InGrace })
	for i, a := range r.Accounts.All() {
		if wait := a.Reason == InGrace; wait != (a.RemovableAt != nil) || wait != (i >= len(candidates)) || wait && (c.Ledger == nil || c.dir.requests[a.ID] > 0) {
			t.Errorf("account %d: %+v", i, a)
		}
	}
	for _, a := range candidates {
		if n[a.Result]++; a.Result == Kept {
			secondLook[a.Reason]++
		}
		if (a.Result == Kept) != (a.Action == Keep) && !c.dir.unconfirmed {
			t.Errorf("account %s: action %s, result %s", a.ID, a.Action, a.Result)
		}
		if got := slices.Contains(c.dir.removed, a.ID); got != (a.Result == Removed) && !strings.Contains(a.Error, "nobody knows") && !c.dir.unconfirmed && !c.dir.lies {
			t.Errorf("account %s is reported as %s; removed: %t", a.ID, a.Result, got)
		}
		if got := slices.Contains(c.dir.disabled, a.ID); got != (a.Result == Disabled || a.Reason == AlreadyDisabled && a.Error != "") && !c.dir.unconfirmed && !c.dir.lies {
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
		k.Accepted != n[Accepted] || k.RefusedByDirectory != n[RefusedByDirectory] || k.Failed != n[NotRemoved] || k.NotAttempted != n[NotAttempted] {
		t.Errorf("counts %+v, accounts %v", k, n)
	}
	if !r.Planned && r.Accounts.Len() > 0 {
		t.Error("accounts without a plan")
	}
	if len(c.dir.removed)+len(c.dir.disabled) > 0 && (r.DryRun || len(r.Refusals) > 0 || !r.Planned) {
		t.Errorf("removed %v, disabled %v", c.dir.removed, c.dir.disabled)
	}
	if r.Outcome == Completed && k.Removed+k.Disabled+k.Accepted+k.RefusedByDirectory+k.AlreadyGone+n[Kept] != k.Candidates {
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
	for _, a := range r.Accounts.All() {
		want := fmt.Sprintf("%s %s", a.Reason, a.Result)
		attempted := a.Result == Removed || a.Result == Disabled || c.dir.requests[a.ID] > 0
		if intents[a.ID] > 1 || attempted && !c.dir.unconfirmed && intents[a.ID] != 1 {
			t.Errorf("account %s, %s: %d intents", a.ID, a.Result, intents[a.ID])
		}
		if result, ok := results[a.ID]; (intents[a.ID] > 0 || ok) && result != want && !errors.Is(r.Err, errNoRecord) {
			t.Errorf("account %s: journal %q, report %q", a.ID, result, want)
		}
	}
}

// resultsOf returns the results of the candidates, as "1:removed 2:kept/admin".
func resultsOf(r Report) string {
	var texts []string
	for _, a := range r.Accounts.All() {
		text := a.ID + ":" + string(a.Result)
		if a.Result == Kept {
			text += "/" + string(a.Reason)
		}
		texts = append(texts, text)
	}
	return strings.Join(texts, " ")
}

// recheckFinds edits the account with this id as the recheck reads it.
func recheckFinds(id string, edits ...func(*User)) func(*cleanup) {
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

// failing makes the first requests to remove the account with this id, or each account
// if id is *, fail with errs.
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

// usedAfter makes a recheck find that an account has been used since so many requests
// about it.
func usedAfter(requests int) func(*cleanup) {
	return func(c *cleanup) {
		c.dir.read = func(_ context.Context, u User) (User, error) {
			if c.dir.requests[u.ID] >= requests {
				u.LastLogin = LoginAt(testNow)
			}
			return u, nil
		}
	}
}

// list makes the listing fail with err before the account with the index i.
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
