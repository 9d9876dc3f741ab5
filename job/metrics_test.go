package job

import (
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// gather is the values of all series, as name{label="value"}; of a histogram,
// how often it was observed.
func gather(t *testing.T, reg *prometheus.Registry) map[string]float64 {
	t.Helper()
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	values := map[string]float64{}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			var labels []string
			for _, l := range m.GetLabel() {
				labels = append(labels, fmt.Sprintf("%s=%q", l.GetName(), l.GetValue()))
			}
			name := f.GetName()
			if len(labels) > 0 {
				name += "{" + strings.Join(labels, ",") + "}"
			}
			values[name] = m.GetCounter().GetValue() + m.GetGauge().GetValue() + float64(m.GetHistogram().GetSampleCount())
		}
	}
	return values
}

// changed is what has another value in now than in before.
func changed(before, now map[string]float64) []string {
	var series []string
	for name, value := range now {
		if was, ok := before[name]; !ok || was != value {
			series = append(series, fmt.Sprintf("%s %g", name, value))
		}
	}
	slices.Sort(series)
	return series
}

func names(values map[string]float64) []string {
	set := map[string]bool{}
	for series := range values {
		name, _, _ := strings.Cut(series, "{")
		set[name] = true
	}
	return slices.Sorted(maps.Keys(set))
}

func TestMetricsAtTheStart(t *testing.T) {
	reg := prometheus.NewRegistry()
	m := NewMetrics(reg, []string{"list", "remove"})
	start := gather(t, reg)
	for series, value := range start {
		if value != 0 {
			t.Errorf("%s is %g at the start", series, value)
		}
	}
	var want []string
	for _, command := range []string{"audit", "run", "apply", "daemon"} {
		for _, outcome := range []string{"completed", "dry_run", "refused", "partial", "failed", "interrupted"} {
			want = append(want, fmt.Sprintf("dormant_runs_total{command=%q,outcome=%q}", command, outcome))
		}
	}
	for _, state := range []string{"scanned", "candidate", "kept", "dormant", "active", "new", "in_grace", "exempt", "unknown"} {
		want = append(want, fmt.Sprintf("dormant_last_run_users{state=%q}", state))
	}
	for _, reason := range []string{
		"active", "allowlisted", "self", "admin", "service_account", "protected_role",
		"never_logged_in", "last_login_unknown", "unsafe_id", "active_again", "already_disabled", "not_disabled", "in_grace", "not_approved",
	} {
		want = append(want, fmt.Sprintf("dormant_decisions_total{action=\"keep\",reason=%q}", reason))
	}
	for _, reason := range []string{"inactive", "never_logged_in"} {
		want = append(want, fmt.Sprintf("dormant_decisions_total{action=\"remove\",reason=%q}", reason),
			fmt.Sprintf("dormant_decisions_total{action=\"disable\",reason=%q}", reason))
	}
	for _, result := range []string{"would_remove", "would_disable", "removed", "disabled", "accepted", "refused_by_directory", "already_gone", "kept", "failed", "not_attempted"} {
		for _, dry := range []bool{true, false} {
			want = append(want, fmt.Sprintf("dormant_removals_total{dry_run=\"%t\",result=%q}", dry, result))
		}
	}
	for _, guard := range []string{"max_removals", "max_removal_percent", "require_active", "max_silence", "activity_file", "alive_in", "actor_unknown", "confirmation",
		"logins_moved_back", "candidates_unusual", "unknown_unusual", "vanished_unusual", "brake"} {
		want = append(want, fmt.Sprintf("dormant_guard_refusals_total{guard=%q}", guard))
	}
	for _, operation := range []string{"list", "remove"} {
		want = append(want,
			fmt.Sprintf("dormant_api_retries_total{operation=%q}", operation),
			fmt.Sprintf("dormant_api_request_duration_seconds{operation=%q}", operation))
		for _, code := range []string{"200", "204", "401", "403", "404", "429", "500", "502", "503", "error"} {
			want = append(want, fmt.Sprintf("dormant_api_requests_total{code=%q,operation=%q}", code, operation))
		}
	}
	want = append(want, "dormant_run_duration_seconds", "dormant_brake_on")
	slices.Sort(want)
	if got := slices.Sorted(maps.Keys(start)); !slices.Equal(got, want) {
		t.Errorf("at the start:\ngot  %s\nwant %s", strings.Join(got, "\n     "), strings.Join(want, "\n     "))
	}

	// The names as the design has them; dormant_build_info, and what Go and the
	// process tell, are registered where the program is put together.
	m.Run(Report{Command: "run", Outcome: Completed, FinishedAt: testNow})
	m.NextRun(testNow)
	wantNames := []string{
		"dormant_api_request_duration_seconds", "dormant_api_requests_total", "dormant_api_retries_total",
		"dormant_brake_on", "dormant_decisions_total", "dormant_guard_refusals_total", "dormant_last_run_timestamp_seconds",
		"dormant_last_run_users", "dormant_last_success_timestamp_seconds", "dormant_next_run_timestamp_seconds",
		"dormant_removals_total", "dormant_run_duration_seconds", "dormant_runs_total",
	}
	if got := names(gather(t, reg)); !slices.Equal(got, wantNames) {
		t.Errorf("got  %v\nwant %v", got, wantNames)
	}
}

