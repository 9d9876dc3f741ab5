package job

import (
	"testing"
	"time"

	"dormant/job/memory"
)

// What counts of what the directory tells, with what earlier runs have seen. The entry was
// written a day before now, unless it says otherwise.
func TestRecall(t *testing.T) {
	const s = time.Second
	at := func(days float64) time.Time { return testNow.Add(-time.Duration(days * float64(day))) }
	known := func(days float64) LastLogin { return LoginAt(at(days)) }
	before := func(days float64) LastLogin { return LastLogin{State: LoginKnown, At: at(days), NotAfter: true} }
	entry := func(edit func(*memory.Entry)) *memory.Entry {
		e := memory.Entry{FirstSeen: at(200), LastSeen: at(1), Created: at(900)}
		edit(&e)
		return &e
	}
	login := func(days float64) *memory.Entry { return entry(func(e *memory.Entry) { e.Login = at(days) }) }
	bound := func(days float64) *memory.Entry {
		return entry(func(e *memory.Entry) { e.Login, e.Bound = at(days), true })
	}
	moved := state(LoginMovedBack)
	tests := []struct {
		rule  string
		entry *memory.Entry // nil: there is none
		told  LastLogin
		want  LastLogin
		next  LastLogin // what the entry has then: a login, a bound or LoginAbsent
		gap   bool
	}{
		{"nothing is known of it", nil, known(100), known(100), known(100), false},
		{"nothing is known of it, and it never logged in", nil, state(LoginNever), state(LoginNever), LastLogin{}, false},
		{"nothing is known of it, nor told", nil, LastLogin{}, LastLogin{}, LastLogin{}, false},
		{"only a bound is told", nil, before(7), before(7), before(7), false},

		{"the same", login(100), known(100), known(100), known(100), false},
		{"a fraction of a second less", login(100), LoginAt(at(100).Add(-s + 1)), LoginAt(at(100).Add(-s + 1)), known(100), false},
		{"a second less", login(100), LoginAt(at(100).Add(-s)), moved, known(100), true},
		{"a second more", login(100), LoginAt(at(100).Add(s)), LoginAt(at(100).Add(s)), LoginAt(at(100).Add(s)), false},
		{"logged in again", login(100), known(3), known(3), known(3), false},
		{"moved back by a year", login(100), known(465), moved, known(100), true},
		{"moved back to a recent one", login(2), known(20), moved, known(2), true},
		{"turned to never", login(100), state(LoginNever), moved, known(100), true},
		{"turned to missing", login(100), LastLogin{}, moved, known(100), true},
		{"turned to what can't be read", login(100), state(LoginUnreadable), state(LoginUnreadable), known(100), true},
		{"hidden by now", login(100), state(LoginHidden), state(LoginHidden), known(100), true},
		{"turned to a time before 2000", login(100), LoginAt(year2000.Add(-s)), moved, known(100), true},
		{"turned to a time in the future", login(100), LoginAt(testNow.Add(day + s)), LoginAt(testNow.Add(day + s)), known(100), true},
		{"never logged in, and still not", entry(func(*memory.Entry) {}), state(LoginNever), state(LoginNever), LastLogin{}, false},
		{"never logged in, and did", entry(func(*memory.Entry) {}), known(3), known(3), known(3), false},

		{"a log that reaches back to the run before", bound(8), before(1), before(8), before(8), false},
		{"a log that reaches back further", bound(8), before(7), before(8), before(8), false},
		{"a log that reaches back a second less than to the run before", bound(8), LastLogin{State: LoginKnown, At: at(1).Add(s), NotAfter: true}, LastLogin{State: LoginKnown, At: at(1).Add(s), NotAfter: true}, LastLogin{State: LoginKnown, At: at(1).Add(s), NotAfter: true}, false},
		{"a log that reaches back further than before", bound(8), before(30), before(30), before(30), false},
		{"watched for a quarter", bound(97), before(7), before(97), before(97), false},
		{"a login that is out of the log by now", login(60), before(7), known(60), known(60), false},
		{"the same, with a gap", entry(func(e *memory.Entry) { e.Login, e.LastSeen = at(60), at(8) }), before(7), before(7), before(7), false},
		{"the same, when a run between could not read it", entry(func(e *memory.Entry) { e.Login, e.Gap = at(60), true }), before(7), before(7), before(7), false},
		{"a log that reaches back to a login and does not have it", login(6), before(7), moved, known(6), true},
		{"a log that begins with that very second", login(7), before(7), known(7), known(7), false},
		{"a bound, and a login after it", bound(30), known(2), known(2), known(2), false},
		{"a bound, and a login before it", bound(30), known(40), known(40), known(40), false},
		{"a bound, and no login at all", bound(30), state(LoginNever), state(LoginNever), LastLogin{}, false},
		{"a bound, and nothing told", bound(30), LastLogin{}, LastLogin{}, before(30), true},
		{"a bound, after a run that was told nothing", entry(func(e *memory.Entry) { e.Login, e.Bound, e.Gap = at(30), true, true }), before(7), before(7), before(7), false},
		{"the run before was by a clock that is ahead", entry(func(e *memory.Entry) { e.Login, e.Bound, e.LastSeen = at(30), true, at(-1) }), before(7), before(7), before(7), false},
	}
	for _, tt := range tests {
		u := with("1", func(u *User) { u.LastLogin, u.Created = tt.told, at(900) })
		var e memory.Entry
		if tt.entry != nil {
			e = *tt.entry
		}
		got, next, movedBack := recall(u, e, tt.entry != nil, true, testNow)
		if got.LastLogin != tt.want || movedBack != (tt.want == moved) {
			t.Errorf("%s: %s, moved back: %t, want %s", tt.rule, got.LastLogin, movedBack, tt.want)
		}
		then := LastLogin{}
		if !next.Login.IsZero() {
			then = LastLogin{State: LoginKnown, At: next.Login, NotAfter: next.Bound}
		}
		if then != tt.next || next.Gap != tt.gap || !next.LastSeen.Equal(testNow) {
			t.Errorf("%s: the entry has %+v, want %s, gap: %t", tt.rule, next, tt.next, tt.gap)
		}
		// A second look at what was decided decides the same.
		again, _, _ := recall(got, e, tt.entry != nil, true, testNow)
		if again.LastLogin != got.LastLogin {
			t.Errorf("%s: again it is %s, and not %s", tt.rule, again.LastLogin, got.LastLogin)
		}
		// What a listing does not tell of an account that is kept anyway is nothing.
		if _, next, movedBack := recall(u, e, tt.entry != nil, false, testNow); movedBack && tt.told.State != LoginKnown || next.Login.Before(e.Login) && !next.Bound && !e.Bound {
			t.Errorf("%s: not judged, and moved back, or %+v", tt.rule, next)
		}
	}
}

