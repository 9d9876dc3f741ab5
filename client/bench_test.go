package client

import (
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

// BenchmarkScan reads 50,000 accounts and makes the plan, and compares with a download that
// looks at nothing. The server is in the same process, so that its work counts on both sides;
// .ci/bench measures without it.
func BenchmarkScan(b *testing.B) {
	const users, perPage = 50_000, 100
	whole := listingOf(0, users, ``)
	pages := map[string][]byte{}
	for at := 0; at < users; at += perPage {
		next := "null"
		if at+perPage < users {
			next = strconv.Itoa(at + perPage)
		}
		pages[strconv.Itoa(at)] = listingOf(at, perPage, `,"next":`+next)
	}
	pages[""] = pages["0"]
	s := serve(b, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if body, paged := pages[r.URL.Query().Get("c")]; paged && r.URL.Query().Has("paged") {
			w.Write(body)
			return
		}
		w.Write(whole)
	}))
	download := func(url string) int {
		resp, err := http.Get(url)
		if err != nil {
			b.Fatal(err)
		}
		defer resp.Body.Close()
		n, err := io.Copy(io.Discard, resp.Body)
		if err != nil {
			b.Fatal(err)
		}
		return int(n)
	}
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	policy := job.Policy{InactiveSince: now.AddDate(-5, 0, 0), ProtectAdmins: true}
	for _, bb := range []struct{ name, listing string }{{"one response", ""}, {"by cursor", byCursor + ", query: {paged: true}"}} {
		b.Run(bb.name, func(b *testing.B) {
			c := connect(b, s, pagedProfile(b, bb.listing))
			var scans, downloads time.Duration
			var before, after runtime.MemStats
			bytes, allocated := 0, uint64(0)
			for b.Loop() {
				runtime.ReadMemStats(&before)
				start := time.Now()
				plan, err := job.ReadPlan(c.Users(b.Context()), policy, nil, now)
				if err != nil || plan.Scanned != users {
					b.Fatal(plan.Scanned, err)
				}
				scans += time.Since(start)
				runtime.ReadMemStats(&after)
				allocated += after.TotalAlloc - before.TotalAlloc

				start = time.Now()
				if bb.listing == "" {
					bytes += download(s.URL + "/prefix/users")
				} else {
					for at := 0; at < users; at += perPage {
						bytes += download(s.URL + "/prefix/users?paged=true&c=" + strconv.Itoa(at))
					}
				}
				downloads += time.Since(start)
			}
			n := float64(users) * float64(b.N)
			b.ReportMetric(0, "ns/op") // of both
			b.ReportMetric(n/scans.Seconds(), "accounts/s")
			b.ReportMetric(float64(allocated)/n, "B/account")
			b.ReportMetric(float64(bytes)/1e6/scans.Seconds(), "MB/s")
			b.ReportMetric(scans.Seconds()/downloads.Seconds(), "times-the-download")
		})
	}
}

// listingOf is a listing of n accounts of about 300 bytes each, from a number on.
func listingOf(from, n int, rest string) []byte {
	b := []byte(`{"users":[`)
	for i := range n {
		if i > 0 {
			b = append(b, ',')
		}
		b = fmt.Appendf(b, `{"id":%d,"name":"user-%d","last":"2024-01-02T03:04:05Z","bio":%q}`, from+i, from+i, strings.Repeat("x", 220))
	}
	return append(b, "]"+rest+"}"...)
}

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
