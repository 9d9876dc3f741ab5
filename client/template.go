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

// Template is text with placeholders in braces, such as {id}. Two braces stand
// for one that is no placeholder's.
type Template string

var placeholder = regexp.MustCompile(`\{\{|\}\}|\{([^{}]*)\}`)

// names are the placeholders in the text.
func (t Template) names() []string {
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

// path expands to an escaped path in which each value is one segment.
func (t Template) path(values map[string]string) string {
	return t.expand(values, url.PathEscape)
}

// text expands to plain text; the white space around an empty value goes with it.
func (t Template) text(values map[string]string) string {
	for _, name := range t.names() {
		if values[name] == "" {
			t = Template(strings.TrimSpace(strings.ReplaceAll(string(t), "{"+name+"}", "")))
		}
	}
	return t.expand(values, func(s string) string { return s })
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

// about are the placeholders for an account. An object or an array is no text.
func about(u job.User) map[string]string {
	values := map[string]string{"id": u.ID, "username": u.Username, "email": u.Email}
	for name, raw := range u.Extra {
		if v := gjson.Parse(raw); v.Type != gjson.JSON {
			values[name] = v.String()
		}
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

// about are what the placeholders stand for in a request that may be about the
// account. It is an error if one of them stands for nothing: the request would
// then be about somebody else, or about everybody. An object or an array can only
// be all of a value in a body, and never be what names the account.
func (c *Client) about(u job.User, path Template, body Body, others ...Template) (map[string]string, error) {
	account := about(u)
	wrong := func(format string, args ...any) (map[string]string, error) {
		return nil, fmt.Errorf("account %q: %w: "+format, append([]any{u.ID, errUnnamed}, args...)...)
	}
	used, named := false, false
	for i, t := range slices.Concat([]Template{path}, others, body.texts()) {
		for _, name := range t.names() {
			if !slices.Contains(c.profile.User.names(), name) {
				continue
			}
			used, named = true, named || account[name] != ""
			switch {
			case i == 0 && !job.SafeID(account[name]):
				return nil, fmt.Errorf("account %q: its %s: %w", u.ID, name, job.ErrUnsafeID)
			case account[name] != "":
			case !gjson.Parse(u.Extra[name]).IsObject() && !gjson.Parse(u.Extra[name]).IsArray():
				return wrong("it has no %s", name)
			case i <= len(others) || string(t) != "{"+name+"}":
				return wrong("its %s is no text, and can only be all of a value in a body (%s)", name, c.profile.where("user.extra."+name))
			}
		}
	}
	if used && !named {
		return wrong("nothing in it is a name")
	}
	return c.values(account), nil
}

// errUnnamed says that an account lacks what a request would name it by.
var errUnnamed = errors.New("the request can't say whom it is about")
