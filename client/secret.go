package client

import (
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"strings"
	"unicode"

	"github.com/tidwall/gjson"
)

// Secret is text that must not be seen. However it is printed, encoded or
// logged, it shows as asterisks, or as nothing if it is empty.
type Secret string

func (s Secret) String() string {
	if s == "" {
		return ""
	}
	return "***"
}

// Format hides the text from every verb, wrong ones such as %d among them.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(s.String())) }

// MarshalText hides the text from encoders, JSON among them.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

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

// hide replaces the secrets in the text.
func hide(text string, secrets []string) string {
	var pairs []string
	for _, form := range written(secrets) {
		pairs = append(pairs, form, "***")
	}
	return strings.NewReplacer(pairs...).Replace(text)
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
