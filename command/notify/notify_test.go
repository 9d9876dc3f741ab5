package notify

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nicholas-fedor/shoutrrr/pkg/types"
)

const token = "/T01234567/B01234567/hunter2hunter2hunter2hun"

func TestParse(t *testing.T) {
	for url, want := range map[string]string{ // the error, or empty
		"slack://hook:T01234567-B01234567-hunter2hunter2hunter2hun@webhook":                             "",
		"discord://hunter2@123456789?names=yes":                                                         "",
		"smtp://user:hunter2@mail.example.com:587/?from=a@example.com&to=b@example.com":                 "",
		"smtp://user:hunter2@mail.example.com:465/?from=a@example.com&to=b@example.com&encryption=Auto": "",
		"smtp://127.0.0.1:2525/?from=a@example.com&to=b@example.com&encryption=None&usestarttls=no":     "",
		"generic+https://example.com/hunter2?key=hunter2":                                               "",
		"generic+http://127.0.0.1:8080/hunter2":                                                         "",
		"generic+http://[::1]:8080/hunter2":                                                             "",
		"":                                                                                              "is no URL",
		"hunter2":                                                                                       "is no URL",
		"https://hooks.slack.com/services/hunter2":                                                      "no service that is known here",
		"telegram://hunter2@telegram?chats=1":                                                           "no service that is known here",
		"logger://hunter2":                                                                              "no service that is known here",
		"slack+https://example.com/hunter2":                                                             "no service that is known here",
		"generic://example.com/hunter2":                                                                 "generic+https://HOST/PATH is accepted",
		"generic+ftp://example.com/hunter2":                                                             "generic+https://HOST/PATH is accepted",
		"generic+http://example.com/hunter2":                                                            "in the clear",
		"generic+http://127.0.0.1.example.com/hunter2":                                                  "in the clear",
		"generic+https://example.com/hunter2?disabletls=yes":                                            "in the clear",
		"generic+https://example.com/hunter2?DisableTLS=1":                                              "in the clear",
		"generic+https://example.com/hunter2?names=1":                                                   "names=yes or names=no",
		"smtp://user:hunter2@mail.example.com/?from=a@example.com":                                      "not complete",
		"smtp://user:hunter2@mail.example.com/?from=a@example.com&to=b@example.com&skiptlsverify=yes": "has to prove who it is",
		"smtp://user:hunter2@mail.example.com/?from=a@example.com&to=b@example.com&Encryption=none":   "loopback only",
		"discord://hunter2@":                      "",
		"slack://hunter2":                         "not complete",
		"generic+https://exa\x7fmple.com/hunter2": "is no URL",
		"smtp://user:hunter2@mail.example.com:hunter2/?from=a@example.com&to=b@example.com&usestarttls=yes": "is no URL",
	} {
		c, err := Parse(url)
		switch {
		case url == "discord://hunter2@": // no host
			if err == nil {
				t.Errorf("%q is accepted", url)
			}
		case want == "" && err != nil, want != "" && (err == nil || !strings.Contains(err.Error(), want)):
			t.Errorf("%q: %v, want %q", url, err, want)
		}
		if err != nil && strings.Contains(err.Error(), "hunter2") {
			t.Errorf("the error shows the secret: %v", err)
		}
		if strings.Contains(url, "names=yes") != c.Names {
			t.Errorf("%q: names: %t", url, c.Names)
		}
	}
}

// A webhook gets the text as it is, as JSON, once.
func TestWebhook(t *testing.T) {
	var bodies []string
	var header http.Header
	hook := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		bodies, header = append(bodies, r.Method+" "+r.URL.RequestURI()+" "+string(body)), r.Header
	}))
	defer hook.Close()
	c := parse(t, "generic+"+hook.URL+"/hook?key=x")
	if err := c.Send(t.Context(), "title", `{"run_id":"a"}`); err != nil {
		t.Fatal(err)
	}
	if len(bodies) != 1 || bodies[0] != `POST /hook?key=x {"run_id":"a"}` || header.Get("Content-Type") != "application/json" {
		t.Errorf("%q, %s", bodies, header)
	}
}

// A webhook that fails is tried again, a few times; the error shows no secret.
func TestFailingWebhooks(t *testing.T) {
	var calls, elsewhere atomic.Int32
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { elsewhere.Add(1) }))
	defer other.Close()
	tests := map[string]struct {
		answer http.HandlerFunc
		calls  int32
		want   string
	}{
		"500 once": {func(w http.ResponseWriter, _ *http.Request) {
			if calls.Load() == 1 {
				w.WriteHeader(http.StatusInternalServerError)
			}
		}, 2, ""},
		"500": {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) }, 3, "500"},
		"a redirect": {func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, other.URL+"/hunter2", http.StatusTemporaryRedirect)
		}, 3, "it redirects"},
		"cut short": {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, 3, "EOF"},
	}
	for name, tt := range tests {
		calls.Store(0)
		hook := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			calls.Add(1)
			tt.answer(w, r)
		}))
		c := parse(t, "generic+"+hook.URL+"/hunter2?key=hunter2")
		c.between = time.Millisecond
		err := c.Send(t.Context(), "title", "text")
		hook.Close()
		if (err == nil) != (tt.want == "") || err != nil && (!strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "hunter2")) || calls.Load() != tt.calls {
			t.Errorf("%s: %v after %d calls", name, err, calls.Load())
		}
	}
	if elsewhere.Load() > 0 {
		t.Error("it followed the redirect")
	}
}

// What never answers is given up after a while.
func TestHangingWebhook(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ends := make(chan struct{})
		c := Channel{Service: "generic", between: time.Second, service: service{send: func() error {
			<-ends
			return errors.New("too late")
		}}}
		began := time.Now()
		err := c.Send(t.Context(), "title", "text")
		if took := time.Since(began); err == nil || took > total {
			t.Errorf("%v after %s", err, took)
		}
		close(ends) // for the library's goroutines
	})
}

// The others are told at their vendors' hosts, over TLS.
func TestVendors(t *testing.T) {
	original := http.DefaultTransport
	t.Cleanup(func() { http.DefaultTransport = original })
	for url, want := range map[string]string{
		"slack://hook:T01234567-B01234567-hunter2hunter2hunter2hun@webhook": "https://hooks.slack.com/services" + token,
		"discord://hunter2@123456789":                                       "https://discord.com/api/webhooks/123456789/hunter2",
	} {
		var got, body string
		http.DefaultTransport = transport(func(r *http.Request) (*http.Response, error) {
			text, _ := io.ReadAll(r.Body)
			got, body = r.URL.Scheme+"://"+r.URL.Host+r.URL.Path, string(text)
			return &http.Response{StatusCode: http.StatusOK, Body: io.NopCloser(strings.NewReader("ok")), Header: http.Header{}, Request: r}, nil
		})
		if err := parse(t, url).Send(t.Context(), "a title", "a text"); err != nil {
			t.Errorf("%s: %v", url, err)
		}
		if got != want || !strings.Contains(body, "a title") || !strings.Contains(body, "a text") {
			t.Errorf("%s: %s %s", url, got, body)
		}
	}
}

func parse(t *testing.T, url string) Channel {
	t.Helper()
	c, err := Parse(url)
	if err != nil {
		t.Fatal(url, err)
	}
	return c
}

// service is one of the library that does what a test wants.
type service struct {
	types.Service
	send func() error
}

func (s service) Send(string, *types.Params) error { return s.send() }

type transport func(*http.Request) (*http.Response, error)

func (f transport) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }
