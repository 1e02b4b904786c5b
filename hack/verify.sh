#!/usr/bin/env bash
# Runs every check in hack/verify, also after a failure, and sums up at the end.
# hack/verify.sh [NAME...]: only those. A check is one script that prints what is
# wrong and how to fix it, and exits 1 then.
set -euo pipefail
cd "$(dirname "$0")/.."

checks=("$@")
if [[ ${#checks[@]} -eq 0 ]]; then
	for script in hack/verify/*.sh; do
		checks+=("$(basename "$script" .sh)")
	done
fi

summary=() failed=0
for check in "${checks[@]}"; do
	echo "== verify $check"
	begin=$SECONDS word=ok
	"hack/verify/$check.sh" 2>&1 || { word=FAILED failed=$((failed + 1)); }
	summary+=("$(printf '%-8s %-14s %4ds' "$word" "$check" $((SECONDS - begin)))")
done

echo "== verify: ${#checks[@]} checks, $failed failed"
printf '%s\n' "${summary[@]}"
[[ $failed -eq 0 ]]
