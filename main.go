// Dormant finds accounts that nobody has used for a long time in a user
// directory that is reached over HTTP, and removes them safely.
package main

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"iter"
	stdlog "log"
	"maps"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/signal"
	"path/filepath"
	"reflect"
	"regexp"
	"runtime"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"text/tabwriter"
	"time"
	_ "time/tzdata" // for images without time zones

	"github.com/caarlos0/env/v11"
	"github.com/mattn/go-isatty"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/prometheus/common/model"
	"github.com/robfig/cron/v3"
	"github.com/rs/zerolog"

	"dormant/client"
	"dormant/client/profile"
	"dormant/client/sandbox"
	"dormant/job"
	"dormant/job/report"
)

// Exit codes.
const (
	exitDone    = 0
	exitFailed  = 1 // a retry may help
	exitUsage   = 2 // configuration, usage or credentials are wrong
	exitRefused = 3 // by a guard; nothing was done
	exitPartial = 4 // finished, but some accounts could not be removed or disabled, or are in doubt
)

func main() {
	// A reader that has gone is an error like any other when writing, and not a
	// death in the middle of a removal.
	signal.Ignore(syscall.SIGPIPE)
	// What net/http says there is no event of ours, and may quote the directory.
	stdlog.SetOutput(io.Discard)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // so that a second signal ends the process at once
	os.Exit(run(ctx, os.Args[1:], os.Environ(), os.Stdout, os.Stderr))
}

// command is one of the program's commands.
type command struct {
	name, args, does string
	configured       bool // it needs the configuration
	run              func(a *app, ctx context.Context, args []string) int
}

func commands() []command {
	return []command{
		{"audit", "", "scan and show who would be removed and why; never changes anything", true, (*app).auditCommand},
		{"run", "", "one cleanup, then exit; removes only with DORMANT_DRY_RUN=false", true, (*app).runCommand},
		{"daemon", "", "run on DORMANT_SCHEDULE until stopped; serve metrics and health", true, (*app).daemonCommand},
		{"explain", "USER", "show each rule for one account (id, username or email) and what it decides", true, (*app).explainCommand},
		{"check", "", "validate the configuration, reach the directory, read one page, say what was found", true, (*app).checkCommand},
		{"journal", "verify FILE", "say what a journal proves, and ask the directory, if there is one, about what is in doubt", false, (*app).journalCommand},
		{"profiles", "[NAME]", "list the built-in profiles, or print one to start your own from", false, (*app).profilesCommand},
		{"sandbox", "[FLAGS]", "serve the sample directory, for trying things out", false, (*app).sandboxCommand},
		{"demo", "", "the whole story against the sample directory: audit, guard, real run, audit again", false, (*app).demoCommand},
		{"version", "", "print the version", false, (*app).versionCommand},
		{"help", "[COMMAND]", "print this help with all variables and their defaults", false, (*app).helpCommand},
	}
}

// app is what the commands share.
type app struct {
	cfg            config
	profile        *profile.Profile
	environ        []string
	stdout, stderr io.Writer
	log            zerolog.Logger

	registry *prometheus.Registry // of the program's own metrics
	metrics  *job.Metrics
}

// run is the program. It returns the exit code.
func run(ctx context.Context, args, environ []string, stdout, stderr io.Writer) int {
	a := &app{environ: environ, stdout: stdout, stderr: stderr, log: zerolog.New(stderr)}
	if len(args) == 0 {
		fmt.Fprint(stderr, help())
		return exitUsage
	}
	name, args := args[0], args[1:]
	if name == "-h" || name == "-help" || name == "--help" {
		name = "help"
	}
	i := slices.IndexFunc(commands(), func(c command) bool { return c.name == name })
	if i < 0 {
		return a.failUsage(noCommand(name))
	}
	c := commands()[i]
	if len(args) > 0 && c.name != "sandbox" && slices.Contains([]string{"-h", "-help", "--help"}, args[0]) {
		return a.helpCommand(ctx, []string{name})
	}
	if most := len(strings.Fields(c.args)); len(args) > most && c.name != "sandbox" {
		return a.failUsage(fmt.Errorf("usage: dormant %s %s", c.name, c.args))
	}
	if c.configured && !a.configured(c.name) {
		return exitUsage
	}
	return c.run(a, ctx, args)
}

// configured reads the configuration, says all that is wrong with it, and reports
// whether nothing is.
func (a *app) configured(command string) bool {
	problems := a.configure(command)
	if len(problems) == 0 {
		return true
	}
	fmt.Fprintf(a.stderr, "dormant: the configuration is wrong:\n")
	for _, p := range problems {
		fmt.Fprintf(a.stderr, "  %s\n", strings.ReplaceAll(p.Error(), "\n", "\n    "))
	}
	fmt.Fprintf(a.stderr, "dormant help lists the variables.\n")
	return false
}

// Configuration.

const prefix = "DORMANT_"

const actionDisable = "disable" // a value of DORMANT_ACTION

// config is read from the environment. The fields' tags are the documentation:
// help prints them, and a test compares the README with them.
type config struct {
	Profile string `env:"PROFILE" help:"a built-in profile's name, or the path of a YAML file"`
	URL     string `env:"URL" help:"base URL of the directory, a path prefix allowed; plain http only to loopback"`

	Token            profile.Secret `env:"TOKEN" help:"the credential"`
	TokenFile        string         `env:"TOKEN_FILE" help:"a file with the credential, read anew for every run"`
	Username         string         `env:"USERNAME" help:"for profiles that sign in"`
	Password         profile.Secret `env:"PASSWORD" help:"for profiles that sign in"`
	PasswordFile     string         `env:"PASSWORD_FILE" help:"a file with the password, read anew for every run"`
	ClientID         string         `env:"CLIENT_ID" help:"for profiles that use OAuth2"`
	ClientSecret     profile.Secret `env:"CLIENT_SECRET" help:"for profiles that use OAuth2: ITFlex's refresh token"`
	ClientSecretFile string         `env:"CLIENT_SECRET_FILE" help:"a file with the client secret, read anew for every run"`
	Params           params         `env:"PARAMS" help:"a=x,b=y: what a profile's own placeholders stand for"`
	Actor            string         `env:"ACTOR" help:"the account that does the removing, as the directory is told; always kept"`

	ActivityFile string `env:"ACTIVITY_FILE" help:"CSV with last logins from elsewhere: id, username or email, and last_login"`

	Action          string   `env:"ACTION" envDefault:"delete" oneof:"delete,disable" help:"what is done with inactive accounts: delete, or disable and delete none"`
	DisableAfter    duration `env:"DISABLE_AFTER" zero:"no" help:"disable who has not logged in for so long, before the time to delete has come: 45d"`
	RequireDisabled bool     `env:"REQUIRE_DISABLED" envDefault:"false" help:"delete only accounts that are disabled; others are disabled first, or kept without DISABLE_AFTER"`

	InactiveFor    duration `env:"INACTIVE_FOR" zero:"no" help:"remove who has not logged in for so long: 90d, 12w, 1y"`
	InactiveSince  date     `env:"INACTIVE_SINCE" help:"or since a fixed date: 2024, 2024-01, 2024-01-31, RFC 3339"`
	MinInactiveFor duration `env:"MIN_INACTIVE_FOR" envDefault:"30d" help:"the shortest span that is accepted for any of them"`
	NeverLoggedIn  string   `env:"NEVER_LOGGED_IN" envDefault:"keep" oneof:"keep,remove,remove-undated" help:"accounts that never logged in: keep, remove if created before the cutoff, remove-undated also if the directory gives no creation date"`
	Grace          duration `env:"GRACE" zero:"no" help:"remove only whom an earlier run, at least so long ago, found inactive already: 14d"`
	Ledger         string   `env:"LEDGER" help:"the file in which runs keep whom they found inactive, and when; with GRACE"`
	DryRun         bool     `env:"DRY_RUN" envDefault:"true" help:"false removes and disables for real"`

	Allowlist              []string `env:"ALLOWLIST" help:"globs over id, username and email of accounts to keep, separated by commas"`
	AllowlistFile          string   `env:"ALLOWLIST_FILE" help:"a file with such globs, one a line, # comments"`
	ProtectAdmins          bool     `env:"PROTECT_ADMINS" envDefault:"true" help:"keep administrators"`
	ProtectServiceAccounts bool     `env:"PROTECT_SERVICE_ACCOUNTS" envDefault:"true" help:"keep service accounts and bots"`
	ProtectRoles           []string `env:"PROTECT_ROLES" help:"globs over names of roles or groups to keep, separated by commas"`
	MaxRemovals            int      `env:"MAX_REMOVALS" envDefault:"100" help:"most accounts one run may remove or disable; 0 is none"`
	MaxRemovalPercent      float64  `env:"MAX_REMOVAL_PERCENT" envDefault:"10" max:"100" help:"most of the scanned accounts, in percent; the stricter of the two holds"`
	RequireActive          bool     `env:"REQUIRE_ACTIVE" envDefault:"true" help:"refuse if nobody but the caller is known to have logged in after the cutoff"`
	Recheck                bool     `env:"RECHECK" envDefault:"true" help:"read each candidate again right before it is removed or disabled, where the directory can"`

	Concurrency    int      `env:"CONCURRENCY" envDefault:"4" min:"1" help:"requests at once"`
	RateLimit      float64  `env:"RATE_LIMIT" zero:"no" max:"100000" help:"requests a second; empty for no limit"`
	PageSize       int      `env:"PAGE_SIZE" zero:"no" help:"accounts a page; empty for the profile's"`
	RequestTimeout duration `env:"REQUEST_TIMEOUT" envDefault:"30s" min:"1ms" help:"for one request, or for the next part of a listing"`
	RunTimeout     duration `env:"RUN_TIMEOUT" envDefault:"1h" min:"1ms" help:"for one run"`
	MaxRetries     int      `env:"MAX_RETRIES" envDefault:"5" max:"100" help:"for one request that is safe to repeat"`
	MaxFailures    int      `env:"MAX_FAILURES" envDefault:"10" min:"1" help:"failed removals in a row that end the run"`

	Schedule   string `env:"SCHEDULE" envDefault:"0 3 * * *" help:"daemon: when to run, as cron writes it"`
	Timezone   string `env:"TIMEZONE" envDefault:"UTC" help:"daemon: the schedule's time zone"`
	RunAtStart bool   `env:"RUN_AT_START" envDefault:"false" help:"daemon: run once at the start as well"`
	Listen     string `env:"LISTEN" envDefault:":8080" help:"daemon: address of /metrics, /healthz and /readyz"`

	PushgatewayURL string `env:"PUSHGATEWAY_URL" help:"run and audit: a Pushgateway for the metrics; /metrics/job/… behind it sets the grouping key"`
	MetricsFile    string `env:"METRICS_FILE" help:"run and audit: a file for the node exporter's textfile collector, ending in .prom"`
	Journal        string `env:"JOURNAL" help:"append-only NDJSON: the intent, synced to disk before each removal, and the result"`
	Report         string `env:"REPORT" help:"write the report to this path too; .json, .csv or .html"`
	Format         string `env:"FORMAT" envDefault:"table" oneof:"table,json,csv" help:"what audit and run print"`
	LogLevel       string `env:"LOG_LEVEL" envDefault:"info" oneof:"debug,info,warn,error" help:"removals and the summary of a run are logged at any level"`
	LogFormat      string `env:"LOG_FORMAT" envDefault:"auto" oneof:"auto,json,console" help:"auto: JSON, or console on a terminal"`

	CAFile         string `env:"CA_FILE" help:"PEM file with the certificate authorities to trust instead of the system's"`
	CertFile       string `env:"CERT_FILE" help:"PEM file with a client certificate, read anew for every run"`
	KeyFile        string `env:"KEY_FILE" help:"PEM file with its private key, read anew for every run"`
	AllowPlainHTTP bool   `env:"ALLOW_PLAIN_HTTP" envDefault:"false" help:"allow http to other hosts than loopback: credentials travel in the clear"`
}

