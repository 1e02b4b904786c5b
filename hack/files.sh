#!/usr/bin/env bash
# Prints the project's own files, one per line: hack/files.sh [PATTERN...], as in
# `git ls-files`. New files count too; ignored and deleted ones do not.
set -euo pipefail
cd "$(dirname "$0")/.."

git ls-files --cached --others --exclude-standard --deduplicate -- "$@" | while IFS= read -r file; do
	[[ ! -f $file ]] || printf '%s\n' "$file"
done
