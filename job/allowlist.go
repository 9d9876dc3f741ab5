package job

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Glob is a pattern for names: * matches any number of characters, ? matches one, and
// everything else matches itself. Case is ignored.
type Glob struct {
	text string
	re   *regexp.Regexp // nil if the text has no wildcard
}

// ParseGlob reads one pattern, without white space around it. It returns an error if the
// pattern is empty, or has characters that no name has or that other globs treat as
// wildcards.
func ParseGlob(text string) (Glob, error) {
	text = strings.TrimSpace(text)
	switch {
	case text == "":
		return Glob{}, errors.New("a pattern is empty")
	case !utf8.ValidString(text) || strings.ContainsFunc(text, unicode.IsControl):
		return Glob{}, fmt.Errorf("pattern %q has characters that no name has", text)
	case strings.ContainsAny(text, "[]{}"):
		return Glob{}, fmt.Errorf("pattern %q: only * and ? are wildcards; for a name with a bracket, write ? in its place", text)
	case !strings.ContainsAny(text, "*?"):
		return Glob{text: text}, nil
	}
	expr := regexp.QuoteMeta(text)
	expr = strings.ReplaceAll(expr, `\*`, `.*`)
	expr = strings.ReplaceAll(expr, `\?`, `.`)
	return Glob{text: text, re: regexp.MustCompile(`(?is)^` + expr + `$`)}, nil
}

// Match reports whether the pattern matches name. No pattern matches an empty name.
func (g Glob) Match(name string) bool {
	switch {
	case name == "":
		return false
	case g.re == nil:
		return strings.EqualFold(g.text, name)
	}
	return g.re.MatchString(name)
}

// MatchUser reports whether the pattern matches the account's id, username or email.
func (g Glob) MatchUser(u User) bool {
	return g.Match(u.ID) || g.Match(u.Username) || g.Match(u.Email)
}

// Globs is a list of patterns; a name matches if one of them does.
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

// MatchUser reports whether one of the patterns matches the account.
func (gs Globs) MatchUser(u User) bool {
	return slices.ContainsFunc(gs, func(g Glob) bool { return g.MatchUser(u) })
}

// describeMatch says which pattern matches the account.
func (gs Globs) describeMatch(u User) string {
	for _, g := range gs {
		if g.MatchUser(u) {
			return fmt.Sprintf("matches %q", g.text)
		}
	}
	return fmt.Sprintf("matches none of %d patterns", len(gs))
}

// MatchAny reports whether one of the patterns matches one of the names.
func (gs Globs) MatchAny(names []string) bool {
	return slices.ContainsFunc(gs, func(g Glob) bool { return slices.ContainsFunc(names, g.Match) })
}

// ReadAllowlist reads patterns, one on each line. A # at the start of a line or after
// white space begins a comment. A list without a pattern is an error, because it protects
// no account and is most likely a mistake. The error names the lines of all problems.
func ReadAllowlist(r io.Reader) (Globs, error) {
	var globs Globs
	var errs []error
	lines := bufio.NewScanner(r)
	for n := 1; lines.Scan(); n++ {
		line := lines.Text()
		if n == 1 {
			line = strings.TrimPrefix(line, byteOrderMark)
		}
		if strings.Contains(line, "\r") { // a comment would hide the entries after it
			errs = append(errs, fmt.Errorf("line %d: lines end with a carriage return alone; end them with a line feed", n))
			continue
		}
		text := strings.TrimSpace(comment.ReplaceAllString(line, ""))
		if text == "" {
			continue
		}
		g, err := ParseGlob(text)
		if err != nil {
			errs = append(errs, fmt.Errorf("line %d: %w", n, err))
			continue
		}
		globs = append(globs, g)
	}
	if err := lines.Err(); err != nil {
		errs = append(errs, err)
	}
	if len(globs) == 0 && len(errs) == 0 {
		errs = append(errs, errors.New("there is no entry in it"))
	}
	return globs, errors.Join(errs...)
}

var comment = regexp.MustCompile(`(^|[\s\v\x85\p{Z}])#.*$`)
