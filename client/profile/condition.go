package profile

import (
	"fmt"
	"strings"

	"github.com/tidwall/gjson"

	"dormant/job"
)

// Condition is something that may hold for a JSON document, and of which it may
// be unknown whether it does.
type Condition struct {
	Path string `yaml:"path"`

	// In are globs over the value's text, of which one has to match; of an array,
	// one element has to. Without any, the value has to be true or false.
	In []string `yaml:"in"`

	// Missing says what null, or no value at all, means. If it does not say, the
	// value is hidden from this caller.
	Missing *bool `yaml:"missing"`

	globs job.Globs
	wrong error // with In
}

// UnmarshalYAML accepts a path, or the long form.
func (c *Condition) UnmarshalYAML(decode func(any) error) error {
	type long Condition
	if err := either(decode, &c.Path, (*long)(c)); err != nil {
		return err
	}
	c.globs, c.wrong = job.ParseGlobs(c.In)
	return nil
}

// Holds reports whether the condition holds, and whether that is known. An error
// says that the value is none of those that were expected.
func (c Condition) Holds(document gjson.Result) (holds, known bool, err error) {
	v := document.Get(c.Path)
	// What is no list has none of the elements that the path goes through, and
	// says nothing of what they would be.
	whole, _, through := strings.Cut(c.Path, ".#")
	if list := document.Get(whole); through && list.Type != gjson.Null && !list.IsArray() {
		return false, false, nil
	}
	switch {
	case v.Type == gjson.Null && c.Missing == nil:
		return false, false, nil
	case v.Type == gjson.Null:
		return *c.Missing, true, nil
	case len(c.globs) == 0 && !v.IsBool():
		return false, false, fmt.Errorf("%s is %s, not true or false", c.Path, Kind(v))
	case len(c.globs) == 0:
		return v.Bool(), true, nil
	case v.IsArray():
		var texts []string
		for _, element := range v.Array() {
			texts = append(texts, element.String())
		}
		holds := c.globs.MatchAny(texts)
		// A path such as roles.#.name leaves out the elements without a name.
		all := !through || document.Get(whole+".#").Int() == int64(len(texts))
		return holds, holds || all || c.Missing != nil, nil
	}
	return c.globs.MatchAny([]string{v.String()}), true, nil
}

// Flag is true if one of its conditions holds.
type Flag []Condition

// UnmarshalYAML accepts one condition or a list.
func (f *Flag) UnmarshalYAML(decode func(any) error) error {
	return several(decode, (*[]Condition)(f))
}

// set reports whether the flag is set, and whether that is known.
func (f Flag) set(item gjson.Result) (set, known bool, err error) {
	known = true
	for _, c := range f {
		holds, certain, err := c.Holds(item)
		if err != nil {
			return false, false, err
		}
		set, known = set || holds, known && certain
	}
	return set, set || known, nil
}
