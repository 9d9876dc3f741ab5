package client

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/tidwall/gjson"

	"dormant/client/profile"
	"dormant/job"
)

// page is what is known of one page after it has been read.
type page struct {
	number   int // from 1
	items    int
	size     int          // of the items, in bytes; 0: of a listing in one response
	total    int          // how many items the directory says there are; -1: it does not say
	url      *url.URL     // that was requested
	last     gjson.Result // item, if there is any
	hash     uint64       // of the items
	envelope gjson.Result
	header   http.Header
}

// at is the value at the location in the page.
func (p page) at(l profile.Location) gjson.Result {
	if l.Header == "" {
		return p.envelope.Get(l.Path)
	}
	if values := p.header.Values(l.Header); len(values) > 0 {
		return gjson.Result{Type: gjson.String, Str: values[0], Raw: strconv.Quote(values[0])}
	}
	return gjson.Result{}
}

// pageRequest is what the request for one page has, besides what all have.
type pageRequest struct {
	params map[string]any // numbers and texts, by the names that the profile gives
	url    *url.URL       // or all of the request
	probe  bool           // the page should be empty, and an error that there is no such page is as good
}

// end says whether a page is the last one.
type end uint8

const (
	notEnd      end = iota // there is a next page, or there may be
	explicitEnd            // the page says that there is none
	silentEnd              // the page does not say anything about a next one
)

// A pager knows how to request the next page. It lasts for one listing.
type pager interface {
	// first requests the first page.
	first() pageRequest

	// next requests the page after p, unless p is the end.
	next(p page) (r pageRequest, e end, err error)

	// remaining is how many pages follow p, the first, and how to request each of
	// them, counted from 0, if that is known. They can then be read at once, and
	// next has to be called for each of them in order.
	remaining(p page) (n int, at func(i int) pageRequest)
}

// newPager returns the pager for a listing. size is how many items a page is
// requested with, or 0. With verify, a total is not believed until the page behind
// it was requested. base is the path of the directory's URL.
func newPager(l profile.Listing, size int, verify bool, base string) pager {
	t := total{size: size, verify: verify}
	switch {
	case l.Cursor != nil:
		return &cursorPager{Cursor: *l.Cursor, seen: map[string]int{}}
	case l.Next != nil:
		pager := &linkPager{Location: *l.Next, seen: map[string]int{}}
		for _, path := range l.NextPaths {
			pager.paths = append(pager.paths, base+strings.TrimRight(path, "/"))
		}
		return pager
	case l.After != nil:
		return &keysetPager{params: l.After, total: t}
	case l.Page != nil:
		return &countingPager{param: l.Page.Param, at: *l.Page.First, step: func(int) int { return 1 }, total: t}
	case l.Offset != nil && l.Offset.Step == profile.StepSize:
		return &countingPager{param: l.Offset.Param, at: l.Offset.First, step: func(int) int { return size }, total: t}
	case l.Offset != nil:
		return &countingPager{param: l.Offset.Param, at: l.Offset.First, step: func(items int) int { return items }, total: t}
	}
	return singlePage{}
}

// singlePage is for a listing in one response.
type singlePage struct{}

func (singlePage) first() pageRequest                          { return pageRequest{} }
func (singlePage) next(page) (pageRequest, end, error)         { return pageRequest{}, silentEnd, nil }
func (singlePage) remaining(page) (int, func(int) pageRequest) { return 0, nil }

// cursorPager follows cursors, which are opaque.
type cursorPager struct {
	profile.Cursor
	seen map[string]int // the cursors so far, and on which page
}

func (c *cursorPager) first() pageRequest {
	if c.First == "" {
		return pageRequest{}
	}
	c.seen[c.First] = 0
	return pageRequest{params: map[string]any{c.Param: c.First}}
}

func (c *cursorPager) next(p page) (pageRequest, end, error) {
	v := p.envelope.Get(c.Next)
	var cursor string
	var param any
	switch {
	case !v.Exists() && c.Optional:
		return pageRequest{}, silentEnd, nil
	case !v.Exists():
		return pageRequest{}, silentEnd, mismatchf("cursor.next", "no %s, which tells the next page, so the listing was cut short", c.Next)
	case v.Type == gjson.Null:
		return pageRequest{}, explicitEnd, nil
	case v.Type == gjson.String:
		cursor, param = v.Str, v.Str
	case v.Type == gjson.Number:
		cursor, param = v.Raw, json.Number(v.Raw)
	default:
		return pageRequest{}, silentEnd, mismatchf("cursor.next", "%s is %s, not a cursor", c.Next, profile.Describe(v))
	}
	if cursor == "" || cursor == "0" {
		return pageRequest{}, explicitEnd, nil
	}
	if before, ok := c.seen[cursor]; ok {
		return pageRequest{}, silentEnd, responseErrorf("the next cursor came before, on page %d: the listing runs in a circle", before)
	}
	c.seen[cursor] = p.number
	return pageRequest{params: map[string]any{c.Param: param}}, notEnd, nil
}

func (*cursorPager) remaining(page) (int, func(int) pageRequest) { return 0, nil }

// linkPager follows the URLs of next pages.
type linkPager struct {
	profile.Location
	paths []string       // where a link may lead to besides the path of the page that has it
	seen  map[string]int // the URLs so far, and on which page
}

func (*linkPager) first() pageRequest { return pageRequest{} }