// duration is written as Prometheus writes it.
type duration time.Duration

func (d *duration) UnmarshalText(text []byte) error {
	parsed, err := model.ParseDuration(string(text))
	*d = duration(parsed)
	return err
}

func (d duration) String() string { return model.Duration(d).String() }

// date is the beginning of a year, a month or a day in UTC, or an instant.
type date time.Time

func (d *date) UnmarshalText(text []byte) error {
	for _, layout := range []string{"2006", "2006-01", time.DateOnly, time.RFC3339} {
		if t, err := time.Parse(layout, string(text)); err == nil {
			*d = date(t.UTC())
			return nil
		}
	}
	return errors.New("no date")
}

// params is name=value, separated by commas.
type params map[string]string

func (p *params) UnmarshalText(text []byte) error {
	*p = params{}
	for pair := range strings.SplitSeq(string(text), ",") {
		name, value, ok := strings.Cut(strings.TrimSpace(pair), "=")
		if _, twice := (*p)[name]; !ok || name == "" || twice {
			return errors.New("no pair, or one that is there twice")
		}
		(*p)[name] = value
	}
	return nil
}

// fields are config's, in their order.
func fields() []reflect.StructField { return reflect.VisibleFields(reflect.TypeFor[config]()) }

// accepted says what a variable's value may be.
func accepted(f reflect.StructField) string {
	if choices := f.Tag.Get("oneof"); choices != "" {
		return strings.ReplaceAll(choices, ",", " or ")
	}
	switch f.Type {
	case reflect.TypeFor[duration]():
		return "a span of time such as 90d, 12w or 30s"
	case reflect.TypeFor[date]():
		return "2024, 2024-01, 2024-01-31 or RFC 3339"
	case reflect.TypeFor[params]():
		return "name=value,name=value"
	}
	limits := "from " + cmp.Or(f.Tag.Get("min"), "0")
	if f.Tag.Get("zero") == "no" {
		limits = "above 0"
	}
	if most := f.Tag.Get("max"); most != "" {
		limits += " up to " + most
	}
	switch f.Type.Kind() {
	case reflect.Bool:
		return "true or false"
	case reflect.Int:
		return "a whole number " + limits
	case reflect.Float64:
		return "a number " + limits
	default:
		return "text"
	}
}

// kubernetesService is what Kubernetes puts into the environment for a Service
// whose name begins with dormant.
var kubernetesService = regexp.MustCompile(`^DORMANT_(\w+_)?(SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)=|` +
	`^DORMANT_(\w+_)?PORT=\w+://`)

// readConfig reads the configuration and reports all that is wrong with it.
func readConfig(environ []string, now time.Time) (config, []error) {
	var problems []error
	values := map[string]string{}
	for _, pair := range environ {
		name, value, _ := strings.Cut(pair, "=")
		known := slices.ContainsFunc(fields(), func(f reflect.StructField) bool { return prefix+f.Tag.Get("env") == name })
		switch {
		case !strings.HasPrefix(name, prefix) || !known && kubernetesService.MatchString(pair):
		case !known:
			problems = append(problems, fmt.Errorf("%s: there is no such variable", name))
		case value == "" && name != prefix+"RATE_LIMIT" && name != prefix+"PAGE_SIZE":
			problems = append(problems, fmt.Errorf("%s: is set, but empty; remove it or give it a value", name))
		default:
			values[name] = value
		}
	}
	var cfg config
	err := env.ParseWithOptions(&cfg, env.Options{Prefix: prefix, Environment: values})
	wrong := map[string]bool{}
	var all env.AggregateError
	if errors.As(err, &all) {
		for _, err := range all.Errors {
			var parse env.ParseError
			if !errors.As(err, &parse) {
				problems = append(problems, err)
				continue
			}
			wrong[parse.Name] = true
		}
	}
	for _, f := range fields() {
		v := reflect.ValueOf(cfg).FieldByIndex(f.Index)
		name := prefix + f.Tag.Get("env")
		zero := f.Tag.Get("zero") == "no" && values[name] != "" && v.IsZero()
		if wrong[f.Name] = wrong[f.Name] || zero || !allowed(f, v); wrong[f.Name] {
			problems = append(problems, fmt.Errorf("%s=%q: %s is accepted", name, values[name], accepted(f)))
		}
	}
	if !wrong["InactiveFor"] && !wrong["InactiveSince"] && !wrong["MinInactiveFor"] {
		problems = append(problems, cfg.spanProblems(now)...)
		if !wrong["Action"] && !wrong["DisableAfter"] && !wrong["RequireDisabled"] {
			problems = append(problems, cfg.disableProblems(now)...)
		}
	}
	if !wrong["Action"] && !wrong["Grace"] {
		problems = append(problems, cfg.graceProblems()...)
	}
	return cfg, append(problems, cfg.contradictions()...)
}

// allowed reports whether the value is within its field's limits.
func allowed(f reflect.StructField, v reflect.Value) bool {
	if span, ok := v.Interface().(duration); ok {
		return span > 0 || f.Tag.Get("min") == ""
	}
	least, _ := strconv.ParseFloat(cmp.Or(f.Tag.Get("min"), "0"), 64)
	most, err := strconv.ParseFloat(f.Tag.Get("max"), 64)
	unlimited := err != nil
	switch f.Type.Kind() {
	case reflect.Int:
		return float64(v.Int()) >= least && (unlimited || float64(v.Int()) <= most)
	case reflect.Float64:
		return v.Float() >= least && (unlimited || v.Float() <= most) // false for NaN
	case reflect.String:
		choices := f.Tag.Get("oneof")
		return choices == "" || slices.Contains(strings.Split(choices, ","), v.String())
	default:
		return true
	}
}

