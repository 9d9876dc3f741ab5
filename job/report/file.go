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

// WriteFile writes the report to path atomically: an existing file is replaced only when
// the new one is complete and synced to disk. The extension of path chooses the format:
// .json, .csv or .html. Only the owner can read the file, because it names people.
func WriteFile(path string, r job.Report) error {
	format, err := formatOf(path)
	if err != nil {
		return err
	}
	f, err := createBeside(path)
	if err != nil {
		return err
	}
	if err := writeAndRename(f, format, r, path); err != nil {
		_ = os.Remove(f.Name())
		return fmt.Errorf("report %s: %w", path, err)
	}
	return nil
}

// writeAndRename writes the report to f, syncs it, and renames f to path.
func writeAndRename(f *os.File, format string, r job.Report, path string) error {
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

// CheckPath returns an error if WriteFile could not write to path: if the extension is
// unknown, path is not a regular file, or its directory is not writable. It leaves no file
// behind.
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

// createBeside creates a temporary file in the directory of path that only its owner can
// read.
func createBeside(path string) (*os.File, error) {
	f, err := os.CreateTemp(filepath.Dir(path), ".report-*.tmp")
	if err != nil {
		if detail := (*fs.PathError)(nil); errors.As(err, &detail) {
			err = detail.Err // without the name of the temporary file
		}
		return nil, fmt.Errorf("report %s: no file can be made in %s: %w", path, filepath.Dir(path), err)
	}
	return f, nil
}
