package profile

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/tidwall/gjson"

	"dormant/job"
)

// Fields says where an account's parts are in its JSON object, as paths in the
// syntax of gjson. Those that the directory does not have are left out.
type Fields struct {
	ID             string            `yaml:"id"` // @key: the item's name, where items are the members of an object
	Username       string            `yaml:"username"`
	Email          string            `yaml:"email"`
	Admin          Flag              `yaml:"admin"`
	ServiceAccount Flag              `yaml:"service_account"`
	Disabled       Flag              `yaml:"disabled"`
	Roles          Roles             `yaml:"roles"`
	Created        *Moment           `yaml:"created"`
	LastLogin      LoginField        `yaml:"last_login"`
	Extra          map[string]string `yaml:"extra"` // what else requests about the account need, by their placeholders

	// Optional are the fields that every account of a first page may lack.
	// Otherwise a path that leads nowhere is a mistake of the profile.
	Optional []string `yaml:"optional"`
}

// Roles are where the names of roles or groups are: in an array, or in one text.
type Roles struct {
	Path  string `yaml:"path"`
	Split string `yaml:"split"` // what stands between two names in a text

	// Missing says that null, or no value at all, means no roles. Otherwise they
	// are hidden, and could be any.
	Missing string `yaml:"missing"` // none, or nothing
}

// UnmarshalYAML accepts a path, or the long form.
func (r *Roles) UnmarshalYAML(decode func(any) error) error {
	type long Roles
	return either(decode, &r.Path, (*long)(r))
}

// LoginField is where the last login is, and what it means if it is not there.
type LoginField struct {
	Path   Paths    `yaml:"path"` // these three as for Moment
	Layout string   `yaml:"layout"`
	Zone   Template `yaml:"zone"`

	Missing string     `yaml:"missing"`  // absent (default), hidden or never
	Empty   string     `yaml:"empty"`    // null, "", 0, 1970: never (default), hidden or absent
	NeverIf *Condition `yaml:"never_if"` // has to hold for one who never logged in; otherwise it is hidden
}

// UnmarshalYAML accepts paths, or the long form.
func (f *LoginField) UnmarshalYAML(decode func(any) error) error {
	var value any
	if err := decode(&value); err != nil {
		return err
	}
	if _, ok := value.(map[string]any); ok {
		type long LoginField
		return decode((*long)(f))
	}
	return decode(&f.Path)
}

var loginStates = map[string]job.LoginState{
	"": job.LoginAbsent, "absent": job.LoginAbsent, "hidden": job.LoginHidden, "never": job.LoginNever,
}

// keyPath is the path of an item's name in the object that it is a member of.
const keyPath = "@key"

// Reader reads accounts.
type Reader struct {
	fields         Fields
	login, created Clock
}

// NewReader fails if the profile's values are wrong, such as a zone that there is not.
func NewReader(f Fields, values map[string]string) (Reader, error) {
	r := Reader{fields: f}
	var errs [2]error
	r.login, errs[0] = Moment{f.LastLogin.Path, f.LastLogin.Layout, f.LastLogin.Zone}.Clock(values)
	if f.Created != nil {
		r.created, errs[1] = f.Created.Clock(values)
	}
	return r, errors.Join(errs[:]...)
}

// A FieldError says that a field of an account is not what it should be.
type FieldError struct {
	Field string // as the profile calls it
	Err   error
}

func (e *FieldError) Error() string { return e.Err.Error() }

