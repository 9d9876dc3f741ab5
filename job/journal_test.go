package job

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
)

// openJournal is a journal in a new file, and a function that reads its lines as
// "intent 17 inactive" and "result 17 inactive removed".
func openJournal(t *testing.T) (*Journal, func() []string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "journal")
	j, err := OpenJournal(path, "run-1")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = j.file.Close() })
	return j, func() []string { return readJournal(t, path) }
}

func readJournal(t *testing.T, path string) []string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var events []string
	for line := range strings.Lines(string(text)) {
		var e Event
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			events = append(events, "torn")
			continue
		}
		if e.Time.IsZero() || e.RunID != "run-1" || e.Event == "intent" && (e.LastLogin == "" || e.Action == "") {
			t.Errorf("an event lacks its time, run, action or last login: %s", line)
		}
		events = append(events, strings.TrimSpace(fmt.Sprintln(e.Event, e.UserID, e.Reason, e.Result)))
	}
	return events
}

func TestJournal(t *testing.T) {
	j, lines := openJournal(t)
	// Each line is there before the next begins, without Close.
	for i, step := range []struct {
		write func() error
		want  string
	}{
		{func() error { return j.intent(with("17"), Decision{Remove, Inactive}) }, "intent 17 inactive"},
		{func() error { return j.result(Account{ID: "17", Reason: Inactive, Result: Removed}) }, "result 17 inactive removed"},
		{func() error { return j.intent(with("a\n\"b", loginIs(LoginNever)), Decision{Remove, NeverLoggedIn}) }, "intent a\n\"b never_logged_in"},
		{func() error {
			return j.result(Account{ID: "18", Reason: Inactive, Result: NotRemoved, Error: "two\nlines"})
		}, "result 18 inactive failed"},
	} {
		if err := step.write(); err != nil {
			t.Fatal(err)
		}
		if got := lines(); len(got) != i+1 || got[i] != step.want {
			t.Errorf("%q, want %q at the end", got, step.want)
		}
	}
	info, err := j.file.(*os.File).Stat()
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v: others may read who was removed", info.Mode(), err)
	}
	if err := j.Close(); err != nil {
		t.Error(err)
	}
	if err := j.intent(with("17"), Decision{Remove, Inactive}); !errors.Is(err, os.ErrClosed) {
		t.Errorf("an intent in a closed journal: %v", err)
	}
}

// A line is readable without the program.
func TestJournalLines(t *testing.T) {
	j, _ := openJournal(t)
	for _, step := range []struct {
		write func() error
		want  string
	}{
		{func() error { return j.intent(with("17"), Decision{Disable, Inactive}) },
			`"event":"intent","user_id":"17","action":"disable","reason":"inactive","last_login":"2024-01-31T12:00:00Z"}`},
		{func() error { return j.result(Account{ID: "17", Action: Disable, Reason: Inactive, Result: Disabled}) },
			`"event":"result","user_id":"17","action":"disable","reason":"inactive","result":"disabled"}`},
		{func() error { return j.result(Account{ID: "17", Action: Keep, Reason: AlreadyDisabled, Result: Kept}) },
			`"event":"result","user_id":"17","action":"keep","reason":"already_disabled","result":"kept"}`},
	} {
		if err := step.write(); err != nil {
			t.Fatal(err)
		}
		text, err := os.ReadFile(j.file.(*os.File).Name())
		if err != nil || !strings.HasSuffix(string(text), step.want+"\n") {
			t.Errorf("%s, %v\nwant %s at its end", text, err, step.want)
		}
	}
}

