package job

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"
)

// ReadAllowlist reads entries, one on each line. A # at the start of a line or after
// white space begins a comment. A list without an entry is an error, because it protects
// no account and is most likely a mistake. The error names the lines of all problems.
func ReadAllowlist(r io.Reader) ([]Entry, error) {
	var entries []Entry
	var errs []error
	lines := bufio.NewScanner(r)
	n := 1
	for ; len(errs) < 10 && lines.Scan(); n++ {
		line := withoutFormat(lines.Text()) // files that were joined have byte order marks anywhere
		if strings.Contains(line, "\r") {   // a comment would hide the entries after it
			errs = append(errs, fmt.Errorf("line %d: lines end with a carriage return alone; end them with a line feed", n))
			continue
		}
		text := strings.TrimSpace(comment.ReplaceAllString(line, ""))
		if text == "" {
			continue
		}
		e, err := ParseEntry(text)
		if err != nil {
			errs = append(errs, fmt.Errorf("line %d: %w", n, err))
			continue
		}
		e.Line = n
		entries = append(entries, e)
	}
	if err := lines.Err(); err != nil {
		errs = append(errs, fmt.Errorf("line %d: %w", n, err))
	}
	if len(entries) == 0 && len(errs) == 0 {
		errs = append(errs, errors.New("there is no entry in it"))
	}
	return entries, errors.Join(errs...)
}

var comment = regexp.MustCompile(`(^|[\s\v\x85\p{Z}])#.*$`)
