package client

import (
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"runtime"
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

func TestITFlexCloud(t *testing.T) {
	s := serve(t, routes{
		"GET /api/audit/logs?cursor=0&size=100":               404,
		"GET /api/users?cursor=0&size=2":                      `{"data":[{"id":"u-1"},{"id":"u-2"}],"cursor":{"next":"a+b/=&size=9"}}`,
		"GET /api/users?cursor=a%2Bb%2F%3D%26size%3D9&size=2": `{"cursor":{"next":""},"data":[{"id":"u-3"}]}`,
	})
	users, err := all(t, s, connect(t, s, builtin(t, "itflex"), func(o *Options) { o.PageSize = 2 }))
	if err != nil || ids(users) != "u-1 u-2 u-3" {
		t.Errorf("got %s, %v", ids(users), err)
	}
}

// TestTwoArrays: where two paths are known, only one may be there.
func TestTwoArrays(t *testing.T) {
	for _, body := range []string{
		`{"users":[{"id":1}],"data":[{"id":2}],"cursor":{"next":null}}`, `{"data":[],"users":[],"cursor":{"next":null}}`,
		`{"users":[{"id":1}],"data":null,"cursor":{"next":null}}`,
	} {
		s := serve(t, routes{"GET /api/audit/logs?cursor=0&size=100": 404, "GET /api/users?cursor=0&size=100": body})
		_, err := all(t, s, connect(t, s, builtin(t, "itflex")))
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

// --- paging ---

const (
	byCursor = ", cursor: {param: c, first: \"0\", next: next}"
	byOffset = ", offset: {param: o}, total: n"
	byCount  = ", offset: {param: o}"
)

func TestPaging(t *testing.T) {
	big := people(101, 200, "")
	for name, row := range map[string]struct {
		paging string
		routes routes
		want   string // the users
		err    []string
	}{
		"opaque cursors": {byCursor, routes{
			"GET /users?c=0":           people(1, 2, `,"next":"a b&c=0"`),
			"GET /users?c=a+b%26c%3D0": people(3, 3, `,"next":"{id}"`), // no placeholder
			"GET /users?c=%7Bid%7D":    people(4, 4, `,"next":""`)}, "1 2 3 4", nil},
		"cursor before the items": {byCursor, routes{
			"GET /users?c=0": `{"next":7,"users":[{"id":1}]}`,
			"GET /users?c=7": `{"next":0,"users":[]}`}, "1", nil},
		"cursor 0 as text":               {byCursor, routes{"GET /users?c=0": people(1, 1, `,"next":"0"`)}, "1", nil},
		"cursor missing where it may be": {", cursor: {param: c, first: \"0\", next: next, optional: true}", routes{"GET /users?c=0": people(1, 1, ``)}, "1", nil},
		"cursor null":                    {byCursor, routes{"GET /users?c=0": people(1, 1, `,"next":null`)}, "1", nil},
		"big cursor": {byCursor, routes{
			"GET /users?c=0":                    people(1, 1, `,"next":12345678901234567890`),
			"GET /users?c=12345678901234567890": people(2, 2, `,"next":null`)}, "1 2", nil},
		"no first cursor": {", cursor: {param: c, next: next}", routes{
			"GET /users": people(1, 1, `,"next":"x"`), "GET /users?c=x": people(2, 2, `,"next":null`)}, "1 2", nil},
		"cursor missing":      {byCursor, routes{"GET /users?c=0": people(1, 2, ``)}, "1 2", []string{"page 1", "no next"}},
		"cursor is true":      {byCursor, routes{"GET /users?c=0": people(1, 2, `,"next":true`)}, "1 2", []string{"page 1", "not a cursor"}},
		"cursor is an object": {byCursor, routes{"GET /users?c=0": people(1, 2, `,"next":{}`)}, "1 2", []string{"page 1", "not a cursor"}},
		"cursor in a circle": {byCursor, routes{
			"GET /users?c=0": people(1, 1, `,"next":"a"`), "GET /users?c=a": people(2, 2, `,"next":"b"`),
			"GET /users?c=b": people(3, 3, `,"next":"a"`)}, "1 2 3", []string{"page 3", "circle"}},
		"cursor stays": {byCursor, routes{
			"GET /users?c=0": people(1, 1, `,"next":"a"`), "GET /users?c=a": people(2, 2, `,"next":"a"`)},
			"1 2", []string{"page 2", "circle"}},
		"repeated page": {byCursor, routes{
			"GET /users?c=0": people(1, 2, `,"next":"a"`), "GET /users?c=a": people(1, 2, `,"next":"b"`),
			"GET /users?c=b": people(3, 3, `,"next":null`)}, "1 2", []string{"page 2", "repeats"}},
		"repeated last page": {byCursor, routes{
			"GET /users?c=0": people(1, 2, `,"next":"a"`), "GET /users?c=a": people(2, 2, `,"next":null`)}, "1 2", []string{"page 2", "repeats"}},
		"some accounts moved to the next page": {byCursor, routes{
			"GET /users?c=0": people(1, 3, `,"next":"a"`), "GET /users?c=a": people(3, 4, `,"next":null`)}, "1 2 3 4", nil},
		"twice on one page": {"", routes{"GET /users": `{"users":[{"id":1},{"id":1},{"id":2}]}`}, "1 2", nil},
		"an empty page between": {byCursor, routes{
			"GET /users?c=0": people(1, 1, `,"next":"a"`), "GET /users?c=a": people(1, 0, `,"next":"b"`),
			"GET /users?c=b": people(2, 2, `,"next":null`)}, "1 2", nil},
		"another last login": {"", routes{"GET /users": `{"users":[{"id":1,"last":"2020-01-01"},{"id":1,"last":"2021-01-01"}]}`},
			"1", []string{"page 1, item 2", `"1"`}},
		"another last login on another page": {byCursor, routes{
			"GET /users?c=0": people(1, 1, `,"next":"a"`),
			"GET /users?c=a": `{"users":[{"id":9},{"id":1,"last":null}],"next":null}`}, "1 9", []string{"page 2, item 2", "page 1"}},
		"one id for two accounts": {"", routes{"GET /users": `{"users":[{"id":1,"name":"ana"},{"id":"1","name":"bo"}]}`},
			"1", []string{"page 1, item 2", "not unique"}},
		"offset, clamped to 2": {byOffset, routes{
			"GET /users?o=0": people(1, 2, `,"n":5`), "GET /users?o=2": people(3, 4, `,"n":5`), "GET /users?o=4": people(5, 5, `,"n":"5"`)},
			"1 2 3 4 5", nil},
		"offset, the total behind many": {byOffset, routes{"GET /users?o=0": big[:len(big)-1] + `,"n":100}`},
			strings.Join(strings.Fields(numbers(101, 200)), " "), nil},
		"offset without a total ends with an empty page": {byCount, routes{
			"GET /users?o=0": people(1, 2, ""), "GET /users?o=2": people(3, 3, ""), "GET /users?o=3": people(1, 0, "")}, "1 2 3", nil},
		"nobody":           {byOffset, routes{"GET /users?o=0": people(1, 0, `,"n":0`)}, "", nil},
		"total missing":    {byOffset, routes{"GET /users?o=0": people(1, 2, ``)}, "1 2", []string{"page 1", "n is nothing"}},
		"total null":       {byOffset, routes{"GET /users?o=0": people(1, 2, `,"n":null`)}, "1 2", []string{"page 1", "n is null"}},
		"total is text":    {byOffset, routes{"GET /users?o=0": people(1, 2, `,"n":"many"`)}, "1 2", []string{"page 1", "n is text, not the number"}},
		"total negative":   {byOffset, routes{"GET /users?o=0": people(1, 2, `,"n":-1`)}, "1 2", []string{"page 1", "-1"}},
		"total a fraction": {byOffset, routes{"GET /users?o=0": people(1, 2, `,"n":2.5`)}, "1 2", []string{"page 1", "2.5"}},
		"total too large": {byOffset, routes{"GET /users?o=0": people(1, 2, `,"n":4`), "GET /users?o=2": people(1, 0, `,"n":4`)},
			"1 2", []string{"2 accounts", "4"}},
		"total too small": {byOffset, routes{"GET /users?o=0": people(1, 3, `,"n":2`)}, "1 2 3", []string{"3 accounts", "2"}},
		"total counts a duplicate": {byOffset, routes{"GET /users?o=0": `{"users":[{"id":1},{"id":1}],"n":2}`},
			"1", []string{"1 accounts", "2"}},
		"the total shrinks": {byOffset, routes{"GET /users?o=0": people(1, 2, `,"n":100`), "GET /users?o=2": people(3, 4, `,"n":4`),
			"GET /users?o=4": people(1, 0, `,"n":4`), "GET /users?o=6": people(1, 0, `,"n":4`), "GET /users?o=8": people(1, 0, `,"n":4`), "GET /users?o=10": people(1, 0, `,"n":4`)},
			"1 2 3 4", []string{"4 accounts", "100"}},
		"the total grows": {byOffset, routes{"GET /users?o=0": people(1, 2, `,"n":3`), "GET /users?o=2": people(3, 4, `,"n":4`)}, "1 2 3 4", nil},
		"an empty page before the total": {byOffset, routes{
			"GET /users?o=0": people(1, 2, `,"n":3`), "GET /users?o=2": people(1, 0, `,"n":3`)}, "1 2", []string{"2 accounts", "3"}},
		"total of an unpaged listing": {", total: n", routes{"GET /users": people(1, 2, `,"n":3`)}, "1 2", []string{"2 accounts", "3"}},
	} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, row.routes)
			users, err := all(t, s, connect(t, s, pagedProfile(t, row.paging), retries(0)))
			if row.err != nil {
				wantError(t, err, append(row.err, "list users")...)
			} else if err != nil {
				t.Error(err)
			}
			if ids(users) != row.want {
				t.Errorf("got users %s, want %s", ids(users), row.want)
			}
		})
	}
}

