package profile

import (
	"encoding/base64"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode"

	"dormant/job"
)

// Values are what the configuration gives for a profile's placeholders.
type Values struct {
	Token        Secret
	Username     string
	Password     Secret
	ClientID     string
	ClientSecret Secret
	Actor        string
	Params       map[string]string
}

// given are the credentials by the names of their placeholders.
func (v Values) given() map[string]string {
	return map[string]string{
		"token": string(v.Token), "username": v.Username, "password": string(v.Password),
		"client_id": v.ClientID, "client_secret": string(v.ClientSecret),
	}
}

// Placeholders is what every placeholder of the profile stands for.
func (v Values) Placeholders(p *Profile) map[string]string {
	values := v.given()
	values["actor"] = v.Actor
	if v.Username != "" || v.Password != "" {
		values["basic"] = base64.StdEncoding.EncodeToString([]byte(v.Username + ":" + string(v.Password))) // RFC 7617
	}
	for name := range p.Extras {
		values[name] = "false"
	}
	for name, preset := range p.Params {
		if preset != nil {
			values[name] = *preset
		}
	}
	maps.Copy(values, v.Params)
	for name, preset := range p.Params {
		if _, given := v.Params[name]; preset != nil && !given {
			values[name] = Template(*preset).Text(values) // which may be another param
		}
	}
	return values
}

// TurnedOn are the profile's destructive extras that the values turn on, and
// what they destroy.
func (v Values) TurnedOn(p *Profile) map[string]string {
	on := map[string]string{}
	for name, destroys := range p.Extras {
		if v.Params[name] == "true" {
			on[name] = destroys
		}
	}
	return on
}

// Check says everything that is missing for the profile, is of no use to it, or
// contradicts itself, by the names of the variables.
func (v Values) Check(p *Profile) []error {
	var errs []error
	oneLine := func(name, value string) {
		if strings.ContainsFunc(value, unicode.IsControl) {
			errs = append(errs, fmt.Errorf("%s has a line break or another control character in it", name))
		}
	}
	given := v.given()
	needed, allowed := p.credentials(v.Token != "")
	if p.Anonymous {
		needed, allowed = nil, needed
	}
	var missing []string
	for _, name := range credentials {
		switch has := given[name] != ""; {
		case has && !slices.Contains(needed, name) && !slices.Contains(allowed, name):
			errs = append(errs, fmt.Errorf("%s: is of no use: profile %s takes %s", variable(name), p.Name, p.ways()))
		case !has && slices.Contains(needed, name):
			missing = append(missing, name)
		}
		if name != "client_secret" || p.SignIn == nil || p.SignIn.Assertion == nil { // a key has many lines
			oneLine(variable(name)+":", given[name])
		}
	}
	oneLine("DORMANT_ACTOR:", v.Actor)
	if len(missing) > 0 {
		errs = append(errs, fmt.Errorf("%s: is not set: profile %s takes %s", variables(missing), p.Name, p.ways()))
	}
	for _, name := range keys(v.Params) {
		oneLine("DORMANT_PARAMS: "+name, v.Params[name])
		_, isParam := p.Params[name]
		_, isExtra := p.Extras[name]
		switch {
		case !isParam && !isExtra:
			errs = append(errs, fmt.Errorf("DORMANT_PARAMS: profile %s has no %q; it has %s", p.Name, name, listed(append(keys(p.Params), keys(p.Extras)...))))
		case isExtra && v.Params[name] != "true" && v.Params[name] != "false":
			errs = append(errs, fmt.Errorf("DORMANT_PARAMS: %s=%q: true or false is accepted; true %s", name, v.Params[name], p.Extras[name]))
		}
	}
	if v.Actor == "" && v.Token == "" && p.SignIn != nil && p.SignIn.names("actor") {
		errs = append(errs, fmt.Errorf("DORMANT_ACTOR: is not set: profile %s signs in for that account", p.Name))
	}
	values, inPaths := v.Placeholders(p), p.inPaths()
	for _, name := range keys(p.Params) {
		switch {
		case p.Params[name] == nil && v.Params[name] == "":
			errs = append(errs, fmt.Errorf("DORMANT_PARAMS: profile %s needs %s=…", p.Name, name))
		case inPaths[name] && !job.SafeID(values[name]):
			errs = append(errs, fmt.Errorf("DORMANT_PARAMS: %s=%q: can't stand in the path of a URL", name, values[name]))
		}
	}
	return errs
}

// inPaths are the placeholders in paths of URLs.
func (p *Profile) inPaths() map[string]bool {
	paths := []Template{p.List.Path}
	if p.SignIn != nil {
		paths = append(paths, p.SignIn.Path)
	}
	if p.Self != nil {
		paths = append(paths, p.Self.Path)
	}
	for _, g := range p.Get {
		paths = append(paths, g.Path)
	}
	for _, s := range slices.Concat(p.Remove, p.Disable) {
		paths = append(paths, s.Path)
	}
	for _, s := range p.Activity {
		paths = append(paths, s.Path)
	}
	names := map[string]bool{}
	for _, t := range paths {
		for _, name := range t.Names() {
			names[name] = true
		}
	}
	return names
}

// credentials are the placeholders that have to be filled, with a token of the
// operator's or without one, and those that may be filled as well.
func (p *Profile) credentials(token bool) (needed, allowed []string) {
	names := p.inHeaders()
	if p.SignIn != nil && names["token"] && !token {
		delete(names, "token")
		for _, t := range p.SignIn.templates() {
			for _, name := range t.Names() {
				names[name] = true
			}
		}
		if p.SignIn.Assertion != nil {
			names["client_secret"] = true // the key, which may tell whose it is
			delete(names, "client_id")
			allowed = []string{"client_id"}
		}
	}
	if names["basic"] {
		names["username"], names["password"] = true, true
	}
	return slices.DeleteFunc(slices.Clone(credentials), func(name string) bool { return !names[name] }), allowed
}

// templates are all that a sign-in sends.
func (s *SignIn) templates() []Template {
	all := []Template{s.Path, s.URL}
	for _, fields := range []map[string]Template{s.JSON, s.Form, s.Assertion} {
		for _, name := range keys(fields) {
			all = append(all, fields[name])
		}
	}
	return all
}

// ways says which credentials the profile takes.
func (p *Profile) ways() string {
	with, _ := p.credentials(true)
	text := variables(with)
	if p.SignIn != nil {
		without, _ := p.credentials(false)
		text += ", or " + variables(without)
	}
	return text
}

// NamesActor reports whether the directory is told who removes.
func (p *Profile) NamesActor() bool {
	return p.inHeaders()["actor"] || p.SignIn != nil && p.SignIn.names("actor")
}

// names reports whether the sign-in has the placeholder.
func (s *SignIn) names(name string) bool {
	return slices.ContainsFunc(s.templates(), func(t Template) bool { return slices.Contains(t.Names(), name) })
}

// inHeaders are the placeholders in the headers.
func (p *Profile) inHeaders() map[string]bool {
	names := map[string]bool{}
	for _, t := range p.Headers {
		for _, name := range t.Names() {
			names[name] = true
		}
	}
	return names
}

func variables(names []string) string {
	var texts []string
	for _, name := range names {
		texts = append(texts, variable(name))
	}
	if len(texts) == 0 {
		return "no credentials"
	}
	return strings.Join(texts, " and ")
}

func variable(placeholder string) string { return "DORMANT_" + strings.ToUpper(placeholder) }

func listed(names []string) string {
	if len(names) == 0 {
		return "none"
	}
	return strings.Join(names, ", ")
}
