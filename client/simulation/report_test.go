package simulation

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"dormant/job"
)

// check compares what the run reports with what happened.
func (run *programRun) check() {
	run.mu.Lock()
	defer run.mu.Unlock()
	violationf := func(format string, args ...any) {
		run.world.violationf("run %d: %s", run.number, fmt.Sprintf(format, args...))
	}
	run.checkAccounts(violationf)
	run.checkCounts(violationf)
	run.checkPlan(violationf)
	run.checkJournal(violationf)
	run.checkSecrets(violationf)
}

// checkAccounts checks that the result of each account is what happened to it.
func (run *programRun) checkAccounts(violationf func(string, ...any)) {
	r := run.report
	results := map[string]job.Result{}
	for _, a := range r.Accounts.All() {
		results[a.ID] = a.Result
		seen := run.accounts[a.ID]
		if seen == nil {
			violationf("it reports %q, which no answer contained", a.ID)
			continue
		}
		// After the first of two steps another run may have taken the last one.
		did := func(kind operation) bool {
			return slices.ContainsFunc(run.effects, func(e effect) bool { return e.id == a.ID && e.kind == kind })
		}
		switch a.Result {
		case job.Removed:
			if !seen.succeeded[opRemove] && !seen.accepted || !did(opRemove) && !run.world.sys.again {
				violationf("it says that it removed %q: done %t, told so %t", a.ID, did(opRemove), seen.succeeded[opRemove])
			}
			if seen.after != seenGone && run.pagesNow == 0 {
				violationf("it says that it removed %q, and has not seen since that it is gone: %q", a.ID, seen.after)
			}
		case job.Disabled:
			if !seen.succeeded[opDisable] && !did(opDisable) && (a.Error == "" || !seen.asked[opDisable]) {
				violationf("it says that it disabled %q, and neither did nor was told so", a.ID)
			}
			isGone := seen.after == seenGone && seen.succeeded[opDisable] // somebody else has removed it since
			if seen.after != seenDisabled && !isGone && run.pagesNow == 0 {
				violationf("it says that it disabled %q, and has not seen since that it is: %q", a.ID, seen.after)
			}
		case job.Accepted:
			if !seen.accepted {
				violationf("it says that %q will be done, and was not told so", a.ID)
			}
		case job.RefusedByDirectory:
			// The second one of two requests may be refused because of the first, of which the run knows nothing.
			changed := (did(opDisable) || did(opRemove) && run.world.sys.steps < 2) && !seen.duplicated
			if !seen.refused || changed {
				violationf("it says that the directory refused to change %q: told so %t", a.ID, seen.refused)
			}
		case job.AlreadyGone:
			if run.pagesNow == 0 {
				violationf("it says that %q was gone, and has not listed the others", a.ID)
			}
			missing := run.pagesNow > 0 && !run.listedAgain[a.ID]
			if !seen.saidGone && !missing {
				violationf("it says that %q was gone, and was not told so", a.ID)
			}
			if run.policy.recheck && run.world.sys.last != "" && !seen.looksGone && !missing {
				violationf("it says that %q was gone, and was shown it", a.ID)
			}
			if run.listedAgain[a.ID] && !run.misled {
				violationf("it says that %q was gone, and it is listed", a.ID)
			}
		case job.WouldRemove, job.WouldDisable:
			if !run.policy.dryRun || seen.tries > 0 {
				violationf("%q: %s after %d tries", a.ID, a.Result, seen.tries)
			}
		case job.NotAttempted, job.Kept: // except where the error says that the change may have been made
			if did(opRemove) || did(opDisable) && (a.Reason != job.AlreadyDisabled || a.Error == "") {
				violationf("it says %s of %q, and changed it", a.Result, a.ID)
			}
		case job.NotRemoved: // the change may still have been made
		}
		// What was told and not seen is reported as not known, that is as failed.
		open := a.Result == job.NotRemoved && !run.isUndisturbed
		contradicted := run.world.sys.byName && run.listedAgain[a.ID] // who is not found by a name may have another one by now
		if seen.succeeded[opRemove] && run.world.sys.steps < 2 && a.Result != job.Removed && (!open || seen.after == seenGone && !contradicted) ||
			seen.succeeded[opDisable] && a.Result != job.Disabled && (!open || seen.after == seenDisabled) {
			violationf("it was told that %q is done, and says %s; seen since: %q", a.ID, a.Result, seen.after)
		}
		if told := seen.succeeded[opRemove] && run.world.sys.steps < 2 || seen.succeeded[opDisable]; told && open && !seen.sought && run.cancelled.IsZero() {
			violationf("it was told that %q is done, says %s, and has not looked: %s", a.ID, a.Result, a.Error)
		}
	}
	for _, e := range run.effects {
		if _, told := results[e.id]; !told {
			violationf("it does not report %q, whom it changed", e.id)
		}
	}
	if run.policy.dryRun && len(run.effects) > 0 {
		violationf("a dry run has changed %v", run.effects)
	}
}

