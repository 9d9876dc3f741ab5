package job

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestReadFile(t *testing.T) {
	dir := t.TempDir()
	path := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	const limit = 64 << 10
	for _, n := range []int{0, 1, limit - 1, limit} {
		if text, err := ReadFile(path("file", strings.Repeat("x", n)), limit); err != nil || len(text) != n {
			t.Errorf("%d bytes: %d, %v", n, len(text), err)
		}
	}
	for _, n := range []int{limit + 1, 10 * limit} {
		if text, err := ReadFile(path("file", strings.Repeat("x", n)), limit); err == nil || !strings.Contains(err.Error(), "is larger than 64 KiB") || !strings.Contains(err.Error(), dir) || len(text) > limit {
			t.Errorf("%d bytes: %d, %v", n, len(text), err)
		}
	}
	if err := os.Symlink(path("target", "text"), filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	if text, err := ReadFile(filepath.Join(dir, "link"), limit); err != nil || string(text) != "text" {
		t.Errorf("a link: %q, %v", text, err)
	}
	if _, err := ReadFile(filepath.Join(dir, "none"), limit); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
}

// What is no regular file is not even opened: nobody may ever write to a pipe.
func TestReadFileRefusesPipesAndDevices(t *testing.T) {
	dir := t.TempDir()
	fifo := filepath.Join(dir, "fifo")
	if err := syscall.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{fifo, dir, "/dev/zero", "/dev/null"} {
		done := make(chan error, 1)
		go func() {
			_, err := ReadFile(path, 1<<10)
			done <- err
		}()
		select {
		case err := <-done:
			if err == nil || !strings.Contains(err.Error(), path+": is not a regular file") {
				t.Errorf("%s: %v", path, err)
			}
		case <-time.After(10 * time.Second):
			t.Fatalf("%s keeps it waiting", path)
		}
	}
}
