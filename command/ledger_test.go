package command

import (
	"encoding/csv"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"dormant/client/sandbox"
	"dormant/job"
	"dormant/job/memory"
)

// What the runs remember is shown, exported, forgotten and cleared.
func TestLedgerCommands(t *testing.T) {
	t.Parallel()
	d := serve(t, "itflex")
	at := t.TempDir()
	ledger, journal := at+"/ledger", at+"/journal"
	environ := []string{"DORMANT_LEDGER=" + ledger, "DORMANT_JOURNAL=" + journal}
	command := func(want int, args ...string) string {
		t.Helper()
		p := start(t, d.env(environ...), append([]string{"ledger"}, args...)...)
		if code := p.wait(t); code != want {
			t.Errorf("%q: %d\n%s%s", args, code, &p.stdout, &p.stderr)
		}
		return p.stdout.String() + p.stderr.String()
	}
	for _, args := range [][]string{nil, {"list"}, {"show", "1", "2"}, {"export", "1"}, {"forget"}, {"clear-brake"}, {"clear-brake", "--reason"}, {"clear-brake", "--reason", " "}, {"clear-brake", "why"}, {"show", "--reason=x"}} {
		if says := command(exitUsage, args...); !strings.Contains(says, "usage: dormant ledger") && len(args) > 0 {
			t.Errorf("%q: %s", args, says)
		}
	}
	if says := command(exitDone, "show"); !strings.Contains(says, "accounts   0\n") {
		t.Errorf("before the first run:\n%s", says)
	}
	command(exitUsage, "show", "1")
	command(exitUsage, "forget", "1")
	if _, err := os.Stat(ledger); err == nil {
		t.Error("a ledger is made by looking at it")
	}

	id := d.unused()[0]
	d.change(id, func(u *sandbox.User) { u.LastLogin = now.AddDate(0, 0, -3) })
	d.run("run", append(environ, forReal)...).expect(t, exitDone, job.Completed)
	if says := command(exitDone, "show"); !strings.Contains(says, fmt.Sprintf("accounts   %d\n", len(d.users))) || !strings.Contains(says, "brake      off\n") {
		t.Errorf("after a run:\n%s", says)
	}
	if says := command(exitDone, "show", id); !strings.Contains(says, "last login  "+now.AddDate(0, 0, -3).UTC().Format("2006-01-02T15")) || strings.Contains(says, d.user(id).Username) {
		t.Errorf("one account:\n%s", says)
	}
	export := write(t, "logins.csv", command(exitDone, "export"))
	rows, err := csv.NewReader(strings.NewReader(read(t, export))).ReadAll()
	if err != nil || len(rows) != 1+len(d.users) || !slices.ContainsFunc(rows, func(row []string) bool { return row[0] == id && row[1] != "" }) {
		t.Errorf("%v: %q", err, rows[:min(3, len(rows))])
	}
	// Another run takes it as its activity file.
	d.change(id, func(u *sandbox.User) { u.LastLogin = now.AddDate(-2, 0, 0) })
	audit := d.run("audit", "DORMANT_ACTIVITY_FILE="+export)
	if audit.expect(t, exitDone, job.DryRun); slices.ContainsFunc(audit.report.Accounts.List(), func(a job.Account) bool { return a.ID == id }) {
		t.Error("the export does not tell of a login")
	}

	if says := command(exitDone, "forget", id); !strings.Contains(says, "forgotten: "+id) || !strings.Contains(read(t, journal), `"event":"forgotten","user_id":"`+id+`"`) {
		t.Errorf("forgotten: %s", says)
	}
	command(exitUsage, "show", id)
	if says := command(exitDone, "clear-brake", "--reason", "none"); !strings.Contains(says, "the brake is off") || strings.Contains(read(t, journal), "brake_cleared") {
		t.Errorf("cleared: %s", says)
	}
	v := start(t, d.env(), "journal", "verify", journal)
	if v.wait(t); strings.Contains(v.stdout.String(), "\nline ") {
		t.Errorf("the journal has lines that verify does not know:\n%s", &v.stdout)
	}
	if left, err := os.ReadDir(at); err != nil || len(left) != 2 {
		t.Errorf("beside the ledger are %v, %v", left, err)
	}
}

