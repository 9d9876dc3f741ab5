package config

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
)

// A listEntry is one element of a list in YAML: keys with values.
type listEntry struct {
	line   int
	values map[string]listValue
}

// A listValue is a text, or names with texts.
type listValue struct {
	line    int
	text    string
	members map[string]string
}

// A listMistake is something in a list that can't be meant. Its text shows keys and no values,
// any of which may be a secret.
type listMistake struct {
	line int
	text string
}

// A listReader reads a list and goes on after a mistake.
type listReader struct {
	keys     []string
	mistakes []listMistake
}

// readList reads a document that is a list whose elements have these keys and no others. It
// returns the elements as far as they can be read, and every mistake.
func readList(source []byte, keys []string) ([]listEntry, []listMistake) {
	r := &listReader{keys: keys}
	file, err := parser.ParseBytes(source, 0)
	if err != nil {
		return nil, []listMistake{syntaxMistake(err)}
	}
	var documents []*ast.DocumentNode
	for _, doc := range file.Docs {
		if doc.Body != nil && doc.Body.Type() != ast.NullType && doc.Body.Type() != ast.CommentType {
			documents = append(documents, doc)
		}
	}
	switch {
	case len(documents) == 0:
		r.add(1, "there is no directory in it: a list is needed, each element with profile and url")
		return nil, r.mistakes
	case len(documents) > 1:
		r.add(documents[1].Body.GetToken().Position.Line, "there is a second document")
	}
	list, ok := documents[0].Body.(*ast.SequenceNode)
	if !ok {
		r.add(documents[0].Body.GetToken().Position.Line, "a list is needed: - before the first key of each directory")
		return nil, r.mistakes
	}
	if len(list.Values) == 0 {
		r.add(list.GetToken().Position.Line, "there is no directory in it: a list is needed, each element with profile and url")
	}
	var entries []listEntry
	for _, node := range list.Values {
		pairs, ok := pairsOf(node)
		if !ok {
			r.add(lineOf(node, list), "keys with values are needed: %s", strings.Join(keys, ", "))
			continue
		}
		entries = append(entries, r.entry(lineOf(node, list), pairs))
	}
	return entries, r.mistakes
}

func (r *listReader) add(line int, format string, args ...any) {
	r.mistakes = append(r.mistakes, listMistake{line, fmt.Sprintf(format, args...)})
}

// entry reads one element.
func (r *listReader) entry(line int, pairs []*ast.MappingValueNode) listEntry {
	entry := listEntry{line: line, values: map[string]listValue{}}
	for _, pair := range pairs {
		at := pair.Key.GetToken().Position.Line
		key, ok := textOf(pair.Key)
		if !ok {
			key = pair.Key.GetToken().Value
		}
		_, again := entry.values[key]
		switch {
		case !ok || !slices.Contains(r.keys, key):
			r.add(at, "%s", r.unknown(key))
			continue
		case again:
			r.add(at, "%s is there twice", key)
			continue
		}
		value := listValue{line: at}
		if members, ok := pairsOf(pair.Value); ok && key == "params" {
			value.members = r.members(key, members)
		} else if value.text, ok = textOf(pair.Value); !ok {
			r.add(at, "%s: text is needed", key)
		} else if value.text == "" {
			r.add(at, "%s: is empty; take it out or give it a value", key)
		}
		entry.values[key] = value
	}
	return entry
}

// unknown says that there is no such key, and which was probably meant.
func (r *listReader) unknown(key string) string {
	if slices.Contains(r.keys, key+"_file") {
		return fmt.Sprintf("there is no key %s here: a secret is in a file, which %s_file names", key, key)
	}
	return fmt.Sprintf("there is no key %.40q here; there are %s%s", key, strings.Join(r.keys, ", "), Suggest(key, slices.Values(r.keys)))
}

// members reads names with texts.
func (r *listReader) members(key string, pairs []*ast.MappingValueNode) map[string]string {
	members := map[string]string{}
	for _, pair := range pairs {
		at := pair.Key.GetToken().Position.Line
		name, isName := textOf(pair.Key)
		text, isText := textOf(pair.Value)
		_, again := members[name]
		switch {
		case !isName || name == "":
			r.add(at, "%s: a name is needed", key)
		case again:
			r.add(at, "%s: %.40q is there twice", key, name)
		case !isText:
			r.add(at, "%s: %.40q: text is needed", key, name)
		default:
			members[name] = text
		}
	}
	return members
}

// pairsOf returns the keys of a mapping with their values.
func pairsOf(node ast.Node) ([]*ast.MappingValueNode, bool) {
	switch node := node.(type) {
	case *ast.MappingNode:
		return node.Values, true
	case *ast.MappingValueNode:
		return []*ast.MappingValueNode{node}, true
	}
	return nil, false
}

// textOf returns a scalar as it is written. Nothing, null and what refers to something else are
// no text.
func textOf(node ast.Node) (string, bool) {
	switch node := node.(type) {
	case *ast.StringNode:
		return node.Value, true
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode:
		return node.GetToken().Value, true
	case *ast.MappingKeyNode:
		return textOf(node.Value)
	}
	return "", false
}

// lineOf is the line on which an element begins.
func lineOf(node, list ast.Node) int {
	if pairs, ok := pairsOf(node); ok && len(pairs) > 0 {
		return pairs[0].Key.GetToken().Position.Line
	}
	if node == nil || node.GetToken() == nil {
		return list.GetToken().Position.Line
	}
	return node.GetToken().Position.Line
}

var formattedYAML = regexp.MustCompile(`(?s)^\[(\d+):\d+\] (.*)$`)

// syntaxMistake is what the parser says, without the text that it found.
func syntaxMistake(err error) listMistake {
	text := yaml.FormatError(err, false, false)
	if parts := formattedYAML.FindStringSubmatch(text); parts != nil {
		line, _ := strconv.Atoi(parts[1])
		return listMistake{line, parts[2]}
	}
	return listMistake{1, text}
}
