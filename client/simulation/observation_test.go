package simulation

import (
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tidwall/gjson"
)

// observe records what an answer tells the run, right before it is sent. An answer for
// which the run has stopped waiting tells it nothing, good or bad: a page that it has asked
// for stays unread until an answer arrives that it waits for.
func (run *programRun) observe(q *request, a *answer) {
	if q.waiting.Err() != nil {
		run.world.tracef("  run %d does not wait for it any more", run.number)
		return
	}
	run.mu.Lock()
	defer run.mu.Unlock()
	if run.killed {
		return
	}
	s, body := run.world.sys, gjson.ParseBytes(a.body)
	good := a.status == http.StatusOK && gjson.ValidBytes(a.body)
	switch q.kind {
	case opSelf:
		if good && run.self == nil { // a later answer only shows that the token is still good
			t := s.read(body, true)
			if self := []string{t.id, t.username, t.email, body.Get("user_id").Str, body.Get("sub").Str}; strings.Join(self, "") != "" {
				run.self = self
			}
		}
	case opList, opLog:
		page := pageOf(q.uri)
		items := body.Get(s.itemsOf(q.kind))
		empty := q.kind == opList && s.none != "" && !items.Exists() && body.Get(s.none).Exists()
		whole := good && (items.IsArray() || empty)
		if run.planned == nil {
			// Behind the last account there need not be a page.
			nothing := slices.Contains([]int{204, 400, 404, 416, 422}, a.status) ||
				a.status == 200 && slices.Contains([]string{"", "null"}, strings.TrimSpace(string(a.body)))
			behind := q.kind == opList && run.total > 0 && len(run.accounts) >= run.total && nothing
			run.pages[page] = whole || behind
		}
		if whole && run.planned != nil && q.kind == opList {
			run.pagesNow++
			run.observeListedAgain(page, items)
		}
		switch {
		case !whole:
		case q.kind == opLog, run.planned == nil && q.reading == run.reading:
			run.observePage(q, a, body)
		case run.planned != nil && s.relists:
			run.observeRelisting(body)
		}
	case opGet, opRoles, opSearch, opSessions, opEvents, opConsents:
		run.observePart(q, a, body, good)
	case opRemove, opDisable:
		if seen := run.byName(q.whom); seen != nil {
			seen.after, seen.sought = notSeen, false
			seen.saidGone = seen.saidGone || s.gone(a.status, body)
			seen.refused = seen.refused || s.refused(q.kind, a.status, body)
			seen.accepted = seen.accepted || a.status == http.StatusAccepted
			if s.done(q.kind, a.status, body) && !strings.HasPrefix(string(a.body), "<") {
				seen.succeeded[q.kind] = true
			}
		}
	case opSignIn:
		run.signedIn = time.Now()
	}
}

// pageOf identifies the page that is requested, without the trace of a redirect.
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

func (s *system) itemsOf(kind operation) string {
	if kind == opLog {
		return s.logItems
	}
	return s.items
}

// beginReading forgets what the listing said so far if the request is for its first page:
// a run that reads it anew must not use anything of an earlier reading. Where the listing
// stands in for the reading of one account, it may have been planned by then.
func (run *programRun) beginReading(q *request) {
	if q.kind != opList || run.first != "" && run.first != pageOf(q.uri) {
		return
	}
	switch {
	case !run.listed:
		run.attempts++
	case run.world.sys.relists && run.attempts == 1: // nothing that could contradict itself came before
		run.planned = run.told.clone()
		return
	default:
		run.attempts = 1
	}
	run.first = pageOf(q.uri)
	run.reading++
	run.listed, run.total, run.from, run.to = false, 0, time.Time{}, time.Time{}
	clear(run.accounts)
	clear(run.told.named)
	path, _, _ := strings.Cut(run.first, "?")
	maps.DeleteFunc(run.pages, func(page string, _ bool) bool { return strings.HasPrefix(page, path+"?") || page == path })
}

