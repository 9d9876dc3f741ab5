package client

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net/http"
	"net/url"
	"slices"
	"time"

	"dormant/client/profile"
)

// The operations, as metrics and logs name them.
const (
	opSelf     = "self"
	opList     = "list"
	opActivity = "activity"
	opGet      = "get"
	opDisable  = "disable"
	opRemove   = "remove"
	opSignIn   = "sign_in"
)

// Operations are the names of all that a client does.
func Operations() []string {
	return []string{opSelf, opList, opActivity, opGet, opDisable, opRemove, opSignIn}
}

// A request is sent with the profile's headers and the token in them.
type request struct {
	operation string
	method    string
	url       *url.URL
	body      []byte // JSON unless bodyType is set
	bodyType  string
	headers   map[string]string // besides those of the profile
	token     string
	secret    string // another one in it, that no error may show
	success   []int  // codes that mean success; nil: 200
	code      *int   // where the code of a success goes, or nil
	key       string // where the profile has the request, for errors
	stream    bool   // the time-out is for each part of the response, not for all of it
	noHeaders bool   // the profile's headers don't go with it
	public    bool   // no name of an account is in the URL, so that logs may have its path
}

// send sends the request once and hands a successful response's body to read. Its
// error is a *statusError, a *connectionError, or one that would come again.
func (c *Client) send(ctx context.Context, r request, read func(io.Reader, http.Header) error) error {
	ctx, cancel := context.WithCancelCause(context.WithValue(ctx, operationKey{}, r.operation))
	defer cancel(nil)
	timer := time.AfterFunc(c.timeout, func() { cancel(errTimeout) })
	defer timer.Stop()

	req, err := c.newRequest(ctx, r)
	if err != nil {
		return err
	}
	if r.token != "" {
		c.lastToken.Store(&r.token)
	}
	secrets := c.secrets(r.token, r.secret)
	start := c.throttle.start(time.Now())
	resp, err := c.http.Do(req)
	if err != nil {
		c.observer.Request(r.operation, 0, time.Since(start.at))
		return redactError(noAnswer(ctx, err), secrets)
	}
	defer resp.Body.Close()
	now := time.Now()
	c.observer.Request(r.operation, resp.StatusCode, now.Sub(start.at))
	if a, ok := readAnnouncement(resp.Header, c.resetHeader(), now); ok {
		c.throttle.announced(r.operation, a, now)
	}

	if err := c.compareClocks(r.operation, resp.Header, now); err != nil {
		return err
	}
	if r.success == nil {
		r.success = []int{http.StatusOK}
	}
	if !slices.Contains(r.success, resp.StatusCode) {
		e := c.newStatusError(resp, secrets)
		if r.public {
			e.Path = r.url.EscapedPath()
		}
		switch {
		case isRateLimited(e):
			c.throttle.refused(start, now, e.RetryAfter)
		case e.Code == http.StatusServiceUnavailable && e.RetryAfter > 0: // which may be about this request alone
			c.throttle.refused(start, now, 0)
		default:
			c.throttle.answered(r.operation, start, now)
		}
		return e
	}
	c.throttle.answered(r.operation, start, now)
	if r.code != nil {
		*r.code = resp.StatusCode
	}
	body := io.Reader(&limitedBody{resp.Body, maxBody})
	if r.stream {
		body = &streamedBody{body: resp.Body, timer: timer, timeout: c.timeout}
	}
	err = readBuffered(body, func(body io.Reader) error { return read(body, resp.Header) })
	var response *responseError
	if errors.As(err, &response) {
		response.text = redact(response.text, secrets) // some servers echo what they are sent
	}
	if cause := context.Cause(ctx); err != nil && cause != nil {
		return noAnswer(ctx, cause)
	}
	if err != nil {
		err = redactError(err, secrets)
	}
	return err
}

