#!/usr/bin/env bash
# Releases with the pinned goreleaser: hack/release.sh check | snapshot | publish |
# push-agent IMAGE. check only reads the configuration; snapshot builds everything but
# the program's image into dist/ and looks at what came out; push-agent has the program
# in dist/ push the agent's image, as often as it takes. Building goreleaser itself takes
# minutes the first time.
set -euo pipefail
cd "$(dirname "$0")/.."

goreleaser() {
	if [[ -n ${GORELEASER:-} ]]; then
		"$GORELEASER" "$@"
	else
		go tool -modfile=hack/release/go.mod goreleaser "$@"
	fi
}

# The program of this machine's architecture, as it is released.
program() {
	echo dist/cniproof_linux_"$(go env GOARCH)"_*/cniproof
}

# One line for each thing that a release must be and is not.
look() {
	local wrong=0 archive program
	(cd dist && sha256sum --check --strict --quiet checksums.txt) || wrong=1
	for archive in dist/cniproof_*_linux_{amd64,arm64}.tar.gz; do
		[[ $(tar -tzf "$archive" | sort | tr '\n' ' ') == 'LICENSE README.md cniproof ' ]] || { echo "$archive holds something else" && wrong=1; }
	done
	program=$(program)
	"$program" agent --index -o dist/agent-image.tar || wrong=1
	for arch in amd64 arm64; do
		cmp <("$program" agent --arch "$arch") <(gzip -dc "internal/agentbin/embedded/agent-linux-$arch.gz") || { echo "the agent in the program is another one ($arch)" && wrong=1; }
		[[ $(tar -xOf dist/agent-image.tar --wildcards 'blobs/*' | grep -ac "\"architecture\":\"$arch\",\"created\"") -eq 1 ]] || { echo "the agent's image has no configuration for $arch" && wrong=1; }
	done
	hack/release/krew.sh dist/krew/cniproof.yaml || wrong=1
	return "$wrong"
}

case ${1:-} in
check) goreleaser check ;;
snapshot) goreleaser release --snapshot --clean --skip=docker && look ;;
publish) goreleaser release --clean ;;
push-agent) "$(program)" agent --push "${2:-}" ;;
*) echo "usage: hack/release.sh check | snapshot | publish | push-agent IMAGE" >&2 && exit 3 ;;
esac
