package profile

import (
	"errors"
	"fmt"
	"html"
	"strings"
	"time"

	"github.com/tidwall/gjson"

	"dormant/job"
)

// An AccountReader reads accounts from the JSON objects of a directory.
type AccountReader struct {
	fields             Fields
	lastLogin, created timeParser
	plan               *plan
}

// NewAccountReader fails if the values of the placeholders are wrong, such as a
// time zone that does not exist.
func NewAccountReader(p *Profile, b Bindings) (AccountReader, error) {
	r := AccountReader{fields: p.User, plan: newPlan(p.User)}
	var loginErr, createdErr error
	r.lastLogin, loginErr = p.User.LastLogin.timestamp().parser(b)
	if p.User.Created != nil {
		r.created, createdErr = p.User.Created.parser(b)
	}
	if err := errors.Join(loginErr, createdErr); err != nil {
		return r, fmt.Errorf("%s: %w", p.Where("user"), err)
	}
	return r, nil
}

// A FieldError says that a field of an account has a value that it can't have.
type FieldError struct {
	Key string // of the profile, such as user.roles
	Err error
}

func (e *FieldError) Error() string { return e.Err.Error() }
func (e *FieldError) Unwrap() error { return e.Err }

// Account reads an account. The name is that under which the item is a member of
// an object, or "" for an element of an array. An error means that the item is no
// account, or is one that can't be understood; where a field is to blame, it is a
// *FieldError. The texts of the account may share their memory with the item: see
// job.User.Clone.
func (r *AccountReader) Account(name string, item gjson.Result) (job.User, error) {
	if !item.IsObject() {
		hint := ""
		if IsPlain(item) {
			hint = "; list.plain says what texts and numbers are"
		}
		return job.User{}, fmt.Errorf("%s is not an account: an object is needed%s", Describe(item), hint)
	}
	fields := newDocument(item, r.plan)
	defer fields.release()
	id := name
	if r.fields.ID != memberName {
		var err error
		if id, err = idIn(fields, item, r.fields.ID); err != nil {
			return job.User{}, &FieldError{"user.id", err}
		}
	}
	u := job.User{ID: id, LastLogin: r.readLastLogin(fields), Extra: r.readExtra(fields)}
	r.readNames(fields, &u)
	u.Created, u.Undated = r.readCreated(fields)
	var flags [3]bool
	for i, flag := range [len(flags)]struct {
		key  string
		flag Flag
	}{
		{"user.admin", r.fields.Admin}, {"user.service_account", r.fields.ServiceAccount}, {"user.disabled", r.fields.Disabled},
	} {
		set, known, err := flag.flag.isSet(fields)
		if err != nil {
			return job.User{}, &FieldError{flag.key, err}
		}
		flags[i] = set
		if !known {
			// The directory has the flag and does not show it to this caller, so
			// other parts of the account may be hidden as well.
			u.LastLogin, u.Partial = job.LastLogin{State: job.LoginHidden}, true
		}
	}
	u.Admin, u.ServiceAccount, u.Disabled = flags[0], flags[1], flags[2]
	if r.fields.Roles.Path != "" {
		var err error
		if u.Roles, err = r.fields.Roles.read(fields); err != nil {
			return job.User{}, &FieldError{"user.roles", err}
		}
		for i, role := range u.Roles {
			u.Roles[i] = r.name(role)
		}
	}
	return u, nil
}

// ID reads only the account's id; name as for Account.
func (r *AccountReader) ID(name string, item gjson.Result) (string, error) {
	if r.fields.ID == memberName {
		return name, nil
	}
	return idAt(item, r.fields.ID)
}

// Disabled reads which account it is and whether it is disabled, and nothing else, and reports
// whether the latter is known; name as for Account.
func (r *AccountReader) Disabled(name string, item gjson.Result) (u job.User, known bool, err error) {
	if u.ID, err = r.ID(name, item); err != nil {
		return job.User{}, false, err
	}
	if u.Disabled, known, err = r.fields.Disabled.isSet(item); err != nil {
		return job.User{}, false, err
	}
	return u, known, nil
}

// Caller reads who an account is, and nothing else of it. idPath is where its id
// is; "": where all accounts have it. It returns an error if the item has neither
// id nor username nor e-mail address.
func (r *AccountReader) Caller(item gjson.Result, idPath string) (job.User, error) {
	if idPath == "" {
		idPath = r.fields.ID
	}
	var u job.User
	r.readNames(item, &u)
	if id, err := idAt(item, idPath); err == nil {
		u.ID = id
	}
	if u.ID == "" && u.Username == "" && u.Email == "" {
		return job.User{}, errUnidentified
	}
	return u, nil
}

