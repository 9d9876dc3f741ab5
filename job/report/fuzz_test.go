package report

import (
	"encoding/csv"
	"encoding/json"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"dormant/job"
)

// FuzzReports: with any name and any text of a directory, a report is well-formed, an
// account is one row, no cell is a formula, and no text in the page is markup.
func FuzzReports(f *testing.F) {
	for _, text := range []string{"", "ana", "=1+1", "@x", "\t=1", "＝1", "a\r\nb,\"c", "\x1b[2J", "<script>", "\xff", "\u202e", "\u2028", "-1", " =1", "\ufeff=1", "a;b|c"} {
		f.Add(text, text, text, text)
	}
	f.Fuzz(func(t *testing.T, id, username, email, problem string) {
		r := job.Report{Outcome: job.Partial, Accounts: job.ListAccounts(
			job.Account{ID: id, Username: username, Email: email, Action: job.Remove, Reason: job.Inactive, Result: job.NotRemoved, Error: problem},
			job.Account{ID: "2", Action: job.Remove, Reason: job.Inactive, Result: job.Removed},
		), Error: problem}
		texts := map[string]string{}
		for _, format := range formats {
			var b strings.Builder
			if err := Write(&b, format, r); err != nil {
				t.Fatalf("%s: %v", format, err)
			}
			texts[format] = b.String()
		}
		records, err := csv.NewReader(strings.NewReader(texts[CSV])).ReadAll()
		if err != nil || len(records) != 3 || len(records[0]) != len(records[1]) {
			t.Fatalf("%v, %d records of 3: %q", err, len(records), texts[CSV])
		}
		for _, cell := range records[1] {
			if first, _ := utf8.DecodeRuneInString(cell); cell != "" && strings.ContainsRune("=+-@＝＋－＠", first) || strings.ContainsFunc(cell, unicode.IsControl) {
				t.Errorf("a cell is %q", cell)
			}
		}
		var read job.Report
		if err := json.Unmarshal([]byte(texts[JSON]), &read); err != nil || read.Accounts.Len() != 2 {
			t.Errorf("%v: %q", err, texts[JSON])
		}
		if strings.ContainsFunc(texts[Table], func(r rune) bool { return r != '\n' && unicode.IsControl(r) }) {
			t.Errorf("the table has control characters: %q", texts[Table])
		}
		// As many tags as with names that are none.
		var plain strings.Builder
		changed := account(&r, 0)
		changed.ID, changed.Username, changed.Email = "1", "x", "x"
		account(&r, 0).Error, r.Error = word(problem), word(problem)
		if err := Write(&plain, HTML, r); err != nil {
			t.Fatal(err)
		}
		if id != "" && username != "" && email != "" && strings.Count(texts[HTML], "<") != strings.Count(plain.String(), "<") {
			t.Errorf("markup comes from %q, %q, %q, %q", id, username, email, problem)
		}
	})
}

// word is something, if the text is.
func word(text string) string {
	if text == "" {
		return ""
	}
	return "x"
}
