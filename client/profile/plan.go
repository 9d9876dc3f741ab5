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
	item  gjson.Result
	plan  *plan // nil: each field is looked up by itself
	found [maxPlanned]gjson.Result
}

// documents are those that are not in use.
var documents = sync.Pool{New: func() any { return new(document) }}

// newDocument reads the fields of the plan in the item. The caller releases the document.
func newDocument(item gjson.Result, p *plan) *document {
	d, _ := documents.Get().(*document)
	d.item = item
	if s := (scanner{text: item.Raw, found: &d.found}); p != nil && s.object(&p.root) {
		d.plan = p
	}
	return d
}

func (d *document) release() {
	*d = document{}
	documents.Put(d)
}

// Get returns the value at the path.
func (d *document) Get(path string) gjson.Result {
	if d.plan != nil {
		for i, p := range d.plan.paths {
			if p == path {
				return d.found[i]
			}
		}
	}
	return d.item.Get(path)
}

// A scanner goes over the text of an object that is known to be valid JSON, in which no
// name is there twice. It never reads beyond the text: whatever it does not expect ends it.
type scanner struct {
	text  string
	at    int
	found *[maxPlanned]gjson.Result
}

// object reads an object and reports whether it is one that the scanner understands: a
// name that is escaped may be any.
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
		if m.object != nil && s.next() == '{' {
			if !s.object(m.object) {
				return false
			}
			if m.index >= 0 {
				s.found[m.index] = gjson.Result{Type: gjson.JSON, Raw: s.text[start:s.at]}
			}
			return true
		}
		if m.object != nil && s.next() == '[' {
			return false // a path may mean something else in an array
		}
		v, ok := s.value()
		if m.index >= 0 {
			s.found[m.index] = v
		}
		return ok
	}
	return s.skip()
}

// value reads any value.
func (s *scanner) value() (gjson.Result, bool) {
	start := s.at
	switch s.next() {
	case '"':
		raw, escaped, ok := s.quoted()
		if escaped {
			return gjson.Parse(raw), ok
		}
		if !ok {
			return gjson.Result{}, false
		}
		return gjson.Result{Type: gjson.String, Raw: raw, Str: raw[1 : len(raw)-1]}, true
	case '{', '[':
		ok := s.skip()
		return gjson.Result{Type: gjson.JSON, Raw: s.text[start:s.at]}, ok
	case 't':
		ok := s.skip()
		return gjson.Result{Type: gjson.True, Raw: s.text[start:s.at]}, ok
	case 'f':
		ok := s.skip()
		return gjson.Result{Type: gjson.False, Raw: s.text[start:s.at]}, ok
	}
	ok := s.skip()
	return gjson.Parse(s.text[start:s.at]), ok
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