// observePage records a page of the listing, or of the log of all accounts.
func (run *programRun) observePage(q *request, a *answer, body gjson.Result) {
	s := run.world.sys
	if q.kind == opLog {
		run.loggedAt = time.Now()
		if run.firstLog == "" {
			run.firstLog = pageOf(q.uri)
		}
		if run.planned == nil && run.firstLog == pageOf(q.uri) { // perhaps anew: nothing of an earlier reading counts
			clear(run.told.log)
			run.told.oldest = time.Time{}
		}
		for _, item := range body.Get(s.logItems).Array() {
			id, at, _ := s.entry(item)
			if at.After(run.told.log[id]) {
				run.told.log[id] = at
			}
			if run.told.oldest.IsZero() || at.Before(run.told.oldest) {
				run.told.oldest = at
			}
		}
		return
	}
	if run.asksForLess(pageOf(q.uri)) {
		return
	}
	if run.to = time.Now(); run.from.IsZero() {
		run.from = run.to
	}
	run.listed = true
	if s.total != "" {
		told := body.Get(s.total).String()
		if header := a.header.Get(s.total); header != "" {
			told = header
		}
		n, _ := strconv.Atoi(told)
		run.total = max(run.total, n)
	}
	for _, item := range body.Get(s.items).Array() {
		t := s.read(item, false)
		run.recordNames(t)
		seen := run.accounts[t.id]
		if seen == nil {
			seen = &account{succeeded: map[operation]bool{}, asked: map[operation]bool{}}
			run.accounts[t.id] = seen
		}
		seen.listedAs, seen.last = &t, t
	}
}

// asksForLess reports whether the page is the first one once more, of a smaller size: that
// only shows whether a listing points on, and its accounts are not used.
func (run *programRun) asksForLess(page string) bool {
	first, err := url.Parse(run.first)
	again, errAgain := url.Parse(page)
	if err != nil || errAgain != nil || first.Path != again.Path {
		return false
	}
	smaller := 0
	was, is := first.Query(), again.Query()
	for name := range was {
		n, err := strconv.Atoi(was.Get(name))
		m, errAgain := strconv.Atoi(is.Get(name))
		switch {
		case was.Get(name) == is.Get(name):
		case err == nil && errAgain == nil && m < n:
			smaller++
		default:
			return false
		}
	}
	return smaller == 1 && len(is) == len(was)
}

// observeListedAgain records a page of the listing that shows at the end what has become of
// the accounts.
func (run *programRun) observeListedAgain(page string, items gjson.Result) {
	if page == run.first || run.listedAgain == nil {
		run.listedAgain = map[string]bool{}
	}
	for _, item := range items.Array() {
		run.listedAgain[run.world.sys.read(item, false).id] = true
	}
}

// observeRelisting records a listing, in one response, that the run reads again instead
// of one account: whom it does not have is gone.
func (run *programRun) observeRelisting(body gjson.Result) {
	run.relisted = time.Now()
	for _, seen := range run.accounts {
		seen.looksGone = true
	}
	for _, item := range body.Get(run.world.sys.items).Array() {
		t := run.world.sys.read(item, false)
		run.recordNames(t)
		if seen := run.accounts[t.id]; seen != nil {
			seen.last, seen.looksGone = t, false
		}
	}
	for _, seen := range run.accounts {
		seen.saidGone = seen.saidGone || seen.looksGone
	}
}

// byName returns the account that requests address by whom, or nil.
func (run *programRun) byName(whom string) *account {
	if !run.world.sys.byName {
		return run.accounts[whom]
	}
	for _, seen := range run.accounts {
		if seen.last.username == whom {
			return seen
		}
	}
	return nil
}

