package client

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/maphash"
	"io"
	"iter"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/tidwall/gjson"

	"dormant/client/profile"
	"dormant/job"
)

// item is one element of a listing.
type item struct {
	page, position int    // from 1
	try            int    // of the page that brought it
	key            string // its name, where the items are the members of an object
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
	listing   profile.Listing
	key       string   // where the profile has the listing
	user      job.User // whom a listing of one account's activity is about
	maxPages  int      // 0: all

	// What can be read when the items have ended.
	pagesRead int
	tries     int  // of a listing in one response
	counted   int  // what the first page counted, or -1
	read      int  // items, those that came twice among them
	cut       bool // there are more pages than were asked for
	total     int  // the most that a page counted, or -1
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
			err = locate(w.client.profile, w.key, w.pages(ctx, found))
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
	size := w.size()
	pager := newPager(w.listing, size)
	send := func(it item) error {
		select {
		case found <- it:
			return nil
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	empty := 0
	contents := map[uint64]int{} // pages so far, by what is on them
	// turn does what is to be done after each page, in their order.
	turn := func(p page) (next ask, more bool, err error) {
		if w.pagesRead == 0 {
			w.counted = p.total
		}
		w.pagesRead, w.total, w.read = p.number, max(w.total, p.total), w.read+p.items
		if empty++; p.items > 0 {
			empty = 0
		}
		if empty > maxEmptyPages {
			return ask{}, false, fmt.Errorf("page %d: %d pages in a row are empty, and there is always a next one", p.number, empty)
		}
		if before, again := contents[p.contents]; again && (p.items > 1 || p.items == 1 && before == p.number-1) {
			return ask{}, false, repeats(p.number, before)
		}
		contents[p.contents] = p.number
		if err := w.withinLimit(); err != nil {
			return ask{}, false, err
		}
		if next, more, err = pager.next(p); err != nil {
			return ask{}, false, fmt.Errorf("page %d: %w", p.number, err)
		}
		w.cut = more && p.number == w.maxPages && !next.probe
		return next, more && p.number != w.maxPages, nil
	}
	number := 1
	for next, more := pager.first(), true; more; number++ {
		p, err := w.page(ctx, number, next, send)
		if next.probe && noSuchPage(err) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("page %d: %w", number, w.missing(err, number))
		}
		rest, restAt := 0, func(int) ask { return ask{} }
		if number == 1 && w.maxPages != 1 && w.client.connections > 1 {
			rest, restAt = pager.rest(p)
		}
		if next, more, err = turn(p); err != nil || rest == 0 {
			if err != nil {
				return err
			}
			continue
		}
		read := 0
		err = w.together(ctx, number+1, rest, restAt, func(r fetched) (bool, error) {
			if r.err != nil {
				return false, fmt.Errorf("page %d: %w", r.page.number, w.missing(r.err, r.page.number))
			}
			for _, it := range r.items {
				if err := send(it); err != nil {
					return false, err
				}
			}
			number++
			read++
			next, more, err = turn(r.page)
			// A page that was shorter than the first moves all behind it.
			return more && read < rest && maps.Equal(next.params, restAt(read).params), err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// noSuchPage reports whether a page was asked for that there is not.
func noSuchPage(err error) bool {
	var status *statusError
	return errors.As(err, &status) &&
		slices.Contains([]int{http.StatusBadRequest, http.StatusNotFound, http.StatusUnprocessableEntity}, status.Code)
}

// missing adds to the error of a page that does not exist what may be the cause: the
// wrong path, if it is the first page; otherwise, that accounts were removed since the
// page before, or that this is how the directory ends a listing without a total.
func (w *walk) missing(err error, number int) error {
	var status *statusError
	switch {
	case !noSuchPage(err):
		return err
	case number > 1 && w.listing.Total == nil && w.listing.Cursor == nil && w.listing.Next == nil:
		return fmt.Errorf("%w: %w, or this is its end, which only a total could tell (%s)", err, job.ErrChanged, w.client.profile.Where(w.key+".total"))
	case number > 1:
		return fmt.Errorf("%w: %w", err, job.ErrChanged)
	case errors.As(err, &status) && status.Code == http.StatusNotFound:
		return fmt.Errorf("%w at %s (%s)", err, w.listing.Path, w.client.profile.Where(w.key+".path"))
	}
	return err
}

// repeats is the error of a page that is an earlier one once more. If that is the page
// right before it, accounts may have moved by a whole page, or the directory repeats its
// last page for all numbers after it; but if it is the first one, the directory ignores
// what it was asked for.
func repeats(number, before int) error {
	if before > 1 && before == number-1 {
		return fmt.Errorf("page %d is page %d once more, so the listing repeats, or %w", number, before, job.ErrChanged)
	}
	return fmt.Errorf("page %d is page %d once more, so the listing repeats", number, before)
}

// withinLimit complains of a listing that may be cut off at the directory's limit.
func (w *walk) withinLimit() error {
	if limit := w.listing.Limit; limit > 0 && max(w.read, w.total) >= limit {
		return misfitf("limit", "the directory lists at most %d items, so nobody knows whether these are all", limit)
	}
	return nil
}

// fetched is a page that was read ahead of its turn.
type fetched struct {
	page  page
	items []item
	err   error
}

// together reads pages at once, as many as there are connections, and hands
// them to use in their order, until it says that there are no more.
func (w *walk) together(ctx context.Context, first, n int, at func(int) ask, use func(fetched) (more bool, err error)) error {
	ctx, cancel := context.WithCancel(ctx)
	var under sync.WaitGroup
	defer under.Wait()
	defer cancel()
	// One page is being handed over, the others wait in the queue.
	queue := make(chan chan fetched, w.client.connections-1)
	under.Go(func() {
		defer close(queue)
		for i := range n {
			result := make(chan fetched, 1)
			select {
			case queue <- result:
			case <-ctx.Done():
				return
			}
			under.Go(func() {
				var r fetched
				r.page, r.err = w.page(ctx, first+i, at(i), func(it item) error {
					r.items = append(r.items, it)
					return nil
				})
				result <- r
			})
		}
	})
	for result := range queue {
		if more, err := use(<-result); err != nil || !more {
			return err
		}
	}
	return nil
}

// maxEmptyPages is how many pages without an item may follow each other.
// Servers that filter after paging have some.
const maxEmptyPages = 100

// count is how a total is written, as a number or as text.
var count = regexp.MustCompile(`^[0-9]{1,9}$`)

// page reads one page, as often as it takes, and sends what is on it once all of
// it has come. Only a listing in one response, which may be long, is sent while it
// comes; what a failed try has sent is then sent again by the next one.
func (w *walk) page(ctx context.Context, number int, a ask, send func(item) error) (page, error) {
	p := page{number: number, total: -1}
	r, err := w.request(a)
	if err != nil {
		return p, err
	}
	p.url = r.url
	tries := 0
	var items []item
	take := func(it item) error {
		it.try = tries
		if !w.listing.Paged() {
			return send(it)
		}
		if items = append(items, it); len(items) > w.client.maxItems {
			return fmt.Errorf("more than %d items, so the listing does not end", w.client.maxItems)
		}
		return nil
	}
	err = w.client.retry(ctx, w.operation, func() error {
		return w.client.withToken(ctx, func(token string) error {
			p.items, items = 0, nil
			tries++
			r.token = token
			return w.client.send(ctx, r, func(body io.Reader, header http.Header) error {
				p.header = header
				return w.split(body, &p, take)
			})
		})
	})
	if !w.listing.Paged() {
		w.tries = tries
	}
	for _, it := range items {
		if err != nil {
			break
		}
		err = send(it)
	}
	if err != nil || w.listing.Total == nil {
		return p, err
	}
	total := p.at(*w.listing.Total)
	if total.IsObject() || total.IsArray() || !count.MatchString(total.String()) {
		return p, misfitf("total", "%s is %s, not the number of items", w.listing.Total, profile.Kind(total))
	}
	p.total = int(total.Int())
	return p, nil
}

func (w *walk) split(body io.Reader, p *page, send func(item) error) error {
	items := w.listing.Items
	if len(items) == 0 { // the answer is the one item
		document, err := readJSON(body)
		if err != nil {
			return err
		}
		p.items, p.envelope = 1, document
		return send(item{page: p.number, position: 1, value: document})
	}
	var contents maphash.Hash
	contents.SetSeed(w.client.seed)
	envelope, err := split(body, items, w.listing.Keyed, func(key string, raw []byte) error {
		p.items++
		_, _ = contents.WriteString(key + "\x00") // never fails
		_, _ = contents.Write(raw)
		p.last = gjson.ParseBytes(raw) // a copy
		return send(item{page: p.number, position: p.items, key: key, value: p.last})
	})
	var shape *shapeError
	if errors.As(err, &shape) && shape.noItems && w.listing.None != "" && envelope.Get(w.listing.None).Exists() {
		err = nil
	}
	p.envelope, p.contents = envelope, contents.Sum64()
	return err
}

// size is how many items a page is asked for, or 0.
func (w *walk) size() int {
	switch size := w.listing.Size; {
	case size == nil:
		return 0
	case w.client.pageSize > 0 && w.operation == opList:
		return w.client.pageSize
	default:
		return size.Default
	}
}

// request is the request for a page.
func (w *walk) request(a ask) (request, error) {
	l := w.listing
	r := request{operation: w.operation, method: cmp.Or(l.Method, http.MethodGet), stream: true}
	values, err := w.client.about(w.user, l.Path, l.Body, slices.Collect(maps.Values(l.Query))...)
	if err != nil {
		return r, err
	}
	if a.url != nil {
		r.url = a.url
		return r, nil
	}
	params := map[string]any{}
	if l.Size != nil {
		params[l.Size.Param] = w.size()
	}
	maps.Copy(params, a.params)
	query := profile.Texts(l.Query, values)
	if r.method == http.MethodPost {
		body := l.Body.Expand(values, w.client.asJSON(w.user))
		for name, value := range params {
			body = put(body, strings.Split(name, "."), value)
		}
		if r.body, err = json.Marshal(body); err != nil {
			return r, err
		}
	} else {
		for name, value := range params {
			query[name] = fmt.Sprint(value)
		}
	}
	r.url, err = w.client.target(l.Path, values, query)
	return r, err
}

// put sets a value in a JSON document.
func put(document any, path []string, value any) any {
	object, ok := document.(map[string]any)
	if !ok {
		object = map[string]any{}
	}
	if len(path) > 1 {
		value = put(object[path[0]], path[1:], value)
	}
	object[path[0]] = value
	return object
}
