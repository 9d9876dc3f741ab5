package command

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"

	"dormant/command/config"
	"dormant/job"
)

// maxJournal bounds a journal, in bytes. It is read line by line.
const maxJournal = 1 << 40

// journal says what a journal proves. It asks the directory about what is in doubt or
// gone, if the environment names one.
func (a *app) journal(ctx context.Context, args []string) int {
	if len(args) != 2 || args[0] != "verify" {
		return a.failUsage(errors.New("usage: dormant journal verify FILE"))
	}
	traces, err := config.ReadFile(args[1], maxJournal, job.ReadJournal)
	if err != nil {
		return a.failUsage(err)
	}
	asked := slices.ContainsFunc(a.Environ, func(pair string) bool { return strings.HasPrefix(pair, config.Prefix+"PROFILE=") })
	if asked = asked && len(traces.Askable()) > 0; asked {
		if !a.configured(auditOnly) {
			return exitUsage
		}
		err = a.resolve(ctx, traces)
	}
	var text strings.Builder
	writeTraces(&text, traces)
	if asked && err == nil {
		printf(&text, "what was in doubt or gone was asked of: %s at %s\n", a.cfg.ProfileName, a.cfg.URL)
	}
	code := a.print(text.String()) // what the journal proves is worth knowing even if the directory can't be asked
	if err != nil {
		return a.fail(err)
	}
	doubtful := len(traces.InDoubt())
	if doubtful > 0 && !asked {
		printf(a.Stderr, "dormant: %d in doubt: set DORMANT_PROFILE, DORMANT_URL and the rest, and the directory is asked\n", doubtful)
	}
	if code == exitDone && doubtful+len(traces.Unrecognized) > 0 {
		return exitPartial
	}
	return code
}

// resolve asks the directory about what is in doubt or gone.
func (a *app) resolve(ctx context.Context, traces *job.Traces) error {
	ctx, cancel := a.runTimeout(ctx)
	defer cancel()
	directory, err := a.newClient(a.cfg, a.cfg.DryRun, a.log)
	if err != nil {
		return fmt.Errorf("%w: %w", errSetup, err)
	}
	defer directory.Close()
	return traces.Resolve(ctx, directory, directoryName(a.cfg))
}

func writeTraces(text io.Writer, traces *job.Traces) {
	if len(traces.Accounts) > 0 {
		out := tabwriter.NewWriter(text, 0, 0, 2, ' ', 0)
		fmt.Fprintln(out, "LINE\tTIME\tRUN\tID\tACTION\tSTATE\tNOTE")
		for _, t := range traces.Accounts {
			printf(out, "%d\t%s\t%q\t%q\t%s\t%s\t%q\n", t.Line, formatTime(t.Time), t.RunID, t.UserID, t.Action, t.State, t.Note)
		}
		_ = out.Flush()
		fmt.Fprintln(text)
	}
	counts := map[job.State]int{}
	for _, t := range traces.Accounts {
		counts[t.State]++
	}
	fmt.Fprintln(text, formatCounts(counts))
	for _, line := range traces.Truncated {
		printf(text, "line %d is cut short: a run was killed while it wrote it\n", line)
	}
	for _, line := range traces.Unrecognized {
		printf(text, "line %d is not one that a journal has, so what was in it is not known\n", line)
	}
}
