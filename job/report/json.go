package report

import (
	"bufio"
	"bytes"
	"encoding/json"
	"strings"

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
	if r.Warnings == nil {
		r.Warnings = []job.Warning{}
	}
	accounts := r.Accounts
	r.Accounts = job.Accounts{}
	var text bytes.Buffer
	if err := newEncoder(&text, "").Encode(r); err != nil {
		return err
	}
	// Within a string, the quotes would be escaped.
	before, after, _ := bytes.Cut(job.PrintableJSON(text.Bytes()), []byte(emptyAccounts))
	_, _ = b.Write(before) // the writer keeps its first error
	if err := writeJSONAccounts(b, accounts); err != nil {
		return err
	}
	_, err := b.Write(after)
	return err
}

// emptyAccounts is the list of accounts in a report that has none.
const emptyAccounts = `"accounts": []`

// writeJSONAccounts writes one account after the other, because there may be very many.
func writeJSONAccounts(b *bufio.Writer, accounts job.Accounts) error {
	if accounts.Len() == 0 {
		_, err := b.WriteString(emptyAccounts)
		return err
	}
	_, _ = b.WriteString(strings.TrimSuffix(emptyAccounts, "]"))
	const indent = "    "
	var text bytes.Buffer
	encoder := newEncoder(&text, indent)
	for i, a := range accounts.All() {
		if i > 0 {
			_ = b.WriteByte(',')
		}
		text.Reset()
		if err := encoder.Encode(&a); err != nil {
			return err
		}
		_, _ = b.WriteString("\n" + indent)
		_, _ = b.Write(job.PrintableJSON(bytes.TrimSuffix(text.Bytes(), []byte("\n"))))
	}
	_, err := b.WriteString("\n  ]")
	return err
}

// newEncoder writes JSON with all lines but the first behind the prefix.
func newEncoder(text *bytes.Buffer, prefix string) *json.Encoder {
	encoder := json.NewEncoder(text)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent(prefix, "  ")
	return encoder
}
