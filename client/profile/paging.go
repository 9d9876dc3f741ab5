package profile

import (
	"net/http"
	"strings"
)

// Paging says how a listing gets from page to page, and how to find out whether
// it is complete. At most one of Page, Offset, Cursor, Next and After is set; if
// none is, one response has all items.
type Paging struct {
	Page   *PageNumber `yaml:"page"`
	Offset *Offset     `yaml:"offset"`
	Cursor *Cursor     `yaml:"cursor"`
	Next   *Location   `yaml:"next"` // where the URL of the next page is; none ends the listing

	// NextPaths are where the links at Next may lead to besides the path of the
	// listing, below DORMANT_URL. Elsewhere, a GET might do something else.
	NextPaths []string `yaml:"next_paths"`

	// After are parameters that ask for the items behind one, with their paths in
	// that item (keyset pagination). The listing ends as with Page.
	After map[string]string `yaml:"after"`

	Size  *PageSize `yaml:"size"`
	Total *Location `yaml:"total"` // where the response counts all items
	Limit int       `yaml:"limit"` // the most items that the directory lists; 0: all
}

// PageNumber says that a page is asked for by its number. The listing ends with
// an empty page, or when the total is reached.
type PageNumber struct {
	Param string `yaml:"param"`
	First *int   `yaml:"first"` // 0 or 1
}

// Offset says that a page is asked for by the number of items before it. The
// listing ends as with PageNumber.
type Offset struct {
	Param string `yaml:"param"`
	First int    `yaml:"first"` // the first item's: 0 or 1

	// Step is what the offset grows by from page to page. StepItems, or "": by the
	// number of items that came, because some directories send fewer than asked
	// for. StepSize: by the number that was asked for, because others leave some
	// items out, or send a page of each of several sources at once. PageSize.Max
	// has to be known then: what a directory cuts off a larger page would be skipped.
	Step string `yaml:"step"`
}

// The values of Offset.Step.
const (
	StepItems = "items"
	StepSize  = "size"
)

// Cursor says that each page has a token that asks for the next one.
type Cursor struct {
	Param string `yaml:"param"`
	First string `yaml:"first"` // asks for the first page; "": no parameter

	// Next is where the response has the next page's cursor. Null, "" and 0 end
	// the listing. If it is missing, the listing was cut short, unless Optional is set.
	Next     string `yaml:"next"`
	Optional bool   `yaml:"optional"`
}

// PageSize says how to ask for a number of items on a page.
type PageSize struct {
	Param   string `yaml:"param"`
	Default int    `yaml:"default"`
	Max     int    `yaml:"max"` // 0: not known
}

// Location is where a response has a value: at a path of its body, or in a header.
type Location struct {
	Path   string `yaml:"-"`
	Header string `yaml:"header"`
}

func (l Location) String() string { return l.Path + l.Header }

// UnmarshalYAML accepts a path, or {header: NAME}.
func (l *Location) UnmarshalYAML(decode func(any) error) error {
	type object Location
	return decodeTextOrObject(decode, &l.Path, (*object)(l))
}

// IsPaged reports whether there may be more than one response.
func (p Paging) IsPaged() bool { return len(p.styles()) > 0 }

// styles are the keys of the pagination styles that are set.
func (p Paging) styles() []string {
	var styles []string
	for _, style := range []struct {
		key   string
		isSet bool
	}{{"page", p.Page != nil}, {"offset", p.Offset != nil}, {"cursor", p.Cursor != nil}, {"next", p.Next != nil}, {"after", p.After != nil}} {
		if style.isSet {
			styles = append(styles, style.key)
		}
	}
	return styles
}

// Describe says in words how the listing gets from page to page, and whether a
// total would show that it is incomplete.
func (p Paging) Describe() string {
	text := "one response has all"
	switch {
	case p.Page != nil:
		text = "by their number"
	case p.Offset != nil:
		text = "by an offset"
	case p.Cursor != nil:
		text = "by a cursor"
	case p.Next != nil:
		text = "by the URL of the next one"
	case p.After != nil:
		text = "by the last account"
	}
	if p.Total == nil {
		return text + "; there is no total to compare with"
	}
	return text + "; the total has to agree"
}

func (p Paging) validate(v *validator, key, method string) {
	for _, name := range sortedKeys(p.After) {
		v.required(key+".after."+name, p.After[name])
		v.jsonPaths(key+".after."+name, p.After[name])
	}
	styles := p.styles()
	if len(styles) > 1 {
		v.add(key, "has both %s: a listing has one of them", strings.Join(styles, " and "))
	}
	if p.Page != nil {
		v.required(key+".page.param", p.Page.Param)
		if p.Page.First == nil || *p.Page.First < 0 || *p.Page.First > 1 {
			v.add(key+".page.first", "has to be 0 or 1: the number of the first page")
		}
	}
	if p.Offset != nil {
		p.Offset.validate(v, key+".offset", p.Size)
	}
	if p.Cursor != nil {
		v.required(key+".cursor.param", p.Cursor.Param)
		v.required(key+".cursor.next", p.Cursor.Next)
		v.jsonPaths(key+".cursor.next", p.Cursor.Next)
	}
	if p.Next != nil {
		p.Next.validate(v, key+".next")
		if method == http.MethodPost {
			v.add(key+".next", "a listing by POST has no URLs of pages")
		}
	}
	if p.Size != nil {
		p.Size.validate(v, key+".size")
		if len(styles) == 0 && p.Limit == 0 {
			v.add(key+".size", "there is no page, offset, cursor, next or after, so there are no pages")
		}
	}
}

// validateCounts checks what says how many items there are.
func (p Paging) validateCounts(v *validator, key string) {
	if p.Total != nil {
		p.Total.validate(v, key+".total")
	}
	if p.Limit < 0 {
		v.add(key+".limit", "%d is no number of items", p.Limit)
	}
}

func (o *Offset) validate(v *validator, key string, size *PageSize) {
	v.required(key+".param", o.Param)
	if o.First < 0 || o.First > 1 {
		v.add(key+".first", "%d is not 0 or 1, the offset of the first item", o.First)
	}
	if o.Step != "" && o.Step != StepItems && o.Step != StepSize {
		v.add(key+".step", "%q is not items or size", o.Step)
	}
	if o.Step == StepSize && (size == nil || size.Max == 0) {
		v.add(key+".step", "is the size of a page, and size.max is missing: what the directory cuts off a larger page would be skipped")
	}
}

func (s *PageSize) validate(v *validator, key string) {
	v.required(key+".param", s.Param)
	if s.Default < 1 {
		v.add(key+".default", "%d is no size of a page: 1 or more", s.Default)
	}
	if s.Max != 0 && s.Max < s.Default {
		v.add(key+".max", "%d is less than the default, %d", s.Max, s.Default)
	}
}

func (l Location) validate(v *validator, key string) {
	if (l.Path == "") == (l.Header == "") {
		v.add(key, "is a path, or header: with the name of one")
	}
	v.jsonPaths(key, l.Path)
}