func (l *linkPager) next(p page) (pageRequest, end, error) {
	link, e := "", silentEnd
	if l.Header != "" {
		headers := p.header.Values(l.Header)
		if link = nextLink(headers); len(headers) > 0 {
			e = explicitEnd // there are links, to other pages
		}
	} else if v := p.envelope.Get(l.Path); v.Exists() {
		if link, e = v.Str, explicitEnd; v.Type != gjson.String && v.Type != gjson.Null {
			return pageRequest{}, silentEnd, mismatchf("next", "%s is %s, not a URL", l.Path, profile.Describe(v))
		}
	}
	if link == "" {
		return pageRequest{}, e, nil
	}
	target, err := url.Parse(strings.ReplaceAll(strings.TrimSpace(link), " ", "%20"))
	if err != nil {
		return pageRequest{}, silentEnd, mismatchf("next", "the link to the next page is no URL")
	}
	target = p.url.ResolveReference(target)
	if origin(target) != origin(p.url) || target.User != nil {
		return pageRequest{}, silentEnd, otherOriginError(p.url, target)
	}
	if !l.mayLeadTo(target.EscapedPath(), p.url.EscapedPath()) {
		return pageRequest{}, silentEnd, job.WithDetail(mismatchf("next", "the link to the next page leads to another path than the listing's: "+
			"if that is right, name it in next_paths"), fmt.Sprintf("it leads to %.200q", target.EscapedPath()))
	}
	target.Fragment = ""
	if before, ok := l.seen[target.String()]; ok || target.String() == p.url.String() {
		return pageRequest{}, silentEnd, responseErrorf("the link to the next page came before, on page %d: the listing runs in a circle", before)
	}
	l.seen[target.String()] = p.number
	return pageRequest{url: target}, notEnd, nil
}

// mayLeadTo reports whether a link of the page at the path from may lead to the path.
func (l *linkPager) mayLeadTo(path, from string) bool {
	path = strings.TrimRight(path, "/")
	return path == strings.TrimRight(from, "/") || slices.Contains(l.paths, path)
}

func (*linkPager) remaining(page) (int, func(int) pageRequest) { return 0, nil }

// total ends a listing that says how many items there are.
type total struct {
	size   int  // that is requested; 0: none
	verify bool // also if the first page is not full, and behind the last of several
	items  int  // so far
	first  int  // items on the first page
}

// reached reports whether the items up to p are as many as the total says. That is in
// doubt if only p itself says so: some directories count the items of the page, or count
// no further than to a limit. Then the page behind p has to be requested as well.
func (t *total) reached(p page) (reached, doubtful bool) {
	if t.items += p.items; p.number == 1 {
		t.first = p.items
	}
	switch {
	case p.total < 0 || t.items < p.total:
		return false, false
	case t.items > p.total: // the total is wrong in any case
		return true, false
	case p.number == 1:
		return true, t.verify || p.items == t.size
	}
	return true, t.verify && p.items >= t.first
}

// looksFull reports whether a page with n items may have been cut off by the
// directory: n is what was requested, or a usual size of pages.
func looksFull(n, requested int) bool {
	const smallest = 10
	return n > 0 && n == requested || n >= smallest && (n%5 == 0 || n&(n-1) == 0)
}

// keysetPager requests the items behind the last one of the page before.
type keysetPager struct {
	params map[string]string // with the paths in the item
	before string            // the item behind which the page was requested
	total
}

func (*keysetPager) first() pageRequest { return pageRequest{} }

func (k *keysetPager) next(p page) (pageRequest, end, error) {
	reached, doubtful := k.reached(p)
	if p.items == 0 || reached && !doubtful {
		return pageRequest{}, explicitEnd, nil
	}
	params := map[string]any{}
	for name, path := range k.params {
		v := p.last.Get(path)
		if v.Type != gjson.String && v.Type != gjson.Number {
			return pageRequest{}, silentEnd, mismatchf("after."+name, "%s of the last item is %s, not text or a number", path, profile.Describe(v))
		}
		params[name] = v.String()
		if v.Type == gjson.Number {
			params[name] = json.Number(v.Raw)
		}
	}
	if p.last.Raw == k.before {
		return pageRequest{}, silentEnd, mismatchf("after", "the page ends with the item behind which it was asked for: the listing runs in a circle")
	}
	k.before = p.last.Raw
	return pageRequest{params: params, probe: doubtful}, notEnd, nil
}

func (*keysetPager) remaining(page) (int, func(int) pageRequest) { return 0, nil }

// countingPager requests pages by their number or by an offset. A page may be
// shorter than requested: servers clamp the size, and leave out what the caller
// may not see. The listing ends with an empty page, or with the total.
type countingPager struct {
	param string
	at    int                 // the number or offset of the page that was read last
	step  func(items int) int // from a page with so many items to the next one
	total
}

func (c *countingPager) request(at int) pageRequest {
	return pageRequest{params: map[string]any{c.param: at}}
}

func (c *countingPager) first() pageRequest { return c.request(c.at) }

func (c *countingPager) next(p page) (pageRequest, end, error) {
	c.at += c.step(p.items)
	next := c.request(c.at)
	reached, doubtful := c.reached(p)
	if p.items == 0 || reached && !doubtful {
		return pageRequest{}, explicitEnd, nil
	}
	next.probe = doubtful
	return next, notEnd, nil
}

func (c *countingPager) remaining(p page) (int, func(int) pageRequest) {
	if p.items == 0 || p.total < 0 {
		return 0, nil
	}
	first, step := c.at, c.step(p.items)
	pages := (min(p.total, maxItems) + p.items - 1) / p.items
	return pages - 1, func(i int) pageRequest { return c.request(first + (i+1)*step) }
}
