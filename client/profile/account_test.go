package profile

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/tidwall/gjson"

	"dormant/job"
)

// readAccount reads an item of the profile's listing. Its error says which line of
// the profile it is about.
func readAccount(t testing.TB, p *Profile, item string) (job.User, error) {
	t.Helper()
	r, err := NewAccountReader(p, p.Bind(Values{Token: "t"}))
	if err != nil {
		t.Fatal(err)
	}
	u, err := r.Account("", gjson.Parse(item))
	var field *FieldError
	if errors.As(err, &field) {
		err = fmt.Errorf("%w (%s)", err, p.Where(field.Key))
	}
	return u, err
}

// describeUser is all that is read of an account, on one line.
func describeUser(u job.User) string {
	created := "undated"
	if !u.Created.IsZero() {
		created = u.Created.UTC().Format(time.RFC3339)
	} else if !u.Undated {
		created = "unreadable"
	}
	text := fmt.Sprintf("%s %s %s login=%s created=%s", u.ID, u.Username, u.Email, u.LastLogin, created)
	if u.Admin {
		text += " admin"
	}
	if u.Roles != nil {
		text += fmt.Sprintf(" roles=%q", u.Roles)
	}
	return text
}

// TestFlags: a flag that is unknown hides the last login, and what it is said to
// be is read all the same.
func TestFlags(t *testing.T) {
	const user = `, last_login: last, admin: [a, {path: b, in: [root], missing: false}], service_account: {path: kind, in: ["bot*"]}, disabled: {path: active, in: [false]},
		roles: {path: roles, split: ","}, optional: [roles, disabled, service_account]`
	for item, want := range map[string]string{
		`{"a":false,"kind":"x","active":true}`:                 "known",
		`{"a":true,"kind":"x","active":true}`:                  "known admin",
		`{"a":false,"b":"root","kind":"x","active":true}`:      "known admin",
		`{"a":false,"kind":"bot7","active":true}`:              "known service",
		`{"a":false,"kind":"x","active":false}`:                "known disabled",
		`{"a":true,"kind":"bot","active":false}`:               "known admin service disabled",
		`{"kind":"x","active":true}`:                           "hidden",
		`{"b":"root","kind":"x","active":true}`:                "known admin",
		`{"a":false,"active":true}`:                            "hidden",
		`{"a":false,"kind":"x"}`:                               "hidden",
		`{"a":false,"kind":"x","active":null}`:                 "hidden",
		`{"a":true,"kind":null,"active":false}`:                "hidden admin disabled",
		`{"a":false,"kind":"x","active":true,"roles":"a, b"}`:  `known ["a" "b"]`,
		`{"a":false,"kind":"x","active":true,"roles":""}`:      `known []`,
		`{"a":false,"kind":"x","active":true,"roles":" , "}`:   `known []`,
		`{"a":false,"kind":"x","active":true,"roles":["a,b"]}`: `known ["a,b"]`,
		`{"a":false,"kind":"x","active":true,"roles":null}`:    "known",
		`{"a":false,"kind":"x","active":true,"roles":5}`:       "line 3: user.roles",
		`{"a":1,"kind":"x","active":true}`:                     "line 2: user.admin",
	} {
		u, err := readAccount(t, sketch(t, "", user, ""), strings.Replace(item, "{", `{"id":1,"last":"2020-01-01",`, 1))
		if strings.HasPrefix(want, "line") {
			wantError(t, err, want)
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", item, err)
			continue
		}
		got := u.LastLogin.State.String()
		if u.Admin {
			got += " admin"
		}
		if u.ServiceAccount {
			got += " service"
		}
		if u.Disabled {
			got += " disabled"
		}
		if u.Roles != nil {
			got += fmt.Sprintf(" %q", u.Roles)
		}
		if got != want {
			t.Errorf("%s: %s, want %s", item, got, want)
		}
	}
}