func numbers(first, last int) string {
	var text strings.Builder
	for n := first; n <= last; n++ {
		fmt.Fprintf(&text, "%d ", n)
	}
	return text.String()
}

func TestOffsetIgnored(t *testing.T) {
	s := serve(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, people(1, 2, "")) }))
	users, err := all(t, s, connect(t, s, pagedProfile(t, byCount)))
	if wantError(t, err, "page 2", "repeats"); ids(users) != "1 2" {
		t.Errorf("got %s", ids(users))
	}
}

func TestEmptyPagesForever(t *testing.T) {
	n := 0
	s := serve(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		n++
		io.WriteString(w, people(1, 0, `,"next":`+strconv.Itoa(n)))
	}))
	_, err := all(t, s, connect(t, s, pagedProfile(t, byCursor)))
	wantError(t, err, "empty")
	if n := len(s.seen()); n > maxEmptyPages+1 {
		t.Errorf("%d requests", n)
	}
}

// TestEndless is a response that never ends, with ever new accounts or with
// always the same one.
func TestEndless(t *testing.T) {
	for name, next := range map[string]func(n int) int{
		"new accounts": func(n int) int { return n },
		"one account":  func(int) int { return 1 },
	} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				_, err := io.WriteString(w, `{"users":[{"id":0}`)
				for n := 0; err == nil && r.Context().Err() == nil; n++ {
					_, err = io.WriteString(w, `,{"id":`+strconv.Itoa(next(n))+`}`)
				}
			}))
			c := connect(t, s, pagedProfile(t, ""))
			c.maxItems = 10_000
			_, err := all(t, s, c)
			wantError(t, err, "list users", "10000", "does not end")
		})
	}
}

