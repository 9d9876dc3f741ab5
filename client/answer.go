package client

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"github.com/tidwall/gjson"

	"dormant/client/profile"
	"dormant/job"
)

// maxAnswer is how much of the answer to a change is read, in bytes.
const maxAnswer = 64 << 10

// checkAnswer reads an answer with a code of success, and says whether it is one: nil if
// it says that the change was made, job.ErrAccepted if it will be. What the body says
// against it counts more than the code.
func (c *Client) checkAnswer(r request, step profile.Step, u job.User, code int, body io.Reader, header http.Header) error {
	raw, err := io.ReadAll(io.LimitReader(body, maxAnswer))
	raw = trim(raw)
	said := &statusError{Code: code, NotDone: true, detail: excerpt(raw, err == nil, c.secrets(r.token))}
	isJSON := gjson.ValidBytes(raw)
	if isJSON {
		said.body = gjson.ParseBytes(raw)
	}
	conditional := step.SuccessIf != nil || step.GoneIf != nil || step.RefusedIf != nil
	switch {
	case !isJSON && isPage(raw, header.Get("Content-Type")):
		return responseErrorf("the answer is a page of HTML, not the API's: nothing may have been done")
	case err != nil && conditional:
		return err // what may have been said is asked for again
	case saysNotFound(step.NotFound, said):
		return job.ErrNotFound
	case saysRefused(step, said):
		return &refusedError{said}
	}
	judgement := c.judgeAnswer(r, step, u, raw, said.body)
	switch {
	case judgement == saysNo:
		return said
	case judgement == saysYes && code == http.StatusAccepted && step.Accepted == nil && !step.IsSuccess(code):
		return &openError{said, errors.Join(job.ErrUnnamed, job.ErrAccepted), fmt.Sprintf("which %s does not name", c.profile.Where(r.key+".success"))}
	case !step.IsSuccess(code) && !step.IsAccepted(code):
		return &openError{said, job.ErrUnnamed, fmt.Sprintf("which %s does not name", c.profile.Where(r.key+".success"))}
	case judgement == saysNothing:
		return &openError{said, job.ErrUnclear, "with an answer that does not say whether it was done"}
	case step.IsAccepted(code):
		return job.ErrAccepted
	}
	return nil
}

// judgement is what the body of an answer says of a change.
type judgement int

// The order is that of their weight.
const (
	saysYes judgement = iota // or nothing against it
	saysNothing
	saysNo
)

// judgeAnswer judges the body: by the profile's condition, and where that does not say, by
// what bodies usually say.
func (c *Client) judgeAnswer(r request, step profile.Step, u job.User, raw []byte, document gjson.Result) judgement {
	if step.SuccessIf != nil {
		if len(raw) > 0 && !document.Exists() {
			return saysNo // nothing that anybody could read anything into
		}
		holds, known, err := step.SuccessIf.Holds(document)
		switch {
		case !holds || !known || err != nil:
			return saysNo
		case document.Get(step.SuccessIf.Path).Exists():
			return saysYes
		}
	}
	switch {
	case len(raw) == 0:
		return saysYes
	case document.Exists():
		return usual{removes: r.operation == opRemove, isAccount: func(v gjson.Result) bool {
			id, err := c.accounts.ID("", v)
			return err == nil && id == u.ID
		}}.judge(document, 0)
	case fault.Match(raw):
		return saysNo
	}
	return judgeText(string(raw))
}

// trim removes what can stand before and behind a document: white space, a byte order
// mark, and the line that keeps a browser from running JSON as a script.
func trim(raw []byte) []byte {
	raw = bytes.TrimSpace(raw)
	for _, before := range []string{"\ufeff", ")]}',", ")]}'"} {
		raw = bytes.TrimSpace(bytes.TrimPrefix(raw, []byte(before)))
	}
	return raw
}

var (
	// prologue is what may come before the first tag: comments, instructions, entities.
	prologue = regexp.MustCompile(`^(?s:\s*(?:<!--.*?-->|<\?.*?\?>|\x{feff}))+\s*`)

	// fault is a tag of XML that says that something went wrong, and is not empty.
	fault = regexp.MustCompile(`(?i)<(?:[\w.-]+:)?(?:faults?|errors?|exceptions?|error-?(?:code|message|text|description))(?:\s[^>]*)?>\s*(?:<[^/]|[^<\s])`)
)

// isPage reports whether the answer is a page for people: then a portal or a login stands
// between us and the directory, and nobody knows what it did.
func isPage(raw []byte, contentType string) bool {
	contentType = strings.ToLower(contentType)
	text := bytes.ToLower(raw[:min(len(raw), maxErrorBody)])
	xml := bytes.HasPrefix(text, []byte("<?xml")) || strings.Contains(contentType, "xml") && !strings.Contains(contentType, "xhtml")
	text = prologue.ReplaceAll(text, nil)
	switch {
	case len(raw) == 0:
		return false
	case strings.Contains(contentType, "html"), bytes.HasPrefix(text, []byte("<!doctype html")), bytes.HasPrefix(text, []byte("<html")):
		return true
	}
	return bytes.HasPrefix(raw, []byte("<")) && !xml
}

// saysRefused reports whether the answer says that the directory does not do this to this
// account.
func saysRefused(step profile.Step, status *statusError) bool {
	if status.RateLimited || status.Code == http.StatusUnauthorized && step.RefusedIf == nil {
		return false
	}
	if step.RefusedIf != nil {
		if holds, known, err := step.RefusedIf.Holds(status.body); holds && known && err == nil {
			return true
		}
	}
	return slices.Contains(step.Refused, status.Code)
}

// A refusedError is an answer that the profile names as a refusal for one account. It is
// not the statusError itself: it is never tried again, and says nothing of the credentials.
type refusedError struct{ status *statusError }

func (e *refusedError) Error() string {
	return fmt.Sprintf("the directory answered %d %s", e.status.Code, http.StatusText(e.status.Code))
}
func (e *refusedError) Detail() string { return e.status.detail }
func (e *refusedError) Unwrap() error  { return job.ErrRefused }

// An openError is an answer with a code of success that leaves open whether the change
// was made.
type openError struct {
	*statusError
	is  error // job.ErrUnclear or job.ErrUnnamed, and perhaps job.ErrAccepted
	why string
}

func (e *openError) Error() string {
	return strings.TrimSpace(fmt.Sprintf("the directory answered %d %s", e.Code, http.StatusText(e.Code))) + ", " + e.why
}
func (e *openError) Unwrap() []error { return []error{e.statusError, e.is} }
