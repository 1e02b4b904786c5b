#!/usr/bin/env bash
# Go files are formatted and simplified.
set -euo pipefail
cd "$(dirname "$0")/../.."

files=$(hack/files.sh '*.go' | xargs -r gofmt -s -l)
[[ -n $files ]] || exit 0
printf '%s\n' "$files"
echo "fix: gofmt -s -w ${files//$'\n'/ }"
exit 1
