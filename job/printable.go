package job

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// Printable returns s with everything escaped that is not printable: control characters,
// escape sequences of terminals, characters that change the direction of text, invisible
// characters, and bytes that are not UTF-8. All text from outside goes through it, or
// through PrintableJSON, before a person or a terminal reads it.
func Printable(s string) string {
	if isPlain(s) { // nearly always
		return s
	}
	if !strings.ContainsFunc(s, unprintable) && utf8.ValidString(s) {
		return s
	}
	var b strings.Builder
	for len(s) > 0 {
		r, size := utf8.DecodeRuneInString(s)
		switch {
		case r == utf8.RuneError && size == 1:
			fmt.Fprintf(&b, `\x%02x`, s[0])
		case unprintable(r):
			quoted := strconv.QuoteRune(r)
			b.WriteString(quoted[1 : len(quoted)-1])
		default:
			b.WriteRune(r)
		}
		s = s[size:]
	}
	return b.String()
}

// isPlain reports whether there are only printable characters of ASCII in s.
func isPlain(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}

// PrintableJSON returns JSON in which everything is escaped that is not printable, line
// breaks apart. Such characters occur in strings only, and those keep their values. It
// returns text itself if there are none.
func PrintableJSON(text []byte) []byte {
	if !slices.ContainsFunc(text, func(c byte) bool { return (c < ' ' || c > '~') && c != '\n' }) {
		return text
	}
	hidden := func(r rune) bool { return r != '\n' && unprintable(r) }
	if !bytes.ContainsFunc(text, hidden) {
		return text
	}
	var b bytes.Buffer
	b.Grow(len(text))
	for _, r := range string(text) {
		switch {
		case !hidden(r):
			b.WriteRune(r)
		case r <= 0xffff:
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			high, low := utf16.EncodeRune(r)
			fmt.Fprintf(&b, `\u%04x\u%04x`, high, low)
		}
	}
	return b.Bytes()
}

func unprintable(r rune) bool { return !unicode.IsPrint(r) }
