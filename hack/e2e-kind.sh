#!/usr/bin/env bash
# Judges real CNIs on real kind clusters: fills the offline mirror, then for each CNI
# makes a cluster, runs the whole library and removes the cluster. Arguments: the CNIs
# (default: none calico cilium). Needs root. CNIPROOF_MIRROR names the mirror's
# folder, KUBERNETES the minor version (default: 1.36), E2E_SHARD a part of the library,
# as I/N (default: all of it). A run that could not tell is made once more. Ends with 1
# where a verdict is wrong, with 2 where it could not be told.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=hack/e2e.sh
. hack/e2e.sh

cnis=("$@")
[[ $# -gt 0 ]] || cnis=(none calico cilium)

# The control enforces nothing, and the suite has to say so of every scenario that
# denies something: a scenario of it that passes has proved nothing.
# shellcheck disable=SC2317 # timed calls it
control() {
	local code=0
	judge none "${shard[@]}" || code=$?
	[[ $code -le 1 ]] || return "$code"
	go run ./hack/control "$out/none.json" && [[ $code -eq 1 ]]
}

# twice COMMAND...: again where it could not tell, or something else broke.
# shellcheck disable=SC2317 # timed calls it
twice() {
	local code=0
	"$@" || code=$?
	[[ $code -eq 2 ]] || return "$code"
	echo "== once more: it could not be told" >&2
	bin/cniproof cleanup --name "$cluster" >&2 || true
	"$@"
}

shard=()
[[ -z ${E2E_SHARD:-} ]] || shard=(--shard "$E2E_SHARD")

begin
for cni in "${cnis[@]}"; do
	echo "== $cni"
	if [[ $cni == none ]]; then
		timed "none" twice control || worse $?
	else
		timed "$cni" twice judge "$cni" --allow-known-deviations "${shard[@]}" || worse $?
	fi
done
exit "$status"
