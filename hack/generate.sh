#!/usr/bin/env bash
# Rewrites what is generated: first `go generate`, then the documents and goldens
# of every test package that has an -update flag. With --only-go-generate, only
# the former.
set -euo pipefail
cd "$(dirname "$0")/.."

go generate ./...
[[ ${1:-} != --only-go-generate ]] || exit 0

updaters() {
	hack/files.sh '*_test.go' | xargs -r grep -lE 'flag\.Bool(Var)?\((&[a-z]+, *)?"update"' | xargs -r -n1 dirname | sort -u
}
while IFS= read -r dir; do
	echo "== go test ./$dir -update"
	go test "./$dir" -count=1 -update
done < <(updaters)
