package memory

import (
	"errors"
	"io/fs"
	"os"
)

// ErrLocked means that another process works with the file.
var ErrLocked = errors.New("another run has it")

// Lock makes this process the only one that may write the file at path. It does not wait;
// the error is ErrLocked while another one has it, or why nothing could be written beside
// the file. Readers need no lock. It ends with the process.
type Lock struct {
	path string
	file *os.File
}

// Acquire locks the file at path, which need not exist.
func Acquire(path string) (*Lock, error) {
	if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() {
		return nil, &fs.PathError{Op: "open", Path: path, Err: errors.New("is not a regular file")}
	}
	path += ".lock"
	for {
		file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
		if err != nil {
			return nil, err
		}
		if err := flock(file); err != nil {
			_ = file.Close()
			return nil, &fs.PathError{Op: "lock", Path: path, Err: err}
		}
		// Whoever had it may have removed the file since it was opened.
		if own, err := file.Stat(); err == nil {
			if there, err := os.Stat(path); err == nil && os.SameFile(own, there) {
				return &Lock{path, file}, nil
			}
		}
		_ = file.Close()
	}
}

// Release lets others have the file. A nil Lock is released.
func (l *Lock) Release() error {
	if l == nil {
		return nil
	}
	return errors.Join(os.Remove(l.path), l.file.Close())
}
