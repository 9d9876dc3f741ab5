package client

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/tidwall/gjson"

	"dormant/client/profile"
	"dormant/job"
)

// splitter takes the items out of a listing's response as they arrive, and
// keeps the rest, the envelope, which says where the next page is.
type splitter struct {
	names []string   // where the array may be, as dotted paths; @this: at the top
	items [][]string // the same, as the names on the way
	keyed bool       // it is an object, whose members are the items
	each  func(key string, item []byte) error

	in       *jsontext.Decoder
	budget   *untilLimit // for the envelope, and for each item
	envelope bytes.Buffer
	found    bool
	seen     []string // the names at the top level
}

// split reads one JSON document. It hands every item to each, with its name if
// the items are members of an object, and returns what is around them. The item
// is only valid during the call.
func split(body io.Reader, items []string, keyed bool, each func(key string, item []byte) error) (gjson.Result, error) {
	s := &splitter{names: items, keyed: keyed, each: each, budget: &untilLimit{body, maxBody}}
	s.in = jsontext.NewDecoder(s.budget)
	for _, path := range items {
		var names []string
		if path != "@this" {
			names = pathNames(path)
		}
		s.items = append(s.items, names)
	}
	if err := s.value(nil); err != nil {
		return gjson.Result{}, readError(err)
	}
	if err := atEnd(s.in); err != nil {
		return gjson.Result{}, err
	}
	envelope := gjson.ParseBytes(s.envelope.Bytes())
	if !s.found {
		return envelope, job.WithDetail(&shapeError{
			text: fmt.Sprintf("no %s in the answer", strings.Join(s.names, " or ")),
			key:  "items", noItems: true,
		}, "the answer has "+s.contents())
	}
	return envelope, nil
}

// value reads the value at the path: into it, if the items are further inside.
func (s *splitter) value(path []string) error {
	switch {
	case s.isItems(path):
		return s.list(path)
	case s.in.PeekKind() == '{' && s.leadsToItems(path):
		return s.object(path)
	}
	value, err := s.in.ReadValue()
	s.envelope.Write(value)
	return err
}

func (s *splitter) isItems(path []string) bool {
	// Where there are other paths as well, at the top only an array is the array.
	return slices.ContainsFunc(s.items, func(p []string) bool { return slices.Equal(p, path) }) &&
		(len(path) > 0 || len(s.items) == 1 || s.in.PeekKind() == '[')
}

func (s *splitter) leadsToItems(path []string) bool {
	return len(path) == 0 || slices.ContainsFunc(s.items, func(p []string) bool {
		return len(p) > len(path) && slices.Equal(p[:len(path)], path)
	})
}

func (s *splitter) object(path []string) error {
	if _, err := s.in.ReadToken(); err != nil {
		return err
	}
	s.envelope.WriteByte('{')
	for first := true; s.in.PeekKind() != '}'; first = false {
		name, err := s.in.ReadValue()
		if err != nil {
			return err
		}
		if !first {
			s.envelope.WriteByte(',')
		}
		s.envelope.Write(name)
		s.envelope.WriteByte(':')
		key := gjson.ParseBytes(name).Str
		if len(path) == 0 {
			s.seen = append(s.seen, key)
		}
		if err := s.value(append(path, key)); err != nil {
			return err
		}
	}
	s.envelope.WriteByte('}')
	_, err := s.in.ReadToken()
	return err
}

// list reads the array of the items, or the object whose members they are.
func (s *splitter) list(path []string) error {
	open, needed := s.in.PeekKind(), "an array"
	if s.keyed {
		needed = "an object with accounts for members"
	}
	if open != '[' && open != '{' || open == '{' && !s.keyed {
		value, err := s.in.ReadValue()
		if err != nil {
			return err
		}
		return misfitf("items", "%s is %s, not %s", nameOf(path), profile.Kind(gjson.ParseBytes(value)), needed)
	}
	if s.found {
		return misfitf("items", "the answer has more than one of %s", strings.Join(s.names, ", "))
	}
	s.found = true
	if _, err := s.in.ReadToken(); err != nil {
		return err
	}
	for s.in.PeekKind() != open+2 { // '[' + 2 is ']', '{' + 2 is '}'
		if open == '[' && s.keyed { // only an empty one is an empty object, as PHP writes it
			return misfitf("items", "%s is an array, not %s", nameOf(path), needed)
		}
		if err := s.item(open); err != nil {
			return err
		}
	}
	s.envelope.WriteString("[]")
	_, err := s.in.ReadToken()
	return err
}

func (s *splitter) item(open jsontext.Kind) error {
	key := ""
	if open == '{' {
		name, err := s.in.ReadValue()
		if err != nil {
			return err
		}
		key = gjson.ParseBytes(name).Str
	}
	item, err := s.in.ReadValue()
	if err != nil {
		return err
	}
	s.budget.left = maxBody
	return s.each(key, item)
}

// pathNames are the names in a path. A backslash makes a dot, or another
// character that means something in a path, part of a name.
func pathNames(path string) []string {
	names := []string{""}
	for i := 0; i < len(path); i++ {
		switch last := len(names) - 1; {
		case path[i] == '\\' && i+1 < len(path):
			i++
			names[last] += path[i : i+1]
		case path[i] == '.':
			names = append(names, "")
		default:
			names[last] += path[i : i+1]
		}
	}
	return names
}

func nameOf(path []string) string {
	if len(path) == 0 {
		return "the answer"
	}
	return strings.Join(path, ".")
}

func (s *splitter) contents() string {
	if len(s.seen) == 0 {
		return "no names at all: " + profile.Kind(gjson.ParseBytes(s.envelope.Bytes()))
	}
	return profile.Members(s.seen)
}

// readJSON reads a whole document of bounded size.
func readJSON(body io.Reader) (gjson.Result, error) {
	in := jsontext.NewDecoder(body)
	value, err := in.ReadValue()
	if err != nil {
		return gjson.Result{}, readError(err)
	}
	document := gjson.ParseBytes(value)
	return document, atEnd(in)
}

// atEnd makes sure that nothing comes behind the document, and that the
// response has ended as it should.
func atEnd(in *jsontext.Decoder) error {
	_, err := in.ReadToken()
	var syntax *jsontext.SyntacticError
	switch {
	case errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF):
		return nil
	case err == nil, errors.As(err, &syntax):
		return shapeErrorf("there is more behind the end of the JSON document")
	}
	return readError(err)
}

// readError tells a document that was cut short, which may come whole the next
// time, from one that is not JSON.
func readError(err error) error {
	var syntax *jsontext.SyntacticError
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF):
		return &connectionError{errors.New("the answer was cut short")}
	case errors.Is(err, io.EOF):
		return shapeErrorf("the answer is empty, not JSON")
	case errors.As(err, &syntax):
		return shapeErrorf("the answer is not JSON (%v): is DORMANT_URL the API's address?", syntax.Err)
	}
	return err
}
