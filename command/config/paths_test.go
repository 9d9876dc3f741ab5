package config

import (
	"os"
	"path/filepath"
	"testing"
)

func TestSameFile(t *testing.T) {
	folder := t.TempDir()
	at := func(name string) string { return filepath.Join(folder, name) }
	for _, err := range []error{
		os.WriteFile(at("there"), nil, 0o600), os.Link(at("there"), at("hard")), os.Symlink("there", at("soft")),
		os.Symlink("new", at("dangling")), os.Symlink("dangling", at("chain")), os.Symlink("circle", at("circle")),
		os.Mkdir(at("sub"), 0o700), os.Symlink("sub", at("folder")), os.WriteFile(at("other"), nil, 0o600),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	t.Chdir(folder)
	for _, c := range []struct {
		a, b string
		same bool
	}{
		{at("new"), at("new"), true},
		{"new", at("new"), true},
		{"./sub/../new", "new", true},
		{"sub/new", "folder/new", true},
		{"there", "hard", true},
		{"there", "soft", true},
		{"new", "dangling", true},
		{"new", "chain", true},
		{"circle", "circle", true},
		{"there", "other", false},
		{"new", "newer", false},
		{"new", "sub/new", false},
		{"circle", "new", false},
		{"", "", false},
		{"", "there", false},
	} {
		if sameFile(c.a, c.b) != c.same || sameFile(c.b, c.a) != c.same {
			t.Errorf("%s and %s: want %t", c.a, c.b, c.same)
		}
	}
}

// Each file that is written is compared with all the others, and with all that are read.
func TestSharedPaths(t *testing.T) {
	t.Chdir(t.TempDir())
	all := func(v *Variables) map[string]*string {
		return map[string]*string{
			"JOURNAL": &v.Journal, "REPORT": &v.Report[1], "LEDGER": &v.Ledger, "METRICS_FILE": &v.MetricsFile, "PLAN": &v.Plan,
			"PROFILE": &v.ProfileName, "TOKEN_FILE": &v.TokenFile, "PASSWORD_FILE": &v.PasswordFile, "CLIENT_SECRET_FILE": &v.ClientSecretFile, "NOTIFY_URL_FILE": &v.NotifyURLFile,
			"ALLOWLIST_FILE": &v.AllowlistFile, "ACTIVITY_FILE": &v.ActivityFile, "ALIVE_IN": &v.AliveIn, "CA_FILE": &v.CAFile, "CERT_FILE": &v.CertFile, "KEY_FILE": &v.KeyFile,
		}
	}
	for written := range map[string]bool{"JOURNAL": true, "REPORT": true, "LEDGER": true, "METRICS_FILE": true, "PLAN": true} {
		for other := range all(&Variables{Report: make(Paths, 2)}) {
			if other == written {
				continue
			}
			v := Variables{Report: Paths{"other.json", ""}}
			for name, path := range all(&v) {
				*path = name // each its own
			}
			if problems := v.sharedPaths(); len(problems) > 0 {
				t.Fatal(problems)
			}
			*all(&v)[other] = "./" + written
			if problems := v.sharedPaths(); len(problems) != 1 {
				t.Errorf("%s and %s: %v", written, other, problems)
			}
		}
	}
}
