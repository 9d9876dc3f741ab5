package job

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/rs/zerolog"
)

var (
	// errNoRecord means that the intent or the result can't be recorded, so that
	// nothing more may be removed or disabled.
	errNoRecord = errors.New("no record can be kept of removals")

	// errNoLongerCandidate ends the action because the recheck decided otherwise.
	errNoLongerCandidate = errors.New("the account is no longer a candidate")

	// errAlreadyDisabled ends the disabling of an account that an earlier request
	// has disabled.
	errAlreadyDisabled = errors.New("the account is disabled by now; an earlier request to disable it got no answer that says so")
)

// actionTerms are the results and the log messages of each action.
var actionTerms = map[Action]struct {
	dryRun, success                       Result
	starting, succeeded, failed, notTried string
	accepted, refused                     string
}{
	Remove: {WouldRemove, Removed,
		"removing account", "removed account", "could not remove account", "did not remove account: the run has ended",
		"the directory will remove account", "the directory refused to remove account"},
	Disable: {WouldDisable, Disabled,
		"disabling account", "disabled account", "could not disable account", "did not disable account: the run has ended",
		"the directory will disable account", "the directory refused to disable account"},
}

// removal carries out the action of one candidate: to remove or to disable it.
type removal struct {
	*Cleanup
	candidate Candidate
	end       *ended // what became of it, for the report
	now       time.Time
	log       zerolog.Logger

	kept      Reason // why it is no longer a candidate
	found     bool   // a recheck found the account, still a candidate
	recorded  bool   // the intent is on record
	attempted bool   // a request may have been sent
	repeated  bool   // a request was sent, and another one is about to be

	said    error // what the directory says has become of the account
	pending bool  // only settle can say whether that is so
	missed  bool  // it was not found by its name, so the listing is worth reading
	lookErr error // why looking for the account has not shown it
}

// execute carries out the action and records the result, unless settle has to. When ctx is
// done, no request starts; the look after one ends soon after run is done.
func (m *removal) execute(ctx, run context.Context) (Result, error) {
	act := m.Directory.Remove
	if m.candidate.Action == Disable {
		act = m.Directory.Disable
	}
	err := act(ctx, m.candidate.User, m.confirm)
	switch {
	case errors.Is(err, ErrHalfDone): // whatever error stopped it
		return m.finish(NotRemoved, nil, err)
	case err == nil && !m.attempted:
		return m.finish(NotRemoved, nil, errors.New("the directory reports a removal that it did not ask leave for"))
	case errors.Is(err, errAlreadyDisabled):
		return m.keep(AlreadyDisabled, errAlreadyDisabled)
	case errors.Is(err, ErrMaybeDone): // it is to be kept, and may be lost all the same
		if errors.Is(err, errNoLongerCandidate) {
			err = fmt.Errorf("%s by now: %w", m.kept, err)
		}
		return m.finish(NotRemoved, nil, err)
	case errors.Is(err, errNoLongerCandidate):
		return m.keep(m.kept, nil)
	case errors.Is(err, ErrRenamed), // nothing was sent to whoever has the old name
		errors.Is(err, ErrAmbiguous), errors.Is(err, ErrUnsafeID) && !m.attempted: // nor to anybody
		return m.keep(UnsafeID, err)
	case errors.Is(err, ErrRefused) && m.repeated: // perhaps because an earlier request, which got no answer, made the change
		return m.verify(run, err)
	case errors.Is(err, ErrRefused):
		return m.finish(RefusedByDirectory, err, nil)
	case err == nil, errors.Is(err, ErrAccepted), errors.Is(err, ErrUnclear), errors.Is(err, ErrUnnamed), errors.Is(err, ErrNotFound):
		return m.verify(run, err)
	case !m.attempted && (ctx.Err() != nil || errors.Is(err, errNoRecord)):
		m.end.Result = NotAttempted
		return NotAttempted, m.record(err)
	}
	return m.finish(NotRemoved, nil, err)
}

// finish sets the result and records it. The report shows the note or the error; only an
// error makes the action one that failed.
func (m *removal) finish(result Result, note, err error) (Result, error) {
	m.pending = false
	m.end.Result, m.end.err = result, Describe(errors.Join(note, err))
	return result, m.record(err)
}

// keep records that the account is kept, with a note if there is one.
func (m *removal) keep(reason Reason, note error) (Result, error) {
	m.end.Action, m.end.Reason = Keep, reason
	return m.finish(Kept, note, nil)
}

// record writes the result, and the error that led to it, to the log and the journal.
func (m *removal) record(err error) error {
	m.logResult(err)
	if m.end.Result == NotAttempted && !m.recorded {
		return err
	}
	if journalErr := m.Journal.result(Account{
		ID: m.candidate.User.ID, Action: m.end.Action, Reason: m.end.Reason, Result: m.end.Result, Error: m.end.err,
	}); journalErr != nil {
		return fmt.Errorf("%w: %w", errNoRecord, journalErr)
	}
	return err
}

