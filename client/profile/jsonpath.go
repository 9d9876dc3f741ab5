package profile

import (
	"fmt"
	"strings"

	"github.com/tidwall/gjson"
)

// Paths is one path into a JSON document, or several, in the syntax of gjson.
type Paths []string

// UnmarshalYAML accepts one path or a list.
func (p *Paths) UnmarshalYAML(decode func(any) error) error {
	return decodeOneOrMany(decode, (*[]string)(p))
}

// At returns the value at the first of the paths that exists in the document, and
// the document itself if there are no paths.
func (p Paths) At(document gjson.Result) gjson.Result {
	if len(p) == 0 {
		return document
	}
	return p.in(document)
}

// in returns the value at the first of the paths that exists.
func (p Paths) in(document getter) gjson.Result {
	var value gjson.Result
	for _, path := range p {
		if value = document.Get(path); value.Exists() {
			break
		}
	}
	return value
}

const (
	wholeDocument = "@this" // the path of the document itself
	memberName    = "@key"  // in user.id: the name under which the item is a member of an object
)

// Describe says in a word or two what a value is, for errors about a value that
// should be something else. Of text, which may be somebody's name, it shows nothing.
func Describe(v gjson.Result) string {
	switch {
	case !v.Exists():
		return "nothing"
	case v.IsObject():
		return "an object"
	case v.IsArray():
		return "an array"
	case v.Type == gjson.String:
		return "text"
	case v.Raw == "":
		return "nothing"
	}
	return fmt.Sprintf("%.40s", v.Raw)
}

// IsPlain reports whether a value is a text or a number.
func IsPlain(v gjson.Result) bool { return v.Type == gjson.String || v.Type == gjson.Number }

const (
	maxNames      = 30 // names of an object's members in a message
	maxNameLength = 40 // bytes of each
)

// DescribeMembers lists the names of an object's members, for a message of bounded
// length. An object may be keyed by names of accounts, so no log may have them.
func DescribeMembers(names []string) string {
	var shown []string
	for _, name := range names[:min(len(names), maxNames)] {
		if len(name) > maxNameLength {
			name = strings.ToValidUTF8(name[:maxNameLength], "") + "…"
		}
		shown = append(shown, name)
	}
	if len(names) > maxNames {
		shown = append(shown, "…")
	}
	return joinOrNone(shown)
}

// memberNames describes the members of an object.
func memberNames(object gjson.Result) string {
	var names []string
	object.ForEach(func(name, _ gjson.Result) bool {
		names = append(names, name.String())
		return len(names) <= maxNames
	})
	return DescribeMembers(names)
}

func joinOrNone(names []string) string {
	if len(names) == 0 {
		return "none"
	}
	return strings.Join(names, ", ")
}

// textAt returns the text or the number at the first of the paths that has one, or "". It
// may be a part of the item's text.
func textAt(item getter, paths ...string) string {
	for _, path := range paths {
		if path == "" {
			continue
		}
		if v := item.Get(path); v.Type == gjson.String || v.Type == gjson.Number {
			return v.String()
		}
	}
	return ""
}
