package client

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"html"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"

	"dormant/job"
)

// FuzzRedact: a secret is hidden in every encoding, and in encodings of encodings.
func FuzzRedact(f *testing.F) {
	for i, secret := range []string{"hunter2-long-enough", `p"a\s/s w%o+r<d>&'é`, "日本語のパスワード", "a=b&c", "%25%25%25%25", `\\\\\\\\`, "\u2028\u2029\x7f", `"quoted"`, "two\nlines\tand more", "000000\ta"} {
		f.Add(secret, "before ", " behind", uint16(i*73))
		f.Add(secret, secret, secret, uint16(i*311+5))
	}
	// Exactly one quote goes from each end: another one is the secret's own.
	unquote := func(s string) string { return s[1 : len(s)-1] }
	raw := func(s string) string {
		var b strings.Builder
		e := json.NewEncoder(&b)
		e.SetEscapeHTML(false)
		if err := e.Encode(s); err != nil {
			return s
		}
		return unquote(strings.TrimSuffix(b.String(), "\n"))
	}
	writers := []func(string) string{
		func(s string) string { return s },
		func(s string) string { text, _ := json.Marshal(s); return unquote(string(text)) },
		raw, url.QueryEscape, url.PathEscape,
		func(s string) string { return unquote(strconv.Quote(s)) },
		func(s string) string { return unquote(strconv.QuoteToASCII(s)) },
		html.EscapeString,
		func(s string) string { return strings.ToLower(url.QueryEscape(s)) },
	}
	f.Fuzz(func(t *testing.T, secret, before, behind string, how uint16) {
		if len(secret) < 8 || strings.ToValidUTF8(secret, "") != secret || strings.ToLower(secret) != secret {
			return
		}
		if unescape(secret) == "" { // of spaces, pluses and backslashes alone: known only as it is written
			return
		}
		inner, outer := writers[int(how)%len(writers)], writers[int(how)/len(writers)%len(writers)]
		form := outer(inner(secret))
		if strings.Contains(before+behind, form) || strings.Contains(form, "***") {
			return
		}
		if text := redact(before+" "+form+" "+behind, []string{secret}); strings.Contains(text, form) {
			t.Errorf("%q is seen as %q in %q", secret, form, text)
		}
	})
}

// TestRedact: a server that shows what it was sent shows it in its own way, and often not
// all of it.
func TestRedact(t *testing.T) {
	const secret = "S3cr3t/K+y=abcdefgh"
	shown := func(separator string) string { return strings.Join(strings.Split(secret, ""), separator) }
	each := func(format string) string {
		var b strings.Builder
		for i := range len(secret) {
			fmt.Fprintf(&b, format, secret[i])
		}
		return b.String()
	}
	for _, tt := range []struct{ rule, text, want string }{
		{"as it is", "bad token " + secret + "!", "bad token ***!"},
		{"its beginning", "bad token S3cr3t/K+y=abcd…", "bad token ***…"},
		{"its end", "bad token …K+y=abcdefgh", "bad token …***"},
		{"twice", secret + " " + secret, "*** ***"},
		{"two parts", "S3cr3t/K+y, y=abcdefgh", "***, ***"},
		{"a little of it", "bad token S3cr3t/", "bad token S3cr3t/"},
		{"in capitals", strings.ToUpper(secret), "***"},
		{"with blanks", shown(" "), "***"},
		{"with dashes", shown("-"), "***"},
		{"with characters that don't show", shown("\u200b"), "***"},
		{"in Base64", "x " + base64.StdEncoding.EncodeToString([]byte(secret)), "***"},
		{"in Base64 for URLs, behind something", base64.RawURLEncoding.EncodeToString([]byte("Bearer " + secret)), "***"},
		{"in Base64 that begins elsewhere", "ab" + base64.StdEncoding.EncodeToString([]byte(secret)), "***"},
		{"in hexadecimal", "0x" + hex.EncodeToString([]byte(secret)), "***"},
		{"in octal", each(`\%03o`), "***"},
		{"as in mail", each("=%02X"), "***"},
		{"as in HTML", each("&#%d;"), "***"},
		{"not at all", "the directory answered, and said nothing of a token", "the directory answered, and said nothing of a token"},
		{"nothing", "", ""},
	} {
		if got := redact(tt.text, []string{secret}); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.rule, got, tt.want)
		}
	}
	for _, tt := range []struct{ secret, text, want string }{
		{"admin", "administrator", "***istrator"},
		{"ab", "a b", "***"},
		{"correct horse", "a horse", "a horse"},
		{strings.Repeat("x", 3000), strings.Repeat("x", 900), strings.Repeat("x", 900)}, // too little of it
		{strings.Repeat("x", 3000), strings.Repeat("x", 1000), "***"},
	} {
		if got := redact(tt.text, []string{tt.secret}); got != tt.want {
			t.Errorf("%.20s in %.20s: %q, want %q", tt.secret, tt.text, got, tt.want)
		}
	}
}

// TestNoDetailShowsASecret: what an answer has is named in errors, and an answer may be
// keyed by what it was sent.
func TestNoDetailShowsASecret(t *testing.T) {
	echo := func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, `{"x%s":1}`, r.Header.Get("Authorization"))
	}
	s := serve(t, routes{"GET /users": echo, "GET /users/1": echo})
	c := connect(t, s, sketch(t, "", "", "get: {path: \"/users/{id}\"}\n"))
	_, listErr := all(t, s, c)
	_, userErr := c.User(t.Context(), job.User{ID: "1"})
	_, findErr := c.Find(t.Context(), job.User{ID: "1"})
	for _, err := range []error{listErr, userErr, findErr} {
		if text := job.Describe(err); err == nil || strings.Contains(text, token) || !strings.Contains(text, "***") {
			t.Errorf("%s", text)
		}
	}
}
