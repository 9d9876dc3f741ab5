// Package sandbox is a user directory in memory that speaks a real system's API,
// for trying things out and for tests. It knows nothing of the client that it
// is made for: what a system looks like is data of its own, written after the
// system's documentation, in systems.
package sandbox

import (
	"context"
	"crypto/rsa"
	"errors"
	"fmt"
	"maps"
	"math"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// What opens the door unless Options say otherwise.
const (
	DefaultToken    = "sandbox-token"
	DefaultSecret   = "sandbox-secret"
	DefaultClientID = "sandbox-client"
)

// Options say what a sandbox is, and how badly it behaves.
type Options struct {
	System string // one of Systems
	Users  []User // see Population
	Seed   uint64 // of made-up ids and of faults

	// Caller is the username of the account that the tokens belong to: the
	// first of Users unless given, or an app outside the directory where a system
	// has that. It should be an administrator.
	Caller string

	Token     string         // accepted from the start; DefaultToken if empty
	Secret    string         // what signs in: a password, a refresh token, a client's secret; DefaultSecret if empty
	ClientID  string         // of OAuth 2; DefaultClientID if empty
	PublicKey *rsa.PublicKey // of signed assertions; none is accepted without it

	// WithLastLogin adds last_login where the documented account has none (ITFlex).
	WithLastLogin bool

	PageLimit int           // clamps pages to fewer accounts than the system would
	Latency   time.Duration // before every answer
	RateLimit float64       // requests a second before the system says that it is too much; 0: no limit
	FaultRate float64       // the share of requests that meet a Fault, from 0 to 1

	// Before sees every request first. If it reports true, it has answered.
	Before func(w http.ResponseWriter, r *http.Request) (handled bool)
}

// Server is a directory. It is an http.Handler and safe for concurrent use.
type Server struct {
	system   *system
	options  Options
	limiter  *rate.Limiter
	callerID string // empty: somebody outside the directory

	mu       sync.Mutex
	accounts accounts
	tokens   tokens
	faults   faults
	removed  []string
	disabled []string
	requests []Request
}

// New makes a directory with the users in it.
func New(o Options) (*Server, error) {
	sys, err := loadSystem(o.System)
	if err != nil {
		return nil, err
	}
	return newServer(sys, o)
}

func newServer(sys *system, o Options) (*Server, error) {
	if o.FaultRate < 0 || o.FaultRate > 1 || o.RateLimit < 0 || o.Latency < 0 || o.PageLimit < 0 {
		return nil, errors.New("a limit or a rate is negative, or more than all requests fail")
	}
	if o.Token == "" {
		o.Token = DefaultToken
	}
	if o.Secret == "" {
		o.Secret = DefaultSecret
	}
	if o.ClientID == "" {
		o.ClientID = DefaultClientID
	}
	s := &Server{
		system: sys, options: o,
		limiter:  rate.NewLimiter(rate.Inf, 0),
		accounts: accounts{ids: sys.IDs, order: sys.Order, seed: o.Seed, byID: map[string]*account{}},
		tokens:   tokens{good: map[string]time.Time{o.Token: {}}},
		faults:   faults{rate: o.FaultRate, seed: o.Seed, came: map[string]uint64{}},
	}
	if o.RateLimit > 0 {
		s.limiter = rate.NewLimiter(rate.Limit(o.RateLimit), int(math.Ceil(o.RateLimit)))
	}
	for i, u := range o.Users {
		id, err := s.accounts.add(u)
		if err != nil {
			return nil, fmt.Errorf("user %q: %w", u.Username, err)
		}
		if o.Caller == u.Username || o.Caller == "" && i == 0 && !sys.App {
			s.callerID = id
		}
	}
	if o.Caller != "" && s.callerID == "" {
		return nil, fmt.Errorf("the caller %q is not among the users", o.Caller)
	}
	s.accounts.sort()
	return s, nil
}

// Request is one that reached the directory.
type Request struct {
	Method string
	Path   string // escaped, as it came
	Query  url.Values
	Header http.Header
	Fault  Fault // what it met on purpose, or nothing
	Status int   // 0 until there is an answer, and if there is none
}

// Requests are all that reached the directory, in the order in which they came.
func (s *Server) Requests() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	requests := slices.Clone(s.requests)
	for i, r := range requests {
		requests[i].Query, requests[i].Header = maps.Clone(r.Query), r.Header.Clone()
	}
	return requests
}