func TestFirstPage(t *testing.T) {
	s := serve(t, routes{"GET /users?o=0": people(1, 2, `,"n":50`)})
	n := 0
	for _, err := range connect(t, s, pagedProfile(t, byOffset)).FirstPage(t.Context()) {
		if n++; err != nil {
			t.Error(err)
		}
	}
	if n != 2 {
		t.Errorf("%d users", n)
	}
	s.wantRequests(t, "GET /users?o=0")
}

// TestNextPageWhileConsuming has the consumer wait, with the first account in
// its hands, for the request of the second page.
func TestNextPageWhileConsuming(t *testing.T) {
	asked := make(chan struct{})
	s := serve(t, routes{
		"GET /users?c=0": people(1, 2, `,"next":"a"`),
		"GET /users?c=a": func(w http.ResponseWriter, _ *http.Request) {
			close(asked)
			io.WriteString(w, people(3, 4, `,"next":null`))
		},
	})
	n := 0
	for _, err := range connect(t, s, pagedProfile(t, byCursor)).Users(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		if n++; n == 1 {
			select {
			case <-asked:
			case <-time.After(10 * time.Second):
				t.Fatal("the second page is not asked for while the first is consumed")
			}
		}
	}
}

// TestOverlap counts the time: ten pages of a second each, with a second of
// work on each of them.
func TestOverlap(t *testing.T) {
	bubble(t, answering(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		<-time.After(time.Second)
		n, _ := strconv.Atoi(r.URL.Query().Get("c"))
		next := strconv.Itoa(n + 1)
		if n == 9 {
			next = "null"
		}
		io.WriteString(w, people(n, n, `,"next":`+next))
	})), func(t *testing.T, s *server) {
		start := time.Now()
		for _, err := range connect(t, s, pagedProfile(t, byCursor)).Users(t.Context()) {
			if err != nil {
				t.Fatal(err)
			}
			<-time.After(time.Second)
		}
		if took := time.Since(start); took != 11*time.Second {
			t.Errorf("took %s, want 11s; without overlap it is 20s", took)
		}
	})
}

