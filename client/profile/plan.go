package profile

import (
	"slices"
	"strings"
	"sync"

	"github.com/tidwall/gjson"
)

// A plan is where the fields of an account are, so that one pass over an item finds all
// of them. It has the paths that are nothing but names; others are looked up one by one.
type plan struct {
	paths []string // by the index of what they lead to
	root  planNode
}

// planNode is an object on the way to a field.
type planNode struct {
	members []planMember
}

type planMember struct {
	name   string
	index  int       // in plan.paths, or -1
	object *planNode // further paths lead through the member; or nil
}

// maxPlanned is how many paths a plan has at most. What is found of an account then has a
// bounded size.
const maxPlanned = 16

// newPlan makes the plan for the fields.
func newPlan(f Fields) *plan {
	p := &plan{}
	needed, optional := f.paths()
	for _, fields := range []map[string]Paths{needed, optional} {
		for _, field := range sortedKeys(fields) {
			for _, path := range fields[field] {
				p.add(path)
			}
		}
	}
	for _, name := range sortedKeys(f.Extra) {
		p.add(f.Extra[name])
	}
	if f.LastLogin.NeverIf != nil {
		p.add(f.LastLogin.NeverIf.Path)
	}
	return p
}

func (p *plan) add(path string) {
	if !isPlain(path) || slices.Contains(p.paths, path) || len(p.paths) == maxPlanned {
		return
	}
	node := &p.root
	names := strings.Split(path, ".")
	for i, name := range names {
		at := slices.IndexFunc(node.members, func(m planMember) bool { return m.name == name })
		if at < 0 {
			at = len(node.members)
			node.members = append(node.members, planMember{name: name, index: -1})
		}
		m := &node.members[at]
		if i == len(names)-1 {
			m.index = len(p.paths)
			p.paths = append(p.paths, path)
			return
		}
		if m.object == nil {
			m.object = &planNode{}
		}
		node = m.object
	}
}

// isPlain reports whether a path is nothing but names with dots between them. A number may
// be the index of an element, and everything else that is no letter may mean something.
func isPlain(path string) bool {
	for name := range strings.SplitSeq(path, ".") {
		if name == "" || '0' <= name[0] && name[0] <= '9' {
			return false
		}
		for i := range len(name) {
			c := name[i]
			if c != '_' && c != '-' && (c < '0' || c > '9') && (c < 'A' || c > 'Z') && (c < 'a' || c > 'z') {
				return false
			}
		}
	}
	return true
}

// A getter is a JSON value in which others are looked up, by their paths: a gjson.Result, or
// a document.
type getter interface {
	Get(path string) gjson.Result
}

// A document is an item of which the fields in a plan are known.
type document struct {
	item    gjson.Result
	escapes bool             // there is a backslash in the item
	plan    *plan            // nil: each field is looked up by itself
	found   [maxPlanned]span // by the indexes of the paths
}

// A span is a part of the item's text; it is empty for a field that is not there.
type span struct{ start, end int }

// documents are those that are not in use.
var documents = sync.Pool{New: func() any { return new(document) }}

// newDocument reads the fields of the plan in the item. The caller releases the document.
func newDocument(item gjson.Result, p *plan) *document {
	d, _ := documents.Get().(*document)
	d.item, d.escapes, d.plan = item, strings.IndexByte(item.Raw, '\\') >= 0, nil
	if p == nil {
		return d
	}
	clear(d.found[:len(p.paths)])
	s := scanner{text: item.Raw, escapes: d.escapes, found: &d.found, missing: len(p.paths)}
	if s.object(&p.root) {
		d.plan = p
	}
	return d
}

func (d *document) release() {
	d.item, d.plan = gjson.Result{}, nil
	documents.Put(d)
}

// Get returns the value at the path.
func (d *document) Get(path string) gjson.Result {
	if d.plan != nil {
		for i, p := range d.plan.paths {
			if p == path {
				return d.value(d.found[i])
			}
		}
	}
	return d.item.Get(path)
}

