package client

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"hash/fnv"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"dormant/client/sandbox"
)

// What must never be seen anywhere but in requests to the directory.
const (
	simToken  = "tok-SIMULATED-4711"
	simSecret = "pass-SIMULATED-word"
)

var simBasic = base64.StdEncoding.EncodeToString([]byte(simCaller + ":" + simSecret))

// simCaller is the username of the account that the tokens belong to.
const simCaller = "caller"

// Time goes in rounds: what reaches the directory during one is answered in the
// next, at an instant that its text and its number decide. So the waits before
// retries, which are random, do not matter, everything that is on its way at the
// same time comes in an order that depends on the seed alone, and between each
// request and its answer there is room for events.
const (
	simRound = 4 * time.Second        // longer than the wait before a third retry
	simRush  = 500 * time.Millisecond // at the beginning of a round, when answers are given
)

// simWorld is a directory, those who change it, and the network in front of it.
type simWorld struct {
	t      *testing.T
	seed   uint64
	random *rand.Rand // of what is decided in the order of the story
	sys    *simSystem
	dir    *sandbox.Server
	caller string // its id, or nothing
	url    string
	dial   func(ctx context.Context, network, address string) (net.Conn, error)

	fixedToken bool // for all runs, and good for ever
	ledger     string
	said       map[string]bool   // who was named as unused, and when
	heirs      map[string]string // ledgers of runs that were killed, and what they left
	journal    string            // the one that the next run finds

	faults, events float64 // how likely they are at each request; 0 when all is calm

	pending sync.WaitGroup // requests that the directory has not done with

	mu      sync.Mutex
	runs    []*simRun
	came    map[string]int       // how often each request came
	shifted map[string]time.Time // when an account came, went, or moved in the listing
	stale   map[string]*simAnswer
	names   int // given so far
	trace   []string
	wrong   []string // what must not be
}

func newSimWorld(t *testing.T, seed uint64, sys *simSystem) *simWorld {
	w := &simWorld{
		t: t, seed: seed, random: rand.New(rand.NewPCG(seed, 1)), sys: sys,
		came: map[string]int{}, shifted: map[string]time.Time{}, stale: map[string]*simAnswer{},
		said: map[string]bool{}, heirs: map[string]string{},
	}
	return w
}

// say adds a line to the trace.
func (w *simWorld) say(format string, args ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.trace = append(w.trace, time.Now().Format("02 15:04:05.000 ")+fmt.Sprintf(format, args...))
}

// blame notes what must not be.
func (w *simWorld) blame(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	w.say("WRONG: %s", text)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.wrong = append(w.wrong, text)
}

// chance is random numbers that depend on the seed and these texts alone.
func (w *simWorld) chance(texts ...string) *rand.Rand {
	h := fnv.New64a()
	for _, text := range texts {
		h.Write(binary.BigEndian.AppendUint64([]byte(text), uint64(len(text))))
	}
	return rand.New(rand.NewPCG(w.seed, h.Sum64()))
}

// populate makes the directory. The ages are around what the policies ask for.
func (w *simWorld) populate(p simPolicy, now time.Time) error {
	r := w.random
	users := []sandbox.User{{Username: simCaller, Email: simCaller + "@mail.test", Admin: true, Created: now.Add(-1000 * simDay), LastLogin: now.Add(-500 * simDay)}}
	users[0].FirstName, users[0].LastName = "Call", "Er"
	if r.IntN(3) == 0 {
		users[0].LastLogin = now.Add(-time.Hour)
	}
	for range 5 + r.IntN(36) {
		users = append(users, w.person(r, p, now))
	}
	o := sandbox.Options{
		System: w.sys.name, Users: users, Seed: w.seed, Token: simToken, Secret: simSecret, WithLastLogin: r.IntN(2) == 0,
	}
	if w.sys.caller {
		o.Caller = simCaller
	}
	if w.sys.name != "keycloak" && r.IntN(2) == 0 { // which relies on getting as many as it asks for
		o.PageLimit = 2 + r.IntN(8)
	}
	var err error
	if w.dir, err = sandbox.New(o); err != nil {
		return err
	}
	if u, ok := w.dir.Find(simCaller); ok && w.sys.caller {
		w.caller = u.ID
	}
	return nil
}

