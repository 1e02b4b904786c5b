// Package kindconfigs holds the shapes of the kind clusters that cniproof makes.
//
// Each file is a configuration of kind. What depends on the network plugin under test
// and on the host is added when a cluster is made.
package kindconfigs

import "embed"

// FS has one file per shape; its stem is the shape's name.
//
//go:embed *.yaml
var FS embed.FS
