package config

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// Whatever the text is, reading it ends, each mistake has a line of the text, and each entry has
// known keys alone.
func FuzzReadList(f *testing.F) {
	for _, text := range []string{
		"", "- profile: gitea\n  url: https://git.example\n", "- {profile: gitea, params: {realm: acme, n: 7}}\n", "- &a {profile: x}\n- *a\n",
		"- <<: {profile: x}\n", "- ? profile\n  : x\n", "- profile: |\n    x\n", "- !!str profile\n", "%YAML 1.2\n---\n- profile: x\n...\n", "- profile: 'it''s'\n",
		"- profile: \"a\\nb\"\n", "[", "- - -\n", "- params:\n    a: 1\n    a: 2\n", "- 7: x\n  true: y\n  null: z\n", "- profile: # nothing\n", "\t", "- profile: x: y\n", strings.Repeat("[", 500),
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, source []byte) {
		if len(source) > maxElsewhere {
			return
		}
		entries, mistakes := readList(source, elsewhereKeys)
		lines := strings.Count(string(source), "\n") + strings.Count(string(source), "\r") + 1
		for _, m := range mistakes {
			if m.line < 1 || m.line > lines || m.text == "" {
				t.Errorf("%q: line %d of %d: %q", source, m.line, lines, m.text)
			}
		}
		for _, e := range entries {
			for key := range e.values {
				if !slices.Contains(elsewhereKeys, key) || e.line < 1 || e.line > lines {
					t.Errorf("%q: %q on line %d", source, key, e.line)
				}
			}
		}
		if len(entries)+len(mistakes) == 0 {
			t.Errorf("%q: nothing is said", source)
		}
	})
}

// An entry may be written in each style that YAML has. What refers to something else, or goes
// over several lines, is a mistake.
func TestReadList(t *testing.T) {
	for text, want := range map[string]string{
		"- profile: gitea\n  url: https://git.example\n":     "1 profile=gitea url=https://git.example",
		"- {profile: gitea, url: 'https://git.example'}\n":   "1 profile=gitea url=https://git.example",
		"[{profile: \"gitea\"}]":                             "1 profile=gitea",
		"# a\n\n- # b\n  profile: gitea # c\n":               "4 profile=gitea",
		"- username: 007\n  client_id: 1e3\n  actor: true\n": "1 actor=true client_id=1e3 username=007",
		"- params: realm=acme,n=7\n":                         "1 params=realm=acme,n=7",
		"- params: {realm: acme, n: 007, a: ''}\n":           "1 params=map[a: n:007 realm:acme]",
		"- params:\n    realm: acme\n- profile: x\n":         "1 params=map[realm:acme]; 3 profile=x",
		"- username: &x jane\n- username: *x\n":              "1 username=; 2 username=; line 1: username: text is needed; line 2: username: text is needed",
		"- username: |\n    jane\n":                          "1 username=; line 1: username: text is needed",
		"- username: ~\n":                                    "1 username=; line 1: username: text is needed",
		"- username: null\n  actor: {a: b}\n":                "1 actor= username=; line 1: username: text is needed; line 2: actor: text is needed",
		"- profile: x\n- 7\n":                                "1 profile=x; line 2: keys with values are needed",
		"- params: {a: [1]}\n":                               "1 params=map[]; line 1: params: \"a\": text is needed",
		"- profile: x\n---\n- profile: y\n":                  "1 profile=x; line 3: there is a second document",
		"- username: jane\n  username: joe\n":                "line 2: mapping key \"username\" already defined at [1:3]",
		"- profile: x\n  <<: {url: y}\n":                     "1 profile=x; line 2: there is no key \"<<\" here",
	} {
		entries, mistakes := readList([]byte(text), elsewhereKeys)
		var got []string
		for _, e := range entries {
			pairs := []string{strconv.Itoa(e.line)}
			for _, key := range slices.Sorted(slices.Values(elsewhereKeys)) {
				v, ok := e.values[key]
				switch {
				case ok && v.members != nil:
					pairs = append(pairs, fmt.Sprint(key, "=", v.members))
				case ok:
					pairs = append(pairs, key+"="+v.text)
				}
			}
			got = append(got, strings.Join(pairs, " "))
		}
		for _, m := range mistakes {
			what, _, _ := strings.Cut(m.text, " here; there are")
			what, _, _ = strings.Cut(what, " are needed: ")
			if strings.HasSuffix(m.text, "allow_plain_http") && strings.HasPrefix(m.text, "keys with") {
				what += " are needed"
			}
			if strings.HasPrefix(m.text, "there is no key") {
				what += " here"
			}
			got = append(got, fmt.Sprintf("line %d: %s", m.line, what))
		}
		if got := strings.Join(got, "; "); got != want {
			t.Errorf("%q:\n got %s\nwant %s", text, got, want)
		}
	}
}
