package command

import (
	"fmt"
	"io"
	"reflect"
	"strings"

	"dormant/job"
)

// printf writes text for people. What comes from outside, from a server, a file or a
// variable, is an argument: it is written so that it stays within its line and has no
// effect on a terminal.
func printf(w io.Writer, format string, args ...any) {
	for i, arg := range args {
		_, isError := arg.(error)
		_, isStringer := arg.(fmt.Stringer)
		if isError || isStringer || reflect.TypeOf(arg).Kind() == reflect.String {
			args[i] = job.Printable(fmt.Sprint(arg))
		}
	}
	fmt.Fprintf(w, format, args...)
}

// indented is the text of an error whose lines after the first are indented. Line breaks
// join several errors; everything else that is not printable is escaped.
func indented(text, indent string) string {
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		lines[i] = job.Printable(line)
	}
	return strings.Join(lines, "\n"+indent)
}
