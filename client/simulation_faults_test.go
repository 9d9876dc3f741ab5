package client

import (
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/tidwall/gjson"
)

// simFault is what goes wrong with a request.
type simFault string

const (
	simNone       simFault = ""
	simDropped    simFault = "dropped before it arrives"
	simLost       simFault = "done, answer lost"
	simCut        simFault = "done, answer cut"
	simGateway    simFault = "done, and a gateway says 502"
	simError      simFault = "error"
	simPage       simFault = "a page of HTML"
	simPageDone   simFault = "done, and a page of HTML"
	simTooFast    simFault = "too fast"
	simStranger   simFault = "401"
	simExpired    simFault = "tokens expire"
	simForbidden  simFault = "403"
	simMissing    simFault = "404"
	simTwice      simFault = "sent twice"
	simLate       simFault = "done when nobody waits any more"
	simSlow       simFault = "done after the time-out"
	simAside      simFault = "redirected"
	simAway       simFault = "redirected to another origin"
	simAwayLink   simFault = "the next page is at another origin"
	simStale      simFault = "an answer from before"
	simOther      simFault = "another page, or somebody else"
	simShort      simFault = "a shorter page"
	simTruncated  simFault = "a document that ends early"
	simEmptyThing simFault = "an empty document"
)

var simFaults = []simFault{
	simDropped, simLost, simCut, simGateway, simError, simError, simPage, simPageDone, simTooFast, simTooFast, simStranger, simExpired,
	simForbidden, simMissing, simTwice, simLate, simSlow, simAside, simAway, simAwayLink, simStale, simOther, simShort, simTruncated, simEmptyThing,
}

// pick picks a fault that can happen to the request.
func (w *simWorld) pick(q *simRequest, first bool) simFault {
	for range 20 {
		fault := simFaults[q.chance.IntN(len(simFaults))]
		reads := q.method == http.MethodGet
		switch fault {
		case simSlow:
			if !first { // whose time-out would come at a time that the waits before retries decide
				continue
			}
		case simExpired:
			if w.fixedToken { // it would be for good
				continue
			}
		case simStale:
			if !reads || w.recorded(q.uri) == nil {
				continue
			}
		case simOther:
			if !reads || w.recorded(string(q.kind)) == nil {
				continue
			}
		case simShort:
			if q.kind != simList || w.sys.name == "keycloak" {
				continue
			}
		case simAwayLink:
			if w.sys.name != "okta" || q.kind != simList {
				continue
			}
		case simForbidden, simMissing: // lies; some of them
			if q.chance.IntN(3) > 0 {
				continue
			}
		case simTruncated, simEmptyThing:
			if !reads {
				continue
			}
		default:
		}
		return fault
	}
	return simNone
}

func (w *simWorld) recorded(what string) *simAnswer {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.stale[what]
}

func (w *simWorld) record(q *simRequest, a *simAnswer) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.stale[q.uri], w.stale[string(q.kind)] = a, a
}

// simHTML is what a portal answers.
var simHTML = &simAnswer{200, http.Header{"Content-Type": {"text/html"}}, []byte("<!doctype html><title>Welcome</title>")}

