package profile

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
)

// Steps are the requests that change an account, one after the other.
type Steps []Step

// UnmarshalYAML accepts one step or a list.
func (s *Steps) UnmarshalYAML(decode func(any) error) error {
	return decodeOneOrMany(decode, (*[]Step)(s))
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
	NotFound  `yaml:",inline"`
}

// Templates are all that the step sends except for its path and its body.
func (s Step) Templates() []Template {
	return slices.Concat(
		slices.Collect(maps.Values(s.Query)), slices.Collect(maps.Values(s.Form)), slices.Collect(maps.Values(s.Headers)))
}

// AddressedBy returns the placeholders by which the step says which account it is
// about, sorted. They are those of the path; if none of them is the id, the username
// or the email, also those of the query and the form, and then those of the body.
// What comes after only tells more about the account.
func (s Step) AddressedBy(f Fields) []string {
	return f.addressedBy([]Template{s.Path},
		slices.Concat(slices.Collect(maps.Values(s.Query)), slices.Collect(maps.Values(s.Form))),
		s.Body.templates())
}

// changingMethods are the methods that a step may have.
var changingMethods = []string{http.MethodDelete, http.MethodPost, http.MethodPut, http.MethodPatch}

// validate checks the steps of remove or disable. Only remove has a default method.
func (s Steps) validate(v *validator, operation string) {
	for i, step := range s {
		key := fmt.Sprintf("%s[%d]", operation, i)
		if step.Method != "" && !slices.Contains(changingMethods, step.Method) || step.Method == "" && operation != "remove" {
			v.add(key+".method", "%q is none of %s", step.Method, strings.Join(changingMethods, ", "))
		}
		step.validate(v, key)
	}
}

func (s Step) validate(v *validator, key string) {
	v.urlPath(key+".path", s.Path, v.all())
	v.templates(key+".query", s.Query, v.all())
	v.headers(key+".headers", s.Headers, v.all())
	for _, t := range s.Body.templates() {
		v.template(key+".body", t, v.all())
	}
	v.templates(key+".form", s.Form, v.all())
	if s.Form != nil && !s.Body.IsZero() {
		v.add(key, "has both body and form: it sends one of them")
	}
	// A header alone does not name the account: servers ignore headers that they
	// don't know.
	v.namesAccount(key+".path", slices.Concat(s.Body.templates(), []Template{s.Path},
		slices.Collect(maps.Values(s.Query)), slices.Collect(maps.Values(s.Form)))...)
	v.codes(key+".success", s.Success, http.StatusOK, 299)
	v.condition(key+".success_if", s.SuccessIf)
	s.NotFound.validate(v, key)
}
