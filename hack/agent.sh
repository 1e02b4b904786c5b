#!/usr/bin/env bash
# Builds the in-pod agent, static and compressed, to where the build tag
# embedagent picks it up. GOARCH chooses the architecture.
set -euo pipefail
cd "$(dirname "$0")/.."

arch=$(go env GOARCH)
out=internal/agentbin/embedded/agent-linux-$arch.gz
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

GOOS=linux CGO_ENABLED=0 go build -buildvcs=false -trimpath -ldflags '-s -w' -o "$work/agent" ./probes/agent
mkdir -p "${out%/*}"
gzip -9 -n -c "$work/agent" >"$work/agent.gz" # -n: no name and no time in the header
# An unchanged agent keeps its time, so that nothing is linked again for it.
cmp -s "$work/agent.gz" "$out" || mv "$work/agent.gz" "$out"
