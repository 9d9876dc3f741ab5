package job

import (
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
)

func TestParseLastLogin(t *testing.T) {
	const never, unreadable = "never", "unreadable"
	tests := []struct {
		text string
		want string // RFC 3339 in UTC, or the state
	}{
		// RFC 3339, any fraction, any offset
		{"2024-01-31T12:00:00Z", "2024-01-31T12:00:00Z"},
		{"2024-01-31T12:00:00.1Z", "2024-01-31T12:00:00.1Z"},
		{"2024-01-31T12:00:00.12Z", "2024-01-31T12:00:00.12Z"},
		{"2024-01-31T12:00:00.123Z", "2024-01-31T12:00:00.123Z"},
		{"2024-01-31T12:00:00.1234Z", "2024-01-31T12:00:00.1234Z"},
		{"2024-01-31T12:00:00.12345Z", "2024-01-31T12:00:00.12345Z"},
		{"2024-01-31T12:00:00.123456Z", "2024-01-31T12:00:00.123456Z"},
		{"2024-01-31T12:00:00.1234567Z", "2024-01-31T12:00:00.1234567Z"},
		{"2024-01-31T12:00:00.12345678Z", "2024-01-31T12:00:00.12345678Z"},
		{"2024-01-31T12:00:00.123456789Z", "2024-01-31T12:00:00.123456789Z"},
		{"2024-01-31T12:00:00+00:00", "2024-01-31T12:00:00Z"},
		{"2024-01-31T12:00:00+05:45", "2024-01-31T06:15:00Z"},
		{"2024-01-31T12:00:00.5-11:00", "2024-01-31T23:00:00.5Z"},
		{"\t2024-01-31T12:00:00Z \n", "2024-01-31T12:00:00Z"},
		{"2024-02-29T23:59:59Z", "2024-02-29T23:59:59Z"},

		// without a zone: UTC
		{"2024-01-31T12:00:00", "2024-01-31T12:00:00Z"},
		{"2024-01-31T12:00:00.123456", "2024-01-31T12:00:00.123456Z"},

		// a date: the end of that day
		{"2024-01-31", "2024-01-31T23:59:59.999999999Z"},
		{"2024-02-29", "2024-02-29T23:59:59.999999999Z"},
		{"2023-12-31", "2023-12-31T23:59:59.999999999Z"},

		// seconds and milliseconds
		{"1706702400", "2024-01-31T12:00:00Z"},
		{"1706702400.75", "2024-01-31T12:00:00.75Z"},
		{"1706702400000", "2024-01-31T12:00:00Z"},
		{"1706702400123", "2024-01-31T12:00:00.123Z"},
		{"1706702400123.5", "2024-01-31T12:00:00.1235Z"},
		{" 1706702400 ", "2024-01-31T12:00:00Z"},
		{"946684800", "2000-01-01T00:00:00Z"},
		{"946684800000", "2000-01-01T00:00:00Z"},

		// how systems write never
		{"", never},
		{" \t", never},
		{"0", never},
		{"0.0", never},
		{"000", unreadable},
		{"0001600000000", unreadable},
		{"2020-01-01T00:00:00,5Z", unreadable},
		{"2020-01-01T00:00:00.1234567890Z", unreadable},
		{"-1", never},
		{"-62135596800", never},
		{"-62135596800000", never},
		{"0000-00-00", unreadable}, // no such day
		{"0001-01-01", never},
		{"0001-01-01T00:00:00", never},
		{"0001-01-01T00:00:00Z", never},
		{"0001-01-01T00:00:00+01:00", never},
		{"0001-01-01T00:00:00.0000000Z", never},
		{"0001-12-31T23:59:59Z", never},
		{"1970-01-01", never},
		{"1970-01-01T00:00:00", never},
		{"1970-01-01T00:00:00Z", never},
		{"1970-01-01T00:00:00.000Z", never},
		{"1970-01-01T01:00:00+01:00", never},
		{"1969-12-31T19:00:00-05:00", never},

		// no sentinel, and for Normalize to judge
		{"0002-01-01T00:00:00Z", "0002-01-01T00:00:00Z"},
		{"1970-01-01T00:00:01Z", "1970-01-01T00:00:01Z"},
		{"1970-01-01T01:00:00Z", "1970-01-01T01:00:00Z"},
		{"1969-12-31", "1969-12-31T23:59:59.999999999Z"},
		{"20240131", "1970-08-23T06:15:31Z"}, // a compact date is read as seconds

		// anything else
		{"null", unreadable},
		{"never", unreadable},
		{"-", unreadable},
		{"N/A", unreadable},
		{"false", unreadable},
		{"{}", unreadable},
		{"yesterday", unreadable},
		{"90 days ago", unreadable},
		{"NaN", unreadable},
		{"-Inf", unreadable},
		{"1e9", unreadable},
		{"-1e9", unreadable},
		{"0x0", unreadable},
		{"0_0", unreadable},
		{"--1", unreadable},
		{"+1706702400", unreadable},
		{"1,706,702,400", unreadable},
		{"1706702400000000", unreadable},    // microseconds
		{"1706702400000000000", unreadable}, // nanoseconds
		{"99999999999999999999", unreadable},
		{"999999999999999999999", unreadable},
		{"-999999999999999999999", unreadable},
		{"2024", "1970-01-01T00:33:44Z"}, // read as seconds, so implausible
		{"2024-01", unreadable},
		{"2024-1-31", unreadable},
		{"2023-02-29", unreadable},
		{"2024-02-30T00:00:00Z", unreadable},
		{"2024-13-01", unreadable},
		{"2024-01-31T25:00:00Z", unreadable},
		{"2024-01-31T23:59:60Z", unreadable},
		{"2024-01-31T12:00:00+99:00", unreadable},
		{"2024-01-31T12:00:00 Europe/Berlin", unreadable},
		{"2024-01-31 12:00:00", unreadable}, // its zone is for a profile to say
		{"31.01.2024", unreadable},
		{"01/31/2024", unreadable},
		{"2024-01-31T12:00:00Zjunk", unreadable},
		{"\xff", unreadable},
	}
	for _, tt := range tests {
		if got := written(ParseLastLogin(tt.text)); got != tt.want {
			t.Errorf("%q: %s, want %s", tt.text, got, tt.want)
		}
	}
}

