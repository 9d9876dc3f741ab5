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

	// errDoneBefore ends a disabling that an earlier request has carried out.
	errDoneBefore = errors.New("the account is disabled by now; an earlier request to disable it got no answer that says so")
)

// deeds are what the actions come to, in reports and in the log.
var deeds = map[Action]struct {
	would, done             Result
	does, did, failed, left string
}{
	Remove: {WouldRemove, Removed,
		"removing account", "removed account", "could not remove account", "did not remove account: the run has ended"},
	Disable: {WouldDisable, Disabled,
		"disabling account", "disabled account", "could not disable account", "did not disable account: the run has ended"},
}

// removal is what happens to one candidate: that it is removed, or disabled.
type removal struct {
	*Cleanup
	candidate Candidate
	account   *Account // its line in the report
	now       time.Time
	log       zerolog.Logger

	kept      Reason // why it is no longer a candidate
	found     bool   // a second look found it, still a candidate
	recorded  bool   // the intent is on record
	attempted bool   // a request may have been sent
	repeated  bool   // and another one was about to be
}

// carryOut removes or disables the account, and puts on record what came of it,
// unless it is gone: then settleGone does.
func (m *removal) carryOut(ctx context.Context) (Result, error) {
	act := m.Directory.Remove
	if m.candidate.Action == Disable {
		act = m.Directory.Disable
	}
	err := act(ctx, m.candidate.User, m.confirm)
	a := m.account
	switch {
	case err == nil && m.attempted:
		a.Result = deeds[m.candidate.Action].done
	case err == nil:
		err = errors.New("the directory reports a removal that it did not ask leave for")
		a.Result, a.Error = NotRemoved, describe(err)
	case errors.Is(err, ErrHalfDone): // whatever kept it from going on
		a.Result, a.Error = NotRemoved, describe(err)
	case errors.Is(err, errDoneBefore):
		a.Action, a.Reason, a.Result, a.Error, err = Keep, AlreadyDisabled, Kept, describe(err), nil
	case errors.Is(err, errChangedMind):
		a.Action, a.Reason, a.Result, err = Keep, m.kept, Kept, nil
	case errors.Is(err, ErrNotFound):
		a.Result = AlreadyGone
		if doubt := m.doubt(ctx); doubt != nil {
			err = fmt.Errorf("the directory says that there is no such account, and %w: %w", doubt, err)
			a.Result, a.Error = NotRemoved, describe(err)
		} else if m.repeated {
			a.Error = describe(err) // an earlier request may be why it is gone
		}
	case !m.attempted && (ctx.Err() != nil || errors.Is(err, errNoRecord)):
		a.Result = NotAttempted
	default:
		a.Result, a.Error = NotRemoved, describe(err)
	}
	if a.Result == AlreadyGone {
		return a.Result, err // which is not believed yet
	}
	return a.Result, m.record(err)
}

// record puts on record what came of the account, and the error that it came with.
func (m *removal) record(err error) error {
	a := m.account
	m.logResult(err)
	if a.Result == NotAttempted && !m.recorded {
		return err
	}
	if journalErr := m.Journal.result(*a); journalErr != nil {
		return fmt.Errorf("%w: %w", errNoRecord, journalErr)
	}
	return err
}

// confirm is asked right before each request: it looks at the account again and
// puts the intent on record.
func (m *removal) confirm(ctx context.Context) error {
	m.repeated = m.attempted
	if err := m.lookAgain(ctx); err != nil {
		return err
	}
	if !m.recorded {
		if err := m.Journal.intent(m.candidate.User, Decision{m.account.Action, m.account.Reason}); err != nil {
			return fmt.Errorf("%w: %w", errNoRecord, err)
		}
		m.put(zerolog.InfoLevel, deeds[m.candidate.Action].does, nil)
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
	case m.isAnother(u):
		return fmt.Errorf("look again: account %q was created on %s, and the one that is meant on %s: its id belongs to another one now",
			id, u.Created.UTC().Format(time.DateOnly), m.candidate.User.Created.UTC().Format(time.DateOnly))
	}
	planned := m.candidate.Action
	if planned == Disable && u.Disabled && m.attempted {
		return errDoneBefore
	}
	d := m.decide(m.Activity.apply(u, m.now), m.now)
	if d.Action == planned {
		m.account.Reason, m.found = d.Reason, true
		return nil
	}
	m.kept = m.Policy.otherwise(d, u)
	return errChangedMind
}

// isAnother reports whether u is younger than the account of the same id that
// is meant. Days, not seconds: the two may have been read in different forms.
func (m *removal) isAnother(u User) bool {
	meant := m.candidate.User.Created
	return plausible(meant, m.now) && plausible(u.Created, m.now) && u.Created.Sub(meant) > day
}

// otherwise is why u is kept if a second look decides otherwise than the plan:
// what the guards did not judge is not done.
func (p Policy) otherwise(d Decision, u User) Reason {
	switch {
	case d.Reason == InGrace && p.DisableAfter > 0 && u.Disabled: // and it was to be disabled
		return AlreadyDisabled
	case d.Action == Keep && d.Reason != Active && d.Reason != InGrace: // in grace: used since it was found
		return d.Reason
	case d.Action == Remove && u.Disabled: // and it was to be disabled
		return AlreadyDisabled
	case d.Action == Remove: // a last login does not become an older one
		return LastLoginUnknown
	case d.Action == Disable && p.RequireDisabled: // and it was to be removed
		return NotDisabled
	}
	return ActiveAgain
}

// doubt is why an account that was found a moment ago, and that a removal did
// not find, may be there after all: then the removal goes somewhere else.
func (m *removal) doubt(ctx context.Context) error {
	if !m.found {
		return nil
	}
	// The end of the run is no answer.
	_, err := m.Directory.User(context.WithoutCancel(ctx), m.candidate.User)
	switch {
	case err == nil:
		return errors.New("still shows it")
	case !errors.Is(err, ErrNotFound):
		return fmt.Errorf("does not say so again: %w", err)
	}
	return nil
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
	case Removed, Disabled:
		m.put(zerolog.InfoLevel, deeds[m.candidate.Action].did, nil)
	case AlreadyGone:
		m.put(zerolog.InfoLevel, "account was already gone", nil)
	case Kept:
		m.put(zerolog.InfoLevel, "kept account: a second look changed the decision", nil)
	case NotRemoved:
		m.put(zerolog.ErrorLevel, deeds[m.candidate.Action].failed, err)
	case NotAttempted:
		if m.recorded {
			m.put(zerolog.InfoLevel, deeds[m.candidate.Action].left, nil)
		}
	case WouldRemove, WouldDisable:
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
