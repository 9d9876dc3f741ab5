package command

import (
	"bufio"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"

	"dormant/job"
	"dormant/job/memory"
)

// ledgerUsage are the arguments of the command ledger.
const ledgerUsage = "show [USER] | export | forget USER | clear-brake --reason TEXT"

var errLedgerUsage = errors.New("usage: dormant ledger " + ledgerUsage)

// ledger shows what the runs remember of the directory, or changes it for a person.
func (a *app) ledger(_ context.Context, args []string) int {
	reason, hasReason := "", false
	if len(args) > 0 && args[0] == "clear-brake" {
		reason, hasReason = flagValue(args[1:], "reason")
	}
	switch {
	case len(args) == 0, args[0] != "clear-brake" && slices.ContainsFunc(args[1:], ledgerCommandTakes),
		args[0] == "show" && len(args) > 2, args[0] == "export" && len(args) > 1, args[0] == "forget" && len(args) != 2,
		args[0] == "clear-brake" && (!hasReason || strings.TrimSpace(reason) == ""),
		!slices.Contains([]string{"show", "export", "forget", "clear-brake"}, args[0]):
		return a.failUsage(errLedgerUsage)
	case a.cfg.Ledger == "":
		return a.failUsage(errors.New("DORMANT_LEDGER: is not set, so nothing is remembered"))
	}
	ledger, err := a.openLedger(args[0] == "show" || args[0] == "export")
	if err != nil {
		return a.fail(err)
	}
	defer ledger.Close()
	switch args[0] {
	case "export":
		err = exportLedger(a.Stdout, ledger)
	case "forget":
		err = a.forget(ledger, args[1])
	case "clear-brake":
		err = a.clearBrake(ledger, reason)
	default:
		err = a.showLedger(ledger, args[1:])
	}
	if err = errors.Join(err, ledger.Close()); err != nil {
		return a.fail(err)
	}
	return exitDone
}

// ledgerCommandTakes reports whether the argument is the flag of clear-brake.
func ledgerCommandTakes(arg string) bool { return command{args: ledgerUsage}.takes(arg) }

// flagValue returns the value of the only flag in args: --name TEXT or --name=TEXT.
func flagValue(args []string, name string) (string, bool) {
	for _, dashes := range []string{"--", "-"} {
		switch {
		case len(args) == 2 && args[0] == dashes+name:
			return args[1], true
		case len(args) == 1 && strings.HasPrefix(args[0], dashes+name+"="):
			return strings.TrimPrefix(args[0], dashes+name+"="), true
		}
	}
	return "", false
}

// errNotRemembered is about an account that the ledger does not have.
func errNotRemembered(id string) error {
	return fmt.Errorf("%w: the ledger has no account with the id %q; it has no names: dormant explain shows the id of one", errSetup, id)
}

func (a *app) showLedger(ledger *job.Ledger, args []string) error {
	var text strings.Builder
	out := tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)
	if len(args) == 1 {
		e, known, err := ledger.Account(args[0])
		if err != nil {
			return err
		}
		if !known {
			return errNotRemembered(args[0])
		}
		writeEntry(out, args[0], e)
	} else {
		writeSummary(out, a.cfg.Ledger, ledger)
	}
	_ = out.Flush()
	_, err := io.WriteString(a.Stdout, text.String())
	return err
}

func writeEntry(out io.Writer, id string, e memory.Entry) {
	login := formatTime(e.Login)
	if e.Bound && login != "" {
		login = "none since " + login
	}
	printf(out, "id\t%q\n", id)
	for _, row := range [][2]string{
		{"last login", login}, {"other sign of life", formatTime(e.Sign)}, {"created", formatTime(e.Created)},
		{"first seen", formatTime(e.FirstSeen)}, {"last seen", formatTime(e.LastSeen)}, {"found inactive", formatTime(e.Found)},
	} {
		if row[1] != "" {
			printf(out, "%s\t%s\n", row[0], row[1])
		}
	}
}

