#!/usr/bin/env bash
# Runs every test: hack/test.sh [FLAG OR PACKAGE...]. Flags go to `go test`;
# packages replace ./... . TEST_TIMEOUT bounds each package.
set -euo pipefail
cd "$(dirname "$0")/.."

# Tests that play the whole library, or every command of the documents, to the end. The
# race detector makes them several times slower, and what it could see there others show
# it: where everything is tested, these run without it.
whole='^(TestDocsRun|TestTheReferenceEnginePasses|TestEveryFaultIsCaught|TestEveryMutationIsSeen)$'
whole_in=(./internal/cli ./internal/runner ./internal/mutation)
suites=./suites/...

# The race detector needs cgo, a C compiler and the C library's headers.
has_c_compiler() {
	local cc
	read -ra cc <<<"$(go env CC)"
	printf '#include <pthread.h>\nint main(void) { return 0; }\n' | "${cc[@]}" -x c -o /dev/null - >/dev/null 2>&1
}

if has_c_compiler; then
	export CGO_ENABLED=1
	race=(-race)
else
	export CGO_ENABLED=0
	race=()
	echo "hack/test.sh: no working C compiler: testing WITHOUT the race detector (Debian: apt-get install gcc libc6-dev)" >&2
fi

# Compiled side by side, but run one package after the other: many tests have a
# whole cluster of their own, and slow each other down more than they save.
run() {
	(set -x && go test -p 1 -timeout "${TEST_TIMEOUT:-40m}" "$@")
}

flags=() packages=()
for arg in "$@"; do
	case $arg in
	./*) packages+=("$arg") ;;
	*) flags+=("$arg") ;;
	esac
done
if [[ $# -gt 0 ]]; then
	[[ ${#packages[@]} -gt 0 ]] || packages=(./...)
	go build "${race[@]}" "${packages[@]}"
	run "${race[@]}" "${flags[@]}" "${packages[@]}"
	exit
fi

status=0
go build "${race[@]}" ./...
mapfile -t packages < <(go list ./... | grep -v "/${suites:2:-4}")
run "${race[@]}" -skip "$whole" "${packages[@]}" || status=1
run -run "$whole" "${whole_in[@]}" || status=1
run "$suites" || status=1
exit "$status"
