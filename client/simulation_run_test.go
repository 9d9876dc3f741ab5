package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"dormant/job"
)

// simRun is one run of the program: how it is set up, what it was told, and what
// it asked for.
type simRun struct {
	world  *simWorld
	number int
	id     string // of the run, and its User-Agent
	policy simPolicy
	now    time.Time

	concurrency, retries, pageSize, maxFailures int

	fixedToken bool
	noJournal  bool
	journal    string
	fileBy     string // which name the rows of the file of logins have
	file       map[string]time.Time
	logBreaks  int // how many lines can be written; 0: all
	stopAt     int // the request at which it ends early; 0: it does not
	kill       bool
	isCalm     bool

	ledger string
	warned map[string]time.Time // by the ledger, when the run began

	out    simOutput
	cancel context.CancelFunc
	report job.Report
	ended  bool

	mu        sync.Mutex
	handled   int
	cancelled time.Time
	dead      bool
	confused  bool // it was told what nobody could see through

	self     []string
	seen     map[string]*simSeen
	named    map[string]map[string]bool // ids, by what rows of the file name
	open     map[string]*simTold        // looks that are not complete
	pages    map[string]bool            // of listings: whether the last try was answered
	listed   bool                       // a page has come
	from, to time.Time                  // the listing
	log      map[string]time.Time       // of all accounts
	oldest   time.Time                  // entry
	offline  map[string]bool
	signedIn time.Time
	loggedAt time.Time
	planned  bool // the listing has been read
	effects  []simEffect
}

// simSeen is what the run knows of one account.
type simSeen struct {
	told      *simTold // by the listing
	planned   *simTold // by the first look, if there is one
	last      simTold
	looks     int
	lookedAt  time.Time
	goneThen  bool // when it was looked at for planning
	saidGone  bool // it was told so
	tries     int  // requests to change it
	succeeded map[simKind]bool
	asked     map[simKind]bool
}

// simEffect is what a request did to an account.
type simEffect struct {
	id   string
	kind simKind
	all  bool // it was the last of several steps
}

// simOutput is a log. It may break.
type simOutput struct {
	mu    sync.Mutex
	text  bytes.Buffer
	lines int
	most  int
}

func (o *simOutput) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.lines++; o.most > 0 && o.lines > o.most {
		return 0, errors.New("the disk is full")
	}
	return o.text.Write(p)
}

func (o *simOutput) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// newRun sets up a run, as the seed has it.
func (w *simWorld) newRun(p simPolicy, journal string) *simRun {
	r := w.random
	w.mu.Lock()
	defer w.mu.Unlock()
	number := len(w.runs) + 1
	run := &simRun{
		world: w, number: number, id: fmt.Sprintf("run-%d", number), policy: p, journal: journal,
		concurrency: 1 + r.IntN(4), retries: r.IntN(4), maxFailures: 1 + r.IntN(5),
		fixedToken: w.fixedToken, noJournal: r.IntN(8) == 0,
		seen: map[string]*simSeen{}, named: map[string]map[string]bool{}, open: map[string]*simTold{}, pages: map[string]bool{},
		log: map[string]time.Time{}, offline: map[string]bool{},
	}
	if r.IntN(3) > 0 {
		run.pageSize = 1 + r.IntN(12)
		if w.sys.name == "keycloak" { // where a page of accounts that are not shown would be the last
			run.pageSize += 7
		}
	}
	if run.noJournal && r.IntN(2) == 0 {
		run.logBreaks = 1 + r.IntN(10)
	}
	if r.IntN(3) == 0 {
		run.stopAt, run.kill = 1+r.IntN(60), r.IntN(2) == 0
	}
	w.runs = append(w.runs, run)
	return run
}

// calm makes the run one that nothing stops.
func (run *simRun) calm() {
	run.isCalm, run.retries, run.maxFailures, run.stopAt, run.logBreaks = true, 3, 1000, 0, 0
}

