package client

import (
	"context"
	"strings"

	"github.com/tidwall/gjson"
)

// A batch is some items of a page that follow each other. They go together from the reading
// of the pages to the decoding of accounts, so that the next page comes while this one is
// decoded, and neither side waits for the other at each item.
type batch struct {
	page, attempt int        // as in item
	first         int        // the position of the first item
	text          string     // of all items, each behind its name
	ends          []itemEnds // of each item
}

// itemEnds are where in the text of a batch the name of an item ends, and its value.
type itemEnds struct{ name, value int32 }

// item returns the item with the index in the batch.
func (b *batch) item(i int) item {
	start, end := int32(0), b.ends[i]
	if i > 0 {
		start = b.ends[i-1].value
	}
	value := gjson.Result{Type: gjson.JSON, Raw: b.text[end.name:end.value]}
	if value.Raw[0] != '{' {
		value = gjson.Parse(value.Raw)
	}
	return item{page: b.page, position: b.first + i, attempt: b.attempt, name: b.text[start:end.name], value: value}
}

// A batch has no more items than these, and is not larger than this or one item, in bytes.
const (
	batchItems = 256
	batchSize  = 32 << 10
)

// A batcher makes batches of the items of a page. Batches that follow each other share the
// memory that it takes for the texts.
type batcher struct {
	page int
	send func(batch) error

	sent int             // items
	text strings.Builder // the items since memory was taken
	from int             // where in text the next batch begins
	ends []itemEnds      // of the items of the next batch
	last gjson.Result    // item that was sent
	err  error           // of send
}

// add adds an item behind the others.
func (b *batcher) add(name string, value []byte) error {
	if size := len(name) + len(value); b.text.Cap()-b.text.Len() < size || len(b.ends) == cap(b.ends) {
		if err := b.flush(); err != nil {
			return err
		}
		b.text.Reset()
		b.text.Grow(max(batchSize, size))
		b.from, b.ends = 0, make([]itemEnds, 0, batchItems)
	}
	b.text.WriteString(name)
	nameEnd := b.text.Len() - b.from
	b.text.Write(value)
	b.ends = append(b.ends, itemEnds{int32(nameEnd), int32(b.text.Len() - b.from)}) //nolint:gosec // no more than a few MiB
	return nil
}

// flush sends what was added.
func (b *batcher) flush() error {
	n := len(b.ends)
	if n == 0 {
		return nil
	}
	next := batch{page: b.page, first: b.sent + 1, text: b.text.String()[b.from:], ends: b.ends[:n:n]}
	b.sent, b.from, b.ends = b.sent+n, b.text.Len(), b.ends[n:]
	b.last = next.item(n - 1).value
	b.err = b.send(next)
	return b.err
}

// A batchQueue has the batches that the decoding has not come to yet. It has room for a
// usual page, so that the next one is asked for without waiting for the decoding. It has
// an end, so that a listing of a million accounts in one response never waits in memory
// as a whole.
type batchQueue chan batch

func newBatchQueue() batchQueue { return make(batchQueue, queuedBatches) }

const queuedBatches = 1 << 20 / batchSize

// send waits until there is room for the batch.
func (q batchQueue) send(ctx context.Context, b batch) error {
	select {
	case q <- b:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// drain waits until the queue is closed.
func (q batchQueue) drain() {
	for range q {
		continue
	}
}
