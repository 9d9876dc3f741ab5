package job

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
)

// line is a line of a journal from "run-1 intent 17 remove", or
// "run-1 result 17 failed and why".
func line(text string) string {
	words := strings.SplitN(text, " ", 5)
	e := Event{Time: instant("2026-07-01T12:00:00Z"), RunID: words[0], Event: words[1], UserID: words[2], Reason: Inactive}
	if e.Event == eventIntent {
		e.Action = Action(words[3])
	} else {
		e.Result, e.Error = Result(words[3]), strings.Join(words[4:], "")
	}
	written, err := json.Marshal(e)
	if err != nil {
		panic(err)
	}
	return string(written) + "\n"
}

// traced is a journal in short: "1 17 removed".
func traced(j *Traces) string {
	var all []string
	for _, t := range j.Accounts {
		all = append(all, fmt.Sprint(t.Line, " ", t.UserID, " ", t.State))
	}
	if len(j.Truncated) > 0 {
		all = append(all, fmt.Sprint("cut short ", j.Truncated))
	}
	if len(j.Unrecognized) > 0 {
		all = append(all, fmt.Sprint("foreign ", j.Unrecognized))
	}
	return strings.Join(all, ", ")
}

func readTraces(t *testing.T, text string) *Traces {
	t.Helper()
	j, err := ReadJournal(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return j
}

func TestReadJournal(t *testing.T) {
	intent, removed := line("run-1 intent 17 remove"), line("run-1 result 17 removed")
	old := `{"time":"2026-07-01T12:00:00Z","run_id":"run-1","event":"intent","user_id":"17","reason":"inactive"}` + "\n"
	for _, tt := range []struct{ rule, text, want string }{
		{"an empty file", "", ""},
		{"empty lines", "\n\n \n", ""},
		{"an intent and its result", intent + removed, "1 17 removed"},
		{"no result", intent, "1 17 in_doubt"},
		{"disabled", line("run-1 intent 17 disable") + line("run-1 result 17 disabled"), "1 17 disabled"},
		{"gone", intent + line("run-1 result 17 already_gone"), "1 17 gone"},
		{"it will be done", intent + line("run-1 result 17 accepted"), "1 17 in_doubt"},
		{"refused", intent + line("run-1 result 17 refused_by_directory no"), "1 17 not_done"},
		{"kept", intent + line("run-1 result 17 kept"), "1 17 not_done"},
		{"not attempted", intent + line("run-1 result 17 not_attempted"), "1 17 not_done"},
		{"failed: how far it came is not known", intent + line("run-1 result 17 failed time-out"), "1 17 in_doubt"},
		{"a result of another kind", intent + line("run-1 result 17 would_remove"), "1 17 in_doubt"},
		{"kept because an earlier request has disabled it", line("run-1 intent 17 disable") +
			`{"time":"2026-07-01T12:00:00Z","run_id":"run-1","event":"result","user_id":"17","action":"keep","reason":"already_disabled","result":"kept"}`, "1 17 disabled"},

		{"results in another order", intent + line("run-1 intent 18 remove") + line("run-1 result 18 removed") + removed, "1 17 removed, 2 18 removed"},
		{"a second run", intent + line("run-2 intent 17 remove") + line("run-2 result 17 removed"), "1 17 in_doubt, 2 17 removed"},
		{"a result of another run", intent + line("run-2 result 17 kept"), "1 17 in_doubt"},
		{"an account twice in one run", intent + removed + intent, "1 17 removed, 3 17 in_doubt"},
		{"one result for two intents", intent + intent + removed, "1 17 in_doubt, 2 17 removed"},
		{"a result before its intent", line("run-1 result 17 kept") + intent, "2 17 in_doubt"},
		{"removed without an intent", removed, "1 17 removed"},
		{"removed twice", intent + removed + removed, "1 17 removed, 3 17 removed"},
		{"kept without an intent", line("run-1 result 17 kept"), ""},
		{"failed without an intent: nothing was sent", line("run-1 result 17 failed look again"), ""},

		{"a last line without its end", intent + strings.TrimSpace(removed), "1 17 removed"},
		{"a torn result", intent + removed[:60], "1 17 in_doubt, cut short [2]"},
		{"a torn intent", removed[:1], "cut short [1]"},
		{"torn lines between others", intent[:40] + "\n" + intent + removed[:len(removed)-2] + "\n" + removed, "2 17 removed, cut short [1 3]"},
		{"another process went on in a torn line", removed[:50] + intent + removed, "1 17 removed, cut short [1]"},
		{"zeros after a power failure", intent + strings.Repeat("\x00", 4096) + "\n" + removed, "1 17 removed"},
		{"zeros at the end of a torn line", intent + removed[:30] + strings.Repeat("\x00", 99), "1 17 in_doubt, cut short [2]"},
		{"zeros, and then a process went on", "\x00\x00" + intent, "1 17 in_doubt"},
		{"no end of a line between two", strings.TrimSpace(intent) + removed, "1 17 removed"},

		{"no journal", "# dormant\n\nfinds accounts\n", "foreign [1 3]"},
		{"other JSON", "{}\n[]\n17\n\"intent\"\nnull\n", "foreign [1 2 3 4 5]"},
		{"garbage between", intent + "garbage\n" + removed, "1 17 removed, foreign [2]"},
		{"something behind an event", strings.TrimSpace(removed) + " x\n" + intent, "2 17 in_doubt, foreign [1]"},
		{"a damaged line", strings.Replace(intent, `"run_id"`, "\"run\xff_id", 1), "foreign [1]"},
		{"no such event", line("run-1 maybe 17 removed"), "foreign [1]"},
		{"no account", strings.Replace(intent, "17", "", 1), "foreign [1]"},
		{"no such action", line("run-1 intent 17 promote"), "foreign [1]"},
		{"no such time", strings.Replace(intent, "2026", "then", 1), "foreign [1]"},
		{"no result in it", strings.Replace(removed, `"removed"`, `""`, 1) + intent, "2 17 in_doubt, foreign [1]"},
		{"before there were actions", old + removed, "1 17 removed"},
		{"a line of a megabyte", line("run-1 intent " + strings.Repeat("x", 1<<20) + " remove")[:1<<20] + "\n" + intent, "2 17 in_doubt, cut short [1]"},
		{"an error of a megabyte", intent + line("run-1 result 17 removed "+strings.Repeat("x", 1<<20)), "1 17 removed"},
	} {
		if got := traced(readTraces(t, tt.text)); got != tt.want {
			t.Errorf("%s: %s, want %s", tt.rule, got, tt.want)
		}
	}
	if j := readTraces(t, old); j.Accounts[0].Action != Remove {
		t.Errorf("an early journal: the action is %q", j.Accounts[0].Action)
	}
	if j, err := ReadJournal(iotest.ErrReader(os.ErrDeadlineExceeded)); j != nil || !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("a file that can't be read: %v, %v", j, err)
	}
}

