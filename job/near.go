package job

import (
	"iter"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// nearMisses are entries that stand for no name of a directory, though they may have been
// meant for one: what an operator protects must not be lost by a slip of the keyboard.
//
// An entry is near a name if
//
//   - they differ in separators only (. _ - and blanks), in what is behind a + in an
//     address, in how a spreadsheet writes a number (007, 7.0), in accents (josé.garcía,
//     mueller), or in letters of other alphabets that look the same;
//   - one edit makes one of the other: a character more, less or another one, or two
//     changed about. The longer one has at least minEdited characters, and what is in front
//     of the domain has a letter or is the same: a number is not near another number;
//   - they say in different ways, or only one of them says, to what the name belongs:
//     alice, alice@example.org, CORP\alice, @alice:example.org, uid=alice,ou=people;
//   - one is in a domain that is a part of the other one's: alice@mail.example.org;
//   - the entry has several names in it, of which this is one (of roles, whose names may
//     be of several words, this does not hold), or it stands in brackets or the like;
//   - the name has several in it, with commas or semicolons between them.
//
// In a pattern, separators stand for each other, and an edit is one of a letter.
type nearMisses struct {
	entries  []nearEntry
	index    map[string][]int // the entries without wildcards that may be near a name with the key
	patterns []int            // the others
	exact    bool             // an edit does not count
}

type nearEntry struct {
	Entry
	nearName
	number  int      // in its list
	parts   []string // what may be names of their own
	pattern []rune   // of an entry with wildcards
	edit    bool     // the pattern has letters enough to be near by an edit
}

// minEdited is how many characters the longer one of two names has that are near by an
// edit. Below, too many names are one edit away.
const minEdited = 4

// add adds an entry, which has the number in its list.
func (ms *nearMisses) add(entry Entry, number int, isRole bool) {
	i := len(ms.entries)
	e := nearEntry{Entry: entry, nearName: newNearName(entry.name), number: number}
	if e.re != nil {
		e.pattern = []rune(plainLetters(e.name))
		letters := 0
		for _, r := range e.pattern {
			if unicode.IsLetter(r) {
				letters++
			}
		}
		e.edit = letters >= minEdited
		ms.patterns = append(ms.patterns, i)
	} else {
		if parts := strings.FieldsFunc(lineBreaks.Replace(e.name), isBetweenNames); len(parts) > 1 && !isRole {
			e.parts = slices.Concat(parts, strings.FieldsFunc(e.name, isBetweenNames))
		}
		if inner := strings.TrimFunc(e.name, isBetweenNames); inner != e.name {
			e.parts = append(e.parts, inner)
		}
		if ms.index == nil {
			ms.index = map[string][]int{}
		}
		for _, part := range e.parts {
			ms.index[part] = append(ms.index[part], i)
		}
		for key := range e.keys(!ms.exact) {
			ms.index[string(key)] = append(ms.index[string(key)], i)
		}
	}
	ms.entries = append(ms.entries, e)
}

// nearMatch is a name that an entry is near.
type nearMatch struct {
	entry int // its index
	name  string
}

func (ms *nearMisses) len() int {
	if ms == nil {
		return 0
	}
	return len(ms.entries)
}

// find returns the entries that are near one of the names, each with the first such name.
func (ms *nearMisses) find(names []forms) []nearMatch {
	if ms.len() == 0 {
		return nil
	}
	var found []nearMatch
	try := func(i int, n nearName, f forms) {
		if !slices.ContainsFunc(found, func(m nearMatch) bool { return m.entry == i }) && ms.entries[i].isNear(n, !ms.exact) {
			found = append(found, nearMatch{i, f.written})
		}
	}
	for _, f := range names {
		if len(f.name) > maxNameLength {
			continue
		}
		n := newNearName(f.name)
		for _, i := range ms.patterns {
			try(i, n, f)
		}
		if ms.index == nil {
			continue
		}
		for key := range n.keys(!ms.exact) {
			for _, i := range ms.index[string(key)] {
				try(i, n, f)
			}
		}
	}
	slices.SortFunc(found, func(a, b nearMatch) int { return a.entry - b.entry })
	return found
}

func (e *nearEntry) isNear(n nearName, edits bool) bool {
	switch {
	case n.compact == "":
		return false
	case e.pattern != nil:
		return matchesNearly(e.pattern, []rune(plainLetters(n.full)), e.edit)
	case e.compact == n.compact, e.spelled == n.spelled, slices.Contains(e.parts, n.full), slices.Contains(n.parts, e.full):
		return true
	case e.bare == n.bare && hasLetter(e.bare) && (e.style != n.style || isWithin(e.domain, n.domain) || isWithin(n.domain, e.domain)):
		return true
	}
	return edits && (hasLetter(e.bare) && hasLetter(n.bare) || e.style != unqualified && e.bare == n.bare) && oneEdit(e.compact, n.compact)
}

// isWithin reports whether a domain is in the other one, or is its first labels alone.
func isWithin(domain, other string) bool {
	return domain != "" && other != "" && (strings.HasSuffix(domain, "."+other) || strings.HasPrefix(other, domain+"."))
}

// nearName is a name as others are compared with it.
type nearName struct {
	full    string        // the canonical form
	compact string        // that in plain letters, without separators
	spelled string        // and without the e of ae, oe and ue, which stand for umlauts
	bare    string        // compact, without what the name belongs to
	style   qualification // how that is said
	domain  string        // that of an address, or the server
	parts   []string      // names that the name has in it
}

// qualification is how a name says to what it belongs.
type qualification int

const (
	unqualified        qualification = iota
	inDomain                         // alice@example.org
	onServer                         // @alice:example.org
	behindPath                       // CORP\alice, /staff/alice, auth0|alice, urn:x:alice
	distinguishedNamed               // uid=alice,ou=people
)

func newNearName(name string) nearName {
	n := nearName{full: name}
	name = plainLetters(name)
	local, domain := name, ""
	if at := strings.LastIndexByte(name, '@'); at > 0 {
		local, domain = addressScheme.ReplaceAllString(name[:at], ""), name[at:]
		if plus := strings.IndexByte(local, '+'); plus > 0 {
			local = local[:plus]
		}
	}
	n.compact = local + domain
	if name != "" && name[0] <= '9' { // most names need no look
		n.compact = number.ReplaceAllString(n.compact, "$1")
	}
	n.compact = withoutSeparators(n.compact)
	n.spelled = umlaut.ReplaceAllString(n.compact, "$1$2")
	switch i := strings.LastIndexAny(local, `\|/:`); {
	case domain != "":
		n.bare, n.style, n.domain = local, inDomain, domain[1:]
	case strings.HasPrefix(local, "@"): // @alice:example.org
		if n.bare, n.domain, _ = strings.Cut(local[1:], ":"); n.domain != "" {
			n.style = onServer
		}
	case isDistinguishedName.MatchString(local):
		_, n.bare, _ = strings.Cut(local[:strings.IndexByte(local, ',')], "=")
		n.style = distinguishedNamed
	case i >= 0: // CORP\alice, auth0|alice
		n.bare, n.style = local[i+1:], behindPath
	default:
		n.bare = local
	}
	n.bare = withoutSeparators(n.bare)
	if n.style != distinguishedNamed && strings.ContainsAny(n.full, ",;") {
		for part := range strings.FieldsFuncSeq(n.full, func(r rune) bool { return r == ',' || r == ';' }) {
			n.parts = append(n.parts, strings.TrimSpace(part))
		}
	}
	return n
}

// addressScheme matches what an address is for: smtp:alice@example.org.
var addressScheme = regexp.MustCompile(`^(smtp|sip|mailto|xmpp|acct):`)

// umlaut matches what stands for one where there are none: mueller, haakon.
var umlaut = regexp.MustCompile(`([aou])e|a(a)`)

// keys yields texts of which two names that are near have one in common: the forms of the
// name, and, if edits count, what is left of it without one character. A key is valid until
// the next one.
func (n nearName) keys(edits bool) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		key := make([]byte, 0, max(len(n.full), len(n.compact)))
		for _, form := range [...]string{n.full, n.compact, n.spelled, n.bare} {
			if !yield(append(key, form...)) {
				return
			}
		}
		for _, part := range n.parts {
			if !yield(append(key, part...)) {
				return
			}
		}
		for i, r := range n.compact {
			if !edits {
				return
			}
			if !yield(append(append(key, n.compact[:i]...), n.compact[i+utf8.RuneLen(r):]...)) {
				return
			}
		}
	}
}

