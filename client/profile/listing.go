package profile

import "github.com/tidwall/gjson"

// Listing is a request that returns items, accounts or what proves their use,
// page by page.
type Listing struct {
	Method string              `yaml:"method"` // GET unless given, or POST, which then changes nothing
	Path   Template            `yaml:"path"`
	Query  map[string]Template `yaml:"query"` // one whose placeholders are all empty is left out
	Body   Body                `yaml:"body"`  // of a POST

	Items Paths `yaml:"items"` // where the array is; the first that is there counts
	Keyed bool  `yaml:"keyed"` // it is not an array but an object with the items as members

	// None is a path that a response without the array has to have to be a page
	// without items. Without it, there has to be an array.
	None string `yaml:"none"`

	Only *Condition `yaml:"only"` // which items count; nothing: all

	// At most one of the five. Without any, one response has it all.
	Page   *Page   `yaml:"page"`
	Offset *Offset `yaml:"offset"`
	Cursor *Cursor `yaml:"cursor"`
	Next   *Found  `yaml:"next"` // where the URL of the next page is; none ends the listing

	// After are parameters that ask for what comes behind an item, with where they
	// are in it. The listing ends as with Page.
	After map[string]string `yaml:"after"`

	Size  *Size  `yaml:"size"`
	Total *Found `yaml:"total"` // where the response counts all items
	Limit int    `yaml:"limit"` // how many items the directory lists at most; 0: all
}

// Pages says in words how the listing goes on, and whether anything would tell
// that it was cut short.
func (l Listing) Pages() string {
	text := "one response has all"
	switch {
	case l.Page != nil:
		text = "by their number"
	case l.Offset != nil:
		text = "by an offset"
	case l.Cursor != nil:
		text = "by a cursor"
	case l.Next != nil:
		text = "by the URL of the next one"
	case l.After != nil:
		text = "by the last account"
	}
	if l.Total == nil {
		return text + "; there is no total to compare with"
	}
	return text + "; the total has to agree"
}

// Paged reports whether there may be more than one response.
func (l Listing) Paged() bool {
	return l.Page != nil || l.Offset != nil || l.Cursor != nil || l.Next != nil || l.After != nil
}

// Counts reports whether the item is one that the listing is about.
func (l Listing) Counts(item gjson.Result) bool {
	if l.Only == nil {
		return true
	}
	holds, known, err := l.Only.Holds(item)
	return holds || !known || err != nil
}

// Page says that a page is asked for by its number. The listing ends with an
// empty page, or when the total is reached.
type Page struct {
	Param string `yaml:"param"`
	First *int   `yaml:"first"` // 0 or 1
}

// Offset says that a page is asked for by the number of items before it. The
// listing ends as with Page.
type Offset struct {
	Param string `yaml:"param"`
	First int    `yaml:"first"` // the first item's: 0 or 1

	// Step says what takes the offset to the next page: the items that came
	// (items, or nothing), because some directories send fewer than asked for; or
	// as many as were asked for (size), because others leave some out, or send a
	// page of each of several sources at once. Size.Max has to be known then: what
	// a directory cuts off a page would be skipped.
	Step string `yaml:"step"`
}

// StepSize is an offset's step by the number of items that were asked for.
const StepSize = "size"

// Cursor says that each page names the next one.
type Cursor struct {
	Param string `yaml:"param"`
	First string `yaml:"first"` // what asks for the first page; nothing: no parameter

	// Next is where the response has the next page's cursor. Null, "" and 0 end
	// the listing. If it is missing, the listing was cut short, unless it is Optional.
	Next     string `yaml:"next"`
	Optional bool   `yaml:"optional"`
}

// Size says how to ask for the number of items on a page.
type Size struct {
	Param   string `yaml:"param"`
	Default int    `yaml:"default"`
	Max     int    `yaml:"max"` // 0: not known
}

// Found is where a response has a value: at a path of its body, or in a header.
type Found struct {
	Path   string `yaml:"-"`
	Header string `yaml:"header"`
}

func (f Found) String() string { return f.Path + f.Header }

// UnmarshalYAML accepts a path, or the name of a header.
func (f *Found) UnmarshalYAML(decode func(any) error) error {
	type long Found
	return either(decode, &f.Path, (*long)(f))
}
