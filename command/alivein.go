package command

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/rs/zerolog"

	"dormant/client"
	"dormant/job"
)

// elsewhere makes the further directories of DORMANT_ALIVE_IN, as the file has them now. Their
// clients refuse each request that is not a read, whatever DORMANT_DRY_RUN says. The caller
// closes them.
func (a *app) elsewhere(log zerolog.Logger) (made []job.Elsewhere, clients []*client.Client, err error) {
	list, err := a.cfg.Elsewhere()
	if err != nil {
		return nil, nil, err
	}
	var errs []error
	for _, e := range list {
		name := directoryName(e.Config)
		directory, err := a.newClient(e.Config, true, log.With().Str(job.FieldURL, e.URL).Logger())
		if err != nil {
			errs = append(errs, fmt.Errorf("DORMANT_ALIVE_IN: %s: %w", name, e.Translate(err)))
			continue
		}
		clients = append(clients, directory)
		made = append(made, job.Elsewhere{Name: name, Directory: directory, Username: job.ExactNames(e.Username, e.Actor)})
	}
	return made, clients, errors.Join(errs...)
}

// checkElsewhere reaches the further directories, and says how many of the first accounts of
// the directory have one there as well.
func checkElsewhere(ctx context.Context, out io.Writer, cleanup *job.Cleanup, page []job.User, now time.Time) error {
	if err := cleanup.ReadAliveIn(ctx, now, page...); err != nil {
		return err
	}
	for _, n := range cleanup.AliveCounts() {
		printf(out, "alive in\t%s: %d of %d accounts; %d of the first %d accounts here have one there\n", n.Name, n.Alive, n.Scanned, n.Joined, len(page))
		if n.Alive == 0 {
			printf(out, "warning\t%s: a run refuses, because nobody is known to be alive in %s: check its profile and what its credentials may see\n", job.GuardAliveIn, n.Name)
		}
		if n.Joined == 0 && len(page) > 0 {
			printf(out, "warning\t%s: none of the first accounts has its username or an address in %s: if that is so with all, it protects nobody\n", job.WarnAliveInUnmatched, n.Name)
		}
	}
	return nil
}
