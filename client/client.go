// Package client speaks with user directories over HTTP. There is one engine for
// all of them; what a particular directory needs is in its profile.
package client

import (
	"cmp"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"hash/maphash"
	"net/http"
	"net/url"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"
	"golang.org/x/time/rate"

	"dormant/client/profile"
	"dormant/job"
)

// Options say which directory to speak with, and how.
type Options struct {
	Profile *profile.Profile
	URL     *url.URL // without a query; a path is a prefix of all others
	Values  profile.Values

	// ReadOnly refuses every request that could change something.
	ReadOnly bool

	PageSize    int           // 0: the profile's
	MaxItems    int           // a listing with more counts as one that does not end; 0: ten million
	Timeout     time.Duration // for a request, or for the next part of a listing
	MaxRetries  int           // of one request
	RateLimit   float64       // requests a second; 0: no limit
	Connections int           // requests at once, at most
	CAs         *x509.CertPool
	Certificate *tls.Certificate // the client's own, or nil
	UserAgent   string

	Observer Observer
	Log      zerolog.Logger
}

// Observer is told of every request and of every retry.
type Observer interface {
	// Request is called with the code of the answer, or 0 if there was none.
	Request(operation string, code int, took time.Duration)
	Retry(operation string)
}

// Client is a user directory behind an HTTP API. It implements job.Directory, and
// is safe for concurrent use.
type Client struct {
	profile  *profile.Profile
	base     *url.URL
	bindings profile.Bindings
	accounts profile.AccountReader
	sources  []profile.SourceReader
	tokens   tokenSource
	key      *signingKey // of sign_in.assertion

	http        *http.Client
	limiter     *rate.Limiter
	throttle    *throttle
	timeout     time.Duration
	maxRetries  int
	pageSize    int
	userAgent   string
	connections int

	observer Observer
	log      zerolog.Logger

	activity   atomic.Pointer[activitySnapshot] // the last one
	refreshing chan struct{}                    // holds an element while one is being replaced
	listing    listingCache

	warnings  warnings
	lastToken atomic.Pointer[string] // that a request was sent with

	fieldCounts atomic.Pointer[profile.FieldCounts] // of the last listing's first page
	extent      atomic.Pointer[Extent]              // of the last listing
	shared      atomic.Pointer[map[uint64]bool]     // addresses that two accounts of it have

	hashSeed maphash.Seed
	maxItems int // a listing with more counts as one that does not end
}

var (
	_ job.Directory = (*Client)(nil)
	_ job.Warner    = (*Client)(nil)
)

// New makes a client. It sends nothing. Its error says what is wrong with the
// values, by the names of their variables, or with the profile.
func New(o Options) (*Client, error) {
	if err := errors.Join(o.Values.Check(o.Profile)...); err != nil {
		return nil, err
	}
	if o.MaxRetries < 0 || o.MaxItems < 0 || o.PageSize < 0 || o.RateLimit < 0 || o.Timeout <= 0 {
		return nil, errors.New("a negative limit, or no time-out")
	}
	base := *o.URL
	c := &Client{
		profile: o.Profile, base: &base, bindings: o.Profile.Bind(o.Values),
		limiter: rate.NewLimiter(rate.Inf, 1), timeout: o.Timeout, maxRetries: o.MaxRetries,
		pageSize: o.PageSize, userAgent: o.UserAgent, observer: o.Observer, log: o.Log,
		connections: max(1, o.Connections), throttle: newThrottle(max(1, o.Connections)), maxItems: cmp.Or(o.MaxItems, maxItems), hashSeed: maphash.MakeSeed(), refreshing: make(chan struct{}, 1),
		listing: listingCache{reading: make(chan struct{}, 1)},
	}
	var err error
	if c.accounts, err = profile.NewAccountReader(o.Profile, c.bindings); err != nil {
		return nil, err
	}
	if c.sources, err = profile.SourceReaders(o.Profile, c.bindings); err != nil {
		return nil, err
	}
	if o.RateLimit > 0 {
		c.limiter = rate.NewLimiter(rate.Limit(o.RateLimit), 1)
	}
	g, err := newGate(c.base, o)
	if err != nil {
		return nil, err
	}
	if g.safePosts, err = c.postedListings(); err != nil {
		return nil, err
	}
	c.tokens = fixedToken(o.Values.Token)
	if s := o.Profile.SignIn; s != nil && o.Values.Token == "" {
		signInURL, err := c.signInURL()
		if err != nil {
			return nil, err
		}
		if s.Assertion != nil {
			if c.key, err = readKey(string(o.Values.ClientSecret)); err != nil {
				return nil, fmt.Errorf("DORMANT_CLIENT_SECRET: %w", err)
			}
			if c.key.clientID == "" && o.Values.ClientID == "" {
				return nil, errors.New("DORMANT_CLIENT_ID: is not set, and the key does not tell whose it is")
			}
		}
		g.safePosts = append(g.safePosts, signInURL)
		c.tokens = newSignInTokens(c)
	}
	c.http = &http.Client{Transport: g, CheckRedirect: checkRedirect}
	return c, nil
}

// postedListings are the URLs of the listings by POST, which change nothing.
func (c *Client) postedListings() ([]*url.URL, error) {
	listings := []profile.Listing{c.profile.List}
	for _, s := range c.sources {
		listings = append(listings, s.Source.Listing)
	}
	var urls []*url.URL
	for _, l := range listings {
		if l.Method != http.MethodPost {
			continue
		}
		u, err := c.target(l.Path, c.bindings, nil)
		if err != nil {
			return nil, err
		}
		urls = append(urls, u)
	}
	return urls, nil
}

// Close closes the connections that are kept open.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// secrets are what no error may show: these, and the configured credentials.
func (c *Client) secrets(more ...string) []string {
	var secrets []string
	if last := c.lastToken.Load(); last != nil {
		more = append(more, *last)
	}
	for _, s := range append(more, c.bindings.Secrets()...) {
		if s != "" {
			secrets = append(secrets, s)
		}
	}
	return secrets
}
