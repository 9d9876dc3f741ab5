package client

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode"
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

// placeholders is what every placeholder of the profile stands for.
func (v Values) placeholders(p *Profile) map[string]string {
	values := v.given()
	values["actor"] = v.Actor
	for name, preset := range p.Params {
		if preset != nil {
			values[name] = *preset
		}
	}
	maps.Copy(values, v.Params)
	return values
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
	given, needed := v.given(), p.credentials(v.Token != "")
	var missing []string
	for _, name := range credentials {
		switch has := given[name] != ""; {
		case has && !slices.Contains(needed, name):
			errs = append(errs, fmt.Errorf("%s: is of no use: profile %s takes %s", variable(name), p.Name, p.ways()))
		case !has && slices.Contains(needed, name):
			missing = append(missing, name)
		}
		oneLine(variable(name)+":", given[name])
	}
	oneLine("DORMANT_ACTOR:", v.Actor)
	if len(missing) > 0 {
		errs = append(errs, fmt.Errorf("%s: is not set: profile %s takes %s", variables(missing), p.Name, p.ways()))
	}
	for _, name := range slices.Sorted(maps.Keys(v.Params)) {
		oneLine("DORMANT_PARAMS: "+name, v.Params[name])
		if _, ok := p.Params[name]; !ok {
			errs = append(errs, fmt.Errorf("DORMANT_PARAMS: profile %s has no %q; it has %s", p.Name, name, listed(slices.Sorted(maps.Keys(p.Params)))))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(p.Params)) {
		if p.Params[name] == nil && v.Params[name] == "" {
			errs = append(errs, fmt.Errorf("DORMANT_PARAMS: profile %s needs %s=…", p.Name, name))
		}
	}
	return errs
}

// credentials are the placeholders that have to be filled, with a token of the
// operator's or without one.
func (p *Profile) credentials(token bool) []string {
	needed := p.inHeaders()
	if p.SignIn != nil && needed["token"] && !token {
		delete(needed, "token")
		for _, t := range p.SignIn.Body {
			for _, name := range t.names() {
				needed[name] = true
			}
		}
	}
	return slices.DeleteFunc(slices.Clone(credentials), func(name string) bool { return !needed[name] })
}

// ways says which credentials the profile takes.
func (p *Profile) ways() string {
	with, without := p.credentials(true), p.credentials(false)
	text := variables(with)
	if p.SignIn != nil {
		text += ", or " + variables(without)
	}
	return text
}

// NamesActor reports whether the directory is told who removes.
func (p *Profile) NamesActor() bool { return p.inHeaders()["actor"] }

// inHeaders are the placeholders in the headers.
func (p *Profile) inHeaders() map[string]bool {
	names := map[string]bool{}
	for _, t := range p.Headers {
		for _, name := range t.names() {
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
