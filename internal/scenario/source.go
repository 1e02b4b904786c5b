package scenario

import (
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// sources notes for every step what it does as its author wrote it. Comments, order
// and style are kept: a person shall recognise the file.
func sources(s *Scenario, document *yaml.Node, text []byte) {
	steps := entry(entry(document, "spec"), "steps")
	if steps == nil || len(steps.Content) != len(s.Steps) {
		return
	}
	lines := strings.Split(strings.ReplaceAll(string(text), "\r\n", "\n"), "\n")
	for i, step := range steps.Content {
		if len(s.Steps[i].Acts) > 0 {
			s.Steps[i].Source = source(unaliased(step), lines)
		}
	}
}

// entry is the value of a key of a mapping; nil where there is none.
func entry(n *yaml.Node, name string) *yaml.Node {
	if n == nil || n.Kind != yaml.MappingNode {
		return nil
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == name {
			return unaliased(n.Content[i+1])
		}
	}
	return nil
}

func unaliased(n *yaml.Node) *yaml.Node {
	if n.Kind == yaml.AliasNode {
		return n.Alias
	}
	return n
}

// source is the fields of one step by which it acts.
func source(step *yaml.Node, lines []string) string {
	var parts []string
	for i := 0; i+1 < len(step.Content); i += 2 {
		key := step.Content[i]
		if !slices.Contains(actions(), key.Value) {
			continue
		}
		line, column := key.Line-1, key.Column-1
		if step.Style&yaml.FlowStyle != 0 || line >= len(lines) || column >= len(lines[line]) {
			parts = append(parts, encoded(step.Content[i:i+2]))
			continue
		}
		parts = append(parts, block(lines, line, column))
	}
	return strings.Join(parts, "\n")
}

// encoded writes an entry that shares its line with others, or whose lines end as only
// YAML ends them.
func encoded(pair []*yaml.Node) string {
	text, err := yaml.Marshal(&yaml.Node{Kind: yaml.MappingNode, Content: pair})
	if err != nil {
		return ""
	}
	return strings.TrimRight(string(text), "\n")
}

// block is the entry that begins at a line and column, counted from 0, and all lines
// that YAML's indentation makes part of it, moved to the left.
func block(lines []string, line, column int) string {
	found := []string{lines[line][column:]}
	end := len(found)
	for _, text := range lines[line+1:] {
		words := strings.TrimLeft(text, " ")
		indent := len(text) - len(words)
		silent := strings.TrimSpace(words) == "" || words[0] == '#'
		part := indent > column || indent == column && (words == "-" || strings.HasPrefix(words, "- "))
		if !silent && !part {
			break
		}
		found = append(found, text[min(indent, column):])
		if part && !silent {
			end = len(found)
		}
	}
	return strings.TrimRight(strings.Join(found[:end], "\n"), "\n")
}
