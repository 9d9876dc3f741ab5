package client

import (
	"context"
	"fmt"
	"iter"
	"maps"
	"sync"

	"github.com/tidwall/gjson"

	"dormant/client/profile"
	"dormant/job"
)

// item is one element of a listing.
type item struct {
	page, position int    // from 1
	attempt        int    // to read the page; from 1
	name           string // under which it is a member of an object, or ""
	value          gjson.Result
}

// wrap adds to an error which item it is about.
func (it item) wrap(err error) error {
	return fmt.Errorf("page %d, item %d: %w", it.page, it.position, err)
}

// pagination is one reading of a listing, from its first page to its last.
type pagination struct {
	client    *Client
	operation string
	listing   profile.Listing
	key       string   // where the profile has the listing
	user      job.User // whom a listing of one account's activity is about
	maxPages  int      // 0: all

	pager    pager
	progress *progress

	// Valid when the items have ended.
	pagesRead  int
	attempts   int  // to read a listing in one response
	firstTotal int  // what the first page counted, or -1
	maxTotal   int  // the most that a page counted, or -1
	itemsRead  int  // items that came twice are counted twice
	truncated  bool // there are more than maxPages
	endAssumed bool // nothing says or proves that the first page is the last
}

// maxItems is when a listing counts as one that does not end, unless the options say
// otherwise. No more items are requested at once.
const maxItems = 10_000_000

// errEndless is the error of a listing with more items than limit.
func errEndless(limit int) error {
	return fmt.Errorf("more than %d items, so the listing does not end, or DORMANT_MAX_ACCOUNTS has to be raised", limit)
}

// items yields the elements in their order. While the caller is busy with them,
// the next page is under way. After an error, nothing more comes.
func (p *pagination) items(ctx context.Context) iter.Seq2[item, error] {
	return func(yield func(item, error) bool) {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		queue := newBatchQueue()
		var err error
		go func() {
			defer close(queue)
			err = withPosition(p.client.profile, p.key, p.readPages(ctx, queue))
		}()
		// A caller that stops early waits until the reading has stopped as well.
		defer queue.drain()
		defer cancel()
		n := 0
		for b := range queue {
			for i := range b.ends {
				if n++; n > p.client.maxItems {
					yield(item{}, fmt.Errorf("page %d: %w", b.page, errEndless(p.client.maxItems)))
					return
				}
				if !yield(b.item(i), nil) {
					return
				}
			}
		}
		if err != nil {
			yield(item{}, err)
		}
	}
}

// readPages reads page after page and sends what is on them.
func (p *pagination) readPages(ctx context.Context, queue batchQueue) error {
	p.maxTotal, p.progress = -1, newProgress(p.pagingKey())
	p.pager = newPager(p.listing, p.pageSize(), p.operation == opList, p.client.base.EscapedPath())
	send := func(b batch) error { return queue.send(ctx, b) }
	number := 1
	for next, more := p.pager.first(), true; more; number++ {
		var pg page
		var err error
		if next.probe {
			var exists bool
			if pg, exists, err = p.probe(ctx, number, next, send); err != nil || !exists {
				return err
			}
		} else if pg, err = p.fetch(ctx, number, next, send); err != nil {
			return fmt.Errorf("page %d: %w", number, p.explainNotFound(err, number))
		}
		remaining, request := 0, func(int) pageRequest { return pageRequest{} }
		if number == 1 && p.maxPages == 0 && p.client.connections > 1 {
			remaining, request = p.pager.remaining(pg)
		}
		if next, more, err = p.advance(ctx, pg); err != nil || remaining == 0 {
			if err != nil {
				return err
			}
			continue
		}
		read := 0
		err = p.fetchConcurrently(ctx, pg, remaining, request, func(f fetchedPage) (bool, error) {
			if f.err != nil {
				return false, fmt.Errorf("page %d: %w", f.page.number, p.explainNotFound(f.err, f.page.number))
			}
			for _, b := range f.batches {
				if err := send(b); err != nil {
					return false, err
				}
			}
			number++
			read++
			next, more, err = p.advance(ctx, f.page)
			// After a page that was shorter than the first, the others begin elsewhere.
			return more && read < remaining && maps.Equal(next.params, request(read).params), err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// advance checks a page and returns the request for the next one, if there is more to
// read. It has to be called for the pages in their order.
func (p *pagination) advance(ctx context.Context, pg page) (next pageRequest, more bool, err error) {
	p.count(pg)
	if err := p.progress.check(pg); err != nil {
		return pageRequest{}, false, err
	}
	if err := p.checkLimit(); err != nil {
		return pageRequest{}, false, err
	}
	next, e, err := p.pager.next(pg)
	if err == nil && e == silentEnd && pg.number == 1 {
		err = p.verifySilentEnd(ctx, pg)
	}
	if err != nil {
		return pageRequest{}, false, fmt.Errorf("page %d: %w", pg.number, err)
	}
	more = e == notEnd && pg.number != p.maxPages
	p.truncated = e == notEnd && !more && !next.probe
	return next, more, nil
}

// count adds a page to what is known of the listing.
func (p *pagination) count(pg page) {
	if p.pagesRead == 0 {
		p.firstTotal = pg.total
	}
	p.pagesRead, p.maxTotal, p.itemsRead = pg.number, max(p.maxTotal, pg.total), p.itemsRead+pg.items
}

// checkLimit returns an error if the listing may be cut off at the directory's limit.
func (p *pagination) checkLimit() error {
	if limit := p.listing.Limit; limit > 0 && max(p.itemsRead, p.maxTotal) >= limit {
		return mismatchf("limit", "the directory lists at most %d items, so nobody knows whether these are all", limit)
	}
	return nil
}

// maxEmptyPages is how many pages without an item may follow each other.
// Servers that filter after paging have some.
const maxEmptyPages = 100

// progress finds listings that do not get ahead.
type progress struct {
	emptyPages int            // in a row
	hashes     map[uint64]int // the pages so far, by what is on them
	pagingKey  string         // of the profile, that is to blame if pages repeat
}

func newProgress(pagingKey string) *progress {
	return &progress{hashes: map[uint64]int{}, pagingKey: pagingKey}
}

// check returns an error if the page is one too many that is empty, or repeats an
// earlier one.
func (pr *progress) check(p page) error {
	if pr.emptyPages++; p.items > 0 {
		pr.emptyPages = 0
	}
	if pr.emptyPages > maxEmptyPages {
		return fmt.Errorf("page %d: %d pages in a row are empty, and there is always a next one", p.number, pr.emptyPages)
	}
	// A page with one item counts as repeated only if it follows at once.
	if before, again := pr.hashes[p.hash]; again && (p.items > 1 || p.items == 1 && before == p.number-1) {
		return repetitionError(p.number, before, pr.pagingKey)
	}
	pr.hashes[p.hash] = p.number
	return nil
}

// repetitionError is the error of a page that repeats an earlier one. If that is the
// page right before it, accounts may have moved by a whole page, or the directory
// repeats its last page for all numbers after it. If it is the first page, the
// directory ignores the parameters of pages.
func repetitionError(number, before int, pagingKey string) error {
	if before > 1 && before == number-1 {
		return fmt.Errorf("page %d is page %d once more, so the listing repeats, or %w; "+
			"if this is how the directory goes on behind its last page, only list.total shows the end", number, before, job.ErrChanged)
	}
	return mismatchf(pagingKey, "page %d is page %d once more, so the listing repeats", number, before)
}

// fetchedPage is a page that was read ahead.
type fetchedPage struct {
	page    page
	batches []batch
	err     error
}

// fetchConcurrently reads the n pages after the first one, as many at once as there
// are connections, and hands them to use in their order, until use returns that there
// are no more or an error. at is the request for each of them. If pages are large, fewer
// are read at once.
func (p *pagination) fetchConcurrently(ctx context.Context, first page, n int, at func(int) pageRequest, use func(fetchedPage) (more bool, err error)) error {
	ctx, cancel := context.WithCancel(ctx)
	var running sync.WaitGroup
	defer running.Wait()
	defer cancel()
	// One page is being handed over, the others wait in the queue.
	atOnce := min(p.client.connections, 1+maxPageSize/max(1, first.size))
	if turnOf(ctx) != nil { // which all pages share
		atOnce = min(atOnce, p.client.throttle.atOnce())
	}
	queue := make(chan chan fetchedPage, atOnce-1)
	running.Go(func() {
		defer close(queue)
		for i := range n {
			result := make(chan fetchedPage, 1)
			select {
			case queue <- result:
			case <-ctx.Done():
				return
			}
			running.Go(func() {
				var f fetchedPage
				f.page, f.err = p.fetch(ctx, first.number+1+i, at(i), func(b batch) error {
					f.batches = append(f.batches, b)
					return nil
				})
				result <- f
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