// observePart records an answer about one account alone.
func (run *programRun) observePart(q *request, a *answer, body gjson.Result, good bool) {
	s := run.world.sys
	if seen := run.byName(q.whom); seen != nil && s.gone(a.status, body) && q.kind == opGet {
		seen.saidGone, seen.looksGone = true, true
		if a.status == http.StatusOK || !strings.Contains(q.uri, "redirected=") { // a 404 behind a redirect may be about something else
			seen.after = seenGone
		}
		if s.details && seen.looks == 0 {
			seen.goneThen = true
		}
		return
	}
	var complete []*observation
	switch {
	case q.kind == opGet && good:
		t := s.read(body, true)
		if t.id == "" {
			return
		}
		if !s.byName && t.id != q.whom {
			return // another account: the run must not use it
		}
		// Of another account than the one that was asked for, the answer shows nothing.
		if seen := run.accounts[t.id]; seen != nil && (!s.byName || seen == run.byName(q.whom)) {
			if seen.after = seenThere; t.disabled {
				seen.after = seenDisabled
			}
		}
		t.alone.login, t.alone.at = t.login, t.at
		run.partial[t.id] = &t
		if s.last == opGet {
			complete = append(complete, &t)
		}
	case q.kind == opRoles && good && (body.IsArray() || body.IsObject()):
		if t := run.partial[q.whom]; t != nil {
			t.hidden = !body.IsArray() // without a list, nobody knows whether it has roles
			t.admin = !t.hidden && len(body.Array()) > 0
			complete = append(complete, t)
		}
	case q.kind == opSearch && good && body.Get(s.items).IsArray():
		complete = run.observeSearch(q, body)
	case (q.kind == opSessions || q.kind == opEvents) && good && (body.IsArray() || body.Get("rows").IsArray()):
		if t := run.partialOf(q.whom); t != nil {
			entries := body.Array()
			if body.IsObject() {
				entries = body.Get("rows").Array()
			}
			for _, item := range entries {
				t.observeEntry(item)
			}
			if q.kind == s.last {
				complete = append(complete, t)
			}
		}
	case q.kind == opConsents && good && body.IsArray():
		if t := run.partial[q.whom]; t != nil {
			t.hidden = strings.Contains(body.Raw, "Offline Token") // which may be in use
			complete = append(complete, t)
		}
	}
	if seen := run.byName(q.whom); len(complete) == 0 && q.kind == s.last && good && run.misled && seen != nil && seen.tries == seen.triesThen {
		seen.lookedAt = time.Now() // who asked for another account, and was told of this one, reads all of it as well
	}
	for _, t := range complete {
		delete(run.partial, t.id)
		run.recordNames(*t)
		seen := run.accounts[t.id]
		if seen == nil {
			continue
		}
		seen.last, seen.lookedAt, seen.looksGone, seen.triesThen = *t, time.Now(), false, seen.tries
		if seen.looks++; seen.planned == nil {
			seen.planned = t
		}
	}
}

// partialOf returns what has been read so far of the account that requests address by
// whom, or nil.
func (run *programRun) partialOf(whom string) *observation {
	if !run.world.sys.byName {
		return run.partial[whom]
	}
	for _, t := range run.partial {
		if t.username == whom {
			return t
		}
	}
	return nil
}

// observeEntry records what an entry about the account alone proves.
func (t *observation) observeEntry(item gjson.Result) {
	if item.Get("error").Exists() {
		return
	}
	for _, path := range []string{"act_user_id", "user.id", "created_by.id"} {
		if of := item.Get(path); of.Exists() && of.Raw != t.id {
			return // somebody else had the name then, or has it now
		}
	}
	if at := snipeTime(item.Get("created_at")); at.After(t.action) {
		t.action = at
	}
	for _, path := range []string{"lastAccess", "start", "time", "created", "last_used_at"} {
		v, at := item.Get(path), time.Time{}
		switch v.Type {
		case gjson.Number:
			at = unixTime(v)
		case gjson.String:
			at = jsonTime(v)
		default:
		}
		if !at.IsZero() && !plausible(at, time.Now()) {
			t.doubtful = at // keeps the account, and does not hide an entry of a plausible time
		} else if at.After(t.action) {
			t.action = at
		}
	}
}

// observeSearch records a page of the search for an account by its username, and
// returns which accounts have been read with it.
func (run *programRun) observeSearch(q *request, body gjson.Result) (complete []*observation) {
	s := run.world.sys
	items := body.Get(s.items).Array()
	read := func(t *observation) (all bool) {
		if strings.Contains(q.uri, "page=1&") || strings.Contains(q.uri, "from=0&") { // perhaps again: if the search has changed meanwhile
			t.pages, t.total = map[string]int{}, int(body.Get(s.total).Int())
			t.login, t.at = t.alone.login, t.alone.at
		}
		for _, item := range items {
			found := s.read(item, false)
			if found.id == t.id && (t.login != loginKnown || found.login == loginKnown && found.at.After(t.at)) {
				t.login, t.at = found.login, found.at
			}
		}
		t.pages[pageOf(q.uri)] = len(items)
		found := 0
		for _, n := range t.pages {
			found += n
		}
		return found >= t.total
	}
	for _, t := range run.partial {
		if t.username == q.whom && read(t) {
			complete = append(complete, t)
		}
	}
	if len(complete) > 0 {
		return complete
	}
	// What seemed to be all of the search need not have been: its pages were read at once
	// while it changed, and it is read again. And who asked for another account and was told
	// of this one searches for it as well. Without another request before, the later one counts.
	for _, seen := range run.accounts {
		if seen.looks == 0 || seen.tries != seen.triesThen || seen.last.username != q.whom || !read(&seen.last) {
			continue
		}
		seen.lookedAt = time.Now()
		if seen.looks == 1 && s.details {
			*seen.planned = seen.last
		}
	}
	return nil
}

