package client

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/tidwall/gjson"

	"dormant/job"
)

// Census is which fields of the profile the accounts of a first page have, of
// a long page the first thousand.
type Census struct {
	Accounts int
	Names    string // what an account has, as the directory calls it
	Fields   []FieldCount

	checked bool
}

// FieldCount is how many accounts have a field.
type FieldCount struct {
	Field    string // as the profile calls it
	Paths    Paths  // where the profile looks for it
	Accounts int
	Example  string // what the first of them has there, in part
	Optional bool   // nothing is wrong if no account has it
}

func (f Fields) newCensus() *Census {
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

func (c *Census) add(item gjson.Result) {
	if c.Accounts++; c.Accounts == 1 {
		c.Names = names(item)
	}
	for i, f := range c.Fields {
		if c.Accounts > sample && f.Accounts > 0 {
			continue
		}
		if v := f.Paths.at(item); v.Exists() {
			c.Fields[i].Accounts++
			c.Fields[i].Example = cmp.Or(f.Example, fmt.Sprintf("%.60s", v.Raw))
		}
	}
}

// lacks reports whether the account is without a field that it should have.
func (f Fields) lacks(account gjson.Result) bool {
	needed, _ := f.paths()
	for _, paths := range needed {
		if !paths.at(account).Exists() {
			return true
		}
	}
	return false
}

// absent are the fields that no account has and one should.
func (c *Census) absent(p *Profile) []FieldCount {
	return slices.DeleteFunc(slices.Clone(c.Fields), func(f FieldCount) bool {
		later := p.Get.details() && f.Field != "id"
		return c.Accounts == 0 || f.Accounts > 0 || f.Optional || later
	})
}

// check complains of paths that lead nowhere in every account. In a profile of
// one's own that is a mistake. The built-in ones are known to be right, so there
// it is the directory that does not show the field: what that means for an
// account is decided account by account.
func (c *Client) check(census *Census) error {
	if census.checked {
		return nil
	}
	census.checked = true
	var nothing []string
	for _, f := range census.absent(c.profile) {
		key := "user." + f.Field
		if c.profile.builtIn {
			c.log.Warn().Str(job.FieldPath, key).Int(job.FieldFound, census.Accounts).
				Msg("no account on the first page has a field that the profile reads")
			continue
		}
		nothing = append(nothing, fmt.Sprintf("%s is at %s", c.profile.where(key), strings.Join(f.Paths, " or ")))
	}
	if len(nothing) == 0 {
		return nil
	}
	return fmt.Errorf("%w: %s; but there is nothing in any of the %d accounts on the first page, of which the first has %s: "+
		"correct the path, leave the field out, or name it under user.optional",
		job.ErrProfile, strings.Join(nothing, "; "), census.Accounts, census.Names)
}

// Census is what the first page of the last listing was like; nil before it.
func (c *Client) Census() *Census { return c.census.Load() }

// keys are the keys of a map in their order.
func keys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
