package command

import (
	"net/http"
	"strings"
	"testing"
)

// What a profile can't tell is not shown as if the directory had said no.
func TestCheckSaysWhatTheProfileCantTell(t *testing.T) {
	t.Parallel()
	for system, want := range map[string][]string{
		"itflex":  {"administrators\n", "service account  not told", "disabled         not told"},
		"kratos":  {"told apart          0 disabled\n", "admin            not told", "service account  not told", "disabled         false"},
		"maestro": {"told apart          nobody: the profile has no flags", "admin            not told"},
		"gitea":   {"2 administrators, 0 disabled\n", "service account  not told"},
	} {
		t.Run(system, func(t *testing.T) {
			t.Parallel()
			d := serve(t, system)
			p := start(t, d.env(), "check")
			p.wait(t)
			for _, part := range want {
				if !strings.Contains(p.stdout.String(), part) {
					t.Errorf("%q is not in:\n%s%s", part, &p.stdout, &p.stderr)
				}
			}
		})
	}
}

// A directory that lists nobody at all proves nothing: some answer so to a token that has ended.
func TestCheckOfAnEmptyDirectory(t *testing.T) {
	t.Parallel()
	d := serve(t, "maestro")
	d.before(func(w http.ResponseWriter, _ *http.Request) bool { return answer(w, http.StatusOK, `{"users":[]}`) })
	p := start(t, d.env(), "check")
	if code := p.wait(t); code != exitUsage || !strings.Contains(p.stderr.String(), "lists no account at all") {
		t.Errorf("exit code %d:\n%s%s", code, &p.stdout, &p.stderr)
	}
}
