package job

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/rs/zerolog"
)

// State is what a journal, or the directory, proves about an account that a run was about
// to change.
type State string

// The states. StateInDoubt means that a request may have been sent and its result is not
// known.
const (
	StateRemoved  State = "removed"
	StateDisabled State = "disabled"
	StateGone     State = "gone" // it is not known who removed it
	StateNotDone  State = "not_done"
	StateInDoubt  State = "in_doubt"
)

// Trace is what a journal says about one account in one run.
type Trace struct {
	Line   int // of the intent
	Time   time.Time
	RunID  string
	UserID string
	Action Action
	State  State
	Note   string // further information, or empty

	Directory string // the run's directory, or empty if the journal does not name it
}

// Traces is the content of a journal.
type Traces struct {
	Accounts []*Trace // in the order of their lines

	// Truncated are the numbers of incomplete lines, as a crash leaves them. An
	// incomplete intent was not followed by a request; an incomplete result leaves its
	// account in doubt. Unrecognized are the numbers of all other lines that are no event.
	Truncated, Unrecognized []int

	Plans map[string]bool // the digests of the plans that were begun
}

// ReadJournal reads a journal with any number of runs. It returns an error only if reading
// fails; lines that are no events are listed in the result.
func ReadJournal(r io.Reader) (*Traces, error) {
	j := &Traces{Plans: map[string]bool{}}
	open := map[[2]string]*Trace{} // intents without a result, by run and account
	lines := bufio.NewReader(r)
	for number := 1; ; number++ {
		line, tooLong, err := readLine(lines)
		switch {
		case errors.Is(err, io.EOF):
			return j, nil
		case err != nil:
			return nil, fmt.Errorf("read journal: %w", err)
		case tooLong:
			j.Unrecognized = append(j.Unrecognized, number)
			continue
		}
		for _, part := range splitEvents(string(line)) {
			var e Event
			err := json.Unmarshal([]byte(part), &e)
			switch {
			case err != nil && isTruncated(part):
				j.Truncated = append(j.Truncated, number)
			case err != nil || !e.valid():
				j.Unrecognized = append(j.Unrecognized, number)
			default:
				j.add(e, number, open)
			}
		}
	}
}

// eventStart is the start of each event. It can't occur inside an event, where quotes are
// escaped.
const eventStart = `{"time":`

// splitEvents returns the events of a line. A line has several if a process was killed
// while it wrote one, and another process continued the same file. A power failure can
// leave zero bytes, which are removed.
func splitEvents(line string) []string {
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

// isTruncated reports whether the text is the beginning of a JSON object.
func isTruncated(text string) bool {
	err := json.NewDecoder(strings.NewReader(text)).Decode(new(json.RawMessage))
	return text[0] == '{' && errors.Is(err, io.ErrUnexpectedEOF)
}

// valid reports whether e is an event that a journal may contain.
func (e Event) valid() bool {
	switch e.Event {
	case eventIntent: // early versions wrote no action, because there was only one
		return e.UserID != "" && (e.Action == Remove || e.Action == Disable || e.Action == "")
	case eventResult:
		return e.UserID != "" && e.Result != ""
	case eventForgotten:
		return e.UserID != ""
	case eventBrakeCleared:
		return e.Note != ""
	}
	return false
}

func (j *Traces) add(e Event, line int, open map[[2]string]*Trace) {
	if e.Plan != "" {
		j.Plans[e.Plan] = true
	}
	if e.Event != eventIntent && e.Event != eventResult {
		return // it is about the ledger
	}
	key := [2]string{e.RunID, e.UserID}
	t := open[key]
	if e.Event == eventResult && t != nil {
		t.applyResult(e)
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
			return // no request was sent: each is preceded by an intent
		}
		t.applyResult(e)
		t.Note = "there is no intent"
	}
	j.Accounts = append(j.Accounts, t)
}

// applyResult sets the state from the result of the intent.
func (t *Trace) applyResult(e Event) {
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
	case NotAttempted, RefusedByDirectory:
		t.State = StateNotDone
	case Accepted:
		t.State, t.Note = StateInDoubt, cmp.Or(e.Error, "the directory said that it would be done")
	default: // it failed, perhaps after the directory had already acted
		t.State = StateInDoubt
	}
}

// InDoubt returns the accounts whose state is in doubt.
func (j *Traces) InDoubt() []*Trace {
	var doubtful []*Trace
	for _, t := range j.Accounts {
		if t.State == StateInDoubt {
			doubtful = append(doubtful, t)
		}
	}
	return doubtful
}

// Askable returns the accounts of which the directory may tell more than the journal: those
// in doubt, and those of which it once said that they are gone.
func (j *Traces) Askable() []*Trace {
	var askable []*Trace
	for _, t := range j.Accounts {
		if t.State == StateInDoubt || t.State == StateGone {
			askable = append(askable, t)
		}
	}
	return askable
}

// Resolve asks the directory about the Askable accounts and updates their states. It reads
// the whole listing, and then each account that is not listed, because a listing need not
// contain all accounts. An account stays in doubt if the directory can't be asked about
// it, or if the journal names another directory than name.
func (j *Traces) Resolve(ctx context.Context, d Directory, name string) error {
	var listed map[string]User
	err := reread(ctx, zerolog.Nop(), func() error {
		listed = map[string]User{}
		for u, err := range d.Users(ctx) {
			if err != nil {
				return err
			}
			u = u.Clone()
			listed[u.ID] = u
		}
		return nil
	})
	switch {
	case err != nil:
		return err
	case ctx.Err() != nil:
		return context.Cause(ctx) // the listing may have ended because ctx did
	case len(listed) == 0:
		return errors.New("the directory lists no account at all, so that it proves nothing")
	}
	for _, t := range j.Askable() {
		if t.Directory != "" && t.Directory != name {
			t.addNote("it is about another directory: " + t.Directory)
			continue
		}
		u, there := listed[t.UserID]
		if err := t.resolve(ctx, d, u, there); err != nil {
			t.addNote("the directory could not be asked: " + Describe(err))
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
		case alone.Username != "" || alone.Email != "" || !alone.Created.IsZero(): // an answer with no more than the id is no evidence
			u, there = alone, true
		}
	}
	switch {
	case !there:
		t.State = StateGone
		t.addNote("the directory does not have it any more")
	case t.Action == Disable && u.Disabled:
		t.State = StateDisabled
		t.addNote("the directory says so")
	default:
		t.State = StateNotDone
		t.addNote("the directory still has it")
	}
	return nil
}

// addNote appends to the note.
func (t *Trace) addNote(text string) { t.Note = strings.TrimPrefix(t.Note+"; "+text, "; ") }
