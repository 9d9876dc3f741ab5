package profile

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/tidwall/gjson"
)

// Census is which fields of the profile the accounts of a first page have, of
// a long page the first thousand.
type Census struct {
	Accounts int
	Names    string // what an account has, as the directory calls it
	Fields   []FieldCount
}

// FieldCount is how many accounts have a field.
type FieldCount struct {
	Field    string // as the profile calls it
	Paths    Paths  // where the profile looks for it
	Accounts int
	Example  string // what the first of them has there, in part
	Optional bool   // nothing is wrong if no account has it
}

func (f Fields) NewCensus() *Census {
	needed, optional := f.paths()
	c := &Census{}
	for _, fields := range []map[string]Paths{needed, optional} {
		for field, paths := range fields {
			c.Fields = append(c.Fields, FieldCount{Field: field, Paths: paths, Optional: optional[field] != nil})
		}
	}
	slices.SortFunc(c.Fields, func(a, b FieldCount) int { return strings.Compare(a.Field, b.Field) })
	return c
}

// sample is how many accounts of a page are counted. Behind them, only what has
// not been found yet is looked for.
const sample = 1000

func (c *Census) Add(item gjson.Result) {
	if c.Accounts++; c.Accounts == 1 {
		c.Names = names(item)
	}
	for i, f := range c.Fields {
		if c.Accounts > sample && f.Accounts > 0 {
			continue
		}
		if v := f.Paths.At(item); v.Exists() {
			c.Fields[i].Accounts++
			c.Fields[i].Example = cmp.Or(f.Example, fmt.Sprintf("%.60s", v.Raw))
		}
	}
}

// Lacks reports whether the account is without a field that it should have.
func (f Fields) Lacks(account gjson.Result) bool {
	needed, _ := f.paths()
	for _, paths := range needed {
		if !paths.At(account).Exists() {
			return true
		}
	}
	return false
}

// Absent are the fields that no account has and one should.
func (c *Census) Absent(p *Profile) []FieldCount {
	return slices.DeleteFunc(slices.Clone(c.Fields), func(f FieldCount) bool {
		later := p.Get.Details() && f.Field != "id"
		return c.Accounts == 0 || f.Accounts > 0 || f.Optional || later
	})
}

// keys are the keys of a map in their order.
func keys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
