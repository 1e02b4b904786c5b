#!/usr/bin/env bash
# Builds bin/cniproof for this machine with the in-pod agent inside. VERSION
# overrides the version that git describes.
set -euo pipefail
cd "$(dirname "$0")/.."

version=${VERSION:-$(git describe --tags --always --dirty 2>/dev/null || echo unknown)}
hack/agent.sh
# No stamp of the version control system: the version is set here, and the same
# sources give the same bytes.
go build -buildvcs=false -trimpath -tags embedagent -ldflags "-X main.version=$version" -o bin/cniproof ./cmd/cniproof
echo "built bin/cniproof $version" >&2
