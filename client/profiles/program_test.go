package profiles_test

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tidwall/gjson"
)

const day = 24 * time.Hour

// everyRun is the prefix of the names of all accounts that these tests create, in any run.
const everyRun = "dormant-test-"

const password = "correct horse battery"

// server is a real directory that the real program cleans up, with the accounts that the
// test expects there.
type server struct {
	url      string
	settings []string // variables besides those of each start of the program
	secret   string   // must not be in the program's log; "": none

	database string                     // SQLite file
	log      string                     // file
	requests func(log string) []request // parses the requests in it, in their order
	looks    bool                       // these include reads, at the paths of the accounts
	account  string                     // path of an account, with %s for its id
	address  func(id string) string     // what stands there instead of the id; nil: the id
	listed   string                     // SQL query for the ids of all accounts

	program string
	prefix  string // of the names and emails in this run
	cutoff  time.Time
	ids     map[string][]string // by group
	there   map[string]bool     // the ids of the accounts that the server has to have
}

// request is a request in the server's log, with the time at which it began.
type request struct {
	at    time.Time
	route string // METHOD PATH
}

// prepare builds the program and sets the fields that belong to this run.
func (s *server) prepare(t *testing.T) {
	s.program = build(t)
	s.prefix = everyRun + strconv.FormatInt(time.Now().UnixNano(), 36) + "-"
	s.cutoff = time.Now().UTC().Truncate(time.Second).Add(-90 * day)
	s.ids = map[string][]string{}
}

// add records an account that the test has created.
func (s *server) add(group, id string) {
	s.ids[group], s.there[id] = append(s.ids[group], id), true
}

// proxy starts a reverse proxy for the server and returns its URL. The proxy calls the
// function of a route before it forwards a request of that route.
func (s *server) proxy(t *testing.T, before map[string]func()) string {
	target := must(url.Parse(s.url))
	onward := &httputil.ReverseProxy{Rewrite: func(p *httputil.ProxyRequest) { p.SetURL(target) }}
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if happens, ok := before[req.Method+" "+req.URL.Path]; ok {
			happens()
		}
		onward.ServeHTTP(w, req)
	}))
	t.Cleanup(proxy.Close)
	return proxy.URL
}

// nth returns a function that calls happens at its n-th call only.
func nth(n int32, happens func()) func() {
	var calls atomic.Int32
	return func() {
		if calls.Add(1) == n {
			happens()
		}
	}
}

// wantsAccounts fails the test unless the server has exactly the expected accounts. It no
// longer expects those in gone.
func (s *server) wantsAccounts(t *testing.T, gone ...string) {
	t.Helper()
	for _, id := range gone {
		delete(s.there, id)
	}
	wantSame(t, "accounts", strings.Fields(s.sqlite(s.listed)), slices.Collect(maps.Keys(s.there)))
}

// wantsRemoved fails the test unless exactly these accounts were removed, each with one
// request.
func (s *server) wantsRemoved(t *testing.T, o *outing, ids []string) {
	t.Helper()
	o.wants(t, 0, each(ids, removed), s.routes(http.MethodDelete, ids...)...)
	s.wantsAccounts(t, ids...)
}

// routes returns the routes of the requests with this method for each account.
func (s *server) routes(method string, ids ...string) []string {
	var routes []string
	for _, id := range ids {
		if s.address != nil {
			id = s.address(id)
		}
		routes = append(routes, method+" "+fmt.Sprintf(s.account, id))
	}
	return routes
}

// sqlite executes the statement in the server's database and returns the output. It waits
// while the server has the database locked.
func (s *server) sqlite(statement string) string {
	out, err := exec.Command("sqlite3", "-cmd", ".timeout 10000", s.database, statement).CombinedOutput()
	if err != nil {
		panic(fmt.Sprintf("sqlite3: %v: %s", err, out))
	}
	return strings.TrimSpace(string(out))
}

