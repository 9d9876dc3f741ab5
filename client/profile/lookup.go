package profile

import (
	"fmt"
	"maps"
	"net/http"
	"slices"

	"dormant/job"
)

// Lookups are the GETs that together return one account: the members of a later
// answer replace those of the earlier ones, unless they are null.
type Lookups []Lookup

// UnmarshalYAML accepts one GET or a list.
func (l *Lookups) UnmarshalYAML(decode func(any) error) error {
	return decodeOneOrMany(decode, (*[]Lookup)(l))
}

// HasDetails reports whether the listing is not enough to decide by.
func (l Lookups) HasDetails() bool {
	for i := range l {
		if l[i].Details {
			return true
		}
	}
	return false
}

// Lookup is a GET that returns one account, or a part of it.
type Lookup struct {
	// Listing has the path and the query. If it has Items, the account is in an
	// array, where it is found by its id, and the array may come in pages.
	Listing `yaml:",inline"`

	Item Paths `yaml:"item"` // where the account is in the response; empty: all of it

	// As is a name under which the whole response becomes a member of the account,
	// instead of replacing members of the same name.
	As string `yaml:"as"`

	// Collect says that the account is not one of the items: all items of all pages
	// are an array, under the name As.
	Collect bool `yaml:"collect"`

	// Details says that the listing is not enough to decide by, and this is.
	Details bool `yaml:"details"`

	NotFound `yaml:",inline"`
}

// AddressedBy returns the placeholders by which the lookup says which account it reads, as
// Step.AddressedBy does.
func (l Lookup) AddressedBy(f Fields) []string {
	return f.addressedBy([]Template{l.Path}, slices.Collect(maps.Values(l.Query)))
}

// KeepAddress returns the account that the lookup found with the values that the
// request named it by: an answer need not repeat the name that led to it.
func (l Lookup) KeepAddress(f Fields, requested, found job.User) job.User {
	used := l.AddressedBy(f)
	keep := func(placeholder, value, before string) string {
		if value == "" && slices.Contains(used, placeholder) {
			return before
		}
		return value
	}
	found.Username = keep("username", found.Username, requested.Username)
	found.Email = keep("email", found.Email, requested.Email)
	for name := range f.Extra {
		if raw := keep(name, found.Extra[name], requested.Extra[name]); raw != "" {
			found.Extra[name] = raw
		}
	}
	return found
}

// NotFound says which answers mean that there is no such account.
type NotFound struct {
	Gone   []int      `yaml:"gone"`    // codes; 404 and 410 unless given
	GoneIf *Condition `yaml:"gone_if"` // what the answer then says, whatever the code
}

// IsGone reports whether the code means that there is no such account.
func (n NotFound) IsGone(code int) bool {
	if n.Gone == nil {
		return code == http.StatusNotFound || code == http.StatusGone
	}
	return slices.Contains(n.Gone, code)
}

// Self is a GET that returns the caller's account, or a part of it.
type Self struct {
	Path Template `yaml:"path"`
	Item Paths    `yaml:"item"` // where the account is in the response; empty: all of it
	ID   string   `yaml:"id"`   // where its id is, if not where all accounts have it

	// None are codes that mean that the caller is no account, or that the directory does
	// not say which.
	None []int `yaml:"none"`

	// Confirms are codes that the directory also answers to a token that has ended. Such
	// an answer is believed only if this GET, with the same token, still succeeds.
	Confirms []int `yaml:"confirms"`
}

// NamesActor reports whether the request asks for the account that DORMANT_ACTOR names.
func (s *Self) NamesActor() bool { return slices.Contains(s.Path.placeholders(), "actor") }

// validate checks the lookups of a profile whose accounts have their id at idPath.
func (l Lookups) validate(v *validator, idPath string) {
	for i, lookup := range l {
		key := fmt.Sprintf("get[%d]", i)
		lookup.Listing.validate(v, key, v.all())
		v.namesAccount(key+".path", append(slices.Collect(maps.Values(lookup.Query)), lookup.Path)...)
		v.jsonPaths(key+".item", lookup.Item...)
		if lookup.Method != "" || !lookup.Body.IsZero() {
			v.add(key+".method", "one account is read by GET")
		}
		if l := lookup; l.Items == nil && (l.Collect || l.Keyed || l.None != "" || l.Only != nil || l.Total != nil || l.Limit != 0) {
			v.itemsMissing(key)
		}
		if lookup.Collect && lookup.As == "" {
			v.add(key+".as", "is missing: what are the items called that are collected?")
		}
		if lookup.Items != nil && !lookup.Collect && idPath == memberName {
			v.add(key+".items", "finds an account by user.id, and items of an array have no names")
		}
		if lookup.Item != nil && lookup.Items != nil {
			v.add(key, "has both item and items: the account is in one of them")
		}
		if lookup.As != "" && i == 0 {
			v.add(key+".as", "the first GET returns the account itself")
		}
		lookup.NotFound.validate(v, key)
	}
}

func (n NotFound) validate(v *validator, key string) {
	v.codes(key+".gone", n.Gone, http.StatusBadRequest, 499)
	v.condition(key+".gone_if", n.GoneIf)
}

func (s *Self) validate(v *validator) {
	v.urlPath("self.path", s.Path, v.global)
	v.jsonPaths("self.item", s.Item...)
	v.jsonPaths("self.id", s.ID)
	v.codes("self.none", s.None, http.StatusBadRequest, 599)
	v.codes("self.confirms", s.Confirms, http.StatusBadRequest, 499)
	if s.Confirms != nil && (s.None != nil || s.NamesActor()) {
		v.add("self.confirms", "needs a GET that succeeds for whoever calls: neither none nor {actor} goes with it")
	}
}
