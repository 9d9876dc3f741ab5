package job

import (
	"fmt"
	"time"
)

// Brake is why the runs of a directory refuse until a person has cleared it: a run found
// something far from what was usual. Most likely something is wrong with the directory, or
// with what the credentials may see.
type Brake struct {
	Guard   string    `json:"guard"`
	At      time.Time `json:"at"`
	RunID   string    `json:"run_id"`
	Found   int       `json:"found"`
	Allowed int       `json:"allowed"`
	Message string    `json:"message"`
}

const (
	// usualRuns is how many of the last runs say what is usual, and minUsualRuns how many
	// there have to be.
	usualRuns    = 30
	minUsualRuns = 3

	// What is found is far from what was usual if it is more than brakeFactor times as much
	// as in any of these runs, and brakeNumber accounts and one in brakeShare more as well;
	// or if what is left is less than in any of them by the same factor and number.
	brakeFactor = 3
	brakeNumber = 20
	brakeShare  = 100

	// maxMovedBackPercent of the accounts may have a last login that has moved back.
	maxMovedBackPercent = 1
)

// A measure is what the brake compares with earlier runs: how many of how many.
type measure struct {
	guard string
	what  string // for messages, after a number
	of    func(PastRun) (n, all int)
	alike bool // only runs with the same rules are compared
}

var measures = []measure{
	{GuardCandidatesUnusual, "accounts are to be removed or disabled, those in grace among them,", func(r PastRun) (int, int) { return r.Candidates, r.Scanned }, true},
	{GuardUnknownUnusual, "last logins are unknown", func(r PastRun) (int, int) { return r.Unknown, r.Scanned }, false},
	{GuardVanishedUnusual, "accounts have vanished since the run before", func(r PastRun) (int, int) { return r.Vanished, r.Known }, false},
}

// trip returns the brake that a run trips by what it found, or nil. before are the earlier
// runs, the newest last; those that tripped say nothing of what is usual.
func trip(run PastRun, before []PastRun) *Brake {
	for _, m := range measures {
		var usual []PastRun
		for i := len(before) - 1; i >= 0 && len(usual) < usualRuns; i-- {
			if b := before[i]; !b.Tripped && (!m.alike || b.Policy == run.Policy) {
				usual = append(usual, b)
			}
		}
		found, all := m.of(run)
		allowed, ok := m.allowed(all, usual)
		if !ok || found <= allowed {
			continue
		}
		return &Brake{
			Guard: m.guard, At: run.At, RunID: run.RunID, Found: found, Allowed: allowed,
			Message: fmt.Sprintf("%d of %d %s, and by the %d runs before up to %d are usual", found, all, m.what, len(usual), allowed),
		}
	}
	return nil
}

// allowed returns how many of so many are no reason to trip, and whether there are enough
// earlier runs to say so.
func (m measure) allowed(all int, usual []PastRun) (int, bool) {
	most, runs := 0.0, 0
	for _, r := range usual {
		if n, of := m.of(r); of > 0 {
			most, runs = max(most, float64(n)/float64(of)), runs+1
		}
	}
	if runs < minUsualRuns {
		return 0, false
	}
	expected := most * float64(all)
	more := expected + max(brakeNumber, float64(all)/brakeShare)
	tooMany := max(brakeFactor*expected, more)
	tooFewLeft := max(float64(all)-(float64(all)-expected)/brakeFactor, more)
	return int(min(tooMany, tooFewLeft)), true
}

// refusal is that of a run while the brake is on.
func (b *Brake) refusal(now time.Time) Refusal {
	r := Refusal{Guard: b.Guard, Found: b.Found, Allowed: b.Allowed, Variable: "DORMANT_LEDGER"}
	r.Message = fmt.Sprintf("%s; most likely the directory or what the credentials may see has changed: look into it, and then run "+
		"`dormant ledger clear-brake --reason TEXT`; until then no run acts", b.Message)
	if b.At.Before(now) {
		r.Guard = GuardBrake
		r.Message = fmt.Sprintf("the brake is on since %s, when run %s found: %s", b.At.UTC().Format(time.RFC3339), b.RunID, r.Message)
	}
	return r
}

// movedBack is the refusal of too many last logins that have moved back, if it is one.
func movedBack(moved, scanned int) (Refusal, bool) {
	allowed := scanned * maxMovedBackPercent / 100
	if moved <= allowed {
		return Refusal{}, false
	}
	return Refusal{
		Guard: GuardLoginsMovedBack, Found: moved, Allowed: allowed, Variable: "DORMANT_LEDGER",
		Message: fmt.Sprintf("the last logins of %s of %d have moved back, or are gone, since earlier runs saw them, and %d%% may, which is %d: "+
			"most likely the last logins are wrong; correct them in the directory, or `dormant ledger forget USER` if what the ledger has is what is wrong",
			accounts(moved), scanned, maxMovedBackPercent, allowed),
	}, true
}
