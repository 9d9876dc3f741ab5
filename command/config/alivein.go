package config

import (
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"dormant/client/profile"
	"dormant/job"
)

// Elsewhere is a further directory, as DORMANT_ALIVE_IN describes it: the variables that say
// how it is reached, with the names of the variables in lower case. All else is as for the
// directory itself.
type Elsewhere struct {
	Config
	entry listEntry
}

// maxElsewhere bounds the file of DORMANT_ALIVE_IN, in bytes.
const maxElsewhere = 64 << 10

// elsewhereKeys are the keys of a further directory. A secret has a file.
var elsewhereKeys = []string{
	"profile", "url", "token_file", "username", "password_file", "client_id", "client_secret_file", "params", "actor",
	"ca_file", "cert_file", "key_file", "allow_plain_http",
}

// Elsewhere returns the further directories as the file of DORMANT_ALIVE_IN has them now; none
// if it is not set. The error has everything that is wrong with them, each with its line.
func (c Config) Elsewhere() ([]Elsewhere, error) {
	list, problems := c.elsewhere()
	return list, errors.Join(problems...)
}

func (c Config) elsewhere() (list []Elsewhere, problems []error) {
	if c.AliveIn == "" {
		return nil, nil
	}
	source, err := job.ReadFile(c.AliveIn, maxElsewhere)
	if err != nil {
		return nil, []error{fmt.Errorf("DORMANT_ALIVE_IN: %w", err)}
	}
	add := func(line int, format string, args ...any) {
		problems = append(problems, fmt.Errorf("DORMANT_ALIVE_IN: %s: line %d: "+format, append([]any{c.AliveIn, line}, args...)...))
	}
	entries, mistakes := readList(source, elsewhereKeys)
	for _, m := range mistakes {
		add(m.line, "%s", m.text)
	}
	seen := map[string]int{}
	for _, entry := range entries {
		e := Elsewhere{entry: entry}
		for _, err := range e.load(c) {
			add(e.lineOf(err), "%w", e.Translate(err))
		}
		switch name := e.identity(); {
		case name == "":
		case name == c.identity():
			add(entry.line, "is the directory itself, whose last logins count anyway: take it out")
		case seen[name] > 0:
			add(entry.line, "is the directory of line %d again: take one of them out", seen[name])
		default:
			seen[name] = entry.line
		}
		list = append(list, e)
	}
	return list, problems
}

// load reads the entry as if it were the environment, and returns what is wrong with it, by
// the names of the variables.
func (e *Elsewhere) load(here Config) []error {
	given := map[string]string{}
	for key, v := range e.entry.values {
		given[Prefix+strings.ToUpper(key)] = v.text
	}
	delete(given, Prefix+"PARAMS")
	wrong, problems := parse(given, &e.Variables)
	for _, v := range All() {
		if wrong[v.Name] {
			problems = append(problems, fmt.Errorf("%s=%q: %s is accepted", v.Name, given[v.Name], v.accepted()))
		}
	}
	params := e.entry.values["params"]
	if e.Params = params.members; params.text != "" && e.Params.UnmarshalText([]byte(params.text)) != nil {
		problems = append(problems, errors.New("DORMANT_PARAMS: name: value, or name=value,name=value, each name once, is accepted"))
	}
	if err := job.CheckName(e.Username); e.Username != "" && err != nil {
		problems = append(problems, fmt.Errorf("DORMANT_USERNAME=%q: %w", e.Username, err))
	}
	problems = append(problems, e.directoryProblems()...)
	credentials, err := e.Credentials()
	_, caErr := e.Authorities()
	_, certErr := e.Certificate()
	problems = append(problems, split(err)...)
	problems = append(problems, split(caErr)...)
	problems = append(problems, split(certErr)...)
	problems = append(problems, here.overwrites(e.Variables)...)
	if e.ProfileName == "" {
		return problems
	}
	loaded, profileErr := profile.Load(e.ProfileName)
	if profileErr != nil {
		return append(problems, fmt.Errorf("DORMANT_PROFILE: %w", profileErr))
	}
	e.Profile = loaded
	if !loaded.TellsUse() {
		problems = append(problems, fmt.Errorf("DORMANT_PROFILE: profile %s tells neither last logins nor other activity, so nobody is known to be alive there", loaded.Name))
	}
	if err == nil {
		problems = append(problems, credentials.Check(loaded)...)
	}
	return problems
}

// split returns the errors that are joined in err.
func split(err error) []error {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		return joined.Unwrap()
	}
	if err == nil {
		return nil
	}
	return []error{err}
}

// variableName is a variable in a message.
var variableName = regexp.MustCompile(Prefix + `[A-Z_]*[A-Z]`)

// key is what the entry calls the variable.
func key(variable string) string {
	name := strings.ToLower(strings.TrimPrefix(variable, Prefix))
	if slices.Contains(elsewhereKeys, name) {
		return name
	}
	if slices.Contains(elsewhereKeys, name+"_file") {
		return name + "_file"
	}
	return variable
}

// Translate returns the error about a variable as one about the key of the entry.
func (e Elsewhere) Translate(err error) error {
	return &translatedError{err}
}

type translatedError struct{ error }

func (e *translatedError) Error() string {
	return variableName.ReplaceAllStringFunc(e.error.Error(), key)
}
func (e *translatedError) Unwrap() error { return e.error }

// lineOf is the line of the key that the error is about, or that of the entry.
func (e Elsewhere) lineOf(err error) int {
	if v, ok := e.entry.values[key(variableName.FindString(err.Error()))]; ok {
		return v.line
	}
	return e.entry.line
}

// identity is the same for two configurations of the same directory, whatever their
// credentials; empty if that is not known.
func (c Config) identity() string {
	u, err := c.BaseURL()
	if err != nil || c.Profile == nil {
		return ""
	}
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	at := url.URL{Scheme: u.Scheme, Host: strings.TrimRight(strings.ToLower(u.Hostname()), ".") + ":" + port, Path: u.Path}
	return fmt.Sprintf("%s %s %q", c.Profile.Name, &at, c.Profile.Scope(profile.Values{Params: c.Params}))
}
