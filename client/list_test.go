package client

import (
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"dormant/job"
)

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

func wantUsers(t *testing.T, users []job.User, want ...string) {
	t.Helper()
	var got []string
	for _, u := range users {
		got = append(got, describeUser(u))
	}
	if g, w := strings.Join(got, "\n"), strings.Join(want, "\n"); g != w {
		t.Errorf("got users\n%s\nwant\n%s", g, w)
	}
}

func wantHeaders(t *testing.T, w wire, want map[string]string) {
	t.Helper()
	for name, value := range want {
		if got := strings.Join(w.header.Values(name), "|"); got != value {
			t.Errorf("%s: header %s is %q, want %q", w, name, got, value)
		}
	}
}

func TestMaestro(t *testing.T) {
	s := serve(t, routes{
		"GET /users": `{"users":[
			{"id":"9d1f","username":"ana","email":"ana@acme.test","lastLogin":"2024-01-02T03:04:05.678Z"},
			{"id":2,"username":"bo","email":"bo@acme.test","lastLogin":"2024-01-02T03:04:05.123456"},
			{"id":3,"lastLogin":"2024-01-02"}, {"id":4,"lastLogin":1704164645}, {"id":5,"lastLogin":"1704164645678"},
			{"id":6,"lastLogin":"2024-01-02T03:04:05-03:00"},
			{"id":7}, {"id":8,"lastLogin":null}, {"id":9,"lastLogin":""}, {"id":10,"lastLogin":0},
			{"id":11,"lastLogin":"1970-01-01T00:00:00Z"}, {"id":12,"lastLogin":"0001-01-01T00:00:00Z"},
			{"id":13,"lastLogin":"yesterday"}, {"id":14,"lastLogin":true}, {"id":15,"lastLogin":{}}, {"id":16,"lastLogin":["2024"]}
		]}`,
		"DELETE /users/9d1f": status(200, `{}`),
	})
	for scheme, authorization := range map[string]string{"": token, "Bearer": "Bearer " + token} {
		c := connect(t, s, builtin(t, "maestro"), func(o *Options) {
			if scheme != "" {
				o.Values.Params = map[string]string{"scheme": scheme}
			}
		})
		users, err := all(t, s, c)
		if err != nil {
			t.Fatal(err)
		}
		wantUsers(t, users,
			"9d1f ana ana@acme.test login=2024-01-02T03:04:05Z created=undated",
			"2 bo bo@acme.test login=2024-01-02T03:04:05Z created=undated",
			"3   login=2024-01-02T23:59:59Z created=undated",
			"4   login=2024-01-02T03:04:05Z created=undated",
			"5   login=2024-01-02T03:04:05Z created=undated",
			"6   login=2024-01-02T06:04:05Z created=undated",
			"7   login=never created=undated", "8   login=never created=undated", "9   login=never created=undated",
			"10   login=never created=undated", "11   login=never created=undated", "12   login=never created=undated",
			"13   login=unreadable created=undated", "14   login=unreadable created=undated",
			"15   login=unreadable created=undated", "16   login=unreadable created=undated")
		if err := c.Remove(t.Context(), job.User{ID: "9d1f"}, agree); err != nil {
			t.Error(err)
		}
		seen := s.seen()
		for _, w := range seen[len(seen)-2:] {
			wantHeaders(t, w, map[string]string{
				"Authorization": authorization, "Dadosfera-User": "cleaner@acme.test", "dadosfera-lang": "pt-br",
				"Accept": "application/json", "User-Agent": "dormant/test",
			})
			if w.body != "" {
				t.Errorf("%s has the body %q", w, w.body)
			}
		}
	}
	s.wantRequests(t, "GET /users", "DELETE /users/9d1f", "GET /users", "DELETE /users/9d1f")
}

