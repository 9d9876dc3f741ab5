package client

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"dormant/job"
)

// TestASilentEnd: a first page that does not say anything of a next one may be all there
// is, or the profile looks for the next one at the wrong place.
func TestASilentEnd(t *testing.T) {
	const (
		cursor = `, cursor: {param: c, first: "0", next: meta.next, optional: true}`
		next   = `, next: links.next`
		link   = `, next: {header: Link}`
		size   = `, size: {param: s, default: 4}`
		total  = `, total: n`
	)
	for name, row := range map[string]struct {
		listing string
		routes  routes
		want    int // accounts
		err     []string
	}{
		// The end is said, and nothing else is asked.
		"null":                         {cursor + size, routes{"GET /users?c=0&s=4": people(1, 4, `,"meta":{"next":null}`)}, 4, nil},
		"empty":                        {cursor + size, routes{"GET /users?c=0&s=4": people(1, 4, `,"meta":{"next":""}`)}, 4, nil},
		"a link of null":               {next + size, routes{"GET /users?s=4": people(1, 4, `,"links":{"next":null}`)}, 4, nil},
		"an empty link":                {next + size, routes{"GET /users?s=4": people(1, 4, `,"links":{"next":""}`)}, 4, nil},
		"links to others":              {link + size, routes{"GET /users?s=4": status(200, people(1, 4, ""), "Link", `</users>; rel="first", </users>; rel="last"`)}, 4, nil},
		"the second page":              {cursor + size, routes{"GET /users?c=0&s=4": people(1, 4, `,"meta":{"next":"a"}`), "GET /users?c=a&s=4": people(5, 8, ``)}, 8, nil},
		"nobody":                       {cursor + size, routes{"GET /users?c=0&s=4": people(1, 0, ``)}, 0, nil},
		"fewer than asked":             {cursor + size, routes{"GET /users?c=0&s=4": people(1, 3, ``)}, 3, nil},
		"no size, and no usual number": {cursor, routes{"GET /users?c=0": people(1, 37, ``)}, 37, nil},

		// A page that is cut for certain shows whether the place is right.
		"a full page, and the place is right": {cursor + size, routes{
			"GET /users?c=0&s=4": people(1, 4, ``), "GET /users?c=0&s=2": people(1, 2, `,"meta":{"next":"a"}`)}, 4, nil},
		"a full page, and it is not": {cursor + size, routes{
			"GET /users?c=0&s=4": people(1, 4, ``), "GET /users?c=0&s=2": people(1, 2, ``)}, 4, []string{"page 1", "no meta.next", "line 1: list.cursor.next"}},
		"a full page, of any size": {cursor + size, routes{
			"GET /users?c=0&s=4": people(1, 4, ``), "GET /users?c=0&s=2": people(1, 4, ``)}, 4, []string{"no meta.next", "list.total", "list.size", "line 1: list.cursor.next"}},
		"a full page, and a smaller one refused": {cursor + size, routes{
			"GET /users?c=0&s=4": people(1, 4, ``), "GET /users?c=0&s=2": 400}, 4, []string{"no meta.next", "line 1: list.cursor.next"}},
		"a full page, and a smaller one fails": {cursor + size, routes{
			"GET /users?c=0&s=4": people(1, 4, ``), "GET /users?c=0&s=2": 500}, 4, []string{"page 1", "with s=2", "500"}},
		"a full page, and the smaller one is empty": {cursor + size, routes{
			"GET /users?c=0&s=4": people(1, 4, ``), "GET /users?c=0&s=2": people(1, 0, ``)}, 4, []string{"no meta.next"}},
		"a page of one": {strings.Replace(cursor+size, "default: 4", "default: 1", 1), routes{"GET /users?c=0&s=1": people(1, 1, ``)}, 1, []string{"no meta.next"}},
		"a clamped page, and the place is wrong": {strings.Replace(cursor+size, "default: 4", "default: 100", 1), routes{
			"GET /users?c=0&s=100": people(1, 50, ``), "GET /users?c=0&s=25": people(1, 25, ``)}, 50, []string{"no meta.next", "line 1: list.cursor.next"}},
		"no size, and 50 accounts": {cursor, routes{"GET /users?c=0": people(1, 50, ``)}, 50, []string{"no meta.next", "list.total", "line 1: list.cursor.next"}},
		"a link, and the place is right": {next + size, routes{
			"GET /users?s=4": people(1, 4, ``), "GET /users?s=2": people(1, 2, `,"links":{"next":"?s=2&from=2"}`)}, 4, nil},
		"a link, and it is not": {next + size, routes{
			"GET /users?s=4": people(1, 4, ``), "GET /users?s=2": people(1, 2, ``)}, 4, []string{"no links.next", "line 1: list.next"}},
		"a link that leads away": {next + size, routes{
			"GET /users?s=4": people(1, 4, ``), "GET /users?s=2": people(1, 2, `,"links":{"next":"http://127.0.0.1:9/"}`)}, 4, []string{"another origin"}},
		"a header, and it is right": {link + size, routes{
			"GET /users?s=4": people(1, 4, ``), "GET /users?s=2": status(200, people(1, 2, ""), "Link", `<?s=2&from=2>; rel="next"`)}, 4, nil},
		"a header that never comes": {link + size, routes{
			"GET /users?s=4": people(1, 4, ``), "GET /users?s=2": people(1, 2, ``)}, 4, []string{"no header Link", "line 1: list.next"}},

		// So does a total, unless it counts the page.
		"a total": {cursor + size + total, routes{
			"GET /users?c=0&s=4": people(1, 4, `,"n":4`), "GET /users?c=0&s=2": people(1, 2, `,"n":4`)}, 4, nil},
		"a total of the page": {cursor + size + total, routes{
			"GET /users?c=0&s=4": people(1, 4, `,"n":4`), "GET /users?c=0&s=2": people(1, 2, `,"n":2`)}, 4, []string{"no meta.next"}},
		"a total that changes": {cursor + size + total, routes{
			"GET /users?c=0&s=4": people(1, 4, `,"n":4`), "GET /users?c=0&s=2": people(1, 2, `,"n":5`)}, 4, []string{"the total was 4, and then 5", "changed"}},
		"a total, without a size": {cursor + total, routes{"GET /users?c=0": people(1, 50, `,"n":50`)}, 50, nil},
		"a larger total":          {cursor + total, routes{"GET /users?c=0": people(1, 3, `,"n":5`)}, 3, []string{"3 accounts and says that there are 5"}},

		// What leads on, and not where the profile looks, shows at once.
		"another cursor":           {cursor, routes{"GET /users?c=0": people(1, 3, `,"meta":{"next_cursor":"x"}`)}, 3, []string{`"meta.next_cursor"`, "no meta.next", "line 1: list.cursor.next"}},
		"another link":             {next, routes{"GET /users": people(1, 3, `,"paging":{"nextPageUrl":"/users?p=2"}`)}, 3, []string{`"paging.nextPageUrl"`, "list.next"}},
		"a header in its place":    {next, routes{"GET /users": status(200, people(1, 3, ""), "Link", `<?p=2>; rel=next`)}, 3, []string{"a header Link to the next page", "list.next"}},
		"a token to continue":      {cursor, routes{"GET /users?c=0": people(1, 3, `,"metadata":{"continue":"x"}`)}, 3, []string{`"metadata.continue"`}},
		"there is more":            {cursor, routes{"GET /users?c=0": people(1, 3, `,"has_more":true`)}, 3, []string{`"has_more"`}},
		"there is no more":         {cursor, routes{"GET /users?c=0": people(1, 3, `,"has_more":false,"next_page":null,"nextCursor":"","next":0`)}, 3, nil},
		"one response":             {"", routes{"GET /users": people(1, 3, ``)}, 3, nil},
		"one response of 100":      {"", routes{"GET /users": people(1, 100, ``)}, 100, nil},
		"one response and a link":  {"", routes{"GET /users": status(200, people(1, 3, ""), "Link", `<?p=2>; rel="next"`)}, 3, []string{"one response should have all", "a header Link", "line 1: list.path"}},
		"one response and a token": {"", routes{"GET /users": people(1, 3, `,"nextPageToken":"x"`)}, 3, []string{"one response should have all", `"nextPageToken"`}},
		"one response and HAL":     {"", routes{"GET /users": people(1, 3, `,"_links":{"next":{"href":"/users?p=2"}}`)}, 3, []string{`"_links.next"`}},
		"one response and OData":   {"", routes{"GET /users": people(1, 3, `,"@odata.nextLink":"/users?p=2"`)}, 3, []string{`"@odata.nextLink"`}},
	} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, row.routes)
			users, err := all(t, s, connect(t, s, sketch(t, row.listing, "", ""), retries(0)))
			if row.err != nil {
				wantError(t, err, append(row.err, "list users")...)
				if changes := strings.Contains(name, "total"); errors.Is(err, job.ErrChanged) && !changes {
					t.Errorf("another reading would not help: %v", err)
				}
			} else if err != nil {
				t.Error(err)
			}
			if len(users) != row.want {
				t.Errorf("got %s, want %d", ids(users), row.want)
			}
			if asked := strings.Count(s.lines(), "\n") + 1; asked != len(row.routes) {
				t.Errorf("requests on the wire:\n%s", s.lines())
			}
		})
	}
}

