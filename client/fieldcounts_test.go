package client

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"dormant/client/profile"
	"dormant/job"
)

// TestFieldsOfTheFirstPage: in an operator's own profile, a path that leads nowhere in
// every account of the first page is an error that names the line.
func TestFieldsOfTheFirstPage(t *testing.T) {
	const user = `, username: name, email: email, admin: admin, roles: groups.#.name, created: made, last_login: [last, seen], disabled: [off, {path: gone, in: [yes]}]`
	const whole = `{"id":1,"name":"ana","email":"a@x","admin":false,"groups":[],"made":null,"seen":null,"off":false,"gone":"no"}`
	without := func(names ...string) string {
		item := whole
		for _, name := range names {
			before, behind, _ := strings.Cut(item, `"`+name+`":`)
			_, behind, found := strings.Cut(behind, ",")
			if !found {
				before, behind = strings.TrimSuffix(before, ","), "}"
			}
			item = before + behind
		}
		return item
	}
	for name, row := range map[string]struct {
		user  string
		items []string
		err   []string // nil: it fits
	}{
		"all there":                   {user, []string{whole}, nil},
		"nobody":                      {user, nil, nil},
		"one has it":                  {user, []string{without("email"), whole}, nil},
		"one of two paths":            {user, []string{without("off")}, nil},
		"each has something":          {user, []string{without("email"), without("name"), without("made")}, nil},
		"a field":                     {user, []string{without("email"), without("email")}, []string{"line 2: user.email", "2 accounts on the first page", "the first of them has id, name, admin", "user.optional"}},
		"null is there":               {user, []string{strings.Replace(whole, `"a@x"`, "null", 1)}, nil},
		"several fields":              {user, []string{without("email", "made", "groups")}, []string{"user.email", "user.created", "user.roles"}},
		"both of two paths":           {user, []string{without("seen")}, []string{"user.last_login"}},
		"a flag":                      {user, []string{without("admin")}, []string{"user.admin"}},
		"optional":                    {user + ", optional: [email, admin]", []string{without("email", "admin")}, nil},
		"optional is only that":       {user + ", optional: [email]", []string{without("email", "admin")}, []string{"user.admin"}},
		"missing says what it means":  {`, admin: {path: admin, in: [1], missing: false}, last_login: {path: last, missing: absent}`, []string{`{"id":1}`}, nil},
		"never if, which is no field": {`, last_login: {path: last, never_if: {path: n, in: [0]}}`, []string{`{"id":1,"last":"2020-01-01"}`}, nil},
		"an extra, which is no field": {`, extra: {login: login}`, []string{`{"id":1}`}, nil},
	} {
		for _, more := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, more pages %t", name, more), func(t *testing.T) {
				page := func(items []string, next string) string {
					return `{"users":[` + strings.Join(items, ",") + `],"next":` + next + `}`
				}
				for i, item := range row.items {
					row.items[i] = strings.Replace(item, `"id":1,`, fmt.Sprintf(`"id":%d,`, i+1), 1)
				}
				rs := routes{"GET /users": page(row.items, "null")}
				if more {
					rs = routes{"GET /users": page(row.items, `"2"`), "GET /users?c=2": page([]string{strings.Replace(whole, `"id":1`, `"id":99`, 1)}, "null")}
				}
				s := serve(t, rs)
				c := connect(t, s, sketch(t, ", cursor: {param: c, next: next}", row.user, ""))
				users, err := all(t, s, c)
				if row.err == nil {
					if want := len(row.items) + map[bool]int{true: 1}[more]; err != nil || len(users) != want {
						t.Errorf("%d accounts, %v", len(users), err)
					}
				} else if wantError(t, err, append(row.err, "list users", "own.yaml")...); !errors.Is(err, job.ErrProfile) || len(users) != len(row.items) {
					t.Errorf("%d accounts, %v", len(users), err)
				}
				census := c.FieldCounts()
				if census.Accounts != len(row.items) {
					t.Errorf("counted %d accounts", census.Accounts)
				}
				for _, u := range users {
					if strings.Contains(fmt.Sprint(err), u.Email) && u.Email != "" {
						t.Errorf("the error names an account: %v", err)
					}
				}
			})
		}
	}
}

