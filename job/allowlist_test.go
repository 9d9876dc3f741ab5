package job

import (
	"fmt"
	"strings"
	"testing"
)

func TestGlob(t *testing.T) {
	tests := []struct {
		glob, name string
		want       bool
	}{
		{"alice", "alice", true},
		{"alice", "ALICE", true},
		{"ALICE", "alice", true},
		{"zoë", "ZOË", true},
		{" alice ", "alice", true},
		{"alice", "alice2", false},
		{"alice", "malice", false},
		{"alice*", "alice", true},
		{"alice*", "Alice-2", true},
		{"alice*", "malice", false},
		{"*@example.org", "a@EXAMPLE.org", true},
		{"*@example.org", "a@example.org.evil", false},
		{"*@example.org", "a@exampleXorg", false},
		{"a?c", "abc", true},
		{"a?c", "aëc", true},
		{"a?c", "ac", false},
		{"a?c", "abbc", false},
		{"*", "anything\nat all", true},
		{"*", "", false},
		{"?", "", false},
		{"a+b", "aab", false},
		{"a+b", "a+b", true},
		{"?ab?*", "[ab]c", true},
		{`a\*`, `a\b`, true},
		{"a|b*", "a", false},
		{"^a*$", "a", false},
		{"(?i)a*", "(xi)abc", true},
	}
	for _, tt := range tests {
		g, err := ParseGlob(tt.glob)
		if err != nil {
			t.Fatal(err)
		}
		if got := g.Match(tt.name); got != tt.want {
			t.Errorf("%q and %q: %t, want %t", tt.glob, tt.name, got, tt.want)
		}
	}
}

func TestParseGlobsRefuses(t *testing.T) {
	_, err := ParseGlobs([]string{"ok", "", " ", "a\x00b", "a\xffb", "a\tb"})
	if err == nil || len(strings.Split(err.Error(), "\n")) != 5 {
		t.Errorf("want 5 errors, got %v", err)
	}
}

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

		{"empty", "", "there is no entry in it"},
		{"blank", " \n\t\n", "there is no entry in it"},
		{"comments alone", "# alice\n  # bob\n", "there is no entry in it"},
		{"a byte order mark alone", "\ufeff", "there is no entry in it"},
		{"CR alone ends no line", "alice # boss\rroot\r", "line 1: lines end with a carriage return alone"},
		{"UTF-16", "\xff\xfea\x00l\x00\n\x00", `line 1: pattern "\xff\xfea\x00l\x00" has characters`},
		{"each error with its line", "a\x00\nbob\n\n\xff\n", "line 1: pattern \"a\\x00\" has characters that no name has\nline 4: "},
		{"what other tools take for wildcards", "alice\n[a-c]*\n{x,y}\n", "line 2: pattern \"[a-c]*\": only * and ? are wildcards"},
		{"a line without an end", strings.Repeat("x", 1<<17), "token too long"},
	}
	for _, tt := range tests {
		t.Run(tt.rule, func(t *testing.T) {
			globs, err := ReadAllowlist(strings.NewReader(tt.text))
			got := fmt.Sprint(texts(globs))
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
	for _, text := range []string{"", "alice", "a\nb\r\n# c\n*@x # y\n", "\ufeffa", "a\rb", "#", " #", "a#b", "\xff", "?\n*\n", "\u2028x", "a\x0b#b"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got, err := ReadAllowlist(strings.NewReader(text))
		if err != nil {
			return
		}
		want := 0
		for line := range strings.Lines(strings.TrimPrefix(text, "\ufeff")) {
			if line = strings.TrimSpace(line); line != "" && line[0] != '#' {
				want++
			}
		}
		if len(got) != want || want == 0 {
			t.Fatalf("%q: %d entries, want %d", text, len(got), want)
		}
		for _, g := range got {
			if !g.Match(g.text) || !g.Match(strings.NewReplacer("*", "x", "?", "x").Replace(g.text)) {
				t.Errorf("%q: %q does not stand for itself", text, g.text)
			}
			if g.Match("") {
				t.Errorf("%q: %q stands for nothing", text, g.text)
			}
		}
	})
}

func texts(globs Globs) []string {
	var texts []string
	for _, g := range globs {
		texts = append(texts, g.text)
	}
	return texts
}
