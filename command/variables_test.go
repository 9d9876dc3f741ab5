package command

import (
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"dormant/command/config"
	"dormant/job"
)

// wrongValues are values that their variables do not take.
var wrongValues = map[string]string{
	"PROFILE": "active-directory", "URL": "ldap://directory", "PARAMS": "realm", "TOKEN_FILE": "/nowhere/token",
	"PASSWORD_FILE": "/nowhere/password", "CLIENT_SECRET_FILE": "/nowhere/secret", "ACTIVITY_FILE": "/nowhere/logins.csv", "ALIVE_IN": "/nowhere/alive.yaml",
	"ACTION": "remove", "DISABLE_AFTER": "45 days", "REQUIRE_DISABLED": "maybe",
	"GRACE": "0d", "LEDGER": "/nowhere/ledger.json", "LEDGER_KEEP": "400",
	"INACTIVE_FOR": "90 days", "INACTIVE_SINCE": "01.02.2024", "MIN_INACTIVE_FOR": "-1d", "NEVER_LOGGED_IN": "delete",
	"DRY_RUN": "no", "ALLOWLIST": "jane,,joe", "ALLOWLIST_FILE": "/nowhere/allowlist", "PROTECT_ADMINS": "yes",
	"PROTECT_SERVICE_ACCOUNTS": "on", "PROTECT_ROLES": ",", "MAX_REMOVALS": "-1", "MAX_REMOVAL_PERCENT": "NaN",
	"REQUIRE_ACTIVE": "off", "MAX_SILENCE": "2m", "RECHECK": "2", "CONCURRENCY": "0", "RATE_LIMIT": "-1", "PAGE_SIZE": "many",
	"REQUEST_TIMEOUT": "0s", "RUN_TIMEOUT": "1.5h", "MAX_RETRIES": "101", "MAX_ACCOUNTS": "0", "MAX_FAILURES": "0", "SCHEDULE": "61 * * * *",
	"TIMEZONE": "Mars/Olympus", "RUN_AT_START": "later", "LISTEN": "8080", "PUSHGATEWAY_URL": "gateway:9091",
	"METRICS_FILE": "metrics.txt", "REPORT": "report.pdf", "FORMAT": "xml", "PLAN": "/nowhere/plan.csv", "PLAN_MAX_AGE": "1s", "YES": "ja", "LOG_LEVEL": "loud", "LOG_FORMAT": "logfmt",
	"NOTIFY_URL": "telegram://token@telegram", "NOTIFY_URL_FILE": "/nowhere/urls", "NOTIFY_ON": "never",
	"CA_FILE": "/nowhere/ca.pem", "CERT_FILE": "/nowhere/cert.pem", "KEY_FILE": "/nowhere/key.pem", "ALLOW_PLAIN_HTTP": "maybe",
}

// free are the variables that take any text.
var free = []string{"TOKEN", "USERNAME", "PASSWORD", "CLIENT_ID", "CLIENT_SECRET", "ACTOR", "JOURNAL", "APPROVED_BY"}

func TestEveryVariableIsChecked(t *testing.T) {
	t.Parallel()
	d := serve(t, "itflex")
	var all, names []string
	for _, v := range config.All() {
		variable, name := v.Name, strings.TrimPrefix(v.Name, config.Prefix)
		if name != "RATE_LIMIT" && name != "PAGE_SIZE" {
			d.refuses(t, "run", []string{variable}, variable+"=")
		}
		value, ok := wrongValues[name]
		if !ok {
			if !slices.Contains(free, name) {
				t.Errorf("%s: no value of it is known to be wrong", variable)
			}
			continue
		}
		says := d.refuses(t, "run", []string{variable}, forReal, variable+"="+value)
		hidden := []string{ // a URL may have a password in it, and a secret may stand where the path of its file belongs
			"URL", "PUSHGATEWAY_URL", "ALLOWLIST", "PROTECT_ROLES", "TOKEN_FILE", "PASSWORD_FILE", "CLIENT_SECRET_FILE", "CERT_FILE", "KEY_FILE",
			"NOTIFY_URL", "NOTIFY_URL_FILE",
		}
		if !strings.Contains(says, value) && !slices.Contains(hidden, name) {
			t.Errorf("%s=%s: the value is not shown in:\n%s", variable, value, says)
		}
		if slices.Contains([]string{"PROFILE", "PARAMS", "TOKEN_FILE", "PASSWORD_FILE", "CLIENT_SECRET_FILE"}, name) {
			continue // without a profile, nothing can be said of those
		}
		all, names = append(all, variable+"="+value), append(names, variable)
	}
	d.refuses(t, "daemon", append(names, "DORMANT_MAX_REMOVAL:", "DORMANT_UNHEARD_OF"),
		append(all, "DORMANT_MAX_REMOVAL=5", "DORMANT_UNHEARD_OF=1")...)
}

