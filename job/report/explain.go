package report

import (
	"bufio"
	"fmt"
	"io"

	"dormant/job"
)

// Explain writes the verdict of each rule on each account, and the decisions.
func Explain(w io.Writer, explanations []job.Explanation) error {
	b := bufio.NewWriter(w)
	for i, e := range explanations {
		if i > 0 {
			fmt.Fprintln(b)
		}
		fmt.Fprintf(b, "%s  %s  %s\n", job.Printable(e.User.ID), job.Printable(e.User.Username), job.Printable(e.User.Email))
		for _, v := range e.Rules {
			mark := "-"
			if v.Applies {
				mark = "*"
			}
			fmt.Fprintf(b, "  %s %-18s %s\n", mark, v.Rule, job.Printable(v.Because))
		}
		fmt.Fprintf(b, "Decision: %s (%s)\n", e.Decision.Action, e.Decision.Reason)
	}
	return b.Flush()
}
