package profiles_test

import (
	"bytes"
	"cmp"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"dormant/client"
	"dormant/client/sandbox"
	"dormant/job"
)

// tooFast: a run that exceeds the rate limit waits as long as the response says, and then
// removes the same accounts.
func (s system) tooFast(t *testing.T, name string, now time.Time) {
	d := s.serve(t, name, now, func(o *sandbox.Options) {
		o.RateLimit = 5 // the directory asks for a wait of one second
		o.PageLimit *= 3
	})
	before := d.Users()
	c := s.connect(t, name, d, false, func(o *client.Options) { o.MaxRetries, o.Connections, o.PageSize = 20, 1, 0 })
	run := s.cleanup(t, c, d, false)
	run.Concurrency = 1
	r := run.Run(t.Context(), now)
	equal(t, "removed", d.names(t, before, d.Removed()), s.those(account.isRemoved))
	refused := 0
	for i, request := range d.Requests() {
		if request.Status != cmp.Or(s.tooMany, http.StatusTooManyRequests) || i+1 == len(d.times) {
			continue
		}
		refused++
		if waited := d.times[i+1].Sub(d.times[i]); waited < time.Second && !s.vague {
			t.Errorf("the next request after %s came after %s", d.requests[i], waited)
		}
	}
	if refused == 0 {
		t.Errorf("none of %d requests exceeded the rate limit", len(d.requests))
	}
	explained(t, r)
}

// pageSizes: the listing has the same accounts with each size of pages, the size is sent
// with the request, and the profile knows the directory's maximum.
func (s system) pageSizes(t *testing.T, name string, now time.Time) {
	p := builtin(t, name)
	if p.List.Size == nil {
		return
	}
	most := cmp.Or(s.most, 1000)
	var want []string
	for _, size := range []int{0, 2, most} {
		d := s.serve(t, name, now, func(o *sandbox.Options) { o.PageLimit = 0 })
		c := s.connect(t, name, d, true, func(o *client.Options) { o.PageSize = size })
		var got []string
		for u, err := range c.Users(t.Context()) {
			if err != nil {
				t.Fatalf("%d: %v", size, err)
			}
			got = append(got, u.ID)
		}
		if slices.Sort(got); want == nil {
			want = got
		}
		equal(t, fmt.Sprintf("in pages of %d", size), got, want)
		size = cmp.Or(size, p.List.Size.Default)
		last := p.List.Size.Param[strings.LastIndex(p.List.Size.Param, ".")+1:]
		texts := []string{fmt.Sprintf("%s=%d", url.QueryEscape(last), size), fmt.Sprintf("%q:%d", last, size)}
		if !slices.ContainsFunc(d.said(), func(line string) bool {
			return strings.Contains(line, string(p.List.Path[strings.LastIndex(string(p.List.Path), "}")+1:])) && (strings.Contains(line+"&", texts[0]+"&") || strings.Contains(line, texts[1]))
		}) {
			t.Errorf("%s was not asked for: %q", texts, d.said())
		}
	}
	if s.most == 0 {
		return
	}
	if p.List.Size.Max != most { // the program refuses larger pages than that
		t.Errorf("pages of at most %d, want %d", p.List.Size.Max, most)
	}
}

// limited: a listing as long as the directory's limit may have been cut off, and ends the
// run with an error before a second page.
func (s system) limited(t *testing.T, name string, now time.Time) {
	most := s.limit
	if most == 0 {
		return
	}
	for n, want := range map[int]bool{most - 1: true, most: false, most + 1: false} {
		d := s.serve(t, name, now, func(o *sandbox.Options) {
			o.PageLimit = 0
			for i := len(o.Users); i < n; i++ {
				u := account{name: fmt.Sprintf("user%d", i), login: 400 * day}.user(now)
				o.Users = append(o.Users, u)
			}
		})
		r := s.cleanup(t, s.connect(t, name, d, true, func(o *client.Options) { o.PageSize = 0 }), d, true).Run(t.Context(), now)
		if read := r.Outcome == job.DryRun && r.Counts.Scanned == n; read != want {
			t.Errorf("of %d accounts, %d were read: %s, %s", n, r.Counts.Scanned, r.Outcome, r.Error)
		}
		if pages := len(d.said()); !want && pages > 1 {
			t.Errorf("of %d accounts, %d pages were read", n, pages)
		}
	}
}

