// Command cniproof proves whether a Kubernetes cluster's network plugin enforces
// NetworkPolicy.
package main

import (
	"os"
	"runtime/debug"

	"github.com/cniproof/cniproof/internal/cli"
)

// version is set by the linker in releases and by `make build`.
var version string

func main() {
	os.Exit(cli.Main(describe(), os.Args, os.Stdout, os.Stderr))
}

// describe is the version: the linker's, else that of the module as `go install`
// fetched it.
func describe() string {
	if version != "" {
		return version
	}
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "unknown"
}