// Other signs of life are never forgotten, and what was last seen of another account is not
// about this one.
func TestRecallSignsAndCreation(t *testing.T) {
	at := func(days int) time.Time { return testNow.AddDate(0, 0, -days) }
	const none = -1
	tests := []struct {
		rule                       string
		created, login, sign       int // of the entry, in days before now
		nowCreated, nowLogin, seen int // as told
		activity, entry            int // as decided about, and as remembered
		first                      int
		movedBack                  bool
	}{
		{"a sign of life that is no longer told", 900, 100, 20, 900, 100, none, 20, 20, 50, false},
		{"an older one", 900, 100, 20, 900, 100, 30, 20, 20, 50, false},
		{"a newer one", 900, 100, 20, 900, 100, 10, 10, 10, 50, false},
		{"a login that is newer", 900, 100, 20, 900, 5, none, 20, none, 50, false},
		{"a login out of a log that has a gap", 900, 100, none, 900, none, none, none, none, 50, true},
		{"created later, and after it was seen alive", 900, 100, 20, 19, none, none, none, none, 0, false},
		{"created later, and never used", 900, none, none, 30, none, none, none, none, 0, false},
		{"created later, but before it was seen alive", 900, 100, 20, 21, none, none, 20, 20, 50, true},
		{"created earlier than was told", 900, 100, 20, 901, none, none, 20, 20, 50, true},
		{"its creation is no longer told", 900, 100, 20, none, none, none, 20, 20, 50, true},
		{"its creation was not told", none, 100, 20, 19, none, none, 20, 20, 50, true},
	}
	when := func(days int) time.Time {
		if days == none {
			return time.Time{}
		}
		return at(days)
	}
	for _, tt := range tests {
		e := memory.Entry{Login: when(tt.login), Sign: when(tt.sign), Created: when(tt.created), FirstSeen: at(50), LastSeen: at(1)}
		u := with("1", func(u *User) {
			u.Created, u.LastActivity, u.LastLogin = when(tt.nowCreated), when(tt.seen), state(LoginNever)
			if tt.nowLogin != none {
				u.LastLogin = LoginAt(at(tt.nowLogin))
			}
		})
		got, next, movedBack := recall(u, e, true, true, testNow)
		if !got.LastActivity.Equal(when(tt.activity)) || !next.Sign.Equal(when(tt.entry)) || movedBack != tt.movedBack {
			t.Errorf("%s: %s, remembered %s, moved back: %t", tt.rule, got.LastActivity, next.Sign, movedBack)
		}
		if !got.FirstSeen.Equal(at(tt.first)) || !next.FirstSeen.Equal(got.FirstSeen) {
			t.Errorf("%s: first seen %s", tt.rule, got.FirstSeen)
		}
	}
	u := with("1", func(u *User) { u.LastActivity = testNow.Add(2 * day) })
	if got, next, _ := recall(u, memory.Entry{Sign: at(3)}, true, true, testNow); !got.LastActivity.Equal(u.LastActivity) || !next.Sign.Equal(at(3)) {
		t.Error("a sign of life in the future has become a plausible one")
	}
	if got, _, _ := recall(u, memory.Entry{FirstSeen: testNow.Add(2)}, true, true, testNow); !got.FirstSeen.Equal(testNow) {
		t.Error("it was first seen in the future")
	}
}

