package report

import (
	"bytes"
	"strings"
	"testing"

	"dormant/job"
)

// Where a log of logins is short, each report says since when the runs have read it.
func TestReportsSaySinceWhenLoginsAreKnown(t *testing.T) {
	r := sample("audit", true, job.DryRun)
	at := r.StartedAt.AddDate(0, 0, -97).UTC()
	for _, known := range []bool{false, true} {
		r.Ledger = &job.LedgerReport{Since: at}
		if known {
			r.Ledger.WatchedSince = &at
		}
		for format, says := range map[string]string{
			"table": "the ledger knows all logins since " + at.Format("2006-01-02T15:04:05Z") + " (97 days ago)\n",
			"html":  "<dt>Ledger</dt><dd>knows all logins since",
			"json":  `"watched_since":"` + at.Format("2006-01-02T15:04:05"),
		} {
			var text bytes.Buffer
			if err := Write(&text, format, r); err != nil {
				t.Fatal(err)
			}
			if got := strings.ReplaceAll(text.String(), `": "`, `":"`); strings.Contains(got, says) != known {
				t.Errorf("%s, known: %t: %s", format, known, got)
			}
		}
	}
}
