package client

import (
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"

	"dormant/client/profile"
)

// counted is a page with a header that counts all items.
func counted(body, total string) func(http.ResponseWriter, *http.Request) {
	return status(200, body, "X-Total-Count", total)
}

// TestPages: every pagination style that counts sends exactly the requests of the
// routes, with one connection and with several.
func TestPages(t *testing.T) {
	const (
		from1  = ", page: {param: p, first: 1}"
		from0  = ", page: {param: p, first: 0}"
		offset = ", offset: {param: o}"
		header = ", total: {header: X-Total-Count}"
	)
	for name, row := range map[string]struct {
		listing string
		routes  routes
		want    string // the accounts
		err     []string
	}{
		"page from 1": {from1, routes{
			"GET /users?p=1": people(1, 2, ""), "GET /users?p=2": people(3, 3, ""), "GET /users?p=3": people(1, 0, "")}, "1 2 3", nil},
		"page from 0": {from0, routes{
			"GET /users?p=0": people(1, 2, ""), "GET /users?p=1": people(3, 3, ""), "GET /users?p=2": people(1, 0, "")}, "1 2 3", nil},
		"nobody": {from1, routes{"GET /users?p=1": people(1, 0, "")}, "", nil},
		"short pages do not end it": {from1, routes{
			"GET /users?p=1": people(1, 3, ""), "GET /users?p=2": people(4, 4, ""), "GET /users?p=3": people(5, 7, ""),
			"GET /users?p=4": people(1, 0, "")}, "1 2 3 4 5 6 7", nil},
		"with the size, which is clamped": {from1 + ", size: {param: s, default: 50}", routes{
			"GET /users?p=1&s=50": people(1, 2, ""), "GET /users?p=2&s=50": people(3, 4, ""), "GET /users?p=3&s=50": people(1, 0, "")}, "1 2 3 4", nil},
		"page, repeated": {from1, routes{
			"GET /users?p=1": people(1, 2, ""), "GET /users?p=2": people(1, 2, ""), "GET /users?p=3": people(1, 0, "")}, "1 2", []string{"page 2 is page 1 once more", "repeats"}},
		"page, repeated as the total says": {from1 + ", total: n", routes{
			"GET /users?p=1": people(1, 2, `,"n":4`), "GET /users?p=2": people(1, 2, `,"n":4`)}, "1 2", []string{"page 2 is page 1 once more"}},
		"page, one account again": {from1, routes{
			"GET /users?p=1": people(1, 1, ""), "GET /users?p=2": people(1, 1, ""), "GET /users?p=3": people(1, 0, "")}, "1", []string{"page 2", "repeats"}},
		"offset, repeated": {offset + ", total: n", routes{
			"GET /users?o=0": people(1, 2, `,"n":6`), "GET /users?o=2": people(1, 2, `,"n":6`), "GET /users?o=4": people(1, 2, `,"n":6`)}, "1 2", []string{"page 2 is page 1 once more"}},
		"the third page is the first": {from1, routes{
			"GET /users?p=1": people(1, 2, ""), "GET /users?p=2": people(3, 4, ""), "GET /users?p=3": people(1, 2, "")}, "1 2 3 4", []string{"page 3 is page 1 once more"}},

		"the total ends it": {from1 + ", total: n", routes{
			"GET /users?p=1": people(1, 2, `,"n":3`), "GET /users?p=2": people(3, 3, `,"n":3`)}, "1 2 3", nil},
		"the total as text": {from1 + ", total: meta.n", routes{
			"GET /users?p=1": people(1, 2, `,"meta":{"n":"3"}`), "GET /users?p=2": people(3, 3, `,"meta":{"n":"3"}`)}, "1 2 3", nil},
		"the total in a header": {from1 + header, routes{
			"GET /users?p=1": counted(people(1, 2, ""), "3"), "GET /users?p=2": counted(people(3, 3, ""), "3")}, "1 2 3", nil},
		"the header of the total is missing": {from1 + header, routes{
			"GET /users?p=1": people(1, 2, "")}, "1 2", []string{"page 1", "X-Total-Count is nothing", "line 1: list.total"}},
		"the header of the total is a word": {from1 + header, routes{
			"GET /users?p=1": counted(people(1, 2, ""), "*")}, "1 2", []string{"page 1", "X-Total-Count is text"}},
		"the total is too small": {from1 + ", total: n", routes{
			"GET /users?p=1": people(1, 3, `,"n":2`)}, "1 2 3", []string{"3 accounts", "2"}},
		"the total is 0": {from1 + ", total: n", routes{
			"GET /users?p=1": people(1, 1, `,"n":0`)}, "1", []string{"1 accounts", "0"}},
		"the total is too large": {from1 + ", total: n", routes{
			"GET /users?p=1": people(1, 2, `,"n":4`), "GET /users?p=2": people(1, 0, `,"n":4`)}, "1 2", []string{"2 accounts", "4"}},
		"an empty page in the middle": {from1 + ", total: n", routes{
			"GET /users?p=1": people(1, 1, `,"n":2`), "GET /users?p=2": people(1, 0, `,"n":2`)}, "1", []string{"1 accounts", "2"}},

		"offset from 1": {", offset: {param: o, first: 1}", routes{
			"GET /users?o=1": people(1, 2, ""), "GET /users?o=3": people(3, 3, ""), "GET /users?o=4": people(1, 0, "")}, "1 2 3", nil},
		"offset by items": {offset + ", size: {param: s, default: 100}", routes{
			"GET /users?o=0&s=100": people(1, 2, ""), "GET /users?o=2&s=100": people(3, 3, ""), "GET /users?o=3&s=100": people(1, 0, "")}, "1 2 3", nil},
		"offset by size": {", offset: {param: o, step: size}, size: {param: s, default: 3, max: 3}", routes{
			"GET /users?o=0&s=3": people(1, 3, ""), "GET /users?o=3&s=3": people(4, 6, ""), "GET /users?o=6&s=3": people(1, 0, "")}, "1 2 3 4 5 6", nil},
		"offset by size, which leaves some out": {", offset: {param: o, step: size}, size: {param: s, default: 3, max: 3}", routes{
			"GET /users?o=0&s=3": people(2, 2, ""), "GET /users?o=3&s=3": people(4, 5, ""), "GET /users?o=6&s=3": people(1, 0, "")}, "2 4 5", nil},
		"offset by size from 1": {", offset: {param: o, first: 1, step: size}, size: {param: s, default: 3, max: 3}", routes{
			"GET /users?o=1&s=3": people(1, 3, ""), "GET /users?o=4&s=3": people(1, 0, "")}, "1 2 3", nil},

		"after": {", after: {since: id}", routes{
			"GET /users": people(1, 2, ""), "GET /users?since=2": people(3, 3, ""), "GET /users?since=3": people(1, 0, "")}, "1 2 3", nil},
		"after, two parameters": {", after: {from_name: u.name, from_id: id}", routes{
			"GET /users":                             `{"users":[{"id":"a b","u":{"name":"x&y"}}]}`,
			"GET /users?from_id=a+b&from_name=x%26y": people(1, 0, "")}, "a b", nil},
		"after, a large number": {", after: {since: id}", routes{
			"GET /users": `{"users":[{"id":12345678901234567890}]}`, "GET /users?since=12345678901234567890": people(1, 0, "")}, "12345678901234567890", nil},
		"after, with the total": {", after: {since: id}, total: n", routes{
			"GET /users": people(1, 2, `,"n":3`), "GET /users?since=2": people(3, 3, `,"n":3`)}, "1 2 3", nil},
		"after, the same item again": {", after: {since: id}", routes{
			"GET /users": people(1, 2, ""), "GET /users?since=2": people(2, 2, "")}, "1 2", []string{"page 2", "circle"}},
		"after, in a circle": {", after: {since: id}", routes{
			"GET /users": people(1, 2, ""), "GET /users?since=2": people(3, 3, ""), "GET /users?since=3": people(1, 2, "")},
			"1 2 3", []string{"page 3", "repeats"}},
		"after, a field is missing": {", after: {since: since}", routes{
			"GET /users": people(1, 2, "")}, "1 2", []string{"page 1", "since of the last item is nothing", "line 1: list.after.since"}},
		"after, a field is null": {", after: {since: since}", routes{
			"GET /users": `{"users":[{"id":1,"since":null}]}`}, "1", []string{"page 1", "since of the last item is null"}},
		"after, a field is an object": {", after: {since: since}", routes{
			"GET /users": `{"users":[{"id":1,"since":{"a":1}}]}`}, "1", []string{"page 1", "is an object"}},

		"below the limit": {", limit: 3", routes{"GET /users": people(1, 2, "")}, "1 2", nil},
		"at the limit":    {", limit: 3", routes{"GET /users": people(1, 3, "")}, "1 2 3", []string{"at most 3", "line 1: list.limit"}},
		"at the limit after some pages": {from1 + ", limit: 3", routes{
			"GET /users?p=1": people(1, 2, ""), "GET /users?p=2": people(3, 3, "")}, "1 2 3", []string{"at most 3"}},
		"the total is at the limit": {from1 + ", total: n, limit: 3", routes{
			"GET /users?p=1": people(1, 2, `,"n":3`)}, "1 2", []string{"at most 3"}},
		"the size with a limit": {", size: {param: s, default: 4}, limit: 4", routes{"GET /users?s=4": people(1, 3, "")}, "1 2 3", nil},
	} {
		for _, n := range []int{1, 4} {
			t.Run(fmt.Sprintf("%s/%d", name, n), func(t *testing.T) {
				s := serve(t, row.routes)
				users, err := all(t, s, connect(t, s, sketch(t, row.listing, "", ""), retries(0), connections(n)))
				if row.err != nil {
					wantError(t, err, append(row.err, "list users")...)
				} else if err != nil {
					t.Error(err)
				}
				if ids(users) != row.want {
					t.Errorf("got %s, want %s", ids(users), row.want)
				}
				// What is wrong may show while the next page is under way already.
				asked, want := sorted(s.lines()), strings.Join(slices.Sorted(maps.Keys(row.routes)), "\n")
				if asked != want && row.err == nil {
					t.Errorf("requests on the wire:\n%s\nwant:\n%s", asked, want)
				}
			})
		}
	}
}

