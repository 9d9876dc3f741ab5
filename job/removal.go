package job

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/rs/zerolog"
)

var (
	// errNoRecord says that the journal can't be written, so that nothing may
	// be removed any more.
	errNoRecord = errors.New("no record can be kept of removals")

	// errChangedMind ends a removal whose account is no longer a candidate.
	errChangedMind = errors.New("the account is no longer a candidate")
)

// removal is what happens to one candidate.
type removal struct {
	*Cleanup
	candidate Candidate
	account   *Account // its line in the report
	now       time.Time
	log       zerolog.Logger

	found     bool // a second look found it, still a candidate
	recorded  bool // the intent is on record
	attempted bool // a request may have been sent
	repeated  bool // and another one was about to be
}

// carryOut removes the account, and puts on record what came of it.
func (m *removal) carryOut(ctx context.Context) (Result, error) {
	err := m.Directory.Remove(ctx, m.candidate.User, m.confirm)
	a := m.account
	switch {
	case err == nil && m.attempted:
		a.Result = Removed
	case err == nil:
		err = errors.New("the directory reports a removal that it did not ask leave for")
		a.Result, a.Error = NotRemoved, describe(err)
	case errors.Is(err, errChangedMind):
		a.Result, err = Kept, nil
	case errors.Is(err, ErrNotFound) && m.stillThere(ctx):
		err = fmt.Errorf("the directory says that there is no such account, and still shows it: %w", err)
		a.Result, a.Error = NotRemoved, describe(err)
	case errors.Is(err, ErrNotFound):
		a.Result = AlreadyGone
		if m.repeated {
			a.Error = describe(err) // an earlier request may be why it is gone
		}
	case !m.attempted && (ctx.Err() != nil || errors.Is(err, errNoRecord)):
		a.Result = NotAttempted
	default:
		a.Result, a.Error = NotRemoved, describe(err)
	}
	m.logResult(err)
	if a.Result == NotAttempted && !m.recorded {
		return a.Result, err
	}
	if journalErr := m.Journal.result(*a); journalErr != nil {
		return a.Result, fmt.Errorf("%w: %w", errNoRecord, journalErr)
	}
	return a.Result, err
}

// confirm is asked right before each request: it looks at the account again and
// puts the intent on record.
func (m *removal) confirm(ctx context.Context) error {
	m.repeated = m.attempted
	if err := m.lookAgain(ctx); err != nil {
		return err
	}
	if !m.recorded {
		if err := m.Journal.intent(m.candidate.User, m.account.Reason); err != nil {
			return fmt.Errorf("%w: %w", errNoRecord, err)
		}
		m.put(zerolog.InfoLevel, "removing account", nil)
		if err := m.Record.Err(); m.Journal == nil && err != nil {
			return fmt.Errorf("%w: write log: %w", errNoRecord, err)
		}
		m.recorded = true
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	m.attempted = true
	return nil
}

// lookAgain reads the account once more and decides anew.
func (m *removal) lookAgain(ctx context.Context) error {
	if !m.Recheck {
		return nil
	}
	id := m.candidate.User.ID
	u, err := m.Directory.User(ctx, m.candidate.User)
	switch {
	case errors.Is(err, ErrUnsupported):
		return nil
	case errors.Is(err, ErrNotFound):
		return m.believe(ctx, err)
	case err != nil:
		return fmt.Errorf("look again: %w", err)
	case u.ID != id:
		return fmt.Errorf("look again: asked for account %q, the directory answered with %q", id, u.ID)
	}
	d := m.Policy.Decide(m.Activity.apply(u, m.now), m.now)
	m.account.Action, m.account.Reason = d.Action, d.Reason
	if d.Action == Remove {
		m.found = true
		return nil
	}
	if d.Reason == Active {
		m.account.Reason = ActiveAgain
	}
	return errChangedMind
}

// stillThere reports whether an account that was found a moment ago, and that a
// removal did not find, is there after all: then the removal goes somewhere else.
func (m *removal) stillThere(ctx context.Context) bool {
	if !m.found {
		return false
	}
	_, err := m.Directory.User(ctx, m.candidate.User)
	return err == nil
}

// believe is the error that an account is gone, unless the directory no longer
// knows the caller either: some hide accounts from callers whom they reject.
func (m *removal) believe(ctx context.Context, gone error) error {
	if _, err := m.Directory.Self(ctx); err != nil && !errors.Is(err, ErrUnsupported) {
		return fmt.Errorf("look again: the account is not to be seen, but neither is the caller: %w", err)
	}
	return fmt.Errorf("look again: %w", gone)
}

func (m *removal) logResult(err error) {
	switch m.account.Result {
	case Removed:
		m.put(zerolog.InfoLevel, "removed account", nil)
	case AlreadyGone:
		m.put(zerolog.InfoLevel, "account was already gone", nil)
	case Kept:
		m.put(zerolog.InfoLevel, "kept account: a second look changed the decision", nil)
	case NotRemoved:
		m.put(zerolog.ErrorLevel, "could not remove account", err)
	case NotAttempted:
		if m.recorded {
			m.put(zerolog.InfoLevel, "did not remove account: the run has ended", nil)
		}
	case WouldRemove:
	}
}

// put puts a line about the account into the log, whatever the log's level is.
func (m *removal) put(level zerolog.Level, message string, err error) {
	log := always(m.log)
	log.WithLevel(level).Str(FieldUserID, m.candidate.User.ID).
		Str(FieldReason, string(m.account.Reason)).
		Stringer(FieldLastLogin, m.candidate.User.LastLogin).
		Err(err).Msg(message)
}
