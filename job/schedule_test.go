package job

import (
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
	_ "time/tzdata"

	"github.com/robfig/cron/v3"
)

func TestScheduleNext(t *testing.T) {
	const (
		utc       = "UTC"
		newYork   = "America/New_York"    // 2026-03-08 02:00 -> 03:00, 2026-11-01 02:00 -> 01:00
		berlin    = "Europe/Berlin"       // 2026-03-29 02:00 -> 03:00
		saoPaulo  = "America/Sao_Paulo"   // 2018-11-04 00:00 -> 01:00, 2018-02-18 00:00 -> 23:00 the day before
		beirut    = "Asia/Beirut"         // 2026-03-29 00:00 -> 01:00
		havana    = "America/Havana"      // 2025-11-02 01:00 -> 00:00
		lordHowe  = "Australia/Lord_Howe" // 2026-10-04 02:00 -> 02:30, 2026-04-05 02:00 -> 01:30
		auckland  = "Pacific/Auckland"    // 2026-09-27 02:00 -> 03:00, 2026-04-05 03:00 -> 02:00
		apia      = "Pacific/Apia"        // 2011-12-30 does not exist
		kathmandu = "Asia/Kathmandu"      // +05:45, never changes
	)
	tests := []struct {
		rule  string
		zone  string
		spec  string
		after string
		want  string // the runs that follow, "-" for never
	}{
		{"a second before its time", utc, "0 3 * * *", "2026-01-01T02:59:59Z", "2026-01-01T03:00:00Z"},
		{"at its time: the next one", utc, "0 3 * * *", "2026-01-01T03:00:00Z", "2026-01-02T03:00:00Z"},
		{"a moment after its time", utc, "0 3 * * *", "2026-01-01T03:00:00.000000001Z", "2026-01-02T03:00:00Z"},
		{"a moment before its time", utc, "0 3 * * *", "2026-01-01T02:59:59.999999999Z", "2026-01-01T03:00:00Z"},
		{"t may be in any zone", utc, "0 3 * * *", "2026-01-01T03:30:00+01:00", "2026-01-01T03:00:00Z"},
		{"the fields are read in the zone", kathmandu, "0 3 * * *", "2026-01-01T00:00:00Z", "2026-01-02T03:00:00+05:45"},
		{"a descriptor is read in the zone", kathmandu, "@daily", "2026-01-01T00:00:00Z", "2026-01-02T00:00:00+05:45"},
		{"a weekday", utc, "0 3 * * mon", "2026-01-01T00:00:00Z", "2026-01-05T03:00:00Z"},
		{"a leap day", utc, "0 0 29 2 *", "2026-01-01T00:00:00Z", "2028-02-29T00:00:00Z"},
		{"a leap day beyond five years", utc, "0 0 29 2 *", "2096-03-01T00:00:00Z", "-"},

		{"@every counts from t", utc, "@every 6h", "2026-01-01T01:10:00Z", "2026-01-01T07:10:00Z"},
		{"@every on a whole second", utc, "@every 6h", "2026-01-01T01:10:00.7Z", "2026-01-01T07:10:00Z"},
		{"@every counts real hours over a gap", newYork, "@every 6h", "2026-03-08T00:00:00-05:00", "2026-03-08T07:00:00-04:00"},
		{"@every, shortest", utc, "@every 1m", "2026-01-01T00:00:00Z", "2026-01-01T00:01:00Z"},

		{"jumped over: once, at the gap's end", newYork, "30 2 * * *", "2026-03-07T12:00:00-05:00", "2026-03-08T03:00:00-04:00 2026-03-09T02:30:00-04:00"},
		{"jumped over, a second before the gap", newYork, "30 2 * * *", "2026-03-08T01:59:59-05:00", "2026-03-08T03:00:00-04:00"},
		{"jumped over, at the gap's end", newYork, "30 2 * * *", "2026-03-08T03:00:00-04:00", "2026-03-09T02:30:00-04:00"},
		{"jumped over, a second after the gap", newYork, "30 2 * * *", "2026-03-08T03:00:01-04:00", "2026-03-09T02:30:00-04:00"},
		{"the minute before the gap is not jumped over", newYork, "59 1 * * *", "2026-03-08T00:00:00-05:00", "2026-03-08T01:59:00-05:00 2026-03-09T01:59:00-04:00"},
		{"the gap's first minute is jumped over", newYork, "0 2 * * *", "2026-03-08T00:00:00-05:00", "2026-03-08T03:00:00-04:00 2026-03-09T02:00:00-04:00"},
		{"the gap's last minute is jumped over", newYork, "59 2 * * *", "2026-03-08T00:00:00-05:00", "2026-03-08T03:00:00-04:00 2026-03-09T02:59:00-04:00"},
		{"the first minute after the gap is not", newYork, "0 3 * * *", "2026-03-08T00:00:00-05:00", "2026-03-08T03:00:00-04:00 2026-03-09T03:00:00-04:00"},
		{"two in one gap: once", newYork, "0,30 2 * * *", "2026-03-08T00:00:00-05:00", "2026-03-08T03:00:00-04:00 2026-03-09T02:00:00-04:00"},
		{"one in the gap, one at its end: once", newYork, "0 2,3 * * *", "2026-03-08T00:00:00-05:00", "2026-03-08T03:00:00-04:00 2026-03-09T02:00:00-04:00"},
		{"one in the gap, one after it: both", newYork, "30 2,3 * * *", "2026-03-08T00:00:00-05:00", "2026-03-08T03:00:00-04:00 2026-03-08T03:30:00-04:00"},
		{"jumped over on the only day of the year", newYork, "30 2 8 3 *", "2026-01-01T00:00:00-05:00", "2026-03-08T03:00:00-04:00 2027-03-08T02:30:00-05:00"},
		{"not due on the day of the gap", newYork, "30 2 * * mon", "2026-03-07T00:00:00-05:00", "2026-03-09T02:30:00-04:00"},
		{"another zone's gap", berlin, "30 2 * * *", "2026-03-28T12:00:00+01:00", "2026-03-29T03:00:00+02:00 2026-03-30T02:30:00+02:00"},
		{"a gap in the southern spring", auckland, "30 2 * * *", "2026-09-26T12:00:00+12:00", "2026-09-27T03:00:00+13:00 2026-09-28T02:30:00+13:00"},
		{"a gap of half an hour", lordHowe, "15 2 * * *", "2026-10-03T12:00:00+10:30", "2026-10-04T02:30:00+11:00 2026-10-05T02:15:00+11:00"},
		{"right after a gap of half an hour", lordHowe, "30 2 * * *", "2026-10-03T12:00:00+10:30", "2026-10-04T02:30:00+11:00 2026-10-05T02:30:00+11:00"},
		{"no midnight", saoPaulo, "0 0 * * *", "2018-11-03T12:00:00-03:00", "2018-11-04T01:00:00-02:00 2018-11-05T00:00:00-02:00"},
		{"no midnight on the only weekday", saoPaulo, "@weekly", "2018-11-03T12:00:00-03:00", "2018-11-04T01:00:00-02:00 2018-11-11T00:00:00-02:00"},
		{"no midnight, years ahead", beirut, "0 0 29 3 *", "2025-12-01T00:00:00+02:00", "2026-03-29T01:00:00+03:00"},
		{"no such day", apia, "0 3 30 12 *", "2011-12-01T00:00:00-10:00", "2011-12-31T00:00:00+14:00 2012-12-30T03:00:00+14:00"},

		{"repeated: the first time only", newYork, "30 1 * * *", "2026-10-31T12:00:00-04:00", "2026-11-01T01:30:00-04:00 2026-11-02T01:30:00-05:00"},
		{"repeated, between the two", newYork, "30 1 * * *", "2026-11-01T01:00:00-05:00", "2026-11-02T01:30:00-05:00"},
		{"repeated, several in the hour", newYork, "*/30 1 * * *", "2026-11-01T00:00:00-04:00", "2026-11-01T01:00:00-04:00 2026-11-01T01:30:00-04:00 2026-11-02T01:00:00-05:00"},
		{"the minute before the repeated hour", newYork, "59 0 * * *", "2026-11-01T00:00:00-04:00", "2026-11-01T00:59:00-04:00 2026-11-02T00:59:00-05:00"},
		{"the repeated hour's first minute", newYork, "0 1 * * *", "2026-11-01T00:00:00-04:00", "2026-11-01T01:00:00-04:00 2026-11-02T01:00:00-05:00"},
		{"the repeated hour's last minute", newYork, "59 1 * * *", "2026-11-01T00:00:00-04:00", "2026-11-01T01:59:00-04:00 2026-11-02T01:59:00-05:00"},
		{"the first minute after the repeated hour", newYork, "0 2 * * *", "2026-11-01T00:00:00-04:00", "2026-11-01T02:00:00-05:00 2026-11-02T02:00:00-05:00"},
		{"repeated in the southern autumn", auckland, "30 2 * * *", "2026-04-04T12:00:00+13:00", "2026-04-05T02:30:00+13:00 2026-04-06T02:30:00+12:00"},
		{"half an hour repeated", lordHowe, "45 1 * * *", "2026-04-04T12:00:00+11:00", "2026-04-05T01:45:00+11:00 2026-04-06T01:45:00+10:30"},
		{"two midnights", havana, "0 0 * * *", "2025-11-01T12:00:00-04:00", "2025-11-02T00:00:00-04:00 2025-11-03T00:00:00-05:00"},
		{"the hour before midnight repeated", saoPaulo, "30 23 * * *", "2018-02-17T12:00:00-02:00", "2018-02-17T23:30:00-02:00 2018-02-18T23:30:00-03:00"},
		{"midnight after the repeated hour", saoPaulo, "0 0 * * *", "2018-02-17T12:00:00-02:00", "2018-02-18T00:00:00-03:00 2018-02-19T00:00:00-03:00"},

		{"hourly: both 01:00s", newYork, "0 * * * *", "2026-11-01T00:30:00-04:00", "2026-11-01T01:00:00-04:00 2026-11-01T01:00:00-05:00 2026-11-01T02:00:00-05:00"},
		{"@hourly: both 01:00s", newYork, "@hourly", "2026-11-01T00:30:00-04:00", "2026-11-01T01:00:00-04:00 2026-11-01T01:00:00-05:00 2026-11-01T02:00:00-05:00"},
		{"all hours by number: both 01:00s", newYork, "0 0-23 * * *", "2026-11-01T00:30:00-04:00", "2026-11-01T01:00:00-04:00 2026-11-01T01:00:00-05:00 2026-11-01T02:00:00-05:00"},
		{"hourly over a gap: nothing to make up for", newYork, "30 * * * *", "2026-03-08T01:00:00-05:00", "2026-03-08T01:30:00-05:00 2026-03-08T03:30:00-04:00"},
		{"hourly, due at the gap's end", newYork, "0 * * * *", "2026-03-08T01:00:00-05:00", "2026-03-08T03:00:00-04:00 2026-03-08T04:00:00-04:00"},
		{"all hours but one is not hourly", newYork, "0 0-22 * * *", "2026-11-01T00:30:00-04:00", "2026-11-01T01:00:00-04:00 2026-11-01T02:00:00-05:00"},
	}
	for _, tt := range tests {
		t.Run(tt.rule, func(t *testing.T) {
			s := mustSchedule(t, tt.spec, tt.zone)
			at, err := time.Parse(time.RFC3339, tt.after)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for range strings.Fields(tt.want) {
				if at = s.Next(at); at.IsZero() {
					got = append(got, "-")
					break
				}
				got = append(got, at.Format(time.RFC3339Nano))
			}
			if got := strings.Join(got, " "); got != tt.want {
				t.Errorf("%s in %s after %s:\n got %s\nwant %s", tt.spec, tt.zone, tt.after, got, tt.want)
			}
		})
	}
}

