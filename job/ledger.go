package job

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// Ledger is the memory of which accounts earlier runs reported as inactive, and since
// when. An account is removed only if that was at least the grace ago and it has not been
// used since. With a nil Ledger there is no grace. It is safe for concurrent use until
// the run ends.
type Ledger struct {
	path      string
	directory string // identifies the directory of the accounts
	grace     time.Duration

	found map[string]time.Time // when an account was first found inactive, by its id
	known map[string]string    // what it was then, as User.identity; earlier versions did not say
}

// ledgerFile is the format of the file.
type ledgerFile struct {
	Directory  string               `json:"directory"`
	FoundAt    map[string]time.Time `json:"found_at"`
	Identities map[string]string    `json:"identities,omitempty"`
}

// OpenLedger reads the ledger of a directory. It always returns a usable ledger: if the
// file is missing, unreadable or of another directory, the ledger is empty, which means
// that no account was reported before, and the error says why.
func OpenLedger(path, directory string, grace time.Duration) (*Ledger, error) {
	if target, err := filepath.EvalSymlinks(path); err == nil {
		path = target // otherwise the link would be replaced instead of the file
	}
	l := &Ledger{path: path, directory: directory, grace: grace}
	text, err := ReadFile(path, maxLedger)
	if err != nil {
		return l, fmt.Errorf("read ledger: %w", err)
	}
	var file ledgerFile
	if err := json.Unmarshal(text, &file); err != nil {
		return l, fmt.Errorf("read ledger: %s: %w", path, err)
	}
	if file.Directory != directory {
		return l, fmt.Errorf("read ledger: %s is about another directory: %q", path, file.Directory)
	}
	l.found, l.known = file.FoundAt, file.Identities
	return l, nil
}

// maxLedger bounds the file, in bytes: ten million accounts fit into it.
const maxLedger = 1 << 30

// Len returns the number of accounts in the ledger.
func (l *Ledger) Len() int { return len(l.found) }

// CheckWritable returns an error if the ledger could not be saved. It leaves no file
// behind.
func (l *Ledger) CheckWritable() error {
	if info, err := os.Stat(l.path); err == nil && !info.Mode().IsRegular() {
		return fmt.Errorf("%s: not a regular file", l.path) // as root, saving could replace a device
	}
	f, err := l.create()
	if err != nil {
		return fmt.Errorf("write ledger: %w", err)
	}
	return errors.Join(f.Close(), os.Remove(f.Name()))
}

// foundAt returns when the candidate, of that identity, was first reported as inactive. That is now if no run
// has reported it, if the account has been used or created since or is another one by now,
// or if the recorded time is implausible.
func (l *Ledger) foundAt(c Candidate, identity string, now time.Time) time.Time {
	at, known := l.found[c.User.ID], l.known[c.User.ID]
	if at.Before(year2000) || at.After(now) || c.InactiveSince.After(at) || known != "" && known != identity {
		return now
	}
	return at
}

// withGrace defers the removal of c until its grace has ended. Until then the account is
// disabled if the policy disables first, and kept otherwise. planned is the account as it
// is planned for.
func (l *Ledger) withGrace(p Policy, c Candidate, planned User, now time.Time) Candidate {
	if l == nil || c.Action != Remove {
		return c
	}
	removable := l.foundAt(c, planned.identity(now), now).Add(l.grace)
	switch {
	case !now.Before(removable):
		c.RemovableAt = removable
	case p.DisableAfter > 0 && !c.User.Disabled:
		c.Action = Disable
	default:
		c.Action, c.Reason, c.RemovableAt = Keep, InGrace, removable
	}
	return c
}

// applyGrace applies withGrace to all candidates of the plan.
func (l *Ledger) applyGrace(pl *Plan, p Policy, now time.Time) {
	if l == nil {
		return
	}
	candidates := pl.Candidates[:0]
	for i, c := range pl.Candidates.All() {
		c = l.withGrace(p, c, c.User, now)
		if s := pl.Candidates[i].with(&c); c.Action == Keep {
			pl.InGrace = append(pl.InGrace, s)
		} else {
			candidates = append(candidates, s)
		}
	}
	pl.Candidates = candidates
}

// explain adds the rule of the grace to the explanation of an account that the policy
// removes.
func (l *Ledger) explain(p Policy, e Explanation, now time.Time) Explanation {
	if l == nil || e.Decision.Action != Remove {
		return e
	}
	c := newCandidate(e.User, e.Decision, now)
	at, because := l.foundAt(c, e.User.identity(now), now), "no earlier run has found it inactive, or it has been used or has changed since"
	if at.Before(now) {
		because = "found inactive: " + at.UTC().Format(time.RFC3339)
	}
	because += ", removable from: " + wholeSecond(at.Add(l.grace)).Format(time.RFC3339)
	c = l.withGrace(p, c, c.User, now)
	e.Decision = Decision{c.Action, c.Reason}
	e.Rules = slices.Insert(e.Rules, len(e.Rules)-1, Verdict{InGrace, c.Reason == InGrace, because})
	return e
}

// wholeSecond rounds t up to a whole second, in UTC.
func wholeSecond(t time.Time) time.Time {
	return t.UTC().Add(time.Second - 1).Truncate(time.Second)
}

// update replaces the content of the ledger with the accounts that the run reported as
// inactive and did not remove, each with the time at which it was first reported.
// accounts are those of the report, in the order of the plan.
func (l *Ledger) update(pl *Plan, accounts Accounts) {
	l.found, l.known = map[string]time.Time{}, map[string]string{}
	for i, s := range slices.Concat(pl.Candidates, pl.InGrace) {
		a := accounts.Status(i)
		switch {
		case a.Result == Removed, a.Result == AlreadyGone:
		case a.Result == Kept && a.Reason != InGrace: // the recheck decided to keep it
		case !s.planned.removableAt.IsZero():
			u := s.user().user()
			l.found[u.ID], l.known[u.ID] = s.planned.removableAt.Add(-l.grace), u.identity(pl.At)
		}
	}
}

// save writes the ledger. If it fails, the file on disk stays as it was.
func (l *Ledger) save() error {
	if err := l.write(); err != nil {
		return fmt.Errorf("write ledger: %w", err)
	}
	return nil
}

func (l *Ledger) write() error {
	text, err := json.MarshalIndent(ledgerFile{l.directory, l.found, l.known}, "", " ")
	if err != nil {
		return err
	}
	f, err := l.create()
	if err != nil {
		return err
	}
	_, err = f.Write(append(text, '\n'))
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), l.path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return syncFolder(filepath.Dir(l.path))
}

// create creates a temporary file next to the ledger that only its owner can read.
func (l *Ledger) create() (*os.File, error) {
	return os.CreateTemp(filepath.Dir(l.path), ".ledger-*.tmp")
}
