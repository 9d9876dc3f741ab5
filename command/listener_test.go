package command

import (
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// TestListenerAnswersThreePaths: to GET and HEAD. Nothing else is there, nothing
// there changes anything, and nobody is named.
func TestListenerAnswersThreePaths(t *testing.T) {
	t.Parallel()
	d := serve(t, "maestro")
	one := newDaemon(t, io.Discard, d.env(forReal)...)
	one.runNow(t.Context())
	ran, sent, before := one.lastRun(), len(d.Requests()), d.Users()
	if len(d.Removed()) == 0 {
		t.Fatal("a run that removes nobody names nobody")
	}
	l := newMemoryListener()
	server := one.server()
	go func() { _ = server.Serve(l) }()
	defer server.Close()

	known := []string{"/metrics", "/healthz", "/readyz"}
	paths := append(slices.Clone(known), "/metrics?name[]=x", "/", "*", "//metrics", "/metrics/", "/METRICS", "/./metrics", "/x/../metrics", "/metrics/..", "/metrics%2f",
		"/metrics%00", "/metrics;x", "//127.0.0.1/metrics", "/healthz/", "/readyz/x", "/debug/pprof/", "/debug/pprof/heap", "/debug/vars", "/run", "/-/reload", "/-/quit",
		"/users", "/accounts/"+d.unused()[0], "/api/v1/query", "/favicon.ico", "/%2e%2e/%2e%2e/etc/passwd", "/report.json")
	for _, method := range []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT", "PROPFIND", "get", "PRI"} {
		for _, path := range paths {
			bare, _, _ := strings.Cut(path, "?")
			want := http.StatusNotFound
			switch {
			case slices.Contains(known, bare) && (method == "GET" || method == "HEAD"):
				want = http.StatusOK
			case slices.Contains(known, bare) && method != "CONNECT": // whose target has no path
				want = http.StatusMethodNotAllowed
			}
			c, err := l.connect()
			if err != nil {
				t.Fatal(err)
			}
			code, header, body, err := exchange(c, method+" "+path+" HTTP/1.1\r\nHost: dormant\r\nConnection: close\r\nX-HTTP-Method-Override: DELETE\r\n\r\n")
			c.Close()
			if method == "CONNECT" || path == "*" { // some are no requests at all
				if err == nil && code < 400 || len(body) > 100 {
					t.Errorf("%s %s: %d %s", method, path, code, body)
				}
				continue
			}
			if err != nil || code != want || want == http.StatusMethodNotAllowed && header.Get("Allow") != "GET, HEAD" ||
				want != http.StatusOK && len(body) > 100 || method == "HEAD" && body != "" || header.Get("Location") != "" {
				t.Errorf("%s %s: %v, %d, not %d: %v %s", method, path, err, code, want, header, body)
			}
			for _, u := range before {
				if strings.Contains(body, u.ID) || strings.Contains(body, u.Email) && u.Email != "" || strings.Contains(body, ".") && strings.Contains(u.Username, ".") && strings.Contains(body, u.Username) {
					t.Errorf("%s %s names %+v", method, path, u)
				}
			}
		}
	}
	if one.lastRun() != ran || len(d.Requests()) != sent || len(d.Users()) != len(before) {
		t.Errorf("requests to the daemon made it do something: %+v", one.lastRun())
	}
}

// TestListenerBoundsHeaders: and does not read on.
func TestListenerBoundsHeaders(t *testing.T) {
	t.Parallel()
	one := newDaemon(t, io.Discard, serve(t, "itflex").env()...)
	l := newMemoryListener()
	server := one.server()
	go func() { _ = server.Serve(l) }()
	defer server.Close()
	many := strings.Repeat("X: y\r\n", 1<<16)
	for text, want := range map[string]int{
		"GET /healthz HTTP/1.1\r\nHost: x\r\nCookie: " + strings.Repeat("x", 12<<10) + "\r\n\r\n": 200,
		"GET /healthz HTTP/1.1\r\nHost: x\r\nCookie: " + strings.Repeat("x", 64<<10) + "\r\n\r\n": 431,
		"GET /healthz HTTP/1.1\r\nHost: x\r\n" + many + "\r\n":                                    431,
		"GET /" + strings.Repeat("x", 64<<10) + " HTTP/1.1\r\nHost: x\r\n\r\n":                    431,
		"GET /healthz HTTP/1.1\r\n\r\n":                                                           400,
		"GET /healthz HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: x\r\n\r\n":                        501,
		"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n":                                    400,
	} {
		c, err := l.connect()
		if err != nil {
			t.Fatal(err)
		}
		if code, _, _, err := exchange(c, text); code != want {
			t.Errorf("%.60q and so on: %d, %v, not %d", text, code, err, want)
		}
		c.Close()
	}
}

