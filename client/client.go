// Package client speaks with user directories over HTTP. There is one engine;
// a profile says what it has to know of a directory.
package client

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"hash/maphash"
	"maps"
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
	Timeout     time.Duration // for a request, or for the next part of a listing
	MaxRetries  int           // of one request
	RateLimit   float64       // requests a second; 0: no limit
	Connections int           // kept open for requests at once
	CAs         *x509.CertPool
	Certificate *tls.Certificate // the client's own, or nil
	UserAgent   string

	Observer Observer
	Log      zerolog.Logger
}

// Observer is told of every request and of every retry.
type Observer interface {
	Request(operation string, code int, took time.Duration)
	Retry(operation string)
}

// Client is a user directory behind an HTTP API. It implements job.Directory.
type Client struct {
	profile *profile.Profile
	base    *url.URL
	fill    map[string]string // what the placeholders stand for
	reader  profile.Reader
	sources []source
	tokens  tokens
	key     *signingKey // of sign_in.assertion

	http       *http.Client
	limiter    *rate.Limiter
	timeout    time.Duration
	maxRetries int
	pageSize   int
	userAgent  string

	connections int

	observer Observer
	log      zerolog.Logger

	seen    atomic.Pointer[look] // at the sources about all accounts, the last one
	looking chan struct{}        // has room for one, who looks at them again
	rolls   rolls

	census atomic.Pointer[profile.Census] // of the last listing's first page

	seed     maphash.Seed
	maxItems int // when a listing counts as one that never ends
}

var _ job.Directory = (*Client)(nil)

// New makes a client. Nothing is sent yet.
func New(o Options) (*Client, error) {
	if err := errors.Join(o.Values.Check(o.Profile)...); err != nil {
		return nil, err
	}
	if o.MaxRetries < 0 || o.PageSize < 0 || o.RateLimit < 0 || o.Timeout <= 0 {
		return nil, errors.New("a negative limit, or no time-out")
	}
	base := *o.URL
	c := &Client{
		profile: o.Profile, base: &base, fill: o.Values.Placeholders(o.Profile),
		limiter: rate.NewLimiter(rate.Inf, 1), timeout: o.Timeout, maxRetries: o.MaxRetries,
		pageSize: o.PageSize, userAgent: o.UserAgent, observer: o.Observer, log: o.Log,
		connections: max(1, o.Connections), maxItems: maxItems, seed: maphash.MakeSeed(), looking: make(chan struct{}, 1),
		rolls: rolls{one: make(chan struct{}, 1)},
	}
	var err error
	if c.reader, err = profile.NewReader(o.Profile.User, c.fill); err != nil {
		return nil, fmt.Errorf("%s: %w", o.Profile.Where("user"), err)
	}
	if c.sources, err = newSources(o.Profile, c.fill); err != nil {
		return nil, err
	}
	if o.RateLimit > 0 {
		c.limiter = rate.NewLimiter(rate.Limit(o.RateLimit), 1)
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.TLSClientConfig = &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: o.CAs}
	if o.Certificate != nil {
		transport.TLSClientConfig.Certificates = []tls.Certificate{*o.Certificate}
	}
	transport.MaxIdleConnsPerHost = max(2, o.Connections)
	elsewhere := transport
	if o.Certificate != nil { // which is shown to the directory alone
		elsewhere = transport.Clone()
		elsewhere.TLSClientConfig.Certificates = nil
	}
	g := &gate{base: c.base, readOnly: o.ReadOnly, next: transport, elsewhere: elsewhere}
	if g.harmless, err = c.postedListings(); err != nil {
		return nil, err
	}
	c.tokens = fixedToken(o.Values.Token)
	if s := o.Profile.SignIn; s != nil && o.Values.Token == "" {
		signIn, err := c.signInURL()
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
		g.harmless = append(g.harmless, signIn)
		c.tokens = newSignedIn(c)
	}
	c.http = &http.Client{Transport: g, CheckRedirect: checkRedirect}
	return c, nil
}

// Close gives up the connections that are kept open.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// values are what the placeholders stand for, with some more.
func (c *Client) values(more map[string]string) map[string]string {
	values := maps.Clone(c.fill)
	maps.Copy(values, more)
	return values
}

// secrets are what must not be seen in an error.
func (c *Client) secrets(more ...string) []string {
	var secrets []string
	for _, s := range append(more, c.fill["password"], c.fill["client_secret"], c.fill["basic"]) {
		if s != "" {
			secrets = append(secrets, s)
		}
	}
	return secrets
}

// withToken calls use with a token, and once more with a new one if the
// directory rejects the first and there may be a better one.
func (c *Client) withToken(ctx context.Context, use func(token string) error) error {
	if err := c.wait(ctx); err != nil {
		return err
	}
	token, err := c.tokens.token(ctx)
	if err != nil {
		return final{err}
	}
	if err = use(token); !c.ended(err, token) {
		return err
	}
	if err := c.wait(ctx); err != nil {
		return err
	}
	if token, err = c.tokens.token(ctx); err != nil {
		return final{err}
	}
	return use(token)
}

// ended reports whether the directory has rejected the token, and there may be a
// better one.
func (c *Client) ended(err error, token string) bool {
	var status *statusError
	return errors.As(err, &status) && status.Code == http.StatusUnauthorized && c.tokens.rejected(token)
}

// wait waits until the rate limit allows another request, or until ctx is done.
func (c *Client) wait(ctx context.Context) error {
	if err := c.limiter.Wait(untimed{ctx}); err != nil {
		return cmp.Or(context.Cause(ctx), err)
	}
	return nil
}

// untimed is a context whose deadline is not known in advance. The limiter
// would give up before it, with an error that is not the context's.
type untimed struct{ context.Context }

func (untimed) Deadline() (time.Time, bool) { return time.Time{}, false }

// Self returns who the directory takes the caller for.
func (c *Client) Self(ctx context.Context) (job.User, error) {
	if c.profile.Self == nil {
		return job.User{}, job.ErrUnsupported
	}
	how := c.profile.Self
	answer, err := c.one(ctx, opSelf, profile.Single{Listing: profile.Listing{Path: how.Path}}, job.User{})
	if err != nil {
		return job.User{}, fmt.Errorf("%s: %w", opSelf, err)
	}
	u, err := c.reader.Identity(how.Item.At(answer), cmp.Or(how.ID, c.profile.User.ID))
	if err != nil {
		return job.User{}, fmt.Errorf("read oneself: %w (%s)", err, c.profile.Where("self"))
	}
	return u, nil
}

// postedListings are the URLs of the listings by POST, which change nothing.
func (c *Client) postedListings() ([]*url.URL, error) {
	listings := []profile.Listing{c.profile.List}
	for _, s := range c.sources {
		listings = append(listings, s.Listing)
	}
	var urls []*url.URL
	for _, l := range listings {
		if l.Method != http.MethodPost {
			continue
		}
		u, err := c.target(l.Path, c.fill, nil)
		if err != nil {
			return nil, err
		}
		urls = append(urls, u)
	}
	return urls, nil
}
