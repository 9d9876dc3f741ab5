package sandbox

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// response is an answer before it is on its way.
type response struct {
	status int
	header http.Header
	body   []byte
}

// broken is the answer of a system whose file is wrong.
func broken(err error) response {
	header := http.Header{"Content-Type": {"text/plain; charset=utf-8"}}
	return response{http.StatusInternalServerError, header, []byte("the sandbox is wrong: " + err.Error())}
}

// What templates see beside the request.
type (
	// view is one account, as the caller sees it.
	view struct {
		*User
		*request
		Single bool // asked for alone, and not in a listing
	}

	// happening is an entry about an account.
	happening struct {
		view
		Kind  string
		At    time.Time
		entry Entry
	}

	// one is the body around a single account.
	one struct {
		*request
		User string // as JSON
	}

	// signIn is the body that brings a token.
	signIn struct {
		*request
		Token string
		Life  time.Duration
	}
)

// Entry is a text of the entry. The default is for one that it has not.
func (h happening) Entry(name string, or ...string) string { return member(h.entry.Fields, name, or) }

// respond renders an answer. Later headers replace earlier ones.
func (s *Server) respond(status int, body text, data any, headers ...map[string]text) response {
	r := response{status: status, header: http.Header{}}
	for _, some := range headers {
		for _, name := range slices.Sorted(maps.Keys(some)) {
			value, err := some[name].render(data)
			if err != nil {
				return broken(err)
			}
			r.header.Del(name)
			for line := range strings.Lines(value) {
				if line = strings.TrimSpace(line); line != "" {
					r.header.Add(name, line)
				}
			}
		}
	}
	if status == http.StatusNoContent {
		return r
	}
	if r.header.Get("Content-Type") == "" {
		r.header.Set("Content-Type", "application/json; charset=utf-8")
	}
	var err error
	if strings.Contains(r.header.Get("Content-Type"), "json") {
		r.body, err = body.renderJSON(data)
	} else {
		var plain string
		plain, err = body.render(data)
		r.body = []byte(plain)
	}
	if err != nil {
		return broken(err)
	}
	return r
}

// succeed is the answer that all is well.
func (s *Server) succeed(rt *route, data any) response {
	status := rt.Success
	if status == 0 {
		status = http.StatusOK
	}
	return s.respond(status, rt.Body, data, s.system.Headers, rt.Headers)
}

// answer does what a request asks for.
func (s *Server) answer(r *http.Request) response {
	q := s.read(r)
	q.parse()
	rt, known, err := s.find(q)
	switch {
	case err != nil:
		return broken(err)
	case rt == nil:
		return s.fail(q, nil, wrong{kind: kindPath})
	}
	switch w, err := s.stops(rt, q, known); {
	case err != nil:
		return broken(err)
	case w != nil:
		return s.fail(q, rt, *w)
	}
	switch rt.Does {
	case doesList, doesEvents:
		return s.list(rt, q)
	case doesSignIn:
		return s.signIn(rt, q)
	default:
		return s.act(rt, q)
	}
}

// find completes the request: who asks, and for what about whom. known tells
// whether the caller is let in.
func (s *Server) find(q *request) (rt *route, known bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	known = s.known(q.r)
	if known {
		q.Caller = s.caller()
	}
	for i := range s.system.Routes {
		rt = &s.system.Routes[i]
		values, ok := rt.Route.match(q.r)
		if !ok {
			continue
		}
		if rt.Does == doesSignIn {
			q.Caller = s.caller()
		}
		q.path = values
		s.meet(rt, q)
		if !rt.When.given() {
			return rt, known, nil
		}
		if holds, err := rt.When.holds(q); holds || err != nil {
			return rt, known, err
		}
	}
	return nil, known, nil
}

// meet notes the account that the request is about, as it is now, and reports
// whether there is one. The server's mutex is held.
func (s *Server) meet(rt *route, q *request) bool {
	q.Account, q.Self, q.LastAdmin = User{}, false, false
	var found *account
	if name := rt.Route.account(); name != "" {
		found = s.accounts.by(name, q.path[name])
	} else if rt.Does == doesSelf {
		found = s.accounts.byID[q.Caller.ID]
	}
	if found == nil {
		return false
	}
	q.Account = found.User
	q.Self = found.ID == q.Caller.ID
	q.LastAdmin = found.Admin && s.accounts.lastAdmin(found.ID)
	return true
}