func TestMetricsOfARun(t *testing.T) {
	account := func(action Action, reason Reason, result Result) Account {
		return Account{ID: "secret-id", Username: "secret-name", Email: "secret-mail", Action: action, Reason: reason, Result: result, Error: "secret-error"}
	}
	at := testNow.Add(250 * time.Millisecond)
	tests := []struct {
		rule   string
		report Report
		want   []string
	}{
		{"a run that was completed", Report{
			Command: "run", Outcome: Completed, Planned: true,
			Counts: Counts{Scanned: 10, Candidates: 4, Kept: map[Reason]int{Active: 6, ActiveAgain: 1}},
			Accounts: ListAccounts(
				account(Remove, Inactive, Removed), account(Remove, NeverLoggedIn, Removed),
				account(Keep, ActiveAgain, Kept), account(Remove, Inactive, AlreadyGone),
			),
		}, []string{
			`dormant_decisions_total{action="keep",reason="active"} 6`,
			`dormant_decisions_total{action="keep",reason="active_again"} 1`,
			`dormant_decisions_total{action="remove",reason="inactive"} 2`,
			`dormant_decisions_total{action="remove",reason="never_logged_in"} 1`,
			`dormant_last_run_timestamp_seconds 1.78290720025e+09`,
			`dormant_last_run_users{state="candidate"} 4`,
			`dormant_last_run_users{state="kept"} 7`,
			`dormant_last_run_users{state="scanned"} 10`,
			`dormant_last_success_timestamp_seconds 1.78290720025e+09`,
			`dormant_removals_total{dry_run="false",result="already_gone"} 1`,
			`dormant_removals_total{dry_run="false",result="kept"} 1`,
			`dormant_removals_total{dry_run="false",result="removed"} 2`,
			`dormant_run_duration_seconds 1`,
			`dormant_runs_total{command="run",outcome="completed"} 1`,
		}},
		{"a dry run that a guard would refuse", Report{
			Command: "audit", Outcome: DryRun, DryRun: true, Planned: true, Refusals: []Refusal{{Guard: GuardMaxRemovals}},
			Counts:   Counts{Scanned: 1, Candidates: 1},
			Accounts: ListAccounts(account(Remove, Inactive, WouldRemove)),
		}, []string{
			`dormant_decisions_total{action="remove",reason="inactive"} 1`,
			`dormant_guard_refusals_total{guard="max_removals"} 1`,
			`dormant_last_run_timestamp_seconds 1.78290720025e+09`,
			`dormant_last_run_users{state="candidate"} 1`,
			`dormant_last_run_users{state="scanned"} 1`,
			`dormant_last_success_timestamp_seconds 1.78290720025e+09`,
			`dormant_removals_total{dry_run="true",result="would_remove"} 1`,
			`dormant_run_duration_seconds 1`,
			`dormant_runs_total{command="audit",outcome="dry_run"} 1`,
		}},
		{"a run that disables", Report{
			Command: "run", Outcome: Completed, Planned: true,
			Counts: Counts{Scanned: 3, Candidates: 3, Kept: map[Reason]int{AlreadyDisabled: 1}},
			Accounts: ListAccounts(
				account(Disable, Inactive, Disabled), account(Disable, NeverLoggedIn, Disabled), account(Keep, AlreadyDisabled, Kept),
			),
		}, []string{
			`dormant_decisions_total{action="disable",reason="inactive"} 1`,
			`dormant_decisions_total{action="disable",reason="never_logged_in"} 1`,
			`dormant_decisions_total{action="keep",reason="already_disabled"} 1`,
			`dormant_last_run_timestamp_seconds 1.78290720025e+09`,
			`dormant_last_run_users{state="candidate"} 3`,
			`dormant_last_run_users{state="kept"} 1`,
			`dormant_last_run_users{state="scanned"} 3`,
			`dormant_last_success_timestamp_seconds 1.78290720025e+09`,
			`dormant_removals_total{dry_run="false",result="disabled"} 2`,
			`dormant_removals_total{dry_run="false",result="kept"} 1`,
			`dormant_run_duration_seconds 1`,
			`dormant_runs_total{command="run",outcome="completed"} 1`,
		}},
		{"a run with accounts in grace, which are no candidates", Report{
			Command: "run", Outcome: Completed, Planned: true,
			Counts:   Counts{Scanned: 3, Candidates: 1, Kept: map[Reason]int{InGrace: 2}},
			Accounts: ListAccounts(account(Remove, Inactive, Removed), account(Keep, InGrace, Kept), account(Keep, InGrace, Kept)),
		}, []string{
			`dormant_decisions_total{action="keep",reason="in_grace"} 2`,
			`dormant_decisions_total{action="remove",reason="inactive"} 1`,
			`dormant_last_run_timestamp_seconds 1.78290720025e+09`,
			`dormant_last_run_users{state="candidate"} 1`,
			`dormant_last_run_users{state="kept"} 2`,
			`dormant_last_run_users{state="scanned"} 3`,
			`dormant_last_success_timestamp_seconds 1.78290720025e+09`,
			`dormant_removals_total{dry_run="false",result="removed"} 1`,
			`dormant_run_duration_seconds 1`,
			`dormant_runs_total{command="run",outcome="completed"} 1`,
		}},
		{"a run that read half of the directory", Report{Command: "daemon", Outcome: Failed, Counts: Counts{Scanned: 500}}, []string{
			`dormant_last_run_timestamp_seconds 1.78290720025e+09`,
			`dormant_run_duration_seconds 1`,
			`dormant_runs_total{command="daemon",outcome="failed"} 1`,
		}},
	}
	for _, tt := range tests {
		t.Run(tt.rule, func(t *testing.T) {
			reg := prometheus.NewRegistry()
			m := NewMetrics(reg, nil)
			start := gather(t, reg)
			tt.report.StartedAt, tt.report.FinishedAt, tt.report.RunID, tt.report.URL = testNow, at, "secret-run", "secret-url"
			m.Run(tt.report)
			if got := changed(start, gather(t, reg)); !slices.Equal(got, tt.want) {
				t.Errorf("got  %s\nwant %s", strings.Join(got, "\n     "), strings.Join(tt.want, "\n     "))
			}
		})
	}
}