// person is an account of some kind.
func (w *simWorld) person(r *rand.Rand, p simPolicy, now time.Time) sandbox.User {
	w.names++
	n := w.names
	u := sandbox.User{
		Username: fmt.Sprintf("user-%d", n), FirstName: "Jo", LastName: fmt.Sprintf("Doe %d", n), Email: fmt.Sprintf("user-%d@mail.test", n),
		LastLogin: w.age(r, p, now),
	}
	switch r.IntN(8) {
	case 0:
		u.Created = now.Add(-p.inactiveFor).Add(time.Duration(r.IntN(3)-1) * time.Second)
	case 1:
		u.Created = now.Add(-time.Duration(r.IntN(40)) * simDay)
	case 2:
		if slices.Contains([]string{"itflex", "redmine", "okta", "keycloak", "scim", "snipe-it"}, w.sys.name) {
			break // without one
		}
		fallthrough
	default:
		u.Created = now.Add(-time.Duration(700+r.IntN(2000)) * simDay)
	}
	u.Created = u.Created.UTC().Truncate(time.Second)
	u.Admin, u.Bot, u.Disabled, u.Owns = r.IntN(8) == 0, r.IntN(8) == 0, r.IntN(5) == 0, r.IntN(12) == 0
	if r.IntN(3) == 0 {
		u.LastAction = w.age(r, p, now)
	}
	for _, role := range []string{"Finance", "IT", "Staff"} {
		if r.IntN(3) == 0 {
			u.Roles = append(u.Roles, role)
		}
	}
	u.Hidden = slices.Contains([]string{"okta", "keycloak"}, w.sys.name) && r.IntN(10) == 0
	u.Fields = map[string]string{}
	switch {
	case w.sys.name == "keycloak" && r.IntN(10) == 0:
		u.Fields["offline"] = "app"
	case w.sys.name == "keycloak" && u.Bot:
		u.Username = "service-account-" + u.Username
	case w.sys.name == "grafana" && r.IntN(10) == 0:
		u.Fields["external"] = "true"
	case w.sys.name == "synapse" && r.IntN(10) == 0:
		u.Fields["appservice"] = "irc"
	}
	if w.sys.freeIDs && r.IntN(6) == 0 {
		ids := []string{"..", ".", "a/../%d", " blank-%d", "line\n%d", "a/b-%d", "%%2e%%2e-%d", "ü?%d", "x;y=%d", "a&b#%d", "/", "user/%d/", `back\%d`, "%d%%00"}
		id := ids[r.IntN(len(ids))]
		if strings.Contains(id, "%d") {
			id = fmt.Sprintf(id, n)
		}
		if !strings.Contains(id, strconv.Itoa(n)) {
			id += strings.Repeat("/.", n) // unique, and no better
		}
		u.ID = id
	}
	if slices.Contains([]string{"itflex", "maestro", "scim", "snipe-it"}, w.sys.name) && r.IntN(10) == 0 {
		u.Username = fmt.Sprintf("user-%d", 1+r.IntN(n)) // of another one
	}
	return u
}

// edges puts last logins and creations where a run that begins then draws its lines.
func (w *simWorld) edges(p simPolicy, now time.Time) {
	for _, u := range w.dir.Users() {
		if w.random.IntN(4) > 0 || u.ID == w.caller || u.LastLogin.IsZero() && u.Created.IsZero() {
			continue
		}
		at := now.Add(-p.inactiveFor)
		if p.disableAfter > 0 && w.random.IntN(2) == 0 {
			at = now.Add(-p.disableAfter)
		}
		at = at.Add(time.Duration(w.random.IntN(3)-1) * time.Second)
		err := w.dir.Update(u.ID, func(u *sandbox.User) {
			if u.LastLogin.IsZero() {
				u.Created = at
			} else {
				u.LastLogin = at
			}
		})
		if err != nil {
			w.blame("edges: %v", err)
		}
	}
}

