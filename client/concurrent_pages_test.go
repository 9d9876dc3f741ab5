package client

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// numberedPages is a directory of pages by number that counts how many are asked for at
// once. Each takes a second, later ones less.
type numberedPages struct {
	accounts, size int
	total          func(page int) int
	answer         map[int]any // instead of the accounts
	now, most      *atomic.Int32
}

// open makes the numberedPages ready for a test of its own.
func (s numberedPages) open() numberedPages {
	s.now, s.most = &atomic.Int32{}, &atomic.Int32{}
	return s
}

func (s numberedPages) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.most.Store(max(s.most.Load(), s.now.Add(1)))
	defer s.now.Add(-1)
	page, _ := strconv.Atoi(r.URL.Query().Get("p"))
	select {
	case <-time.After(time.Second - time.Duration(page)*time.Millisecond):
	case <-r.Context().Done():
		return
	}
	switch a := s.answer[page].(type) {
	case int:
		w.WriteHeader(a)
		return
	case func(http.ResponseWriter, *http.Request):
		a(w, r)
		return
	}
	io.WriteString(w, people((page-1)*s.size+1, min(page*s.size, s.accounts), `,"n":`+strconv.Itoa(s.total(page))))
}

func always(n int) func(int) int { return func(int) int { return n } }

const numbered = ", page: {param: p, first: 1}, total: n"

// TestPagesAtOnce: pages that are read at once yield the same accounts and errors as
// one after the other, in less time.
func TestPagesAtOnce(t *testing.T) {
	for name, row := range map[string]struct {
		numberedPages
		took time.Duration // with 4 connections, to the second
		err  string
	}{
		"exact":       {numberedPages{accounts: 40, size: 4, total: always(40)}, 5 * time.Second, ""}, // with a page behind it
		"a last one":  {numberedPages{accounts: 41, size: 4, total: always(41)}, 4 * time.Second, ""},
		"one page":    {numberedPages{accounts: 3, size: 4, total: always(3)}, 2 * time.Second, ""},
		"nobody":      {numberedPages{accounts: 0, size: 4, total: always(0)}, time.Second, ""},
		"total grows": {numberedPages{accounts: 24, size: 4, total: func(page int) int { return 16 + min(2*page, 8) }}, 0, ""},
		"total shrinks": {numberedPages{accounts: 20, size: 4, total: func(page int) int { return 40 - 20*min(page-1, 1) }}, 0,
			"20 accounts and says that there are 40"},
		"total too large": {numberedPages{accounts: 20, size: 4, total: always(40)}, 0, "20 accounts and says that there are 40"},
		"an error later":  {numberedPages{accounts: 40, size: 4, total: always(40), answer: map[int]any{4: 409}}, 0, "page 4: the directory answered 409"},
		"cut later":       {numberedPages{accounts: 40, size: 4, total: always(40), answer: map[int]any{6: cut(`{"users":[{"id":21}`)}}, 0, "page 6: the answer was cut short"},
		"no total later":  {numberedPages{accounts: 40, size: 4, total: always(40), answer: map[int]any{5: status(200, people(17, 20, ""))}}, 0, "page 5: n is nothing"},
		"HTML later":      {numberedPages{accounts: 40, size: 4, total: always(40), answer: map[int]any{9: status(200, "<html>")}}, 0, "page 9: the answer is not JSON"},
	} {
		var accounts [2]string
		for i, n := range []int{1, 4} {
			t.Run(fmt.Sprintf("%s/%d", name, n), func(t *testing.T) {
				sh := row.open()
				bubble(t, answering(sh), func(t *testing.T, s *server) {
					start := time.Now()
					users, err := all(t, s, connect(t, s, sketch(t, numbered, "", ""), retries(0), connections(n)))
					if row.err != "" {
						wantError(t, err, "list users", row.err)
					} else if err != nil || len(users) != sh.accounts {
						t.Errorf("%d accounts, %v", len(users), err)
					}
					if took := time.Since(start).Round(time.Second); row.took > 0 && n == 4 && took != row.took {
						t.Errorf("took %s, want %s", took, row.took)
					}
					if most := int(sh.most.Load()); most > n {
						t.Errorf("%d requests at once, want at most %d", most, n)
					}
					accounts[i] = ids(users)
				})
			})
		}
		if row.err == "" && accounts[0] != accounts[1] {
			t.Errorf("%s: the accounts are %s, and with several connections %s", name, accounts[0], accounts[1])
		}
	}
}