func TestMetricsOfSuccess(t *testing.T) {
	const lastRun, lastSuccess = "dormant_last_run_timestamp_seconds", "dormant_last_success_timestamp_seconds"
	for outcome, succeeded := range map[Outcome]bool{
		Completed: true, DryRun: true, Refused: false, Partial: false, Failed: false, Interrupted: false,
	} {
		reg := prometheus.NewRegistry()
		m := NewMetrics(reg, nil)
		m.Run(Report{Command: "run", Outcome: outcome, FinishedAt: testNow})
		values := gather(t, reg)
		if _, got := values[lastSuccess]; got != succeeded {
			t.Errorf("%s: last success %t, want %t", outcome, got, succeeded)
		}
		if values[lastRun] != float64(testNow.Unix()) {
			t.Errorf("%s: last run %g", outcome, values[lastRun])
		}
		// What was once reached stays, in the process and in the file of the next.
		path := filepath.Join(t.TempDir(), "dormant.prom")
		for i, outcome := range []Outcome{Failed, Completed, Failed, Refused} {
			m := NewMetrics(prometheus.NewRegistry(), nil)
			m.Run(Report{Command: "run", Outcome: outcome, FinishedAt: testNow.Add(time.Duration(i) * time.Second)})
			m.Run(Report{Command: "run", Outcome: Interrupted, FinishedAt: testNow.Add(time.Minute)})
			if err := m.WriteFile(path); err != nil {
				t.Fatal(err)
			}
			want := testNow.Add(time.Second)
			if i == 0 {
				want = time.Time{}
			}
			if got := lastSuccessIn(path); !got.Equal(want) {
				t.Errorf("file %d: last success %s, want %s", i, got, want)
			}
		}
	}
}

func TestMetricsOfRequests(t *testing.T) {
	reg := prometheus.NewRegistry()
	m := NewMetrics(reg, []string{"list"})
	start := gather(t, reg)
	m.Request("list", 200, time.Second)
	m.Request("list", 0, time.Second)
	m.Request("list", 418, time.Second)
	m.Retry("list")
	want := []string{
		`dormant_api_request_duration_seconds{operation="list"} 3`,
		`dormant_api_requests_total{code="200",operation="list"} 1`,
		`dormant_api_requests_total{code="418",operation="list"} 1`,
		`dormant_api_requests_total{code="error",operation="list"} 1`,
		`dormant_api_retries_total{operation="list"} 1`,
	}
	if got := changed(start, gather(t, reg)); !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

// No directory adds a series: those of every possible result exist at zero from the start.
func TestMetricsAddNoSeries(t *testing.T) {
	reg := prometheus.NewRegistry()
	m := NewMetrics(reg, nil)
	m.Run(Report{Command: "run", Outcome: Completed})
	start := len(gather(t, reg))
	for _, command := range Commands() {
		for _, o := range outcomes() {
			r := Report{Command: command, Outcome: o, DryRun: o == DryRun, Planned: true, Counts: Counts{Kept: map[Reason]int{}}}
			for _, g := range guards() {
				r.Refusals = append(r.Refusals, Refusal{Guard: g})
			}
			var accounts []Account
			for i, d := range decisions() {
				if r.Counts.Kept[d.Reason] = 1; d.Action == Remove {
					delete(r.Counts.Kept, d.Reason)
				}
				for _, result := range results() {
					accounts = append(accounts, Account{ID: fmt.Sprint("secret", i), Action: d.Action, Reason: d.Reason, Result: result})
				}
			}
			r.Accounts = ListAccounts(accounts...)
			m.Run(r)
		}
	}
	values := gather(t, reg)
	if len(values) != start {
		t.Errorf("%d series, %d at the start", len(values), start)
	}
	for series := range values {
		if strings.Contains(series, "secret") {
			t.Error(series)
		}
	}
}
