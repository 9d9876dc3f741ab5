package command

import (
	"encoding/json"
	"fmt"
	"net/http"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"dormant/client/sandbox"
	"dormant/job"
)

// results counts what became of the candidates.
func (r result) results() map[job.Result]int {
	n := map[job.Result]int{}
	for _, a := range r.report.Accounts.All() {
		n[a.Result]++
	}
	return n
}

// removals is a hook that answers removals, and nothing else.
func removals(answers func(w http.ResponseWriter, r *http.Request) bool) hook {
	return func(w http.ResponseWriter, r *http.Request) bool {
		return r.Method == http.MethodDelete && answers(w, r)
	}
}

// TestAClaimIsNotEnough: whatever an answer says, nobody is reported as removed who is there.
func TestAClaimIsNotEnough(t *testing.T) {
	for _, system := range []string{"maestro", "itflex"} {
		for name, says := range map[string]func(http.ResponseWriter) bool{
			"done":               func(w http.ResponseWriter) bool { return answer(w, 200, `{"success":true}`) },
			"nothing":            func(w http.ResponseWriter) bool { return answer(w, 204, "") },
			"an error":           func(w http.ResponseWriter) bool { return answer(w, 200, `{"error":"Access denied"}`) },
			"errors":             func(w http.ResponseWriter) bool { return answer(w, 200, `[{"errors":["no"]}]`) },
			"no success":         func(w http.ResponseWriter) bool { return answer(w, 200, `{"Success":"false"}`) },
			"a status":           func(w http.ResponseWriter) bool { return answer(w, 200, `{"status":"403"}`) },
			"a page":             func(w http.ResponseWriter) bool { return answer(w, 200, "\ufeff <!-- x --><!DOCTYPE html><form>") },
			"a text":             func(w http.ResponseWriter) bool { return answer(w, 200, "Access denied") },
			"a code of its own":  func(w http.ResponseWriter) bool { return answer(w, 203, "") },
			"an error under 202": func(w http.ResponseWriter) bool { return answer(w, 202, `{"ok":false}`) },
		} {
			t.Run(system+"/"+name, func(t *testing.T) {
				t.Parallel()
				d := serve(t, system)
				d.before(removals(func(w http.ResponseWriter, _ *http.Request) bool { return says(w) }))
				r := d.run("run", forReal, "DORMANT_MAX_FAILURES=1000")
				r.expect(t, exitPartial, job.Partial)
				if n := r.results(); n[job.NotRemoved] != len(d.unused()) {
					t.Errorf("%v", n)
				}
			})
		}
	}
}

// TestARouteIsLost: a gateway loses its route after the first removal, and answers everything
// with 404 from then on, or with an empty listing.
func TestARouteIsLost(t *testing.T) {
	for _, system := range []string{"maestro", "itflex"} {
		for name, listing := range map[string]string{"and the listing": "", "the listing is empty": `{"users":[],"cursor":{"next":null},"action_logs":[]}`, "the listing has nobody that it had": `{"users":[{"id":"1000000","username":"x","superuser":true}],"cursor":{"next":null},"action_logs":[]}`} {
			t.Run(system+"/"+name, func(t *testing.T) {
				t.Parallel()
				d := serve(t, system)
				var lost atomic.Bool
				d.before(func(w http.ResponseWriter, r *http.Request) bool {
					switch {
					case lost.Load() && listing != "" && (r.URL.Path == "/users" || r.URL.Path == "/api/users" || r.URL.Path == "/api/audit/logs"):
						return answer(w, 200, listing)
					case lost.Load() && listing != "" && r.URL.Path == "/api/user/info":
						return false
					case lost.Load():
						return answer(w, 404, "no route")
					}
					lost.Store(r.Method == http.MethodDelete)
					return false
				})
				r := d.runAnyway("run", forReal, "DORMANT_CONCURRENCY=1")
				n := r.results()
				if r.code == exitDone || n[job.AlreadyGone] > 0 || n[job.Removed] > 1 || n[job.NotRemoved] == 0 {
					t.Errorf("%d: %v", r.code, n)
				}
			})
		}
	}
}

// runAnyway is run for a directory that changes without the sandbox's knowing.
func (d *directory) runAnyway(command string, environ ...string) result {
	d.t.Helper()
	p := start(d.t, d.env(environ...), command)
	r := result{code: p.wait(d.t), stdout: p.stdout.String(), stderr: p.stderr.String()}
	if err := json.Unmarshal([]byte(r.stdout), &r.report); err != nil {
		d.t.Fatalf("no report: %v\n%s", err, r.stderr)
	}
	return r
}

