package job

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
	"unsafe"
)

func TestSafeID(t *testing.T) {
	tests := []struct {
		id   string
		safe bool
	}{
		{"17", true},
		{"auth0|5f7c8ec7c33c6c004bbafe82", true},
		{"google-oauth2|103547991597142817347", true},
		{"@alice:example.org", true},
		{"alice@example.org", true},
		{"alice+x@example.org", true},
		{"5b10ac8d82e05b22cc7d4ef5", true},
		{"557058:f58131cb-b67d-43c7-b30d-6b58d40bd077", true},
		{"uid=alice,ou=people,dc=example", true},
		{"CN=Alice Smith,OU=Staff", true},
		{"MTc=", true},
		{"a&b", true},
		{"o'neill", true},
		{"...", true},
		{".hidden", true},
		{"a..b", true},
		{"hidden.", true},
		{"zoë smith", true},
		{"$~!*()_-", true},
		{strings.Repeat("x", maxIDLength), true},

		{"", false},
		{".", false},
		{"..", false},
		{"../17", false},
		{"x/../17", false},
		{"x/./17", false},
		{"/..", false},
		{`x\..\17`, false},
		{"5/", false},
		{"/5", false},
		{"a/b", false},
		{"//", false},
		{`CORP\alice`, false},
		{`5\`, false},
		{"5?x", false},
		{"5?", false},
		{"5#", false},
		{"5#x", false},
		{"5;x", false},
		{"a\u2800", false},
		{"a\ue000b", false},
		{"a\ufffcb", false},
		{"a\uffffb", false},
		{"5;", false},
		{"..;", false},
		{"..;/5", false},
		{"5%", false},
		{"%2e%2e", false},
		{"%2F", false},
		{"5%00", false},
		{"%", false},
		{" 17", false},
		{"17 ", false},
		{"17\u00a0", false},
		{"1\u00a07", false},
		{"1\u20287", false},
		{"17\n", false},
		{"1\x007", false},
		{"1\t7", false},
		{"1\r\n7", false},
		{"1\x7f7", false},
		{"1\u00857", false},
		{"1\xff7", false},
		{"17\u200b", false},
		{"\ufeff17", false},
		{"\u202e17", false},
		{"1\u00ad7", false},
		{"17\ufe0f", false},
		{"．．", false}, // full width
		{"‥", false},  // two dots in one
		{"․․", false},
		{"a／b", false},
		{"5？x", false},
		{"5＃", false},
		{"5；x", false},
		{"％2e", false},
		{"a＼b", false},
		{"a℀", false}, // a/c
		{strings.Repeat("x", maxIDLength+1), false},
	}
	for _, tt := range tests {
		if got := SafeID(tt.id); got != tt.safe {
			t.Errorf("%q: safe %t, want %t", tt.id, got, tt.safe)
		}
	}
}

func TestUserNames(t *testing.T) {
	u := User{ID: "17", Username: "Alice", Email: "alice@example.org", Aliases: []string{"ali@example.org", "", "a.smith"}}
	if got := fmt.Sprint(slices.Collect(u.Names())); got != "[17 Alice alice@example.org ali@example.org a.smith]" {
		t.Error(got)
	}
	for range u.Names() {
		break
	}
	for name, want := range map[string]bool{
		"17": true, "alice": true, "ALICE@example.org": true, "ali@example.org.": true, "a.smith\u200b": true,
		"": false, "1": false, "alic": false, "alice@example.or": false, "*": false, "a?smith": false,
	} {
		if got := ExactNames(name).Match(u.Names()); got != want {
			t.Errorf("%q: %t, want %t", name, got, want)
		}
	}
	if ExactNames("", "\u200b").Len() != 0 || ExactNames("").Match(User{}.Names()) {
		t.Error("an account without names is named by nothing")
	}
}

// A clone shares no memory with the account: the texts of a listing are parts of a page.
func TestCloneCopies(t *testing.T) {
	page := "17 jane jane@x.example role alias extra"
	parts := strings.Fields(page)
	for _, u := range []User{
		{ID: parts[0]}, {Username: parts[1]}, {Email: parts[2]}, {ID: parts[0], Email: parts[2]}, {},
		{ID: parts[0], Username: parts[1], Email: parts[2], Roles: parts[3:4], Aliases: parts[4:5], Extra: map[string]string{"x": parts[5]}},
	} {
		clone := u.Clone()
		if !reflect.DeepEqual(clone, u) {
			t.Errorf("%+v became %+v", u, clone)
		}
		texts := slices.Concat([]string{clone.ID, clone.Username, clone.Email}, clone.Roles, clone.Aliases, slices.Collect(maps.Values(clone.Extra)))
		for _, text := range texts {
			start := uintptr(unsafe.Pointer(unsafe.StringData(page)))
			if at := uintptr(unsafe.Pointer(unsafe.StringData(text))); text != "" && at >= start && at < start+uintptr(len(page)) {
				t.Errorf("%+v: %q is a part of the page", u, text)
			}
		}
	}
}
