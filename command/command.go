// Package command has the program's commands, one file each, and what they share:
// this file dispatches, cleanup.go puts a run together, log.go and exit.go are the
// log and the exit codes. Arguments, environment, streams and time are handed in,
// so that each command can be tried without a process.
package command

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"iter"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"

	"dormant/client"
	"dormant/command/config"
	"dormant/job"
)

// Process is what one start of the program is given. All of it is required.
type Process struct {
	Program        string    // as it was started
	Args           []string  // without the program's name
	Environ        []string  // NAME=value
	Stdin          io.Reader // nil: there is none
	Stdout, Stderr io.Writer
	Now            func() time.Time
}

// command is one of the program's commands.
type command struct {
	name, args, does string
	reads            configuration
	run              func(a *app, ctx context.Context, args []string) int // returns the exit code
}

// configuration is what a command wants of the variables.
type configuration int

const (
	noVariables  configuration = iota // it runs whatever they say
	auditOnly                         // it changes nothing, whatever DORMANT_DRY_RUN says
	allVariables                      // DORMANT_DRY_RUN decides whether it changes something
)

// ownFlags stands for the arguments of a command that parses flags itself.
const ownFlags = "[FLAGS]"

// commands are all commands, in the order in which help lists them. A further one
// is a line here, and a file with its function.
func commands() []command {
	return []command{
		{"audit", "", "scan and show who would be removed and why; never changes anything", auditOnly, (*app).audit},
		{"run", "", "one cleanup, then exit; removes only with DORMANT_DRY_RUN=false", allVariables, (*app).run},
		{"apply", "PLAN", "remove whom a person has left in a plan, and nobody else; removes only with DORMANT_DRY_RUN=false", allVariables, (*app).apply},
		{"daemon", "", "run on DORMANT_SCHEDULE until stopped; serve metrics and health", allVariables, (*app).daemon},
		{"explain", "USER", "show each rule for one account (id, username or email) and what it decides", auditOnly, (*app).explain},
		{"check", "", "validate the configuration, reach the directory, read one page, say what was found", auditOnly, (*app).check},
		{"journal", "verify FILE", "say what a journal proves, and ask the directory, if there is one, about what is in doubt", noVariables, (*app).journal},
		{"ledger", ledgerUsage, "show or export what the runs remember, forget an account, or let the runs act again", auditOnly, (*app).ledger},
		{"profiles", "[NAME]", "list the built-in profiles, or print one to start your own from", noVariables, (*app).profiles},
		{"sandbox", ownFlags, "serve the sample directory, for trying things out", noVariables, (*app).sandbox},
		{"demo", "", "the whole story against the sample directory: audit, guard, real run, audit again", noVariables, (*app).demo},
		{"completion", "bash|zsh|fish", "print the shell's completion", noVariables, (*app).completion},
		{"version", "", "print the version", noVariables, (*app).version},
		{"help", "[COMMAND]", "print this help with all variables and their defaults", noVariables, (*app).help},
	}
}

// app is what the commands share.
type app struct {
	Process
	cfg config.Config
	log zerolog.Logger

	registry *prometheus.Registry // of the program's own metrics
	metrics  *job.Metrics
	approval *job.Approval          // of dormant apply
	told     *prometheus.CounterVec // notifications by service and result
}

// Main is the program. It returns the exit code when ctx is done at the latest,
// after what is under way has ended.
func Main(ctx context.Context, p Process) int {
	a := &app{Process: p, log: zerolog.New(p.Stderr)}
	if len(p.Args) == 0 {
		fmt.Fprint(a.Stderr, helpText())
		return exitUsage
	}
	name, args := p.Args[0], p.Args[1:]
	switch {
	case isHelpFlag(name):
		name = "help"
	case slices.Contains([]string{"-v", "-V", "-version", "--version"}, name):
		name = "version"
	}
	c, err := find(name)
	if err != nil {
		return a.failUsage(err)
	}
	if c.args != ownFlags {
		if len(args) > 0 && isHelpFlag(args[0]) {
			return a.help(ctx, []string{name})
		}
		if len(args) > 0 && args[0] == "--" { // for a USER that begins with a dash
			args = args[1:]
		} else if i := slices.IndexFunc(args, func(arg string) bool { return strings.HasPrefix(arg, "-") && !c.takes(arg) }); i >= 0 {
			return a.failUsage(noFlag(c, args[i]))
		}
		if most := len(strings.Fields(c.args)); len(args) > most {
			return a.failUsage(fmt.Errorf("usage: dormant %s", c.usage()))
		}
	}
	if c.reads != noVariables && !a.configured(c.reads) {
		return exitUsage
	}
	return c.run(a, ctx, args)
}

func isHelpFlag(arg string) bool { return slices.Contains([]string{"-h", "-help", "--help"}, arg) }

// find returns the command with the name.
func find(name string) (command, error) {
	for _, c := range commands() {
		if c.name == name {
			return c, nil
		}
	}
	return command{}, fmt.Errorf("there is no command %q%s; dormant help lists them", name, config.Suggest(name, names()))
}

// names yields the names of the commands.
func names() iter.Seq[string] {
	return func(yield func(string) bool) {
		for _, c := range commands() {
			if !yield(c.name) {
				return
			}
		}
	}
}

// takes reports whether the arguments of the command have the flag.
func (c command) takes(flag string) bool {
	name, _, _ := strings.Cut(flag, "=")
	return slices.Contains(strings.Fields(c.args), "--"+strings.TrimLeft(name, "-"))
}

// noFlag is the error about a flag of a command that has none.
func noFlag(c command, flag string) error {
	flag, _, _ = strings.Cut(flag, "=") // the value may be a secret
	variable := config.Prefix + strings.ToUpper(strings.ReplaceAll(strings.TrimLeft(flag, "-"), "-", "_"))
	if slices.ContainsFunc(config.All(), func(v config.Variable) bool { return v.Name == variable }) {
		return fmt.Errorf("%s: dormant %s has no flags; set the variable %s", flag, c.name, variable)
	}
	return fmt.Errorf("%s: dormant %s has no flags; settings are variables, and dormant help %s lists them", flag, c.name, c.name)
}

// configured reads the configuration and prints what is wrong with it. It reports
// whether nothing is.
func (a *app) configured(reads configuration) bool {
	problems := a.configure(reads)
	if len(problems) == 0 {
		return true
	}
	fmt.Fprintf(a.Stderr, "dormant: the configuration is wrong:\n")
	for _, p := range problems {
		fmt.Fprintf(a.Stderr, "  %s\n", indented(p.Error(), "    "))
	}
	fmt.Fprintf(a.Stderr, "dormant help lists the variables.\n")
	return false
}

// configure sets what depends on the configuration, and returns what is wrong with it.
func (a *app) configure(reads configuration) []error {
	var problems []error
	a.cfg, problems = config.Load(a.Environ, reads == auditOnly, a.Now())
	a.log = newLog(a.cfg, a.Stderr, terminal(a.Stderr))
	a.registry = prometheus.NewRegistry()
	a.metrics = job.NewMetrics(a.registry, client.Operations())
	a.registry.MustRegister(buildInfo())
	a.told = notifications(a.registry)
	return problems
}

// typed is how the program is started once more by whoever has started it.
func (a *app) typed() string {
	if strings.Contains(a.Program, string(filepath.Separator)+"go-build") {
		return "go run ."
	}
	return cmp.Or(a.Program, "dormant")
}

// print writes a result.
func (a *app) print(text string) int {
	if _, err := io.WriteString(a.Stdout, text); err != nil {
		return a.fail(err)
	}
	return exitDone
}
