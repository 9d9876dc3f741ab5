package report

import (
	"strings"
	"unicode"
)

// width returns the number of terminal columns that s takes.
func width(s string) int {
	n := 0
	for _, r := range s {
		n += runeWidth(r)
	}
	return n
}

// firstWide is where the first script with wide characters begins.
const firstWide = 0x1100

// runeWidth returns at least 1, so that combining marks can't make a cell arbitrarily
// long.
func runeWidth(r rune) int {
	if r < firstWide {
		return 1
	}
	if unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Hangul) ||
		r >= 0xff01 && r <= 0xff60 || r >= 0x1f300 && r <= 0x1faff {
		return 2
	}
	return 1
}

// truncate cuts s to a number of columns, with an ellipsis at its end.
func truncate(s string, columns int) string {
	if width(s) <= columns {
		return s
	}
	used := 1 // the ellipsis
	for i, r := range s {
		if used += runeWidth(r); used > columns {
			return s[:i] + "…"
		}
	}
	return s
}

// wrap breaks s between words so that its lines, including the indent of each, fit into
// the columns. A longer word gets a line of its own.
func wrap(s, indent string, columns int) string {
	var b strings.Builder
	used := 0
	for _, word := range strings.Fields(s) {
		switch {
		case used == 0:
			b.WriteString(indent)
			used = width(indent)
		case used+1+width(word) > columns:
			b.WriteString("\n" + indent)
			used = width(indent)
		default:
			b.WriteByte(' ')
			used++
		}
		b.WriteString(word)
		used += width(word)
	}
	return b.String()
}
