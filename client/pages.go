package client

import (
	"net/url"
	"strconv"

	"github.com/tidwall/gjson"
)

// page is what is known of one page after it has been read.
type page struct {
	number   int // from 1
	items    int
	envelope gjson.Result
}

// pager knows how to ask for the next page. It lasts for one listing.
type pager interface {
	// first is the query for the first page.
	first() url.Values
	// next is the query for the page after p, or nil if p was the last.
	next(p page) (url.Values, error)
}

func (l Listing) pager() pager {
	switch {
	case l.Cursor != nil:
		return &cursorPager{Cursor: *l.Cursor, seen: map[string]int{}}
	case l.Offset != nil:
		return &offsetPager{Offset: *l.Offset, total: l.Total}
	}
	return onePage{}
}

// onePage is a listing in one response.
type onePage struct{}

func (onePage) first() url.Values             { return nil }
func (onePage) next(page) (url.Values, error) { return nil, nil }

// cursorPager follows cursors, which it does not look into.
type cursorPager struct {
	Cursor
	seen map[string]int // the cursors so far, and on which page
}

func (c *cursorPager) first() url.Values {
	if c.First == "" {
		return nil
	}
	c.seen[c.First] = 0
	return url.Values{c.Param: {c.First}}
}

func (c *cursorPager) next(p page) (url.Values, error) {
	v := p.envelope.Get(c.Next)
	var cursor string
	switch {
	case !v.Exists() && c.Optional:
		return nil, nil
	case !v.Exists():
		return nil, shapeErrorf("no %s, which tells the next page, so the listing was cut short", c.Next)
	case v.Type == gjson.Null:
		return nil, nil
	case v.Type == gjson.String:
		cursor = v.Str
	case v.Type == gjson.Number:
		cursor = v.Raw
	default:
		return nil, shapeErrorf("%s is %s, not a cursor", c.Next, kind(v))
	}
	if cursor == "" || cursor == "0" {
		return nil, nil
	}
	if before, ok := c.seen[cursor]; ok {
		return nil, shapeErrorf("the next cursor came before, on page %d: the listing runs in a circle", before)
	}
	c.seen[cursor] = p.number
	return url.Values{c.Param: {cursor}}, nil
}

// offsetPager asks for what comes behind the items so far. A page may be
// shorter than asked for: servers clamp the size. The listing ends with an
// empty page, or with the total.
type offsetPager struct {
	Offset
	total  string
	offset int
}

func (o *offsetPager) first() url.Values { return o.query() }

func (o *offsetPager) next(p page) (url.Values, error) {
	o.offset += p.items
	if p.items == 0 {
		return nil, nil
	}
	if total := p.envelope.Get(o.total); o.total != "" && total.Exists() && int64(o.offset) >= total.Int() {
		return nil, nil
	}
	return o.query(), nil
}

func (o *offsetPager) query() url.Values {
	return url.Values{o.Param: {strconv.Itoa(o.offset)}}
}
