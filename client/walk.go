package client

import (
	"context"
	"fmt"
	"io"
	"iter"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"strconv"

	"github.com/tidwall/gjson"
)

// item is one element of a listing.
type item struct {
	page, position int // from 1
	value          gjson.Result
}

// wrong is what is wrong with the item.
func (it item) wrong(err error) error {
	return fmt.Errorf("page %d, item %d: %w", it.page, it.position, err)
}

// walk is one reading of a listing from its first page to its last.
type walk struct {
	client    *Client
	operation string
	listing   Listing
	maxPages  int // 0: all

	// What can be read when the items have ended.
	pagesRead int
	total     int // the most that a page counted, or -1
}

// ahead is how many items may wait between the reading of the pages and the
// decoding of accounts. A page's worth lets the next page come while this one
// is decoded; a listing of a million in one response never waits in memory.
const ahead = 1000

// maxItems is when a listing counts as one that never ends.
const maxItems = 2_000_000

// items yields the elements in their order. While the caller is busy with them,
// the next page is under way. After an error, nothing more comes.
func (w *walk) items(ctx context.Context) iter.Seq2[item, error] {
	return func(yield func(item, error) bool) {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		found := make(chan item, ahead)
		var err error
		go func() {
			defer close(found)
			err = w.pages(ctx, found)
		}()
		// Whoever stops early waits until the reading has stopped as well.
		defer func() {
			cancel()
			for range found {
				continue
			}
		}()
		n := 0
		for it := range found {
			if n++; n > w.client.maxItems {
				yield(item{}, fmt.Errorf("page %d: more than %d items, so the listing does not end", it.page, w.client.maxItems))
				return
			}
			if !yield(it, nil) {
				return
			}
		}
		if err != nil {
			yield(item{}, err)
		}
	}
}

// pages reads page after page and sends what is on them.
func (w *walk) pages(ctx context.Context, found chan<- item) error {
	w.total = -1
	pager := w.listing.pager()
	query := pager.first()
	empty := 0
	for number := 1; ; number++ {
		p, err := w.page(ctx, number, query, found)
		if err != nil {
			return fmt.Errorf("page %d: %w", number, err)
		}
		w.pagesRead = number
		if empty++; p.items > 0 {
			empty = 0
		}
		if empty > maxEmptyPages {
			return fmt.Errorf("page %d: %d pages in a row are empty, and there is always a next one", number, empty)
		}
		query, err = pager.next(p)
		if err != nil {
			return fmt.Errorf("page %d: %w", number, err)
		}
		if query == nil || number == w.maxPages {
			return nil
		}
	}
}

// maxEmptyPages is how many pages without an item may follow each other.
// Servers that filter after paging have some.
const maxEmptyPages = 100

// count is how a total is written, as a number or as text.
var count = regexp.MustCompile(`^[0-9]{1,9}$`)

// page reads one page, as often as it takes. What a failed try has sent already
// is sent again by the next one.
func (w *walk) page(ctx context.Context, number int, query url.Values, found chan<- item) (page, error) {
	p := page{number: number}
	err := w.client.retry(ctx, w.operation, func() error {
		return w.client.withToken(ctx, func(token string) error {
			p.items = 0
			r := request{
				operation: w.operation, method: http.MethodGet, path: w.listing.Path.path(w.client.values(nil)),
				query: w.query(query), token: token, stream: true,
			}
			return w.client.send(ctx, r, func(body io.Reader) error { return w.split(ctx, body, &p, found) })
		})
	})
	if err != nil || w.listing.Total == "" {
		return p, err
	}
	total := p.envelope.Get(w.listing.Total)
	if total.IsObject() || total.IsArray() || !count.MatchString(total.String()) {
		return p, shapeErrorf("%s is %s, not the number of items", w.listing.Total, kind(total))
	}
	w.total = max(w.total, int(total.Int()))
	return p, nil
}

func (w *walk) split(ctx context.Context, body io.Reader, p *page, found chan<- item) error {
	envelope, err := split(body, w.listing.Items, func(raw []byte) error {
		p.items++
		it := item{page: p.number, position: p.items, value: gjson.ParseBytes(raw)} // a copy
		select {
		case found <- it:
			return nil
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	})
	p.envelope = envelope
	return err
}

// query adds what every page is asked for.
func (w *walk) query(page url.Values) url.Values {
	query := url.Values{}
	values := w.client.values(nil)
	for name, t := range w.listing.Query {
		query.Set(name, t.text(values))
	}
	if size := w.listing.Size; size != nil {
		n := size.Default
		if w.client.pageSize > 0 {
			n = w.client.pageSize
		}
		query.Set(size.Param, strconv.Itoa(n))
	}
	maps.Copy(query, page)
	return query
}
