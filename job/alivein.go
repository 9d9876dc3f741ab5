package job

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"sync/atomic"
	"time"
)

// Elsewhere is a further directory that is only read: whoever is alive there is active here.
type Elsewhere struct {
	Name      string // what messages call it
	Directory Directory
	Username  Entries // of the account that reads it, as in Policy
}

// aliveElsewhere is who is alive in one further directory. Once it has been read, it is safe
// for concurrent use.
type aliveElsewhere struct {
	Elsewhere
	*signs            // of those who were alive since the last cutoff
	count  AliveCount // of the last reading
	joins  atomic.Bool
	readAt time.Time // by the clock, when the reading began
}

// AliveCount is how many accounts a further directory has.
type AliveCount struct {
	Name    string
	Scanned int
	Alive   int       // accounts other than the caller's, used at or after the first cutoff
	Newest  time.Time // use of the same accounts; zero if none is known
	Joined  int       // of the accounts that ReadAliveIn was asked about
}

// A provenDirectory is a directory whose accounts come with what further directories prove of
// them, whether in a listing or read alone. It is the only place where accounts get that.
type provenDirectory struct {
	Directory
	elsewhere   []*aliveElsewhere
	firstCutoff time.Time
	now         time.Time
}

// ReadAliveIn reads the directories of AliveIn, and makes Directory one whose accounts come
// with what they prove. It does nothing where AliveIn is empty. It counts how many of the
// accounts in asked have one there, alive or not. The error names the directory; after one no
// run may start.
func (c *Cleanup) ReadAliveIn(ctx context.Context, now time.Time, asked ...User) error {
	if len(c.AliveIn) == 0 {
		return nil
	}
	proven := &provenDirectory{c.Directory, nil, c.Policy.firstCutoff(now), now}
	if before, ok := c.Directory.(*provenDirectory); ok {
		proven.Directory = before.Directory
	}
	for _, e := range c.AliveIn {
		proven.elsewhere = append(proven.elsewhere, &aliveElsewhere{Elsewhere: e, signs: newSigns()})
	}
	for _, e := range proven.elsewhere {
		if err := c.readOne(ctx, e, proven, asked...); err != nil {
			return fmt.Errorf("DORMANT_ALIVE_IN: %s: %w", e.Name, err)
		}
	}
	c.Directory = proven
	return nil
}

// readOne reads one further directory, and judges each account there as its own cleanup would.
// What an earlier reading has proved stays proved.
func (c *Cleanup) readOne(ctx context.Context, e *aliveElsewhere, proven *provenDirectory, asked ...User) error {
	there := Cleanup{Directory: e.Directory, Policy: Policy{Username: e.Username}, Concurrency: c.Concurrency}
	self, err := e.Directory.Self(ctx)
	if err != nil && !errors.Is(err, ErrUnsupported) {
		return fmt.Errorf("ask who is calling: %w", err)
	}
	there.Policy.Self = ExactNames(slices.Collect(self.Names())...)
	now, first, last := proven.now, proven.firstCutoff, c.Policy.Cutoff(proven.now)
	isDoubtful := func(u *User) bool { return u.Partial && u.newestUse(now).Before(first) }
	e.readAt = time.Now()
	err = reread(ctx, c.Log.With().Str(FieldRunID, c.RunID).Logger(), func() error {
		joined := newJoin(asked)
		e.count = AliveCount{Name: e.Name} // the signs stay: each proves a life, however the reading ended
		for u, err := range there.detailed(ctx, e.Directory.Users(ctx), isDoubtful) {
			if err != nil {
				return err
			}
			at := u.newestUse(now)
			if !at.IsZero() && !at.Before(last) {
				e.add(&u, at)
			}
			e.count.add(at, first, there.Policy.isSelf(&u))
			joined.add(&u)
		}
		e.count.Joined = joined.count()
		return nil
	})
	e.sort()
	return err
}

// add counts one more account, whose newest use was at that time.
func (n *AliveCount) add(at, firstCutoff time.Time, isSelf bool) {
	n.Scanned++
	switch {
	case isSelf || at.IsZero(): // the caller's own login does not show that the last logins are right
		return
	case !at.Before(firstCutoff):
		n.Alive++
	}
	if at.After(n.Newest) {
		n.Newest = at
	}
}

// newestUse returns when the account was used last, as far as that is known; zero if not.
func (u *User) newestUse(now time.Time) (at time.Time) {
	used := u.lastUse(now)
	for _, use := range []LastLogin{used.login, used.activity} {
		if use.State == LoginKnown && !use.NotAfter && use.At.After(at) {
			at = use.At
		}
	}
	return at
}