// contradictions are what is wrong with the variables together.
func (c config) contradictions() []error {
	var problems []error
	add := func(format string, args ...any) { problems = append(problems, fmt.Errorf(format, args...)) }

	if c.Profile == "" {
		add("DORMANT_PROFILE: is required: %s, or the path of a YAML file", strings.Join(profile.Names(), ", "))
	}
	if _, err := c.base(); err != nil {
		problems = append(problems, err)
	}
	for _, pair := range [][3]string{
		{"TOKEN", string(c.Token), c.TokenFile},
		{"PASSWORD", string(c.Password), c.PasswordFile},
		{"CLIENT_SECRET", string(c.ClientSecret), c.ClientSecretFile},
	} {
		if pair[1] != "" && pair[2] != "" {
			add("DORMANT_%s and DORMANT_%s_FILE: give one of the two", pair[0], pair[0])
		}
	}

	zone, err := time.LoadLocation(c.Timezone)
	if err != nil {
		add("DORMANT_TIMEZONE=%q: a name such as UTC or America/Sao_Paulo is accepted", c.Timezone)
	}
	if _, err := job.ParseSchedule(c.Schedule, zone); err != nil {
		add("DORMANT_SCHEDULE: %w", err)
	}
	_, port, err := net.SplitHostPort(c.Listen)
	if _, portErr := strconv.ParseUint(port, 10, 16); err != nil || portErr != nil {
		add("DORMANT_LISTEN=%q: host:port or :port is accepted", c.Listen)
	}
	if c.PushgatewayURL != "" {
		if err := job.CheckGateway(c.PushgatewayURL); err != nil {
			add("DORMANT_PUSHGATEWAY_URL: %w", err)
		}
	}
	if c.MetricsFile != "" && filepath.Ext(c.MetricsFile) != ".prom" {
		add("DORMANT_METRICS_FILE=%q: the node exporter reads only files that end in .prom", c.MetricsFile)
	}
	if info, err := os.Stat(c.Ledger); err == nil && !info.Mode().IsRegular() {
		add("DORMANT_LEDGER=%q: is not a regular file", c.Ledger)
	}
	for _, file := range [][2]string{{"JOURNAL", c.Journal}, {"METRICS_FILE", c.MetricsFile}, {"LEDGER", c.Ledger}} {
		if info, err := os.Stat(filepath.Dir(file[1])); file[1] != "" && (err != nil || !info.IsDir()) {
			add("DORMANT_%s=%q: there is no such directory", file[0], file[1])
		}
	}
	if c.Report != "" {
		if err := report.CheckPath(c.Report); err != nil {
			add("DORMANT_REPORT: %w", err)
		}
	}
	return problems
}

// spanProblems are those of the time after which an account is unused.
func (c config) spanProblems(now time.Time) []error {
	span, since, shortest := time.Duration(c.InactiveFor), time.Time(c.InactiveSince), time.Duration(c.MinInactiveFor)
	switch {
	case span == 0 && since.IsZero():
		return []error{errors.New("DORMANT_INACTIVE_FOR or DORMANT_INACTIVE_SINCE: one of the two is required, such as DORMANT_INACTIVE_FOR=90d")}
	case span != 0 && !since.IsZero():
		return []error{errors.New("DORMANT_INACTIVE_FOR and DORMANT_INACTIVE_SINCE: give one of the two")}
	case span != 0 && span < shortest:
		return []error{fmt.Errorf("DORMANT_INACTIVE_FOR=%q: is shorter than DORMANT_MIN_INACTIVE_FOR, %s", c.InactiveFor, c.MinInactiveFor)}
	case span == 0 && now.Sub(since) < shortest:
		return []error{fmt.Errorf("DORMANT_INACTIVE_SINCE=%q: is less than DORMANT_MIN_INACTIVE_FOR, %s, ago", since.Format(time.RFC3339), c.MinInactiveFor)}
	}
	return nil
}

// disableProblems are those of disabling: with the time after which an account
// is unused, and with itself.
func (c config) disableProblems(now time.Time) []error {
	var problems []error
	add := func(format string, args ...any) { problems = append(problems, fmt.Errorf(format, args...)) }
	first, since := time.Duration(c.DisableAfter), time.Time(c.InactiveSince)
	if c.Action == actionDisable && first > 0 {
		add("DORMANT_DISABLE_AFTER=%q: with DORMANT_ACTION=disable, DORMANT_INACTIVE_FOR or DORMANT_INACTIVE_SINCE says when; leave it out, or set DORMANT_ACTION=delete", c.DisableAfter)
	}
	if c.Action == actionDisable && c.RequireDisabled {
		add("DORMANT_REQUIRE_DISABLED=%q: with DORMANT_ACTION=disable, no account is deleted; leave it out, or set DORMANT_ACTION=delete", "true")
	}
	if first == 0 {
		return problems
	}
	if first < time.Duration(c.MinInactiveFor) {
		add("DORMANT_DISABLE_AFTER=%q: is shorter than DORMANT_MIN_INACTIVE_FOR, %s", c.DisableAfter, c.MinInactiveFor)
	}
	switch {
	case c.InactiveFor > 0 && c.DisableAfter >= c.InactiveFor:
		add("DORMANT_DISABLE_AFTER=%q: has to be shorter than DORMANT_INACTIVE_FOR, %s", c.DisableAfter, c.InactiveFor)
	case !since.IsZero() && !now.Add(-first).After(since):
		add("DORMANT_DISABLE_AFTER=%q: has to be shorter than the time since DORMANT_INACTIVE_SINCE, %s", c.DisableAfter, since.Format(time.RFC3339))
	}
	return problems
}

// graceProblems are those of the grace with its ledger, and with what is done.
func (c config) graceProblems() []error {
	var problems []error
	switch {
	case c.Grace > 0 && c.Ledger == "":
		problems = append(problems, fmt.Errorf("DORMANT_GRACE=%q: needs DORMANT_LEDGER, the file in which it is kept who was found when", c.Grace))
	case c.Grace == 0 && c.Ledger != "":
		problems = append(problems, fmt.Errorf("DORMANT_LEDGER=%q: is only for DORMANT_GRACE, such as DORMANT_GRACE=14d", c.Ledger))
	}
	if c.Grace > 0 && c.Action == actionDisable {
		problems = append(problems, fmt.Errorf("DORMANT_GRACE=%q: with DORMANT_ACTION=disable, no account is deleted; leave it out, or set DORMANT_ACTION=delete", c.Grace))
	}
	return problems
}

