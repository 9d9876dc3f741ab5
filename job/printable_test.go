package job

import (
	"encoding/json"
	"testing"
)

func TestPrintable(t *testing.T) {
	for in, want := range map[string]string{
		"":                               "",
		"José, 田中 👍":                     "José, 田中 👍",
		`ACME\nina "x"`:                  `ACME\nina "x"`,
		"a\u200bb\u00a0c":                `a\u200bb\u00a0c`,
		"\ufffd":                         "\ufffd",
		"a\xff":                          `a\xff`,
		"\x1b[2J\u202e\u009b31m\r\n\x00": `\x1b[2J\u202e\u009b31m\r\n\x00`,
	} {
		if got := Printable(in); got != want {
			t.Errorf("Printable(%q) = %s, want %s", in, got, want)
		}
	}
}

// What is escaped in JSON keeps its value.
func TestPrintableJSON(t *testing.T) {
	for in, want := range map[string]string{
		`{"a":"José 👍"}`:                   `{"a":"José 👍"}`,
		"{\"a\":\"\u009b\u202e\"}\n":       `{"a":"\u009b\u202e"}` + "\n",
		"{\"a\":\"\U000e0041\",\n\"b\":1}": `{"a":"\udb40\udc41",` + "\n" + `"b":1}`,
		"{\"a\":\"\x7f\u00a0\u200b\"}":     `{"a":"\u007f\u00a0\u200b"}`,
	} {
		got := PrintableJSON([]byte(in))
		if string(got) != want {
			t.Errorf("PrintableJSON(%q) = %s, want %s", in, got, want)
		}
		var before, after struct{ A string }
		if json.Unmarshal([]byte(in), &before) != nil || json.Unmarshal(got, &after) != nil || before != after {
			t.Errorf("%q means %q, and %q before", got, after.A, before.A)
		}
	}
}
