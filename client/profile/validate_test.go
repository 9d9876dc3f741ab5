package profile

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
)

// Each profile of these tests has one key on each line: headers on 1, list on 2,
// user on 3, remove on 4, and what else there is on 5.
func mistaken(list, user, remove, more string) string {
	return "headers: {Authorization: \"{token}\"}\nlist: {path: /users, items: users" + list + "}\nuser: {id: id" + user + "}\nremove: " +
		map[bool]string{true: `{path: "/users/{id}"}`, false: remove}[remove == ""] + "\n" + more
}

func wantMistake(t *testing.T, source string, line int, want string) {
	t.Helper()
	_, err := loadText(t, source)
	if wantError(t, err, "own.yaml", want); err == nil {
		t.Log(source)
		return
	}
	if at := regexp.MustCompile(fmt.Sprintf(`line %d:|\[%d:\d+\]`, line, line)); !at.MatchString(err.Error()) {
		t.Errorf("line %d is not named in %q", line, err)
	}
}

// TestUnknownKeys: a key that is not known is a mistake wherever it stands, in
// the short and in the long forms.
func TestUnknownKeys(t *testing.T) {
	for name, row := range map[string]struct {
		list, user, remove, more string
		line                     int
	}{
		"list":                     {", typo: 1", "", "", "", 2},
		"list.page":                {", page: {param: p, first: 1, typo: 1}", "", "", "", 2},
		"list.offset":              {", offset: {param: p, typo: 1}", "", "", "", 2},
		"list.cursor":              {", cursor: {param: p, next: n, typo: 1}", "", "", "", 2},
		"list.next":                {", next: {header: Link, typo: 1}", "", "", "", 2},
		"list.size":                {", page: {param: p, first: 1}, size: {param: s, default: 1, typo: 1}", "", "", "", 2},
		"list.total":               {", total: {header: X, typo: 1}", "", "", "", 2},
		"list.only":                {", only: {path: a, typo: 1}", "", "", "", 2},
		"list.body is free":        {"", "", "", "typo: 1\n", 5},
		"user":                     {"", ", typo: 1", "", "", 3},
		"user.admin":               {"", ", admin: {path: a, typo: 1}", "", "", 3},
		"user.admin, several":      {"", ", admin: [a, {path: b, typo: 1}]", "", "", 3},
		"user.service_account":     {"", ", service_account: {path: a, typo: 1}", "", "", 3},
		"user.disabled":            {"", ", disabled: {path: a, typo: 1}", "", "", 3},
		"user.roles":               {"", ", roles: {path: a, typo: 1}", "", "", 3},
		"user.created":             {"", ", created: {path: a, typo: 1}", "", "", 3},
		"user.last_login":          {"", ", last_login: {path: a, typo: 1}", "", "", 3},
		"user.last_login.never_if": {"", ", last_login: {path: a, never_if: {path: b, typo: 1}}", "", "", 3},
		"remove":                   {"", "", `{path: "/users/{id}", typo: 1}`, "", 4},
		"remove, several":          {"", "", `[{path: "/users/{id}"}, {path: "/users/{id}", typo: 1}]`, "", 4},
		"remove.success_if":        {"", "", `{path: "/users/{id}", success_if: {path: a, typo: 1}}`, "", 4},
		"remove.gone_if":           {"", "", `{path: "/users/{id}", gone_if: {path: a, typo: 1}}`, "", 4},
		"disable":                  {"", ", disabled: a", "", `disable: {method: POST, path: "/users/{id}", typo: 1}` + "\n", 5},
		"get":                      {"", "", "", `get: {path: "/users/{id}", typo: 1}` + "\n", 5},
		"get, several":             {"", "", "", `get: [{path: "/users/{id}"}, {path: "/users/{id}", typo: 1}]` + "\n", 5},
		"get.gone_if":              {"", "", "", `get: {path: "/users/{id}", gone_if: {path: a, typo: 1}}` + "\n", 5},
		"self":                     {"", "", "", "self: {path: /me, typo: 1}\n", 5},
		"sign_in":                  {"", "", "", "sign_in: {path: /in, token: t, body: {}, typo: 1}\n", 5},
		"rate_limit":               {"", "", "", "rate_limit: {reset: X, typo: 1}\n", 5},
		"rate_limit.also":          {"", "", "", "rate_limit: {also: {code: 403, if: {path: a}, typo: 1}}\n", 5},
		"rate_limit.also.if":       {"", "", "", "rate_limit: {also: {code: 403, if: {path: a, typo: 1}}}\n", 5},
		"activity":                 {"", "", "", "activity: {path: /log, items: log, account: {path: a}, at: t, typo: 1}\n", 5},
		"activity, several":        {"", "", "", "activity: [{path: /log, items: log, account: {path: a}, at: t}, {path: /log, items: log, account: {path: a}, at: t, typo: 1}]\n", 5},
		"activity.account":         {"", "", "", "activity: {path: /log, items: log, account: {path: a, typo: 1}, at: t}\n", 5},
		"activity.at":              {"", "", "", "activity: {path: /log, items: log, account: {path: a}, at: {path: t, typo: 1}}\n", 5},
		"activity.only":            {"", "", "", "activity: {path: /log, items: log, account: {path: a}, at: t, only: {path: a, typo: 1}}\n", 5},
		"activity.cursor":          {"", "", "", "activity: {path: /log, items: log, account: {path: a}, at: t, cursor: {param: c, next: n, typo: 1}}\n", 5},
	} {
		t.Run(name, func(t *testing.T) {
			source := mistaken(row.list, row.user, row.remove, row.more)
			wantMistake(t, source, row.line, "typo")
			// It is the one mistake.
			for _, typo := range []string{", typo: 1", "typo: 1\n"} {
				if correct := strings.Replace(source, typo, "", 1); correct != source {
					if _, err := loadText(t, correct); err != nil {
						t.Errorf("without it: %v", err)
					}
					return
				}
			}
		})
	}
}

