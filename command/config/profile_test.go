package config

import (
	"strings"
	"testing"
	"time"
)

// What makes last logins known is named as the profile has it.
func TestLoginsRemedy(t *testing.T) {
	const file = "give the last logins in DORMANT_ACTIVITY_FILE"
	for _, c := range []struct{ profile, params, file, want string }{
		{"keycloak", "", "", "say with DORMANT_PARAMS=coverage=… what it means that an account is not among the directory's events (dormant profiles keycloak has the choices), or " + file},
		{"keycloak", "coverage=log", "", "check the profile and what the credentials may see, or " + file},
		{"keycloak", "", "logins.csv", ""},
		{"zitadel", "", "", "say with DORMANT_PARAMS=coverage=… what it means that an account is not among the directory's events (dormant profiles zitadel has the choices), or " + file},
		{"scim", "", "", file},
		{"github-enterprise", "", "", file},
		{"scim", "", "logins.csv", ""},
		{"itflex", "", "", "check the profile and what the credentials may see, or " + file},
		{"gitea", "", "", "check the profile and what the credentials may see, or " + file},
	} {
		environ := []string{"DORMANT_PROFILE=" + c.profile, "DORMANT_URL=https://directory.example", "DORMANT_INACTIVE_FOR=90d"}
		if c.params != "" {
			environ = append(environ, "DORMANT_PARAMS=realm=acme,"+c.params)
		}
		if c.file != "" {
			environ = append(environ, "DORMANT_ACTIVITY_FILE="+c.file)
		}
		loaded, _ := Load(environ, true, time.Date(2026, 7, 1, 0, 0, 0, 0, time.UTC)) // the credentials are missing, which is no matter here
		if got := loaded.Limits(); got.Remedy != c.want || got.MaxSilence != 14*24*time.Hour {
			t.Errorf("%s: %+v", strings.Join(environ, " "), got)
		}
	}
}