// A daily schedule runs once a day in every time zone of a whole year.
func TestScheduleDailyRunsOnceADay(t *testing.T) {
	for _, tt := range []struct {
		zone string
		year int
	}{
		{"UTC", 2026}, {"America/New_York", 2026}, {"Europe/London", 2026}, {"Asia/Beirut", 2026},
		{"Africa/Casablanca", 2026}, {"America/Havana", 2025}, {"Australia/Lord_Howe", 2026},
		{"America/Sao_Paulo", 2018}, {"Antarctica/Troll", 2026},
	} {
		zone := loadZone(t, tt.zone)
		first := time.Date(tt.year, 1, 1, 0, 0, 0, 0, zone)
		last := first.AddDate(1, 0, 0)
		for minute := 0; minute < 24*60; minute += 45 {
			spec := fmt.Sprintf("%d %d * * *", minute%60, minute/60)
			s := mustSchedule(t, spec, tt.zone)
			runs := 0
			for at := s.Next(first.Add(-1)); runs <= 366 && at.Before(last); at = s.Next(at) {
				runs++
			}
			if runs != 365 {
				t.Errorf("%s in %s: %d runs in %d, want 365", spec, tt.zone, runs, tt.year)
			}
		}
	}
}

// The runner that the daemon uses, through the whole of 2000 in New York, where
// the clock jumps over 02:00 on 2 April and repeats 01:00 on 29 October.
func TestScheduleInRunner(t *testing.T) {
	for _, tt := range []struct {
		spec string
		want int64
	}{
		{"0 3 * * *", 366},
		{"30 2 * * *", 366},
		{"0,30 2 * * *", 2*366 - 1},
		{"30 1 * * *", 366},
		{"0 * * * *", 24 * 366},
		{"@every 6h", 4 * 366},
	} {
		t.Run(tt.spec, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := mustSchedule(t, tt.spec, "America/New_York")
				var runs atomic.Int64
				c := cron.New(cron.WithLocation(s.zone))
				c.Schedule(s, cron.FuncJob(func() { runs.Add(1) }))
				c.Start()
				time.Sleep(366*24*time.Hour + time.Second) //nolint:forbidigo // the clock of synctest
				synctest.Wait()
				<-c.Stop().Done()
				if got := runs.Load(); got != tt.want {
					t.Errorf("%d runs, want %d", got, tt.want)
				}
			})
		})
	}
}