func TestPageSize(t *testing.T) {
	p := sketch(t, ", page: {param: p, first: 1}, size: {param: s, default: 20, max: 50}", "", "")
	s := serve(t, routes{"GET /users?p=1&s=50": people(1, 0, "")})
	if _, err := all(t, s, connect(t, s, p, func(o *Options) { o.PageSize = 50 })); err != nil {
		t.Error(err)
	}
}

// --- responses without an array ---

func TestNone(t *testing.T) {
	for body, want := range map[string]string{
		`{"details":{"timestamp":"2024"}}`:               "",
		`{"details":{"timestamp":null}}`:                 "",
		`{"users":[{"id":1}],"details":{"timestamp":1}}`: "1",
		`{"users":[],"details":{}}`:                      "",
		`{"details":{}}`:                                 "no users",
		`{"error":"no"}`:                                 "no users",
		`{"users":null,"details":{"timestamp":1}}`:       "users is null",
		`{"users":{},"details":{"timestamp":1}}`:         "users is an object",
		`[]`:                                             "no users",
		`null`:                                           "no users",
	} {
		s := serve(t, routes{"GET /users": body})
		users, err := all(t, s, connect(t, s, sketch(t, ", none: details.timestamp", "", "")))
		if strings.Contains(want, " ") {
			wantError(t, err, "page 1", want)
		} else if err != nil || ids(users) != want {
			t.Errorf("%s: %s, %v; want %s", body, ids(users), err, want)
		}
	}
	s := serve(t, routes{
		"GET /users?c=0": `{"next":"a","details":1}`, "GET /users?c=a": people(1, 1, `,"next":null`)})
	if users, err := all(t, s, connect(t, s, sketch(t, byCursor+", none: details", "", ""))); err != nil || ids(users) != "1" {
		t.Errorf("%s, %v", ids(users), err)
	}
}