// age is a last login: often one at which something changes.
func (w *simWorld) age(r *rand.Rand, p simPolicy, now time.Time) time.Time {
	at := now
	switch r.IntN(12) {
	case 0:
		return time.Time{}
	case 1, 2:
		at = now.Add(-p.inactiveFor).Add(time.Duration(r.IntN(3)-1) * time.Second)
	case 3:
		at = now.Add(-p.disableAfter).Add(time.Duration(r.IntN(3)-1) * time.Second)
	case 4:
		at = now.Add(-time.Duration(r.IntN(20)) * simDay)
	case 5:
		if r.IntN(4) == 0 {
			at = now.Add(time.Duration(r.IntN(3)) * simDay)
		}
	case 6:
		if r.IntN(4) == 0 {
			at = time.Date(1999, 12, 31, 0, 0, 0, 0, time.UTC)
		}
	default:
		at = now.Add(-time.Duration(20+r.IntN(800)) * simDay)
	}
	return at.UTC().Truncate(time.Second)
}

// happen lets somebody change the directory.
func (w *simWorld) happen(r *rand.Rand) {
	users := w.dir.Users()
	if len(users) == 0 {
		return
	}
	u := users[r.IntN(len(users))]
	now := time.Now().UTC()
	p := w.policy()
	update := func(what string, shifts bool, change func(*sandbox.User)) {
		w.say("EVENT %q %s", u.ID, what)
		if err := w.dir.Update(u.ID, change); err != nil {
			w.blame("event: %v", err)
		}
		if shifts {
			w.shift(u.ID)
		}
	}
	if u.ID == w.caller && r.IntN(10) > 0 {
		return
	}
	switch r.IntN(14) {
	case 0, 1, 2:
		update("logs in", false, func(u *sandbox.User) { u.LastLogin = now.Truncate(time.Second) })
	case 3:
		update("acts", false, func(u *sandbox.User) { u.LastAction = now.Truncate(time.Second) })
	case 4:
		if u.ID == w.caller {
			return
		}
		w.names++
		name := fmt.Sprintf("user-%d", w.names)
		update("is renamed "+name, true, func(u *sandbox.User) { u.Username = name })
	case 5, 6:
		if u.ID != w.caller {
			update("is promoted", false, func(u *sandbox.User) { u.Admin = true })
		}
	case 7:
		update("is an administrator no more", false, func(u *sandbox.User) { u.Admin = false })
	case 8:
		update("is a bot now", true, func(u *sandbox.User) { u.Bot = true })
	case 9:
		update("is disabled", true, func(u *sandbox.User) { u.Disabled = true })
	case 10:
		update("is enabled", true, func(u *sandbox.User) { u.Disabled = false })
	case 11:
		w.say("EVENT %q is deleted", u.ID)
		w.dir.Remove(u.ID)
		w.shift(u.ID)
		if u.ID != w.caller && w.sys.freeIDs && r.IntN(2) == 0 {
			again := w.person(r, p, now)
			again.ID, again.Created, again.LastLogin = u.ID, now.Truncate(time.Second), time.Time{}
			w.say("EVENT and its id given to another")
			_, _ = w.dir.Add(again)
		}
	case 12:
		added := w.person(r, p, now)
		if id, err := w.dir.Add(added); err == nil { // unless the id is taken
			w.say("EVENT %q is added", id)
			w.shift(id)
		}
	case 13:
		update("gets a role", false, func(u *sandbox.User) { u.Roles = append(u.Roles, "Finance") })
	}
}

func (w *simWorld) policy() simPolicy {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.runs[len(w.runs)-1].policy
}

func (w *simWorld) shift(id string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.shifted[id] = time.Now()
}

// shown reports whether a listing shows the account.
func (w *simWorld) shown(u sandbox.User) bool {
	switch w.sys.name {
	case "redmine":
		return !u.Disabled
	case "gitea", "grafana":
		return !u.Bot
	case "okta":
		return !u.Hidden && !u.Deactivated
	case "keycloak":
		return !u.Bot && !u.Hidden
	case "synapse", "snipe-it":
		return !u.Deactivated
	}
	return true
}

// simRequest is one that reached the directory.
type simRequest struct {
	run    *simRun // nil: nobody's
	kind   simKind
	whom   string
	method string
	uri    string
	body   []byte
	at     time.Time
	chance *rand.Rand
}

// simAnswer is what comes back.
type simAnswer struct {
	status int
	header http.Header
	body   []byte
}

