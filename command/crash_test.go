package command

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"dormant/client/sandbox"
	"dormant/job"
)

// killableRun is a run that is killed at a chosen moment, and what it did to the directory.
type killableRun struct {
	*directory
	journal string
	process chan *program // holds the one to kill

	mu      sync.Mutex
	arrived int  // requests for a change
	taken   int  // those that were carried out
	dead    bool // what it sent before does not arrive any more
}

// target is the account that the request would change, or "".
func (d *directory) target(r *http.Request) string {
	if r.Method != http.MethodDelete && r.Method != http.MethodPatch {
		return ""
	}
	base := filepath.Base(r.URL.Path)
	for _, u := range d.users {
		if u.ID == base || u.Username == base {
			return u.ID
		}
	}
	d.t.Errorf("%s %s changes what?", r.Method, r.URL.Path)
	return ""
}

// expectIntent fails unless the account's intent is in the journal: when the request
// arrives, and not only later.
func (d *directory) expectIntent(journal, id string) {
	f, err := os.Open(journal)
	if err != nil {
		d.t.Error(err)
		return
	}
	defer f.Close()
	traces, err := job.ReadJournal(f)
	if err != nil {
		d.t.Error(err)
		return
	}
	if !slices.ContainsFunc(traces.InDoubt(), func(t *job.Trace) bool { return t.UserID == id }) {
		d.t.Errorf("%s was changed without a trace", id)
	}
}

// carryOut carries every change out that has its intent, whatever happens meanwhile to
// the program. The n-th one is not carried out if the program is to be killed before it.
func (c *killableRun) carryOut(when string, n int) {
	c.before(func(_ http.ResponseWriter, r *http.Request) bool {
		c.mu.Lock()
		defer c.mu.Unlock()
		if c.dead {
			panic(http.ErrAbortHandler)
		}
		id := c.target(r)
		if id == "" {
			if when == "the answer" && c.arrived >= n { // the next account is being looked at
				c.kill()
				panic(http.ErrAbortHandler)
			}
			return false
		}
		c.expectIntent(c.journal, id)
		c.arrived++
		if strings.HasPrefix(when, "the request") && c.arrived == n {
			c.kill()
			if when == "the request" {
				panic(http.ErrAbortHandler)
			}
		}
		c.taken++
		*r = *r.WithContext(context.WithoutCancel(r.Context()))
		return false
	})
}

func (c *killableRun) kill() {
	p := <-c.process
	p.signal(syscall.SIGKILL)
	select {
	case <-p.ended:
	case <-time.After(patience):
		c.t.Error("it can't be killed")
	}
	c.dead = true
}

// killAt kills the program when there are n such events in the journal.
func (c *killableRun) killAt(t *testing.T, event string, n int) {
	until(t, fmt.Sprintf("there are %d %ss", n, event), func() bool {
		text, _ := os.ReadFile(c.journal) // there may be none yet
		return strings.Count(string(text), `"event":"`+event+`"`) >= n
	})
	p := <-c.process
	p.signal(syscall.SIGKILL)
	p.wait(t)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.dead = true
}

// settle waits until no request of a process that has ended is on its way: when a new
// connection is accepted, all before it are, and what was sent over them is handled
// before they are closed.
func (d *directory) settle(t *testing.T) {
	t.Helper()
	alone := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	if response, err := alone.Get(d.url); err == nil { // any answer will do, and none
		response.Body.Close()
	}
	until(t, "all connections are closed", func() bool { return d.connections.Load() == 0 })
}

// until looks again and again whether it is so.
func until(t *testing.T, what string, so func() bool) {
	t.Helper()
	again, deadline := time.NewTicker(100*time.Microsecond), time.After(patience)
	defer again.Stop()
	for !so() {
		select {
		case <-again.C:
		case <-deadline:
			t.Fatalf("it never comes to this: %s", what)
		}
	}
}

// changed are the accounts that requests have removed or disabled.
func (d *directory) changed() []string { return append(d.Removed(), d.Disabled()...) }

