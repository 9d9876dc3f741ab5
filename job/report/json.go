package report

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"strconv"
	"strings"
	"time"

	"dormant/job"
)

// schema is the version of what the keys mean.
const schema = 1

func inSeconds(t time.Time) time.Time { return t.UTC().Truncate(time.Second) }

// writeJSON writes the report as one object. Lists are never null, and times are whole seconds
// in UTC. Characters that a terminal would interpret are escaped, which does not change the value
// of a JSON string.
func writeJSON(b *bufio.Writer, r job.Report) error {
	r.Schema = schema
	r.StartedAt, r.FinishedAt, r.Cutoff = inSeconds(r.StartedAt), inSeconds(r.FinishedAt), inSeconds(r.Cutoff)
	if r.DisableCutoff != nil {
		r.DisableCutoff = new(inSeconds(*r.DisableCutoff))
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
	accounts, exempt := r.Accounts, r.Exempt
	r.Accounts, r.Exempt = job.Accounts{}, job.Accounts{}
	var text bytes.Buffer
	if err := newEncoder(&text, "").Encode(r); err != nil {
		return err
	}
	// Within a string, the quotes would be escaped.
	rest := job.PrintableJSON(text.Bytes())
	for _, list := range []struct {
		empty    string
		accounts job.Accounts
	}{{`"accounts": []`, accounts}, {`"exempt": []`, exempt}} {
		before, after, _ := bytes.Cut(rest, []byte(list.empty))
		_, _ = b.Write(before) // the writer keeps its first error
		if err := writeJSONAccounts(b, list.empty, list.accounts); err != nil {
			return err
		}
		rest = after
	}
	_, err := b.Write(rest)
	return err
}

// writeJSONAccounts writes one account after the other, because there may be very many, in
// the place of a list that is empty.
func writeJSONAccounts(b *bufio.Writer, empty string, accounts job.Accounts) error {
	if accounts.Len() == 0 {
		_, err := b.WriteString(empty)
		return err
	}
	_, _ = b.WriteString(strings.TrimSuffix(empty, "]"))
	for i, a := range accounts.All() {
		if i > 0 {
			_ = b.WriteByte(',')
		}
		text, err := appendJSONAccount(b.AvailableBuffer(), &a)
		if err != nil {
			return err
		}
		_, _ = b.Write(text)
	}
	_, err := b.WriteString("\n  ]")
	return err
}

// appendJSONAccount appends what encoding/json makes of the account, with its indent. That
// takes ten times as long, most of it to indent.
func appendJSONAccount(b []byte, a *job.Account) ([]byte, error) {
	o := jsonObject{text: append(b, "\n    {"...)}
	o.string("id", a.ID)
	o.string("username", a.Username)
	o.string("email", a.Email)
	o.time("last_login", a.LastLogin)
	if a.InactiveDays == nil {
		o.name("inactive_days", "null")
	} else {
		o.text = strconv.AppendInt(o.name("inactive_days", ""), int64(*a.InactiveDays), 10)
	}
	o.string("action", string(a.Action))
	o.string("reason", string(a.Reason))
	o.string("result", string(a.Result))
	o.string("error", a.Error)
	if a.RemovableAt != nil {
		o.time("removable_at", a.RemovableAt)
	}
	for _, member := range [...]struct{ name, value string }{{"state", string(a.State)}, {"until", a.Until}, {"owner", a.Owner}, {"note", a.Note}} {
		if member.value != "" {
			o.string(member.name, member.value)
		}
	}
	return append(o.text, "\n    }"...), o.err
}

// A jsonObject is the text of an account's object, as far as it is written.
type jsonObject struct {
	text   []byte
	behind bool // another member
	err    error
}

// name appends the name of a member and the beginning of its value.
func (o *jsonObject) name(name, value string) []byte {
	if o.behind {
		o.text = append(o.text, ',')
	}
	o.behind = true
	o.text = append(append(append(o.text, "\n      \""...), name...), "\": "...)
	o.text = append(o.text, value...)
	return o.text
}

func (o *jsonObject) string(name, value string) {
	o.name(name, "")
	if !strings.ContainsFunc(value, isEscaped) {
		o.text = append(append(append(o.text, '"'), value...), '"')
		return
	}
	var text bytes.Buffer
	o.err = errors.Join(o.err, newEncoder(&text, "").Encode(value))
	o.text = append(o.text, job.PrintableJSON(bytes.TrimSuffix(text.Bytes(), []byte("\n")))...)
}

// isEscaped reports whether r may not stand for itself in a string.
func isEscaped(r rune) bool { return r < ' ' || r > '~' || r == '"' || r == '\\' }

func (o *jsonObject) time(name string, t *time.Time) {
	if t == nil {
		o.name(name, "null")
		return
	}
	text, err := t.AppendText(o.name(name, `"`))
	text = append(text, '"')
	o.text, o.err = text, errors.Join(o.err, err)
}

// newEncoder writes JSON with all lines but the first behind the prefix.
func newEncoder(text *bytes.Buffer, prefix string) *json.Encoder {
	encoder := json.NewEncoder(text)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent(prefix, "  ")
	return encoder
}
