#!/usr/bin/env bash
# Plants each fault into the embedded cluster in turn and demands that some
# scenario fails, then rewrites docs/faults.md, which says which ones do.
# hack/faults.sh REGEX: only the faults whose name matches, and nothing is written.
# hack/faults.sh --only REGEX: those are planted, and what the table says of others stays.
# Exit 1 when a fault goes unnoticed.
set -euo pipefail
cd "$(dirname "$0")/.."

mkdir -p bin/faults

# The table appears only when every fault is caught.
write_table() {
	go run ./hack/faulttable "$@" >bin/faults/table.md
	mv bin/faults/table.md docs/faults.md
}

try() {
	local fault=$1 begin=$SECONDS code=0 word
	bin/cniproof run --quiet --bundles none --fault "$fault" -o json >"bin/faults/$fault.json" 2>"bin/faults/$fault.log" || code=$?
	[[ $code -ne 0 ]] || bin/cniproof run --quiet --bundles none --dynamics --fault "$fault" -o json >"bin/faults/$fault.json" 2>"bin/faults/$fault.log" || code=$?
	case $code in
	1) word=caught ;;
	0) word=UNNOTICED status=1 ;;
	130) exit 130 ;;
	*) word="NO ANSWER (exit $code, see bin/faults/$fault.log)" status=1 ;;
	esac
	printf '%-34s %4ds  %s\n' "$fault" $((SECONDS - begin)) "$word"
}

if [[ $# -ne 1 ]]; then
	write_table "$@"
	exit
fi
status=0
while read -r fault _; do
	[[ ! $fault =~ $1 ]] || try "$fault"
done < <(bin/cniproof faults)
exit "$status"
