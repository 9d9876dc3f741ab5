package job

import (
	"slices"
	"strings"
	"testing"
)

func TestEntryMatch(t *testing.T) {
	tests := []struct {
		entry, name string
		want        bool
	}{
		{"alice", "alice", true},
		{"alice", "ALICE", true},
		{"ALICE", "alice", true},
		{" alice\u00a0", "alice ", true},
		{"alice", "\u200balice", true},
		{"\ufeffalice", "alice", true},
		{"zoë", "ZOE\u0308", true},
		{"a@bücher.example", "a@XN--BCHER-KVA.example.", true},
		{"o'neill", "o&#039;neill", true},
		{"r&amp;d", "r&d", true},
		{"straße@x.example", "STRASSE@x.example", true},
		{"alice", "alice2", false},
		{"alice", "malice", false},
		{"alice", "", false},
		{"alice", "\u200b", false},

		{"alice*", "alice", true},
		{"alice*", "Alice-2", true},
		{"alice*", "malice", false},
		{"*@example.org", "a@EXAMPLE.org", true},
		{"*@example.org", "a@example.org.", true},
		{"*@example.org", " a@example.org\u2060", true},
		{"*@example.org", "a@example.org.evil", false},
		{"*@example.org", "a@exampleXorg", false},
		{"*@EXAMPLE.org.", "a@example.org", true},
		{"*@bücher.example", "a@xn--bcher-kva.example", true},
		{"*@xn--bcher-kva.example", "a@bu\u0308cher.example", true},
		{"*@bü*.example", "a@xn--bcher-kva.example", true},
		{"*@b?cher.example", "a@xn--bcher-kva.example", true},
		{"*@xn--*", "a@xn--bcher-kva.example", true},
		{"*ß*", "Strauß", true},
		{"*strauß", "STRAUSS", true},
		{"strau?", "Strauß", true},
		{"strau?", "STRAUSS", false},
		{"zo?", "zoe\u0308", true},
		{"r&amp;*", "r&amp;d", true},
		{"＊@example.org", "a@example.org", true},
		{"a?c", "abc", true},
		{"a?c", "aëc", true},
		{"a?c", "ac", false},
		{"a?c", "abbc", false},
		{"*", "anything\nat all", true},
		{"*", "", false},
		{"*", "\u200b", false},
		{"?", "", false},
		{"a+b", "aab", false},
		{"a+b", "a+b", true},
		{"?ab?*", "[ab]c", true},
		{`a\*`, `a\b`, true},
		{"a|b*", "a", false},
		{"a.c*", "abc", false},
		{"(?i)a*", "(xi)abc", true},
		{"CORP\\alice", "corp\\ALICE", true},
		{"alice#1", "Alice#1", true},
	}
	for _, tt := range tests {
		e, err := ParseEntry(tt.entry)
		if err != nil {
			t.Fatal(err)
		}
		if got := e.match(formsOf(tt.name)); got != tt.want {
			t.Errorf("%q and %q: %t, want %t", tt.entry, tt.name, got, tt.want)
		}
		if got := NewEntries(Entry{Text: "other", name: "other"}, e).Match(slices.Values([]string{"", tt.name})); got != tt.want {
			t.Errorf("a list with %q, and %q: %t, want %t", tt.entry, tt.name, got, tt.want)
		}
	}
}

