package command

import (
	"encoding/csv"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"
)

func TestReports(t *testing.T) {
	t.Parallel()
	d := serve(t, "itflex")
	at := t.TempDir()
	r := d.run("audit", "DORMANT_REPORT="+at+"/report.json")
	if written := read(t, at+"/report.json"); written != r.stdout {
		t.Errorf("the file is not what was printed:\n%s", written)
	}
	var report, first map[string]any
	if err := json.Unmarshal([]byte(r.stdout), &report); err != nil {
		t.Fatal(err)
	}
	first = report["accounts"].([]any)[0].(map[string]any)
	for what, c := range map[string]struct {
		object map[string]any
		keys   string
	}{
		"report":  {report, "schema version run_id command dry_run outcome profile url started_at finished_at cutoff digest counts refusals warnings control accounts exempt"},
		"counts":  {report["counts"].(map[string]any), "scanned candidates removed disabled accepted refused_by_directory already_gone failed not_attempted kept states"},
		"account": {first, "id username email last_login inactive_days action reason result error"},
	} {
		if got, want := slices.Sorted(maps.Keys(c.object)), slices.Sorted(slices.Values(strings.Fields(c.keys))); !slices.Equal(got, want) {
			t.Errorf("%s: %q, not %q", what, got, want)
		}
	}
	p := start(t, d.env("DORMANT_FORMAT=csv", "DORMANT_REPORT="+at+"/report.csv"), "run")
	p.wait(t)
	rows, err := csv.NewReader(strings.NewReader(p.stdout.String())).ReadAll()
	acted := slices.DeleteFunc(slices.Clone(rows), func(row []string) bool { return row[5] == "keep" })
	if err != nil || len(acted) != 1+len(d.unused()) || len(rows)-len(acted) != len(report["exempt"].([]any)) || strings.Join(rows[0], " ") != "id username email last_login inactive_days action reason result error" {
		t.Errorf("CSV, %v:\n%s", err, &p.stdout)
	}
	if read(t, at+"/report.csv") != p.stdout.String() {
		t.Error("the CSV file is not what was printed")
	}
	p = start(t, d.env("DORMANT_FORMAT=table", "DORMANT_REPORT="+at+"/report.html"), "run")
	p.wait(t)
	html := read(t, at+"/report.html")
	for _, id := range d.unused() {
		if name := d.user(id).Username; !strings.Contains(html, name) || !strings.Contains(p.stdout.String(), name) {
			t.Errorf("%s is missing in a report", name)
		}
	}
}
