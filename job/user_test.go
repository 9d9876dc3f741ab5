package job

import (
	"strings"
	"testing"
)

func TestSafeID(t *testing.T) {
	tests := []struct {
		id   string
		safe bool
	}{
		{"17", true},
		{"auth0|5f7c8ec7c33c6c004bbafe82", true},
		{"@alice:example.org", true},
		{"alice@example.org", true},
		{`CORP\alice`, true},
		{"a/b", true},
		{"...", true},
		{".hidden", true},
		{"a..b", true},
		{"zoë smith", true},
		{"%2e%2e", true}, // escaped to %252e%252e
		{strings.Repeat("x", maxIDLength), true},

		{"", false},
		{".", false},
		{"..", false},
		{"../17", false},
		{"x/../17", false},
		{"x/./17", false},
		{"/..", false},
		{`x\..\17`, false},
		{" 17", false},
		{"17 ", false},
		{"17\u00a0", false},
		{"17\n", false},
		{"1\x007", false},
		{"1\r\n7", false},
		{"1\x7f7", false},
		{"1\u00857", false},
		{"1\xff7", false},
		{strings.Repeat("x", maxIDLength+1), false},
	}
	for _, tt := range tests {
		if got := SafeID(tt.id); got != tt.safe {
			t.Errorf("%q: safe %t, want %t", tt.id, got, tt.safe)
		}
	}
}

func TestUserNamed(t *testing.T) {
	u := User{ID: "17", Username: "Alice", Email: "alice@example.org"}
	for name, want := range map[string]bool{
		"17": true, "alice": true, "ALICE@example.org": true,
		"": false, "1": false, "alic": false, "alice@example.or": false, "*": false,
	} {
		if got := u.named(name); got != want {
			t.Errorf("%q: %t, want %t", name, got, want)
		}
	}
	if (User{}).named("") {
		t.Error("an account without names is named by nothing")
	}
}
