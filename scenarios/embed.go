// Package scenarios is the scenario files that cniproof ships, as data: a folder for
// each topic, and the topologies that they share.
//
// It imports the standard library only.
package scenarios

import "embed"

//go:generate go run ../hack/families .
//go:generate go run ../hack/familytable ../docs
//go:generate go run ../hack/mutationtable ../docs

// FS holds TOPIC/NAME.yaml, and topologies/NAME.yaml.
//
//go:embed */*.yaml
var FS embed.FS