// A token that sees less trips the brake of a daemon, and its readyz tells, until a person
// clears it.
func TestTheBrake(t *testing.T) {
	t.Parallel()
	ledger := filepath.Join(t.TempDir(), "ledger")
	journal := filepath.Join(t.TempDir(), "journal")
	environ := []string{forReal, "DORMANT_LEDGER=" + ledger, "DORMANT_JOURNAL=" + journal}
	d := serve(t, "itflex")
	for range 4 {
		d.run("run", environ...).expect(t, exitDone, job.Completed)
	}
	for _, u := range d.Users()[len(d.users)/3:] {
		if !d.Remove(u.ID) {
			t.Errorf("%s can't be taken away", u.ID)
		}
	}
	removed := d.Removed()
	for _, guard := range []string{job.GuardVanishedUnusual, job.GuardBrake} {
		r := d.run("run", environ...)
		r.expect(t, exitRefused, job.Refused)
		if !slices.ContainsFunc(r.report.Refusals, func(r job.Refusal) bool {
			return r.Guard == guard && strings.Contains(r.Message, "dormant ledger clear-brake --reason TEXT")
		}) {
			t.Errorf("%+v, and not %s", r.report.Refusals, guard)
		}
	}
	daemon := start(t, d.env(append(environ, "DORMANT_DRY_RUN=true", "DORMANT_LISTEN=127.0.0.1:0", "DORMANT_RUN_AT_START=true")[1:]...), "daemon")
	address := daemon.stderr.await(t, `"address":"(\S+?)"`)[1]
	daemon.stderr.await(t, `"run finished"`)
	for {
		code, text := get(t, http.MethodGet, "http://"+address+"/readyz")
		if strings.Contains(text, "no run has ended") {
			continue
		}
		if code != http.StatusServiceUnavailable || !strings.Contains(text, "the brake is on") {
			t.Errorf("readyz: %d %s", code, text)
		}
		break
	}
	if _, text := get(t, http.MethodGet, "http://"+address+"/metrics"); !strings.Contains(text, "\ndormant_brake_on 1\n") {
		t.Error("the metrics do not tell that the brake is on")
	}
	daemon.signal(os.Interrupt)
	daemon.wait(t)
	p := start(t, d.env(environ[1:]...), "ledger", "clear-brake", "--reason=the tenant was split")
	if code := p.wait(t); code != exitDone || !strings.Contains(p.stdout.String(), "cleared: vanished_unusual") || !strings.Contains(read(t, journal), `"event":"brake_cleared"`) || !strings.Contains(read(t, journal), "the tenant was split") {
		t.Errorf("%d: %s%s", code, &p.stdout, &p.stderr)
	}
	sameIDs(t, "removed", d.Removed(), removed)
	r := d.run("run", environ...)
	if r.report.Outcome != job.Completed {
		t.Errorf("after the brake was cleared: %+v", r.report.Refusals)
	}
}

// A plan is applied with the ledger: who is removed is in it, and another run has to wait.
func TestApplyWithALedger(t *testing.T) {
	t.Parallel()
	d := serve(t, "itflex")
	at := t.TempDir()
	environ := []string{"DORMANT_LEDGER=" + at + "/ledger", "DORMANT_PLAN=" + at + "/plan.csv"}
	d.run("audit", environ...).expect(t, exitDone, job.DryRun)
	if _, err := os.Stat(at + "/ledger"); err == nil {
		t.Error("an audit leaves a ledger")
	}
	lock, err := memory.Acquire(at + "/ledger")
	if err != nil {
		t.Fatal(err)
	}
	apply := d.env(append(environ[:1:1], forReal, "DORMANT_YES=true", "DORMANT_APPROVED_BY=ana")...)
	p := start(t, apply, "apply", at+"/plan.csv")
	if code := p.wait(t); code != exitFailed || !strings.Contains(p.stderr.String(), "another run has it") {
		t.Errorf("%d: %s", code, &p.stderr)
	}
	if err := lock.Release(); err != nil {
		t.Fatal(err)
	}
	p = start(t, apply, "apply", at+"/plan.csv")
	if code := p.wait(t); code != exitDone {
		t.Errorf("%d: %s%s", code, &p.stdout, &p.stderr)
	}
	sameIDs(t, "removed", d.Removed(), d.unused())
	p = start(t, d.env(environ[:1]...), "ledger", "show")
	if p.wait(t); !strings.Contains(p.stdout.String(), fmt.Sprintf("%d        ", len(d.unused()))) {
		t.Errorf("the ledger does not say how many were removed:\n%s", &p.stdout)
	}
}