// ServeHTTP answers one request. Like any handler that gives up on a
// connection, it panics with http.ErrAbortHandler for some faults.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	number, fault := s.arrived(r)
	noted := &noting{ResponseWriter: w}
	defer func() { s.answered(number, noted.status) }()

	if s.options.Before != nil && s.options.Before(noted, r) {
		if noted.status == 0 {
			noted.WriteHeader(http.StatusOK)
		}
		return
	}
	if !pause(r.Context(), s.options.Latency) || fault == FaultDropped {
		panic(http.ErrAbortHandler)
	}
	var answer response
	switch {
	case !s.limiter.Allow():
		answer = s.fail(s.read(r), nil, wrong{kind: kindRateLimit, wait: int(math.Ceil(1 / s.options.RateLimit))})
	case fault == FaultError:
		answer = s.fail(s.read(r), nil, wrong{kind: kindFault})
	case fault == FaultDenied:
		answer = response{http.StatusOK, http.Header{"Content-Type": {"application/json"}}, []byte(`{"error": "a fault on purpose"}`)}
	case fault == FaultPage:
		answer = response{http.StatusOK, http.Header{"Content-Type": {"text/html"}}, []byte("<!doctype html><title>A fault on purpose</title>")}
	case fault == FaultUnavailable:
		answer = s.fail(s.read(r), nil, wrong{kind: kindUnavailable, wait: 1})
	default:
		answer = s.answer(r)
	}
	answer.send(noted, fault == FaultCut)
}

// arrived notes the request, and decides whether it will fail.
func (s *Server) arrived(r *http.Request) (number int, fault Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	fault = s.faults.next(r.Method + " " + r.URL.RequestURI())
	s.requests = append(s.requests, Request{
		Method: r.Method, Path: r.URL.EscapedPath(), Query: r.URL.Query(), Header: r.Header.Clone(), Fault: fault,
	})
	return len(s.requests) - 1, fault
}

func (s *Server) answered(number, status int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests[number].Status = status
}

// pause waits, and reports whether the request is still wanted.
func pause(ctx context.Context, d time.Duration) bool {
	if d == 0 {
		return ctx.Err() == nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// send writes the response. If it is to be cut, half of the body goes out and
// the connection is closed; without a body, not even the status goes out.
func (a response) send(w http.ResponseWriter, cut bool) {
	if cut && len(a.body) == 0 {
		panic(http.ErrAbortHandler)
	}
	maps.Copy(w.Header(), a.header)
	if a.status != http.StatusNoContent {
		w.Header().Set("Content-Length", strconv.Itoa(len(a.body)))
	}
	w.WriteHeader(a.status)
	if !cut {
		_, _ = w.Write(a.body) // who does not listen any more will not mind
		return
	}
	_, _ = w.Write(a.body[:len(a.body)/2])
	_ = http.NewResponseController(w).Flush()
	panic(http.ErrAbortHandler)
}

// noting is a response writer that knows the status.
type noting struct {
	http.ResponseWriter
	status int
}

func (n *noting) WriteHeader(status int) {
	if n.status == 0 {
		n.status = status
	}
	n.ResponseWriter.WriteHeader(status)
}

func (n *noting) Write(b []byte) (int, error) {
	if n.status == 0 {
		n.status = http.StatusOK
	}
	return n.ResponseWriter.Write(b)
}

// Unwrap is for http.ResponseController.
func (n *noting) Unwrap() http.ResponseWriter { return n.ResponseWriter }
