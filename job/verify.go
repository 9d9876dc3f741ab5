package job

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
)

// State is what is known of an account that a run was about to change.
type State string

// The states. Nothing is certain of StateInDoubt: the request may have been sent,
// and nothing tells what came of it.
const (
	StateRemoved  State = "removed"
	StateDisabled State = "disabled"
	StateGone     State = "gone" // and nobody can tell who removed it
	StateNotDone  State = "not_done"
	StateInDoubt  State = "in_doubt"
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

	Directory string // that the run was about, if the journal tells
}

// Traces are what is in a journal.
type Traces struct {
	Accounts []*Trace // in the order of their lines

	// CutShort are the lines that end too early, as a crash leaves them. What was
	// meant to be an intent was not followed by a request; without a result, the
	// account is in doubt. Foreign are all others that no journal has.
	CutShort, Foreign []int
}

// ReadJournal reads a journal, of any number of runs.
func ReadJournal(r io.Reader) (*Traces, error) {
	text, err := io.ReadAll(r)
	if err != nil {
		return nil, fmt.Errorf("read journal: %w", err)
	}
	j := &Traces{}
	open := map[[2]string]*Trace{} // those without a result, by run and account
	number := 0
	for line := range strings.Lines(string(text)) {
		number++
		for _, part := range parts(line) {
			var e Event
			err := json.Unmarshal([]byte(part), &e)
			switch {
			case err != nil && cutShort(part):
				j.CutShort = append(j.CutShort, number)
			case err != nil || !e.valid():
				j.Foreign = append(j.Foreign, number)
			default:
				j.add(e, number, open)
			}
		}
	}
	return j, nil
}

// eventStart is how each event begins. It can't be inside of one: there, quotes
// are escaped.
const eventStart = `{"time":`

// parts are the events of a line. It has more than one if a process was killed
// while it wrote, and another one went on in the same file. A power failure can
// leave zeros.
func parts(line string) []string {
	var all []string
	for i, part := range strings.Split(line, eventStart) {
		if i > 0 {
			part = eventStart + part
		}
		if part = strings.Trim(part, "\x00 \t\r\n"); part != "" {
			all = append(all, part)
		}
	}
	return all
}

// cutShort reports whether the text is the beginning of an object.
func cutShort(text string) bool {
	err := json.NewDecoder(strings.NewReader(text)).Decode(new(json.RawMessage))
	return text[0] == '{' && errors.Is(err, io.ErrUnexpectedEOF)
}

// valid reports whether a journal has such events.
func (e Event) valid() bool {
	switch e.Event {
	case eventIntent: // early journals had no action, for there was but one
		return e.UserID != "" && (e.Action == Remove || e.Action == Disable || e.Action == "")
	case eventResult:
		return e.UserID != "" && e.Result != ""
	}
	return false
}

func (j *Traces) add(e Event, line int, open map[[2]string]*Trace) {
	key := [2]string{e.RunID, e.UserID}
	t := open[key]
	if e.Event == eventResult && t != nil {
		t.settle(e)
		delete(open, key)
		return
	}
	t = &Trace{
		Line: line, Time: e.Time, RunID: e.RunID, UserID: e.UserID, Action: cmp.Or(e.Action, Remove),
		State: StateInDoubt, Note: "there is no result", Directory: e.Directory,
	}
	if e.Event == eventIntent {
		open[key] = t
	} else {
		if e.Result != Removed && e.Result != Disabled {
			return // nothing was sent: an intent comes before each request
		}
		t.settle(e)
		t.Note = "there is no intent"
	}
	j.Accounts = append(j.Accounts, t)
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
	case Kept:
		t.State, t.Note = StateNotDone, cmp.Or(e.Error, "kept: "+string(e.Reason))
		if e.Reason == AlreadyDisabled {
			t.State = StateDisabled
		}
	case NotAttempted:
		t.State = StateNotDone
	default: // it failed: whether before or after the directory acted, the journal can't tell
		t.State = StateInDoubt
	}
}

// InDoubt are the accounts of which nothing is certain.
func (j *Traces) InDoubt() []*Trace {
	var doubtful []*Trace
	for _, t := range j.Accounts {
		if t.State == StateInDoubt {
			doubtful = append(doubtful, t)
		}
	}
	return doubtful
}

// Resolve asks the directory about the accounts that are in doubt. It reads the
// whole listing, and alone whoever is not in it: a listing need not have all
// accounts. What it can't find out stays in doubt, and so does what is about a
// directory of another name.
func (j *Traces) Resolve(ctx context.Context, d Directory, name string) error {
	listed := map[string]User{}
	for u, err := range d.Users(ctx) {
		if err != nil {
			return err
		}
		listed[u.ID] = u
	}
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx) // the end may not be the directory's
	case len(listed) == 0:
		return errors.New("the directory lists no account at all, so that it proves nothing")
	}
	for _, t := range j.InDoubt() {
		if t.Directory != "" && t.Directory != name {
			t.note("it is about another directory: " + t.Directory)
			continue
		}
		u, there := listed[t.UserID]
		if err := t.resolve(ctx, d, u, there); err != nil {
			t.note("the directory could not be asked: " + describe(err))
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
	}
	return nil
}

func (t *Trace) resolve(ctx context.Context, d Directory, u User, there bool) error {
	if !there || u.Partial && t.Action == Disable {
		u.ID = t.UserID
		alone, err := d.User(ctx, u)
		switch {
		case errors.Is(err, ErrUnsupported), errors.Is(err, ErrNotFound) && !there:
		case err != nil:
			return err
		case alone.ID != t.UserID:
			return fmt.Errorf("it answered with account %q", alone.ID)
		case alone.Username != "" || alone.Email != "" || !alone.Created.IsZero(): // or it can't be asked by the id alone
			u, there = alone, true
		}
	}
	switch {
	case !there:
		t.State = StateGone
		t.note("the directory does not have it any more")
	case t.Action == Disable && u.Disabled:
		t.State = StateDisabled
		t.note("the directory says so")
	default:
		t.State = StateNotDone
		t.note("the directory still has it")
	}
	return nil
}

// note adds to what there is to say.
func (t *Trace) note(text string) { t.Note = strings.TrimPrefix(t.Note+"; "+text, "; ") }
