package client

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"

	"github.com/tidwall/gjson"

	"dormant/client/profile"
)

// page is what is known of one page after it has been read.
type page struct {
	number   int // from 1
	items    int
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

// A pager knows how to request the next page. It lasts for one listing.
type pager interface {
	// first requests the first page.
	first() pageRequest

	// next requests the page after p; more is false if p was the last.
	next(p page) (r pageRequest, more bool, err error)

	// remaining is how many pages follow p, the first, and how to request each of
	// them, counted from 0, if that is known. They can then be read at once, and
	// next has to be called for each of them in order.
	remaining(p page) (n int, at func(i int) pageRequest)
}

// newPager returns the pager for a listing. size is how many items a page is
// requested with, or 0.
func newPager(l profile.Listing, size int) pager {
	switch {
	case l.Cursor != nil:
		return &cursorPager{Cursor: *l.Cursor, seen: map[string]int{}}
	case l.Next != nil:
		return &linkPager{Location: *l.Next, seen: map[string]int{}}
	case l.After != nil:
		return &keysetPager{params: l.After}
	case l.Page != nil:
		return &countingPager{param: l.Page.Param, at: *l.Page.First, step: func(int) int { return 1 }, size: size}
	case l.Offset != nil && l.Offset.Step == profile.StepSize:
		return &countingPager{param: l.Offset.Param, at: l.Offset.First, step: func(int) int { return size }, size: size}
	case l.Offset != nil:
		return &countingPager{param: l.Offset.Param, at: l.Offset.First, step: func(items int) int { return items }, size: size}
	}
	return singlePage{}
}

// singlePage is for a listing in one response.
type singlePage struct{}

func (singlePage) first() pageRequest                          { return pageRequest{} }
func (singlePage) next(page) (pageRequest, bool, error)        { return pageRequest{}, false, nil }
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

func (c *cursorPager) next(p page) (pageRequest, bool, error) {
	v := p.envelope.Get(c.Next)
	var cursor string
	var param any
	switch {
	case !v.Exists() && c.Optional, v.Exists() && v.Type == gjson.Null:
		return pageRequest{}, false, nil
	case !v.Exists():
		return pageRequest{}, false, mismatchf("cursor.next", "no %s, which tells the next page, so the listing was cut short", c.Next)
	case v.Type == gjson.String:
		cursor, param = v.Str, v.Str
	case v.Type == gjson.Number:
		cursor, param = v.Raw, json.Number(v.Raw)
	default:
		return pageRequest{}, false, mismatchf("cursor.next", "%s is %s, not a cursor", c.Next, profile.Describe(v))
	}
	if cursor == "" || cursor == "0" {
		return pageRequest{}, false, nil
	}
	if before, ok := c.seen[cursor]; ok {
		return pageRequest{}, false, responseErrorf("the next cursor came before, on page %d: the listing runs in a circle", before)
	}
	c.seen[cursor] = p.number
	return pageRequest{params: map[string]any{c.Param: param}}, true, nil
}

func (*cursorPager) remaining(page) (int, func(int) pageRequest) { return 0, nil }

// linkPager follows the URLs of next pages.
type linkPager struct {
	profile.Location
	seen map[string]int // the URLs so far, and on which page
}

func (*linkPager) first() pageRequest { return pageRequest{} }

func (l *linkPager) next(p page) (pageRequest, bool, error) {
	link := ""
	if l.Header != "" {
		link = nextLink(p.header.Values(l.Header))
	} else if v := p.envelope.Get(l.Path); v.Type == gjson.String {
		link = v.Str
	} else if v.Type != gjson.Null {
		return pageRequest{}, false, mismatchf("next", "%s is %s, not a URL", l.Path, profile.Describe(v))
	}
	if link == "" {
		return pageRequest{}, false, nil
	}
	target, err := url.Parse(link)
	if err != nil {
		return pageRequest{}, false, mismatchf("next", "the link to the next page is no URL")
	}
	target = p.url.ResolveReference(target)
	if origin(target) != origin(p.url) || target.User != nil {
		return pageRequest{}, false, errOtherOrigin
	}
	target.Fragment = ""
	if before, ok := l.seen[target.String()]; ok || target.String() == p.url.String() {
		return pageRequest{}, false, responseErrorf("the link to the next page came before, on page %d: the listing runs in a circle", before)
	}
	l.seen[target.String()] = p.number
	return pageRequest{url: target}, true, nil
}

func (*linkPager) remaining(page) (int, func(int) pageRequest) { return 0, nil }

// keysetPager requests the items behind the last one of the page before.
type keysetPager struct {
	params map[string]string // with the paths in the item
	before string            // the item behind which the page was requested
	items  int               // so far
}

func (*keysetPager) first() pageRequest { return pageRequest{} }

func (k *keysetPager) next(p page) (pageRequest, bool, error) {
	k.items += p.items
	if p.items == 0 || p.total >= 0 && k.items >= p.total {
		return pageRequest{}, false, nil
	}
	params := map[string]any{}
	for name, path := range k.params {
		v := p.last.Get(path)
		if v.Type != gjson.String && v.Type != gjson.Number {
			return pageRequest{}, false, mismatchf("after."+name, "%s of the last item is %s, not text or a number", path, profile.Describe(v))
		}
		params[name] = v.String()
		if v.Type == gjson.Number {
			params[name] = json.Number(v.Raw)
		}
	}
	if p.last.Raw == k.before {
		return pageRequest{}, false, mismatchf("after", "the page ends with the item behind which it was asked for: the listing runs in a circle")
	}
	k.before = p.last.Raw
	return pageRequest{params: params}, true, nil
}

func (*keysetPager) remaining(page) (int, func(int) pageRequest) { return 0, nil }

// countingPager requests pages by their number or by an offset. A page may be
// shorter than requested: servers clamp the size, and leave out what the caller
// may not see. The listing ends with an empty page, or with the total.
type countingPager struct {
	param string
	at    int                 // the number or offset of the page that was read last
	step  func(items int) int // from a page with so many items to the next one
	items int                 // so far
	size  int                 // that is requested; 0: none
}

func (c *countingPager) request(at int) pageRequest {
	return pageRequest{params: map[string]any{c.param: at}}
}

func (c *countingPager) first() pageRequest { return c.request(c.at) }

func (c *countingPager) next(p page) (pageRequest, bool, error) {
	c.items += p.items
	c.at += c.step(p.items)
	next := c.request(c.at)
	switch {
	case p.items == 0:
		return pageRequest{}, false, nil
	case p.number == 1 && p.items == p.total && p.items == c.size:
		next.probe = true // a total that is no more than a full page may only count the page
	case p.total >= 0 && c.items >= p.total:
		return pageRequest{}, false, nil
	}
	return next, true, nil
}

func (c *countingPager) remaining(p page) (int, func(int) pageRequest) {
	if p.items == 0 || p.total < 0 {
		return 0, nil
	}
	first, step := c.at, c.step(p.items)
	pages := (min(p.total, maxItems) + p.items - 1) / p.items
	return pages - 1, func(i int) pageRequest { return c.request(first + (i+1)*step) }
}
