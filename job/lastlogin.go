package job

import (
	"math"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// LoginState is how much is known about a last login. The zero value is LoginAbsent, so
// that an account whose last login was never set is kept.
type LoginState uint8

// The states of a last login. Only LoginKnown and LoginNever can lead to a removal.
const (
	LoginAbsent     LoginState = iota // the answer has no such field
	LoginKnown                        // At is the last login
	LoginNever                        // the directory states that there was none
	LoginHidden                       // the caller is not allowed to see it
	LoginUnreadable                   // there is a value that is no plausible time
	LoginTooEarly                     // it is long before the creation of the account
	LoginMovedBack                    // the directory told a later one to an earlier run
)

func (s LoginState) String() string {
	return [...]string{"absent", "known", "never", "hidden", "unreadable", "before_creation", "moved_back"}[s]
}

// LastLogin is what is known about an account's last login.
type LastLogin struct {
	State LoginState
	At    time.Time // set if State is LoginKnown

	// NotAfter means that At is no login but an upper bound for the last one: a log of
	// logins reaches back to At and does not contain the account.
	NotAfter bool
}

// LoginAt returns a known last login at t.
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

// zoneless is RFC 3339 without a time zone, which some directories use for UTC. Parsing
// also accepts a fraction of a second.
const zoneless = "2006-01-02T15:04:05"

var (
	epochNumber = regexp.MustCompile(`^-?(0|[1-9][0-9]{0,19})(\.[0-9]+)?$`)
	dateTime    = regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:?\d\d)?$`)
)

// ParseLastLogin reads a time in the formats that directories use: RFC 3339, the same
// without a zone (UTC), a date (the end of that day, UTC), and seconds or milliseconds
// since 1970, which are distinguished by their magnitude.
//
// Empty text, a number up to 0, the year 1 or before, and exactly 1970-01-01T00:00:00Z
// are sentinels for LoginNever. All other text that is no time is LoginUnreadable. It does
// not check whether the time is plausible; Normalize does.
func ParseLastLogin(text string) LastLogin {
	text = strings.TrimSpace(text)
	if t, ok := parseDateTime(text); ok { // as the case of dateTime below reads it
		return loginUnlessSentinel(t, t)
	}
	switch {
	case text == "":
		return LastLogin{State: LoginNever}
	case isWhole(text), epochNumber.MatchString(text):
		return parseEpoch(text)
	case dateTime.MatchString(text): // time.Parse alone accepts more
		for _, layout := range []string{time.RFC3339, zoneless, zoneless + "Z0700"} {
			if t, err := time.Parse(layout, text); err == nil {
				return loginUnlessSentinel(t, t)
			}
		}
	}
	if t, err := time.Parse(time.DateOnly, text); err == nil {
		return loginUnlessSentinel(t, t.AddDate(0, 0, 1).Add(-time.Nanosecond))
	}
	return LastLogin{State: LoginUnreadable}
}

// firstMillisecond is 2000-01-01 in milliseconds since 1970. In seconds it would be a time
// in the year 31969, so no plausible value is ambiguous.
const firstMillisecond = 946_684_800_000

func parseEpoch(text string) LastLogin {
	n, err := strconv.ParseFloat(text, 64)
	switch {
	case err != nil:
		return LastLogin{State: LoginUnreadable}
	case n <= 0:
		return LastLogin{State: LoginNever}
	case n >= 1000*firstMillisecond: // no calendar has it, and time.Unix would wrap around
		return LastLogin{State: LoginUnreadable}
	case n >= firstMillisecond:
		return LoginAt(time.UnixMicro(int64(math.Round(n * 1e3))).UTC())
	default:
		return LoginAt(time.UnixMicro(int64(math.Round(n * 1e6))).UTC())
	}
}

// year2 is when the years have ended that no last login is in.
var year2 = time.Date(2, 1, 1, 0, 0, 0, 0, time.UTC)

// loginUnlessSentinel returns a last login at the given time, or LoginNever if written, the
// time exactly as in the text, is a sentinel for that.
func loginUnlessSentinel(written, at time.Time) LastLogin {
	if written.Before(year2) || written.Equal(time.Unix(0, 0)) {
		return LastLogin{State: LoginNever}
	}
	return LoginAt(at)
}

// Normalize checks whether a known time is plausible. A time before the year 2000 or more
// than a day after now becomes LoginUnreadable: most likely the unit, the zone or the field
// is wrong.
//
// A time more than a day before the account was created becomes LoginTooEarly. Either of
// the two is wrong, or both are right and the accounts were moved, or the time is a sentinel
// that nobody has described; so it proves neither a login nor that there was none. Within a
// day they tell the same: an account is often created by its first login, clocks differ,
// and a time without a zone can be off by hours.
//
// An upper bound from before the creation becomes LoginNever, because the log reaches back
// beyond the whole life of the account. One becomes LoginAbsent if the creation date is not
// known, because the account may be newer than the log. A zero created is not compared.
func (l LastLogin) Normalize(created, now time.Time) LastLogin {
	switch {
	case l.State != LoginKnown:
		return l
	case !plausible(l.At, now):
		return LastLogin{State: LoginUnreadable}
	case l.NotAfter && !plausible(created, now):
		return LastLogin{} // the account may be newer than the log
	case l.NotAfter && l.At.Before(created):
		return LastLogin{State: LoginNever}
	case l.At.Before(created) && plausible(created, now) && l.At.Before(created.Add(-day)):
		return LastLogin{State: LoginTooEarly}
	}
	return l
}

const day = 24 * time.Hour

var year2000 = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)

func plausible(t, now time.Time) bool {
	return !t.Before(year2000) && (!t.After(now) || !t.After(now.Add(day)))
}
