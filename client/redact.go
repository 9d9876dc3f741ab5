package client

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"html"
	"io"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"unicode"

	"github.com/tidwall/gjson"
)

// redact replaces the secrets in the text with asterisks, and long parts of them, which
// servers show to say what they were sent. If one of them is there in another encoding, or
// encoded more than once, nothing of the text is left.
func redact(text string, secrets []string) string {
	var pairs []string
	for _, form := range encodings(secrets) {
		pairs = append(pairs, form, "***")
	}
	text = strings.NewReplacer(pairs...).Replace(text)
	for _, secret := range secrets {
		text = redactParts(text, secret)
	}
	if text == "" {
		return text
	}
	plain := unescape(text)
	bare := letters(plain + " " + decoded(text))
	for _, secret := range secrets {
		if secret = unescape(secret); secret == "" {
			continue
		}
		if strings.Contains(plain, secret) || hasPart(bare, letters(secret)) {
			return "***"
		}
	}
	return text
}

// minPart is the shortest part of a secret that is not shown, in bytes. Words that the
// secret and the text have in common are shorter, or most of the secret.
const minPart = 8

// redactParts replaces each part of the secret in the text that is a third of it or more.
func redactParts(text, secret string) string {
	n := max(minPart, len(secret)/3)
	if len(secret) < n || len(text) < n {
		return text
	}
	parts := map[string]bool{}
	for i := range len(secret) - n + 1 {
		parts[secret[i:i+n]] = true
	}
	var shown strings.Builder
	hidden, end := -1, 0 // what is hidden now begins and ends there
	for i := range len(text) - n + 1 {
		if !parts[text[i:i+n]] {
			continue
		}
		if hidden < 0 || i > end {
			shown.WriteString(text[max(end, 0):i])
			shown.WriteString("***")
			hidden = i
		}
		end = i + n
	}
	if hidden < 0 {
		return text
	}
	shown.WriteString(text[end:])
	return shown.String()
}

// hasPart reports whether a text has half of a secret in it, or more; both are letters.
func hasPart(text, secret string) bool {
	n := max(minPart, len(secret)/2)
	for i := range len(secret) - n + 1 {
		if strings.Contains(text, secret[i:i+n]) {
			return true
		}
	}
	return false
}

// letters are the letters and digits of a text, in lower case: a secret with something
// between its characters, or in capitals, is still one.
func letters(text string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsLetter(r) && !unicode.IsDigit(r) {
			return -1
		}
		return unicode.ToLower(r)
	}, text)
}

var (
	hexadecimal = regexp.MustCompile(`[0-9A-Fa-f]{16,}`)
	base64Text  = regexp.MustCompile(`[0-9A-Za-z+/_-]{11,}`) // in either alphabet
)

// decoded is what parts of a text stand for that may be hexadecimal or Base64.
func decoded(text string) string {
	var found []byte
	for _, run := range hexadecimal.FindAllString(text, -1) {
		for start := range 2 { // it may begin in between
			raw, _ := hex.DecodeString(run[start : len(run)-(len(run)-start)%2])
			found = append(append(found, raw...), ' ')
		}
	}
	for _, run := range base64Text.FindAllString(text, -1) {
		for start := range 4 {
			standard := strings.NewReplacer("-", "+", "_", "/").Replace(run[start:])
			if len(standard)%4 == 1 {
				standard = standard[:len(standard)-1]
			}
			raw, _ := base64.RawStdEncoding.DecodeString(standard)
			found = append(append(found, raw...), ' ')
		}
	}
	return string(found)
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

// escapes matches those of JSON, of Go, of URLs, of HTML, of mail and of C.
var escapes = regexp.MustCompile(`(?:=[0-9A-F]{2})+|(?:\\[0-3][0-7]{2})+|\\u[0-9a-fA-F]{4}|\\U[0-9a-fA-F]{8}|(?:%[0-9a-fA-F]{2})+|(?:\\x[0-9a-fA-F]{2})+|&#?[0-9a-zA-Z]{1,8};`)

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
	case escape[0] == '\\' && escape[1] <= '3': // octal
		var raw []byte
		for _, digits := range strings.Split(escape[1:], `\`) {
			code, _ := strconv.ParseUint(digits, 8, 8)
			raw = append(raw, byte(code))
		}
		return string(raw)
	case escape[0] == '%', escape[0] == '=', escape[1] == 'x':
		raw, err := hex.DecodeString(strings.NewReplacer("%", "", "=", "", `\x`, "").Replace(escape))
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
	text, detail string
}

func (e *redactedError) Error() string  { return e.text }
func (e *redactedError) Detail() string { return e.detail }
func (e *redactedError) Unwrap() error  { return e.error }

// redactError hides the secrets in the text of an error, and in its detail: some errors
// quote what a server has sent.
func redactError(err error, secrets []string) error {
	if text := redact(err.Error(), secrets); text != err.Error() {
		return &redactedError{err, text, redact(detailOf(err), secrets)}
	}
	return err
}

// hide hides all secrets that the client knows in the detail of an error. What else it says
// are our own words, and no secret is cut out of them.
func (c *Client) hide(err error) error {
	if detail := detailOf(err); detail != "" {
		if shown := redact(detail, c.secrets()); shown != detail {
			return &redactedError{err, err.Error(), shown}
		}
	}
	return err
}

// detailOf is the detail of an error, which is not for logs, or "".
func detailOf(err error) string {
	var detailed interface{ Detail() string }
	if errors.As(err, &detailed) {
		return detailed.Detail()
	}
	return ""
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
