package profile

import (
	"encoding/json"
	"net/url"
	"strings"
	"testing"
)

// TestTemplate: two braces are one that belongs to no placeholder.
func TestTemplate(t *testing.T) {
	values := map[string]string{"id": "7", "none": "", "braces": "{id}}"}
	for text, want := range map[Template]string{
		"{id}":                          "7",
		"{{id}}":                        "{id}",
		"{{{id}}}":                      "{7}",
		"{{{{id}}}}":                    "{{id}}",
		"{{{{{id}}}}}":                  "{{7}}",
		"{{}}":                          "{}",
		"}}{{":                          "}{",
		`{{"a":{{"id":"{id}"}}}}`:       `{"a":{"id":"7"}}`,
		`{{"id":{id}}}`:                 `{"id":7}`,
		"{ user(id: {id}) {{ name }} }": "", // a space is no name
		"{braces}{{":                    "{id}}{",
		"{{id}} {none}":                 "{id}",
		"{{{none}}}":                    "{}",
	} {
		if want == "" {
			v := validator{}
			if v.template("x", text, []string{"id"}); len(v.errs) == 0 {
				t.Errorf("%s is accepted", text)
			}
			continue
		}
		if got := text.Text(Bindings{text: values}); got != want {
			t.Errorf("%s is %s, want %s", text, got, want)
		}
	}
	if Template("{{id}}").isBlank(Bindings{}) || !Template("{{{id}}}").isBlank(Bindings{}) {
		t.Error("what has no placeholder is never blank, and what has one can be")
	}
}

// TestLoneBraces: one that belongs to nothing is a mistake, and the literal {id}
// names nobody.
func TestLoneBraces(t *testing.T) {
	for text, want := range map[string]string{
		"{": "brace", "}": "brace", "{{{": "brace", "}}}": "brace", "{{id}": "brace", "{id}}": "brace", "{ {id} }": "brace", "{{ {": "brace",
		"{}": "{} is unknown", "{ id }": "{ id } is unknown", "{{{x}}}": "{x} is unknown",
		"{{": "", "}}": "", "{{id}}": "", "{{x}} {id}": "", "{{{id}}}": "",
	} {
		quoted := string(must(json.Marshal(text)))
		for _, source := range []string{
			mistaken("", "", `{path: "/users/{id}", query: {q: `+quoted+`}}`, ""),
			mistaken("", "", `{path: "/users/{id}", body: [{q: `+quoted+`}]}`, ""),
			mistaken("", "", `{path: "/users/{id}", form: {q: `+quoted+`}}`, ""),
		} {
			if want != "" {
				wantMistake(t, source, 4, want)
			} else if _, err := loadText(t, source); err != nil {
				t.Errorf("%s: %v", text, err)
			}
		}
	}
	wantMistake(t, mistaken("", "", `{path: "/users/{{id}}", body: {id: "{{id}}"}}`, ""), 4, "leads to no account")
}

// FuzzTemplate: what a placeholder stands for is one segment of a path and
// nothing else, whatever the template.
func FuzzTemplate(f *testing.F) {
	for _, template := range []string{"", "/users/{id}", "/{id}/{id}.json", "{{{id}}}", "{", "}", "{}", "{ id }", "{{id}}", "a{id}b{other}c", "{id", "{{", "}}{id}{{"} {
		f.Add(template, "1")
		f.Add(template, "{id}")
		f.Add(template, "../{other}?a=b#c/é\x00")
	}
	f.Fuzz(func(t *testing.T, template, value string) {
		got := Template(template).Path(Bindings{text: map[string]string{"id": value}})
		const mark = "\x00mark\x00"
		if strings.Contains(template, mark) {
			return
		}
		// Read from left to right: two braces are one, and all else is as it stands.
		var want strings.Builder
		for rest := template; rest != ""; {
			end := strings.IndexAny(rest[1:], "{}")
			switch {
			case strings.HasPrefix(rest, "{{"), strings.HasPrefix(rest, "}}"):
				want.WriteByte(rest[0])
				rest = rest[2:]
			case rest[0] == '{' && end >= 0 && rest[1+end] == '}':
				if rest[1:1+end] == "id" {
					want.WriteString(url.PathEscape(value))
				}
				rest = rest[2+end:]
			default:
				want.WriteByte(rest[0])
				rest = rest[1:]
			}
		}
		if got != want.String() {
			t.Fatalf("%q with %q: %q, want %q", template, value, got, want.String())
		}
		if strings.ContainsAny(url.PathEscape(value), "/?#\x00 ") {
			t.Fatalf("%q is more than a segment", value)
		}
	})
}