// User reads an account. An error means that the object is none.
func (r Reader) User(key string, item gjson.Result) (job.User, error) {
	if !item.IsObject() {
		return job.User{}, fmt.Errorf("%s is not an account: an object is needed", Kind(item))
	}
	id, err := r.ID(key, item)
	if err != nil {
		return job.User{}, &FieldError{"id", err}
	}
	u := job.User{
		ID:        id,
		Username:  Text(item, r.fields.Username),
		Email:     Text(item, r.fields.Email),
		LastLogin: r.lastLogin(item),
		Extra:     r.extra(item),
	}
	u.Created, u.Undated = r.creation(item)
	if login := u.LastLogin.At; isDate(u.Created) && login.Before(u.Created) && u.Created.Sub(login) < day {
		u.Created = login // on the very day of the creation, and not before it
	}
	for _, flag := range []struct {
		field string
		Flag
		to *bool
	}{{"admin", r.fields.Admin, &u.Admin}, {"service_account", r.fields.ServiceAccount, &u.ServiceAccount}, {"disabled", r.fields.Disabled, &u.Disabled}} {
		set, known, err := flag.set(item)
		if err != nil {
			return job.User{}, &FieldError{flag.field, err}
		}
		*flag.to = set
		if !known {
			// The directory has the flag and does not show it to this caller:
			// nothing that it shows of the account is complete.
			u.LastLogin, u.Partial = job.LastLogin{State: job.LoginHidden}, true
		}
	}
	if r.fields.Roles.Path != "" {
		if u.Roles, err = r.fields.Roles.read(item); err != nil {
			return job.User{}, &FieldError{"roles", err}
		}
	}
	return u, nil
}

// integer is how a number that is an id is written.
var integer = regexp.MustCompile(`^-?[0-9]+$`)

func (r Reader) ID(key string, item gjson.Result) (string, error) {
	if r.fields.ID == keyPath {
		return key, nil
	}
	return idAt(item, r.fields.ID)
}

func idAt(item gjson.Result, path string) (string, error) {
	switch id := item.Get(path); {
	case id.Type == gjson.String:
		return strings.Clone(id.Str), nil
	case id.Type == gjson.Number && integer.MatchString(id.Raw):
		return strings.Clone(id.Raw), nil
	case !id.Exists():
		return "", job.WithDetail(fmt.Errorf("it has no %s, so it is not an account", path), "it has "+names(item))
	default:
		return "", fmt.Errorf("%s is %s, not text or a whole number", path, Kind(id))
	}
}

// Text is the text at the path, or nothing. Like an id, it is a copy: a part of
// the item would keep all of the item in memory.
func Text(item gjson.Result, path string) string {
	if path == "" {
		return ""
	}
	if v := item.Get(path); v.Type == gjson.String || v.Type == gjson.Number {
		return strings.Clone(v.String())
	}
	return ""
}

func (r Reader) extra(item gjson.Result) map[string]string {
	if len(r.fields.Extra) == 0 {
		return nil
	}
	extra := map[string]string{}
	for name, path := range r.fields.Extra {
		if v := item.Get(path); v.Type != gjson.Null {
			extra[name] = strings.Clone(v.Raw)
		}
	}
	return extra
}

func (r Reader) creation(item gjson.Result) (at time.Time, undated bool) {
	if r.fields.Created == nil {
		return time.Time{}, true
	}
	switch created, found := r.created.Newest(r.fields.Created.Path, item); {
	case !found:
		return time.Time{}, true
	case created.State == job.LoginNever && isEmpty(r.fields.Created.Path.At(item)):
		return time.Time{}, true
	default:
		return created.At, false
	}
}

const day = 24 * time.Hour

// isDate reports whether a time was written as a date, which is the end of that day.
func isDate(t time.Time) bool { return t.Nanosecond() == int(time.Second-time.Nanosecond) }

func isEmpty(v gjson.Result) bool {
	return v.Type == gjson.Null || v.Type == gjson.String && v.Str == ""
}

func (r Roles) read(item gjson.Result) ([]string, error) {
	path := r.Path
	// A path such as roles.#.name is an empty array where there is no roles at all.
	whole, _, _ := strings.Cut(path, ".#")
	if v := item.Get(whole); v.Type == gjson.Null {
		if r.Missing == rolesNone {
			return []string{}, nil
		}
		return nil, nil
	}
	v := item.Get(path)
	if r.Split != "" && v.Type == gjson.String {
		return splitNames(v.Str, r.Split), nil
	}
	if !v.IsArray() {
		return nil, fmt.Errorf("%s is %s, not an array of names", path, Kind(v))
	}
	names := []string{}
	for _, name := range v.Array() {
		if name.Type != gjson.String {
			return nil, fmt.Errorf("%s has %s, not a name", path, Kind(name))
		}
		names = append(names, strings.Clone(name.Str))
	}
	// The path leaves out the elements without a name, which may be any role.
	if whole != path && item.Get(whole+".#").Int() != int64(len(names)) {
		return nil, fmt.Errorf("%s does not name each of the %s", path, whole)
	}
	return names, nil
}