// --- accounts that are the members of an object ---

// --- listings by POST ---

// --- items that do not count ---

func TestOnly(t *testing.T) {
	listing := `, only: {path: type, in: ["human*"], missing: false}, total: n`
	s := serve(t, routes{"GET /users": `{"users":[{"id":1,"type":"human"},{"id":2,"type":"bot"},{"id":3},{"type":"note"},{"id":5,"type":"humanoid"}],"n":5}`})
	if users, err := all(t, s, connect(t, s, sketch(t, listing, "", ""))); err != nil || ids(users) != "1 5" {
		t.Errorf("%s, %v", ids(users), err)
	}
	// What may be an account is one: unknown means that it counts.
	s = serve(t, routes{"GET /users": `{"users":[{"id":1,"is":true},{"id":2,"is":false},{"id":3},{"id":4,"is":null},{"id":5,"is":"?"}]}`})
	if users, err := all(t, s, connect(t, s, sketch(t, ", only: is", "", ""))); err != nil || ids(users) != "1 3 4 5" {
		t.Errorf("%s, %v", ids(users), err)
	}
	s = serve(t, routes{"GET /users": `{"users":[{"id":1,"type":"human"},{"id":2,"type":"bot"}],"n":3}`})
	_, err := all(t, s, connect(t, s, sketch(t, listing, "", "")))
	wantError(t, err, "2 accounts", "3")
	// A page may have none that count.
	s = serve(t, routes{"GET /users?p=1": `{"users":[{"id":1,"type":"bot"}]}`, "GET /users?p=2": `{"users":[{"id":2,"type":"human"}]}`, "GET /users?p=3": people(1, 0, "")})
	if users, err := all(t, s, connect(t, s, sketch(t, `, only: {path: type, in: [human]}, page: {param: p, first: 1}`, "", ""))); err != nil || ids(users) != "2" {
		t.Errorf("%s, %v", ids(users), err)
	}
}

