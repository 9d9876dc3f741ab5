package job

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Glob is a pattern for values that a directory gives, such as a status: * matches any
// number of characters, ? matches one, and everything else matches itself. Case is ignored.
// For names there is Entry.
type Glob struct {
	text string
	re   *regexp.Regexp // nil if the text has no wildcard
}

// ParseGlob reads one pattern, without white space around it. It returns an error if the
// pattern is empty, or has characters that no value has or that other globs treat as
// wildcards.
func ParseGlob(text string) (Glob, error) {
	text = strings.TrimSpace(text)
	switch {
	case text == "":
		return Glob{}, errors.New("a pattern is empty")
	case !utf8.ValidString(text) || strings.ContainsFunc(text, unicode.IsControl):
		return Glob{}, fmt.Errorf("pattern %q has characters that no value has", text)
	case strings.ContainsAny(text, "[]{}"):
		return Glob{}, fmt.Errorf("pattern %q: only * and ? are wildcards; for a value with a bracket, write ? in its place", text)
	case !strings.ContainsAny(text, "*?"):
		return Glob{text: text}, nil
	}
	expr := regexp.QuoteMeta(text)
	expr = strings.ReplaceAll(expr, `\*`, `.*`)
	expr = strings.ReplaceAll(expr, `\?`, `.`)
	return Glob{text: text, re: regexp.MustCompile(`(?is)^` + expr + `$`)}, nil
}

// Match reports whether the pattern matches value. No pattern matches an empty one.
func (g Glob) Match(value string) bool {
	switch {
	case value == "":
		return false
	case g.re == nil:
		return strings.EqualFold(g.text, value)
	}
	return g.re.MatchString(value)
}

// Globs is a list of patterns; a value matches if one of them does.
type Globs []Glob

// ParseGlobs reads patterns. The error has every problem with them.
func ParseGlobs(texts []string) (Globs, error) {
	var globs Globs
	var errs []error
	for _, text := range texts {
		g, err := ParseGlob(text)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		globs = append(globs, g)
	}
	return globs, errors.Join(errs...)
}

// MatchAny reports whether one of the patterns matches one of the values.
func (gs Globs) MatchAny(values []string) bool {
	return slices.ContainsFunc(gs, func(g Glob) bool { return slices.ContainsFunc(values, g.Match) })
}
