package profile

import (
	"fmt"
	"strings"
	"testing"
)

// TestExplain: what is no profile at all says the line, what is needed there, and
// what stands there.
func TestExplain(t *testing.T) {
	const braces = `text is needed; in quotes, if it begins with a brace: "{token}"`
	for name, row := range map[string]struct {
		source string
		line   int
		want   string
	}{
		"a placeholder without quotes": {strings.Replace(smallest, `"{token}"`, "{token}", 1), 1, braces},
		"on a line of its own":         {smallest + "params:\n  a: {token}\n", 6, braces},
		"in a query":                   {mistaken("", "", `{path: "/users/{id}", query: {u: {id}}}`, ""), 4, braces},
		"several paths for a name":     {mistaken("", ", username: [a, b]", "", ""), 3, braces},
		"a key that is misspelt":       {mistaken("", ", usrname: x", "", ""), 3, `there is no key "usrname" here; the guide to profiles lists all keys`},
		"on the first level":           {smallest + "lst: {}\n", 5, `there is no key "lst" here`},
		"one code":                     {mistaken("", "", `{path: "/users/{id}", success: 200}`, ""), 4, "a list is needed: [a, b]"},
		"one value of a condition":     {mistaken("", ", admin: {path: a, in: x}", "", ""), 3, "a list is needed: [a, b]"},
		"one optional field":           {mistaken("", ", optional: email", "", ""), 3, "a list is needed: [a, b]"},
		"a tab":                        {"list:\n\tpath: /x\n", 2, "a tab; YAML wants spaces"},
		"a tab among spaces":           {"headers: {A: x}\nlist:\n  path: /x\n\titems: y\n", 4, "a tab; YAML wants spaces"},
		"@this without quotes":         {mistaken("", "", "", "activity: {path: /a, items: @this, at: t}\n"), 5, "a text that begins with '@' needs quotes"},
		"@key without quotes":          {"headers: {A: x}\nuser:\n  id: @key\n", 3, "a text that begins with '@' needs quotes"},
		"a backquote":                  {"headers: {A: x}\nlist:\n  items: `x\n", 3, "a text that begins with '`' needs quotes"},
		"a word for a number":          {mistaken(", page: {param: p, first: one}", "", "", ""), 2, "a whole number is needed"},
		"a word for a code":            {mistaken("", "", `{path: "/users/{id}", success: [many]}`, ""), 4, "a whole number is needed"},
		"yes for true":                 {mistaken(", keyed: yes", "", "", ""), 2, "true or false is needed"},
		"1 for true":                   {mistaken(", cursor: {param: c, next: n, optional: 1}", "", "", ""), 2, "true or false is needed"},
		"no for false":                 {mistaken("", ", admin: {path: a, missing: no}", "", ""), 3, "true or false is needed"},
		"a text for keys":              {mistaken("", "", "", "sign_in: x\n"), 5, "keys with values are needed"},
		"a list for keys":              {mistaken("", "", "", "params: [a]\n"), 5, "keys with values are needed"},
	} {
		t.Run(name, func(t *testing.T) {
			text := strings.TrimSpace(strings.Split(row.source, "\n")[row.line-1])
			_, err := loadText(t, row.source)
			wantError(t, err, "own.yaml", fmt.Sprintf("line %d: %s", row.line, row.want), fmt.Sprintf(": %.80q", text))
		})
	}
	// A line that is too long is cut.
	_, err := loadText(t, mistaken(", keyed: yes, path: /"+strings.Repeat("x", 200), "", "", ""))
	if wantError(t, err, "line 2:"); len(fmt.Sprint(err)) > 250 {
		t.Error(err)
	}
}
