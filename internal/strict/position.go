package strict

import (
	"strconv"
	"strings"
)

// Positions knows the line of every field that a document has, by its path.
type Positions map[string]int

// Line is the line of the field, or of the nearest field around it that the
// document has; 0 where there is none.
func (p Positions) Line(path string) int {
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

// Has reports whether the document has the field itself.
func (p Positions) Has(path string) bool {
	_, ok := p[path]
	return ok
}

// There are three ways from a path to one below it, as k8s.io's field.Path writes them.

// Child is the path of a field.
func Child(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}

// Entry is the path of an entry of a map.
func Entry(path, key string) string { return path + "[" + key + "]" }

// Index is the path of an item of a list.
func Index(path string, i int) string { return path + "[" + strconv.Itoa(i) + "]" }

// isBelow reports whether a field is part of another.
func isBelow(path, outer string) bool {
	rest, ok := strings.CutPrefix(path, outer)
	return ok && rest != "" && (outer == "" || rest[0] == '.' || rest[0] == '[')
}
