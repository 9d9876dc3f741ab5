package simulation

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/url"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"dormant/client"
	"dormant/client/profile"
	"dormant/job"
	"dormant/job/memory"
)

// programRun is one run of the program: its configuration, what the answers have told
// it, and what it requested.
type programRun struct {
	world  *world
	number int
	id     string // run id and User-Agent
	policy policyModel
	now    time.Time

	concurrency, retries, pageSize, maxFailures int

	fixedToken    bool
	noJournal     bool
	journal       string
	file          map[fileRow]time.Time // the activity file; nil: there is none
	fileNewest    time.Time             // login in it, or the year 2000
	logBreaks     int                   // number of log lines until the disk is full; 0: it never is
	stopAt        int                   // number of the request at which the run is interrupted; 0: it is not
	kill          bool
	isUndisturbed bool

	ledger     string
	remembered map[string]memory.Entry // the ledger's content when the run began

	out    logFile
	cancel context.CancelFunc
	report job.Report
	ended  bool

	mu        sync.Mutex
	handled   int
	cancelled time.Time
	killed    bool
	misled    bool // it received a wrong answer that no client could detect

	self        []string // names in the first answer that says who is calling
	accounts    map[string]*account
	partial     map[string]*observation // accounts that are read in several requests, not yet complete
	pages       map[string]bool         // of listings: whether the last attempt was answered
	reading     int                     // how many times the first page was requested
	first       string                  // the first page
	firstLog    string                  // the first page of the log of all accounts
	attempts    int                     // requests for it until one was answered
	listed      bool                    // a page of the listing was answered
	total       int                     // of the listing, the most that a page said
	cutShort    bool                    // an empty page may have ended the listing early, and no client can detect it
	from, to    time.Time               // first and last page of the listing
	told        evidence                // until now
	planned     *evidence               // until the listing was complete, which is what the plan follows from; nil: it is not
	elsewhere   elsewhereTold
	listedAgain map[string]bool // ids in the last listing after the plan
	relisted    time.Time       // when it was read again instead of one account
	pagesNow    int             // pages of a listing that were answered since the plan was made
	signedIn    time.Time
	loggedAt    time.Time
	effects     []effect
}

// account is what the run was told about one account.
type account struct {
	listedAs  *observation // in the listing
	planned   *observation // by the first read of the account alone; nil: there was none
	last      observation
	looks     int
	triesThen int // of tries, at the last look
	lookedAt  time.Time
	goneThen  bool // when it was read for planning
	saidGone  bool // an answer said so
	looksGone bool // the last read of the account alone said so
	after     fate // what it looked like when it was read since the last request to change it
	sought    bool // the run tried to see it since then

	accepted, refused bool // an answer to a request to change it said so
	duplicated        bool // the network sent a request to change it twice
	tries             int  // number of requests to change it
	succeeded         map[operation]bool
	asked             map[operation]bool
}

// fate is what an account looks like.
type fate string

const (
	notSeen      fate = ""
	seenGone     fate = "gone"
	seenDisabled fate = "disabled"
	seenThere    fate = "there"
)

// evidence is what is known of accounts beside the answers about each of them: the log
// of all accounts, and whom the activity file is about. A run goes on learning both
// after it has planned.
type evidence struct {
	log       map[string]time.Time        // newest entry of each account in the log of all accounts
	oldest    time.Time                   // entry of that log
	elsewhere map[string]time.Time        // newest use of whoever has the name in the second directory
	named     map[fileRow]map[string]bool // ids of the accounts that a row of the activity file is about
}

func newEvidence() evidence {
	return evidence{log: map[string]time.Time{}, elsewhere: map[string]time.Time{}, named: map[fileRow]map[string]bool{}}
}

func (e *evidence) clone() *evidence {
	c := &evidence{log: maps.Clone(e.log), elsewhere: maps.Clone(e.elsewhere), oldest: e.oldest, named: map[fileRow]map[string]bool{}}
	for row, ids := range e.named {
		c.named[row] = maps.Clone(ids)
	}
	return c
}

// effect is a change that a request made to an account.
type effect struct {
	id   string
	kind operation
	all  bool // the action is complete: it was the last of its steps
}

// logFile is the log of a run. Writing fails once the disk is full.
type logFile struct {
	mu    sync.Mutex
	text  bytes.Buffer
	lines int
	most  int
}

func (o *logFile) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.lines++; o.most > 0 && o.lines > o.most {
		return 0, errors.New("the disk is full")
	}
	return o.text.Write(p)
}

