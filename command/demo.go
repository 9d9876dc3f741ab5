package command

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"dormant/client/sandbox"
	"dormant/job"
	"dormant/job/report"
)

// demo tells the whole story against the sample directory.
func (a *app) demo(ctx context.Context, _ []string) int {
	server, address, err := a.serveSandbox(ctx, sandbox.Options{System: "itflex", Seed: 1}, 28, "127.0.0.1:0")
	if err != nil {
		return a.fail(err)
	}
	defer server.Close()
	always := []string{
		"DORMANT_PROFILE=itflex", "DORMANT_URL=http://" + address.String(), "DORMANT_TOKEN=" + sandbox.DefaultToken,
		"DORMANT_INACTIVE_FOR=90d",
	}
	for i, scene := range []struct {
		says, command string
		environ       []string
		write         func(io.Writer, job.Report) error
		want          job.Outcome
	}{
		{"An audit shows who would be removed, and why.", "audit", nil, writeTable, job.DryRun},
		{"For real, the guards stop what looks like too much.", "run",
			[]string{"DORMANT_DRY_RUN=false"}, report.Conclude, job.Refused},
		{"Somebody has read the list and raises the limit.", "run",
			[]string{"DORMANT_DRY_RUN=false", "DORMANT_MAX_REMOVAL_PERCENT=30"}, report.Conclude, job.Completed},
		{"A second audit finds nobody.", "audit", nil, report.Conclude, job.DryRun},
	} {
		fmt.Fprintf(a.Stdout, "\n== %d. %s\n$ %s\n", i+1, scene.says, strings.Join(append(scene.environ, a.typed()+" "+scene.command), " "))
		one := &app{Process: Process{Environ: slices.Concat(always, scene.environ), Stdout: a.Stdout, Stderr: io.Discard, Now: a.Now}}
		if problems := one.configure(allVariables); len(problems) > 0 {
			return a.fail(errors.Join(problems...))
		}
		r := one.cleanup(ctx, scene.command)
		if err := scene.write(a.Stdout, r); err != nil {
			return a.fail(err)
		}
		if r.Outcome != scene.want {
			return a.fail(fmt.Errorf("the demo went wrong: the outcome is %s, not %s: %s", r.Outcome, scene.want, r.Error))
		}
	}
	methods := map[string]int{}
	for _, r := range server.Requests() {
		methods[r.Method]++
	}
	return a.print(fmt.Sprintf("\nWhat reached the directory: %s.\nTo try it by hand: %s sandbox\n", formatCounts(methods), a.typed()))
}

func writeTable(w io.Writer, r job.Report) error { return report.Write(w, report.Table, r) }