// ServeHTTP is the network and the directory behind it.
func (w *simWorld) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	w.pending.Add(1)
	defer w.pending.Done()
	body, _ := io.ReadAll(r.Body)
	q := &simRequest{method: r.Method, uri: r.RequestURI, body: body, at: time.Now()}
	q.run = w.runOf(r.UserAgent())
	w.mu.Lock()
	identity := r.UserAgent() + " " + q.method + " " + q.uri + " " + string(body)
	w.came[identity]++
	q.chance = w.chance(identity, strconv.Itoa(w.came[identity]))
	first := w.came[identity] == 1
	w.mu.Unlock()

	path, inside := strings.CutPrefix(r.URL.EscapedPath(), "/prefix")
	var known bool
	if q.kind, q.whom, known = w.sys.route(q.method, path, r.URL.Query()); !inside || !known {
		w.blame("%s %s is nothing that anybody should ask for", q.method, q.uri)
	}
	if q.run == nil {
		w.blame("%s %s comes from nobody", q.method, q.uri)
		panic(http.ErrAbortHandler)
	}
	dead := q.run.isDead() // and what it would still do, it would not
	if !dead {
		q.run.sends(q, r)
	}
	fault := simNone
	if q.chance.Float64() < w.faults {
		fault = w.pick(q, first)
	}
	at := q.at.Truncate(simRound).Add(simRound + time.Duration(q.chance.Int64N(int64(simRush))))
	<-time.After(time.Until(at))
	if dead || q.run.reaches(q) && q.chance.IntN(2) == 0 { // killed while this was under way
		panic(http.ErrAbortHandler)
	}
	if q.chance.Float64() < w.events {
		w.happen(q.chance)
	}
	w.perform(rw, r, q, fault)
	if q.chance.Float64() < w.events {
		w.happen(q.chance)
	}
}

// act lets the directory do what the request asks for.
func (w *simWorld) act(r *http.Request, q *simRequest) *simAnswer {
	before := map[string]sandbox.User{}
	for _, u := range w.dir.Users() {
		before[u.ID] = u
	}
	again := r.Clone(r.Context())
	again.Body = io.NopCloser(bytes.NewReader(q.body))
	recorder := httptest.NewRecorder()
	http.StripPrefix("/prefix", w.dir).ServeHTTP(recorder, again)
	if q.method != http.MethodGet {
		w.notice(q, before)
	}
	return &simAnswer{recorder.Code, recorder.Header(), recorder.Body.Bytes()}
}

// notice finds out what a request has changed.
func (w *simWorld) notice(q *simRequest, before map[string]sandbox.User) {
	for id, was := range before {
		is, there := w.dir.User(id)
		switch {
		case !there, is.Deactivated && !was.Deactivated:
			w.shift(id)
			q.run.effect(id, simRemove, !there || w.sys.steps != 2)
			w.say("  run %d has removed %q (gone: %t)", q.run.number, id, !there)
		case is.Disabled && !was.Disabled:
			w.shift(id)
			q.run.effect(id, simDisable, true)
			w.say("  run %d has disabled %q", q.run.number, id)
		}
	}
}

func (w *simWorld) runOf(agent string) *simRun {
	w.mu.Lock()
	defer w.mu.Unlock()
	i := slices.IndexFunc(w.runs, func(r *simRun) bool { return r.id == agent })
	if i < 0 {
		return nil
	}
	return w.runs[i]
}

// send sends the answer, or half of it.
func (a *simAnswer) send(rw http.ResponseWriter, cut bool) {
	for name, values := range a.header {
		rw.Header()[name] = values
	}
	if a.status != http.StatusNoContent {
		rw.Header().Set("Content-Length", strconv.Itoa(len(a.body)))
	}
	if cut && len(a.body) == 0 {
		panic(http.ErrAbortHandler)
	}
	rw.WriteHeader(a.status)
	if !cut {
		_, _ = rw.Write(a.body)
		return
	}
	_, _ = rw.Write(a.body[:len(a.body)/2])
	_ = http.NewResponseController(rw).Flush()
	panic(http.ErrAbortHandler)
}

// withQuery is the request with other parameters.
func withQuery(r *http.Request, change func(url.Values)) *http.Request {
	again := r.Clone(r.Context())
	query := again.URL.Query()
	change(query)
	again.URL.RawQuery = query.Encode()
	return again
}
