package job

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

func TestReadAllowlist(t *testing.T) {
	tests := []struct {
		rule string
		text string
		want string // the patterns, or the error
	}{
		{"one a line", "alice\n*@example.org\n", "[alice *@example.org]"},
		{"no line feed at the end", "alice\nbob", "[alice bob]"},
		{"blank lines", "\n\nalice\n \t\nbob\n\n", "[alice bob]"},
		{"white space around", "  alice\t\n", "[alice]"},
		{"white space within", "alice smith\n", "[alice smith]"},
		{"comments", "# all\nalice # boss\nbob\t#x\n  # more\n", "[alice bob]"},
		{"# within a name is no comment", "alice#1\n", "[alice#1]"},
		{"CRLF", "alice\r\n# x\r\nbob\r\n", "[alice bob]"},
		{"a byte order mark", "\ufeffalice\nbob\n", "[alice bob]"},
		{"a byte order mark before a comment", "\ufeff# all\nbob\n", "[bob]"},
		{"byte order marks on later lines", "alice\n\ufeffbob\n\ufeff# all\n\ufeff\n", "[alice bob]"},
		{"what does not show", "al\u200bice\u2060\n\u202abob\u202c\n\u200b\n\u00a0\u3000\n\u200b # all\n", "[alice bob]"},
		{"distinguished names", "uid=alice,ou=people,dc=example\nCN=Alice Smith, OU=Staff\n", "[uid=alice,ou=people,dc=example CN=Alice Smith, OU=Staff]"},

		{"empty", "", "there is no entry in it"},
		{"blank", " \n\t\n", "there is no entry in it"},
		{"comments alone", "# alice\n  # bob\n", "there is no entry in it"},
		{"a byte order mark alone", "\ufeff", "there is no entry in it"},
		{"CR alone ends no line", "alice # boss\rroot\r", "line 1: lines end with a carriage return alone"},
		{"UTF-16", "\xff\xfea\x00l\x00\n\x00", `line 1: entry "\xff\xfea\x00l\x00" has characters`},
		{"UTF-8 that was read in another encoding", "alice\njosÃ©.garcÃ\u00ada # boss\n", `line 2: "josÃ©.garcÃ\u00ada # boss" is UTF-8 that something has read as Windows-1252`},
		{"such a comment", "alice # josÃ©\n", "[alice]"},
		{"each error with its line", "a\x00\nbob\n\n\xff\n", "line 1: entry \"a\\x00\" has characters that no name has\nline 4: "},
		{"what other tools take for wildcards", "alice\n[a-c]*\n{x,y}\n", "line 2: entry \"[a-c]*\" is no pattern: only * and ? are wildcards"},
		{"a line without an end", strings.Repeat("x", 1<<17), "token too long"},
	}
	for _, tt := range tests {
		t.Run(tt.rule, func(t *testing.T) {
			entries, err := ReadAllowlist(strings.NewReader(tt.text), time.Now())
			got := fmt.Sprint(texts(entries))
			if err != nil {
				got = err.Error()
			}
			if got != tt.want && (err == nil || !strings.Contains(got, tt.want)) {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
		})
	}
}

func FuzzReadAllowlist(f *testing.F) {
	for _, text := range []string{"", "alice", "a\nb\r\n# c\n*@x # y\n", "\ufeffa", "a\rb", "#", " #", "a#b", "\xff", "?\n*\n", "\u2028x", "a\x0b#b", "a until=2999-01-01", "a owner=b note=\"#\" # c"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got, err := ReadAllowlist(strings.NewReader(text), time.Now())
		if err != nil {
			return
		}
		want := 0
		for line := range strings.Lines(text) {
			if line = withoutFormat(line); line != "" && line[0] != '#' {
				want++
			}
		}
		if len(got) != want || want == 0 {
			t.Fatalf("%q: %d entries, want %d", text, len(got), want)
		}
		for _, e := range got {
			if !e.match(formsOf(e.Text)) || !e.match(formsOf(" "+strings.ToUpper(e.Text)+"\u200b")) && isASCII(e.Text) || !e.match(formsOf(strings.NewReplacer("*", "x", "?", "x").Replace(e.name))) {
				t.Errorf("%q: %q does not stand for itself", text, e.Text)
			}
			if e.match(formsOf("")) || e.match(formsOf(" \u200b")) {
				t.Errorf("%q: %q stands for nothing", text, e.Text)
			}
		}
	})
}

func texts(entries []Entry) []string {
	var texts []string
	for _, e := range entries {
		texts = append(texts, e.Text)
	}
	return texts
}
