package simulation

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"testing"
)

// TestMain lets every client of this test binary dial in memory: clients clone the
// default transport. The context of a request says to which world it belongs.
func TestMain(m *testing.M) {
	http.DefaultTransport.(*http.Transport).DialContext = dial
	m.Run()
}

// worldKey is the key of a context's world.
type worldKey struct{}

// dial connects to the directory of the context's world, and to nothing else.
func dial(ctx context.Context, _, address string) (net.Conn, error) {
	w, ok := ctx.Value(worldKey{}).(*world)
	if !ok {
		return nil, fmt.Errorf("a connection to %s without the context of a run", address)
	}
	if address != w.listener.Addr().String() {
		w.violationf("a connection to %s", address)
		return nil, errors.New("this is not the directory")
	}
	return w.listener.dial(ctx)
}

// pipeListener is a listener in memory. The fake clock of a synctest bubble
// advances only while all its goroutines wait for each other; waiting for a
// socket would not count.
type pipeListener struct {
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func newPipeListener() *pipeListener {
	return &pipeListener{conns: make(chan net.Conn), closed: make(chan struct{})}
}

func (p *pipeListener) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *pipeListener) Close() error {
	p.once.Do(func() { close(p.closed) })
	return nil
}

func (*pipeListener) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 7} }

func (p *pipeListener) dial(ctx context.Context) (net.Conn, error) {
	client, server := net.Pipe()
	select {
	case p.conns <- server:
		return client, nil
	case <-p.closed:
		return nil, net.ErrClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}
