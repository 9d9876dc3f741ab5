package simulation

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/rs/zerolog"
	"github.com/tidwall/gjson"

	"dormant/client"
	"dormant/client/profile"
	"dormant/client/sandbox"
	"dormant/job"
)

// elsewherePrefix is where a story has its second directory, a Redmine, of which
// DORMANT_ALIVE_IN tells: it has some of the same people, by their usernames or addresses, and
// some others.
const elsewherePrefix = "/elsewhere"

// populateElsewhere gives a quarter of the stories a second directory. Its decisions are drawn
// apart, so that the other stories stay the same.
func (w *world) populateElsewhere(p policyModel, now time.Time) (err error) {
	r := w.chance("elsewhere")
	if r.IntN(4) > 0 {
		return nil
	}
	person := func(i int, username, address string) sandbox.User {
		u := sandbox.User{
			Username: username, Email: address, FirstName: "El", LastName: strconv.Itoa(i),
			Created: now.Add(-5000 * day).UTC().Truncate(time.Second), LastLogin: w.randomLogin(r, p, now),
		}
		if u.LastLogin.Before(u.Created) {
			u.LastLogin = time.Time{}
		}
		return u
	}
	users := []sandbox.User{person(0, "reader", "reader@else.test")}
	users[0].Admin = true
	for i, u := range w.dir.Users() {
		name, address := fmt.Sprintf("other-%d", i), fmt.Sprintf("other-%d@else.test", i)
		switch r.IntN(4) {
		case 0:
			continue
		case 1:
			name = "USER-" + strings.TrimPrefix(u.Username, "user-")
		case 2:
			address = strings.ToUpper(u.Email)
		}
		users = append(users, person(i+1, name, address))
	}
	seen := map[string]bool{}
	for i := range users { // names are unique there
		if seen[strings.ToLower(users[i].Username)] {
			users[i].Username = fmt.Sprintf("twin-%d", i)
		}
		seen[strings.ToLower(users[i].Username)] = true
	}
	w.elsewhere, err = sandbox.New(sandbox.Options{System: "redmine", Users: users, Seed: w.seed, Token: apiToken, Secret: password, PageLimit: 3 + r.IntN(20)})
	return err
}

// elsewhereTold is what a run was told by the second directory.
type elsewhereTold struct {
	pages    map[int]int // accounts on each page of the reading, by offset
	total    int
	complete bool      // one reading was
	ended    time.Time // the last one
	alive    int       // accounts other than the caller's in the first reading, used since the first cutoff
	newest   time.Time // use of the same accounts
}

// readsElsewhere makes the run one that judges by the second directory as well. The caller
// closes the client.
func (run *programRun) readsElsewhere(cleanup *job.Cleanup) (*client.Client, error) {
	w := run.world
	p, err := loadProfile("redmine")
	if err != nil {
		return nil, err
	}
	base, err := url.Parse(w.url + elsewherePrefix)
	if err != nil {
		return nil, err
	}
	c, err := client.New(client.Options{
		Profile: p, URL: base, Values: profile.Values{Token: apiToken}, ReadOnly: true, Timeout: 2*roundLength + roundLength/3,
		MaxRetries: run.retries, Connections: run.concurrency, UserAgent: run.id, Observer: w, Log: zerolog.New(&run.out),
	})
	if err == nil {
		cleanup.AliveIn = []job.Elsewhere{{Name: "elsewhere", Directory: c}}
	}
	return c, err
}

// serveElsewhere answers for the second directory, perhaps with a fault.
func (w *world) serveElsewhere(rw http.ResponseWriter, r *http.Request, q *request) {
	if q.method != http.MethodGet {
		w.violationf("elsewhere: %s %s is no read", q.method, q.uri)
	}
	if q.run == nil {
		w.violationf("elsewhere: %s comes from nobody", q.uri)
		panic(http.ErrAbortHandler)
	}
	killed := q.run.isKilled()
	if !killed {
		q.run.beginReadingElsewhere(q)
	}
	at := q.at.Truncate(roundLength).Add(roundLength + time.Duration(q.chance.Int64N(int64(answerWindow))))
	<-time.After(time.Until(at))
	if q.run.concurrency > 1 {
		rw.Header().Set("Connection", "close")
	}
	if killed || q.run.countRequest() && q.chance.IntN(2) == 0 {
		panic(http.ErrAbortHandler)
	}
	if q.chance.Float64() < w.events {
		w.logInElsewhere(q.chance)
	}
	recorder := httptest.NewRecorder()
	http.StripPrefix(elsewherePrefix, w.elsewhere).ServeHTTP(recorder, r)
	a := &answer{recorder.Code, recorder.Header(), recorder.Body.Bytes(), time.Now()}
	cut := false
	if q.chance.Float64() < w.faults {
		if cut = q.chance.IntN(2) == 0; !cut {
			a = &answer{[]int{500, 503, 401, 404}[q.chance.IntN(4)], http.Header{}, nil, time.Now()}
		}
	}
	w.tracef("run %d asks elsewhere for %s: %d (cut: %t)", q.run.number, q.uri, a.status, cut)
	if !cut {
		q.run.observeElsewhere(q, a)
	}
	a.send(rw, cut)
}