func TestMistakes(t *testing.T) {
	const log = "activity: {path: /log, items: log, account: {path: a}, at: t"
	for name, row := range map[string]struct {
		list, user, remove, more string
		line                     int
		want                     string
	}{
		// paging
		"page without first":         {", page: {param: p}", "", "", "", 2, "list.page.first: has to be 0 or 1"},
		"page from 2":                {", page: {param: p, first: 2}", "", "", "", 2, "list.page.first"},
		"page from -1":               {", page: {param: p, first: -1}", "", "", "", 2, "list.page.first"},
		"page without param":         {", page: {first: 1}", "", "", "", 2, "list.page.param: is missing"},
		"page, first as text":        {", page: {param: p, first: one}", "", "", "", 2, ""},
		"offset from 2":              {", offset: {param: o, first: 2}", "", "", "", 2, "list.offset.first: 2"},
		"an odd step":                {", offset: {param: o, step: page}", "", "", "", 2, `list.offset.step: "page"`},
		"a step without a size":      {", offset: {param: o, step: size}", "", "", "", 2, "list.offset.step"},
		"a step without a max":       {", offset: {param: o, step: size}, size: {param: s, default: 5}", "", "", "", 2, "list.offset.step"},
		"page and cursor":            {", page: {param: p, first: 1}, cursor: {param: c, next: n}", "", "", "", 2, "both page and cursor"},
		"next and after":             {", next: n, after: {a: b}", "", "", "", 2, "both next and after"},
		"offset and next":            {", offset: {param: o}, next: n", "", "", "", 2, "both offset and next"},
		"all of them":                {", page: {param: p, first: 1}, offset: {param: o}, cursor: {param: c, next: n}, next: n, after: {a: b}", "", "", "", 2, "both page and offset and cursor and next and after"},
		"after nothing":              {`, after: {a: ""}`, "", "", "", 2, "list.after.a: is missing"},
		"next, empty":                {`, next: ""`, "", "", "", 2, "list.next"},
		"next, an empty header":      {`, next: {header: ""}`, "", "", "", 2, "list.next"},
		"next as a list":             {`, next: [a, b]`, "", "", "", 2, ""},
		"total, empty":               {`, total: ""`, "", "", "", 2, "list.total"},
		"total as a list":            {`, total: [a]`, "", "", "", 2, ""},
		"size without a param":       {", page: {param: p, first: 1}, size: {default: 5}", "", "", "", 2, "list.size.param: is missing"},
		"size less than the default": {", page: {param: p, first: 1}, size: {param: s, default: 5, max: 4}", "", "", "", 2, "list.size.max: 4"},
		"size without pages":         {", size: {param: s, default: 5}", "", "", "", 2, "no pages"},
		"a limit below 0":            {", limit: -1", "", "", "", 2, "list.limit: -1"},
		"keyed as text":              {", keyed: maybe", "", "", "", 2, ""},
		"a method":                   {", method: PUT", "", "", "", 2, `list.method: "PUT"`},
		"a method in small":          {", method: post, body: {}", "", "", "", 2, `list.method: "post"`},
		"a GET with a body":          {", body: {a: 1}", "", "", "", 2, "list.body: a GET has no body"},
		"a POST without a body":      {", method: POST", "", "", "", 2, "list.body: is missing"},
		"a POST by URLs":             {", method: POST, body: {}, next: n", "", "", "", 2, "list.next: a listing by POST"},
		"a body without a place":     {", method: POST, body: [1], page: {param: p, first: 1}", "", "", "", 2, "list.body: is no object"},
		"a placeholder in a body":    {`, method: POST, body: {a: {b: ["{password}"]}}`, "", "", "", 2, "{password} is unknown"},
		"an account in the query":    {`, query: {a: "{username}"}`, "", "", "", 2, "{username} is unknown"},
		"none with a blank":          {`, none: " a"`, "", "", "", 2, "list.none"},
		"only without a path":        {", only: {in: [a]}", "", "", "", 2, "list.only.path: is missing"},

		// paths
		"a path of jq":             {`, total: $.n`, "", "", "", 2, "is no path"},
		"a path with an @":         {`, next: "@odata.nextLink"`, "", "", "", 2, `'\@odata.nextLink'`},
		"a path with blanks":       {"", `, username: " name"`, "", "", 3, "user.username"},
		"an id that is a key":      {"", "", "", "", 3, "user.id"},
		"a condition with a blank": {"", `, admin: "a "`, "", "", 3, "user.admin"},

		// fields
		"admin, missing as text":  {"", ", admin: {path: a, missing: maybe}", "", "", 3, ""},
		"admin, in as text":       {"", ", admin: {path: a, in: b}", "", "", 3, ""},
		"admin, an empty glob":    {"", `, admin: {path: a, in: [""]}`, "", "", 3, "empty"},
		"admin, lists of lists":   {"", `, admin: {path: "a.#.b.#.c", in: [x]}`, "", "", 3, "user.admin"},
		"an extra with an @":      {"", `, extra: {x: "@x"}`, `{path: "/{x}"}`, "", 3, "@x"},
		"an extra with blanks":    {"", `, extra: {x: " x"}`, `{path: "/{x}"}`, "", 3, "user.extra.x"},
		"an extra of nothing":     {"", `, extra: {x: ""}`, `{path: "/{x}"}`, "", 3, "user.extra.x: is missing"},
		"admin without a path":    {"", ", admin: {in: [a]}", "", "", 3, "user.admin"},
		"admin, an empty path":    {"", `, admin: ""`, "", "", 3, "user.admin"},
		"admin, one of several":   {"", `, admin: [a, {in: [b]}]`, "", "", 3, "user.admin"},
		"disabled without a path": {"", `, disabled: {missing: false}`, "", "", 3, "user.disabled"},
		"created without a path":  {"", ", created: {layout: YYYY-MM-DD}", "", "", 3, "user.created.path: is missing"},
		"created, an empty path":  {"", `, created: [a, ""]`, "", "", 3, "user.created.path"},
		"a layout without a year": {"", ", created: {path: a, layout: DD.MM}", "", "", 3, "user.created.layout"},
		"a layout with two years": {"", ", created: {path: a, layout: YYYY-MM-DD YYYY}", "", "", 3, "user.created.layout"},
		"a layout in small":       {"", ", created: {path: a, layout: dd.mm.yyyy}", "", "", 3, "user.created.layout"},
		"a layout of Go":          {"", `, created: {path: a, layout: "2006-01-02"}`, "", "", 3, "user.created.layout"},
		"a zone of a placeholder": {"", `, created: {path: a, zone: "{zone}"}`, "", "", 3, "{zone} is unknown"},
		"login, a layout alone":   {"", `, last_login: {layout: DD.MM.YYYY}`, "", "", 3, "user.last_login.path: is missing"},
		"login, an odd layout":    {"", `, last_login: {path: a, layout: X}`, "", "", 3, "user.last_login.layout"},
		"login, an odd state":     {"", ", last_login: {path: a, empty: unknown}", "", "", 3, `user.last_login.empty: "unknown"`},
		"login, never if nothing": {"", ", last_login: {path: a, never_if: {in: [0]}}", "", "", 3, "user.last_login.never_if.path: is missing"},
		"optional, and not there": {"", ", optional: [email]", "", "", 3, `"email" is none of the fields`},
		"optional, unknown":       {"", ", optional: [name]", "", "", 3, `"name" is none of the fields`},
		"an extra that is taken":  {"", ", extra: {id: x}", "", "", 3, "user.extra.id: the name is taken"},
		"an extra like a secret":  {"", ", extra: {token: x}", "", "", 3, "user.extra.token: the name is taken"},
		"an extra like a param":   {"", ", extra: {realm: x}", "", "params: {realm: a}\n", 3, "user.extra.realm: is among params"},
		"an extra like an extra":  {"", ", extra: {purge: x}", "", "extras: {purge: everything}\n", 3, "user.extra.purge: is among extras"},

		// elements of arrays
		"an element in brackets":       {"", ", email: \"emails[0].address\"", "", "", 3, `"emails[0].address": an element of an array is written .0`},
		"the twelfth":                  {"", ", username: \"[12]\"", "", "", 3, "an element of an array is written .12"},
		"in brackets, a flag":          {"", ", admin: {path: \"roles[1]\", in: [a]}", "", "", 3, "user.admin"},
		"in brackets, an extra":        {"", ", extra: {x: \"a[0]\"}", "", "", 3, "user.extra.x"},
		"in brackets, a login":         {"", ", last_login: [a, \"b[3]\"]", "", "", 3, "is written .3"},
		"in brackets, a cursor":        {", cursor: {param: c, next: \"links[0].next\"}", "", "", "", 2, "is written .0"},
		"in brackets, a total":         {", total: \"meta[0].n\"", "", "", "", 2, "is written .0"},
		"in brackets, one account":     {"", "", "", `get: {path: "/users/{id}", item: "data[0]"}` + "\n", 5, "is written .0"},
		"in brackets, what is removed": {"", "", `{path: "/users/{id}", success_if: "ok[0]"}`, "", 4, "is written .0"},
		"in brackets, whose entry":     {"", "", "", "activity: {path: /log, items: log, account: {path: \"who[0]\"}, at: t}\n", 5, "activity.account.path"},

		// params and extras
		"an extra like another param": {"", "", "", "params: {purge: a}\nextras: {purge: everything}\n", 6, "extras.purge: is among params"},
		"an extra that destroys":      {"", "", "", "extras: {purge: \"\"}\n", 5, "extras.purge: does not say what it destroys"},
		"a default of a secret":       {"", "", "", "params: {a: \"{password}\"}\n", 5, "{password} is unknown"},
		"a default of a token":        {"", "", "", "params: {a: \"{token}\"}\n", 5, "{token} is unknown"},
		"a default of itself":         {"", "", "", "params: {a: \"{a}\"}\n", 5, "{a} is unknown"},
		"a default of nothing":        {"", "", "", "params: {a: \"{b}\"}\n", 5, "{b} is unknown"},
		"a default by a detour":       {"", "", "", "params: {a: x, b: \"{a}\", c: \"{b}\"}\n", 5, "{b} is unknown"},
		"a default with a brace":      {"", "", "", "params: {a: \"x}\"}\n", 5, "brace"},

		// placeholders
		"a brace that is open":     {"", "", `{path: "/users/{id"}`, "", 4, "brace"},
		"a brace in a query":       {`, query: {a: "}{"}`, "", "", "", 2, "brace"},
		"a brace in a body":        {"", "", `{path: "/users/{id}", body: {a: "{"}}`, "", 4, "brace"},
		"a line break":             {`, query: {a: "x\ny"}`, "", "", "", 2, "line break"},
		"an unknown one in a body": {"", "", `{path: "/users/{id}", body: [{a: "{x}"}]}`, "", 4, "{x} is unknown"},
		"a secret in a header":     {"", "", `{path: "/users/{id}", headers: {A: "{token}"}}`, "", 4, "{token} is unknown"},
		"a secret in a body":       {"", "", `{path: "/users/{id}", body: {a: "{password}"}}`, "", 4, "{password} is unknown"},
		"an empty one":             {"", "", `{path: "/users/{id}/{}"}`, "", 4, "{} is unknown"},

		// requests that change something
		"a step by GET":               {"", "", `{method: GET, path: "/users/{id}"}`, "", 4, `"GET" is none of DELETE, POST, PUT, PATCH`},
		"a step in small":             {"", "", `{method: delete, path: "/users/{id}"}`, "", 4, `"delete" is none of`},
		"a step with body and form":   {"", "", `{path: "/users/{id}", body: {}, form: {a: b}}`, "", 4, "remove: has both body and form: it sends one of them"},
		"a later one with both":       {"", "", `[{path: "/users/{id}"}, {path: "/users/{id}", body: [], form: {}}]`, "", 4, "remove[1]: has both body and form"},
		"a form about nobody":         {"", "", `{method: POST, path: /drop, form: {a: b, c: "{{id}}"}}`, "", 4, "leads to no account"},
		"a secret in a form":          {"", "", `{path: "/users/{id}", form: {t: "{token}"}}`, "", 4, "{token} is unknown"},
		"a form that is a list":       {"", "", `{path: "/users/{id}", form: [a]}`, "", 4, "keys with values are needed"},
		"a step about nobody":         {"", "", `[{path: "/users/{id}"}, {method: POST, path: /purge}]`, "", 4, "remove[1].path: leads to no account"},
		"a first step about nobody":   {"", "", `[{method: POST, path: /purge}, {path: "/users/{id}"}]`, "", 4, "remove[0].path: leads to no account"},
		"an account only in a header": {"", "", `{path: /users, headers: {X-Id: "{id}"}}`, "", 4, "leads to no account"},
		"no step":                     {"", "", `[]`, "", 4, "remove"},
		"a reserved header":           {"", "", `{path: "/users/{id}", headers: {X-HTTP-Method-Override: DELETE}}`, "", 4, "not a profile's to set"},
		"a code of success":           {"", "", `{path: "/users/{id}", success: [302]}`, "", 4, "302"},
		"a code of gone":              {"", "", `{path: "/users/{id}", gone: [500]}`, "", 4, "500"},
		"a code of accepted":          {"", "", `{path: "/users/{id}", accepted: [302]}`, "", 4, "302"},
		"accepted and done":           {"", "", `{path: "/users/{id}", success: [200, 204], accepted: [204]}`, "", 4, "it is either done or will be"},
		"a code of refused":           {"", "", `{path: "/users/{id}", refused: [500]}`, "", 4, "500"},
		"refused and gone":            {"", "", `{path: "/users/{id}", refused: [404]}`, "", 4, "under gone as well"},
		"refused and gone, as named":  {"", "", `{path: "/users/{id}", refused: [409], gone: [409]}`, "", 4, "under gone as well"},
		"refused by 401":              {"", "", `{path: "/users/{id}", refused: [401]}`, "", 4, "credentials"},
		"refused by 403":              {"", "", `{path: "/users/{id}", refused: [403]}`, "", 4, "refused_if"},
		"refused by 429":              {"", "", `{path: "/users/{id}", refused: [429]}`, "", 4, "the request is repeated"},
		"refused_if without a path":   {"", "", `{path: "/users/{id}", refused_if: {in: [x]}}`, "", 4, "refused_if"},
		"success if nothing":          {"", "", `{path: "/users/{id}", success_if: {in: [a]}}`, "", 4, "success_if.path: is missing"},
		"disable without a flag":      {"", "", "", `disable: {method: POST, path: "/users/{id}"}` + "\n", 3, "user.disabled: is missing"},
		"disable in two steps":        {"", ", disabled: a", "", `disable: [{method: POST, path: "/users/{id}/a"}, {method: POST, path: "/users/{id}/b"}]` + "\n", 5, "disable: has 2 steps"},
		"disable without a method":    {"", ", disabled: a", "", `disable: {path: "/users/{id}"}` + "\n", 5, "disable"},
		"a path with dots":            {"", "", `{path: "/users/../{id}"}`, "", 4, "one of dots"},
		"a path with two slashes":     {"", "", `{path: "//evil.test/{id}"}`, "", 4, "empty segment"},
		"a path with a fragment":      {"", "", `{path: "/users/{id}#x"}`, "", 4, "fragment"},

		// reading one account
		"get about nobody":    {"", "", "", "get: {path: /me}\n", 5, "leads to no account"},
		"get, item and items": {"", "", "", `get: {path: "/users/{id}", item: a, items: b}` + "\n", 5, "both item and items"},
		"get, items by a key": {", keyed: true", "", "", `get: {path: /users, query: {q: "{id}"}, items: users}` + "\n", 5, "get"},
		"get, first as":       {"", "", "", `get: {path: "/users/{id}", as: a}` + "\n", 5, "as: the first GET"},
		"get, gone":           {"", "", "", `get: {path: "/users/{id}", gone: [200]}` + "\n", 5, "200"},
		"get, a secret":       {"", "", "", `get: {path: "/users/{id}", query: {t: "{token}"}}` + "\n", 5, "{token} is unknown"},
		"get, a method":       {"", "", "", `get: {path: "/users/{id}", method: POST}` + "\n", 5, "method"},
		"get, GET":            {"", "", "", `get: {path: "/users/{id}", method: GET}` + "\n", 5, "one account is read by GET"},
		"get, pages of what":  {"", "", "", `get: {path: "/users/{id}", next: next}` + "\n", 5, "where is the array"},
		"get, total of what":  {"", "", "", `get: {path: "/users/{id}", total: n}` + "\n", 5, "where is the array"},
		"get, collect what":   {"", "", "", `get: [{path: "/users/{id}"}, {path: "/users/{id}/x", as: x, collect: true}]` + "\n", 5, "where is the array"},
		"get, collect as":     {"", "", "", `get: [{path: "/users/{id}"}, {path: "/users/{id}/x", items: x, collect: true}]` + "\n", 5, "what are the items called"},

		// the limit of requests
		"a limit that says nothing": {"", "", "", "rate_limit: {}\n", 5, "rate_limit"},
		"also, no code":             {"", "", "", "rate_limit: {also: {if: a}}\n", 5, "rate_limit.also.code"},
		"also, a success":           {"", "", "", "rate_limit: {also: {code: 200, if: a}}\n", 5, "200"},
		"also, whatever it says":    {"", "", "", "rate_limit: {also: {code: 403}}\n", 5, "rate_limit.also.if.path: is missing"},

		// signing in
		"sign-in, path and url":             {"", "", "", `sign_in: {path: /in, url: "https://x.test/", token: t, body: {}}` + "\n", 5, "both path and url"},
		"sign-in, nowhere":                  {"", "", "", `sign_in: {token: t, body: {}}` + "\n", 5, "sign_in.path: is missing"},
		"sign-in, body and form":            {"", "", "", `sign_in: {path: /in, token: t, body: {}, form: {}}` + "\n", 5, "body or form"},
		"sign-in, neither":                  {"", "", "", `sign_in: {path: /in, token: t}` + "\n", 5, "body or form"},
		"sign-in, a secret in the url":      {"", "", "", `sign_in: {url: "https://x.test/{password}", token: t, body: {}}` + "\n", 5, "{password} is unknown"},
		"sign-in, an assertion of nothing":  {"", "", "", `sign_in: {path: /in, token: t, form: {a: "{assertion}"}}` + "\n", 5, "{assertion} is unknown"},
		"sign-in, an assertion for nothing": {"", "", "", `sign_in: {path: /in, token: t, form: {a: b}, assertion: {iss: x}}` + "\n", 5, "{assertion} is missing"},
		"sign-in, a secret in a claim":      {"", "", "", `sign_in: {path: /in, token: t, form: {a: "{assertion}"}, assertion: {iss: "{client_secret}"}}` + "\n", 5, "{client_secret} is unknown"},
		"sign-in, a life":                   {"", "", "", `sign_in: {path: /in, token: t, body: {}, expires: 59s}` + "\n", 5, "30m or 24h"},
		"sign-in, a life that has passed":   {"", "", "", `sign_in: {path: /in, token: t, body: {}, expires: -1h}` + "\n", 5, "30m or 24h"},
		"sign-in, a life without a unit":    {"", "", "", `sign_in: {path: /in, token: t, body: {}, expires: 30}` + "\n", 5, "30m or 24h"},
		"sign-in, a life in words":          {"", "", "", `sign_in: {path: /in, token: t, body: {}, expires: long}` + "\n", 5, "30m or 24h"},
		"sign-in, a brace":                  {"", "", "", `sign_in: {path: /in, token: t, form: {a: "{"}}` + "\n", 5, "brace"},

		// what self confirms
		"confirms, a success":  {"", "", "", `self: {path: /me, confirms: [200]}` + "\n", 5, "200 is not within"},
		"confirms, broken":     {"", "", "", `self: {path: /me, confirms: [500]}` + "\n", 5, "500 is not within"},
		"confirms and none":    {"", "", "", `self: {path: /me, confirms: [404], none: [403]}` + "\n", 5, "self.confirms"},
		"confirms by an actor": {"", "", "", `self: {path: "/users/{actor}", confirms: [404]}` + "\n", 5, "self.confirms"},

		// plain texts
		"plain, a path":  {", plain: a.b", "", "", "", 2, `list.plain: "a.b" is no name`},
		"plain, a hash":  {`, plain: "#"`, "", "", "", 2, `list.plain: "#" is no name`},
		"plain, of what": {"", "", "", `get: {path: "/users/{id}", plain: id}` + "\n", 5, "where is the array"},

		// activity
		"activity, nobody":            {"", "", "", "activity: {path: /log, items: log, at: t}\n", 5, "activity.account.path: is missing"},
		"activity, no items":          {"", "", "", "activity: {path: /log, account: {path: a}, at: t}\n", 5, "activity.items: is missing"},
		"activity, no time":           {"", "", "", "activity: {path: /log, items: log, account: {path: a}}\n", 5, "activity.at.path: is missing"},
		"activity, an odd name":       {"", "", "", strings.Replace(log, "path: a", "path: a, by: name", 1) + "}\n", 5, `"name" is none of id, username, email`},
		"activity, an odd coverage":   {"", "", "", log + ", coverage: full}\n", 5, `"full" is none of life, log, complete`},
		"activity, an odd param":      {"", "", "", log + `, coverage: "{x}"}` + "\n", 5, "{x} is unknown"},
		"activity, an odd layout":     {"", "", "", strings.Replace(log, "at: t", "at: {path: t, layout: x}", 1) + "}\n", 5, "activity.at.layout"},
		"activity, two styles":        {"", "", "", log + ", page: {param: p, first: 1}, offset: {param: o}}\n", 5, "both page and offset"},
		"activity, a POST by a path":  {"", "", "", `activity: {path: "/users/{id}", method: POST, body: {}, items: log, at: t}` + "\n", 5, "names the account in its body"},
		"activity, the second":        {"", "", "", "activity:\n  - {path: /log, items: log, account: {path: a}, at: t}\n  - {path: /log, items: log, at: t}\n", 7, "activity[1].account.path: is missing"},
		"activity, a secret":          {"", "", "", strings.Replace(log, "/log", `/log, query: {t: "{token}"}`, 1) + "}\n", 5, "{token} is unknown"},
		"activity, pages of one item": {"", "", "", `activity: {path: "/users/{id}/log", at: t, page: {param: p, first: 1}}` + "\n", 5, "activity"},
	} {
		t.Run(name, func(t *testing.T) {
			source := mistaken(row.list, row.user, row.remove, row.more)
			if name == "an id that is a key" || name == "get, items by a key" {
				source = strings.Replace(source, "id: id", `id: "@key"`, 1)
			}
			wantMistake(t, source, row.line, row.want)
		})
	}
}

// TestLinesOfLists: what is one of several says which, and what stands alone
// does not.
func TestLinesOfLists(t *testing.T) {
	source := `headers: {Authorization: "{token}"}
list: {path: /users, items: users}
user:
  id: id
  admin:
    - a
    - {in: [x]}
remove:
  - path: /users/{id}
  - path: users
get:
  path: /users/{nobody}
activity:
  - {path: /a, items: a, account: {path: b}, at: c}
  - path: /b
    items: b
    account: {path: c, by: d}
    at: {path: e, layout: f}
`
	_, err := loadText(t, source)
	wantError(t, err, "line 10: remove[1].path", "line 12: get.path", "line 17: activity[1].account.by", "line 18: activity[1].at.layout")
}

// TestRolesMissingIsNone: roles.missing has one value.
func TestRolesMissingIsNone(t *testing.T) {
	for _, wrong := range []string{"nobody", "None", "never", "true", "0", "[]"} {
		want := map[bool]string{true: "text is needed", false: `user.roles.missing: "` + wrong + `" is not none`}[wrong == "[]"]
		wantMistake(t, mistaken("", ", roles: {path: a, missing: "+wrong+"}", "", ""), 3, want)
	}
}
