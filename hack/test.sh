#!/usr/bin/env bash
# Runs every test: hack/test.sh [FLAG OR PACKAGE...]. Flags go to `go test`;
# packages replace ./... . TEST_TIMEOUT bounds each package.
set -euo pipefail
cd "$(dirname "$0")/.."

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

flags=() packages=()
for arg in "$@"; do
	case $arg in
	./*) packages+=("$arg") ;;
	*) flags+=("$arg") ;;
	esac
done
[[ ${#packages[@]} -gt 0 ]] || packages=(./...)

# Compiled side by side, but run one package after the other: many tests have a
# whole cluster of their own, and slow each other down more than they save.
go build "${race[@]}" "${packages[@]}"
set -x
exec go test "${race[@]}" -p 1 -timeout "${TEST_TIMEOUT:-40m}" "${flags[@]}" "${packages[@]}"
