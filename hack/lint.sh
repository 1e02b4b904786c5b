#!/usr/bin/env bash
# Runs the pinned golangci-lint: hack/lint.sh [FLAG OR PACKAGE...].
set -euo pipefail
cd "$(dirname "$0")/.."

[[ $# -gt 0 ]] || set -- ./...
exec go tool -modfile=hack/tools/go.mod golangci-lint run --allow-serial-runners "$@"
