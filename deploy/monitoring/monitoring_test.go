// Package monitoring_test compares the rules and the dashboard with what the
// program exports. Whether they are right is for promtool and Prometheus: see check.
package monitoring_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/prometheus/client_golang/prometheus"

	"dormant/client"
	"dormant/job"
)

// values are the known ones of a metric's labels; none are known of a label that
// holds a version or the bound of a bucket.
type values map[string][]string

// targetLabels come from Prometheus or from the Pushgateway's grouping key.
var targetLabels = []string{"namespace", "job", "instance", "target"}

// exported is all that the program exports: what its registry has after a run,
// and dormant_build_info, which is registered in main, as the README has it. A
// test there compares the README with the program.
func exported(t *testing.T) map[string]values {
	t.Helper()
	reg := prometheus.NewRegistry()
	m := job.NewMetrics(reg, client.Operations())
	m.Run(job.Report{Outcome: job.Completed, Command: "run"})
	m.NextRun(time.Time{})
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	metrics := map[string]values{}
	for _, f := range families {
		labels := values{}
		for _, series := range f.GetMetric() {
			for _, l := range series.GetLabel() {
				labels[l.GetName()] = append(labels[l.GetName()], l.GetValue())
			}
		}
		metrics[f.GetName()] = labels
		if f.GetMetric()[0].GetHistogram() != nil {
			delete(metrics, f.GetName())
			metrics[f.GetName()+"_sum"], metrics[f.GetName()+"_count"] = labels, labels
			withBound := maps.Clone(labels)
			withBound["le"] = nil
			metrics[f.GetName()+"_bucket"] = withBound
		}
	}
	for _, row := range regexp.MustCompile("(?m)^\\| `(dormant_build_info)` \\| (.*?) \\|").FindAllStringSubmatch(read(t, "../../README.md"), -1) {
		metrics[row[1]] = values{}
		for _, label := range strings.Split(row[2], ",") {
			metrics[row[1]][strings.Trim(label, " `")] = nil
		}
	}
	if len(metrics["dormant_build_info"]) == 0 {
		t.Error("the README has no dormant_build_info")
	}
	// What Prometheus itself knows of whatever it scrapes.
	metrics["up"] = values{}
	return metrics
}

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// selector is a metric in an expression, with what its labels are compared with.
type selector struct {
	name     string
	matchers [][3]string // label, operator, value
}

// The parts of PromQL that are needed to tell metrics and labels from the rest.
var (
	token     = regexp.MustCompile("(?s)^(?:\"(?:[^\"\\\\]|\\\\.)*\"|'(?:[^'\\\\]|\\\\.)*'|`[^`]*`|[a-zA-Z_:][\\w:]*|[0-9][\\w.]*|=~|!~|!=|[=<>]=|\\[[^]]*\\]|.)")
	comment   = regexp.MustCompile(`(?m)^\s*#.*$`)
	name      = regexp.MustCompile(`^[a-zA-Z_:]`)
	listed    = []string{"by", "without", "on", "ignoring", "group_left", "group_right"} // a list of labels may follow
	keywords  = []string{"and", "or", "unless", "bool", "offset"}
	operators = []string{"=", "!=", "=~", "!~"}
)

// extract finds the metrics in an expression, and the labels outside of selectors.
func extract(expr string) (metrics []selector, labels []string, err error) {
	var tokens []string
	for rest := strings.TrimSpace(comment.ReplaceAllString(expr, "")); rest != ""; rest = strings.TrimSpace(rest) {
		t := token.FindString(rest)
		tokens, rest = append(tokens, t), rest[len(t):]
	}
	at := func(i int) string {
		if i < len(tokens) {
			return tokens[i]
		}
		return ""
	}
	for i := 0; i < len(tokens); i++ {
		word, next := tokens[i], at(i+1)
		switch {
		case slices.Contains(listed, word):
			if next != "(" {
				continue // group_left needs none
			}
			for i += 2; at(i) != ")"; i++ {
				if label := at(i); name.MatchString(label) {
					labels = append(labels, label)
				} else if label != "," {
					return nil, nil, fmt.Errorf("%q in the labels of %s", label, word)
				}
			}
		case !name.MatchString(word) && word != "{", slices.Contains(keywords, word):
		case next == "(", slices.Contains(listed, next): // a function, or an aggregation
		default:
			s := selector{name: word}
			if word == "{" {
				return nil, nil, fmt.Errorf("a selector without a name: %s", expr)
			}
			if next == "{" {
				for i += 2; at(i) != "}"; i++ {
					if at(i) == "," {
						continue
					}
					label, operator, value := at(i), at(i+1), at(i+2)
					if !name.MatchString(label) || !slices.Contains(operators, operator) || len(value) < 2 {
						return nil, nil, fmt.Errorf("%q after %s{", label+operator+value, word)
					}
					s.matchers = append(s.matchers, [3]string{label, operator, value[1 : len(value)-1]})
					i += 2
				}
			}
			metrics = append(metrics, s)
		}
	}
	return metrics, labels, nil
}

