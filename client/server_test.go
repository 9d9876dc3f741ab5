package client

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// wire is a request as it arrived at a server.
type wire struct {
	method, uri string // as on the request line
	header      http.Header
	body        string
	at          time.Time
}

func (w wire) String() string { return w.method + " " + w.uri }

// server is a directory below /prefix that keeps what it is asked, and what the
// client says about it.
type server struct {
	*httptest.Server
	dial func(ctx context.Context, network, address string) (net.Conn, error) // nil: loopback

	mu       sync.Mutex
	requests []wire
	said     bytes.Buffer // logs and errors
	observed map[string]int
}

// serve starts a server on the loopback interface. Whatever is asked outside of
// the prefix fails the test.
func serve(t testing.TB, h http.Handler) *server {
	t.Helper()
	s := &server{observed: map[string]int{}}
	s.Server = httptest.NewUnstartedServer(s.record(t, h))
	s.Config.ErrorLog = newSilentLog()
	s.Start()
	t.Cleanup(s.Close)
	return s
}

// bubble runs the test in a bubble of synctest, with a server in memory. When
// it ends, every goroutine of the client must have ended.
func bubble(t *testing.T, h func(t *testing.T) http.Handler, test func(t *testing.T, s *server)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s := &server{observed: map[string]int{}}
		l := &pipes{conns: make(chan net.Conn), closed: make(chan struct{})}
		s.dial = l.dial
		s.Server = httptest.NewUnstartedServer(s.record(t, h(t)))
		s.Config.ErrorLog = newSilentLog()
		s.Listener.Close()
		s.Listener = l
		s.Start()
		t.Cleanup(s.Close)
		test(t, s)
	})
}

// answering makes bubble's server from a handler that needs no test.
func answering(h http.Handler) func(*testing.T) http.Handler {
	return func(*testing.T) http.Handler { return h }
}

func (s *server) record(t testing.TB, h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		s.mu.Lock()
		s.requests = append(s.requests, wire{r.Method, r.RequestURI, r.Header.Clone(), string(body), time.Now()})
		s.mu.Unlock()
		if !strings.HasPrefix(r.RequestURI, "/prefix/") {
			t.Errorf("%s %s is outside of the configured URL", r.Method, r.RequestURI)
		}
		if h, ok := h.(routes); ok {
			h.serve(t, w, r)
			return
		}
		h.ServeHTTP(w, r)
	})
}

func (s *server) seen() []wire {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]wire(nil), s.requests...)
}

// lines are the requests so far, as METHOD URI without the prefix.
func (s *server) lines() string {
	var lines []string
	for _, w := range s.seen() {
		lines = append(lines, w.method+" "+strings.TrimPrefix(w.uri, "/prefix"))
	}
	return strings.Join(lines, "\n")
}

func (s *server) wantRequests(t testing.TB, lines ...string) {
	t.Helper()
	if got, want := s.lines(), strings.Join(lines, "\n"); got != want {
		t.Errorf("requests on the wire:\n%s\nwant:\n%s", got, want)
	}
}

// server is the client's observer and its log.
func (s *server) Request(operation string, code int, _ time.Duration) {
	s.count(fmt.Sprintf("%s %d", operation, code))
}

func (s *server) Retry(operation string) { s.count("retry " + operation) }

func (s *server) count(what string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.observed[what]++
}

func (s *server) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.said.Write(p)
}

// heard notes an error among what the client said.
func (s *server) heard(err error) {
	if err != nil {
		fmt.Fprintf(s, "%v %+v\n", err, err)
	}
}

func (s *server) logged() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.said.String()
}

// routes answer by METHOD URI without the prefix: with 200 and this text, with
// this code, with this handler, or with one after the other of several. What is
// not among them fails the test.
type routes map[string]any

type inTurn struct {
	mu      sync.Mutex
	answers []any
}

func turns(answers ...any) *inTurn { return &inTurn{answers: answers} }

func (rs routes) ServeHTTP(http.ResponseWriter, *http.Request) { panic("served by record") }

func (rs routes) serve(t testing.TB, w http.ResponseWriter, r *http.Request) {
	line := r.Method + " " + strings.TrimPrefix(r.RequestURI, "/prefix")
	answer, ok := rs[line]
	if in, several := answer.(*inTurn); several {
		in.mu.Lock()
		if ok = len(in.answers) > 0; ok {
			answer, in.answers = in.answers[0], in.answers[1:]
		}
		in.mu.Unlock()
	}
	if !ok {
		t.Errorf("unexpected request: %s", line)
		w.WriteHeader(http.StatusTeapot)
		return
	}
	switch a := answer.(type) {
	case string:
		io.WriteString(w, a)
	case int:
		w.WriteHeader(a)
	case func(http.ResponseWriter, *http.Request):
		a(w, r)
	default:
		panic(fmt.Sprintf("no answer: %T", a))
	}
}

// status answers with a code, a body and headers (name, value, …).
func status(code int, body string, headers ...string) func(http.ResponseWriter, *http.Request) {
	return func(w http.ResponseWriter, _ *http.Request) {
		for i := 0; i < len(headers); i += 2 {
			w.Header().Set(headers[i], headers[i+1])
		}
		w.WriteHeader(code)
		io.WriteString(w, body)
	}
}

// cut sends the beginning of a body and drops the connection.
func cut(body string) func(http.ResponseWriter, *http.Request) {
	return func(w http.ResponseWriter, _ *http.Request) {
		io.WriteString(w, body)
		w.(http.Flusher).Flush()
		panic(http.ErrAbortHandler)
	}
}

// hangUp drops the connection without an answer.
func hangUp(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }

// pipes is a listener in memory, so that a bubble's time stands still only
// while nothing is under way.
type pipes struct {
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error {
	p.once.Do(func() { close(p.closed) })
	return nil
}

func (p *pipes) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 7} }

func (p *pipes) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	ours, theirs := net.Pipe()
	select {
	case p.conns <- theirs:
		return ours, nil
	case <-p.closed:
		return nil, net.ErrClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func newSilentLog() *log.Logger { return log.New(io.Discard, "", 0) }
