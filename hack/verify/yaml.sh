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
		length($0) > 320 { wrong("longer than 320 columns") }
		END { exit bad }
	' "$@"
}
# Shared topologies are named and begun like scenarios.
scenarios() {
	awk '
		function wrong(what) { printf "%s: %s\n", file, what; bad = 1 }
		function finish() {
			if (file == "") return
			if (!begun) wrong("does not begin with apiVersion: cniproof.dev/v1alpha1")
			if (name != stem) wrong("metadata.name is not " stem ", the stem of the file")
			if (lines > (written ? 400 : 150)) wrong("over " (written ? 400 : 150) " lines: a reviewer has to believe it; split it")
			if (seen[stem]++) wrong("another file has this stem: a stem is one scenario, in whatever folder")
		}
		FNR == 1 {
			finish()
			file = FILENAME
			begun = lines = 0
			written = /^# Written by hack\/families/
			name = ""
			stem = file
			sub(/.*\//, "", stem)
			sub(/\.yaml$/, "", stem)
		}
		/^#/ || /^$/ { next }
		{ lines++ }
		lines == 1 { begun = $0 == "apiVersion: cniproof.dev/v1alpha1" }
		/^metadata: *\{name: / && name == "" { name = $3; sub(/[,}].*/, "", name) }
		/^  name: / && name == "" { name = $2 }
		END { finish(); exit bad }
	' "$@"
}

mapfile -t all < <(hack/files.sh '*.yaml' ':!*/testdata/*')
mapfile -t ours < <(hack/files.sh 'scenarios/*.yaml')
style "${all[@]}" || status=1
[[ ${#ours[@]} -eq 0 ]] || scenarios "${ours[@]}" || status=1
while IFS= read -r file; do
	status=1 && echo "$file: ends in .yml"
done < <(hack/files.sh '*.yml' ':!*/testdata/*')
while IFS= read -r file; do
	[[ -z $(tail -c1 "$file") ]] || { status=1 && echo "$file: no newline at the end"; }
done < <(printf '%s\n' "${all[@]}")

[[ $status -eq 0 ]] || echo "fix: edit the files above"
exit "$status"