// --- several pages at once ---

// TestOnlyRetried: items that a failed attempt has brought already are counted once.
func TestOnlyRetried(t *testing.T) {
	for total, ok := range map[string]bool{"2": true, "3": false} {
		page := `{"users":[{"id":1,"type":"bot"},{"id":2,"type":"human"}],"n":` + total + `}`
		bubble(t, answering(routes{"GET /users": turns(cut(page[:len(page)-8]), page)}), func(t *testing.T, s *server) {
			users, err := all(t, s, connect(t, s, sketch(t, `, only: {path: type, in: [human]}, total: n`, "", "")))
			if (err == nil) != ok || ids(users) != "2" {
				t.Errorf("total %s: %s, %v", total, ids(users), err)
			}
		})
	}
}

// TestOnlyRepeated: an item that is not an account is counted once, so that it does
// not make up for a missing account.
func TestOnlyRepeated(t *testing.T) {
	const bot, other = `{"id":9,"type":"bot"}`, `{"id":8,"type":"bot"}`
	user := func(id int) string { return fmt.Sprintf(`{"id":%d,"type":"human"}`, id) }
	for name, row := range map[string]struct {
		pages []string
		total int
		err   string
	}{
		"once":                        {[]string{bot + "," + user(1), user(2)}, 3, ""},
		"two of them":                 {[]string{bot + "," + user(1), other + "," + user(2)}, 4, ""},
		"again on the next page":      {[]string{bot + "," + user(1), bot + "," + user(2)}, 4, "has 3 accounts and says that there are 4"},
		"again on the same page":      {[]string{bot + "," + bot, user(1) + "," + user(2)}, 4, "has 3 accounts and says that there are 4"},
		"again, and the total is so":  {[]string{bot + "," + user(1), bot + "," + user(2), user(3)}, 5, "has 4 accounts and says that there are 5"},
		"an account is missing":       {[]string{bot + "," + user(1), user(2)}, 4, "has 3 accounts and says that there are 4"},
		"with other contents by then": {[]string{bot + "," + user(1), `{"id":9,"type":"bot","n":2},` + user(2)}, 4, ""},
	} {
		for _, n := range []int{1, 4} {
			s := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				page, items := must(strconv.Atoi(r.URL.Query().Get("p"))), ""
				if page <= len(row.pages) {
					items = row.pages[page-1]
				}
				fmt.Fprintf(w, `{"users":[%s],"n":%d}`, items, row.total)
			}))
			users, err := all(t, s, connect(t, s, sketch(t, `, only: {path: type, in: [human]}`+numbered, "", ""), connections(n)))
			switch {
			case row.err != "":
				wantError(t, err, "list users", row.err)
			case err != nil || !strings.HasPrefix(ids(users), "1 2"):
				t.Errorf("%s, %d connections: %s, %v", name, n, ids(users), err)
			}
		}
	}
}

