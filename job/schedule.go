package job

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/robfig/cron/v3"
)

// shortestEvery is the shortest interval for @every. It equals the shortest one that five
// fields can express.
const shortestEvery = time.Minute

// everyHour has the bit of each hour set, in the format of cron.SpecSchedule.
const everyHour = 1<<24 - 1

// Schedule says when a daemon's runs start. It implements cron.Schedule.
//
// Daylight saving time neither loses nor doubles a run: a run due in the hour that is
// skipped starts once, at the first instant after it, and a run due in the hour that is
// repeated starts the first time only. A schedule with all 24 hours follows elapsed time
// instead: it runs in both 01:00 hours, and does not make up for a skipped 02:00.
//
// The zero Schedule never runs.
type Schedule struct {
	// Either interval or fields is set. The fields refer to wall clock time in zone, but
	// are evaluated in UTC on wall clock times converted as if they were UTC, because
	// cron.SpecSchedule skips and doubles runs in zones with daylight saving time.
	interval *cron.ConstantDelaySchedule
	fields   *cron.SpecSchedule
	zone     *time.Location
}

var _ cron.Schedule = Schedule{}

// ParseSchedule reads a standard five-field cron expression, or a descriptor such as
// @daily or @every 6h, in the given time zone; nil means UTC.
//
// It returns an error for an empty spec, one with TZ= or CRON_TZ=, an @every shorter than
// a minute, and fields that match no date. It never panics.
func ParseSchedule(spec string, zone *time.Location) (Schedule, error) {
	if zone == nil {
		zone = time.UTC
	}
	s, err := parseSchedule(strings.TrimSpace(spec), zone)
	if err != nil {
		return Schedule{}, fmt.Errorf("schedule %q: %w", spec, err)
	}
	return s, nil
}

func parseSchedule(spec string, zone *time.Location) (Schedule, error) {
	const accepted = "five fields (minute hour day month weekday), @daily, @every 6h"
	if spec == "" {
		return Schedule{}, errors.New("empty; accepted: " + accepted)
	}
	// Checked before parsing, because the parser panics on a zone without fields after it.
	if strings.Contains(strings.ToUpper(spec), "TZ=") {
		return Schedule{}, errors.New("holds a time zone; set DORMANT_TIMEZONE instead")
	}
	parsed, err := cron.ParseStandard(spec)
	if err != nil {
		return Schedule{}, fmt.Errorf("%w; accepted: %s", err, accepted)
	}
	switch p := parsed.(type) {
	case cron.ConstantDelaySchedule:
		if p.Delay < shortestEvery {
			return Schedule{}, fmt.Errorf("more often than once in %s", shortestEvery)
		}
		return Schedule{interval: &p, zone: zone}, nil
	case *cron.SpecSchedule:
		p.Location = time.UTC
		// The search gives up after five years; these five have a 29 February.
		if p.Next(time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)).IsZero() {
			return Schedule{}, errors.New("never runs: no date matches it")
		}
		return Schedule{fields: p, zone: zone}, nil
	default:
		return Schedule{}, fmt.Errorf("unknown kind of schedule %T", parsed)
	}
}

// Next returns the start of the first run strictly after t, in the schedule's time zone,
// or the zero time if there is none within five years. With @every it is one interval
// after t.
func (s Schedule) Next(t time.Time) time.Time {
	switch {
	case s.interval != nil:
		return s.interval.Next(t).In(s.zone)
	case s.fields == nil:
		return time.Time{}
	}
	t = t.In(s.zone)
	hourly := s.fields.Hour&everyHour == everyHour

	// Each iteration handles a period with a constant offset from UTC.
	for from := wall(t); ; {
		start, end := t.ZoneBounds()
		if !hourly && !start.IsZero() {
			// Times that the clock showed before it was put back had their run then.
			if shown := wall(start.Add(-1)); shown.After(from) {
				from = shown
			}
		}
		due := s.fields.Next(from)
		if due.IsZero() {
			return time.Time{}
		}
		if at := t.Add(due.Sub(wall(t))); end.IsZero() || at.Before(end) {
			return at
		}
		if !hourly && due.Before(wall(end)) {
			return end // the clock skips it
		}
		t, from = end, wall(end).Add(-1)
	}
}

// wall returns the wall clock time at t in its zone, as if it were UTC. Unlike time.Date it
// is unambiguous where a wall clock time is missing or repeated.
func wall(t time.Time) time.Time {
	_, offset := t.Zone()
	return t.UTC().Add(time.Duration(offset) * time.Second)
}