// stops is what keeps a request from being looked at any closer, or nil.
func (s *Server) stops(rt *route, q *request, known bool) (*wrong, error) {
	if rt.Does != doesSignIn {
		switch {
		case !known && !rt.Anonymous:
			return &wrong{kind: kindToken}, nil
		case rt.Admin && !q.Caller.Admin:
			return &wrong{kind: kindForbidden}, nil
		}
		if w, err := lacks(q, s.system.Requires); w != nil || err != nil {
			return w, err
		}
	}
	if w, err := lacks(q, rt.Requires); w != nil || err != nil {
		return w, err
	}
	if w, err := refused(s.system.Refuse, q); w != nil || err != nil {
		return w, err
	}
	switch {
	case len(rt.Takes) > 0 && !slices.Contains(rt.Takes, q.media):
		return &wrong{kind: kindMedia}, nil
	case q.broken != "":
		return &wrong{kind: kindBody, detail: q.broken}, nil
	}
	return nil, nil
}

// refuses is what the route itself has against the request, or nil.
func (s *Server) refuses(rt *route, q *request) (*wrong, error) {
	why, err := rt.Wants.mismatch(q)
	switch {
	case err != nil:
		return nil, err
	case why != "":
		return &wrong{kind: kindBody, detail: why}, nil
	}
	return refused(rt.Refuse, q)
}

// act does what is about one account, or none.
func (s *Server) act(rt *route, q *request) response {
	s.mu.Lock()
	defer s.mu.Unlock()
	there := s.meet(rt, q)
	about := rt.Does == doesGet || rt.Does == doesRemove || rt.Does == doesUpdate
	if about && !there {
		return s.fail(q, rt, wrong{kind: kindNotFound})
	}
	switch w, err := s.refuses(rt, q); {
	case err != nil:
		return broken(err)
	case w != nil:
		return s.fail(q, rt, *w)
	}
	shown := q.Account
	switch rt.Does {
	case doesAnswer:
		return s.succeed(rt, q)
	case doesSelf:
		shown = q.Caller
	case doesRemove, doesUpdate:
		changed, err := s.change(rt, q)
		if err != nil {
			return s.fail(q, rt, wrong{kind: kindBody, detail: err.Error()})
		}
		shown = changed
	}
	item := s.system.User
	if rt.Item.given() {
		item = rt.Item
	}
	text, err := item.render(view{User: &shown, request: q, Single: true})
	switch {
	case err != nil:
		return broken(err)
	case strings.TrimSpace(text) == "" && (rt.Does == doesGet || rt.Does == doesSelf):
		return s.fail(q, rt, wrong{kind: kindNotFound, detail: "there is no such user that the caller may see"})
	}
	return s.succeed(rt, one{q, text})
}

// change does a removal or an update. The error is about a value that is none.
func (s *Server) change(rt *route, q *request) (User, error) {
	before := q.Account
	u := before.clone()
	for name, to := range rt.Set {
		value, err := to.render(q)
		if err != nil {
			return u, err
		}
		if flag := u.flag(name); flag != nil {
			if *flag, err = strconv.ParseBool(value); err != nil {
				return u, fmt.Errorf("%s is neither true nor false", name)
			}
			continue
		}
		if u.Fields == nil {
			u.Fields = map[string]string{}
		}
		u.Fields[name] = value
	}
	if rt.Does == doesRemove && len(rt.Set) == 0 {
		s.accounts.remove(u.ID)
	} else {
		s.accounts.replace(u)
	}
	if rt.Does == doesRemove && !slices.Contains(s.removed, u.ID) {
		s.removed = append(s.removed, u.ID)
	}
	if u.Disabled && !before.Disabled {
		s.disabled = append(s.disabled, u.ID)
	}
	return u, nil
}

func (s *Server) signIn(rt *route, q *request) response {
	if _, object := q.body.(map[string]any); !object {
		return s.fail(q, rt, wrong{kind: kindBody, detail: "the body is no JSON object"})
	}
	why, err := rt.Wants.mismatch(q)
	if err == nil && why == "" && rt.Assertion != nil {
		why, err = s.distrusts(rt, q)
	}
	if err != nil {
		return broken(err)
	}
	if why != "" {
		return s.fail(q, rt, wrong{kind: kindCredentials})
	}
	switch w, err := refused(rt.Refuse, q); {
	case err != nil:
		return broken(err)
	case w != nil:
		return s.fail(q, rt, *w)
	}
	s.mu.Lock()
	token := s.tokens.issue(rt.Life, q.Now)
	s.mu.Unlock()
	return s.succeed(rt, signIn{q, token, rt.Life})
}