// TestHugeTotalCostsNothing: a total of a thousand million allocates nothing until the
// pages have come.
func TestHugeTotalCostsNothing(t *testing.T) {
	for name, l := range map[string]profile.Listing{
		"page":   {Paging: profile.Paging{Page: &profile.PageNumber{Param: "p", First: new(1)}}},
		"offset": {Paging: profile.Paging{Offset: &profile.Offset{Param: "p"}}},
	} {
		pager := newPager(l, 100, true, "")
		pager.first()
		first := page{number: 1, items: 1, total: 999_999_999}
		var rest int
		var at func(int) pageRequest
		if made := testing.AllocsPerRun(10, func() { rest, at = pager.remaining(first) }); made > 10 {
			t.Errorf("%s: %.0f allocations for %d pages", name, made, rest)
		}
		from := map[string]int{"page": 2, "offset": 1}[name]
		if rest != maxItems-1 || at(0).params["p"] != from || at(7).params["p"] != from+7 {
			t.Errorf("%s: %d pages, from %v, then %v", name, rest, at(0), at(7))
		}
	}
	for _, row := range []struct{ items, total, pages int }{
		{2, 2, 0}, {2, 1, 0}, {2, 3, 1}, {2, 4, 1}, {2, 5, 2}, {3, 10, 3}, {0, 10, 0}, {2, -1, 0}, {maxItems, 999_999_999, 0},
	} {
		p := newPager(profile.Listing{Paging: profile.Paging{Page: &profile.PageNumber{Param: "p", First: new(0)}}}, 0, true, "")
		if n, _ := p.remaining(page{number: 1, items: row.items, total: row.total}); n != row.pages {
			t.Errorf("%d items of %d: %d more pages, want %d", row.items, row.total, n, row.pages)
		}
	}
	for _, n := range []int{1, 4, 16} {
		s := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Query().Get("p") != "1" {
				w.WriteHeader(http.StatusConflict)
				return
			}
			io.WriteString(w, people(1, 1, `,"n":999999999`))
		}))
		_, err := all(t, s, connect(t, s, sketch(t, numbered, "", ""), connections(n)))
		wantError(t, err, "page 2: the directory answered 409")
		if asked := len(s.seen()); asked > 2+n {
			t.Errorf("%d connections: %d requests", n, asked)
		}
	}
}

