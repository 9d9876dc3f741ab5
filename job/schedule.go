package job

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/robfig/cron/v3"
)

// shortestEvery bounds @every as the five fields bound everything else: they
// can't ask for more than one run a minute.
const shortestEvery = time.Minute

// everyHour has the bit of each hour set, as a cron.SpecSchedule holds them.
const everyHour = 1<<24 - 1

// Schedule says when a daemon's runs start. It implements cron.Schedule.
//
// A change of the zone's clock neither loses a run nor doubles it: what was due
// in the time that is jumped over runs once, at the first instant after it, and
// what is due in the time that is repeated runs the first time only. A schedule
// that names all 24 hours follows the hours that really pass: both 01:00s run,
// and nothing is made up for a 02:00 that never was.
//
// The zero Schedule never runs.
type Schedule struct {
	// Either an interval, or the fields to be compared with the clock in zone.
	// The fields are always evaluated in UTC, on wall times that pretend to be
	// UTC: cron.SpecSchedule skips and doubles runs in any zone that changes.
	interval *cron.ConstantDelaySchedule
	fields   *cron.SpecSchedule
	zone     *time.Location
}

var _ cron.Schedule = Schedule{}

// ParseSchedule reads a standard five-field cron expression or a descriptor such
// as @daily or @every 6h, in the given time zone; nil is UTC.
//
// It refuses an empty spec, a TZ= or CRON_TZ= in it, an @every shorter than a
// minute, and fields that no date ever matches. It never panics.
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
	// Before the parser sees it: it panics on a zone with nothing behind it.
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
		// The search ends after five years; from here it meets a 29 February.
		if p.Next(time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)).IsZero() {
			return Schedule{}, errors.New("never runs: no date matches it")
		}
		return Schedule{fields: p, zone: zone}, nil
	default:
		return Schedule{}, fmt.Errorf("unknown kind of schedule %T", parsed)
	}
}

// Next returns when the first run after t starts, in the schedule's time zone:
// strictly after t, or the zero time if there is none within five years. With
// @every that is one interval after t.
func (s Schedule) Next(t time.Time) time.Time {
	switch {
	case s.interval != nil:
		return s.interval.Next(t).In(s.zone)
	case s.fields == nil:
		return time.Time{}
	}
	t = t.In(s.zone)
	hourly := s.fields.Hour&everyHour == everyHour

	// One turn for each stretch of time with a constant offset from UTC.
	for from := wall(t); ; {
		start, end := t.ZoneBounds()
		if !hourly && !start.IsZero() {
			// What the clock showed before it was put back has had its run.
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
			return end // the clock jumps over it
		}
		t, from = end, wall(end).Add(-1)
	}
}

// wall is what a clock in t's zone shows at t, as if it were UTC. Unlike
// time.Date it has no choice to make where a wall time is missing or repeated.
func wall(t time.Time) time.Time {
	_, offset := t.Zone()
	return t.UTC().Add(time.Duration(offset) * time.Second)
}
