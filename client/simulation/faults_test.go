package simulation

import (
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/tidwall/gjson"
)

// fault is what goes wrong with a request. "Done" faults let the directory carry the
// request out; the others do not.
type fault string

const (
	noFault          fault = ""
	requestLost      fault = "dropped before it arrives"
	answerLost       fault = "done, answer lost"
	answerCut        fault = "done, answer cut"
	badGateway       fault = "done, and a gateway says 502"
	errorStatus      fault = "error"
	htmlPage         fault = "a page of HTML"
	htmlPageDone     fault = "done, and a page of HTML"
	rateLimited      fault = "too fast"
	unauthorized     fault = "401"
	tokensExpire     fault = "tokens expire"
	forbidden        fault = "403"
	notFound         fault = "404"
	duplicated       fault = "sent twice"
	doneLate         fault = "done when nobody waits any more"
	doneAfterTimeout fault = "done after the time-out"
	redirected       fault = "redirected"
	redirectedAway   fault = "redirected to another origin"
	foreignNextLink  fault = "the next page is at another origin"
	staleAnswer      fault = "an answer from before"
	wrongAnswer      fault = "another page, or somebody else"
	shortPage        fault = "a shorter page"
	truncatedBody    fault = "a document that ends early"
	emptyBody        fault = "an empty document"
	errorUnderOK     fault = "200, and an error in it"
	acceptedDone     fault = "done, and 202"
	acceptedNotDone  fault = "202, and not done"
	oddSuccess       fault = "done, and 203"
	oddNoSuccess     fault = "203, and not done"
	wrongClock       fault = "done, and the clock is days off"
)

var allFaults = []fault{
	requestLost, answerLost, answerCut, badGateway, errorStatus, errorStatus, htmlPage, htmlPageDone, rateLimited, rateLimited, unauthorized, tokensExpire,
	forbidden, notFound, duplicated, doneLate, doneAfterTimeout, redirected, redirectedAway, foreignNextLink, staleAnswer, wrongAnswer, shortPage, truncatedBody, emptyBody,
	errorUnderOK, acceptedDone, acceptedNotDone, oddSuccess, oddNoSuccess,
}

// pickFault picks a fault that can happen to the request. first says that the request
// came for the first time.
func (w *world) pickFault(q *request, first bool) fault {
	for range 20 {
		fault := allFaults[q.chance.IntN(len(allFaults))]
		reads := q.method == http.MethodGet
		switch fault {
		case doneAfterTimeout:
			if !first { // the time of its time-out depends on random waits before retries
				continue
			}
		case tokensExpire:
			if w.fixedToken { // the run could not get another
				continue
			}
		case staleAnswer:
			if !reads || w.earlierAnswer(q.uri) == nil {
				continue
			}
		case wrongAnswer:
			if !reads || w.earlierAnswer(string(q.kind)) == nil {
				continue
			}
		case shortPage:
			if q.kind != opList || w.sys.name == "keycloak" {
				continue
			}
		case foreignNextLink:
			if w.sys.name != "okta" || q.kind != opList {
				continue
			}
		case forbidden, notFound: // they make a run give up: not too often
			if q.chance.IntN(3) > 0 {
				continue
			}
		case truncatedBody, emptyBody:
			if !reads {
				continue
			}
		case errorUnderOK, acceptedDone, acceptedNotDone, oddSuccess, oddNoSuccess:
			if q.kind != opRemove && q.kind != opDisable {
				continue
			}
		default:
		}
		return fault
	}
	return noFault
}

func (w *world) earlierAnswer(what string) *answer {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.stale[what]
}

func (w *world) recordAnswer(q *request, a *answer) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.stale[q.uri], w.stale[string(q.kind)] = a, a
}

// portalPage is what a login portal in front of the directory answers.
var portalPage = &answer{
	status: 200, header: http.Header{"Content-Type": {"text/html"}}, body: []byte("<!doctype html><title>Welcome</title>"),
}