func TestContradictions(t *testing.T) {
	t.Parallel()
	d := serve(t, "itflex")
	for _, c := range []struct{ environ, says string }{
		{"DORMANT_INACTIVE_FOR=90d", "DORMANT_INACTIVE_SINCE"},
		{"DORMANT_INACTIVE_SINCE=" + time.Now().Format(time.DateOnly), "DORMANT_MIN_INACTIVE_FOR"},
		{"DORMANT_INACTIVE_SINCE=2999", "DORMANT_MIN_INACTIVE_FOR"},
		{"DORMANT_MIN_INACTIVE_FOR=1y", "DORMANT_MIN_INACTIVE_FOR"},
		{"DORMANT_TOKEN_FILE=" + write(t, "token", "x"), "DORMANT_TOKEN"},
		{"DORMANT_USERNAME=jane", "DORMANT_USERNAME"},
		{"DORMANT_PARAMS=realm=acme", "DORMANT_PARAMS"},
		{"DORMANT_URL=http://directory.example.com", "DORMANT_ALLOW_PLAIN_HTTP"},
		{"DORMANT_URL=https://directory.example.com/?tenant=7", "DORMANT_URL"},
		{"DORMANT_URL=https://directory.example.com?", "DORMANT_URL"},
		{"DORMANT_ALLOWLIST_FILE=" + write(t, "allowlist", "# nobody\n"), "DORMANT_ALLOWLIST_FILE"},
		{"DORMANT_ACTIVITY_FILE=" + write(t, "logins", "who,when\n"), "DORMANT_ACTIVITY_FILE"},
		{"DORMANT_CA_FILE=" + write(t, "ca", "none"), "DORMANT_CA_FILE"},
		{"DORMANT_REPORT=" + filepath.Join(t.TempDir(), "none", "report.html"), "DORMANT_REPORT"},
	} {
		d.refuses(t, "run", []string{c.says}, c.environ)
	}
	serve(t, "maestro").refuses(t, "run", []string{"DORMANT_PROTECT_ROLES"}, "DORMANT_PROTECT_ROLES=*")
	for _, name := range []string{"gitea", "nextcloud"} { // whose names may be somebody else's by then
		serve(t, name).refuses(t, "run", []string{"DORMANT_RECHECK=false: profile " + name + " acts by {"}, "DORMANT_RECHECK=false")
	}
	d.run("audit", "DORMANT_RECHECK=false").expect(t, exitDone, job.DryRun)

	gitea := serve(t, "gitea")
	gitea.unset("DORMANT_INACTIVE_SINCE")
	span, since := "DORMANT_INACTIVE_FOR=90d", "DORMANT_INACTIVE_SINCE="+cutoff.Format(time.RFC3339)
	for _, c := range []struct {
		says    []string
		environ []string
	}{
		{[]string{"DORMANT_DISABLE_AFTER=\"45d\"", "DORMANT_ACTION=delete"}, []string{span, "DORMANT_ACTION=disable", "DORMANT_DISABLE_AFTER=45d"}},
		{[]string{"DORMANT_REQUIRE_DISABLED=\"true\"", "DORMANT_ACTION=delete"}, []string{span, "DORMANT_ACTION=disable", "DORMANT_REQUIRE_DISABLED=true"}},
		{[]string{"DORMANT_DISABLE_AFTER=\"90d\"", "DORMANT_INACTIVE_FOR, 90d"}, []string{span, "DORMANT_DISABLE_AFTER=90d"}},
		{[]string{"DORMANT_DISABLE_AFTER=\"95d\"", "DORMANT_INACTIVE_SINCE, " + cutoff.Format(time.RFC3339)}, []string{since, "DORMANT_DISABLE_AFTER=95d"}},
		{[]string{"DORMANT_DISABLE_AFTER=\"29d\"", "DORMANT_MIN_INACTIVE_FOR, 30d"}, []string{span, "DORMANT_DISABLE_AFTER=29d"}},
		{[]string{"DORMANT_DISABLE_AFTER=\"100d\"", "DORMANT_MIN_INACTIVE_FOR, 101d", "DORMANT_INACTIVE_FOR=\"90d\"", "DORMANT_ACTION=delete", "DORMANT_REQUIRE_DISABLED"},
			[]string{span, "DORMANT_DISABLE_AFTER=100d", "DORMANT_MIN_INACTIVE_FOR=101d", "DORMANT_ACTION=disable", "DORMANT_REQUIRE_DISABLED=true"}},
	} {
		gitea.refuses(t, "run", c.says, c.environ...)
	}
	for _, environ := range []string{"DORMANT_DISABLE_AFTER=89d", "DORMANT_DISABLE_AFTER=30d", "DORMANT_ACTION=disable", "DORMANT_REQUIRE_DISABLED=true"} {
		gitea.run("audit", span, environ).expect(t, exitDone, job.DryRun)
		gitea.run("audit", since, environ).expect(t, exitDone, job.DryRun)
	}

	// What the profile does not tell.
	neither := serve(t, "maestro")
	for _, c := range []struct{ environ, says string }{
		{"DORMANT_ACTION=disable", "user.disabled"}, {"DORMANT_ACTION=disable", "(disable)"},
		{"DORMANT_DISABLE_AFTER=\"45d\"", "user.disabled"}, {"DORMANT_DISABLE_AFTER=\"45d\"", "(disable)"},
		{"DORMANT_REQUIRE_DISABLED=true", "user.disabled"},
	} {
		neither.refuses(t, "audit", []string{c.environ + ": profile maestro", c.says}, strings.ReplaceAll(c.environ, `"`, ""))
	}

	printed := start(t, nil, "profiles", "gitea")
	printed.wait(t)
	flagged := regexp.MustCompile(`(?m)^disable:\n([ #].*\n)+`).ReplaceAllString(printed.stdout.String(), "")
	mine := "DORMANT_PROFILE=" + write(t, "flagged.yaml", flagged)
	gitea.refuses(t, "run", []string{"(disable)"}, span, mine, "DORMANT_ACTION=disable")
	gitea.run("audit", span, mine, "DORMANT_REQUIRE_DISABLED=true").expect(t, exitDone, job.DryRun)

	// Nothing at all, and what Kubernetes adds for Services.
	p := start(t, []string{"DORMANT_SERVICE_HOST=10.0.0.1", "DORMANT_PORT_8080_TCP_PROTO=tcp", "DORMANT_GATEWAY_SERVICE_PORT_HTTP=80"}, "run")
	if p.wait(t) != exitUsage || strings.Contains(p.stderr.String(), "SERVICE") {
		t.Errorf("%d: %s", p.code, &p.stderr)
	}
	for _, name := range []string{"PROFILE", "URL", "INACTIVE_FOR"} {
		if !strings.Contains(p.stderr.String(), "DORMANT_"+name+":") && !strings.Contains(p.stderr.String(), "DORMANT_"+name+" or") {
			t.Errorf("%s is not asked for in:\n%s", name, &p.stderr)
		}
	}
	r := d.run("audit", "DORMANT_SERVICE_HOST=10.0.0.1", "DORMANT_PORT=tcp://10.0.0.1:8080", "DORMANT_PORT_8080_TCP_ADDR=10.0.0.1")
	r.expect(t, exitDone, job.DryRun)
}

