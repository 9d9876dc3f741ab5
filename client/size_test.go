package client

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"

	"dormant/job"
)

// account is an account that takes n bytes.
func account(id, n int) string {
	text := fmt.Sprintf(`{"id":%d,"text":"`, id)
	return text + strings.Repeat("x", max(0, n-len(text)-2)) + `"}`
}

// TestSizes: each part of a response has a bound, and the error names the part and the
// bound.
func TestSizes(t *testing.T) {
	const mib = 1 << 20
	byPage := ", page: {param: p, first: 1}"
	for name, row := range map[string]struct {
		listing string
		routes  routes
		err     []string // none: 2 accounts
	}{
		"items of 1 MiB":          {"", routes{"GET /users": `{"users":[` + account(1, mib) + `,` + account(2, mib) + `]}`}, nil},
		"an item of 1 MiB + 1":    {"", routes{"GET /users": `{"users":[{"id":1},` + account(2, mib+1) + `]}`}, []string{"page 1: item 2 is larger than 1 MiB"}},
		"an item of 3 MiB":        {"", routes{"GET /users": `{"users":[{"id":1},` + account(2, 3*mib) + `]}`}, []string{"page 1: item 2 is larger than 1 MiB"}},
		"of a page":               {byPage, routes{"GET /users?p=1": people(1, 1, ""), "GET /users?p=2": `{"users":[` + account(2, mib+1) + `]}`}, []string{"page 2: item 1 is larger than 1 MiB"}},
		"a page of 31 items":      {byPage, routes{"GET /users?p=1": `{"users":[` + strings.Repeat(account(1, mib-300)+",", 31) + `{"id":2}]}`, "GET /users?p=2": people(1, 0, "")}, nil},
		"a page of 33 items":      {byPage, routes{"GET /users?p=1": `{"users":[` + strings.Repeat(account(1, mib-300)+",", 33) + `{"id":2}]}`}, []string{"page 1: it is larger than 32 MiB after 33 items", "DORMANT_PAGE_SIZE", "line 1: list.size"}},
		"one response of 33":      {"", routes{"GET /users": `{"users":[` + strings.Repeat(account(1, mib-300)+",", 33) + `{"id":2}]}`}, nil},
		"what stands before them": {"", routes{"GET /users": `{"more":"` + strings.Repeat("x", mib) + `","users":[]}`}, []string{"page 1: the answer is larger than 1 MiB"}},
		"what stands behind them": {"", routes{"GET /users": `{"users":[{"id":1}],"more":"` + strings.Repeat("x", 2*mib) + `"}`}, []string{"page 1: the answer is larger than 1 MiB"}},
		"a name":                  {", keyed: true", routes{"GET /users": `{"users":{"` + strings.Repeat("x", 2*mib) + `":{"id":1}}}`}, []string{"page 1: the answer is larger than 1 MiB"}},
		"an item in depth":        {"", routes{"GET /users": `{"users":[{"id":1},{"id":2,"x":` + strings.Repeat("[", 99) + strings.Repeat("]", 99) + `}]}`}, nil},
		"an item in more depth":   {"", routes{"GET /users": `{"users":[{"id":1},{"id":2,"x":` + strings.Repeat("[", 100) + strings.Repeat("]", 100) + `}]}`}, []string{"page 1: item 2: the answer has more than 100 arrays and objects in each other"}},
		"brackets in a text":      {"", routes{"GET /users": `{"users":[{"id":1},{"id":2,"x":"\"` + strings.Repeat("[", 200) + `"}]}`}, nil},
		"the envelope in depth":   {"", routes{"GET /users": `{"more":` + strings.Repeat(`{"a":`, 200) + "1" + strings.Repeat("}", 200) + `,"users":[{"id":1}]}`}, []string{"page 1: the answer has more than 100"}},
		"deeper than any parser":  {"", routes{"GET /users": `{"users":[` + strings.Repeat("[", 100_000) + strings.Repeat("]", 100_000) + `]}`}, []string{"page 1: "}},
	} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, row.routes)
			users, err := all(t, s, connect(t, s, sketch(t, row.listing, "", ""), retries(0)))
			if row.err != nil {
				wantError(t, err, append(row.err, "list users")...)
			} else if err != nil || len(users) != 2 {
				t.Errorf("%d accounts, %v", len(users), err)
			}
		})
	}
}

