package report

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"dormant/job"
)

// WriteFile writes the report to path, all of it or nothing: until it is
// complete and on disk, a file that is already there stays as it is. The ending
// chooses the format: .json, .csv or .html. Only the owner may read the file,
// for it names people.
func WriteFile(path string, r job.Report) error {
	format, err := formatOf(path)
	if err != nil {
		return err
	}
	f, err := createBeside(path)
	if err != nil {
		return err
	}
	if err := fill(f, format, r, path); err != nil {
		_ = os.Remove(f.Name())
		return fmt.Errorf("report %s: %w", path, err)
	}
	return nil
}

// fill writes the file and gives it its name.
func fill(f *os.File, format string, r job.Report, path string) error {
	err := Write(f, format, r)
	if err == nil {
		err = f.Sync()
	}
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	return err
}

// CheckPath says before a run whether WriteFile could write to path: whether
// its ending is known, and files can be made in its directory. It leaves
// nothing behind.
func CheckPath(path string) error {
	if _, err := formatOf(path); err != nil {
		return err
	}
	if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() {
		return fmt.Errorf("report %s: not a regular file", path)
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

// createBeside makes a file in the directory of path, for its owner alone.
func createBeside(path string) (*os.File, error) {
	f, err := os.CreateTemp(filepath.Dir(path), ".report-*.tmp")
	if err != nil {
		if detail := (*fs.PathError)(nil); errors.As(err, &detail) {
			err = detail.Err // without the name of a file that nobody knows
		}
		return nil, fmt.Errorf("report %s: no file can be made in %s: %w", path, filepath.Dir(path), err)
	}
	return f, nil
}
