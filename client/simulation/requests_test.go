package simulation

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/tidwall/gjson"

	"dormant/job"
)

// checkRequest checks the invariants on a request of the run when it arrives.
func (run *programRun) checkRequest(q *request, r *http.Request) {
	w := run.world
	for _, text := range []string{q.uri, string(q.body)} {
		for _, secret := range []string{apiToken, password, basicAuth} {
			if strings.Contains(text, secret) && q.kind != opSignIn {
				w.violationf("credentials are in a request that is no sign-in: %s %s", q.method, text)
			}
		}
	}
	_ = r
	run.mu.Lock()
	switch {
	case q.kind == opSignIn || q.kind == opSelf:
	case q.kind != opList && q.kind != opLog:
		if run.planned == nil { // what follows reads accounts alone
			run.planned = run.told.clone()
		}
	case run.planned == nil:
		if run.beginReading(q); run.planned == nil {
			run.pages[pageOf(q.uri)] = false // until an answer arrives
		}
	}
	q.reading = run.reading
	run.recordSearch(q)
	run.mu.Unlock()
	if q.kind == opRemove || q.kind == opDisable {
		if text := run.changeViolation(q); text != "" {
			w.violationf("run %d: %s %s: %s", run.number, q.kind, q.whom, text)
		}
	}
}

// recordSearch records whom the run looks for by this request, perhaps only by one that has
// to come first.
func (run *programRun) recordSearch(q *request) {
	switch q.kind {
	case opRemove, opDisable:
	case opList, opLog, opSelf, opSignIn:
		for _, seen := range run.accounts {
			seen.sought = true
		}
	default:
		if seen := run.byName(q.whom); seen != nil {
			seen.sought = true
		}
	}
}

// signInTime is how long a run may take to sign in anew between its look at an account
// and the request.
const signInTime = 3 * roundLength

// changeViolation says why the run must not send this request for a change, or nothing.
func (run *programRun) changeViolation(q *request) string {
	run.mu.Lock()
	defer run.mu.Unlock()
	w, p := run.world, run.policy
	if p.dryRun {
		return "in a dry run"
	}
	seen := run.byName(q.whom)
	if seen == nil {
		return "the run has not read such an account"
	}
	for page, answered := range run.pages {
		if !answered && run.concurrency == 1 { // concurrent runs request pages ahead that they may not need
			return "the listing has failed: " + page
		}
	}
	if missed := run.missingAccount(); missed != "" {
		return missed
	}
	if text := run.elsewhereViolation(q); text != "" {
		return text
	}
	id := seen.last.id
	if id == w.caller && (w.sys.self || len(p.actor) > 0) {
		return "it is the caller"
	}
	if !run.cancelled.IsZero() && q.at.After(run.cancelled) && seen.tries == 0 {
		return "the run was told to end before"
	}
	now := run.knowledge(seen.last, &run.told, true)
	planned, _ := run.plannedAs(seen)
	if same, _ := run.sameAsFound(planned); !same || isReplaced(planned, now, run.now) {
		now.warned = time.Time{}
	}
	action, why := p.decide(now, run.self, run.now)
	if action != q.kind {
		return fmt.Sprintf("it is to be kept, or something else is to be done (%s %s): %+v", action, why, now)
	}
	if p.recheck && w.sys.last != "" {
		need := seen.tries + 1
		if w.sys.details && seen.planned != nil {
			need++
		}
		before := q.at.Sub(seen.lookedAt)
		// Reading an account may end with the log of all accounts or with a new sign-in.
		before = min(before, q.at.Sub(run.signedIn), q.at.Sub(run.loggedAt))
		if age := seen.lookedAt.Sub(run.loggedAt); w.sys.logAgain && !run.loggedAt.IsZero() && age > time.Minute {
			return fmt.Sprintf("the log of all accounts was read %v before the account", age)
		}
		if seen.looks < need || before > time.Millisecond {
			return fmt.Sprintf("nobody has looked again: %d looks, %d tries, the last one %v before", seen.looks, seen.tries, q.at.Sub(seen.lookedAt))
		}
	}
	if age := min(q.at.Sub(run.to), q.at.Sub(run.relisted)); p.recheck && w.sys.relists && age > time.Minute+signInTime {
		return fmt.Sprintf("nobody has listed again for %v", age)
	}
	seen.tries++
	seen.asked[q.kind] = true
	if text := run.guardViolation(id, q.kind); text != "" {
		return text
	}
	return run.recordViolation(id, q.kind)
}