// TestStopEarly: the bubble does not end while a goroutine is left.
func TestStopEarly(t *testing.T) {
	for name, row := range map[string]struct {
		paging string
		answer any
	}{
		"in the middle of a page":    {byCursor, people(1, 5000, `,"next":"a"`)},
		"while the next page hangs":  {byCursor, people(1, 3, `,"next":"hang"`)},
		"while the body still flows": {"", func(w http.ResponseWriter, r *http.Request) { drip(w, r, `{"users":[{"id":0}`, time.Second) }},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, answering(routes{
				"GET /users?c=0": row.answer, "GET /users": row.answer,
				"GET /users?c=a":    people(5001, 9000, `,"next":null`),
				"GET /users?c=hang": func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() },
			}), func(t *testing.T, s *server) {
				for _, err := range connect(t, s, pagedProfile(t, row.paging)).Users(t.Context()) {
					if err != nil {
						t.Error(err)
					}
					break
				}
			})
		})
	}
}

// drip sends the beginning and then an account at every interval.
func drip(w http.ResponseWriter, r *http.Request, beginning string, interval time.Duration) {
	io.WriteString(w, beginning)
	for n := 1; ; n++ {
		w.(http.Flusher).Flush()
		select {
		case <-time.After(interval):
		case <-r.Context().Done():
			return
		}
		fmt.Fprintf(w, `,{"id":%d}`, n)
	}
}

func TestCancelListing(t *testing.T) {
	bubble(t, answering(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		drip(w, r, `{"users":[{"id":0}`, time.Second)
	})), func(t *testing.T, s *server) {
		why := errors.New("enough")
		ctx, cancel := context.WithCancelCause(t.Context())
		defer cancel(nil)
		start, n := time.Now(), 0
		var last error
		for _, err := range connect(t, s, pagedProfile(t, "")).Users(ctx) {
			if n++; n == 3 {
				cancel(why)
			}
			last = err
		}
		if !errors.Is(last, why) || time.Since(start) > 5*time.Second {
			t.Errorf("after %s: %v", time.Since(start), last)
		}
		if len(s.seen()) != 1 {
			t.Error("asked again")
		}
	})
}

