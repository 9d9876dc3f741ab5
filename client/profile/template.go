package profile

import (
	"encoding/json"
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// Template is text with placeholders in braces, such as {id}. A doubled brace
// stands for the brace itself.
type Template string

// placeholder matches a doubled brace or a placeholder.
var placeholder = regexp.MustCompile(`\{\{|\}\}|\{([^{}]*)\}`)

// placeholders are the names of the placeholders in the text.
func (t Template) placeholders() []string {
	var names []string
	for _, m := range placeholder.FindAllStringSubmatch(string(t), -1) {
		if m[0] != "{{" && m[0] != "}}" {
			names = append(names, m[1])
		}
	}
	return names
}

// hasAny reports whether the text has one of the placeholders.
func (t Template) hasAny(names []string) bool {
	return slices.ContainsFunc(t.placeholders(), func(name string) bool { return slices.Contains(names, name) })
}

// isOnly reports whether the text is nothing but one placeholder, and returns its name.
func (t Template) isOnly() (name string, ok bool) {
	if names := t.placeholders(); len(names) == 1 && string(t) == "{"+names[0]+"}" {
		return names[0], true
	}
	return "", false
}

func (t Template) expand(values map[string]string, escape func(string) string) string {
	return placeholder.ReplaceAllStringFunc(string(t), func(m string) string {
		if m == "{{" || m == "}}" {
			return m[:1]
		}
		return escape(values[m[1:len(m)-1]])
	})
}

// Path expands to an escaped path of a URL, in which each value is one segment or
// a part of one.
func (t Template) Path(b Bindings) string { return t.expand(b.text, url.PathEscape) }

// Text expands to plain text. Where a value is empty, the white space around the
// text goes as well.
func (t Template) Text(b Bindings) string {
	for _, name := range t.placeholders() {
		if b.text[name] == "" {
			t = Template(strings.TrimSpace(strings.ReplaceAll(string(t), "{"+name+"}", "")))
		}
	}
	return t.expand(b.text, func(s string) string { return s })
}

// isBlank reports whether the text has placeholders and none of them has a value,
// or whether it has {token} and there is no token yet.
func (t Template) isBlank(b Bindings) bool {
	names := t.placeholders()
	if slices.Contains(names, "token") && b.text["token"] == "" {
		return true
	}
	for _, name := range names {
		if b.text[name] != "" {
			return false
		}
	}
	return len(names) > 0
}

// ExpandAll expands the values of a map to plain text. It leaves out those whose
// placeholders are all empty.
func ExpandAll(templates map[string]Template, b Bindings) map[string]string {
	all := map[string]string{}
	for name, t := range templates {
		if !t.isBlank(b) {
			all[name] = t.Text(b)
		}
	}
	return all
}

// Body is a JSON document. The texts in it are templates.
type Body struct{ root any }

// UnmarshalYAML accepts anything.
func (b *Body) UnmarshalYAML(decode func(any) error) error { return decode(&b.root) }

// IsZero reports whether there is no document.
func (b Body) IsZero() bool { return b.root == nil }

func (b Body) isObject() bool {
	_, ok := b.root.(map[string]any)
	return ok
}

// templates are all the texts in the document.
func (b Body) templates() []Template {
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

// Expand returns the document with the values in it, for encoding/json, or nil if
// there is no document. A text that is nothing but one placeholder becomes the
// value as JSON, if the value has such a form.
func (b Body) Expand(values Bindings) any {
	var expand func(any) any
	expand = func(v any) any {
		switch v := v.(type) {
		case string:
			if name, ok := Template(v).isOnly(); ok && values.json[name] != "" {
				return json.RawMessage(values.json[name])
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
