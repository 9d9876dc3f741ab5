package client

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"dormant/job"
)

// check compares what the run says of itself with what has happened.
func (run *simRun) check() {
	run.mu.Lock()
	defer run.mu.Unlock()
	blame := func(format string, args ...any) {
		run.world.blame("run %d: %s", run.number, fmt.Sprintf(format, args...))
	}
	run.checkAccounts(blame)
	run.checkCounts(blame)
	run.checkPlan(blame)
	run.checkJournal(blame)
	run.checkSecrets(blame)
}

// checkAccounts: the result of each account is what has become of it.
func (run *simRun) checkAccounts(blame func(string, ...any)) {
	r := run.report
	results := map[string]job.Result{}
	for _, a := range r.Accounts {
		results[a.ID] = a.Result
		seen := run.seen[a.ID]
		if seen == nil {
			blame("it reports %q, of whom it has not been told", a.ID)
			continue
		}
		// Whoever took the first of two steps may find that somebody else took the last.
		did := func(kind simKind) bool {
			return slices.ContainsFunc(run.effects, func(e simEffect) bool { return e.id == a.ID && e.kind == kind })
		}
		switch a.Result {
		case job.Removed:
			if !seen.succeeded[simRemove] || !did(simRemove) && !run.world.sys.again {
				blame("it says that it removed %q: done %t, told so %t", a.ID, did(simRemove), seen.succeeded[simRemove])
			}
		case job.Disabled:
			if !seen.succeeded[simDisable] && !did(simDisable) && (a.Error == "" || !seen.asked[simDisable]) {
				blame("it says that it disabled %q, and neither did nor was told so", a.ID)
			}
		case job.AlreadyGone:
			if !seen.saidGone {
				blame("it says that %q was gone, and was not told so", a.ID)
			}
		case job.WouldRemove, job.WouldDisable:
			if !run.policy.dryRun || seen.tries > 0 {
				blame("%q: %s after %d tries", a.ID, a.Result, seen.tries)
			}
		case job.NotAttempted, job.Kept: // unless it says that this may be so
			if did(simRemove) || did(simDisable) && (a.Reason != job.AlreadyDisabled || a.Error == "") {
				blame("it says %s of %q, and changed it", a.Result, a.ID)
			}
		case job.NotRemoved: // which may have been done all the same
		}
		if seen.succeeded[simRemove] && run.world.sys.steps < 2 && a.Result != job.Removed ||
			seen.succeeded[simDisable] && a.Result != job.Disabled {
			blame("it was told that %q is done, and says %s", a.ID, a.Result)
		}
	}
	for _, e := range run.effects {
		if _, told := results[e.id]; !told {
			blame("it does not report %q, whom it changed", e.id)
		}
	}
	if run.policy.dryRun && len(run.effects) > 0 {
		blame("a dry run has changed %v", run.effects)
	}
}

// checkCounts: they add up.
func (run *simRun) checkCounts(blame func(string, ...any)) {
	r, n, candidates := run.report, map[job.Result]int{}, 0
	for _, a := range r.Accounts {
		if a.Reason != job.InGrace || a.Result != job.Kept || a.RemovableAt == nil {
			n[a.Result]++
			candidates++
		}
	}
	kept := 0
	for _, k := range r.Counts.Kept {
		kept += k
	}
	c := r.Counts
	if c.Removed != n[job.Removed] || c.Disabled != n[job.Disabled] || c.AlreadyGone != n[job.AlreadyGone] ||
		c.Failed != n[job.NotRemoved] || c.NotAttempted != n[job.NotAttempted] || c.Candidates != candidates ||
		r.Planned && kept+c.Candidates != c.Scanned+n[job.Kept] {
		blame("the counts do not add up: %+v, %v", c, n)
	}
	var want job.Outcome
	switch {
	case r.Err != nil && !run.cancelled.IsZero():
		want = job.Interrupted
	case r.Err != nil:
		want = job.Failed
	case run.policy.dryRun:
		want = job.DryRun
	case len(r.Refusals) > 0:
		want = job.Refused
	case c.Failed > 0:
		want = job.Partial
	default:
		want = job.Completed
	}
	if r.Outcome != want {
		blame("the outcome is %s, not %s", r.Outcome, want)
	}
	if want == job.Completed && c.NotAttempted > 0 {
		blame("it is complete, and left %d out", c.NotAttempted)
	}
}

