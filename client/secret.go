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

// maxDetail is how much of an answer to an unsuccessful request is kept, in bytes.
const maxDetail = 300

// written are the forms in which an answer may have the secrets.
func written(secrets []string) []string {
	var forms []string
	for _, secret := range secrets {
		quoted, _ := json.Marshal(secret)
		forms = append(forms, secret, string(quoted[1:len(quoted)-1]), url.QueryEscape(secret), url.PathEscape(secret))
	}
	return forms
}

// hide replaces the secrets in the text. If one is there in a form that is escaped
// otherwise, or more than once, nothing of the text is left.
func hide(text string, secrets []string) string {
	var pairs []string
	for _, form := range written(secrets) {
		pairs = append(pairs, form, "***")
	}
	text = strings.NewReplacer(pairs...).Replace(text)
	bare := unescape(text)
	for _, secret := range secrets {
		if secret = unescape(secret); secret != "" && strings.Contains(bare, secret) {
			return "***"
		}
	}
	return text
}

// escapes are those of JSON, of Go, of URLs and of HTML.
var escapes = regexp.MustCompile(`\\u[0-9a-fA-F]{4}|\\U[0-9a-fA-F]{8}|(?:%[0-9a-fA-F]{2})+|(?:\\x[0-9a-fA-F]{2})+|&#?[0-9a-zA-Z]{1,8};`)

// blank is what is not compared: backslashes with the letter of a short escape,
// and what stands for white space.
var blank = regexp.MustCompile(`\\+[abfnrtv]?|[+ \a\f\n\r\t\v\x08]`)

// unescape is what is left of a text when nothing in it is escaped any more, for
// comparing.
func unescape(text string) string {
	const most = 8 // escapes in escapes; each turn makes the text shorter
	for range most {
		was := text
		text = escapes.ReplaceAllStringFunc(text, unescaped)
		if text == was {
			break
		}
	}
	return blank.ReplaceAllString(text, "")
}

func unescaped(escape string) string {
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

// hiddenError is an error that shows another text than its own.
type hiddenError struct {
	error
	text string
}

func (e *hiddenError) Error() string { return e.text }
func (e *hiddenError) Unwrap() error { return e.error }

// without is the error without the secrets: some quote what a server has sent.
func without(secrets []string, err error) error {
	if text := hide(err.Error(), secrets); text != err.Error() {
		return &hiddenError{err, text}
	}
	return err
}

// maxProblem is how much of an answer to an unsuccessful request is read, in bytes.
const maxProblem = 16 << 10

// problem is the body of an answer to an unsuccessful request: as JSON, if it is
// any, and its beginning as one line without the secrets.
func problem(body io.Reader, secrets []string) (document gjson.Result, detail string) {
	raw, err := io.ReadAll(io.LimitReader(body, maxProblem))
	if gjson.ValidBytes(raw) {
		document = gjson.ParseBytes(raw)
	}
	return document, excerpt(raw, err == nil && len(raw) < maxProblem, secrets)
}

// excerpt is the beginning of a text as one line without the secrets.
func excerpt(raw []byte, complete bool, secrets []string) string {
	longest := 0
	for _, form := range written(secrets) {
		longest = max(longest, len(form))
	}
	text := hide(string(raw), secrets)
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
