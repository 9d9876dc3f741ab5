package job

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"time"
)

// Limits bound what a plan may do. Removing and disabling count together. The zero value
// allows nothing: a limit of 0 means that no account may be removed or disabled.
type Limits struct {
	MaxRemovals       int
	MaxRemovalPercent float64 // of the scanned accounts
	RequireActive     bool    // refuse if no account but the caller's is known to have logged in after the cutoff

	// MaxSilence is the age at which the newest last login, the caller's aside, or the
	// newest one in the activity file is too old: where logins are no longer recorded,
	// everybody ages.
	MaxSilence time.Duration

	// Remedy says how the last logins of the directory become known, for messages.
	Remedy string
}

// The names of the guards in reports and metrics.
const (
	GuardMaxRemovals       = "max_removals"
	GuardMaxRemovalPercent = "max_removal_percent"
	GuardRequireActive     = "require_active"
	GuardMaxSilence        = "max_silence"
	GuardActivityFile      = "activity_file"
	GuardAliveIn           = "alive_in"
	GuardActorUnknown      = "actor_unknown"
	GuardConfirmation      = "confirmation" // the person at the terminal

	// These compare with what earlier runs have seen, and need a ledger.
	GuardLoginsMovedBack   = "logins_moved_back"
	GuardCandidatesUnusual = "candidates_unusual"
	GuardUnknownUnusual    = "unknown_unusual"
	GuardVanishedUnusual   = "vanished_unusual"
	GuardBrake             = "brake" // an earlier run found one of these three
)

func guards() []string {
	return []string{
		GuardMaxRemovals, GuardMaxRemovalPercent, GuardRequireActive, GuardMaxSilence, GuardActivityFile, GuardAliveIn, GuardActorUnknown,
		GuardConfirmation,
		GuardLoginsMovedBack, GuardCandidatesUnusual, GuardUnknownUnusual, GuardVanishedUnusual, GuardBrake,
	}
}

// Refusal is the refusal of a plan by one guard: what it found, what it allows, and which
// variable changes that.
type Refusal struct {
	Guard    string `json:"guard"`
	Found    int    `json:"found"`
	Allowed  int    `json:"allowed"`
	Variable string `json:"variable"`
	Message  string `json:"message"`
}

// Check returns the refusals of all guards. The plan may be applied only if there are none.
func (l Limits) Check(pl *Plan) []Refusal {
	verb, participle := pl.verb()
	refusals := l.counted(len(pl.Candidates), pl.Scanned, verb, participle)
	if len(pl.Candidates) > 0 {
		refusals = append(refusals, l.doubts(pl)...)
	}
	if pl.ActorUnknown {
		refusals = append(refusals, Refusal{
			Guard: GuardActorUnknown, Found: 0, Allowed: 1, Variable: "DORMANT_ACTOR",
			Message: "no account has the name that DORMANT_ACTOR gives, and the directory does not say who is calling, " +
				"so the account that does the removing might be removed itself: correct DORMANT_ACTOR",
		})
	}
	return refusals
}

// counted are the refusals of the guards that count the candidates: n of the scanned accounts.
func (l Limits) counted(n, scanned int, verb, participle string) []Refusal {
	var refusals []Refusal
	all := "go"
	if verb != "remove" {
		all = "be " + participle
	}
	if n > l.MaxRemovals {
		refusals = append(refusals, Refusal{
			Guard: GuardMaxRemovals, Found: n, Allowed: l.MaxRemovals, Variable: "DORMANT_MAX_REMOVALS",
			Message: fmt.Sprintf("%s would be %s, and one run may %s %d; "+
				"if they should all %s, review a plan (DORMANT_PLAN=plan.csv) and dormant apply it, or raise DORMANT_MAX_REMOVALS to %d", accounts(n), participle, verb, l.MaxRemovals, all, n),
		})
	}
	if allowed := l.percentOf(scanned); n > allowed {
		refusals = append(refusals, Refusal{
			Guard: GuardMaxRemovalPercent, Found: n, Allowed: allowed, Variable: "DORMANT_MAX_REMOVAL_PERCENT",
			Message: fmt.Sprintf("%s of %d would be %s (%.1f%%), and one run may %s %g%%, which is %d; "+
				"if they should all %s, review a plan (DORMANT_PLAN=plan.csv) and dormant apply it, or raise DORMANT_MAX_REMOVAL_PERCENT to %d",
				accounts(n), scanned, participle, 100*float64(n)/float64(scanned), verb, l.MaxRemovalPercent, allowed, all, percentFor(n, scanned)),
		})
	}
	return refusals
}

func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// percentOf returns how many of the scanned accounts may be removed, rounded down. The
// product is rounded to a millionth first, so that 7 % of 100 is 7 despite binary
// fractions.
func (l Limits) percentOf(scanned int) int {
	return int(math.Floor(math.Round(float64(scanned)*l.MaxRemovalPercent*1e4) / 1e6))
}

// percentFor returns the smallest whole percentage that allows n of scanned accounts.
func percentFor(n, scanned int) int {
	return (100*n + scanned - 1) / scanned
}

func accounts(n int) string { return plural(n, "account") }

func unknownLogins(byState map[string]int) string {
	var parts []string
	for _, state := range slices.Sorted(maps.Keys(byState)) {
		parts = append(parts, fmt.Sprintf("%s in %d", state, byState[state]))
	}
	if len(parts) == 0 {
		return ""
	}
	return " (the last login is " + strings.Join(parts, ", ") + ")"
}
