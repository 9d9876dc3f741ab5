package profile

import (
	"encoding/base64"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/tidwall/gjson"

	"dormant/job"
)

// Bindings are the values of a profile's placeholders. They don't change: With and
// ForAccount return copies that have more.
type Bindings struct {
	profile *Profile
	text    map[string]string
	json    map[string]string // of values that are not text, for a placeholder that is all of a value in a body
}

// Bind gives the profile's placeholders their values. Those for the token and for
// an account have none yet, unless v has a token.
func (p *Profile) Bind(v Values) Bindings {
	text := v.credentials()
	text["actor"] = v.Actor
	if v.Username != "" || v.Password != "" {
		text["basic"] = base64.StdEncoding.EncodeToString([]byte(v.Username + ":" + string(v.Password))) // RFC 7617
	}
	extras := map[string]string{}
	for name := range p.Extras {
		text[name] = "false"
	}
	for name, preset := range p.Params {
		if preset != nil {
			text[name] = *preset
		}
	}
	maps.Copy(text, v.Params)
	for name := range p.Extras {
		extras[name] = text[name]
	}
	b := Bindings{p, text, extras}
	for name, preset := range p.Params {
		if _, given := v.Params[name]; preset != nil && !given {
			text[name] = Template(*preset).Text(b) // which may refer to another param
		}
	}
	return b
}

// With returns the bindings with one more value.
func (b Bindings) With(placeholder, value string) Bindings {
	b.text = maps.Clone(b.text)
	b.text[placeholder] = value
	return b
}

// Secrets are the credentials that requests carry, except for the token.
func (b Bindings) Secrets() []string {
	return slices.DeleteFunc([]string{b.text["password"], b.text["client_secret"], b.text["basic"]},
		func(s string) bool { return s == "" })
}

// accountPlaceholders are the placeholders for an account that every profile has.
var accountPlaceholders = []string{"id", "username", "email"}

// ErrUnnamed says that an account lacks a value that a request would name it by.
var ErrUnnamed = errors.New("the request can't say whom it is about")

// ForAccount returns the bindings with the account's values, for a request that
// has these templates. The zero User is for a request that is about no account.
//
// It returns ErrUnnamed if a placeholder for the account has no value: the request
// would then be about another account, or about all of them. An object or an array
// can only be all of a value in the body, and never the only thing that names the
// account. It returns job.ErrUnsafeID if a value can't stand in the path.
func (b Bindings) ForAccount(u job.User, path Template, body Body, others ...Template) (Bindings, error) {
	account := AccountValues(u)
	unnamed := func(format string, args ...any) error {
		return fmt.Errorf("account %q: %w: "+format, append([]any{u.ID, ErrUnnamed}, args...)...)
	}
	used, named := false, false
	for i, t := range slices.Concat([]Template{path}, others, body.templates()) {
		inPath := i == 0
		_, isOnly := t.isOnly()
		isWhole := i > len(others) && isOnly // of a value in the body
		for _, name := range t.placeholders() {
			if !slices.Contains(b.profile.User.placeholders(), name) {
				continue
			}
			used, named = true, named || account[name] != ""
			raw := gjson.Parse(u.Extra[name])
			switch {
			case inPath && !job.SafeID(account[name]):
				return Bindings{}, fmt.Errorf("account %q: its %s: %w", u.ID, name, job.ErrUnsafeID)
			case account[name] != "":
			case !raw.IsObject() && !raw.IsArray():
				return Bindings{}, unnamed("it has no %s", name)
			case !isWhole:
				return Bindings{}, unnamed("its %s is no text, and can only be all of a value in a body (%s)", name, b.profile.Where("user.extra."+name))
			}
		}
	}
	if used && !named {
		return Bindings{}, unnamed("nothing in it is a name")
	}
	b.text = maps.Clone(b.text)
	maps.Copy(b.text, account)
	extras := b.json
	b.json = maps.Clone(u.Extra)
	if b.json == nil {
		b.json = map[string]string{}
	}
	maps.Copy(b.json, extras)
	return b, nil
}

// AccountValues are the values of the placeholders for an account, as far as they
// are text.
func AccountValues(u job.User) map[string]string {
	values := map[string]string{"id": u.ID, "username": u.Username, "email": u.Email}
	for name, raw := range u.Extra {
		if v := gjson.Parse(raw); v.Type != gjson.JSON {
			values[name] = v.String()
		}
	}
	return values
}
