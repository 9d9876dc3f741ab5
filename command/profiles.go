package command

import (
	"context"
	"fmt"
	"strings"
	"text/tabwriter"

	"dormant/client/profile"
)

// profiles lists the built-in profiles, or prints one.
func (a *app) profiles(_ context.Context, args []string) int {
	if len(args) == 1 {
		source, err := profile.YAML(args[0])
		if err != nil {
			return a.failUsage(err)
		}
		return a.print(string(source))
	}
	var text strings.Builder
	out := tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)
	for _, name := range profile.Names() {
		p, err := profile.Load(name)
		if err != nil {
			return a.fail(err)
		}
		fmt.Fprintf(out, "%s\t%s\n", name, p.Title)
	}
	_ = out.Flush()
	return a.print(text.String())
}