// maxAliveAge is how old the reading of a further directory may be when the first account is
// changed. One that is older is read again.
const maxAliveAge = time.Minute

// readAliveAgain reads the further directories again before the first change, unless that was
// done just now. Who has come back to life there since shows in the second look.
func (c *Cleanup) readAliveAgain(ctx context.Context, plan *Plan) error {
	proven, ok := c.Directory.(*provenDirectory)
	if !ok || !c.Recheck || len(plan.Candidates) == 0 {
		return nil
	}
	for _, e := range proven.elsewhere {
		if time.Since(e.readAt) < maxAliveAge {
			continue
		}
		if err := c.readOne(ctx, e, proven); err != nil {
			return fmt.Errorf("DORMANT_ALIVE_IN: %s: read again before the first change: %w", e.Name, err)
		}
		if e.count.Alive == 0 {
			return fmt.Errorf("DORMANT_ALIVE_IN: %s: read again before the first change: nobody is alive there any more", e.Name)
		}
	}
	return nil
}

// Proven yields users of the directory with what the directories of AliveIn prove of them.
func (c *Cleanup) Proven(users iter.Seq2[User, error]) iter.Seq2[User, error] {
	proven, ok := c.Directory.(*provenDirectory)
	if !ok {
		return users
	}
	return proven.prove(users)
}

func (d *provenDirectory) prove(users iter.Seq2[User, error]) iter.Seq2[User, error] {
	return func(yield func(User, error) bool) {
		for u, err := range users {
			if err == nil {
				d.proveOne(&u)
			}
			if !yield(u, err) {
				return
			}
		}
	}
}

// proveOne lets the newest sign of life elsewhere count as activity, if it is newer than the
// account's own.
func (d *provenDirectory) proveOne(u *User) {
	for _, e := range d.elsewhere {
		at, found := e.newest(u)
		if !found {
			continue
		}
		e.joins.Store(true)
		own := u.lastUse(d.now).activity
		// Own activity that can't be right keeps the account; only somebody who is alive beyond
		// doubt is kept for a better reason.
		if own.State == LoginUnreadable && !at.Before(d.firstCutoff) || own.State != LoginUnreadable && at.After(u.LastActivity) {
			u.LastActivity = at
		}
	}
}

func (d *provenDirectory) Users(ctx context.Context) iter.Seq2[User, error] {
	return d.prove(d.Directory.Users(ctx))
}

func (d *provenDirectory) User(ctx context.Context, u User) (User, error) {
	again, err := d.Directory.User(ctx, u)
	if err == nil {
		d.proveOne(&again)
	}
	return again, err
}

// Warnings returns those of all the directories, and which further ones prove nothing here.
// It implements Warner.
func (d *provenDirectory) Warnings() []Warning {
	warnings := warningsOf(d.Directory)
	for _, e := range d.elsewhere {
		for _, w := range warningsOf(e.Directory) {
			w.Message = e.Name + ": " + w.Message
			warnings = append(warnings, w)
		}
		if !e.joins.Load() {
			warnings = append(warnings, Warning{
				Code: WarnAliveInUnmatched, Subject: e.Name,
				Message: fmt.Sprintf("none of %d who are alive in %s (DORMANT_ALIVE_IN) has the username or an address of an account here: "+
					"it protects nobody, most likely because its names are others", e.count.Alive, e.Name),
			})
		}
	}
	return warnings
}

func warningsOf(d Directory) []Warning {
	if w, ok := d.(Warner); ok {
		return w.Warnings()
	}
	return nil
}

// AliveCounts returns how many accounts the directories of AliveIn have, as last read.
func (c *Cleanup) AliveCounts() []AliveCount {
	proven, ok := c.Directory.(*provenDirectory)
	if !ok {
		return nil
	}
	var counts []AliveCount
	for _, e := range proven.elsewhere {
		counts = append(counts, e.count)
	}
	return counts
}

// describeAlive says in which further directories the account is alive, and since when.
func (c *Cleanup) describeAlive(u *User) string {
	proven, ok := c.Directory.(*provenDirectory)
	if !ok {
		return ""
	}
	var text strings.Builder
	for _, e := range proven.elsewhere {
		since := "not since the cutoff"
		if at, found := e.newest(u); found {
			since = at.Format(time.RFC3339)
		}
		fmt.Fprintf(&text, ", alive in %s: %s", e.Name, since)
	}
	return text.String()
}
