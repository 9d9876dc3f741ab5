package profile

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/tidwall/gjson"
)

// FieldCounts says how many accounts of a first page have each field of the
// profile. Of a long page, it counts the first thousand.
type FieldCounts struct {
	Accounts int
	Members  string // the names of the first account's members, as the directory calls them
	Fields   []FieldCount
	Flags    []FlagCount

	fields Fields
}

// FieldCount says how many accounts have a field.
type FieldCount struct {
	Field    string // as the profile calls it
	Paths    Paths  // where the profile looks for it
	Accounts int
	Example  string // the beginning of what the first of them has there, as JSON
	Optional bool   // nothing is wrong if no account has it

	Values     int    // accounts that have something else there than null or an empty text
	Unreadable int    // those whose value is no plausible time, of a field that is one
	Unread     string // like Example, of the first of those
}

// NewFieldCounts starts counting.
func NewFieldCounts(f Fields) *FieldCounts {
	needed, optional := f.paths()
	c := &FieldCounts{Flags: newFlagCounts(f), fields: f}
	for _, fields := range []map[string]Paths{needed, optional} {
		for field, paths := range fields {
			c.Fields = append(c.Fields, FieldCount{Field: field, Paths: paths, Optional: optional[field] != nil})
		}
	}
	slices.SortFunc(c.Fields, func(a, b FieldCount) int { return strings.Compare(a.Field, b.Field) })
	return c
}

// maxCounted is how many accounts are counted. After them, Add only looks for the
// fields that no account has had yet.
const maxCounted = 1000

// Add counts the fields of one account.
func (c *FieldCounts) Add(item gjson.Result) {
	if c.Accounts++; c.Accounts == 1 {
		c.Members = memberNames(item)
	}
	for i := range c.Fields {
		f := &c.Fields[i]
		if c.Accounts > maxCounted && f.Accounts > 0 {
			continue
		}
		if v := f.Paths.At(item); v.Exists() {
			f.Accounts++
			f.Example = cmp.Or(f.Example, example(v))
			if !isNullOrEmpty(v) {
				f.Values++
			}
		}
	}
	if c.Accounts > maxCounted {
		return
	}
	names := []string{textAt(item, c.fields.ID), textAt(item, c.fields.Username), textAt(item, c.fields.Email...)}
	for i := range c.Flags {
		c.Flags[i].add(item, names)
	}
}

func example(v gjson.Result) string { return fmt.Sprintf("%.60s", v.Raw) }

// Counts reports whether the account that was added last is one of those that are counted.
func (c *FieldCounts) Counts() bool { return c.Accounts <= maxCounted }

// AddUnreadable counts an account, which was added, whose value of the field is no
// plausible time.
func (c *FieldCounts) AddUnreadable(field string, item gjson.Result) {
	for i, f := range c.Fields {
		if f.Field == field && c.Accounts <= maxCounted {
			c.Fields[i].Unreadable++
			c.Fields[i].Unread = cmp.Or(f.Unread, example(f.Paths.At(item)))
		}
	}
}

// Absent are the fields that no account has and one should have. Where the profile
// reads accounts again for their details, only the id has to be in the listing.
func (c *FieldCounts) Absent(p *Profile) []FieldCount {
	return slices.DeleteFunc(slices.Clone(c.Fields), func(f FieldCount) bool {
		inDetails := p.Get.HasDetails() && f.Field != "id"
		return c.Accounts == 0 || f.Accounts > 0 || f.Optional || inDetails
	})
}
