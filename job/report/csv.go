package report

import (
	"bufio"
	"encoding/csv"
	"strconv"
	"strings"
	"time"

	"dormant/job"
)

// writeCSV writes the accounts and those that are exempt in the format of RFC 4180, one record
// on each line. It adds the column removable_at if any account is in grace, and until, owner
// and note if the allowlist has one of them for anybody.
func writeCSV(b *bufio.Writer, r job.Report) error {
	w := csv.NewWriter(b)
	w.UseCRLF = true
	// The writer keeps its first error; w.Error returns it at the end.
	columns := []string{"id", "username", "email", "last_login", "inactive_days", "action", "reason", "result", "error"}
	grace, exemptions := inGrace(r).Len() > 0, hasExemptions(r)
	if grace {
		columns = append(columns, "removable_at")
	}
	if exemptions {
		columns = append(columns, "until", "owner", "note")
	}
	_ = w.Write(columns)
	row := make([]string, 0, len(columns))
	for _, list := range []job.Accounts{r.Accounts, r.Exempt} {
		for _, a := range list.All() {
			row = append(row[:0],
				csvText(a.ID), csvText(a.Username), csvText(a.Email), csvTime(a.LastLogin), csvNumber(a.InactiveDays),
				csvText(string(a.Action)), csvText(string(a.Reason)), csvText(string(a.Result)), csvText(a.Error))
			if grace {
				row = append(row, csvTime(a.RemovableAt))
			}
			if exemptions {
				row = append(row, csvText(a.Until), csvText(a.Owner), csvText(a.Note))
			}
			_ = w.Write(row)
		}
	}
	w.Flush()
	return w.Error()
}

// csvText returns s so that a spreadsheet does not execute it: one would run text that
// begins like a formula. Where its language separates cells by semicolons, a cell can
// begin within s, whatever is quoted.
func csvText(s string) string {
	var b strings.Builder
	written, begins := 0, true
	for i, r := range s {
		if begins && isSign(r) {
			b.WriteString(s[written:i])
			b.WriteByte('\'')
			written = i
		}
		begins = r == ';' || begins && (r == ' ' || r == '"')
	}
	if b.Len() > 0 {
		s = b.String() + s[written:]
	}
	return job.Printable(s)
}

// isSign reports whether a formula may begin with r. East Asian spreadsheets accept
// full-width signs as well.
func isSign(r rune) bool {
	switch r {
	case '=', '+', '-', '@', '\t', '\r', '＝', '＋', '－', '＠':
		return true
	}
	return false
}

func csvTime(t *time.Time) string {
	if t == nil {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}

func csvNumber(n *int) string {
	if n == nil {
		return ""
	}
	return strconv.Itoa(*n)
}
