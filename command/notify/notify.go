// Package notify tells people about a run: in a channel, by e-mail, or by a webhook.
// The transport is the library shoutrrr's; which URLs are accepted, and that none of them
// shows in an error, is decided here.
package notify

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/cenkalti/backoff/v5"
	"github.com/nicholas-fedor/shoutrrr/pkg/router"
	"github.com/nicholas-fedor/shoutrrr/pkg/types"
)

// Services are the services that can be told, as the schemes of their URLs begin.
func Services() []string { return []string{"slack", "teams", "discord", "smtp", "generic"} }

// Channel is where to tell people. Its URL is a secret.
type Channel struct {
	Service string // one of Services
	Names   bool   // it may see the names of accounts
	JSON    bool   // it is for a program, which gets JSON

	service types.Service
	between time.Duration // before the second attempt; then more
	secrets []string      // parts of the URL that no error may have in it
}

const accepted = "slack://, teams://, discord://, smtp:// or generic+https:// is accepted"

// Parse returns the channel with the URL. A channel that may see names has names=yes in the
// query. Nothing travels in the clear, except to loopback: no http, and SMTP with TLS only. The
// error does not show the URL.
func Parse(text string) (Channel, error) {
	u, err := url.Parse(strings.TrimSpace(text))
	if err != nil || u.Host == "" {
		return Channel{}, errors.New("is no URL of a service: " + accepted)
	}
	service, transport, _ := strings.Cut(u.Scheme, "+")
	c := Channel{Service: service, between: time.Second, JSON: service == "generic", secrets: secretParts(u)}
	query := u.Query()
	switch query.Get("names") {
	case "yes":
		c.Names = true
	case "no", "":
	default:
		return Channel{}, errors.New("names=yes or names=no is accepted")
	}
	query.Del("names")
	switch {
	case !slices.Contains(Services(), service), transport != "" && service != "generic":
		return Channel{}, fmt.Errorf("%s:// is no service that is known here: %s", u.Scheme, accepted)
	case service == "generic" && transport != "https" && transport != "http":
		return Channel{}, errors.New("generic+https://HOST/PATH is accepted, or generic+http:// to loopback")
	case !isLoopback(u.Hostname()) && (transport == "http" || isOff(query, "disabletls")):
		return Channel{}, errors.New("would be sent in the clear: generic+https:// is accepted, or generic+http:// to loopback")
	case service == "smtp" && !isLoopback(u.Hostname()):
		if err := requireTLS(query); err != nil {
			return Channel{}, err
		}
	case service == "generic":
		query.Set("@Content-Type", "application/json")
	}
	u.RawQuery = query.Encode()
	once.Do(tame)
	var r router.ServiceRouter
	if c.service, err = r.Locate(u.String()); err != nil {
		return Channel{}, errors.New("is not complete: " + c.redact(err.Error()))
	}
	return c, nil
}

// requireTLS makes the library refuse a mail server that does not encrypt.
func requireTLS(query url.Values) error {
	for key := range query {
		value := strings.ToLower(query.Get(key))
		switch strings.ToLower(key) {
		case "skiptlsverify":
			return errors.New("skiptlsverify is not accepted: the mail server has to prove who it is")
		case "encryption":
			if value == "none" {
				return errors.New("encryption=none is accepted to loopback only")
			}
		case "usestarttls", "starttls", "requirestarttls":
			query.Del(key)
		}
	}
	query.Set("usestarttls", "yes")
	query.Set("requirestarttls", "yes")
	return nil
}

// isOff reports whether the query has the key in any case with a value of consent.
func isOff(query url.Values, key string) bool {
	for k := range query {
		if strings.EqualFold(k, key) && !slices.Contains([]string{"no", "false", "0"}, strings.ToLower(query.Get(k))) {
			return true
		}
	}
	return false
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

var once sync.Once

// tame bounds what the library does with the default client, which nothing else in the program
// uses: its requests carry secrets, so they are not redirected, and they end.
func tame() {
	http.DefaultClient.Timeout = attempt
	http.DefaultClient.CheckRedirect = func(*http.Request, []*http.Request) error { return errRedirect }
}

var errRedirect = errors.New("it redirects; give the URL that it leads to")

// How long it takes at most to tell one channel, and each attempt.
const (
	total   = 20 * time.Second
	attempt = 6 * time.Second
)

// Send tells the channel, and tries again for a while if that fails. The error does not show
// the channel's URL.
func (c Channel) Send(ctx context.Context, title, text string) error {
	ctx, cancel := context.WithTimeout(ctx, total)
	defer cancel()
	wait := backoff.NewExponentialBackOff()
	wait.InitialInterval = c.between
	_, err := backoff.Retry(ctx, func() (struct{}, error) { return struct{}{}, c.sendOnce(ctx, title, text) },
		backoff.WithBackOff(wait), backoff.WithMaxTries(3))
	if err != nil {
		return errors.New(c.redact(err.Error()))
	}
	return nil
}

// sendOnce does not wait longer than an attempt for the library, which knows no contexts.
func (c Channel) sendOnce(ctx context.Context, title, text string) error {
	ctx, cancel := context.WithTimeoutCause(ctx, attempt, errors.New("no answer within "+attempt.String()))
	defer cancel()
	params := types.Params{}
	switch c.Service {
	case "smtp":
		params["subject"] = title
	case "generic":
	default:
		params["title"] = title
	}
	sent := make(chan error, 1)
	go func() { sent <- c.service.Send(text, &params) }()
	select {
	case err := <-sent:
		return err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// redact returns the text without what is secret in the channel's URL.
func (c Channel) redact(text string) string {
	for _, secret := range c.secrets {
		text = strings.ReplaceAll(text, secret, "…")
	}
	return text
}

// secretParts returns the parts of the URL that may be secret, as they are and as they are
// escaped: all but the scheme, and, where it is a host, the host.
func secretParts(u *url.URL) []string {
	var parts []string
	add := func(text string) {
		for _, part := range strings.FieldsFunc(text, func(r rune) bool { return strings.ContainsRune("/?&=:@,;", r) }) {
			if len(part) < 3 {
				continue
			}
			parts = append(parts, part)
			if plain, err := url.PathUnescape(part); err == nil && plain != part {
				parts = append(parts, plain)
			}
		}
	}
	add(u.User.String())
	add(u.EscapedPath())
	for _, values := range u.Query() {
		for _, value := range values {
			add(value)
			add(url.QueryEscape(value))
		}
	}
	if !strings.HasPrefix(u.Scheme, "generic") && u.Scheme != "smtp" {
		add(u.Host)
	}
	slices.SortFunc(parts, func(a, b string) int { return len(b) - len(a) }) // the whole before its parts
	return slices.Compact(parts)
}
