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
	"io"
	"maps"
	"net/http"
	"net/url"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"
	"github.com/tidwall/gjson"
	"golang.org/x/time/rate"

	"dormant/job"
)

// Options say which directory to speak with, and how.
type Options struct {
	Profile *Profile
	URL     *url.URL // without a query; a path is a prefix of all others
	Values  Values

	// ReadOnly refuses every request that could change something.
	ReadOnly bool

	PageSize    int           // 0: the profile's
	Timeout     time.Duration // for a request, or for the next part of a listing
	MaxRetries  int           // of one request
	RateLimit   float64       // requests a second; 0: no limit
	Connections int           // kept open for requests at once
	CAs         *x509.CertPool
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
	profile *Profile
	base    *url.URL
	fill    map[string]string // what the placeholders stand for
	tokens  tokens

	http       *http.Client
	limiter    *rate.Limiter
	timeout    time.Duration
	maxRetries int
	pageSize   int
	userAgent  string

	observer Observer
	log      zerolog.Logger

	proofs atomic.Pointer[proofs] // of the last listing

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
		profile: o.Profile, base: &base, fill: o.Values.placeholders(o.Profile),
		limiter: rate.NewLimiter(rate.Inf, 1), timeout: o.Timeout, maxRetries: o.MaxRetries,
		pageSize: o.PageSize, userAgent: o.UserAgent, observer: o.Observer, log: o.Log,
		maxItems: maxItems,
	}
	if o.RateLimit > 0 {
		c.limiter = rate.NewLimiter(rate.Limit(o.RateLimit), 1)
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.TLSClientConfig = &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: o.CAs}
	transport.MaxIdleConnsPerHost = max(2, o.Connections)
	g := &gate{base: c.base, readOnly: o.ReadOnly, next: transport}
	c.tokens = fixedToken(o.Values.Token)
	if s := o.Profile.SignIn; s != nil && o.Values.Token == "" {
		g.signIn = c.base.EscapedPath() + s.Path.path(c.fill)
		c.tokens = &signedIn{client: c}
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
func (c *Client) secrets(token string) []string {
	var secrets []string
	for _, s := range []string{token, c.fill["password"], c.fill["client_secret"]} {
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
	err = use(token)
	var unrepeatable final
	var status *statusError
	if errors.As(err, &unrepeatable) || !errors.As(err, &status) || status.Code != http.StatusUnauthorized || !c.tokens.rejected(token) {
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
	answer, err := c.one(ctx, opSelf, *c.profile.Self, nil)
	if err != nil {
		return job.User{}, err
	}
	u, err := c.profile.User.identity(answer)
	if err != nil {
		return job.User{}, fmt.Errorf("read oneself: %w", err)
	}
	return u, nil
}

// User reads one account again.
func (c *Client) User(ctx context.Context, u job.User) (job.User, error) {
	id := u.ID
	if c.profile.Get == nil {
		return job.User{}, job.ErrUnsupported
	}
	if !job.SafeID(id) {
		return job.User{}, fmt.Errorf("%s %q: %w", opGet, id, job.ErrUnsafeID)
	}
	answer, err := c.one(ctx, opGet, *c.profile.Get, map[string]string{"id": id})
	if err != nil {
		return job.User{}, err
	}
	u, err = c.profile.User.user(answer)
	if err != nil {
		return job.User{}, fmt.Errorf("read account %q: %w", id, err)
	}
	return c.proven(u), nil
}

// one reads a single account.
func (c *Client) one(ctx context.Context, operation string, s Single, values map[string]string) (gjson.Result, error) {
	var answer gjson.Result
	err := c.retry(ctx, operation, func() error {
		return c.withToken(ctx, func(token string) error {
			r := request{operation: operation, method: http.MethodGet, path: s.Path.path(c.values(values)), token: token}
			return c.send(ctx, r, func(body io.Reader) (err error) {
				answer, err = readJSON(body)
				return err
			})
		})
	})
	var status *statusError
	switch {
	case errors.As(err, &status) && operation == opGet && isGone(status.Code, nil):
		return answer, fmt.Errorf("%s: %w", operation, job.ErrNotFound)
	case err != nil:
		return answer, fmt.Errorf("%s: %w", operation, err)
	}
	return s.Item.at(answer), nil
}
