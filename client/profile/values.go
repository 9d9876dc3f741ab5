package profile

import (
	"fmt"
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

// credentials are the placeholders for credentials.
var credentials = []string{"token", "username", "password", "client_id", "client_secret"}

// credentials are the values of the placeholders for credentials.
func (v Values) credentials() map[string]string {
	return map[string]string{
		"token": string(v.Token), "username": v.Username, "password": string(v.Password),
		"client_id": v.ClientID, "client_secret": string(v.ClientSecret),
	}
}

// EnabledExtras are the profile's extras that the values set to true, with what a
// removal then destroys as well.
func (v Values) EnabledExtras(p *Profile) map[string]string {
	enabled := map[string]string{}
	for name, destroys := range p.Extras {
		if v.Params[name] == "true" {
			enabled[name] = destroys
		}
	}
	return enabled
}

// Check returns everything that is missing for the profile, is of no use to it, or
// contradicts itself. Each error begins with the name of the variable.
func (v Values) Check(p *Profile) []error {
	return slices.Concat(v.checkCredentials(p), v.checkParams(p))
}

func (v Values) checkCredentials(p *Profile) []error {
	var errs []error
	given := v.credentials()
	needed, allowed := p.neededCredentials(v.Token != "")
	if p.Anonymous {
		needed, allowed = nil, needed
	}
	var insteadOfToken []string // credentials that would be used to sign in
	if p.SignIn != nil && v.Token != "" {
		insteadOfToken, _ = p.neededCredentials(false)
	}
	var missing []string
	for _, name := range credentials {
		switch has := given[name] != ""; {
		case has && !slices.Contains(needed, name) && slices.Contains(insteadOfToken, name):
			errs = append(errs, fmt.Errorf("%s: is of no use, because DORMANT_TOKEN is used: unset it, or unset DORMANT_TOKEN to sign in with %s",
				variable(name), variables(insteadOfToken)))
		case has && !slices.Contains(needed, name) && !slices.Contains(allowed, name):
			errs = append(errs, fmt.Errorf("%s: is of no use: profile %s takes %s", variable(name), p.Name, p.acceptedCredentials()))
		case !has && slices.Contains(needed, name):
			missing = append(missing, name)
		}
		isKey := name == "client_secret" && p.SignIn != nil && p.SignIn.Assertion != nil
		if !isKey { // which has many lines
			errs = append(errs, checkControls(variable(name)+":", given[name])...)
		}
		if name == "token" && !IsToken(given[name]) && !strings.ContainsFunc(given[name], unicode.IsControl) {
			errs = append(errs, fmt.Errorf("%s: has characters other than those of printable ASCII, which no token has", variable(name)))
		}
	}
	errs = append(errs, checkControls("DORMANT_ACTOR:", v.Actor)...)
	if len(missing) > 0 {
		errs = append(errs, fmt.Errorf("%s: is not set: profile %s takes %s", variables(missing), p.Name, p.acceptedCredentials()))
	}
	return errs
}

func (v Values) checkParams(p *Profile) []error {
	var errs []error
	for _, name := range sortedKeys(v.Params) {
		errs = append(errs, checkControls("DORMANT_PARAMS: "+name, v.Params[name])...)
		_, isParam := p.Params[name]
		_, isExtra := p.Extras[name]
		switch {
		case !isParam && !isExtra:
			errs = append(errs, fmt.Errorf("DORMANT_PARAMS: profile %s has no %q; it has %s", p.Name, name, joinOrNone(slices.Concat(sortedKeys(p.Params), sortedKeys(p.Extras)))))
		case isExtra && v.Params[name] != "true" && v.Params[name] != "false":
			errs = append(errs, fmt.Errorf("DORMANT_PARAMS: %s=%q: true or false is accepted; true %s", name, v.Params[name], p.Extras[name]))
		}
	}
	if v.Actor == "" && v.Token == "" && p.SignIn != nil && p.SignIn.uses("actor") {
		errs = append(errs, fmt.Errorf("DORMANT_ACTOR: is not set: profile %s signs in for that account", p.Name))
	}
	bound, inPaths := p.Bind(v).text, p.placeholdersInPaths()
	for _, name := range sortedKeys(p.Params) {
		switch {
		case p.Params[name] == nil && v.Params[name] == "":
			errs = append(errs, fmt.Errorf("DORMANT_PARAMS: profile %s needs %s=…", p.Name, name))
		case inPaths[name] && !job.SafeID(bound[name]):
			errs = append(errs, fmt.Errorf("DORMANT_PARAMS: %s=%q: can't stand in the path of a URL", name, bound[name]))
		}
	}
	return errs
}

// IsToken reports whether text may be a token: printable ASCII. Anything else is no header
// that servers read alike.
func IsToken(text string) bool {
	return !strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r > '~' })
}

