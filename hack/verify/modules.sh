#!/usr/bin/env bash
# go.mod and go.sum are tidy, the tools' too.
set -euo pipefail
cd "$(dirname "$0")/../.."

status=0
while IFS= read -r mod; do
	dir=$(dirname "$mod")
	(cd "$dir" && go mod tidy -diff) || { status=1 && echo "fix: (cd $dir && go mod tidy)"; }
done < <(hack/files.sh go.mod '*/go.mod')
exit "$status"
