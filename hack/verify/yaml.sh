#!/usr/bin/env bash
# YAML files are written alike; a scenario is called what its file is called.
set -euo pipefail
cd "$(dirname "$0")/../.."

status=0
style() {
	awk '
		function wrong(what) { printf "%s:%d: %s\n", FILENAME, FNR, what; bad = 1 }
		/\t/ { wrong("a tab; indent with spaces") }
		/[ \r]$/ { wrong("space at the end of the line") }
		length($0) > 200 { wrong("longer than 200 columns") }
		END { exit bad }
	' "$1" || status=1
	[[ -z $(tail -c1 "$1") ]] || { status=1 && echo "$1: no newline at the end"; }
}
scenario() {
	local stem
	stem=$(basename "$1" .yaml)
	[[ $(grep -v '^#' "$1" | head -1) == 'apiVersion: cniproof.dev/v1alpha1' ]] || { status=1 && echo "$1:1: does not begin with apiVersion: cniproof.dev/v1alpha1"; }
	grep -qxE "metadata: *\{name: $stem\}|  name: $stem" "$1" || { status=1 && echo "$1: metadata.name is not $stem, the file's stem"; }
	[[ $(wc -l <"$1") -le 150 ]] || { status=1 && echo "$1: over 150 lines; a reviewer has to believe it: split it"; }
}

while IFS= read -r file; do style "$file"; done < <(hack/files.sh '*.yaml' '*.yml' ':!*/testdata/*')
while IFS= read -r file; do scenario "$file"; done < <(hack/files.sh 'scenarios/*.yaml')
while IFS= read -r file; do
	status=1 && echo "$file: ends in .yml"
done < <(hack/files.sh '*.yml' ':!*/testdata/*')
# One stem is one scenario, in whatever folder.
while IFS= read -r stem; do
	status=1 && echo "scenarios: more than one file is called $stem"
done < <(hack/files.sh 'scenarios/*.yaml' | sed 's,.*/,,' | sort | uniq -d)

[[ $status -eq 0 ]] || echo "fix: edit the files above"
exit "$status"