// A run is killed: nothing has happened without a trace, what is said to be certain
// is, the directory settles the rest, and the next run finishes.
func TestKilled(t *testing.T) {
	for _, system := range []struct {
		name, done, gone string
		environ          []string
		points           []int
	}{
		{"itflex", "removed", "gone", nil, []int{1, 2, 9}},
		{"gitea", "disabled", "disabled", []string{"DORMANT_ACTION=disable"}, []int{4}},
	} {
		for _, when := range []string{"the request", "the request, which is carried out", "the answer", "intent", "result"} {
			for _, n := range system.points {
				for _, concurrency := range []int{1, 4} {
					t.Run(fmt.Sprint(system.name, "/", when, "/", n, "/", concurrency), func(t *testing.T) {
						t.Parallel()
						d := serve(t, system.name, func(o *sandbox.Options) { o.Users = sandbox.Population(70, 1, now) })
						c := &killableRun{directory: d, journal: filepath.Join(t.TempDir(), "journal"), process: make(chan *program, 1)}
						environ := slices.Concat(system.environ, []string{forReal, "DORMANT_JOURNAL=" + c.journal, fmt.Sprint("DORMANT_CONCURRENCY=", concurrency)})
						unused := d.matching(func(u sandbox.User) bool {
							if system.name == "itflex" {
								return slices.Contains(d.unused(), u.ID)
							}
							return !u.Admin && !u.Bot && !u.LastLogin.IsZero() && u.LastLogin.Before(cutoff)
						})
						c.carryOut(when, n)
						p := spawn(t, d.env(environ...), "run")
						c.process <- p
						if when == "intent" || when == "result" {
							c.killAt(t, when, n)
						}
						if p.wait(t) != -1 {
							t.Fatalf("it was not killed: %d\n%s", p.code, &p.stderr)
						}
						d.settle(t)
						c.mu.Lock()
						taken, asked := c.taken, len(d.Requests())
						c.mu.Unlock()
						until(t, fmt.Sprintf("%d are done", taken), func() bool { return len(d.changed()) >= taken })

						// The journal alone.
						before := d.changed()
						alone := d.verify(t, c.journal)
						var traced, settled []string
						doubtful := 0
						for _, s := range alone.states {
							id, state, _ := strings.Cut(s, " ")
							traced = append(traced, id)
							is := slices.Contains(before, id)
							switch {
							case state == "in_doubt":
								if doubtful++; is {
									state = system.gone
								} else {
									state = "not_done"
								}
							case state != system.done || !is:
								t.Errorf("%s is said to be %s, of %q", id, state, before)
							}
							settled = append(settled, id+" "+state)
						}
						for _, id := range before {
							if !slices.Contains(traced, id) {
								t.Errorf("%s left no trace in:\n%s", id, alone.stdout)
							}
						}
						code := exitDone
						if doubtful > 0 {
							code = exitPartial
						}
						if strings.HasPrefix(when, "the request") && doubtful == 0 || doubtful > concurrency || len(traced) < min(n, len(unused)-1) {
							t.Errorf("%d are in doubt, of %d", doubtful, len(traced))
						}
						alone.expect(t, code, alone.states)

						// With the directory.
						d.before(func(http.ResponseWriter, *http.Request) bool { return false })
						d.verify(t, c.journal, d.env(environ...)...).expect(t, exitDone, settled)

						// The next run.
						text := read(t, c.journal)
						d.before(func(_ http.ResponseWriter, r *http.Request) bool {
							if id := d.target(r); id != "" {
								d.expectIntent(c.journal, id)
								if slices.Contains(before, id) {
									t.Errorf("%s is changed again", id)
								}
							}
							return false
						})
						d.requests, d.removed = max(asked, len(d.Requests())), len(d.Removed())
						d.run("run", environ...).expect(t, exitDone, job.Completed)
						sameIDs(t, "all in all", d.changed(), unused)
						if !strings.HasPrefix(read(t, c.journal), text) {
							t.Error("what was in the journal has changed")
						}
						for _, s := range d.verify(t, c.journal, d.env(environ...)...).states {
							if id, state, _ := strings.Cut(s, " "); state == "in_doubt" || state == system.done && !slices.Contains(unused, id) {
								t.Errorf("in the end, it is said of %s that it is %s", id, state)
							}
						}
					})
				}
			}
		}
	}
}
