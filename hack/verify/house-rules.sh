#!/usr/bin/env bash
# The house rules that no linter covers: names of packages, marks of unfinished
# work, paths of one machine.
set -euo pipefail
cd "$(dirname "$0")/../.."

status=0
# forbid WHY FIX REGEX PATTERN...: no line of the files may match.
forbid() {
	local why=$1 fix=$2 regex=$3
	shift 3
	if hack/files.sh "$@" | grep -vxF hack/verify/house-rules.sh | xargs -r -d '\n' grep -nHIE -- "$regex"; then
		printf '%s\nfix: %s\n' "$why" "$fix"
		status=1
	fi
}

forbid "a package's name says what it does" "rename the package after its subject" \
	'^package (utils?|commons?|helpers?|types|misc|shared|base)(_test)?$' '*.go'
forbid "nothing happens at import time" "build it where it is used, or pass it in" \
	'^func init\(\)' '*.go'
forbid "work is finished or it is an issue" "finish it, or open an issue and remove the mark" \
	'(^|[^.A-Za-z0-9_])(TODO|FIXME|XXX|HACK)\b' ':!LICENSE' ':!*go.sum' ':!*/testdata/fuzz/*'
forbid "nothing depends on one machine's folders" "use a path relative to the project, or t.TempDir()" \
	'(^|[^A-Za-z0-9_.])/(work|home|Users|root)/[A-Za-z]' ':!LICENSE' ':!*go.sum' ':!*/testdata/fuzz/*'
exit "$status"
