package profile

import (
	"maps"
	"slices"
	"strings"

	"dormant/job"
)

// Fields says where the parts of an account are in its JSON object, as paths in
// the syntax of gjson. Those that the directory does not have are left out.
type Fields struct {
	ID             string            `yaml:"id"` // @key: the item's name, where items are the members of an object
	Username       string            `yaml:"username"`
	Email          Paths             `yaml:"email"` // of several emails, the first; the others are aliases
	Names          Paths             `yaml:"names"` // all further names and addresses: texts, or arrays of them
	Admin          Flag              `yaml:"admin"`
	ServiceAccount Flag              `yaml:"service_account"`
	Disabled       Flag              `yaml:"disabled"`
	Roles          Roles             `yaml:"roles"`
	Created        *Timestamp        `yaml:"created"`
	LastLogin      LastLogin         `yaml:"last_login"`
	Extra          map[string]string `yaml:"extra"` // what else requests about the account need, by their placeholders

	// Escaped is EscapedHTML if the directory gives names escaped for HTML.
	Escaped string `yaml:"escaped"`

	// Optional are the fields that every account of a first page may lack. For
	// other fields, a path that leads nowhere in all of them is a mistake.
	Optional []string `yaml:"optional"`
}

// idIsName reports whether the id is a name that people choose: then it is also where the
// username or an address is.
func (f Fields) idIsName() bool {
	return f.ID == f.Username || slices.Contains(f.Email, f.ID)
}

// EscapedHTML is the value of Fields.Escaped.
const EscapedHTML = "html"

// Roles are where the names of roles or groups are: in an array, or in one text.
type Roles struct {
	Path  string `yaml:"path"`
	Split string `yaml:"split"` // what separates the names in a text

	// Missing is RolesNone if null, or no value at all, means that there are no
	// roles. If it is empty, the roles are then unknown.
	Missing string `yaml:"missing"`
}

// RolesNone is the value of Roles.Missing.
const RolesNone = "none"

// UnmarshalYAML accepts a path, or an object.
func (r *Roles) UnmarshalYAML(decode func(any) error) error {
	type object Roles
	return decodeTextOrObject(decode, &r.Path, (*object)(r))
}

// LastLogin is where the last login is, and what it means if it is not there.
type LastLogin struct {
	Path   Paths    `yaml:"path"` // these three as for Timestamp
	Layout string   `yaml:"layout"`
	Zone   Template `yaml:"zone"`

	Missing string     `yaml:"missing"`  // no value at all: absent (default), hidden or never
	Empty   string     `yaml:"empty"`    // null, "", 0, 1970: never (default), hidden or absent
	NeverIf *Condition `yaml:"never_if"` // has to hold for "never"; if it does not, the last login is hidden

	// NeverBeforeCreation is how many years before the creation the time is that means
	// "never"; 0: there is no such time.
	NeverBeforeCreation int `yaml:"never_before_creation"`
}

// UnmarshalYAML accepts paths, or an object.
func (l *LastLogin) UnmarshalYAML(decode func(any) error) error {
	type object LastLogin
	return decodePathsOrObject(decode, &l.Path, (*object)(l))
}

// timestamp is the last login as a time.
func (l LastLogin) timestamp() Timestamp { return Timestamp{l.Path, l.Layout, l.Zone} }

// loginStates are the values of LastLogin.Missing and LastLogin.Empty.
var loginStates = map[string]job.LoginState{
	"": job.LoginAbsent, "absent": job.LoginAbsent, "hidden": job.LoginHidden, "never": job.LoginNever,
}

// placeholders are the profile's placeholders for an account.
func (f Fields) placeholders() []string {
	return slices.Concat(accountPlaceholders, sortedKeys(f.Extra))
}

// addressedBy returns the placeholders for an account in the parts of a request,
// sorted, up to the first part that has one of accountPlaceholders.
func (f Fields) addressedBy(parts ...[]Template) []string {
	var names []string
	for _, part := range parts {
		for _, t := range part {
			for _, name := range t.placeholders() {
				if slices.Contains(f.placeholders(), name) && !slices.Contains(names, name) {
					names = append(names, name)
				}
			}
		}
		if slices.ContainsFunc(names, func(name string) bool { return slices.Contains(accountPlaceholders, name) }) {
			break
		}
	}
	slices.Sort(names)
	return names
}