// confirm is the Confirm of the removal.
func (m *removal) confirm(ctx context.Context, prepare func(User) error) error {
	m.repeated = m.attempted
	current, err := m.recheck(ctx)
	if err != nil {
		return err
	}
	if current != nil {
		if err := prepare(*current); err != nil {
			return err
		}
	}
	if !m.recorded {
		if err := m.Journal.intent(m.candidate.User, Decision{m.end.Action, m.end.Reason}); err != nil {
			return fmt.Errorf("%w: %w", errNoRecord, err)
		}
		m.logAccount(zerolog.InfoLevel, actionTerms[m.candidate.Action].starting, nil)
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

// recheck reads the account again and decides anew. It returns the account as it is now, or
// nil if it can't be read or need not be. No error means that the action is still the
// planned one.
func (m *removal) recheck(ctx context.Context) (*User, error) {
	if !m.Recheck {
		return nil, nil
	}
	id := m.candidate.User.ID
	u, err := m.Directory.User(ctx, m.candidate.User)
	switch {
	case errors.Is(err, ErrUnsupported):
		return nil, nil
	case errors.Is(err, ErrNotFound):
		if rejected := m.verifyCaller(ctx); rejected != nil {
			return nil, rejected
		}
		return nil, fmt.Errorf("look again: %w", err)
	case errors.Is(err, ErrRenamed):
		return nil, err
	case err != nil:
		return nil, fmt.Errorf("look again: %w", err)
	case u.ID != id:
		return nil, fmt.Errorf("look again: asked for account %q, the directory answered with %q", id, u.ID)
	case m.isReplacedBy(u):
		return nil, fmt.Errorf("look again: account %q was created on %s, and the one that is meant on %s: its id belongs to another one now",
			id, u.Created.UTC().Format(time.DateOnly), m.candidate.User.Created.UTC().Format(time.DateOnly))
	}
	planned := m.candidate.Action
	if planned == Disable && u.Disabled && m.attempted {
		return nil, errAlreadyDisabled
	}
	_, d := m.DecideAgain(m.candidate.User, u, m.now)
	if d.Action == planned {
		m.end.Reason, m.found = d.Reason, true
		return &u, nil
	}
	m.kept = m.Policy.fallbackReason(d, u)
	return nil, errNoLongerCandidate
}

// isReplacedBy reports whether u is another account that was given the candidate's id
// later: whether it was created more than a day after the candidate. The tolerance is a
// day because a listing and a single account may give creation dates in different
// precision and time zone.
func (m *removal) isReplacedBy(u User) bool {
	planned := m.candidate.User.Created
	return plausible(planned, m.now) && plausible(u.Created, m.now) && u.Created.Sub(planned) > day
}

// fallbackReason is the reason to keep u when a recheck decides d and the plan decided
// otherwise. The account is kept even if d is the other action, because the guards have
// not judged that one.
func (p *Policy) fallbackReason(d Decision, u User) Reason {
	switch {
	case d.Reason == InGrace && p.DisableAfter > 0 && u.Disabled: // the plan was to disable it
		return AlreadyDisabled
	case d.Action == Keep && d.Reason != Active && d.Reason != InGrace: // in grace again: it was used since an earlier run found it
		return d.Reason
	case d.Action == Remove && u.Disabled: // the plan was to disable it
		return AlreadyDisabled
	case d.Action == Remove: // its last login moved back, so that it is not reliable
		return LastLoginUnknown
	case d.Action == Disable && p.RequireDisabled: // the plan was to remove it
		return NotDisabled
	}
	return ActiveAgain
}

// verifyCaller returns an error if the directory does not accept the caller any more.
// Some directories answer a rejected caller that accounts do not exist.
func (m *removal) verifyCaller(ctx context.Context) error {
	if _, err := m.Directory.Self(ctx); err != nil && !errors.Is(err, ErrUnsupported) {
		return fmt.Errorf("look again: the account is not to be seen, but neither is the caller: %w", err)
	}
	return nil
}

func (m *removal) logResult(err error) {
	switch m.end.Result {
	case Removed, Disabled:
		m.logAccount(zerolog.InfoLevel, actionTerms[m.candidate.Action].succeeded, nil)
	case AlreadyGone:
		m.logAccount(zerolog.InfoLevel, "account was already gone", nil)
	case Accepted:
		m.logAccount(zerolog.InfoLevel, actionTerms[m.candidate.Action].accepted, nil)
	case RefusedByDirectory:
		m.logAccount(zerolog.InfoLevel, actionTerms[m.candidate.Action].refused, nil)
	case Kept:
		m.logAccount(zerolog.InfoLevel, "kept account: a second look changed the decision", nil)
	case NotRemoved:
		m.logAccount(zerolog.ErrorLevel, actionTerms[m.candidate.Action].failed, err)
	case NotAttempted:
		if m.recorded {
			m.logAccount(zerolog.InfoLevel, actionTerms[m.candidate.Action].notTried, nil)
		}
	case WouldRemove, WouldDisable:
	}
}

// logAccount logs a message about the account, even if the log's level is above info.
func (m *removal) logAccount(level zerolog.Level, message string, err error) {
	log := atLeastInfo(m.log)
	log.WithLevel(level).Str(FieldUserID, m.candidate.User.ID).
		Str(FieldReason, string(m.end.Reason)).
		Stringer(FieldLastLogin, m.candidate.User.LastLogin).
		Err(err).Msg(message)
}
