package sandbox

import (
	"errors"
	"net/url"
	"strconv"
)

// How a listing is cut into pages; without a style, one page has it all.
const (
	styleCursor = "cursor" // Param is the key of the last account before the page
	styleOffset = "offset" // Param is the number of accounts before the page
)

// paging says how a listing is cut into pages.
type paging struct {
	Style   string `yaml:"style"`
	Param   string `yaml:"param"`
	Size    string `yaml:"size"`    // the parameter that asks for a page's size
	Default int    `yaml:"default"` // size, if none is asked for or it is no size
	Max     int    `yaml:"max"`     // size; larger ones are clamped to it
}

// page is a part of a listing, as templates see it.
type page struct {
	Items  string // a JSON array
	Total  int
	Offset int
	Limit  int

	Current        int
	Next, Previous *int // cursors, nil at the ends

	end int // the index behind the last account
}

var errCursor = errors.New("invalid cursor")

// cut finds the page that the query asks for. keys are those of all accounts,
// in ascending order where the style is cursor.
func (p paging) cut(query url.Values, keys []int) (page, error) {
	all := page{Total: len(keys), Limit: len(keys), end: len(keys)}
	if p.Style == "" {
		return all, nil
	}
	at := page{Total: len(keys), Limit: p.limit(query.Get(p.Size))}
	if p.Style == styleOffset {
		n, _ := strconv.Atoi(query.Get(p.Param))
		at.Offset = max(n, 0)
		start := min(at.Offset, len(keys))
		at.end = start + min(at.Limit, len(keys)-start)
		return at, nil
	}
	if cursor := query.Get(p.Param); cursor != "" {
		n, err := strconv.Atoi(cursor)
		if err != nil || n < 0 {
			return page{}, errCursor
		}
		at.Current = n
	}
	for at.Offset < len(keys) && keys[at.Offset] <= at.Current {
		at.Offset++
	}
	at.end = min(at.Offset+at.Limit, len(keys))
	if at.end < len(keys) {
		at.Next = new(keys[at.end-1])
	}
	if at.Offset > 0 {
		at.Previous = new(0)
		if before := at.Offset - at.Limit; before > 0 {
			at.Previous = new(keys[before-1])
		}
	}
	return at, nil
}

func (p paging) limit(asked string) int {
	n, err := strconv.Atoi(asked)
	if err != nil || n < 1 {
		n = p.Default
	}
	return min(n, p.Max)
}
