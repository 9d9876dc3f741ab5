package command

import (
	"cmp"
	"context"
	"errors"

	"dormant/job"
	"dormant/job/report"
)

func (a *app) audit(ctx context.Context, _ []string) int { return a.runOnce(ctx, "audit") }
func (a *app) run(ctx context.Context, _ []string) int   { return a.runOnce(ctx, "run") }

// runOnce carries out one run, and writes what it leaves behind. What can't be
// written makes a run fail that has succeeded.
func (a *app) runOnce(ctx context.Context, command string) int {
	r := a.cleanup(ctx, command)
	a.tell(ctx, &r)
	code := exitCode(r)
	for _, write := range []func() error{
		func() error { return a.printReport(r) },
		func() error { return a.writeReport(r) },
		func() error { return a.writePlan(r) },
		func() error { return a.writeMetrics(ctx) },
	} {
		if err := write(); err != nil {
			a.log.Error().Str(job.FieldRunID, r.RunID).Err(err).Msg("the run has ended, but not everything could be written")
			code = cmp.Or(code, exitFailed)
		}
	}
	return code
}

func (a *app) printReport(r job.Report) error {
	if a.cfg.Format == report.Table {
		return report.WriteTable(a.Stdout, r, columns(a.Stdout))
	}
	return report.Write(a.Stdout, a.cfg.Format, r)
}

func (a *app) writeReport(r job.Report) error {
	var errs []error
	for _, path := range a.cfg.Report {
		instead, err := report.WriteFile(path, r)
		errs = append(errs, err)
		if instead != "" {
			a.log.Warn().Str(job.FieldRunID, r.RunID).Str(job.FieldPath, instead).
				Msg("the report in DORMANT_REPORT is of a run that did more, so it stays, and this run's is beside it; with {run_id} in the name each run has its own")
		}
	}
	return errors.Join(errs...)
}

func (a *app) writeMetrics(ctx context.Context) error {
	var file, gateway error
	if a.cfg.MetricsFile != "" {
		file = a.metrics.WriteFile(a.cfg.MetricsFile)
	}
	if a.cfg.PushgatewayURL != "" {
		gateway = a.metrics.Push(ctx, a.cfg.PushgatewayURL)
	}
	return errors.Join(file, gateway)
}
