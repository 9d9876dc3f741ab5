package config

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"

	"dormant/client/profile"
)

// directoryProblems are a profile or a URL that is missing, and what is wrong with
// the URL.
func (v Variables) directoryProblems() []error {
	var problems []error
	if v.ProfileName == "" {
		problems = append(problems, fmt.Errorf("DORMANT_PROFILE: is required: %s, or the path of a YAML file", strings.Join(profile.Names(), ", ")))
	}
	if _, err := v.BaseURL(); err != nil {
		problems = append(problems, err)
	}
	return problems
}

// BaseURL is the URL of the directory, without a slash at its end.
func (v Variables) BaseURL() (*url.URL, error) {
	if v.URL == "" {
		return nil, errors.New("DORMANT_URL: is required: the base URL of the directory")
	}
	u, err := url.Parse(v.URL)
	switch {
	case err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https":
		return nil, errors.New("DORMANT_URL: is no URL: https://host or https://host/prefix is accepted")
	case u.User != nil:
		return nil, errors.New("DORMANT_URL: has credentials in it; they belong into their own variables")
	case u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		return nil, errors.New("DORMANT_URL: has a query or a fragment; only host and path are used")
	case u.Scheme == "http" && !loopback(u.Hostname()) && !v.AllowPlainHTTP:
		return nil, fmt.Errorf("DORMANT_URL=%q: would send the credentials in the clear; use https, or set DORMANT_ALLOW_PLAIN_HTTP=true", v.URL)
	}
	u.RawPath = strings.TrimRight(u.EscapedPath(), "/")
	u.Path = strings.TrimRight(u.Path, "/")
	return u, nil
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
