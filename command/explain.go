package command

import (
	"context"
	"errors"
	"fmt"

	"dormant/job"
	"dormant/job/report"
)

// explain shows every rule for the accounts with a name.
func (a *app) explain(ctx context.Context, args []string) int {
	if len(args) != 1 {
		return a.failUsage(errors.New("usage: dormant explain USER"))
	}
	ctx, cancel := a.runTimeout(ctx)
	defer cancel()
	c := job.Cleanup{RunID: newRunID(), Log: a.log}
	now := a.Now().UTC()
	_, closeAll, err := a.prepare(&c, now)
	if err != nil {
		return a.fail(err)
	}
	defer closeAll()
	explained, err := c.Explain(ctx, args[0], now)
	if err != nil {
		return a.fail(err)
	}
	if len(explained) == 0 {
		return a.failUsage(fmt.Errorf("no account has the id, username, email or alias %q", args[0]))
	}
	if err := report.Explain(a.Stdout, explained); err != nil {
		return a.fail(err)
	}
	return exitDone
}
