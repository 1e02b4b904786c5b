#!/usr/bin/env bash
# Judges real CNIs on real kind clusters: fills the offline mirror, then for each CNI
# makes a cluster, runs the whole library and removes the cluster; on the last one
# also the suites, and the tests that break things in mid-run. Arguments: the CNIs
# (default: none calico cilium). Needs root. CNIPROOF_MIRROR names the mirror's
# folder, KUBERNETES the version (default: the newest of the mirror).
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=hack/offline/env.sh
. hack/offline/env.sh

cnis=("$@")
[[ $# -gt 0 ]] || cnis=(none calico cilium)
out=${E2E_REPORTS:-$PWD/dist/e2e-kind}
mkdir -p "$out"
rows=()
status=0

timed() { # timed LABEL COMMAND...
	local label=$1 begin=$SECONDS code=0
	shift
	"$@" || code=$?
	rows+=("$(printf '%-28s %5d s  exit %d' "$label" $((SECONDS - begin)) "$code")")
	return "$code"
}

# shellcheck disable=SC2317 # a trap calls it
finish() {
	bin/cniproof cleanup --name "$cluster" >&2 || true
	[[ -n ${docker_was_there:-} ]] || hack/offline/docker.sh stop
	printf '%s\n' "${rows[@]}"
	echo "reports: $out"
}

# shellcheck disable=SC2317 # timed calls it
judge() { # judge CNI: a run of everything on a new cluster
	bin/cniproof run --cluster kind --name "$cluster" --cni "$1" --mirror "$mirror" ${KUBERNETES:+--kubernetes "$KUBERNETES"} \
		--report json="$out/$1.json" --report junit="$out/$1.xml" "${@:2}"
}

# shellcheck disable=SC2317 # timed calls it
# The control enforces nothing, and the suite has to say so of every scenario that
# denies something: a scenario of it that passes has proved nothing.
control() {
	local code=0
	judge none || code=$?
	go run ./hack/control "$out/none.json" && [[ $code -eq 1 ]]
}

cluster=cniproof-e2e-$$
docker info >/dev/null 2>&1 && docker_was_there=yes
timed "offline mirror" hack/offline/mirror.sh
hack/build.sh
trap finish EXIT
for cni in "${cnis[@]}"; do
	echo "== $cni"
	if [[ $cni == none ]]; then
		timed "none: whole library" control || status=1
	else
		timed "$cni: whole library" judge "$cni" --allow-known-deviations || status=1
	fi
done

echo "== what goes wrong in mid-run, on ${cnis[-1]}"
kubeconfig=$out/kubeconfig
rm -f "$kubeconfig"
judge "${cnis[-1]}" --run '^canonical-' --keep --kubeconfig "$kubeconfig" || status=1
export CNIPROOF_E2E_KUBECONFIG=$kubeconfig CNIPROOF_E2E_MIRROR=$mirror CNIPROOF_E2E_CNI=${cnis[-1]}
timed "suites" go test -count=1 ./suites/core -args -kubeconfig "$kubeconfig" -ginkgo.label-filter='canonical || default-deny' || status=1
timed "faults of the infrastructure" go test -count=1 -timeout 30m -run '^(TestTheInfrastructureFails|TestProvider|TestAMissingImageIsToldAtOnce)$' ./internal/runner ./internal/cluster/existing || status=1
bin/cniproof cleanup --name "$cluster" || status=1
timed "provider tests" go test -count=1 -timeout 30m ./internal/cluster/kind || status=1

left=$(docker ps -aq --filter label=io.x-k8s.kind.cluster="$cluster")
if [[ -n $left ]]; then
	echo "e2e-kind: containers are left: $left" >&2
	status=1
fi
exit "$status"
