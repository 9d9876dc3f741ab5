package command

import (
	"context"
	_ "embed"
	"errors"
	"slices"
	"strings"

	"dormant/client/profile"
)

// The scripts are made for the commands as they are; a test runs them in the shells.
//
//go:embed completion.bash
var bashCompletion string

//go:embed completion.zsh
var zshCompletion string

//go:embed completion.fish
var fishCompletion string

// completion prints a script that completes the commands, and what may follow them.
func (a *app) completion(_ context.Context, args []string) int {
	scripts := map[string]string{"bash": bashCompletion, "zsh": zshCompletion, "fish": fishCompletion}
	if len(args) == 0 || scripts[args[0]] == "" {
		return a.failUsage(errors.New("usage: dormant completion bash|zsh|fish; for bash, source <(dormant completion bash)"))
	}
	commands := slices.Collect(names())
	return a.print(strings.NewReplacer(
		"@COMMANDS@", strings.Join(commands, " "),
		"@PROFILES@", strings.Join(profile.Names(), " "),
	).Replace(scripts[args[0]]))
}
