package report

import (
	"bufio"
	"encoding/csv"
	"strconv"
	"strings"
	"time"

	"dormant/job"
)

// writeCSV writes the accounts as RFC 4180 has it, one record a line. There is a
// last column for those in grace if there are any.
func writeCSV(b *bufio.Writer, r job.Report) error {
	w := csv.NewWriter(b)
	w.UseCRLF = true
	// Errors stay until the end, where Error tells the first.
	columns := []string{"id", "username", "email", "last_login", "inactive_days", "action", "reason", "result", "error", "removable_at"}
	if len(inGrace(r)) == 0 {
		columns = columns[:len(columns)-1]
	}
	_ = w.Write(columns)
	for _, a := range r.Accounts {
		_ = w.Write([]string{
			cell(a.ID), cell(a.Username), cell(a.Email), csvTime(a.LastLogin), csvNumber(a.InactiveDays),
			cell(string(a.Action)), cell(string(a.Reason)), cell(string(a.Result)), cell(a.Error), csvTime(a.RemovableAt),
		}[:len(columns)])
	}
	w.Flush()
	return w.Error()
}

// cell is text that a spreadsheet takes for nothing but text: it would run
// whatever begins like a formula, and East Asian ones accept the wide signs too.
func cell(s string) string {
	if s != "" && strings.ContainsAny(s[:1], "=+-@\t\r") ||
		strings.HasPrefix(s, "＝") || strings.HasPrefix(s, "＋") || strings.HasPrefix(s, "－") || strings.HasPrefix(s, "＠") {
		s = "'" + s
	}
	return visible(s)
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
