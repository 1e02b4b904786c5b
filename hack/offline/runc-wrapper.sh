#!/usr/bin/env bash
# Stands before runc on hosts whose capability bounding set lacks
# CAP_SYS_RESOURCE (small virtual machines), where runc could not give a
# privileged container "all" capabilities, nor raise its limits. It takes the
# capability, oomScoreAdj and rlimits out of what runc is told. Elsewhere it
# only calls runc.
set -euo pipefail

runc=/usr/sbin/runc
sys_resource=24 # the capability's number

bounding=$(sed -n 's/^CapBnd:\t*/0x/p' /proc/self/status)
((bounding >> sys_resource & 1)) && exec "$runc" "$@"

# strip FILE JQPATH: removes it from the process that stands at JQPATH of FILE.
strip() {
	local new
	new=$(jq -c "($2) |= (del(.oomScoreAdj, .rlimits)
		| if .capabilities then .capabilities |= map_values(. - [\"CAP_SYS_RESOURCE\"]) else . end)" "$1")
	printf '%s\n' "$new" >"$1"
}

verb='' bundle=.
arguments=("$@")
for ((i = 0; i < $#; i++)); do
	case ${arguments[i]} in
	create | run) verb=${verb:-create} ;;
	--bundle | -b) bundle=${arguments[i + 1]} ;;
	--process | -p) strip "${arguments[i + 1]}" . ;;
	esac
done
[[ $verb == create ]] && strip "$bundle/config.json" .process
exec "$runc" "$@"
