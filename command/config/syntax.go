package config

import (
	"fmt"
	"net"
	"net/url"
	"path/filepath"
	"strconv"
	"time"
	_ "time/tzdata" // for images without time zones

	"dormant/job"
)

// syntaxProblems are values whose syntax a type can't express: a time zone, a
// schedule, an address, a gateway's URL, a file's ending.
func (v Variables) syntaxProblems() []error {
	var problems []error
	add := func(format string, args ...any) { problems = append(problems, fmt.Errorf(format, args...)) }
	zone, err := time.LoadLocation(v.Timezone)
	if err != nil {
		add("DORMANT_TIMEZONE=%q: a name such as UTC or America/Sao_Paulo is accepted", v.Timezone)
	}
	if _, err := job.ParseSchedule(v.Schedule, zone); err != nil {
		add("DORMANT_SCHEDULE: %w", err)
	}
	_, port, err := net.SplitHostPort(v.Listen)
	if _, portErr := strconv.ParseUint(port, 10, 16); err != nil || portErr != nil {
		add("DORMANT_LISTEN=%q: host:port or :port is accepted", v.Listen)
	}
	if v.PushgatewayURL != "" {
		if err := job.CheckGateway(v.PushgatewayURL); err != nil {
			add("DORMANT_PUSHGATEWAY_URL: %w", err)
		}
		u, err := url.Parse(v.PushgatewayURL)
		if err == nil && u.User != nil && u.Scheme == "http" && !loopback(u.Hostname()) && !v.AllowPlainHTTP {
			add("DORMANT_PUSHGATEWAY_URL: would send its password in the clear; use https, or set DORMANT_ALLOW_PLAIN_HTTP=true")
		}
	}
	if v.MetricsFile != "" && filepath.Ext(v.MetricsFile) != ".prom" {
		add("DORMANT_METRICS_FILE=%q: the node exporter reads only files that end in .prom", v.MetricsFile)
	}
	return problems
}
