package client

import (
	"context"
	"iter"
)

// An itemQueue hands items from the reading of the pages to the decoding of accounts,
// so that the next page comes while this one is decoded. It bounds what waits in memory
// by its size as well as by the number of items: a listing of a million accounts in
// one response, or one of large accounts, never waits as a whole.
type itemQueue struct {
	batches chan []item
	batch   []item // that is not handed over yet
	size    int    // of batch, in bytes
}

// A batch is handed over as soon as there is room for it. If there is none, no more items
// or bytes than these wait for it.
const (
	batchItems = 1000
	batchSize  = 256 << 10
)

func newItemQueue() *itemQueue { return &itemQueue{batches: make(chan []item, 1)} }

// send puts the item into the queue. It waits if too much waits already.
func (q *itemQueue) send(ctx context.Context, it item) error {
	q.batch = append(q.batch, it)
	q.size += it.size()
	select {
	case q.batches <- q.batch:
		q.batch, q.size = nil, 0
		return nil
	default:
	}
	if len(q.batch) < batchItems && q.size < batchSize {
		return nil
	}
	return q.flush(ctx)
}

// flush hands over what was sent.
func (q *itemQueue) flush(ctx context.Context) error {
	if len(q.batch) == 0 {
		return nil
	}
	select {
	case q.batches <- q.batch:
		q.batch, q.size = nil, 0
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// items yields the items in their order until the queue is closed.
func (q *itemQueue) items() iter.Seq[item] {
	return func(yield func(item) bool) {
		for batch := range q.batches {
			for _, it := range batch {
				if !yield(it) {
					return
				}
			}
		}
	}
}

// drain waits until the queue is closed.
func (q *itemQueue) drain() {
	for range q.batches {
		continue
	}
}
