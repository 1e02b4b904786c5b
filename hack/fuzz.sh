#!/usr/bin/env bash
# Runs every fuzz test, one after the other, FUZZTIME each (default 50000x, so many
# inputs). hack/fuzz.sh [REGEX]: only those whose name matches.
#
# A number of inputs rather than a time: before Go 1.27 the end of the time can be
# taken for a failure (golang/go#75804). Minimising what is merely interesting is cut
# short, or a slow target does little else.
set -euo pipefail
cd "$(dirname "$0")/.."

status=0
while IFS=: read -r file name; do
	[[ $name =~ ${1:-.} ]] || continue
	echo "== $name in ${file%/*}"
	go test -run '^$' -fuzz "^$name\$" -fuzztime "${FUZZTIME:-50000x}" -fuzzminimizetime 20x "./${file%/*}" || status=1
done < <(hack/files.sh '*_test.go' | xargs -r grep -Ho '^func Fuzz[A-Za-z0-9_]*' | sed 's/:func /:/')
exit "$status"
