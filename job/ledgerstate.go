package job

import (
	"encoding/json"
	"fmt"
	"time"
)

// ledgerState is what a ledger knows of the directory as a whole.
type ledgerState struct {
	Directory string    `json:"directory"`
	Since     time.Time `json:"since"` // the first run

	// WatchedSince is the time since when no login is missing where the directory's log is
	// short; zero if no account has been known by a log alone.
	WatchedSince time.Time `json:"watched_since,omitzero"`
	WatchedUntil time.Time `json:"watched_until,omitzero"` // the last run in which one was

	Expected int       `json:"expected"` // accounts that the last run saw and did not find inactive
	Runs     []PastRun `json:"runs"`     // the last ones, the newest last
	Brake    *Brake    `json:"brake,omitempty"`
}

// PastRun is what a ledger keeps of a run that read the whole directory.
type PastRun struct {
	At         time.Time `json:"at"`
	RunID      string    `json:"run_id"`
	Policy     string    `json:"policy"` // the rules that say who is a candidate
	Scanned    int       `json:"scanned"`
	Candidates int       `json:"candidates"` // those in grace among them
	Unknown    int       `json:"unknown"`    // accounts whose last login is unknown
	MovedBack  int       `json:"moved_back"`
	Known      int       `json:"known"`    // accounts that the run before it expected
	Vanished   int       `json:"vanished"` // of these
	Removed    int       `json:"removed"`
	Tripped    bool      `json:"tripped,omitempty"` // it tripped the brake, or came while it was on
}

// maxRuns is how many runs a ledger keeps.
const maxRuns = 60

// readState reads the state of the directory that is named so.
func readState(text []byte, directory string) (ledgerState, error) {
	var s ledgerState
	if err := json.Unmarshal(text, &s); err != nil {
		return s, fmt.Errorf("what it says of the directory can't be read: %w", err)
	}
	if s.Directory != directory {
		return s, fmt.Errorf("it is about another directory: %q, and not %q", s.Directory, directory)
	}
	return s, nil
}

func (s ledgerState) text() ([]byte, error) { return json.Marshal(s) }

// after is the state after a run that expects so many accounts in the next one. reach is the time to which the log of logins reaches back
// that is all that is known of some accounts, or zero.
func (s ledgerState) after(run PastRun, expected int, reach time.Time) ledgerState {
	if s.Since.IsZero() {
		s.Since = run.At.Truncate(time.Second)
	}
	if !reach.IsZero() {
		s.WatchedSince, s.WatchedUntil = watchedSince(s.WatchedSince, s.WatchedUntil, run.At, reach), run.At
	}
	s.Expected = expected
	s.Runs = append(s.Runs[:len(s.Runs):len(s.Runs)], run)
	if n := len(s.Runs) - maxRuns; n > 0 {
		s.Runs = s.Runs[n:]
	}
	return s
}

// watchedSince is since when no login is missing, where that was so from before until last. A
// gap that is longer than the log reaches begins anew.
func watchedSince(before, last, now, reach time.Time) time.Time {
	if before.IsZero() || last.IsZero() || last.After(now) || reach.After(last) || reach.Before(before) {
		return reach.UTC()
	}
	return before
}

// policyKey names the rules that say who is a candidate: under other rules there may be any
// number of others.
func (p *Policy) policyKey() string {
	return fmt.Sprint(p.InactiveFor, p.InactiveSince.Unix(), p.NeverLoggedIn, p.DisableOnly, p.DisableAfter, p.RequireDisabled,
		p.ProtectAdmins, p.ProtectServiceAccounts, p.Allowlist.Len(), p.ProtectRoles.Len())
}
