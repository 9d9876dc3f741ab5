package simulation

import (
	"time"
)

// A ledger knows what earlier runs were told. This is the oracle for it: a second,
// independent implementation, of what follows for one account.

// recalled returns the account with what the ledger has of it. judged is false for one
// of which the listing does not tell enough, and that nobody has read alone.
func (run *programRun) recalled(t observation, judged bool) observation {
	if run.ledger == "" {
		return t
	}
	e, known := run.remembered[t.id]
	seenAlive := e.Sign
	if !e.Bound {
		seenAlive = later(seenAlive, e.Login)
	}
	if plausible(t.created, run.now) && !e.Created.IsZero() && t.created.Truncate(time.Second).After(e.Created) && t.created.After(seenAlive) {
		e, known = run.remembered[""], false // another one has the id by now
	}
	t.firstSeen = e.FirstSeen
	if !known || e.FirstSeen.IsZero() || e.FirstSeen.After(run.now) {
		t.firstSeen = wholeSecond(run.now)
	}
	if t.action.IsZero() || plausible(t.action, run.now) {
		t.action = later(t.action, e.Sign)
	}
	var login time.Time // that an earlier run was told of
	if !e.Bound {
		login = e.Login
	}
	sentinel := t.created.AddDate(-t.neverYears, 0, 0)
	never := t.login == loginNever || t.login == loginKnown && !t.notAfter && t.neverYears > 0 && t.at.After(sentinel.Add(-day)) && t.at.Before(sentinel.Add(day))
	switch {
	case t.login == loginKnown && t.notAfter:
		return run.recalledBound(t, login, e.Login, e.Gap, e.LastSeen)
	case t.login == loginKnown && !never:
		t.movedBack = judged && wholeSecond(t.at).Before(login)
	case never, t.login == loginNotTold, t.login == loginUnknown && t.absent:
		t.movedBack = judged && !login.IsZero()
	}
	if t.movedBack {
		t.login = loginUnknown
	}
	return t
}

// recalledBound is recalled for an account that is not in a log. before is the login, or the
// time since when there was none, that is remembered; they are one unless login is zero.
func (run *programRun) recalledBound(t observation, login, before time.Time, gap bool, last time.Time) observation {
	reach := t.at
	if !plausible(reach, run.now) {
		return t
	}
	if !plausible(t.created, run.now) {
		t.at = later(t.at, t.firstSeen)
	}
	unbroken := !before.IsZero() && !gap && !last.After(run.now) && !reach.After(last)
	switch {
	case !login.IsZero() && reach.Before(login.Add(-time.Second)):
		t.movedBack, t.login, t.notAfter = true, loginUnknown, false
	case !login.IsZero() && unbroken:
		t.at, t.notAfter = login, false
	case !login.IsZero():
		t.action = later(t.action, login)
	case unbroken && before.Before(t.at):
		t.at = before
	}
	return t
}

// wholeSecond rounds up.
func wholeSecond(t time.Time) time.Time {
	if down := t.Truncate(time.Second); !down.Equal(t) {
		return down.Add(time.Second)
	}
	return t
}

// checkMemory checks that the ledger has the newest login of every account that a run was
// told of and wrote down.
func (w *world) checkMemory(run *programRun) {
	if run.ledger == "" || !run.report.Planned || run.misled || w.shiftedWithin(run) {
		return
	}
	entries := w.readLedger(run.ledger)
	for id, seen := range run.accounts {
		k, there := run.plannedAs(seen)
		if !there || !safeID(id) {
			continue
		}
		e, known := entries[id]
		if k = effectiveLogin(k, run.now); !known && run.report.Error == "" {
			w.violationf("run %d: the ledger does not have %q", run.number, id)
		}
		if newest := later(e.Login, e.Sign); known && k.login == loginKnown && newest.Before(k.at) && run.report.Error == "" {
			w.violationf("run %d: the ledger has %+v of %q, which has logged in at %v", run.number, e, id, k.at)
		}
	}
}