// TestAccountsArriveBeforeTheEnd has the server wait, in the middle of its one
// response, until the consumer has the first account.
func TestAccountsArriveBeforeTheEnd(t *testing.T) {
	arrived := make(chan struct{})
	s := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, `{"users":[{"id":1}`)
		w.(http.Flusher).Flush()
		select {
		case <-arrived:
		case <-r.Context().Done():
		case <-time.After(10 * time.Second):
			t.Error("the first account does not arrive")
		}
		io.WriteString(w, `,{"id":2}]}`)
	}))
	n := 0
	for _, err := range connect(t, s, pagedProfile(t, "")).Users(t.Context()) {
		if n++; err != nil {
			t.Fatal(err)
		}
		if n == 1 {
			close(arrived)
		}
	}
	if n != 2 {
		t.Errorf("%d accounts", n)
	}
}

// TestMemory lists 50,000 accounts of 2 kB in one response.
func TestMemory(t *testing.T) {
	const users = 50_000
	s := serve(t, manyUsers(users, 2000))
	c := connect(t, s, pagedProfile(t, ""))
	var before, now runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	n, peak := 0, uint64(0)
	for _, err := range c.Users(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		if n++; n%(users/5) == 0 {
			runtime.GC()
			runtime.ReadMemStats(&now)
			peak = max(peak, now.HeapAlloc)
		}
	}
	if grown := int64(peak) - int64(before.HeapAlloc); n != users || grown > 30<<20 {
		t.Errorf("%d users, and the heap grew by %d MB; the response has 100", n, grown>>20)
	}
}

// manyUsers is an unpaged listing of n accounts of about size bytes each.
func manyUsers(n, size int) http.Handler {
	filler := strings.Repeat("x", max(0, size-80))
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		var b []byte
		b = append(b, `{"users":[`...)
		for i := range n {
			if i > 0 {
				b = append(b, ',')
			}
			b = fmt.Appendf(b, `{"id":%d,"name":"user-%d","last":"2024-01-02T03:04:05Z","bio":"`, i, i)
			b = append(append(b, filler...), `"}`...)
			if len(b) > 1<<16 {
				w.Write(b)
				b = b[:0]
			}
		}
		w.Write(append(b, `]}`...))
	})
}

// --- bodies that are no listing ---

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
		"a giant item":            {`{"users":[{"id":1,"bio":"` + long + `"}]}`, "too large"},
		"a giant behind the list": {people(1, 2, `,"x":"`+long+long+`"`), "too large"},
		"much white space":        {`{"users":[` + strings.Repeat(" ", 2*maxBody) + `]}`, "too large"},
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

// --- fields ---

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
		for _, body := range []string{`[` + item + `]`, `{"result":{"count":1,"users":[` + item + `]}}`} {
			s := serve(t, routes{"GET /users": body})
			users, err := all(t, s, connect(t, s, p))
			if want == "" {
				wantError(t, err, "page 1, item 1")
			} else if err != nil || describeUser(users[0]) != want {
				t.Errorf("%s: got %v, %v; want %s", item, users, err, want)
			}
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
			s := serve(t, routes{"GET /users": `{"users":[` + item + `]}`})
			users, err := all(t, s, connect(t, s, sketch(t, "", ", roles: "+roles+", optional: [roles]", "")))
			if want[i] == "" {
				wantError(t, err, "page 1, item 1", "line 2: user.roles")
				continue
			}
			if err != nil {
				t.Errorf("%s: %v", item, err)
				continue
			}
			got := "nil"
			if users[0].Roles != nil {
				got = fmt.Sprintf("%q", users[0].Roles)
			}
			if got != want[i] {
				t.Errorf("%s, %s: %s, want %s", roles, item, got, want[i])
			}
		}
	}
}

// TestDuplicates: two accounts with the same id are one only if all that is read
// of them is the same. Otherwise a removal could hit the wrong one.
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