// base is the URL of the directory, without a slash at its end.
func (c config) base() (*url.URL, error) {
	if c.URL == "" {
		return nil, errors.New("DORMANT_URL: is required: the base URL of the directory")
	}
	u, err := url.Parse(c.URL)
	switch {
	case err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https":
		return nil, errors.New("DORMANT_URL: is no URL: https://host or https://host/prefix is accepted")
	case u.User != nil:
		return nil, errors.New("DORMANT_URL: has credentials in it; they belong into their own variables")
	case u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		return nil, errors.New("DORMANT_URL: has a query or a fragment; only host and path are used")
	case u.Scheme == "http" && !loopback(u.Hostname()) && !c.AllowPlainHTTP:
		return nil, fmt.Errorf("DORMANT_URL=%q: would send the credentials in the clear; use https, or set DORMANT_ALLOW_PLAIN_HTTP=true", c.URL)
	}
	u.RawPath = strings.TrimRight(u.EscapedPath(), "/")
	u.Path = strings.TrimRight(u.Path, "/")
	return u, nil
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// configure reads and checks everything that the commands share.
func (a *app) configure(command string) []error {
	cfg, problems := readConfig(a.environ, time.Now())
	if slices.Contains([]string{"audit", "check", "explain", "journal"}, command) {
		cfg.DryRun = true
	}
	a.cfg = cfg
	a.log = newLog(cfg, a.stderr, terminal(a.stderr))
	values, err := a.values()
	if err != nil {
		problems = append(problems, err)
	}
	if cfg.Profile != "" {
		profile, profileErr := profile.Load(cfg.Profile)
		if profileErr != nil {
			problems = append(problems, fmt.Errorf("DORMANT_PROFILE: %w", profileErr))
		} else {
			a.profile = profile
			problems = append(problems, a.profileProblems()...)
			if err == nil {
				problems = append(problems, values.Check(profile)...)
			}
		}
	}
	problems = append(problems, a.fileProblems()...)
	a.registry = prometheus.NewRegistry()
	a.metrics = job.NewMetrics(a.registry, client.Operations())
	a.registry.MustRegister(buildInfo())
	return problems
}

// profileProblems are protections that the profile can't give, and settings that
// it can't use.
func (a *app) profileProblems() []error {
	var problems []error
	if len(a.cfg.ProtectRoles) > 0 && a.profile.User.Roles.Path == "" {
		problems = append(problems, fmt.Errorf("DORMANT_PROTECT_ROLES: profile %s reads no roles, so they can't protect anybody; use DORMANT_ALLOWLIST", a.profile.Name))
	}
	if !a.cfg.DryRun && a.profile.NamesActor() && a.cfg.Actor == "" {
		problems = append(problems, fmt.Errorf("DORMANT_ACTOR: is required to remove with profile %s: the directory is told who removes, and that account is kept", a.profile.Name))
	}
	problems = append(problems, a.disableProblems()...)
	if !a.cfg.Recheck && a.cfg.ProtectAdmins && a.profile.TellsAdminsLast() {
		problems = append(problems, fmt.Errorf("DORMANT_RECHECK=false: profile %s finds out who is an administrator only by the second look; "+
			"leave it on, or set DORMANT_PROTECT_ADMINS=false", a.profile.Name))
	}
	switch size := a.profile.List.Size; {
	case a.cfg.PageSize > 0 && size == nil:
		problems = append(problems, fmt.Errorf("DORMANT_PAGE_SIZE: the listing of profile %s has no pages of a size", a.profile.Name))
	case size != nil && size.Max > 0 && a.cfg.PageSize > size.Max:
		problems = append(problems, fmt.Errorf("DORMANT_PAGE_SIZE=%d: the directory of profile %s sends %d at most", a.cfg.PageSize, a.profile.Name, size.Max))
	}
	return problems
}

// disableProblems are settings for which the profile has to tell of disabling.
func (a *app) disableProblems() []error {
	var problems []error
	for _, s := range []struct {
		set, disables bool
		setting       string
	}{
		{a.cfg.Action == actionDisable, true, "DORMANT_ACTION=disable"},
		{a.cfg.DisableAfter > 0, true, fmt.Sprintf("DORMANT_DISABLE_AFTER=%q", a.cfg.DisableAfter)},
		{a.cfg.RequireDisabled, false, "DORMANT_REQUIRE_DISABLED=true"},
	} {
		if s.set && s.disables && len(a.profile.Disable) == 0 {
			problems = append(problems, fmt.Errorf("%s: profile %s does not say how an account is disabled (disable)", s.setting, a.profile.Name))
		}
		if s.set && len(a.profile.User.Disabled) == 0 {
			problems = append(problems, fmt.Errorf("%s: profile %s does not say which accounts are disabled (user.disabled)", s.setting, a.profile.Name))
		}
	}
	return problems
}

// fileProblems are files that can't be read. They are read anew for every run.
func (a *app) fileProblems() []error {
	var problems []error
	for _, read := range []func() error{
		func() error { _, err := a.policy(); return err },
		func() error { _, err := a.activity(time.Now()); return err },
		func() error { _, err := a.authorities(); return err },
		func() error { _, err := a.certificate(); return err },
	} {
		if err := read(); err != nil {
			problems = append(problems, err)
		}
	}
	return problems
}

// values are the credentials, those in files as they are now.
func (a *app) values() (profile.Values, error) {
	c := a.cfg
	v := profile.Values{
		Token: c.Token, Username: c.Username, Password: c.Password,
		ClientID: c.ClientID, ClientSecret: c.ClientSecret, Actor: c.Actor, Params: c.Params,
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
		text, err := os.ReadFile(f.path)
		if err == nil && len(bytes.TrimSpace(text)) == 0 {
			err = fmt.Errorf("%s is empty", f.path)
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("DORMANT_%s: %w", f.name, err))
		}
		*f.secret = profile.Secret(bytes.TrimSpace(text))
	}
	return v, errors.Join(errs...)
}

// turnedOn are the profile's destructive extras that are on, and what they do.
func (a *app) turnedOn() map[string]string {
	return profile.Values{Params: a.cfg.Params}.TurnedOn(a.profile)
}

// policy is whom to keep, with the allowlist as it is now.
func (a *app) policy() (job.Policy, error) {
	c := a.cfg
	p := job.Policy{
		InactiveFor: time.Duration(c.InactiveFor), InactiveSince: time.Time(c.InactiveSince),
		NeverLoggedIn: job.NeverPolicy(c.NeverLoggedIn),
		DisableOnly:   c.Action == actionDisable, DisableAfter: time.Duration(c.DisableAfter), RequireDisabled: c.RequireDisabled,
		ProtectAdmins: c.ProtectAdmins, ProtectServiceAccounts: c.ProtectServiceAccounts,
	}
	for _, name := range []string{c.Actor, c.Username} {
		if name != "" {
			p.Self = append(p.Self, name)
		}
	}
	var errs []error
	named := func(name string, err error) {
		if err != nil {
			errs = append(errs, fmt.Errorf("DORMANT_%s: %s", name, strings.ReplaceAll(err.Error(), "\n", "; ")))
		}
	}
	var err error
	p.Allowlist, err = job.ParseGlobs(c.Allowlist)
	named("ALLOWLIST", err)
	p.ProtectRoles, err = job.ParseGlobs(c.ProtectRoles)
	named("PROTECT_ROLES", err)
	if c.AllowlistFile != "" {
		globs, err := readFile(c.AllowlistFile, job.ReadAllowlist)
		named("ALLOWLIST_FILE", err)
		p.Allowlist = append(p.Allowlist, globs...)
	}
	return p, errors.Join(errs...)
}

func (a *app) activity(now time.Time) (*job.Activity, error) {
	if a.cfg.ActivityFile == "" {
		return nil, nil
	}
	activity, err := readFile(a.cfg.ActivityFile, func(r io.Reader) (*job.Activity, error) { return job.ReadActivity(r, now) })
	if err != nil {
		return nil, fmt.Errorf("DORMANT_ACTIVITY_FILE: %w", err)
	}
	return activity, nil
}

func (a *app) authorities() (*x509.CertPool, error) {
	if a.cfg.CAFile == "" {
		return nil, nil
	}
	pem, err := os.ReadFile(a.cfg.CAFile)
	if err != nil {
		return nil, fmt.Errorf("DORMANT_CA_FILE: %w", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("DORMANT_CA_FILE: %s has no certificate in PEM", a.cfg.CAFile)
	}
	return pool, nil
}

// certificate is the one that the program shows to the directory, if any.
func (a *app) certificate() (*tls.Certificate, error) {
	if a.cfg.CertFile == "" && a.cfg.KeyFile == "" {
		return nil, nil
	}
	if a.cfg.CertFile == "" || a.cfg.KeyFile == "" {
		return nil, fmt.Errorf("DORMANT_CERT_FILE=%q and DORMANT_KEY_FILE=%q: give both or none of them", a.cfg.CertFile, a.cfg.KeyFile)
	}
	certificate, err := tls.LoadX509KeyPair(a.cfg.CertFile, a.cfg.KeyFile)
	if err != nil {
		return nil, fmt.Errorf("DORMANT_CERT_FILE and DORMANT_KEY_FILE: %w", err)
	}
	return &certificate, nil
}

// readFile reads the file at path with read, and names it in errors.
func readFile[T any](path string, read func(io.Reader) (T, error)) (T, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		var zero T
		return zero, err
	}
	v, err := read(bytes.NewReader(text))
	if err != nil {
		err = fmt.Errorf("%s: %w", path, err)
	}
	return v, err
}

func terminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && isatty.IsTerminal(f.Fd())
}

func newLog(c config, w io.Writer, terminal bool) zerolog.Logger {
	level, err := zerolog.ParseLevel(c.LogLevel)
	if err != nil {
		level = zerolog.InfoLevel // reported as a problem of the configuration
	}
	if c.LogFormat == "console" || c.LogFormat == "auto" && terminal {
		w = zerolog.ConsoleWriter{Out: w, TimeFormat: time.TimeOnly, NoColor: !terminal}
	}
	return zerolog.New(w).Level(level).With().Timestamp().Logger()
}

// One run.

// newClient makes a client with the credentials as they are now.
func (a *app) newClient(log zerolog.Logger) (*client.Client, error) {
	base, err := a.cfg.base()
	if err != nil {
		return nil, err
	}
	values, err := a.values()
	if err != nil {
		return nil, err
	}
	authorities, err := a.authorities()
	if err != nil {
		return nil, err
	}
	certificate, err := a.certificate()
	if err != nil {
		return nil, err
	}
	return client.New(client.Options{
		Profile: a.profile, URL: base, Values: values, ReadOnly: a.cfg.DryRun,
		PageSize: a.cfg.PageSize, Timeout: time.Duration(a.cfg.RequestTimeout), MaxRetries: a.cfg.MaxRetries,
		RateLimit: a.cfg.RateLimit, Connections: a.cfg.Concurrency, CAs: authorities, Certificate: certificate,
		UserAgent: "dormant/" + version(), Observer: a.metrics, Log: log,
	})
}

// cleanup carries out one run and counts it.
func (a *app) cleanup(ctx context.Context, command string) job.Report {
	now := time.Now().UTC()
	record := job.NewRecord(a.stderr) // a new one, so that a disk that was full once is no matter later
	c := job.Cleanup{
		RunID: newRunID(), Command: command, Profile: a.cfg.Profile, URL: a.cfg.URL,
		Limits: job.Limits{
			MaxRemovals: a.cfg.MaxRemovals, MaxRemovalPercent: a.cfg.MaxRemovalPercent, RequireActive: a.cfg.RequireActive,
		},
		DryRun: a.cfg.DryRun, Recheck: a.cfg.Recheck, MaxFailures: a.cfg.MaxFailures,
		Log: newLog(a.cfg, record, terminal(a.stderr)), Record: record,
	}
	ctx, cancel := a.runTimeout(ctx)
	defer cancel()

	directory, err := a.prepare(&c, now)
	if err == nil {
		defer directory.Close()
		c.Journal, err = a.openJournal(c.RunID)
	}
	var r job.Report
	if err != nil {
		r = c.Fail(now, err)
	} else {
		r = c.Run(ctx, now)
	}
	a.metrics.Run(r)
	return r
}

