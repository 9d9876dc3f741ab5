package profile

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// glob is a pattern for values that a directory gives, such as a status: * matches any
// number of characters, ? matches one, and everything else matches itself. Case is ignored.
// For names there is job.Entry.
type glob struct {
	text string
	re   *regexp.Regexp // nil if the text has no wildcard
}

// parseGlob reads one pattern, without white space around it. It returns an error if the
// pattern is empty, or has characters that no value has or that other globs treat as
// wildcards.
func parseGlob(text string) (glob, error) {
	text = strings.TrimSpace(text)
	switch {
	case text == "":
		return glob{}, errors.New("a pattern is empty")
	case !utf8.ValidString(text) || strings.ContainsFunc(text, unicode.IsControl):
		return glob{}, fmt.Errorf("pattern %q has characters that no value has", text)
	case strings.ContainsAny(text, "[]{}"):
		return glob{}, fmt.Errorf("pattern %q: only * and ? are wildcards; for a value with a bracket, write ? in its place", text)
	case !strings.ContainsAny(text, "*?"):
		return glob{text: text}, nil
	}
	expr := regexp.QuoteMeta(text)
	expr = strings.ReplaceAll(expr, `\*`, `.*`)
	expr = strings.ReplaceAll(expr, `\?`, `.`)
	return glob{text: text, re: regexp.MustCompile(`(?is)^` + expr + `$`)}, nil
}

// match reports whether the pattern matches value. No pattern matches an empty one.
func (g glob) match(value string) bool {
	switch {
	case value == "":
		return false
	case g.re == nil:
		return strings.EqualFold(g.text, value)
	}
	return g.re.MatchString(value)
}

// globs is a list of patterns; a value matches if one of them does.
type globs []glob

// parseGlobs reads patterns. The error has every problem with them.
func parseGlobs(texts []string) (globs, error) {
	var globs globs
	var errs []error
	for _, text := range texts {
		g, err := parseGlob(text)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		globs = append(globs, g)
	}
	return globs, errors.Join(errs...)
}

// matchAny reports whether one of the patterns matches one of the values.
func (gs globs) matchAny(values []string) bool {
	return slices.ContainsFunc(gs, func(g glob) bool { return slices.ContainsFunc(values, g.match) })
}