// logInElsewhere lets somebody log in there.
func (w *world) logInElsewhere(r *rand.Rand) {
	users := w.elsewhere.Users()
	u := users[r.IntN(len(users))]
	w.tracef("EVENT %q logs in elsewhere", u.Username)
	if err := w.elsewhere.Update(u.ID, func(u *sandbox.User) { u.LastLogin = time.Now().UTC().Truncate(time.Second) }); err != nil {
		w.violationf("event: %v", err)
	}
}

// beginReadingElsewhere forgets what the last reading had if the request begins a new one,
// which a run does only when it has planned.
func (run *programRun) beginReadingElsewhere(q *request) {
	if !strings.Contains(q.uri, "/users/current.json") { // who is calling is asked first
		return
	}
	run.mu.Lock()
	defer run.mu.Unlock()
	if run.elsewhere.complete && run.planned == nil {
		run.planned = run.told.clone()
	}
	run.elsewhere.pages, run.elsewhere.total = map[int]int{}, 0
}

// observeElsewhere records an answer of the second directory.
func (run *programRun) observeElsewhere(q *request, a *answer) {
	run.mu.Lock()
	defer run.mu.Unlock()
	body, e := gjson.ParseBytes(a.body), &run.elsewhere
	if run.killed || a.status != http.StatusOK || !body.Get("users").IsArray() {
		return
	}
	u, _ := url.Parse(q.uri)
	offset, _ := strconv.Atoi(u.Query().Get("offset"))
	if offset == 0 && !e.complete { // perhaps anew, because it changed: nothing of an earlier reading counts
		e.pages, e.alive, e.newest = map[int]int{}, 0, time.Time{}
	}
	_, again := e.pages[offset]
	e.pages[offset], e.total = len(body.Get("users").Array()), int(body.Get("total_count").Int())
	for _, item := range body.Get("users").Array() {
		at := jsonTime(item.Get("last_login_on"))
		if at.IsZero() || !plausible(at, run.now) {
			continue
		}
		for _, name := range []string{item.Get("login").Str, item.Get("mail").Str} {
			if name = strings.ToLower(name); at.After(run.told.elsewhere[name]) {
				run.told.elsewhere[name] = at
			}
		}
		if e.complete || again || item.Get("login").Str == "reader" {
			continue
		}
		if !at.Before(run.policy.firstCutoff(run.now)) {
			e.alive++
		}
		e.newest = later(e.newest, at)
	}
	found := 0
	for _, n := range e.pages {
		found += n
	}
	if found >= e.total {
		e.complete, e.ended = true, time.Now()
	}
}

// fromElsewhere adds what the second directory proves to what is known of an account.
func (run *programRun) fromElsewhere(t observation, e *evidence) observation {
	at := later(e.elsewhere[strings.ToLower(strings.TrimSpace(t.username))], e.elsewhere[strings.ToLower(strings.TrimSpace(t.email))])
	own := t.action.IsZero() || plausible(t.action, run.now)
	switch {
	case at.IsZero() || at.Before(run.policy.cutoff(run.now)):
	case own && at.After(t.action), !own && !at.Before(run.policy.firstCutoff(run.now)):
		t.action = at
	}
	return t
}

// elsewhereViolation says why the second directory forbids a change, or nothing.
func (run *programRun) elsewhereViolation(q *request) string {
	w := run.world
	if w.elsewhere == nil {
		return ""
	}
	if !run.elsewhere.complete {
		return "the second directory has not been read"
	}
	for _, seen := range run.accounts {
		if seen.tries > 0 {
			return "" // not the first change
		}
	}
	if age := q.at.Sub(run.elsewhere.ended); run.policy.recheck && w.faults == 0 && age > time.Minute+signInTime {
		return fmt.Sprintf("the second directory was read %v before the first change", age)
	}
	return ""
}
