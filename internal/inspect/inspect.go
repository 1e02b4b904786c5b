// Package inspect is what clusters show of their inside when something went wrong.
// It is a leaf: it imports the standard library only.
package inspect

import "context"

// Text is something to read: what a tool printed, or a log.
type Text struct {
	Name string // as a file may be called, without a suffix
	Body string
}

// Dataplane is a cluster whose nodes can be looked into.
type Dataplane interface {
	// Dataplane is what a node's kernel, and the implementation's own tools there,
	// show of the rules in force. It returns what it has with the error.
	Dataplane(ctx context.Context, node string) ([]Text, error)
}

// Doors is a cluster that a person can step into.
type Doors interface {
	// Doors are commands that lead to its API, its nodes and these pods, which are
	// named "namespace/name".
	Doors(pods []string) []string
}
