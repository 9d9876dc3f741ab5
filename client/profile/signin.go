package profile

import (
	"slices"
	"time"
)

// SignIn is a POST that returns a token. It is used where the configuration has
// no token.
type SignIn struct {
	Path Template `yaml:"path"` // below the directory's URL, or
	URL  Template `yaml:"url"`  // anywhere: the sign-in goes there, and nothing else

	JSON map[string]Template `yaml:"body"` // one of the two
	Form map[string]Template `yaml:"form"`

	// Assertion are the claims of the JSON Web Token that {assertion} stands for
	// (RFC 7523, section 2.1). The client secret is the key that signs it.
	Assertion map[string]Template `yaml:"assertion"`

	Token     string `yaml:"token"`      // where the token is in the response
	ExpiresIn string `yaml:"expires_in"` // where its life in seconds is; optional

	// Expires is its life where the response does not tell, such as 30m; optional.
	Expires string `yaml:"expires"`
}

// Life is how long a token lives where the response does not tell, or 0 if that is
// not known.
func (s *SignIn) Life() time.Duration {
	life, err := time.ParseDuration(s.Expires)
	if err != nil {
		return 0
	}
	return life
}

// minTokenLife is the shortest life that a profile can name: one that is shorter than
// a run takes to use a token would end in a sign-in for each request.
const minTokenLife = time.Minute

// templates are all that a sign-in sends.
func (s *SignIn) templates() []Template {
	all := []Template{s.Path, s.URL}
	for _, fields := range []map[string]Template{s.JSON, s.Form, s.Assertion} {
		for _, name := range sortedKeys(fields) {
			all = append(all, fields[name])
		}
	}
	return all
}

// uses reports whether the sign-in has the placeholder.
func (s *SignIn) uses(name string) bool {
	return slices.ContainsFunc(s.templates(), func(t Template) bool { return t.hasAny([]string{name}) })
}

func (s *SignIn) validate(v *validator) {
	secrets := slices.Concat(v.global, credentials[1:])
	switch {
	case s.URL == "":
		v.urlPath("sign_in.path", s.Path, v.global)
	case s.Path != "":
		v.add("sign_in", "has both path and url: it goes to one of them")
	default:
		v.template("sign_in.url", s.URL, v.global)
	}
	if (s.JSON == nil) == (s.Form == nil) {
		v.add("sign_in", "needs body or form, one of the two")
	}
	if s.Assertion != nil {
		secrets = append(secrets, "assertion")
	}
	v.templates("sign_in.body", s.JSON, secrets)
	v.templates("sign_in.form", s.Form, secrets)
	v.templates("sign_in.assertion", s.Assertion, slices.Concat(v.global, []string{"client_id", "url"}))
	if s.Assertion != nil && !s.uses("assertion") {
		v.add("sign_in.assertion", "is not sent: {assertion} is missing")
	}
	v.required("sign_in.token", s.Token)
	v.jsonPaths("sign_in.token", s.Token)
	v.jsonPaths("sign_in.expires_in", s.ExpiresIn)
	if s.Expires != "" && s.Life() < minTokenLife {
		v.add("sign_in.expires", "%q is no span of a minute or more, such as 30m or 24h", s.Expires)
	}
}
