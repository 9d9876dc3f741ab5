package command

import (
	"bytes"
	"io"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"
)

func TestUsage(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		args           string
		code           int
		stdout, stderr string // patterns
	}{
		{"", exitUsage, `^$`, `Commands:(?s:.*)DORMANT_PROFILE`},
		{"clean", exitUsage, `^$`, `"clean".*dormant help`},
		{"audit extra", exitUsage, `^$`, `usage: dormant audit`},
		{"audti", exitUsage, `^$`, `there is no command "audti"; audit was probably meant`},
		{"run --force", exitUsage, `^$`, `--force: dormant run has no flags; .*dormant help run`},
		{"run --dry-run", exitUsage, `^$`, `--dry-run: dormant run has no flags; set the variable DORMANT_DRY_RUN\n$`},
		{"audit --token=hunter2", exitUsage, `^$`, `--token: dormant audit has no flags; set the variable DORMANT_TOKEN\n$`},
		{"explain -x", exitUsage, `^$`, `-x: dormant explain has no flags`},
		{"profiles -- -x", exitUsage, `^$`, `"-x"`},
		{"--version", exitDone, `^dormant \S+ `, `^$`},
		{"-v", exitDone, `^dormant \S+ `, `^$`},
		{"completion", exitUsage, `^$`, `usage: dormant completion bash\|zsh\|fish`},
		{"completion tcsh", exitUsage, `^$`, `usage: dormant completion`},
		{"explain", exitUsage, `^$`, `DORMANT_`},
		{"version 2", exitUsage, `^$`, `usage`},
		{"-h", exitDone, `Commands:(?s:.*)DORMANT_PROFILE`, `^$`},
		{"--help", exitDone, `Commands:(?s:.*)DORMANT_PROFILE`, `^$`},
		{"help", exitDone, `Commands:(?s:.*)DORMANT_PROFILE`, `^$`},
		{"help run", exitDone, `usage: dormant run\n(?s:.*)To whom:\n(?s:.*)DORMANT_DRY_RUN +true`, `^$`},
		{"run --help", exitDone, `usage: dormant run\n`, `^$`},
		{"help clean", exitUsage, `^$`, `"clean"`},
		{"version", exitDone, `^dormant \S+ \(revision \S+, go\S+\)\n$`, `^$`},
		{"profiles", exitDone, `(?s)\bitflex .*\nmaestro .*\nredmine `, `^$`},
		{"profiles ldap", exitUsage, `^$`, `"ldap".*itflex, .*maestro, .*redmine`},
		{"sandbox extra", exitUsage, `^$`, `usage: dormant sandbox`},
		{"sandbox --users=-1", exitUsage, `^$`, `users`},
		{"sandbox --users=0", exitUsage, `^$`, `users`},
		{"sandbox --system=ldap", exitUsage, `^$`, `ldap`},
		{"sandbox --listen=nowhere", exitUsage, `^$`, `nowhere`},
	} {
		p := start(t, nil, strings.Fields(c.args)...)
		if got := p.wait(t); got != c.code {
			t.Errorf("dormant %s: the exit code is %d, not %d", c.args, got, c.code)
		}
		for pattern, text := range map[string]string{c.stdout: p.stdout.String(), c.stderr: p.stderr.String()} {
			if !regexp.MustCompile(pattern).MatchString(text) {
				t.Errorf("dormant %s: %s is not in:\n%s", c.args, pattern, text)
			}
		}
	}
}

func TestOutputThatCannotBeWritten(t *testing.T) {
	t.Parallel()
	d := serve(t, "itflex")
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Skip(err)
	}
	defer full.Close()
	var stderr bytes.Buffer
	if code := Main(t.Context(), Process{"dormant", []string{"run"}, d.env(forReal), nil, full, &stderr, time.Now}); code != exitFailed || !strings.Contains(stderr.String(), "no space left") {
		t.Errorf("the exit code is %d:\n%s", code, &stderr)
	}
	sameIDs(t, "removed", d.Removed(), d.unused())
	unlogged := serve(t, "itflex") // without a journal, the log is the only trace
	if code := Main(t.Context(), Process{"dormant", []string{"run"}, unlogged.env(forReal), nil, io.Discard, full, time.Now}); code != exitFailed || len(unlogged.Removed()) > 0 {
		t.Errorf("without a log: the exit code is %d, and %q are removed", code, unlogged.Removed())
	}
	for _, args := range []string{"help", "version", "profiles", "demo", "check"} {
		if code := Main(t.Context(), Process{"dormant", []string{args}, d.env(), nil, full, io.Discard, time.Now}); code != exitFailed {
			t.Errorf("dormant %s: the exit code is %d", args, code)
		}
	}
}