// TestTotalOfThePage: a total that is no more than the first page has may count the page
// alone, whether the page is full or the directory has cut it off, so one more is asked
// for. So it is behind the last page of several, if it is full: some count up to a limit.
func TestTotalOfThePage(t *testing.T) {
	const (
		size  = ", size: {param: s, default: 2, max: 2}"
		pages = ", page: {param: p, first: 1}, total: n"
		first = "GET /users?p=1&s=2"
		probe = "GET /users?p=2&s=2"
		half  = "GET /users?p=1&s=1"
	)
	full := people(1, 2, `,"n":2`)
	for name, row := range map[string]struct {
		listing string
		routes  routes
		want    string
		err     []string
	}{
		"nothing there":                 {pages + size, routes{first: full, probe: people(1, 0, `,"n":2`)}, "1 2", nil},
		"nothing, and none":             {pages + size, routes{first: full, probe: people(1, 0, `,"n":0`)}, "1 2", nil},
		"no such page, 404":             {pages + size, routes{first: full, probe: 404}, "1 2", nil},
		"no such page, 400":             {pages + size, routes{first: full, probe: 400}, "1 2", nil},
		"no such page, 422":             {pages + size, routes{first: full, probe: 422}, "1 2", nil},
		"the server fails":              {pages + size, routes{first: full, probe: 500}, "1 2", []string{"page 2", "500"}},
		"it is forbidden":               {pages + size, routes{first: full, probe: 403}, "1 2", []string{"page 2", "403"}},
		"it is gone":                    {pages + size, routes{first: full, probe: 410}, "1 2", []string{"page 2", "410"}},
		"no JSON":                       {pages + size, routes{first: full, probe: "<html>"}, "1 2", []string{"page 2"}},
		"more":                          {pages + size, routes{first: full, probe: people(3, 3, `,"n":2`)}, "1 2", []string{"page 2: ", "there are more than the 2 items", "line 1: list.total"}},
		"as many more":                  {pages + size, routes{first: full, probe: people(3, 4, `,"n":2`)}, "1 2", []string{"page 2: ", "there are more than the 2 items", "line 1: list.total"}},
		"more, and the total has grown": {pages + size, routes{first: full, probe: people(3, 3, `,"n":3`)}, "1 2 3", nil},
		"the page is ignored, and the total counts it": {pages + size, routes{first: full, probe: full, half: people(1, 1, `,"n":1`)}, "1 2",
			[]string{"page 2: ", "it is page 1 once more", "line 1: list.page.param"}},
		"page and size are ignored":                      {pages + size, routes{first: full, probe: full, half: full}, "1 2", []string{"page 2: ", "it is page 1 once more", "line 1: list.page.param"}},
		"the page is ignored, and a smaller one refused": {pages + size, routes{first: full, probe: full, half: 400}, "1 2", []string{"page 2: ", "it is page 1 once more"}},
		"the last page is repeated":                      {pages + size, routes{first: full, probe: full, half: people(1, 1, `,"n":2`)}, "1 2", nil},
		"the last page is repeated, and it fails":        {pages + size, routes{first: full, probe: full, half: 500}, "1 2", []string{"page 2: with s=1", "500"}},
		"an offset":          {", offset: {param: p, step: size}, total: n" + size, routes{"GET /users?p=0&s=2": full, probe: people(3, 3, `,"n":2`)}, "1 2", []string{"more than the 2 items"}},
		"an offset, nothing": {", offset: {param: p}, total: n" + size, routes{"GET /users?p=0&s=2": full, probe: 400}, "1 2", nil},
		"a header": {", page: {param: p, first: 1}, total: {header: X-Total-Count}" + size, routes{
			first: counted(people(1, 2, ""), "2"), probe: counted(people(3, 3, ""), "2")}, "1 2", []string{"more than the 2 items that X-Total-Count says"}},
		"no header behind it": {", page: {param: p, first: 1}, total: {header: X-Total-Count}" + size, routes{
			first: counted(people(1, 2, ""), "2"), probe: people(1, 0, "")}, "1 2", nil},
		"no array behind it":    {pages + size, routes{first: full, probe: `{"users":null,"n":2}`}, "1 2", nil},
		"an error in the array": {pages + size, routes{first: full, probe: `{"error":"no"}`}, "1 2", []string{"page 2", "no users"}},
		"204 behind it":         {pages + size, routes{first: full, probe: 204}, "1 2", nil},
		"416 behind it":         {pages + size, routes{first: full, probe: 416}, "1 2", nil},

		"not full":              {pages + size, routes{first: people(1, 1, `,"n":1`), probe: people(1, 0, `,"n":1`)}, "1", nil},
		"not full, cut off":     {pages + size, routes{first: people(1, 1, `,"n":1`), probe: people(2, 2, `,"n":1`)}, "1", []string{"more than the 1 items"}},
		"not full, all ignored": {pages + size, routes{first: people(1, 1, `,"n":1`), probe: people(1, 1, `,"n":1`)}, "1", nil},
		"nobody":                {pages + size, routes{first: people(1, 0, `,"n":0`)}, "", nil},
		"more than asked for":   {pages + size, routes{first: people(1, 3, `,"n":3`), probe: people(1, 0, `,"n":3`)}, "1 2 3", nil},
		"no size":               {pages, routes{"GET /users?p=1": full, "GET /users?p=2": people(1, 0, `,"n":2`)}, "1 2", nil},
		"no size, cut off":      {pages, routes{"GET /users?p=1": full, "GET /users?p=2": people(3, 3, `,"n":2`)}, "1 2", []string{"more than the 2 items"}},
		"no size, page 1 again": {pages, routes{"GET /users?p=1": full, "GET /users?p=2": full}, "1 2", nil},
		"no size, page 1 again, of 20": {pages, routes{"GET /users?p=1": people(1, 20, `,"n":20`), "GET /users?p=2": people(1, 20, `,"n":20`)}, strings.TrimSpace(numbers(1, 20)),
			[]string{"page 2: ", "it is page 1 once more", "line 1: list.page.param"}},
		"the last page of two":         {pages + size, routes{first: people(1, 2, `,"n":4`), probe: people(3, 4, `,"n":4`), "GET /users?p=3&s=2": people(1, 0, `,"n":4`)}, "1 2 3 4", nil},
		"counted up to a limit":        {pages + size, routes{first: people(1, 2, `,"n":4`), probe: people(3, 4, `,"n":4`), "GET /users?p=3&s=2": people(5, 6, `,"n":4`)}, "1 2 3 4 5 6", []string{"6 accounts and says that there are 4"}},
		"the last page of two again":   {pages + size, routes{first: people(1, 2, `,"n":4`), probe: people(3, 4, `,"n":4`), "GET /users?p=3&s=2": people(3, 4, `,"n":4`)}, "1 2 3 4", nil},
		"a last page that is not full": {pages + size, routes{first: people(1, 2, `,"n":3`), probe: people(3, 3, `,"n":3`)}, "1 2 3", nil},
		"a 404 that is no probe":       {pages + size, routes{first: people(1, 2, `,"n":3`), probe: 404}, "1 2", []string{"page 2", "404"}},
		"by the URL of the next":       {", next: next, total: n, size: {param: s, default: 2}", routes{"GET /users?s=2": people(1, 2, `,"n":2,"next":null`)}, "1 2", nil},
		"behind the last account":      {", after: {since: id}, total: n, size: {param: s, default: 2}", routes{"GET /users?s=2": full, "GET /users?s=2&since=2": people(1, 0, `,"n":2`)}, "1 2", nil},
		"more behind the last account": {", after: {since: id}, total: n, size: {param: s, default: 2}", routes{"GET /users?s=2": full, "GET /users?s=2&since=2": people(3, 3, `,"n":2`)}, "1 2",
			[]string{"more than the 2 items"}},
	} {
		for _, n := range []int{1, 4} {
			t.Run(fmt.Sprintf("%s/%d", name, n), func(t *testing.T) {
				s := serve(t, row.routes)
				users, err := all(t, s, connect(t, s, sketch(t, row.listing, "", ""), retries(0), connections(n)))
				if row.err != nil {
					wantError(t, err, append(row.err, "list users")...)
				} else if err != nil {
					t.Error(err)
				}
				if ids(users) != row.want {
					t.Errorf("got %s, want %s", ids(users), row.want)
				}
				if asked, want := sorted(s.lines()), strings.Join(slices.Sorted(maps.Keys(row.routes)), "\n"); asked != want {
					t.Errorf("requests on the wire:\n%s\nwant:\n%s", asked, want)
				}
			})
		}
	}
	// What is full depends on the size that is asked for.
	s := serve(t, routes{"GET /users?p=1&s=1": people(1, 1, `,"n":1`), "GET /users?p=2&s=1": 404})
	users, err := all(t, s, connect(t, s, sketch(t, pages+size, "", ""), func(o *Options) { o.PageSize = 1 }))
	if err != nil || ids(users) != "1" {
		t.Errorf("%s, %v", ids(users), err)
	}
	s.wantRequests(t, "GET /users?p=1&s=1", "GET /users?p=2&s=1")
}

