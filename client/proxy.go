package client

import (
	"fmt"
	"net/url"
	"os"
	"slices"
	"strings"

	"golang.org/x/net/http/httpproxy"
)

// checkProxy returns an error if the environment names a proxy for the URL that is none:
// net/http would go past it without a word. The error names the variable, whose value
// may have a password in it.
func checkProxy(u *url.URL) error {
	env := httpproxy.FromEnvironment()
	names, value := []string{"HTTPS_PROXY", "https_proxy"}, env.HTTPSProxy
	if u.Scheme == "http" {
		names, value = []string{"HTTP_PROXY", "http_proxy"}, env.HTTPProxy
	}
	env.HTTPProxy, env.HTTPSProxy = "http://proxy.invalid", "http://proxy.invalid"
	if applies, _ := env.ProxyFunc()(u); value == "" || applies == nil || isProxy(value) { // it has no errors but of CGI
		return nil
	}
	name := names[0]
	if os.Getenv(name) == "" {
		name = names[1]
	}
	return fmt.Errorf("%s: is no URL of a proxy: http://host:port, https://host:port or socks5://host:port is accepted; "+
		"NO_PROXY names the hosts that are reached without one", name)
}

// isProxy reports whether net/http can use the text as a proxy's URL, of which the
// scheme may be left out.
func isProxy(text string) bool {
	if !strings.Contains(text, "://") {
		text = "http://" + text
	}
	u, err := url.Parse(text)
	return err == nil && u.Hostname() != "" && !strings.ContainsAny(u.Host, " ,;") &&
		slices.Contains([]string{"http", "https", "socks5", "socks5h"}, u.Scheme)
}
