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

// writeJSON writes the report as one object. Lists are never null, and times are in UTC.
// Characters that a terminal would interpret are escaped, which does not change the value
// of a JSON string.
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

// escapeHidden escapes characters that are not printable. In JSON those occur only in
// strings, except for line breaks.
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