func (s *server) readLog() string { return string(must(os.ReadFile(s.log))) }

// build builds the program, with the race detector if the test was built with it, and
// returns its path.
func build(t *testing.T) string {
	path := filepath.Join(t.TempDir(), "dormant")
	args := []string{"build", "-buildvcs=false", "-o", path}
	info, _ := debug.ReadBuildInfo()
	if slices.Contains(info.Settings, debug.BuildSetting{Key: "-race", Value: "true"}) {
		args = append(args, "-race")
	}
	if text, err := exec.Command("go", append(args, "dormant")...).CombinedOutput(); err != nil {
		t.Fatalf("go build: %v: %s", err, text)
	}
	return path
}

// outing is one start of the program, with its output.
type outing struct {
	server *server
	cmd    *exec.Cmd
	stderr bytes.Buffer
	lines  *bufio.Scanner // of stderr
	dir    string
	logged int // length of the server's log at the start, in bytes

	report gjson.Result
}

// dormant runs the program until it exits. The words after the command are variables.
func (s *server) dormant(t *testing.T, command string) *outing {
	t.Helper()
	o := s.start(t, command)
	o.finish(t)
	return o
}

func (s *server) start(t *testing.T, command string) *outing {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	words := strings.Fields(command)
	o := &outing{server: s, cmd: exec.CommandContext(ctx, s.program, words[0]), dir: t.TempDir(), logged: len(s.readLog())}
	o.cmd.Env = slices.Concat([]string{
		"DORMANT_URL=" + s.url, "DORMANT_LOG_LEVEL=debug",
		"DORMANT_INACTIVE_SINCE=" + s.cutoff.Format(time.RFC3339), "DORMANT_ALLOWLIST=" + strings.ToUpper(s.prefix) + "listed*",
		"DORMANT_JOURNAL=" + o.dir + "/journal", "DORMANT_REPORT=" + o.dir + "/report.json",
		"GORACE=atexit_sleep_ms=0", // without it, the race detector delays each exit by one second
	}, s.settings, words[1:]) // the last variable of a name counts
	o.lines = bufio.NewScanner(io.TeeReader(must(o.cmd.StderrPipe()), &o.stderr))
	if err := o.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return o
}

// waitFor reads the log up to this message and returns its line.
func (o *outing) waitFor(t *testing.T, message string) gjson.Result {
	t.Helper()
	for o.lines.Scan() {
		if line := gjson.ParseBytes(o.lines.Bytes()); line.Get("message").Str == message {
			return line
		}
	}
	t.Fatalf("the program has not logged %q:\n%s", message, &o.stderr)
	return gjson.Result{}
}

// finish waits until the program exits, and reads its report.
func (o *outing) finish(t *testing.T) {
	t.Helper()
	for o.lines.Scan() {
		continue
	}
	_ = o.cmd.Wait() // wants checks the exit code
	text := strings.ToLower(o.stderr.String())
	if strings.Contains(text, o.server.prefix) || o.server.secret != "" && strings.Contains(text, o.server.secret) {
		t.Errorf("names, emails or the key are in the log:\n%s", text)
	}
	report, _ := os.ReadFile(o.dir + "/report.json") // the command check writes none
	o.report = gjson.ParseBytes(report)
}

// The fates of an account: result and reason in the report, and in brackets the events in the
// journal.
const (
	wouldRemove  = "would_remove inactive ()"
	notAttempted = "not_attempted inactive ()"
	removed      = "removed inactive (intent removed)"
)

// each returns the same fate for all ids.
func each(ids []string, fate string) map[string]string {
	fates := map[string]string{}
	for _, id := range ids {
		fates[id] = fate
	}
	return fates
}

