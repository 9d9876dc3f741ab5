package job

import (
	"fmt"
	"maps"
	"slices"
	"time"
)

// forecast warns of accounts in grace that the guards will refuse to remove together, on
// the day on which they fall due, so that nobody finds out only then.
func (l Limits) forecast(pl *Plan) []Warning {
	var warnings []Warning
	due := pl.dueByDay()
	for _, at := range slices.SortedFunc(maps.Keys(due), time.Time.Compare) {
		for _, r := range l.counted(due[at], pl.Scanned, "remove", "removed") {
			warnings = append(warnings, Warning{
				Code: WarnGraceRefusal, Subject: r.Variable,
				Message: fmt.Sprintf("of the accounts in grace, %d fall due on %s, and %s will refuse a run that would remove them together: %s",
					due[at], at.Format(time.DateOnly), r.Guard, r.Message),
			})
		}
	}
	return warnings
}

// dueByDay counts the accounts in grace by the day, in UTC, on which they become ones to
// remove.
func (pl *Plan) dueByDay() map[time.Time]int {
	due := map[time.Time]int{}
	for _, c := range pl.InGrace {
		due[wholeSecond(c.planned.removableAt).Truncate(day)]++
	}
	return due
}