func newRunID() string { return strings.ToLower(rand.Text()) }

func (a *app) runTimeout(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeoutCause(ctx, time.Duration(a.cfg.RunTimeout),
		fmt.Errorf("it took longer than DORMANT_RUN_TIMEOUT, %s", a.cfg.RunTimeout))
}

// errSetup is a run that could not start because of the configuration or its files.
var errSetup = errors.New("the run can't start")

// prepare reads what may have changed since the last run. The caller closes the client.
func (a *app) prepare(c *job.Cleanup, now time.Time) (*client.Client, error) {
	var errs [3]error
	var directory *client.Client
	c.Policy, errs[0] = a.policy()
	c.Activity, errs[1] = a.activity(now)
	c.Concurrency = a.cfg.Concurrency
	directory, errs[2] = a.newClient(c.Log.With().Str(job.FieldRunID, c.RunID).Logger())
	if err := errors.Join(errs[:]...); err != nil {
		return nil, fmt.Errorf("%w: %w", errSetup, err)
	}
	c.Directory = directory
	var err error
	if c.Ledger, err = a.openLedger(); err != nil && !errors.Is(err, fs.ErrNotExist) { // no reason not to go on
		c.Log.Warn().Str(job.FieldRunID, c.RunID).Err(err).Msg("the ledger can't be used: nobody counts as found by an earlier run (DORMANT_LEDGER)")
	}
	for name, destroys := range a.turnedOn() {
		c.Log.Warn().Str(job.FieldRunID, c.RunID).Str(job.FieldParam, name).Msg("a removal " + destroys + " (DORMANT_PARAMS)")
	}
	return directory, nil
}

func (a *app) openJournal(runID string) (*job.Journal, error) {
	if a.cfg.Journal == "" || a.cfg.DryRun {
		return nil, nil // nothing will be removed
	}
	journal, err := job.OpenJournal(a.cfg.Journal, runID)
	if err != nil {
		return nil, fmt.Errorf("%w: DORMANT_JOURNAL: %w", errSetup, err)
	}
	journal.Directory = a.directoryName()
	return journal, nil
}

// openLedger reads whom earlier runs found inactive; nil if there is no grace. An
// error says why nobody is in it.
func (a *app) openLedger() (*job.Ledger, error) {
	if a.cfg.Ledger == "" {
		return nil, nil
	}
	return job.OpenLedger(a.cfg.Ledger, a.directoryName(), time.Duration(a.cfg.Grace))
}

// directoryName is what ledger and journal call the directory.
func (a *app) directoryName() string {
	parts := []string{a.cfg.Profile, strings.TrimRight(a.cfg.URL, "/")}
	for _, name := range slices.Sorted(maps.Keys(a.cfg.Params)) {
		parts = append(parts, name+"="+a.cfg.Params[name])
	}
	return strings.Join(parts, " ")
}

func exitCode(r job.Report) int {
	switch r.Outcome {
	case job.Completed, job.DryRun:
		return exitDone
	case job.Refused:
		return exitRefused
	case job.Partial:
		return exitPartial
	case job.Failed, job.Interrupted:
	}
	if errors.Is(r.Err, job.ErrCredentials) || errors.Is(r.Err, job.ErrProfile) || errors.Is(r.Err, errSetup) {
		return exitUsage
	}
	return exitFailed
}

func (a *app) auditCommand(ctx context.Context, _ []string) int { return a.once(ctx, "audit") }
func (a *app) runCommand(ctx context.Context, _ []string) int   { return a.once(ctx, "run") }

// once is one run with everything that it leaves behind.
func (a *app) once(ctx context.Context, command string) int {
	r := a.cleanup(ctx, command)
	code := exitCode(r)
	for _, leave := range []func() error{
		func() error { return report.Write(a.stdout, a.cfg.Format, r) },
		func() error { return a.writeReport(r) },
		func() error { return a.writeMetrics(ctx) },
	} {
		if err := leave(); err != nil {
			a.log.Error().Str(job.FieldRunID, r.RunID).Err(err).Msg("the run has ended, but not everything could be written")
			code = cmp.Or(code, exitFailed)
		}
	}
	return code
}

func (a *app) writeReport(r job.Report) error {
	if a.cfg.Report == "" {
		return nil
	}
	return report.WriteFile(a.cfg.Report, r)
}

func (a *app) writeMetrics(ctx context.Context) error {
	var file, gateway error
	if a.cfg.MetricsFile != "" {
		file = a.metrics.WriteFile(a.cfg.MetricsFile)
	}
	if a.cfg.PushgatewayURL != "" {
		gateway = a.metrics.Push(ctx, a.cfg.PushgatewayURL)
	}
	return errors.Join(file, gateway)
}

// The daemon.

// daemonCommand runs until ctx is done.
func (a *app) daemonCommand(ctx context.Context, _ []string) int {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", a.cfg.Listen)
	if err != nil {
		a.log.Error().Err(err).Msg("can't listen (DORMANT_LISTEN)")
		return exitFailed
	}
	return a.daemon(ctx, listener)
}

// daemon runs until ctx is done, and serves at the listener.
func (a *app) daemon(ctx context.Context, listener net.Listener) int {
	zone, _ := time.LoadLocation(a.cfg.Timezone)           // checked before
	schedule, _ := job.ParseSchedule(a.cfg.Schedule, zone) // checked before
	d := &daemon{app: a}
	server := d.server()
	go func() { _ = server.Serve(listener) }() // ends with Shutdown

	runner := cron.New(cron.WithLocation(zone), cron.WithChain(cron.SkipIfStillRunning(cronLog{a.log}), cron.Recover(cronLog{a.log})))
	id := runner.Schedule(announced{schedule, a.metrics}, cron.FuncJob(func() { d.tick(ctx) }))
	a.log.Info().Str(job.FieldAddress, listener.Addr().String()).Bool(job.FieldDryRun, a.cfg.DryRun).
		Time(job.FieldNextRun, schedule.Next(time.Now())).Msg("daemon started")
	var first sync.WaitGroup
	if a.cfg.RunAtStart {
		first.Go(runner.Entry(id).WrappedJob.Run)
	}
	runner.Start()

	<-ctx.Done()
	a.log.Info().Msg("stopping: nothing new starts")
	<-runner.Stop().Done()
	first.Wait()
	bye, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	_ = server.Shutdown(bye)
	if d.state().outcome == job.Interrupted {
		return exitFailed
	}
	return exitDone
}

type daemon struct {
	*app
	mu   sync.Mutex
	last ended
}

// ended is how and when the last run ended; the zero value if none has.
type ended struct {
	outcome job.Outcome
	at      time.Time
}

func (d *daemon) state() ended {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.last
}

// tick is one run. If it panics, it has failed.
func (d *daemon) tick(ctx context.Context) {
	now := time.Now()
	r := job.Report{Command: "daemon", Outcome: job.Failed, StartedAt: now, FinishedAt: now}
	panicked := true
	defer func() {
		if panicked {
			d.log.Error().Str(job.FieldOutcome, string(r.Outcome)).Msg("run finished: it panicked")
			d.metrics.Run(r)
		}
		d.mu.Lock()
		defer d.mu.Unlock()
		d.last = ended{r.Outcome, r.FinishedAt}
	}()
	r = d.cleanup(ctx, "daemon")
	panicked = false
	if err := d.writeReport(r); err != nil {
		d.log.Error().Str(job.FieldRunID, r.RunID).Err(err).Msg("the run has ended, but its report could not be written")
	}
}

// What clients may take of the daemon at once, so that they can't take the memory
// and the files that a run needs. More connections are closed.
const (
	maxConnections = 256
	maxScrapes     = 16
)

// server answers GET and HEAD on three paths. Nothing there changes anything.
func (d *daemon) server() *http.Server {
	process := prometheus.NewRegistry()
	process.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	paths := map[string]http.Handler{
		"/metrics": promhttp.HandlerFor(prometheus.Gatherers{d.registry, process}, promhttp.HandlerOpts{MaxRequestsInFlight: maxScrapes}),
		"/healthz": http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "alive") }),
		"/readyz":  http.HandlerFunc(d.ready),
	}
	exactly := func(w http.ResponseWriter, r *http.Request) { // a ServeMux redirects from what is nearly one of them
		handler, ok := paths[r.URL.Path]
		switch {
		case !ok:
			http.Error(w, "not found", http.StatusNotFound)
		case r.Method != http.MethodGet && r.Method != http.MethodHead:
			w.Header().Set("Allow", "GET, HEAD")
			http.Error(w, "only GET and HEAD", http.StatusMethodNotAllowed)
		default:
			handler.ServeHTTP(w, r)
		}
	}
	var open atomic.Int64
	return &http.Server{
		Handler: http.HandlerFunc(exactly), DisableGeneralOptionsHandler: true,
		MaxHeaderBytes: 16 << 10, ErrorLog: stdlog.New(d.log, "", 0),
		ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second, WriteTimeout: 30 * time.Second, IdleTimeout: time.Minute,
		ConnState: func(c net.Conn, state http.ConnState) {
			switch state {
			case http.StateNew:
				if open.Add(1) > maxConnections {
					_ = c.Close()
				}
			case http.StateClosed:
				open.Add(-1)
			case http.StateActive, http.StateIdle, http.StateHijacked:
			}
		},
	}
}

