package client

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/tidwall/gjson"

	"dormant/job"
)

// What follows is checked on the wire: what a run was told, and what it then
// asks for.

// hears notes what an answer tells the run, right before it is sent.
func (run *simRun) hears(q *simRequest, a *simAnswer) {
	run.mu.Lock()
	defer run.mu.Unlock()
	if run.dead {
		return
	}
	s, body := run.world.sys, gjson.ParseBytes(a.body)
	good := a.status == http.StatusOK && gjson.ValidBytes(a.body)
	switch q.kind {
	case simSelf:
		if good {
			t := s.read(body, true)
			run.self = []string{t.id, t.username, t.email, body.Get("user_id").Str, body.Get("sub").Str}
		}
	case simList, simLog:
		page := pageOf(q.uri)
		run.pages[page] = good && body.Get(s.itemsOf(q.kind)).IsArray()
		if q.kind == simLog && a.status == http.StatusNotFound && s.name == "itflex" && strings.Contains(q.uri, "cursor=0&") && run.loggedAt.IsZero() {
			run.pages[page] = true // it has no log
		}
		if run.pages[page] && (q.kind == simLog || !run.planned) {
			run.hearsPage(q, body)
		}
	case simGet, simRoles, simSearch, simSessions, simEvents, simConsents:
		run.hearsPart(q, a, body, good)
	case simRemove, simDisable:
		if seen := run.byName(q.whom); seen != nil {
			seen.saidGone = seen.saidGone || s.gone(a.status, body)
			if s.done(q.kind, a.status, body) && !strings.HasPrefix(string(a.body), "<") {
				seen.succeeded[q.kind] = true
			}
		}
	case simSignIn:
		run.signedIn = time.Now()
	}
}

// pageOf is the page that is asked for, whatever way it took.
func pageOf(uri string) string {
	u, err := url.Parse(uri)
	if err != nil {
		return uri
	}
	query := u.Query()
	query.Del("redirected")
	u.RawQuery = query.Encode()
	return u.String()
}

func (s *simSystem) itemsOf(kind simKind) string {
	if kind == simLog {
		return s.logItems
	}
	return s.items
}

// hearsPage is told a page of the listing, or of the log of all accounts.
func (run *simRun) hearsPage(q *simRequest, body gjson.Result) {
	s := run.world.sys
	if q.kind == simLog {
		run.loggedAt = time.Now()
		for _, item := range body.Get(s.logItems).Array() {
			id, at, _ := s.entry(item)
			if at.After(run.log[id]) {
				run.log[id] = at
			}
			if run.oldest.IsZero() || at.Before(run.oldest) {
				run.oldest = at
			}
		}
		return
	}
	if run.to = time.Now(); run.from.IsZero() {
		run.from = run.to
	}
	run.listed = true
	for _, item := range body.Get(s.items).Array() {
		t := s.read(item, false)
		run.meets(t)
		seen := run.seen[t.id]
		if seen == nil {
			seen = &simSeen{succeeded: map[simKind]bool{}, asked: map[simKind]bool{}}
			run.seen[t.id] = seen
		}
		seen.told, seen.last = &t, t
	}
}

// meets notes who goes by the names that rows of the file have.
func (run *simRun) meets(t simTold) {
	name := run.rowOf(t)
	if run.named[name] == nil {
		run.named[name] = map[string]bool{}
	}
	run.named[name][t.id] = true
}

func (run *simRun) rowOf(t simTold) string {
	return strings.ToLower(strings.TrimSpace(map[string]string{"id": t.id, "username": t.username, "email": t.email}[run.fileBy]))
}

// byName is the account that requests name like that.
func (run *simRun) byName(whom string) *simSeen {
	if !run.world.sys.byName {
		return run.seen[whom]
	}
	for _, seen := range run.seen {
		if seen.last.username == whom {
			return seen
		}
	}
	return nil
}

