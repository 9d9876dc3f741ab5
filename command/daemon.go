package command

import (
	"context"
	"net"
	"sync"
	"time"

	"github.com/robfig/cron/v3"
	"github.com/rs/zerolog"

	"dormant/job"
)

// daemon runs on the schedule until ctx is done.
func (a *app) daemon(ctx context.Context, _ []string) int {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", a.cfg.Listen)
	if err != nil {
		a.log.Error().Err(err).Msg("can't listen (DORMANT_LISTEN)")
		return exitFailed
	}
	return (&daemon{app: a}).serve(ctx, listener)
}

// daemon remembers how the last run ended, for the listener.
type daemon struct {
	*app
	mu   sync.Mutex
	last lastRun
}

// lastRun is how and when the last run ended; the zero value if none has.
type lastRun struct {
	outcome job.Outcome
	at      time.Time
	brake   bool // it is on
}

func (d *daemon) lastRun() lastRun {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.last
}

// serve runs on the schedule, and answers at the listener, until ctx is done and
// the run that is under way has ended.
func (d *daemon) serve(ctx context.Context, listener net.Listener) int {
	zone, _ := time.LoadLocation(d.cfg.Timezone)           // checked before
	schedule, _ := job.ParseSchedule(d.cfg.Schedule, zone) // checked before
	server := d.server()
	go func() { _ = server.Serve(listener) }() // ends with Shutdown

	runner := cron.New(cron.WithLocation(zone), cron.WithChain(cron.SkipIfStillRunning(cronLog{d.log}), cron.Recover(cronLog{d.log})))
	id := runner.Schedule(measuredSchedule{schedule, d.metrics}, cron.FuncJob(func() { d.runNow(ctx) }))
	d.log.Info().Str(job.FieldAddress, listener.Addr().String()).Bool(job.FieldDryRun, d.cfg.DryRun).
		Time(job.FieldNextRun, schedule.Next(d.Now())).Msg("daemon started")
	var first sync.WaitGroup
	if d.cfg.RunAtStart {
		first.Go(runner.Entry(id).WrappedJob.Run)
	}
	runner.Start()

	<-ctx.Done()
	d.log.Info().Msg("stopping: nothing new starts")
	<-runner.Stop().Done()
	first.Wait()
	shutdown, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	_ = server.Shutdown(shutdown)
	if d.lastRun().outcome == job.Interrupted {
		return exitFailed
	}
	return exitDone
}

// runNow is one run. If it panics, it has failed.
func (d *daemon) runNow(ctx context.Context) {
	now := d.Now()
	r := job.Report{Command: "daemon", Outcome: job.Failed, StartedAt: now, FinishedAt: now}
	panicked := true
	defer func() {
		if panicked {
			d.log.Error().Str(job.FieldOutcome, string(r.Outcome)).Msg("run finished: it panicked")
			d.metrics.Run(r)
		}
		d.mu.Lock()
		defer d.mu.Unlock()
		d.last = lastRun{r.Outcome, r.FinishedAt, r.BrakeOn()}
	}()
	r = d.cleanup(ctx, "daemon")
	panicked = false
	d.tell(ctx, &r)
	if err := d.writeReport(r); err != nil {
		d.log.Error().Str(job.FieldRunID, r.RunID).Err(err).Msg("the run has ended, but its report could not be written")
	}
}

// measuredSchedule is a schedule that tells the metrics when the next run is.
type measuredSchedule struct {
	job.Schedule
	metrics *job.Metrics
}

func (s measuredSchedule) Next(t time.Time) time.Time {
	next := s.Schedule.Next(t)
	s.metrics.NextRun(next)
	return next
}

// cronLog is the log with cron's interface.
type cronLog struct{ zerolog.Logger }

func (l cronLog) Info(msg string, pairs ...any) {
	if msg == "skip" { // of cron.SkipIfStillRunning
		l.Warn().Msg("the run before is still under way, so this one is left out")
		return
	}
	l.Debug().Fields(pairs).Msg("cron: " + msg)
}

func (l cronLog) Error(err error, msg string, pairs ...any) {
	l.Logger.Error().Err(err).Fields(pairs).Msg("cron: " + msg)
}
