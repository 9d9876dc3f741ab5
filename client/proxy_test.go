package client

import (
	"net/url"
	"strings"
	"testing"

	"dormant/client/profile"
)

func TestProxy(t *testing.T) {
	const secret = "hunter2-do-not-show"
	for _, c := range []struct {
		name, value, directory string
		wrong                  bool
	}{
		{"HTTPS_PROXY", "http://proxy.test:3128", "https://directory.test", false},
		{"HTTPS_PROXY", "proxy.test:3128", "https://directory.test", false},
		{"https_proxy", "socks5://user:" + secret + "@proxy.test:1080", "https://directory.test", false},
		{"HTTPS_PROXY", "http://user:" + secret + "@proxy.test:port", "https://directory.test", true},
		{"https_proxy", "http://user:" + secret + "@[::1", "https://directory.test", true},
		{"HTTPS_PROXY", "ftp://" + secret + "@proxy.test", "https://directory.test", true},
		{"HTTPS_PROXY", "http:// " + secret, "https://directory.test", true},
		{"HTTPS_PROXY", "://" + secret, "https://directory.test", true},
		{"HTTP_PROXY", "http://" + secret + ":x@:y", "http://directory.test", true},
		{"HTTP_PROXY", "://" + secret, "https://directory.test", false}, // it is for http alone
		{"HTTP_PROXY", "://" + secret, "http://127.0.0.1:1", false},     // loopback needs none
		{"HTTPS_PROXY", "://" + secret, "https://in.example.test", false},
	} {
		t.Run(c.name+" "+c.directory, func(t *testing.T) {
			for _, name := range []string{"HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy"} {
				t.Setenv(name, "")
			}
			t.Setenv("NO_PROXY", "in.example.test")
			t.Setenv(c.name, c.value)
			u, err := url.Parse(c.directory)
			if err != nil {
				t.Fatal(err)
			}
			_, err = New(Options{Profile: load(t, smallest), URL: u, Values: profile.Values{Token: "t"}, Timeout: 1})
			if c.wrong {
				wantError(t, err, c.name+": is no URL of a proxy")
			} else if err != nil {
				t.Error(err)
			}
			if err != nil && strings.Contains(err.Error(), secret) {
				t.Errorf("the secret is in %q", err)
			}
		})
	}
}