func TestITFlex(t *testing.T) {
	s := serve(t, routes{
		"GET /api/audit/logs?cursor=0&size=100": `{"cursor":{"current":0,"next":null,"previous":null},"action_logs":[]}`,
		"GET /api/users?cursor=0&size=100": `{"cursor":{"current":0,"next":2,"previous":null},"users":[
			{"id":1,"username":"admin","email":"a@x","fullname":"A","superuser":true,"roles":[{"id":1,"name":"Users management"}],
			 "created_at":"2020-01-01T00:00:00-03:00","updated_at":"2020-01-01T00:00:00-03:00"},
			{"id":2,"username":"bo","email":"b@x","fullname":"B","superuser":false,"roles":[]}]}`,
		"GET /api/users?cursor=2&size=100": `{"cursor":{"current":2,"next":null,"previous":0},"users":[
			{"id":3,"superuser":false,"lastLogin":"2024-01-02T03:04:05Z","created_at":null},
			{"id":4,"superuser":false,"last_login":null,"created_at":"once"},
			{"id":5,"last_login":"2024-01-02T03:04:05Z"},
			{"id":6,"superuser":false,"lastLogin":"2024-01-02T03:04:05Z","last_login":"2024-02-02T03:04:05Z"},
			{"id":7,"superuser":false,"lastLogin":"2024-01-02T03:04:05Z","last_login":"?"}]}`,
		"DELETE /api/users/1": 200,
	})
	c := connect(t, s, builtin(t, "itflex"))
	users, err := all(t, s, c)
	if err != nil {
		t.Fatal(err)
	}
	wantUsers(t, users,
		`1 admin a@x login=absent created=2020-01-01T03:00:00Z admin roles=["Users management"]`,
		`2 bo b@x login=absent created=undated roles=[]`,
		`3   login=2024-01-02T03:04:05Z created=undated`,
		`4   login=absent created=unreadable`,
		`5   login=hidden created=undated`, // the flag of administrators is not shown
		`6   login=2024-02-02T03:04:05Z created=undated`,
		`7   login=unreadable created=undated`)
	if err := c.Remove(t.Context(), job.User{ID: "1"}, agree); err != nil {
		t.Error(err)
	}
	for _, w := range s.seen() {
		wantHeaders(t, w, map[string]string{"Authorization": "Bearer " + token})
	}
}

func withoutAuditLog(o *Options) { o.Values.Params = map[string]string{"audit": "none"} }

func TestITFlexCloud(t *testing.T) {
	s := serve(t, routes{
		"GET /api/users?cursor=0&size=2":                      `{"data":[{"id":"u-1"},{"id":"u-2"}],"cursor":{"next":"a+b/=&size=9"}}`,
		"GET /api/users?cursor=a%2Bb%2F%3D%26size%3D9&size=2": `{"cursor":{"next":""},"data":[{"id":"u-3"}]}`,
	})
	users, err := all(t, s, connect(t, s, builtin(t, "itflex"), withoutAuditLog, func(o *Options) { o.PageSize = 2 }))
	if err != nil || ids(users) != "u-1 u-2 u-3" {
		t.Errorf("got %s, %v", ids(users), err)
	}
}

// TestTwoArrays: of several paths of items, only one may exist in a response.
func TestTwoArrays(t *testing.T) {
	for _, body := range []string{
		`{"users":[{"id":1}],"data":[{"id":2}],"cursor":{"next":null}}`, `{"data":[],"users":[],"cursor":{"next":null}}`,
		`{"users":[{"id":1}],"data":null,"cursor":{"next":null}}`,
	} {
		s := serve(t, routes{"GET /api/users?cursor=0&size=100": body})
		_, err := all(t, s, connect(t, s, builtin(t, "itflex"), withoutAuditLog))
		wantError(t, err, "list users: page 1", "data")
	}
}

func TestRedmine(t *testing.T) {
	s := serve(t, routes{
		"GET /users.json?limit=100&offset=0&sort=login&status=1": `{"users":[
			{"id":1,"login":"admin","admin":true,"firstname":"Red","lastname":"Mine","mail":"a@x",
			 "created_on":"2007-09-28T00:16:04Z","updated_on":"2010-08-01T18:05:45Z","last_login_on":"2011-08-01T18:05:45Z"},
			{"id":2,"login":"bo","admin":false,"mail":"b@x","created_on":"2007-09-28T00:16:04Z","last_login_on":null}
			],"total_count":5,"offset":0,"limit":2}`,
		"GET /users.json?limit=100&offset=2&sort=login&status=1": `{"users":[
			{"id":3,"login":"cy","admin":false,"created_on":"2007-09-28T00:16:04Z"},
			{"id":4,"login":"di","last_login_on":"2011-08-01T18:05:45Z"}
			],"total_count":5,"offset":2,"limit":2}`,
		"GET /users.json?limit=100&offset=4&sort=login&status=1": `{"users":[
			{"id":5,"login":"ed","admin":false,"last_login_on":""}],"total_count":5,"offset":4,"limit":2}`,
		"DELETE /users/5.json": 204,
	})
	c := connect(t, s, builtin(t, "redmine"))
	users, err := all(t, s, c)
	if err != nil {
		t.Fatal(err)
	}
	wantUsers(t, users,
		"1 admin a@x login=2011-08-01T18:05:45Z created=2007-09-28T00:16:04Z admin",
		"2 bo b@x login=never created=2007-09-28T00:16:04Z",
		"3 cy  login=hidden created=2007-09-28T00:16:04Z",
		"4 di  login=hidden created=undated",
		"5 ed  login=never created=undated")
	if err := c.Remove(t.Context(), job.User{ID: "5"}, agree); err != nil {
		t.Error(err)
	}
	for _, w := range s.seen() {
		wantHeaders(t, w, map[string]string{"X-Redmine-API-Key": token, "Authorization": ""})
	}
}