func TestExtract(t *testing.T) {
	for _, tt := range []struct{ expr, metrics, labels string }{
		{`up`, `up`, ``},
		{`a{b="c"} > 1`, `a{b=c}`, ``},
		{`sum by (x, y) (rate(a_total{b=~"c|d", e!='f{'}[5m] offset 1h)) / 1e3 and on (z) b`, `a_total{b=~c|d,e!=f{} b`, `x y z`},
		{`max(a) by (x) or b:c:d unless on () 0 * vector(2)`, `a b:c:d`, `x`},
		{`a * on (x) group_left (y) b / ignoring (z) group_right c`, `a b c`, `x y z`},
		{"# sum by (nothing)\na", `a`, ``},
		{`max_over_time(a{le="+Inf"}[7d:1h] offset 7d) >= bool b`, `a{le=+Inf} b`, ``},
		{`a[$window]`, `a`, ``},
		{`{b="c"}`, ``, `error`},
		{`a{b}`, ``, `error`},
		{`sum by (x y`, ``, `error`},
	} {
		metrics, labels, err := extract(tt.expr)
		var got []string
		for _, m := range metrics {
			var matchers []string
			for _, matcher := range m.matchers {
				matchers = append(matchers, strings.Join(matcher[:], ""))
			}
			if len(matchers) > 0 {
				m.name += "{" + strings.Join(matchers, ",") + "}"
			}
			got = append(got, m.name)
		}
		if err != nil {
			labels = []string{"error"}
		}
		if strings.Join(got, " ") != tt.metrics || strings.Join(labels, " ") != tt.labels {
			t.Errorf("%s: metrics %q, labels %q (%v), want %s, %s", tt.expr, got, labels, err, tt.metrics, tt.labels)
		}
	}
}

// check reports what an expression names and nobody exports: such a rule never
// fires, and such a panel stays empty.
func check(t *testing.T, where, expr string, metrics map[string]values) {
	t.Helper()
	selectors, labels, err := extract(expr)
	if err != nil {
		t.Errorf("%s: %v", where, err)
	}
	if len(selectors) == 0 {
		t.Errorf("%s: no metric in %s", where, expr)
	}
	for _, s := range selectors {
		known, ok := metrics[s.name]
		if !ok {
			t.Errorf("%s: there is no metric %s", where, s.name)
			continue
		}
		for _, m := range s.matchers {
			label, operator, value := m[0], m[1], m[2]
			if slices.Contains(targetLabels, label) {
				continue
			}
			possible, ok := known[label]
			switch {
			case !ok:
				t.Errorf("%s: %s has no label %s", where, s.name, label)
			case len(possible) == 0:
			case operator == "=" || operator == "!=":
				if !slices.Contains(possible, value) {
					t.Errorf("%s: %s never has %s=%q", where, s.name, label, value)
				}
			default:
				for alternative := range strings.SplitSeq(value, "|") {
					re, err := regexp.Compile("^(?:" + alternative + ")$")
					if err != nil || !slices.ContainsFunc(possible, re.MatchString) {
						t.Errorf("%s: %s never has %s=~%q (%v)", where, s.name, label, alternative, err)
					}
				}
			}
		}
	}
	for _, label := range labels {
		if !slices.Contains(targetLabels, label) && !slices.ContainsFunc(slices.Collect(maps.Values(metrics)), func(v values) bool { _, ok := v[label]; return ok }) {
			t.Errorf("%s: nothing has the label %s", where, label)
		}
	}
}

type rule struct {
	Record      string            `yaml:"record"`
	Alert       string            `yaml:"alert"`
	Expr        string            `yaml:"expr"`
	For         string            `yaml:"for"`
	Labels      map[string]string `yaml:"labels"`
	Annotations map[string]string `yaml:"annotations"`
}

