// Package client speaks with user directories over HTTP. There is one engine;
// a profile says what it has to know of a directory.
package client

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"hash/maphash"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"sync"
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
	profile *Profile
	base    *url.URL
	fill    map[string]string // what the placeholders stand for
	reader  reader
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
	looking sync.Mutex           // at them again

	census atomic.Pointer[Census] // of the last listing's first page

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
		profile: o.Profile, base: &base, fill: o.Values.placeholders(o.Profile),
		limiter: rate.NewLimiter(rate.Inf, 1), timeout: o.Timeout, maxRetries: o.MaxRetries,
		pageSize: o.PageSize, userAgent: o.UserAgent, observer: o.Observer, log: o.Log,
		connections: max(1, o.Connections), maxItems: maxItems, seed: maphash.MakeSeed(),
	}
	if most := o.Profile.List.Size; most != nil && most.Max > 0 && o.PageSize > most.Max {
		return nil, fmt.Errorf("DORMANT_PAGE_SIZE=%d: is more than the directory's %d (%s)", o.PageSize, most.Max, o.Profile.where("list.size.max"))
	}
	var err error
	if c.reader, err = newReader(o.Profile.User, c.fill); err != nil {
		return nil, fmt.Errorf("%s: %w", o.Profile.where("user"), err)
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
	answer, err := c.one(ctx, opSelf, Single{Path: how.Path}, job.User{})
	if err != nil {
		return job.User{}, fmt.Errorf("%s: %w", opSelf, err)
	}
	u, err := c.reader.identity(how.Item.at(answer), cmp.Or(how.ID, c.profile.User.ID))
	if err != nil {
		return job.User{}, fmt.Errorf("read oneself: %w (%s)", err, c.profile.where("self"))
	}
	return u, nil
}

// User reads one account again, and what the sources of activity say of it now.
func (c *Client) User(ctx context.Context, u job.User) (job.User, error) {
	if c.profile.Get == nil && !c.hasOwnSources() {
		return job.User{}, job.ErrUnsupported
	}
	if !job.SafeID(u.ID) {
		return job.User{}, fmt.Errorf("%s %q: %w", opGet, u.ID, job.ErrUnsafeID)
	}
	if c.profile.Get != nil {
		account, err := c.whole(ctx, u)
		if errors.Is(err, errUnnamed) || errors.Is(err, job.ErrUnsafeID) {
			// Nobody can be asked about it by the name that it has, and one such
			// account must not stop a whole run.
			return hidden(u), nil
		}
		if err != nil {
			return job.User{}, fmt.Errorf("%s: %w", opGet, err)
		}
		id := u.ID
		if u, err = c.reader.user(id, account); err != nil {
			return job.User{}, fmt.Errorf("read account %q: %w", id, err)
		}
		if c.profile.Get.details() && c.profile.User.lacks(account) {
			u = hidden(u)
		}
	}
	u.Partial = false
	return c.proven(ctx, u)
}

// hidden is the account when the directory has more to tell of it than it tells.
func hidden(u job.User) job.User {
	u.LastLogin = job.LastLogin{State: job.LoginHidden}
	return u
}

// whole is all that the GETs of one account return.
func (c *Client) whole(ctx context.Context, u job.User) (gjson.Result, error) {
	var parts []gjson.Result
	for i, how := range c.profile.Get {
		answer, err := c.one(ctx, opGet, how, u)
		if i > 0 && errors.Is(err, job.ErrNotFound) {
			return gjson.Result{}, c.profile.locate(fmt.Sprintf("get[%d]", i), misfitf("path", "account %q is there, and this part of it is not", u.ID))
		}
		if err != nil {
			return gjson.Result{}, err
		}
		part := how.Item.at(answer)
		if how.Items != nil {
			part = c.find(how.Items.at(answer), u.ID)
		}
		key := fmt.Sprintf("get[%d]", i)
		switch {
		case part.Type == gjson.Null:
			return gjson.Result{}, c.profile.locate(key, misfitf("item", "the answer has nothing there of account %q", u.ID))
		case how.As != "":
			part = under(how.As, part)
		case !part.IsObject():
			return gjson.Result{}, c.profile.locate(key, misfitf("item", "what the answer has of account %q is %s, not an object", u.ID, kind(part)))
		}
		// Of several answers, one about somebody else would not show any more once
		// the others are laid over it.
		if id, err := c.reader.id(u.ID, part); len(c.profile.Get) > 1 && (err == nil && id != u.ID || err != nil && i == 0) {
			return gjson.Result{}, c.profile.locate(key, misfitf("path", "the answer is not about account %q", u.ID))
		}
		parts = append(parts, part)
	}
	return overlay(parts), nil
}

// under is an object with the value as its only member.
func under(name string, value gjson.Result) gjson.Result {
	raw, err := json.Marshal(map[string]json.RawMessage{name: json.RawMessage(value.Raw)})
	if err != nil {
		panic(err) // it was JSON
	}
	return gjson.ParseBytes(raw)
}

// find is the account with the id in an array, or nothing.
func (c *Client) find(items gjson.Result, id string) (found gjson.Result) {
	for _, item := range items.Array() {
		if of, err := c.reader.id("", item); err == nil && of == id {
			return item
		}
	}
	return gjson.Result{}
}

// overlay is one object with the members of all; of several with the same name,
// the last.
func overlay(objects []gjson.Result) gjson.Result {
	if len(objects) == 1 {
		return objects[0]
	}
	members := map[string]json.RawMessage{}
	for _, object := range objects {
		object.ForEach(func(name, value gjson.Result) bool {
			members[name.Str] = json.RawMessage(value.Raw)
			return true
		})
	}
	raw, err := json.Marshal(members)
	if err != nil {
		panic(err) // they were JSON
	}
	return gjson.ParseBytes(raw)
}

// one reads a single document, about the account if there is one.
func (c *Client) one(ctx context.Context, operation string, s Single, u job.User) (gjson.Result, error) {
	values, err := c.about(u, s.Path, Body{}, slices.Collect(maps.Values(s.Query))...)
	if err != nil {
		return gjson.Result{}, err
	}
	target, err := c.target(s.Path, values, texts(s.Query, values))
	if err != nil {
		return gjson.Result{}, err
	}
	var answer gjson.Result
	err = c.retry(ctx, operation, func() error {
		return c.withToken(ctx, func(token string) error {
			r := request{operation: operation, method: http.MethodGet, url: target, token: token}
			return c.send(ctx, r, func(body io.Reader, _ http.Header) (err error) {
				answer, err = readJSON(body)
				return err
			})
		})
	})
	if operation == opGet && (err != nil && s.saysGone(err) || err == nil && s.saysGone(&statusError{Code: http.StatusOK, body: answer})) {
		return answer, job.ErrNotFound
	}
	return answer, err
}

// postedListings are the URLs of the listings by POST, which change nothing.
func (c *Client) postedListings() ([]*url.URL, error) {
	listings := []Listing{c.profile.List}
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
