// Package simulation plays stories: whole runs of the program against a directory
// that changes meanwhile, over a network that injects faults. A seed decides the
// whole story. README.md says which invariants every story has to keep.
package simulation

import (
	"flag"
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

var (
	seedFlag  = flag.Uint64("seed", 0, "play the story of this seed alone, and show its trace")
	seedsFlag = flag.Uint64("seeds", 0, "how many stories to play; 0: as many as fit into 12 seconds, up to 120")
	firstFlag = flag.Uint64("first", 1, "the seed of the first story")
)

func TestSimulation(t *testing.T) {
	if *seedFlag > 0 {
		t.Log(strings.Join(play(t, *seedFlag, true), "\n"))
		return
	}
	n, until := *seedsFlag, time.Now().Add(time.Hour)
	if n == 0 { // what an ordinary test run has time for
		n, until = 120, time.Now().Add(12*time.Second)
	}
	var next, played, requests atomic.Uint64
	t.Run("stories", func(t *testing.T) {
		for i := range runtime.GOMAXPROCS(0) {
			t.Run(strconv.Itoa(i+1), func(t *testing.T) {
				t.Parallel()
				for !t.Failed() {
					seed := next.Add(1) - 1
					if seed >= n || seed >= 10 && time.Now().After(until) {
						return
					}
					requests.Add(uint64(len(play(t, *firstFlag+seed, false))))
					played.Add(1)
				}
			})
		}
	})
	t.Logf("%d stories, %d lines of them", played.Load(), requests.Load())
}

// play plays the story of one seed and returns its trace. It fails the test with every
// violated invariant. all shows the whole trace of a failure, not only its end.
func play(t *testing.T, seed uint64, all bool) (trace []string) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, seed, systems[seed%uint64(len(systems))])
		err := w.story()
		trace = w.trace
		if err != nil {
			w.violations = append(w.violations, err.Error())
		}
		if len(w.violations) == 0 {
			return
		}
		shown := trace
		if !all && len(shown) > 60 {
			shown = shown[len(shown)-60:]
		}
		t.Errorf("%s, seed %d:\n  %s\n\ngo test ./client/simulation -run 'TestSimulation$' -seed=%d\n\n%s",
			w.sys.name, seed, strings.Join(w.violations, "\n  "), seed, strings.Join(shown, "\n"))
	})
	return trace
}
