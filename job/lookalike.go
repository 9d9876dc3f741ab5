package job

import (
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// plainLetters is a name, in its canonical form, in the letters and digits of a plain
// keyboard: without accents, and with Latin letters in place of those of other alphabets
// that look the same. Names that differ in nothing else are near, and not the same.
func plainLetters(name string) string {
	if isASCII(name) {
		return name
	}
	return strings.Map(plainLetter, norm.NFC.String(name))
}

// plainLetter is the plain letter or digit that r is, or r. Of a mark alone it is -1.
func plainLetter(r rune) rune {
	if r < 0x80 {
		return r
	}
	if isAccent(r) {
		return -1
	}
	if i := digitValue(r); i >= 0 {
		return '0' + i
	}
	base := r
	for i, part := range norm.NFD.String(string(r)) {
		switch {
		case i == 0 && unicode.In(part, unicode.Latin, unicode.Greek, unicode.Cyrillic):
			base = part
		case i == 0, !isAccent(part):
			return r
		}
	}
	if latin, ok := lookalikes[base]; ok {
		return latin
	}
	return base
}

func isAccent(r rune) bool { return 0x300 <= r && r <= 0x36f }

// digitValue is the value of a decimal digit of any script, or -1.
func digitValue(r rune) rune {
	for _, digits := range unicode.Nd.R16 {
		if rune(digits.Lo) <= r && r <= rune(digits.Hi) {
			return (r - rune(digits.Lo)) % 10
		}
	}
	return -1
}

// lookalikes are small letters, without accents, that look like Latin ones, or whose
// capitals do, and letters that are written as Latin ones where a keyboard lacks them.
var lookalikes = map[rune]rune{
	'а': 'a', 'в': 'b', 'е': 'e', 'к': 'k', 'м': 'm', 'н': 'h', 'о': 'o', 'р': 'p', 'с': 'c', 'т': 't', 'у': 'y', 'х': 'x',
	'ѕ': 's', 'і': 'i', 'ј': 'j', 'һ': 'h', 'ӏ': 'l', 'ԁ': 'd', 'ԛ': 'q', 'ԝ': 'w', // Cyrillic
	'α': 'a', 'β': 'b', 'ε': 'e', 'ζ': 'z', 'η': 'h', 'ι': 'i', 'κ': 'k', 'μ': 'm', 'ν': 'n', 'ο': 'o', 'ρ': 'p', 'τ': 't', 'υ': 'y', 'χ': 'x', // Greek
	'æ': 'a', 'œ': 'o', 'ø': 'o', 'ł': 'l', 'đ': 'd', 'ð': 'd', 'ħ': 'h', 'ŧ': 't', 'ɑ': 'a', 'ɡ': 'g',
}