// TestLastLogin has what a last login means that is not there, or is no time.
func TestLastLogin(t *testing.T) {
	for user, rows := range map[string]map[string]string{
		`last_login: last`:                                             {`{}`: "absent", `{"last":null}`: "never", `{"last":""}`: "never", `{"last":"?"}`: "unreadable"},
		`last_login: {path: last, missing: hidden}`:                    {`{}`: "hidden", `{"last":null}`: "never"},
		`last_login: {path: last, missing: never}`:                     {`{}`: "never", `{"last":0}`: "never"},
		`last_login: {path: last, missing: never, empty: hidden}`:      {`{}`: "never", `{"last":null}`: "hidden", `{"last":"0001-01-01T00:00:00Z"}`: "hidden"},
		`last_login: {path: last, empty: absent}`:                      {`{}`: "absent", `{"last":null}`: "absent", `{"last":"2024-05-01"}`: "2024-05-01T23:59:59Z"},
		`last_login: {path: last, empty: absent, missing: hidden}`:     {`{}`: "hidden", `{"last":0}`: "absent"},
		`last_login: {path: last, layout: DD.MM.YYYY, zone: "{zone}"}`: {`{"last":"01.05.2024"}`: "2024-05-01T21:59:59Z", `{"last":"2024-05-01"}`: "unreadable", `{"last":"0"}`: "never"},
		`last_login: {path: last, missing: never, never_if: {path: n, in: [0], missing: true}}`: {
			`{}`: "never", `{"n":0}`: "never", `{"n":"0"}`: "never", `{"n":1}`: "hidden", `{"last":null,"n":3}`: "hidden", `{"last":null,"n":0}`: "never",
			`{"last":"2024-05-01","n":0}`: "2024-05-01T23:59:59Z", `{"last":"?","n":0}`: "unreadable",
		},
		`last_login: {path: last, never_if: unused}`: {
			`{"last":null}`: "hidden", `{"last":null,"unused":true}`: "never", `{"last":null,"unused":false}`: "hidden", `{"last":null,"unused":"true"}`: "hidden", `{"unused":true}`: "absent",
		},
		`last_login: {path: last, empty: hidden, never_if: unused}`: {`{"last":null,"unused":true}`: "hidden"},
	} {
		p := sketch(t, "", ", "+user+", optional: [last_login]", "params: {zone: Europe/Berlin}\n")
		for item, want := range rows {
			u, err := readAccount(t, p, strings.Replace(strings.Replace(item, "{", `{"id":1,`, 1), ",}", "}", 1))
			if err != nil || u.LastLogin.String() != want {
				t.Errorf("%s: %s is %v, %v; want %s", user, item, u, err, want)
			}
		}
	}
}

// TestCreatedOnTheDay: a date is the end of its day, and who logged in on that
// day did not do so before there was an account.
func TestCreatedOnTheDay(t *testing.T) {
	now := time.Date(2026, 5, 4, 0, 0, 0, 0, time.UTC)
	for user, rows := range map[string]map[string]string{
		`created: made, last_login: last`: {
			`"made":"2024-05-01","last":"2024-05-01T10:00:00Z"`:           "known",
			`"made":"2024-05-01","last":"2024-05-01T00:00:00Z"`:           "known",
			`"made":"2024-05-01","last":"2024-04-30T23:59:59Z"`:           "before_creation",
			`"made":"2024-05-01","last":"2024-05-01"`:                     "known",
			`"made":"2024-05-01T12:00:00Z","last":"2024-05-01T11:59:59Z"`: "known",
			`"made":"2024-05-01T12:00:00Z","last":"2024-04-30T12:00:00Z"`: "known",
			`"made":"2024-05-01T12:00:00Z","last":"2024-04-30T11:59:59Z"`: "before_creation",
			`"made":"2024-05-01T12:00:00Z","last":"2024-05-01T12:00:00Z"`: "known",
			`"made":"2024-05-01","last":null`:                             "never",
			`"made":"2024-05-01","last":"?"`:                              "unreadable",
			`"made":null,"last":"2024-05-01"`:                             "known undated",
			`"made":"","last":"2024-05-01"`:                               "known undated",
			`"last":"2024-05-01"`:                                         "known undated",
			`"made":"once","last":"2024-05-01"`:                           "known",
			`"made":0,"last":"2024-05-01"`:                                "known",
		},
		`created: {path: made, layout: DD.MM.YYYY, zone: America/Los_Angeles}, last_login: last`: {
			`"made":"01.05.2024","last":"2024-05-01T07:00:00Z"`: "known", `"made":"01.05.2024","last":"2024-05-02T06:59:59Z"`: "known",
			`"made":"01.05.2024","last":"2024-05-01T06:59:58Z"`: "before_creation", `"made":"2024-05-01","last":"2024-05-01T07:00:00Z"`: "known",
		},
		`created: {path: made, zone: Asia/Tokyo}, last_login: {path: last, zone: Asia/Tokyo}`: {
			`"made":"2024-05-01","last":"2024-05-01 00:00:01"`: "known", `"made":"2024-05-01","last":"2024-04-30 23:59:58"`: "before_creation",
		},
		`created: [made, born], last_login: last`: {`"made":"2024-05-01","born":"2024-06-01","last":"2024-05-15"`: "before_creation"},
	} {
		p := sketch(t, "", ", "+user+", optional: [created]", "")
		for item, want := range rows {
			u, err := readAccount(t, p, `{"id":1,`+item+`}`)
			if err != nil {
				t.Errorf("%s: %s: %v", user, item, err)
				continue
			}
			got := u.LastLogin.Normalize(u.Created, now).State.String()
			if u.Undated {
				got += " undated"
			}
			if got != want {
				t.Errorf("%s: %s: %s, created %s; want %s", user, item, got, u.Created, want)
			}
		}
	}
}