func writeSummary(out io.Writer, path string, ledger *job.Ledger) {
	s := ledger.Summary()
	printf(out, "ledger\t%s\ndirectory\t%s\naccounts\t%d\n", path, ledger.Directory, s.Accounts)
	if !s.Since.IsZero() {
		printf(out, "since\t%s\n", formatTime(s.Since))
	}
	if !s.WatchedSince.IsZero() {
		printf(out, "logins watched\tsince %s\n", formatTime(s.WatchedSince))
	}
	if s.Brake != nil {
		printf(out, "brake\ton since %s (%s): %s\n", formatTime(s.Brake.At), s.Brake.Guard, s.Brake.Message)
	} else {
		printf(out, "brake\toff\n")
	}
	if s.Runs == 0 {
		return
	}
	printf(out, "\nTIME\tSCANNED\tINACTIVE\tUNKNOWN\tMOVED BACK\tVANISHED\tREMOVED\tBRAKE\n")
	for _, r := range ledger.Runs() {
		brake := ""
		if r.Tripped {
			brake = "on"
		}
		printf(out, "%s\t%d\t%d\t%d\t%d\t%d\t%d\t%s\n", formatTime(r.At), r.Scanned, r.Candidates, r.Unknown, r.MovedBack, r.Vanished, r.Removed, brake)
	}
}

// exportLedger writes CSV that DORMANT_ACTIVITY_FILE of another directory reads: the newest
// sign of life as last_login, and what else is remembered.
func exportLedger(to io.Writer, ledger *job.Ledger) error {
	buffered := bufio.NewWriter(to)
	out := csv.NewWriter(buffered)
	_ = out.Write([]string{"id", "last_login", "created", "first_seen", "last_seen", "found_inactive"}) // Error has the error
	for account, err := range ledger.All() {
		if err != nil {
			return err
		}
		if formulaLike(account.ID) {
			account.ID = "'" + account.ID
		}
		alive := account.Sign
		if !account.Bound && account.Login.After(alive) {
			alive = account.Login
		}
		_ = out.Write([]string{
			account.ID, formatTime(alive), formatTime(account.Created), formatTime(account.FirstSeen), formatTime(account.LastSeen), formatTime(account.Found),
		})
	}
	out.Flush()
	return errors.Join(out.Error(), buffered.Flush())
}

// formulaLike reports whether a spreadsheet would compute something of an id. Ids such as
// @jane:example.org and +4930123 are common, and do nothing.
func formulaLike(id string) bool {
	return strings.HasPrefix(id, "=") || strings.ContainsAny(id[:min(1, len(id))], "@+-\t\r") && strings.ContainsAny(id, `(!|'"`)
}

// forget removes what is remembered of one account.
func (a *app) forget(ledger *job.Ledger, id string) error {
	if _, known, err := ledger.Account(id); err != nil || !known {
		return errors.Join(err, errNotRemembered(id))
	}
	err := a.journalled(func(j *job.Journal) error { return j.Forgotten(id) })
	if err == nil {
		_, err = ledger.Forget(id)
	}
	if err != nil {
		return err
	}
	a.log.Info().Str(job.FieldUserID, id).Msg("the ledger has forgotten the account")
	printf(a.Stdout, "forgotten: %s\n", id)
	return nil
}

// clearBrake lets the runs act again.
func (a *app) clearBrake(ledger *job.Ledger, why string) error {
	was := ledger.Summary().Brake
	if was == nil {
		printf(a.Stdout, "the brake is off\n")
		return nil
	}
	err := a.journalled(func(j *job.Journal) error { return j.BrakeCleared(why) })
	if err == nil {
		_, err = ledger.ClearBrake()
	}
	if err != nil {
		return err
	}
	a.log.Warn().Str(job.FieldGuard, was.Guard).Str(job.FieldNote, job.Printable(why)).Msg("the brake is cleared: the next run may act")
	printf(a.Stdout, "cleared: %s, on since %s: %s\n", was.Guard, formatTime(was.At), was.Message)
	return nil
}

// journalled records what a person is about to change, where there is a journal.
func (a *app) journalled(record func(*job.Journal) error) error {
	if a.cfg.Journal == "" {
		return nil
	}
	journal, err := job.OpenJournal(a.cfg.Journal, newRunID())
	if err != nil {
		return fmt.Errorf("%w: DORMANT_JOURNAL: %w", errSetup, err)
	}
	journal.Directory = directoryName(a.cfg)
	return errors.Join(record(journal), journal.Close())
}