// start carries the run out, to its end or to where it is killed.
func (run *simRun) start(random *rand.Rand) error {
	w := run.world
	ctx, cancel := context.WithCancel(w.t.Context())
	defer cancel()
	run.mu.Lock()
	run.cancel = cancel
	run.mu.Unlock()
	run.now = time.Now().UTC()
	run.out.most = run.logBreaks

	c, err := run.client()
	if err != nil {
		return err
	}
	defer c.Close()
	record := job.NewRecord(&run.out)
	cleanup := job.Cleanup{
		RunID: run.id, Command: "run", Profile: w.sys.name, URL: w.url, Directory: c,
		Concurrency: run.concurrency, MaxFailures: run.maxFailures, Log: zerolog.New(record), Record: record,
	}
	if err := run.policy.tell(&cleanup); err != nil {
		return err
	}
	if w.sys.file {
		if cleanup.Activity, err = job.ReadActivity(strings.NewReader(run.export(random)), run.now); err != nil {
			return err
		}
	}
	if !run.noJournal {
		if cleanup.Journal, err = job.OpenJournal(run.journal, run.id); err != nil {
			return err
		}
	}
	if run.policy.grace > 0 {
		run.ledger, run.warned = w.ledger, w.read(w.ledger)
		cleanup.Ledger, _ = job.OpenLedger(run.ledger, w.sys.name, run.policy.grace) // there may be none yet
	}
	w.say("run %d starts: %s, %d at once, %d retries, pages of %d, %d failures, stop at %d (kill: %t), log breaks at %d, journal: %t",
		run.number, run.policy, run.concurrency, run.retries, run.pageSize, run.maxFailures, run.stopAt, run.kill, run.logBreaks, !run.noJournal)
	run.report = cleanup.Run(ctx, run.now)
	run.mu.Lock()
	run.ended = true
	run.mu.Unlock()
	if run.isDead() {
		return nil
	}
	w.says(run)
	w.say("run %d ended: %s %+v %s", run.number, run.report.Outcome, run.report.Counts, run.report.Error)
	run.check()
	return nil
}

func (run *simRun) client() (*Client, error) {
	w := run.world
	p, err := LoadProfile(w.sys.name)
	if err != nil {
		return nil, err
	}
	base, err := url.Parse(w.url + "/prefix")
	if err != nil {
		return nil, err
	}
	o := Options{
		Profile: p, URL: base, Values: Values{Token: simToken}, ReadOnly: run.policy.dryRun, Timeout: 2*simRound + simRound/3,
		MaxRetries: run.retries, Connections: run.concurrency, UserAgent: run.id, Observer: w, Log: zerolog.New(&run.out),
	}
	if p.List.Size != nil {
		o.PageSize = run.pageSize
	}
	if w.sys.values != nil {
		w.sys.values(&o.Values, !run.fixedToken)
	}
	c, err := New(o)
	if err != nil {
		return nil, err
	}
	c.wire().DialContext = w.dial
	// Which connection is used again depends on what the scheduler does.
	c.wire().DisableKeepAlives = run.concurrency > 1
	return c, nil
}

// The world is the client's observer.
func (*simWorld) Request(string, int, time.Duration) {}
func (*simWorld) Retry(string)                       {}

// export is a file of last logins, as somebody has it from elsewhere.
func (run *simRun) export(r *rand.Rand) string {
	file := strings.Builder{}
	complete := run.isCalm
	run.fileBy, run.file = []string{"id", "username", "email"}[r.IntN(3)], map[string]time.Time{}
	if complete { // and the same each time
		run.fileBy = "id"
	}
	fmt.Fprintf(&file, "%s,last_login\nnobody,2020-01-01\n", run.fileBy)
	for _, u := range run.world.dir.Users() {
		name := map[string]string{"id": u.ID, "username": u.Username, "email": u.Email}[run.fileBy]
		at := u.LastLogin
		if !complete && r.IntN(6) == 0 || strings.ContainsAny(name, "\n\" ") || at.Year() < 2000 || at.After(run.now.Add(simDay)) {
			continue
		}
		if !complete && r.IntN(10) == 0 {
			at = time.Time{}
		}
		text := ""
		if !at.IsZero() {
			text = at.Format(time.RFC3339)
		}
		fmt.Fprintf(&file, "%s,%s\n", name, text)
		if before, ok := run.file[strings.ToLower(name)]; !ok || at.After(before) {
			run.file[strings.ToLower(name)] = at
		}
	}
	return file.String()
}

