package profiles_test

import (
	"cmp"
	"crypto/x509"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"dormant/client"
	"dormant/client/profile"
	"dormant/client/sandbox"
	"dormant/job"
)

// rightsAreLost: a run removes no account once its caller has lost its rights or its token.
func (s system) rightsAreLost(t *testing.T, name string, now time.Time) {
	if s.open {
		return
	}
	for what, lose := range map[string]func(*directory){
		"the rights": func(d *directory) {
			u, _ := d.Find("caller")
			_ = d.Update(u.ID, func(u *sandbox.User) { u.Admin = false })
		},
		"the token": func(d *directory) { d.ExpireTokens() },
	} {
		if s.values != nil && what == "the token" {
			v := profile.Values{}
			if s.values(&v, ""); v.Password != "" {
				continue
			}
		}
		d := s.serve(t, name, now, func(o *sandbox.Options) { o.Caller = "caller" })
		before := d.Users()
		c := s.connect(t, name, d, false, nil)
		lost := sync.OnceFunc(func() { lose(d) })
		run := s.cleanup(t, between{c, func(job.User) { lost() }}, d, false)
		r := run.Run(t.Context(), now)
		if r.Counts.Candidates == 0 || r.Outcome.Succeeded() && len(d.Removed()) > 0 {
			t.Errorf("%s: %s, %+v", what, r.Outcome, r.Counts)
		}
		equal(t, what+": removed", d.names(t, before, d.Removed()), nil)
		explained(t, r)
	}
}

// signingIn: a profile with a sign-in accepts the right credentials without a token. Wrong
// credentials end the run with an error that says so.
func (s system) signingIn(t *testing.T, name string, now time.Time) {
	d := s.serve(t, name, now, nil)
	if s.signIn != nil {
		defer func() {
			if first := strings.ReplaceAll(d.requests[0], d.url, "{url}"); !is(first, s.enters) {
				t.Errorf("signed in by\n\t%s\nwant\n\t%s", first, s.enters)
			}
		}()
		for _, secret := range []profile.Secret{"", "wrong"} {
			c := s.connect(t, name, d, true, func(o *client.Options) {
				o.Values.Token = ""
				s.signIn(&o.Values, d.url)
				switch {
				case secret == "":
				case o.Values.Password != "":
					o.Values.Password = secret
				case o.Values.Actor == "" || o.Values.ClientID == "":
					o.Values.ClientSecret = secret
				default:
					o.Values.ClientID = "somebody else"
				}
			})
			r := s.cleanup(t, c, d, true).Run(t.Context(), now)
			if signed := r.Outcome == job.DryRun && r.Counts.Scanned > 0; signed != (secret == "") {
				t.Errorf("signing in %s: %s, %+v, %v", secret, r.Outcome, r.Counts, r.Error)
			}
		}
	} else if builtin(t, name).SignIn != nil {
		t.Error("the system has a sign-in, and its row has no signIn")
	}
	if s.open {
		return
	}
	c := s.connect(t, name, d, true, func(o *client.Options) {
		if o.Values.Token != "" {
			o.Values.Token = "wrong"
		} else {
			o.Values.Password = "wrong"
		}
	})
	if r := s.cleanup(t, c, d, true).Run(t.Context(), now); r.Outcome != job.Failed || !errors.Is(r.Err, job.ErrCredentials) {
		t.Errorf("with wrong credentials: %s, %v", r.Outcome, r.Error)
	}
}

// signingInElsewhere: if the sign-in has a URL of its own, only the sign-in request goes
// there, and no sign-in request goes to the directory.
func (s system) signingInElsewhere(t *testing.T, name string, now time.Time) {
	if how := builtin(t, name).SignIn; how == nil || how.URL == "" {
		return
	}
	d := s.serve(t, name, now, nil)
	var mu sync.Mutex
	var there []*http.Request
	l := listen("example.com:443") // the name in the certificate of httptest
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		there = append(there, r)
		mu.Unlock()
		d.Server.ServeHTTP(w, r)
	}))
	server.Listener.Close()
	server.Listener = l
	server.StartTLS()
	t.Cleanup(server.Close)
	c := s.connect(t, name, d, true, func(o *client.Options) {
		o.CAs = x509.NewCertPool()
		o.CAs.AddCert(server.Certificate())
		s.values(&o.Values, "https://example.com")
		s.signIn(&o.Values, "https://example.com")
		o.Values.Token = ""
	})
	if r := s.cleanup(t, c, d, true).Run(t.Context(), now); r.Outcome != job.DryRun {
		t.Errorf("%s: %s", r.Outcome, r.Error)
	}
	if len(there) != 1 || there[0].Method != http.MethodPost || there[0].Header.Get("Authorization") != "" {
		t.Errorf("%d requests, want one POST without a token", len(there))
	}
	if all, here := len(d.requests), len(d.said()); all != here {
		t.Errorf("%d sign-ins went to the directory", all-here)
	}
}

// forbidden: a run whose caller is no administrator removes no account.
func (s system) forbidden(t *testing.T, name string, now time.Time) {
	if s.open {
		return
	}
	d := s.serve(t, name, now, func(o *sandbox.Options) { o.Caller = "busy" })
	c := s.connect(t, name, d, false, func(o *client.Options) {
		if o.Values.Username != "" {
			o.Values.Username = "busy"
		}
		if o.Values.Actor != "" {
			o.Values.Actor = strings.Replace(o.Values.Actor, "caller", "busy", 1)
		}
	})
	r := s.cleanup(t, c, d, false).Run(t.Context(), now)
	got := string(r.Outcome)
	if r.Outcome == job.Failed && !errors.Is(r.Err, job.ErrCredentials) {
		_, got, _ = strings.Cut(r.Error, "the directory answered ")
		got = strings.Fields(got + " otherwise")[0]
	}
	if got != cmp.Or(s.weak, "failed") {
		t.Errorf("%s: %+v %v", got, r.Counts, r.Error)
	}
	equal(t, "removed", d.Removed(), nil)
}
