package client

import (
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// Template is text with placeholders in braces, such as {id}.
type Template string

var placeholder = regexp.MustCompile(`\{([^{}]*)\}`)

// names are the placeholders in the text.
func (t Template) names() []string {
	var names []string
	for _, m := range placeholder.FindAllStringSubmatch(string(t), -1) {
		names = append(names, m[1])
	}
	return names
}

// expand puts the values in the places of the placeholders.
func (t Template) expand(values map[string]string, escape func(string) string) string {
	return placeholder.ReplaceAllStringFunc(string(t), func(m string) string {
		return escape(values[m[1:len(m)-1]])
	})
}

// path expands to an escaped path in which each value is one segment.
func (t Template) path(values map[string]string) string {
	return t.expand(values, url.PathEscape)
}

// text expands to plain text; the white space around an empty value goes with it.
func (t Template) text(values map[string]string) string {
	return strings.TrimSpace(t.expand(values, func(s string) string { return s }))
}

// blank reports whether the text has placeholders and none of them has a value,
// or whether it is about a token that there is not yet.
func (t Template) blank(values map[string]string) bool {
	names := t.names()
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