// TestSourcesOfASample: Sample requests one page of a source only, and a source that fits
// on it counts as complete.
func TestSourcesOfASample(t *testing.T) {
	for coverage, want := range map[string]string{"log": "before 2020-01-01T23:59:59Z", "complete": "never"} {
		for total, want := range map[string]string{"1": want, "2": "absent"} {
			s := serve(t, routes{"GET /users?p=1&s=1": people(1, 1, `,"n":1`), "GET /users?p=2&s=1": 404, "GET /log?p=1&s=1": `{"log":[{"who":2,"at":"2020-01-01"}],"n":` + total + `}`})
			const paging = ", page: {param: p, first: 1}, total: n, size: {param: s, default: 1}"
			c := connect(t, s, sketch(t, paging, ", last_login: {path: last, missing: absent}",
				"activity: {path: /log, items: log"+paging+", account: {path: who}, at: at, coverage: "+coverage+"}\n"))
			for u, err := range c.Sample(t.Context()) {
				if err != nil || describeUse(u) != want {
					t.Errorf("%s, total %s: %s, %v; want %s", coverage, total, describeUse(u), err, want)
				}
			}
			s.wantRequests(t, "GET /log?p=1&s=1", "GET /users?p=1&s=1", "GET /users?p=2&s=1")
		}
	}
}

