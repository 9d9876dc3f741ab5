package profile

import (
	"fmt"
	"slices"
	"strings"

	"github.com/tidwall/gjson"
)

// FlagCount says which values the accounts of a first page have where a condition of a
// flag looks for them.
type FlagCount struct {
	Flag     string   // admin, service_account or disabled
	Key      string   // of the condition in the profile, such as user.admin[1]
	In       []string // what the condition accepts; none: true
	Path     string
	Accounts int // that have a value there
	Matches  int // that the condition holds for

	condition Condition
	values    []valueCount // at most maxValues
	more      bool         // there are more of them
	named     int          // accounts of which one value is a name of theirs
}

type valueCount struct {
	text string
	n    int
}

// maxValues is how many different values are shown.
const maxValues = 6

func newFlagCounts(f Fields) []FlagCount {
	var counts []FlagCount
	flags := f.flags()
	for _, flag := range sortedKeys(flags) {
		for i, c := range flags[flag] {
			counts = append(counts, FlagCount{Flag: flag, Key: fmt.Sprintf("user.%s[%d]", flag, i), In: c.In, Path: c.Path, condition: c})
		}
	}
	return counts
}

// add counts the values of one account. names are those that it goes by.
func (c *FlagCount) add(item gjson.Result, names []string) {
	v := item.Get(c.Path)
	values := []gjson.Result{v}
	if v.IsArray() {
		values = v.Array()
	}
	values = slices.DeleteFunc(values, func(v gjson.Result) bool { return v.Type == gjson.Null })
	if len(values) == 0 {
		return
	}
	c.Accounts++
	if holds, _, err := c.condition.Holds(item); err == nil && holds {
		c.Matches++
	}
	if slices.ContainsFunc(values, func(v gjson.Result) bool { return slices.Contains(names, v.String()) }) {
		c.named++
	}
	for _, v := range values {
		text := v.String()
		i := slices.IndexFunc(c.values, func(counted valueCount) bool { return counted.text == text })
		switch {
		case i >= 0:
			c.values[i].n++
		case len(c.values) < maxValues:
			c.values = append(c.values, valueCount{strings.Clone(text), 1})
		default:
			c.more = true
		}
	}
}

// Misses reports whether accounts have values, and the condition accepts none of them.
func (c FlagCount) Misses() bool { return len(c.In) > 0 && c.Accounts > 0 && c.Matches == 0 }

// Values describes the different values, unless they are names.
func (c FlagCount) Values() string {
	if 2*c.named >= c.Accounts && c.named > 0 {
		return "names of the accounts"
	}
	var texts []string
	for _, v := range c.values {
		texts = append(texts, fmt.Sprintf("%.40q (%d)", v.text, v.n))
	}
	if c.more {
		texts = append(texts, "others")
	}
	return strings.Join(texts, ", ")
}
