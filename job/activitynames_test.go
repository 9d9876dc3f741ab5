package job

import (
	"strings"
	"testing"
)

// A row is about the account that it names, by whichever of its names and however that is
// written; of several rows, the newest counts.
func TestActivityNames(t *testing.T) {
	u := with("17", named("Boss "), mailed("boss@bücher.example"), aliased("", "ceo@x.example", "big.boss"), loginIs(LoginAbsent))
	const none = "absent"
	tests := []struct {
		rule   string
		header string
		rows   []string
		want   string
	}{
		{"an id", "id", []string{" 17\u00a0,2025-01-01T00:00:00Z"}, "2025-01-01T00:00:00Z"},
		{"an id is no username", "username", []string{"17,2025-01-01T00:00:00Z"}, none},
		{"a username is no id", "id", []string{"boss,2025-01-01T00:00:00Z"}, none},
		{"a username", "username", []string{"BOSS,2025-01-01T00:00:00Z"}, "2025-01-01T00:00:00Z"},
		{"what does not show", "username", []string{"\u200bboss\u2060,2025-01-01T00:00:00Z"}, "2025-01-01T00:00:00Z"},
		{"an email", "email", []string{"Boss@xn--bcher-kva.example.,2025-01-01T00:00:00Z"}, "2025-01-01T00:00:00Z"},
		{"an alias", "email", []string{"CEO@x.example,2025-01-01T00:00:00Z"}, "2025-01-01T00:00:00Z"},
		{"an alias that is no address", "username", []string{"big.boss,2025-01-01T00:00:00Z"}, "2025-01-01T00:00:00Z"},
		{"a username in the column of emails", "email", []string{"boss,2025-01-01T00:00:00Z"}, "2025-01-01T00:00:00Z"},
		{"several rows, the newest first", "email", []string{"ceo@x.example,2025-06-01T00:00:00Z", "boss@bücher.example,2025-01-01T00:00:00Z"}, "2025-06-01T00:00:00Z"},
		{"several rows, the newest last", "email", []string{"ceo@x.example,2025-01-01T00:00:00Z", "boss@bücher.example,2025-06-01T00:00:00Z"}, "2025-06-01T00:00:00Z"},
		{"a row without a time, and another", "email", []string{"ceo@x.example,", "boss@bücher.example,2025-06-01T00:00:00Z"}, "2025-06-01T00:00:00Z"},
		{"two forms of one name", "username", []string{"boss,2025-01-01T00:00:00Z", "BOSS\u00a0,2025-06-01T00:00:00Z"}, "2025-06-01T00:00:00Z"},
	}
	for _, tt := range tests {
		a := readActivity(t, append([]string{tt.header + ",last_login"}, tt.rows...)...)
		if got := a.apply(u, testNow).LastLogin.String(); got != tt.want {
			t.Errorf("%s: %s, want %s", tt.rule, got, tt.want)
		}
		if m := a.match(); (m.matched < m.rows) != (tt.want == none) {
			t.Errorf("%s: %d of %d rows match somebody", tt.rule, m.matched, m.rows)
		}
	}
	a := readActivity(t, "email,last_login", "ceo@x.example,2025-01-01", "boss@bücher.example,2025-06-01")
	other := with("18", aliased("CEO@x.example"))
	if !a.hasRow(&u) || !a.hasRow(&other) {
		t.Error("a row is about nobody")
	}
	if got := a.apply(u, testNow).LastLogin.String(); got != "unreadable" {
		t.Errorf("a row about an alias that another account has, too: %s", got)
	}
}

// What can't be a name is refused with its line.
func TestActivityRefusesWhatIsNoName(t *testing.T) {
	for _, name := range []string{"'alice'", "Alice <a@x.example>", "mailto:a@x.example", "- alice", "a@x.example;", "a@x.example b@x.example", "\u200b", "ren\xe9e"} {
		_, err := ReadActivity(strings.NewReader("username,last_login\nbob,2025-01-01\n"+name+",2025-01-01\n"), testNow)
		if err == nil || !strings.HasPrefix(err.Error(), "line 3: username ") {
			t.Errorf("%q: %v", name, err)
		}
	}
	for _, name := range []string{"alice smith", "o'neill", "uid=a;ou=b", `CORP\alice`, "a|b", "#1", "*"} {
		if _, err := ReadActivity(strings.NewReader("username,last_login\n"+name+",2025-01-01\n"), testNow); err != nil {
			t.Errorf("%q: %v", name, err)
		}
	}
}
