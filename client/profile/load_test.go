package profile

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"dormant/job"
)

func TestBuiltinProfiles(t *testing.T) {
	if got := strings.Join(Names(), " "); got != "atlassian auth0 authentik discourse entra gitea github-enterprise gitlab google-workspace grafana "+
		"harbor itflex keycloak kratos maestro mattermost nextcloud okta redmine scim snipe-it synapse zitadel" {
		t.Errorf("the profiles are %s", got)
	}
	for _, name := range Names() {
		p := builtin(t, name)
		if p.Name != name || p.Title == "" {
			t.Errorf("%s is called %q, %q", name, p.Name, p.Title)
		}
		// Printed, it is the start of one's own.
		if own := load(t, string(must(YAML(name)))); own.Name != "own" {
			t.Errorf("a file's name is %q", own.Name)
		} else if own.Name, own.origin, own.BuiltIn = p.Name, p.origin, p.BuiltIn; !reflect.DeepEqual(own, p) {
			t.Errorf("%s is another profile as a file", name)
		}
	}
	for _, name := range []string{"", "nobody", "profiles", "itflex.yaml", "../itflex", "./nobody.yaml", "*", "Maestro"} {
		if _, err := Load(name); err == nil {
			t.Errorf("there is a profile %q", name)
		}
	}
	_, err := Load("nobody")
	wantError(t, err, `"nobody"`, "itflex, keycloak")
}

const smallest = `headers: {Authorization: "{token}"}
list: {path: /users, items: users}
user: {id: id}
remove: {path: "/users/{id}"}
`

func TestProfileErrors(t *testing.T) {
	if _, err := loadText(t, smallest); err != nil {
		t.Fatal(err)
	}
	for name, row := range map[string]struct {
		source string
		line   int
		want   string
	}{
		"unknown key":          {smallest + "typo: 1\n", 5, "typo"},
		"unknown key, nested":  {strings.Replace(smallest, "{id: id}", "\n  id: id\n  lastlogin: x", 1), 5, "lastlogin"},
		"unknown key, in list": {strings.Replace(smallest, "items: users", "items: users, sise: 5", 1), 2, "sise"},
		"wrong type":           {strings.Replace(smallest, "{path: /users, items: users}", "5", 1), 2, ""},
		"wrong type of codes":  {smallest[:len(smallest)-2] + ", success: many}\n", 4, ""},
		"wrong type of size":   {strings.Replace(smallest, "items: users", "items: users, offset: {param: o}, size: {param: s, default: many}", 1), 2, ""},
		"twice":                {smallest + "user: {id: uid}\n", 5, "user"},
		"twice, nested":        {strings.Replace(smallest, "{id: id}", "\n  id: id\n  id: uid", 1), 5, "id"},
		"two documents":        {smallest + "---\n" + smallest, 5, "document"},
		"garbage":              {"headers: {", 1, ""},
		"not YAML":             {"\x00\x01", 1, ""},
		"a list":               {"- 1\n", 1, ""},
		"a text":               {"maestro", 1, ""},
		"tabs":                 {"list:\n\tpath: /x\n", 2, ""},
		"empty":                {"", 1, "list.path: is missing"},
		"comments only":        {"# nothing\n", 1, "list.path: is missing"},
		"null":                 {"null\n", 1, "null"},
		"no list":              {strings.Replace(smallest, "list: {path: /users, items: users}", "", 1), 1, "list.path: is missing"},
		"no items":             {strings.Replace(smallest, ", items: users", "", 1), 2, "list.items: is missing"},
		"empty items":          {strings.Replace(smallest, "items: users", `items: ""`, 1), 2, "list.items: is missing"},
		"no items in the list": {strings.Replace(smallest, "items: users", `items: []`, 1), 2, "list.items: is missing"},
		"no user":              {strings.Replace(smallest, "user: {id: id}", "", 1), 1, "user.id: is missing"},
		"no id":                {strings.Replace(smallest, "{id: id}", "{username: x}", 1), 3, "user.id: is missing"},
		"no remove":            {strings.Replace(smallest, "remove: {path: \"/users/{id}\"}", "", 1), 1, "remove.path: is missing"},
		"no {id}":              {strings.Replace(smallest, "{id}", "1", 1), 4, "{id} is missing"},
		"{id} in a list":       {strings.Replace(smallest, "path: /users,", `path: "/users/{id}",`, 1), 2, "{id} is unknown"},
		"no slash":             {strings.Replace(smallest, "/users/{id}", "users/{id}", 1), 4, "slash"},
		"another host":         {strings.Replace(smallest, "/users/{id}", "http://evil.test/{id}", 1), 4, "slash"},
		"a query":              {strings.Replace(smallest, "/users/{id}", "/users?id={id}", 1), 4, "query"},
		"unknown placeholder":  {strings.Replace(smallest, "{token}", "{tokn}", 1), 1, "{tokn} is unknown"},
		"password in a path":   {strings.Replace(smallest, "/users/{id}", "/users/{password}/{id}", 1), 4, "{password} is unknown"},
		"token in a query":     {strings.Replace(smallest, "items: users", `items: users, query: {t: "{token}"}`, 1), 2, "{token} is unknown"},
		"header name":          {strings.Replace(smallest, "Authorization", `"Author ization"`, 1), 1, "header"},
		"odd header name":      {strings.Replace(smallest, "Authorization", `"a[[.b'"`, 1), 1, "header"},
		"odd name":             {smallest + "params: {\"token\": x, \"a['..[\": y}\n", 5, "taken"},
		"odd query name":       {strings.Replace(smallest, "items: users", `items: users, query: {"$.a[": "{x}"}`, 1), 2, "{x} is unknown"},
		"taken name":           {smallest + "params: {token: x}\n", 5, "taken"},
		"cursor and offset":    {strings.Replace(smallest, "items: users", "items: users, cursor: {param: c, next: n}, offset: {param: o}", 1), 2, "both"},
		"cursor, no param":     {strings.Replace(smallest, "items: users", "items: users, cursor: {next: n}", 1), 2, "list.cursor.param: is missing"},
		"cursor, no next":      {strings.Replace(smallest, "items: users", "items: users, cursor: {param: n}", 1), 2, "list.cursor.next: is missing"},
		"offset, no param":     {strings.Replace(smallest, "items: users", "items: users, offset: {}", 1), 2, "list.offset.param: is missing"},
		"size without pages":   {strings.Replace(smallest, "items: users", "items: users, size: {param: s, default: 5}", 1), 2, "no pages"},
		"size 0":               {strings.Replace(smallest, "items: users", "items: users, offset: {param: o}, size: {param: s}", 1), 2, "list.size.default"},
		"login state":          {strings.Replace(smallest, "{id: id}", "{id: id, last_login: {path: x, missing: maybe}}", 1), 3, "maybe"},
		"login without a path": {strings.Replace(smallest, "{id: id}", "{id: id, last_login: {missing: never}}", 1), 3, "user.last_login.path: is missing"},
		"code of success":      {smallest[:len(smallest)-2] + ", success: [404]}\n", 4, "404"},
		"code of gone":         {smallest[:len(smallest)-2] + ", gone: [200]}\n", 4, "200"},
		"sign-in, no token":    {smallest + "sign_in: {path: /in}\n", 5, "sign_in.token: is missing"},
		"sign-in with a token": {smallest + "sign_in: {path: /in, token: t, body: {a: \"{token}\"}}\n", 5, "{token} is unknown"},
		"activity, no account": {smallest + "activity: {path: /log, items: logs, at: t}\n", 5, "activity.account.path: is missing"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := loadText(t, row.source)
			wantError(t, err, "own.yaml", row.want)
			line := regexp.MustCompile(fmt.Sprintf(`line %d:|\[%d:\d+\]`, row.line, row.line))
			if err != nil && !line.MatchString(err.Error()) {
				t.Errorf("line %d is not named in %q", row.line, err)
			}
		})
	}
	// All problems come at once.
	_, err := loadText(t, "headers: {A: \"{x}\"}\nlist: {path: users}\nremove: {path: /u}\n")
	wantError(t, err, "line 1: headers.A", "line 2: list.path", "list.items", "user.id", "line 3: remove.path")
}

