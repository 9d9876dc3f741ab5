package profile

import (
	"fmt"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
)

// maxSource bounds the YAML of a profile, in bytes, as it is written and with every alias
// replaced by what it stands for.
const maxSource = 64 << 10

// checkSize returns an error if the YAML is larger than maxSource once the aliases are
// replaced. A few lines of aliases of aliases could otherwise take any amount of memory.
func checkSize(file *ast.File) error {
	s := &aliasSizer{anchors: map[string]int{}}
	total := 0
	for _, doc := range file.Docs {
		total = min(total+s.size(doc.Body), maxSource+1)
	}
	switch {
	case s.err != nil:
		return s.err
	case total > maxSource:
		return fmt.Errorf("it is larger than %d KiB with its aliases replaced", maxSource>>10)
	}
	return nil
}

// An aliasSizer measures YAML without replacing any alias.
type aliasSizer struct {
	anchors map[string]int // the sizes of the anchors so far; -1: is being measured
	err     error
}

// size is how many bytes the node would take, or maxSource+1 if there are more.
func (s *aliasSizer) size(node ast.Node) int {
	if node == nil {
		return 0
	}
	n := 1
	add := func(nodes ...ast.Node) {
		for _, node := range nodes {
			n = min(n+s.size(node), maxSource+1)
		}
	}
	switch node := node.(type) {
	case *ast.MappingNode:
		for _, value := range node.Values {
			add(value)
		}
	case *ast.MappingValueNode:
		add(node.Key, node.Value)
	case *ast.MappingKeyNode:
		add(node.Value)
	case *ast.SequenceNode:
		add(node.Values...)
	case *ast.TagNode:
		add(node.Value)
	case *ast.AnchorNode:
		name := node.Name.GetToken().Value
		s.anchors[name] = -1
		add(node.Value)
		s.anchors[name] = n
	case *ast.AliasNode:
		name := node.Value.GetToken().Value
		size, known := s.anchors[name]
		if known && size < 0 && s.err == nil {
			s.err = fmt.Errorf("line %d: *%s stands inside of what it stands for", node.GetToken().Position.Line, name)
		}
		n = min(n+max(0, size), maxSource+1)
	default:
		n = min(n+len(node.GetToken().Value), maxSource+1)
	}
	return n
}

// parse parses the YAML, if it is not too large.
func parse(source []byte) (*ast.File, error) {
	if len(source) > maxSource {
		return nil, fmt.Errorf("it is larger than %d KiB", maxSource>>10)
	}
	file, err := parser.ParseBytes(source, 0)
	if err != nil {
		return nil, explain(source, err)
	}
	return file, checkSize(file)
}
