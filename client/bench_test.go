package client

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"
)

// BenchmarkUsers reads 50,000 accounts in one response, and compares with
// reading all of it before decoding it with encoding/json.
func BenchmarkUsers(b *testing.B) {
	const users = 50_000
	var body bytes.Buffer
	manyUsers(users, 300).ServeHTTP(bodyOnly{&body}, nil)
	s := serve(b, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.Write(body.Bytes()) }))
	c := connect(b, s, pagedProfile(b, ""))
	var streamed, whole time.Duration
	b.SetBytes(int64(body.Len()))
	b.ReportAllocs()
	for b.Loop() {
		start := time.Now()
		n := 0
		for _, err := range c.Users(b.Context()) {
			if n++; err != nil {
				b.Fatal(err)
			}
		}
		streamed += time.Since(start)

		b.StopTimer()
		start = time.Now()
		resp, err := http.Get(s.URL + "/prefix/users")
		if err != nil {
			b.Fatal(err)
		}
		var listing struct {
			Users []map[string]any
		}
		if err := json.Unmarshal(must(io.ReadAll(resp.Body)), &listing); err != nil || n != users || len(listing.Users) != users {
			b.Fatal(n, len(listing.Users), err)
		}
		resp.Body.Close()
		whole += time.Since(start)
		b.StartTimer()
	}
	b.ReportMetric(float64(users)*float64(b.N)/streamed.Seconds(), "users/s")
	b.ReportMetric(whole.Seconds()/streamed.Seconds(), "times-faster-than-whole")
}

type bodyOnly struct{ io.Writer }

func (bodyOnly) Header() http.Header { return http.Header{} }

func (bodyOnly) WriteHeader(int) {}

// BenchmarkPagesAtOnce reads 20 pages that each take 5 ms to come, one after the
// other and four at once.
func BenchmarkPagesAtOnce(b *testing.B) {
	const pages = 20
	s := serve(b, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n, _ := strconv.Atoi(r.URL.Query().Get("o"))
		<-time.After(5 * time.Millisecond)
		io.WriteString(w, people(n+1, n+1, `,"n":`+strconv.Itoa(pages)))
	}))
	p := pagedProfile(b, byOffset)
	took := map[int]time.Duration{}
	for b.Loop() {
		for _, connections := range []int{1, 4} {
			c := connect(b, s, p, func(o *Options) { o.Connections = connections })
			start := time.Now()
			n := 0
			for _, err := range c.Users(b.Context()) {
				if n++; err != nil {
					b.Fatal(err)
				}
			}
			took[connections] += time.Since(start)
			if n != pages {
				b.Fatal(n)
			}
		}
	}
	b.ReportMetric(took[1].Seconds()/took[4].Seconds(), "times-faster-than-one-by-one")
}

// BenchmarkPaging reads 20 pages that each take 2 ms to come, and works 2 ms on
// each, with and without overlap.
func BenchmarkPaging(b *testing.B) {
	const pages, work = 20, 2 * time.Millisecond
	s := serve(b, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n, _ := strconv.Atoi(r.URL.Query().Get("c"))
		<-time.After(work)
		next := strconv.Itoa(n + 1)
		if n == pages-1 {
			next = "null"
		}
		io.WriteString(w, people(n, n, `,"next":`+next))
	}))
	c := connect(b, s, pagedProfile(b, byCursor))
	var overlapped, sequential time.Duration
	for b.Loop() {
		start := time.Now()
		for range c.Users(b.Context()) { //nolint:errcheck // each time the same
			<-time.After(work)
		}
		overlapped += time.Since(start)

		b.StopTimer()
		start = time.Now()
		n := 0
		for range c.Users(b.Context()) { //nolint:errcheck // each time the same
			n++
		}
		for range n {
			<-time.After(work)
		}
		sequential += time.Since(start)
		b.StartTimer()
	}
	b.ReportMetric(sequential.Seconds()/overlapped.Seconds(), "times-faster-than-sequential")
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
