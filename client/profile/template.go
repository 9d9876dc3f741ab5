package profile

import (
	"encoding/json"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/tidwall/gjson"

	"dormant/job"
)

// Template is text with placeholders in braces, such as {id}. Two braces stand
// for one that is no placeholder's.
type Template string

var placeholder = regexp.MustCompile(`\{\{|\}\}|\{([^{}]*)\}`)

// Names are the placeholders in the text.
func (t Template) Names() []string {
	var names []string
	for _, m := range placeholder.FindAllStringSubmatch(string(t), -1) {
		if m[0] != "{{" && m[0] != "}}" {
			names = append(names, m[1])
		}
	}
	return names
}

// expand puts the values in the places of the placeholders.
func (t Template) expand(values map[string]string, escape func(string) string) string {
	return placeholder.ReplaceAllStringFunc(string(t), func(m string) string {
		if m == "{{" || m == "}}" {
			return m[:1]
		}
		return escape(values[m[1:len(m)-1]])
	})
}

// Path expands to an escaped path in which each value is one segment.
func (t Template) Path(values map[string]string) string {
	return t.expand(values, url.PathEscape)
}

// Text expands to plain text; the white space around an empty value goes with it.
func (t Template) Text(values map[string]string) string {
	for _, name := range t.Names() {
		if values[name] == "" {
			t = Template(strings.TrimSpace(strings.ReplaceAll(string(t), "{"+name+"}", "")))
		}
	}
	return t.expand(values, func(s string) string { return s })
}

// blank reports whether the text has placeholders and none of them has a value,
// or whether it is about a token that there is not yet.
func (t Template) blank(values map[string]string) bool {
	names := t.Names()
	if slices.Contains(names, "token") && values["token"] == "" {
		return true
	}
	for _, name := range names {
		if values[name] != "" {
			return false
		}
	}
	return len(names) > 0
}

// Texts expands the templates that are not blank.
func Texts(templates map[string]Template, values map[string]string) map[string]string {
	all := map[string]string{}
	for name, t := range templates {
		if !t.blank(values) {
			all[name] = t.Text(values)
		}
	}
	return all
}

// Body is a JSON document. The texts in it are templates.
type Body struct{ root any }

// IsZero reports whether there is no document.
func (b Body) IsZero() bool { return b.root == nil }

// UnmarshalYAML accepts anything.
func (b *Body) UnmarshalYAML(decode func(any) error) error { return decode(&b.root) }

// Texts are all the templates in the document.
func (b Body) Texts() []Template {
	var all []Template
	var walk func(any)
	walk = func(v any) {
		switch v := v.(type) {
		case string:
			all = append(all, Template(v))
		case []any:
			for _, element := range v {
				walk(element)
			}
		case map[string]any:
			for _, member := range v {
				walk(member)
			}
		}
	}
	walk(b.root)
	return all
}

// Expand is the document with the values in it, or nil if there is none. A text
// that is nothing but one placeholder becomes what JSON has for it, if anything.
func (b Body) Expand(values, asJSON map[string]string) any {
	var expand func(any) any
	expand = func(v any) any {
		switch v := v.(type) {
		case string:
			if names := Template(v).Names(); len(names) == 1 && v == "{"+names[0]+"}" && asJSON[names[0]] != "" {
				return json.RawMessage(asJSON[names[0]])
			}
			return Template(v).Text(values)
		case []any:
			list := make([]any, len(v))
			for i, element := range v {
				list[i] = expand(element)
			}
			return list
		case map[string]any:
			object := map[string]any{}
			for name, member := range v {
				object[name] = expand(member)
			}
			return object
		}
		return v
	}
	return expand(b.root)
}

// accountNames are the placeholders for an account that every profile has.
var accountNames = []string{"id", "username", "email"}

// Names are the placeholders for an account that the profile has.
func (f Fields) Names() []string { return slices.Concat(accountNames, keys(f.Extra)) }

// AccountPlaceholders are the placeholders for an account. An object or an array is no text.
func AccountPlaceholders(u job.User) map[string]string {
	values := map[string]string{"id": u.ID, "username": u.Username, "email": u.Email}
	for name, raw := range u.Extra {
		if v := gjson.Parse(raw); v.Type != gjson.JSON {
			values[name] = v.String()
		}
	}
	return values
}
