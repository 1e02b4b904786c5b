#!/usr/bin/env bash
# Measures: first the Go benchmarks, held against those of the time before, then
# whole runs of bin/cniproof by stages and by number of scenarios.
# hack/bench.sh [FLAG...]: flags of hack/bench. BENCH chooses benchmarks by regex,
# BENCH_COUNT how often each runs (benchstat wants 6).
set -euo pipefail
cd "$(dirname "$0")/.."

out=bin/bench
mkdir -p "$out"
mapfile -t packages < <(hack/files.sh '*_test.go' | xargs -r grep -lE '^func Benchmark' | xargs -r -n1 dirname | sort -u | sed 's,^,./,')
if [[ ${#packages[@]} -gt 0 ]]; then
	[[ ! -f $out/go.txt ]] || mv "$out/go.txt" "$out/go.before.txt"
	go test -run '^$' -bench "${BENCH:-.}" -benchmem -count "${BENCH_COUNT:-6}" "${packages[@]}" | tee "$out/go.txt"
	old=()
	[[ ! -f $out/go.before.txt ]] || old=(before="$out/go.before.txt")
	go tool -modfile=hack/tools/go.mod benchstat "${old[@]}" now="$out/go.txt"
fi

go run ./hack/bench "$@" | tee "$out/runs.txt"
