#!/usr/bin/env bash
# The tests that need a kind cluster, with one CNI: the suites, what goes wrong in
# mid-run, the provider's tests. They break clusters, and make several. Argument: the
# CNI (default: calico). Needs root. CNIPROOF_MIRROR and KUBERNETES as in e2e-kind.sh.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=hack/e2e.sh
. hack/e2e.sh

cni=${1:-calico}
kubeconfig=$out/kubeconfig

# shellcheck disable=SC2317 # timed calls it
tests() { # tests REGEX PACKAGE...
	go test -count=1 -timeout 40m -run "$1" "${@:2}"
}

begin
rm -f "$kubeconfig"
timed "cluster with $cni" judge "$cni" --run '^canonical-' --keep --kubeconfig "$kubeconfig" || worse $?
export CNIPROOF_E2E_KUBECONFIG=$kubeconfig CNIPROOF_E2E_MIRROR=$mirror CNIPROOF_E2E_CNI=$cni
timed "suites" go test -count=1 ./suites/core -args -kubeconfig "$kubeconfig" -ginkgo.label-filter='canonical || default-deny' || worse 1
timed "existing cluster" tests '^(TestProvider|TestAMissingImageIsToldAtOnce)$' ./internal/cluster/existing || worse 1
timed "infrastructure fails" tests '^TestTheInfrastructureFails$' ./internal/runner || worse 1
bin/cniproof cleanup --name "$cluster" || worse 1
timed "kind provider" tests . ./internal/cluster/kind || worse 1
exit "$status"
