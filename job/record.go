package job

import (
	"io"
	"sync"
)

// Record is where logs are written. It keeps the first error, because without a
// record nothing may be removed. It is safe for concurrent use. A nil Record has
// no errors.
type Record struct {
	mu  sync.Mutex
	to  io.Writer
	err error
}

// NewRecord makes a record that writes to w.
func NewRecord(w io.Writer) *Record { return &Record{to: w} }

// Write writes one event.
func (r *Record) Write(event []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	n, err := r.to.Write(event)
	if err != nil && r.err == nil {
		r.err = err
	}
	return n, err
}

// Err is the first error of Write.
func (r *Record) Err() error {
	if r == nil {
		return nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.err
}
