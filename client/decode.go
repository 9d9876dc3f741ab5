package client

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/tidwall/gjson"

	"dormant/client/profile"
	"dormant/job"
)

// decodeJSON reads a whole JSON document. The body bounds its size.
func decodeJSON(body io.Reader) (gjson.Result, error) {
	in := jsontext.NewDecoder(body)
	value, err := in.ReadValue()
	if err == nil {
		err = checkDepth(value)
	}
	if err != nil {
		return gjson.Result{}, decodeError(err)
	}
	document := gjson.ParseBytes(value)
	return document, expectEnd(in)
}

// decoders are those of listings that are not in use; they keep their memory.
var decoders = sync.Pool{New: func() any { return jsontext.NewDecoder(noBody) }}

var noBody = strings.NewReader("")

// decodeListing reads the JSON document of a listing and hands each item to yield
// as soon as it has come, with its name if the items are members of an object
// (keyed). items are the paths where the array may be. It returns the envelope:
// the document without the items, which says where the next page is.
//
// An item is only valid during the call of yield.
func decodeListing(body io.Reader, items []string, keyed bool, yield func(name string, item []byte) error) (gjson.Result, error) {
	d := &listingDecoder{paths: items, keyed: keyed, yield: yield, body: &limitedBody{body, maxBody}}
	d.in, _ = decoders.Get().(*jsontext.Decoder)
	d.in.Reset(d.body)
	defer func() {
		d.in.Reset(noBody)
		decoders.Put(d.in)
	}()
	for _, path := range items {
		var names []string
		if path != "@this" {
			names = splitPath(path)
		}
		d.items = append(d.items, names)
	}
	if err := d.value(nil); err != nil {
		return gjson.Result{}, decodeError(err)
	}
	if err := expectEnd(d.in); err != nil {
		return gjson.Result{}, err
	}
	envelope := gjson.ParseBytes(d.envelope.Bytes())
	if !d.found {
		return envelope, job.WithDetail(&responseError{
			text: fmt.Sprintf("no %s in the answer", strings.Join(d.paths, " or ")),
			key:  "items", itemsMissing: true,
		}, "the answer has "+d.describeEnvelope())
	}
	return envelope, nil
}

// A listingDecoder reads one response of a listing.
type listingDecoder struct {
	paths []string   // where the array may be; @this: it is the document
	items [][]string // the same, as the names on the way
	keyed bool
	yield func(name string, item []byte) error

	in       *jsontext.Decoder
	body     *limitedBody // bounds the envelope, and each item
	envelope bytes.Buffer
	found    bool     // the array
	read     int      // items
	members  []string // of the document, by name
}

// value reads the value at the path. It reads the members of an object one by one
// if the items are in one of them.
func (d *listingDecoder) value(path []string) error {
	switch {
	case d.isItems(path):
		return d.array(path)
	case d.in.PeekKind() == '{' && d.leadsToItems(path):
		return d.object(path)
	}
	value, err := d.in.ReadValue()
	d.envelope.Write(value)
	return errors.Join(err, checkDepth(value))
}

func (d *listingDecoder) isItems(path []string) bool {
	// If there are other paths as well, the document is only the array if it is one.
	return slices.ContainsFunc(d.items, func(p []string) bool { return slices.Equal(p, path) }) &&
		(len(path) > 0 || len(d.items) == 1 || d.in.PeekKind() == '[')
}

func (d *listingDecoder) leadsToItems(path []string) bool {
	return len(path) == 0 || slices.ContainsFunc(d.items, func(p []string) bool {
		return len(p) > len(path) && slices.Equal(p[:len(path)], path)
	})
}

func (d *listingDecoder) object(path []string) error {
	if _, err := d.in.ReadToken(); err != nil {
		return err
	}
	d.envelope.WriteByte('{')
	for first := true; d.in.PeekKind() != '}'; first = false {
		quoted, err := d.in.ReadValue()
		if err != nil {
			return err
		}
		if !first {
			d.envelope.WriteByte(',')
		}
		d.envelope.Write(quoted)
		d.envelope.WriteByte(':')
		name := gjson.ParseBytes(quoted).Str
		if len(path) == 0 {
			d.members = append(d.members, name)
		}
		if err := d.value(append(path, name)); err != nil {
			return err
		}
	}
	d.envelope.WriteByte('}')
	_, err := d.in.ReadToken()
	return err
}

