package client

import (
	"crypto/tls"
	"crypto/x509"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"dormant/client/profile"
	"dormant/job"
)

// overTLS is a directory behind TLS that wants what the configuration says.
func overTLS(t *testing.T, config *tls.Config) (s *server, authority *x509.CertPool) {
	t.Helper()
	rec := &server{observed: map[string]int{}}
	s = &server{observed: map[string]int{}}
	s.Server = httptest.NewUnstartedServer(rec.record(t, routes{"GET /users": people(1, 2, "")}))
	s.Config.ErrorLog = newSilentLog()
	s.TLS = config
	s.StartTLS()
	t.Cleanup(s.Close)
	authority = x509.NewCertPool()
	authority.AddCert(s.Certificate())
	return s, authority
}

// TestClientCertificate: the client shows its certificate to the directory, and reads
// nothing without it.
func TestClientCertificate(t *testing.T) {
	s, authority := overTLS(t, &tls.Config{ClientAuth: tls.RequireAnyClientCert})
	own := s.TLS.Certificates[0] // any will do
	for name, certificate := range map[string]*tls.Certificate{"with one": &own, "without": nil} {
		users, err := all(t, s, connect(t, s, builtin(t, "maestro"), retries(0), func(o *Options) { o.CAs, o.Certificate = authority, certificate }))
		if certificate != nil && (err != nil || ids(users) != "1 2") || certificate == nil && err == nil {
			t.Errorf("%s: %s, %v", name, ids(users), err)
		}
	}
}

// TestTLSVersion: versions before TLS 1.2 are refused.
func TestTLSVersion(t *testing.T) {
	for version, fine := range map[uint16]bool{tls.VersionTLS11: false, tls.VersionTLS12: true, tls.VersionTLS13: true} {
		s, authority := overTLS(t, &tls.Config{MinVersion: version, MaxVersion: version})
		_, err := all(t, s, connect(t, s, builtin(t, "maestro"), retries(0), func(o *Options) { o.CAs = authority }))
		if (err == nil) != fine {
			t.Errorf("%s: %v", tls.VersionName(version), err)
		}
	}
}

// TestHostname: a trusted certificate of another host is refused.
func TestHostname(t *testing.T) {
	s, authority := overTLS(t, nil) // for 127.0.0.1 and example.com
	s.URL = strings.Replace(s.URL, "127.0.0.1", "localhost", 1)
	c := connect(t, s, builtin(t, "maestro"), func(o *Options) { o.CAs = authority })
	_, err := all(t, s, c)
	wantError(t, err, "certificate")
	wantError(t, c.Remove(t.Context(), job.User{ID: "1"}, agree), "certificate")
}

// TestCertificateElsewhere: the client's certificate is shown to the directory only,
// and not to a sign-in at another origin that asks for it.
func TestCertificateElsewhere(t *testing.T) {
	const signIn = `headers: {Authorization: "Bearer {token}"}
params: {login: ""}
sign_in: {%s, form: {secret: "{client_secret}"}, token: t}
list: {path: /users, items: users}
user: {id: id}
remove: {path: "/users/{id}"}
`
	for name, row := range map[string]struct {
		how       string
		elsewhere bool
	}{
		"elsewhere": {`url: "{login}/prefix/token"`, true}, "at the directory": {`path: /token`, false}, "at its URL": {`url: "{login}/prefix/token"`, false},
	} {
		t.Run(name, func(t *testing.T) {
			var mu sync.Mutex
			shown := map[string]int{} // certificates, by whom they were shown to
			serves := func(who string) *httptest.Server {
				s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					mu.Lock()
					defer mu.Unlock()
					shown[who+" "+r.Method+" "+r.URL.Path] = len(r.TLS.PeerCertificates)
					io.WriteString(w, `{"t":"tok-SECRET-9","users":[{"id":1}]}`)
				}))
				s.Config.ErrorLog = newSilentLog()
				s.TLS = &tls.Config{ClientAuth: tls.RequestClientCert}
				s.StartTLS()
				t.Cleanup(s.Close)
				return s
			}
			directory, tokenServer := serves("directory"), serves("tokenServer")
			authority := x509.NewCertPool()
			authority.AddCert(directory.Certificate())
			s := &server{Server: directory, observed: map[string]int{}}
			c := connect(t, s, load(t, strings.Replace(signIn, "%s", row.how, 1)), retries(0), func(o *Options) {
				o.CAs, o.Certificate = authority, &directory.TLS.Certificates[0]
				o.Values = profile.Values{ClientSecret: refreshToken, Params: map[string]string{"login": directory.URL}}
				if row.elsewhere {
					o.Values.Params["login"] = tokenServer.URL
				}
			})
			if _, err := all(t, s, c); err != nil {
				t.Fatal(err)
			}
			want := map[string]int{"directory POST /prefix/token": 1, "directory GET /prefix/users": 1}
			if row.elsewhere {
				want = map[string]int{"tokenServer POST /prefix/token": 0, "directory GET /prefix/users": 1}
			}
			if !maps.Equal(shown, want) {
				t.Errorf("certificates shown: %v, want %v", shown, want)
			}
		})
	}
}

func TestCertificates(t *testing.T) {
	rec := &server{observed: map[string]int{}}
	s := &server{observed: map[string]int{}}
	tls := httptest.NewUnstartedServer(rec.record(t, routes{"GET /users": people(1, 2, ""), "DELETE /users/1": 204}))
	tls.Config.ErrorLog = newSilentLog()
	tls.StartTLS()
	defer tls.Close()
	s.Server = tls
	pool := x509.NewCertPool()
	pool.AddCert(tls.Certificate())

	if users, err := all(t, s, connect(t, s, builtin(t, "maestro"), func(o *Options) { o.CAs = pool })); err != nil || ids(users) != "1 2" {
		t.Errorf("%s, %v", ids(users), err)
	}
	n := len(rec.seen())
	for name, pool := range map[string]*x509.CertPool{"the system's": nil, "an empty one": x509.NewCertPool()} {
		s.observed = map[string]int{}
		c := connect(t, s, builtin(t, "maestro"), func(o *Options) { o.CAs = pool })
		_, err := all(t, s, c)
		wantError(t, err, "certificate")
		wantError(t, c.Remove(t.Context(), job.User{ID: "1"}, agree), "certificate")
		if s.observed["list 0"] != 1 || s.observed["remove 0"] != 1 || len(rec.seen()) != n {
			t.Errorf("%s: observed %v, %d requests", name, s.observed, len(rec.seen())-n)
		}
	}
}
