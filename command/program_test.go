package command

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"sync"
	"testing"
	"time"
)

// root is the module's folder, as the tests see it.
const root = "../"

// panicking makes the test's own binary a program that panics where it sends a request.
const panicking = "RUN_TEST_BINARY_PANICKING"

func TestMain(m *testing.M) {
	if os.Getenv(panicking) != "" {
		http.DefaultTransport.(*http.Transport).Proxy = func(*http.Request) (*url.URL, error) { panic("on purpose") }
		os.Exit(Main(context.Background(), Process{"dormant", os.Args[1:], os.Environ(), nil, os.Stdout, os.Stderr, time.Now}))
	}
	m.Run()
	if binaryAt != "" {
		_ = os.RemoveAll(binaryAt)
	}
}

// binaryAt is the folder of the program, once it is built.
var binaryAt string

// binary builds the program when a process is first wanted, and returns its path: what
// only a process has, signals and an exit code, is main's.
var binary = sync.OnceValues(func() (string, error) {
	if _, err := os.ReadFile(root + "main.go"); err != nil { // now go test knows that its result depends on it
		return "", err
	}
	at, err := os.MkdirTemp("", "dormant")
	if err != nil {
		return "", err
	}
	binaryAt = at
	path := filepath.Join(at, "dormant")
	args := []string{"build", "-buildvcs=false", "-o", path}
	if raceDetector() {
		args = append(args, "-race")
	}
	if text, err := exec.Command("go", append(args, "dormant")...).CombinedOutput(); err != nil {
		return "", fmt.Errorf("go build: %w: %s", err, text)
	}
	return path, nil
})

// program is one run of the program.
type program struct {
	stdout, stderr output
	signal         func(os.Signal)
	ended          chan struct{}
	code           int // -1 if a signal ended it
}

// start runs the program within this process. Any signal is one to stop.
func start(t *testing.T, environ []string, args ...string) *program {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	p := &program{ended: make(chan struct{}), signal: func(os.Signal) { cancel() }}
	go func() {
		defer close(p.ended)
		p.code = Main(ctx, Process{"dormant", args, environ, nil, &p.stdout, &p.stderr, time.Now})
	}()
	t.Cleanup(func() { cancel(); <-p.ended })
	return p
}

// process is the program as a process that has not started yet.
func process(t *testing.T, environ []string, args ...string) *exec.Cmd {
	t.Helper()
	path, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), path, args...)
	// With the race detector, a process waits for a second before it ends.
	cmd.Env = append(slices.Clone(environ), "GORACE=atexit_sleep_ms=0")
	return cmd
}

// spawn runs the program as a process.
func spawn(t *testing.T, environ []string, args ...string) *program {
	t.Helper()
	return startProcess(t, process(t, environ, args...))
}

func startProcess(t *testing.T, cmd *exec.Cmd) *program {
	t.Helper()
	p := &program{ended: make(chan struct{})}
	cmd.Stdout, cmd.Stderr = &p.stdout, &p.stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	p.signal = func(s os.Signal) { _ = cmd.Process.Signal(s) } // it may have ended
	go func() {
		defer close(p.ended)
		_ = cmd.Wait() // the exit code tells
		p.code = cmd.ProcessState.ExitCode()
	}()
	t.Cleanup(func() { <-p.ended }) // t's context has ended it
	return p
}

// wait returns the exit code.
func (p *program) wait(t *testing.T) int {
	t.Helper()
	p.await(t, p.ended)
	return p.code
}

// await waits for what the program should do.
func (p *program) await(t *testing.T, done <-chan struct{}) {
	t.Helper()
	select {
	case <-done:
	case <-time.After(patience):
		t.Fatalf("it waits in vain:\n%s%s", &p.stdout, &p.stderr)
	}
}

func (p *program) running() bool {
	select {
	case <-p.ended:
		return false
	default:
		return true
	}
}

// output is what a program writes. Others may read it meanwhile.
type output struct {
	mu    sync.Mutex
	text  bytes.Buffer
	grown chan struct{} // closed when there is more, or nil
}

func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.grown != nil {
		close(o.grown)
		o.grown = nil
	}
	return o.text.Write(b)
}

func (o *output) String() string { text, _ := o.look(); return text }

func (o *output) look() (string, <-chan struct{}) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.grown == nil {
		o.grown = make(chan struct{})
	}
	return o.text.String(), o.grown
}

// await returns the match of the pattern as soon as there is one.
func (o *output) await(t *testing.T, pattern string) []string {
	t.Helper()
	expr, deadline := regexp.MustCompile(pattern), time.After(patience)
	for {
		text, grown := o.look()
		if match := expr.FindStringSubmatch(text); match != nil {
			return match
		}
		select {
		case <-grown:
		case <-deadline:
			t.Fatalf("%s does not come:\n%s", pattern, text)
		}
	}
}

func write(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
