package scenario

import (
	"strconv"
	"strings"
)

// positions knows the line of every field that a document has, by its path.
type positions map[string]int

// line is the line of the field, or of the nearest field around it that the
// document has; 0 where there is none.
func (p positions) line(path string) int {
	for {
		if line, ok := p[path]; ok {
			return line
		}
		if path == "" {
			return 0
		}
		path = path[:max(0, strings.LastIndexAny(path, ".["))]
	}
}

func (p positions) has(path string) bool {
	_, ok := p[path]
	return ok
}

// The three ways from a path to one below it, as k8s.io's field.Path writes them.

func child(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}

func entry(path, key string) string { return path + "[" + key + "]" }

func index(path string, i int) string { return path + "[" + strconv.Itoa(i) + "]" }

// isBelow reports whether a field is part of another.
func isBelow(path, outer string) bool {
	rest, ok := strings.CutPrefix(path, outer)
	return ok && rest != "" && (outer == "" || rest[0] == '.' || rest[0] == '[')
}
