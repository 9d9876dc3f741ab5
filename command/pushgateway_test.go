package command

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"dormant/job"
)

// TestPushgatewayPassword: the password goes to the configured gateway alone, and nothing
// that the gateway says of it is shown.
func TestPushgatewayPassword(t *testing.T) {
	t.Parallel()
	const password = "hunter2-do-not-show"
	var reached []string
	other := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		reached = append(reached, r.Method+" "+r.Header.Get("Authorization"))
	}))
	t.Cleanup(other.Close)
	for name, c := range map[string]struct {
		code int
		echo bool
		want string
	}{
		"repeated":           {http.StatusUnauthorized, true, "401"},
		"repeated under 203": {http.StatusNonAuthoritativeInfo, true, "203"},
		"sent elsewhere 307": {http.StatusTemporaryRedirect, false, "a redirect that is not followed"},
		"sent elsewhere 302": {http.StatusFound, false, "a redirect that is not followed"},
	} {
		t.Run(name, func(t *testing.T) {
			gateway := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if !c.echo {
					w.Header().Set("Location", other.URL+r.URL.Path)
				}
				w.WriteHeader(c.code)
				if c.echo {
					user, word, _ := r.BasicAuth()
					_, _ = w.Write([]byte("no such user: " + user + ":" + word + " " + r.Header.Get("Authorization")))
				}
			}))
			t.Cleanup(gateway.Close)
			p := serve(t, "itflex").run("run", "DORMANT_PUSHGATEWAY_URL="+strings.Replace(gateway.URL, "//", "//user:"+password+"@", 1))
			p.expect(t, exitFailed, job.DryRun)
			all := p.stdout + p.stderr
			if strings.Contains(all, password) || strings.Contains(all, "dXNlcjpodW50ZXIy") { // its beginning, in base 64
				t.Errorf("the password is in:\n%s", all)
			}
			if !strings.Contains(all, c.want) {
				t.Errorf("%q is not in:\n%s", c.want, all)
			}
		})
	}
	if len(reached) > 0 {
		t.Errorf("another server was sent %q", reached)
	}
}

// What a gateway without a password says is shown, escaped and bounded.
func TestPushgatewayAnswer(t *testing.T) {
	t.Parallel()
	gateway := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, "pushed metrics are inconsistent \u009b31m"+strings.Repeat("x", 1000), http.StatusBadRequest)
	}))
	t.Cleanup(gateway.Close)
	p := serve(t, "itflex").run("run", "DORMANT_PUSHGATEWAY_URL="+gateway.URL)
	p.expect(t, exitFailed, job.DryRun)
	if says := p.stderr; !strings.Contains(says, "pushed metrics are inconsistent") || strings.Contains(says, "\u009b") || strings.Contains(says, strings.Repeat("x", 300)) {
		t.Errorf("the log says\n%q", says)
	}
}

func TestPushgatewayOverPlainHTTP(t *testing.T) {
	t.Parallel()
	d := serve(t, "itflex")
	for gateway, wrong := range map[string]bool{
		"http://gateway.example:9091":              false,
		"http://user:secret@gateway.example:9091":  true,
		"http://user@gateway.example:9091":         true,
		"https://user:secret@gateway.example:9091": false,
		"http://user:secret@127.0.0.1:9091":        false,
		"http://user:secret@[::1]:9091":            false,
		"http://user:secret@localhost.example":     true,
		"http://gateway.example?password=secret":   true,
		"http://gateway.example#secret":            true,
	} {
		if wrong {
			d.refuses(t, "run", []string{"DORMANT_PUSHGATEWAY_URL"}, "DORMANT_PUSHGATEWAY_URL="+gateway)
		} else if p := start(t, d.env("DORMANT_PUSHGATEWAY_URL="+gateway, "DORMANT_INACTIVE_FOR=1d"), "run"); p.wait(t) != exitUsage || strings.Contains(p.stderr.String(), "PUSHGATEWAY") {
			t.Errorf("%s:\n%s", gateway, &p.stderr)
		}
	}
}