func (o *logFile) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// newRun configures the next run.
func (w *world) newRun(p policyModel, journal string) *programRun {
	r := w.random
	w.mu.Lock()
	defer w.mu.Unlock()
	number := len(w.runs) + 1
	run := &programRun{
		world: w, number: number, id: fmt.Sprintf("run-%d", number), policy: p, journal: journal,
		concurrency: 1 + r.IntN(4), retries: r.IntN(4), maxFailures: 1 + r.IntN(5),
		fixedToken: w.fixedToken, noJournal: r.IntN(8) == 0,
		accounts: map[string]*account{}, partial: map[string]*observation{}, pages: map[string]bool{}, told: newEvidence(),
	}
	if r.IntN(3) > 0 {
		run.pageSize = 1 + r.IntN(12)
		if w.sys.name == "keycloak" { // a page whose accounts are all left out would count as the last one
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

// undisturbed removes everything that could interrupt the run.
func (run *programRun) undisturbed() {
	run.isUndisturbed, run.retries, run.maxFailures, run.stopAt, run.logBreaks = true, 3, 1000, 0, 0
}

// start carries the run out until it ends or is killed, and checks the report of a run
// that ended. random decides the content of the activity file.
func (run *programRun) start(random *rand.Rand) error {
	w := run.world
	ctx, cancel := context.WithCancel(context.WithValue(w.t.Context(), worldKey{}, w))
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
	if err := run.policy.configure(&cleanup); err != nil {
		return err
	}
	if w.elsewhere != nil {
		further, err := run.readsElsewhere(&cleanup)
		if err != nil {
			return err
		}
		defer further.Close()
	}
	if w.sys.file {
		if cleanup.Activity, err = job.ReadActivity(strings.NewReader(run.activityFile(random)), run.now); err != nil {
			return err
		}
	}
	if !run.noJournal {
		if cleanup.Journal, err = job.OpenJournal(run.journal, run.id); err != nil {
			return err
		}
	}
	if run.policy.grace > 0 || w.seed%3 == 0 {
		run.ledger = w.ledger
		if cleanup.Ledger, err = job.OpenLedger(job.LedgerOptions{Path: run.ledger, Directory: w.sys.name, Grace: run.policy.grace, Keep: 400 * day}); errors.Is(err, job.ErrLedgerInUse) {
			w.tracef("run %d does not start: another one has the ledger", run.number)
			run.mu.Lock()
			run.ended = true
			run.mu.Unlock()
			return cleanup.Journal.Close()
		}
		if err != nil {
			return err
		}
		run.remembered = w.readLedger(w.ledger)
	}
	w.tracef("run %d starts: %s, %d at once, %d retries, pages of %d, %d failures, stop at %d (kill: %t), log breaks at %d, journal: %t",
		run.number, run.policy, run.concurrency, run.retries, run.pageSize, run.maxFailures, run.stopAt, run.kill, run.logBreaks, !run.noJournal)
	run.report = cleanup.Run(ctx, run.now)
	run.mu.Lock()
	run.ended = true
	run.mu.Unlock()
	if run.isKilled() {
		return nil
	}
	w.recordReported(run)
	w.rememberIdentities(run)
	w.tracef("run %d ended: %s %+v %s", run.number, run.report.Outcome, run.report.Counts, run.report.Error)
	run.check()
	w.checkMemory(run)
	return nil
}

// loaded are the profiles by their names: nothing changes them, and reading one takes long.
var loaded sync.Map

func loadProfile(name string) (*profile.Profile, error) {
	if p, ok := loaded.Load(name); ok {
		return p.(*profile.Profile), nil
	}
	p, err := profile.Load(name)
	if err == nil {
		loaded.Store(name, p)
	}
	return p, err
}

func (run *programRun) client() (*client.Client, error) {
	w := run.world
	p, err := loadProfile(w.sys.name)
	if err != nil {
		return nil, err
	}
	base, err := url.Parse(w.url + "/prefix")
	if err != nil {
		return nil, err
	}
	o := client.Options{
		Profile: p, URL: base, Values: profile.Values{Token: apiToken}, ReadOnly: run.policy.dryRun, Timeout: 2*roundLength + roundLength/3,
		MaxRetries: run.retries, Connections: run.concurrency, UserAgent: run.id, Observer: w, Log: zerolog.New(&run.out),
	}
	if p.List.Size != nil {
		o.PageSize = run.pageSize
	}
	if w.sys.values != nil {
		w.sys.values(&o.Values, !run.fixedToken)
	}
	return client.New(o)
}

// The world is the client's observer.
func (*world) Request(string, int, time.Duration) {}

func (*world) Retry(string) {}

func (run *programRun) isKilled() bool {
	run.mu.Lock()
	defer run.mu.Unlock()
	return run.killed
}

// countRequest counts a request, and interrupts the run if it is the one to stop at. It
// reports whether the run was killed since it sent the request.
func (run *programRun) countRequest() (killed bool) {
	run.mu.Lock()
	run.handled++
	stop := run.handled == run.stopAt && !run.ended
	cancel, killed := run.cancel, run.killed
	if stop {
		run.cancelled = time.Now()
	}
	run.mu.Unlock()
	if !stop {
		return killed
	}
	if !run.kill {
		run.world.tracef("run %d is told to end", run.number)
		cancel()
		return killed
	}
	run.world.tracef("run %d is killed", run.number)
	run.mu.Lock()
	run.killed = true
	run.mu.Unlock()
	run.world.saveCrashState(run)
	cancel()
	return true
}

// events returns the run's lines in its journal.
func (run *programRun) events() []job.Event {
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
