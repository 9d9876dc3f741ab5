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
	"strconv"
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

// Operations are all that a client does.
func Operations() []string {
	return []string{opSelf, opList, opActivity, opGet, opDisable, opRemove, opSignIn}
}

// request is one request before it has credentials.
type request struct {
	operation string
	method    string
	url       *url.URL
	body      []byte // JSON unless there is a type
	bodyType  string
	headers   map[string]string // besides those of every request
	token     string
	secret    string // another one in it, that no error may show
	success   []int  // codes that mean success; nil: 200
	stream    bool   // the time-out is for each part of the response, not for all
	apart     bool   // no header of the profile goes with it
}

// maxBody bounds a response that is no listing, in bytes.
const maxBody = 1 << 20

// send sends the request once and hands a successful response's body to read.
func (c *Client) send(ctx context.Context, r request, read func(io.Reader, http.Header) error) error {
	ctx, cancel := context.WithCancelCause(context.WithValue(ctx, operationKey{}, r.operation))
	defer cancel(nil)
	timer := time.AfterFunc(c.timeout, func() { cancel(errTimeout) })
	defer timer.Stop()

	req, err := c.newRequest(ctx, r)
	if err != nil {
		return err
	}
	start := time.Now()
	resp, err := c.http.Do(req)
	if err != nil {
		c.observer.Request(r.operation, 0, time.Since(start))
		return without(c.secrets(r.token, r.secret), noAnswer(ctx, err))
	}
	defer resp.Body.Close()
	c.observer.Request(r.operation, resp.StatusCode, time.Since(start))

	if r.success == nil {
		r.success = []int{http.StatusOK}
	}
	if !slices.Contains(r.success, resp.StatusCode) {
		return c.failure(resp, c.secrets(r.token, r.secret))
	}
	body := io.Reader(&untilLimit{resp.Body, maxBody})
	if r.stream {
		body = &patientBody{body: resp.Body, timer: timer, timeout: c.timeout}
	}
	err = read(body, resp.Header)
	var shape *shapeError
	if errors.As(err, &shape) {
		shape.text = hide(shape.text, c.secrets(r.token, r.secret)) // some servers echo what they are sent
	}
	if cause := context.Cause(ctx); err != nil && cause != nil {
		return noAnswer(ctx, cause)
	}
	if err != nil {
		err = without(c.secrets(r.token, r.secret), err)
	}
	return err
}

// failure is what an answer that is no success says.
func (c *Client) failure(resp *http.Response, secrets []string) *statusError {
	e := &statusError{Code: resp.StatusCode, Location: resp.Header.Get("Location")}
	e.body, e.detail = problem(resp.Body, secrets)
	limit := c.profile.RateLimit
	if limit != nil && limit.Also != nil && limit.Also.Code == e.Code {
		holds, known, err := limit.Also.If.Holds(e.body)
		e.TooFast = holds && known && err == nil
	}
	now := time.Now()
	e.RetryAfter = retryAfter(resp.Header.Get("Retry-After"), now)
	if e.RetryAfter == 0 && limit != nil && (e.TooFast || e.Code == http.StatusTooManyRequests) {
		e.RetryAfter = untilReset(resp.Header.Get(limit.Reset), now)
	}
	return e
}

// target is the URL below the directory's with the values in their places.
func (c *Client) target(path profile.Template, values, query map[string]string) (*url.URL, error) {
	text := c.base.String() + path.Path(values)
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
	req.Header.Set("User-Agent", c.userAgent)
	values := c.values(map[string]string{"token": r.token})
	if !r.apart {
		for name, text := range profile.Texts(c.profile.Headers, values) {
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

// noAnswer is why a request had no answer. Only what may be different next time
// is a connectionError.
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

// patientBody is a response of which each part may take as long as a whole
// request, so that a long listing is not cut short while it flows. The time
// between two reads does not count: then it is us who are busy.
type patientBody struct {
	body    io.Reader
	timer   *time.Timer
	timeout time.Duration
}

func (b *patientBody) Read(p []byte) (int, error) {
	b.timer.Reset(b.timeout)
	defer b.timer.Stop()
	n, err := b.body.Read(p)
	return n, cutShort(err)
}

// untilLimit is a response that is an error if it is larger than left bytes.
type untilLimit struct {
	body io.Reader
	left int64
}

func (l *untilLimit) Read(p []byte) (int, error) {
	if l.left <= 0 {
		return 0, shapeErrorf("the answer is too large")
	}
	n, err := l.body.Read(p[:min(int64(len(p)), l.left)])
	l.left -= int64(n)
	return n, cutShort(err)
}

// cutShort marks an error while reading a body as one that may not come again.
func cutShort(err error) error {
	if err == nil || errors.Is(err, io.EOF) {
		return err
	}
	return &connectionError{err}
}

// maxRetryAfter is the longest wait that a server can ask for.
const maxRetryAfter = 2 * time.Minute

// retryAfter reads a Retry-After header (RFC 9110, section 10.2.3): seconds or
// a date. What can't be read is 0, and what is too long is cut.
func retryAfter(header string, now time.Time) time.Duration {
	if seconds, err := strconv.ParseUint(header, 10, 31); err == nil || errors.Is(err, strconv.ErrRange) {
		return min(time.Duration(seconds)*time.Second, maxRetryAfter)
	}
	date, err := http.ParseTime(header)
	if err != nil {
		return 0
	}
	return min(max(0, date.Sub(now)), maxRetryAfter)
}

// formBody is a body as browsers send it.
func formBody(fields map[string]profile.Template, values map[string]string) (body []byte, contentType string) {
	form := url.Values{}
	for name, text := range profile.Texts(fields, values) {
		form.Set(name, text)
	}
	return []byte(form.Encode()), "application/x-www-form-urlencoded"
}

// untilReset reads a header that says when requests are allowed again: as a
// time of RFC 3339, or in seconds since 1970 or from now, which are told apart by
// their size.
func untilReset(header string, now time.Time) time.Duration {
	const year2001 = 1e9
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04Z07:00"} {
		if t, err := time.Parse(layout, header); err == nil {
			return min(max(0, t.Sub(now)), maxRetryAfter)
		}
	}
	seconds, err := strconv.ParseFloat(header, 64)
	if err == nil && seconds >= 1000*year2001 { // milliseconds
		seconds /= 1000
	}
	if err == nil && seconds >= year2001 {
		seconds -= float64(now.UnixMilli()) / 1000
	}
	if err != nil || !(seconds > 0) {
		return 0
	}
	return time.Duration(min(seconds, maxRetryAfter.Seconds()) * float64(time.Second))
}
