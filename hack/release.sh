#!/usr/bin/env bash
# Releases with the pinned goreleaser: hack/release.sh check | snapshot | publish.
# check only reads the configuration; snapshot builds everything but images into dist/
# and looks at what came out. Building goreleaser itself takes minutes the first time.
set -euo pipefail
cd "$(dirname "$0")/.."

goreleaser() {
	if [[ -n ${GORELEASER:-} ]]; then
		"$GORELEASER" "$@"
	else
		go tool -modfile=hack/release/go.mod goreleaser "$@"
	fi
}

# One line for each thing that a release must be and is not.
look() {
	local wrong=0 archive program
	(cd dist && sha256sum --check --strict --quiet checksums.txt) || wrong=1
	for archive in dist/cniproof_*_linux_{amd64,arm64}.tar.gz; do
		[[ $(tar -tzf "$archive" | sort | tr '\n' ' ') == 'LICENSE README.md cniproof ' ]] || { echo "$archive holds something else" && wrong=1; }
	done
	program=$(echo dist/cniproof_linux_"$(go env GOARCH)"_*/cniproof)
	for arch in amd64 arm64; do
		cmp <("$program" agent --arch "$arch") <(cat dist/agent_linux_"$arch"_*/agent) || { echo "the agent in the program is not the one of the image ($arch)" && wrong=1; }
	done
	hack/release/krew.sh dist/krew/cniproof.yaml || wrong=1
	return "$wrong"
}

case ${1:-} in
check) goreleaser check ;;
snapshot) goreleaser release --snapshot --clean --skip=docker && look ;;
publish) goreleaser release --clean ;;
*) echo "usage: hack/release.sh check | snapshot | publish" >&2 && exit 3 ;;
esac