// TestSample: the first two pages are read, so that a second one that is the first once
// more shows, and the extent tells whether they are all.
func TestSample(t *testing.T) {
	const optional = `, cursor: {param: c, first: "0", next: next, optional: true}, size: {param: s, default: 100}`
	for name, row := range map[string]struct {
		paging string
		routes routes
		want   Extent
		err    string
	}{
		"more":                   {byOffset, routes{"GET /users?o=0": people(1, 2, `,"n":50`), "GET /users?o=2": people(3, 4, `,"n":50`)}, Extent{Pages: 2, More: true}, ""},
		"two":                    {byCursor, routes{"GET /users?c=0": people(1, 2, `,"next":"a"`), "GET /users?c=a": people(3, 4, `,"next":null`)}, Extent{Pages: 2}, ""},
		"one":                    {byCursor, routes{"GET /users?c=0": people(1, 4, `,"next":null`)}, Extent{Pages: 1}, ""},
		"one, by its total":      {byOffset, routes{"GET /users?o=0": people(1, 4, `,"n":4`), "GET /users?o=4": 404}, Extent{Pages: 1}, ""},
		"one response":           {"", routes{"GET /users": people(1, 4, "")}, Extent{Pages: 1}, ""},
		"one that may be a page": {"", routes{"GET /users": people(1, 100, "")}, Extent{Pages: 1, Assumed: true}, ""},
		"silence, proved":        {optional, routes{"GET /users?c=0&s=100": people(1, 4, ""), "GET /users?c=0&s=2": people(1, 2, `,"next":"a"`)}, Extent{Pages: 1}, ""},
		"silence, any size":      {optional, routes{"GET /users?c=0&s=100": people(1, 4, ""), "GET /users?c=0&s=2": people(1, 4, "")}, Extent{Pages: 1, Assumed: true}, ""},
		"silence, disproved": {optional, routes{"GET /users?c=0&s=100": people(1, 4, ""), "GET /users?c=0&s=2": people(1, 2, "")}, Extent{Pages: 1},
			"line 1: list.cursor.next"},
		"the first again": {", page: {param: p, first: 1}", routes{"GET /users?p=1": people(1, 4, ""), "GET /users?p=2": people(1, 4, "")}, Extent{Pages: 2}, "page 2 is page 1 once more"},
	} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, row.routes)
			c := connect(t, s, sketch(t, row.paging, "", ""), retries(0))
			n := 0
			var last error
			for _, err := range c.Sample(t.Context()) {
				if last = err; err == nil {
					n++
				}
			}
			if row.err != "" {
				wantError(t, last, row.err)
			} else if last != nil {
				t.Error(last)
			}
			if n != 4 && n != 100 || c.Extent() != row.want {
				t.Errorf("%d accounts, %+v, want %+v", n, c.Extent(), row.want)
			}
			if asked := strings.Count(s.lines(), "\n") + 1; asked != len(row.routes) {
				t.Errorf("requests on the wire:\n%s", s.lines())
			}
		})
	}
}

