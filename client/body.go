package client

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"
)

// maxBody bounds a response that is no listing, and each item of a listing, in bytes.
const maxBody = 1 << 20

// byteOrderMark is what some servers write before JSON. RFC 8259, section 8.1, lets a
// reader ignore it.
const byteOrderMark = "\ufeff"

// readBuffers are those that are not in use. They are larger than what a parser of JSON asks
// for at a time.
var readBuffers = sync.Pool{New: func() any { return bufio.NewReaderSize(nil, 16<<10) }}

// readBuffered hands the body to read, behind a byte order mark if it begins with one. The
// reader is only valid during the call.
func readBuffered(body io.Reader, read func(io.Reader) error) error {
	buffered, _ := readBuffers.Get().(*bufio.Reader)
	buffered.Reset(body)
	defer func() {
		buffered.Reset(nil)
		readBuffers.Put(buffered)
	}()
	if start, _ := buffered.Peek(len(byteOrderMark)); string(start) == byteOrderMark {
		_, _ = buffered.Discard(len(start))
	}
	return read(buffered)
}

// tooLarge is the error of a part of a response that has more than maxBody bytes.
func tooLarge(part string) error {
	return &responseError{text: fmt.Sprintf("%s is larger than %d MiB", part, maxBody>>20), tooLarge: true}
}

// maxDepth bounds how deep the arrays and objects of a document are nested.
const maxDepth = 100

// checkDepth returns an error if the JSON value is nested deeper than maxDepth.
func checkDepth(value []byte) error {
	if bytes.Count(value, []byte{'['})+bytes.Count(value, []byte{'{'}) <= maxDepth {
		return nil // as nearly all
	}
	depth, inString := 0, false
	for i := 0; i < len(value); i++ {
		switch c := value[i]; {
		case inString && c == '\\':
			i++
		case c == '"':
			inString = !inString
		case inString:
		case c == '[' || c == '{':
			if depth++; depth > maxDepth {
				return responseErrorf("the answer has more than %d arrays and objects in each other", maxDepth)
			}
		case c == ']' || c == '}':
			depth--
		}
	}
	return nil
}

// A limitedBody is a response that fails if it is larger than left bytes.
type limitedBody struct {
	body io.Reader
	left int64
}

func (l *limitedBody) Read(p []byte) (int, error) {
	if l.left <= 0 {
		return 0, tooLarge("the answer")
	}
	n, err := l.body.Read(p[:min(int64(len(p)), l.left)])
	l.left -= int64(n)
	return n, asConnectionError(err)
}

// A streamedBody is a response whose parts may each take as long as a whole request,
// so that a long listing is not cut short while it flows. The time between two reads
// does not count: then the client is busy, not the server.
type streamedBody struct {
	body    io.Reader
	timer   *time.Timer
	timeout time.Duration
}

func (b *streamedBody) Read(p []byte) (int, error) {
	b.timer.Reset(b.timeout)
	defer b.timer.Stop()
	n, err := b.body.Read(p)
	return n, asConnectionError(err)
}

// asConnectionError marks an error while reading a body as one that may not come again.
func asConnectionError(err error) error {
	if err == nil || errors.Is(err, io.EOF) {
		return err
	}
	return &connectionError{err}
}
