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
	items []string // dotted paths of the array, @this for the top level
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
	s := &splitter{items: items, each: each, budget: &untilLimit{body, maxBody}}
	s.in = jsontext.NewDecoder(s.budget)
	if err := s.value(""); err != nil {
		return gjson.Result{}, readError(err)
	}
	if _, err := s.in.ReadToken(); !errors.Is(err, io.EOF) {
		return gjson.Result{}, shapeErrorf("there is more behind the end of the JSON document")
	}
	if !s.found {
		return gjson.Result{}, shapeErrorf("no %s in the answer, which has %s", strings.Join(s.items, " or "), s.contents())
	}
	return gjson.ParseBytes(s.envelope.Bytes()), nil
}

// value reads the value at the path: into it, if the items are further inside.
func (s *splitter) value(path string) error {
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

func (s *splitter) isItems(path string) bool {
	return slices.Contains(s.items, path) || path == "" && slices.Contains(s.items, "@this")
}

func (s *splitter) leadsToItems(path string) bool {
	return path == "" || slices.ContainsFunc(s.items, func(p string) bool { return strings.HasPrefix(p, path+".") })
}

func (s *splitter) object(path string) error {
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
		if path == "" {
			s.seen = append(s.seen, key)
		} else {
			key = path + "." + key
		}
		if err := s.value(key); err != nil {
			return err
		}
	}
	s.envelope.WriteByte('}')
	_, err := s.in.ReadToken()
	return err
}

func (s *splitter) array(path string) error {
	if s.in.PeekKind() != '[' {
		value, err := s.in.ReadValue()
		if err != nil {
			return err
		}
		return shapeErrorf("%s is %s, not an array", nameOf(path), kind(gjson.ParseBytes(value)))
	}
	if s.found {
		return shapeErrorf("the answer has more than one of %s", strings.Join(s.items, ", "))
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

func nameOf(path string) string {
	if path == "" {
		return "the answer"
	}
	return path
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
	if _, err := in.ReadToken(); !errors.Is(err, io.EOF) {
		return gjson.Result{}, shapeErrorf("there is more behind the end of the JSON document")
	}
	return document, nil
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
