package command

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
)

// memoryListener is a listener in memory: in a bubble, time stands still while somebody
// waits for a real one.
type memoryListener struct {
	ends   chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func newMemoryListener() *memoryListener {
	return &memoryListener{ends: make(chan net.Conn), closed: make(chan struct{})}
}

func (w *memoryListener) Accept() (net.Conn, error) {
	select {
	case c := <-w.ends:
		return c, nil
	case <-w.closed:
		return nil, net.ErrClosed
	}
}

func (w *memoryListener) Close() error { w.once.Do(func() { close(w.closed) }); return nil }

func (w *memoryListener) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 7} }

// memoryConn is the other end of a connection.
type memoryConn struct {
	net.Conn
	cut chan struct{} // closed when the server closes its end
}

// serverConn is the server's serverConn of a wire.
type serverConn struct {
	net.Conn
	cut chan struct{}
	one sync.Once
}

func (e *serverConn) Close() error { e.one.Do(func() { close(e.cut) }); return e.Conn.Close() }

func (w *memoryListener) connect() (memoryConn, error) {
	ours, theirs := net.Pipe()
	cut := make(chan struct{})
	select {
	case w.ends <- &serverConn{Conn: theirs, cut: cut}:
		return memoryConn{ours, cut}, nil
	case <-w.closed:
		return memoryConn{}, net.ErrClosed
	}
}

// exchange sends text, and reads one response.
func exchange(c net.Conn, text string) (code int, header http.Header, body string, err error) {
	go io.WriteString(c, text) // which nobody may want to read
	method, _, _ := strings.Cut(text, " ")
	response, err := http.ReadResponse(bufio.NewReader(c), &http.Request{Method: method})
	if err != nil {
		return 0, nil, "", err
	}
	defer response.Body.Close()
	read, err := io.ReadAll(response.Body)
	return response.StatusCode, response.Header, string(read), err
}
