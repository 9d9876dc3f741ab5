package job

import (
	"html"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/idna"
	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

// CanonicalName is the one form in which names are compared. Two names that a
// person takes for the same have the same form, whatever wrote them:
//
//   - No white space is at an end, and a run of it within is one blank.
//   - No control characters are in it, and none that don't show: format characters,
//     variation selectors, fillers, those for private use.
//   - It is in normal form KC: composed, and without variants such as full width.
//     A name in a list comes from a keyboard, a spreadsheet or an export; each of
//     them keeps other variants apart than the directory does.
//   - Its case is folded in full, so that ß is ss and a final sigma is a sigma. The
//     Turkish letters without and with a dot are one letter i.
//   - The apostrophes and dashes that word processors put in are plain ones.
//   - What HTML escapes is itself: o&#039;neill is o'neill.
//   - A label of a domain in ASCII (xn--…) is what it spells, and the dot at the end
//     of a domain is left out. A label that spells nothing is left as it is.
//
// It errs on the side of one name: it can make the names of two accounts equal, and
// then what protects the one protects the other. It is its own canonical form, and
// empty if there is nothing to see in the name.
func CanonicalName(name string) string {
	if isCanonical(name) {
		return name
	}
	for range maxNameLength { // what one round brings out, the next one folds
		before := name
		if name = fold(name); name == before || isCanonical(name) {
			break
		}
	}
	return name
}

// maxNameLength is the longest name, in bytes, in which HTML is resolved. No name is
// longer; a longer text costs no more than reading it a few times.
const maxNameLength = 1024

// isCanonical reports whether name is in its canonical form for sure. It is what
// most names of most directories are, and takes no memory.
func isCanonical(name string) bool {
	blank := true // what stands before the name
	for i := range len(name) {
		switch c := name[i]; {
		case c == ' ' && blank, c < ' ', c >= '\x7f', 'A' <= c && c <= 'Z', c == '&', c == '`':
			return false
		case c == '-' && strings.HasPrefix(name[max(0, i-3):], asciiLabel):
			return false
		default:
			blank = c == ' '
		}
	}
	return name == "" || !blank && name == withoutLastDot(name)
}

// fold is one round on the way to the canonical form.
func fold(name string) string {
	if len(name) <= maxNameLength && strings.Contains(name, "&") {
		name = html.UnescapeString(name)
	}
	name = visible(name)
	if isASCII(name) {
		name = strings.ToLower(name)
	} else {
		name = cases.Fold().String(norm.NFKC.String(name))
		name = turkish.Replace(strings.ToLower(name)) // some scripts have capitals that fold to none
	}
	return withoutLastDot(strings.TrimSpace(spelled(name)))
}

// turkish makes one letter of the two: i with the dot that folding a capital I with
// a dot leaves, and i without a dot.
var turkish = strings.NewReplacer("i\u0307", "i", "ı", "i")

// visible is the text without what does not show in it: one blank for each run of
// white space, and nothing for what has no shape of its own.
func visible(name string) string {
	var text strings.Builder
	text.Grow(len(name))
	blank := false
	for _, r := range name { // a byte that is no text is U+FFFD
		switch {
		case isBlank(r):
			blank = true
			continue
		case isInvisible(r):
			continue
		}
		if blank && text.Len() > 0 {
			text.WriteByte(' ')
		}
		blank = false
		text.WriteRune(plain(r))
	}
	return text.String()
}

// isInvisible reports whether r is nothing that a person sees in a name.
func isInvisible(r rune) bool {
	if r < utf8.RuneSelf {
		return r < ' ' || r == '\x7f'
	}
	return r == objectReplacement || unicode.In(r, unicode.Cc, unicode.Cf, unicode.Co,
		unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector, unicode.Noncharacter_Code_Point)
}

// objectReplacement stands for a picture that was in a text which has been copied.
const objectReplacement = '\ufffc'

// isBlank reports whether r is white space, or looks like it: the Braille pattern without
// a dot.
func isBlank(r rune) bool { return unicode.IsSpace(r) || r == '\u2800' }

// plain is the character that a keyboard has in place of r.
func plain(r rune) rune {
	switch r {
	case '`', '´', '‘', '’', '‛', 'ʼ', '′':
		return '\''
	case '‐', '‑', '‒', '–', '—', '―', '−':
		return '-'
	case '。', '｡': // in domains, by IDNA (UTS 46)
		return '.'
	}
	return r
}

// asciiLabel begins a label of a domain that spells another one.
const asciiLabel = "xn--"

// spelled puts in place of each label in ASCII what it spells.
func spelled(name string) string {
	if !strings.Contains(name, asciiLabel) {
		return name
	}
	var text strings.Builder
	for name != "" {
		end := strings.IndexFunc(name, isBetweenLabels)
		if end < 0 {
			end = len(name)
		}
		text.WriteString(spelledLabel(name[:end]))
		if end < len(name) {
			text.WriteByte(name[end])
			end++
		}
		name = name[end:]
	}
	return text.String()
}

func isBetweenLabels(r rune) bool {
	return r < utf8.RuneSelf && r != '-' && r != '_' && !unicode.IsDigit(r) && !unicode.IsLower(r)
}

// maxLabelLength is the longest label of a domain, in bytes (RFC 1035, section 2.3.4).
const maxLabelLength = 63

func spelledLabel(label string) string {
	if !strings.HasPrefix(label, asciiLabel) || len(label) > maxLabelLength || !isASCII(label) {
		return label
	}
	text, err := idna.Punycode.ToUnicode(label)
	if err != nil || isASCII(text) { // which needs no such label
		return label
	}
	return text
}

// withoutLastDot leaves out the dots behind the domain of an address: a name with
// one is the same name (RFC 1034, section 3.1).
func withoutLastDot(name string) string {
	if !strings.HasSuffix(name, ".") || strings.LastIndexByte(name, '@') <= 0 {
		return name
	}
	return strings.TrimRight(name, ".")
}

func isASCII(text string) bool {
	for i := range len(text) {
		if text[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}