// knowledge combines an answer about an account with other evidence: the log of all
// accounts, the activity file and the ledger.
func (run *programRun) knowledge(t observation, e *evidence, judged bool) observation {
	s := run.world.sys
	t.warned = run.remembered[t.id].Found
	at, logged := e.log[t.id]
	switch {
	case t.hidden:
		t.login = loginUnknown
	case s.coverage == "" && logged:
		t.action = at
	case s.coverage == "log" && logged:
		t.login, t.at = loginKnown, at
	}
	unreadable := false
	switch {
	case t.hidden, t.doubtful.IsZero():
	case t.action.IsZero(), t.login == loginKnown && !t.notAfter && plausible(t.at, run.now) && !t.at.Before(t.action):
		t.action = t.doubtful // only the last login can show that the account is in use
	default:
		t.login, t.absent, unreadable = loginUnknown, false, true // only the last activity can
	}
	if s.coverage == "log" && !logged && !t.hidden && !unreadable && !e.oldest.IsZero() {
		t.login, t.at, t.notAfter = loginKnown, e.oldest, true
	}
	return run.fromFile(run.recalled(run.fromElsewhere(t, e), judged), e)
}

// planModel is the plan that follows from what a run was told.
type planModel struct {
	candidates map[string]operation
	kept       map[string]int // by reason

	scanned, active int
	movedBack       int
	newest          time.Time // login of anybody but the caller; zero if none is known

	known map[string]string // the identity of each account
	vague bool              // it is not clear whether a grace is that of another account

	rows, matched int // of the activity file
	newestRow     time.Time

	elsewhere *elsewhereTold // nil: there is no second directory
}

// plan returns the plan that follows from what the run was told.
func (run *programRun) plan() planModel {
	pl := planModel{candidates: map[string]operation{}, kept: map[string]int{}, known: map[string]string{}, newestRow: run.fileNewest}
	for id, seen := range run.accounts {
		k, there := run.plannedAs(seen)
		if !there {
			continue
		}
		pl.scanned++
		if k.movedBack {
			pl.movedBack++
		}
		if u := effectiveLogin(k, run.now); u.login == loginKnown && !u.notAfter && !isOneOf(append(slices.Clone(run.self), run.policy.actor...), k.id, k.username, k.email) {
			if !u.at.Before(run.policy.firstCutoff(run.now)) {
				pl.active++
			}
			if u.at.After(pl.newest) {
				pl.newest = u.at
			}
		}
		pl.known[id] = run.identity(k)
		same, sure := run.sameAsFound(k)
		if pl.vague = pl.vague || !sure; !same {
			k.warned = time.Time{}
		}
		action, why := run.policy.decide(k, run.self, run.now)
		if action == "" {
			pl.kept[why]++
			continue
		}
		pl.candidates[id] = action
	}
	pl.matched, pl.rows = run.fileMatches(run.evidenceThen())
	if run.world.elsewhere != nil {
		pl.elsewhere = &run.elsewhere
	}
	return pl
}

// evidenceThen is the evidence that the plan follows from.
func (run *programRun) evidenceThen() *evidence {
	if run.planned == nil {
		return &run.told
	}
	return run.planned
}

// plannedAs returns what the run knew of the account when it planned, and whether it was
// there.
func (run *programRun) plannedAs(seen *account) (k observation, there bool) {
	t := seen.listedAs
	if run.world.sys.details {
		if seen.planned != nil {
			t = seen.planned
		} else if seen.goneThen {
			return observation{}, false
		}
	}
	return run.knowledge(*t, run.evidenceThen(), !run.world.sys.details || seen.planned != nil), true
}
