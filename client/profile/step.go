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
	Accepted  []int      `yaml:"accepted"`   // codes that mean that it will be done later; 202 unless given
	NotFound  `yaml:",inline"`

	// Refused are codes that mean that the directory does not do this to this account,
	// whoever asks, and RefusedIf is what the answer then says, whatever the code.
	Refused   []int      `yaml:"refused"`
	RefusedIf *Condition `yaml:"refused_if"`
}

// IsAccepted reports whether the code means that it will be done later.
func (s Step) IsAccepted(code int) bool {
	if s.Accepted == nil {
		return code == http.StatusAccepted && !slices.Contains(s.Success, code)
	}
	return slices.Contains(s.Accepted, code)
}

// IsSuccess reports whether the code means that it was done.
func (s Step) IsSuccess(code int) bool {
	if s.Success == nil {
		return (code == http.StatusOK || code == http.StatusNoContent) && !s.IsAccepted(code)
	}
	return slices.Contains(s.Success, code)
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

// ByName returns the placeholder of a name that one of the steps addresses the account by, such
// as username, or "": a name can be given to another account, other than an id.
func (s Steps) ByName(f Fields) string {
	for _, step := range s {
		for _, name := range step.AddressedBy(f) {
			if name != "id" || f.idIsName() {
				return name
			}
		}
	}
	return ""
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
	v.codes(key+".accepted", s.Accepted, http.StatusOK, 299)
	for _, code := range s.Accepted {
		if slices.Contains(s.Success, code) {
			v.add(key+".accepted", "%d is under success as well: it is either done or will be", code)
		}
	}
	s.NotFound.validate(v, key)
	v.codes(key+".refused", s.Refused, http.StatusBadRequest, 499)
	v.condition(key+".refused_if", s.RefusedIf)
	for _, code := range s.Refused {
		switch {
		case s.IsGone(code):
			v.add(key+".refused", "%d is under gone as well", code)
		case code == http.StatusUnauthorized, code == http.StatusForbidden:
			v.add(key+".refused", "%d is also the answer to credentials that do not suffice; refused_if can tell the two apart by what the answer says", code)
		case code == http.StatusRequestTimeout, code == http.StatusTooManyRequests:
			v.add(key+".refused", "%d says nothing of one account: the request is repeated", code)
		}
	}
}
