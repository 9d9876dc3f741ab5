package config

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"time"

	"dormant/client/profile"
	"dormant/command/notify"
	"dormant/job"
)

// fileProblems are files that can't be read. They are read anew for every run.
func (c Config) fileProblems(now time.Time) []error {
	var problems []error
	for _, read := range []func() error{
		func() error { _, err := c.Policy(now); return err },
		func() error { _, err := c.Activity(now); return err },
		func() error { _, err := c.Authorities(); return err },
		func() error { _, err := c.Certificate(); return err },
		func() error { _, err := c.Channels(); return err },
	} {
		if err := read(); err != nil {
			problems = append(problems, err)
		}
	}
	_, elsewhere := c.elsewhere()
	return append(problems, elsewhere...)
}

// Credentials returns the credentials, those in files as they are now.
func (c Config) Credentials() (profile.Values, error) {
	v := profile.Values{
		Token: c.Token, Username: c.Username, Password: c.Password,
		ClientID: c.ClientID, ClientSecret: c.ClientSecret, Actor: strings.TrimSpace(c.Actor), Params: c.Params,
	}
	var errs []error
	for _, f := range []struct {
		name, path string
		secret     *profile.Secret
	}{
		{"TOKEN_FILE", c.TokenFile, &v.Token},
		{"PASSWORD_FILE", c.PasswordFile, &v.Password},
		{"CLIENT_SECRET_FILE", c.ClientSecretFile, &v.ClientSecret},
	} {
		if f.path == "" {
			continue
		}
		text, err := readSecret(f.name, f.path)
		if err != nil {
			errs = append(errs, err)
		}
		*f.secret = profile.Secret(bytes.TrimSpace(text))
	}
	return v, errors.Join(errs...)
}

// The bounds of files, in bytes. That of an activity file has room for ten million rows.
const (
	maxSecret    = 64 << 10
	maxCAs       = 16 << 20
	maxAllowlist = 16 << 20
	maxActivity  = 1 << 30
)

// readSecret reads a file with a secret. No error shows its path, in whose place the
// secret itself may have been given.
func readSecret(name, path string) ([]byte, error) {
	text, err := job.ReadFile(path, maxSecret)
	if failed := (*fs.PathError)(nil); errors.As(err, &failed) {
		err = failed.Err
	}
	text = bytes.TrimPrefix(text, []byte("\ufeff")) // the byte order mark of an editor
	if err == nil && len(bytes.TrimSpace(text)) == 0 {
		err = errors.New("the file is empty")
	}
	if err != nil {
		return nil, fmt.Errorf("DORMANT_%s: the path of a file is accepted, and not shown here, since it may be the secret itself: %w", name, err)
	}
	return text, nil
}

// Rules returns the rules of a run without those that protect accounts by entries, some of which
// are in a file.
func (c Config) Rules() job.Policy {
	return job.Policy{
		InactiveFor: time.Duration(c.InactiveFor), InactiveSince: time.Time(c.InactiveSince),
		NeverLoggedIn: job.NeverPolicy(c.NeverLoggedIn),
		DisableOnly:   c.Action == ActionDisable, DisableAfter: time.Duration(c.DisableAfter), RequireDisabled: c.RequireDisabled,
		ProtectAdmins: c.ProtectAdmins, ProtectServiceAccounts: c.ProtectServiceAccounts,
		Actor: job.ExactNames(c.Actor), Username: job.ExactNames(c.Username),
	}
}