// number matches a whole number with zeros that a spreadsheet adds or takes away.
var number = regexp.MustCompile(`^0*([0-9]+?)(?:\.0+)?$`)

func withoutSeparators(name string) string {
	return strings.Map(func(r rune) rune {
		if isSeparator(r) {
			return -1
		}
		return r
	}, name)
}

func isSeparator(r rune) bool { return r == '.' || r == '_' || r == '-' || r == ' ' }

// lineBreaks are line breaks as some files of variables have them.
var lineBreaks = strings.NewReplacer(`\r`, " ", `\n`, " ", `\t`, " ")

// isBetweenNames reports whether r may stand between two names, and hardly is in one.
func isBetweenNames(r rune) bool {
	return !unicode.In(r, unicode.L, unicode.M, unicode.N) && !strings.ContainsRune("._-+@'", r)
}

func hasLetter(name string) bool { return strings.ContainsFunc(name, unicode.IsLetter) }

// oneEdit reports whether a and b differ by one edit, and the longer one is long enough.
func oneEdit(a, b string) bool {
	if d := len(a) - len(b); d > utf8.UTFMax || d < -utf8.UTFMax {
		return false
	}
	common := 0
	for a != "" && b != "" {
		x, n := utf8.DecodeRuneInString(a)
		y, _ := utf8.DecodeRuneInString(b)
		if x != y {
			break
		}
		a, b = a[n:], b[n:]
		common++
	}
	for a != "" && b != "" {
		x, n := utf8.DecodeLastRuneInString(a)
		y, _ := utf8.DecodeLastRuneInString(b)
		if x != y {
			break
		}
		a, b = a[:len(a)-n], b[:len(b)-n]
		common++
	}
	x, y := []rune(a), []rune(b)
	return common+max(len(x), len(y)) >= minEdited &&
		(len(x) <= 1 && len(y) <= 1 || len(x) == 2 && len(y) == 2 && x[0] == y[1] && x[1] == y[0])
}