// checkPlan: the candidates and the refusals are those that follow from what the
// run was told.
func (run *simRun) checkPlan(blame func(string, ...any)) {
	r, w := run.report, run.world
	if !r.Planned || run.confused || w.shiftedWithin(run) {
		return
	}
	candidates, kept, scanned, active := run.plan()
	for _, a := range r.Accounts {
		if _, ok := candidates[a.ID]; !ok && a.Reason != job.InGrace {
			blame("%q is among the candidates: %s", a.ID, run.view(a.ID))
		}
	}
	for id := range candidates {
		if !slices.ContainsFunc(r.Accounts, func(a job.Account) bool { return a.ID == id }) {
			blame("%q is not among the candidates", id)
		}
	}
	if r.Counts.Scanned != scanned {
		blame("it says that there are %d accounts, not %d", r.Counts.Scanned, scanned)
	}
	if run.shared() {
		return
	}
	again := map[string]int{}
	for _, a := range r.Accounts {
		if a.Result == job.Kept && a.RemovableAt == nil {
			again[string(a.Reason)]++
		}
	}
	for reason, n := range r.Counts.Kept {
		if n-again[string(reason)] != kept[string(reason)] {
			blame("it keeps %d as %s, not %d", n-again[string(reason)], reason, kept[string(reason)])
		}
	}
	var refusing []string
	for _, refusal := range r.Refusals {
		refusing = append(refusing, refusal.Guard)
	}
	if want := run.policy.guards(len(candidates), scanned, active); !slices.Equal(refusing, want) {
		blame("the guards %v refuse, not %v: %d of %d, %d active", refusing, want, len(candidates), scanned, active)
	}
	if len(refusing) > 0 && len(run.effects) > 0 {
		blame("the guards refuse, and %v has happened", run.effects)
	}
}

// view is what the run knows of an account now.
func (run *simRun) view(id string) string {
	seen := run.seen[id]
	action, why := run.policy.decide(run.known(seen.last), run.self, run.now)
	return fmt.Sprintf("%+v: %s %s, at %v", run.known(seen.last), action, why, run.now)
}

// shiftedWithin reports whether the listing changed while it was read.
func (w *simWorld) shiftedWithin(run *simRun) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, at := range maps.All(w.shifted) {
		if !at.Before(run.from) && !at.After(run.to) {
			return true
		}
	}
	return false
}

// checkJournal: what has been tried is there, with what came of it.
func (run *simRun) checkJournal(blame func(string, ...any)) {
	if run.noJournal {
		return
	}
	intents, results := map[string]int{}, map[string]job.Event{}
	for _, e := range run.events() {
		switch e.Event {
		case "intent":
			if intents[e.UserID]++; results[e.UserID].Event != "" {
				blame("the journal has the result of %q before the intent", e.UserID)
			}
		case "result":
			results[e.UserID] = e
		}
	}
	for id := range intents {
		if intents[id] != 1 || results[id].Event == "" {
			blame("the journal has %d intents of %q, and the result %q", intents[id], id, results[id].Result)
		}
	}
	for _, a := range run.report.Accounts {
		seen := run.seen[a.ID]
		if seen != nil && seen.tries > 0 && intents[a.ID] == 0 {
			blame("the journal has no intent of %q", a.ID)
		}
		if e, ok := results[a.ID]; ok && e.Result != a.Result {
			blame("the journal says %s of %q, the report %s", e.Result, a.ID, a.Result)
		}
	}
}

// checkSecrets: credentials are in nothing that is kept, and names in no log.
func (run *simRun) checkSecrets(blame func(string, ...any)) {
	report, err := json.Marshal(run.report)
	if err != nil {
		blame("the report is no JSON: %v", err)
	}
	journal, _ := json.Marshal(run.events())
	kept := map[string]string{"log": run.out.String(), "report": string(report), "journal": string(journal), "error": fmt.Sprint(run.report.Err)}
	for what, text := range kept {
		for _, secret := range []string{simToken, simSecret, simBasic, "access-"} {
			if strings.Contains(text, secret) {
				blame("%q is in the %s", secret, what)
			}
		}
	}
	if i := strings.Index(kept["log"], "@mail.test"); i >= 0 {
		blame("an email is in the log: …%.60s", kept["log"][max(0, i-40):])
	}
}