// written is l in full, where String leaves out the fraction.
func written(l LastLogin) string {
	if l.State == LoginKnown {
		return l.At.UTC().Format(time.RFC3339Nano)
	}
	return l.State.String()
}

func TestNormalize(t *testing.T) {
	now := instant("2026-07-01T12:00:00Z")
	tests := []struct {
		rule    string
		login   string
		created string
		want    string
	}{
		{"a plain one", "2024-01-31T12:00:00Z", "2020-01-01T00:00:00Z", "2024-01-31T12:00:00Z"},
		{"1 s before 2000", "1999-12-31T23:59:59Z", "", "unreadable"},
		{"at 2000", "2000-01-01T00:00:00Z", "", "2000-01-01T00:00:00Z"},
		{"1 s after 2000", "2000-01-01T00:00:01Z", "", "2000-01-01T00:00:01Z"},
		{"before 2000 in UTC alone", "2000-01-01T00:30:00+01:00", "", "unreadable"},
		{"now + 1 d - 1 s", "2026-07-02T11:59:59Z", "", "2026-07-02T11:59:59Z"},
		{"now + 1 d", "2026-07-02T12:00:00Z", "", "2026-07-02T12:00:00Z"},
		{"now + 1 d + 1 s", "2026-07-02T12:00:01Z", "", "unreadable"},
		{"the year 2", "0002-01-01T00:00:00Z", "", "unreadable"},
		{"a sentinel after 1970", "1970-01-01T00:00:01Z", "", "unreadable"},
		{"a sentinel in the far future", "9999-12-31T23:59:59Z", "", "unreadable"},
		{"seconds taken for milliseconds", "1706702400", "", "2024-01-31T12:00:00Z"},
		{"a compact date", "20240131", "", "unreadable"},
		{"a year", "2024", "", "unreadable"},

		{"1 s before creation", "2023-12-31T23:59:59Z", "2024-01-01T00:00:00Z", "2023-12-31T23:59:59Z"},
		{"creation - 1 d + 1 s", "2023-12-31T00:00:01Z", "2024-01-01T00:00:00Z", "2023-12-31T00:00:01Z"},
		{"creation - 1 d", "2023-12-31T00:00:00Z", "2024-01-01T00:00:00Z", "2023-12-31T00:00:00Z"},
		{"creation - 1 d - 1 s", "2023-12-30T23:59:59Z", "2024-01-01T00:00:00Z", "before_creation"},
		{"a year before creation, as after a migration", "2023-01-01T00:00:00Z", "2024-01-01T00:00:00Z", "before_creation"},
		{"at creation", "2024-01-01T00:00:00Z", "2024-01-01T00:00:00Z", "2024-01-01T00:00:00Z"},
		{"1 s after creation", "2024-01-01T00:00:01Z", "2024-01-01T00:00:00Z", "2024-01-01T00:00:01Z"},
		{"creation minus 10 years, as only a profile can tell", "2014-01-01T00:00:00Z", "2024-01-01T00:00:00Z", "before_creation"},
		{"creation minus 10 years, before 2000", "1998-01-01T00:00:00Z", "2008-01-01T00:00:00Z", "unreadable"},
		{"a creation in the future proves nothing", "2024-01-01T00:00:00Z", "2999-01-01T00:00:00Z", "2024-01-01T00:00:00Z"},
		{"a login on the day of creation, as a date", "2024-01-01", "2024-01-01T18:00:00Z", "2024-01-01T23:59:59.999999999Z"},

		{"never", "", "2024-01-01T00:00:00Z", "never"},
		{"unreadable", "junk", "2024-01-01T00:00:00Z", "unreadable"},
	}
	for _, tt := range tests {
		if got := written(ParseLastLogin(tt.login).Normalize(instant(tt.created), now)); got != tt.want {
			t.Errorf("%s: %s, want %s", tt.rule, got, tt.want)
		}
	}
	for _, state := range []LoginState{LoginAbsent, LoginHidden} {
		if got := (LastLogin{State: state}).Normalize(instant("2024-01-01T00:00:00Z"), now); got.State != state {
			t.Errorf("%s became %s", state, got)
		}
	}
}

