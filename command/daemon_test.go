package command

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"dormant/client/sandbox"
)

// newDaemon is one that nothing has started.
func newDaemon(t *testing.T, logs io.Writer, environ ...string) *daemon {
	t.Helper()
	a := &app{Process: Process{Environ: environ, Stdout: io.Discard, Stderr: logs, Now: time.Now}}
	if problems := a.configure(allVariables); len(problems) > 0 {
		t.Fatal(problems)
	}
	return &daemon{app: a}
}

func TestDaemonServes(t *testing.T) {
	t.Parallel()
	d := serve(t, "itflex")
	scanning, release := make(chan struct{}), make(chan struct{})
	d.before(func(_ http.ResponseWriter, r *http.Request) bool {
		if r.URL.Path == "/api/user/info" {
			close(scanning)
			select {
			case <-release:
			case <-r.Context().Done():
			}
		}
		return false
	})
	p := spawn(t, d.env("DORMANT_LISTEN=127.0.0.1:0", "DORMANT_RUN_AT_START=true", "DORMANT_TIMEZONE=America/Sao_Paulo"), "daemon")
	address := p.stderr.await(t, `"address":"([^"]+)"`)[1]
	at := "http://" + address

	p2 := start(t, d.env("DORMANT_LISTEN="+address), "daemon")
	if code := p2.wait(t); code != exitFailed || !strings.Contains(p2.stderr.String(), "DORMANT_LISTEN") {
		t.Errorf("a second daemon at the same address: %d, %s", code, &p2.stderr)
	}
	// A client that does not end its request is not waited for.
	slow, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer slow.Close()
	fmt.Fprint(slow, "GET /metrics HTTP/1.1\r\nHost:")

	p.await(t, scanning)
	for _, c := range []struct {
		method, path string
		code         int
	}{
		{"GET", "/healthz", 200}, {"GET", "/readyz", 200}, {"GET", "/metrics", 200}, {"HEAD", "/metrics", 200},
		{"POST", "/metrics", 405}, {"POST", "/healthz", 405}, {"DELETE", "/readyz", 405},
		{"GET", "/", 404}, {"GET", "/debug/pprof/", 404}, {"POST", "/run", 404}, {"GET", "/metrics/x", 404},
	} {
		if code, _ := get(t, c.method, at+c.path); code != c.code {
			t.Errorf("%s %s: %d, not %d", c.method, c.path, code, c.code)
		}
	}
	close(release)
	p.stderr.await(t, "run finished")
	_, text := get(t, http.MethodGet, at+"/metrics")
	m := metrics(t, text)
	next := time.Unix(int64(m["dormant_next_run_timestamp_seconds"]), 0).UTC().Format(time.TimeOnly)
	if m["go_goroutines"] == 0 || m["process_start_time_seconds"] == 0 || next != "06:00:00" { // 3 o'clock in São Paulo
		t.Errorf("the next run is at %s; the metrics are:\n%s", next, text)
	}
	_ = slow.SetReadDeadline(time.Now().Add(patience))
	if _, err := io.Copy(io.Discard, slow); errors.Is(err, os.ErrDeadlineExceeded) {
		t.Error("a slow client keeps its connection")
	}
	p.signal(syscall.SIGTERM)
	if code := p.wait(t); code != exitDone || p.stdout.String() != "" {
		t.Errorf("a daemon that was idle ends with %d:\n%s%s", code, &p.stdout, &p.stderr)
	}
}

// Two runs of one daemon, without the minute between them.
func TestDaemonFromRunToRun(t *testing.T) {
	t.Parallel()
	d := serve(t, "itflex")
	file := write(t, "token", sandbox.DefaultToken+"\n")
	d.unset("DORMANT_TOKEN")
	var logs output
	one := newDaemon(t, &logs, d.env(forReal, "DORMANT_TOKEN_FILE="+file, "DORMANT_MAX_REMOVALS=0")...)
	ready := func(want int, says string) {
		t.Helper()
		w := httptest.NewRecorder()
		one.server().Handler.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/readyz", http.NoBody))
		if w.Code != want || !strings.Contains(w.Body.String(), says) {
			t.Errorf("%d %s, not %d with %q", w.Code, w.Body, want, says)
		}
	}
	ready(200, "no run")
	one.runNow(t.Context())
	ready(503, "refused")
	one.cfg.MaxRemovals = 1000
	d.ExpireTokens()
	one.runNow(t.Context())
	ready(503, "failed")
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	seen := len(d.Requests())
	one.runNow(t.Context())
	ready(503, "failed")
	if !strings.Contains(logs.String(), "DORMANT_TOKEN_FILE") || len(d.Requests()) > seen {
		t.Errorf("without its token, it sent %d requests:\n%s", len(d.Requests())-seen, &logs)
	}
	sameIDs(t, "removed", d.Removed(), nil)

	rotated := serve(t, "itflex", func(o *sandbox.Options) { o.Token = "another-token" })
	one.cfg.URL = rotated.url
	if err := os.WriteFile(file, []byte("another-token"), 0o600); err != nil {
		t.Fatal(err)
	}
	one.runNow(t.Context())
	ready(200, "completed")
	sameIDs(t, "removed", rotated.Removed(), rotated.unused())
	if n := strings.Count(logs.String(), `"run finished"`); n != 4 {
		t.Errorf("%d summaries of 4 runs:\n%s", n, &logs)
	}
}

func get(t *testing.T, method, address string) (int, string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, address, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, _ := io.ReadAll(response.Body)
	return response.StatusCode, string(body)
}
