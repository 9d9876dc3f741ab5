package report

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"unicode/utf16"

	"dormant/job"
)

// writeJSON writes the report as one object. Lists are never null, times are in
// UTC, and what a terminal would act on is escaped, which JSON allows in every
// string without changing it.
func writeJSON(b *bufio.Writer, r job.Report) error {
	r.StartedAt, r.FinishedAt, r.Cutoff = r.StartedAt.UTC(), r.FinishedAt.UTC(), r.Cutoff.UTC()
	if r.DisableCutoff != nil {
		r.DisableCutoff = new(r.DisableCutoff.UTC())
	}
	if r.Counts.Kept == nil {
		r.Counts.Kept = map[job.Reason]int{}
	}
	if r.Refusals == nil {
		r.Refusals = []job.Refusal{}
	}
	if r.Accounts == nil {
		r.Accounts = []job.Account{}
	}
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(r); err != nil {
		return err
	}
	_, err := b.WriteString(escapeHidden(text.String()))
	return err
}

// escapeHidden escapes what is not printed. In JSON that can only be part of a
// string, apart from the ends of its lines.
func escapeHidden(text string) string {
	var b strings.Builder
	b.Grow(len(text))
	for _, c := range text {
		switch {
		case c == '\n' || !hidden(c):
			b.WriteRune(c)
		case c <= 0xffff:
			fmt.Fprintf(&b, `\u%04x`, c)
		default:
			high, low := utf16.EncodeRune(c)
			fmt.Fprintf(&b, `\u%04x\u%04x`, high, low)
		}
	}
	return b.String()
}
