package profile

import (
	"slices"
	"strings"
	"testing"
)

// TestByName: which built-in profiles act by a name, which another account may have later.
func TestByName(t *testing.T) {
	byName := map[string]string{"gitea": "username", "github-enterprise": "username", "nextcloud": "id", "synapse": "id"}
	for _, name := range Names() {
		p, err := Load(name)
		if err != nil {
			t.Fatal(err)
		}
		for what, steps := range map[string]Steps{"remove": p.Remove, "disable": p.Disable} {
			want := byName[name]
			if len(steps) == 0 {
				want = ""
			}
			if got := steps.ByName(p.User); got != want {
				t.Errorf("%s, %s: by %q, want %q", name, what, got, want)
			}
		}
	}
}

func TestByNameOfFields(t *testing.T) {
	for _, row := range []struct{ user, step, want string }{
		{"id: n, username: u", `{path: "/{id}"}`, ""},
		{"id: n, username: u", `{path: "/{username}"}`, "username"},
		{"id: n, email: m", `{path: "/{id}", query: {m: "{email}"}, body: {u: "{username}"}}`, ""}, // the id leads to it
		{"id: n, email: m", `{path: /x, query: {m: "{email}"}}`, "email"},
		{"id: n, email: m", `{path: /x, body: {m: "{email}"}}`, "email"},
		{"id: n, extra: {l: login}", `{path: "/{l}"}`, "l"},
		{"id: u, username: u", `{path: "/{id}"}`, "id"},
		{"id: m, email: m", `{path: "/{id}"}`, "id"},
		{"id: m, email: [x, m]", `{path: "/{id}"}`, "id"},
	} {
		p, err := loadText(t, "title: x\nlist: {path: /users, items: users}\nuser: {"+row.user+"}\nremove: [{path: \"/{id}\"}, "+row.step+"]\n")
		if err != nil {
			t.Fatal(err)
		}
		want := row.want
		if got := p.Remove.ByName(p.User); got != want {
			t.Errorf("%s with %s: by %q, want %q", row.step, row.user, got, want)
		}
		if got := p.Remove[1].AddressedBy(p.User); !slices.IsSorted(got) || strings.Contains(strings.Join(got, " "), "{") {
			t.Errorf("%s: addressed by %q", row.step, got)
		}
	}
}
