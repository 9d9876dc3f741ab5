package client

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"dormant/job"
)

// Where a request says whom it is about by something that another account has as well, or
// has but for its case or the like, none is sent: it could be about the other one, who is in
// use.
func TestAddressesOfTwoAccounts(t *testing.T) {
	const byName = "remove: {path: \"/users/{name}\"}\n"
	tests := []struct {
		rule, user, more, items string
		kept                    bool
	}{
		{"ids that differ in case", "", "", `{"id":"ab"},{"id":"AB"}`, true},
		{"the other way round", "", "", `{"id":"AB"},{"id":"ab"}`, true},
		{"ids of which none is in lower case", "", "", `{"id":"Ab"},{"id":"aB"}`, true},
		{"ids that differ in how a letter is composed", "", "", `{"id":"zo\u00eb"},{"id":"zoe\u0308"}`, true},
		{"ids that differ in more", "", "", `{"id":"Ab"},{"id":"aBc"}`, false},
		{"an id and a name", ", username: n", "", `{"id":"Ab","n":"x"},{"id":"7","n":"ab"}`, false},
		{"names, where the id leads", ", username: n", "", `{"id":"1","n":"ana"},{"id":"2","n":"ANA"}`, false},
		{"the same name", ", username: n", byName, `{"id":"1","n":"ana"},{"id":"2","n":"ana"}`, true},
		{"names that differ in case", ", username: n", byName, `{"id":"1","n":"ana"},{"id":"2","n":"ANA"}`, true},
		{"a name and an id", ", username: n", byName, `{"id":"1","n":"ana"},{"id":"ana","n":"bob"}`, false},
		{"a name that is its account's id, and another's", ", username: n", byName, `{"id":"ana","n":"ana"},{"id":"2","n":"Ana"}`, true},
		{"other names", ", username: n", byName, `{"id":"1","n":"ana"},{"id":"2","n":"bob"}`, false},
		{"addresses in a body", ", email: n", "remove: {path: /remove, body: {who: \"{email}\"}}\n", `{"id":"1","n":"a@x.test"},{"id":"2","n":"A@X.test"}`, true},
		{"what stands beside the id", ", extra: {org: n}", "remove: {path: \"/{org}/{id}\"}\n", `{"id":"1","n":"acme"},{"id":"2","n":"acme"}`, false},
		{"two values together", ", username: n, extra: {org: o}", "remove: {path: \"/{org}/{username}\"}\n", `{"id":"1","n":"ana","o":"x"},{"id":"2","n":"ana","o":"y"}`, false},
		{"the second step", ", username: n", "remove: [{path: \"/users/{id}\"}, {path: \"/old/{username}\"}]\n", `{"id":"1","n":"ana"},{"id":"2","n":"ana"}`, true},
		{"only to disable, which this is not", ", username: n, disabled: {path: off, missing: false}", "disable: {method: PUT, path: \"/off/{username}\"}\n", `{"id":"1","n":"ana"},{"id":"2","n":"ana"}`, false},
	}
	for _, tt := range tests {
		s := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodGet {
				_, _ = w.Write([]byte(`{"users":[` + tt.items + `]}`))
			}
		}))
		c := connect(t, s, sketch(t, "", tt.user, strings.ReplaceAll(tt.more, "{name}", "{username}")))
		users, err := all(t, s, c)
		if err != nil || len(users) != 2 {
			t.Fatalf("%s: %v, %v", tt.rule, users, err)
		}
		for _, u := range users {
			err := c.Remove(t.Context(), u, agree)
			if tt.kept != errors.Is(err, job.ErrAmbiguous) || !tt.kept && err != nil {
				t.Errorf("%s: account %q: %v", tt.rule, u.ID, err)
			}
		}
		sent := 0
		for _, r := range s.seen() {
			if r.method != http.MethodGet {
				sent++
			}
		}
		if tt.kept != (sent == 0) {
			t.Errorf("%s: %d requests", tt.rule, sent)
		}
	}
}