func TestFields(t *testing.T) {
	p := load(t, `
headers: {Authorization: "{token}"}
list: {path: /users, items: ["result.users", "@this"]}
user:
  id: key.id
  username: name
  admin: admin
  roles: roles.#.name
  created: made
  last_login: {path: [a, b], missing: never, empty: hidden}
  optional: [username, admin, roles, created]
remove: {path: "/users/{id}"}
`)
	for item, want := range map[string]string{
		`{"key":{"id":" 1 "},"name":7,"admin":true,"made":0}`:                  ` 1  7  login=never created=unreadable admin`,
		`{"key":{"id":-1},"name":null,"admin":false,"made":"2020-01-01"}`:      `-1   login=never created=2020-01-01T23:59:59Z`,
		`{"key":{"id":"1"},"admin":false,"a":null}`:                            `1   login=hidden created=undated`,
		`{"key":{"id":"1"},"admin":false,"a":null,"b":"2020-01-01"}`:           `1   login=2020-01-01T23:59:59Z created=undated`,
		`{"key":{"id":"1"},"admin":false,"a":"2021-01-01","b":null}`:           `1   login=2021-01-01T23:59:59Z created=undated`,
		`{"key":{"id":"1"},"admin":false,"a":"x","b":"2020-01-01"}`:            `1   login=unreadable created=undated`,
		`{"key":{"id":"1"},"admin":false,"a":"2020-01-01","b":[]}`:             `1   login=unreadable created=undated`,
		`{"key":{"id":"1"},"admin":null,"a":"2020-01-01"}`:                     `1   login=hidden created=undated`,
		`{"key":{"id":"1"},"admin":false,"roles":null}`:                        `1   login=never created=undated`,
		`{"key":{"id":"1"},"admin":false,"roles":[]}`:                          `1   login=never created=undated roles=[]`,
		`{"key":{"id":"1"},"admin":false,"roles":[{"name":"a"},{"name":"b"}]}`: `1   login=never created=undated roles=["a" "b"]`,
		`{"key":{"id":"1"},"admin":1}`:                                         "",
		`{"key":{"id":"1"},"admin":"false"}`:                                   "",
		`{"key":{"id":"1"},"admin":false,"roles":"root"}`:                      "",
		`{"key":{"id":"1"},"admin":false,"roles":{"name":"root"}}`:             "",
		`{"key":{"id":"1"},"admin":false,"roles":[{"name":5}]}`:                "",
		// What has no name would be a role that nobody sees.
		`{"key":{"id":"1"},"admin":false,"roles":["root"]}`:                        "",
		`{"key":{"id":"1"},"admin":false,"roles":[{"name":"a"},{"title":"root"}]}`: "",
	} {
		u, err := readAccount(t, p, item)
		if want == "" {
			wantError(t, err, "user.")
		} else if err != nil || describeUser(u) != want {
			t.Errorf("%s: got %v, %v; want %s", item, u, err, want)
		}
	}
}

