package client

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/tidwall/gjson"

	"dormant/job"
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
	text := t.expand(values, func(s string) string { return s })
	if slices.ContainsFunc(t.names(), func(name string) bool { return values[name] == "" }) {
		return strings.TrimSpace(text)
	}
	return text
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

// texts expands the templates that are not blank.
func texts(templates map[string]Template, values map[string]string) map[string]string {
	all := map[string]string{}
	for name, t := range templates {
		if !t.blank(values) {
			all[name] = t.text(values)
		}
	}
	return all
}

// Body is a JSON document. The texts in it are templates.
type Body struct{ root any }

// UnmarshalYAML accepts anything.
func (b *Body) UnmarshalYAML(decode func(any) error) error { return decode(&b.root) }

// texts are all the templates in the document.
func (b Body) texts() []Template {
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

// expand is the document with the values in it, or nil if there is none. A text
// that is nothing but one placeholder becomes what JSON has for it, if anything.
func (b Body) expand(values, asJSON map[string]string) any {
	var expand func(any) any
	expand = func(v any) any {
		switch v := v.(type) {
		case string:
			if names := Template(v).names(); len(names) == 1 && v == "{"+names[0]+"}" && asJSON[names[0]] != "" {
				return json.RawMessage(asJSON[names[0]])
			}
			return Template(v).text(values)
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

// names are the placeholders for an account that the profile has.
func (f Fields) names() []string { return slices.Concat(accountNames, keys(f.Extra)) }

// about are the placeholders for an account.
func about(u job.User) map[string]string {
	values := map[string]string{"id": u.ID, "username": u.Username, "email": u.Email}
	for name, raw := range u.Extra {
		values[name] = gjson.Parse(raw).String()
	}
	return values
}

// asJSON is what the placeholders stand for in a body where they stand alone and
// are not text.
func (c *Client) asJSON(u job.User) map[string]string {
	raw := maps.Clone(u.Extra)
	if raw == nil {
		raw = map[string]string{}
	}
	for name := range c.profile.Extras {
		raw[name] = c.fill[name]
	}
	return raw
}

// about are what the placeholders stand for in a path and in other templates
// that may be about the account. It is an error if one of them stands for nothing:
// the request would then be about somebody else, or about everybody.
func (c *Client) about(u job.User, path Template, others ...Template) (map[string]string, error) {
	account := about(u)
	values := c.values(account)
	for _, name := range path.names() {
		if _, ok := account[name]; ok && !job.SafeID(account[name]) {
			return nil, fmt.Errorf("account %q: its %s: %w", u.ID, name, job.ErrUnsafeID)
		}
	}
	for _, t := range append(others, path) {
		for _, name := range t.names() {
			if slices.Contains(c.profile.User.names(), name) && account[name] == "" {
				return nil, fmt.Errorf("account %q: %w: it has no %s", u.ID, errUnnamed, name)
			}
		}
	}
	return values, nil
}

// errUnnamed says that an account lacks what a request would name it by.
var errUnnamed = errors.New("the request can't say whom it is about")