// checkCounts checks that the counts add up, and that the outcome follows from them.
func (run *programRun) checkCounts(violationf func(string, ...any)) {
	r, n, candidates := run.report, map[job.Result]int{}, 0
	for _, a := range r.Accounts.All() {
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
	if c.Accepted != n[job.Accepted] || c.RefusedByDirectory != n[job.RefusedByDirectory] || c.Removed != n[job.Removed] || c.Disabled != n[job.Disabled] || c.AlreadyGone != n[job.AlreadyGone] ||
		c.Failed != n[job.NotRemoved] || c.NotAttempted != n[job.NotAttempted] || c.Candidates != candidates ||
		r.Planned && kept+c.Candidates != c.Scanned+n[job.Kept] {
		violationf("the counts do not add up: %+v, %v", c, n)
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
		violationf("the outcome is %s, not %s", r.Outcome, want)
	}
	if want == job.Completed && c.NotAttempted > 0 {
		violationf("it is complete, and left %d out", c.NotAttempted)
	}
}

// checkPlan checks that candidates, kept accounts and refusals are those that follow
// from what the run was told.
func (run *programRun) checkPlan(violationf func(string, ...any)) {
	r, w := run.report, run.world
	if !r.Planned || run.misled || w.shiftedWithin(run) {
		return
	}
	pl := run.plan()
	if pl.vague {
		return
	}
	candidates, kept := pl.candidates, pl.kept
	for _, a := range r.Accounts.All() {
		if _, ok := candidates[a.ID]; !ok && a.Reason != job.InGrace {
			violationf("%q is among the candidates: %s", a.ID, run.view(a.ID))
		}
	}
	for id := range candidates {
		if !slices.ContainsFunc(r.Accounts.List(), func(a job.Account) bool { return a.ID == id }) {
			violationf("%q is not among the candidates", id)
		}
	}
	if r.Counts.Scanned != pl.scanned {
		violationf("it says that there are %d accounts, not %d", r.Counts.Scanned, pl.scanned)
	}
	again := map[string]int{}
	for _, a := range r.Accounts.All() {
		if a.Result == job.Kept && a.RemovableAt == nil {
			again[string(a.Reason)]++
		}
	}
	for reason, n := range r.Counts.Kept {
		if n-again[string(reason)] != kept[string(reason)] {
			violationf("it keeps %d as %s, not %d", n-again[string(reason)], reason, kept[string(reason)])
		}
	}
	var refusing []string
	for _, refusal := range r.Refusals {
		refusing = append(refusing, refusal.Guard)
	}
	want, doubts := run.policy.guards(len(candidates), pl, run.now)
	if !slices.Equal(refusing, want) {
		violationf("the guards %v refuse, not %v: %d of %d, %d active, the newest login at %v, %d of %d rows, the newest at %v",
			refusing, want, len(candidates), pl.scanned, pl.active, pl.newest, pl.matched, pl.rows, pl.newestRow)
	}
	var warned []string
	for _, w := range r.Warnings {
		if slices.Contains([]string{"require_active", "max_silence", "activity_file", "alive_in"}, w.Code) {
			warned = append(warned, w.Code)
		}
	}
	if !slices.Equal(warned, doubts) {
		violationf("it warns of %v, not of %v: %d candidates", warned, doubts, len(candidates))
	}
	due := map[string]int{}
	for _, a := range r.Accounts.All() {
		if a.RemovableAt != nil {
			due[a.RemovableAt.UTC().Format(time.DateOnly)]++
		}
	}
	foretold := 0
	for _, n := range due {
		refusing, _ := run.policy.guards(n, planModel{scanned: pl.scanned, active: 1, newest: run.now}, run.now)
		foretold += len(refusing)
	}
	for _, w := range r.Warnings {
		if w.Code == "grace_refusal" {
			foretold--
		}
	}
	if foretold != 0 {
		violationf("%d refusals at the end of a grace are not foretold: %v of %d", foretold, due, pl.scanned)
	}
	if len(refusing) > 0 && len(run.effects) > 0 {
		violationf("the guards refuse, and %v has happened", run.effects)
	}
}

// view describes what the run knows of an account, for messages.
func (run *programRun) view(id string) string {
	seen := run.accounts[id]
	if seen == nil {
		return "which the run has not read"
	}
	action, why := run.policy.decide(run.knowledge(seen.last, &run.told, true), run.self, run.now)
	return fmt.Sprintf("%+v: %s %s, at %v", run.knowledge(seen.last, &run.told, true), action, why, run.now)
}

// shiftedWithin reports whether the listing changed while the run read it.
func (w *world) shiftedWithin(run *programRun) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, moves := range w.shifts {
		if slices.ContainsFunc(moves, run.listedAt) {
			return true
		}
	}
	return false
}