// TestRolesMissing: no roles at all are hidden ones, unless the profile says that
// they are none.
func TestRolesMissing(t *testing.T) {
	for item, want := range map[string][2]string{ // without missing: none, and with it
		`{"id":1}`:                               {"nil", "[]"},
		`{"id":1,"groups":null}`:                 {"nil", "[]"},
		`{"id":1,"groups":{}}`:                   {"nil", "[]"},
		`{"id":1,"groups":{"rows":null}}`:        {"nil", "[]"},
		`{"id":1,"groups":{"rows":[]}}`:          {"[]", "[]"},
		`{"id":1,"groups":{"rows":[{"n":"a"}]}}`: {`["a"]`, `["a"]`},
		`{"id":1,"groups":{"rows":[{}]}}`:        {"", ""},
		`{"id":1,"groups":{"rows":"a"}}`:         {"", ""},
		`{"id":1,"groups":{"rows":{"n":"a"}}}`:   {"", ""},
	} {
		for i, roles := range []string{"{path: groups.rows.#.n}", "{path: groups.rows.#.n, missing: none}"} {
			u, err := readAccount(t, sketch(t, "", ", roles: "+roles+", optional: [roles]", ""), item)
			if want[i] == "" {
				wantError(t, err, "line 2: user.roles")
				continue
			}
			if err != nil {
				t.Errorf("%s: %v", item, err)
				continue
			}
			got := "nil"
			if u.Roles != nil {
				got = fmt.Sprintf("%q", u.Roles)
			}
			if got != want[i] {
				t.Errorf("%s, %s: %s, want %s", roles, item, got, want[i])
			}
		}
	}
}

// TestNeverBeforeCreation: a directory may write "never" as a time some years before the
// creation. Nothing else before the creation means that.
func TestNeverBeforeCreation(t *testing.T) {
	p := sketch(t, "", ", created: made, last_login: {path: last, never_before_creation: 10}", "")
	r := must(NewAccountReader(p, Bindings{}))
	for item, want := range map[string]string{
		`"made":"2024-02-29T12:00:00Z","last":"2014-03-01T12:00:00Z"`:      "never",
		`"made":"2024-02-29T12:00:00Z","last":"2014-03-01T12:00:01Z"`:      "never",
		`"made":"2024-02-29T12:00:00Z","last":"2014-03-01T14:00:00+02:00"`: "never",
		`"made":"2024-05-01T12:00:00Z","last":"2014-05-02T11:59:59Z"`:      "never",
		`"made":"2024-05-01T12:00:00Z","last":"2014-05-02T12:00:00Z"`:      "known", // and long before the creation
		`"made":"2024-05-01T12:00:00Z","last":"2014-04-30T12:00:00Z"`:      "known",
		`"made":"2008-05-01T12:00:00Z","last":"1998-05-01T12:00:00Z"`:      "never",
		`"made":"2024-05-01T12:00:00Z","last":"2024-05-01T11:59:59Z"`:      "known",
		`"made":"2024-05-01T12:00:00Z","last":"2023-05-01T12:00:00Z"`:      "known",
		`"made":"2024-05-01T12:00:00Z","last":null`:                        "never",
		`"made":"2024-05-01T12:00:00Z","last":"?"`:                         "unreadable",
		`"last":"2014-05-01T12:00:00Z"`:                                    "known",
		`"made":"?","last":"2014-05-01T12:00:00Z"`:                         "known",
	} {
		u, err := readAccount(t, p, `{"id":1,`+item+`}`)
		r.MarkNever(&u)
		if got := u.LastLogin.State.String(); err != nil || got != want {
			t.Errorf("%s: %s, %v; want %s", item, got, err, want)
		}
	}
	bound := job.User{Created: time.Date(2024, 5, 1, 0, 0, 0, 0, time.UTC), LastLogin: job.LastLogin{State: job.LoginKnown, At: time.Date(2014, 5, 1, 0, 0, 0, 0, time.UTC), NotAfter: true}}
	got := bound
	if r.MarkNever(&got); got.LastLogin != bound.LastLogin {
		t.Errorf("a bound became %s", got.LastLogin)
	}
}
