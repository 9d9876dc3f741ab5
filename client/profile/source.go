package profile

import (
	"maps"
	"slices"
)

// Sources are where the use of accounts shows, besides in the accounts themselves.
type Sources []Source

// UnmarshalYAML accepts one source or a list.
func (s *Sources) UnmarshalYAML(decode func(any) error) error {
	return several(decode, (*[]Source)(s))
}

// Source is a listing of entries, each of which proves that an account was used:
// events, sessions, a report. If its path, query or body names an account, it is
// about that one, and is read for candidates only: while planning, and again
// right before a removal. If it has no items, the answer is the only entry.
type Source struct {
	Listing `yaml:",inline"`

	// Optional says that a directory may be without it: a 404 for its first page
	// then means that there is no entry.
	Optional bool `yaml:"optional"`

	Account struct {
		Path   string `yaml:"path"`
		Prefix string `yaml:"prefix"` // stands before the name; what lacks it is no account
		By     string `yaml:"by"`     // id (or nothing), username or email
	} `yaml:"account"`
	At Moment `yaml:"at"`

	// Coverage is what the absence of entries means: life, log or complete; or none,
	// if the source is not to be read.
	Coverage Template `yaml:"coverage"`
}

// What the absence of entries means.
const (
	CoverageNone     = "none"     // the source is not read
	CoverageLife     = "life"     // nothing
	CoverageLog      = "log"      // no login since the oldest entry
	CoverageComplete = "complete" // no login at all
)

// Own reports whether the source is about one account, which it names by one of
// these placeholders.
func (s Source) Own(account []string) bool {
	for _, t := range append(slices.Collect(maps.Values(s.Query)), append(s.Body.Texts(), s.Path)...) {
		if slices.ContainsFunc(t.Names(), func(name string) bool { return slices.Contains(account, name) }) {
			return true
		}
	}
	return false
}