func TestBadBodies(t *testing.T) {
	long := strings.Repeat("x", maxBody)
	zipped := func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Encoding", "gzip")
		z := gzip.NewWriter(w)
		io.WriteString(z, people(1, 5, ""))
		if err := z.Flush(); err != nil { // and no end
			panic(err)
		}
	}
	declared := func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "1000")
		io.WriteString(w, people(1, 5, ""))
	}
	for name, row := range map[string]struct {
		answer any
		want   string // "item N: …" where it is an item
	}{
		"HTML":                    {`<html><body>Sign in</body></html>`, "not JSON"},
		"empty":                   {``, "empty"},
		"white space":             {"  \n ", ""},
		"null":                    {`null`, "no users"},
		"a number":                {`5`, "no users"},
		"a string":                {`"users"`, "no users"},
		"an array":                {`[{"id":1}]`, "no users"},
		"an empty object":         {`{}`, "no users"},
		"another name":            {`{"data":[{"id":1}]}`, "no users"},
		"another case":            {`{"Users":[{"id":1}]}`, "no users"},
		"an error":                {`{"error":"expired"}`, "the answer has error"},
		"users null":              {`{"users":null}`, "users is null"},
		"users an object":         {`{"users":{}}`, "users is an object"},
		"users a string":          {`{"users":"none"}`, `users is text, not an array`},
		"users false":             {`{"users":false}`, "users is false"},
		"cut in the array":        {`{"users":[{"id":1},{"id":2}`, "cut short"},
		"cut in an item":          {`{"users":[{"id":1},{"id":2`, "cut short"},
		"cut behind the array":    {`{"users":[{"id":1}]`, "cut short"},
		"cut in a string":         {`{"users":[{"id":"1`, "cut short"},
		"dropped in an item":      {cut(`{"users":[{"id":1},{"id":`), "cut short"},
		"dropped behind the end":  {cut(`{"users":[{"id":1}]}`), "cut short"},
		"shorter than declared":   {declared, "cut short"},
		"zipped and cut":          {zipped, "cut short"},
		"no zip":                  {status(200, people(1, 2, ""), "Content-Encoding", "gzip"), "gzip"},
		"garbage behind":          {people(1, 2, "") + "x", "behind the end"},
		"two documents":           {people(1, 2, "") + people(3, 4, ""), "behind the end"},
		"comma behind":            {`{"users":[{"id":1},]}`, "not JSON"},
		"two of the array":        {`{"users":[{"id":1}],"users":[{"id":2}]}`, "not JSON"},
		"two of a name":           {`{"users":[{"id":1,"id":2}]}`, "not JSON"},
		"two of a name, escaped":  {`{"users":[{"id":1,"\u0069d":2}]}`, "not JSON"},
		"two of a name, inside":   {`{"users":[{"id":1,"x":{"y":1,"y":2}}]}`, "not JSON"},
		"not UTF-8":               {"{\"users\":[{\"id\":\"a\xff\"}]}", "not JSON"},
		"half a surrogate":        {`{"users":[{"id":"\ud800"}]}`, "not JSON"},
		"a comment":               {`{"users":[/* none */]}`, "not JSON"},
		"NaN":                     {`{"users":[{"id":NaN}]}`, "not JSON"},
		"an item is a number":     {`{"users":[{"id":1},5]}`, "item 2: 5 is not an account"},
		"an item is a string":     {`{"users":["ana"]}`, `item 1: text is not an account`},
		"an item is null":         {`{"users":[{"id":1},{"id":2},null]}`, "item 3: null is not an account"},
		"an item is an array":     {`{"users":[[{"id":1}]]}`, "item 1: an array is not an account"},
		"an item has no id":       {`{"users":[{"id":1},{"ID":2}]}`, "item 2: it has no id"},
		"id null":                 {`{"users":[{"id":null}]}`, "item 1: id is null"},
		"id true":                 {`{"users":[{"id":true}]}`, "item 1: id is true"},
		"id a fraction":           {`{"users":[{"id":1.5}]}`, "item 1: id is 1.5"},
		"id with an exponent":     {`{"users":[{"id":1e3}]}`, "item 1: id is 1e3"},
		"id an object":            {`{"users":[{"id":{"$oid":"1"}}]}`, "item 1: id is an object"},
		"id an array":             {`{"users":[{"id":[1]}]}`, "item 1: id is an array"},
		"a giant item":            {`{"users":[{"id":1,"bio":"` + long + `"}]}`, "larger than 1 MiB"},
		"a giant behind the list": {people(1, 2, `,"x":"`+long+long+`"`), "larger than 1 MiB"},
		"much white space":        {`{"users":[` + strings.Repeat(" ", 2*maxBody) + `]}`, "larger than 1 MiB"},
		"many names":              {`{` + strings.Repeat(`"a":[],`, maxBody/5) + `"users":[]}`, "not JSON"},
		"deep":                    {strings.Repeat(`{"a":`, 20_000) + `1` + strings.Repeat(`}`, 20_000), "not JSON"},
		"204":                     {204, "204"},
		"203":                     {status(203, people(1, 2, "")), "203"},
		"206":                     {status(206, people(1, 2, "")), "206"},
		"304":                     {304, "304"},
		"302 to nowhere":          {302, "302"},
	} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, routes{
				"GET /users?c=0":     people(900, 901, `,"next":"page2"`),
				"GET /users?c=page2": row.answer, "GET /users": row.answer,
			})
			for page, paging := range map[string]string{"page 1": "", "page 2": byCursor} {
				_, err := all(t, s, connect(t, s, pagedProfile(t, paging), retries(0)))
				wantError(t, err, "list users", page, row.want)
				if strings.HasPrefix(row.want, "item ") {
					wantError(t, err, page+", "+row.want)
				}
			}
		})
	}
}

