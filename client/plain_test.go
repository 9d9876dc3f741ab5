package client

import (
	"testing"

	"dormant/job"
)

// TestPlain: items that are plain texts or numbers are accounts with that one member, and
// the account that is read by it has to have it at the same place.
func TestPlain(t *testing.T) {
	const alone = `get: {path: "/users/{id}", details: true}` + "\n"
	user := ", username: name, last_login: last"
	first := map[string]any{"GET /users/ana": `{"id":"ana","name":"Ana","last":"2024-01-31T10:00:00Z"}`}
	for name, row := range map[string]struct {
		plain, answer string
		users         string // an account's id, name and last login; or
		err           string
	}{
		"texts":              {", plain: id", `{"users":["ana","bob"]}`, "ana bob", ""},
		"numbers":            {", plain: id", `{"users":[7,8]}`, "7 8", ""},
		"nobody":             {", plain: id", `{"users":[]}`, "", ""},
		"by their name":      {", plain: id, keyed: true", `{"users":{"a":"ana","b":"bob"}}`, "ana bob", ""},
		"not said":           {"", `{"users":["ana"]}`, "", "list.plain says what texts and numbers are"},
		"an object is not":   {"", `{"users":[null]}`, "", "an object is needed"},
		"twice":              {", plain: id", `{"users":["ana","ana"]}`, "ana", ""}, // as in any listing, on one page
		"an object":          {", plain: id", `{"users":["ana",{"id":"bob"}]}`, "", "item 2 is an object, not text or a number"},
		"an array":           {", plain: id", `{"users":[["ana"]]}`, "", "item 1 is an array"},
		"null":               {", plain: id", `{"users":[null]}`, "", "item 1 is null"},
		"true":               {", plain: id", `{"users":[true]}`, "", "item 1 is true"},
		"where the id isn't": {", plain: login", `{"users":["ana"]}`, "", "it has no id"},
	} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, routes{"GET /users": row.answer})
			users, err := all(t, s, connect(t, s, sketch(t, row.plain, user, alone), readOnly))
			if row.err != "" {
				wantError(t, err, row.err)
				return
			}
			if err != nil || ids(users) != row.users {
				t.Errorf("%s, %v; want %s", ids(users), err, row.users)
			}
			for _, u := range users {
				if u.LastLogin.State != job.LoginAbsent || !u.Partial {
					t.Errorf("%s: %v, partial %t; nothing is known before it is read alone", u.ID, u.LastLogin, u.Partial)
				}
			}
		})
	}
	for name, row := range map[string]struct{ answer, want string }{
		"the same":        {`{"id":"ana","name":"Ana","last":"2024-01-31T10:00:00Z"}`, "ana"},
		"somebody else":   {`{"id":"bob","name":"Bob","last":"2024-01-31T10:00:00Z"}`, "bob"}, // a cleanup refuses that
		"nobody's at all": {`{"name":"Ana","last":"2024-01-31T10:00:00Z"}`, ""},
	} {
		t.Run("read alone, "+name, func(t *testing.T) {
			first["GET /users/ana"] = row.answer
			s := serve(t, routes(first))
			u, err := connect(t, s, sketch(t, ", plain: id", user, alone), readOnly).User(t.Context(), job.User{ID: "ana"})
			if s.heard(err); u.ID != row.want || (err == nil) != (row.want != "") {
				t.Errorf("%q, %v; want %q", u.ID, err, row.want)
			}
		})
	}
}
