package simulation

import (
	"bytes"
	"dormant/job/memory"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// readLedger reads the ledger. It is a violation if it has an account as found inactive that
// no run has reported at that time, or if it is damaged.
func (w *world) readLedger(ledger string) map[string]memory.Entry {
	f, err := memory.Open(ledger)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		w.violationf("the ledger can't be read: %v", err)
		return nil
	}
	defer f.Close()
	w.mu.Lock()
	reported := w.reported
	w.mu.Unlock()
	entries := map[string]memory.Entry{}
	for a, err := range f.All() {
		if err != nil {
			w.violationf("the ledger can't be read: %v", err)
			return nil
		}
		if entries[a.ID] = a.Entry; !a.Found.IsZero() && !reported[fmt.Sprint(a.ID, a.Found.UnixNano())] {
			w.violationf("the ledger has %q since %v, when no run said so", a.ID, a.Found)
		}
	}
	return entries
}

// recordReported records which accounts the report of the run names as unused.
func (w *world) recordReported(run *programRun) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, a := range run.report.Accounts.All() {
		w.reported[fmt.Sprint(a.ID, run.now.UnixNano())] = true
	}
}

// saveCrashLedger copies the ledger of a run that was killed, for the next run. The
// goroutine of a killed run goes on and may still write to the original. If two runs
// share a ledger and both are killed, the copy made at the first death is used: the
// second run had not written to the ledger either.
func (w *world) saveCrashLedger(run *programRun) {
	if run.ledger == "" {
		return
	}
	heir := fmt.Sprintf("%s-after-%d", run.ledger, run.number)
	w.mu.Lock()
	before, ok := w.crashLedgers[run.ledger]
	if !ok {
		w.crashLedgers[run.ledger], before = heir, heir
	}
	w.ledger = before
	w.mu.Unlock()
	if ok {
		return
	}
	if text, err := os.ReadFile(run.ledger); err == nil {
		if err := os.WriteFile(heir, text, 0o600); err != nil {
			w.violationf("copy the ledger: %v", err)
		}
	}
}

// saveCrashState copies the journal and the ledger of a run at the moment it is killed.
// The next run uses the copies, since the killed run's goroutine goes on.
func (w *world) saveCrashState(run *programRun) {
	w.saveCrashLedger(run)
	text, err := os.ReadFile(run.journal)
	if err != nil {
		return // the run had not opened it yet
	}
	// The machine may have crashed as well: a result is not synced, and may be torn.
	lines := bytes.SplitAfter(text, []byte("\n"))
	if len(lines) > 1 && bytes.Contains(lines[len(lines)-2], []byte(`"event":"result"`)) && w.chance(run.id).IntN(2) == 0 {
		text = text[:len(text)-len(lines[len(lines)-2])/2]
	}
	heir := filepath.Join(filepath.Dir(run.journal), fmt.Sprintf("journal-after-%d", run.number))
	if err := os.WriteFile(heir, text, 0o600); err != nil {
		w.violationf("copy the journal: %v", err)
		return
	}
	w.mu.Lock()
	w.journal = heir
	w.mu.Unlock()
}