func TestGzip(t *testing.T) {
	s := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Accept-Encoding") != "gzip" {
			t.Error("gzip is not accepted")
		}
		w.Header().Set("Content-Encoding", "gzip")
		z := gzip.NewWriter(w)
		io.WriteString(z, people(1, 5, ""))
		z.Close()
	}))
	if users, err := all(t, s, connect(t, s, pagedProfile(t, ""))); err != nil || ids(users) != "1 2 3 4 5" {
		t.Errorf("%s, %v", ids(users), err)
	}
}

// TestDuplicates: two accounts with the same id count as one only if all that is read
// of them is equal: a removal could hit the wrong one.
func TestDuplicates(t *testing.T) {
	const account = `"id":1,"name":"ana","mail":"a@x","login":"2024-01-01","made":"2020-01-01","roles":["a"],"root":false,"bot":false,"off":false,"org":"x"`
	p := sketch(t, ", page: {param: p, first: 1}", `, username: name, email: mail, last_login: login, created: made, roles: roles, admin: root, service_account: bot, disabled: off, extra: {org: org}`, "")
	for change, same := range map[string]bool{
		"":                      true,
		`"more":1`:              true, // nobody reads that
		`"name":"bo"`:           false,
		`"mail":"b@x"`:          false,
		`"login":"2024-01-02"`:  false,
		`"login":null`:          false,
		`"made":"2020-01-02"`:   false,
		`"roles":["a","b"]`:     false,
		`"root":true`:           false,
		`"bot":true`:            false,
		`"off":true`:            false,
		`"org":"y"`:             false,
		`"org":1`:               false,
		`"org":null`:            false,
		`"id":"1","mail":"a@x"`: true,
		`"id":"1","mail":"a@X"`: false,
		`"login":"soon"`:        false,
	} {
		second := overridden(account, change)
		for name, pages := range map[string][]string{
			"on one page":   {`{` + account + `},{` + second + `}`},
			"on the next":   {`{` + account + `},{"id":2}`, `{"id":3},{` + second + `}`},
			"the other way": {`{` + second + `},{` + account + `}`},
			"far behind":    {`{` + account + `},{"id":2}`, `{"id":3},{"id":4}`, `{"id":5},{` + second + `}`},
		} {
			rs := routes{"GET /users?p=" + strconv.Itoa(len(pages)+1): people(1, 0, "")}
			for i, page := range pages {
				rs["GET /users?p="+strconv.Itoa(i+1)] = `{"users":[` + page + `]}`
			}
			s := serve(t, rs)
			_, err := all(t, s, connect(t, s, p))
			if !same {
				wantError(t, err, `account "1" `, "contents", "not unique")
				if healing := errors.Is(err, job.ErrChanged); healing != (len(pages) > 1) {
					t.Errorf("%s %s: another reading may succeed: %t", change, name, healing)
				}
			} else if err != nil {
				t.Errorf("%s %s: %v", change, name, err)
			}
		}
	}
}

// overridden are the members of an object with other values for some of them.
func overridden(members, others string) string {
	object := map[string]any{}
	for _, text := range []string{members, others} {
		if err := json.Unmarshal([]byte("{"+text+"}"), &object); err != nil {
			panic(err)
		}
	}
	return strings.Trim(string(must(json.Marshal(object))), "{}")
}

// TestFieldErrorSaysWhere: an error in a field names the account and the line of the
// profile.
func TestFieldErrorSaysWhere(t *testing.T) {
	p := load(t, "headers: {Authorization: \"{token}\"}\nlist: {path: /users, items: users}\nuser:\n  id: id\n  admin: root\n  roles: groups\nremove: {path: \"/users/{id}\"}\n")
	for item, want := range map[string]string{
		`{"root":false,"groups":[]}`:            "line 4: user.id",
		`{"id":8,"root":"yes","groups":[]}`:     "line 5: user.admin",
		`{"id":8,"root":false,"groups":[true]}`: "line 6: user.roles",
	} {
		s := serve(t, routes{"GET /users": `{"users":[{"id":7,"root":false,"groups":[]},` + item + `]}`})
		users, err := all(t, s, connect(t, s, p))
		wantError(t, err, "list users: page 1, item 2", "(profile ", "own.yaml, "+want)
		if ids(users) != "7" {
			t.Errorf("%s: users %s", item, ids(users))
		}
	}
}