func readRules(t *testing.T) (rules []rule) {
	t.Helper()
	var file struct {
		Groups []struct {
			Name  string `yaml:"name"`
			Rules []rule `yaml:"rules"`
		} `yaml:"groups"`
	}
	if err := yaml.UnmarshalWithOptions([]byte(read(t, "rules.yaml")), &file, yaml.Strict()); err != nil {
		t.Fatal(err)
	}
	for _, g := range file.Groups {
		rules = append(rules, g.Rules...)
	}
	return rules
}

func alerts(rules []rule) []rule {
	return slices.DeleteFunc(slices.Clone(rules), func(r rule) bool { return r.Alert == "" })
}

// withRecorded adds what the rules themselves record, with the labels of the
// metrics that it comes from.
func withRecorded(metrics map[string]values, rules []rule) map[string]values {
	metrics = maps.Clone(metrics)
	for _, r := range rules {
		if r.Record == "" {
			continue
		}
		labels := values{}
		from, _, _ := extract(r.Expr)
		for _, s := range from {
			maps.Copy(labels, metrics[s.name])
		}
		metrics[r.Record] = labels
	}
	return metrics
}

var (
	templateLabel = regexp.MustCompile(`\$?(?:labels|\.Labels)\.(\w+)`)
	templateQuery = regexp.MustCompile(`query \(printf "((?:[^"\\]|\\.)*)"`)
)

func TestRulesUseWhatExists(t *testing.T) {
	rules := readRules(t)
	metrics := withRecorded(exported(t), rules)
	for _, r := range rules {
		where := r.Record + r.Alert
		check(t, where, r.Expr, metrics)
		text := strings.Join(slices.Collect(maps.Values(r.Annotations)), " ")
		for _, query := range templateQuery.FindAllStringSubmatch(text, -1) {
			check(t, where+"'s annotations", regexp.MustCompile(`%s,?`).ReplaceAllString(query[1], ""), metrics)
		}
		if strings.Count(text, "query ") != len(templateQuery.FindAllString(text, -1)) {
			t.Errorf("%s: a query in the annotations that this test does not understand", where)
		}
		for _, label := range templateLabel.FindAllStringSubmatch(text, -1) {
			check(t, where+"'s annotations", "sum by ("+label[1]+") (up)", metrics)
		}
	}
}

func TestAlertsAreComplete(t *testing.T) {
	runbooks := read(t, "../README.md")
	for _, r := range alerts(readRules(t)) {
		if !slices.Contains([]string{"critical", "warning", "info"}, r.Labels["severity"]) {
			t.Errorf("%s: severity is %q", r.Alert, r.Labels["severity"])
		}
		for _, name := range []string{"summary", "description"} {
			if len(r.Annotations[name]) < 20 {
				t.Errorf("%s: %s is %q", r.Alert, name, r.Annotations[name])
			}
		}
		if want := "deploy/README.md#" + strings.ToLower(r.Alert); r.Annotations["runbook_url"] != want {
			t.Errorf("%s: runbook_url is %q, want %s", r.Alert, r.Annotations["runbook_url"], want)
		}
		// What GitHub and others make the anchor from.
		heading := regexp.MustCompile(`(?m)^#+ ` + r.Alert + `\n+([^#\n].*)`).FindStringSubmatch(runbooks)
		if heading == nil {
			t.Errorf("%s: deploy/README.md has no section of that name with text in it", r.Alert)
		}
	}
	for _, heading := range regexp.MustCompile(`(?m)^#+ (Dormant[A-Z]\w+)$`).FindAllStringSubmatch(runbooks, -1) {
		if !slices.ContainsFunc(readRules(t), func(r rule) bool { return r.Alert == heading[1] }) {
			t.Errorf("deploy/README.md has a section on %s, and there is no such alert", heading[1])
		}
	}
}

// testFile is what promtool reads.
type testFile struct {
	RuleFiles          []string `yaml:"rule_files"`
	EvaluationInterval string   `yaml:"evaluation_interval"`
	Tests              []struct {
		Name        string `yaml:"name"`
		Interval    string `yaml:"interval"`
		InputSeries []struct {
			Series string `yaml:"series"`
			Values string `yaml:"values"`
		} `yaml:"input_series"`
		AlertRuleTest []struct {
			Alertname string `yaml:"alertname"`
			EvalTime  string `yaml:"eval_time"`
			ExpAlerts []struct {
				Labels      map[string]string `yaml:"exp_labels"`
				Annotations map[string]string `yaml:"exp_annotations"`
			} `yaml:"exp_alerts"`
		} `yaml:"alert_rule_test"`
	} `yaml:"tests"`
}

