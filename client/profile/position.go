package profile

import (
	"bytes"
	"fmt"
	"regexp"
	"strings"

	"github.com/goccy/go-yaml"
)

// position says where a key such as list.cursor.param stands in the YAML, as the
// beginning of an error: "line 3: list.cursor.param". If the key is not there, the
// line is that of the nearest key around it.
//
// A key that holds a list may hold its only element instead: remove[0] is then
// shown as remove.
func position(source []byte, key string) string {
	if list, _, found := strings.Cut(key, "[0]"); found && line(source, list+"[0]") == 0 {
		key = strings.Replace(key, "[0]", "", 1)
	}
	for around := key; around != ""; around = around[:max(0, strings.LastIndexByte(around, '.'))] {
		if n := line(source, around); n > 0 {
			return fmt.Sprintf("line %d: %s", n, key)
		}
	}
	return "line 1: " + key
}

// plainKey matches keys that mean the same as a YAML path. Others hold names that
// the profile's author chose, with characters that have a meaning in such a path.
var plainKey = regexp.MustCompile(`^[A-Za-z0-9_-]+(\[\d+\])?(\.[A-Za-z0-9_-]+(\[\d+\])?)*$`)

// line is the line of the key in the YAML, or 0 if it is not there.
func line(source []byte, key string) int {
	if !plainKey.MatchString(key) {
		return 0
	}
	path, err := yaml.PathString("$." + key)
	if err != nil {
		return 0
	}
	node, err := path.ReadNode(bytes.NewReader(source))
	if err != nil || node == nil {
		return 0
	}
	return node.GetToken().Position.Line
}