// Where the directory tells no creation, an account is not older than since when it is known.
func TestFirstSeen(t *testing.T) {
	cutoff := testNow.Add(-90 * day)
	tests := []struct {
		rule  string
		never NeverPolicy
		first time.Time // zero: there is no ledger
		edit  func(*User)
		want  Decision
	}{
		{"no ledger", NeverRemoveUndated, time.Time{}, undated, Decision{Remove, NeverLoggedIn}},
		{"first seen now", NeverRemoveUndated, testNow, undated, Decision{Keep, NeverLoggedIn}},
		{"first seen ten days ago", NeverRemoveUndated, testNow.Add(-10 * day), undated, Decision{Keep, NeverLoggedIn}},
		{"first seen at the cutoff", NeverRemoveUndated, cutoff, undated, Decision{Keep, NeverLoggedIn}},
		{"first seen a second before the cutoff", NeverRemoveUndated, cutoff.Add(-time.Second), undated, Decision{Remove, NeverLoggedIn}},
		{"a creation is needed", NeverRemove, cutoff.Add(-time.Second), undated, Decision{Keep, NeverLoggedIn}},
		{"a creation that is known counts", NeverRemoveUndated, testNow, created("2020-01-01T00:00:00Z"), Decision{Remove, NeverLoggedIn}},
		{"a creation that can't be read", NeverRemoveUndated, cutoff.Add(-day), func(u *User) { u.Created = time.Time{} }, Decision{Keep, NeverLoggedIn}},

		{"not in a log, and no ledger", NeverRemoveUndated, time.Time{}, func(u *User) { undated(u); notAfter("2026-01-01T00:00:00Z")(u) }, Decision{Keep, LastLoginUnknown}},
		{"not in a log, since it was first seen", NeverRemoveUndated, instant("2026-01-01T00:00:00Z"), func(u *User) { undated(u); notAfter("2026-01-01T00:00:00Z")(u) }, Decision{Remove, Inactive}},
		{"not in a log, and first seen after the cutoff", NeverRemoveUndated, testNow.Add(-10 * day), func(u *User) {
			undated(u)
			u.LastLogin = LastLogin{State: LoginKnown, At: testNow.Add(-10 * day), NotAfter: true}
		}, Decision{Keep, LastLoginUnknown}},
	}
	for _, tt := range tests {
		p := testPolicy()
		p.NeverLoggedIn = tt.never
		u := with("1", loginIs(LoginNever), tt.edit)
		u.FirstSeen = tt.first
		if got := p.Decide(u, testNow); got != tt.want {
			t.Errorf("%s: %v, want %v", tt.rule, got, tt.want)
		}
	}
}

func TestWatchedSince(t *testing.T) {
	at := func(days int) time.Time { return testNow.AddDate(0, 0, -days) }
	for _, tt := range []struct {
		rule                      string
		before, last, reach, want time.Time
	}{
		{"the first run", time.Time{}, time.Time{}, at(7), at(7)},
		{"the first with a log", time.Time{}, at(1), at(7), at(7)},
		{"no gap", at(90), at(1), at(7), at(90)},
		{"a gap of just what the log has", at(90), at(7), at(7), at(90)},
		{"a gap that is a second longer", at(90), at(7).Add(-time.Second), at(7), at(7)},
		{"a log that reaches back further", at(8), at(1), at(30), at(30)},
		{"a run of the future", at(90), at(-1), at(7), at(7)},
	} {
		if got := watchedSince(tt.before, tt.last, testNow, tt.reach); !got.Equal(tt.want) {
			t.Errorf("%s: %s, want %s", tt.rule, got, tt.want)
		}
	}
}
