package main

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// directory is a server that costs next to nothing: a page is a copy of one prepared
// page, in which only the ids are its own.
//
//	/users?cursor=C          one page, with the next cursor
//	/numbered?page=P         the same, with the total
//	/all                     everybody in one response
//	/users/ID                one account; DELETE removes it
//	/asked                   how many requests there were, but for this one
type directory struct {
	accounts int
	latency  time.Duration
	prepared []byte // pageSize accounts, with commas between them
	ids      []int  // where in it an id has to be written

	removed sync.Map // by id
	asked   atomic.Int64
}

const (
	pageSize = 100
	firstID  = 10_000_000 // so that all have the same number of digits
	idDigits = 8
)

// newDirectory has so many accounts, of which so many in a hundred were last used two years ago.
func newDirectory(accounts, inactive int, latency time.Duration) *directory {
	d := &directory{accounts: accounts, latency: latency}
	now := time.Now().UTC()
	var page strings.Builder
	for i := range pageSize {
		last := now.AddDate(0, 0, -i%14)
		if i < inactive {
			last = now.AddDate(-2, 0, -i)
		}
		if i > 0 {
			page.WriteByte(',')
		}
		page.WriteString(account(last))
	}
	d.prepared = []byte(page.String())
	for at := 0; ; {
		i := strings.Index(page.String()[at:], idMark)
		if i < 0 {
			return d
		}
		d.ids = append(d.ids, at+i)
		at += i + idDigits
	}
}

// idMark stands in the prepared page where an id has to be written.
const idMark = "########"

func account(last time.Time) string {
	return fmt.Sprintf(`{"id":%s,"username":"user%s","email":"user%s@example.org","first_name":"Some","last_name":"Body",`+
		`"is_admin":false,"created":"2019-03-04T05:06:07Z","last_login":"%s","locale":"en_GB","avatar":"/avatars/default/64x64.png","groups":["staff","everybody"]}`,
		idMark, idMark, idMark, last.Format(time.RFC3339))
}

// accountsFrom puts the ids of the accounts from the index on into a copy of the prepared page.
func (d *directory) accountsFrom(index int, page []byte) {
	const perAccount = 3
	for k, at := range d.ids {
		id := firstID + index + k/perAccount
		for j := idDigits - 1; j >= 0; j-- {
			page[at+j] = byte('0' + id%10)
			id /= 10
		}
	}
}

func (d *directory) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	arrived := time.Now()
	if r.URL.Path == "/asked" {
		_, _ = fmt.Fprint(w, d.asked.Load())
		return
	}
	d.asked.Add(1)
	waitUntil(arrived.Add(d.latency))
	w.Header().Set("Content-Type", "application/json")
	switch id, single := strings.CutPrefix(r.URL.Path, "/users/"); {
	case single:
		d.one(w, r, id)
	case r.URL.Path == "/all":
		d.all(w)
	default:
		d.page(w, r)
	}
}

var buffers = sync.Pool{New: func() any { return new([]byte) }}

func (d *directory) page(w http.ResponseWriter, r *http.Request) {
	cursor, _ := strconv.Atoi(r.FormValue("cursor"))
	if page, err := strconv.Atoi(r.FormValue("page")); err == nil {
		cursor = (page - 1) * pageSize
	}
	buffer := buffers.Get().(*[]byte)
	defer buffers.Put(buffer)
	b := append((*buffer)[:0], `{"items":[`...)
	if cursor < d.accounts {
		start := len(b)
		b = append(b, d.prepared...)
		d.accountsFrom(cursor, b[start:])
	}
	b = append(b, `],"total":`...)
	b = strconv.AppendInt(b, int64(d.accounts), 10)
	b = append(b, `,"next":`...)
	if cursor+pageSize < d.accounts {
		b = fmt.Appendf(b, `"%d"}`, cursor+pageSize)
	} else {
		b = append(b, `null}`...)
	}
	w.Header().Set("Content-Length", strconv.Itoa(len(b)))
	_, _ = w.Write(b)
	*buffer = b
}

func (d *directory) all(w http.ResponseWriter) {
	_, _ = io.WriteString(w, `{"items":[`)
	page := append([]byte(nil), d.prepared...)
	for i := 0; i < d.accounts; i += pageSize {
		if i > 0 {
			_, _ = io.WriteString(w, ",")
		}
		d.accountsFrom(i, page)
		if _, err := w.Write(page); err != nil {
			return
		}
	}
	_, _ = io.WriteString(w, `],"next":null}`)
}

func (d *directory) one(w http.ResponseWriter, r *http.Request, id string) {
	if _, gone := d.removed.Load(id); gone {
		http.Error(w, `{"error":"not found"}`, http.StatusNotFound)
		return
	}
	if r.Method == http.MethodDelete {
		d.removed.Store(id, true)
		w.WriteHeader(http.StatusNoContent)
		return
	}
	n, _ := strconv.Atoi(id)
	page := append([]byte(nil), d.prepared...)
	index := n - firstID
	d.accountsFrom(index-index%pageSize, page)
	size := (len(page) + 1) / pageSize // all accounts are of the same size
	_, _ = w.Write(page[index%pageSize*size:][:size-1])
}

// serve prints the directory's URL and serves it until it is stopped.
func serve(d *directory) error {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Printf("http://%s\n", l.Addr())
	server := &http.Server{Handler: d, ReadHeaderTimeout: time.Minute}
	return server.Serve(l)
}
