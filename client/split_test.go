package client

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json/jsontext"
)

func FuzzDecodeListing(f *testing.F) {
	for _, doc := range []string{
		``, `null`, `{}`, `[]`, `{"users":null}`, `{"users":[]}`, people(1, 3, `,"next":null`), `{"a":{"users":[1]},"users":[2]}`,
		`{"users":[{"a":"]}"},[],"x",1e5,null]}`, `{"users":[1],"users":[2]}`, `{"users":[1]} x`, `{"\u0075sers":[1]}`,
		`{"data":{"list":[{}]}}`, `{"data":{"list":[1]},"users":[2]}`, `{"data":[1]}`, `{"data.list":[1]}`, "{\"users\":[\"\xff\"]}",
	} {
		f.Add([]byte(doc))
	}
	f.Fuzz(func(t *testing.T, doc []byte) {
		for _, path := range []string{"users", "data.list", "@this"} {
			var got []string
			envelope, err := decodeListing(bytes.NewReader(doc), []string{path}, false, func(_ string, item []byte) error {
				got = append(got, compact(item))
				return nil
			})
			want, ok := oracle(doc, strings.Split(path, "."))
			if strict := jsontext.Value(doc).IsValid(); err == nil && !strict {
				t.Fatalf("%q is not JSON and is accepted", doc)
			} else if err != nil && strict && ok && len(doc) < maxBody {
				t.Fatalf("%q is refused: %v", doc, err)
			}
			if err != nil {
				continue
			}
			if !ok || strings.Join(got, "\n") != strings.Join(want, "\n") {
				t.Fatalf("%q: items at %s\n%q\nwant\n%q", doc, path, got, want)
			}
			if !json.Valid([]byte(envelope.Raw)) {
				t.Fatalf("%q: the envelope is %q", doc, envelope.Raw)
			}
		}
	})
}

// oracle finds the items with encoding/json.
func oracle(doc []byte, path []string) (items []string, ok bool) {
	if path[0] == "@this" {
		path = nil
	}
	for _, name := range path {
		var object map[string]json.RawMessage
		if json.Unmarshal(doc, &object) != nil || object[name] == nil {
			return nil, false
		}
		doc = object[name]
	}
	var array []json.RawMessage
	if err := json.Unmarshal(doc, &array); err != nil || array == nil {
		return nil, false
	}
	for _, item := range array {
		items = append(items, compact(item))
	}
	return items, true
}

func compact(raw []byte) string {
	var b bytes.Buffer
	if err := json.Compact(&b, raw); err != nil {
		return "not JSON: " + string(raw)
	}
	return b.String()
}

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
func (bodyOnly) WriteHeader(int)     {}

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
