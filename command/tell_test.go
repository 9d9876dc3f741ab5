package command

import (
	"bufio"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"strings"
	"sync"
	"testing"

	"dormant/job"
)

// hookServer is a webhook that keeps what it gets.
type hookServer struct {
	*httptest.Server
	status int

	mu   sync.Mutex
	said []string
}

func serveHook(t *testing.T, status int) *hookServer {
	h := &hookServer{status: status}
	h.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		h.mu.Lock()
		h.said = append(h.said, string(body))
		h.mu.Unlock()
		w.WriteHeader(h.status)
	}))
	t.Cleanup(h.Close)
	return h
}

func (h *hookServer) variable(query string) string {
	return "DORMANT_NOTIFY_URL=generic+" + h.URL + "/hunter2" + query
}

// Each kind of run is told about if DORMANT_NOTIFY_ON wants it, to the webhook as the report
// without its accounts.
func TestPeopleAreTold(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		what    string
		environ []string
		on      map[string]bool // the values of DORMANT_NOTIFY_ON with which people are told
		outcome job.Outcome
	}{
		{"removals", []string{forReal}, map[string]bool{"changes": true, "always": true}, job.Completed},
		{"a dry run with candidates", nil, map[string]bool{"changes": true, "always": true}, job.DryRun},
		{"nobody to remove", []string{forReal, "DORMANT_ALLOWLIST=*"}, map[string]bool{"always": true}, job.Completed},
		{"a refusal", []string{forReal, "DORMANT_MAX_REMOVALS=1"}, map[string]bool{"problems": true, "changes": true, "always": true}, job.Refused},
	} {
		for _, on := range []string{"problems", "changes", "always"} {
			d, hook := serve(t, "itflex"), serveHook(t, http.StatusOK)
			r := d.run("run", append(tt.environ, hook.variable(""), "DORMANT_NOTIFY_ON="+on)...)
			if len(hook.said) > 1 || len(hook.said) == 1 != tt.on[on] {
				t.Errorf("%s, %s: told %d times", tt.what, on, len(hook.said))
			}
			for _, said := range hook.said {
				var head job.Report
				if err := json.Unmarshal([]byte(said), &head); err != nil {
					t.Fatal(err)
				}
				if head.RunID != r.report.RunID || head.Outcome != tt.outcome || head.Counts.Candidates != r.report.Counts.Candidates || head.Accounts.Len() > 0 {
					t.Errorf("%s: %s", tt.what, said)
				}
				for _, id := range d.unused() {
					if name := d.user(id).Username; name != "" && strings.Contains(said, name) {
						t.Errorf("%s: %s is named", tt.what, name)
					}
				}
			}
		}
	}
}

// A channel that can't be told is in the report and the metrics; the run is what it was.
func TestPeopleCannotBeTold(t *testing.T) {
	t.Parallel()
	d, hook := serve(t, "itflex"), serveHook(t, http.StatusInternalServerError)
	metrics := t.TempDir() + "/m.prom"
	r := d.run("run", forReal, hook.variable(""), "DORMANT_METRICS_FILE="+metrics)
	r.expect(t, exitDone, job.Completed)
	sameIDs(t, "removed", d.Removed(), d.unused())
	if len(hook.said) != 3 {
		t.Errorf("tried %d times", len(hook.said))
	}
	var codes []string
	for _, w := range r.report.Warnings {
		codes = append(codes, w.Code)
	}
	if !strings.Contains(strings.Join(codes, " "), job.WarnNotNotified) || strings.Contains(r.stdout+r.stderr, "hunter2") {
		t.Errorf("%s\n%s", r.stdout, r.stderr)
	}
	if text := read(t, metrics); !strings.Contains(text, `dormant_notifications_total{result="failed",service="generic"} 1`) ||
		!strings.Contains(text, `dormant_notifications_total{result="sent",service="slack"} 0`) {
		t.Error(text)
	}
}

// A real mail server gets one mail, with names only if the URL says so.
func TestPeopleAreToldByMail(t *testing.T) {
	t.Parallel()
	if err := exec.Command("/usr/bin/python3", "-c", "import aiosmtpd").Run(); err != nil {
		t.Skip("there is no aiosmtpd: ", err)
	}
	for _, tt := range []struct {
		mode, user, query string
		mails             int
		problem           string
	}{
		{"accept", "", "", 1, ""},
		{"accept", "", "&names=yes", 1, ""},
		{"greylist", "", "", 1, ""},
		{"full", "", "", 0, "452"},
		{"password", "me:right@", "", 1, ""},
		{"password", "me:wrong@", "", 0, "535"},
		{"password", "", "", 0, "530"},
	} {
		t.Run(tt.mode+tt.user+tt.query, func(t *testing.T) {
			t.Parallel()
			cmd := exec.Command("/usr/bin/python3", "testdata/smtpd.py", tt.mode)
			stdin, _ := cmd.StdinPipe()
			stdout, _ := cmd.StdoutPipe()
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			lines := bufio.NewScanner(stdout)
			lines.Scan()
			d := serve(t, "itflex")
			r := d.run("run", forReal, "DORMANT_NOTIFY_URL=smtp://"+tt.user+"127.0.0.1:"+lines.Text()+"/?from=dormant@example.com&to=team@example.com"+tt.query)
			r.expect(t, exitDone, job.Completed)
			_ = stdin.Close()
			var mails []string
			for lines.Scan() {
				mails = append(mails, lines.Text())
			}
			_ = cmd.Wait()
			if len(mails) != tt.mails || tt.problem != "" && !strings.Contains(r.stdout, tt.problem) || strings.Contains(r.stdout+r.stderr, "wrong") {
				t.Fatalf("%d mails: %q\n%s", len(mails), mails, r.stderr)
			}
			for _, mail := range mails {
				if !strings.Contains(mail, "Subject: dormant: itflex: completed, ") || !strings.Contains(mail, r.report.RunID) {
					t.Error(mail)
				}
				if named := strings.Contains(mail, d.user(d.unused()[0]).Username); named != (tt.query != "") {
					t.Errorf("names: %t: %s", named, mail)
				}
			}
		})
	}
}