// TestListenerCutsSlowClientsOff: however a client wastes time, its connection
// ends, and others are answered at once meanwhile.
func TestListenerCutsSlowClientsOff(t *testing.T) {
	environ := serve(t, "itflex").env()
	synctest.Test(t, func(t *testing.T) {
		<-time.After(time.Until(now)) // a bubble begins in the year 2000
		l := newMemoryListener()
		server := newDaemon(t, io.Discard, environ...).server()
		go func() { _ = server.Serve(l) }()
		defer server.Close()

		drip := func(c net.Conn, text string, every time.Duration) {
			for i := range len(text) {
				if _, err := io.WriteString(c, text[i:i+1]); err != nil {
					return
				}
				<-time.After(every)
			}
		}
		const get, post = "GET /metrics HTTP/1.1\r\nHost: x\r\n", "POST /healthz HTTP/1.1\r\nHost: x\r\n"
		drain := func(c net.Conn) { _, _ = io.Copy(io.Discard, c) }
		var all sync.WaitGroup
		for says, client := range map[string]struct {
			act    func(c net.Conn)
			within time.Duration
		}{
			"says nothing":              {func(net.Conn) {}, 5 * time.Second},
			"headers byte by byte":      {func(c net.Conn) { go drain(c); drip(c, get+strings.Repeat("X: y\r\n", 1000), time.Second) }, 5 * time.Second},
			"headers without an end":    {func(c net.Conn) { io.WriteString(c, get) }, 5 * time.Second},
			"a body that does not come": {func(c net.Conn) { go drain(c); io.WriteString(c, post+"Content-Length: 9\r\n\r\n") }, 11 * time.Second},
			"a body that is waited for": {func(c net.Conn) {
				go drain(c)
				io.WriteString(c, post+"Expect: 100-continue\r\nContent-Length: 9\r\n\r\n")
			}, 11 * time.Second},
			"a body of GET that comes slowly": {func(c net.Conn) {
				go drain(c)
				io.WriteString(c, get+"Content-Length: 99\r\n\r\n")
				drip(c, strings.Repeat("x", 99), time.Second)
			}, 11 * time.Second},
			"a body without an end": {func(c net.Conn) {
				go drain(c)
				io.WriteString(c, post+"Transfer-Encoding: chunked\r\n\r\n")
				drip(c, strings.Repeat("1\r\nx\r\n", 1000), 100*time.Millisecond)
			}, 11 * time.Second},
			"never reads":          {func(c net.Conn) { io.WriteString(c, get+"\r\n") }, 30 * time.Second},
			"never reads, headers": {func(c net.Conn) { io.WriteString(c, "HEAD /metrics HTTP/1.1\r\nHost: x\r\n\r\n") }, 30 * time.Second},
			"reads byte by byte": {func(c net.Conn) {
				io.WriteString(c, get+"\r\n")
				for b := make([]byte, 1); ; <-time.After(time.Second) {
					if _, err := c.Read(b); err != nil {
						return
					}
				}
			}, 30 * time.Second},
			"asks and asks, and never reads": {func(c net.Conn) {
				for {
					if _, err := io.WriteString(c, get+"\r\n"); err != nil {
						return
					}
				}
			}, 30 * time.Second},
			"asks once, and stays": {func(c net.Conn) { go drain(c); io.WriteString(c, get+"\r\n") }, time.Minute},
		} {
			all.Go(func() {
				c, err := l.connect()
				if err != nil {
					t.Error(err)
					return
				}
				defer c.Close()
				began := time.Now()
				go client.act(c)
				select {
				case <-c.cut:
				case <-time.After(time.Hour):
				}
				if took := time.Since(began); took > client.within+time.Second {
					t.Errorf("a client that %s is there for %s", says, took)
				}
			})
		}
		for range 70 {
			<-time.After(time.Second)
			c, err := l.connect()
			if err != nil {
				t.Fatal(err)
			}
			asked := time.Now()
			if code, _, _, err := exchange(c, "GET /readyz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"); code != http.StatusOK || time.Since(asked) > 0 {
				t.Errorf("meanwhile, others get %d, %v, after %s", code, err, time.Since(asked))
			}
			c.Close()
		}
		all.Wait()
	})
}

// TestListenerManyConnections: those beyond a number are closed, so that they take
// neither the memory nor the files that a run needs. It ends with the time-outs.
func TestListenerManyConnections(t *testing.T) {
	environ := serve(t, "itflex").env()
	synctest.Test(t, func(t *testing.T) {
		<-time.After(time.Until(now)) // a bubble begins in the year 2000
		l := newMemoryListener()
		server := newDaemon(t, io.Discard, environ...).server()
		go func() { _ = server.Serve(l) }()
		defer server.Close()
		connect := func() memoryConn {
			c, err := l.connect()
			if err != nil {
				t.Fatal(err)
			}
			return c
		}
		get := func(path string) int {
			c := connect()
			defer c.Close()
			code, _, _, _ := exchange(c, "GET "+path+" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
			return code
		}
		flood := func(n int) (all []memoryConn, open int) {
			for range n {
				all = append(all, connect())
			}
			synctest.Wait()
			for _, c := range all {
				select {
				case <-c.cut:
				default:
					open++
				}
			}
			return all, open
		}
		for range 3 {
			all, open := flood(10 * maxConnections)
			if open != maxConnections || get("/healthz") != 0 {
				t.Errorf("of %d connections, %d stay", len(all), open)
			}
			<-time.After(6 * time.Second)
			if code := get("/healthz"); code != http.StatusOK {
				t.Errorf("after the flood: %d", code)
			}
			for _, c := range all {
				c.Close()
			}
		}
		// A client that does not read its answer keeps only other scrapes waiting.
		var deaf []memoryConn
		for range maxScrapes {
			c := connect()
			io.WriteString(c, "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
			deaf = append(deaf, c)
		}
		synctest.Wait()
		if metrics, health := get("/metrics"), get("/healthz"); metrics != http.StatusServiceUnavailable || health != http.StatusOK {
			t.Errorf("with %d scrapes that don't end: %d, and for health %d", maxScrapes, metrics, health)
		}
		<-time.After(31 * time.Second)
		if code := get("/metrics"); code != http.StatusOK {
			t.Errorf("after they have been cut off: %d", code)
		}
		for _, c := range deaf {
			c.Close()
		}
	})
}
