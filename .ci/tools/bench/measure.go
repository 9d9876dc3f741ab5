package main

import (
	"bufio"
	_ "embed"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

//go:embed script.py
var script string

//go:embed pipe.sh
var pipe string

// profile describes the server; %s is how its listing is read.
const profile = `title: Bench
list: {path: %s, items: items%s}
get: {path: "/users/{id}"}
user: {id: id, username: username, email: email, admin: is_admin, created: created, last_login: last_login}
remove: {path: "/users/{id}"}
`

const (
	byCursor = `, cursor: {param: cursor, first: "0", next: next}, size: {param: limit, default: 100}`
	byPage   = `, page: {param: page, first: 1}, total: total, size: {param: limit, default: 100}`
)

// usage is what a process took.
type usage struct {
	wall, cpu time.Duration
	rss       int // KiB, the most
}

func (u usage) String() string {
	return fmt.Sprintf("%6.2f s %6.2f s CPU %5d MiB", u.wall.Seconds(), u.cpu.Seconds(), u.rss>>10)
}

// run carries the command out and tells what it took. An audit that has candidates ends
// with 0 as well.
func run(cmd *exec.Cmd) (usage, error) {
	var output strings.Builder
	cmd.Stderr = &output
	start := time.Now()
	err := cmd.Run()
	u := usage{wall: time.Since(start)}
	if cmd.ProcessState != nil {
		u.cpu = cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
		if r, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage); ok {
			u.rss = int(r.Maxrss)
		}
	}
	if err != nil {
		err = fmt.Errorf("%s: %w\n%s", filepath.Base(cmd.Path), err, output.String())
	}
	return u, err
}

// bench has what all measurements need.
type bench struct {
	self, program, folder string
}

func measureAll(program, only string, small bool) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	folder, err := os.MkdirTemp("", "bench")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(folder) }()
	b := bench{self, program, folder}
	for _, s := range scans {
		if !strings.Contains(s.name, only) {
			continue
		}
		if small {
			s.accounts /= 10
			s.name += " (a tenth)"
			s.maxCPU, s.maxRSS = 0, 0
		}
		if err := b.scan(s); err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
	}
	for _, w := range waits {
		if !strings.Contains(w.name, only) {
			continue
		}
		if err := b.wait(w); err != nil {
			return fmt.Errorf("%s: %w", w.name, err)
		}
	}
	if strings.Contains("start", only) {
		return b.start()
	}
	return nil
}

func (b bench) path(name string) string { return filepath.Join(b.folder, name) }

// serve starts a directory, and returns its URL and how to stop it.
func (b bench) serve(accounts, inactive int, latency time.Duration) (url string, stop func(), err error) {
	cmd := exec.Command(b.self, "-mode", "serve", "-accounts", strconv.Itoa(accounts), "-inactive", strconv.Itoa(inactive), "-latency", latency.String())
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		return "", nil, err
	}
	if err := cmd.Start(); err != nil {
		return "", nil, err
	}
	stop = func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		stop()
		return "", nil, errors.Join(errors.New("the server did not start"), err)
	}
	return strings.TrimSpace(line), stop, nil
}

// dormant is the command with the variables, and nothing else in its environment.
func (b bench) dormant(url, listing string, arg string, variables ...string) (*exec.Cmd, error) {
	p := b.path("bench.yaml")
	if err := os.WriteFile(p, []byte(listing), 0o600); err != nil {
		return nil, err
	}
	cmd := exec.Command(b.program, arg)
	cmd.Env = append([]string{"DORMANT_PROFILE=" + p, "DORMANT_URL=" + url, "DORMANT_INACTIVE_FOR=90d", "DORMANT_LOG_LEVEL=error"}, variables...)
	return cmd, nil
}