// pageElsewhere: a link to the next page that leads to another origin is not followed, and
// no account is removed.
func (s system) pageElsewhere(t *testing.T, name string, now time.Time) {
	if builtin(t, name).List.Next == nil {
		return
	}
	var reached atomic.Int32
	elsewhere := serveAt(t, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached.Add(1) }))
	d := s.serve(t, name, now, nil)
	d.answers = func(_ *http.Request, _ *int, header http.Header, body []byte) []byte {
		links := header.Values("Link")
		header.Del("Link")
		for _, link := range links {
			link = strings.ReplaceAll(link, d.url, elsewhere)
			header.Add("Link", strings.ReplaceAll(link, "</", "<"+elsewhere+"/"))
		}
		return bytes.ReplaceAll(body, []byte(d.url), []byte(elsewhere))
	}
	r := s.cleanup(t, s.connect(t, name, d, false, nil), d, false).Run(t.Context(), now)
	if r.Outcome != job.Failed || reached.Load() > 0 {
		t.Errorf("%s, and %d requests went elsewhere: %s", r.Outcome, reached.Load(), r.Error)
	}
	equal(t, "removed", d.Removed(), nil)
}

// losing: if the listing lacks an account, a directory with a total makes the run fail. The
// missing account is not removed in any case.
func (s system) losing(t *testing.T, name string, now time.Time) {
	d := s.serve(t, name, now, nil)
	before := d.Users()
	past, _ := d.Find("past")
	d.answers = func(r *http.Request, status *int, header http.Header, body []byte) []byte {
		if s.answers != nil {
			body = s.answers(r, status, header, body)
		}
		if r.URL.Path != s.listed(t, name) {
			return body
		}
		return edited(body, func(object map[string]any) {
			for name, member := range object {
				switch member := member.(type) {
				case []any:
					object[name] = slices.DeleteFunc(member, func(v any) bool {
						u, _ := v.(map[string]any)
						return slices.ContainsFunc(slices.Collect(maps.Values(u)), func(v any) bool { return fmt.Sprint(v) == past.ID })
					})
				case map[string]any:
					delete(member, past.ID)
				}
			}
		})
	}
	r := s.cleanup(t, s.connect(t, name, d, false, nil), d, false).Run(t.Context(), now)
	if failed := r.Outcome == job.Failed; s.counts != failed || r.Counts.Scanned == 0 {
		t.Errorf("%s: %+v, %s", r.Outcome, r.Counts, r.Error)
	}
	if slices.Contains(d.names(t, before, d.Removed()), "past") || s.counts && len(d.Removed()) > 0 {
		t.Errorf("removed: %q", d.names(t, before, d.Removed()))
	}
}

// listed returns the path of the listing.
func (s system) listed(t *testing.T, name string) string {
	return s.base + strings.NewReplacer("{org}", "acme", "{realm}", "acme").Replace(string(builtin(t, name).List.Path))
}

// leavingBetweenPages: if an account is removed by somebody else between two pages, so that
// another one is missing in the listing, a directory with a total is listed again. No account
// is removed that should stay.
func (s system) leavingBetweenPages(t *testing.T, name string, now time.Time) {
	p := builtin(t, name)
	d := s.serve(t, name, now, nil)
	before := d.Users()
	var first string
	c := s.connect(t, name, d, false, func(o *client.Options) { o.Connections = 1 })
	for u, err := range c.Sample(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		if known, _ := d.User(u.ID); first == "" && known.Username != "caller" {
			first = u.ID
		}
	}
	pages := 0
	path := s.listed(t, name)
	d.answers = func(r *http.Request, status *int, header http.Header, body []byte) []byte {
		if s.answers != nil {
			body = s.answers(r, status, header, body)
		}
		if r.URL.Path == path {
			if pages++; pages == 1 {
				d.Remove(first)
			}
		}
		return body
	}
	r := s.cleanup(t, c, d, false).Run(t.Context(), now)
	paged := p.List.Page != nil || p.List.Offset != nil || p.List.Cursor != nil
	listed := slices.DeleteFunc(d.said(), func(line string) bool { _, rest, _ := strings.Cut(line, " "); return !strings.HasPrefix(rest, path) })
	again := len(listed) > 0 && slices.Contains(listed[1:], listed[0])
	if r.Outcome == job.Failed || paged && s.counts && !again {
		t.Errorf("%s, read again: %t: %+v, %s", r.Outcome, again, r.Counts, r.Error)
	}
	for _, name := range d.names(t, before, d.Removed()) {
		if !slices.Contains(s.those(account.isRemoved), name) {
			t.Errorf("removed: %s", name)
		}
	}
}