// What can't be a name is an error, where it is known of a name; "-" stands for none.
func TestWhatCantBeAName(t *testing.T) {
	const (
		quotes    = "quotes"
		several   = "more than one name"
		brackets  = "< or >"
		item      = "item of a list"
		key       = "has a ="
		pattern   = "is no pattern"
		variable  = "is a variable"
		url       = "is a URL"
		escaped   = "has an escaped character"
		colon     = "has a :"
		blankAt   = "a blank and an @"
		blank     = "has a blank in it"
		garbled   = "Windows-1252"
		shortened = "the first digits only"
		chars     = "characters that no name has"
		empty     = "is empty"
		notSeen   = "nothing to see"
		none      = "-"
		anyOfThem = "*"
	)
	tests := []struct {
		text                               string
		inVariable, inFile, role, anywhere string
	}{
		{`"alice"`, quotes, quotes, quotes, quotes},
		{`'alice'`, quotes, quotes, quotes, quotes},
		{"`alice`", quotes, quotes, quotes, quotes},
		{"“alice”", quotes, quotes, quotes, quotes},
		{"„alice“", quotes, quotes, quotes, quotes},
		{"«alice»", quotes, quotes, quotes, quotes},
		{"‘alice’", quotes, quotes, quotes, quotes},
		{"＂alice＂", quotes, quotes, quotes, quotes},
		{"&quot;alice&quot;", quotes, quotes, quotes, quotes},
		{" \u200b'alice'\u00a0", quotes, quotes, quotes, quotes},
		{`"alice`, quotes, quotes, quotes, none},
		{`alice"`, quotes, quotes, quotes, none},
		{`'alice`, quotes, quotes, quotes, none},
		{`alice'`, quotes, quotes, quotes, none},
		{`""`, quotes, quotes, quotes, quotes},
		{"o'neill", none, none, none, none},
		{"o’neill", none, none, none, none},

		{"a;b", several, several, several, none},
		{"a@x.example;b@x.example", several, several, several, several},
		{"a；b", several, several, several, none},
		{"a,b", several, several, several, none},
		{"a、b", several, several, several, none},
		{"a,", several, several, several, several},
		{"a;", several, several, several, several},
		{",a", several, several, several, several},
		{"a@x.example b@x.example", blankAt, blankAt, none, several},
		{"a@x.example bob", blankAt, blankAt, none, none},
		{"Alice a@x.example", blankAt, blankAt, none, none},
		{"a@x.example (boss)", blankAt, blankAt, none, none},
		{"a b", blank, none, none, none},
		{"a\u00a0b", blank, none, none, none},
		{"Users management", blank, none, none, none},
		{"a@x.example, b@x.example", several, several, several, several},

		{"Alice <a@x.example>", brackets, brackets, brackets, brackets},
		{"<a@x.example>", brackets, brackets, brackets, brackets},
		{"Alice &lt;a@x.example&gt;", brackets, brackets, brackets, brackets},
		{"<a@x.example", brackets, brackets, brackets, brackets},

		{"- alice", item, item, item, item},
		{"-\u00a0alice", item, item, item, item},
		{"– alice", item, item, item, item},
		{"* alice", item, item, item, item},
		{"+ alice", item, item, item, none},
		{"• alice", item, item, item, item},
		{"•alice", item, item, item, item},
		{"1. alice", item, item, item, none},
		{"2) alice", item, item, item, none},
		{"-alice", none, none, none, none},
		{"*alice", none, none, none, none},
		{"1.alice", none, none, none, none},

		{"user=alice", key, key, key, none},
		{"=alice", key, key, key, none},
		{"MTc=", key, key, key, none},
		{"cn=alice", key, key, key, none},
		{"cn=alice,ou=people", none, none, none, none},
		{"uid=a.smith,ou=people,dc=example,dc=org", none, none, none, none},
		{"uid=a,b", several, several, several, none},
		{"alice: boss", colon, colon, none, none},
		{"alice:", colon, colon, none, none},
		{"@alice:example.org", none, none, none, none},
		{"557058:f58131cb", none, none, none, none},

		{"mailto:a@x.example", url, url, none, "URL"},
		{"MAILTO:a@x.example", url, url, none, "URL"},
		{"smtp:a@x.example", url, url, none, none},
		{"https://x.example/alice", url, url, none, none},

		{"boss%40x.example", escaped, escaped, none, none},
		{"ren\\u00e9e", escaped, escaped, none, none},
		{"100%", none, none, none, none},
		{`CORP\ursula`, none, none, none, none},

		{"[a-c]*", pattern, pattern, pattern, none},
		{"{a}", pattern, pattern, pattern, none},
		{"^alice$", pattern, pattern, pattern, none},
		{".*@x.example", pattern, pattern, pattern, none},
		{"$ADMIN", variable, variable, variable, none},
		{"$(ADMIN)", variable, variable, variable, none},
		{"${ADMIN}", anyOfThem, anyOfThem, anyOfThem, none},
		{"%ADMIN%", variable, variable, variable, none},
		{"host$", none, none, none, none},

		{"josÃ©", garbled, garbled, garbled, garbled},
		{"josÃ©.garcÃ\u00ada", garbled, garbled, garbled, garbled},
		{"oâ€™neill", garbled, garbled, garbled, garbled},
		{"Ã\u0081lvaro", garbled, garbled, garbled, garbled},
		{"é", none, none, none, none},
		{"Ã€lex", garbled, garbled, garbled, garbled},
		{"joão", none, none, none, none},
		{"ana€x", none, none, none, none},

		{"1.23457E+11", shortened, shortened, shortened, shortened},
		{"1E+5", shortened, shortened, shortened, shortened},
		{"1e5", none, none, none, none},
		{"7e+5x", none, none, none, none},

		{"a\x00b", chars, chars, chars, none},
		{"a\tb", chars, chars, chars, none},
		{"a\nb", chars, chars, chars, none},
		{"a\x1b[31m", chars, chars, chars, none},
		{"a\u0085b", chars, chars, chars, none},
		{"\xe9", chars, chars, chars, "UTF-8"},
		{"", empty, empty, empty, notSeen},
		{" \t", empty, empty, empty, notSeen},
		{"\u200b\ufeff", empty, empty, empty, notSeen},
	}
	check := func(where, text, want string, err error) {
		t.Helper()
		switch {
		case want == none && err != nil:
			t.Errorf("%s: %q: %v", where, text, err)
		case want == anyOfThem && err != nil:
		case want != none && (err == nil || !strings.Contains(err.Error(), want)):
			t.Errorf("%s: %q: got %v, want %q", where, text, err, want)
		}
	}
	for _, tt := range tests {
		_, err := ParseEntries([]string{"other", tt.text})
		check("variable", tt.text, tt.inVariable, err)
		_, err = ParseEntry(tt.text)
		check("file", tt.text, tt.inFile, err)
		_, err = ParseRoles([]string{tt.text, "other"})
		check("role", tt.text, tt.role, err)
		check("anywhere", tt.text, tt.anywhere, CheckName(tt.text))
	}
}

func TestParseEntriesRefusesAllThatIsWrong(t *testing.T) {
	got, err := ParseEntries([]string{"ok", "", " ", "a\x00b", "a\xffb", "a;b", "too"})
	if err == nil || len(strings.Split(err.Error(), "\n")) != 5 {
		t.Errorf("want 5 errors, got %v", err)
	}
	if strings.Join(texts(got), " ") != "ok too" {
		t.Errorf("got %q", texts(got))
	}
	if _, err := ParseEntries([]string{"a=b"}); err == nil || !strings.Contains(err.Error(), `entry "a=b" `) || !strings.Contains(err.Error(), "write ? in its place") {
		t.Errorf("the error says neither what nor what else: %v", err)
	}
}
