package client

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/tidwall/gjson"

	"dormant/client/profile"
	"dormant/job"
)

// errReadOnly is the answer of a read-only client to a request that could
// change something. The request is not sent.
var errReadOnly = errors.New("this is a dry run: requests that are not reads are refused")

// errOtherOrigin is the answer to a request that would leave the configured
// directory, whoever asked for it. The request is not sent.
var errOtherOrigin = errors.New("the directory sends us to another origin, where no credentials go")

// errTimeout ends a request of which nothing was heard for too long.
var errTimeout = errors.New("no answer in time (DORMANT_REQUEST_TIMEOUT)")

// A statusError is an answer that is not a success.
type statusError struct {
	Code       int
	RetryAfter time.Duration // how long the server wants us to wait, or 0
	Location   string        // where it redirects to, if it does
	TooFast    bool          // it means 429, whatever the code
	Denied     bool          // the code says that it was done, and the answer that it was not

	body   gjson.Result
	detail string
}

func (e *statusError) Error() string {
	text := fmt.Sprintf("the directory answered %d %s", e.Code, http.StatusText(e.Code))
	if e.Location != "" {
		text += ", a redirect that is not followed"
	}
	switch {
	case e.Denied:
		text += ", but not that it was done"
	case e.TooFast:
		text += ": too many requests"
	case e.Code == http.StatusUnauthorized:
		text += ": the credentials are not accepted"
	case e.Code == http.StatusForbidden:
		text += ": the credentials do not allow this"
	}
	return strings.TrimSpace(text)
}

// Detail is the beginning of what the server itself said, without the
// credentials but perhaps with names in it: it is not for logs.
func (e *statusError) Detail() string {
	return e.detail
}

// Unwrap makes 401 and 403 the errors that a cleanup knows.
func (e *statusError) Unwrap() []error {
	switch {
	case e.TooFast:
		return nil
	case e.Code == http.StatusUnauthorized:
		return []error{job.ErrCredentials, job.ErrSignedOut}
	case e.Code == http.StatusForbidden:
		return []error{job.ErrCredentials}
	}
	return nil
}

// A shapeError is a response that is not what the profile says. Asking again
// would not help.
type shapeError struct {
	text string
	key  string // of the profile, that says otherwise; relative to where it has the operation

	noItems bool // a response is without the array of a listing
}

func (e *shapeError) Error() string { return e.text }

func shapeErrorf(format string, args ...any) error {
	return &shapeError{text: fmt.Sprintf(format, args...)}
}

// misfitf is a shapeError about what the profile says at the key.
func misfitf(key, format string, args ...any) error {
	return &shapeError{text: fmt.Sprintf(format, args...), key: key}
}

// locate adds to an error about what the profile says where it says so.
func locate(p *profile.Profile, operation string, err error) error {
	var shape *shapeError
	if errors.As(err, &shape) && shape.key != "" {
		return fmt.Errorf("%w (%s)", err, p.Where(operation+"."+shape.key))
	}
	return err
}

// retryable reports whether the same request may succeed later.
func retryable(err error) bool {
	var status *statusError
	if errors.As(err, &status) {
		if status.TooFast {
			return true
		}
		switch status.Code {
		case http.StatusRequestTimeout, http.StatusTooManyRequests, http.StatusInternalServerError,
			http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
			return true
		}
		return false
	}
	var connection *connectionError
	return errors.As(err, &connection)
}

// A connectionError is a request without an answer, or an answer that was cut short.
type connectionError struct{ cause error }

func (e *connectionError) Error() string { return e.cause.Error() }
func (e *connectionError) Unwrap() error { return e.cause }

// withoutURL is the cause of a url.Error: its URL may hold names and cursors.
func withoutURL(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		return u.Err
	}
	return err
}
