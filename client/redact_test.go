package client

import (
	"encoding/json"
	"html"
	"net/url"
	"strconv"
	"strings"
	"testing"
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
