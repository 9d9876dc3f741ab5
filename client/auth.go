package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"
	"unicode"

	"github.com/tidwall/gjson"

	"dormant/client/profile"
	"dormant/job"
)

// tokens gives requests their token. It is safe for concurrent use.
type tokens interface {
	// token is the one to use now; it may have to be asked for first.
	token(ctx context.Context) (string, error)

	// rejected says that the directory did not accept the token, and reports
	// whether there may be a better one.
	rejected(token string) bool
}

// fixedToken is a token that was given.
type fixedToken profile.Secret

func (t fixedToken) token(context.Context) (string, error) { return string(t), nil }
func (fixedToken) rejected(string) bool                    { return false }

// earlier is how long before its end a token is not used any more.
const earlier = 30 * time.Second

// longest is for how many seconds a token is used, whatever the directory says.
const longest = 24 * 60 * 60

// signedIn is a token that is asked for with other credentials.
type signedIn struct {
	client *Client
	turn   chan struct{} // has room for one, who signs in

	mu      sync.Mutex
	current string
	expires time.Time // zero if not known
}

func newSignedIn(c *Client) *signedIn { return &signedIn{client: c, turn: make(chan struct{}, 1)} }

func (s *signedIn) token(ctx context.Context) (string, error) {
	select {
	case s.turn <- struct{}{}:
	case <-ctx.Done():
		return "", context.Cause(ctx)
	}
	defer func() { <-s.turn }()
	if token := s.good(); token != "" {
		return token, nil
	}
	var token string
	err := s.client.retry(ctx, opSignIn, func() (err error) {
		token, err = s.signIn(ctx)
		return err
	})
	if err != nil {
		return "", fmt.Errorf("sign in: %w", err)
	}
	return token, nil
}

// good is the token, if there is one that has not ended.
func (s *signedIn) good() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.expires.IsZero() && !time.Now().Before(s.expires) {
		return ""
	}
	return s.current
}

func (s *signedIn) rejected(token string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.current == token {
		s.current = ""
	}
	return true
}

// signIn asks for a token. It is the caller's turn.
func (s *signedIn) signIn(ctx context.Context) (token string, err error) {
	c, how := s.client, s.client.profile.SignIn
	if err := c.wait(ctx); err != nil {
		return "", err
	}
	r, err := c.signInRequest(time.Now())
	if err != nil {
		return "", err
	}
	start := time.Now()
	err = c.send(ctx, r, func(body io.Reader, _ http.Header) error {
		answer, err := readJSON(body)
		if err != nil {
			return err
		}
		found := answer.Get(how.Token)
		if found.Type != gjson.String || found.Str == "" || strings.ContainsFunc(found.Str, unicode.IsControl) {
			return locate(c.profile, "sign_in", misfitf("token", "the answer has no token at %s", how.Token))
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		s.current, s.expires = found.Str, time.Time{}
		if seconds := answer.Get(how.ExpiresIn).Int(); how.ExpiresIn != "" && seconds > 0 {
			s.expires = start.Add(time.Duration(min(seconds, longest))*time.Second - earlier)
		}
		token = found.Str
		return nil
	})
	return token, rejectedSignIn(err)
}

// signInRequest is the request that asks for a token.
func (c *Client) signInRequest(now time.Time) (request, error) {
	how := c.profile.SignIn
	target, err := c.signInURL()
	if err != nil {
		return request{}, err
	}
	r := request{
		operation: opSignIn, method: http.MethodPost, url: target, apart: how.URL != "",
		success: []int{http.StatusOK, http.StatusCreated},
	}
	values := c.values(map[string]string{"url": target.String()})
	if how.Assertion != nil {
		assertion, err := c.key.sign(profile.Texts(how.Assertion, values), now)
		if err != nil {
			return request{}, err
		}
		values["assertion"], r.secret = assertion, assertion
	}
	if how.Form == nil {
		r.body, err = json.Marshal(profile.Texts(how.JSON, values))
		return r, err
	}
	r.body, r.bodyType = formBody(how.Form, values)
	return r, nil
}

// signInURL is where the token comes from.
func (c *Client) signInURL() (*url.URL, error) {
	how := c.profile.SignIn
	if how.URL == "" {
		return c.target(how.Path, c.fill, nil)
	}
	u, err := url.Parse(how.URL.Text(c.fill))
	switch {
	case err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "":
		return nil, fmt.Errorf("%s: is no URL of a sign-in", c.profile.Where("sign_in.url"))
	case u.Scheme != "https" && (u.Scheme != "http" || c.base.Scheme != "http" || u.Hostname() != c.base.Hostname()):
		return nil, fmt.Errorf("%s: would send the credentials in the clear: https is needed", c.profile.Where("sign_in.url"))
	}
	return u, nil
}

// rejectedSignIn makes every refusal of the credentials one that a cleanup
// knows: servers answer a wrong password with 400, 401, 403, 404 or 422.
func rejectedSignIn(err error) error {
	var status *statusError
	if errors.As(err, &status) && status.Code >= 400 && status.Code < 500 && !retryable(err) {
		return fmt.Errorf("%w: %w: %w", job.ErrSignedOut, job.ErrCredentials, err)
	}
	return err
}
