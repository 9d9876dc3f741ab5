package job

import (
	"errors"
	"fmt"
	"iter"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/unicode/norm"
)

// Entry is a name, or a pattern for names, that an operator wrote: * matches any number of
// characters, ? matches one. It is compared in its canonical form (see CanonicalName).
type Entry struct {
	Text string // as it was written, without what does not show
	Line int    // in the file that it is from, or 0
	Exemption

	name string         // the canonical form
	re   *regexp.Regexp // nil if there is no wildcard in it
}

// ParseEntry reads one line of an allowlist. It returns an error if that can't be the name
// of an account, such as one in quotes, or several names in one.
func ParseEntry(text string) (Entry, error) { return parseEntry(text, notAName, notAnAccount) }

// ParseEntries reads the entries of an allowlist in a variable. A blank within one is an
// error, because it may be meant to separate two. The error has every problem with them.
func ParseEntries(texts []string) ([]Entry, error) {
	return parseEntries(texts, notAName, notAnAccount, notInVariable)
}

// ParseRoles reads patterns for the names of roles or groups, which may be titles: they may
// have blanks or an @ in them. The error has every problem with them.
func ParseRoles(texts []string) ([]Entry, error) { return parseEntries(texts, notAName) }

func parseEntries(texts []string, mistakes ...[]mistake) ([]Entry, error) {
	var entries []Entry
	var errs []error
	for _, text := range texts {
		e, err := parseEntry(text, mistakes...)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		entries = append(entries, e)
	}
	return entries, errors.Join(errs...)
}

func parseEntry(text string, mistakes ...[]mistake) (Entry, error) {
	garbled := isGarbled(text)
	text = withoutFormat(text)
	e := Entry{Text: text, name: CanonicalName(text)}
	switch {
	case garbled:
		return Entry{}, fmt.Errorf("entry %q %w", text, errGarbled)
	case text == "":
		return Entry{}, errors.New("an entry is empty")
	case e.name == "", !utf8.ValidString(text), strings.ContainsFunc(text, unicode.IsControl):
		return Entry{}, fmt.Errorf("entry %q has characters that no name has", text)
	}
	for _, kind := range mistakes {
		for _, m := range kind {
			if m.looks.MatchString(e.name) && !isDistinguishedName.MatchString(e.name) {
				return Entry{}, fmt.Errorf("entry %q %s; if that is part of the name, write ? in its place", text, m.problem)
			}
		}
	}
	if strings.ContainsAny(e.name, "*?") {
		expr := regexp.QuoteMeta(e.name)
		expr = strings.ReplaceAll(expr, `\*`, `.*`)
		expr = strings.ReplaceAll(expr, `\?`, `.`)
		e.re = regexp.MustCompile(`(?s)^` + expr + `$`)
	}
	return e, nil
}

// shortened matches a large number as spreadsheets show and export it.
var shortened = regexp.MustCompile(`^[0-9](\.[0-9]+)?e\+[0-9]+$`)

// errGarbled says that a text is one that isGarbled.
var errGarbled = errors.New("is UTF-8 that something has read as Windows-1252: write it anew, and save it as UTF-8")

// isGarbled reports whether the text became what it is because its UTF-8 was taken for
// another encoding: Ã© for é. No name looks like that.
func isGarbled(text string) bool {
	if isASCII(text) {
		return false
	}
	raw := make([]byte, 0, len(text))
	for _, r := range text {
		b, ok := charmap.Windows1252.EncodeRune(r)
		switch {
		case ok:
			raw = append(raw, b)
		case 0x80 <= r && r <= 0x9f: // of the five that have no character there
			raw = append(raw, byte(r))
		default:
			return false
		}
	}
	return utf8.Valid(raw)
}

// withoutFormat is the text without white space around it and format characters in it,
// which tools put there and nobody sees. Control characters and bytes that are no text
// stay, to be refused.
func withoutFormat(text string) string {
	if !utf8.ValidString(text) {
		return strings.TrimSpace(text)
	}
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		if isInvisible(r) && !unicode.IsControl(r) {
			return -1
		}
		return r
	}, text))
}

// mistake is something that tools and habits put around a name or between names, and that
// then protects nobody.
type mistake struct {
	looks   *regexp.Regexp // like this, in the canonical form
	problem string         // what it is, and what is accepted
}

