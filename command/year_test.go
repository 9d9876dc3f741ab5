package command

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	stdlog "log"
	mathrand "math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"

	"dormant/client/sandbox"
	"dormant/job"
	"dormant/job/memory"
)

// fault is something that goes wrong with a run.
type fault struct {
	says string
	hook hook
	// begin spoils something before the run, and returns how to put it right.
	begin func() (end func())
}

// TestAYear: a daemon that runs every hour of a year, most of them in trouble,
// leaves nothing behind: no goroutine, no file, no memory, no series. Each hour
// has its run, once, when the clocks change as well.
func TestAYear(t *testing.T) {
	before, complain := http.DefaultTransport, zerolog.ErrorHandler
	defer func() { http.DefaultTransport, zerolog.ErrorHandler = before, complain }()
	zerolog.ErrorHandler = func(error) {} // of a full disk
	at := t.TempDir()
	if memory, err := os.MkdirTemp("/dev/shm", "dormant"); err == nil { //nolint:usetesting // a year of syncing to a disk takes long
		defer func() { _ = os.RemoveAll(memory) }()
		at = memory
	}
	synctest.Test(t, func(t *testing.T) { aYear(t, at) })
}

// runCounter is a log that counts the runs and keeps nothing else.
type runCounter struct {
	mu       sync.Mutex
	full     bool
	starts   map[int64]int // by the hour
	outcomes map[string]int
	skipped  int // runs that were left out
}

func (c *runCounter) Write(line []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case bytes.Contains(line, []byte(`"message":"run finished`)):
		var event struct {
			Time    time.Time
			Outcome string
		}
		if err := json.Unmarshal(line, &event); err != nil {
			return 0, err
		}
		c.starts[event.Time.Truncate(time.Hour).Unix()]++
		c.outcomes[event.Outcome]++
	case bytes.Contains(line, []byte("this one is left out")):
		c.skipped++
	case c.full:
		return 0, syscall.ENOSPC
	}
	return len(line), nil
}

// raceDetector reports whether the race detector is on, which makes all of this slow.
func raceDetector() bool {
	info, _ := debug.ReadBuildInfo()
	return info != nil && slices.Contains(info.Settings, debug.BuildSetting{Key: "-race", Value: "true"})
}

// dayOlder makes those in grace in a ledger, if it is one, a day older.
func dayOlder(t *testing.T, path string) {
	f, err := memory.Open(path)
	if err != nil {
		return
	}
	_ = f.Close()
	rewriteLedger(t, path, func(a memory.Account) memory.Entry {
		if !a.Found.IsZero() {
			a.Found = a.Found.AddDate(0, 0, -1)
		}
		return a.Entry
	})
}

