package command

import (
	"context"
	"fmt"
	"strings"
	"text/tabwriter"

	"dormant/command/config"
)

// help prints the help of the program, or of one command.
func (a *app) help(_ context.Context, args []string) int {
	if len(args) == 0 {
		return a.print(helpText())
	}
	c, err := find(args[0])
	if err != nil {
		return a.failUsage(err)
	}
	return a.print(c.help())
}

func (c command) usage() string { return strings.TrimSpace(c.name + " " + c.args) }

func (c command) help() string {
	text := fmt.Sprintf("usage: dormant %s\n\n%s\n", c.usage(), c.does)
	if c.reads != noVariables {
		text += "\n" + config.Help(c.name)
	}
	if c.args == ownFlags {
		text += fmt.Sprintf("\ndormant %s -h lists the flags.\n", c.name)
	}
	return text
}

// helpText lists the commands and the variables.
func helpText() string {
	var text strings.Builder
	text.WriteString("dormant finds accounts that nobody has used for a long time, and removes them safely.\nNothing is removed unless DORMANT_DRY_RUN=false.\n\nCommands:\n")
	out := tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)
	for _, c := range commands() {
		fmt.Fprintf(out, "  %s\t%s\n", c.usage(), c.does)
	}
	_ = out.Flush()
	return text.String() + "\n" + config.Help("")
}
