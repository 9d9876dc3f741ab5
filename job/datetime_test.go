package job

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"
)

// What is read digit by digit is the time that the standard library reads.
func TestParseDateTimeAgreesWithTheLibrary(t *testing.T) {
	check := func(text string) {
		t.Helper()
		got, ok := parseDateTime(text)
		want, err := time.Parse(time.RFC3339, text)
		if err != nil {
			want, err = time.Parse(zoneless, text)
		}
		if ok && (err != nil || !got.Equal(want) || !dateTime.MatchString(text)) {
			t.Errorf("%q: %v, want %v, %v", text, got, want, err)
		}
		if !ok && err == nil && dateTime.MatchString(text) && text[len(text)-1] != '0' { // +24:00, +00:60
			t.Errorf("%q was not read", text)
		}
	}
	for _, text := range []string{
		"2024-02-29T00:00:00Z", "2023-02-29T00:00:00Z", "1900-02-29T00:00:00Z", "2000-02-29T00:00:00Z",
		"2024-04-30T23:59:59Z", "2024-04-31T23:59:59Z", "2024-12-31T23:59:60Z", "2024-12-31T24:00:00Z", "2024-00-01T00:00:00Z",
		"2024-13-01T00:00:00Z", "2024-01-00T00:00:00Z", "2024-01-01T00:60:00Z", "0000-01-01T00:00:00Z", "9999-12-31T23:59:59.999999999Z",
		"2024-01-01T00:00:00", "2024-01-01T00:00:00.5", "2024-01-01T00:00:00.123456789Z", "2024-01-01T00:00:00.1234567891Z", "2024-01-01T00:00:00.Z",
		"2024-01-01T00:00:00+01:00", "2024-01-01T00:00:00-23:59", "2024-01-01T00:00:00+24:00", "2024-01-01T00:00:00+00:60", "2024-01-01T00:00:00+0100",
		"2024-01-01T00:00:00z", "2024-01-01t00:00:00Z", "2024-01-01 00:00:00Z", "2024-01-01T00:00:00,5Z", "2024-01-01T00:00:00ZZ", "2024-01-01T0a:00:00Z",
		"2024-01-01T-1:00:00Z", "20 4-01-01T00:00:00Z", "2024-01-01T00:00:00+1:00x", "", "T", "2024-01-01T00:00",
	} {
		check(text)
	}
	for range 20_000 {
		check(fmt.Sprintf("%04d-%02d-%02dT%02d:%02d:%02d%s%s", rand.IntN(10_000), rand.IntN(14), rand.IntN(33), rand.IntN(25), rand.IntN(61), rand.IntN(61),
			[]string{"", ".1", ".000001", ".123456789"}[rand.IntN(4)], []string{"", "Z", "+05:30", "-11:00", "+0100"}[rand.IntN(4)]))
	}
}

func TestReadingATimeAllocatesNothing(t *testing.T) {
	for _, text := range []string{"2024-01-02T03:04:05Z", "2024-01-02T03:04:05.123+02:00", "1704164645", "1704164645000"} {
		if n := testing.AllocsPerRun(10, func() { ParseLastLogin(text) }); n > 0 {
			t.Errorf("%s: %v allocations", text, n)
		}
	}
}