func (d *daemon) ready(w http.ResponseWriter, _ *http.Request) {
	switch last := d.state(); {
	case last.outcome == "":
		fmt.Fprintln(w, "ready: no run has ended yet")
	case last.outcome.Succeeded():
		fmt.Fprintf(w, "ready: the last run ended %s: %s\n", last.at.Format(time.RFC3339), last.outcome)
	default:
		w.WriteHeader(http.StatusServiceUnavailable)
		fmt.Fprintf(w, "not ready: the last run ended %s: %s\n", last.at.Format(time.RFC3339), last.outcome)
	}
}

// announced is a schedule that tells the metrics when the next run is.
type announced struct {
	job.Schedule
	metrics *job.Metrics
}

func (s announced) Next(t time.Time) time.Time {
	next := s.Schedule.Next(t)
	s.metrics.NextRun(next)
	return next
}

// cronLog is the log as cron wants it.
type cronLog struct{ zerolog.Logger }

func (l cronLog) Info(msg string, pairs ...any) {
	if msg == "skip" { // of cron.SkipIfStillRunning
		l.Warn().Msg("the run before is still under way, so this one is left out")
		return
	}
	l.Debug().Fields(pairs).Msg("cron: " + msg)
}
func (l cronLog) Error(err error, msg string, pairs ...any) {
	l.Logger.Error().Err(err).Fields(pairs).Msg("cron: " + msg)
}

// Looking without touching.

// checkCommand says what the directory is like.
func (a *app) checkCommand(ctx context.Context, _ []string) int {
	ctx, cancel := a.runTimeout(ctx)
	defer cancel()
	var text strings.Builder
	out := tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)
	err := a.check(ctx, out)
	_ = out.Flush()
	code := a.print(text.String()) // what was found before an error is worth knowing, too
	if err != nil {
		return a.fail(err)
	}
	return code
}

func (a *app) fail(err error) int {
	fmt.Fprintf(a.stderr, "dormant: %v\n", err)
	return exitCode(job.Report{Outcome: job.Failed, Err: err})
}

func (a *app) check(ctx context.Context, out io.Writer) error {
	cleanup := job.Cleanup{RunID: newRunID(), Log: a.log}
	now := time.Now().UTC()
	directory, err := a.prepare(&cleanup, now)
	if err != nil {
		return err
	}
	defer directory.Close()
	fmt.Fprintf(out, "configuration\tok\n")
	fmt.Fprintf(out, "profile\t%s (%s)\n", a.cfg.Profile, a.profile.Title)
	fmt.Fprintf(out, "directory\t%s\n", a.cfg.URL)
	if err := a.checkLedger(out); err != nil {
		return err
	}

	self, err := cleanup.FindSelf(ctx)
	switch {
	case errors.Is(err, job.ErrUnsupported):
		fmt.Fprintf(out, "caller\tthe directory does not tell; DORMANT_ACTOR is kept: %s\n", cmp.Or(a.cfg.Actor, "not set"))
	case err != nil:
		return err
	default:
		fmt.Fprintf(out, "caller\t%q %q, always kept\n", self.ID, self.Username)
	}
	page, err := collect(directory.FirstPage(ctx))
	shown := page[:min(maxShown, len(page))]
	if err == nil {
		shown, err = detailed(ctx, &cleanup, shown, now)
	}
	if err != nil { // whoever writes a profile wants to see what was read all the same
		showAccounts(out, &cleanup, page, now)
		showFields(out, directory.Census())
		return err
	}
	rest := page[min(maxShown, len(page)):]
	if slices.ContainsFunc(rest, func(u job.User) bool { return u.Partial }) {
		fmt.Fprintf(out, "read alone\tthe first %d accounts; a run does so with all that the listing does not tell enough of\n", maxShown)
	}
	page = slices.Concat(shown, rest)
	plan, err := cleanup.Plan(each(page), now)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "first page\t%d accounts\n", plan.Scanned)
	fmt.Fprintf(out, "pages\t%s\n", a.profile.List.Pages())
	fmt.Fprintf(out, "told apart\t%d administrators, %d service accounts, %d disabled\n",
		number(page, func(u job.User) bool { return u.Admin }), number(page, func(u job.User) bool { return u.ServiceAccount }),
		number(page, func(u job.User) bool { return u.Disabled }))
	fmt.Fprintf(out, "cutoff\t%s; %d others logged in since\n", plan.Cutoff.Format(time.RFC3339), plan.LoggedIn)
	fmt.Fprintf(out, "last login unknown\t%s\n", counted(plan.Unknown))
	fmt.Fprintf(out, "would be kept\t%s\n", counted(plan.Kept))
	actions := map[job.Action]int{}
	for _, candidate := range plan.Candidates {
		actions[candidate.Action]++
	}
	if cleanup.Ledger != nil {
		fmt.Fprintf(out, "in grace\t%d\n", len(plan.InGrace))
	}
	fmt.Fprintf(out, "would be removed\t%d\n", actions[job.Remove])
	if !cleanup.Policy.DisableCutoff(now).IsZero() {
		fmt.Fprintf(out, "would be disabled\t%d\n", actions[job.Disable])
	}
	for _, name := range slices.Sorted(maps.Keys(a.turnedOn())) {
		fmt.Fprintf(out, "a removal\t%s: %s\n", a.turnedOn()[name], name)
	}
	if untold := a.profile.Untold(); len(untold) > 0 {
		fmt.Fprintf(out, "not told\twho is one of the %s; put them on the allowlist\n", strings.Join(untold, ", "))
	}
	err = checkSecondLook(ctx, out, &cleanup, page, now)
	showAccounts(out, &cleanup, page, now)
	showFields(out, directory.Census())
	return err
}

// checkLedger says whom earlier runs have found, and whether the next one can say so, too.
func (a *app) checkLedger(out io.Writer) error {
	ledger, err := a.openLedger()
	switch {
	case ledger == nil:
		return nil
	case errors.Is(err, fs.ErrNotExist):
		fmt.Fprintf(out, "ledger\t%s: there is none yet, so nobody counts as found by an earlier run\n", a.cfg.Ledger)
	case err != nil:
		fmt.Fprintf(out, "ledger\t%s: can't be used, so nobody counts as found by an earlier run: %v\n", a.cfg.Ledger, err)
	default:
		fmt.Fprintf(out, "ledger\t%s: %d accounts that earlier runs found inactive; a grace is %s\n", a.cfg.Ledger, ledger.Len(), a.cfg.Grace)
	}
	if err := ledger.CheckWritable(); err != nil {
		return fmt.Errorf("DORMANT_LEDGER: %w", err)
	}
	return nil
}

// checkSecondLook reads one of the accounts as it would be read again right
// before something is done with it.
func checkSecondLook(ctx context.Context, out io.Writer, cleanup *job.Cleanup, page []job.User, now time.Time) error {
	i := slices.IndexFunc(page, func(u job.User) bool { return job.SafeID(u.ID) })
	if i < 0 {
		fmt.Fprintf(out, "second look\tnot tried: there is no account to try it with\n")
		return nil
	}
	again, err := cleanup.Directory.User(ctx, page[i])
	if err == nil && again.ID != page[i].ID {
		err = fmt.Errorf("the directory answered with account %q", again.ID)
	}
	if errors.Is(err, job.ErrUnsupported) {
		fmt.Fprintf(out, "second look\tthe directory can't read one account again before its removal\n")
		return nil
	}
	if err != nil {
		fmt.Fprintf(out, "second look\tdoes not work\n")
		return fmt.Errorf("read account %q again, as before its removal: %w", page[i].ID, err)
	}
	_, first := cleanup.Judge(page[i], now)
	_, second := cleanup.Judge(again, now)
	if second != first {
		fmt.Fprintf(out, "second look\tworks, but of account %q it tells another thing than the listing: %s (%s), not %s (%s)\n",
			again.ID, second.Action, second.Reason, first.Action, first.Reason)
		return nil
	}
	fmt.Fprintf(out, "second look\tworks; tried with account %q\n", again.ID)
	return nil
}

