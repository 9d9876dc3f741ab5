package job

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"math/rand/v2"
	"os"
	"slices"
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
	remove func(ctx context.Context, id string, attempt int) error // what a request comes to; errAgain repeats it
	rude   bool                                                    // removes without asking leave

	mu            sync.Mutex
	asked         []string // such as "remove 3", in order
	requests      map[string]int
	removed       []string
	busy, busiest int
	requested     func(id string) // right before a request to remove
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
			if i < len(d.users) && !yield(d.users[i], nil) {
				return
			}
		}
	}
}

// errCutShort makes a listing end as if it were whole.
var errCutShort = errors.New("cut short")

func (d *memory) User(ctx context.Context, id string) (User, error) {
	d.note("read " + id)
	i := slices.IndexFunc(d.users, func(u User) bool { return u.ID == id })
	if i < 0 {
		return User{}, fmt.Errorf("read user: %w", ErrNotFound)
	}
	if d.read == nil {
		return d.users[i], ctx.Err()
	}
	return d.read(ctx, d.users[i])
}

func (d *memory) Remove(ctx context.Context, id string, confirm func(context.Context) error) error {
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
			if err := confirm(ctx); err != nil {
				return err
			}
		}
		d.note("remove " + id)
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
			defer d.mu.Unlock()
			d.removed = append(d.removed, id)
			return nil
		}
		if !errors.Is(err, errAgain) {
			return fmt.Errorf("remove user: %w", err)
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
}

func (c *cleanup) Write(line []byte) (int, error) {
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
		if c.Journal == c.journal && !slices.ContainsFunc(c.lines(), func(l string) bool { return strings.HasPrefix(l, "intent "+id+" ") }) {
			t.Errorf("account %s is removed before the intent is on record", id)
		}
	}
	r := c.Run(ctx)
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
	for _, a := range r.Accounts {
		if n[a.Result]++; a.Result == Kept {
			secondLook[a.Reason]++
		}
		if (a.Result == Kept) != (a.Action == Keep) && !c.dir.rude {
			t.Errorf("account %s: action %s, result %s", a.ID, a.Action, a.Result)
		}
		if got := slices.Contains(c.dir.removed, a.ID); got != (a.Result == Removed) && !c.dir.rude {
			t.Errorf("account %s is reported as %s; removed: %t", a.ID, a.Result, got)
		}
		if got := c.dir.requests[a.ID]; got > 0 && (a.Result == NotAttempted || a.Result == WouldRemove) {
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
	if k.Candidates != len(r.Accounts) || k.Removed != n[Removed] || k.AlreadyGone != n[AlreadyGone] ||
		k.Failed != n[NotRemoved] || k.NotAttempted != n[NotAttempted] {
		t.Errorf("counts %+v, accounts %v", k, n)
	}
	if !r.Planned && len(r.Accounts) > 0 {
		t.Error("accounts without a plan")
	}
	if len(c.dir.removed) > 0 && (r.DryRun || len(r.Refusals) > 0 || !r.Planned) {
		t.Errorf("removed %v", c.dir.removed)
	}
	if r.Outcome == Completed && k.Removed+k.AlreadyGone+n[Kept] != k.Candidates {
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
		if message == "run finished" && (i != len(lines)-1 || line[FieldOutcome] != string(r.Outcome) || line[FieldRemoved] != float64(r.Counts.Removed)) {
			t.Errorf("summary %d of %d lines: %s", i+1, len(lines), text)
		}
	}
	if said["run finished"] != 1 || said["removed account"] != r.Counts.Removed || said["could not remove account"] != r.Counts.Failed {
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
		attempted := a.Result == Removed || c.dir.requests[a.ID] > 0
		if intents[a.ID] > 1 || attempted && !c.dir.rude && intents[a.ID] != 1 {
			t.Errorf("account %s, %s: %d intents", a.ID, a.Result, intents[a.ID])
		}
		if result, ok := results[a.ID]; (intents[a.ID] > 0 || ok) && result != want && !errors.Is(r.Err, errNoRecord) {
			t.Errorf("account %s: journal %q, report %q", a.ID, result, want)
		}
	}
}

// results are what became of the candidates, as "1:removed 2:kept/admin".
func results(r Report, _ ...any) string {
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
