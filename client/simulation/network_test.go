package simulation

import (
	"bytes"
	"context"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"dormant/client/sandbox"
)

// request is a request that the directory received.
type request struct {
	run    *programRun // nil: of no known run
	kind   operation
	whom   string
	method string
	uri    string
	body   []byte
	at     time.Time
	chance *rand.Rand

	reading int // of the listing, which a run may read anew

	waiting context.Context // is done when the run has hung up
}

// answer is the response to a request.
type answer struct {
	status int
	header http.Header
	body   []byte
	at     time.Time // when the directory gave it
}

// ServeHTTP checks what a run sends, waits for the round of the answer, and answers,
// perhaps with a fault and with events before and after.
func (w *world) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	w.pending.Add(1)
	defer w.pending.Done()
	body, _ := io.ReadAll(r.Body)
	q := &request{method: r.Method, uri: r.RequestURI, body: body, at: time.Now(), waiting: r.Context()}
	q.run = w.runOf(r.UserAgent())
	w.mu.Lock()
	identity := r.UserAgent() + " " + q.method + " " + q.uri + " " + string(body)
	w.arrivals[identity]++
	arrival := strconv.Itoa(w.arrivals[identity])
	q.chance = w.chance(identity, arrival)
	first := w.arrivals[identity] == 1
	w.mu.Unlock()

	if w.elsewhere != nil && strings.HasPrefix(r.URL.Path, elsewherePrefix+"/") {
		w.serveElsewhere(rw, r, q)
		return
	}
	path, inside := strings.CutPrefix(r.URL.EscapedPath(), "/prefix")
	var known bool
	if q.kind, q.whom, known = w.sys.route(q.method, path, r.URL.Query()); !inside || !known {
		w.violationf("%s %s is nothing that anybody should ask for", q.method, q.uri)
	}
	if q.run == nil {
		w.violationf("%s %s comes from nobody", q.method, q.uri)
		panic(http.ErrAbortHandler)
	}
	killed := q.run.isKilled() // a dead process sends nothing: ignore the request
	if !killed {
		q.run.checkRequest(q, r)
	}
	fault := noFault
	if q.chance.Float64() < w.faults {
		fault = w.pickFault(q, first)
	} else if w.chance("clock", identity, arrival).Float64() < w.faults/20 { // drawn apart, so that the other stories stay the same
		fault = wrongClock
	}
	at := q.at.Truncate(roundLength).Add(roundLength + time.Duration(q.chance.Int64N(int64(answerWindow))))
	<-time.After(time.Until(at))
	if q.run.concurrency > 1 { // which connection is used again would depend on the scheduler
		rw.Header().Set("Connection", "close")
	}
	if killed || q.run.countRequest() && q.chance.IntN(2) == 0 { // killed while the request was under way
		panic(http.ErrAbortHandler)
	}
	if q.chance.Float64() < w.events {
		w.randomEvent(q.chance)
	}
	w.respond(rw, r, q, fault)
	if q.chance.Float64() < w.events {
		w.randomEvent(q.chance)
	}
}

// act lets the directory carry the request out, and returns its true answer.
func (w *world) act(r *http.Request, q *request) *answer {
	before := map[string]sandbox.User{}
	if q.method != http.MethodGet {
		for _, u := range w.dir.Users() {
			before[u.ID] = u
		}
	}
	again := r.Clone(r.Context())
	again.Body = io.NopCloser(bytes.NewReader(q.body))
	recorder := httptest.NewRecorder()
	http.StripPrefix("/prefix", w.dir).ServeHTTP(recorder, again)
	if q.method != http.MethodGet {
		w.recordEffects(q, before)
	}
	return &answer{recorder.Code, recorder.Header(), recorder.Body.Bytes(), time.Now()}
}

// recordEffects records which accounts the request has removed or disabled.
func (w *world) recordEffects(q *request, before map[string]sandbox.User) {
	for id, was := range before {
		is, there := w.dir.User(id)
		switch {
		case !there, is.Deactivated && !was.Deactivated:
			w.markShifted(id)
			q.run.addEffect(id, opRemove, !there || w.sys.steps != 2)
			w.tracef("  run %d has removed %q (gone: %t)", q.run.number, id, !there)
		case is.Disabled && !was.Disabled:
			w.markShifted(id)
			q.run.addEffect(id, opDisable, true)
			w.tracef("  run %d has disabled %q", q.run.number, id)
		}
	}
}

func (w *world) runOf(agent string) *programRun {
	w.mu.Lock()
	defer w.mu.Unlock()
	i := slices.IndexFunc(w.runs, func(r *programRun) bool { return r.id == agent })
	if i < 0 {
		return nil
	}
	return w.runs[i]
}

// send sends the answer; cut sends half of it and breaks the connection.
func (a *answer) send(rw http.ResponseWriter, cut bool) {
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

// withQuery returns a copy of the request with a changed query.
func withQuery(r *http.Request, change func(url.Values)) *http.Request {
	again := r.Clone(r.Context())
	query := again.URL.Query()
	change(query)
	again.URL.RawQuery = query.Encode()
	return again
}
