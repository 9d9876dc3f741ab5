package client

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// errReadOnly is the answer of a read-only client to a request that could
// change something. The request is not sent.
var errReadOnly = errors.New("this is a dry run: requests that are not reads are refused")

// errOtherOrigin is the answer to a request that would leave the configured
// directory, whatever asked for it. The request is not sent.
var errOtherOrigin = errors.New("the directory sends us to another origin, where no credentials go")

// otherOriginError is errOtherOrigin with both origins, and what to do.
func otherOriginError(from, to *url.URL) error {
	text := "%w: from %s to %s; "
	if from.Hostname() == to.Hostname() {
		text += "the directory does not know by which URL it is reached, perhaps behind a proxy: set its own public URL, or DORMANT_URL, so that the two are the same"
	} else {
		text += "if both are this directory, set its own public URL, or DORMANT_URL, so that the two are the same"
	}
	return fmt.Errorf(text, errOtherOrigin, origin(from), origin(to))
}

// A gate is the http.RoundTripper that every request passes last. What it refuses
// is not sent, whichever part of the program or of the server's data (a redirect,
// a link) asked for it.
type gate struct {
	base      *url.URL
	readOnly  bool
	safePosts []*url.URL // where POSTs go that change nothing: to sign in, and to list
	next      *http.Transport

	elsewhere *http.Transport // to sign in at another origin
}

// newGate makes a gate with transports of its own. The client's certificate is
// shown to the directory alone.
func newGate(base *url.URL, o Options) (*gate, error) {
	if err := checkProxy(base); err != nil {
		return nil, err
	}
	transport := http.DefaultTransport.(*http.Transport).Clone() // which takes proxies from the environment
	transport.TLSClientConfig = &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: o.CAs}
	transport.MaxIdleConnsPerHost = max(2, o.Connections)
	elsewhere := transport
	if o.Certificate != nil {
		elsewhere = transport.Clone()
		transport.TLSClientConfig.Certificates = []tls.Certificate{*o.Certificate}
	}
	return &gate{base: base, readOnly: o.ReadOnly, next: transport, elsewhere: elsewhere}, nil
}

// CloseIdleConnections is what http.Client looks for.
func (g *gate) CloseIdleConnections() {
	g.next.CloseIdleConnections()
	g.elsewhere.CloseIdleConnections()
}

func (g *gate) RoundTrip(req *http.Request) (*http.Response, error) {
	switch {
	case g.isSafePost(req):
		if origin(req.URL) != origin(g.base) {
			return g.elsewhere.RoundTrip(req)
		}
	case origin(req.URL) != origin(g.base):
		return nil, otherOriginError(g.base, req.URL)
	case g.readOnly && req.Method != http.MethodGet:
		return nil, errReadOnly
	}
	return g.next.RoundTrip(req)
}

// operationKey is the key of the operation in the context of a request.
type operationKey struct{}

// isSafePost reports whether the request is one of the POSTs that change nothing.
// The URL is not enough: some APIs have one for everything.
func (g *gate) isSafePost(req *http.Request) bool {
	switch req.Context().Value(operationKey{}) {
	case opSignIn, opList, opActivity:
	default:
		return false
	}
	return req.Method == http.MethodPost && slices.ContainsFunc(g.safePosts, func(u *url.URL) bool {
		return origin(u) == origin(req.URL) && u.EscapedPath() == req.URL.EscapedPath()
	})
}

// origin is scheme, host and port, as in RFC 6454.
func origin(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	return u.Scheme + "://" + strings.ToLower(u.Hostname()) + ":" + port
}

// maxRedirects is how many redirects a read follows.
const maxRedirects = 5

var errRedirects = errors.New("too many redirects")

// checkRedirect follows redirects of reads only: after one, a removal would be
// about an account that the server has chosen.
func checkRedirect(req *http.Request, via []*http.Request) error {
	switch {
	case via[0].Method != http.MethodGet:
		return http.ErrUseLastResponse
	case len(via) > maxRedirects:
		return errRedirects
	}
	return nil
}
