package sandbox

import (
	"encoding/base64"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// How a listing is cut into pages; without a style, one page has it all.
const (
	stylePage   = "page"   // Param is the number of the page
	styleOffset = "offset" // Param is the number of items before the page
	styleCursor = "cursor" // Param says which item was the last before the page
)

// What a cursor is.
const (
	cursorNumber = "number" // the item's key
	cursorOpaque = "opaque" // likewise, but nobody can tell
	cursorID     = "id"     // the account's id
)

// inBody is where a listing by POST has its parameters.
const inBody = "body"

// paging says how a listing is cut into pages.
type paging struct {
	Style   string `yaml:"style"`
	In      string `yaml:"in"` // nothing (the query), or body: then parameters are paths
	Param   string `yaml:"param"`
	First   int    `yaml:"first"`   // page, offset: what the first one is called
	Size    string `yaml:"size"`    // the parameter that asks for a page's size
	Default int    `yaml:"default"` // size, if none is asked for or it is no size; 0: all
	Max     int    `yaml:"max"`     // size; larger ones are clamped to it, unless 0
	Cursor  string `yaml:"cursor"`  // number unless given
	Blind   bool   `yaml:"blind"`   // cursor: a full page has a next one, even if nothing follows
}

// page is a part of a listing, as templates see it.
type page struct {
	*request

	Items  string // a JSON array or object
	Count  int    // of the items
	Total  int
	Offset int // from 0, whatever the system calls the first one
	Limit  int
	Page   int
	Pages  int

	Current        any // cursor
	Next, Previous any // page number, offset or cursor as in the parameter, nil at the ends

	paging paging
	end    int // the index behind the last item
}

// place is what a cursor can point to.
type place struct {
	key int
	id  string
}

var errCursor = errors.New("invalid cursor")

// cut finds the page that is asked for. The keys of the places ascend.
func (p paging) cut(q *request, places []place) (page, error) {
	param, size := q.parameter(p, p.Param), q.parameter(p, p.Size)
	at := page{request: q, paging: p, Total: len(places), Limit: p.limit(size, len(places)), Page: p.First}
	switch p.Style {
	case stylePage:
		if n, err := strconv.Atoi(param); err == nil && n > p.First {
			at.Page = n
		}
		at.Offset = (at.Page - p.First) * at.Limit
	case styleOffset:
		if n, err := strconv.Atoi(param); err == nil && n > p.First {
			at.Offset = n - p.First
		}
		at.Page += at.Offset / at.Limit
	case styleCursor:
		var err error
		if at.Current, at.Offset, err = p.behind(param, places); err != nil {
			return page{}, err
		}
		at.Page += at.Offset / at.Limit
	}
	start := min(at.Offset, len(places))
	at.end = start + min(at.Limit, len(places)-start)
	at.Pages = (len(places) + at.Limit - 1) / at.Limit
	p.neighbours(&at, places)
	return at, nil
}

// neighbours finds the pages before and after.
func (p paging) neighbours(at *page, places []place) {
	more := at.end < len(places)
	switch p.Style {
	case stylePage:
		if more {
			at.Next = at.Page + 1
		}
		if at.Page > p.First {
			at.Previous = at.Page - 1
		}
	case styleOffset:
		if more {
			at.Next = at.end + p.First
		}
		if at.Offset > 0 {
			at.Previous = max(at.Offset-at.Limit, 0) + p.First
		}
	case styleCursor:
		if more || p.Blind && at.end > 0 && at.end-at.Offset == at.Limit {
			at.Next = p.cursor(places[at.end-1])
		}
		if before := at.Offset - at.Limit; before > 0 {
			at.Previous = p.cursor(places[before-1])
		} else if at.Offset > 0 {
			at.Previous = p.cursor(place{})
		}
	}
}

// limit is the size of a page, never 0.
func (p paging) limit(asked string, total int) int {
	n, err := strconv.Atoi(asked)
	if err != nil || n < 1 {
		n = p.Default
	}
	if n < 1 || p.Style == "" {
		n = total
	}
	if p.Max > 0 {
		n = min(n, p.Max)
	}
	return max(n, 1)
}

const opaquePrefix = "after "

// cursor is what points behind an item; behind none, to the first page.
func (p paging) cursor(at place) any {
	switch p.Cursor {
	case cursorID:
		return at.id
	case cursorOpaque:
		if at.key == 0 {
			return ""
		}
		return base64.RawURLEncoding.EncodeToString([]byte(opaquePrefix + strconv.Itoa(at.key)))
	default:
		return at.key
	}
}

// behind reads a cursor and tells how many places are before the page.
func (p paging) behind(cursor string, places []place) (current any, offset int, err error) {
	if cursor == "" {
		return p.cursor(place{}), 0, nil
	}
	if p.Cursor == cursorID {
		i := slices.IndexFunc(places, func(at place) bool { return at.id == cursor })
		if i < 0 {
			return nil, 0, errCursor
		}
		return cursor, i + 1, nil
	}
	number := cursor
	if p.Cursor == cursorOpaque {
		text, err := base64.RawURLEncoding.DecodeString(cursor)
		after, ok := strings.CutPrefix(string(text), opaquePrefix)
		if err != nil || !ok {
			return nil, 0, errCursor
		}
		number = after
	}
	key, err := strconv.Atoi(number)
	if err != nil || key < 0 {
		return nil, 0, errCursor
	}
	for offset < len(places) && places[offset].key <= key {
		offset++
	}
	if p.Cursor == cursorOpaque {
		return cursor, offset, nil
	}
	return key, offset, nil
}

// The URLs of a page and of those around it, empty if there is none.

// SelfURL is what was asked for.
func (p page) SelfURL() string {
	if p.r.URL.RawQuery == "" {
		return p.URL
	}
	return p.URL + "?" + p.r.URL.RawQuery
}

// NextURL is where the next page is.
func (p page) NextURL() string { return p.at(p.Next) }

// PreviousURL is where the page before is.
func (p page) PreviousURL() string { return p.at(p.Previous) }

// FirstURL is where the first page is.
func (p page) FirstURL() string {
	if p.paging.Style == styleCursor {
		return p.at("")
	}
	return p.at(p.paging.First)
}

// LastURL is where the last page is, unless pages are found by cursors.
func (p page) LastURL() string {
	last := max(p.Pages-1, 0)
	switch p.paging.Style {
	case stylePage:
		return p.at(p.paging.First + last)
	case styleOffset:
		return p.at(p.paging.First + last*p.Limit)
	default:
		return ""
	}
}

func (p page) at(value any) string {
	if value == nil || p.paging.Style == "" || p.paging.In == inBody {
		return ""
	}
	query := p.r.URL.Query()
	if value == "" {
		query.Del(p.paging.Param)
	} else {
		query.Set(p.paging.Param, fmt.Sprint(value))
	}
	if len(query) == 0 {
		return p.URL
	}
	return p.URL + "?" + query.Encode()
}

// Links is a Link header as in RFC 8288.
func (p page) Links(relations ...string) string { return p.links(relations, strings.Clone) }

// RelativeLinks is Links without scheme and host.
func (p page) RelativeLinks(relations ...string) string { return p.links(relations, pathOf) }

func (p page) links(relations []string, form func(string) string) string {
	var links []string
	for _, relation := range relations {
		url := map[string]func() string{
			"first": p.FirstURL, "prev": p.PreviousURL, "next": p.NextURL, "last": p.LastURL, "self": p.SelfURL,
		}[relation]
		if url == nil {
			continue
		}
		if target := url(); target != "" {
			links = append(links, "<"+form(target)+`>; rel="`+relation+`"`)
		}
	}
	return strings.Join(links, ", ")
}

// pathOf is the URL without scheme and host.
func pathOf(text string) string {
	u, err := url.Parse(text)
	if err != nil {
		return text
	}
	u.Scheme, u.Host = "", ""
	return u.String()
}
