#!/usr/bin/env bash
# Plants each fault into the embedded cluster in turn and expects the run to fail.
# hack/faults.sh [REGEX]: only those whose name matches. A line per fault; exit 1
# when one goes unnoticed.
set -euo pipefail
cd "$(dirname "$0")/.."

status=0
while read -r fault _; do
	[[ $fault =~ ${1:-.} ]] || continue
	begin=$SECONDS code=0
	bin/cniproof run --quiet --fault "$fault" -o json >"bin/fault-$fault.json" 2>"bin/fault-$fault.log" || code=$?
	case $code in
	1) word=caught ;;
	0) word=UNNOTICED status=1 ;;
	130) exit 130 ;;
	*) word="NO ANSWER (exit $code, see bin/fault-$fault.log)" status=1 ;;
	esac
	printf '%-34s %4ds  %s\n' "$fault" $((SECONDS - begin)) "$word"
done < <(bin/cniproof faults)
exit "$status"
