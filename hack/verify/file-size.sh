#!/usr/bin/env bash
# A Go file has one subject and at most 400 lines; generated files may be longer.
set -euo pipefail
cd "$(dirname "$0")/../.."

limit=400 status=0
while IFS= read -r file; do
	lines=$(wc -l <"$file")
	[[ $lines -gt $limit ]] || continue
	! grep -qE '^// Code generated .* DO NOT EDIT\.$' "$file" || continue
	echo "$file: $lines lines, at most $limit"
	status=1
done < <(hack/files.sh '*.go')
[[ $status -eq 0 ]] || echo "fix: split the file by subject"
exit "$status"
