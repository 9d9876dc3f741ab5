package job

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// LedgerReport is what a report says of the ledger.
type LedgerReport struct {
	Since time.Time `json:"since"` // the first run that it knows

	// WatchedSince is since when it knows the logins of those who are not in a log that is
	// short; nil where there is no such log.
	WatchedSince *time.Time `json:"watched_since,omitempty"`

	Runs      int    `json:"runs"`       // before this one, of those that it keeps
	MovedBack int    `json:"moved_back"` // accounts whose last login has moved back
	Vanished  int    `json:"vanished"`   // accounts that the run before saw, did not find inactive, and are not there
	Brake     *Brake `json:"brake,omitempty"`
}

// warn puts what the ledger knows into the report, and returns what to look at.
func (l *Ledger) warn(r *Report, pl *Plan) []Warning {
	if l == nil {
		if pl.Bounded == 0 {
			return nil
		}
		return []Warning{{
			Code: WarnLedgerMissing, Subject: "DORMANT_LEDGER",
			Message: fmt.Sprintf("of %s it is known only that they are not in a log that is short; with DORMANT_LEDGER, "+
				"a log that every run reads without a gap proves as much as a long one", accounts(pl.Bounded)),
		}}
	}
	run := l.run(r.RunID, &Policy{}, pl)
	next := l.state.after(run, l.seen.present, l.seen.reach)
	r.Ledger = &LedgerReport{Since: next.Since, Runs: len(l.state.Runs), MovedBack: run.MovedBack, Vanished: run.Vanished, Brake: l.state.Brake}
	if !next.WatchedSince.IsZero() {
		r.Ledger.WatchedSince = new(next.WatchedSince)
	}
	if run.MovedBack == 0 {
		return nil
	}
	return []Warning{{
		Code: WarnLoginsMovedBack, Subject: "DORMANT_LEDGER",
		Message: fmt.Sprintf("the last logins of %s have moved back, or are gone, since an earlier run saw them: they count as unknown; "+
			"`dormant explain` shows one, and `dormant ledger forget USER` forgets it", accounts(run.MovedBack)),
	}}
}

// BrakeOn reports whether the runs of this directory refuse until a person clears the brake.
func (r Report) BrakeOn() bool { return r.Ledger != nil && r.Ledger.Brake != nil }

// LedgerSummary is what a ledger has.
type LedgerSummary struct {
	Accounts     int
	Runs         int // of those that it keeps
	Since        time.Time
	WatchedSince time.Time
	Brake        *Brake
}

// Summary returns what the ledger has.
func (l *Ledger) Summary() LedgerSummary {
	n := l.file().Len()
	if l.earlier != nil {
		n = len(l.earlier.FoundAt)
	}
	return LedgerSummary{n, len(l.state.Runs), l.state.Since, l.state.WatchedSince, l.state.Brake}
}

// CheckWritable returns an error if a run could not write the ledger. It leaves nothing
// behind, and disturbs no run that has it.
func (l *Ledger) CheckWritable() error {
	f, err := os.CreateTemp(filepath.Dir(l.path), ".ledger-*.tmp")
	if err != nil {
		return fmt.Errorf("write ledger: %w", err)
	}
	return errors.Join(f.Close(), os.Remove(f.Name()))
}
