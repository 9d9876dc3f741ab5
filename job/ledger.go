package job

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"sync"
	"time"

	"dormant/job/memory"
)

// Ledger is what the runs of one directory remember: of each account the newest sign of
// life, since when it is known and since when it has been found inactive, and of the
// directory its last runs and the brake. A nil Ledger remembers nothing. It is safe for
// concurrent use, and one run's: a run locks its file until it ends.
type Ledger struct {
	LedgerOptions
	path string // the file itself, where LedgerOptions.Path is a link

	lock    *memory.Lock
	closed  bool
	store   ledgerStore    // as the run before left it, or this one by now
	earlier *earlierLedger // in the place of store, if the file is of an earlier version
	state   ledgerState
	tripped *Brake // by this run

	mu     sync.Mutex
	writer *memory.Writer // nil if the ledger is only read, or nothing is to be written
	err    error          // the first that looking or writing has had
	seen   sightingCounts
}

// LedgerOptions say which ledger is opened, and how.
type LedgerOptions struct {
	Path      string
	Directory string        // identifies the directory of the accounts
	Grace     time.Duration // between when an account is found inactive and its removal; 0: there is none
	Keep      time.Duration // how long an account is remembered after it is gone
	ReadOnly  bool          // look, and leave everything as it is
}

// ledgerStore is the memory of the accounts.
type ledgerStore interface {
	Lookup(id string) (memory.Entry, bool, error)
	Close() error
}

// sightingCounts are of the accounts that a run reads.
type sightingCounts struct {
	present    int       // accounts that are remembered from now on
	remembered int       // of these, those that the run before expected
	movedBack  int       // accounts whose last login has moved back
	reach      time.Time // the latest to which a log reaches back that is all that is known of an account
}

// ErrLedgerInUse means that another run has the ledger. A retry may help.
var ErrLedgerInUse = memory.ErrLocked

// OpenLedger opens the ledger of a directory; a file that is not there is an empty one. An
// error says why there is none to be used: then nobody may be removed, because it may have
// the proof that somebody is alive.
func OpenLedger(o LedgerOptions) (*Ledger, error) {
	l := &Ledger{LedgerOptions: o, path: o.Path, state: ledgerState{Directory: o.Directory}}
	if target, err := filepath.EvalSymlinks(o.Path); err == nil {
		l.path = target // otherwise the link would be replaced instead of the file
	}
	if err := l.open(); err != nil {
		return nil, errors.Join(fmt.Errorf("open ledger: %w", err), l.Close())
	}
	return l, nil
}

func (l *Ledger) open() (err error) {
	if !l.ReadOnly {
		if l.lock, err = memory.Acquire(l.path); err != nil {
			return err
		}
	}
	file, err := memory.Open(l.path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case errors.Is(err, memory.ErrForeign) && isEarlierLedger(l.path):
		l.earlier, err = readEarlierLedger(l.path, l.Directory)
		return err
	case err != nil:
		return err
	}
	l.store = file
	if l.state, err = readState(file.Header(), l.Directory); err != nil {
		return fmt.Errorf("%s: %w", l.path, err)
	}
	return nil
}

// Close ends the use of the ledger, and lets others have it.
func (l *Ledger) Close() error {
	if l == nil {
		return nil
	}
	var errs []error
	if l.writer != nil {
		errs = append(errs, l.writer.Close())
		l.writer = nil
	}
	if l.store != nil {
		errs = append(errs, l.store.Close())
		l.store = nil
	}
	errs = append(errs, l.lock.Release())
	l.lock, l.closed = nil, true
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("close ledger: %w", err)
	}
	return nil
}

// entry returns what is remembered of an account. An error is kept for Err.
func (l *Ledger) entry(id string) (memory.Entry, bool) {
	switch {
	case l.closed:
		l.note(fmt.Errorf("%s: %w", l.path, fs.ErrClosed))
		return memory.Entry{}, false
	case l.earlier != nil:
		return l.earlier.entry(id)
	case l.store == nil:
		return memory.Entry{}, false
	}
	e, known, err := l.store.Lookup(id)
	l.note(err)
	return e, known
}

func (l *Ledger) note(err error) {
	if err != nil {
		l.mu.Lock()
		defer l.mu.Unlock()
		if l.err == nil {
			l.err = fmt.Errorf("the ledger can't be used: %w", err)
		}
	}
}