// guardViolation says which guard should have refused the change, or nothing.
func (run *programRun) guardViolation(id string, kind operation) string {
	touched := 0
	for _, seen := range run.accounts {
		if seen.tries > 0 {
			touched++
		}
	}
	pl := run.plan()
	if planned := pl.candidates[id]; planned != kind && !run.misled {
		return fmt.Sprintf("it was no candidate when the run planned: %q", planned)
	}
	if refusing, _ := run.policy.guards(max(1, touched), pl, run.now); len(refusing) > 0 {
		return fmt.Sprintf("against the guards %v, as number %d of %d", refusing, touched, pl.scanned)
	}
	if refusing, _ := run.policy.guards(len(pl.candidates), pl, run.now); len(refusing) > 0 && !run.misled && !pl.vague {
		return fmt.Sprintf("against the guards %v: %d candidates of %d, %d active, the newest login at %v", refusing, len(pl.candidates), pl.scanned, pl.active, pl.newest)
	}
	return ""
}

// recordViolation says which record of the intent is missing, or nothing.
func (run *programRun) recordViolation(id string, kind operation) string {
	if run.noJournal {
		if !slices.ContainsFunc(strings.Split(run.out.String(), "\n"), func(line string) bool {
			message := map[operation]string{opRemove: "removing account", opDisable: "disabling account"}[kind]
			return gjson.Get(line, "user_id").Str == id && gjson.Get(line, "message").Str == message
		}) {
			return "the log does not tell of it"
		}
		return ""
	}
	if !slices.ContainsFunc(run.events(), func(e job.Event) bool {
		return e.Event == "intent" && e.UserID == id && string(e.Action) == string(kind)
	}) {
		return "there is no intent in the journal"
	}
	return ""
}

// missingAccount says which account should have been in the listing the run received,
// or nothing.
func (run *programRun) missingAccount() string {
	if !run.listed {
		return "there is no listing"
	}
	w := run.world
	// Pages that are requested ahead may be dropped, and the total that they told.
	if n := len(run.accounts); n < run.total && run.concurrency == 1 && !run.misled {
		return fmt.Sprintf("the listing is not complete: it has %d accounts of %d", n, run.total)
	}
	if run.misled || run.cutShort || w.sys.shifts && w.shiftedWithin(run) || w.sys.cursors && w.reusedWithin(run) {
		return "" // undetectable for this system
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, u := range w.dir.Users() {
		if moves := w.shifts[u.ID]; len(moves) > 0 && !moves[len(moves)-1].Before(run.from) || !w.isListed(u) {
			continue
		}
		if run.accounts[u.ID] == nil {
			return fmt.Sprintf("the listing is not complete: %q is missing", u.ID)
		}
	}
	return ""
}

func (run *programRun) addEffect(id string, kind operation, all bool) {
	run.mu.Lock()
	defer run.mu.Unlock()
	run.effects = append(run.effects, effect{id, kind, all})
}

// endListingEarly records that the run receives a page that ends the listing, though
// there is more of it, and that no client can tell from the last one.
func (run *programRun) endListingEarly() {
	run.mu.Lock()
	defer run.mu.Unlock()
	run.cutShort = true
}

// listSince records that the run receives a page of the listing as it was then. No client
// can tell what has changed since.
func (run *programRun) listSince(at time.Time) {
	run.mu.Lock()
	defer run.mu.Unlock()
	if run.planned == nil && (run.from.IsZero() || at.Before(run.from)) {
		run.from = at
	}
}

// sendTwice records that the network sends a request of the run twice.
func (run *programRun) sendTwice(q *request) {
	run.mu.Lock()
	defer run.mu.Unlock()
	if seen := run.byName(q.whom); seen != nil && (q.kind == opRemove || q.kind == opDisable) {
		seen.duplicated = true
	}
}

// mislead records that the run receives a wrong answer that no client can detect.
func (run *programRun) mislead() {
	run.mu.Lock()
	defer run.mu.Unlock()
	run.misled = true
}
