#!/usr/bin/env bash
# Stands in for kubectl and a cluster in tests of reproducer scripts: pods are agents of
# this host with loopback addresses, and no policy is enforced. STATE is a folder, AGENT
# the agent, SOCKETS how its sockets are called; where the words match FAIL it fails. A pod gets the next of five addresses.
set -euo pipefail

printf '%s\n' "$*" >>"$STATE/log"
[[ -z ${FAIL:-} || "$* " != *"$FAIL"* ]] || exit 1

words=() namespace='' format='' all=$* prefix=$SOCKETS
while [[ $# -gt 0 && $1 != -- ]]; do
	case $1 in
	-n) namespace=$2 && shift ;;
	-o) format=$2 && shift ;;
	-f) shift ;;
	-*) ;;
	*) words+=("$1") ;;
	esac
	shift
done
shift || true

# stop NAME ends a pod's agent, and waits for it: the next one of that name has the same socket.
stop() {
	local pid
	pid=$(cat "$STATE/$1.pid" 2>/dev/null) || return 0
	kill "$pid" 2>/dev/null || true
	while kill -0 "$pid" 2>/dev/null; do sleep 0.02; done
	rm -f "$STATE/$1".*
}

# run NAMESPACE POD starts a pod's agent at the next address.
run() {
	local next
	next=$(($(cat "$STATE/next" 2>/dev/null || echo 0) + 1))
	echo "$next" >"$STATE/next"
	echo "127.0.0.$((2 + next % 5))" >"$STATE/$1.$2.ip"
	"$AGENT" --identity "$1/$2/uid-$next" --control socket --socket "$prefix-$1-$2" </dev/null >/dev/null 2>&1 &
	echo $! >"$STATE/$1.$2.pid"
	echo "uid-$next" >"$STATE/$1.$2.uid"
}

one=$namespace.${words[2]:-}
case "${words[*]} " in
apply*)
	while read -r namespace name; do
		run "$namespace" "$name"
	done < <(awk '/^---/ { kind = "" } /^kind: / { kind = $2 } kind == "Pod" && /^  name: / { name = $2 } kind == "Pod" && /^  namespace: / { print $2, name }')
	;;
"get pod "*) if [[ $format == *uid* ]]; then cat "$STATE/$one.uid"; else cat "$STATE/$one.ip"; fi ;;
"get serviceaccount "*) echo serviceaccount/default ;;
"delete pod "*) stop "$one" ;;
"delete namespace "*)
	for n in "${words[@]:2}"; do
		for pid in "$STATE/$n".*.pid; do
			[[ ! -e $pid ]] || stop "$(basename "$pid" .pid)"
		done
	done
	;;
"patch pod "*) if [[ $all == *'"True"'* ]]; then echo True; else echo False; fi >"$STATE/$one.gate" ;;
"wait "*)
	pod=${words[1]#pod/} wanted=${all#*--for=*=}
	for ((tries = 0; tries < 50; tries++)); do
		answers=' Ready Ready=True '
		[[ $(cat "$STATE/$namespace.$pod.gate" 2>/dev/null) != False ]] || answers=' Ready=False '
		"$AGENT" connect --socket "$prefix-$namespace-$pod" </dev/null 2>/dev/null || answers=' {.status.phase}=Succeeded '
		[[ $answers != *" ${wanted%% *} "* ]] || exit 0
		sleep 0.1
	done
	exit 1
	;;
exec*) exec "$AGENT" "$2" --socket "$prefix-$namespace-${words[1]}" "${@:3}" ;;
esac
