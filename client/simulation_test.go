package client

import (
	"context"
	"errors"
	"flag"
	"math/rand/v2"
	"net"
	"net/http/httptest"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"dormant/job"
)

// The simulation plays stories: runs of the program over a directory that
// changes meanwhile, through a network that does everything that networks do.
// A seed decides a story. In none of them may the program remove or disable an
// account that its rules keep, report what it did not do, or give credentials away.
var (
	simSeed  = flag.Uint64("seed", 0, "play this one story of TestSimulation, and show it")
	simSeeds = flag.Uint64("seeds", 0, "how many stories TestSimulation plays")
	simFirst = flag.Uint64("first", 1, "the seed of the first of them")
)

func TestSimulation(t *testing.T) {
	if *simSeed > 0 {
		t.Log(strings.Join(play(t, *simSeed, true), "\n"))
		return
	}
	n, until := *simSeeds, time.Now().Add(time.Hour)
	if n == 0 { // as many as a test of its own may take
		n, until = 120, time.Now().Add(12*time.Second)
	}
	var next, played, requests atomic.Uint64
	t.Run("stories", func(t *testing.T) {
		for i := range runtime.GOMAXPROCS(0) {
			t.Run(strconv.Itoa(i+1), func(t *testing.T) {
				t.Parallel()
				for !t.Failed() {
					seed := next.Add(1) - 1
					if seed >= n || seed >= 10 && time.Now().After(until) {
						return
					}
					requests.Add(uint64(len(play(t, *simFirst+seed, false))))
					played.Add(1)
				}
			})
		}
	})
	t.Logf("%d stories, %d lines of them", played.Load(), requests.Load())
}

// play plays one story, and returns what happened.
func play(t *testing.T, seed uint64, all bool) (trace []string) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := newSimWorld(t, seed, simSystems[seed%uint64(len(simSystems))])
		err := w.story()
		trace = w.trace
		if err != nil {
			w.wrong = append(w.wrong, err.Error())
		}
		if len(w.wrong) == 0 {
			return
		}
		shown := trace
		if !all && len(shown) > 60 {
			shown = shown[len(shown)-60:]
		}
		t.Errorf("%s, seed %d:\n  %s\n\ngo test ./client -run 'TestSimulation$' -seed=%d\n\n%s",
			w.sys.name, seed, strings.Join(w.wrong, "\n  "), seed, strings.Join(shown, "\n"))
	})
	return trace
}

// story is what happens: runs in trouble, and then runs in calm, until there is
// nothing left to do.
func (w *simWorld) story() error {
	<-time.After(26*365*simDay + time.Duration(w.random.IntN(1000))*simDay) // a bubble begins in the year 2000
	w.round()
	l := &pipes{conns: make(chan net.Conn), closed: make(chan struct{})}
	w.dial = func(ctx context.Context, network, address string) (net.Conn, error) {
		if address != l.Addr().String() {
			w.blame("a connection to %s", address)
			return nil, errors.New("this is not the directory")
		}
		return l.dial(ctx, network, address)
	}
	server := httptest.NewUnstartedServer(w)
	server.Config.ErrorLog = newSilentLog()
	server.Listener.Close()
	server.Listener = l
	server.Start()
	defer server.Close()
	w.url = server.URL
	w.journal, w.ledger = filepath.Join(w.t.TempDir(), "journal"), filepath.Join(w.t.TempDir(), "ledger")

	r := w.random
	w.fixedToken = w.sys.values == nil || r.IntN(2) == 0
	var actor []string
	if w.sys.name == "maestro" || w.sys.name == "grafana" {
		actor = []string{simCaller}
	}
	p := newSimPolicy(r, w.sys, actor)
	if err := w.populate(p, time.Now()); err != nil {
		return err
	}
	w.faults = []float64{0, .03, .1, .25}[r.IntN(4)]
	w.events = []float64{0, .02, .1, .3}[r.IntN(4)]
	w.say("%s: %d accounts, faults %g, events %g, fixed token: %t", w.sys.name, len(w.dir.Users()), w.faults, w.events, w.fixedToken)
	if err := w.trouble(p); err != nil {
		return err
	}
	w.faults, w.events = 0, 0
	return w.rest(p)
}

// round waits for the beginning of the next round.
func (*simWorld) round() { <-time.After(time.Until(time.Now().Truncate(simRound).Add(simRound))) }

// trouble is some runs, one after the other, or two at once.
func (w *simWorld) trouble(p simPolicy) error {
	r := w.random
	for range 1 + r.IntN(3) {
		w.round()
		runs := []*simRun{w.newRun(p, w.journal)}
		if r.IntN(4) == 0 {
			runs = append(runs, w.newRun(p, w.journal))
		}
		ended := make(chan error)
		for i, run := range runs {
			late := time.Duration(i*(1+r.IntN(20)))*simRound + time.Duration(r.IntN(4))*time.Second
			if i == 0 {
				w.edges(p, time.Now().Add(late))
			}
			setup := rand.New(rand.NewPCG(w.seed, uint64(run.number)))
			go func() {
				<-time.After(late)
				ended <- run.start(setup)
			}()
		}
		var errs []error
		for range runs {
			errs = append(errs, <-ended)
		}
		w.pending.Wait()
		if err := errors.Join(errs...); err != nil {
			return err
		}
		if w.events > 0 {
			for range r.IntN(4) {
				w.happen(r)
			}
			<-time.After(time.Duration(r.IntN(40*24)) * time.Hour)
		}
	}
	return nil
}

// rest is runs in calm. They come to an end: one that has nothing to do.
func (w *simWorld) rest(p simPolicy) error {
	for i := range 6 {
		w.round()
		run := w.newRun(p, w.journal)
		run.calm()
		if err := run.start(w.random); err != nil {
			return err
		}
		w.pending.Wait()
		w.checkCalm(run)
		if len(run.effects) == 0 && (i > 0 || p.grace == 0) {
			return nil
		}
		if i == 0 { // so that all that it has named is due; later others are, too
			<-time.After(p.grace)
		}
	}
	w.blame("it does not come to rest")
	return nil
}

// checkCalm: a run that nothing stops does all that is to be done, or says why not.
func (w *simWorld) checkCalm(run *simRun) {
	r := run.report
	caller, there := w.dir.User(w.caller)
	switch {
	case w.sys.caller && (!there || !caller.Admin || w.sys.name == "redmine" && caller.Disabled):
		return // nothing works any more
	case r.Outcome == job.Failed || r.Outcome == job.Interrupted:
		w.blame("run %d fails in all calm: %s", run.number, r.Error)
	}
	for _, a := range r.Accounts {
		if a.Result != job.NotRemoved || w.excused(a.ID, a.Error) {
			continue
		}
		w.blame("run %d: %q fails in all calm: %s", run.number, a.ID, a.Error)
	}
}

// excused reports whether the directory has a reason not to change the account.
func (w *simWorld) excused(id, _ string) bool {
	u, _ := w.dir.User(id)
	return u.Owns || u.Field("external") != "" || id == w.caller || u.Admin
}