// hearsPart is told a part of one account.
func (run *simRun) hearsPart(q *simRequest, a *simAnswer, body gjson.Result, good bool) {
	s := run.world.sys
	if seen := run.byName(q.whom); seen != nil && s.gone(a.status, body) && q.kind == simGet {
		seen.saidGone = true
		if s.details && seen.looks == 0 {
			seen.goneThen = true
		}
		return
	}
	var complete []*simTold
	switch {
	case q.kind == simGet && good:
		t := s.read(body, true)
		if t.id == "" {
			return
		}
		if !s.byName && t.id != q.whom {
			return // and nothing may follow from it
		}
		run.open[t.id] = &t
		if s.last == simGet {
			complete = append(complete, &t)
		}
	case q.kind == simRoles && good && body.IsArray():
		if t := run.open[q.whom]; t != nil {
			t.admin = len(body.Array()) > 0
			complete = append(complete, t)
		}
	case q.kind == simSearch && good && body.Get("users").IsArray():
		for _, t := range run.open {
			if t.username != q.whom {
				continue
			}
			items := body.Get("users").Array()
			for _, item := range items {
				if item.Get("id").Raw == t.id {
					t.rfc3339(item.Get("lastSeenAt"))
				}
			}
			if t.pages == nil {
				t.pages = map[string]int{}
			}
			t.pages[pageOf(q.uri)] = len(items)
			found := 0
			for _, n := range t.pages {
				found += n
			}
			if len(items) == 0 || found >= int(body.Get("totalCount").Int()) {
				complete = append(complete, t)
			}
		}
	case (q.kind == simSessions || q.kind == simEvents) && good && body.IsArray():
		if t := run.open[q.whom]; t != nil {
			for _, item := range body.Array() {
				for _, path := range []string{"lastAccess", "start", "time"} {
					if v := item.Get(path); v.Exists() && !item.Get("error").Exists() && millis(v).After(t.action) {
						t.action = millis(v)
					}
				}
			}
		}
	case q.kind == simConsents && (good && body.IsArray() || a.status == http.StatusNotFound):
		if t := run.open[q.whom]; t != nil {
			run.offline[t.id] = strings.Contains(body.Raw, "Offline Token")
			complete = append(complete, t)
		}
	}
	for _, t := range complete {
		delete(run.open, t.id)
		run.meets(*t)
		seen := run.seen[t.id]
		if seen == nil {
			continue
		}
		seen.last, seen.lookedAt = *t, time.Now()
		if seen.looks++; seen.planned == nil {
			seen.planned = t
		}
	}
}

// known is what the run knows of an account, with all that it was told.
func (run *simRun) known(t simTold) simTold {
	s := run.world.sys
	t.warned = run.warned[t.id]
	at, logged := run.log[t.id]
	switch {
	case run.offline[t.id]:
		t.login = simUnknown
	case s.coverage == "" && logged:
		t.action = at
	case s.coverage == "log" && logged:
		t.login, t.at = simKnown, at
	case s.coverage == "log" && !run.oldest.IsZero():
		t.login, t.at, t.notAfter = simKnown, run.oldest, true
	}
	at, there := run.file[run.rowOf(t)]
	if !there || run.rowOf(t) == "" || at.IsZero() {
		return t
	}
	elsewhere := settled(simTold{login: simKnown, at: at, created: t.created}, run.now)
	here := settled(t, run.now)
	switch {
	case len(run.named[run.rowOf(t)]) > 1:
		t.login = simUnknown
	case elsewhere.login != simKnown, here.login == simUnknown:
	case here.login != simKnown, here.notAfter, at.After(here.at):
		t.login, t.at, t.notAfter = simKnown, at, false
	}
	return t
}

// plan is what the run was told when it planned: whom it may change, how many
// accounts there are, and how many of them are in use.
func (run *simRun) plan() (candidates map[string]simKind, kept map[string]int, scanned, active int) {
	candidates, kept = map[string]simKind{}, map[string]int{}
	for id, seen := range run.seen {
		t := seen.told
		if run.world.sys.details && seen.goneThen && seen.planned == nil {
			continue
		}
		if run.world.sys.details && seen.planned != nil {
			t = seen.planned
		}
		scanned++
		k := run.known(*t)
		if u := settled(k, run.now); u.login == simKnown && !u.notAfter && !u.at.Before(run.policy.firstCutoff(run.now)) &&
			!isOneOf(append(slices.Clone(run.self), run.policy.actor...), t.id, t.username, t.email) {
			active++
		}
		action, why := run.policy.decide(k, run.self, run.now)
		row := run.rowOf(*t)
		if _, inFile := run.file[row]; inFile && len(run.named[row]) > 1 && action != "" {
			action, why = "", "last_login_unknown"
		}
		if action == "" {
			kept[why]++
			continue
		}
		candidates[id] = action
	}
	return candidates, kept, scanned, active
}

// shared reports whether a row of the file is about two accounts. It tells of
// neither, but that shows only when the second one is read.
func (run *simRun) shared() bool {
	for name, ids := range run.named {
		if _, there := run.file[name]; there && len(ids) > 1 {
			return true
		}
	}
	return false
}

