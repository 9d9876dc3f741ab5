package job

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// lastLook is how long a look after a request may take once the run has been told to end.
// What it has not shown by then is reported as not known.
const lastLook = 3 * time.Second

// outlast returns a context that is done a while after ctx is.
func outlast(ctx context.Context, while time.Duration) (context.Context, context.CancelFunc) {
	longer, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() {
		last := time.AfterFunc(while, func() { cancel(context.Cause(ctx)) })
		context.AfterFunc(longer, func() { last.Stop() })
	})
	return longer, func() {
		stop()
		cancel(nil)
	}
}

// settle records the results of all that verify has left open. It verifies them by one
// listing. It returns an error if the listing can't be read, or a result not be recorded.
func (c *Cleanup) settle(ctx context.Context, plan *Plan, all []*removal) error {
	ctx, end := outlast(ctx, lastLook)
	defer end()
	pending := map[string]*removal{}
	read, need := false, false
	for _, m := range all {
		pending[m.candidate.User.ID] = m
		// What will be done later, as the profile knows, need not be visible yet.
		need = need || !m.missed && (!errors.Is(m.said, ErrAccepted) || errors.Is(m.said, ErrUnnamed))
		read = read || need || m.missed
	}
	if len(pending) == 0 {
		return nil
	}
	l := &relisting{err: errNotRead}
	var failure error
	if read {
		if l = c.relist(ctx, pending, plan.witnesses); l.err != nil && need {
			failure = fmt.Errorf("see what has become of the accounts: %w", l.err)
		}
	}
	for _, m := range all {
		if pending[m.candidate.User.ID] != m {
			continue
		}
		if _, err := m.concludeByListing(l); errors.Is(err, errNoRecord) {
			failure = errors.Join(failure, err)
		}
	}
	return failure
}

// errNotRead is the error of a listing that there was no need to read.
var errNotRead = errors.New("the accounts were not listed again")

// maxWitnesses is how many of the accounts that are kept are remembered, to tell later
// whether a listing shows what there is.
const maxWitnesses = 1000

// relisting is what the listing has after the changes.
type relisting struct {
	listed    map[string]User // those of the accounts in question
	witnesses int             // how many accounts that were kept should be in it
	seen      int             // how many of them are
	err       error           // why it can't be read
}

// relist reads the listing again. Where the directory signs the program in, it does so anew
// first: some directories hide accounts from a caller whose token has ended.
func (c *Cleanup) relist(ctx context.Context, pending map[string]*removal, witnesses []string) *relisting {
	kept := map[string]bool{}
	for _, id := range witnesses {
		kept[id] = true
	}
	c.Directory.Renew()
	l := &relisting{}
	l.err = reread(ctx, c.Log, func() error {
		*l = relisting{listed: map[string]User{}, witnesses: len(kept)}
		for u, err := range c.Directory.Users(ctx) {
			if err != nil {
				return err
			}
			if pending[u.ID] != nil {
				u = u.Clone()
				l.listed[u.ID] = u
			}
			if kept[u.ID] {
				l.seen++
			}
		}
		return context.Cause(ctx) // otherwise the end may not be the directory's
	})
	return l
}

// doubt returns an error unless the listing still shows what there is: at least half of the
// accounts that were kept. One that is empty, or that is another one than before, proves
// nothing.
func (l *relisting) doubt() error {
	switch {
	case l.err != nil:
		return fmt.Errorf("the listing that has to show it can't be read: %w", l.err)
	case l.witnesses == 0:
		return errors.New("no account was kept that a listing would have to show")
	case 2*l.seen < l.witnesses:
		return fmt.Errorf("the listing that has to show it has %d of %d accounts that were kept", l.seen, l.witnesses)
	}
	return nil
}