func (run *simRun) isDead() bool {
	run.mu.Lock()
	defer run.mu.Unlock()
	return run.dead
}

// reaches counts a request, and ends the run if it is the one to end at. It
// reports whether the run has been killed since it sent the request.
func (run *simRun) reaches(*simRequest) (killed bool) {
	run.mu.Lock()
	run.handled++
	stop := run.handled == run.stopAt && !run.ended
	cancel, killed := run.cancel, run.dead
	if stop {
		run.cancelled = time.Now()
	}
	run.mu.Unlock()
	if !stop {
		return killed
	}
	if !run.kill {
		run.world.say("run %d is told to end", run.number)
		cancel()
		return killed
	}
	run.world.say("run %d is killed", run.number)
	run.mu.Lock()
	run.dead = true
	run.mu.Unlock()
	run.world.inherit(run)
	cancel()
	return true
}

// read reads the ledger, and makes sure that it says what runs have said.
func (w *simWorld) read(ledger string) map[string]time.Time {
	var file struct {
		FoundAt map[string]time.Time `json:"found_at"`
	}
	text, err := os.ReadFile(ledger)
	if err != nil {
		return nil
	}
	if err := json.Unmarshal(text, &file); err != nil {
		w.blame("the ledger can't be read: %v", err)
	}
	w.mu.Lock()
	said := w.said
	w.mu.Unlock()
	for id, at := range file.FoundAt {
		if !said[fmt.Sprint(id, at.UnixNano())] {
			w.blame("the ledger has %q since %v, when no run said so", id, at)
		}
	}
	return file.FoundAt
}

// says notes whom the report of a run names as unused.
func (w *simWorld) says(run *simRun) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, a := range run.report.Accounts {
		w.said[fmt.Sprint(a.ID, run.now.UnixNano())] = true
	}
}

// inheritLedger saves the ledger of a run that was killed. Of two that share it, the
// first one to be killed goes on here and may write to it; so the second one, which
// has not written either, leaves what the first one left.
func (w *simWorld) inheritLedger(run *simRun) {
	if run.ledger == "" {
		return
	}
	heir := fmt.Sprintf("%s-after-%d", run.ledger, run.number)
	w.mu.Lock()
	before, ok := w.heirs[run.ledger]
	if !ok {
		w.heirs[run.ledger], before = heir, heir
	}
	w.ledger = before
	w.mu.Unlock()
	if ok {
		return
	}
	if text, err := os.ReadFile(run.ledger); err == nil {
		if err := os.WriteFile(heir, text, 0o600); err != nil {
			w.blame("copy the ledger: %v", err)
		}
	}
}

// inherit saves the journal and the ledger of a run that was killed, as they were
// then.
func (w *simWorld) inherit(run *simRun) {
	w.inheritLedger(run)
	text, err := os.ReadFile(run.journal)
	if err != nil {
		return // it had not begun
	}
	// The machine may have gone down with it: a result is not synced.
	lines := bytes.SplitAfter(text, []byte("\n"))
	if len(lines) > 1 && bytes.Contains(lines[len(lines)-2], []byte(`"event":"result"`)) && w.chance(run.id).IntN(2) == 0 {
		text = text[:len(text)-len(lines[len(lines)-2])/2]
	}
	heir := filepath.Join(filepath.Dir(run.journal), fmt.Sprintf("journal-after-%d", run.number))
	if err := os.WriteFile(heir, text, 0o600); err != nil {
		w.blame("copy the journal: %v", err)
		return
	}
	w.mu.Lock()
	w.journal = heir
	w.mu.Unlock()
}

// events are the run's lines in its journal.
func (run *simRun) events() []job.Event {
	text, err := os.ReadFile(run.journal)
	if err != nil {
		return nil
	}
	var events []job.Event
	for line := range bytes.Lines(text) {
		var e job.Event
		if json.Unmarshal(line, &e) == nil && e.RunID == run.id {
			events = append(events, e)
		}
	}
	return events
}