var (
	notAName = []mistake{
		{regexp.MustCompile(`["“”„‟«»]|^['‚‹›]|['‚‹›]$`), "has quotes: write the name without them"},
		{regexp.MustCompile(`[;,、،؛]`), "is more than one name: make each an entry, with commas between them in a variable, one on each line in a file"},
		{regexp.MustCompile(`[<>]`), "has < or > in it: write the name or the address alone"},
		{regexp.MustCompile(`^([-*+]|[0-9]+[.)]) |^[•‣●▪·]`), "begins like an item of a list: write the name alone"},
		{regexp.MustCompile(`=`), "has a = in it: write the name alone, without what it is called"},
		{regexp.MustCompile(`[][{}]|^\^|^\.\*`), "is no pattern: only * and ? are wildcards"},
		{regexp.MustCompile(`^\$[a-z_({]|^%[a-z_]+%$`), "is a variable that nothing was put in for: write the name itself"},
		{shortened, "is a number of which a spreadsheet shows the first digits only: write all of them"},
	}
	notAnAccount = []mistake{
		{regexp.MustCompile(`^(mailto|smtp|sip|acct|xmpp):|://`), "is a URL: write the address alone"},
		{regexp.MustCompile(`%[0-9a-f]{2}|\\u[0-9a-f]{4}`), "has an escaped character in it: write the character itself"},
		{regexp.MustCompile(`:( |$)`), "has a : like a key and its value: write the name alone"},
		{regexp.MustCompile(`@.* | .*@`), "has a blank and an @: write one name or address in each entry, and nothing else"},
	}
	notInVariable = []mistake{
		{regexp.MustCompile(` `), "has a blank in it: put commas between names"},
	}

	// Some directories know accounts and groups by it (RFC 4514); it has commas and signs of
	// equality of its own.
	isDistinguishedName = regexp.MustCompile(`^[a-z][a-z0-9.-]*=[^=,;"<>]+(, ?[a-z][a-z0-9.-]*=[^=,;"<>]+)+$`)
)

// forms are a name as a directory writes it, and what it is compared by.
type forms struct {
	written string
	name    string // the canonical form
	plain   string // in lower case and composed, letter by letter
}

// formsOf returns the forms of a name. For a pattern the canonical form is not enough: ?
// stands for the one letter ß, too, and xn--* for domains that are written so.
func formsOf(name string) forms {
	f := forms{written: name, name: CanonicalName(name)}
	f.plain = f.name
	if f.name != name {
		f.plain = strings.ToLower(norm.NFC.String(visible(name)))
	}
	return f
}

func allForms(names iter.Seq[string]) []forms {
	all := make([]forms, 0, 3)
	for name := range names {
		all = append(all, formsOf(name))
	}
	return all
}

// match reports whether the entry stands for a name. No entry stands for one in which there is
// nothing to see.
func (e Entry) match(f forms) bool {
	switch {
	case f.name == "":
		return false
	case e.re == nil:
		return e.name == f.name
	}
	return e.re.MatchString(f.name) || f.plain != f.name && e.re.MatchString(f.plain)
}

// CheckName returns an error if the text can't be the name of an account. It is for names
// in which no ? can take the place of a character, so it refuses only what no directory has.
func CheckName(name string) error {
	c := CanonicalName(name)
	first, _ := utf8.DecodeRuneInString(c)
	last, _ := utf8.DecodeLastRuneInString(c)
	switch {
	case c == "":
		return errors.New("there is nothing to see in it")
	case !utf8.ValidString(name):
		return errors.New("is not UTF-8")
	case isGarbled(name):
		return errGarbled
	case shortened.MatchString(c):
		return errors.New("is a number of which a spreadsheet shows the first digits only: write all of them")
	case len(c) > 1 && strings.ContainsRune(quotes, first) && strings.ContainsRune(quotes, last):
		return errors.New("has quotes around it: write the name without them")
	case strings.ContainsAny(c, "<>"):
		return errors.New("has < or > in it: write the name or the address alone")
	case strings.HasPrefix(c, "mailto:"):
		return errors.New("is a URL: write the address alone")
	case strings.HasPrefix(c, "- "), strings.HasPrefix(c, "* "), first == '•':
		return errors.New("begins like an item of a list: write the name alone")
	case strings.ContainsRune(",;", first), strings.ContainsRune(",;", last), strings.Count(c, "@") > 1 && strings.ContainsAny(c, " ,;"):
		return errors.New("is more than one name, or has what stands between two: write one")
	}
	return nil
}

// quotes are those that the canonical form has.
const quotes = `'"“”„‟«»‚‹›`
