package config

import (
	"fmt"
	"os"
	"path/filepath"

	"dormant/job/report"
)

// pathProblems are paths at which nothing can be written, or at which something else
// is that would be lost.
func (v Variables) pathProblems() []error {
	var problems []error
	add := func(format string, args ...any) { problems = append(problems, fmt.Errorf(format, args...)) }
	if info, err := os.Stat(v.Ledger); err == nil && !info.Mode().IsRegular() {
		add("DORMANT_LEDGER=%q: is not a regular file", v.Ledger)
	}
	for _, file := range [][2]string{{"JOURNAL", v.Journal}, {"METRICS_FILE", v.MetricsFile}, {"LEDGER", v.Ledger}} {
		if info, err := os.Stat(filepath.Dir(file[1])); file[1] != "" && (err != nil || !info.IsDir()) {
			add("DORMANT_%s=%q: there is no such directory", file[0], file[1])
		}
	}
	for _, path := range v.Report {
		if err := report.CheckPath(path); err != nil {
			add("DORMANT_REPORT: %w", err)
		}
	}
	if v.Plan != "" {
		if err := report.CheckPlanPath(v.Plan); err != nil {
			add("DORMANT_PLAN: %w", err)
		}
	}
	return append(problems, v.sharedPaths()...)
}

// sharedPaths are files that are written, and that another variable names as well: the
// one would overwrite the other.
func (v Variables) sharedPaths() []error {
	var problems []error
	written := v.writtenFiles()
	for i, file := range written {
		for _, other := range append(written[i+1:len(written):len(written)], v.readFiles()...) {
			if sameFile(file[1], other[1]) {
				problems = append(problems, fmt.Errorf("DORMANT_%s and DORMANT_%s: name the same file; give each a file of its own", file[0], other[0]))
			}
		}
	}
	return problems
}

// writtenFiles are the files that are written, by their variables.
func (v Variables) writtenFiles() [][2]string {
	written := [][2]string{{"JOURNAL", v.Journal}, {"LEDGER", v.Ledger}, {"METRICS_FILE", v.MetricsFile}, {"PLAN", v.Plan}}
	for _, path := range v.Report {
		written = append(written, [2]string{"REPORT", path})
	}
	return written
}

// readFiles are the files that are read.
func (v Variables) readFiles() [][2]string {
	return [][2]string{
		{"PROFILE", v.ProfileName}, {"TOKEN_FILE", v.TokenFile}, {"PASSWORD_FILE", v.PasswordFile}, {"CLIENT_SECRET_FILE", v.ClientSecretFile}, {"NOTIFY_URL_FILE", v.NotifyURLFile},
		{"ALLOWLIST_FILE", v.AllowlistFile}, {"ACTIVITY_FILE", v.ActivityFile}, {"ALIVE_IN", v.AliveIn},
		{"CA_FILE", v.CAFile}, {"CERT_FILE", v.CertFile}, {"KEY_FILE", v.KeyFile},
	}
}

// overwrites are the files of a further directory that this one would write.
func (v Variables) overwrites(elsewhere Variables) []error {
	var problems []error
	for _, read := range elsewhere.readFiles() {
		for _, written := range v.writtenFiles() {
			if sameFile(read[1], written[1]) {
				problems = append(problems, fmt.Errorf("DORMANT_%s: names the same file as DORMANT_%s, which is written; give each a file of its own", read[0], written[0]))
			}
		}
	}
	return problems
}

// sameFile reports whether two paths lead to one file, which need not be there yet.
func sameFile(a, b string) bool {
	if a == "" || b == "" {
		return false
	}
	if target(a) == target(b) {
		return true
	}
	infoA, errA := os.Stat(a)
	infoB, errB := os.Stat(b)
	return errA == nil && errB == nil && os.SameFile(infoA, infoB)
}

// maxLinks is how many links to a file are followed, each of which may lead to the next.
const maxLinks = 40

// target is where the path leads, through links to folders and to files that are not
// there yet.
func target(path string) string {
	path, err := filepath.Abs(path)
	if err != nil {
		return path
	}
	for range maxLinks {
		if folder, err := filepath.EvalSymlinks(filepath.Dir(path)); err == nil {
			path = filepath.Join(folder, filepath.Base(path))
		}
		next, err := os.Readlink(path)
		if err != nil {
			return path
		}
		if !filepath.IsAbs(next) {
			next = filepath.Join(filepath.Dir(path), next)
		}
		path = next
	}
	return path
}
