package profile

import (
	"fmt"
	"strings"

	"github.com/tidwall/gjson"
)

// Condition is a test of a JSON document. Its result can be true, false or
// unknown, where the document does not show the value to this caller.
type Condition struct {
	Path string `yaml:"path"`

	// In are globs. One of them has to match the value's text, or one element of an
	// array. If In is empty, the value has to be true or false.
	In []string `yaml:"in"`

	// Missing is the result for null, or for no value at all. If it is nil, the
	// result is then unknown.
	Missing *bool `yaml:"missing"`

	globs    globs
	globsErr error // In has a pattern that is no glob
}

// UnmarshalYAML accepts a path, or an object.
func (c *Condition) UnmarshalYAML(decode func(any) error) error {
	type object Condition
	if err := decodeTextOrObject(decode, &c.Path, (*object)(c)); err != nil {
		return err
	}
	c.globs, c.globsErr = parseGlobs(c.In)
	return nil
}

// Holds reports whether the condition holds, and whether that is known. It
// returns an error if the value is neither true nor false and the condition has
// no globs.
func (c *Condition) Holds(document getter) (holds, known bool, err error) {
	if set, ok := plannedBool(document, c.Path); ok && len(c.globs) == 0 {
		return set, true, nil
	}
	v := document.Get(c.Path)
	// A path such as roles.#.name goes through the elements of an array. If there
	// is another value in its place, nothing is known of the elements.
	array, _, throughArray := strings.Cut(c.Path, ".#")
	if throughArray {
		if whole := document.Get(array); whole.Type != gjson.Null && !whole.IsArray() {
			return false, false, nil
		}
	}
	switch {
	case v.Type == gjson.Null && c.Missing == nil:
		return false, false, nil
	case v.Type == gjson.Null:
		return *c.Missing, true, nil
	case len(c.globs) == 0 && !v.IsBool():
		return false, false, fmt.Errorf("%s is %s, not true or false", c.Path, Describe(v))
	case len(c.globs) == 0:
		return v.Bool(), true, nil
	case v.IsArray():
		var texts []string
		for _, element := range v.Array() {
			texts = append(texts, element.String())
		}
		holds := c.globs.matchAny(texts)
		// Such a path leaves out the elements that lack the member.
		complete := !throughArray || document.Get(array+".#").Int() == int64(len(texts))
		return holds, holds || complete || c.Missing != nil, nil
	}
	return c.globs.matchAny([]string{v.String()}), true, nil
}

// Flag is true if one of its conditions holds.
type Flag []Condition

// UnmarshalYAML accepts one condition or a list.
func (f *Flag) UnmarshalYAML(decode func(any) error) error {
	return decodeOneOrMany(decode, (*[]Condition)(f))
}

// isSet reports whether the flag is set, and whether that is known.
func (f Flag) isSet(item getter) (set, known bool, err error) {
	known = true
	for i := range f {
		holds, certain, err := f[i].Holds(item)
		if err != nil {
			return false, false, err
		}
		set, known = set || holds, known && certain
	}
	return set, set || known, nil
}
