package command

import (
	"bytes"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"

	"dormant/job"
)

// smallDisk is a file system of a few pages. fill leaves that many of them free.
// Where nobody may mount one, the test goes on in a process of its own that may,
// and the caller returns.
func smallDisk(t *testing.T) (at string, fill func(pages int)) {
	t.Helper()
	at = t.TempDir()
	err := syscall.Mount("dormant", at, "tmpfs", 0, fmt.Sprint("mode=0700,size=", 64*os.Getpagesize()))
	if err != nil {
		const within = "DORMANTS_TEST_MAY_MOUNT"
		if os.Getenv(within) != "" {
			t.Skip("no file system can be mounted: ", err)
		}
		cmd := exec.CommandContext(t.Context(), "unshare", "--map-root-user", "--mount", os.Args[0], "-test.v", "-test.run=^"+strings.ReplaceAll(t.Name(), "/", "$/^")+"$")
		cmd.Env = append(os.Environ(), within+"=1")
		out, err := cmd.CombinedOutput()
		switch {
		case strings.Contains(string(out), "--- FAIL: "):
			t.Errorf("in a process of its own: %v\n%s", err, out)
		case err != nil || !strings.Contains(string(out), "--- PASS: "):
			t.Skipf("no file system can be mounted, nor with unshare: %v\n%s", err, out)
		}
		return "", nil
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(at, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return at, func(pages int) {
		t.Helper()
		filler := filepath.Join(at, "filler")
		_ = os.Remove(filler)
		var free syscall.Statfs_t
		if err := syscall.Statfs(at, &free); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filler, make([]byte, (int64(free.Bavail)-int64(pages))*free.Bsize), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// A disk that is full when the journal is written ends the run before the next
// removal. What was written is read, and when there is room again, it goes on.
func TestFullDiskOfTheJournal(t *testing.T) {
	for _, pages := range []int{0, 1} {
		for _, concurrency := range []int{1, 4} {
			t.Run(fmt.Sprint(pages, "/", concurrency), func(t *testing.T) {
				t.Parallel()
				at, fill := smallDisk(t)
				if fill == nil {
					return
				}
				d := serve(t, "itflex")
				journal := filepath.Join(at, "journal")
				d.before(func(_ http.ResponseWriter, r *http.Request) bool {
					if id := d.target(r); id != "" {
						d.expectIntent(journal, id)
					}
					return false
				})
				environ := []string{forReal, "DORMANT_JOURNAL=" + journal, fmt.Sprint("DORMANT_CONCURRENCY=", concurrency)}
				fill(pages)
				p := spawn(t, d.env(environ...), "run")
				r := d.checkRun(p.wait(t), p.stdout.String(), p)
				r.expect(t, exitFailed, job.Failed)
				for _, says := range []string{"no record can be kept of removals", "no space left on device"} {
					if !strings.Contains(r.report.Error, says) {
						t.Errorf("%s is not in: %s", says, r.report.Error)
					}
				}
				removed := d.Removed()
				if pages == 0 && len(removed) > 0 || pages > 0 && (len(removed) < 2 || len(removed) == len(d.unused())) {
					t.Errorf("with %d pages left, %q are removed", pages, removed)
				}

				v, certain, doubtful := d.verify(t, journal), 0, 0
				for _, s := range v.states {
					id, state, _ := strings.Cut(s, " ")
					switch {
					case state == "removed" && slices.Contains(removed, id):
						certain++
					case state == "in_doubt":
						doubtful++
					default:
						t.Errorf("%s is said to be %s", id, state)
					}
				}
				if certain+doubtful < len(removed) || doubtful > concurrency || strings.Contains(v.stdout, "not one that a journal has") {
					t.Errorf("of %q, it says:\n%s", removed, v.stdout)
				}
				after := d.verify(t, journal, d.env(environ...)...)
				if n := strings.Count(strings.Join(after.states, "\n")+"\n", " removed\n") + strings.Count(strings.Join(after.states, "\n")+"\n", " gone\n"); after.code != exitDone || n != len(removed) {
					t.Errorf("%q are removed; with the directory, it says:\n%s%s", removed, after.stdout, after.stderr)
				}

				text := read(t, journal)
				fill(10)
				d.run("run", environ...).expect(t, exitDone, job.Completed)
				sameIDs(t, "all in all", d.Removed(), d.unused())
				if !strings.HasPrefix(read(t, journal), text) {
					t.Error("what was in the journal has changed")
				}
				in := d.verify(t, journal, d.env(environ...)...)
				for _, id := range d.unused() {
					if !slices.Contains(in.states, id+" removed") && !slices.Contains(in.states, id+" gone") {
						t.Errorf("in the end, %s is not said to be removed or gone: %q", id, in.states)
					}
				}
			})
		}
	}
}

// states are those of accounts that were removed one after the other.
func states(removed []string) []string {
	var all []string
	for _, id := range removed {
		all = append(all, id+" removed")
	}
	return all
}

// What else has no room is said, and what was there before it stays.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	at, fill := smallDisk(t)
	if fill == nil {
		return
	}
	for _, c := range []struct{ file, before, says string }{
		{"REPORT=report.json", `{"run_id":"before"}`, "no space left on device"},
		{"REPORT=report.html", "<p>before", "no space left on device"},
		{"METRICS_FILE=metrics.prom", "# before\n", "no space left on device"},
		{"LEDGER=ledger.json", "", "write ledger: "},
	} {
		variable, name, _ := strings.Cut(c.file, "=")
		path := filepath.Join(at, name)
		environ := []string{forReal, "DORMANT_" + variable + "=" + path}
		d := serve(t, "itflex")
		if variable == "LEDGER" {
			environ = append(environ, "DORMANT_GRACE=14d")
			c.before = d.ledger(-20)
		}
		if err := os.WriteFile(path, []byte(c.before), 0o600); err != nil {
			t.Fatal(err)
		}
		fill(0)
		p := spawn(t, d.env(environ...), "run")
		code := p.wait(t)
		removed := d.unused()
		if variable == "LEDGER" { // what the run has seen could not be remembered
			removed = nil
		}
		sameIDs(t, c.file+": removed", d.Removed(), removed)
		if code != exitFailed || !strings.Contains(p.stderr.String(), c.says) {
			t.Errorf("%s: the exit code is %d, and %s is not in:\n%s", c.file, code, c.says, &p.stderr)
		}
		if now := read(t, path); now != c.before {
			t.Errorf("%s: what was there is now %q", c.file, now)
		}
		left, err := os.ReadDir(at)
		if err != nil || len(left) != 2 {
			t.Errorf("%s: it leaves %v, %v", c.file, left, err)
		}
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
	}
}

// Without a journal, the log is the record: nobody is removed who is not in it.
func TestFullDiskOfTheLog(t *testing.T) {
	t.Parallel()
	at, fill := smallDisk(t)
	if fill == nil {
		return
	}
	for _, c := range []struct {
		pages   int
		journal string
	}{{0, ""}, {1, ""}, {0, "DORMANT_JOURNAL=" + t.TempDir() + "/journal"}} {
		d := serve(t, "itflex")
		path := filepath.Join(at, "log")
		log, err := os.Create(path)
		if err != nil {
			t.Fatal(err)
		}
		fill(c.pages)
		var stdout bytes.Buffer
		cmd := process(t, d.env(forReal, "DORMANT_CONCURRENCY=1"), "run")
		if c.journal != "" {
			cmd.Env = append(cmd.Env, c.journal)
		}
		cmd.Stdout, cmd.Stderr = &stdout, log
		_ = cmd.Run() // the exit code tells
		_ = log.Close()
		code, removed := cmd.ProcessState.ExitCode(), d.Removed()
		if c.journal != "" {
			sameIDs(t, "removed with a journal", removed, d.unused())
			continue
		}
		if code != exitFailed || !strings.Contains(stdout.String(), "no record can be kept of removals: write log") {
			t.Errorf("with %d pages left: %d\n%s", c.pages, code, &stdout)
		}
		if c.pages == 0 && len(removed) > 0 || c.pages > 0 && (len(removed) == 0 || len(removed) == len(d.unused())) {
			t.Errorf("with %d pages left, %q are removed", c.pages, removed)
		}
		for _, id := range removed {
			if !regexp.MustCompile(fmt.Sprintf(`"user_id":%q,.*"removing account"}\n`, id)).MatchString(read(t, path)) {
				t.Errorf("%s was removed, and is not in the log:\n%s", id, read(t, path))
			}
		}
	}
}