// TestFieldCounts: `dormant check` shows these counts.
func TestFieldCounts(t *testing.T) {
	s := serve(t, routes{"GET /users": `{"users":[{"id":1,"name":"a"},{"id":2,"last":null},{"skip":true},{"id":3,"name":null}]}`})
	c := connect(t, s, sketch(t, ", only: {path: skip, in: [false], missing: true}", ", username: name, last_login: {path: last, missing: never}, email: mail, optional: [email]", ""))
	if c.FieldCounts() != nil {
		t.Error("a census before the listing")
	}
	if _, err := all(t, s, c); err != nil {
		t.Fatal(err)
	}
	census := c.FieldCounts()
	got := []string{strconv.Itoa(census.Accounts), census.Members}
	for _, f := range census.Fields {
		got = append(got, fmt.Sprintf("%s %v %d %t", f.Field, f.Paths, f.Accounts, f.Optional))
	}
	if want := []string{"3", "id, name", "email [mail] 0 true", "id [id] 3 false", "last_login [last] 1 true", "username [name] 2 false"}; !slices.Equal(got, want) {
		t.Errorf("%s, want %s", got, want)
	}
}

// TestFieldsOfABuiltInProfile: a built-in profile is known to be right, so an absent
// field is only a warning.
func TestFieldsOfABuiltInProfile(t *testing.T) {
	p := sketch(t, byCursor, ", email: email", "")
	p.BuiltIn = true
	s := serve(t, routes{"GET /users?c=0": people(1, 2, `,"next":"a"`), "GET /users?c=a": people(3, 4, `,"next":null`)})
	users, err := all(t, s, connect(t, s, p))
	if err != nil || len(users) != 4 {
		t.Errorf("%v, %v", users, err)
	}
	if strings.Count(s.logged(), "user.email") != 1 || !strings.Contains(s.logged(), `"level":"warn"`) {
		t.Errorf("not one warning: %s", s.logged())
	}
}

// TestFieldsWithDetails: fields that only a lookup shows may be absent in the listing,
// except for the id.
func TestFieldsWithDetails(t *testing.T) {
	const user = ", username: name, email: email, admin: admin, roles: roles, created: made, last_login: last"
	for get, rows := range map[string]map[string]string{
		`get: {path: "/users/{id}", details: true}`: {`{"id":1}`: "", `{"name":"ana","email":"a@x"}`: "it has no id"},
		`get: {path: "/users/{id}"}`:                {`{"id":1,"name":"ana"}`: "user.email"},
	} {
		for item, want := range rows {
			s := serve(t, routes{"GET /users": `{"users":[` + item + `]}`})
			_, err := all(t, s, connect(t, s, sketch(t, "", user, get+"\n")))
			if want != "" {
				wantError(t, err, "list users", want, "own.yaml, line 2: user.")
			} else if err != nil {
				t.Errorf("%s: %v", item, err)
			}
			s.wantRequests(t, "GET /users")
		}
	}
}

// TestSampleChecksFields: Sample checks the fields as well.
func TestSampleChecksFields(t *testing.T) {
	s := serve(t, routes{"GET /users?c=0": people(1, 2, `,"next":"a"`), "GET /users?c=a": people(3, 3, `,"next":"b"`)})
	var last error
	for _, err := range connect(t, s, sketch(t, byCursor, ", email: email", "")).Sample(t.Context()) {
		last = err
	}
	wantError(t, last, "user.email", "line 2")
}

// TestFieldsSayWhere: the error names the line of the key, not of the section.
func TestFieldsSayWhere(t *testing.T) {
	file := filepath.Join(t.TempDir(), "acme.yaml")
	source := "headers: {Authorization: \"{token}\"}\nlist:\n  path: /users\n  items: users\nuser:\n  id: id\n  last_login:\n    path:\n      - a\n      - b.c\nremove: {path: \"/users/{id}\"}\n"
	if err := os.WriteFile(file, []byte(source), 0o600); err != nil {
		t.Fatal(err)
	}
	p, err := profile.Load(file)
	if err != nil {
		t.Fatal(err)
	}
	s := serve(t, routes{"GET /users": people(1, 1, "")})
	_, err = all(t, s, connect(t, s, p))
	wantError(t, err, file, "a or b.c", "the first of them has id")
	if !strings.Contains(err.Error(), "line 7: user.last_login") && !strings.Contains(err.Error(), "line 8: user.last_login") {
		t.Error(err)
	}
}
