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
