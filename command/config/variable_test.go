package config

import (
	"slices"
	"strings"
	"testing"
	"time"
)

// A number on a limit is accepted, and one beyond it is not. What is not accepted is
// named with what is.
func TestLimits(t *testing.T) {
	now := time.Date(2026, 7, 1, 12, 0, 0, 0, time.UTC)
	for _, c := range []struct{ name, accepted, refused, says string }{
		{"MAX_REMOVALS", "0", "-1", "a whole number from 0 is accepted"},
		{"MAX_REMOVALS", "1000000", "1.5", "a whole number from 0 is accepted"},
		{"MAX_REMOVAL_PERCENT", "0", "-0.1", "a number from 0 up to 100 is accepted"},
		{"MAX_REMOVAL_PERCENT", "100", "100.1", "a number from 0 up to 100 is accepted"},
		{"MAX_REMOVAL_PERCENT", "2.5", "NaN", "a number from 0 up to 100 is accepted"},
		{"CONCURRENCY", "1", "0", "a whole number from 1 is accepted"},
		{"MAX_RETRIES", "100", "101", "a whole number from 0 up to 100 is accepted"},
		{"RATE_LIMIT", "0.1", "0", "a number above 0 up to 100000 is accepted"},
		{"RATE_LIMIT", "", "Inf", "a number above 0 up to 100000 is accepted"},
		{"PAGE_SIZE", "", "0", "a whole number above 0 is accepted"},
		{"REQUEST_TIMEOUT", "1ms", "0s", "a span of time such as 90d, 12w or 30s is accepted"},
		{"RUN_TIMEOUT", "1ms", "0s", "a span of time such as 90d, 12w or 30s is accepted"},
		{"MIN_INACTIVE_FOR", "0s", "-1s", "a span of time such as 90d or 12w, and no less than 1d (m is minutes) is accepted"},
		{"ACTION", "disable", "Disable", "delete or disable is accepted"},
		{"DRY_RUN", "false", "no", "true or false is accepted"},
	} {
		for value, wrong := range map[string]bool{c.accepted: false, c.refused: true} {
			given := Prefix + c.name + "=" + value
			_, problems := read([]string{"DORMANT_PROFILE=itflex", "DORMANT_URL=https://directory.example", "DORMANT_INACTIVE_FOR=90d", given}, now)
			says := func(err error) bool {
				return strings.HasPrefix(err.Error(), Prefix+c.name) && strings.HasSuffix(err.Error(), c.says)
			}
			if len(problems) > 0 != wrong || wrong && !slices.ContainsFunc(problems, says) {
				t.Errorf("%s: %v", given, problems)
			}
		}
	}
}

// Spans that decide about accounts have no months: 2m are two minutes, and no such span is
// shorter than a day.
func TestSpansOfLessThanADay(t *testing.T) {
	now := time.Date(2026, 7, 1, 12, 0, 0, 0, time.UTC)
	for _, name := range []string{"GRACE", "LEDGER_KEEP", "MAX_SILENCE", "INACTIVE_FOR", "DISABLE_AFTER", "MIN_INACTIVE_FOR"} {
		for value, accepted := range map[string]bool{
			"1s": false, "2m": false, "12m": false, "1h": false, "23h59m59s": false, "86399999ms": false,
			"1d": true, "24h": true, "1440m": true, "86400s": true, "1d1s": true,
			"2M": false, "2mo": false, "-1d": false, "0": false,
		} {
			environ := map[string]string{"INACTIVE_FOR": "2d", "MIN_INACTIVE_FOR": "1d"}
			if name == "GRACE" {
				environ["LEDGER"] = "/ledger"
			}
			if environ[name] = value; value == "1d1s" && name == "MIN_INACTIVE_FOR" {
				environ["INACTIVE_FOR"] = "3d"
			}
			given := []string{"DORMANT_PROFILE=itflex", "DORMANT_URL=https://directory.example"}
			for name, value := range environ {
				given = append(given, Prefix+name+"="+value)
			}
			_, problems := read(given, now)
			refused := slices.ContainsFunc(problems, func(err error) bool {
				return strings.HasPrefix(err.Error(), Prefix+name+`="`+value+`": a span of time such as 90d or 12w, and no less than 1d (m is minutes)`)
			})
			if value == "0" && name == "MIN_INACTIVE_FOR" {
				accepted = true
			}
			if refused == accepted || accepted && len(problems) > 0 {
				t.Errorf("%s=%s: %v", name, value, problems)
			}
		}
	}
}

// Kubernetes adds variables for each Service. A name that only looks like them is
// a mistake.
func TestVariablesOfKubernetes(t *testing.T) {
	for pair, wrong := range map[string]bool{
		"DORMANT_SERVICE_HOST=10.0.0.1": false, "DORMANT_SERVICE_PORT=80": false, "DORMANT_SERVICE_PORT_HTTP=80": false,
		"DORMANT_ACME_SERVICE_HOST=10.0.0.1": false, "DORMANT_PORT=tcp://10.0.0.1:80": false, "DORMANT_ACME_PORT=udp://10.0.0.1:80": false,
		"DORMANT_PORT_80_TCP=tcp://10.0.0.1:80": false, "DORMANT_PORT_80_TCP_ADDR=10.0.0.1": false, "DORMANTS=1": false, "PATH=/bin": false,
		"DORMANT_PORT=8080": true, "DORMANT_SERVICE=1": true, "DORMANT_PORT_HTTP=1": true, "DORMANT_=1": true, "DORMANT_dry_run=false": true, "DORMANT_MAX_REMOVAL=5": true,
	} {
		if _, problems := known([]string{pair}); len(problems) > 0 != wrong {
			t.Errorf("%s: %v", pair, problems)
		}
	}
}

// A variable is described where it is defined: help, the README and what is said of a
// wrong value come from there.
func TestEveryVariableIsDescribed(t *testing.T) {
	names := map[string]bool{}
	for _, v := range All() {
		if !strings.HasPrefix(v.Name, Prefix) || v.Name == Prefix || v.Help == "" || strings.Contains(v.Help, "|") {
			t.Errorf("%s: %q", v.Name, v.Help)
		}
		if names[v.Name] {
			t.Errorf("%s is there twice", v.Name)
		}
		names[v.Name] = true
		if !strings.Contains(Help(""), "  "+v.Name+" ") {
			t.Errorf("help does not list %s", v.Name)
		}
	}
	if len(names) < 50 {
		t.Errorf("%d variables", len(names))
	}
}
