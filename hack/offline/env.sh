#!/usr/bin/env bash
# What the steps share, to be sourced: folders, and the cache of steps.
set -euo pipefail

offline=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
mirror=${CNIPROOF_MIRROR:-$HOME/.cache/cniproof/mirror}
work=$mirror.work # what is built on the way; safe to delete
mkdir -p "$mirror"/{nodes,images,catalog} "$work"/stamps

say() { printf '%s  %s\n' "$(date +%T)" "$*" >&2; }
fail() { say "$@" && exit 1; }

# version COMPONENT MODULE: the version of a module that a component pins.
version() { go list -C "$offline/$1" -m -f '{{.Version}}' "$2"; }

# packages NAME...: installs the Debian packages that are missing.
packages() {
	local missing=()
	for name in "$@"; do
		[[ $(dpkg-query -W -f '${Status}' "$name" 2>/dev/null) == 'install ok installed' ]] || missing+=("$name")
	done
	[[ ${#missing[@]} -gt 0 ]] || return 0
	if ! command -v apt-get >/dev/null || [[ $UID != 0 ]]; then
		fail "missing: ${missing[*]}; install them, or run this as root on Debian"
	fi
	say "installing ${missing[*]}"
	quietly apt-get update
	DEBIAN_FRONTEND=noninteractive quietly apt-get install -y --no-install-recommends "${missing[@]}"
}

# quietly COMMAND...: runs it; what it says is shown when it fails.
quietly() {
	local log
	log=$(mktemp)
	"$@" >"$log" 2>&1 || { cat "$log" >&2 && fail "failed: $*"; }
	rm -f "$log"
}

# step NAME OUTPUT INPUT... -- COMMAND...: runs COMMAND unless OUTPUT is there
# and was made from the same INPUTs (absolute paths of files and folders, which
# are compared by content, or other words) by the same COMMAND. A step that is
# interrupted runs again. stamps/NAME.made is a hash of what came out.
step() {
	local name=$1 output=$2 inputs=() key stamp began
	shift 2
	while [[ $1 != -- ]]; do inputs+=("$1") && shift; done
	shift
	stamp=$work/stamps/$name
	key=$(printf '%s\n' "$@" "$(fingerprint "${inputs[@]}")" | sha256sum | cut -d' ' -f1)
	if [[ -e $output && -e $stamp.made && -e $stamp && $(<"$stamp") == "$key" ]]; then
		say "$name: as before"
		return
	fi
	rm -f "$stamp"
	say "$name ..."
	began=$SECONDS
	"$@"
	[[ -e $output ]] || fail "$name: $output was not made"
	fingerprint "$output" >"$stamp.made"
	printf '%s\n' "$key" >"$stamp"
	say "$name: $((SECONDS - began)) s"
}

# compile_own NAME: makes bin/NAME in the work folder from hack/offline/NAME.
compile_own() {
	step "compile-$1" "$work/bin/$1" "$offline/$1" "$(go env GOVERSION GOARCH)" \
		-- env CGO_ENABLED=0 go build -C "$offline" -buildvcs=false -trimpath -ldflags '-s -w' -o "$work/bin/$1" "./$1"
}

# fingerprint INPUT...: a hash of the words, and of what the paths hold.
fingerprint() {
	local input
	for input in "$@"; do
		case $input in
		/*) find "$input" -type f -print0 | sort -z | xargs -0r cat | sha256sum ;;
		*) printf '%s\n' "$input" ;;
		esac
	done
}
