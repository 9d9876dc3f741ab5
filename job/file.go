package job

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
)

// OpenFile opens a file for reading that may have at most limit bytes. Reading beyond
// them is an error, and so is opening anything but a regular file: a pipe could keep the
// program waiting, and a device has no end. The errors name the path.
func OpenFile(path string, limit int64) (io.ReadCloser, error) {
	info, err := os.Stat(path) // opening a pipe would wait for who writes to it
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, &fs.PathError{Op: "open", Path: path, Err: errors.New("is not a regular file")}
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	return &limitedFile{File: f, left: limit, limit: limit}, nil
}

// ReadFile reads a file as OpenFile opens it.
func ReadFile(path string, limit int64) ([]byte, error) {
	f, err := OpenFile(path, limit)
	if err != nil {
		return nil, err
	}
	text, err := io.ReadAll(f)
	return text, errors.Join(err, f.Close())
}

type limitedFile struct {
	*os.File

	left, limit int64
}

func (f *limitedFile) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	n, err := f.File.Read(p[:min(int64(len(p)), f.left+1)])
	if f.left -= int64(n); f.left < 0 {
		return 0, &fs.PathError{Op: "read", Path: f.Name(), Err: errors.New("is larger than " + formatSize(f.limit))}
	}
	return n, err
}

// formatSize formats a number of bytes as whole KiB or MiB.
func formatSize(n int64) string {
	if n >= 1<<20 {
		return fmt.Sprintf("%d MiB", n>>20)
	}
	return fmt.Sprintf("%d KiB", n>>10)
}

// maxLine bounds a line of a journal, in bytes.
const maxLine = 4 << 20

// readLine reads a line with its end. Of several zero bytes in a row, which a power failure
// can leave by the thousand, it returns one. If there are more than maxLine bytes, they are
// skipped and tooLong is true. At the end of the file, it returns an empty line with io.EOF.
func readLine(r *bufio.Reader) (line []byte, tooLong bool, err error) {
	for {
		part, err := r.ReadSlice('\n')
		for _, b := range part {
			switch n := len(line); {
			case b == 0 && n > 0 && line[n-1] == 0:
			case n >= maxLine:
				tooLong = true
			default:
				line = append(line, b)
			}
		}
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
		case errors.Is(err, io.EOF) && (len(line) > 0 || tooLong), err == nil:
			return line, tooLong, nil
		default:
			return nil, false, err
		}
	}
}
