package profile

import (
	"bytes"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"
)

// problems collects what is wrong with a profile, each with its line.
type problems struct {
	source  []byte
	known   []string // placeholders that stand for the same everywhere
	account []string // placeholders for an account
	errs    []error
}

// all are the placeholders where something is about an account.
func (p *problems) all() []string { return slices.Concat(p.account, p.known) }

// add says what is wrong at a YAML path such as "list.cursor.param".
func (p *problems) add(path, format string, args ...any) {
	p.errs = append(p.errs, fmt.Errorf("%s: %s", place(p.source, path), fmt.Sprintf(format, args...)))
}

// plainPath is a path of which no part has a meaning of its own in a YAML path:
// parts of it are names that the profile's author chose.
var plainPath = regexp.MustCompile(`^[A-Za-z0-9_-]+(\[\d+\])?(\.[A-Za-z0-9_-]+(\[\d+\])?)*$`)

// place is where the path stands in the source, or the nearest thing around it,
// as an error begins. What may be a list can stand there as its only element, and
// then has no index.
func place(source []byte, path string) string {
	if list, _, found := strings.Cut(path, "[0]"); found && line(source, list+"[0]") == 0 {
		path = strings.Replace(path, "[0]", "", 1)
	}
	for around := path; around != ""; around = around[:max(0, strings.LastIndexByte(around, '.'))] {
		if n := line(source, around); n > 0 {
			return fmt.Sprintf("line %d: %s", n, path)
		}
	}
	return "line 1: " + path
}

// line is the line of the path in the source, or 0 if it is not there.
func line(source []byte, path string) int {
	if !plainPath.MatchString(path) {
		return 0
	}
	at, err := yaml.PathString("$." + path)
	if err != nil {
		return 0
	}
	node, err := at.ReadNode(bytes.NewReader(source))
	if err != nil || node == nil {
		return 0
	}
	return node.GetToken().Position.Line
}