// TestNoFirstPage: a 404 for the first page names the path that was requested, and its
// line in the profile.
func TestNoFirstPage(t *testing.T) {
	const log = `activity: {path: /log, items: log, account: {path: who}, at: at}` + "\n"
	for name, row := range map[string]struct {
		list, more string
		routes     routes
		want       []string
		line       bool
	}{
		"the listing":      {"", "", routes{"GET /users": 404}, []string{"list users: page 1", "404", "at /prefix/users (profile ", "own.yaml, line 1: list.path"}, true},
		"with pages":       {numbered, "", routes{"GET /users?p=1": 404}, []string{"at /prefix/users (", "line 1: list.path"}, true},
		"another code":     {"", "", routes{"GET /users": 410}, []string{"page 1", "410"}, false},
		"the second page":  {numbered, "", routes{"GET /users?p=1": people(1, 2, `,"n":3`), "GET /users?p=2": 404}, []string{"page 2", "404"}, false},
		"a source":         {"", log, routes{"GET /log": 404}, []string{"list activity", "404", "at /prefix/log (", "activity.path"}, true},
		"a source, no 404": {"", log, routes{"GET /log": 400}, []string{"list activity", "400"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, row.routes)
			_, err := all(t, s, connect(t, s, sketch(t, row.list, "", row.more), retries(0)))
			if wantError(t, err, row.want...); err != nil && strings.Contains(err.Error(), "own.yaml, line") != row.line {
				t.Error(err)
			}
		})
	}
}