var errUnidentified = errors.New("the answer has no id, username or email of the caller")

// name is a name as a person reads it.
func (r *AccountReader) name(text string) string {
	if r.fields.Escaped == EscapedHTML {
		return html.UnescapeString(text)
	}
	return text
}

// IsComplete reports whether the item has every field that an account should have.
func (r *AccountReader) IsComplete(item gjson.Result) bool {
	needed, _ := r.fields.paths()
	for _, paths := range needed {
		if !paths.At(item).Exists() {
			return false
		}
	}
	return true
}

// isInteger reports whether a number can be an id.
func isInteger(number string) bool {
	return !strings.ContainsAny(number, ".eE+")
}

func idAt(item gjson.Result, path string) (string, error) { return idIn(item, item, path) }

// idIn returns the id that is at the path in the fields of the item.
func idIn(fields getter, item gjson.Result, path string) (string, error) {
	if text, ok := plannedText(fields, path); ok {
		return text, nil
	}
	switch id := fields.Get(path); {
	case id.Type == gjson.String:
		return id.Str, nil
	case id.Type == gjson.Number && isInteger(id.Raw):
		return id.Raw, nil
	case !id.Exists():
		return "", job.WithDetail(fmt.Errorf("it has no %s, so it is not an account", path), "it has "+memberNames(item))
	default:
		return "", fmt.Errorf("%s is %s, not text or a whole number", path, Describe(id))
	}
}

func (r *AccountReader) readExtra(item getter) map[string]string {
	if len(r.fields.Extra) == 0 {
		return nil
	}
	extra := map[string]string{}
	for name, path := range r.fields.Extra {
		if v := item.Get(path); v.Type != gjson.Null {
			extra[name] = v.Raw
		}
	}
	return extra
}

// readCreated reads when the account was created. undated says that the item has
// no date at all; a date that can't be read is the zero time.
func (r *AccountReader) readCreated(item getter) (at time.Time, undated bool) {
	if r.fields.Created == nil {
		return time.Time{}, true
	}
	switch created, found := r.created.newest(r.fields.Created.Path, item); {
	case !found:
		return time.Time{}, true
	case created.State == job.LoginNever && isNullOrEmpty(r.fields.Created.Path.in(item)):
		return time.Time{}, true
	default:
		return created.At, false
	}
}

func isNullOrEmpty(v gjson.Result) bool {
	return v.Type == gjson.Null || v.Type == gjson.String && v.Str == ""
}

// MarkNever makes the last login of u LoginNever if it is the time by which the directory
// writes so: that many years before the creation.
func (r *AccountReader) MarkNever(u *job.User) {
	years, login := r.fields.LastLogin.NeverBeforeCreation, &u.LastLogin
	if years == 0 || login.State != job.LoginKnown || login.NotAfter || u.Created.IsZero() {
		return
	}
	if off := login.At.Sub(u.Created.AddDate(-years, 0, 0)); off.Abs() < day {
		u.LastLogin = job.LastLogin{State: job.LoginNever}
	}
}

// day is by how much the two times may differ that a directory notes one after the
// other, perhaps in different zones.
const day = 24 * time.Hour

func (r *AccountReader) readLastLogin(item getter) job.LastLogin {
	how := &r.fields.LastLogin
	login, found := r.lastLogin.newest(how.Path, item)
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

// read returns the names of the roles, or nil if they are unknown.
func (r Roles) read(item getter) ([]string, error) {
	// A path such as roles.#.name goes through an array. It yields an empty array
	// if there is no roles at all.
	array, _, throughArray := strings.Cut(r.Path, ".#")
	if item.Get(array).Type == gjson.Null {
		if r.Missing == RolesNone {
			return []string{}, nil
		}
		return nil, nil
	}
	v := item.Get(r.Path)
	if r.Split != "" && v.Type == gjson.String {
		return splitNames(v.Str, r.Split), nil
	}
	if !v.IsArray() {
		return nil, fmt.Errorf("%s is %s, not an array of names", r.Path, Describe(v))
	}
	names := []string{}
	for _, name := range v.Array() {
		if name.Type != gjson.String {
			return nil, fmt.Errorf("%s has %s, not a name", r.Path, Describe(name))
		}
		names = append(names, name.Str)
	}
	// Such a path leaves out the elements without a name, which may be any role.
	if throughArray && item.Get(array+".#").Int() != int64(len(names)) {
		return nil, fmt.Errorf("%s does not name each of the %s", r.Path, array)
	}
	return names, nil
}

func splitNames(text, separator string) []string {
	names := []string{}
	for name := range strings.SplitSeq(text, separator) {
		if name = strings.TrimSpace(name); name != "" {
			names = append(names, name)
		}
	}
	return names
}