func TestTraceNotes(t *testing.T) {
	intent := line("run-1 intent 17 remove")
	for text, want := range map[string]string{
		intent: "there is no result",
		intent + line("run-1 result 17 failed time-out"): "time-out",
		intent + line("run-1 result 17 kept"):            "kept: inactive",
		intent + line("run-1 result 17 removed"):         "",
		line("run-1 result 17 removed"):                  "there is no intent",
	} {
		if got := readTraces(t, text).Accounts[0]; got.Note != want || got.RunID != "run-1" || got.Time.IsZero() || got.Action == "" {
			t.Errorf("%+v, want %q\n%s", got, want, text)
		}
	}
}

// What a run writes is what is read.
func TestReadJournalOfARun(t *testing.T) {
	path := filepath.Join(t.TempDir(), "journal")
	j, err := OpenJournal(path, "run-1")
	if err != nil {
		t.Fatal(err)
	}
	for _, write := range []func() error{
		func() error { return j.intent(with("17"), Decision{Remove, Inactive}) },
		func() error { return j.intent(with("a\n{\"time\":\x00\u2028"), Decision{Disable, Inactive}) },
		func() error { return j.result(Account{ID: "17", Action: Remove, Result: Removed}) },
		func() error {
			return j.result(Account{ID: "a\n{\"time\":\x00\u2028", Action: Disable, Result: NotRemoved, Error: `{"time":`})
		},
		j.Close,
	} {
		if err := write(); err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := traced(readTraces(t, string(text))), "1 17 removed, 2 a\n{\"time\":\x00\u2028 in_doubt"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

// A crash can truncate a journal anywhere. A truncated journal proves nothing more than the
// whole one, and what complete lines prove stays.
func TestReadJournalCutAnywhere(t *testing.T) {
	whole := line("run-1 intent 17 remove") + line("run-1 intent 18 disable") + line("run-1 result 17 removed") + line("run-1 result 18 disabled")
	for i := range len(whole) + 1 {
		lines := strings.Count(whole[:i]+"\n", "}\n") // whole ones
		want := []string{"", "1 17 in_doubt", "1 17 in_doubt, 2 18 in_doubt", "1 17 removed, 2 18 in_doubt", "1 17 removed, 2 18 disabled"}[lines]
		for _, rest := range []string{"", "\n", "\n" + line("run-2 intent 17 remove"), line("run-2 intent 17 remove")} {
			j := readTraces(t, whole[:i]+rest)
			if rest != "" && rest != "\n" {
				last := j.Accounts[len(j.Accounts)-1]
				if j.Accounts = j.Accounts[:len(j.Accounts)-1]; last.RunID != "run-2" || last.State != StateInDoubt {
					t.Errorf("cut at %d: the run after it has %+v", i, last)
				}
			}
			if got, _, _ := strings.Cut(traced(j), "cut short"); strings.TrimSuffix(got, ", ") != want || len(j.Unrecognized) > 0 {
				t.Errorf("cut at %d: %s, want %s", i, traced(j), want)
			}
		}
	}
}

func FuzzReadJournal(f *testing.F) {
	intent, removed := line("run-1 intent 17 remove"), line("run-1 result 17 removed")
	for _, seed := range []string{
		"", intent, intent + removed, removed + intent, intent + removed[:40] + "\n", removed[:40] + intent, "\x00\x00\n{}\n" + intent,
		line("run-1 intent 17 disable") + line("run-1 result 17 failed x"), "[1]\nnull\n" + intent + line("run-2 result 17 kept"),
	} {
		f.Add(seed, "17", "an error")
	}
	f.Fuzz(func(t *testing.T, text, id, failure string) {
		j := readTraces(t, text)
		// Only the word for it makes a thing certain, and each result one thing.
		certain := map[State]int{}
		for _, a := range j.Accounts {
			certain[a.State]++
			if a.UserID == "" || a.Action != Remove && a.Action != Disable || a.Line < 1 || a.Line > strings.Count(text, "\n")+1 {
				t.Errorf("%+v", a)
			}
		}
		if results := strings.Count(strings.ToLower(text), "result"); len(j.Accounts)-certain[StateInDoubt] > results && !strings.Contains(text, `\u`) {
			t.Errorf("%v are certain of %d results", certain, results)
		}
		if got := len(j.InDoubt()); got != certain[StateInDoubt] {
			t.Errorf("%d are in doubt, not %d", got, certain[StateInDoubt])
		}
		for _, lines := range [][]int{j.Truncated, j.Unrecognized} {
			if !slices.IsSorted(lines) {
				t.Errorf("lines %v", lines)
			}
		}

		// What is in a file takes nothing away from what a later run writes behind it.
		const run = "the run after it"
		longer := []byte(text)
		if text != "" && !strings.HasSuffix(text, "\n") { // as OpenJournal does
			longer = append(longer, '\n')
		}
		ids := []string{"0" + id, "1" + id, "2" + id}
		for _, e := range []Event{
			{Event: eventIntent, UserID: ids[0], Action: Remove},
			{Event: eventIntent, UserID: ids[1], Action: Disable},
			{Event: eventIntent, UserID: ids[2], Action: Remove},
			{Event: eventResult, UserID: ids[0], Action: Remove, Result: Removed},
			{Event: eventResult, UserID: ids[1], Action: Disable, Result: NotRemoved, Error: failure},
		} {
			e.Time, e.RunID = instant("2026-07-01T12:00:00Z"), run
			written, err := json.Marshal(e)
			if err != nil {
				t.Fatal(err)
			}
			longer = append(append(longer, written...), '\n')
		}
		after := readTraces(t, string(longer))
		if n := len(after.Accounts) - len(j.Accounts); n != 3 || len(after.Unrecognized) != len(j.Unrecognized) || len(after.Truncated) != len(j.Truncated) {
			t.Fatalf("%s, and before %s", traced(after), traced(j))
		}
		for i, a := range after.Accounts[len(j.Accounts):] {
			want := []State{StateRemoved, StateInDoubt, StateInDoubt}[i]
			if a.State != want || a.RunID != run || a.UserID != string([]rune(ids[i])) { // JSON has no other bytes
				t.Errorf("%+v, want %q %s", a, ids[i], want)
			}
		}
	})
}

// place is a directory that lists some accounts, and reads one alone.
type place struct {
	Directory
	listed []User
	list   error
	read   func(u User) (User, error)
}

func (p place) Users(context.Context) iter.Seq2[User, error] {
	return func(yield func(User, error) bool) {
		for _, u := range p.listed {
			if !yield(u, nil) {
				return
			}
		}
		if p.list != nil {
			yield(User{}, p.list)
		}
	}
}

func (p place) User(_ context.Context, u User) (User, error) { return p.read(u) }

func TestResolve(t *testing.T) {
	partial := func(u *User) { u.Partial = true }
	is := func(u User, err error) func(User) (User, error) { return func(User) (User, error) { return u, err } }
	missing, unsupported := is(User{}, fmt.Errorf("read user: %w", ErrNotFound)), is(User{}, fmt.Errorf("read user: %w", ErrUnsupported))
	remove, disable := line("run-1 intent 17 remove"), line("run-1 intent 17 disable")
	for _, tt := range []struct {
		rule, text string
		listed     []User
		read       func(User) (User, error) // nil if nobody may be read
		want, note string
	}{
		{"still listed", remove, []User{with("17")}, nil, "1 17 not_done", "there is no result; the directory still has it"},
		{"failed, and still listed", remove + line("run-1 result 17 failed half done"), []User{with("17")}, nil, "1 17 not_done", "half done; the directory still has it"},
		{"failed, and gone", remove + line("run-1 result 17 failed time-out"), []User{with("18")}, missing, "1 17 gone", "time-out; the directory does not have it any more"},
		{"to be removed, and disabled", remove, []User{with("17", disabled)}, nil, "1 17 not_done", ""},
		{"not listed, and not found", remove, []User{with("18")}, missing, "1 17 gone", ""},
		{"not listed, and nobody can be read alone", remove, []User{with("18")}, unsupported, "1 17 gone", ""},
		{"not listed, and there: the listing has not all", remove, []User{with("18")}, is(with("17"), nil), "1 17 not_done", ""},
		{"not listed, and can't be asked by the id alone", remove, []User{with("18")}, func(u User) (User, error) { return u, nil }, "1 17 gone", ""},
		{"not listed, and another one answers", remove, []User{with("18")}, is(with("18"), nil), "1 17 in_doubt", `there is no result; the directory could not be asked: it answered with account "18"`},
		{"not listed, and can't be read", remove, []User{with("18")}, is(User{}, errAgain), "1 17 in_doubt", "there is no result; the directory could not be asked: try again"},

		{"disabled", disable, []User{with("17", disabled)}, nil, "1 17 disabled", "there is no result; the directory says so"},
		{"not disabled", disable, []User{with("17")}, nil, "1 17 not_done", ""},
		{"to be disabled, and gone", disable, []User{with("18")}, missing, "1 17 gone", ""},
		{"disabled, and such are not listed", disable, []User{with("18")}, is(with("17", disabled), nil), "1 17 disabled", ""},
		{"disabled, and the listing does not tell", disable, []User{with("17", partial)}, is(with("17", disabled), nil), "1 17 disabled", ""},
		{"the listing does not tell, nor can anybody ask", disable, []User{with("17", partial)}, unsupported, "1 17 not_done", ""},
		{"listed, and not found", disable, []User{with("17", partial)}, missing, "1 17 in_doubt", ""},

		{"said to be gone, and gone", remove + line("run-1 result 17 already_gone"), []User{with("18")}, missing, "1 17 gone", "the directory does not have it any more"},
		{"said to be gone, and listed", remove + line("run-1 result 17 already_gone"), []User{with("17")}, nil, "1 17 not_done", "the directory still has it"},
		{"said to be gone, and found", remove + line("run-1 result 17 already_gone"), []User{with("18")}, is(with("17"), nil), "1 17 not_done", "the directory still has it"},
		{"it will be done, and is", remove + line("run-1 result 17 accepted"), []User{with("18")}, missing, "1 17 gone", "the directory said that it would be done; the directory does not have it any more"},
		{"it will be done, and is not yet", remove + line("run-1 result 17 accepted"), []User{with("17")}, nil, "1 17 not_done", ""},
		{"what is certain stays", remove + line("run-1 result 17 removed"), []User{with("17")}, nil, "1 17 removed", ""},
		{"two runs", remove + line("run-2 intent 17 disable") + line("run-2 result 17 failed x"), []User{with("17", disabled)}, nil, "1 17 not_done, 2 17 disabled", ""},
	} {
		j := readTraces(t, tt.text)
		read := tt.read
		if read == nil {
			read = func(u User) (User, error) {
				t.Errorf("%s: account %q was read", tt.rule, u.ID)
				return u, nil
			}
		}
		if err := j.Resolve(t.Context(), place{listed: tt.listed, read: read}, "here"); err != nil {
			t.Errorf("%s: %v", tt.rule, err)
		}
		if got := traced(j); got != tt.want || tt.note != "" && j.Accounts[0].Note != tt.note {
			t.Errorf("%s: %s, %q, want %s, %q", tt.rule, got, j.Accounts[0].Note, tt.want, tt.note)
		}
	}
}

func TestResolveNeedsTheWholeListing(t *testing.T) {
	ended, end := context.WithCancelCause(t.Context())
	end(errAgain)
	for _, tt := range []struct {
		rule string
		ctx  context.Context
		at   place
	}{
		{"the listing fails", t.Context(), place{listed: []User{with("17"), with("18")}, list: errAgain}},
		{"it is over", ended, place{listed: []User{with("17"), with("18")}}},
		{"nobody is listed", t.Context(), place{}},
	} {
		j := readTraces(t, line("run-1 intent 17 remove")+line("run-1 intent 19 remove"))
		err := j.Resolve(tt.ctx, tt.at, "here")
		if err == nil || tt.rule != "nobody is listed" && !errors.Is(err, errAgain) || traced(j) != "1 17 in_doubt, 2 19 in_doubt" {
			t.Errorf("%s: %s, %v", tt.rule, traced(j), err)
		}
	}
}

// A journal can be about several directories, and one proves nothing of another.
func TestResolveAsksOnlyAboutItsOwn(t *testing.T) {
	j := &Traces{Accounts: []*Trace{
		{UserID: "17", State: StateInDoubt, Directory: "here"}, {UserID: "17", State: StateInDoubt, Directory: "there"}, {UserID: "17", State: StateInDoubt},
	}}
	gone := place{listed: []User{with("1")}, read: func(User) (User, error) { return User{}, ErrNotFound }}
	if err := j.Resolve(t.Context(), gone, "here"); err != nil {
		t.Fatal(err)
	}
	for i, want := range []State{StateGone, StateInDoubt, StateGone} { // early journals do not tell
		if got := j.Accounts[i]; got.State != want {
			t.Errorf("%+v, want %s", got, want)
		}
	}
}

// A run that is cancelled while accounts are read alone says so.
func TestResolveIsCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	j := readTraces(t, line("run-1 intent 17 remove")+line("run-1 intent 18 remove"))
	err := j.Resolve(ctx, place{listed: []User{with("1")}, read: func(User) (User, error) {
		cancel()
		return User{}, ctx.Err()
	}}, "here")
	if !errors.Is(err, context.Canceled) || traced(j) != "1 17 in_doubt, 2 18 in_doubt" {
		t.Errorf("%s, %v", traced(j), err)
	}
}

// TestReadJournalLineByLine: a journal of any size is read, and a line that is none has no
// room in memory.
func TestReadJournalLineByLine(t *testing.T) {
	const events = 20_000
	intent := func(i int) string {
		return fmt.Sprintf(`{"time":"2026-07-01T00:00:00Z","run_id":"r","event":"intent","user_id":"%d","action":"remove","reason":"inactive"}`, i)
	}
	var text strings.Builder
	for i := range events {
		text.WriteString(intent(i) + "\n")
	}
	text.WriteString(strings.Repeat("x", 5<<20) + intent(-1) + "\n")                              // too long
	text.WriteString(strings.Repeat("\x00", 5<<20) + intent(-2) + "\n" + intent(-3) + "\x00\x00") // as a power failure leaves it
	j, err := ReadJournal(strings.NewReader(text.String()))
	if err != nil {
		t.Fatal(err)
	}
	if len(j.Accounts) != events+2 || !slices.Equal(j.Unrecognized, []int{events + 1}) || len(j.Truncated) > 0 {
		t.Errorf("%d accounts, %v unrecognized, %v truncated", len(j.Accounts), j.Unrecognized, j.Truncated)
	}
	for i, line := range map[int]int{0: 1, events - 1: events, events: events + 2, events + 1: events + 3} {
		if got := j.Accounts[i].Line; got != line {
			t.Errorf("account %d is on line %d, want %d", i, got, line)
		}
	}
	if _, err := ReadJournal(io.MultiReader(strings.NewReader(intent(1)+"\n"), iotest.ErrReader(errBroken))); !errors.Is(err, errBroken) {
		t.Errorf("a file that can't be read: %v", err)
	}
}
