package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/tidwall/gjson"

	"dormant/client/profile"
	"dormant/job"
)

// signInTokens are tokens that the directory issues for other credentials.
type signInTokens struct {
	client    *Client
	signingIn chan struct{} // holds an element while somebody signs in

	mu      sync.Mutex
	current string
	expires time.Time // zero if not known

	// renewed is when a 403 last led to a new token.
	renewed time.Time
}

func newSignInTokens(c *Client) *signInTokens {
	return &signInTokens{client: c, signingIn: make(chan struct{}, 1)}
}

func (s *signInTokens) token(ctx context.Context) (string, error) {
	select {
	case s.signingIn <- struct{}{}:
	case <-ctx.Done():
		return "", context.Cause(ctx)
	}
	defer func() { <-s.signingIn }()
	if token := s.valid(); token != "" {
		return token, nil
	}
	var token string
	err := s.client.retry(ctx, opSignIn, func() (err error) {
		token, err = s.signIn(ctx)
		return err
	})
	if err != nil {
		return "", fmt.Errorf("sign in: %w", asSignInError(err))
	}
	return token, nil
}

// valid returns the token, or "" if there is none or it has expired.
func (s *signInTokens) valid() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.expires.IsZero() && !time.Now().Before(s.expires) {
		return ""
	}
	return s.current
}

func (s *signInTokens) reject(token string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.current == token {
		s.current = ""
	}
	return true
}

// forbidInterval is how long after a new token that a 403 led to another 403 leads to
// none: the first one will have been about what the caller may do.
const forbidInterval = time.Minute

func (s *signInTokens) forbid(token string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.current != token: // somebody else has been here
		return true
	case time.Since(s.renewed) < forbidInterval:
		return false
	}
	s.current, s.renewed = "", time.Now()
	return true
}

func (s *signInTokens) forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.current = ""
}

const (
	expiryMargin = 30 * time.Second // how long before its end a token is not used any more
	maxTokenLife = 24 * time.Hour   // for how long a token is used at most, whatever the directory says
)

// signIn requests a token. Only the holder of signingIn may call it.
func (s *signInTokens) signIn(ctx context.Context) (token string, err error) {
	c, how := s.client, s.client.profile.SignIn
	ctx, turn, err := c.begin(ctx, opSignIn)
	if err != nil {
		return "", err
	}
	defer turn.end()
	r, err := c.signInRequest(time.Now())
	if err != nil {
		return "", err
	}
	start := time.Now()
	err = c.send(ctx, r, func(body io.Reader, _ http.Header) error {
		answer, err := decodeJSON(body)
		if err != nil {
			return err
		}
		found := answer.Get(how.Token)
		if found.Type != gjson.String || found.Str == "" || !profile.IsToken(found.Str) {
			return withPosition(c.profile, "sign_in", mismatchf("token", "the answer has no token at %s", how.Token))
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		s.current, s.expires = found.Str, time.Time{}
		life := how.Life()
		if seconds := answer.Get(how.ExpiresIn).Int(); how.ExpiresIn != "" && seconds > 0 {
			life = time.Duration(min(seconds, int64(maxTokenLife/time.Second))) * time.Second
		}
		if life > 0 {
			s.expires = start.Add(min(life, maxTokenLife) - expiryMargin)
		}
		token = found.Str
		return nil
	})
	if isNotFound(err) {
		key := "path"
		if how.URL != "" {
			key = "url"
		}
		err = fmt.Errorf("%w (%s)", err, c.profile.Where("sign_in."+key))
	}
	return token, err
}

// signInRequest is the request for a token.
func (c *Client) signInRequest(now time.Time) (request, error) {
	how := c.profile.SignIn
	target, err := c.signInURL()
	if err != nil {
		return request{}, err
	}
	r := request{
		operation: opSignIn, method: http.MethodPost, url: target, noHeaders: how.URL != "", public: true,
		success: []int{http.StatusOK, http.StatusCreated},
	}
	bindings := c.bindings.With("url", target.String())
	if how.Assertion != nil {
		assertion, err := c.key.sign(profile.ExpandAll(how.Assertion, bindings), now)
		if err != nil {
			return request{}, err
		}
		bindings, r.secret = bindings.With("assertion", assertion), assertion
	}
	if how.Form == nil {
		r.body, err = json.Marshal(profile.ExpandAll(how.JSON, bindings))
		return r, err
	}
	r.body, r.bodyType = formBody(how.Form, bindings)
	return r, nil
}

// signInURL is where tokens are requested.
func (c *Client) signInURL() (*url.URL, error) {
	how := c.profile.SignIn
	if how.URL == "" {
		return c.target(how.Path, c.bindings, nil)
	}
	u, err := url.Parse(how.URL.Text(c.bindings))
	switch {
	case err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "":
		return nil, fmt.Errorf("%s: is no URL of a sign-in", c.profile.Where("sign_in.url"))
	case u.Scheme != "https" && (u.Scheme != "http" || c.base.Scheme != "http" || u.Hostname() != c.base.Hostname()):
		return nil, fmt.Errorf("%s: would send the credentials in the clear: https is needed", c.profile.Where("sign_in.url"))
	}
	return u, nil
}

// asSignInError is what a request learns when there is no token for it. A refusal of the
// credentials becomes one that a cleanup knows: servers answer a wrong password with 400,
// 401, 403, 404 or 422. The answer itself is left out: it would pass for that of the request,
// such as one that there is no such account.
func asSignInError(err error) error {
	var status *statusError
	if errors.As(err, &status) && status.Code >= 400 && status.Code < 500 && !isRetryable(err) {
		return fmt.Errorf("%w: %w: %w", job.ErrSignedOut, job.ErrCredentials, aboutCaller(err))
	}
	return aboutCaller(err)
}
