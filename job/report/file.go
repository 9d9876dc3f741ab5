package report

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"dormant/job"
)

// What the name of a report's file may have in it.
const (
	placeholderRun  = "{run_id}"
	placeholderDate = "{date}" // on which the run began, in UTC
)

// WriteFile writes the report to path atomically: an existing file is replaced only when
// the new one is complete and synced to disk, and never if its run has changed more accounts
// than this one: then WriteFile writes to another one beside it, with the run's id in its
// name, and returns that path instead of nothing. The extension of path chooses the format:
// .json, .csv or .html. Only the owner can read the file, because it names people.
func WriteFile(path string, r job.Report) (instead string, err error) {
	format, err := formatOf(path)
	if err != nil {
		return "", err
	}
	path = strings.NewReplacer(placeholderRun, r.RunID, placeholderDate, r.StartedAt.UTC().Format(time.DateOnly)).Replace(path)
	if doneIn(path, format) > done(r.Counts) {
		ending := filepath.Ext(path)
		path = strings.TrimSuffix(path, ending) + "-" + r.RunID + ending
		instead = path
	}
	if err := replace(path, func(w io.Writer) error { return Write(w, format, r) }); err != nil {
		return "", fmt.Errorf("report %w", err)
	}
	return instead, nil
}

// replace writes a file beside path, syncs it, and renames it to path. After an error, path is
// as it was, and the error names it.
func replace(path string, write func(io.Writer) error) error {
	f, err := createBeside(path)
	if err != nil {
		return err
	}
	err = write(f)
	if err == nil {
		err = f.Sync()
	}
	err = cmp.Or(err, f.Close())
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		_ = os.Remove(f.Name())
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}

// CheckPath returns an error if WriteFile could not write to path: if the extension is
// unknown, path is not a regular file, or its directory is not writable. It leaves no file
// behind.
func CheckPath(path string) error {
	if _, err := formatOf(path); err != nil {
		return err
	}
	rest := strings.NewReplacer(placeholderRun, "", placeholderDate, "").Replace(filepath.Base(path))
	if strings.ContainsAny(filepath.Dir(path)+rest, "{}") {
		return fmt.Errorf("report %s: %s and %s are accepted, in the name of the file", path, placeholderRun, placeholderDate)
	}
	return checkWritable(path)
}

// CheckPlanPath does the same for WritePlan, to which the extension is all the same.
func CheckPlanPath(path string) error { return checkWritable(path) }

func checkWritable(path string) error {
	if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() {
		return fmt.Errorf("%s: not a regular file", path)
	}
	f, err := createBeside(path)
	if err != nil {
		return err
	}
	return errors.Join(f.Close(), os.Remove(f.Name()))
}

func formatOf(path string) (string, error) {
	switch strings.ToLower(filepath.Ext(path)) {
	case ".json":
		return JSON, nil
	case ".csv":
		return CSV, nil
	case ".html":
		return HTML, nil
	}
	return "", fmt.Errorf("report %q: the ending chooses the format, and has to be .json, .csv or .html", path)
}

// createBeside creates a temporary file in the directory of path that only its owner can
// read.
func createBeside(path string) (*os.File, error) {
	f, err := os.CreateTemp(filepath.Dir(path), ".report-*.tmp")
	if err != nil {
		if detail := (*fs.PathError)(nil); errors.As(err, &detail) {
			err = detail.Err // without the name of the temporary file
		}
		return nil, fmt.Errorf("%s: no file can be made in %s: %w", path, filepath.Dir(path), err)
	}
	return f, nil
}