func TestScheduleZero(t *testing.T) {
	if got := (Schedule{}).Next(time.Now()); !got.IsZero() {
		t.Errorf("got %s, want never", got)
	}
}

func TestParseScheduleZoneNil(t *testing.T) {
	s, err := ParseSchedule("0 3 * * *", nil)
	if err != nil {
		t.Fatal(err)
	}
	want := time.Date(2026, 1, 1, 3, 0, 0, 0, time.UTC)
	if got := s.Next(want.Add(-time.Second)); !got.Equal(want) {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestParseScheduleRefuses(t *testing.T) {
	tests := []struct {
		spec string
		want string
	}{
		{"", "empty"},
		{" \t\n", "empty"},
		{"TZ=", "DORMANT_TIMEZONE"},
		{" TZ=", "DORMANT_TIMEZONE"},
		{"tz=", "DORMANT_TIMEZONE"},
		{"CRON_TZ=", "DORMANT_TIMEZONE"},
		{"CRON_TZ=UTC", "DORMANT_TIMEZONE"},
		{"TZ=UTC 0 3 * * *", "DORMANT_TIMEZONE"},
		{"CRON_TZ=UTC @daily", "DORMANT_TIMEZONE"},
		{"3", "expected exactly 5 fields"},
		{"0 3 * *", "expected exactly 5 fields"},
		{"0 0 3 * * *", "expected exactly 5 fields"},
		{"60 3 * * *", "above maximum (59)"},
		{"0 24 * * *", "above maximum (23)"},
		{"0 3 0 * *", "below minimum (1)"},
		{"0 3 32 * *", "above maximum (31)"},
		{"0 3 * 13 *", "above maximum (12)"},
		{"0 3 * * 7", "above maximum (6)"},
		{"0 3 * * someday", "someday"},
		{"*/0 * * * *", "step"},
		{"@noon", "unrecognized descriptor"},
		{"@noon", "accepted: five fields"},
		{"@every", "unrecognized descriptor"},
		{"@every day", "failed to parse duration"},
		{"@every 59s", "more often than once in 1m0s"},
		{"@every 59.999s", "more often than once in 1m0s"},
		{"@every 0s", "more often than once in 1m0s"},
		{"@every -6h", "more often than once in 1m0s"},
		{"0 3 30 2 *", "never runs"},
		{"0 3 31 4,6,9,11 *", "never runs"},
		{", 3 * * *", "never runs"},
	}
	for _, tt := range tests {
		s, err := ParseSchedule(tt.spec, time.UTC)
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%q: got error %v, want one with %q", tt.spec, err, tt.want)
		}
		if s != (Schedule{}) {
			t.Errorf("%q: got a schedule with the error", tt.spec)
		}
	}
}

func FuzzParseSchedule(f *testing.F) {
	for i, spec := range []string{
		"", " ", "TZ=", "CRON_TZ=", "TZ=UTC", "CRON_TZ=UTC 0 3 * * *", "@", "@daily", "@every", "@every 6h", "@every -1s",
		"@every 2562047h", "0 3 * * *", " 0\t3 * * * ", "30 2 * * *", "0,30 2 * * *", "*/15 * * * *", "0 0 29 2 *",
		"0 0 30 2 *", ", , , , ,", "0-59/7 */5 1-31 jan-dec ?", "9223372036854775807/9223372036854775807 * * * *",
	} {
		for _, zone := range []string{"UTC", "America/New_York", "America/Sao_Paulo", "Australia/Lord_Howe", "Pacific/Apia"} {
			f.Add(spec, zone, int64(1772953199+i)) // around 2026-03-08 02:00 in New York
		}
	}
	f.Fuzz(func(t *testing.T, spec, zone string, unix int64) {
		loc, err := time.LoadLocation(zone)
		if err != nil {
			t.Skip()
		}
		s, err := ParseSchedule(spec, loc)
		if err != nil {
			return
		}
		const year2400 = 13569465600
		at := time.Unix(unix%year2400, 0)
		if next := s.Next(at); !next.IsZero() && !next.After(at) {
			t.Errorf("%q in %s: %s is not after %s", spec, zone, next, at)
		}
	})
}

func mustSchedule(t *testing.T, spec, zone string) Schedule {
	t.Helper()
	s, err := ParseSchedule(spec, loadZone(t, zone))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func loadZone(t *testing.T, name string) *time.Location {
	t.Helper()
	zone, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return zone
}