func TestContradictionsOfAGrace(t *testing.T) {
	t.Parallel()
	d := serve(t, "gitea")
	d.unset("DORMANT_INACTIVE_SINCE")
	ledger := "DORMANT_LEDGER=" + filepath.Join(t.TempDir(), "ledger.json")
	for _, c := range []struct{ says, environ []string }{
		{[]string{`DORMANT_GRACE="15d"`, "DORMANT_LEDGER"}, []string{"DORMANT_GRACE=15d"}},
		{[]string{`DORMANT_GRACE="2w"`, "DORMANT_ACTION=disable"}, []string{"DORMANT_GRACE=2w", ledger, "DORMANT_ACTION=disable"}},
		{[]string{`DORMANT_LEDGER="` + filepath.Dir(ledger[15:]) + `": is not a regular file`}, []string{"DORMANT_GRACE=14d", "DORMANT_LEDGER=" + filepath.Dir(ledger[15:])}},
		{[]string{`DORMANT_LEDGER=`, "there is no such directory"}, []string{"DORMANT_GRACE=14d", ledger + "/ledger.json"}},
		{[]string{`DORMANT_LEDGER=`, "is not a regular file"}, []string{"DORMANT_GRACE=14d", "DORMANT_LEDGER=/dev/null"}},
	} {
		d.refuses(t, "run", c.says, append(c.environ, "DORMANT_INACTIVE_FOR=90d")...)
	}
	if says := d.refuses(t, "run", nil, "DORMANT_INACTIVE_FOR=90d", ledger, "DORMANT_GRACE=14"); strings.Contains(says, "DORMANT_LEDGER=") {
		t.Errorf("a wrong grace is none:\n%s", says)
	}
}

func TestBadSchedules(t *testing.T) {
	t.Parallel()
	d := serve(t, "itflex")
	for _, schedule := range []string{"TZ=", "CRON_TZ=x", "CRON_TZ=UTC 0 3 * * *", "61 * * * *", "0 0 30 2 *", "@every 1s", "@never", "* * * * * *", " "} {
		d.refuses(t, "daemon", []string{"DORMANT_SCHEDULE"}, "DORMANT_SCHEDULE="+schedule)
	}
	for _, zone := range []string{"Mars/Olympus", "../UTC"} {
		d.refuses(t, "daemon", []string{"DORMANT_TIMEZONE"}, "DORMANT_TIMEZONE="+zone)
	}
}
