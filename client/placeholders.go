package client

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/tidwall/gjson"

	"dormant/client/profile"
	"dormant/job"
)

// asJSON is what the placeholders stand for in a body where they stand alone and
// are not text.
func (c *Client) asJSON(u job.User) map[string]string {
	raw := maps.Clone(u.Extra)
	if raw == nil {
		raw = map[string]string{}
	}
	for name := range c.profile.Extras {
		raw[name] = c.fill[name]
	}
	return raw
}

// about are what the placeholders stand for in a request that may be about the
// account. It is an error if one of them stands for nothing: the request would
// then be about somebody else, or about everybody. An object or an array can only
// be all of a value in a body, and never be what names the account.
func (c *Client) about(u job.User, path profile.Template, body profile.Body, others ...profile.Template) (map[string]string, error) {
	account := profile.AccountPlaceholders(u)
	wrong := func(format string, args ...any) (map[string]string, error) {
		return nil, fmt.Errorf("account %q: %w: "+format, append([]any{u.ID, errUnnamed}, args...)...)
	}
	used, named := false, false
	for i, t := range slices.Concat([]profile.Template{path}, others, body.Texts()) {
		for _, name := range t.Names() {
			if !slices.Contains(c.profile.User.Names(), name) {
				continue
			}
			used, named = true, named || account[name] != ""
			switch {
			case i == 0 && !job.SafeID(account[name]):
				return nil, fmt.Errorf("account %q: its %s: %w", u.ID, name, job.ErrUnsafeID)
			case account[name] != "":
			case !gjson.Parse(u.Extra[name]).IsObject() && !gjson.Parse(u.Extra[name]).IsArray():
				return wrong("it has no %s", name)
			case i <= len(others) || string(t) != "{"+name+"}":
				return wrong("its %s is no text, and can only be all of a value in a body (%s)", name, c.profile.Where("user.extra."+name))
			}
		}
	}
	if used && !named {
		return wrong("nothing in it is a name")
	}
	return c.values(account), nil
}

// errUnnamed says that an account lacks what a request would name it by.
var errUnnamed = errors.New("the request can't say whom it is about")
