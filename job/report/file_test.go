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
		if err := WriteFile(path, r); err != nil {
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
	if err := WriteFile(path, sample("run", false, job.Completed, job.Removed)); err != nil {
		t.Fatal(err)
	}
	old := content(t, path)
	r := sample("run", false, job.Completed, job.Removed)
	r.Cutoff = time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC) // which JSON can't have
	if err := WriteFile(path, r); err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("got %v", err)
	}
	if got := content(t, path); got != old {
		t.Errorf("got\n%s", got)
	}
	alone(t, path)
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
			for name, err := range map[string]error{"CheckPath": CheckPath(tt.path), "WriteFile": WriteFile(tt.path, job.Report{})} {
				if err == nil || !strings.Contains(err.Error(), tt.path) || !strings.Contains(err.Error(), tt.want) {
					t.Errorf("%s: got %v, want the path and %q", name, err, tt.want)
				}
			}
		})
	}
	alone(t, file, folder, locked)
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
