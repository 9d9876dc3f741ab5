package report

import (
	"bufio"
	"bytes"
	"encoding/json"

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
	_, err := b.Write(job.PrintableJSON(text.Bytes()))
	return err
}
