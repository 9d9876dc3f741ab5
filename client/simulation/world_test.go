package simulation

import (
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"dormant/client/sandbox"
)

// The credentials. They may appear in requests to the directory and nowhere else.
const (
	apiToken = "tok-SIMULATED-4711"
	password = "pass-SIMULATED-word"
)

var basicAuth = base64.StdEncoding.EncodeToString([]byte(callerName + ":" + password))

// callerName is the username of the account that the tokens belong to.
const callerName = "caller"

// Time is divided into rounds: a request that arrives in one round is answered in
// the next one, at an instant that depends only on the seed, the request's text and
// how often it came before. This keeps a story reproducible: the random waits before
// retries make no difference, and concurrent requests are answered in an order that
// the seed decides. It also leaves time for events between a request and its answer.
const (
	roundLength  = 4 * time.Second        // longer than the longest wait before a third retry
	answerWindow = 500 * time.Millisecond // the part of a round in which answers are given
)

// world is the state of one story: the directory, the network in front of it, the
// runs, and what they leave on disk.
type world struct {
	t         *testing.T
	seed      uint64
	random    *rand.Rand // for decisions that the story takes one after the other
	sys       *system
	dir       *sandbox.Server
	elsewhere *sandbox.Server // a second directory, or nil
	caller    string          // id of the account that the credentials belong to, or empty
	url       string
	listener  *pipeListener

	fixedToken   bool // runs do not sign in; their token never expires
	ledger       string
	reported     map[string]bool   // id and time of each run that reported the account as unused
	identities   map[string]string // what each account was then that a run reported first
	crashLedgers map[string]string // by the ledger of a killed run: the copy as of its death
	journal      string            // of the next run

	faults, events float64 // their probability at each request

	pending sync.WaitGroup // requests that are not answered yet

	mu         sync.Mutex
	runs       []*programRun
	arrivals   map[string]int         // of each request, by its text
	shifts     map[string][]time.Time // when each account entered, left or moved within the listing
	reused     []time.Time            // when the id of a deleted account was given to another
	stale      map[string]*answer
	names      int // given out so far
	trace      []string
	violations []string // of invariants
}

func newWorld(t *testing.T, seed uint64, sys *system) *world {
	w := &world{
		t: t, seed: seed, random: rand.New(rand.NewPCG(seed, 1)), sys: sys,
		arrivals: map[string]int{}, shifts: map[string][]time.Time{}, stale: map[string]*answer{},
		reported: map[string]bool{}, identities: map[string]string{}, crashLedgers: map[string]string{},
	}
	return w
}

// tracef adds a line to the trace, with the time of the fake clock.
func (w *world) tracef(format string, args ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.trace = append(w.trace, time.Now().Format("02 15:04:05.000 ")+fmt.Sprintf(format, args...))
}

// violationf records that an invariant was violated. The story goes on.
func (w *world) violationf(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	w.tracef("WRONG: %s", text)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.violations = append(w.violations, text)
}

// chance returns random numbers that depend on the seed and the texts alone, and not
// on the order of concurrent requests.
func (w *world) chance(texts ...string) *rand.Rand {
	h := fnv.New64a()
	for _, text := range texts {
		h.Write(binary.BigEndian.AppendUint64([]byte(text), uint64(len(text))))
	}
	return rand.New(rand.NewPCG(w.seed, h.Sum64()))
}
