package job

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

// Each row is one name, in forms that have to be the same.
func TestCanonicalName(t *testing.T) {
	tests := []struct {
		rule  string
		want  string
		forms []string
	}{
		{"nothing to see is no name", "", []string{"", " ", "\t\r\n", "\u00a0", "\u3000", "\ufeff", "\u200b", "\u200b \u2060", "\x00", "\u3164", "\ufe0f"}},
		{"case", "alice", []string{"alice", "ALICE", "aLiCe"}},
		{"white space at the ends", "alice", []string{" alice", "alice ", "\talice\n", "\u00a0alice\u2003", "alice\u3000", "alice\u2028", "alice\u0085"}},
		{"white space within", "alice smith", []string{"alice smith", "alice  smith", "alice\u00a0smith", "alice\tsmith", "Alice\u2009 \u202fSmith", "alice \u200b smith"}},
		{"format characters", "alice", []string{
			"\ufeffalice", "al\u200bice", "alice\u2060", "\u202aalice\u202c", "\u2066alice\u2069", "ali\u00adce", "al\u200dice", "al\u200cice", "alice\u200e", "\u061calice", "a\U000e0061lice",
		}},
		{"other characters that don't show", "alice", []string{"alice\ufe0f", "alice\U000e0100", "ali\u034fce", "alice\u115f", "alice\u3164", "alice\uffa0", "alice\u180b"}},
		{"what looks like white space", "alice smith", []string{"\u2800alice smith\u2800", "alice\u2800smith"}},
		{"characters without a meaning of their own", "alice", []string{"\ufffcalice\ufffc", "\ue000al\uf8ffice", "alice\U000f0000", "\ufffealice\uffff", "ali\ufdd0ce"}},
		{"control characters", "alice", []string{"alice\x00", "\x1balice", "al\x7fice", "alice\u0080", "\u009falice"}},
		{"composed and decomposed", "zoë", []string{"zo\u00eb", "zoe\u0308", "ZO\u00cb", "ZOE\u0308", "zoe\u200b\u0308"}},
		{"two marks in any order", "ệ", []string{"\u1ec7", "e\u0323\u0302", "e\u0302\u0323", "\u1eb9\u0302"}},
		{"Hangul", "각", []string{"\uac01", "\u1100\u1161\u11a8"}},
		{"full width", "alice@example.org", []string{"ａｌｉｃｅ＠ｅｘａｍｐｌｅ．ｏｒｇ", "ＡＬＩＣＥ@example.org", "alice@example。org", "alice@example｡org"}},
		{"half width", "アリス", []string{"ｱﾘｽ", "アリス"}},
		{"ligatures and their likes", "fionaffm2", []string{"ﬁonaﬀｍ²", "FIONAFFM2"}},
		{"sharp s", "strasse", []string{"straße", "STRASSE", "STRAẞE", "Straſse"}},
		{"final sigma", "οδυσσεύσ", []string{"Οδυσσεύς", "ΟΔΥΣΣΕΎΣ"}},
		{"Turkish i", "ismail", []string{"ismail", "ISMAIL", "İSMAİL", "ısmaıl", "i\u0307smail"}},
		{"the Kelvin sign", "kelvin", []string{"\u212aelvin"}},
		{"Cyrillic", "борис", []string{"БОРИС", "Борис"}},
		{"Cherokee", "\uab70", []string{"\u13a0"}},
		{"apostrophes", "o'neill", []string{"o'neill", "O’Neill", "o‘neill", "oʼneill", "o´neill", "o`neill", "o′neill", "o＇neill"}},
		{"dashes", "anne-marie", []string{"anne-marie", "anne‐marie", "anne‑marie", "anne–marie", "anne—marie", "anne−marie", "anne－marie"}},
		{"escaped for HTML", "o'neill", []string{"o&#039;neill", "o&#39;neill", "O&#x27;Neill", "o&apos;neill", "o&amp;#39;neill"}},
		{"escaped for HTML more than once", "r&d", []string{"r&d", "r&amp;d", "r&amp;amp;d", "r&AMP;d", "r&amp;AMP;amp;d", "r＆d", "r＆amp;d", "r&#65286;amp;d"}},
		{"letters escaped for HTML", "zoë", []string{"zo&euml;", "zo&Euml;", "zo&#235;", "ZO&#xCB;"}},
		{"an ampersand of its own", "at&t", []string{"AT&T", "at&amp;t"}},
		{"domains", "a@bücher.example", []string{
			"a@bücher.example", "A@BÜCHER.EXAMPLE", "a@xn--bcher-kva.example", "a@XN--BCHER-KVA.Example", "a@bu\u0308cher.example", "a@bücher.example.", "a@xn--bcher-kva.example.", "a@bücher。example",
		}},
		{"a domain with a sharp s", "a@strasse.example", []string{"a@straße.example", "a@strasse.example", "a@xn--strae-oqa.example", "a@STRASSE.example"}},
		{"a domain alone", "bücher.example", []string{"bücher.example", "xn--bcher-kva.example"}},
		{"a server behind a colon", "@zoe:bücher.example", []string{"@zoe:xn--bcher-kva.example", "@Zoe:Bücher.example"}},
		{"a dot at the end of a domain", "a@example.org", []string{"a@example.org.", "a@example.org..", "a@example.org. "}},

		{"a label that spells nothing", "a@xn--.example", []string{"a@xn--.example", "A@XN--.example"}},
		{"a label that spells nothing, either", "a@xn--99999999999.example", []string{"a@xn--99999999999.example"}},
		{"xn-- within a label", "axn--bcher-kva", []string{"axn--bcher-kva"}},
		{"a label that is too long", "xn--" + strings.Repeat("a", 60), []string{"XN--" + strings.Repeat("a", 60)}},
		{"a dot at the end of another name", "alice.", []string{"alice.", "Alice. "}},
		{"@ at the start is no domain's", "@alice.", []string{"@alice."}},
		{"bytes that are no text", "a\ufffdb", []string{"a\xffb", "a\ufffdb"}},
		{"signs within a name", "a|b\\c/d:e+f=g,h_i~j", []string{"a|b\\c/d:e+f=g,h_i~j"}},
		{"emoji", "👩", []string{"👩", "👩\ufe0f", "\u200d👩"}},
	}
	for _, tt := range tests {
		for _, form := range append(tt.forms, tt.want) {
			if got := CanonicalName(form); got != tt.want {
				t.Errorf("%s: %+q is %+q, want %+q", tt.rule, form, got, tt.want)
			}
		}
	}
}

