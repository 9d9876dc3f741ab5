package job

import (
	"fmt"
	"slices"
	"time"
)

// forecast warns of accounts in grace that the guards will refuse to remove together, on
// the day on which they fall due, so that nobody finds out only then.
func (l Limits) forecast(pl *Plan) []Warning {
	var warnings []Warning
	for _, due := range dueByDay(pl.InGrace) {
		for _, r := range l.counted(&Plan{Scanned: pl.Scanned, Candidates: due}) {
			warnings = append(warnings, Warning{
				Code: WarnGraceRefusal, Subject: r.Variable,
				Message: fmt.Sprintf("of the accounts in grace, %d fall due on %s, and %s will refuse a run that would remove them together: %s",
					len(due), wholeSecond(due[0].RemovableAt).Format(time.DateOnly), r.Guard, r.Message),
			})
		}
	}
	return warnings
}

// dueByDay groups candidates in grace by the day, in UTC, on which they become ones to
// remove, the first day first.
func dueByDay(inGrace []Candidate) [][]Candidate {
	byDay := map[time.Time][]Candidate{}
	for _, c := range inGrace {
		c.Action = Remove
		at := wholeSecond(c.RemovableAt).Truncate(day)
		byDay[at] = append(byDay[at], c)
	}
	var days []time.Time
	for at := range byDay {
		days = append(days, at)
	}
	slices.SortFunc(days, time.Time.Compare)
	var groups [][]Candidate
	for _, at := range days {
		groups = append(groups, byDay[at])
	}
	return groups
}