func TestJournalAppends(t *testing.T) {
	const intent = `{"time":"2026-07-01T12:00:00Z","run_id":"run-1","event":"intent","user_id":"1","action":"remove","reason":"inactive","last_login":"never"}`
	for _, tt := range []struct{ rule, before, want string }{
		{"a new file", "", "[intent 17 inactive]"},
		{"whole lines", intent + "\n", "[intent 1 inactive intent 17 inactive]"},
		{"a last line without its end", intent, "[intent 1 inactive intent 17 inactive]"},
		{"a torn last line", intent + "\n" + intent[:40], "[intent 1 inactive torn intent 17 inactive]"},
	} {
		path := filepath.Join(t.TempDir(), "journal")
		if err := os.WriteFile(path, []byte(tt.before), 0o600); err != nil {
			t.Fatal(err)
		}
		j, err := OpenJournal(path, "run-1")
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(j.intent(with("17"), Decision{Remove, Inactive}), j.Close()); err != nil {
			t.Error(err)
		}
		if got := fmt.Sprint(readJournal(t, path)); got != tt.want {
			t.Errorf("%s: %s, want %s", tt.rule, got, tt.want)
		}
		if text, _ := os.ReadFile(path); !strings.HasPrefix(string(text), tt.before) {
			t.Errorf("%s: what was in it has changed", tt.rule)
		}
	}
}

func TestOpenJournalRefuses(t *testing.T) {
	dir := t.TempDir()
	fifo := filepath.Join(dir, "fifo")
	if err := syscall.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"", dir, filepath.Join(dir, "no", "journal"), "/dev/null", "/dev/full", fifo} {
		if j, err := OpenJournal(path, "run-1"); err == nil || j != nil || !strings.Contains(err.Error(), path) {
			t.Errorf("%q: journal %v, error %v", path, j, err)
		}
	}
}

// full is a journal that can't be written.
func full(t *testing.T) *Journal {
	t.Helper()
	f, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Skip(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	return &Journal{file: f, runID: "run-1"}
}

// unsynced is a journal that can be written and not synced.
func unsynced(t *testing.T) *Journal {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = r.Close(), w.Close() })
	return &Journal{file: w, runID: "run-1"}
}

func TestJournalSaysWhatIsNotOnDisk(t *testing.T) {
	if err := full(t).intent(with("17"), Decision{Remove, Inactive}); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("an intent on a full disk: %v", err)
	}
	if err := full(t).result(Account{ID: "17"}); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("a result on a full disk: %v", err)
	}
	if err := unsynced(t).intent(with("17"), Decision{Remove, Inactive}); err == nil {
		t.Error("an intent that can't be synced counts as written")
	}
	if err := unsynced(t).Close(); err == nil {
		t.Error("a journal that can't be synced closes without an error")
	}
	var none *Journal
	if err := errors.Join(none.intent(with("17"), Decision{Remove, Inactive}), none.result(Account{}), none.Close()); err != nil {
		t.Errorf("no journal: %v", err)
	}
}

// Writers do not mix their lines, even through two open files as two processes have.
func TestJournalConcurrently(t *testing.T) {
	path := filepath.Join(t.TempDir(), "journal")
	const writers, removals = 8, 20
	var wg sync.WaitGroup
	for w := range writers {
		j, err := OpenJournal(path, "run-1")
		if err != nil {
			t.Fatal(err)
		}
		for half := range 2 {
			wg.Go(func() {
				for i := range removals {
					id := fmt.Sprintf("%d-%d-%d-%s", w, half, i, strings.Repeat("x", 10*i))
					if err := errors.Join(j.intent(with(id), Decision{Remove, Inactive}), j.result(Account{ID: id, Reason: Inactive, Result: Removed})); err != nil {
						t.Error(err)
					}
				}
			})
		}
		t.Cleanup(func() { _ = j.Close() })
	}
	wg.Wait()
	seen := map[string]int{}
	for i, line := range readJournal(t, path) {
		seen[line]++
		if id, ok := strings.CutPrefix(line, "result "); ok && seen["intent "+strings.TrimSuffix(id, " removed")] != 1 {
			t.Errorf("line %d: %s before its intent", i+1, line)
		}
	}
	if len(seen) != 2*2*writers*removals {
		t.Errorf("%d different lines, want %d", len(seen), 2*2*writers*removals)
	}
}
