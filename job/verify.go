package job

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"strings"
	"time"
)

// State is what a journal proves of an account that a run was about to change.
type State string

// The states. Nothing is certain of StateInDoubt: the request may have been sent,
// and nothing tells what came of it.
const (
	StateRemoved   State = "removed"
	StateDisabled  State = "disabled"
	StateGone      State = "gone" // and nobody can tell who removed it
	StateUnchanged State = "unchanged"
	StateInDoubt   State = "in_doubt"
)

// Trace is what a journal says of one account in one run.
type Trace struct {
	Line   int // of the intent
	Time   time.Time
	RunID  string
	UserID string
	Action Action
	State  State
	Note   string // what else there is to say
}

// ReadJournal reads a journal. Lines that are no events are returned by their
// numbers: a crash can have cut short the last one of its run. Of an intent that
// was cut short the request was never sent; a result that was leaves its intent in doubt.
func ReadJournal(r io.Reader) (traces []*Trace, unreadable []int, err error) {
	lines := bufio.NewReader(r)
	open := map[[2]string]*Trace{}
	for number := 1; ; number++ {
		text, err := lines.ReadString('\n')
		if text = strings.TrimSpace(text); text != "" {
			var e Event
			if json.Unmarshal([]byte(text), &e) != nil || !e.valid() {
				unreadable = append(unreadable, number)
			} else if t := open[[2]string{e.RunID, e.UserID}]; e.Event == eventIntent {
				t = &Trace{
					Line: number, Time: e.Time, RunID: e.RunID, UserID: e.UserID, Action: e.Action,
					State: StateInDoubt, Note: "there is no result",
				}
				traces, open[[2]string{e.RunID, e.UserID}] = append(traces, t), t
			} else if t != nil {
				t.settle(e)
			}
		}
		switch {
		case errors.Is(err, io.EOF):
			return traces, unreadable, nil
		case err != nil:
			return nil, nil, fmt.Errorf("read journal: %w", err)
		}
	}
}

// valid reports whether the line is one that a journal writes.
func (e Event) valid() bool {
	return e.UserID != "" && (e.Event == eventIntent || e.Event == eventResult && e.Result != "")
}

// settle takes in the result of what was intended.
func (t *Trace) settle(e Event) {
	t.Note = e.Error
	switch e.Result {
	case Removed:
		t.State = StateRemoved
	case Disabled:
		t.State = StateDisabled
	case AlreadyGone:
		t.State = StateGone
	case Kept, NotAttempted:
		t.State = StateUnchanged
	default: // it failed: whether before or after the directory acted, the journal can't tell
		t.State = StateInDoubt
	}
}

// InDoubt are the traces of which nothing is certain.
func InDoubt(traces []*Trace) []*Trace {
	var doubtful []*Trace
	for _, t := range traces {
		if t.State == StateInDoubt {
			doubtful = append(doubtful, t)
		}
	}
	return doubtful
}

// Resolve asks the directory about the traces that are in doubt: it reads the
// whole listing, and changes nothing.
func Resolve(ctx context.Context, traces []*Trace, users iter.Seq2[User, error]) error {
	there := map[string]User{}
	doubtful := InDoubt(traces)
	for _, t := range doubtful {
		there[t.UserID] = User{}
	}
	for u, err := range users {
		if err != nil {
			return err
		}
		if _, wanted := there[u.ID]; wanted {
			there[u.ID] = u
		}
	}
	if ctx.Err() != nil {
		return context.Cause(ctx) // the end may not be the directory's
	}
	for _, t := range doubtful {
		switch u := there[t.UserID]; {
		case u.ID == "":
			t.State, t.Note = StateGone, "the directory does not list it any more"
		case t.Action == Disable && u.Disabled:
			t.State, t.Note = StateDisabled, "the directory says so"
		default:
			t.State, t.Note = StateUnchanged, "the directory still lists it"
		}
	}
	return nil
}