func TestEveryAlertIsTestedFiringAndSilent(t *testing.T) {
	var file testFile
	if err := yaml.UnmarshalWithOptions([]byte(read(t, "rules_test.yaml")), &file, yaml.Strict()); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(file.RuleFiles, []string{"rules.yaml"}) {
		t.Errorf("it tests %q", file.RuleFiles)
	}
	metrics := exported(t)
	firing, silent := map[string]int{}, map[string]int{}
	for _, group := range file.Tests {
		for _, s := range group.InputSeries {
			check(t, group.Name, s.Series, metrics)
		}
		for _, at := range group.AlertRuleTest {
			if len(at.ExpAlerts) > 0 {
				firing[at.Alertname]++
			} else {
				silent[at.Alertname]++
			}
			for _, alert := range at.ExpAlerts {
				for label := range alert.Labels {
					if label != "severity" {
						check(t, group.Name, "sum by ("+label+") (up)", metrics)
					}
				}
			}
		}
	}
	var names []string
	for _, r := range alerts(readRules(t)) {
		names = append(names, r.Alert)
		if firing[r.Alert] == 0 || silent[r.Alert] == 0 {
			t.Errorf("%s is tested %d times firing and %d times silent", r.Alert, firing[r.Alert], silent[r.Alert])
		}
	}
	for name := range maps.Keys(silent) { // promtool takes a misspelt alert for a silent one
		if !slices.Contains(names, name) {
			t.Errorf("there is no alert %s to stay silent", name)
		}
	}
}

// dashboard is as much of Grafana's schema as the dashboard uses.
type dashboard struct {
	UID                  string   `json:"uid"`
	Title                string   `json:"title"`
	Description          string   `json:"description"`
	Tags                 []string `json:"tags"`
	SchemaVersion        int      `json:"schemaVersion"`
	Version              int      `json:"version"`
	Editable             bool     `json:"editable"`
	GraphTooltip         int      `json:"graphTooltip"`
	FiscalYearStartMonth int      `json:"fiscalYearStartMonth"`
	LiveNow              bool     `json:"liveNow"`
	WeekStart            string   `json:"weekStart"`
	Timezone             string   `json:"timezone"`
	Refresh              string   `json:"refresh"`
	Time                 struct {
		From string `json:"from"`
		To   string `json:"to"`
	} `json:"time"`
	Timepicker  any   `json:"timepicker"`
	Annotations any   `json:"annotations"`
	Links       []any `json:"links"`
	Templating  struct {
		List []variable `json:"list"`
	} `json:"templating"`
	Panels []panel `json:"panels"`
}

type variable struct {
	Type        string      `json:"type"`
	Name        string      `json:"name"`
	Label       string      `json:"label"`
	Description string      `json:"description"`
	Datasource  *datasource `json:"datasource"`
	Query       any         `json:"query"`
	IncludeAll  bool        `json:"includeAll"`
	Multi       bool        `json:"multi"`
	AllValue    string      `json:"allValue"`
	Current     any         `json:"current"`
	Options     []any       `json:"options"`
	Refresh     int         `json:"refresh"`
	Sort        int         `json:"sort"`
	Hide        int         `json:"hide"`
	Regex       string      `json:"regex"`
	SkipURLSync bool        `json:"skipUrlSync"`
}

type datasource struct {
	Type string `json:"type"`
	UID  string `json:"uid"`
}

type panel struct {
	ID              int         `json:"id"`
	Type            string      `json:"type"`
	Title           string      `json:"title"`
	Description     string      `json:"description"`
	Datasource      *datasource `json:"datasource"`
	GridPos         box         `json:"gridPos"`
	FieldConfig     any         `json:"fieldConfig"`
	Options         any         `json:"options"`
	Transformations []any       `json:"transformations"`
	Targets         []query     `json:"targets"`
	Collapsed       bool        `json:"collapsed"`
	Panels          []any       `json:"panels"`
}

type box struct{ X, Y, W, H int }

func (b box) overlaps(o box) bool {
	return b.X < o.X+o.W && o.X < b.X+b.W && b.Y < o.Y+o.H && o.Y < b.Y+b.H
}