// newStatusError reads an answer that is not a success.
func (c *Client) newStatusError(resp *http.Response, secrets []string) *statusError {
	e := &statusError{Code: resp.StatusCode, Location: resp.Header.Get("Location")}
	var page bool
	e.body, e.detail, page = readErrorBody(resp.Body, resp.Header.Get("Content-Type"), secrets)
	e.Elsewhere = page || resp.Request != nil && resp.Request.Response != nil
	limit := c.profile.RateLimit
	if limit != nil && limit.Also != nil && limit.Also.Code == e.Code {
		holds, known, err := limit.Also.If.Holds(e.body)
		e.RateLimited = holds && known && err == nil
	}
	now := time.Now()
	e.RetryAfter = retryAfter(resp.Header.Get("Retry-After"), now)
	e.RateLimited = e.RateLimited || e.Code == http.StatusForbidden && isExhausted(resp.Header)
	if e.RetryAfter == 0 && (e.RateLimited || e.Code == http.StatusTooManyRequests) {
		_, _, combined := readRateLimit(resp.Header.Get("RateLimit"))
		for _, reset := range []string{resp.Header.Get(c.resetHeader()), firstHeader(resp.Header, resetHeaders), combined} {
			e.RetryAfter = cmp.Or(e.RetryAfter, untilReset(reset, now))
		}
	}
	return e
}

// resetHeader is the header of the profile that says when requests are allowed again, or "".
func (c *Client) resetHeader() string {
	if c.profile.RateLimit == nil {
		return ""
	}
	return c.profile.RateLimit.Reset
}

// target is a URL below the directory's.
func (c *Client) target(path profile.Template, b profile.Bindings, query map[string]string) (*url.URL, error) {
	text := c.base.String() + path.Path(b)
	params := url.Values{}
	for name, value := range query {
		params.Set(name, value)
	}
	if len(params) > 0 {
		text += "?" + params.Encode()
	}
	u, err := url.Parse(text)
	if err != nil {
		return nil, withoutURL(err)
	}
	return u, nil
}

func (c *Client) newRequest(ctx context.Context, r request) (*http.Request, error) {
	var body io.Reader
	if r.body != nil {
		body = bytes.NewReader(r.body)
	}
	req, err := http.NewRequestWithContext(ctx, r.method, r.url.String(), body)
	if err != nil {
		return nil, withoutURL(err)
	}
	req.Header.Set("Accept", "application/json")
	req.Header.Set("Cache-Control", "no-cache") // what a cache kept may be from before a login
	req.Header.Set("User-Agent", c.userAgent)
	if !r.noHeaders {
		for name, text := range profile.ExpandAll(c.profile.Headers, c.bindings.With("token", r.token)) {
			req.Header.Set(name, text)
		}
	}
	for name, text := range r.headers {
		req.Header.Set(name, text)
	}
	switch {
	case r.body == nil:
		req.Header.Del("Content-Type")
	case req.Header.Get("Content-Type") == "":
		req.Header.Set("Content-Type", cmp.Or(r.bodyType, "application/json"))
	}
	return req, nil
}

// formBody is a body as browsers send it.
func formBody(fields map[string]profile.Template, b profile.Bindings) (body []byte, contentType string) {
	form := url.Values{}
	for name, text := range profile.ExpandAll(fields, b) {
		form.Set(name, text)
	}
	return []byte(form.Encode()), "application/x-www-form-urlencoded"
}

// noAnswer is the reason why a request had no answer. It is a connectionError if
// that may be different next time.
func noAnswer(ctx context.Context, err error) error {
	err = withoutURL(err)
	if cause := context.Cause(ctx); cause != nil {
		err = cause
	}
	var certificate *tls.CertificateVerificationError
	var authority x509.UnknownAuthorityError
	switch {
	case errors.Is(err, errReadOnly), errors.Is(err, errOtherOrigin), errors.Is(err, errRedirects),
		errors.As(err, &certificate), errors.As(err, &authority),
		ctx.Err() != nil && !errors.Is(err, errTimeout):
		return err
	}
	return &connectionError{err}
}