// rolesNone is what Roles.Missing can say.
const rolesNone = "none"

func splitNames(text, by string) []string {
	names := []string{}
	for name := range strings.SplitSeq(text, by) {
		if name = strings.TrimSpace(name); name != "" {
			names = append(names, strings.Clone(name))
		}
	}
	return names
}

func (r Reader) lastLogin(item gjson.Result) job.LastLogin {
	how := r.fields.LastLogin
	login, found := r.login.Newest(how.Path, item)
	switch {
	case !found:
		login.State = loginStates[how.Missing]
	case login.State == job.LoginNever && how.Empty != "":
		login.State = loginStates[how.Empty]
	}
	if login.State == job.LoginNever && how.NeverIf != nil {
		if holds, known, err := how.NeverIf.Holds(item); !holds || !known || err != nil {
			login.State = job.LoginHidden
		}
	}
	return login
}

// Kind names what was found instead of what is needed.
func Kind(v gjson.Result) string {
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

// names are the first names in an object.
func names(object gjson.Result) string {
	var names []string
	object.ForEach(func(name, _ gjson.Result) bool {
		names = append(names, name.String())
		return len(names) <= maxMembers
	})
	return Members(names)
}

// maxMembers is how many names of an object's members a message has, and
// maxMemberName how many bytes of each.
const maxMembers, maxMemberName = 30, 40

// Members lists the names of an object's members, for a message of bounded length.
// An object may be keyed by names of accounts, so no log may have them.
func Members(names []string) string {
	var shown []string
	for _, name := range names[:min(len(names), maxMembers)] {
		if len(name) > maxMemberName {
			name = strings.ToValidUTF8(name[:maxMemberName], "") + "…"
		}
		shown = append(shown, name)
	}
	if len(names) > maxMembers {
		shown = append(shown, "…")
	}
	return listed(shown)
}

// errNotIdentified says that the directory answered without saying who calls.
var errNotIdentified = errors.New("the answer has no id, username or email of the caller")

// Identity reads who an account is, and nothing else of it.
func (r Reader) Identity(item gjson.Result, idPath string) (job.User, error) {
	u := job.User{Username: Text(item, r.fields.Username), Email: Text(item, r.fields.Email)}
	if id, err := idAt(item, idPath); err == nil {
		u.ID = id
	}
	if u.ID == "" && u.Username == "" && u.Email == "" {
		return job.User{}, errNotIdentified
	}
	return u, nil
}

// paths are where the fields are, by their names in the profile: those that an
// account should have somewhere, and those that it need not have.
func (f Fields) paths() (needed, optional map[string]Paths) {
	needed, optional = map[string]Paths{}, map[string]Paths{}
	add := func(field string, paths ...string) {
		paths = slices.DeleteFunc(paths, func(p string) bool { return p == "" || p == keyPath })
		if len(paths) > 0 {
			needed[field] = paths
		}
	}
	add("id", f.ID)
	add("username", f.Username)
	add("email", f.Email)
	add("roles", strings.Split(f.Roles.Path, ".#")[0])
	if f.Created != nil {
		add("created", f.Created.Path...)
	}
	add("last_login", f.LastLogin.Path...)
	may := slices.Clone(f.Optional)
	if f.LastLogin.Missing != "" {
		may = append(may, "last_login")
	}
	for field, flag := range map[string]Flag{"admin": f.Admin, "service_account": f.ServiceAccount, "disabled": f.Disabled} {
		var paths []string
		for _, c := range flag {
			paths = append(paths, c.Path)
			if c.Missing != nil {
				may = append(may, field)
			}
		}
		add(field, paths...)
	}
	for _, field := range may {
		if paths, ok := needed[field]; ok {
			optional[field] = paths
		}
	}
	maps.DeleteFunc(needed, func(field string, _ Paths) bool { return optional[field] != nil })
	return needed, optional
}

// Paths is a path into a JSON document in the syntax of gjson, or several.
type Paths []string

// UnmarshalYAML accepts one path or a list.
func (p *Paths) UnmarshalYAML(decode func(any) error) error {
	return several(decode, (*[]string)(p))
}

// At is the item at the first of the paths that exists in the document.
func (p Paths) At(document gjson.Result) gjson.Result {
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
