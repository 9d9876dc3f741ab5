package command

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"strings"

	"dormant/job"
	"dormant/job/report"
)

// confirmation returns what asks the person at the terminal before the first account is
// changed; nil if there is nobody to ask, or DORMANT_YES has answered.
func (a *app) confirmation(ctx context.Context, command string) func(job.Report) bool {
	in, ok := a.Stdin.(*os.File)
	if a.cfg.DryRun || a.cfg.Yes || command == "daemon" || !ok || !terminal(in) || !terminal(a.Stderr) {
		return nil
	}
	return func(r job.Report) bool { return ask(ctx, in, a.Stderr, columns(a.Stderr), r) }
}

// ask shows what the run is about to do, and reads one line. Only yes is an agreement.
func ask(ctx context.Context, in io.Reader, out io.Writer, width int, r job.Report) bool {
	if err := report.WriteTable(out, r, width); err != nil {
		return false
	}
	fmt.Fprintf(out, "\nGo on with %d of %d accounts, which can't be undone? Write yes: ", r.Counts.Candidates, r.Counts.Scanned)
	line := make(chan string, 1)
	go func() {
		text, _ := bufio.NewReader(in).ReadString('\n')
		line <- text
	}()
	select {
	case text := <-line:
		return strings.EqualFold(strings.TrimSpace(text), "yes")
	case <-ctx.Done():
		return false
	}
}