func TestCanonicalNameKeepsNamesApart(t *testing.T) {
	for _, pair := range [][2]string{
		{"alice", "alicia"}, {"alice", "álice"}, {"alice", "al ice"}, {"alice", "а" + "lice"}, // a Cyrillic letter
		{"17", "18"}, {"7", "07"}, {"alice.smith", "alicesmith"}, {"alice", "alice."}, {"alice", "alice@example.org"},
		{"a@example.org", "a@example.com"}, {"a@example.org", "a+x@example.org"}, {"a@xn--bcher-kva.example", "a@bucher.example"},
		{"o'neill", "oneill"}, {"anne-marie", "annemarie"}, {"r&d", "rd"}, {"*", "?"}, {"#", ""},
	} {
		if CanonicalName(pair[0]) == CanonicalName(pair[1]) {
			t.Errorf("%q and %q are one name", pair[0], pair[1])
		}
	}
}

// Whatever letters Unicode takes for the same but for their case are.
func TestCanonicalNameFoldsEveryLetter(t *testing.T) {
	for r := rune(1); r <= unicode.MaxRune; r++ {
		other := unicode.SimpleFold(r)
		if other == r {
			continue
		}
		if a, b := CanonicalName(string(r)), CanonicalName(string(other)); a != b {
			t.Errorf("%U is %+q, and %U is %+q", r, a, other, b)
		}
	}
}

// A directory has a million names, and most of them are in this form already.
func TestCanonicalNameTakesNoMemory(t *testing.T) {
	for _, name := range []string{"17", "alice.smith", "alice.smith+x@mail.example.org", "auth0|5f7c8ec7c33c6c004bbafe82", "alice smith", "o'neill", "-"} {
		if n := testing.AllocsPerRun(10, func() { CanonicalName(name) }); n > 0 {
			t.Errorf("%q: %g allocations", name, n)
		}
	}
}

// What a hostile directory calls an account costs no more than to read it.
func TestCanonicalNameOfALongText(t *testing.T) {
	for _, unit := range []string{"&amp;", "amp;", "&#65286;", "＆amp;", "xn--", "xn--a.", "\u200b", "e\u0301\u0301", "İ", " \u200b", "@.", "ß&"} {
		long := "&" + strings.Repeat(unit, 1<<16)
		if got := CanonicalName(long); got != CanonicalName(got) {
			t.Errorf("%q…: not its own canonical form", unit)
		}
	}
}

func FuzzCanonicalName(f *testing.F) {
	for _, name := range []string{
		"", "alice", " Alice\u00a0", "a\u200bb", "zoe\u0308", "a@xn--bcher-kva.example.", "&amp;amp;#39;", "＆＃３９；", "İıß", "xn--a-ecp.ru", "xn--\u200ba",
		"&Tab;x", "&EACUTE;", "a@&period;", "x&#8203;n--bcher-kva", "\xff&lt", "xn--xn---epa", "´", "ﷺ", "i\u0323\u0307", "@.", "a@.b.", "\u0345α",
	} {
		f.Add(name)
	}
	f.Fuzz(func(t *testing.T, name string) {
		got := CanonicalName(name)
		if again := CanonicalName(got); again != got {
			t.Errorf("%+q is %+q, and that is %+q", name, got, again)
		}
		if isCanonical(name) && (got != name || fold(name) != name) {
			t.Errorf("%+q passes for canonical, and is %+q", name, fold(name))
		}
		if !utf8.ValidString(got) || strings.TrimSpace(got) != got || strings.ContainsFunc(got, unicode.IsControl) || strings.Contains(got, "  ") {
			t.Errorf("%+q is %+q", name, got)
		}
		for _, form := range []string{" " + name, name + "\u00a0", "\ufeff" + name, name + "\u2060"} {
			if CanonicalName(form) != got {
				t.Errorf("%+q is %+q, and %+q is %+q", name, got, form, CanonicalName(form))
			}
		}
	})
}

func BenchmarkCanonicalName(b *testing.B) {
	for _, name := range []string{"alice.smith@example.org", "Alice.Smith@Example.org", "zoë@bücher.example", "a@xn--bcher-kva.example"} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				CanonicalName(name)
			}
		})
	}
}