// wants fails the test unless the program exited with the code, reported exactly these
// candidates, the longest inactive first, and the server's log has exactly these writes, each
// between the intent and the result of its account, with a look at the account after it
// where the log shows that.
func (o *outing) wants(t *testing.T, code int, fates map[string]string, writes ...string) {
	t.Helper()
	if got := o.cmd.ProcessState.ExitCode(); got != code {
		t.Fatalf("exit code %d, want %d:\n%s", got, code, &o.stderr)
	}
	journal, times := map[string]string{}, map[string]time.Time{}
	lines, _ := os.ReadFile(o.dir + "/journal") // a dry run writes none
	for line := range bytes.Lines(lines) {
		e := gjson.ParseBytes(line)
		id := e.Get("user_id").Str
		journal[id] = strings.TrimSpace(journal[id] + " " + cmp.Or(e.Get("result").Str, e.Get("event").Str))
		times[o.server.routes(e.Get("event").Str, id)[0]] = e.Get("time").Time()
	}
	var got, want []string
	var days []int64
	made := map[string]bool{} // paths of accounts that were changed
	for _, a := range o.report.Get("accounts").Array() {
		id := a.Get("id").Str
		got = append(got, fmt.Sprintf("%s %s %s (%s)", id, a.Get("result"), a.Get("reason"), journal[id]))
		days = append(days, -a.Get("inactive_days").Int())
		made[fmt.Sprintf(o.server.account, id)] = slices.Contains([]string{"removed", "disabled"}, a.Get("result").Str)
		delete(journal, id)
	}
	for id, fate := range fates {
		want = append(want, id+" "+fate)
	}
	wantSame(t, "candidates", got, want)
	if len(journal) > 0 {
		t.Errorf("in the journal and not in the report: %v", journal)
	}
	if !slices.IsSorted(days) {
		t.Errorf("the longest inactive are not the first: %v", days)
	}

	var sent []string
	unseen := map[string]bool{} // those that were not read after it
	for _, r := range o.server.requests(o.server.readLog()[o.logged:]) {
		method, path, _ := strings.Cut(r.route, " ")
		intent, result := times["intent "+path], times["result "+path]
		if method == http.MethodGet {
			if !r.at.After(result) {
				delete(unseen, path)
			}
			continue
		}
		sent = append(sent, r.route)
		if intent.IsZero() {
			continue
		}
		if made[path] {
			unseen[path] = true
		}
		if r.at.Before(intent) || r.at.After(result) {
			t.Errorf("%s at %s, but the intent is of %s and the result of %s", r.route, r.at, intent, result)
		}
	}
	if len(unseen) > 0 && o.server.looks {
		t.Errorf("not read after their change: %v", slices.Collect(maps.Keys(unseen)))
	}
	wantSame(t, "requests", sent, writes)
}

// wantsKept fails the test unless the numbers of kept accounts by reason are these.
func (o *outing) wantsKept(t *testing.T, want map[string]int) {
	t.Helper()
	got := map[string]int{}
	for reason, n := range o.report.Get("counts.kept").Map() {
		got[reason] = int(n.Int())
	}
	if !maps.Equal(got, want) {
		t.Errorf("kept %v, want %v", got, want)
	}
}

// wantSame fails the test unless both slices have the same elements in any order.
func wantSame(t *testing.T, what string, got, want []string) {
	t.Helper()
	got, want = slices.Sorted(slices.Values(got)), slices.Sorted(slices.Values(want))
	if !slices.Equal(got, want) {
		less := func(a, b []string) []string {
			return slices.DeleteFunc(slices.Clone(a), func(s string) bool { return slices.Contains(b, s) })
		}
		t.Errorf("%s: got %d, want %d; unwanted are %q, missing are %q", what, len(got), len(want), less(got, want), less(want, got))
	}
}

func send(req *http.Request) (int, string) {
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		panic(err)
	}
	defer resp.Body.Close()
	return resp.StatusCode, string(must(io.ReadAll(resp.Body)))
}

func get(url string) string {
	_, body := send(must(http.NewRequest(http.MethodGet, url, http.NoBody)))
	return body
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
