#!/usr/bin/env bash
# Links in Markdown files to files of this project lead somewhere.
set -euo pipefail
cd "$(dirname "$0")/../.."

# Prints LINE TARGET for every link to a file, outside fenced code.
targets() {
	awk '
		/^ *```/ { fenced = !fenced }
		fenced { next }
		{
			gsub(/`[^`]*`/, "")
			while (match($0, /\]\([^) ]+/)) {
				print FNR, substr($0, RSTART + 2, RLENGTH - 2)
				$0 = substr($0, RSTART + RLENGTH)
			}
		}
	' "$1" | grep -vE '^[0-9]+ (https?:|mailto:|#)' || true
}

status=0
while IFS= read -r file; do
	while read -r line target; do
		path=${target%%#*}
		case $path in
		/*) path=.$path ;;
		*) path=$(dirname "$file")/$path ;;
		esac
		[[ -e $path ]] || { status=1 && echo "$file:$line: no such file: $target"; }
	done < <(targets "$file")
done < <(hack/files.sh '*.md' ':!*/testdata/*')
[[ $status -eq 0 ]] || echo "fix: correct the link, or add the file"
exit "$status"