// TestSizesOfOneAccount: what is read of one account, of the caller or to sign in has the
// same bounds.
func TestSizesOfOneAccount(t *testing.T) {
	large := `{"user":{"id":1,"text":"` + strings.Repeat("x", 1<<20) + `"}}`
	deep := `{"user":{"id":1,"text":` + strings.Repeat("[", 100) + strings.Repeat("]", 100) + `}}`
	for body, want := range map[string]string{large: "the answer is larger than 1 MiB", deep: "more than 100 arrays and objects"} {
		s := serve(t, routes{"GET /users/1.json": body, "GET /users/current.json": body})
		c := connect(t, s, builtin(t, "redmine"), retries(0))
		_, err := c.User(t.Context(), job.User{ID: "1"})
		wantError(t, err, want)
		_, err = c.Self(t.Context())
		wantError(t, err, want)

		s = serve(t, routes{"POST /api/v1/oauth2/token": body})
		c = connect(t, s, builtin(t, "itflex"), retries(0), func(o *Options) { o.Values.Token, o.Values.ClientSecret = "", refreshToken })
		_, err = c.Self(t.Context())
		wantError(t, err, "sign in", want)
	}
}

// endless writes accounts of 1 MB until nobody reads them, and counts the bytes.
func endless(open string, written *atomic.Int64) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		n, err := io.WriteString(w, open)
		for id := 1; err == nil && r.Context().Err() == nil && written.Load() < 1<<30; id++ {
			written.Add(int64(n))
			n, err = io.WriteString(w, account(id, 1_000_000)+",")
		}
	}
}

// TestLargePageIsNotRead: a page that does not end costs no more than its bound.
func TestLargePageIsNotRead(t *testing.T) {
	var written atomic.Int64
	s := serve(t, endless(`{"users":[`, &written))
	before := allocated()
	_, err := all(t, s, connect(t, s, sketch(t, ", page: {param: p, first: 1}", "", ""), retries(2)))
	wantError(t, err, "page 1: it is larger than 32 MiB after 34 items")
	if n := written.Load(); n > 60<<20 {
		t.Errorf("%d MiB were read", n>>20)
	}
	if n := allocated() - before; n > 300<<20 {
		t.Errorf("%d MiB were allocated in all", n>>20)
	}
}

// allocated is how many bytes were allocated since the program began.
func allocated() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.TotalAlloc
}

// TestLargeListingDoesNotWaitInMemory: of a listing in one response, whatever its size,
// little is in memory at a time.
func TestLargeListingDoesNotWaitInMemory(t *testing.T) {
	const accounts = 120 // of 1 MB
	s := serve(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		io.WriteString(w, `{"users":[{"id":0}`)
		for id := 1; id < accounts; id++ {
			io.WriteString(w, ","+account(id, 1_000_000))
		}
		io.WriteString(w, `]}`)
	}))
	live := func() uint64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	before, n := live(), 0
	var kept []job.User
	for u, err := range connect(t, s, pagedProfile(t, "")).Users(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		kept = append(kept, u.Clone())
		if n++; n%20 == 0 {
			if now := live(); now > before+40<<20 {
				t.Fatalf("%d MiB are in memory after %d accounts", (now-before)>>20, n)
			}
		}
	}
	if n != accounts || len(kept) != accounts {
		t.Errorf("%d accounts", n)
	}
}

// TestLargePagesAtOnce: the larger the pages are, the fewer are read at once.
func TestLargePagesAtOnce(t *testing.T) {
	const pages, perPage = 6, 20 // of 1 MB
	var now, most atomic.Int64
	body := bytes.Repeat([]byte(","+account(0, 1_000_000)), perPage)
	s := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if n := now.Add(1); n > most.Load() {
			most.Store(n)
		}
		defer now.Add(-1)
		fmt.Fprintf(w, `{"n":%d,"users":[{"id":"%s"}`, pages*(perPage+1), r.URL.Query().Get("p"))
		w.Write(bytes.ReplaceAll(body, []byte(`"id":0`), []byte(`"id":"`+r.URL.Query().Get("p")+`-"`)))
		io.WriteString(w, `]}`)
	}))
	_, err := all(t, s, connect(t, s, sketch(t, numbered, "", ""), connections(16), retries(0)))
	if err == nil || !strings.Contains(err.Error(), "126") { // the accounts of a page have one id, which the total tells
		t.Error(err)
	}
	if n := most.Load(); n > 3 {
		t.Errorf("%d pages of 20 MB were under way at once", n)
	}
}
