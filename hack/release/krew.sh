#!/usr/bin/env bash
# The manifest for krew is one that krew takes (by the rules of its validate-krew-manifest)
# and names the archives beside it by their checksums: hack/release/krew.sh MANIFEST.
set -euo pipefail

manifest=$1 status=0
wrong() { status=1 && echo "$manifest: $*"; }
field() { sed -n "s/^ *$1: *\"\{0,1\}\([^\"]*\)\"\{0,1\}$/\1/p" "$manifest"; }

grep -qx 'apiVersion: krew.googlecontainertools.github.com/v1alpha2' "$manifest" || wrong "apiVersion is not krew's"
grep -qx 'kind: Plugin' "$manifest" || wrong "kind is not Plugin"
[[ $(field name) == "$(basename "$manifest" .yaml)" ]] || wrong "the name is not that of the file"
[[ $(field version) =~ ^v[0-9]+\.[0-9]+\.[0-9]+(-[0-9A-Za-z.-]+)?$ ]] || wrong "version $(field version) is not semantic"
short=$(field shortDescription)
[[ -n $short && ${#short} -le 50 ]] || wrong "shortDescription must have 1 to 50 characters"
mapfile -t uris < <(sed -n 's/^ *\(- \)\{0,1\}uri: *//p' "$manifest")
mapfile -t sums < <(sed -n 's/^ *\(- \)\{0,1\}sha256: *//p' "$manifest")
[[ ${#uris[@]} -eq 2 && ${#sums[@]} -eq 2 ]] || wrong "must have two platforms, not ${#uris[@]}"
for i in "${!uris[@]}"; do
	[[ ${uris[i]} == https://*.tar.gz ]] || wrong "uri ${uris[i]}"
	archive=$(dirname "$manifest")/../$(basename "${uris[i]}")
	echo "${sums[i]}  $archive" | sha256sum --check --status || wrong "sha256 of ${uris[i]} is not that of the archive"
done
[[ $(grep -cE '^ *(- )?bin: cniproof$' "$manifest") -eq 2 ]] || wrong "bin is not cniproof"
for key in os arch; do
	grep -qE "^ *$key: " "$manifest" || wrong "no platform is chosen by $key"
done
exit "$status"
