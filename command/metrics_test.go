package command

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"dormant/job"
)

func TestTheMetricsFile(t *testing.T) {
	t.Parallel()
	d := serve(t, "itflex")
	path := filepath.Join(t.TempDir(), "dormant.prom")
	environ := "DORMANT_METRICS_FILE=" + path
	d.run("run", forReal, environ).expect(t, exitDone, job.Completed)
	before, _ := os.Stat(path)
	succeeded := metrics(t, read(t, path))
	for name, want := range map[string]float64{
		`dormant_runs_total{command="run",outcome="completed"}`:      1,
		`dormant_runs_total{command="audit",outcome="dry_run"}`:      0,
		`dormant_removals_total{dry_run="false",result="removed"}`:   float64(len(d.unused())),
		`dormant_removals_total{dry_run="true",result="removed"}`:    0,
		`dormant_last_run_users{state="scanned"}`:                    float64(len(d.users)),
		`dormant_api_requests_total{code="200",operation="remove"}`:  float64(len(d.unused())),
		`dormant_decisions_total{action="remove",reason="inactive"}`: float64(len(d.unused())),
	} {
		if got, ok := succeeded[name]; !ok || got != want {
			t.Errorf("%s is %v, not %v", name, got, want)
		}
	}
	d.before(func(w http.ResponseWriter, _ *http.Request) bool { return answer(w, 500, "") })
	d.run("run", forReal, environ).expect(t, exitFailed, job.Failed)
	failed := metrics(t, read(t, path))
	const success, ended = "dormant_last_success_timestamp_seconds", "dormant_last_run_timestamp_seconds"
	if succeeded[success] == 0 || failed[success] != succeeded[success] || failed[ended] <= succeeded[ended] {
		t.Errorf("last success %v, then %v; last run %v, then %v", succeeded[success], failed[success], succeeded[ended], failed[ended])
	}
	for name := range failed {
		if !strings.HasPrefix(name, "dormant_") {
			t.Errorf("%s is in the file", name)
		}
	}
	after, _ := os.Stat(path)
	if names, _ := os.ReadDir(filepath.Dir(path)); os.SameFile(before, after) || len(names) != 1 {
		t.Errorf("the file was written over and not replaced, or more than it is left: %v", names)
	}
	environ = "DORMANT_METRICS_FILE=" + filepath.Join(t.TempDir(), "folder.prom")
	if err := os.Mkdir(strings.TrimPrefix(environ, "DORMANT_METRICS_FILE="), 0o700); err != nil {
		t.Fatal(err)
	}
	d.run("run", environ).expect(t, exitFailed, job.Failed)
	d.before(func(http.ResponseWriter, *http.Request) bool { return false })
	d.run("run", environ).expect(t, exitFailed, job.DryRun)
	d.refuses(t, "run", []string{"DORMANT_METRICS_FILE"}, "DORMANT_METRICS_FILE="+path+"/none.prom")
}

func TestThePushgateway(t *testing.T) {
	t.Parallel()
	var pushes []string // method and path
	var body []byte
	status := http.StatusOK
	gateway := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		pushes = append(pushes, r.Method+" "+r.URL.Path)
		body, _ = io.ReadAll(r.Body)
		w.WriteHeader(status)
	}))
	defer gateway.Close()
	d := serve(t, "itflex")
	for _, c := range []struct {
		path   string
		status int
		down   bool
		code   int
		want   job.Outcome
		pushed string
	}{
		{"", 200, false, exitDone, job.DryRun, "POST /metrics/job/dormant"}, // POST adds, PUT would replace
		{"/metrics/job/cleanup/instance/acme", 202, false, exitDone, job.DryRun, "POST /metrics/job/cleanup/instance/acme"},
		{"/prefix/", 200, true, exitFailed, job.Failed, "POST /prefix/metrics/job/dormant"},
		{"", 500, false, exitFailed, job.DryRun, "POST /metrics/job/dormant"},
	} {
		status = c.status
		d.before(func(w http.ResponseWriter, _ *http.Request) bool { return c.down && answer(w, 500, "") })
		d.run("run", "DORMANT_PUSHGATEWAY_URL="+gateway.URL+c.path).expect(t, c.code, c.want)
		if got := pushes[len(pushes)-1]; got != c.pushed {
			t.Errorf("%s: %s, not %s", c.path, got, c.pushed)
		}
		if got := bytes.Contains(body, []byte("dormant_last_success_timestamp_seconds")); got == c.down {
			t.Errorf("%s: the last success is pushed: %t", c.want, got)
		}
		if !bytes.Contains(body, []byte("dormant_last_run_timestamp_seconds")) || bytes.Contains(body, []byte("go_goroutines")) {
			t.Errorf("%s: not the metrics that belong there are pushed", c.want)
		}
	}
	if len(pushes) != 4 {
		t.Errorf("pushes: %q", pushes)
	}
	d.run("run", "DORMANT_PUSHGATEWAY_URL=http://"+unusedAddress(t)).expect(t, exitFailed, job.DryRun)
}

// metrics reads Prometheus' text format: the values by name and labels.
func metrics(t *testing.T, text string) map[string]float64 {
	t.Helper()
	parser := expfmt.NewTextParser(model.UTF8Validation)
	if _, err := parser.TextToMetricFamilies(strings.NewReader(text)); err != nil {
		t.Fatal(err)
	}
	values := map[string]float64{}
	for line := range strings.Lines(text) {
		if i := strings.LastIndexByte(line, ' '); !strings.HasPrefix(line, "#") && i > 0 {
			values[line[:i]], _ = strconv.ParseFloat(strings.TrimSpace(line[i:]), 64)
		}
	}
	return values
}
