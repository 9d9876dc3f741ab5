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
	keepFlag  = flag.Bool("keep", false, "go on after a story has failed")
)

func TestSimulation(t *testing.T) {
	if *seedFlag > 0 {
		t.Log(strings.Join(play(t, *seedFlag, true), "\n"))
		return
	}
	n, seed, late := *seedsFlag, func(i uint64) uint64 { return *firstFlag + i }, func() bool { return false }
	if n == 0 { // what an ordinary test run has time for
		n, seed = 120, seedOf(time.Now())
		until := time.Now().Add(12 * time.Second)
		late = func() bool { return time.Now().After(until) }
	}
	var next, played, requests atomic.Uint64
	t.Run("stories", func(t *testing.T) {
		for i := range runtime.GOMAXPROCS(0) {
			t.Run(strconv.Itoa(i+1), func(t *testing.T) {
				t.Parallel()
				for *keepFlag || !t.Failed() {
					i := next.Add(1) - 1
					if i >= n || i >= 10 && late() {
						return
					}
					requests.Add(uint64(len(play(t, seed(i), false))))
					played.Add(1)
				}
			})
		}
	})
	t.Logf("%d stories from the seeds %d, %d and so on, %d lines of them", played.Load(), seed(0), seed(1), requests.Load())
}

// seedOf returns the seeds of an ordinary test run: by turns one that failed once, or
// another one that is always the same, and one of the day that nobody has played before.
func seedOf(now time.Time) func(i uint64) uint64 {
	year, month, day := now.UTC().Date()
	today := uint64(year*10000+int(month)*100+day) * 1000
	return func(i uint64) uint64 {
		switch {
		case i%2 == 1:
			return today + i/2
		case i/2 < uint64(len(failedOnce)):
			return failedOnce[i/2]
		}
		return 1 + i/2
	}
}

// play plays the story of one seed and returns its trace. It fails the test with every
// violated invariant. all shows the whole trace of a failure, not only its end.
func play(t *testing.T, seed uint64, all bool) []string {
	t.Helper()
	var w *world
	synctest.Test(t, func(t *testing.T) {
		w = newWorld(t, seed, systems[seed%uint64(len(systems))])
		if err := w.story(); err != nil {
			w.violations = append(w.violations, err.Error())
		}
	})
	if len(w.violations) == 0 {
		return w.trace
	}
	shown := w.trace
	if !all && len(shown) > 60 {
		shown = shown[len(shown)-60:]
	}
	t.Errorf("%s, seed %d:\n  %s\n\ngo test ./client/simulation -run 'TestSimulation$' -seed=%d\n\n%s",
		w.sys.name, seed, strings.Join(w.violations, "\n  "), seed, strings.Join(shown, "\n"))
	return w.trace
}
