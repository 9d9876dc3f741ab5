package client

import (
	"encoding/hex"
	"encoding/json"
	"html"
	"io"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"unicode"

	"github.com/tidwall/gjson"
)

// redact replaces the secrets in the text with asterisks. If one of them is there
// in an encoding that it does not know, or encoded more than once, nothing of the
// text is left.
func redact(text string, secrets []string) string {
	var pairs []string
	for _, form := range encodings(secrets) {
		pairs = append(pairs, form, "***")
	}
	text = strings.NewReplacer(pairs...).Replace(text)
	plain := unescape(text)
	for _, secret := range secrets {
		if secret = unescape(secret); secret != "" && strings.Contains(plain, secret) {
			return "***"
		}
	}
	return text
}

// encodings are the forms in which an answer is likely to have the secrets: as
// they are, in JSON and in URLs.
func encodings(secrets []string) []string {
	var forms []string
	for _, secret := range secrets {
		quoted, _ := json.Marshal(secret)
		forms = append(forms, secret, string(quoted[1:len(quoted)-1]), url.QueryEscape(secret), url.PathEscape(secret))
	}
	return forms
}

// escapes matches those of JSON, of Go, of URLs and of HTML.
var escapes = regexp.MustCompile(`\\u[0-9a-fA-F]{4}|\\U[0-9a-fA-F]{8}|(?:%[0-9a-fA-F]{2})+|(?:\\x[0-9a-fA-F]{2})+|&#?[0-9a-zA-Z]{1,8};`)

// ignored matches what is not compared: backslashes with the letter of a short
// escape, and what stands for white space.
var ignored = regexp.MustCompile(`\\+[abfnrtv]?|[+ \a\f\n\r\t\v\x08]`)

// unescape removes all escapes from a text, and escapes of escapes. Its result is
// only good for comparing it with another one.
func unescape(text string) string {
	const maxDepth = 8 // each turn makes the text shorter
	for range maxDepth {
		before := text
		text = escapes.ReplaceAllStringFunc(text, unescapeOne)
		if text == before {
			break
		}
	}
	return ignored.ReplaceAllString(text, "")
}

func unescapeOne(escape string) string {
	switch {
	case escape[0] == '&':
		return html.UnescapeString(escape)
	case escape[0] == '%', escape[1] == 'x':
		raw, err := hex.DecodeString(strings.NewReplacer("%", "", `\x`, "").Replace(escape))
		if err != nil {
			return escape
		}
		return string(raw)
	}
	code, err := strconv.ParseInt(escape[2:], 16, 32)
	if err != nil {
		return escape
	}
	return string(rune(code))
}

// A redactedError is an error that shows another text than its own.
type redactedError struct {
	error
	text string
}

func (e *redactedError) Error() string { return e.text }
func (e *redactedError) Unwrap() error { return e.error }

// redactError hides the secrets in the text of an error: some errors quote what a
// server has sent.
func redactError(err error, secrets []string) error {
	if text := redact(err.Error(), secrets); text != err.Error() {
		return &redactedError{err, text}
	}
	return err
}

const (
	maxErrorBody = 16 << 10 // how much of an answer to an unsuccessful request is read, in bytes
	maxDetail    = 300      // how much of it an error keeps, in bytes
)

// readErrorBody reads the body of an answer to an unsuccessful request: as JSON,
// if it is any, and its beginning as one line without the secrets. page says that it is a
// page for people.
func readErrorBody(body io.Reader, contentType string, secrets []string) (document gjson.Result, detail string, page bool) {
	raw, err := io.ReadAll(io.LimitReader(body, maxErrorBody))
	if gjson.ValidBytes(raw) {
		document = gjson.ParseBytes(raw)
	}
	page = !document.Exists() && isPage(trim(raw), contentType)
	return document, excerpt(raw, err == nil && len(raw) < maxErrorBody, secrets), page
}

// excerpt returns the beginning of a text as one line without the secrets.
// complete says that raw is all of the text.
func excerpt(raw []byte, complete bool, secrets []string) string {
	longest := 0
	for _, form := range encodings(secrets) {
		longest = max(longest, len(form))
	}
	text := redact(string(raw), secrets)
	if !complete {
		// The end may be the beginning of a secret.
		text = text[:max(0, len(text)-longest)]
	}
	text = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, text)
	text = strings.Join(strings.Fields(text), " ")
	if len(text) > maxDetail {
		text = strings.ToValidUTF8(text[:maxDetail], "") + "…"
	}
	return text
}
