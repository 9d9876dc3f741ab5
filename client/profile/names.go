package profile

import (
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/tidwall/gjson"

	"dormant/job"
)

// readNames reads the username, the email and the aliases of u: where there are several
// usernames or emails, the first is that, and the others are aliases. Where a text is more
// than a name or an address, what is in it is an alias, too; see within.
func (r *AccountReader) readNames(item getter, u *job.User) {
	var aliases []string
	add := func(first *string, text string, isThere bool) {
		name := r.name(text)
		if first != nil && *first == "" && isThere {
			*first = name
		} else {
			aliases = append(aliases, name)
		}
		aliases = within(aliases, name)
	}
	read := func(first *string, path string) {
		if text, ok := plannedText(item, path); ok {
			add(first, text, true)
		} else if path != "" {
			forEachName(item, path, func(text string, isThere bool) { add(first, text, isThere) })
		}
	}
	read(&u.Username, r.fields.Username)
	for _, path := range r.fields.Email {
		read(&u.Email, path)
	}
	for _, path := range r.fields.Names {
		read(nil, path)
	}
	for _, name := range aliases {
		if name != "" && name != u.Username && name != u.Email && !slices.Contains(u.Aliases, name) {
			u.Aliases = append(u.Aliases, name)
		}
	}
}

// forEachName calls do with the names at a path: a text, a number, those in arrays, and the
// addresses in objects, whose other texts say what kind of address it is. Where a path goes
// through an array, and some elements are not as it says, or there is no array, isThere is
// false for the addresses that are there: a name that is missed would protect nobody.
func forEachName(item getter, path string, do func(name string, isThere bool)) {
	n := 0
	forEachText(item.Get(path), false, 0, func(text string) {
		n++
		do(text, true)
	})
	base, _, throughArray := strings.Cut(path, ".#")
	if !throughArray {
		return
	}
	if whole := item.Get(base); whole.Exists() && (!whole.IsArray() || n < len(whole.Array())) {
		forEachText(whole, true, 0, func(text string) { do(text, false) })
	}
}

// maxNested is how many arrays and objects may be around a name.
const maxNested = 4

// forEachText calls do with all texts and numbers in v, or with the addresses alone.
func forEachText(v gjson.Result, addresses bool, depth int, do func(string)) {
	switch {
	case depth > maxNested:
	case IsPlain(v):
		if text := v.String(); !addresses || isAddress(text) {
			do(text)
		}
	case v.IsArray(), v.IsObject():
		v.ForEach(func(_, inside gjson.Result) bool {
			forEachText(inside, addresses || v.IsObject(), depth+1, do)
			return true
		})
	}
}

func isAddress(text string) bool { return strings.LastIndexByte(text, '@') > 0 }

var (
	addressScheme = regexp.MustCompile(`^[A-Za-z]+:`)
	quotedLocal   = regexp.MustCompile(`^"([^"\\]+)"@`)
	betweenNames  = regexp.MustCompile(`[\s,;|<>()]+`)
)

// isBare reports whether there is nothing but ASCII letters, digits and what is usual in
// addresses in the name, as in most.
func isBare(name string) bool {
	for i := range len(name) {
		c := name[i]
		if (c|0x20 < 'a' || c|0x20 > 'z') && (c < '0' || c > '9') && c != '.' && c != '@' && c != '-' && c != '_' {
			return false
		}
	}
	return true
}

// within appends what a name has in it: an address without what it is for (SMTP:a@example.org)
// and without quotes ("a"@example.org), each of several addresses, the one of
// "Ana <a@example.org>", and what is escaped for a URL (a%40example.org).
func within(names []string, name string) []string {
	if isBare(name) || !strings.ContainsAny(name, ":\"%,;|<>() \t\r\n") {
		return names
	}
	if plain, err := url.PathUnescape(name); err == nil && plain != name {
		names = append(names, plain)
		name = plain
	}
	parts := []string{name}
	if isAddress(name) {
		parts = append(parts, betweenNames.Split(name, -1)...)
	}
	for i, part := range parts {
		for _, bare := range []string{part, addressScheme.ReplaceAllString(part, ""), quotedLocal.ReplaceAllString(part, "$1@")} {
			if bare != name && (i == 0 || isAddress(bare)) {
				names = append(names, bare)
			}
		}
	}
	return names
}
