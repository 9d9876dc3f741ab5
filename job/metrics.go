package job

import (
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Commands returns the commands that start a cleanup, as values of the command label.
func Commands() []string { return []string{"audit", "run", "apply", "daemon"} }

// Metrics are the Prometheus metrics of a process. Labels have only values from fixed sets,
// never an account, a URL or free text.
type Metrics struct {
	runs        *prometheus.CounterVec
	duration    prometheus.Histogram
	lastRun     prometheus.Gauge
	lastSuccess prometheus.Gauge
	users       *prometheus.GaugeVec
	decisions   *prometheus.CounterVec
	removals    *prometheus.CounterVec
	refusals    *prometheus.CounterVec
	brake       prometheus.Gauge
	nextRun     prometheus.Gauge

	requests        *prometheus.CounterVec
	requestDuration *prometheus.HistogramVec
	retries         *prometheus.CounterVec

	reg       *prometheus.Registry
	planned   bool // a run of this process has read the whole directory
	succeeded bool // a run of this process has succeeded
}

// NewMetrics registers the metrics. Every combination of label values that can be known
// exists at zero from the start, so that the first event is visible as an increase.
// operations are the values of the operation label.
func NewMetrics(reg *prometheus.Registry, operations []string) *Metrics {
	m := &Metrics{
		reg: reg,
		runs: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "dormant_runs_total", Help: "Runs by command and outcome.",
		}, []string{"command", "outcome"}),
		duration: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "dormant_run_duration_seconds", Help: "How long runs took.",
			Buckets: []float64{1, 5, 15, 60, 300, 900, 1800, 3600, 7200},
		}),
		lastRun: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "dormant_last_run_timestamp_seconds", Help: "When the last run ended, however it ended.",
		}),
		lastSuccess: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "dormant_last_success_timestamp_seconds",
			Help: "When the last run ended that was completed or a dry run; absent until there is one.",
		}),
		users: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "dormant_last_run_users", Help: "Accounts in the last run that read the whole directory.",
		}, []string{"state"}),
		decisions: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "dormant_decisions_total", Help: "Decisions about accounts by action and reason.",
		}, []string{"action", "reason"}),
		removals: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "dormant_removals_total", Help: "Candidates by what became of them.",
		}, []string{"result", "dry_run"}),
		refusals: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "dormant_guard_refusals_total", Help: "Refusals by guard, those that a dry run foretells among them.",
		}, []string{"guard"}),
		brake: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "dormant_brake_on", Help: "1 while the runs refuse until a person clears the brake, as of the last run that read the whole directory.",
		}),
		nextRun: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "dormant_next_run_timestamp_seconds", Help: "When the daemon's next run starts.",
		}),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "dormant_api_requests_total", Help: "Requests to the directory by operation and status code; error if there was no answer.",
		}, []string{"operation", "code"}),
		requestDuration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "dormant_api_request_duration_seconds", Help: "How long the directory took to answer, until its headers.",
			Buckets: []float64{.01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30},
		}, []string{"operation"}),
		retries: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "dormant_api_retries_total", Help: "Requests that were repeated.",
		}, []string{"operation"}),
	}
	m.startAtZero(operations)
	reg.MustRegister(m.runs, m.duration, m.users, m.decisions, m.removals, m.refusals, m.brake, m.requests, m.requestDuration, m.retries)
	return m
}

func (m *Metrics) startAtZero(operations []string) {
	for _, command := range Commands() {
		for _, o := range outcomes() {
			m.runs.WithLabelValues(command, string(o))
		}
	}
	for _, state := range []string{"scanned", "kept", "dormant"} {
		m.users.WithLabelValues(state)
	}
	for _, state := range states() {
		m.users.WithLabelValues(string(state))
	}
	for _, d := range decisions() {
		m.decisions.WithLabelValues(string(d.Action), string(d.Reason))
	}
	for _, r := range results() {
		for _, dry := range []bool{true, false} {
			m.removals.WithLabelValues(string(r), strconv.FormatBool(dry))
		}
	}
	for _, g := range guards() {
		m.refusals.WithLabelValues(g)
	}
	for _, op := range operations {
		m.requestDuration.WithLabelValues(op)
		m.retries.WithLabelValues(op)
		for _, code := range []string{"200", "204", "401", "403", "404", "429", "500", "502", "503", "error"} {
			m.requests.WithLabelValues(op, code)
		}
	}
}

// Run counts a run that has ended. Call it once for each report.
func (m *Metrics) Run(r Report) {
	m.runs.WithLabelValues(r.Command, string(r.Outcome)).Inc()
	m.duration.Observe(r.FinishedAt.Sub(r.StartedAt).Seconds())
	setTime(m.registered(m.lastRun), r.FinishedAt)
	if r.Outcome.Succeeded() {
		m.succeeded = true
		setTime(m.registered(m.lastSuccess), r.FinishedAt)
	}
	for _, refusal := range r.Refusals {
		m.refusals.WithLabelValues(refusal.Guard).Inc()
	}
	if !r.Planned {
		return
	}
	m.planned = true
	kept := 0
	for reason, n := range r.Counts.Kept {
		m.decisions.WithLabelValues(string(Keep), string(reason)).Add(float64(n))
		kept += n
	}
	for a := range r.Accounts.Statuses() {
		if a.Reason == InGrace { // not a candidate
			continue
		}
		m.removals.WithLabelValues(string(a.Result), strconv.FormatBool(r.DryRun)).Inc()
		if a.Action != Keep {
			m.decisions.WithLabelValues(string(a.Action), string(a.Reason)).Inc()
		}
	}
	m.brake.Set(0)
	if r.BrakeOn() {
		m.brake.Set(1)
	}
	for _, state := range states() { // they add up to those scanned
		m.users.WithLabelValues(string(state)).Set(float64(r.Counts.States[state]))
	}
	m.users.WithLabelValues("scanned").Set(float64(r.Counts.Scanned))
	m.users.WithLabelValues("candidate").Set(float64(r.Counts.Candidates))
	m.users.WithLabelValues("kept").Set(float64(kept))
	if r.Control != nil {
		m.users.WithLabelValues("dormant").Set(float64(r.Control.M3))
	}
}

// NextRun sets when the next run starts.
func (m *Metrics) NextRun(t time.Time) { setTime(m.registered(m.nextRun), t) }

// Request counts a request and its duration. code is the HTTP status code, or 0 if there
// was no answer.
func (m *Metrics) Request(operation string, code int, took time.Duration) {
	label := "error"
	if code != 0 {
		label = strconv.Itoa(code)
	}
	m.requests.WithLabelValues(operation, label).Inc()
	m.requestDuration.WithLabelValues(operation).Observe(took.Seconds())
}

// Retry counts the repetition of a request.
func (m *Metrics) Retry(operation string) { m.retries.WithLabelValues(operation).Inc() }

// registered registers a time stamp when its first value is set: before that its value
// would be 0, and pushing that would overwrite a real time at the gateway.
func (m *Metrics) registered(g prometheus.Gauge) prometheus.Gauge {
	// An error means that it is registered already.
	_ = m.reg.Register(g)
	return g
}

func setTime(g prometheus.Gauge, t time.Time) { g.Set(float64(t.UnixMilli()) / 1000) }
