package client

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/tidwall/gjson"
)

// splitter takes the items out of a listing's response as they arrive, and
// keeps the rest, the envelope, which says where the next page is.
type splitter struct {
	names []string   // where the array may be, as dotted paths; @this: at the top
	items [][]string // the same, as the names on the way
	each  func(item []byte) error

	in       *jsontext.Decoder
	budget   *untilLimit // for the envelope, and for each item
	envelope bytes.Buffer
	found    bool
	seen     []string // the names at the top level
}

// split reads one JSON document. It hands every item to each and returns what
// is around them. The item is only valid during the call.
func split(body io.Reader, items []string, each func(item []byte) error) (gjson.Result, error) {
	s := &splitter{names: items, each: each, budget: &untilLimit{body, maxBody}}
	s.in = jsontext.NewDecoder(s.budget)
	for _, path := range items {
		var names []string
		if path != "@this" {
			names = strings.Split(path, ".")
		}
		s.items = append(s.items, names)
	}
	if err := s.value(nil); err != nil {
		return gjson.Result{}, readError(err)
	}
	if err := atEnd(s.in); err != nil {
		return gjson.Result{}, err
	}
	if !s.found {
		return gjson.Result{}, shapeErrorf("no %s in the answer, which has %s", strings.Join(s.names, " or "), s.contents())
	}
	return gjson.ParseBytes(s.envelope.Bytes()), nil
}

// value reads the value at the path: into it, if the items are further inside.
func (s *splitter) value(path []string) error {
	switch {
	case s.isItems(path):
		return s.array(path)
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

func (s *splitter) array(path []string) error {
	if s.in.PeekKind() != '[' {
		value, err := s.in.ReadValue()
		if err != nil {
			return err
		}
		return shapeErrorf("%s is %s, not an array", nameOf(path), kind(gjson.ParseBytes(value)))
	}
	if s.found {
		return shapeErrorf("the answer has more than one of %s", strings.Join(s.names, ", "))
	}
	s.found = true
	if _, err := s.in.ReadToken(); err != nil {
		return err
	}
	for s.in.PeekKind() != ']' {
		item, err := s.in.ReadValue()
		if err != nil {
			return err
		}
		s.budget.left = maxBody
		if err := s.each(item); err != nil {
			return err
		}
	}
	s.envelope.WriteString("[]")
	_, err := s.in.ReadToken()
	return err
}

func nameOf(path []string) string {
	if len(path) == 0 {
		return "the answer"
	}
	return strings.Join(path, ".")
}

func (s *splitter) contents() string {
	if len(s.seen) == 0 {
		return "no names at all: " + kind(gjson.ParseBytes(s.envelope.Bytes()))
	}
	return strings.Join(s.seen[:min(len(s.seen), 10)], ", ")
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
