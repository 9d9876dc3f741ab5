package command

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"dormant/job"
)

// Two processes clean up the same directory at once, with the same files.
func TestOverlappingRuns(t *testing.T) {
	for _, concurrency := range []int{1, 4} {
		t.Run(strconv.Itoa(concurrency), func(t *testing.T) {
			t.Parallel()
			d := serve(t, "itflex")
			at := t.TempDir()
			journal := at + "/journal"
			both, waiting := make(chan struct{}), atomic.Int32{}
			d.before(func(_ http.ResponseWriter, r *http.Request) bool {
				switch id := d.target(r); {
				case id != "":
					d.expectIntent(journal, id)
				case r.Method == http.MethodGet && slices.Contains(d.paths(), r.URL.Path):
					// More looks than one process can have under way: both have read all.
					if waiting.Add(1) == int32(concurrency)+1 {
						close(both)
					}
					select {
					case <-both:
					case <-time.After(patience):
						t.Error("they do not overlap")
					}
				}
				return false
			})
			environ := d.env(forReal, "DORMANT_JOURNAL="+journal, fmt.Sprint("DORMANT_CONCURRENCY=", concurrency))
			daemon := spawn(t, append(environ, "DORMANT_LISTEN=127.0.0.1:0", "DORMANT_RUN_AT_START=true", "DORMANT_REPORT="+at+"/report.json"), "daemon")
			run := spawn(t, environ, "run")
			daemon.stderr.await(t, `"run finished"`)
			if code := run.wait(t); code != exitDone {
				t.Errorf("the run ends with %d:\n%s", code, &run.stderr)
			}
			daemon.signal(syscall.SIGTERM)
			if code := daemon.wait(t); code != exitDone {
				t.Errorf("the daemon ends with %d:\n%s", code, &daemon.stderr)
			}

			sameIDs(t, "removed", d.Removed(), d.unused())
			var said []string
			gone := 0
			for _, text := range []string{run.stdout.String(), read(t, at+"/report.json")} {
				var r job.Report
				if err := json.Unmarshal([]byte(text), &r); err != nil || r.Outcome != job.Completed || r.Accounts.Len() != len(d.unused()) {
					t.Fatalf("%v: %s", err, text)
				}
				for _, a := range r.Accounts.All() {
					if a.Result == job.Removed {
						said = append(said, a.ID)
					}
				}
				if gone += r.Counts.AlreadyGone; r.Counts.Removed+r.Counts.AlreadyGone != len(d.unused()) {
					t.Errorf("%+v, of %d", r.Counts, len(d.unused()))
				}
			}
			sameIDs(t, "reported as removed by one of them", said, d.unused())
			if gone != len(d.unused()) {
				t.Errorf("%d are reported as gone by the other one, of %d", gone, len(d.unused()))
			}
			v := d.verify(t, journal)
			sameIDs(t, "certain", slices.DeleteFunc(slices.Clone(v.states), func(s string) bool { return strings.HasSuffix(s, " gone") }), states(d.unused()))
			if v.code != exitDone || strings.Contains(v.stdout, "\nline ") {
				t.Errorf("verify ends with %d:\n%s", v.code, v.stdout)
			}
		})
	}
}
