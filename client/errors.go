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

// errTimeout ends a request to which nothing was answered for too long.
var errTimeout = errors.New("no answer in time (DORMANT_REQUEST_TIMEOUT)")

// A statusError is an answer that is not a success.
type statusError struct {
	Code        int
	RetryAfter  time.Duration // how long the server asks to wait, or 0
	Location    string        // where it redirects to, if it does
	RateLimited bool          // it means 429, whatever the code
	NotDone     bool          // the code says that it was done, and the answer that it was not
	Path        string        // what was asked for, where no name of an account is in it
	Elsewhere   bool          // it may be about something else: it came after a redirect, or is a page of HTML

	body   gjson.Result
	detail string
}

func (e *statusError) Error() string {
	text := strings.TrimSpace(fmt.Sprintf("the directory answered %d %s", e.Code, http.StatusText(e.Code)))
	if e.Path != "" && (e.Code == http.StatusNotFound || e.Code == http.StatusMethodNotAllowed) {
		text += " at " + e.Path
	}
	if e.Location != "" {
		text += ", a redirect that is not followed"
	}
	switch {
	case e.NotDone:
		text += ", but not that it was done"
	case e.RateLimited:
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

// Unwrap makes of the code an error that a cleanup knows.
func (e *statusError) Unwrap() []error {
	switch {
	case e.RateLimited:
		return nil
	case e.Code == http.StatusUnauthorized:
		return []error{job.ErrCredentials, job.ErrSignedOut}
	case e.Code == http.StatusForbidden:
		return []error{job.ErrCredentials, job.ErrDeclined}
	case e.NotDone, e.Code >= 400 && e.Code < 500 && e.Code != http.StatusRequestTimeout && e.Code != http.StatusTooManyRequests:
		return []error{job.ErrDeclined}
	}
	return nil
}

// A notFoundError is an answer that there is no such account, where the profile says so:
// a job.ErrNotFound that is never tried again, whatever the code was.
type notFoundError struct {
	code      int
	elsewhere bool // the answer may have been about something else
}

func (e *notFoundError) Error() string { return job.ErrNotFound.Error() }
func (e *notFoundError) Unwrap() error { return job.ErrNotFound }

// asNotFound is the error, which says that there is no such account, as a *notFoundError
// if it is an answer.
func asNotFound(err error) error {
	var status *statusError
	if errors.As(err, &status) {
		return &notFoundError{status.Code, status.Elsewhere}
	}
	return job.ErrNotFound
}

// codeOf is the code of the answer that the error is, or 0.
func codeOf(err error) int {
	var status *statusError
	var gone *notFoundError
	switch {
	case errors.As(err, &status):
		return status.Code
	case errors.As(err, &gone):
		return gone.code
	}
	return 0
}

// hasCode reports whether the error is an answer with one of the codes.
func hasCode(err error, codes ...int) bool {
	var status *statusError
	if !errors.As(err, &status) {
		return false
	}
	for _, code := range codes {
		if status.Code == code {
			return true
		}
	}
	return false
}

// A responseError says that a response is not what the profile describes. Sending
// the request again would not help.
type responseError struct {
	text string
	key  string // of the profile that it contradicts, relative to the key of the operation

	itemsMissing bool // the response lacks the array of a listing
	itemsNull    bool // the response has null instead of it
	tooLarge     bool // a part of the response has more than maxBody bytes
}

func (e *responseError) Error() string { return e.text }

// responseErrorf is for a response that no profile could describe.
func responseErrorf(format string, args ...any) error {
	return &responseError{text: fmt.Sprintf(format, args...)}
}

// mismatchf is for a response that contradicts the profile at the key.
func mismatchf(key, format string, args ...any) error {
	return &responseError{text: fmt.Sprintf(format, args...), key: key}
}

// withPosition adds to a responseError which line of the profile it contradicts.
// operation is the key of the request, such as list or get[0].
func withPosition(p *profile.Profile, operation string, err error) error {
	var response *responseError
	if errors.As(err, &response) && response.key != "" {
		return fmt.Errorf("%w (%s)", err, p.Where(operation+"."+response.key))
	}
	return err
}

// isRetryable reports whether the same request may succeed later.
func isRetryable(err error) bool {
	var status *statusError
	if errors.As(err, &status) {
		return status.RateLimited || hasCode(status, http.StatusRequestTimeout, http.StatusTooManyRequests, http.StatusInternalServerError,
			http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout)
	}
	return isConnectionError(err)
}

// isRateLimited reports whether the directory did not carry the request out because there
// were too many.
func isRateLimited(err error) bool {
	var status *statusError
	return errors.As(err, &status) && (status.RateLimited || status.Code == http.StatusTooManyRequests)
}

// A connectionError is a request without an answer, or an answer that was cut short.
type connectionError struct{ cause error }

func (e *connectionError) Error() string { return e.cause.Error() }
func (e *connectionError) Unwrap() error { return e.cause }

func isConnectionError(err error) bool { return errors.As(err, new(*connectionError)) }

// withoutURL is the cause of a url.Error: its URL may contain names and cursors.
func withoutURL(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		return u.Err
	}
	return err
}
