package config

import (
	"errors"
	"fmt"
	"time"
)

// secretProblems are secrets that are given twice.
func (v Variables) secretProblems() []error {
	var problems []error
	for _, pair := range [][3]string{
		{"TOKEN", string(v.Token), v.TokenFile},
		{"PASSWORD", string(v.Password), v.PasswordFile},
		{"CLIENT_SECRET", string(v.ClientSecret), v.ClientSecretFile},
	} {
		if pair[1] != "" && pair[2] != "" {
			problems = append(problems, fmt.Errorf("DORMANT_%s and DORMANT_%s_FILE: give one of the two", pair[0], pair[0]))
		}
	}
	return problems
}

// spanProblems are what is wrong with the time after which an account is unused.
func (v Variables) spanProblems(now time.Time) []error {
	span, since, shortest := time.Duration(v.InactiveFor), time.Time(v.InactiveSince), time.Duration(v.MinInactiveFor)
	switch {
	case span == 0 && since.IsZero():
		return []error{errors.New("DORMANT_INACTIVE_FOR or DORMANT_INACTIVE_SINCE: one of the two is required, such as DORMANT_INACTIVE_FOR=90d")}
	case span != 0 && !since.IsZero():
		return []error{errors.New("DORMANT_INACTIVE_FOR and DORMANT_INACTIVE_SINCE: give one of the two")}
	case span != 0 && span < shortest:
		return []error{fmt.Errorf("DORMANT_INACTIVE_FOR=%q: is shorter than DORMANT_MIN_INACTIVE_FOR, %s", v.InactiveFor, v.MinInactiveFor)}
	case span == 0 && now.Sub(since) < shortest:
		return []error{fmt.Errorf("DORMANT_INACTIVE_SINCE=%q: is less than DORMANT_MIN_INACTIVE_FOR, %s, ago", since.Format(time.RFC3339), v.MinInactiveFor)}
	}
	return nil
}

// disableProblems are what is wrong with the variables about disabling: with each
// other, and with the time after which an account is unused.
func (v Variables) disableProblems(now time.Time) []error {
	var problems []error
	add := func(format string, args ...any) { problems = append(problems, fmt.Errorf(format, args...)) }
	first, since := time.Duration(v.DisableAfter), time.Time(v.InactiveSince)
	if v.Action == ActionDisable && first > 0 {
		add("DORMANT_DISABLE_AFTER=%q: with DORMANT_ACTION=disable, DORMANT_INACTIVE_FOR or DORMANT_INACTIVE_SINCE says when; leave it out, or set DORMANT_ACTION=delete", v.DisableAfter)
	}
	if v.Action == ActionDisable && v.RequireDisabled {
		add("DORMANT_REQUIRE_DISABLED=%q: with DORMANT_ACTION=disable, no account is deleted; leave it out, or set DORMANT_ACTION=delete", "true")
	}
	if first == 0 {
		return problems
	}
	if first < time.Duration(v.MinInactiveFor) {
		add("DORMANT_DISABLE_AFTER=%q: is shorter than DORMANT_MIN_INACTIVE_FOR, %s", v.DisableAfter, v.MinInactiveFor)
	}
	switch {
	case v.InactiveFor > 0 && v.DisableAfter >= v.InactiveFor:
		add("DORMANT_DISABLE_AFTER=%q: has to be shorter than DORMANT_INACTIVE_FOR, %s", v.DisableAfter, v.InactiveFor)
	case !since.IsZero() && !now.Add(-first).After(since):
		add("DORMANT_DISABLE_AFTER=%q: has to be shorter than the time since DORMANT_INACTIVE_SINCE, %s", v.DisableAfter, since.Format(time.RFC3339))
	}
	return problems
}

// graceProblems are a grace without a ledger, and a grace where no account is deleted.
func (v Variables) graceProblems() []error {
	var problems []error
	if v.Grace > 0 && v.Ledger == "" {
		problems = append(problems, fmt.Errorf("DORMANT_GRACE=%q: needs DORMANT_LEDGER, the file in which it is kept who was found when", v.Grace))
	}
	if v.Grace > 0 && v.Action == ActionDisable {
		problems = append(problems, fmt.Errorf("DORMANT_GRACE=%q: with DORMANT_ACTION=disable, no account is deleted; leave it out, or set DORMANT_ACTION=delete", v.Grace))
	}
	return problems
}
