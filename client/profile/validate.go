package profile

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode"
)

// A validator collects what is wrong with a profile. It has the checks of values
// that occur in several places; each type of the profile checks its own keys.
//
// Every check takes the key that it is about, such as list.cursor.param.
type validator struct {
	source  []byte
	global  []string // placeholders that have one value in every request
	account []string // placeholders for an account
	errs    []error
}

// maxProblems is how many problems of a profile are shown. It would take minutes to find
// the lines of thousands.
const maxProblems = 20

// add says what is wrong at the key.
func (v *validator) add(key, format string, args ...any) {
	switch n := len(v.errs); {
	case n > maxProblems:
		return
	case n == maxProblems:
		v.errs = append(v.errs, errors.New("and more"))
		return
	}
	v.errs = append(v.errs, fmt.Errorf("%s: %s", position(v.source, key), fmt.Sprintf(format, args...)))
}

// all are the placeholders that a request about an account may have.
func (v *validator) all() []string { return slices.Concat(v.account, v.global) }

func (v *validator) required(key, value string) {
	if value == "" {
		v.add(key, "is missing")
	}
}

// template checks that every placeholder is known.
func (v *validator) template(key string, t Template, known []string) {
	if strings.ContainsAny(placeholder.ReplaceAllString(string(t), ""), "{}") {
		v.add(key, "%q has a brace that belongs to no placeholder", string(t))
	}
	if strings.ContainsFunc(string(t), unicode.IsControl) {
		v.add(key, "%q has a line break or another control character in it", string(t))
	}
	for _, name := range t.placeholders() {
		if !slices.Contains(known, name) {
			v.add(key, "the placeholder {%s} is unknown; known here: {%s}", name, strings.Join(known, "}, {"))
		}
	}
}

// templates checks the values of a map, such as the parameters of a query.
func (v *validator) templates(key string, templates map[string]Template, known []string) {
	for _, name := range sortedKeys(templates) {
		v.template(key+"."+name, templates[name], known)
	}
}

// urlPath checks the template of a URL's path.
func (v *validator) urlPath(key string, t Template, known []string) {
	switch {
	case t == "":
		v.add(key, "is missing")
	case !strings.HasPrefix(string(t), "/"):
		v.add(key, "%q does not start with a slash", string(t))
	case strings.Contains(string(t), "//") || slices.ContainsFunc(strings.Split(string(t), "/"), func(s string) bool { return s == "." || s == ".." }):
		v.add(key, "%q has an empty segment, or one of dots", string(t))
	case strings.ContainsAny(string(t), "?#"):
		v.add(key, "%q has a query or a fragment; parameters go under query", string(t))
	}
	v.template(key, t, known)
}

// namesAccount checks that one of the templates has a placeholder for an account:
// without any, the request would be about all accounts, or about none.
func (v *validator) namesAccount(key string, templates ...Template) {
	for _, t := range templates {
		if t.hasAny(v.account) {
			return
		}
	}
	v.add(key, "leads to no account: {id} is missing")
}

// headerName is a token of RFC 9110, section 5.6.2.
var headerName = regexp.MustCompile("^[!#$%&'*+.^_`|~0-9A-Za-z-]+$")

// reservedHeaders say where a request goes or what it does. Only the client sets them.
var reservedHeaders = []string{
	"host", "connection", "content-length", "transfer-encoding",
	"x-http-method", "x-http-method-override", "x-method-override",
}

func (v *validator) headers(key string, headers map[string]Template, known []string) {
	for _, name := range sortedKeys(headers) {
		if !headerName.MatchString(name) {
			v.add(key, "%q can't be the name of a header", name)
		}
		if slices.Contains(reservedHeaders, strings.ToLower(name)) {
			v.add(key, "%q is not a profile's to set", name)
		}
		v.template(key+"."+name, headers[name], known)
	}
}

// bracketIndex is how other path languages write an element of an array.
var bracketIndex = regexp.MustCompile(`\[(\d+)\]`)

// jsonPaths checks paths into JSON documents.
func (v *validator) jsonPaths(key string, paths ...string) {
	for _, path := range paths {
		if strings.HasPrefix(path, "@") && path != wholeDocument && path != memberName {
			v.add(key, `%q begins with an @, which means something in a path; a name that begins so is written '\%s'`, path, path)
		}
		if index := bracketIndex.FindStringSubmatch(path); index != nil {
			v.add(key, "%q: an element of an array is written .%s", path, index[1])
		}
		if path != strings.TrimSpace(path) || strings.HasPrefix(path, "$") {
			v.add(key, "%q is no path: it is the names on the way, such as data.users", path)
		}
	}
}

func (v *validator) condition(key string, c *Condition) {
	if c == nil {
		return
	}
	if c.globsErr != nil {
		v.add(key+".in", "%v", c.globsErr)
	}
	v.required(key+".path", c.Path)
	v.jsonPaths(key+".path", c.Path)
	if strings.Count(c.Path, ".#") > 1 {
		v.add(key+".path", "%q goes into arrays of arrays, of which the elements are no texts", c.Path)
	}
}

// codes checks that HTTP status codes are within the bounds.
func (v *validator) codes(key string, codes []int, low, high int) {
	for _, code := range codes {
		if code < low || code > high {
			v.add(key, "%d is not within %d to %d", code, low, high)
		}
	}
}
