// Package cniproof holds the sources of the in-pod agent, so that every cniproof,
// also one from `go run` or `go install`, can build the agent that matches it.
//
// It must not import anything.
package cniproof

import "embed"

// AgentSources is a module from which ./probes/agent builds: go.mod, go.sum and
// every package that the agent needs, without tests.
//
// The pattern leaves out _test.go files, and with them every file whose stem ends
// in t: there must be none among the agent's sources.
//
//go:embed go.mod go.sum probes/*[^t].go probes/agent/*[^t].go internal/flow/*[^t].go
var AgentSources embed.FS
