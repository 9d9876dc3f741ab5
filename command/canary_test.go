package command

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"html"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"dormant/client/sandbox"
)

// canaries are secrets, none of which may be seen, in every form in which they are
// found by a part that no escape changes, or as base64.
type canaries map[string][]string

// plant is a secret that is found again.
func (s canaries) plant(what string) string {
	core := "kanarie-" + what + "-4711"
	forms := []string{core, strings.ToUpper(core), hex.EncodeToString([]byte(core))}
	for before := range 3 { // base64 depends on where a text begins
		whole := base64.RawStdEncoding.EncodeToString([]byte(strings.Repeat("x", before) + core))
		forms = append(forms, whole[(before*8+5)/6:len(whole)-2])
	}
	s[what] = forms
	return core + `"\+/%<&>=?` + what
}

// shownIn are the secrets that the text shows.
func (s canaries) shownIn(text string) (found []string) {
	for what, forms := range s {
		if slices.ContainsFunc(forms, func(form string) bool { return strings.Contains(text, form) }) {
			found = append(found, what)
		}
	}
	slices.Sort(found)
	return found
}

// dump is all of a request.
func dump(r *http.Request) string {
	body, _ := io.ReadAll(r.Body)
	r.Body = io.NopCloser(bytes.NewReader(body))
	lines := []string{r.Method + " " + r.RequestURI}
	for name, values := range r.Header {
		lines = append(lines, name+": "+strings.Join(values, ", "))
	}
	return strings.Join(append(lines, string(body)), "\n")
}

// echoes answer with what they are sent, where one would not look for it. away
// is another origin.
func echoes(away string) map[string]hook {
	all := func(r *http.Request) string { return strings.ReplaceAll(dump(r), "\n", " ") }
	// bare writes an answer that net/http would not write.
	bare := func(form string, more func(r *http.Request) []any) hook {
		return func(w http.ResponseWriter, r *http.Request) bool {
			text := all(r)
			c, _, err := http.NewResponseController(w).Hijack()
			if err != nil {
				return false
			}
			defer c.Close()
			args := []any{text}
			if more != nil {
				args = more(r)
			}
			fmt.Fprintf(c, form, args...)
			return true
		}
	}
	location := func(code int, to string) hook {
		return func(w http.ResponseWriter, r *http.Request) bool {
			w.Header()["Location"] = []string{to + url.QueryEscape(all(r))}
			return answer(w, code, all(r))
		}
	}
	quoted := func(r *http.Request) string { text, _ := json.Marshal(all(r)); return string(text) }
	return map[string]hook{
		"works": func(http.ResponseWriter, *http.Request) bool { return false },
		"400":   func(w http.ResponseWriter, r *http.Request) bool { return answer(w, 400, `{"message":`+quoted(r)+`}`) },
		"401": func(w http.ResponseWriter, r *http.Request) bool {
			w.Header().Set("WWW-Authenticate", all(r))
			return answer(w, 401, all(r))
		},
		"500, as in a URL": func(w http.ResponseWriter, r *http.Request) bool {
			return answer(w, 500, url.QueryEscape(all(r))+url.PathEscape(all(r))+html.EscapeString(all(r)))
		},
		"429": func(w http.ResponseWriter, r *http.Request) bool { return answer(w, 429, fmt.Sprintf("%q", all(r))) },
		"200, not in the form": func(w http.ResponseWriter, r *http.Request) bool {
			return answer(w, 200, `{"message":`+quoted(r)+`,"access_token":`+quoted(r)+`,"users":{"x":`+quoted(r)+`},"total":`+quoted(r)+`}`)
		},
		"names of members": func(w http.ResponseWriter, r *http.Request) bool {
			return answer(w, 200, `{`+quoted(r)+`:1,`+quoted(r)+`:{`+quoted(r)+`:tru}}`)
		},
		"no JSON":         func(w http.ResponseWriter, r *http.Request) bool { return answer(w, 200, all(r)) },
		"accounts are it": func(w http.ResponseWriter, r *http.Request) bool { return answer(w, 200, `{"users":[`+quoted(r)+`]}`) },
		"a status line":   bare("HTTP/1.1 %[1]s\r\n\r\n", nil),
		"no HTTP":         bare("%[1]s\r\n\r\n", nil),
		"a header without a colon": bare("HTTP/1.1 200 OK\r\n%s\r\n\r\n", func(r *http.Request) []any {
			return []any{strings.ReplaceAll(all(r), ":", " ")}
		}),
		"a length":        bare("HTTP/1.1 200 OK\r\nContent-Length: %s\r\n\r\n", nil),
		"an encoding":     bare("HTTP/1.1 200 OK\r\nTransfer-Encoding: %s\r\n\r\n", nil),
		"a cut body":      bare("HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n{\"message\":\"%s", nil),
		"chunks":          bare("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%s\r\n", nil),
		"a switch":        bare("HTTP/1.1 101 Switching Protocols\r\nUpgrade: %s\r\n\r\n", nil),
		"to elsewhere":    location(302, away+"/?leak="),
		"to nowhere":      location(307, "http://%zz/?"),
		"to a scheme":     location(301, "gopher://x/?"),
		"round and round": location(302, "?"),
		"a link elsewhere": func(w http.ResponseWriter, r *http.Request) bool {
			w.Header().Set("Link", "<"+away+"/?leak="+url.QueryEscape(all(r))+`>; rel="next"`)
			return answer(w, 200, `{"users":[],"next":"`+away+`/?leak=`+url.QueryEscape(all(r))+`","total":0}`)
		},
		"only to changes": func(w http.ResponseWriter, r *http.Request) bool {
			return r.Method == http.MethodDelete && answer(w, 409, `{"errors":[`+quoted(r)+`]}`)
		},
	}
}