// instant is the time in the text; the zero time if it is empty.
func instant(text string) time.Time {
	if text == "" {
		return time.Time{}
	}
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		panic(err)
	}
	return at
}

// sentinel matches the ways to write never, apart from numbers and nothing.
var sentinel = regexp.MustCompile(`^(0000|0001|0002-01-01|1970-01-01|1969-12-31)`)

func FuzzParseLastLogin(f *testing.F) {
	for i, text := range []string{
		"", " ", "0", "-0", "-1", "0.0", "1", "0x0", "NaN", "-Inf", "1e-9", "-1e9", "null", "0001-01-01T00:00:00Z",
		"0001-01-01T00:00:00-23:59", "0000-01-01", "1970-01-01", "1970-01-01T01:00:00+01:00", "1969-12-31T23:59:59.999999999Z",
		"1706702400", "1706702400000", "946684799999", "946684800000", "946684799999999", "946684800000000",
		"2024-01-31T12:00:00,5Z", "2024-01-31T12:00:00.123456789+05:45", "2024-01-31T12:00:00", "2024-01-31", "9999-12-31",
	} {
		f.Add(text, int64(1706702400+i), int64(i*123456789), int16(i*37))
	}
	f.Fuzz(func(t *testing.T, text string, second, nano int64, offset int16) {
		l := ParseLastLogin(text)
		trimmed := strings.TrimSpace(text)
		switch number, err := strconv.ParseFloat(trimmed, 64); l.State {
		case LoginKnown:
			// What lies before 2000 is no plausible time, and need not be read the same again.
			if y := l.At.Year(); y >= 2000 && y <= 9999 {
				if again := ParseLastLogin(l.At.Format(time.RFC3339Nano)); again.State != LoginKnown || !again.At.Equal(l.At) {
					t.Errorf("%q is %s, which is read as %s", text, written(l), written(again))
				}
			}
		case LoginNever:
			if trimmed != "" && (err != nil || number > 0) && !sentinel.MatchString(trimmed) {
				t.Errorf("%q is never", text)
			}
		case LoginUnreadable:
		default:
			t.Errorf("%q is %s", text, l)
		}
		if l.State != LoginKnown && !l.At.IsZero() {
			t.Errorf("%q is %s at %s", text, l, l.At)
		}

		const year2000, year2100 = 946684800, 4102444800
		at := time.Unix(year2000+abs(second)%(year2100-year2000), abs(nano)%1e9)
		zone := time.FixedZone("", int(offset)%(24*60)*60)
		y, m, d := at.UTC().Date()
		for text, want := range map[string]time.Time{
			at.In(zone).Format(time.RFC3339Nano):         at,
			at.UTC().Format(zoneless + ".999999999"):     at,
			at.UTC().Format(time.DateOnly):               time.Date(y, m, d, 23, 59, 59, 999999999, time.UTC),
			strconv.FormatInt(at.Unix(), 10):             at.Truncate(time.Second),
			strconv.FormatInt(at.UnixMilli(), 10):        at.Truncate(time.Millisecond),
			" " + strconv.FormatInt(at.UnixMilli(), 10):  at.Truncate(time.Millisecond),
			strconv.FormatInt(at.Unix(), 10) + ".000000": at.Truncate(time.Second),
		} {
			if got := ParseLastLogin(text); got.State != LoginKnown || !got.At.Equal(want) {
				t.Errorf("%q is %s, want %s", text, written(got), want)
			}
		}

		now := time.Unix(year2100, 0)
		normal := l.Normalize(at, now)
		if normal.State == LoginKnown && (normal.At != l.At || normal.At.Before(at) || normal.At.After(now.Add(24*time.Hour))) {
			t.Errorf("%q, created %s, normalized to %s", text, at, normal)
		}
		if again := normal.Normalize(at, now); again != normal {
			t.Errorf("%q normalized to %s, then at %s", text, normal, again)
		}
	})
}

func abs(n int64) int64 { return max(n, -(n + 1)) }
