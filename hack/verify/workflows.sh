#!/usr/bin/env bash
# The workflows are valid, says actionlint.
set -euo pipefail
cd "$(dirname "$0")/../.."

# Not shellcheck: whether it is installed must not decide.
go tool -modfile=hack/tools/actionlint/go.mod actionlint -shellcheck= -pyflakes= .github/workflows/*.yaml && exit 0
echo "fix: what actionlint names above"
exit 1