// perform does what is asked, with what goes wrong, and answers.
func (w *simWorld) perform(rw http.ResponseWriter, r *http.Request, q *simRequest, fault simFault) {
	line := fmt.Sprintf("run %d: %s %s", q.run.number, q.method, strings.TrimPrefix(q.uri, "/prefix"))
	if fault != simNone {
		line += " (" + string(fault) + ")"
	}
	w.say("%s", line)
	// deliver sends an answer that says what the directory says.
	deliver := func(a *simAnswer) {
		w.say("  → %d %.60s", a.status, a.body)
		q.run.hears(q, a)
		a.send(rw, false)
	}
	// lie sends one that does not.
	lie := func(status int, body string, headers ...string) {
		a := &simAnswer{status, http.Header{}, []byte(body)}
		for i := 0; i < len(headers); i += 2 {
			a.header.Set(headers[i], headers[i+1])
		}
		deliver(a)
	}
	switch fault {
	case simNone, simExpired:
		if fault == simExpired {
			w.dir.ExpireTokens()
			if q.run.fixedToken { // there is no other
				w.blame("a fixed token expires")
			}
		}
		a := w.act(r, q)
		if q.method == http.MethodGet && a.status == http.StatusOK {
			w.record(q, a)
		}
		deliver(a)
	case simTwice:
		w.act(r, q)
		deliver(w.act(r, q))
	case simShort:
		deliver(w.act(withQuery(r, func(v url.Values) {
			for _, size := range []string{"size", "limit", "perpage", "count"} {
				if v.Has(size) {
					v.Set(size, "2")
				}
			}
		}), q))
	case simDropped:
		panic(http.ErrAbortHandler)
	case simLost:
		w.act(r, q)
		panic(http.ErrAbortHandler)
	case simCut:
		a := w.act(r, q)
		if len(a.body) == 0 {
			panic(http.ErrAbortHandler)
		}
		if q.method != http.MethodGet || a.status != http.StatusOK { // then the beginning says enough
			half := *a
			half.body = half.body[:len(half.body)/2]
			q.run.hears(q, &half)
		}
		w.say("  → %d and half of it", a.status)
		a.send(rw, true)
	case simGateway:
		w.act(r, q)
		lie(http.StatusBadGateway, "<html>bad gateway</html>")
	case simError:
		status := []int{500, 502, 503, 504, 408, 418, 400}[q.chance.IntN(7)]
		switch q.chance.IntN(3) {
		case 0:
			lie(status, `{"error":"it went wrong"}`)
		case 1: // some show what they were sent
			echo := fmt.Sprintf("%v %v %s", r.Header["Authorization"], r.Header["X-Redmine-Api-Key"], q.body)
			lie(status, `{"error": `+string(gjson.AppendJSONString(nil, echo))+`}`)
		case 2:
			lie(status, "", "Retry-After", strconv.Itoa(q.chance.IntN(40)))
		}
	case simPage:
		deliver(simHTML)
	case simPageDone:
		w.act(r, q)
		deliver(simHTML)
	case simTooFast:
		switch q.chance.IntN(3) {
		case 0:
			lie(429, "")
		case 1:
			lie(429, "", "Retry-After", strconv.Itoa(q.chance.IntN(50)))
		case 2:
			lie(429, "{}", "Retry-After", time.Now().Add(20*time.Second).UTC().Format(http.TimeFormat))
		}
	case simStranger:
		lie(401, `{"message":"who are you"}`)
	case simForbidden:
		lie(403, `{"message":"no"}`)
	case simMissing:
		lie(404, `{"message":"not here"}`)
	case simLate, simSlow:
		wait := 3 * simRound
		if fault == simLate {
			conn, _, err := http.NewResponseController(rw).Hijack()
			if err != nil {
				w.blame("hang up: %v", err)
				return
			}
			conn.Close()
		}
		<-time.After(wait)
		w.say("late: %s", line)
		w.act(r, q)
		if fault == simSlow {
			panic(http.ErrAbortHandler)
		}
	case simAside, simAway:
		to := "/prefix" + r.URL.EscapedPath()[len("/prefix"):]
		query := r.URL.Query()
		query.Set("redirected", strconv.Itoa(q.chance.IntN(1000)))
		to += "?" + query.Encode()
		if fault == simAway {
			to = []string{"http://evil.test", "http://127.0.0.1:8", "https://127.0.0.1:7"}[q.chance.IntN(3)] + to
		}
		lie([]int{301, 302, 303, 307, 308}[q.chance.IntN(5)], "", "Location", to)
	case simAwayLink:
		a := w.act(r, q)
		for i, link := range a.header["Link"] {
			a.header["Link"][i] = strings.ReplaceAll(link, w.url, "http://evil.test")
		}
		w.say("  → %d with a link away", a.status)
		q.run.hears(q, a)
		a.send(rw, false)
	case simStale:
		w.act(r, q)
		deliver(w.recorded(q.uri))
	case simOther:
		w.act(r, q)
		q.run.confuse()
		deliver(w.recorded(string(q.kind)))
	case simTruncated:
		a := w.act(r, q)
		a.body = a.body[:len(a.body)/2]
		a.status = http.StatusOK
		w.say("  → half of it")
		a.send(rw, false)
	case simEmptyThing:
		lie(200, []string{"{}", "[]", "null", ""}[q.chance.IntN(4)])
	}
}