func aYear(t *testing.T, at string) {
	zone, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	first := time.Date(2027, 3, 1, 0, 0, 0, 0, zone) // the clocks change on the 28th, and on 2027-10-31
	<-time.After(time.Until(first.Add(-time.Minute)))
	random := mathrand.New(mathrand.NewPCG(1, 2))

	// The directory is a new one every six hours, so that what it keeps of the requests is
	// not counted as the daemon's.
	var directory atomic.Pointer[sandbox.Server]
	var now atomic.Pointer[fault]
	nothing := &fault{hook: func(http.ResponseWriter, *http.Request) bool { return false }}
	now.Store(nothing)
	renew := func(rate float64, asOf time.Time) {
		d, err := sandbox.New(sandbox.Options{
			System: "itflex", Seed: random.Uint64(), WithLastLogin: true, Users: sandbox.Population(9, random.Uint64(), asOf), FaultRate: rate,
			Before: func(w http.ResponseWriter, r *http.Request) bool { return now.Load().hook(w, r) },
		})
		if err != nil {
			t.Fatal(err)
		}
		directory.Store(d)
	}
	renew(0, time.Now())
	api, refusing := newMemoryListener(), atomic.Bool{}
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { directory.Load().ServeHTTP(w, r) }), ErrorLog: stdlog.New(io.Discard, "", 0)}
	go func() { _ = server.Serve(api) }()
	defer server.Close()
	var panics atomic.Bool
	http.DefaultTransport = &http.Transport{
		Proxy: func(*http.Request) (*url.URL, error) {
			if panics.Swap(false) {
				panic("on purpose")
			}
			return nil, nil
		},
		DialContext: func(context.Context, string, string) (net.Conn, error) {
			if refusing.Load() {
				return nil, syscall.ECONNREFUSED
			}
			return api.connect()
		},
	}

	file := func(name, text string) string {
		if err := os.WriteFile(filepath.Join(at, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return filepath.Join(at, name)
	}
	logs := &runCounter{starts: map[int64]int{}, outcomes: map[string]int{}}
	if err := os.Mkdir(at+"/reports", 0o700); err != nil {
		t.Fatal(err)
	}
	one := newDaemon(t, logs, "DORMANT_PROFILE=itflex", "DORMANT_URL=http://127.0.0.1:7", forReal,
		"DORMANT_CLIENT_SECRET_FILE="+file("secret", sandbox.DefaultSecret), "DORMANT_ALLOWLIST_FILE="+file("allowlist", "svc-*\n"),
		"DORMANT_JOURNAL="+at+"/journal", "DORMANT_LEDGER="+at+"/ledger", "DORMANT_GRACE=1d", "DORMANT_REPORT="+at+"/reports/r.json",
		"DORMANT_INACTIVE_FOR=90d", "DORMANT_MAX_REMOVAL_PERCENT=25", "DORMANT_MAX_RETRIES=2", "DORMANT_RUN_TIMEOUT=50m", "DORMANT_SCHEDULE=@hourly", "DORMANT_TIMEZONE=Europe/Berlin")
	// spoil makes a file one that can't be read, or a folder.
	spoil := func(name, text string) func() func() {
		return func() func() {
			was, _ := os.ReadFile(filepath.Join(at, name))
			file(name, text)
			return func() { file(name, string(was)) }
		}
	}
	away := func(name string) func() func() {
		return func() func() {
			if err := os.Rename(filepath.Join(at, name), filepath.Join(at, name+".away")); err != nil {
				return func() {}
			}
			return func() { _ = os.Rename(filepath.Join(at, name+".away"), filepath.Join(at, name)) }
		}
	}
	set := func(b *atomic.Bool) func() func() {
		return func() func() { b.Store(true); return func() { b.Store(false) } }
	}
	says := func(code int, body string, headers ...string) hook {
		return func(w http.ResponseWriter, _ *http.Request) bool {
			for i := 0; i < len(headers); i += 2 {
				w.Header().Set(headers[i], headers[i+1])
			}
			return answer(w, code, body)
		}
	}
	on := func(method string, h hook) hook {
		return func(w http.ResponseWriter, r *http.Request) bool { return r.Method == method && h(w, r) }
	}
	hang := func(_ http.ResponseWriter, r *http.Request) bool {
		_, _ = io.Copy(io.Discard, r.Body) // or the server would not look whether the client is still there
		<-r.Context().Done()
		return true
	}
	dripping := func(w http.ResponseWriter, r *http.Request) bool {
		for r.Context().Err() == nil {
			io.WriteString(w, " ")
			_ = http.NewResponseController(w).Flush()
			select {
			case <-time.After(20 * time.Second):
			case <-r.Context().Done():
			}
		}
		return true
	}
	faults := []fault{
		{says: "answers 500", hook: says(500, "")}, {says: "answers 403", hook: says(403, "{}")}, {says: "answers 401", hook: says(401, "{}")},
		{says: "answers 429", hook: says(429, "", "Retry-After", "40")}, {says: "is a portal", hook: says(200, "<html>")}, {says: "answers nothing", hook: says(200, "")},
		{says: "is elsewhere", hook: says(302, "", "Location", "http://127.0.0.1:8/")}, {says: "goes round", hook: says(302, "", "Location", "?")},
		{says: "hangs", hook: hang}, {says: "drips", hook: on(http.MethodGet, dripping)},
		{says: "hangs up", hook: func(http.ResponseWriter, *http.Request) bool { panic(http.ErrAbortHandler) }},
		{says: "hangs on removals", hook: on(http.MethodDelete, hang)}, {says: "refuses removals", hook: on(http.MethodDelete, says(409, "{}"))},
		{says: "says that nobody is there", hook: on(http.MethodDelete, says(404, "{}"))}, {says: "fails on removals", hook: on(http.MethodDelete, says(502, ""))},
		{says: "does not listen", begin: set(&refusing)}, {says: "panics", begin: set(&panics)},
		{says: "has another secret", begin: spoil("secret", "wrong")}, {says: "has an empty secret", begin: spoil("secret", "\n")}, {says: "has no secret", begin: away("secret")},
		{says: "has an allowlist of nobody", begin: spoil("allowlist", "#\n")}, {says: "has no allowlist", begin: away("allowlist")},
		{says: "has a damaged ledger", begin: spoil("ledger", "{")}, {says: "has no ledger", begin: away("ledger")}, {says: "has no folder for reports", begin: away("reports")},
		{says: "has a folder as a journal", begin: func() func() {
			back := away("journal")()
			_ = os.Mkdir(at+"/journal", 0o700)
			return func() { _ = os.Remove(at + "/journal"); back() }
		}},
		{says: "logs to a full disk", begin: func() func() {
			logs.mu.Lock()
			defer logs.mu.Unlock()
			logs.full = true
			return func() { logs.mu.Lock(); defer logs.mu.Unlock(); logs.full = false }
		}},
		{says: "loses its token", begin: func() func() { directory.Load().ExpireTokens(); return func() {} }},
		{says: "shows nobody who is active", begin: func() func() { renew(0, time.Now().AddDate(-1, 0, 0)); return func() { renew(0, time.Now()) } }},
	}

	ctx, stop := context.WithCancel(t.Context())
	listener, code := newMemoryListener(), make(chan int)
	go func() { code <- one.serve(ctx, listener) }()
	scrape := func() (series int) {
		c, err := listener.connect()
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		_, _, body, err := exchange(c, "GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
		if err != nil {
			t.Fatal(err)
		}
		return strings.Count(body, "\ndormant_")
	}
	type use struct{ goroutines, files, series, heap int }
	used := func() use {
		for range 3 {
			runtime.GC()
		}
		files, _ := os.ReadDir("/proc/self/fd") // nil elsewhere
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return use{runtime.NumGoroutine(), len(files), scrape(), int(m.HeapAlloc)}
	}
	end := first.AddDate(1, 0, 0)
	if raceDetector() {
		end = first.AddDate(0, 2, 0)
	}
	var months []use
	slow := []memoryConn{}
	for hour := first; hour.Before(end); hour = hour.Add(time.Hour) {
		// Ten minutes before the hour, in which nothing runs.
		<-time.After(time.Until(hour.Add(-10 * time.Minute)))
		var over func()
		if hour.UTC().Hour()%6 == 0 {
			_ = os.Remove(at + "/ledger") // another directory has another ledger
			renew(random.Float64()*.3, time.Now())
			for _, c := range slow {
				c.Close()
			}
			slow = slow[:0]
			if c, err := listener.connect(); err == nil {
				go io.WriteString(c, "GET /metrics HTTP/1.1\r\nX:")
				slow = append(slow, c)
			}
		}
		dayOlder(t, at+"/ledger") // or a grace would hardly ever end
		now.Store(nothing)
		if random.IntN(3) > 0 {
			what := &faults[random.IntN(len(faults))]
			if what.begin != nil {
				over = what.begin()
			}
			if what.hook != nil {
				now.Store(what)
			}
		}
		<-time.After(time.Until(hour.Add(49*time.Minute + 50*time.Second)))
		if over != nil {
			<-time.After(time.Until(hour.Add(50*time.Minute - time.Second)))
			over()
		}
		if next := hour.Add(time.Hour); next.In(zone).Day() == 1 && next.In(zone).Hour() == 0 {
			<-time.After(time.Until(hour.Add(51 * time.Minute)))
			renew(0, time.Now())
			months = append(months, used())
		}
	}
	<-time.After(time.Until(end.Add(-time.Minute)))
	stop()
	if code := <-code; code != exitDone {
		t.Errorf("it ended with %d", code)
	}

	for hour := first; hour.Before(end); hour = hour.Add(time.Hour) {
		if n := logs.starts[hour.Unix()]; n != 1 {
			t.Errorf("%d runs at %s", n, hour)
		}
	}
	runs := 0
	for _, n := range logs.starts {
		runs += n
	}
	if runs != int(end.Sub(first).Hours()) || logs.skipped > 0 {
		t.Errorf("%d runs, %d left out", runs, logs.skipped)
	}
	for _, outcome := range []job.Outcome{job.Completed, job.Refused, job.Partial, job.Failed} {
		if logs.outcomes[string(outcome)] < runs/200 { // with a race detector, the year is a short one
			t.Errorf("%d runs ended %s: %v", logs.outcomes[string(outcome)], outcome, logs.outcomes)
		}
	}
	early, late := months[0], months[len(months)-1]
	t.Logf("%v; at the end of each month: %+v", logs.outcomes, months)
	if late.goroutines > early.goroutines || late.files > early.files || late.series > early.series || late.heap > early.heap+1<<20 {
		t.Errorf("it grows from %+v to %+v", early, late)
	}
}
