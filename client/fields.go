package client

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/tidwall/gjson"

	"dormant/job"
)

// Fields says where an account's parts are in its JSON object, as paths in the
// syntax of gjson. Those that the directory does not have are left out.
type Fields struct {
	ID        string     `yaml:"id"`
	Username  string     `yaml:"username"`
	Email     string     `yaml:"email"`
	Admin     string     `yaml:"admin"` // true or false
	Roles     string     `yaml:"roles"` // an array of names
	Created   string     `yaml:"created"`
	LastLogin LoginField `yaml:"last_login"`
}

// LoginField is where the last login is, and what it means if it is not there.
// Of several fields the newest counts.
type LoginField struct {
	Path    Paths  `yaml:"path"`
	Missing string `yaml:"missing"` // absent (default), hidden or never
	Empty   string `yaml:"empty"`   // null, "", 0: never (default), hidden or absent
}

var loginStates = map[string]job.LoginState{
	"": job.LoginAbsent, "absent": job.LoginAbsent, "hidden": job.LoginHidden, "never": job.LoginNever,
}

// integer is how a number that is an id is written.
var integer = regexp.MustCompile(`^-?[0-9]+$`)

// user reads an account. An error means that the object is none.
func (f Fields) user(item gjson.Result) (job.User, error) {
	if !item.IsObject() {
		return job.User{}, fmt.Errorf("%s is not an account: an object is needed", kind(item))
	}
	id, err := f.id(item)
	if err != nil {
		return job.User{}, err
	}
	u := job.User{
		ID:        id,
		Username:  text(item, f.Username),
		Email:     text(item, f.Email),
		LastLogin: f.LastLogin.read(item),
	}
	u.Created, u.Undated = created(item, f.Created)
	if f.Admin != "" {
		switch flag := item.Get(f.Admin); flag.Type {
		case gjson.True, gjson.False:
			u.Admin = flag.Bool()
		case gjson.Null:
			// The directory has the flag and does not show it to this caller:
			// nothing that it shows of the account is complete.
			u.LastLogin = job.LastLogin{State: job.LoginHidden}
		default:
			return job.User{}, fmt.Errorf("%s is %s, not true or false", f.Admin, kind(flag))
		}
	}
	if f.Roles != "" {
		u.Roles, err = roles(item, f.Roles)
	}
	return u, err
}

func (f Fields) id(item gjson.Result) (string, error) {
	switch id := item.Get(f.ID); {
	case id.Type == gjson.String:
		return strings.Clone(id.Str), nil
	case id.Type == gjson.Number && integer.MatchString(id.Raw):
		return strings.Clone(id.Raw), nil
	case !id.Exists():
		return "", fmt.Errorf("it has no %s, so it is not an account", f.ID)
	default:
		return "", fmt.Errorf("%s is %s, not text or a whole number", f.ID, kind(id))
	}
}

// text is the text at the path, or nothing. Like an id, it is a copy: a part of
// the item would keep all of the item in memory.
func text(item gjson.Result, path string) string {
	if path == "" {
		return ""
	}
	if v := item.Get(path); v.Type == gjson.String || v.Type == gjson.Number {
		return strings.Clone(v.String())
	}
	return ""
}

func created(item gjson.Result, path string) (at time.Time, undated bool) {
	if path == "" {
		return time.Time{}, true
	}
	v := item.Get(path)
	if v.Type == gjson.Null || v.Str == "" && v.Type == gjson.String {
		return time.Time{}, true
	}
	return job.ParseLastLogin(v.String()).At, false
}

func roles(item gjson.Result, path string) ([]string, error) {
	// A path such as roles.#.name is an empty array where there is no roles at all.
	whole, _, _ := strings.Cut(path, ".#")
	if v := item.Get(whole); v.Type == gjson.Null {
		return nil, nil
	}
	v := item.Get(path)
	if !v.IsArray() {
		return nil, fmt.Errorf("%s is %s, not an array of names", path, kind(v))
	}
	names := []string{}
	for _, name := range v.Array() {
		if name.Type != gjson.String {
			return nil, fmt.Errorf("%s has %s, not a name", path, kind(name))
		}
		names = append(names, strings.Clone(name.Str))
	}
	// The path leaves out the elements without a name, which may be any role.
	if whole != path && item.Get(whole+".#").Int() != int64(len(names)) {
		return nil, fmt.Errorf("%s does not name each of the %s", path, whole)
	}
	return names, nil
}

// read is the newest of the fields that are there. If one of them can't be
// read, that one might be the newest, so nothing is known.
func (f LoginField) read(item gjson.Result) job.LastLogin {
	login := job.LastLogin{State: loginStates[f.Missing]}
	found := false
	for _, path := range f.Path {
		v := item.Get(path)
		if !v.Exists() {
			continue
		}
		next := f.value(v)
		switch {
		case next.State == job.LoginUnreadable:
			return next
		case !found,
			next.State == job.LoginKnown && (login.State != job.LoginKnown || next.At.After(login.At)):
			login, found = next, true
		}
	}
	return login
}

// value is what one field says.
func (f LoginField) value(v gjson.Result) job.LastLogin {
	var login job.LastLogin
	switch v.Type {
	case gjson.Null:
		login.State = job.LoginNever
	case gjson.String:
		login = job.ParseLastLogin(v.Str)
	case gjson.Number:
		login = job.ParseLastLogin(v.Raw)
	default:
		login.State = job.LoginUnreadable
	}
	if login.State == job.LoginNever && f.Empty != "" {
		login.State = loginStates[f.Empty]
	}
	return login
}

// kind names what was found instead of what is needed.
func kind(v gjson.Result) string {
	switch {
	case !v.Exists():
		return "nothing"
	case v.IsObject():
		return "an object"
	case v.IsArray():
		return "an array"
	case v.Type == gjson.String:
		return "text" // which may be a name, and errors are logged
	case v.Raw == "":
		return "nothing"
	}
	return fmt.Sprintf("%.40s", v.Raw)
}

// errNotIdentified says that the directory answered without saying who calls.
var errNotIdentified = errors.New("the answer has no id, username or email of the caller")

// identity reads who an account is, and nothing else of it.
func (f Fields) identity(item gjson.Result) (job.User, error) {
	u := job.User{Username: text(item, f.Username), Email: text(item, f.Email)}
	if id, err := f.id(item); err == nil {
		u.ID = id
	}
	if u.ID == "" && u.Username == "" && u.Email == "" {
		return job.User{}, errNotIdentified
	}
	return u, nil
}

// at is the item at the first of the paths that exists in the document.
func (p Paths) at(document gjson.Result) gjson.Result {
	if len(p) == 0 {
		return document
	}
	var item gjson.Result
	for _, path := range p {
		if item = document.Get(path); item.Exists() {
			break
		}
	}
	return item
}