// checkControls refuses control characters, which could end a header.
func checkControls(prefix, value string) []error {
	if strings.ContainsFunc(value, unicode.IsControl) {
		return []error{fmt.Errorf("%s has a line break or another control character in it", prefix)}
	}
	return nil
}

// neededCredentials are the placeholders for credentials that have to have a value,
// with a token in the configuration or without one, and those that may have one.
func (p *Profile) neededCredentials(token bool) (needed, allowed []string) {
	names := p.placeholdersInHeaders()
	if p.SignIn != nil && names["token"] && !token {
		delete(names, "token")
		for _, t := range p.SignIn.templates() {
			for _, name := range t.placeholders() {
				names[name] = true
			}
		}
		if p.SignIn.Assertion != nil {
			names["client_secret"] = true // the key, which may have the client's id in it
			delete(names, "client_id")
			allowed = []string{"client_id"}
		}
	}
	if names["basic"] {
		names["username"], names["password"] = true, true
	}
	return slices.DeleteFunc(slices.Clone(credentials), func(name string) bool { return !names[name] }), allowed
}

// acceptedCredentials says which credentials the profile takes.
func (p *Profile) acceptedCredentials() string {
	with, _ := p.neededCredentials(true)
	text := variables(with)
	if p.SignIn != nil {
		without, _ := p.neededCredentials(false)
		text += ", or " + variables(without)
	}
	return text
}

// SendsActor reports whether the profile tells the directory which account acts.
func (p *Profile) SendsActor() bool {
	return p.placeholdersInHeaders()["actor"] || p.SignIn != nil && p.SignIn.uses("actor")
}

// Scope returns the values of the params that say which directory this is: those in the request
// for the listing and in the one to sign in. Two configurations with the same profile, URL and
// scope are about the same accounts.
func (p *Profile) Scope(v Values) map[string]string {
	templates := append(p.List.Body.templates(), p.List.Path)
	for _, name := range sortedKeys(p.List.Query) {
		templates = append(templates, p.List.Query[name])
	}
	if p.SignIn != nil {
		templates = append(templates, p.SignIn.templates()...)
	}
	scope, bound := map[string]string{}, p.Bind(v).text
	for _, t := range templates {
		for _, name := range t.placeholders() {
			if _, isParam := p.Params[name]; isParam {
				scope[name] = bound[name]
			}
		}
	}
	return scope
}

// TellsUse reports whether the profile says anything of the use of accounts.
func (p *Profile) TellsUse() bool { return len(p.User.LastLogin.Path) > 0 || len(p.Activity) > 0 }

// placeholdersInHeaders are those in the headers that go with every request.
func (p *Profile) placeholdersInHeaders() map[string]bool {
	names := map[string]bool{}
	for _, t := range p.Headers {
		for _, name := range t.placeholders() {
			names[name] = true
		}
	}
	return names
}

// placeholdersInPaths are those in the paths of URLs.
func (p *Profile) placeholdersInPaths() map[string]bool {
	paths := []Template{p.List.Path}
	if p.SignIn != nil {
		paths = append(paths, p.SignIn.Path)
	}
	if p.Self != nil {
		paths = append(paths, p.Self.Path)
	}
	for _, l := range p.Get {
		paths = append(paths, l.Path)
	}
	for _, s := range slices.Concat(p.Remove, p.Disable) {
		paths = append(paths, s.Path)
	}
	for _, s := range p.Activity {
		paths = append(paths, s.Path)
	}
	names := map[string]bool{}
	for _, t := range paths {
		for _, name := range t.placeholders() {
			names[name] = true
		}
	}
	return names
}

// variables are the environment variables for the placeholders, in words.
func variables(placeholders []string) string {
	var names []string
	for _, name := range placeholders {
		names = append(names, variable(name))
	}
	if len(names) == 0 {
		return "no credentials"
	}
	return strings.Join(names, " and ")
}

// variable is the environment variable that gives the placeholder its value.
func variable(placeholder string) string { return "DORMANT_" + strings.ToUpper(placeholder) }