// reusedWithin reports whether an id was given to another account while the run read
// the listing: as a cursor, it then points to another place.
func (w *world) reusedWithin(run *programRun) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.ContainsFunc(w.reused, run.listedAt)
}

// listedAt reports whether the run was reading the listing then.
func (run *programRun) listedAt(at time.Time) bool { return !at.Before(run.from) && !at.After(run.to) }

// checkJournal checks that the journal has one intent and one result for each account
// that the run tried to change.
func (run *programRun) checkJournal(violationf func(string, ...any)) {
	if run.noJournal {
		return
	}
	intents, results := map[string]int{}, map[string]job.Event{}
	for _, e := range run.events() {
		switch e.Event {
		case "intent":
			if intents[e.UserID]++; results[e.UserID].Event != "" {
				violationf("the journal has the result of %q before the intent", e.UserID)
			}
		case "result":
			results[e.UserID] = e
		}
	}
	for id := range intents {
		if intents[id] != 1 || results[id].Event == "" {
			violationf("the journal has %d intents of %q, and the result %q", intents[id], id, results[id].Result)
		}
	}
	for _, a := range run.report.Accounts.All() {
		seen := run.accounts[a.ID]
		if seen != nil && seen.tries > 0 && intents[a.ID] == 0 {
			violationf("the journal has no intent of %q", a.ID)
		}
		if e, ok := results[a.ID]; ok && e.Result != a.Result {
			violationf("the journal says %s of %q, the report %s", e.Result, a.ID, a.Result)
		}
	}
}

// checkSecrets checks that no output contains credentials, and that the log contains
// no names.
func (run *programRun) checkSecrets(violationf func(string, ...any)) {
	report, err := json.Marshal(run.report)
	if err != nil {
		violationf("the report is no JSON: %v", err)
	}
	journal, _ := json.Marshal(run.events())
	kept := map[string]string{"log": run.out.String(), "report": string(report), "journal": string(journal), "error": fmt.Sprint(run.report.Err)}
	for what, text := range kept {
		for _, secret := range []string{apiToken, password, basicAuth, "access-"} {
			if strings.Contains(text, secret) {
				violationf("%q is in the %s", secret, what)
			}
		}
	}
	if i := strings.Index(kept["log"], "@mail.test"); i >= 0 {
		violationf("an email is in the log: …%.60s", kept["log"][max(0, i-40):])
	}
}
