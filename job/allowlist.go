package job

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"
	"time"
)

// ReadAllowlist reads entries, one on each line. Behind its name an entry may say until when
// it protects, whose it is, and why (see Exemption), as until=2027-03-31, owner=NAME and
// note="TEXT". A # at the start of a line or after white space begins a comment. A list
// without an entry is an error, because it protects no account and is most likely a mistake.
// The error names the lines of all problems.
func ReadAllowlist(r io.Reader, now time.Time) ([]Entry, error) {
	var entries []Entry
	var errs []error
	lines := bufio.NewScanner(r)
	n := 1
	for ; len(errs) < 10 && lines.Scan(); n++ {
		if isGarbled(withoutComment(lines.Text())) {
			errs = append(errs, fmt.Errorf("line %d: %q %w", n, lines.Text(), errGarbled))
			continue
		}
		line := withoutFormat(lines.Text()) // files that were joined have byte order marks anywhere
		if strings.Contains(line, "\r") {   // a comment would hide the entries after it
			errs = append(errs, fmt.Errorf("line %d: lines end with a carriage return alone; end them with a line feed", n))
			continue
		}
		text := withoutComment(line)
		if text == "" {
			continue
		}
		name, exemption, err := cutExemption(text, now)
		var e Entry
		if err == nil {
			e, err = ParseEntry(name)
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("line %d: %w", n, err))
			continue
		}
		e.Line, e.Exemption = n, exemption
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

// comment matches a comment, and before that a text in quotes, in which a # begins none.
var comment = regexp.MustCompile(`(\s[\pL_-]+="[^"]*")|(?:^|[\s\v\x85\p{Z}])#.*$`)

func withoutComment(line string) string {
	switch strings.IndexByte(line, '#') {
	case -1:
	case 0: // most comments are the whole line
		return ""
	default:
		line = comment.ReplaceAllString(line, "$1")
	}
	return strings.TrimSpace(line)
}
