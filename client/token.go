package client

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"

	"dormant/client/profile"
	"dormant/job"
)

// A tokenSource gives requests their token. It is safe for concurrent use.
type tokenSource interface {
	// token returns the current token; it may have to request one first.
	token(ctx context.Context) (string, error)

	// reject says that the directory did not accept the token, and reports
	// whether the next one may be another.
	reject(token string) bool

	// forbid says that the directory answered that the token does not allow a
	// request, and reports whether that may be its way to say that the token has
	// ended, and the next one may be another.
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

// withToken waits for a turn to send a request of the operation. It calls use with a
// token, and once more with a new one if the directory rejects the first and there may be
// another. The context has the turn, which ends with withToken at the latest.
func (c *Client) withToken(ctx context.Context, operation string, use func(ctx context.Context, token string) error) error {
	ctx, turn, err := c.begin(ctx, operation)
	if err != nil {
		return err
	}
	defer turn.end()
	token, err := c.tokens.token(ctx)
	if err != nil {
		return noRetry{err}
	}
	again, err := c.judgeToken(ctx, use(ctx, token), token)
	if !again {
		return err
	}
	if err := c.wait(ctx, operation, turn); err != nil {
		return err
	}
	if token, err = c.tokens.token(ctx); err != nil {
		return noRetry{err}
	}
	return use(ctx, token)
}

// judgeToken returns what an answer means for the token that it was given to: whether to
// send the request again, with a new token, or else the error.
func (c *Client) judgeToken(ctx context.Context, err error, token string) (again bool, _ error) {
	switch {
	case err == nil, errors.As(err, new(noRetry)), isRateLimited(err):
		return false, err
	case hasCode(err, http.StatusUnauthorized):
		return c.tokens.reject(token), err
	case hasCode(err, http.StatusForbidden):
		return c.tokens.forbid(token), err
	case c.profile.Self == nil || !slices.Contains(c.profile.Self.Confirms, codeOf(err)):
		return false, err
	}
	switch answer, probeErr := c.confirmToken(ctx, token); {
	case probeErr != nil:
		return false, noRetry{fmt.Errorf("the answer was %d, and whether the token has ended is not known: %w", codeOf(err), aboutCaller(probeErr))}
	case answer == nil:
		return false, err
	case c.tokens.reject(token):
		return true, err
	default:
		return false, noRetry{fmt.Errorf("the answer was %d, but the token has ended: %w: %w: %s: %w", codeOf(err), job.ErrSignedOut, job.ErrCredentials, opSelf, aboutCaller(answer))}
	}
}

// aboutCaller is the error without the answer that it may be: that is not one about an
// account, and must not be taken for one.
func aboutCaller(err error) error {
	var status *statusError
	if errors.As(err, &status) {
		return job.WithDetail(errors.New(err.Error()), status.Detail())
	}
	return err
}

// confirmToken asks for the caller with the token. It returns the answer if that says that
// the token has ended, and an error if nobody knows.
func (c *Client) confirmToken(ctx context.Context, token string) (ended, err error) {
	self := c.profile.Self
	target, err := c.target(self.Path, c.bindings, nil)
	if err != nil {
		return nil, err
	}
	r := request{operation: opSelf, method: http.MethodGet, url: target, token: token, public: true}
	err = c.retry(ctx, opSelf, func() error {
		ctx, turn, err := c.begin(ctx, opSelf)
		if err != nil {
			return noRetry{err}
		}
		defer turn.end()
		return c.send(ctx, r, func(body io.Reader, _ http.Header) error {
			_, err := decodeJSON(body)
			return err
		})
	})
	if hasCode(err, append([]int{http.StatusUnauthorized, http.StatusForbidden}, self.Confirms...)...) && !isRateLimited(err) {
		return err, nil
	}
	return nil, err
}