// TestDirectoriesOfAnySize: whatever number of accounts there is, a directory that keeps
// its word is read, and one that the profile gets wrong is not taken for a part of it.
func TestDirectoriesOfAnySize(t *testing.T) {
	const size = 20
	slice := func(r *http.Request, accounts, clamp int, at string) (from, to int) {
		n, err := strconv.Atoi(r.URL.Query().Get("s"))
		if err != nil || n < 1 {
			n = clamp
		}
		from, _ = strconv.Atoi(r.URL.Query().Get(at))
		from = min(from, accounts)
		return from, min(from+min(n, clamp), accounts)
	}
	type style struct {
		listing string
		answer  func(w http.ResponseWriter, r *http.Request, accounts, clamp int)
		wrong   bool // the profile does not fit, which nobody can see as long as one page has all
	}
	for name, s := range map[string]style{
		"cursor, optional": {`, cursor: {param: c, next: next, optional: true}`, func(w http.ResponseWriter, r *http.Request, accounts, clamp int) {
			from, to := slice(r, accounts, clamp, "c")
			behind := ""
			if to < accounts {
				behind = fmt.Sprintf(`,"next":"%d"`, to)
			}
			io.WriteString(w, people(from+1, to, behind))
		}, false},
		"cursor at the wrong place": {`, cursor: {param: c, next: nxt, optional: true}`, func(w http.ResponseWriter, r *http.Request, accounts, clamp int) {
			from, to := slice(r, accounts, clamp, "c")
			behind := ""
			if to < accounts {
				behind = fmt.Sprintf(`,"go_on":"%d"`, to)
			}
			io.WriteString(w, people(from+1, to, behind))
		}, true},
		"Link": {`, next: {header: Link}`, func(w http.ResponseWriter, r *http.Request, accounts, clamp int) {
			from, to := slice(r, accounts, clamp, "o")
			if to < accounts {
				w.Header().Set("Link", fmt.Sprintf(`<?o=%d&s=%s>; rel="next"`, to, r.URL.Query().Get("s")))
			}
			io.WriteString(w, people(from+1, to, ""))
		}, false},
		"offset with a total": {`, offset: {param: o}, total: n`, func(w http.ResponseWriter, r *http.Request, accounts, clamp int) {
			from, to := slice(r, accounts, clamp, "o")
			io.WriteString(w, people(from+1, to, fmt.Sprintf(`,"n":%d`, accounts)))
		}, false},
		"offset with a total of the page": {`, offset: {param: o}, total: n`, func(w http.ResponseWriter, r *http.Request, accounts, clamp int) {
			from, to := slice(r, accounts, clamp, "o")
			io.WriteString(w, people(from+1, to, fmt.Sprintf(`,"n":%d`, to-from)))
		}, true},
		"offset by another name, with a total of the page": {`, offset: {param: from}, total: n`, func(w http.ResponseWriter, r *http.Request, accounts, clamp int) {
			from, to := slice(r, accounts, clamp, "o")
			io.WriteString(w, people(from+1, to, fmt.Sprintf(`,"n":%d`, to-from)))
		}, true},
		"offset that is refused behind the end": {`, offset: {param: o}, total: n`, func(w http.ResponseWriter, r *http.Request, accounts, clamp int) {
			from, to := slice(r, accounts, clamp, "o")
			if from >= accounts && from > 0 {
				w.WriteHeader(http.StatusBadRequest)
				return
			}
			io.WriteString(w, people(from+1, to, fmt.Sprintf(`,"n":%d`, accounts)))
		}, false},
		"page, clamped to the last one": {`, page: {param: p, first: 0}, total: n`, func(w http.ResponseWriter, r *http.Request, accounts, clamp int) {
			n, _ := strconv.Atoi(r.URL.Query().Get("s"))
			n = min(n, clamp)
			p, _ := strconv.Atoi(r.URL.Query().Get("p"))
			p = min(p, max(0, (accounts-1)/n))
			io.WriteString(w, people(p*n+1, min(p*n+n, accounts), fmt.Sprintf(`,"n":%d`, accounts)))
		}, false},
		"after": {`, after: {a: id}`, func(w http.ResponseWriter, r *http.Request, accounts, clamp int) {
			from, to := slice(r, accounts, clamp, "a")
			io.WriteString(w, people(from+1, to, ""))
		}, false},
	} {
		t.Run(name, func(t *testing.T) {
			for _, clamp := range []int{size, 10} {
				for _, accounts := range []int{0, 1, 2, 9, 10, 11, 19, 20, 21, 39, 40, 41, 100, 101} {
					srv := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { s.answer(w, r, accounts, clamp) }))
					p := sketch(t, s.listing+fmt.Sprintf(", size: {param: s, default: %d}", size), "", "")
					users, err := all(t, srv, connect(t, srv, p, retries(0), connections(1)))
					switch {
					case err == nil && len(users) != accounts:
						t.Errorf("%d of %d accounts, in pages of %d, are taken for all:\n%s", len(users), accounts, clamp, srv.lines())
					case err != nil && !s.wrong && accounts != 1:
						t.Errorf("%d accounts, in pages of %d: %v\n%s", accounts, clamp, err, srv.lines())
					}
				}
			}
		})
	}
}
