#!/usr/bin/env bash
# index.sh: writes mirror.yaml, which says what is in the mirror and holds later
# runs to it by checksum.
set -euo pipefail
# shellcheck source=hack/offline/env.sh
. "$(dirname "$0")/env.sh"

# sum FILE: its SHA-256; read again only after a change.
sum() {
	local file=$1 cached
	cached=$work/sums/$(basename "$file")
	if [[ ! $cached -nt $file ]]; then
		sha256sum <"$file" | cut -d' ' -f1 >"$cached.new"
		mv "$cached.new" "$cached"
	fi
	cat "$cached"
}

nodes() {
	local file version
	for file in "$mirror"/nodes/*.tar; do
		version=$(basename "$file" .tar)
		printf -- '- {kubernetes: %s, image: "cniproof.dev/node:%s", archive: nodes/%s.tar, sha256: %s}\n' \
			"$version" "$version" "$version" "$(sum "$file")"
	done
}

# images: a row for each image that an entry names; those of one CNI share an archive.
images() {
	local file name image
	for file in "$mirror"/images/*.tar; do
		name=$(basename "$file" .tar)
		for image in $(sed -n 's/^  images: \[\(.*\)\]/\1/p' "$mirror/catalog/$name.yaml" | tr -d '",'); do
			printf -- '- {name: "%s", archive: images/%s.tar, sha256: %s}\n' "$image" "$name" "$(sum "$file")"
		done
	done
}

shopt -s nullglob
mkdir -p "$work/sums"
{
	printf 'apiVersion: cniproof.dev/v1\nkind: Mirror\nnodes:\n'
	nodes
	printf 'manifests: []\nimages:\n'
	images
} >"$mirror/mirror.yaml.new"
mv "$mirror/mirror.yaml.new" "$mirror/mirror.yaml"
say "index: $(grep -c '^- {' "$mirror/mirror.yaml") rows in $mirror/mirror.yaml"
