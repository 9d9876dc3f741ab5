package client

import (
	"context"
	"errors"
	"net/http"
	"slices"

	"dormant/client/profile"
)

// A tokenSource gives requests their token. It is safe for concurrent use.
type tokenSource interface {
	// token returns the current token; it may have to request one first.
	token(ctx context.Context) (string, error)

	// reject says that the directory did not accept the token, and reports
	// whether the next one may be another.
	reject(token string) bool

	// forbid says that the directory answered that the token does not allow a
	// request, or that there is no such thing, and reports whether that may be its way
	// to say that the token has ended, and the next one may be another.
	forbid(token string) bool

	// forget makes the next token a new one, where tokens are requested.
	forget()
}

// fixedToken is the token of the configuration.
type fixedToken profile.Secret

func (t fixedToken) token(context.Context) (string, error) { return string(t), nil }
func (fixedToken) reject(string) bool                      { return false }
func (fixedToken) forbid(string) bool                      { return false }
func (fixedToken) forget()                                 {}

// Renew makes the next request sign in anew, where the program signs in.
func (c *Client) Renew() { c.tokens.forget() }

// withToken calls use with a token, and once more with a new one if the
// directory rejects the first and there may be another.
func (c *Client) withToken(ctx context.Context, use func(token string) error) error {
	if err := c.wait(ctx); err != nil {
		return err
	}
	token, err := c.tokens.token(ctx)
	if err != nil {
		return noRetry{err}
	}
	if err = use(token); !c.needsNewToken(err, token) {
		return err
	}
	if err := c.wait(ctx); err != nil {
		return err
	}
	if token, err = c.tokens.token(ctx); err != nil {
		return noRetry{err}
	}
	return use(token)
}

// needsNewToken reports whether the error says that the directory has rejected the
// token, and there may be another.
func (c *Client) needsNewToken(err error, token string) bool {
	switch {
	case isRateLimited(err):
		return false
	case hasCode(err, http.StatusUnauthorized):
		return c.tokens.reject(token)
	case hasCode(err, http.StatusForbidden):
		return c.tokens.forbid(token)
	case c.profile.SignIn == nil:
		return false
	}
	var gone *notFoundError
	ended := c.profile.SignIn.Ended
	return (hasCode(err, ended...) || errors.As(err, &gone) && slices.Contains(ended, gone.code)) && c.tokens.forbid(token)
}
