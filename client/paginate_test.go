package client

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"
)

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
		"offset, the total behind many": {byOffset, routes{"GET /users?o=0": big[:len(big)-1] + `,"n":100}`, "GET /users?o=100": people(1, 0, `,"n":100`)},
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
		"total counts a duplicate": {byOffset, routes{"GET /users?o=0": `{"users":[{"id":1},{"id":1}],"n":2}`, "GET /users?o=2": 404},
			"1", []string{"1 accounts", "2"}},
		"the total shrinks": {byOffset, routes{"GET /users?o=0": people(1, 2, `,"n":100`), "GET /users?o=2": people(3, 4, `,"n":4`),
			"GET /users?o=4": people(1, 0, `,"n":4`), "GET /users?o=6": people(1, 0, `,"n":4`), "GET /users?o=8": people(1, 0, `,"n":4`), "GET /users?o=10": people(1, 0, `,"n":4`)},
			"1 2 3 4", []string{"4 accounts", "100"}},
		"the total grows": {byOffset, routes{"GET /users?o=0": people(1, 2, `,"n":3`), "GET /users?o=2": people(3, 4, `,"n":4`), "GET /users?o=4": 404}, "1 2 3 4", nil},
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

// TestEndless: a response that never ends is an error, whether its accounts are always
// new or always the same.
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
			wantError(t, err, "list users", "10000", "does not end", "DORMANT_MAX_ACCOUNTS")
		})
	}
}

// TestNextPageWhileConsuming: the second page is requested while the consumer still
// has the first account.
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

// TestReadingOverlapsWithWork: ten pages of a second each, with a second of work on
// each, take eleven seconds.
func TestReadingOverlapsWithWork(t *testing.T) {
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

// TestStopEarly: no goroutine is left when the consumer stops: the bubble would not
// end.
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

// TestAccountsArriveBeforeTheEnd: the consumer gets the first account while the server
// is in the middle of its one response.
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

// TestMemory: 50,000 accounts of 2 kB in one response do not have to fit into memory.
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
