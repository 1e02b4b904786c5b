#!/usr/bin/env bash
# What e2e-kind.sh and e2e-tests.sh share, to be sourced from the project's root: the
# mirror, a cluster's name, times, and the clean-up.
set -euo pipefail
# shellcheck source=hack/offline/env.sh
. hack/offline/env.sh

out=${E2E_REPORTS:-$PWD/dist/e2e-kind}
minor=kubernetes-${KUBERNETES:-1.36}
cluster=cniproof-e2e-$$
rows=()
# As cniproof's own: 1 where a verdict is wrong or a test fails, 2 where it could not be
# told because something else broke.
status=0

# begin fills the mirror, builds, and sees to it that nothing stays.
begin() {
	mkdir -p "$out"
	docker info >/dev/null 2>&1 && docker_was_there=yes
	trap finish EXIT
	hack/build.sh
	timed "offline mirror" hack/offline/mirror.sh "$minor" || exit 2
}

# worse CODE: what a part ended with; a wrong verdict outranks doubt.
worse() {
	[[ $1 -ne 0 && $status -ne 1 ]] || return 0
	status=$1
}

timed() { # timed LABEL COMMAND...
	local label=$1 began=$SECONDS code=0
	shift
	"$@" || code=$?
	rows+=("$(printf '%-28s %5d s  exit %d' "$label" $((SECONDS - began)) "$code")")
	return "$code"
}

judge() { # judge CNI [FLAG...]: a run on a new cluster, the whole library without flags
	bin/cniproof run --cluster kind --name "$cluster" --cni "$1" --mirror "$mirror" --kubernetes "${minor#kubernetes-}" \
		--report json="$out/$1.json" --report junit="$out/$1.xml" --report html="$out/$1.html" "${@:2}"
}

# shellcheck disable=SC2317 # a trap calls it
finish() {
	local code=$? left=
	[[ ! -x bin/cniproof ]] || bin/cniproof cleanup --name "$cluster" >&2 || true
	if docker info >/dev/null 2>&1; then
		left=$(docker ps -aq --filter label=io.x-k8s.kind.cluster="$cluster")
	fi
	[[ -n ${docker_was_there:-} ]] || hack/offline/docker.sh stop
	[[ ${#rows[@]} -eq 0 ]] || printf '%s\n' "${rows[@]}"
	echo "reports: $out"
	if [[ -n $left ]]; then
		echo "containers are left: $left" >&2
		code=1
	fi
	exit "$code"
}
