package command

import (
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// A file that is configured may be a pipe to which nobody writes, a device without an end,
// or something large that was meant for another variable. None of them keeps the program
// waiting, or is read to its end.
func TestFilesAreBounded(t *testing.T) {
	t.Parallel()
	d := serve(t, "itflex")
	d.unset("DORMANT_TOKEN")
	fifo := filepath.Join(t.TempDir(), "fifo")
	if err := syscall.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	large := write(t, "large", strings.Repeat("x", 17<<20))
	const token = "DORMANT_TOKEN=x"
	for _, c := range []struct {
		variable string
		path     string
		says     string
		more     []string
	}{
		{"DORMANT_TOKEN_FILE", fifo, "not a regular file", nil},
		{"DORMANT_TOKEN_FILE", "/dev/zero", "not a regular file", nil},
		{"DORMANT_TOKEN_FILE", large, "larger than 64 KiB", nil},
		{"DORMANT_CLIENT_SECRET_FILE", fifo, "not a regular file", nil},
		{"DORMANT_CLIENT_SECRET_FILE", large, "larger than 64 KiB", nil},
		{"DORMANT_ALLOWLIST_FILE", fifo, "not a regular file", []string{token}},
		{"DORMANT_ALLOWLIST_FILE", "/dev/zero", "not a regular file", []string{token}},
		{"DORMANT_ALLOWLIST_FILE", large, "line 1", []string{token}},
		{"DORMANT_ALLOWLIST_FILE", write(t, "lines", strings.Repeat("# a line without an entry\n", 1<<20)), "larger than 16 MiB", []string{token}},
		{"DORMANT_ACTIVITY_FILE", fifo, "not a regular file", []string{token}},
		{"DORMANT_ACTIVITY_FILE", "/dev/zero", "not a regular file", []string{token}},
		{"DORMANT_ACTIVITY_FILE", large, "larger than 64 KiB", []string{token}},
		{"DORMANT_CA_FILE", fifo, "not a regular file", []string{token}},
		{"DORMANT_CA_FILE", large, "larger than 16 MiB", []string{token}},
		{"DORMANT_CERT_FILE", fifo, "not a regular file", []string{token, "DORMANT_KEY_FILE=" + fifo}},
		{"DORMANT_PROFILE", fifo, "not a regular file", []string{token}},
	} {
		p := start(t, d.env(append(c.more, c.variable+"="+c.path)...), "audit")
		select {
		case <-p.ended:
		case <-time.After(20 * time.Second):
			t.Fatalf("%s=%s keeps it waiting", c.variable, c.path)
		}
		if says := p.stderr.String(); p.code != exitUsage || !strings.Contains(says, c.variable) || !strings.Contains(says, c.says) || len(says) > 4000 {
			t.Errorf("%s=%s: %d, and %q is not in:\n%.4000s", c.variable, c.path, p.code, c.says, says)
		}
	}
	if sent := d.Requests(); len(sent) > 0 {
		t.Errorf("%d requests", len(sent))
	}
	p := start(t, nil, "journal", "verify", fifo)
	select {
	case <-p.ended:
	case <-time.After(20 * time.Second):
		t.Fatal("a journal keeps it waiting")
	}
	if p.code != exitUsage || !strings.Contains(p.stderr.String(), "not a regular file") {
		t.Errorf("a journal: %d, %s", p.code, &p.stderr)
	}
}
