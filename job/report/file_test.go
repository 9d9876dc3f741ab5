package report

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"dormant/job"
)

func TestWriteFile(t *testing.T) {
	r := sample("run", false, job.Completed, job.Removed)
	for ending, format := range map[string]string{".json": JSON, ".csv": CSV, ".html": HTML, ".JSON": JSON} {
		path := filepath.Join(t.TempDir(), "report"+ending)
		if err := os.WriteFile(path, []byte("old"), 0o644); err != nil {
			t.Fatal(err)
		}
		if err := CheckPath(path); err != nil {
			t.Error(err)
		}
		if got := content(t, path); got != "old" {
			t.Errorf("CheckPath left %q", got)
		}
		if _, err := WriteFile(path, r); err != nil {
			t.Fatal(err)
		}
		if got := content(t, path); got != write(t, format, r) {
			t.Errorf("%s: got\n%s", ending, got)
		}
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if got := info.Mode().Perm(); got != 0o600 {
			t.Errorf("%s: mode %o, others can read it", ending, got)
		}
		alone(t, path)
	}
}

func TestWriteFileKeepsTheOldOneOnFailure(t *testing.T) {
	path := filepath.Join(t.TempDir(), "report.json")
	if _, err := WriteFile(path, sample("run", false, job.Completed, job.Removed)); err != nil {
		t.Fatal(err)
	}
	old := content(t, path)
	r := sample("run", false, job.Completed, job.Removed)
	r.Cutoff = time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC) // which JSON can't have
	if _, err := WriteFile(path, r); err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("got %v", err)
	}
	if got := content(t, path); got != old {
		t.Errorf("got\n%s", got)
	}
	alone(t, path)
}

// The report of a run that did more is evidence; a retry or a dry run must not replace it.
func TestWriteFileKeepsTheReportOfARunThatDidMore(t *testing.T) {
	did := func(id string, removed, disabled, accepted int) job.Report {
		r := sample("run", false, job.Completed, job.Removed)
		r.RunID = id
		var accounts []job.Account
		for result, n := range map[job.Result]int{job.Removed: removed, job.Disabled: disabled, job.Accepted: accepted, job.NotRemoved: 7, job.AlreadyGone: 7} {
			for range n {
				accounts = append(accounts, job.Account{ID: "x", Action: job.Remove, Reason: job.Inactive, Result: result})
			}
		}
		r.Accounts = job.ListAccounts(accounts...)
		r.Counts.Removed, r.Counts.Disabled, r.Counts.Accepted = removed, disabled, accepted
		return r
	}
	for _, ending := range []string{".json", ".csv", ".html"} {
		format := ending[1:]
		path := filepath.Join(t.TempDir(), "report"+ending)
		beside := strings.TrimSuffix(path, ending) + "-less" + ending
		first, more, less := did("first", 2, 1, 1), did("more", 5, 0, 0), did("less", 2, 1, 1)
		for _, step := range []struct {
			r       job.Report
			instead string
			there   job.Report
		}{{first, "", first}, {more, "", more}, {less, beside, more}, {more, "", more}} {
			instead, err := WriteFile(path, step.r)
			if err != nil || instead != step.instead {
				t.Errorf("%s: wrote to %q, %v, want %q", step.r.RunID, instead, err, step.instead)
			}
			if content(t, path) != write(t, format, step.there) {
				t.Errorf("%s after %s: not the report of %s", ending, step.r.RunID, step.there.RunID)
			}
		}
		if content(t, beside) != write(t, format, less) {
			t.Errorf("%s: not the report of the run that did less", ending)
		}
		alone(t, path, beside)
	}
}

func TestPlaceholders(t *testing.T) {
	dir := t.TempDir()
	r := sample("run", false, job.Completed, job.Removed)
	r.RunID, r.StartedAt = "abc", time.Date(2026, 1, 31, 23, 0, 0, 0, time.FixedZone("", -3*3600))
	path := filepath.Join(dir, "r-{date}-{run_id}.json")
	if err := CheckPath(path); err != nil {
		t.Error(err)
	}
	if _, err := WriteFile(path, r); err != nil {
		t.Error(err)
	}
	alone(t, filepath.Join(dir, "r-2026-02-01-abc.json"))
	content(t, filepath.Join(dir, "r-2026-02-01-abc.json"))
	for _, wrong := range []string{"{time}.json", "{run_id.json", "{date}/r.json"} {
		if err := CheckPath(filepath.Join(dir, wrong)); err == nil || !strings.Contains(err.Error(), "{run_id} and {date} are accepted") {
			t.Errorf("%s: %v", wrong, err)
		}
	}
}

func TestUnusablePaths(t *testing.T) {
	dir := t.TempDir()
	file, folder, locked := filepath.Join(dir, "file.csv"), filepath.Join(dir, "folder.html"), filepath.Join(dir, "locked")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for path, mode := range map[string]os.FileMode{folder: 0o700, locked: 0o500} {
		if err := os.Mkdir(path, mode); err != nil {
			t.Fatal(err)
		}
	}
	tests := []struct {
		name string
		path string
		want string
	}{
		{"empty", "", ".json, .csv or .html"},
		{"no ending", filepath.Join(dir, "report"), ".json, .csv or .html"},
		{"unknown ending", filepath.Join(dir, "report.txt"), ".json, .csv or .html"},
		{"table has no ending", filepath.Join(dir, "report.table"), ".json, .csv or .html"},
		{"no directory", filepath.Join(dir, "none", "report.json"), "no file can be made in " + filepath.Join(dir, "none") + ": no such"},
		{"in a file", filepath.Join(file, "report.json"), "not a directory"},
		{"a folder", folder, ""},
		{"nobody may write there", "/proc/report.json", "no file can be made in /proc"},
		{"not writable", filepath.Join(locked, "report.json"), "permission denied"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if tt.name == "not writable" && os.Geteuid() == 0 {
				t.Skip("root may write everywhere")
			}
			for name, err := range map[string]error{"CheckPath": CheckPath(tt.path), "WriteFile": writeFileError(tt.path)} {
				if err == nil || !strings.Contains(err.Error(), tt.path) || !strings.Contains(err.Error(), tt.want) {
					t.Errorf("%s: got %v, want the path and %q", name, err, tt.want)
				}
			}
		})
	}
	alone(t, file, folder, locked)
}

func writeFileError(path string) error {
	_, err := WriteFile(path, job.Report{})
	return err
}

func content(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// alone fails if there is anything in the directory but the paths.
func alone(t *testing.T, paths ...string) {
	t.Helper()
	entries, err := os.ReadDir(filepath.Dir(paths[0]))
	if err != nil {
		t.Fatal(err)
	}
	if len(entries) != len(paths) {
		t.Errorf("left behind: %v", entries)
	}
}
