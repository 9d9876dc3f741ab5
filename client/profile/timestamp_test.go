package profile

import (
	"strings"
	"testing"
	"time"

	"github.com/tidwall/gjson"

	"dormant/job"
)

func parserOf(t testing.TB, layout, zone string) timeParser {
	t.Helper()
	c, err := Timestamp{Layout: layout, Zone: Template(zone)}.parser(Bindings{})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestTimes(t *testing.T) {
	for _, row := range []struct {
		layout, zone string
		want         map[string]string
	}{
		{"", "", map[string]string{
			"2024-05-01T10:00:00Z": "2024-05-01T10:00:00Z", "2024-05-01T10:00:00+02:00": "2024-05-01T08:00:00Z",
			"2024-05-01 10:00:00Z": "2024-05-01T10:00:00Z", "2024-05-01 10:00:00.25-03:00": "2024-05-01T13:00:00Z",
			"2024-05-01 10:00:00": "2024-05-01T10:00:00Z", " 2024-05-01T10:00:00 ": "2024-05-01T10:00:00Z", "2024-05-01": "2024-05-01T23:59:59Z",
			"1714557600": "2024-05-01T10:00:00Z", "1714557600000": "2024-05-01T10:00:00Z", "": "never", "0": "never", "1970-01-01 00:00:00": "never",
			"0001-01-01 00:00:00": "never", "0000-00-00 00:00:00": "unreadable", "2024-05-01  10:00:00": "unreadable", "2024-05-01 ": "2024-05-01T23:59:59Z",
			"2024-05-01\t10:00:00": "unreadable", "2024-05-01_10:00:00": "unreadable", "01.05.2024": "unreadable", "never": "unreadable", "2024-13-01": "unreadable",
		}},
		{"", "Europe/Berlin", map[string]string{
			"2024-05-01T10:00:00": "2024-05-01T08:00:00Z", "2024-12-01 10:00:00": "2024-12-01T09:00:00Z", "2024-05-01T10:00:00.999": "2024-05-01T08:00:00Z",
			"2024-05-01T10:00:00Z": "2024-05-01T10:00:00Z", "2024-05-01T10:00:00-07:00": "2024-05-01T17:00:00Z", "1714557600": "2024-05-01T10:00:00Z",
			// The day in Berlin ends before the one in UTC, or with it.
			"2024-05-01": "2024-05-01T21:59:59Z", "2024-12-01": "2024-12-01T22:59:59Z",
			// Hours that there are not, and some that there are twice: either reading is right.
			"2024-03-31T02:30:00": "2024-03-31T01:30:00Z", "2024-03-31T03:00:00": "2024-03-31T01:00:00Z", "2024-03-31T01:59:59": "2024-03-31T00:59:59Z",
			"2024-10-27T01:59:59": "2024-10-26T23:59:59Z", "2024-10-27T03:00:00": "2024-10-27T02:00:00Z",
			"": "never", "0": "never", "0001-01-01T00:00:00": "never",
		}},
		{"", "America/Los_Angeles", map[string]string{
			"2024-05-01": "2024-05-02T06:59:59Z", "2024-05-01T23:59:59": "2024-05-02T06:59:59Z", "2024-11-03": "2024-11-04T07:59:59Z", "0001-01-01": "never",
		}},
		{"DD.MM.YYYY HH:mm:ss", "Europe/Berlin", map[string]string{
			"01.05.2024 10:00:00": "2024-05-01T08:00:00Z", "01.12.2024 10:00:00": "2024-12-01T09:00:00Z", " 01.05.2024 10:00:00\n": "2024-05-01T08:00:00Z",
			"01.01.0001 00:00:00": "never", "": "never", "0": "never", "0001-01-01T00:00:00Z": "never", "1970-01-01T00:00:00Z": "never",
			// What the layout does not fit is not read in another way.
			"2024-05-01T10:00:00Z": "unreadable", "1714557600": "unreadable", "05/01/2024 10:00:00": "unreadable", "01.05.2024": "unreadable",
			"31.02.2024 10:00:00": "unreadable", "01.13.2024 10:00:00": "unreadable", "01.05.2024 24:00:00": "unreadable", "never": "unreadable", "-": "unreadable",
		}},
		{"DD.MM.YYYY HH:mm:ss", "", map[string]string{"01.01.1970 00:00:00": "never", "01.01.1970 00:00:01": "1970-01-01T00:00:01Z", "01.05.2024 10:00:00": "2024-05-01T10:00:00Z"}},
		{"DD.MM.YYYY", "", map[string]string{"01.05.2024": "2024-05-01T23:59:59Z", "01.05.24": "unreadable", "1.5.2024": "unreadable"}},
		{"MM/DD/YYYY", "America/New_York", map[string]string{"05/01/2024": "2024-05-02T03:59:59Z", "11/03/2024": "2024-11-04T04:59:59Z", "13/01/2024": "unreadable"}},
		{"YYYYMMDDHHmmss", "", map[string]string{"20240501100000": "2024-05-01T10:00:00Z", "20240501": "unreadable"}},
		{"YYYY-MM-DDTHH:mm:ssZZ", "Europe/Berlin", map[string]string{
			"2024-05-01T10:00:00+0000": "2024-05-01T10:00:00Z", "2024-05-01T10:00:00.123-0300": "2024-05-01T13:00:00Z",
			"2024-05-01T10:00:00+00:00": "unreadable", "2024-05-01T10:00:00": "unreadable",
		}},
	} {
		c := parserOf(t, row.layout, row.zone)
		for text, want := range row.want {
			if got := c.parse(text).String(); got != want {
				t.Errorf("%q in %q, %q: %s, want %s", text, row.layout, row.zone, got, want)
			}
		}
	}
}

func TestTimesOfJSON(t *testing.T) {
	c := parserOf(t, "", "")
	for value, want := range map[string]string{
		`null`: "never", `""`: "never", `0`: "never", `1714557600`: "2024-05-01T10:00:00Z", `1714557600.5`: "2024-05-01T10:00:00Z", `"1714557600"`: "2024-05-01T10:00:00Z",
		`true`: "unreadable", `false`: "unreadable", `{}`: "unreadable", `[]`: "unreadable", `["2024-05-01"]`: "unreadable", `1e9`: "unreadable", `99999999999999999999`: "unreadable",
	} {
		v := gjson.Parse(value)
		if got := c.value(v).String(); got != want {
			t.Errorf("%s: %s, want %s", value, got, want)
		}
	}
	days, day := parserOf(t, "YYYYMMDD", ""), gjson.Parse("20240501")
	if got := days.value(day).String(); got != "2024-05-01T23:59:59Z" {
		t.Errorf("a number in a layout: %s", got)
	}
}

func TestNewest(t *testing.T) {
	c := parserOf(t, "", "")
	for document, want := range map[string]string{
		`{}`: "not found", `{"a":null}`: "never", `{"b":""}`: "never", `{"a":null,"b":0}`: "never",
		`{"a":"2020-01-01","b":"2021-01-01"}`: "2021-01-01T23:59:59Z", `{"a":"2021-01-01","b":"2020-01-01"}`: "2021-01-01T23:59:59Z",
		`{"a":null,"b":"2020-01-01"}`: "2020-01-01T23:59:59Z", `{"a":"2020-01-01","b":null}`: "2020-01-01T23:59:59Z", `{"b":"2020-01-01"}`: "2020-01-01T23:59:59Z",
		`{"a":"2020-01-01","b":"?"}`: "unreadable", `{"a":"?","b":"2020-01-01"}`: "unreadable", `{"a":null,"b":{}}`: "unreadable",
	} {
		got, found := c.newest(Paths{"a", "b"}, gjson.Parse(document))
		if text := got.String(); found && text != want || !found && want != "not found" {
			t.Errorf("%s: %s, %t; want %s", document, text, found, want)
		}
	}
}

// FuzzTimes: with a layout, only what is one of the known sentinels, or the
// layout's own year 1 or 1970, is ever "never"; and nothing is known that is not
// written in the layout.
func FuzzTimes(f *testing.F) {
	for _, text := range []string{"", "0", "-1", "01.05.2024 10:00:00", "01.01.0001 00:00:00", "01.01.1970 00:00:00", "2024-05-01T10:00:00Z", "2024-05-01 10:00:00",
		"never", "n/a", "31.12.9999 23:59:59", "00.00.0000 00:00:00", "1714557600", "0000-00-00 00:00:00", "01.01.0002 0:00:00", "\x00", "１２"} {
		f.Add(text)
	}
	layouts := map[string]string{"DD.MM.YYYY HH:mm:ss": "02.01.2006 15:04:05", "YYYY/DD/MM": "2006/02/01", "YYYYMMDDHHmmssZZ": "20060102150405-0700"}
	f.Fuzz(func(t *testing.T, text string) {
		for layout, written := range layouts {
			for _, zone := range []string{"", "Europe/Berlin", "Pacific/Kiritimati"} {
				c := parserOf(t, layout, zone)
				got := c.parse(text)
				at, err := time.ParseInLocation(written, strings.TrimSpace(text), c.zone)
				sentinel := job.ParseLastLogin(text).State == job.LoginNever
				switch got.State {
				case job.LoginNever:
					if !sentinel && (err != nil || at.UTC().Year() > 1 && !at.Equal(time.Unix(0, 0)) && at.Year() != 1970) {
						t.Fatalf("%q in %s is never", text, layout)
					}
				case job.LoginKnown:
					// Before there were zones, they had seconds, which RFC 3339 has not.
					if err != nil || at.Sub(got.At) > time.Minute || got.At.Sub(at) > 25*time.Hour {
						t.Fatalf("%q in %s is %s", text, layout, got)
					}
				case job.LoginUnreadable:
				case job.LoginAbsent, job.LoginHidden, job.LoginTooEarly, job.LoginMovedBack:
					t.Fatalf("%q in %s is %s", text, layout, got)
				}
			}
		}
		// Without a layout, a space is as good as a T, and nothing is "never" that
		// is not so anyway.
		plain := parserOf(t, "", "")
		if got, want := plain.parse(text), job.ParseLastLogin(strings.Replace(text, " ", "T", 1)); got.State == job.LoginNever && want.State != job.LoginNever &&
			job.ParseLastLogin(text).State != job.LoginNever {
			t.Fatalf("%q is never", text)
		}
	})
}
