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

// newPlan makes the plan for the fields, in the order in which an AccountReader reads them.
func newPlan(f Fields) *plan {
	p := &plan{}
	p.add(f.ID)
	p.add(f.LastLogin.Path...)
	if f.LastLogin.NeverIf != nil {
		p.add(f.LastLogin.NeverIf.Path)
	}
	p.add(f.Username)
	p.add(f.Email...)
	p.add(f.Names...)
	if f.Created != nil {
		p.add(f.Created.Path...)
	}
	for _, flag := range []Flag{f.Admin, f.ServiceAccount, f.Disabled} {
		for _, condition := range flag {
			array, _, _ := strings.Cut(condition.Path, ".#")
			p.add(array)
		}
	}
	array, _, _ := strings.Cut(f.Roles.Path, ".#")
	p.add(array)
	for _, name := range sortedKeys(f.Extra) {
		p.add(f.Extra[name])
	}
	return p
}

func (p *plan) add(paths ...string) {
	for _, path := range paths {
		if isPlain(path) && !slices.Contains(p.paths, path) && len(p.paths) < maxPlanned {
			p.addPlain(path)
		}
	}
}

func (p *plan) addPlain(path string) {
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
	next    int              // the index of the path that is most likely looked up next
}

// A span is a part of the item's text; it is empty for a field that is not there.
type span struct{ start, end int }

// documents are those that are not in use.
var documents = sync.Pool{New: func() any { return new(document) }}

// newDocument reads the fields of the plan in the item. The caller releases the document.
func newDocument(item gjson.Result, p *plan) *document {
	d, _ := documents.Get().(*document)
	d.item, d.escapes, d.plan, d.next = item, strings.IndexByte(item.Raw, '\\') >= 0, nil, 0
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
	if raw, planned := d.raw(path); planned {
		return gjson.Parse(raw)
	}
	return d.item.Get(path)
}

// raw returns the JSON of the value at the path, or "" if there is none, if the path is in
// the plan.
func (d *document) raw(path string) (raw string, planned bool) {
	if d.plan == nil {
		return "", false
	}
	i := d.next
	if i >= len(d.plan.paths) || d.plan.paths[i] != path {
		i = slices.Index(d.plan.paths, path)
	}
	if i < 0 {
		return "", false
	}
	d.next = i + 1
	return d.item.Raw[d.found[i].start:d.found[i].end], true
}

// plannedText returns the value at the path, if the path is in the plan of a document and the
// value is a text without escapes or a number of nothing but digits. Most values are, and then
// this is much faster than Get.
func plannedText(v getter, path string) (text string, ok bool) {
	d, ok := v.(*document)
	if !ok {
		return "", false
	}
	raw, _ := d.raw(path)
	if raw == "" {
		return "", false
	}
	if raw[0] == '"' && !d.escapes {
		return raw[1 : len(raw)-1], true
	}
	for i := range len(raw) {
		if raw[i] < '0' || raw[i] > '9' {
			return "", false
		}
	}
	return raw, true
}

// plannedBool is plannedText for true and false.
func plannedBool(v getter, path string) (set, ok bool) {
	if d, isDocument := v.(*document); isDocument {
		raw, _ := d.raw(path)
		return raw == "true", raw == "true" || raw == "false"
	}
	return false, false
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
	for s.at < len(s.text) && s.text[s.at] <= ' ' {
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
