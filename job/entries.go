package job

import (
	"iter"
	"slices"
)

// Entries is a list of entries; a name matches if one of them does. The zero value matches
// no name.
type Entries struct {
	list     []Entry
	byName   map[string][]int // the indexes of those without wildcards, by canonical form
	patterns []int            // the indexes of the others
}

// NewEntries makes a list of the entries.
func NewEntries(entries ...Entry) Entries {
	es := Entries{list: slices.Clone(entries), byName: map[string][]int{}}
	for i, e := range es.list {
		if e.re == nil {
			es.byName[e.name] = append(es.byName[e.name], i)
		} else {
			es.patterns = append(es.patterns, i)
		}
	}
	return es
}

// ExactNames makes a list of names, in which no character is a wildcard. Empty ones are
// left out.
func ExactNames(names ...string) Entries {
	var entries []Entry
	for _, name := range names {
		if c := CanonicalName(name); c != "" {
			entries = append(entries, Entry{Text: name, name: c})
		}
	}
	return NewEntries(entries...)
}

// Len returns how many entries there are.
func (es Entries) Len() int { return len(es.list) }

// Match reports whether one of the entries stands for one of the names.
func (es Entries) Match(names iter.Seq[string]) bool {
	_, found := es.find(allForms(names))
	return found
}

// find returns the first entry that stands for one of the names.
func (es *Entries) find(names []forms) (Entry, bool) {
	if e := es.entry(names); e != nil {
		return *e, true
	}
	return Entry{}, false
}

// entry is find, and returns nil if there is none.
func (es *Entries) entry(names []forms) *Entry {
	for _, f := range names {
		if same := es.byName[f.name]; len(same) > 0 {
			return &es.list[same[0]]
		}
		for _, i := range es.patterns {
			if es.list[i].match(f) {
				return &es.list[i]
			}
		}
	}
	return nil
}

// mark sets seen at the index of each entry that stands for one of the names.
func (es *Entries) mark(names []forms, seen []bool) {
	for _, f := range names {
		for _, i := range es.byName[f.name] {
			seen[i] = true
		}
		for _, i := range es.patterns {
			seen[i] = seen[i] || es.list[i].match(f)
		}
	}
}
