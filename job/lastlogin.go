package job

import (
	"math"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// LoginState says how much is known of a last login. The zero value is
// LoginAbsent, so that what nobody filled in keeps its account.
type LoginState uint8

// The states of a last login. Only LoginKnown and LoginNever may ever lead to
// a removal.
const (
	LoginAbsent     LoginState = iota // the response has no such field
	LoginKnown                        // At is the last login
	LoginNever                        // the directory says that there was none
	LoginHidden                       // this caller may not see it
	LoginUnreadable                   // there is a value, and it is no plausible time
)

func (s LoginState) String() string {
	return [...]string{"absent", "known", "never", "hidden", "unreadable"}[s]
}

// LastLogin is what a directory tells of an account's last login.
type LastLogin struct {
	State LoginState
	At    time.Time // set if State is LoginKnown

	// NotAfter says that At is not a login but the latest that the last one can
	// have been: a log of logins reaches back to it, and the account is not in it.
	NotAfter bool
}

// LoginAt is the last login at t.
func LoginAt(t time.Time) LastLogin { return LastLogin{State: LoginKnown, At: t} }

func (l LastLogin) String() string {
	if l.State == LoginKnown && l.NotAfter {
		return "before " + l.At.UTC().Format(time.RFC3339)
	}
	if l.State == LoginKnown {
		return l.At.UTC().Format(time.RFC3339)
	}
	return l.State.String()
}

// since reports whether l is known to be at or after the cutoff.
func (l LastLogin) since(cutoff time.Time) bool {
	return l.State == LoginKnown && !l.NotAfter && !l.At.Before(cutoff)
}

// zoneless is RFC 3339 without the zone, as some directories write UTC.
// Parsing accepts a fraction of a second behind it.
const zoneless = "2006-01-02T15:04:05"

var (
	epochNumber = regexp.MustCompile(`^-?(0|[1-9][0-9]{0,19})(\.[0-9]+)?$`)
	dateTime    = regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:?\d\d)?$`)
)

// ParseLastLogin reads a time as directories write it: RFC 3339, the same
// without a zone (UTC), a date (the end of that day, UTC), and seconds or
// milliseconds since 1970, which are told apart by their size.
//
// Empty text, a number up to 0, the year 1 or before, and the very instant
// 1970-01-01T00:00:00Z are how systems write LoginNever. Everything else that
// is no time is LoginUnreadable. Whether a time is plausible is left to Settle.
func ParseLastLogin(text string) LastLogin {
	text = strings.TrimSpace(text)
	switch {
	case text == "":
		return LastLogin{State: LoginNever}
	case epochNumber.MatchString(text):
		return parseEpoch(text)
	case dateTime.MatchString(text): // time.Parse alone is more generous
		for _, layout := range []string{time.RFC3339, zoneless, zoneless + "Z0700"} {
			if t, err := time.Parse(layout, text); err == nil {
				return notSentinel(t, t)
			}
		}
	}
	if t, err := time.Parse(time.DateOnly, text); err == nil {
		return notSentinel(t, t.AddDate(0, 0, 1).Add(-time.Nanosecond))
	}
	return LastLogin{State: LoginUnreadable}
}

// firstMillisecond is 2000-01-01 in milliseconds. As seconds, it would be a
// time in the year 31969, so no plausible value can be read both ways.
const firstMillisecond = 946_684_800_000

func parseEpoch(text string) LastLogin {
	n, err := strconv.ParseFloat(text, 64)
	switch {
	case err != nil:
		return LastLogin{State: LoginUnreadable}
	case n <= 0:
		return LastLogin{State: LoginNever}
	case n >= 1000*firstMillisecond: // beyond any calendar; time.Unix would wrap around
		return LastLogin{State: LoginUnreadable}
	case n >= firstMillisecond:
		return LoginAt(time.UnixMicro(int64(math.Round(n * 1e3))).UTC())
	default:
		return LoginAt(time.UnixMicro(int64(math.Round(n * 1e6))).UTC())
	}
}

// notSentinel is the last login at the given time, or LoginNever if written,
// the time as it stood in the text, is one of the values that mean so.
func notSentinel(written, at time.Time) LastLogin {
	if written.UTC().Year() <= 1 || written.Equal(time.Unix(0, 0)) {
		return LastLogin{State: LoginNever}
	}
	return LoginAt(at)
}

// Settle judges a known time by what is possible. A time before the year 2000
// or more than a day after now is LoginUnreadable: most likely the unit, the
// zone or the field is wrong. One before the account was created is a sentinel
// that means LoginNever. A zero created is not compared with.
func (l LastLogin) Settle(created, now time.Time) LastLogin {
	switch {
	case l.State != LoginKnown:
		return l
	case !plausible(l.At, now):
		return LastLogin{State: LoginUnreadable}
	case l.NotAfter && !plausible(created, now):
		return LastLogin{} // it may be too new to be in any log
	case plausible(created, now) && l.At.Before(created):
		return LastLogin{State: LoginNever}
	}
	return l
}

const day = 24 * time.Hour

var year2000 = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)

func plausible(t, now time.Time) bool {
	return !t.Before(year2000) && !t.After(now.Add(day))
}
