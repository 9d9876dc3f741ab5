package command

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"dormant/client/profile"
)

// The scripts are run in the real shells, of which those count that are installed.
func TestCompletion(t *testing.T) {
	t.Parallel()
	tests := []struct {
		line string // as far as it was typed
		want []string
	}{
		{"dormant ", slices.Collect(names())},
		{"dormant ver", []string{"version"}},
		{"dormant nothing", nil},
		{"dormant help ch", []string{"check"}},
		{"dormant profiles ", profile.Names()},
		{"dormant profiles goo", []string{"google-workspace"}},
		{"dormant completion ", []string{"bash", "zsh", "fish"}},
		{"dormant journal v", []string{"verify"}},
	}
	shells := map[string]func(script, line string) []string{
		"bash": func(script, line string) []string {
			return []string{"-c", `. "$1"; COMP_WORDS=($2); [[ $2 != *" " ]] || COMP_WORDS+=(""); COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); _dormant; printf '%s\n' "${COMPREPLY[@]}"`, "bash", script, line}
		},
		"fish": func(script, line string) []string {
			return []string{"--no-config", "-c", `source $argv[1]; complete -C $argv[2] | string replace -r '\t.*' ''; true`, script, line}
		},
		"zsh": func(script, line string) []string { // what the completion would add, without a terminal
			return []string{"-f", "-c", `compdef() {}; compadd() { matches=("${(@P)2}") }; _files() {}; words=("${(z)2}")
				[[ $2 == *" " ]] && words+=(""); CURRENT=$#words; matches=(); . "$1"; _dormant; print -l -- ${(M)matches:#${words[CURRENT]}*}`, "zsh", script, line}
		},
	}
	for shell, args := range shells {
		t.Run(shell, func(t *testing.T) {
			t.Parallel()
			program, err := exec.LookPath(shell)
			if err != nil {
				t.Skip(err)
			}
			p := start(t, nil, "completion", shell)
			if code := p.wait(t); code != exitDone {
				t.Fatal(code, p.stderr.String())
			}
			script := filepath.Join(t.TempDir(), "dormant")
			if err := os.WriteFile(script, []byte(p.stdout.String()), 0o600); err != nil {
				t.Fatal(err)
			}
			for _, tt := range tests {
				cmd := exec.Command(program, args(script, tt.line)...)
				cmd.Dir, cmd.Env = t.TempDir(), append(os.Environ(), "HOME="+t.TempDir())
				out, err := cmd.CombinedOutput()
				if err != nil {
					t.Fatalf("%q: %v: %s", tt.line, err, out)
				}
				sameIDs(t, tt.line, strings.Fields(string(out)), tt.want)
			}
		})
	}
}
