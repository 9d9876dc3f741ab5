package command

import (
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"

	"dormant/client/profile"
	"dormant/client/sandbox"
)

func TestDemo(t *testing.T) {
	t.Parallel()
	p := start(t, []string{"DORMANT_DRY_RUN=nonsense"}, "demo") // the environment does not matter
	if code := p.wait(t); code != exitDone || p.stderr.String() != "" {
		t.Fatalf("%d:\n%s%s", code, &p.stdout, &p.stderr)
	}
	scenes := regexp.MustCompile(`(?s)== 1\..*\ncandidates +(\d+)\n.*== 2\..*guard refused.*== 3\..*Removed (\d+) accounts.*` +
		`== 4\..*No account would be removed.*directory: .*?(\d+) DELETE`).FindStringSubmatch(p.stdout.String())
	if len(scenes) != 4 || scenes[1] == "0" || scenes[1] != scenes[2] || scenes[1] != scenes[3] {
		t.Errorf("%q in:\n%s", scenes, &p.stdout)
	}
}

func TestSandboxPrintsHowToReachIt(t *testing.T) {
	for _, system := range sandbox.Systems() {
		t.Run(system, func(t *testing.T) {
			t.Parallel()
			p := spawn(t, nil, "sandbox", "--listen=127.0.0.1:0", "--system="+system, "--users=40")
			exports := strings.Fields(p.stdout.await(t, `(?m)^export (.*)\n\S*dormant audit$`)[1])
			audit := start(t, append(exports, "DORMANT_FORMAT=json"), "audit")
			code := audit.wait(t)
			switch exists := slices.Contains(profile.Names(), system); {
			case exists && (code != exitDone || !strings.Contains(audit.stdout.String(), `"outcome": "dry_run"`)):
				t.Errorf("%d:\n%s%s", code, &audit.stdout, &audit.stderr)
			case !exists && (code != exitUsage || !strings.Contains(audit.stderr.String(), "./"+system+".yaml")): // the guide writes it
				t.Errorf("%d:\n%s%s", code, &audit.stdout, &audit.stderr)
			}
			p.signal(syscall.SIGTERM)
			if code := p.wait(t); code != exitDone {
				t.Errorf("the exit code is %d:\n%s", code, &p.stderr)
			}
		})
	}
}

// Whoever has only the source repeats what is printed as it is.
func TestCommandsThatArePrintedWork(t *testing.T) {
	for program, want := range map[string]string{
		"": "dormant", "dormant": "dormant", "./dormant": "./dormant",
		"/tmp/go-build1046/b001/exe/dormant":         "go run .",
		"/home/me/.cache/go-build/7a/7a83-d/dormant": "go run .",
	} {
		if got := (&app{Process: Process{Program: program}}).typed(); got != want {
			t.Errorf("%q: %q, want %q", program, got, want)
		}
	}
}