// TestItIsDoneLater: 202 is no failure, and what has been done by the end is seen.
func TestItIsDoneLater(t *testing.T) {
	for _, system := range []string{"maestro", "itflex"} {
		for code, rows := range map[int]map[bool]job.Result{ // by whether it is done at once
			http.StatusAccepted:             {true: job.AlreadyGone, false: job.Accepted}, // the profiles do not name it
			http.StatusNonAuthoritativeInfo: {true: job.AlreadyGone, false: job.NotRemoved},
		} {
			for done, want := range rows {
				t.Run(fmt.Sprintf("%s/%d, done: %t", system, code, done), func(t *testing.T) {
					t.Parallel()
					d := serve(t, system)
					d.before(removals(func(w http.ResponseWriter, r *http.Request) bool {
						for _, id := range d.unused() {
							if done && r.URL.EscapedPath() == d.path(id) {
								d.Remove(id)
							}
						}
						return answer(w, code, "")
					}))
					r := d.runAnyway("run", forReal, "DORMANT_MAX_FAILURES=1000")
					if n := r.results(); n[want] != len(d.unused()) || want != job.NotRemoved && (r.code != exitDone || r.report.Outcome != job.Completed) {
						t.Errorf("%d, %s: %v, %q", r.code, r.report.Outcome, n, r.report.Accounts.At(0).Error)
					}
					if a := r.report.Accounts.At(0); want != job.Accepted && (!strings.Contains(a.Error, strconv.Itoa(code)) || !strings.Contains(a.Error, "remove.success")) {
						t.Errorf("its error is %q", a.Error)
					}
				})
			}
		}
	}
}

// TestRefusedForOneAccount: accounts that the server always refuses neither end a run nor
// fail it, whatever the limit of failures.
func TestRefusedForOneAccount(t *testing.T) {
	t.Parallel()
	d := serve(t, "gitea", func(o *sandbox.Options) {
		for i := range o.Users {
			if u := &o.Users[i]; u.LastLogin.Before(now.AddDate(-1, 0, 0)) { // the longest inactive, which come first
				u.Owns = true
			}
		}
	})
	r := d.run("run", forReal, "DORMANT_MAX_FAILURES=1")
	r.expect(t, exitDone, job.Completed)
	n := r.results()
	if n[job.RefusedByDirectory] < 5 || n[job.Removed] < 1 || r.report.Counts.RefusedByDirectory != n[job.RefusedByDirectory] {
		t.Fatalf("%v, %+v", n, r.report.Counts)
	}
	for _, a := range r.report.Accounts.All() {
		if a.Result == job.RefusedByDirectory && !strings.Contains(a.Error, "ownership of repositories") {
			t.Errorf("the server's words are not in %q", a.Error)
		}
	}
	again := d.run("run", forReal, "DORMANT_MAX_FAILURES=1")
	again.expect(t, exitDone, job.Completed)
	if got := again.results(); got[job.RefusedByDirectory] != n[job.RefusedByDirectory] {
		t.Errorf("the second time: %v", got)
	}
	text := d.printed("audit", "DORMANT_FORMAT=table")
	if strings.Contains(text, "refused_by_directory") {
		t.Errorf("an audit says what it has not tried:\n%s", text)
	}
	if text = d.printed("run", forReal, "DORMANT_FORMAT=table"); !strings.Contains(text, "refused: ") || !strings.Contains(text, "refused by the directory") {
		t.Errorf("the table does not say it:\n%s", text)
	}
}

// printed is what a command prints.
func (d *directory) printed(command string, environ ...string) string {
	d.t.Helper()
	p := start(d.t, d.env(environ...), command)
	p.wait(d.t)
	return p.stdout.String()
}

// TestASignalInTheLastLook: after a 404, a look that is not answered does not keep the
// program from ending.
func TestASignalInTheLastLook(t *testing.T) {
	t.Parallel()
	d := serve(t, "itflex")
	first := d.unused()[0]
	stuck := make(chan struct{}, 1)
	var gone atomic.Bool
	d.before(func(w http.ResponseWriter, r *http.Request) bool {
		switch {
		case r.Method == http.MethodDelete:
			gone.Store(true)
			return answer(w, 404, "{}")
		case gone.Load():
			select {
			case stuck <- struct{}{}:
			default:
			}
			<-r.Context().Done()
			return true
		}
		return false
	})
	report := filepath.Join(t.TempDir(), "report.json")
	p := spawn(t, d.env(forReal, "DORMANT_CONCURRENCY=1", "DORMANT_MAX_RETRIES=5", "DORMANT_REPORT="+report), "run")
	p.await(t, stuck)
	told := time.Now()
	p.signal(syscall.SIGTERM)
	code := p.wait(t)
	if took := time.Since(told); took > 10*time.Second {
		t.Errorf("it took %s to end", took)
	}
	r := d.checkRun(code, read(t, report), p)
	r.expect(t, exitFailed, job.Interrupted)
	if a := r.account(t, first); a.Result != job.NotRemoved || !strings.Contains(a.Error, "nobody knows") {
		t.Errorf("%+v", a)
	}
}

// TestVerifyAsksWhoIsGone: what a journal has as gone, the directory may still have.
func TestVerifyAsksWhoIsGone(t *testing.T) {
	t.Parallel()
	d := serve(t, "itflex")
	there, gone := d.unused()[0], d.unused()[1]
	d.Remove(gone)
	line := `{"time":"2026-07-01T12:00:00Z","run_id":"r","event":"%s","user_id":"%s","action":"remove","reason":"inactive"%s}` + "\n"
	var text strings.Builder
	for _, id := range []string{there, gone} {
		fmt.Fprintf(&text, line, "intent", id, "")
		fmt.Fprintf(&text, line, "result", id, `,"result":"already_gone"`)
	}
	journal := write(t, "journal", text.String())
	d.verify(t, journal, d.environ...).expect(t, exitDone, []string{there + " not_done", gone + " gone"})
}
