package strict

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"

	"go.yaml.in/yaml/v3"
)

// Documents parses YAML. A document that holds nothing is left out; a file without
// any other is a problem, as is text that is not YAML.
func Documents(file string, text []byte) ([]*yaml.Node, Problems) {
	var list []*yaml.Node
	for decoder := yaml.NewDecoder(bytes.NewReader(text)); ; {
		var n yaml.Node
		err := decoder.Decode(&n)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return list, Problems{syntaxProblem(file, err)}
		}
		if n.Kind == yaml.DocumentNode && len(n.Content) == 1 && !isNull(n.Content[0]) {
			list = append(list, n.Content[0])
		}
	}
	if len(list) == 0 {
		return nil, Problems{{File: file, Message: "holds no document"}}
	}
	return list, nil
}

var syntaxLine = regexp.MustCompile(`^yaml: (?:line (\d+): )?(.*)$`)

func syntaxProblem(file string, err error) Problem {
	p := Problem{File: file, Message: fmt.Sprintf("is not YAML: %v", err)}
	if parts := syntaxLine.FindStringSubmatch(err.Error()); parts != nil {
		p.Line, _ = strconv.Atoi(parts[1]) // "" is line 0, an unknown one
		p.Message = "is not YAML: " + parts[2]
	}
	return p
}

// KindOf peeks at the kind of a document.
func KindOf(n *yaml.Node) string {
	if n.Kind != yaml.MappingNode {
		return ""
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == "kind" {
			return n.Content[i+1].Value
		}
	}
	return ""
}
