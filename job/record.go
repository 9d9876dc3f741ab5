package job

import (
	"io"
	"sync"
)

// Record is a destination for logs that keeps its first write error: nothing may be removed
// if that can't be recorded. It is safe for concurrent use. A nil Record has no errors.
type Record struct {
	mu  sync.Mutex
	to  io.Writer
	err error
}

// NewRecord returns a record that writes to w.
func NewRecord(w io.Writer) *Record { return &Record{to: w} }

// Write writes one event, and keeps the first error for Err.
func (r *Record) Write(event []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	n, err := r.to.Write(event)
	if err != nil && r.err == nil {
		r.err = err
	}
	return n, err
}

// Err returns the first error of Write, or nil.
func (r *Record) Err() error {
	if r == nil {
		return nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.err
}
