package report

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"dormant/job"
)

func TestConclusion(t *testing.T) {
	const (
		would = job.WouldRemove

		wouldDisable = job.WouldDisable

		removed   = job.Removed
		disabled  = job.Disabled
		gone      = job.AlreadyGone
		kept      = job.Kept
		failed    = job.NotRemoved
		untouched = job.NotAttempted
	)
	refused := func(r job.Report) job.Report {
		r.Refusals = []job.Refusal{refusal}
		return r
	}
	ended := func(r job.Report, err error) job.Report {
		r.Err, r.Error = err, "detailed: "+err.Error()
		return r
	}
	interrupted, signedOut, dryUnread := unread, unread, unread
	interrupted.Outcome = job.Interrupted
	signedOut.Err = fmt.Errorf("list users: %w", job.ErrSignedOut)
	dryUnread.DryRun = true
	boom := errors.New("10 removals in a row failed")

	tests := []struct {
		name   string
		report job.Report
		want   string // in the table, to its end
	}{
		{"audit", sample("audit", true, job.DryRun, would, would),
			"Dry run: nothing was removed. 2 of 10 accounts would be removed.\ndormant run with DORMANT_DRY_RUN=false removes them.\n"},
		{"dry run", sample("run", true, job.DryRun, would),
			"Dry run: nothing was removed. 1 of 10 accounts would be removed.\nTo remove them: DORMANT_DRY_RUN=false dormant run\n"},
		{"daemon", sample("daemon", true, job.DryRun, would),
			"1 of 10 accounts would be removed.\nA daemon that is started with DORMANT_DRY_RUN=false removes them.\n"},
		{"dry run without candidates", sample("audit", true, job.DryRun),
			"Dry run: nothing was removed. No account would be removed.\n"},
		{"dry run that a guard would refuse", refused(sample("run", true, job.DryRun, would, would, would)),
			"Dry run: nothing was removed. 3 of 10 accounts are candidates, and a real run would be refused.\n" +
				"The guards say what to check, and which variable to change if all of them should go.\n"},
		{"refused", refused(sample("run", false, job.Refused, untouched)),
			"Refused: nothing was removed. 1 of 10 accounts is a candidate.\n" +
				"The guards say what to check, and which variable to change if all of them should go.\n"},
		{"completed, none", sample("run", false, job.Completed), "\nNothing to remove: no account is a candidate.\n"},
		{"completed, one", sample("run", false, job.Completed, removed), "\nRemoved 1 account.\n"},
		{"completed, all", sample("run", false, job.Completed, removed, removed, removed), "\nRemoved 3 accounts.\n"},
		{"completed, some", sample("run", false, job.Completed, removed, gone, kept),
			"\nDone: removed 1 of 3 accounts (1 already gone, 1 kept on a second look).\n"},
		{"completed, all kept", sample("run", false, job.Completed, kept, kept),
			"\nDone: nothing was removed (2 kept on a second look).\n"},
		{"partial", sample("run", false, job.Partial, removed, removed, failed),
			"\nPartly done: removed 2 of 3 accounts (1 failed).\nEach failed account has its error; the next run tries them again.\n"},
		{"failed, some removed", ended(sample("run", false, job.Failed, removed, failed, untouched), boom),
			"\nFailed: removed 1 of 3 accounts (1 failed, 1 not attempted).\n  error: detailed: 10 removals in a row failed\n" +
				"The next run reads the directory anew and decides again about what is left.\n"},
		{"failed, none confirmed", ended(sample("run", false, job.Failed, failed, failed), boom),
			"\nFailed: removed 0 of 2 accounts (2 failed).\n  error: detailed: 10 removals in a row failed\n" +
				"The next run reads the directory anew and decides again about what is left.\n"},
		{"failed, none attempted", ended(sample("run", false, job.Failed, untouched), boom),
			"\nFailed: nothing was removed (1 not attempted).\n  error: detailed: 10 removals in a row failed\n" +
				"The next run reads the directory anew and decides again about what is left.\n"},
		{"interrupted", ended(sample("run", false, job.Interrupted, removed, untouched), boom),
			"\nInterrupted: removed 1 of 2 accounts (1 not attempted).\n  error: detailed: 10 removals in a row failed\n" +
				"The next run reads the directory anew and decides again about what is left.\n"},
		{"failed while it read", unread,
			"\nFailed: nothing was removed, because the directory was not read to its end.\n  error: list users: page 3: 502\n" +
				"dormant check shows what the directory answers; the next run starts from the beginning.\n"},
		{"failed while it read, signed out", signedOut,
			"  error: list users: page 3: 502\nCheck the credentials and what they may read; dormant check tries them.\n"},
		{"dry run that failed while it read", dryUnread,
			"\nFailed: nothing was removed, because the directory was not read to its end.\n  error: list users: page 3: 502\n" +
				"dormant check shows what the directory answers; the next run starts from the beginning.\n"},
		{"interrupted while it read", interrupted,
			"\nInterrupted: nothing was removed, because the directory was not read to its end.\n  error: list users: page 3: 502\n" +
				"The next run starts from the beginning.\n"},

		{"audit of a run that disables", disabling(sample("audit", true, job.DryRun, wouldDisable, wouldDisable), 90),
			"Dry run: nothing was disabled. 2 of 10 accounts would be disabled.\ndormant run with DORMANT_DRY_RUN=false disables them.\n"},
		{"dry run of both", disabling(sample("run", true, job.DryRun, would, would, wouldDisable), 45),
			"Dry run: nothing was removed or disabled. 2 of 10 accounts would be removed, 1 disabled.\nTo do so: DORMANT_DRY_RUN=false dormant run\n"},
		{"dry run of both, none to disable", disabling(sample("run", true, job.DryRun, would), 45),
			"Dry run: nothing was removed or disabled. 1 of 10 accounts would be removed.\nTo remove them: DORMANT_DRY_RUN=false dormant run\n"},
		{"daemon's dry run of both, none to remove", disabling(sample("daemon", true, job.DryRun, wouldDisable), 45),
			"1 of 10 accounts would be disabled.\nA daemon that is started with DORMANT_DRY_RUN=false disables them.\n"},
		{"dry run of both without candidates", disabling(sample("audit", true, job.DryRun), 45),
			"Dry run: nothing was removed or disabled. No account would be removed or disabled.\n"},
		{"dry run of both that a guard would refuse", refused(disabling(sample("run", true, job.DryRun, would, wouldDisable), 45)),
			"Dry run: nothing was removed or disabled. 2 of 10 accounts are candidates, and a real run would be\nrefused.\n" +
				"The guards say what to check, and which variable to change if all that should be done.\n"},
		{"disabling refused", refused(disabling(sample("run", false, job.Refused, untouched), 90)),
			"Refused: nothing was disabled. 1 of 10 accounts is a candidate.\n" +
				"The guards say what to check, and which variable to change if all of them should be disabled.\n"},
		{"none to disable", disabling(sample("run", false, job.Completed), 90), "\nNothing to disable: no account is a candidate.\n"},
		{"none for both", disabling(sample("run", false, job.Completed), 45), "\nNothing to remove or disable: no account is a candidate.\n"},
		{"all disabled", disabling(sample("run", false, job.Completed, disabled, disabled), 90), "\nDisabled 2 accounts.\n"},
		{"all removed or disabled", disabling(sample("run", false, job.Completed, removed, disabled, disabled), 45), "\nRemoved 1 account, and disabled 2.\n"},
		{"some disabled", disabling(sample("run", false, job.Partial, disabled, failed, kept), 90),
			"\nPartly done: disabled 1 of 3 accounts (1 kept on a second look, 1 failed).\nEach failed account has its error; the next run tries them again.\n"},
		{"one failed of both", disabling(sample("run", false, job.Partial, failed, disabled), 45),
			"\nPartly done: removed 0 and disabled 1 of 2 accounts (1 failed).\nEach failed account has its error; the next run tries them again.\n"},
		{"nothing done of both", ended(disabling(sample("run", false, job.Interrupted, untouched), 45), boom),
			"\nInterrupted: nothing was removed or disabled (1 not attempted).\n  error: detailed: 10 removals in a row failed\n" +
				"The next run reads the directory anew and decides again about what is left.\n"},
		{"failed while it read, of both", disabling(unread, 45),
			"\nFailed: nothing was removed or disabled, because the directory was not read to its end.\n  error: list users: page 3: 502\n" +
				"dormant check shows what the directory answers; the next run starts from the beginning.\n"},

		{"all in grace", waiting(sample("run", false, job.Completed), 14),
			"\nNothing to remove: no account is a candidate.\nIn grace: 1 account, removable from 2026-05-15T03:00:00Z unless used before.\n"},
		{"all removed, others in grace", waiting(sample("run", false, job.Completed, removed, removed), 14, 3, 7),
			"\nRemoved 2 accounts.\nIn grace: 3 accounts, the first removable from 2026-05-04T03:00:00Z unless used before. Due: 1 on\n" +
				"2026-05-04, 1 on 2026-05-08, 1 on 2026-05-15.\n"},
		{"many days", waiting(sample("run", false, job.Completed), 1, 1, 2, 3, 4, 5, 6, 7),
			"\nIn grace: 8 accounts, the first removable from 2026-05-02T03:00:00Z unless used before. Due: 2 on\n" +
				"2026-05-02, 1 on 2026-05-03, 1 on 2026-05-04, 1 on 2026-05-05, 1 on 2026-05-06, 2 later.\n"},
		{"more in grace than the guards will let go", foretold(waiting(sample("run", false, job.Completed), 14, 14)),
			"\nNothing to remove: no account is a candidate.\nIn grace: 2 accounts, the first removable from 2026-05-15T03:00:00Z unless used before. As things\n" +
				"are, the guards will refuse to remove them: see the warnings.\n"},
		{"audit, all in grace", waiting(sample("audit", true, job.DryRun), 14),
			"\nDry run: nothing was removed. No account would be removed.\n" +
				"In grace: 1 account, removable from 2026-05-15T03:00:00Z unless used before. An audit begins no\ngrace; dormant run does.\n"},
		{"refused, others in grace", refused(waiting(sample("run", false, job.Refused, untouched), 14)),
			"Refused: nothing was removed. 1 of 10 accounts is a candidate.\nIn grace: 1 account, removable from 2026-05-15T03:00:00Z unless used before.\n" +
				"The guards say what to check, and which variable to change if all of them should go.\n"},
		{"the ledger could not be written", ended(waiting(sample("run", false, job.Failed, removed, removed), 14), errors.New("write ledger: full")),
			"\nFailed: removed 2 of 2 accounts.\nIn grace: 1 account, removable from 2026-05-15T03:00:00Z unless used before.\n  error: detailed: write ledger: full\n" +
				"The next run reads the directory anew and decides again about what is left.\n"},

		{"an outcome that nobody knows", sample("run", false, "?", untouched), "\nFailed: nothing was removed (1 not attempted).\n" +
			"The next run reads the directory anew and decides again about what is left.\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := write(t, Table, tt.report); !strings.HasSuffix(got, tt.want) {
				t.Errorf("got\n%s\nwant at its end\n%s", got, tt.want)
			}
		})
	}
}
