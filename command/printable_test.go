package command

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode"
)

// hostileText is what a server or a file may hold: it clears a terminal, turns the
// direction of text, ends a line, and has an 8-bit control character.
const hostileText = "\x1b[2J\u202e\u009b31m\r\ndormant: all is well\u2028\x07"

// TestNothingHostileIsPrinted: whatever command prints what a server or a file says, a
// terminal has no part in it, and no line is one that the server made.
func TestNothingHostileIsPrinted(t *testing.T) {
	t.Parallel()
	quoted, err := json.Marshal(hostileText)
	if err != nil {
		t.Fatal(err)
	}
	page := `{"cursor":{"next":null},"users":[{"id":1,"username":` + string(quoted) + `,"email":` + string(quoted) +
		`,"superuser":false,"roles":[{"name":` + string(quoted) + `}],` + string(quoted) + `:1}]}`
	journal := write(t, "journal.ndjson", `{"time":"2026-01-02T03:04:05Z","run_id":`+string(quoted)+`,"event":"result","user_id":`+string(quoted)+
		`,"action":`+string(quoted)+`,"result":"removed","error":`+string(quoted)+"}\n"+hostileText+"\n")
	answers := map[string]struct {
		code int
		text string
	}{
		"a listing": {200, page}, "a reason": {403, `{"message":` + string(quoted) + `}`},
		"no listing": {200, `{` + string(quoted) + `:1}`}, "no JSON": {200, hostileText},
	}
	for name, answered := range answers {
		for _, args := range [][]string{{"check"}, {"audit"}, {"run"}, {"explain", "1"}, {"explain", hostileText}, {"journal", "verify", journal}, {hostileText}, {"help", hostileText}} {
			for _, format := range []string{"json", "console"} {
				d := serve(t, "itflex")
				d.before(func(w http.ResponseWriter, _ *http.Request) bool { return answer(w, answered.code, answered.text) })
				p := start(t, d.env("DORMANT_LOG_LEVEL=debug", "DORMANT_LOG_FORMAT="+format), args...)
				p.wait(t)
				all := p.stdout.String() + p.stderr.String()
				if strings.ContainsFunc(all, func(r rune) bool { return r != '\n' && !unicode.IsPrint(r) }) || strings.Contains(all, "\ndormant: all is well") {
					t.Errorf("%s, %q, %s:\n%q", name, args[0], format, all)
				}
			}
		}
	}
	leftBehind, err := os.ReadDir(filepath.Dir(journal))
	if err != nil || len(leftBehind) != 1 {
		t.Errorf("%v, %v", leftBehind, err)
	}
}

// TestNamesInTheLog: a listing that is keyed by names is a mistake of the profile, which the
// message tells, and the log has neither the names nor lines without end.
func TestNamesInTheLog(t *testing.T) {
	t.Parallel()
	members := map[string]any{}
	for _, letter := range "abcdefghijklmnopqrstuvwxyz" {
		members[strings.Repeat(string(letter), 30_000)+"@example.com"] = map[string]any{"id": 1}
	}
	text, err := json.Marshal(members)
	if err != nil {
		t.Fatal(err)
	}
	for name, body := range map[string]string{
		"in the place of the listing":  string(text),
		"in the place of an account":   `{"cursor":{"next":null},"users":[` + string(text) + `]}`,
		"in the place of the accounts": `{"cursor":{"next":null},"users":` + string(text) + `}`,
	} {
		d := serve(t, "itflex")
		d.before(func(w http.ResponseWriter, _ *http.Request) bool { return answer(w, 200, body) })
		p := start(t, d.env(), "audit")
		p.wait(t)
		for line := range strings.Lines(p.stderr.String()) {
			if strings.Contains(line, "aaa") || len(line) > 2000 {
				t.Errorf("%s: a line of %d bytes: %.300s", name, len(line), line)
			}
		}
		if len(p.stdout.String()) > 10_000 {
			t.Errorf("%s: the report has %d bytes", name, len(p.stdout.String()))
		}
	}
}