// value is what gjson makes of a part of the item, without looking at each of its bytes where
// that is not needed.
func (d *document) value(at span) gjson.Result {
	raw := d.item.Raw[at.start:at.end]
	switch {
	case raw == "":
		return gjson.Result{}
	case raw[0] == '"' && !d.escapes:
		return gjson.Result{Type: gjson.String, Raw: raw, Str: raw[1 : len(raw)-1]}
	case raw == "true":
		return gjson.Result{Type: gjson.True, Raw: raw}
	case raw == "false":
		return gjson.Result{Type: gjson.False, Raw: raw}
	}
	if n, ok := wholeNumber(raw); ok {
		return gjson.Result{Type: gjson.Number, Raw: raw, Num: float64(n)}
	}
	return gjson.Parse(raw)
}

// wholeNumber reads a number of nothing but digits, as most ids are.
func wholeNumber(raw string) (n int, ok bool) {
	const most = 15 // digits, so that a floating-point number is the same
	if len(raw) > most {
		return 0, false
	}
	for i := range len(raw) {
		digit := raw[i] - '0'
		if digit > 9 {
			return 0, false
		}
		n = 10*n + int(digit)
	}
	return n, true
}

// A scanner goes over the text of an object that is known to be valid JSON, in which no
// name is there twice. It never reads beyond the text: whatever it does not expect ends it.
type scanner struct {
	text    string
	at      int
	escapes bool // there is a backslash in the text
	found   *[maxPlanned]span
	missing int // values that are not found yet
}

// object reads an object, as far as something in it is missing, and reports whether it is one
// that the scanner understands: a name that is escaped may be any.
func (s *scanner) object(node *planNode) bool {
	if s.space(); s.next() != '{' {
		return false
	}
	s.at++
	if s.space(); s.next() == '}' {
		s.at++
		return true
	}
	for {
		if s.space(); s.next() != '"' {
			return false
		}
		name, escaped, ok := s.quoted()
		if s.space(); !ok || escaped || s.next() != ':' {
			return false
		}
		s.at++
		s.space()
		if !s.member(node, name[1:len(name)-1]) {
			return false
		}
		if s.missing == 0 {
			return true
		}
		s.space()
		switch s.next() {
		case ',':
			s.at++
		case '}':
			s.at++
			return true
		default:
			return false
		}
	}
}

// member reads the value of a member.
func (s *scanner) member(node *planNode, name string) bool {
	for i := range node.members {
		m := &node.members[i]
		if m.name != name {
			continue
		}
		start := s.at
		var ok bool
		switch {
		case m.object != nil && s.next() == '{':
			ok = s.object(m.object)
		case m.object != nil && s.next() == '[':
			return false // a path may mean something else in an array
		default:
			ok = s.skip()
		}
		if m.index >= 0 {
			s.found[m.index] = span{start, s.at}
			s.missing--
		}
		return ok
	}
	return s.skip()
}

// skip goes behind the value.
func (s *scanner) skip() bool {
	switch c := s.next(); c {
	case '"':
		_, _, ok := s.quoted()
		return ok
	case '{', '[':
		depth := 0
		for s.at < len(s.text) {
			switch s.text[s.at] {
			case '"':
				if _, _, ok := s.quoted(); !ok {
					return false
				}
				continue
			case '{', '[':
				depth++
			case '}', ']':
				depth--
			}
			s.at++
			if depth == 0 {
				return true
			}
		}
		return false
	}
	start := s.at
	for s.at < len(s.text) && !endsLiteral(s.text[s.at]) {
		s.at++
	}
	return s.at > start
}

func endsLiteral(c byte) bool { return c == ',' || c == '}' || c == ']' || c <= ' ' }

// quoted reads a string with its quotes.
func (s *scanner) quoted() (raw string, escaped, ok bool) {
	start := s.at
	if !s.escapes {
		end := strings.IndexByte(s.text[start+1:], '"')
		if end < 0 {
			return "", false, false
		}
		s.at = start + 1 + end + 1
		return s.text[start:s.at], false, true
	}
	for i := start + 1; i < len(s.text); i++ {
		switch s.text[i] {
		case '"':
			s.at = i + 1
			return s.text[start:s.at], escaped, true
		case '\\':
			escaped = true
			i++
		}
	}
	return "", false, false
}

func (s *scanner) space() {
	for s.at < len(s.text) && (s.text[s.at] == ' ' || s.text[s.at] == '\n' || s.text[s.at] == '\t' || s.text[s.at] == '\r') {
		s.at++
	}
}

// next is the next byte, or 0 at the end.
func (s *scanner) next() byte {
	if s.at < len(s.text) {
		return s.text[s.at]
	}
	return 0
}