// matchesNearly reports whether the pattern matches name if separators stand for each other
// and, if it may be edited, at most one letter is another one, more, less, or two are
// changed about.
func matchesNearly(pattern, name []rune, edit bool) bool {
	// reached[e][i]: the name so far is matched by the first i characters with e edits.
	type states [2][]bool
	empty := func() states { return states{make([]bool, len(pattern)+1), make([]bool, len(pattern)+1)} }
	skip := func(s states) { // what matches nothing
		for e := range s {
			for i, c := range pattern {
				s[e][i+1] = s[e][i+1] || s[e][i] && c == '*'
				if e == 0 && edit && unicode.IsLetter(c) {
					s[1][i+1] = s[1][i+1] || s[0][i]
				}
			}
		}
	}
	before, last := empty(), empty()
	last[0][0] = true
	skip(last)
	for j, r := range name {
		now := empty()
		for i := range len(pattern) + 1 {
			for e := range now {
				if i < len(pattern) {
					c := pattern[i]
					now[e][i] = now[e][i] || last[e][i] && c == '*'
					now[e][i+1] = now[e][i+1] || last[e][i] && (c == '?' || c == r || isSeparator(c) && isSeparator(r))
				}
			}
			if !edit {
				continue
			}
			if unicode.IsLetter(r) {
				now[1][i] = now[1][i] || last[0][i] // one more
				if i < len(pattern) && unicode.IsLetter(pattern[i]) {
					now[1][i+1] = now[1][i+1] || last[0][i] // another one
				}
			}
			if j > 0 && i+1 < len(pattern) && pattern[i] == r && pattern[i+1] == name[j-1] && unicode.IsLetter(r) && unicode.IsLetter(name[j-1]) {
				now[1][i+2] = now[1][i+2] || before[0][i]
			}
		}
		skip(now)
		before, last = last, now
	}
	return last[0][len(pattern)] || last[1][len(pattern)]
}