// array reads the array of the items, or the object whose members they are.
func (d *listingDecoder) array(path []string) error {
	open, needed := d.in.PeekKind(), "an array"
	if d.keyed {
		needed = "an object with accounts for members"
	}
	if open != '[' && open != '{' || open == '{' && !d.keyed {
		value, err := d.in.ReadValue()
		if err != nil {
			return err
		}
		return &responseError{
			text: fmt.Sprintf("%s is %s, not %s", describePath(path), profile.Describe(gjson.ParseBytes(value)), needed),
			key:  "items", itemsNull: value.Kind() == 'n',
		}
	}
	if d.found {
		return mismatchf("items", "the answer has more than one of %s", strings.Join(d.paths, ", "))
	}
	d.found = true
	if _, err := d.in.ReadToken(); err != nil {
		return err
	}
	d.body.left = maxBody + 1       // for the first item; the one byte shows that it is larger
	for d.in.PeekKind() != open+2 { // '[' + 2 is ']', '{' + 2 is '}'
		if open == '[' && d.keyed { // an empty array is an empty object, as PHP writes it
			return mismatchf("items", "%s is an array, not %s", describePath(path), needed)
		}
		if err := d.item(open); err != nil {
			return err
		}
	}
	d.envelope.WriteString("[]")
	_, err := d.in.ReadToken()
	return err
}

func (d *listingDecoder) item(open jsontext.Kind) error {
	name := ""
	if open == '{' {
		quoted, err := d.in.ReadValue()
		if err != nil {
			return err
		}
		name = gjson.ParseBytes(quoted).Str
	}
	d.read++
	item, err := d.in.ReadValue()
	if err != nil || len(item) > maxBody {
		return d.itemError(err)
	}
	if err := checkDepth(item); err != nil {
		return fmt.Errorf("item %d: %w", d.read, err)
	}
	d.body.left = maxBody + 1
	return d.yield(name, item)
}

// itemError is the error of an item that can't be read, or, if err is nil, is too large.
func (d *listingDecoder) itemError(err error) error {
	var response *responseError
	if err == nil || errors.As(err, &response) && response.tooLarge {
		return tooLarge(fmt.Sprintf("item %d", d.read))
	}
	return err
}

// splitPath returns the names in a path. A backslash makes a dot, or another
// character that has a meaning in a path, part of a name.
func splitPath(path string) []string {
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

func describePath(path []string) string {
	if len(path) == 0 {
		return "the answer"
	}
	return strings.Join(path, ".")
}

func (d *listingDecoder) describeEnvelope() string {
	if len(d.members) == 0 {
		return "no names at all: " + profile.Describe(gjson.ParseBytes(d.envelope.Bytes()))
	}
	return profile.DescribeMembers(d.members)
}

// expectEnd makes sure that nothing follows the document, and that the response
// has ended as it should.
func expectEnd(in *jsontext.Decoder) error {
	_, err := in.ReadToken()
	var syntax *jsontext.SyntacticError
	switch {
	case errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF):
		return nil
	case err == nil, errors.As(err, &syntax):
		return responseErrorf("there is more behind the end of the JSON document")
	}
	return decodeError(err)
}

// decodeError makes an error of a document that was cut short a connectionError,
// because it may come whole the next time, and that of one that is not JSON a
// responseError.
func decodeError(err error) error {
	var syntax *jsontext.SyntacticError
	var response *responseError
	switch {
	case errors.As(err, &response) && response.tooLarge:
		return response
	case errors.Is(err, io.ErrUnexpectedEOF):
		return &connectionError{errors.New("the answer was cut short")}
	case errors.Is(err, io.EOF):
		return responseErrorf("the answer is empty, not JSON")
	case errors.As(err, &syntax):
		return responseErrorf("the answer is not JSON (%v): is DORMANT_URL the API's address?", syntax.Err)
	}
	return err
}