// credentials are the ways to have some. Each makes environment variables, and
// changes the sandbox so that they are good there.
func credentials(t *testing.T, s canaries, login string) map[string]struct {
	system  string
	options func(*sandbox.Options)
	environ []string
} {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	pemText := string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
	for i, line := range strings.Split(strings.TrimSpace(pemText), "\n") {
		if i%8 == 1 {
			s[fmt.Sprint("line ", i, " of the key")] = []string{line[:30]}
		}
	}
	keyFile, err := json.Marshal(map[string]string{"private_key": pemText, "client_email": sandbox.DefaultClientID})
	if err != nil {
		t.Fatal(err)
	}
	token, password, refresh := s.plant("token"), s.plant("password"), s.plant("refresh")
	secret, issued := s.plant("secret"), s.plant("issued")
	good := func(o *sandbox.Options) { o.Token = token }
	// issuing answers a sign-in with a token that is a secret as well.
	issuing := func(o *sandbox.Options) {
		o.Token = issued
		next := o.Before
		o.Before = func(w http.ResponseWriter, r *http.Request) bool {
			if next(w, r) {
				return true
			}
			quoted, _ := json.Marshal(issued)
			return r.Method == http.MethodPost && strings.Contains(r.URL.Path+" ", map[string]string{"maestro": "/sign-in ", "itflex": "/token "}[o.System]) &&
				answer(w, 200, fmt.Sprintf(`{"access_token":%s,"expires_in":3600,"tokens":{"accessToken":%[1]s}}`, quoted))
		}
	}
	return map[string]struct {
		system  string
		options func(*sandbox.Options)
		environ []string
	}{
		"a token":              {"itflex", good, []string{"DORMANT_TOKEN=" + token}},
		"a token in a file":    {"gitea", good, []string{"DORMANT_TOKEN_FILE=" + write(t, "token", token+"\n")}},
		"a password":           {"maestro", issuing, []string{"DORMANT_USERNAME=admin", "DORMANT_PASSWORD=" + password}},
		"a password in a file": {"maestro", issuing, []string{"DORMANT_USERNAME=admin", "DORMANT_PASSWORD_FILE=" + write(t, "password", password)}},
		"basic":                {"grafana", func(o *sandbox.Options) { o.Secret = password }, []string{"DORMANT_USERNAME=admin", "DORMANT_PASSWORD=" + password}},
		"a refresh token":      {"itflex", issuing, []string{"DORMANT_CLIENT_SECRET=" + refresh}},
		"a client's secret": {"entra", func(o *sandbox.Options) { o.Token = issued },
			[]string{"DORMANT_CLIENT_ID=" + sandbox.DefaultClientID, "DORMANT_CLIENT_SECRET_FILE=" + write(t, "secret", secret), "DORMANT_PARAMS=tenant=acme,login=" + login}},
		"a key": {"google-workspace", func(o *sandbox.Options) { o.Token = issued },
			[]string{"DORMANT_CLIENT_ID=" + sandbox.DefaultClientID, "DORMANT_CLIENT_SECRET=" + pemText, "DORMANT_PARAMS=login=" + login, "DORMANT_ACTOR=admin@example.com"}},
		"a key in a file": {"google-workspace", func(o *sandbox.Options) { o.Token = issued },
			[]string{"DORMANT_CLIENT_SECRET_FILE=" + write(t, "key.json", string(keyFile)), "DORMANT_PARAMS=login=" + login, "DORMANT_ACTOR=admin@example.com"}},
	}
}
