#!/usr/bin/env bash
# golangci-lint has nothing to say.
set -euo pipefail
cd "$(dirname "$0")/../.."

hack/lint.sh && exit 0
echo "fix: what the linters name above; make lint ARGS=--fix mends some of it. An exception is //nolint:NAME // reason"
exit 1