// Err returns the first error since the ledger was opened. After one, nobody may be removed.
func (l *Ledger) Err() error {
	if l == nil {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.err
}

// begin makes the ledger ready for a reading of the whole directory, and forgets what an
// earlier reading of this run has seen.
func (l *Ledger) begin(now time.Time) {
	if l == nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.seen = sightingCounts{}
	switch {
	case l.ReadOnly:
	case l.writer != nil:
		l.writer.Reset()
	default:
		l.writer = memory.NewWriter(l.path, l.file(), now)
	}
}

// file is the store as the file that a Writer replaces.
func (l *Ledger) file() *memory.File {
	file, _ := l.store.(*memory.File)
	return file
}

// recall returns u as it is decided about, with what is remembered of it.
func (l *Ledger) recall(p *Policy, a *Activity, u User, now time.Time) User {
	if l == nil {
		return u
	}
	u, _, _ = l.look(p, a, u, now)
	return u
}

func (l *Ledger) look(p *Policy, a *Activity, u User, now time.Time) (User, memory.Entry, sightingCounts) {
	was, known := l.entry(u.ID)
	judged := true
	if u.Partial {
		// What the listing leaves out, nobody has asked for.
		withRow := a.apply(u, now)
		judged = u.LastLogin.State != LoginAbsent && !p.keepsWithoutDetails(&withRow, now)
	}
	var counts sightingCounts
	if known && l.expects(was) {
		counts.remembered = 1
	}
	if u.LastLogin.State == LoginKnown && u.LastLogin.NotAfter {
		counts.reach = u.LastLogin.At
	}
	u, e, moved := recall(u, was, known, judged, now)
	if moved {
		counts.movedBack = 1
	}
	return u, e, counts
}

// lastSeen is when the run before saw the accounts that it left there.
func (l *Ledger) lastSeen() time.Time {
	if f := l.file(); f != nil {
		return f.LastSeen()
	}
	return time.Time{}
}

// expects reports whether an account that is gone is missed: it was there in the run before,
// which did not find it inactive. Whoever is inactive may be removed, by a run that is killed
// before it can say so or by somebody else.
func (l *Ledger) expects(e memory.Entry) bool {
	return e.LastSeen.Equal(l.lastSeen()) && e.Found.IsZero()
}

// see is recall for an account of the listing of the whole directory: it is remembered.
func (l *Ledger) see(p *Policy, a *Activity, u User, now time.Time) User {
	if l == nil {
		return u
	}
	if !SafeID(u.ID) {
		return u // nobody acts on it
	}
	id := u.ID
	u, e, counts := l.look(p, a, u, now)
	l.put(id, e)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.seen.present++
	l.seen.remembered += counts.remembered
	l.seen.movedBack += counts.movedBack
	l.seen.reach = newest(l.seen.reach, counts.reach)
	return u
}

// seeElsewhere remembers the login that the activity file has of an account, beside what
// see has remembered.
func (l *Ledger) seeElsewhere(u, withRow User, now time.Time) {
	login := withRow.LastLogin
	if l == nil || !SafeID(u.ID) || login.State != LoginKnown || login.NotAfter || login == u.LastLogin {
		return
	}
	was, known := l.entry(u.ID)
	_, e, _ := recall(u, was, known, true, now)
	e.Sign = newest(e.Sign, memory.RoundUp(login.At))
	l.put(u.ID, e)
}

// put remembers the entry. Whether the account is found inactive, remember says.
func (l *Ledger) put(id string, e memory.Entry) {
	e.Found, e.Identity = time.Time{}, 0
	l.mu.Lock()
	var err error
	if l.writer != nil {
		err = l.writer.Put(id, e)
	}
	l.mu.Unlock()
	l.note(err)
}

func (l *Ledger) amend(id string, e memory.Entry) {
	l.mu.Lock()
	err := l.writer.Amend(id, e)
	l.mu.Unlock()
	l.note(err)
}

// earlierFile is where the file of an earlier version will be; empty if there is none.
func (l *Ledger) earlierFile() string {
	if l.earlier == nil {
		return ""
	}
	return earlierName(l.path)
}

// run is what is kept of the run, as far as its plan tells.
func (l *Ledger) run(runID string, p *Policy, pl *Plan) PastRun {
	run := PastRun{
		At: pl.At.UTC(), RunID: runID, Policy: p.policyKey(), Scanned: pl.Scanned, Candidates: len(pl.Candidates) + len(pl.InGrace),
		MovedBack: l.seen.movedBack, Known: l.state.Expected, Vanished: max(0, l.state.Expected-l.seen.remembered),
	}
	for _, n := range pl.Unknown {
		run.Unknown += n
	}
	return run
}

// check returns the refusals of the guards that compare with earlier runs. The first time, it
// trips the brake. With an approval of a later time a person has looked: then the brake is
// cleared, and the number of candidates is no matter; in a dry run the brake stays.
func (l *Ledger) check(r *Report, p *Policy, pl *Plan, a *Approval) []Refusal {
	if l == nil {
		return nil
	}
	var refusals []Refusal
	if refusal, refused := movedBack(l.seen.movedBack, pl.Scanned); refused {
		refusals = append(refusals, refusal)
	}
	if l.tripped = l.state.Brake; a.clears(l.tripped) {
		if r.DryRun {
			return refusals
		}
		l.state, l.tripped, r.Ledger.Brake = l.state.withoutBrake(), nil, nil
	}
	if l.tripped == nil {
		run := l.run(r.RunID, p, pl)
		if a != nil {
			run.Candidates = 0
		}
		l.tripped = trip(run, l.state.Runs)
	}
	if l.tripped != nil {
		r.Ledger.Brake = l.tripped
		refusals = append(refusals, l.tripped.refusal(pl.At))
	}
	return refusals
}

// remember writes what the run has seen. When it returns without an error, that is on disk.
// If the run is about to act, whom it is the first to find inactive is left to settle: if it
// is killed meanwhile, there is no report that says so.
func (l *Ledger) remember(runID string, p *Policy, pl *Plan, acts bool) error {
	if l == nil || l.ReadOnly {
		return nil
	}
	expected := l.seen.present
	for _, c := range pl.found() {
		expected--
		if at := l.foundAt(c, c.User, pl.At); at.Before(pl.At) || !acts {
			l.amend(c.User.ID, memory.Entry{Found: at, Identity: c.User.identity(pl.At)})
		}
	}
	run := l.run(runID, p, pl)
	run.Tripped = l.tripped != nil
	state := l.state.after(run, expected, l.seen.reach)
	state.Brake = l.tripped
	return l.commit(state, func(a memory.Account) (memory.Entry, bool) {
		a.Found, a.Identity = time.Time{}, 0
		return a.Entry, pl.At.Sub(a.LastSeen) <= l.Keep
	})
}

// settle writes what has become of the accounts, after remember, and whom the run is the
// first to find inactive.
func (l *Ledger) settle(pl *Plan, r *Report) error {
	if l == nil || l.ReadOnly {
		return nil
	}
	l.begin(pl.At)
	state, amended := l.state, false
	for i, c := range pl.found() {
		var e memory.Entry
		switch a := r.Accounts.Status(i); {
		case a.Result == Removed, a.Result == AlreadyGone, a.Result == Accepted:
			e.LastSeen = pl.At.Add(-time.Second) // the next run does not expect it
			state.Runs[len(state.Runs)-1].Removed++
		case a.Result == Kept && a.Reason != InGrace: // a second look has shown that it is not inactive
			state.Expected++
		default:
			if e.Found = l.foundAt(c, c.User, pl.At); e.Found.Before(pl.At) {
				continue
			}
			e.Identity = c.User.identity(pl.At)
		}
		l.amend(c.User.ID, e)
		amended = true
	}
	if !amended {
		return nil
	}
	return l.commit(state, nil)
}

// commit writes the next file, and goes on with that.
func (l *Ledger) commit(state ledgerState, keep func(memory.Account) (memory.Entry, bool)) error {
	if err := l.Err(); err != nil {
		return err
	}
	text, err := state.text()
	if err != nil {
		return fmt.Errorf("write ledger: %w", err)
	}
	undo := func() error { return nil }
	if l.earlier != nil {
		if undo, err = keepEarlier(l.path); err != nil {
			return fmt.Errorf("write ledger: keep the one of an earlier version: %w", err)
		}
	}
	next, err := l.writer.Commit(text, keep)
	if err != nil {
		return fmt.Errorf("write ledger: %w", errors.Join(err, undo()))
	}
	err = l.writer.Close()
	if l.store != nil {
		err = errors.Join(err, l.store.Close())
	}
	l.store, l.earlier, l.writer, l.state = next, nil, nil, state
	if err != nil {
		return fmt.Errorf("write ledger: %w", err)
	}
	return nil
}
