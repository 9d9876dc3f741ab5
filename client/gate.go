package client

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// gate is the last thing that a request passes on its way to the wire. What it
// refuses is not sent, whichever part of the program or of the server's data
// (a redirect, a link) asked for it.
type gate struct {
	base     *url.URL
	readOnly bool
	harmless []*url.URL // where POSTs go that change nothing: to sign in, and to list
	next     *http.Transport

	elsewhere *http.Transport // to sign in at another origin
}

// CloseIdleConnections is what http.Client looks for.
func (g *gate) CloseIdleConnections() {
	g.next.CloseIdleConnections()
	g.elsewhere.CloseIdleConnections()
}

func (g *gate) RoundTrip(req *http.Request) (*http.Response, error) {
	switch {
	case g.isHarmless(req):
		if origin(req.URL) != origin(g.base) {
			return g.elsewhere.RoundTrip(req)
		}
	case origin(req.URL) != origin(g.base):
		return nil, errOtherOrigin
	case g.readOnly && req.Method != http.MethodGet:
		return nil, errReadOnly
	}
	return g.next.RoundTrip(req)
}

// operationKey is what the context of a request has its operation under.
type operationKey struct{}

// isHarmless reports whether the request is one of the POSTs that change nothing.
// The URL is not enough: some APIs have one for everything.
func (g *gate) isHarmless(req *http.Request) bool {
	switch req.Context().Value(operationKey{}) {
	case opSignIn, opList, opActivity:
	default:
		return false
	}
	return req.Method == http.MethodPost && slices.ContainsFunc(g.harmless, func(u *url.URL) bool {
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

// checkRedirect follows redirects of reads only: after one, a removal would
// concern whatever account the server thinks of.
func checkRedirect(req *http.Request, via []*http.Request) error {
	switch {
	case via[0].Method != http.MethodGet:
		return http.ErrUseLastResponse
	case len(via) > maxRedirects:
		return errRedirects
	}
	return nil
}
