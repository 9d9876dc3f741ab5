// Package profile holds what a profile says: how a directory lists, reads,
// disables and removes accounts. It decodes profiles strictly, checks them, gives
// their placeholders values and reads accounts from JSON. It sends nothing.
package profile

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
)

// Profile says how a directory lists, reads, disables and removes accounts. Load
// reads it from YAML; client/profiles/README.md teaches the format.
type Profile struct {
	Name    string `yaml:"-"` // of the built-in profile, or of the file
	BuiltIn bool   `yaml:"-"`

	Title string `yaml:"title"`

	// Params are the profile's own placeholders and their defaults;
	// one without a default has to be given.
	Params map[string]*string `yaml:"params"`

	// Extras are placeholders that are false unless the configuration sets them to
	// true, because a removal then also destroys what the text says.
	Extras map[string]string `yaml:"extras"`

	// Headers go with every request. One whose placeholders are all empty is left out.
	Headers map[string]Template `yaml:"headers"`

	// Anonymous says that the directory may be used without credentials.
	Anonymous bool `yaml:"anonymous"`

	SignIn    *SignIn    `yaml:"sign_in"`
	RateLimit *RateLimit `yaml:"rate_limit"`
	Self      *Self      `yaml:"self"`
	List      Listing    `yaml:"list"`
	Get       Lookups    `yaml:"get"`
	User      Fields     `yaml:"user"`
	Remove    Steps      `yaml:"remove"`
	Disable   Steps      `yaml:"disable"` // none: the directory can't
	Activity  Sources    `yaml:"activity"`

	source []byte // the YAML
	origin string // the name or the path that it was loaded by
}

// Where returns where the profile has the key, such as list.items, for errors:
// the profile, the line and the key.
func (p *Profile) Where(key string) string {
	return fmt.Sprintf("profile %s, %s", p.origin, position(p.source, key))
}

// UnmarkedKinds are the kinds of accounts that the profile can't distinguish from
// ordinary ones: the directory has no field for them.
func (p *Profile) UnmarkedKinds() []string {
	var kinds []string
	if p.User.Admin == nil {
		kinds = append(kinds, "administrators")
	}
	if p.User.ServiceAccount == nil {
		kinds = append(kinds, "service accounts")
	}
	return kinds
}

// AdminsNeedLookup reports whether the listing does not show who is an
// administrator, and only reading the single account does.
func (p *Profile) AdminsNeedLookup() bool {
	return !p.Get.HasDetails() && slices.ContainsFunc(p.User.Admin, func(c Condition) bool {
		return slices.ContainsFunc(p.Get, func(l Lookup) bool {
			return l.As != "" && (c.Path == l.As || strings.HasPrefix(c.Path, l.As+"."))
		})
	})
}

// validate reports everything that is wrong with the profile.
func (p *Profile) validate() error {
	v := &validator{
		source:  p.source,
		global:  slices.Concat(sortedKeys(p.Params), sortedKeys(p.Extras), []string{"actor"}),
		account: p.User.placeholders(),
	}
	p.validatePlaceholderNames(v)
	p.validateParamDefaults(v)
	v.headers("headers", p.Headers, slices.Concat(v.global, credentials, []string{"basic"}))
	if p.SignIn != nil {
		p.SignIn.validate(v)
	}
	if p.RateLimit != nil {
		p.RateLimit.validate(v)
	}
	p.List.validate(v, "list", v.global)
	if len(p.List.Items) == 0 {
		v.itemsMissing("list")
	}
	if p.Self != nil {
		p.Self.validate(v)
	}
	p.Get.validate(v, p.User.ID)
	p.User.validate(v, p.List.Keyed)
	p.Remove.validate(v, "remove")
	if len(p.Remove) == 0 {
		v.add("remove.path", "is missing")
	}
	p.Disable.validate(v, "disable")
	if len(p.Disable) > 1 {
		v.add("disable", "has %d steps: once the first has disabled an account, nobody would come back for the others", len(p.Disable))
	}
	if len(p.Disable) > 0 && len(p.User.Disabled) == 0 {
		v.add("user.disabled", "is missing: where does the directory show what disable does?")
	}
	for i, s := range p.Activity {
		s.validate(v, fmt.Sprintf("activity[%d]", i))
	}
	return errors.Join(v.errs...)
}

// validatePlaceholderNames checks that no name stands for two things.
func (p *Profile) validatePlaceholderNames(v *validator) {
	reserved := slices.Concat(credentials, accountPlaceholders, []string{"actor", "basic", "assertion", "url"})
	for _, group := range []struct {
		key   string
		names []string
	}{{"params", sortedKeys(p.Params)}, {"extras", sortedKeys(p.Extras)}, {"user.extra", sortedKeys(p.User.Extra)}} {
		for _, name := range group.names {
			key := group.key + "." + name
			switch _, isParam := p.Params[name]; {
			case slices.Contains(reserved, name):
				v.add(key, "the name is taken: {%s} stands for something else", name)
			case group.key != "params" && isParam:
				v.add(key, "is among params as well")
			case group.key == "user.extra" && p.Extras[name] != "":
				v.add(key, "is among extras as well")
			case group.key == "extras" && p.Extras[name] == "":
				v.add(key, "does not say what it destroys")
			}
		}
	}
}

// validateParamDefaults checks that a default is text, or refers to params whose
// defaults are text: a longer chain would not be resolved.
func (p *Profile) validateParamDefaults(v *validator) {
	var plain []string
	for _, name := range sortedKeys(p.Params) {
		if preset := p.Params[name]; preset == nil || !strings.Contains(*preset, "{") {
			plain = append(plain, name)
		}
	}
	for _, name := range sortedKeys(p.Params) {
		if preset := p.Params[name]; preset != nil {
			v.template("params."+name, Template(*preset), plain)
		}
	}
}

// RateLimit says how the directory reports that requests come too fast, where it
// does not use 429 and Retry-After alone.
type RateLimit struct {
	// Reset is a header with the time at which the next request may come, in
	// seconds since 1970 or from now. It counts if there is no Retry-After.
	Reset string `yaml:"reset"`

	// Also is an answer that means 429.
	Also *struct {
		Code int       `yaml:"code"`
		If   Condition `yaml:"if"`
	} `yaml:"also"`
}

func (l *RateLimit) validate(v *validator) {
	if l.Reset == "" && l.Also == nil {
		v.add("rate_limit", "says nothing: reset and also are known")
	}
	if l.Also != nil {
		v.codes("rate_limit.also.code", []int{l.Also.Code}, http.StatusBadRequest, 599)
		v.condition("rate_limit.also.if", &l.Also.If)
	}
}

// sortedKeys are the keys of a map in their order.
func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
