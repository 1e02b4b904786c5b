#!/usr/bin/env bash
# Runs every fuzz test, one after the other, FUZZTIME each (default 20s).
# hack/fuzz.sh [REGEX]: only those whose name matches.
set -euo pipefail
cd "$(dirname "$0")/.."

status=0
while IFS=: read -r file name; do
	[[ $name =~ ${1:-.} ]] || continue
	echo "== $name in ${file%/*}"
	go test -run '^$' -fuzz "^$name\$" -fuzztime "${FUZZTIME:-20s}" "./${file%/*}" || status=1
done < <(hack/files.sh '*_test.go' | xargs -r grep -Ho '^func Fuzz[A-Za-z0-9_]*' | sed 's/:func /:/')
exit "$status"
