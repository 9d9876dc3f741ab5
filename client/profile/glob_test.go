package profile

import (
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
		g, err := parseGlob(tt.glob)
		if err != nil {
			t.Fatal(err)
		}
		if got := g.match(tt.name); got != tt.want {
			t.Errorf("%q and %q: %t, want %t", tt.glob, tt.name, got, tt.want)
		}
	}
}

func TestGlobsRefuse(t *testing.T) {
	_, err := parseGlobs([]string{"ok", "", " ", "a\x00b", "a\xffb", "a\tb"})
	if err == nil || len(strings.Split(err.Error(), "\n")) != 5 {
		t.Errorf("want 5 errors, got %v", err)
	}
}
