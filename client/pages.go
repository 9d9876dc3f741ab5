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
	url      *url.URL     // where it was
	last     gjson.Result // item, if there is any
	contents uint64       // the items, hashed
	envelope gjson.Result
	header   http.Header
}

// at is the value that is found there in the page.
func (p page) at(where profile.Found) gjson.Result {
	if where.Header == "" {
		return p.envelope.Get(where.Path)
	}
	if values := p.header.Values(where.Header); len(values) > 0 {
		return gjson.Result{Type: gjson.String, Str: values[0], Raw: strconv.Quote(values[0])}
	}
	return gjson.Result{}
}

// ask is what a page is asked for by.
type ask struct {
	params map[string]any // numbers and texts, by the names that the profile gives
	url    *url.URL       // or all of it
	probe  bool           // there should be nothing, and no such page is as good
}

// pager knows how to ask for the next page. It lasts for one listing.
type pager interface {
	// first asks for the first page.
	first() ask

	// next asks for the page after p; more is false if p was the last.
	next(p page) (a ask, more bool, err error)

	// rest is how many pages come after p, the first, and how to ask for each of
	// them, if that is known: they can be read at once, and next goes on behind them.
	rest(p page) (n int, at func(i int) ask)
}

// newPager makes the one for this listing. size is how many items are asked for.
func newPager(l profile.Listing, size int) pager {
	switch {
	case l.Cursor != nil:
		return &cursorPager{Cursor: *l.Cursor, seen: map[string]int{}}
	case l.Next != nil:
		return &linkPager{Found: *l.Next, seen: map[string]int{}}
	case l.After != nil:
		return &afterPager{params: l.After}
	case l.Page != nil:
		return &countingPager{param: l.Page.Param, at: *l.Page.First, step: func(int) int { return 1 }, size: size}
	case l.Offset != nil && l.Offset.Step == profile.StepSize:
		return &countingPager{param: l.Offset.Param, at: l.Offset.First, step: func(int) int { return size }, size: size}
	case l.Offset != nil:
		return &countingPager{param: l.Offset.Param, at: l.Offset.First, step: func(items int) int { return items }, size: size}
	}
	return onePage{}
}

// onePage is a listing in one response.
type onePage struct{}

func (onePage) first() ask                     { return ask{} }
func (onePage) next(page) (ask, bool, error)   { return ask{}, false, nil }
func (onePage) rest(page) (int, func(int) ask) { return 0, nil }

// cursorPager follows cursors, which it does not look into.
type cursorPager struct {
	profile.Cursor
	seen map[string]int // the cursors so far, and on which page
}

func (c *cursorPager) first() ask {
	if c.First == "" {
		return ask{}
	}
	c.seen[c.First] = 0
	return ask{params: map[string]any{c.Param: c.First}}
}

func (c *cursorPager) next(p page) (ask, bool, error) {
	v := p.envelope.Get(c.Next)
	var cursor string
	var param any
	switch {
	case !v.Exists() && c.Optional, v.Exists() && v.Type == gjson.Null:
		return ask{}, false, nil
	case !v.Exists():
		return ask{}, false, misfitf("cursor.next", "no %s, which tells the next page, so the listing was cut short", c.Next)
	case v.Type == gjson.String:
		cursor, param = v.Str, v.Str
	case v.Type == gjson.Number:
		cursor, param = v.Raw, json.Number(v.Raw)
	default:
		return ask{}, false, misfitf("cursor.next", "%s is %s, not a cursor", c.Next, profile.Kind(v))
	}
	if cursor == "" || cursor == "0" {
		return ask{}, false, nil
	}
	if before, ok := c.seen[cursor]; ok {
		return ask{}, false, shapeErrorf("the next cursor came before, on page %d: the listing runs in a circle", before)
	}
	c.seen[cursor] = p.number
	return ask{params: map[string]any{c.Param: param}}, true, nil
}

func (*cursorPager) rest(page) (int, func(int) ask) { return 0, nil }

