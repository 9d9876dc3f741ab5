package profile

import (
	"maps"
	"slices"
)

// Steps are the requests that change an account, one after the other.
type Steps []Step

// UnmarshalYAML accepts one step or a list.
func (s *Steps) UnmarshalYAML(decode func(any) error) error {
	return several(decode, (*[]Step)(s))
}

// Step is a request that changes an account. No redirect is ever followed.
type Step struct {
	Method  string              `yaml:"method"` // DELETE unless given
	Path    Template            `yaml:"path"`
	Query   map[string]Template `yaml:"query"`
	Headers map[string]Template `yaml:"headers"`
	Body    Body                `yaml:"body"` // JSON, or
	Form    map[string]Template `yaml:"form"`

	Success   []int      `yaml:"success"`    // codes; 200 and 204 unless given
	SuccessIf *Condition `yaml:"success_if"` // what the answer then has to say as well
	Missing   `yaml:",inline"`
}

// Templates are all that the step sends, its path and its body apart.
func (s Step) Templates() []Template {
	return slices.Concat(
		slices.Collect(maps.Values(s.Query)), slices.Collect(maps.Values(s.Form)), slices.Collect(maps.Values(s.Headers)))
}

// AddressedBy returns the placeholders by which the step says which account it is about.
// They are those of the path; if none of them is the id, the username or the email, also
// those of the query and the form, and then those of the body. What comes after only
// tells more about the account.
func (s Step) AddressedBy(f Fields) []string {
	parts := [][]Template{
		{s.Path},
		slices.Concat(slices.Collect(maps.Values(s.Query)), slices.Collect(maps.Values(s.Form))),
		s.Body.Texts(),
	}
	var names []string
	for _, part := range parts {
		for _, t := range part {
			for _, name := range t.Names() {
				if slices.Contains(f.Names(), name) && !slices.Contains(names, name) {
					names = append(names, name)
				}
			}
		}
		if slices.ContainsFunc(names, func(name string) bool { return slices.Contains(accountNames, name) }) {
			break
		}
	}
	slices.Sort(names)
	return names
}
