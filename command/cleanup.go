package command

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/rs/zerolog"

	"dormant/client"
	"dormant/command/config"
	"dormant/job"
)

// cleanup puts one run together from the configuration, carries it out and counts it.
func (a *app) cleanup(ctx context.Context, command string) job.Report {
	now := a.Now().UTC()
	record := job.NewRecord(a.Stderr) // a new one, so that a disk that was full once is no matter later
	c := job.Cleanup{
		RunID: newRunID(), Command: command, Profile: a.cfg.ProfileName, URL: a.cfg.URL,
		Limits: a.cfg.Limits(), DryRun: a.cfg.DryRun, Recheck: a.cfg.Recheck, MaxFailures: a.cfg.MaxFailures,
		Approval: a.approval, Confirm: a.confirmation(ctx, command),
		Log: newLog(a.cfg, record, terminal(a.Stderr)), Record: record,
	}
	ctx, cancel := a.runTimeout(ctx)
	defer cancel()

	_, closeAll, err := a.prepare(&c, now)
	if err == nil {
		defer closeAll()
		c.Journal, err = a.openJournal(c.RunID)
	}
	var r job.Report
	if err != nil {
		r = c.Fail(now, err)
	} else {
		r = c.Run(ctx, now)
	}
	a.metrics.Run(r)
	r.Version = versionText()
	return r
}

func newRunID() string { return strings.ToLower(rand.Text()) }

func (a *app) runTimeout(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeoutCause(ctx, time.Duration(a.cfg.RunTimeout),
		fmt.Errorf("it took longer than DORMANT_RUN_TIMEOUT, %s", a.cfg.RunTimeout))
}

// prepare reads what may have changed since the last run, and makes the clients and opens the
// ledger, which the caller closes.
func (a *app) prepare(c *job.Cleanup, now time.Time) (directory *client.Client, closeAll func(), err error) {
	var errs [4]error
	var clients []*client.Client
	c.Policy, errs[0] = a.cfg.Policy(now)
	c.Activity, errs[1] = a.cfg.Activity(now)
	c.Concurrency = a.cfg.Concurrency
	log := c.Log.With().Str(job.FieldRunID, c.RunID).Logger()
	directory, errs[2] = a.newClient(a.cfg, a.cfg.DryRun, log)
	c.AliveIn, clients, errs[3] = a.elsewhere(log)
	if err := errors.Join(errs[:]...); err != nil {
		return nil, nil, fmt.Errorf("%w: %w", errSetup, err)
	}
	c.Directory = directory
	closeAll = func() {
		for _, each := range append(clients, directory) {
			each.Close()
		}
		c.Ledger.Close() // again, where a run has begun
	}
	if c.Ledger, err = a.openLedger(c.Command == "" || c.Command == "audit"); err != nil {
		closeAll()
		return nil, nil, err
	}
	c.Extras = a.cfg.TurnedOn()
	for name, destroys := range c.Extras {
		c.Log.Warn().Str(job.FieldRunID, c.RunID).Str(job.FieldParam, name).Msg("a removal " + destroys + " (DORMANT_PARAMS)")
	}
	return directory, closeAll, nil
}

// newClient makes a client for a directory, with its credentials as they are now. All else is
// as the variables say.
func (a *app) newClient(directory config.Config, readOnly bool, log zerolog.Logger) (*client.Client, error) {
	base, err := directory.BaseURL()
	if err != nil {
		return nil, err
	}
	credentials, err := directory.Credentials()
	if err != nil {
		return nil, err
	}
	authorities, err := directory.Authorities()
	if err != nil {
		return nil, err
	}
	certificate, err := directory.Certificate()
	if err != nil {
		return nil, err
	}
	return client.New(client.Options{
		Profile: directory.Profile, URL: base, Values: credentials, ReadOnly: readOnly,
		PageSize: directory.PageSize, MaxItems: a.cfg.MaxAccounts, Timeout: time.Duration(a.cfg.RequestTimeout), MaxRetries: a.cfg.MaxRetries,
		RateLimit: a.cfg.RateLimit, Connections: a.cfg.Concurrency, CAs: authorities, Certificate: certificate,
		UserAgent: "dormant/" + versionText(), Observer: a.metrics, Log: log,
	})
}

// openJournal returns nil where nothing will be removed, or no journal is configured.
func (a *app) openJournal(runID string) (*job.Journal, error) {
	if a.cfg.Journal == "" || a.cfg.DryRun {
		return nil, nil
	}
	journal, err := job.OpenJournal(a.cfg.Journal, runID)
	if err != nil {
		return nil, fmt.Errorf("%w: DORMANT_JOURNAL: %w", errSetup, err)
	}
	journal.Directory = directoryName(a.cfg)
	return journal, nil
}

// openLedger opens what earlier runs remember; nil if no ledger is configured. Without one
// that is configured, nobody may be removed.
func (a *app) openLedger(readOnly bool) (*job.Ledger, error) {
	if a.cfg.Ledger == "" {
		return nil, nil
	}
	l, err := job.OpenLedger(job.LedgerOptions{
		Path: a.cfg.Ledger, Directory: directoryName(a.cfg), ReadOnly: readOnly,
		Grace: time.Duration(a.cfg.Grace), Keep: time.Duration(a.cfg.LedgerKeep),
	})
	if err != nil {
		err = fmt.Errorf("DORMANT_LEDGER: %w: nobody is removed, because it may prove that somebody is alive", err)
	}
	if err != nil && !errors.Is(err, job.ErrLedgerInUse) {
		err = fmt.Errorf("%w: %w", errSetup, err)
	}
	return l, err
}

// directoryName is what ledger, journal and messages call a directory.
func directoryName(c config.Config) string {
	parts := []string{filepath.Base(c.ProfileName), strings.TrimRight(c.URL, "/")}
	for _, name := range slices.Sorted(maps.Keys(c.Params)) {
		parts = append(parts, name+"="+c.Params[name])
	}
	return strings.Join(parts, " ")
}
