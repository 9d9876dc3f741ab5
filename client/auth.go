package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"
	"unicode"

	"github.com/tidwall/gjson"

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
type fixedToken Secret

func (t fixedToken) token(context.Context) (string, error) { return string(t), nil }
func (fixedToken) rejected(string) bool                    { return false }

// earlier is how long before its end a token is not used any more.
const earlier = 30 * time.Second

// longest is for how many seconds a token is used, whatever the directory says.
const longest = 24 * 60 * 60

// signedIn is a token that is asked for with other credentials.
type signedIn struct {
	client *Client

	mu      sync.Mutex
	current string
	expires time.Time // zero if not known
}

func (s *signedIn) token(ctx context.Context) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.current != "" && (s.expires.IsZero() || time.Now().Before(s.expires)) {
		return s.current, nil
	}
	err := s.client.retry(ctx, opSignIn, func() error { return s.signIn(ctx) })
	if err != nil {
		return "", fmt.Errorf("sign in: %w", err)
	}
	return s.current, nil
}

func (s *signedIn) rejected(token string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.current == token {
		s.current = ""
	}
	return true
}

// signIn asks for a token. The caller holds the lock.
func (s *signedIn) signIn(ctx context.Context) error {
	c, how := s.client, s.client.profile.SignIn
	if err := c.wait(ctx); err != nil {
		return err
	}
	values := c.values(nil)
	fields := map[string]string{}
	for name, t := range how.Body {
		fields[name] = t.text(values)
	}
	body, err := json.Marshal(fields)
	if err != nil {
		return err
	}
	r := request{
		operation: opSignIn, method: http.MethodPost, path: how.Path.path(values), body: body,
		success: []int{http.StatusOK, http.StatusCreated},
	}
	start := time.Now()
	return rejectedSignIn(c.send(ctx, r, func(body io.Reader) error {
		answer, err := readJSON(body)
		if err != nil {
			return err
		}
		token := answer.Get(how.Token)
		if token.Type != gjson.String || token.Str == "" || strings.ContainsFunc(token.Str, unicode.IsControl) {
			return shapeErrorf("the answer has no token at %s", how.Token)
		}
		s.current, s.expires = token.Str, time.Time{}
		if seconds := answer.Get(how.ExpiresIn).Int(); how.ExpiresIn != "" && seconds > 0 {
			s.expires = start.Add(time.Duration(min(seconds, longest))*time.Second - earlier)
		}
		return nil
	}))
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
