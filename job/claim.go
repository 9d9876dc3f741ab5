package job

import (
	"context"
	"errors"
	"fmt"
)

// What the directory says of a change that it was asked for is a claim until the account
// has been looked for once more: nil (the change was made), ErrAccepted, ErrUnclear,
// ErrUnnamed, ErrNotFound, or ErrRefused after another request that got no answer.

var (
	// errAsItWas means that the directory says that a change was made, and shows the
	// account as it was before.
	errAsItWas = errors.New("the directory says that it was done, and the account is as it was")

	// errDisabledInstead means that the directory says that it has removed the account, and
	// shows it, disabled.
	errDisabledInstead = errors.New("the directory says that it was done, and still shows the account, as one that is disabled: if that is what a removed account looks like there, the profile can say so (gone_if of get, only of list)")

	// errNotShown is the note of an account that was disabled, and is not to be seen.
	errNotShown = errors.New("the directory does not show the account any more, so it may have been removed instead")

	// errStillThere means that the directory contradicts itself: a request for the
	// account finds nothing, and the account is shown or listed.
	errStillThere = errors.New("the directory says that there is no such account, and still has it: does the profile ask at the right path?")

	// errUnverified is the error of an account that nobody has looked for yet.
	errUnverified = errors.New("nobody has verified what the directory said of it")
)

// verify looks for the account once more and records the result. What only the listing can
// show is left to settle; then it returns the result that the directory claims.
func (m *removal) verify(ctx context.Context, said error) (Result, error) {
	m.said = said
	notFound := errors.Is(said, ErrNotFound)
	if notFound && m.Recheck && !m.found {
		return m.leaveToSettle(nil) // the recheck has just looked for it
	}
	look, end := outlast(ctx, lastLook)
	u, err := m.Directory.Find(look, m.candidate.User)
	end()
	disables := m.candidate.Action == Disable
	switch {
	case errors.Is(err, ErrNotFound) && (notFound || errors.Is(said, ErrUnnamed)):
		return m.leaveToSettle(nil)
	case errors.Is(err, ErrNotFound) && !disables:
		return m.conclude(nil)
	case errors.Is(err, ErrNotFound) && u.ID == m.candidate.User.ID && u.Disabled: // the directory keeps it, and shows it
		return m.conclude(&u)
	case err == nil && u.ID != m.candidate.User.ID:
		return m.leaveToSettle(fmt.Errorf("the directory answered with account %q", u.ID))
	case err != nil, disables && u.Partial && !u.Disabled:
		return m.leaveToSettle(err)
	}
	return m.conclude(&u)
}

// leaveToSettle leaves the result open. err is why the look has not shown it, or nil.
func (m *removal) leaveToSettle(err error) (Result, error) {
	promised := m.said == nil || errors.Is(m.said, ErrAccepted) && !errors.Is(m.said, ErrUnnamed)
	m.pending, m.missed = true, m.candidate.Action == Remove && promised && errors.Is(err, ErrUnproven)
	if !m.missed && !errors.Is(err, ErrUnsupported) && !errors.Is(err, ErrNotFound) {
		m.lookErr = err
	}
	m.end.Result, m.end.err = NotRemoved, Describe(errUnverified)
	switch {
	case errors.Is(m.said, ErrNotFound):
		return AlreadyGone, nil
	case errors.Is(m.said, ErrAccepted):
		return Accepted, nil
	}
	return actionTerms[m.candidate.Action].success, nil
}

// conclude records the result that follows from what the directory said and from the
// account as it is now, nil if it is not there any more.
func (m *removal) conclude(u *User) (Result, error) {
	made := u == nil || m.candidate.Action == Disable && u.Disabled
	uncertain := errors.Is(m.said, ErrUnnamed) || errors.Is(m.said, ErrRefused) // whether it was this run that made it
	switch {
	case errors.Is(m.said, ErrNotFound) && u == nil:
		if m.repeated { // an earlier request of this run may have removed it
			return m.finish(AlreadyGone, m.said, nil)
		}
		return m.finish(AlreadyGone, nil, nil)
	case errors.Is(m.said, ErrNotFound) && !m.attempted && u.Username != m.candidate.User.Username:
		return m.keep(UnsafeID, fmt.Errorf("%w: its username was %q and is %q", ErrRenamed, m.candidate.User.Username, u.Username)) // it was looked for by its old name, and nothing was sent
	case errors.Is(m.said, ErrNotFound):
		return m.finish(NotRemoved, nil, errStillThere)
	case made && uncertain && m.candidate.Action == Remove:
		return m.finish(AlreadyGone, m.said, nil)
	case made && m.candidate.Action == Disable:
		var note error
		if uncertain {
			note = m.said
		}
		if u == nil {
			note = errors.Join(note, errNotShown)
		}
		return m.finish(Disabled, note, nil)
	case errors.Is(m.said, ErrRefused):
		return m.finish(RefusedByDirectory, m.said, nil)
	case made:
		return m.finish(Removed, nil, nil)
	case errors.Is(m.said, ErrAccepted):
		return m.finish(Accepted, nil, nil)
	case m.said != nil:
		return m.finish(NotRemoved, nil, fmt.Errorf("%w, and the account is as it was", m.said))
	}
	if m.candidate.Action == Remove && u.Disabled && !m.candidate.User.Disabled {
		return m.finish(NotRemoved, nil, errDisabledInstead)
	}
	return m.finish(NotRemoved, nil, errAsItWas)
}

// concludeByListing records the result that follows from the listing that was read again.
func (m *removal) concludeByListing(l *relisting) (Result, error) {
	doubt := l.doubt()
	if doubt != nil && m.missed { // two answers say that it is gone, and nothing says otherwise
		return m.conclude(nil)
	}
	if errors.Is(m.said, ErrAccepted) && doubt != nil {
		return m.finish(Accepted, nil, nil)
	}
	// Where nobody was kept, nothing can show that a listing is whole. Then the directory's
	// own word counts, if it says that it has made the change.
	if doubt != nil && (l.err != nil || l.witnesses > 0 || m.said != nil) {
		err := fmt.Errorf("the directory says that it was done, and nobody knows whether it is so: %w", doubt)
		switch {
		case errors.Is(m.said, ErrNotFound):
			err = fmt.Errorf("the directory says that there is no such account, and nobody knows whether it is so: %w", doubt)
		case m.said != nil:
			err = fmt.Errorf("%w, and nobody knows whether it was: %w", m.said, doubt)
		}
		if m.lookErr != nil {
			err = fmt.Errorf("%w (before, the account could not be read: %w)", err, m.lookErr)
		}
		return m.finish(NotRemoved, nil, err)
	}
	if u, ok := l.listed[m.candidate.User.ID]; ok {
		return m.conclude(&u)
	}
	return m.conclude(nil)
}
