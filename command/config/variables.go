package config

import "dormant/client/profile"

// Prefix begins the name of every variable.
const Prefix = "DORMANT_"

// ActionDisable is the value of DORMANT_ACTION with which no account is deleted.
const ActionDisable = "disable"

// Variables are the values of the variables. A variable is one line here:
//
//	group       what it and those after it are about
//	for         the commands that read it; all, unless said
//	env         its name, without the prefix
//	envDefault  its value if it is not set
//	help        what it means: help prints it, and the README has it in its table
//	oneof       the accepted values, separated by commas
//	min, max    the least (0 unless said) and the greatest accepted number or span; a span may also be 0
//	zero:"no"   0 is not accepted, but what is not set and has no default is 0
type Variables struct {
	ProfileName string `group:"The directory" env:"PROFILE" help:"a built-in profile's name, or the path of a YAML file"`
	URL         string `env:"URL" help:"base URL of the directory, a path prefix allowed; plain http only to loopback"`

	Token            profile.Secret `env:"TOKEN" help:"the credential"`
	TokenFile        string         `env:"TOKEN_FILE" help:"a file with the credential, read anew for every run"`
	Username         string         `env:"USERNAME" help:"for profiles that sign in"`
	Password         profile.Secret `env:"PASSWORD" help:"for profiles that sign in"`
	PasswordFile     string         `env:"PASSWORD_FILE" help:"a file with the password, read anew for every run"`
	ClientID         string         `env:"CLIENT_ID" help:"for profiles that use OAuth2"`
	ClientSecret     profile.Secret `env:"CLIENT_SECRET" help:"for profiles that use OAuth2: ITFlex's refresh token"`
	ClientSecretFile string         `env:"CLIENT_SECRET_FILE" help:"a file with the client secret, read anew for every run"`
	Params           Params         `env:"PARAMS" help:"a=x,b=y: what a profile's own placeholders stand for"`
	Actor            string         `env:"ACTOR" help:"the account that does the removing, as the directory is told; always kept"`

	ActivityFile string `group:"Logins from elsewhere" env:"ACTIVITY_FILE" help:"CSV with last logins from elsewhere: id, username or email, and last_login"`
	AliveIn      string `env:"ALIVE_IN" help:"a YAML list of further directories, which are only read: who is alive in one is active here"`

	Action          string   `group:"What is done" env:"ACTION" envDefault:"delete" oneof:"delete,disable" help:"what is done with inactive accounts: delete, or disable and delete none"`
	DisableAfter    Duration `env:"DISABLE_AFTER" zero:"no" min:"1d" help:"disable who has not logged in for so long, before the time to delete has come: 45d"`
	RequireDisabled bool     `env:"REQUIRE_DISABLED" envDefault:"false" help:"delete only accounts that are disabled; others are disabled first, or kept without DISABLE_AFTER"`

	InactiveFor    Duration `group:"To whom" env:"INACTIVE_FOR" zero:"no" min:"1d" help:"remove who has not logged in for so long: 90d, 12w, 1y"`
	InactiveSince  Date     `env:"INACTIVE_SINCE" help:"or since a fixed date: 2024, 2024-01, 2024-01-31, RFC 3339"`
	MinInactiveFor Duration `env:"MIN_INACTIVE_FOR" envDefault:"30d" min:"1d" help:"the shortest span that is accepted for any of them"`
	NeverLoggedIn  string   `env:"NEVER_LOGGED_IN" envDefault:"keep" oneof:"keep,remove,remove-undated" help:"accounts that never logged in: keep, remove if created before the cutoff, remove-undated also if the directory gives no creation date"`
	Grace          Duration `env:"GRACE" zero:"no" min:"1d" help:"remove only whom an earlier run, at least so long ago, found inactive already: 14d"`
	Ledger         string   `env:"LEDGER" help:"the file in which runs remember this directory: last logins, since when accounts are known and inactive"`
	LedgerKeep     Duration `env:"LEDGER_KEEP" envDefault:"400d" zero:"no" min:"1d" help:"how long the ledger keeps accounts that are gone"`
	DryRun         bool     `env:"DRY_RUN" envDefault:"true" help:"false removes and disables for real"`

	Allowlist              []string `group:"Who is kept, and limits" env:"ALLOWLIST" help:"ids, usernames, emails or aliases of accounts to keep, or globs for them, separated by commas"`
	AllowlistFile          string   `env:"ALLOWLIST_FILE" help:"a file with such globs, one a line, # comments"`
	ProtectAdmins          bool     `env:"PROTECT_ADMINS" envDefault:"true" help:"keep administrators"`
	ProtectServiceAccounts bool     `env:"PROTECT_SERVICE_ACCOUNTS" envDefault:"true" help:"keep service accounts and bots"`
	ProtectRoles           []string `env:"PROTECT_ROLES" help:"globs over names of roles or groups to keep, separated by commas"`
	MaxRemovals            int      `env:"MAX_REMOVALS" envDefault:"100" help:"most accounts one run may remove or disable; 0 is none"`
	MaxRemovalPercent      float64  `env:"MAX_REMOVAL_PERCENT" envDefault:"10" max:"100" help:"most of the scanned accounts, in percent; the stricter of the two holds"`
	RequireActive          bool     `env:"REQUIRE_ACTIVE" envDefault:"true" help:"refuse if nobody but the caller is known to have logged in after the cutoff"`
	MaxSilence             Duration `env:"MAX_SILENCE" envDefault:"14d" zero:"no" min:"1d" help:"refuse if nobody but the caller has logged in for so long, or the activity file has no newer row"`
	Recheck                bool     `env:"RECHECK" envDefault:"true" help:"read each candidate again right before it is removed or disabled, where the directory can"`

	Concurrency    int      `group:"Requests" env:"CONCURRENCY" envDefault:"4" min:"1" help:"requests at once, at most; fewer when the directory asks for it or slows down"`
	RateLimit      float64  `env:"RATE_LIMIT" zero:"no" max:"100000" help:"requests a second; empty for no limit"`
	PageSize       int      `env:"PAGE_SIZE" zero:"no" help:"accounts a page; empty for the profile's"`
	RequestTimeout Duration `env:"REQUEST_TIMEOUT" envDefault:"30s" zero:"no" min:"1ms" help:"for one request, or for the next part of a listing"`
	RunTimeout     Duration `env:"RUN_TIMEOUT" envDefault:"1h" zero:"no" min:"1ms" help:"for one run"`
	MaxRetries     int      `env:"MAX_RETRIES" envDefault:"5" max:"100" help:"for one request that is safe to repeat"`
	MaxAccounts    int      `env:"MAX_ACCOUNTS" envDefault:"10000000" min:"1" help:"a listing that is longer counts as one that does not end"`
	MaxFailures    int      `env:"MAX_FAILURES" envDefault:"10" min:"1" help:"failed removals in a row that end the run"`

	Schedule   string `group:"The daemon" for:"daemon" env:"SCHEDULE" envDefault:"0 3 * * *" help:"daemon: when to run, as cron writes it"`
	Timezone   string `for:"daemon" env:"TIMEZONE" envDefault:"UTC" help:"daemon: the schedule's time zone"`
	RunAtStart bool   `for:"daemon" env:"RUN_AT_START" envDefault:"false" help:"daemon: run once at the start as well"`
	Listen     string `for:"daemon" env:"LISTEN" envDefault:":8080" help:"daemon: address of /metrics, /healthz and /readyz"`

	PushgatewayURL string   `group:"What it leaves behind" for:"audit run apply" env:"PUSHGATEWAY_URL" help:"run and audit: a Pushgateway for the metrics; /metrics/job/… behind it sets the grouping key"`
	MetricsFile    string   `for:"audit run apply" env:"METRICS_FILE" help:"run and audit: a file for the node exporter's textfile collector, ending in .prom"`
	Journal        string   `for:"run apply daemon" env:"JOURNAL" help:"append-only NDJSON: the intent, synced to disk before each removal, and the result"`
	Report         Paths    `for:"audit run apply daemon" env:"REPORT" help:"write the report to these paths too; .json, .csv or .html; {run_id} and {date} in a file's name stand for the run's"`
	Plan           string   `for:"audit run" env:"PLAN" help:"audit and run: write the plan to this CSV file, for a person to review"`
	PlanMaxAge     Duration `for:"apply" env:"PLAN_MAX_AGE" envDefault:"7d" zero:"no" min:"1m" help:"apply: how old a plan may be"`
	ApprovedBy     string   `for:"apply" env:"APPROVED_BY" help:"apply: who agreed to the plan, for report and journal"`
	Yes            bool     `for:"run apply" env:"YES" envDefault:"false" help:"do not ask on a terminal before the first account is changed"`
	Format         string   `for:"audit run apply" env:"FORMAT" envDefault:"table" oneof:"table,json,csv" help:"what audit and run print"`
	LogLevel       string   `env:"LOG_LEVEL" envDefault:"info" oneof:"debug,info,warn,error" help:"removals and the summary of a run are logged at any level"`
	LogFormat      string   `env:"LOG_FORMAT" envDefault:"auto" oneof:"auto,json,console" help:"auto: JSON, or console on a terminal"`

	NotifyURL     profile.Secret `group:"Telling people" for:"audit run apply daemon" env:"NOTIFY_URL" help:"where to tell people about a run, one URL a line: slack://, teams://, discord://, smtp://, generic+https://"`
	NotifyURLFile string         `for:"audit run apply daemon" env:"NOTIFY_URL_FILE" help:"a file with such URLs, read anew for every run"`
	NotifyOn      string         `for:"audit run apply daemon" env:"NOTIFY_ON" envDefault:"changes" oneof:"problems,changes,always" help:"which runs: those that were refused, failed or only partly done; also those that change or would change an account; or all"`

	CAFile         string `group:"The connection" env:"CA_FILE" help:"PEM file with the certificate authorities to trust instead of the system's"`
	CertFile       string `env:"CERT_FILE" help:"PEM file with a client certificate, read anew for every run"`
	KeyFile        string `env:"KEY_FILE" help:"PEM file with its private key, read anew for every run"`
	AllowPlainHTTP bool   `env:"ALLOW_PLAIN_HTTP" envDefault:"false" help:"allow http to other hosts than loopback: credentials travel in the clear"`
}