// linkPager follows the URLs of next pages.
type linkPager struct {
	profile.Found
	seen map[string]int // the URLs so far, and on which page
}

func (l *linkPager) first() ask { return ask{} }

func (l *linkPager) next(p page) (ask, bool, error) {
	link := ""
	if l.Header != "" {
		link = nextLink(p.header.Values(l.Header))
	} else if v := p.envelope.Get(l.Path); v.Type == gjson.String {
		link = v.Str
	} else if v.Type != gjson.Null {
		return ask{}, false, misfitf("next", "%s is %s, not a URL", l.Path, profile.Kind(v))
	}
	if link == "" {
		return ask{}, false, nil
	}
	target, err := url.Parse(link)
	if err != nil {
		return ask{}, false, misfitf("next", "the link to the next page is no URL")
	}
	target = p.url.ResolveReference(target)
	if origin(target) != origin(p.url) || target.User != nil {
		return ask{}, false, errOtherOrigin
	}
	target.Fragment = ""
	if before, ok := l.seen[target.String()]; ok || target.String() == p.url.String() {
		return ask{}, false, shapeErrorf("the link to the next page came before, on page %d: the listing runs in a circle", before)
	}
	l.seen[target.String()] = p.number
	return ask{url: target}, true, nil
}

func (*linkPager) rest(page) (int, func(int) ask) { return 0, nil }

// afterPager asks for what comes behind the last item of the page before.
type afterPager struct {
	params map[string]string // with the paths in the item
	before string            // the item behind which the page was asked for
	items  int               // so far
}

func (*afterPager) first() ask { return ask{} }

func (a *afterPager) next(p page) (ask, bool, error) {
	a.items += p.items
	if p.items == 0 || p.total >= 0 && a.items >= p.total {
		return ask{}, false, nil
	}
	params := map[string]any{}
	for name, path := range a.params {
		v := p.last.Get(path)
		if v.Type != gjson.String && v.Type != gjson.Number {
			return ask{}, false, misfitf("after."+name, "%s of the last item is %s, not text or a number", path, profile.Kind(v))
		}
		params[name] = v.String()
		if v.Type == gjson.Number {
			params[name] = json.Number(v.Raw)
		}
	}
	if p.last.Raw == a.before {
		return ask{}, false, misfitf("after", "the page ends with the item behind which it was asked for: the listing runs in a circle")
	}
	a.before = p.last.Raw
	return ask{params: params}, true, nil
}

func (*afterPager) rest(page) (int, func(int) ask) { return 0, nil }

// countingPager asks for pages by their number or by an offset. A page may be
// shorter than asked for: servers clamp the size, and leave out what the caller
// may not see. The listing ends with an empty page, or with the total.
type countingPager struct {
	param string
	at    int                 // the number or offset of the page that is read next, or was read last
	step  func(items int) int // from a page with so many items to the next one
	items int                 // so far
	size  int                 // that is asked for; 0: not said
}

func (c *countingPager) ask(at int) ask {
	return ask{params: map[string]any{c.param: at}}
}

func (c *countingPager) first() ask { return c.ask(c.at) }

func (c *countingPager) next(p page) (ask, bool, error) {
	c.items += p.items
	c.at += c.step(p.items)
	next := c.ask(c.at)
	switch {
	case p.items == 0:
		return ask{}, false, nil
	case p.number == 1 && p.items == p.total && p.items == c.size:
		next.probe = true // a total that is no more than a full page may only count the page
	case p.total >= 0 && c.items >= p.total:
		return ask{}, false, nil
	}
	return next, true, nil
}

func (c *countingPager) rest(p page) (int, func(int) ask) {
	if p.items == 0 || p.total < 0 {
		return 0, nil
	}
	first, step := c.at, c.step(p.items)
	pages := (min(p.total, maxItems) + p.items - 1) / p.items
	return pages - 1, func(i int) ask { return c.ask(first + (i+1)*step) }
}
