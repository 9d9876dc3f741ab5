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

// Ledger is whom earlier runs found inactive and said so: an account is removed
// only if that was long enough ago, and it has not been used since. A nil Ledger
// knows of no grace. It is safe for concurrent use until a run ends.
type Ledger struct {
	path      string
	directory string // which one the ledger is about
	grace     time.Duration

	found map[string]time.Time // when an account was first found inactive, by its id
}

// ledgerFile is a ledger as it is written.
type ledgerFile struct {
	Directory string               `json:"directory"`
	FoundAt   map[string]time.Time `json:"found_at"`
}

// OpenLedger reads the ledger of a directory. There always is one: if the file is
// missing, can't be read or is about another directory, the ledger is empty, as
// nobody is known to have been warned; the error then says why.
func OpenLedger(path, directory string, grace time.Duration) (*Ledger, error) {
	if target, err := filepath.EvalSymlinks(path); err == nil {
		path = target // or the link would be replaced, and not the file
	}
	l := &Ledger{path: path, directory: directory, grace: grace}
	text, err := os.ReadFile(path)
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
	l.found = file.FoundAt
	return l, nil
}

// Len is how many accounts are in the ledger.
func (l *Ledger) Len() int { return len(l.found) }

// CheckWritable says whether the ledger could be saved. It leaves nothing behind.
func (l *Ledger) CheckWritable() error {
	if info, err := os.Stat(l.path); err == nil && !info.Mode().IsRegular() {
		return fmt.Errorf("%s: not a regular file", l.path) // root could replace a device
	}
	f, err := l.create()
	if err != nil {
		return fmt.Errorf("write ledger: %w", err)
	}
	return errors.Join(f.Close(), os.Remove(f.Name()))
}

// foundAt is when the candidate was first found inactive: now, if no run has said
// so, or if the account has been used or made since. A time that can't be one at
// which it was found is none.
func (l *Ledger) foundAt(c Candidate, now time.Time) time.Time {
	at := l.found[c.User.ID]
	if at.Before(year2000) || at.After(now) || c.InactiveSince.After(at) {
		return now
	}
	return at
}

// judge puts a removal off until the grace of the account ends. Until then it is
// disabled, where the policy disables first, or else kept.
func (l *Ledger) judge(p Policy, c Candidate, now time.Time) Candidate {
	if l == nil || c.Action != Remove {
		return c
	}
	removable := l.foundAt(c, now).Add(l.grace)
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

// hold judges all the candidates of the plan.
func (l *Ledger) hold(pl *Plan, p Policy, now time.Time) {
	var candidates []Candidate
	for _, c := range pl.Candidates {
		if c = l.judge(p, c, now); c.Action == Keep {
			pl.InGrace = append(pl.InGrace, c)
		} else {
			candidates = append(candidates, c)
		}
	}
	pl.Candidates = candidates
}

// explain adds what the ledger says of an account that the policy removes.
func (l *Ledger) explain(p Policy, e Explanation, now time.Time) Explanation {
	if l == nil || e.Decision.Action != Remove {
		return e
	}
	c := newCandidate(e.User, e.Decision, now)
	at, because := l.foundAt(c, now), "no earlier run has found it inactive, or it has been used since"
	if at.Before(now) {
		because = "found inactive: " + at.UTC().Format(time.RFC3339)
	}
	because += ", removable from: " + wholeSecond(at.Add(l.grace)).Format(time.RFC3339)
	c = l.judge(p, c, now)
	e.Decision = Decision{c.Action, c.Reason}
	e.Rules = slices.Insert(e.Rules, len(e.Rules)-1, Verdict{InGrace, c.Reason == InGrace, because})
	return e
}

// wholeSecond is the first one that is not before t.
func wholeSecond(t time.Time) time.Time {
	return t.UTC().Add(time.Second - 1).Truncate(time.Second)
}

// note makes the ledger hold whom the run has said to be inactive and has not
// removed, each with the time at which that was first found, and nobody else. The
// accounts are those of the report.
func (l *Ledger) note(pl *Plan, accounts []Account) {
	l.found = map[string]time.Time{}
	candidates := slices.Concat(pl.Candidates, pl.InGrace)
	for i, a := range accounts {
		c := candidates[i]
		switch {
		case a.Result == Removed, a.Result == AlreadyGone:
		case a.Result == Kept && a.Reason != InGrace: // on the second look
		case !c.RemovableAt.IsZero():
			l.found[c.User.ID] = c.RemovableAt.Add(-l.grace)
		}
	}
}

// save writes the ledger: all of it, or nothing.
func (l *Ledger) save() error {
	if err := l.write(); err != nil {
		return fmt.Errorf("write ledger: %w", err)
	}
	return nil
}

func (l *Ledger) write() error {
	text, err := json.MarshalIndent(ledgerFile{l.directory, l.found}, "", " ")
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

// create makes a file beside the ledger, for its owner alone.
func (l *Ledger) create() (*os.File, error) {
	return os.CreateTemp(filepath.Dir(l.path), ".ledger-*.tmp")
}