// sends is asked when a request of the run has come, before anything else is.
func (run *simRun) sends(q *simRequest, r *http.Request) {
	w := run.world
	for _, text := range []string{q.uri, string(q.body)} {
		for _, secret := range []string{simToken, simSecret, simBasic} {
			if strings.Contains(text, secret) && q.kind != simSignIn {
				w.blame("credentials are in a request that is no sign-in: %s %s", q.method, text)
			}
		}
	}
	_ = r
	run.mu.Lock()
	switch {
	case q.kind == simSignIn || q.kind == simSelf:
	case q.kind != simList && q.kind != simLog:
		run.planned = true // but for looks
	case !run.planned:
		run.pages[pageOf(q.uri)] = false // until it is answered
	}
	run.mu.Unlock()
	if q.kind == simRemove || q.kind == simDisable {
		if text := run.mayChange(q); text != "" {
			w.blame("run %d: %s %s: %s", run.number, q.kind, q.whom, text)
		}
	}
}

// mayChange says why the run may not send the request, or nothing.
func (run *simRun) mayChange(q *simRequest) string {
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
		if !answered && run.concurrency == 1 { // otherwise, pages are asked for that are not needed then
			return "the listing has failed: " + page
		}
	}
	if missed := run.missed(); missed != "" {
		return missed
	}
	id := seen.last.id
	if id == w.caller && (w.sys.self || len(p.actor) > 0) {
		return "it is the caller"
	}
	if !run.cancelled.IsZero() && q.at.After(run.cancelled) && seen.tries == 0 {
		return "the run was told to end before"
	}
	now := run.known(seen.last)
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
		// A look may end with the log of all, and a token may have come to its end.
		before = min(before, q.at.Sub(run.signedIn), q.at.Sub(run.loggedAt))
		if seen.looks < need || before > time.Millisecond {
			return fmt.Sprintf("nobody has looked again: %d looks, %d tries, the last one %v before", seen.looks, seen.tries, q.at.Sub(seen.lookedAt))
		}
	}
	seen.tries++
	seen.asked[q.kind] = true
	if text := run.guarded(id, q.kind); text != "" {
		return text
	}
	return run.recorded(id, q.kind)
}

// guarded says which guard should have refused the run.
func (run *simRun) guarded(id string, kind simKind) string {
	touched := 0
	for _, seen := range run.seen {
		if seen.tries > 0 {
			touched++
		}
	}
	candidates, _, scanned, active := run.plan()
	if planned := candidates[id]; planned != kind && !run.confused {
		return fmt.Sprintf("it was no candidate when the run planned: %q", planned)
	}
	if refusing := run.policy.guards(touched, scanned, active); len(refusing) > 0 {
		return fmt.Sprintf("against the guards %v, as number %d of %d", refusing, touched, scanned)
	}
	if refusing := run.policy.guards(len(candidates), scanned, active); len(refusing) > 0 && !run.confused {
		return fmt.Sprintf("against the guards %v: %d candidates of %d, %d active", refusing, len(candidates), scanned, active)
	}
	return ""
}

// recorded says what is missing on record.
func (run *simRun) recorded(id string, kind simKind) string {
	if run.noJournal {
		if !slices.ContainsFunc(strings.Split(run.out.String(), "\n"), func(line string) bool {
			message := map[simKind]string{simRemove: "removing account", simDisable: "disabling account"}[kind]
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

// missed says who was there all the time and is not in the listing.
func (run *simRun) missed() string {
	if !run.listed {
		return "there is no listing"
	}
	if run.confused {
		return ""
	}
	w := run.world
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, at := range w.shifted {
		if w.sys.shifts && !at.Before(run.from) && !at.After(run.to) {
			return "" // nobody could tell
		}
	}
	for _, u := range w.dir.Users() {
		if at, ok := w.shifted[u.ID]; ok && !at.Before(run.from) || !w.shown(u) {
			continue
		}
		if run.seen[u.ID] == nil {
			return fmt.Sprintf("the listing is not complete: %q is missing", u.ID)
		}
	}
	return ""
}

func (run *simRun) effect(id string, kind simKind, all bool) {
	run.mu.Lock()
	defer run.mu.Unlock()
	run.effects = append(run.effects, simEffect{id, kind, all})
}

// confuse notes that the run is told what it can't see through.
func (run *simRun) confuse() {
	run.mu.Lock()
	defer run.mu.Unlock()
	run.confused = true
}
