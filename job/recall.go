package job

import (
	"time"

	"dormant/job/memory"
)

// recall returns u as a plan decides about it, with what earlier runs have seen of the
// account; the entry that replaces theirs; and whether its last login has moved back. known
// says whether there is an entry. judged is false where the listing alone does not tell the
// last login and the account is kept whatever it is.
//
// The newest proof counts. A last login before the one that the directory told earlier, or
// none where it told one, is LoginMovedBack. What a log does not reach back to is what was
// read in it as long as no time between two runs is missing from it. Any other sign of life
// is never forgotten.
func recall(u User, e memory.Entry, known, judged bool, now time.Time) (User, memory.Entry, bool) {
	if known && isRecreated(u, e, now) {
		e = memory.Entry{}
	}
	if e.FirstSeen.IsZero() || e.FirstSeen.After(now) {
		e.FirstSeen = memory.RoundUp(now)
	}
	u.FirstSeen = e.FirstSeen
	told, movedBack := recallLogin(u, e, judged, now)
	if told.watched {
		e.Login, e.Bound, e.Gap = told.remembered, told.login.NotAfter, false
	} else {
		e.Gap = !e.Login.IsZero()
	}
	if u.LastLogin = told.login; movedBack {
		u.LastLogin = LastLogin{State: LoginMovedBack}
	}
	if activity := (LoginAt(u.LastActivity)).Normalize(time.Time{}, now); u.LastActivity.IsZero() || activity.State == LoginKnown {
		e.Sign = newest(e.Sign, memory.RoundUp(u.LastActivity), told.sign)
		u.LastActivity = newest(u.LastActivity, e.Sign)
	}
	if !e.Bound && !e.Sign.After(e.Login) {
		e.Sign = time.Time{} // which says no more than the login
	}
	if plausible(u.Created, now) {
		e.Created = memory.RoundDown(u.Created)
	}
	e.LastSeen = memory.RoundDown(now)
	return u, e, movedBack
}

// recalledLogin is the last login that counts. If watched, nothing is missing between the
// run before and now, and remembered is what the next run compares with. sign is an earlier
// login that has no other place any more.
type recalledLogin struct {
	login      LastLogin
	watched    bool
	remembered time.Time
	sign       time.Time
}

func recallLogin(u User, e memory.Entry, judged bool, now time.Time) (recalledLogin, bool) {
	told := u.LastLogin
	was := e.Login
	if e.Bound {
		was = time.Time{}
	}
	missing := recalledLogin{login: told}
	switch {
	case told.State == LoginKnown && told.NotAfter:
		return recallBound(u, e, now)
	case told.State == LoginKnown && memory.RoundUp(told.At).Before(was):
		return missing, judged
	case told.State == LoginKnown:
		if told.Normalize(u.Created, now).State != LoginKnown {
			return missing, false
		}
		return recalledLogin{login: told, watched: true, remembered: memory.RoundUp(told.At)}, false
	case told.State == LoginNever && was.IsZero():
		return recalledLogin{login: told, watched: true}, false
	case told.State == LoginNever, told.State == LoginAbsent:
		return missing, judged && !was.IsZero()
	}
	return missing, false
}

// recallBound is recallLogin where the directory tells only that there was no login since a
// time: that to which its log reaches back.
func recallBound(u User, e memory.Entry, now time.Time) (recalledLogin, bool) {
	told := u.LastLogin
	if !plausible(told.At, now) {
		return recalledLogin{login: told}, false
	}
	if !plausible(u.Created, now) && told.At.Before(u.FirstSeen) {
		told.At = u.FirstSeen // it may be no older than that
	}
	none := e.Login.IsZero()
	watched := !none && !e.Gap && !e.LastSeen.After(now) && !u.LastLogin.At.After(e.LastSeen)
	switch {
	case !none && !e.Bound && u.LastLogin.At.Before(e.Login.Add(-time.Second)):
		return recalledLogin{login: told}, true // it reaches back to that login, and does not have it
	case watched && !e.Bound:
		return recalledLogin{login: LoginAt(e.Login), watched: true, remembered: e.Login}, false
	case watched && e.Login.Before(told.At):
		told.At = e.Login
	case !none && !e.Bound:
		return recalledLogin{login: told, watched: true, remembered: memory.RoundUp(told.At), sign: e.Login}, false
	}
	return recalledLogin{login: told, watched: true, remembered: memory.RoundUp(told.At)}, false
}

// isRecreated reports whether u was created after the account of that id of which there is
// an entry, and after its newest sign of life. Any other creation is no reason to forget
// that.
func isRecreated(u User, e memory.Entry, now time.Time) bool {
	sign := e.Sign
	if !e.Bound {
		sign = newest(sign, e.Login)
	}
	return plausible(u.Created, now) && !e.Created.IsZero() &&
		memory.RoundDown(u.Created).After(e.Created) && u.Created.After(sign)
}

// newest returns the newest of the times.
func newest(times ...time.Time) time.Time {
	var at time.Time
	for _, t := range times {
		if t.After(at) {
			at = t
		}
	}
	return at
}
