package profile

import (
	"net/http"
	"regexp"
	"slices"

	"github.com/tidwall/gjson"
)

// Listing is a request that returns items, accounts or entries of activity, page
// by page.
type Listing struct {
	Method string              `yaml:"method"` // GET unless given, or POST, which then changes nothing
	Path   Template            `yaml:"path"`
	Query  map[string]Template `yaml:"query"` // one whose placeholders are all empty is left out
	Body   Body                `yaml:"body"`  // of a POST

	Items Paths `yaml:"items"` // where the array is; the first that exists counts
	Keyed bool  `yaml:"keyed"` // it is not an array but an object with the items as members

	// Plain says that the items are texts or numbers, and is a name: each is read as an
	// object in which it has that name.
	Plain string `yaml:"plain"`

	// None is a path that a response without the array has to have to be a page
	// without items. If None is empty, every response has to have the array.
	None string `yaml:"none"`

	Only *Condition `yaml:"only"` // which items count; nil: all

	Paging `yaml:",inline"`
}

// Includes reports whether the item is one that the listing is about. An item of
// which that is unknown is included.
func (l Listing) Includes(item gjson.Result) bool {
	if l.Only == nil {
		return true
	}
	holds, known, err := l.Only.Holds(item)
	return holds || !known || err != nil
}

// plainName is a name that means nothing else in a path.
var plainName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

func (l Listing) validate(v *validator, key string, known []string) {
	v.urlPath(key+".path", l.Path, known)
	v.templates(key+".query", l.Query, known)
	for _, t := range l.Body.templates() {
		v.template(key+".body", t, known)
	}
	switch l.Method {
	case "", http.MethodGet:
		if !l.Body.IsZero() {
			v.add(key+".body", "a GET has no body; method: POST is needed")
		}
	case http.MethodPost:
		if l.Body.IsZero() {
			v.add(key+".body", "is missing: a listing by POST says in it what it asks for; {} asks for all")
		} else if !l.Body.isObject() && (l.Page != nil || l.Offset != nil || l.Cursor != nil || l.Size != nil) {
			v.add(key+".body", "is no object, so the parameters of pages have no place in it")
		}
	default:
		v.add(key+".method", "%q is not GET or POST", l.Method)
	}
	if slices.Contains(l.Items, "") || len(l.Items) == 0 && (l.IsPaged() || l.Plain != "") {
		v.itemsMissing(key)
	}
	v.jsonPaths(key+".items", l.Items...)
	if l.Plain != "" && !plainName.MatchString(l.Plain) {
		v.add(key+".plain", "%q is no name: letters, digits and _ are needed", l.Plain)
	}
	l.Paging.validate(v, key, l.Method)
	v.jsonPaths(key+".none", l.None)
	v.condition(key+".only", l.Only)
	l.validateCounts(v, key)
}

func (v *validator) itemsMissing(key string) {
	v.add(key+".items", "is missing: where is the array of items in a response? (@this: the response is the array)")
}