type query struct {
	RefID        string      `json:"refId"`
	Datasource   *datasource `json:"datasource"`
	EditorMode   string      `json:"editorMode"`
	Expr         string      `json:"expr"`
	LegendFormat string      `json:"legendFormat"`
	Format       string      `json:"format"`
	Instant      bool        `json:"instant"`
	Range        bool        `json:"range"`
}

func readDashboard(t *testing.T) (d dashboard) {
	t.Helper()
	decoder := json.NewDecoder(bytes.NewBufferString(read(t, "dashboard.json")))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&d); err != nil {
		t.Fatal(err)
	}
	return d
}

// family is the metric that a histogram's series belong to.
func family(name string) string {
	return regexp.MustCompile(`_(bucket|sum|count)$`).ReplaceAllString(name, "")
}

func TestDashboardUsesWhatExists(t *testing.T) {
	d, metrics, shown := readDashboard(t), exported(t), map[string]bool{}
	for _, p := range d.Panels {
		for _, q := range p.Targets {
			check(t, p.Title, q.Expr, metrics)
			selectors, _, _ := extract(q.Expr)
			for _, s := range selectors {
				shown[family(s.name)] = true
				for _, want := range [][3]string{{"job", "=~", "$job"}, {"target", "=~", "$target"}, {"instance", "=~", "$instance"}} {
					if !slices.Contains(s.matchers, want) {
						t.Errorf("%s: %s without %s", p.Title, s.name, strings.Join(want[:], ""))
					}
				}
			}
		}
	}
	labelValues := regexp.MustCompile(`^label_values\((.*), (\w+)\)$`)
	for _, v := range d.Templating.List {
		if v.Type != "query" {
			continue
		}
		q, _ := v.Query.(map[string]any)
		if m := labelValues.FindStringSubmatch(fmt.Sprint(q["query"])); m == nil {
			t.Errorf("$%s: %v", v.Name, v.Query)
		} else {
			check(t, "$"+v.Name, "sum by ("+m[2]+") ("+m[1]+")", metrics)
		}
	}
	for name := range metrics {
		if !shown[family(name)] && name != "up" {
			t.Errorf("%s is not on the dashboard", family(name))
		}
	}
}

func TestDashboardIsWellFormed(t *testing.T) {
	d := readDashboard(t)
	if d.UID == "" || d.Title == "" || d.SchemaVersion < 36 || d.Time.From == "" || d.Time.To != "now" {
		t.Errorf("uid %q, title %q, schema %d, from %q to %q", d.UID, d.Title, d.SchemaVersion, d.Time.From, d.Time.To)
	}
	kinds := map[string]string{}
	for _, v := range d.Templating.List {
		kinds[v.Name] = v.Type
	}
	for name, kind := range map[string]string{"datasource": "datasource", "job": "query", "target": "query", "instance": "query"} {
		if kinds[name] != kind {
			t.Errorf("$%s is %q, want a %s", name, kinds[name], kind)
		}
	}
	for _, v := range regexp.MustCompile(`\$\{?(\w+)\}?`).FindAllStringSubmatch(read(t, "dashboard.json"), -1) {
		if kinds[v[1]] == "" && v[1] != "__all" {
			t.Errorf("there is no variable $%s", v[1])
		}
	}
	types := []string{"row", "stat", "table", "timeseries", "state-timeline"}
	want := datasource{Type: "prometheus", UID: "${datasource}"}
	for i, p := range d.Panels {
		for _, o := range d.Panels[:i] {
			if o.ID == p.ID || o.GridPos.overlaps(p.GridPos) {
				t.Errorf("%q and %q share an id or their place", o.Title, p.Title)
			}
		}
		if g := p.GridPos; p.ID == 0 || g.X < 0 || g.W < 1 || g.H < 1 || g.X+g.W > 24 || !slices.Contains(types, p.Type) || p.Title == "" {
			t.Errorf("%+v", p)
		}
		if p.Type == "row" {
			continue
		}
		if p.Description == "" || p.Datasource == nil || *p.Datasource != want || len(p.Targets) == 0 {
			t.Errorf("%s: description %q, data source %v, %d queries", p.Title, p.Description, p.Datasource, len(p.Targets))
		}
		refs := map[string]bool{}
		for _, q := range p.Targets {
			if refs[q.RefID] || q.RefID == "" || q.Datasource == nil || *q.Datasource != want || q.Instant == q.Range {
				t.Errorf("%s: %+v", p.Title, q)
			}
			refs[q.RefID] = true
		}
	}
}