func FuzzLoad(f *testing.F) {
	for _, name := range Names() {
		f.Add(must(YAML(name)))
	}
	for _, source := range []string{"", smallest, smallest + "params: {\"a.b\": x, a: , \"\": y}\n", "headers: {\"a'b[0]\": \"{x}\"}\n",
		"a: &a [*a]\n", "list: {items: {}}\n", "user: {last_login: {path: [[x]]}}\n", "<<: {}\n", "? x\n", "params: {x: {y: z}}\n"} {
		f.Add([]byte(source))
	}
	file := filepath.Join(f.TempDir(), "own.yaml")
	f.Fuzz(func(t *testing.T, source []byte) {
		if err := os.WriteFile(file, source, 0o600); err != nil {
			t.Fatal(err)
		}
		p, err := Load(file)
		if err != nil {
			if !strings.Contains(err.Error(), "own.yaml") {
				t.Errorf("no file in %q", err)
			}
			return
		}
		// What is accepted can be used.
		v := Values{Token: "t", Username: "u", Password: "p", ClientID: "i", ClientSecret: "s", Actor: "a", Params: map[string]string{}}
		for name := range p.Params {
			v.Params[name] = "x"
		}
		v.Check(p)
		for _, s := range p.Remove {
			if path := s.Path.Path(Bindings{text: AccountValues(job.User{ID: "ID"})}); !strings.HasPrefix(path, "/") {
				t.Errorf("removes at %q", path)
			}
			if !slices.ContainsFunc(slices.Concat(s.Templates(), s.Body.templates(), []Template{s.Path}), func(t Template) bool {
				return t.hasAny(p.User.placeholders())
			}) {
				t.Errorf("removes at %q, whoever that is", s.Path)
			}
		}
	})
}