// scan measures the audit of a directory, with a report as JSON.
func (b bench) scan(s scan) error {
	url, stop, err := b.serve(s.accounts, s.inactive, 0)
	if err != nil {
		return err
	}
	defer stop()
	how, listing := "whole", fmt.Sprintf(profile, "/all", "")
	if s.paged {
		how, listing = "paged", fmt.Sprintf(profile, "/users", byCursor)
	}
	raw, err := run(exec.Command(b.self, "-mode", "download", "-url", url, "-paged="+strconv.FormatBool(s.paged)))
	if err != nil {
		return err
	}
	cmd, err := b.dormant(url, listing, "audit", "DORMANT_FORMAT=json")
	if err != nil {
		return err
	}
	out, err := os.Create(b.path("report.json"))
	if err != nil {
		return err
	}
	cmd.Stdout = out
	took, err := run(cmd)
	err = errors.Join(err, out.Close())
	if err != nil {
		return err
	}
	megabytes := float64(s.accounts) * float64(len(account(time.Now()))+1) / 1e6
	fmt.Printf("%s\n  download %s\n  dormant  %s  %.0f MB/s, %.0f accounts/s, %.0f bytes an account\n", s.name, raw, took,
		megabytes/took.wall.Seconds(), float64(s.accounts)/took.wall.Seconds(), float64(took.rss<<10)/float64(s.accounts))
	target("times the download", took.wall.Seconds()/raw.wall.Seconds(), s.maxRatio)
	target("seconds of CPU", took.cpu.Seconds(), s.maxCPU.Seconds())
	target("MiB at most", float64(took.rss>>10), float64(s.maxRSS))
	if s.script {
		if err := compare("script", took, exec.Command("python3", "-c", script, url, how, b.path("script.json"))); err != nil {
			return err
		}
	}
	if _, err := exec.LookPath("jq"); s.pipe && err == nil {
		return compare("pipe", took, exec.Command("bash", "-c", pipe, "bash", url, how))
	}
	return nil
}

// compare measures what people use in place of dormant, with all processes that it starts; its
// memory is that of the largest.
func compare(what string, dormant usage, cmd *exec.Cmd) error {
	other, err := run(cmd)
	if err != nil {
		return err
	}
	fmt.Printf("  %-8s %s\n", what, other)
	target("of its CPU", dormant.cpu.Seconds()/other.cpu.Seconds(), 1./8)
	target("of its memory", float64(dormant.rss)/float64(other.rss), 1./4)
	return nil
}

// target prints a figure with its bound.
func target(what string, found, bound float64) {
	switch {
	case bound == 0:
		fmt.Printf("           %8.3f %s\n", found, what)
	case found <= bound:
		fmt.Printf("  reached  %8.3f %s (%.3f)\n", found, what, bound)
	default:
		fmt.Printf("  MISSED   %8.3f %s (%.3f)\n", found, what, bound)
	}
}

// start measures how long it takes until something happens, each time the fastest of some.
func (b bench) start() error {
	const times = 10
	fastest := time.Hour
	for range times {
		took, err := run(exec.Command(b.program, "version"))
		if err != nil {
			return err
		}
		fastest = min(fastest, took.wall)
	}
	fmt.Println("start")
	target("ms: version", fastest.Seconds()*1000, 15)

	fastest = time.Hour
	for range times {
		first, err := b.firstRequest()
		if err != nil {
			return err
		}
		fastest = min(fastest, first)
	}
	target("ms: first request of audit", fastest.Seconds()*1000, 30)
	return b.idle()
}

// firstRequest is the time from the start of an audit to its first request.
func (b bench) firstRequest() (time.Duration, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	asked := make(chan time.Time, 1)
	server := &http.Server{ReadHeaderTimeout: time.Minute, Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		select {
		case asked <- time.Now():
		default:
		}
		_, _ = w.Write([]byte(`{"items":[]}`))
	})}
	go func() { _ = server.Serve(l) }()
	defer func() { _ = server.Close() }()
	cmd, err := b.dormant("http://"+l.Addr().String(), fmt.Sprintf(profile, "/all", ""), "audit")
	if err != nil {
		return 0, err
	}
	start := time.Now()
	if _, err := run(cmd); err != nil {
		return 0, err
	}
	return (<-asked).Sub(start), nil
}

// idle is the memory of a daemon that waits.
func (b bench) idle() error {
	cmd, err := b.dormant("http://127.0.0.1:9", fmt.Sprintf(profile, "/all", ""), "daemon", "DORMANT_LISTEN=127.0.0.1:0")
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	time.Sleep(2 * time.Second)
	_ = cmd.Process.Signal(syscall.SIGTERM)
	_ = cmd.Wait()
	r, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage)
	if !ok {
		return errors.New("this system does not tell how much memory a process took")
	}
	target("MiB: idle daemon", float64(r.Maxrss)/1024, 20)
	return nil
}