// showAccounts shows the first accounts as they are understood, one in each column.
func showAccounts(out io.Writer, cleanup *job.Cleanup, page []job.User, now time.Time) {
	if len(page) == 0 {
		return
	}
	type account struct {
		job.User
		job.Decision
	}
	var accounts []account
	for _, u := range page[:min(maxShown, len(page))] {
		u, d := cleanup.Judge(u, now)
		accounts = append(accounts, account{u, d})
	}
	fmt.Fprintf(out, "\nThe first accounts, as they are understood:\n")
	for _, row := range []struct {
		title string
		cell  func(account) string
	}{
		{"id", func(a account) string { return strconv.Quote(a.ID) }},
		{"username", func(a account) string { return strconv.Quote(a.Username) }},
		{"email", func(a account) string { return strconv.Quote(a.Email) }},
		{"admin", func(a account) string { return strconv.FormatBool(a.Admin) }},
		{"service account", func(a account) string { return strconv.FormatBool(a.ServiceAccount) }},
		{"disabled", func(a account) string { return strconv.FormatBool(a.Disabled) }},
		{"roles", func(a account) string {
			if a.Roles == nil {
				return "not told"
			}
			return fmt.Sprintf("%q", a.Roles)
		}},
		{"created", func(a account) string {
			if a.Created.IsZero() && !a.Undated {
				return "unreadable"
			}
			return cmp.Or(stamp(a.Created), "not told")
		}},
		{"last login", func(a account) string { return a.LastLogin.Settle(a.Created, now).String() }},
		{"other activity", func(a account) string { return cmp.Or(stamp(a.LastActivity), "none") }},
		{"decision", func(a account) string { return string(a.Action) }},
		{"reason", func(a account) string { return string(a.Reason) }},
	} {
		fmt.Fprint(out, row.title)
		for _, a := range accounts {
			fmt.Fprintf(out, "\t%s", row.cell(a))
		}
		fmt.Fprintln(out)
	}
}

// stamp is empty for the zero time.
func stamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}

// number is how many of the accounts are so.
func number(accounts []job.User, so func(job.User) bool) int {
	n := 0
	for _, u := range accounts {
		if so(u) {
			n++
		}
	}
	return n
}

// maxShown is how many accounts check shows.
const maxShown = 5

// detailed are the accounts as they are when they are read alone, where the
// listing does not tell enough, in their order.
func detailed(ctx context.Context, cleanup *job.Cleanup, accounts []job.User, now time.Time) ([]job.User, error) {
	told, err := collect(cleanup.Detailed(ctx, each(accounts), now))
	slices.SortFunc(told, func(a, b job.User) int {
		at := func(u job.User) int { return slices.IndexFunc(accounts, func(x job.User) bool { return x.ID == u.ID }) }
		return at(a) - at(b)
	})
	return told, err
}

// showFields shows which fields of the profile the first page has.
func showFields(out io.Writer, census *profile.Census) {
	if census == nil || census.Accounts == 0 {
		return
	}
	fmt.Fprintf(out, "\nThe first account has %s.\nThe profile's fields on the first page of the listing:\n", census.Names)
	for _, f := range census.Fields {
		found := fmt.Sprintf("on %d of %d", f.Accounts, census.Accounts)
		switch {
		case f.Accounts == 0 && f.Optional:
			found = "not found (optional)"
		case f.Accounts == 0:
			found = "not found"
		}
		cells := []string{f.Field, found, strings.Join(f.Paths, ", ")}
		if f.Example != "" {
			cells = append(cells, f.Example)
		}
		fmt.Fprintln(out, strings.Join(cells, "\t"))
	}
}

// each is a listing of the users.
func each(users []job.User) iter.Seq2[job.User, error] {
	return func(yield func(job.User, error) bool) {
		for _, u := range users {
			if !yield(u, nil) {
				return
			}
		}
	}
}

// collect is what is in a listing, up to an error.
func collect(listing iter.Seq2[job.User, error]) (users []job.User, err error) {
	for u, err := range listing {
		if err != nil {
			return users, err
		}
		users = append(users, u)
	}
	return users, nil
}

// counted lists counts, the largest first.
func counted[K ~string](counts map[K]int) string {
	names := slices.SortedFunc(maps.Keys(counts), func(a, b K) int {
		return cmp.Or(counts[b]-counts[a], cmp.Compare(a, b))
	})
	var parts []string
	for _, name := range names {
		parts = append(parts, fmt.Sprintf("%d %s", counts[name], name))
	}
	return cmp.Or(strings.Join(parts, ", "), "none")
}

// explainCommand shows every rule for the accounts that go by a name.
func (a *app) explainCommand(ctx context.Context, args []string) int {
	if len(args) != 1 {
		return a.failUsage(errors.New("usage: dormant explain USER"))
	}
	ctx, cancel := a.runTimeout(ctx)
	defer cancel()
	c := job.Cleanup{RunID: newRunID(), Log: a.log}
	now := time.Now().UTC()
	directory, err := a.prepare(&c, now)
	if err != nil {
		return a.fail(err)
	}
	defer directory.Close()
	explained, err := c.Explain(ctx, args[0], now)
	if err != nil {
		return a.fail(err)
	}
	if len(explained) == 0 {
		return a.failUsage(fmt.Errorf("no account has the id, username or email %q", args[0]))
	}
	if err := report.Explain(a.stdout, explained); err != nil {
		return a.fail(err)
	}
	return exitDone
}

// journalCommand says what a journal proves. What it leaves in doubt, it asks the
// directory, if the environment says which.
func (a *app) journalCommand(ctx context.Context, args []string) int {
	if len(args) != 2 || args[0] != "verify" {
		return a.failUsage(errors.New("usage: dormant journal verify FILE"))
	}
	traces, err := readFile(args[1], job.ReadJournal)
	if err != nil {
		return a.failUsage(err)
	}
	asked := slices.ContainsFunc(a.environ, func(pair string) bool { return strings.HasPrefix(pair, prefix+"PROFILE=") })
	if asked = asked && len(traces.InDoubt()) > 0; asked {
		if !a.configured("journal") {
			return exitUsage
		}
		err = a.resolve(ctx, traces)
	}
	var text strings.Builder
	showTraces(&text, traces)
	if asked && err == nil {
		fmt.Fprintf(&text, "what was in doubt was asked of: %s at %s\n", a.cfg.Profile, a.cfg.URL)
	}
	code := a.print(text.String()) // what the journal proves is worth knowing even if the directory can't be asked
	if err != nil {
		return a.fail(err)
	}
	doubtful := len(traces.InDoubt())
	if doubtful > 0 && !asked {
		fmt.Fprintf(a.stderr, "dormant: %d in doubt: set DORMANT_PROFILE, DORMANT_URL and the rest, and the directory is asked\n", doubtful)
	}
	if code == exitDone && doubtful+len(traces.Foreign) > 0 {
		return exitPartial
	}
	return code
}

// resolve asks the directory about what is in doubt.
func (a *app) resolve(ctx context.Context, traces *job.Traces) error {
	ctx, cancel := a.runTimeout(ctx)
	defer cancel()
	directory, err := a.newClient(a.log)
	if err != nil {
		return fmt.Errorf("%w: %w", errSetup, err)
	}
	defer directory.Close()
	return traces.Resolve(ctx, directory, a.directoryName())
}

func showTraces(text io.Writer, traces *job.Traces) {
	if len(traces.Accounts) > 0 {
		out := tabwriter.NewWriter(text, 0, 0, 2, ' ', 0)
		fmt.Fprintln(out, "LINE\tTIME\tRUN\tID\tACTION\tSTATE\tNOTE")
		for _, t := range traces.Accounts {
			fmt.Fprintf(out, "%d\t%s\t%q\t%q\t%s\t%s\t%q\n", t.Line, stamp(t.Time), t.RunID, t.UserID, t.Action, t.State, t.Note)
		}
		_ = out.Flush()
		fmt.Fprintln(text)
	}
	counts := map[job.State]int{}
	for _, t := range traces.Accounts {
		counts[t.State]++
	}
	fmt.Fprintln(text, counted(counts))
	for _, line := range traces.CutShort {
		fmt.Fprintf(text, "line %d is cut short: a run was killed while it wrote it\n", line)
	}
	for _, line := range traces.Foreign {
		fmt.Fprintf(text, "line %d is not one that a journal has, so what was in it is not known\n", line)
	}
}

// Everything else.

func (a *app) profilesCommand(_ context.Context, args []string) int {
	if len(args) == 1 {
		source, err := profile.YAML(args[0])
		if err != nil {
			return a.failUsage(err)
		}
		return a.print(string(source))
	}
	var text strings.Builder
	out := tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)
	for _, name := range profile.Names() {
		p, err := profile.Load(name)
		if err != nil {
			return a.fail(err)
		}
		fmt.Fprintf(out, "%s\t%s\n", name, p.Title)
	}
	_ = out.Flush()
	return a.print(text.String())
}

func (a *app) failUsage(err error) int {
	fmt.Fprintf(a.stderr, "dormant: %v\n", err)
	return exitUsage
}