// TestShortPageAmongMany: pages that were requested ahead are dropped if a page before
// them is shorter than the first.
func TestShortPageAmongMany(t *testing.T) {
	for _, n := range []int{1, 2, 4, 16} {
		s := serve(t, routes{
			"GET /users?o=0": people(1, 2, `,"n":7`), "GET /users?o=2": people(3, 3, `,"n":7`), "GET /users?o=3": people(4, 5, `,"n":7`),
			"GET /users?o=5": people(6, 7, `,"n":7`), "GET /users?o=4": people(5, 6, `,"n":7`), "GET /users?o=6": people(7, 7, `,"n":7`), "GET /users?o=7": people(1, 0, `,"n":7`),
		})
		users, err := all(t, s, connect(t, s, pagedProfile(t, byOffset), connections(n)))
		if err != nil || ids(users) != "1 2 3 4 5 6 7" {
			t.Errorf("with %d connections: %s, %v", n, ids(users), err)
		}
	}
}

// TestPagesAtOnceRetry: a page that fails is tried again, and its accounts come in
// their place.
func TestPagesAtOnceRetry(t *testing.T) {
	var tries atomic.Int32
	sh := numberedPages{accounts: 20, size: 4, total: always(20)}.open()
	sh.answer = map[int]any{3: func(w http.ResponseWriter, r *http.Request) {
		if tries.Add(1) < 3 {
			cut(`{"users":[{"id":9},{"id":10}`)(w, r)
		}
		io.WriteString(w, people(9, 12, `,"n":20`))
	}}
	bubble(t, answering(sh), func(t *testing.T, s *server) {
		users, err := all(t, s, connect(t, s, sketch(t, numbered, "", "")))
		if err != nil || ids(users) != strings.TrimSpace(numbers(1, 20)) {
			t.Errorf("%s, %v", ids(users), err)
		}
	})
}

// TestPagesAtOnceEnd: no goroutine is left after an error, an early stop or a
// cancellation: the bubble would not end.
func TestPagesAtOnceEnd(t *testing.T) {
	hang := func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }
	for name, row := range map[string]struct {
		answer any
		read   func(context.Context, *Client) error
		want   error
	}{
		"stopped early": {hang, func(ctx context.Context, c *Client) error {
			for _, err := range c.Users(ctx) {
				return err
			}
			return nil
		}, nil},
		"cancelled": {hang, func(ctx context.Context, c *Client) (last error) {
			ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
			defer cancel()
			for _, err := range c.Users(ctx) {
				last = err
			}
			return last
		}, context.DeadlineExceeded},
		"two pages are enough": {hang, func(ctx context.Context, c *Client) (last error) {
			for _, err := range c.Sample(ctx) {
				last = err
			}
			return last
		}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			sh := numberedPages{accounts: 400, size: 4, total: always(400), answer: map[int]any{5: row.answer}}.open()
			bubble(t, answering(sh), func(t *testing.T, s *server) {
				if err := row.read(t.Context(), connect(t, s, sketch(t, numbered, "", ""))); !errors.Is(err, row.want) || row.want == nil && err != nil {
					t.Errorf("%v, want %v", err, row.want)
				}
				if n := len(s.seen()); n > 10 {
					t.Errorf("%d requests", n)
				}
				// What was under way has ended by now.
				s.mu.Lock()
				before := maps.Clone(s.observed)
				s.mu.Unlock()
				if synctest.Wait(); !maps.Equal(before, s.observed) {
					t.Errorf("observed %v, and then %v", before, s.observed)
				}
			})
		})
	}
}

// TestEndlessAhead: the bound on items also holds for a page that is read ahead.
func TestEndlessAhead(t *testing.T) {
	const limit = 10_000
	filler := strings.Repeat("x", 100)
	for _, n := range []int{1, 4} {
		s := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Query().Get("p") != "3" {
				page := must(strconv.Atoi(r.URL.Query().Get("p")))
				io.WriteString(w, people(2*page-1, 2*page, `,"n":100`))
				return
			}
			_, err := io.WriteString(w, `{"users":[{"id":5}`)
			for n := 6; err == nil && r.Context().Err() == nil; n++ {
				if _, err = fmt.Fprintf(w, `,{"id":%d,"text":%q}`, n, filler); n == 30*limit {
					t.Errorf("%d items are read", n)
					return
				}
			}
		}))
		c := connect(t, s, sketch(t, numbered, "", ""), connections(n))
		c.maxItems = limit
		_, err := all(t, s, c)
		wantError(t, err, "list users", "page 3", "more than 10000 items", "does not end")
		if tries := strings.Count(s.lines(), "p=3"); tries != 1 {
			t.Errorf("asked for %d times", tries)
		}
	}
}
