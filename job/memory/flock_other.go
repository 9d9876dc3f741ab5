//go:build !unix

package memory

import (
	"errors"
	"os"
)

// flock can't keep two runs apart here, so that none may write.
func flock(*os.File) error { return errors.ErrUnsupported }