// Policy returns the rules of a run, with the allowlist as it is now.
func (c Config) Policy(now time.Time) (job.Policy, error) {
	p := c.Rules()
	var errs []error
	named := func(name string, err error) {
		if err != nil {
			errs = append(errs, fmt.Errorf("DORMANT_%s: %s", name, strings.ReplaceAll(err.Error(), "\n", "; ")))
		}
	}
	for _, name := range [][2]string{{"ACTOR", c.Actor}, {"USERNAME", c.Username}} {
		if err := job.CheckName(name[1]); name[1] != "" && err != nil {
			errs = append(errs, fmt.Errorf("DORMANT_%s=%q: %w", name[0], name[1], err))
		}
	}
	allowlist, err := job.ParseEntries(c.Allowlist)
	named("ALLOWLIST", err)
	roles, err := job.ParseRoles(c.ProtectRoles)
	named("PROTECT_ROLES", err)
	if c.AllowlistFile != "" {
		more, err := ReadFile(c.AllowlistFile, maxAllowlist, func(r io.Reader) ([]job.Entry, error) { return job.ReadAllowlist(r, now) })
		named("ALLOWLIST_FILE", err)
		allowlist = append(allowlist, more...)
	}
	allowlist, p.Ended = job.SplitEnded(allowlist, now)
	p.Allowlist, p.ProtectRoles = job.NewEntries(allowlist...), job.NewEntries(roles...)
	return p, errors.Join(errs...)
}

// Activity returns the last logins of the activity file as it is now; nil if none
// is configured.
func (c Config) Activity(now time.Time) (*job.Activity, error) {
	if c.ActivityFile == "" {
		return nil, nil
	}
	activity, err := ReadFile(c.ActivityFile, maxActivity, func(r io.Reader) (*job.Activity, error) { return job.ReadActivity(r, now) })
	if err != nil {
		return nil, fmt.Errorf("DORMANT_ACTIVITY_FILE: %w", err)
	}
	return activity, nil
}

// Channels returns where to tell people about a run, as the file with the URLs is now. The
// error shows none of the URLs.
func (c Config) Channels() ([]notify.Channel, error) {
	var channels []notify.Channel
	var errs []error
	read := func(name, text string) {
		n := 0
		for line := range strings.Lines(text) {
			line = strings.TrimSpace(line)
			n++
			if line == "" || strings.HasPrefix(line, "#") {
				continue
			}
			channel, err := notify.Parse(line)
			if err != nil {
				errs = append(errs, fmt.Errorf("DORMANT_%s: line %d: %w", name, n, err))
				continue
			}
			channels = append(channels, channel)
		}
	}
	read("NOTIFY_URL", string(c.NotifyURL))
	if c.NotifyURLFile != "" {
		text, err := readSecret("NOTIFY_URL_FILE", c.NotifyURLFile)
		errs = append(errs, err)
		read("NOTIFY_URL_FILE", string(text))
	}
	return channels, errors.Join(errs...)
}

// Authorities returns the certificate authorities to trust; nil stands for the system's.
func (c Config) Authorities() (*x509.CertPool, error) {
	if c.CAFile == "" {
		return nil, nil
	}
	pem, err := job.ReadFile(c.CAFile, maxCAs)
	if err != nil {
		return nil, fmt.Errorf("DORMANT_CA_FILE: %w", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("DORMANT_CA_FILE: %s has no certificate in PEM", c.CAFile)
	}
	return pool, nil
}

// Certificate returns the client certificate; nil if none is configured.
func (c Config) Certificate() (*tls.Certificate, error) {
	if c.CertFile == "" && c.KeyFile == "" {
		return nil, nil
	}
	if c.CertFile == "" || c.KeyFile == "" {
		return nil, errors.New("DORMANT_CERT_FILE and DORMANT_KEY_FILE: give both or none of them")
	}
	certPEM, certErr := readSecret("CERT_FILE", c.CertFile)
	keyPEM, keyErr := readSecret("KEY_FILE", c.KeyFile)
	if err := errors.Join(certErr, keyErr); err != nil {
		return nil, err
	}
	certificate, err := tls.X509KeyPair(certPEM, keyPEM)
	if err != nil {
		return nil, fmt.Errorf("DORMANT_CERT_FILE and DORMANT_KEY_FILE: %w", err)
	}
	return &certificate, nil
}

// ReadFile reads the regular file at path, which may have at most limit bytes, with read.
// The errors name the path.
func ReadFile[T any](path string, limit int64, read func(io.Reader) (T, error)) (T, error) {
	var zero T
	f, err := job.OpenFile(path, limit)
	if err != nil {
		return zero, err
	}
	defer f.Close()
	v, err := read(f)
	if failed := (*fs.PathError)(nil); err != nil && !errors.As(err, &failed) {
		err = fmt.Errorf("%s: %w", path, err)
	}
	return v, err
}