// print writes a result.
func (a *app) print(text string) int {
	if _, err := io.WriteString(a.stdout, text); err != nil {
		return a.fail(err)
	}
	return exitDone
}

// sandboxCommand serves the sample directory until ctx is done.
func (a *app) sandboxCommand(ctx context.Context, args []string) int {
	var o sandbox.Options
	flags := flag.NewFlagSet("dormant sandbox", flag.ContinueOnError)
	flags.SetOutput(a.stderr)
	listen := flags.String("listen", "127.0.0.1:8081", "`address` to serve at")
	users := flags.Int("users", 200, "how many accounts there are")
	flags.StringVar(&o.System, "system", "itflex", "what it is like: "+strings.Join(sandbox.Systems(), ", "))
	flags.Uint64Var(&o.Seed, "seed", 1, "of the accounts and the faults")
	flags.DurationVar(&o.Latency, "latency", 0, "before every answer, such as 50ms")
	flags.Float64Var(&o.FaultRate, "faults", 0, "the share of requests that fail, from 0 to 1")
	flags.Float64Var(&o.RateLimit, "rate", 0, "requests a second before it answers 429; 0: no limit")
	switch err := flags.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		return exitDone
	case err != nil:
		return exitUsage // flags has said why
	case flags.NArg() > 0:
		return a.failUsage(errors.New("usage: dormant sandbox [FLAGS]; dormant sandbox -h lists them"))
	case *users < 1:
		return a.failUsage(fmt.Errorf("-users=%d: there is at least one, who calls", *users))
	}
	server, address, err := serveSandbox(ctx, o, *users, *listen)
	if err != nil {
		return a.failUsage(err)
	}
	defer server.Close()
	code := a.print(fmt.Sprintf("# %d accounts of %s, until it is stopped. To look at them from another terminal:\n"+
		"export %s\ndormant audit\n", *users, o.System, strings.Join(sandboxEnviron(o.System, "http://"+address.String()), " ")))
	<-ctx.Done()
	return code
}

// sandboxEnviron are the variables for a sandbox of the system.
func sandboxEnviron(system, url string) []string {
	name := system
	p, err := profile.Load(system)
	if err != nil {
		name = "./" + system + ".yaml" // which somebody has yet to write
	}
	environ := []string{"DORMANT_PROFILE=" + name, "DORMANT_URL=" + url}
	given := map[string]string{}
	var pairs []string
	for _, name := range slices.Sorted(maps.Keys(sandbox.Params(system))) {
		given[name] = strings.ReplaceAll(sandbox.Params(system)[name], "{url}", url)
		pairs = append(pairs, name+"="+given[name])
	}
	if len(pairs) > 0 {
		environ = append(environ, "DORMANT_PARAMS="+strings.Join(pairs, ","))
	}
	credentials := []string{"DORMANT_TOKEN=" + sandbox.DefaultToken}
	if err == nil && len((profile.Values{Token: sandbox.DefaultToken, Params: given}).Check(p)) > 0 {
		credentials = []string{"DORMANT_USERNAME=" + sandboxCaller, "DORMANT_PASSWORD=" + sandbox.DefaultSecret}
	}
	return slices.Concat(environ, credentials, []string{"DORMANT_ACTOR=" + sandboxCaller, "DORMANT_INACTIVE_FOR=90d"})
}

// sandboxCaller is the account that the sandbox takes every caller for.
const sandboxCaller = "admin"

// sandboxServer is a sandbox that is being served.
type sandboxServer struct {
	*sandbox.Server
	http *http.Server
}

func (s *sandboxServer) Close() { _ = s.http.Close() }

func serveSandbox(ctx context.Context, o sandbox.Options, users int, listen string) (*sandboxServer, net.Addr, error) {
	o.Users, o.WithLastLogin = sandbox.Population(users, o.Seed, time.Now()), true
	directory, err := sandbox.New(o)
	if err != nil {
		return nil, nil, err
	}
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", listen)
	if err != nil {
		return nil, nil, err
	}
	s := &sandboxServer{directory, &http.Server{Handler: directory, ReadHeaderTimeout: 5 * time.Second}}
	go func() { _ = s.http.Serve(listener) }() // ends with Close
	return s, listener.Addr(), nil
}

// demoCommand tells the whole story against the sample directory.
func (a *app) demoCommand(ctx context.Context, _ []string) int {
	server, address, err := serveSandbox(ctx, sandbox.Options{System: "itflex", Seed: 1}, 28, "127.0.0.1:0")
	if err != nil {
		return a.fail(err)
	}
	defer server.Close()
	always := []string{
		"DORMANT_PROFILE=itflex", "DORMANT_URL=http://" + address.String(), "DORMANT_TOKEN=" + sandbox.DefaultToken,
		"DORMANT_INACTIVE_FOR=90d",
	}
	for i, scene := range []struct {
		says, command string
		environ       []string
		write         func(io.Writer, job.Report) error
		want          job.Outcome
	}{
		{"An audit shows who would be removed, and why.", "audit", nil, writeTable, job.DryRun},
		{"For real, the guards stop what looks like too much.", "run",
			[]string{"DORMANT_DRY_RUN=false"}, report.Conclude, job.Refused},
		{"Somebody has read the list and raises the limit.", "run",
			[]string{"DORMANT_DRY_RUN=false", "DORMANT_MAX_REMOVAL_PERCENT=30"}, report.Conclude, job.Completed},
		{"A second audit finds nobody.", "audit", nil, report.Conclude, job.DryRun},
	} {
		fmt.Fprintf(a.stdout, "\n== %d. %s\n$ %s\n", i+1, scene.says, strings.Join(append(scene.environ, "dormant "+scene.command), " "))
		one := &app{environ: slices.Concat(always, scene.environ), stdout: a.stdout, stderr: io.Discard}
		if problems := one.configure(scene.command); len(problems) > 0 {
			return a.fail(errors.Join(problems...))
		}
		r := one.cleanup(ctx, scene.command)
		if err := scene.write(a.stdout, r); err != nil {
			return a.fail(err)
		}
		if r.Outcome != scene.want {
			return a.fail(fmt.Errorf("the demo went wrong: the outcome is %s, not %s: %s", r.Outcome, scene.want, r.Error))
		}
	}
	methods := map[string]int{}
	for _, r := range server.Requests() {
		methods[r.Method]++
	}
	return a.print(fmt.Sprintf("\nWhat reached the directory: %s.\n", counted(methods)))
}

func writeTable(w io.Writer, r job.Report) error { return report.Write(w, report.Table, r) }

// Set by the linker: -X main.release=v1.2.3 -X main.commit=…
var release, commit string

func version() string {
	info, ok := debug.ReadBuildInfo()
	if release != "" || !ok {
		return release
	}
	return strings.Trim(info.Main.Version, "()")
}

func revision() string {
	if info, ok := debug.ReadBuildInfo(); ok && commit == "" {
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" {
				return s.Value
			}
		}
	}
	return cmp.Or(commit, "unknown")
}

func buildInfo() prometheus.Collector {
	return prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "dormant_build_info", Help: "Always 1; the labels tell what is running.",
		ConstLabels: prometheus.Labels{"version": version(), "revision": revision(), "goversion": runtime.Version()},
	}, func() float64 { return 1 })
}

func (a *app) versionCommand(context.Context, []string) int {
	return a.print(fmt.Sprintf("dormant %s (revision %s, %s)\n", version(), revision(), runtime.Version()))
}

func (a *app) helpCommand(_ context.Context, args []string) int {
	if len(args) == 0 {
		return a.print(help())
	}
	for _, c := range commands() {
		if c.name == args[0] {
			text := fmt.Sprintf("usage: dormant %s\n\n%s\n", strings.TrimSpace(c.name+" "+c.args), c.does)
			if c.configured {
				text += "\n" + variablesHelp()
			}
			if c.name == "sandbox" {
				text += "\ndormant sandbox -h lists the flags.\n"
			}
			return a.print(text)
		}
	}
	return a.failUsage(noCommand(args[0]))
}

func noCommand(name string) error {
	return fmt.Errorf("there is no command %q; dormant help lists them", name)
}

// help lists the commands and the variables.
func help() string {
	var text strings.Builder
	text.WriteString("dormant finds accounts that nobody has used for a long time, and removes them safely.\nNothing is removed unless DORMANT_DRY_RUN=false.\n\nCommands:\n")
	out := tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)
	for _, c := range commands() {
		fmt.Fprintf(out, "  %s\t%s\n", strings.TrimSpace(c.name+" "+c.args), c.does)
	}
	_ = out.Flush()
	return text.String() + "\n" + variablesHelp()
}

// variablesHelp lists the variables with their defaults.
func variablesHelp() string {
	var text strings.Builder
	text.WriteString("Variables:\n")
	out := tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)
	for _, f := range fields() {
		fmt.Fprintf(out, "  %s%s\t%s\t%s\n", prefix, f.Tag.Get("env"), f.Tag.Get("envDefault"), f.Tag.Get("help"))
	}
	_ = out.Flush()
	return text.String()
}