// respond carries the request out as the fault lets it, and answers.
func (w *world) respond(rw http.ResponseWriter, r *http.Request, q *request, fault fault) {
	line := fmt.Sprintf("run %d: %s %s", q.run.number, q.method, strings.TrimPrefix(q.uri, "/prefix"))
	if fault != noFault {
		line += " (" + string(fault) + ")"
	}
	w.tracef("%s", line)
	// deliver sends an answer, and records what the run learns from it.
	deliver := func(a *answer) {
		w.tracef("  → %d %.60s", a.status, a.body)
		q.run.observe(q, a)
		a.send(rw, false)
	}
	// lie sends an answer that the directory did not give.
	lie := func(status int, body string, headers ...string) {
		a := &answer{status: status, header: http.Header{}, body: []byte(body)}
		for i := 0; i < len(headers); i += 2 {
			a.header.Set(headers[i], headers[i+1])
		}
		deliver(a)
	}
	switch fault {
	case noFault, tokensExpire:
		if fault == tokensExpire {
			w.dir.ExpireTokens()
			if q.run.fixedToken { // there is no other token
				w.violationf("a fixed token expires")
			}
		}
		a := w.act(r, q)
		if q.method == http.MethodGet && a.status == http.StatusOK {
			w.recordAnswer(q, a)
		}
		deliver(a)
	case wrongClock: // a run must believe nothing that it reads then
		a := w.act(r, q)
		a.header.Set("Date", time.Now().Add(time.Duration(2-4*q.chance.IntN(2))*day).UTC().Format(http.TimeFormat))
		if q.kind != opRemove && q.kind != opDisable {
			w.tracef("  → %d, not to be believed", a.status)
			a.send(rw, false)
			return
		}
		deliver(a)
	case duplicated:
		q.run.sendTwice(q)
		w.act(r, q)
		deliver(w.act(r, q))
	case shortPage:
		deliver(w.act(withQuery(r, func(v url.Values) {
			for _, size := range []string{"size", "limit", "perpage", "count"} {
				if v.Has(size) {
					v.Set(size, "2")
				}
			}
		}), q))
	case requestLost:
		panic(http.ErrAbortHandler)
	case answerLost:
		w.act(r, q)
		panic(http.ErrAbortHandler)
	case answerCut:
		a := w.act(r, q)
		if len(a.body) == 0 {
			panic(http.ErrAbortHandler)
		}
		if q.method != http.MethodGet || a.status != http.StatusOK { // a broken answer to a change still shows its beginning
			half := *a
			half.body = half.body[:len(half.body)/2]
			q.run.observe(q, &half)
		}
		w.tracef("  → %d and half of it", a.status)
		a.send(rw, true)
	case badGateway:
		w.act(r, q)
		lie(http.StatusBadGateway, "<html>bad gateway</html>")
	case errorStatus:
		status := []int{500, 502, 503, 504, 408, 418, 400}[q.chance.IntN(7)]
		switch q.chance.IntN(3) {
		case 0:
			lie(status, `{"error":"it went wrong"}`)
		case 1: // some servers repeat what they received
			echo := fmt.Sprintf("%v %v %s", r.Header["Authorization"], r.Header["X-Redmine-Api-Key"], q.body)
			lie(status, `{"error": `+string(gjson.AppendJSONString(nil, echo))+`}`)
		case 2:
			lie(status, "", "Retry-After", strconv.Itoa(q.chance.IntN(40)))
		}
	case htmlPage:
		deliver(portalPage)
	case htmlPageDone:
		w.act(r, q)
		deliver(portalPage)
	case rateLimited:
		switch q.chance.IntN(3) {
		case 0:
			lie(429, "")
		case 1:
			lie(429, "", "Retry-After", strconv.Itoa(q.chance.IntN(50)))
		case 2:
			lie(429, "{}", "Retry-After", time.Now().Add(20*time.Second).UTC().Format(http.TimeFormat))
		}
	case unauthorized:
		lie(401, `{"message":"who are you"}`)
	case forbidden:
		lie(403, `{"message":"no"}`)
	case notFound:
		lie(404, `{"message":"not here"}`)
	case doneLate, doneAfterTimeout:
		wait := 3 * roundLength
		if fault == doneLate {
			conn, _, err := http.NewResponseController(rw).Hijack()
			if err != nil {
				w.violationf("hang up: %v", err)
				return
			}
			conn.Close()
		}
		<-time.After(wait)
		w.tracef("late: %s", line)
		w.act(r, q)
		if fault == doneAfterTimeout {
			panic(http.ErrAbortHandler)
		}
	case redirected, redirectedAway:
		to := "/prefix" + r.URL.EscapedPath()[len("/prefix"):]
		query := r.URL.Query()
		query.Set("redirected", strconv.Itoa(q.chance.IntN(1000)))
		to += "?" + query.Encode()
		if fault == redirectedAway {
			to = []string{"http://evil.test", "http://127.0.0.1:8", "https://127.0.0.1:7"}[q.chance.IntN(3)] + to
		}
		lie([]int{301, 302, 303, 307, 308}[q.chance.IntN(5)], "", "Location", to)
	case foreignNextLink:
		a := w.act(r, q)
		for i, link := range a.header["Link"] {
			a.header["Link"][i] = strings.ReplaceAll(link, w.url, "http://evil.test")
		}
		w.tracef("  → %d with a link away", a.status)
		q.run.observe(q, a)
		a.send(rw, false)
	case staleAnswer:
		w.act(r, q)
		earlier := w.earlierAnswer(q.uri)
		if q.kind == opList {
			q.run.listSince(earlier.at)
		}
		deliver(earlier)
	case wrongAnswer:
		w.act(r, q)
		q.run.mislead()
		deliver(w.earlierAnswer(string(q.kind)))
	case truncatedBody:
		a := w.act(r, q)
		a.body = a.body[:len(a.body)/2]
		a.status = http.StatusOK
		w.tracef("  → half of it")
		a.send(rw, false)
	case errorUnderOK:
		lie(200, `{"error":"Access denied"}`)
	case acceptedDone, acceptedNotDone, oddSuccess, oddNoSuccess:
		if fault == acceptedDone || fault == oddSuccess {
			w.act(r, q)
		}
		status := http.StatusAccepted
		if fault == oddSuccess || fault == oddNoSuccess {
			status = http.StatusNonAuthoritativeInfo
		}
		lie(status, "{}")
	case emptyBody:
		body := []string{"{}", "[]", "null", ""}[q.chance.IntN(4)]
		if q.kind == opList && body == "[]" && w.sys.endsWithEmptyPage() {
			q.run.endListingEarly()
		}
		lie(200, body)
	}
}
