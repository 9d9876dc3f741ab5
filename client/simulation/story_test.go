package simulation

import (
	"errors"
	"io"
	"log"
	"math/rand/v2"
	"net/http/httptest"
	"path/filepath"
	"time"

	"dormant/job"
)

// story plays a phase with faults, events and interruptions, and then undisturbed
// runs until one of them has nothing left to do.
func (w *world) story() error {
	<-time.After(26*365*day + time.Duration(w.random.IntN(1000))*day) // the fake clock starts in the year 2000
	w.round()
	w.listener = newPipeListener()
	server := httptest.NewUnstartedServer(w)
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.Listener.Close()
	server.Listener = w.listener
	server.Start()
	defer server.Close()
	w.url = server.URL
	w.journal, w.ledger = filepath.Join(w.t.TempDir(), "journal"), filepath.Join(w.t.TempDir(), "ledger")

	r := w.random
	w.fixedToken = w.sys.values == nil || r.IntN(2) == 0
	var actor []string
	if w.sys.name == "maestro" || w.sys.name == "grafana" {
		actor = []string{callerName}
	}
	p := newPolicyModel(r, w.sys, actor)
	if err := w.populate(p, time.Now()); err != nil {
		return err
	}
	if err := w.populateElsewhere(p, time.Now()); err != nil {
		return err
	}
	w.faults = []float64{0, .03, .1, .25}[r.IntN(4)]
	w.events = []float64{0, .02, .1, .3}[r.IntN(4)]
	w.tracef("%s: %d accounts, faults %g, events %g, fixed token: %t, a second directory: %t", w.sys.name, len(w.dir.Users()), w.faults, w.events, w.fixedToken, w.elsewhere != nil)
	if err := w.disturbedPhase(p); err != nil {
		return err
	}
	w.faults, w.events = 0, 0
	return w.quietPhase(p)
}

// round waits until the next round begins.
func (*world) round() { <-time.After(time.Until(time.Now().Truncate(roundLength).Add(roundLength))) }

// disturbedPhase starts up to three runs one after the other; each may overlap with
// another run. Faults and events happen during the runs, events between them.
func (w *world) disturbedPhase(p policyModel) error {
	r := w.random
	for range 1 + r.IntN(3) {
		w.round()
		runs := []*programRun{w.newRun(p, w.journal)}
		if r.IntN(4) == 0 {
			runs = append(runs, w.newRun(p, w.journal))
		}
		ended := make(chan error)
		for i, run := range runs {
			late := time.Duration(i*(1+r.IntN(20)))*roundLength + time.Duration(r.IntN(4))*time.Second
			if i == 0 {
				w.moveToCutoffs(p, time.Now().Add(late))
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
				w.randomEvent(r)
			}
			<-time.After(time.Duration(r.IntN(40*24)) * time.Hour)
		}
	}
	return nil
}

// quietPhase starts runs without faults, events or interruptions. After a few of them
// one has to find nothing left to change.
func (w *world) quietPhase(p policyModel) error {
	for i := range 6 {
		w.round()
		run := w.newRun(p, w.journal)
		run.undisturbed()
		if err := run.start(w.random); err != nil {
			return err
		}
		w.pending.Wait()
		w.checkQuietRun(run)
		if len(run.effects) == 0 && (i > 0 || p.grace == 0) {
			return nil
		}
		if i == 0 { // so that the grace of every account that it reported is over
			<-time.After(p.grace)
		}
	}
	w.violationf("it does not come to rest")
	return nil
}

// checkCalm: a run that nothing stops does all that is to be done, or says why not.
func (w *world) checkQuietRun(run *programRun) {
	r := run.report
	caller, there := w.dir.User(w.caller)
	switch {
	case w.sys.caller && (!there || !caller.Admin || w.sys.name == "redmine" && caller.Disabled):
		return // the caller has lost its rights
	case r.Outcome == job.Failed || r.Outcome == job.Interrupted:
		w.violationf("run %d fails in all calm: %s", run.number, r.Error)
	}
	for _, a := range r.Accounts.All() {
		failed := a.Result == job.NotRemoved || a.Result == job.RefusedByDirectory || a.Result == job.Accepted
		if failed && !w.refusalExpected(a.ID) {
			w.violationf("run %d: %q is %s in all calm: %s", run.number, a.ID, a.Result, a.Error)
		}
	}
}

// refusalExpected reports whether the directory refuses to change the account.
func (w *world) refusalExpected(id string) bool {
	u, _ := w.dir.User(id)
	return u.Owns || u.Field("external") != "" || id == w.caller || u.Admin
}
