package command

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"dormant/job"
)

// stuckDirectory is a directory in which the first removal waits for release, and the
// second look at another account ends when the program cancels it.
type stuckDirectory struct {
	*directory
	first, second    string
	reached, noticed chan struct{}
	release          func()
}

func serveStuck(t *testing.T) *stuckDirectory {
	d := serve(t, "itflex")
	released, reached := make(chan struct{}), make(chan struct{}, 2)
	h := &stuckDirectory{d, d.unused()[0], d.unused()[1], reached, make(chan struct{}), sync.OnceFunc(func() { close(released) })}
	t.Cleanup(h.release)
	d.before(func(_ http.ResponseWriter, r *http.Request) bool {
		switch r.Method + r.URL.Path {
		case http.MethodDelete + d.path(h.first):
			reached <- struct{}{}
			select {
			case <-released:
			case <-r.Context().Done():
				return true
			}
		case http.MethodGet + d.path(h.second):
			reached <- struct{}{}
			<-r.Context().Done()
			close(h.noticed)
			return true
		}
		return false
	})
	return h
}

// wait waits until the removal and the look are under way.
func (h *stuckDirectory) wait(t *testing.T, p *program) {
	t.Helper()
	p.await(t, h.reached)
	p.await(t, h.reached)
}

func TestASignalInTheMiddleOfARemoval(t *testing.T) {
	for _, command := range []string{"run", "daemon"} {
		for _, sig := range []os.Signal{syscall.SIGTERM, os.Interrupt} {
			t.Run(fmt.Sprint(command, "/", sig), func(t *testing.T) {
				t.Parallel()
				h := serveStuck(t)
				at := t.TempDir()
				p := spawn(t, h.env(forReal, "DORMANT_CONCURRENCY=2", "DORMANT_LISTEN=127.0.0.1:0", "DORMANT_RUN_AT_START=true",
					"DORMANT_JOURNAL="+at+"/journal", "DORMANT_REPORT="+at+"/report.json", "DORMANT_METRICS_FILE="+at+"/m.prom"), command)
				h.wait(t, p)
				p.signal(sig)
				p.await(t, h.noticed)
				h.release()
				code := p.wait(t)
				r := h.checkRun(code, read(t, at+"/report.json"), p)
				r.expect(t, exitFailed, job.Interrupted)
				sameIDs(t, "removed", h.Removed(), []string{h.first})
				if n := r.report.Counts.NotAttempted; n != len(h.unused())-1 {
					t.Errorf("%d are not attempted, not %d", n, len(h.unused())-1)
				}
				sameIDs(t, "journal", events(t, at+"/journal"), []string{"intent " + h.first, "result " + h.first + " removed"})
				if command == "run" && (p.stdout.String() != read(t, at+"/report.json") || metrics(t, read(t, at+"/m.prom"))[`dormant_runs_total{command="run",outcome="interrupted"}`] != 1) {
					t.Errorf("what an interrupted run leaves:\n%s", &p.stdout)
				}
			})
		}
	}
}

func TestASecondSignalEndsAtOnce(t *testing.T) {
	t.Parallel()
	h := serveStuck(t)
	journal := filepath.Join(t.TempDir(), "journal")
	p := spawn(t, h.env(forReal, "DORMANT_CONCURRENCY=2", "DORMANT_JOURNAL="+journal), "run")
	h.wait(t, p)
	p.signal(os.Interrupt)
	p.await(t, h.noticed)
	for again, deadline := time.NewTicker(20*time.Millisecond), time.After(patience); p.running(); {
		p.signal(os.Interrupt)
		select {
		case <-again.C:
		case <-p.ended:
		case <-deadline:
			t.Fatalf("a second signal does not end it:\n%s", &p.stderr)
		}
	}
	sameIDs(t, "journal", events(t, journal), []string{"intent " + h.first})
	if p.code != -1 {
		t.Errorf("it ended with %d, and not by the signal", p.code)
	}
}