// flags are the fields that are true or false, by their keys.
func (f Fields) flags() map[string]Flag {
	return map[string]Flag{"admin": f.Admin, "service_account": f.ServiceAccount, "disabled": f.Disabled}
}

// paths are where the fields are, by their keys: those that an account should
// have, and those that it may lack.
func (f Fields) paths() (needed, optional map[string]Paths) {
	needed, optional = map[string]Paths{}, map[string]Paths{}
	add := func(field string, paths ...string) {
		paths = slices.DeleteFunc(paths, func(p string) bool { return p == "" || p == memberName })
		if len(paths) > 0 {
			needed[field] = paths
		}
	}
	add("id", f.ID)
	add("username", f.Username)
	add("email", f.Email...)
	add("names", f.Names...)
	add("roles", strings.Split(f.Roles.Path, ".#")[0])
	if f.Created != nil {
		add("created", f.Created.Path...)
	}
	add("last_login", f.LastLogin.Path...)
	mayLack := append(slices.Clone(f.Optional), "names") // most accounts have no more
	if f.LastLogin.Missing != "" {
		mayLack = append(mayLack, "last_login")
	}
	for field, flag := range f.flags() {
		var paths []string
		for _, c := range flag {
			paths = append(paths, c.Path)
			if c.Missing != nil {
				mayLack = append(mayLack, field)
			}
		}
		add(field, paths...)
	}
	for _, field := range mayLack {
		if paths, ok := needed[field]; ok {
			optional[field] = paths
		}
	}
	maps.DeleteFunc(needed, func(field string, _ Paths) bool { return optional[field] != nil })
	return needed, optional
}

// validate checks the fields of the accounts of a listing; keyed as for Listing.
func (f Fields) validate(v *validator, keyed bool) {
	v.required("user.id", f.ID)
	if f.ID == memberName && !keyed {
		v.add("user.id", "is the name of a member, and list.items is no object (list.keyed)")
	}
	needed, optional := f.paths()
	for _, fields := range []map[string]Paths{needed, optional} {
		for _, field := range sortedKeys(fields) {
			v.jsonPaths("user."+field, fields[field]...)
		}
	}
	for _, name := range sortedKeys(f.Extra) {
		v.required("user.extra."+name, f.Extra[name])
		v.jsonPaths("user.extra."+name, f.Extra[name])
	}
	for _, field := range f.Optional {
		if optional[field] == nil {
			v.add("user.optional", "%q is none of the fields under user", field)
		}
	}
	flags := f.flags()
	for _, field := range sortedKeys(flags) {
		for _, c := range flags[field] {
			v.condition("user."+field, &c)
		}
	}
	if f.Escaped != "" && f.Escaped != EscapedHTML {
		v.add("user.escaped", "%q is not html", f.Escaped)
	}
	if f.Roles.Missing != "" && f.Roles.Missing != RolesNone {
		v.add("user.roles.missing", "%q is not none", f.Roles.Missing)
	}
	if f.Created != nil {
		f.Created.validate(v, "user.created", v.global)
	}
	f.LastLogin.validate(v, "user.last_login")
}

func (l LastLogin) validate(v *validator, key string) {
	for _, when := range []struct{ key, state string }{{"empty", l.Empty}, {"missing", l.Missing}} {
		if _, ok := loginStates[when.state]; !ok {
			v.add(key+"."+when.key, "%q is none of absent, hidden, never", when.state)
		}
	}
	v.condition(key+".never_if", l.NeverIf)
	if l.NeverBeforeCreation < 0 {
		v.add(key+".never_before_creation", "%d is no number of years", l.NeverBeforeCreation)
	}
	if len(l.Path) > 0 || l.Missing != "" || l.Empty != "" || l.Layout != "" {
		l.timestamp().validate(v, key, v.global)
	}
}
