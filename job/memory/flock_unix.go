//go:build unix

package memory

import (
	"errors"
	"os"
	"syscall"
)

// flock locks the file for this process, or returns ErrLocked. The lock ends with the file.
func flock(file *os.File) error {
	err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return ErrLocked
	}
	return err
}
