package sandbox

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"time"
)

// response is an answer before it is on its way.
type response struct {
	status    int
	challenge string
	wait      string // Retry-After
	body      []byte
}

// What templates see.
type (
	// view is one account, as the caller sees it.
	view struct {
		User
		Caller        User // zero without a token
		Single        bool // asked for alone, and not in a listing
		WithLastLogin bool
	}

	// one is the body around a single account.
	one struct {
		User string // as JSON
	}

	// signIn is the body that asks for a token, and the one that brings it.
	signIn struct {
		Caller User
		Secret string
		Token  string
		Life   time.Duration
	}

	// problem is an error.
	problem struct {
		Status        int
		Text, Message string
	}
)

// fail is the answer that something is wrong.
func (s *Server) fail(status int, message string) response {
	p := problem{Status: status, Text: http.StatusText(status), Message: message}
	body, err := s.system.Error.renderJSON(p)
	if err != nil {
		return response{status: http.StatusInternalServerError, body: []byte(err.Error())}
	}
	r := response{status: status, body: body}
	if status == http.StatusUnauthorized {
		r.challenge = s.system.Challenge
	}
	return r
}

// succeed is the answer that all is well.
func (s *Server) succeed(rt *route, data any) response {
	body, err := rt.Body.renderJSON(data)
	if err != nil {
		return s.fail(http.StatusInternalServerError, err.Error())
	}
	if rt.Success == 0 {
		return response{status: http.StatusOK, body: body}
	}
	return response{status: rt.Success, body: body}
}

// answer does what a request asks for.
func (s *Server) answer(r *http.Request) response {
	rt, values := s.system.match(r)
	if rt == nil {
		return s.fail(http.StatusNotFound, "there is no such path")
	}
	if rt.Does == doesSignIn {
		return s.signIn(rt, r)
	}
	s.mu.Lock()
	known := s.known(r)
	caller := User{}
	if known {
		caller = s.caller()
	}
	s.mu.Unlock()
	switch {
	case !known && !rt.Anonymous:
		return s.fail(http.StatusUnauthorized, "the token is missing, invalid or expired")
	case rt.Admin && !caller.Admin:
		return s.fail(http.StatusForbidden, "only for administrators")
	case rt.Requires != "" && strings.TrimSpace(r.Header.Get(rt.Requires)) == "":
		return s.fail(http.StatusBadRequest, "the header "+rt.Requires+" is missing or empty")
	}
	switch rt.Does {
	case doesList:
		return s.list(rt, r, caller, s.system.User, rt.Status.lists(r.URL.Query()))
	case doesEvents:
		return s.list(rt, r, caller, s.system.Event, func(a *account) bool { return !a.LastAction.IsZero() })
	case doesSelf:
		return s.get(rt, caller.ID, caller)
	case doesGet:
		return s.get(rt, values["id"], caller)
	default:
		return s.remove(rt, values["id"], caller)
	}
}

// list shows a page of the accounts that are among those to show.
func (s *Server) list(rt *route, r *http.Request, caller User, item text, among func(*account) bool) response {
	var found []*account
	var keys []int
	s.mu.Lock()
	for _, a := range s.accounts.list {
		if among(a) {
			found, keys = append(found, a), append(keys, a.key)
		}
	}
	s.mu.Unlock()
	paging := rt.Paging
	if s.options.PageLimit > 0 {
		paging.Max = min(paging.Max, s.options.PageLimit)
	}
	p, err := paging.cut(r.URL.Query(), keys)
	if errors.Is(err, errCursor) {
		return s.fail(http.StatusBadRequest, err.Error())
	}
	var items []string
	for _, a := range found[min(p.Offset, p.end):p.end] {
		text, err := item.render(s.view(a.User, caller, false))
		if err != nil {
			return s.fail(http.StatusInternalServerError, err.Error())
		}
		if strings.TrimSpace(text) != "" {
			items = append(items, text)
		}
	}
	p.Items = "[" + strings.Join(items, ",") + "]"
	return s.succeed(rt, p)
}

func (s *Server) get(rt *route, id string, caller User) response {
	u, ok := s.User(id)
	if !ok {
		return s.fail(http.StatusNotFound, "there is no such user")
	}
	text, err := s.system.User.render(s.view(u, caller, true))
	switch {
	case err != nil:
		return s.fail(http.StatusInternalServerError, err.Error())
	case strings.TrimSpace(text) == "":
		return s.fail(http.StatusNotFound, "there is no such user that the caller may see")
	}
	return s.succeed(rt, one{text})
}

func (s *Server) remove(rt *route, id string, caller User) response {
	s.mu.Lock()
	defer s.mu.Unlock()
	if rt.LastAdmin != 0 && id == caller.ID && s.accounts.lastAdmin(id) {
		return s.fail(rt.LastAdmin, "this is the last administrator")
	}
	if !s.accounts.remove(id) {
		return s.fail(http.StatusNotFound, "there is no such user")
	}
	s.removed = append(s.removed, id)
	return s.succeed(rt, nil)
}

func (s *Server) signIn(rt *route, r *http.Request) response {
	var given map[string]any
	if err := json.NewDecoder(io.LimitReader(r.Body, 1<<16)).Decode(&given); err != nil {
		return s.fail(http.StatusBadRequest, "the body is no JSON object")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	data := signIn{Caller: s.caller(), Secret: s.options.Secret, Life: rt.Life}
	for name, field := range rt.Fields {
		needed, err := field.render(data)
		if err != nil {
			return s.fail(http.StatusInternalServerError, err.Error())
		}
		if given[name] != needed {
			return s.fail(http.StatusUnauthorized, "the credentials are wrong")
		}
	}
	data.Token = s.tokens.issue(rt.Life, time.Now())
	return s.succeed(rt, data)
}

func (s *Server) view(u, caller User, single bool) view {
	return view{User: u, Caller: caller, Single: single, WithLastLogin: s.options.WithLastLogin}
}
