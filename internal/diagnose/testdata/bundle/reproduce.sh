#!/usr/bin/env bash
# Tries again, with kubectl alone, what cniproof saw in scenario sample:
#   step "relabel and recreate": 2 of 3 flows wrong after 1s
#
# It makes the namespaces of the scenario under names of its own, with pods and services, and checks that
# 1 of the flows in question connects while there is no policy. Then it does what the scenario did, step by step,
# and tries those flows again. At the end it removes what it made.
#
# It ends with one of these lines: "REPRODUCED: ..." (exit code 1: a flow was wrong again), "NOT REPRODUCED: ..." (exit code 0:
# every flow was right) or "could not be told: ..." (exit code 2).
#
# It needs bash, sed and kubectl with a cluster of two nodes or more, and the agent's image on them:
# `cniproof agent --image -o agent.tar` writes it, `docker load`, `ctr -n k8s.io images import` and `crane push` read it.
# In the environment may stand: KUBECTL, IMAGE, PREFIX, NODE_1, NODE_2, WITHIN (seconds), KEEP=1.
set -euo pipefail
set -E

KUBECTL=${KUBECTL:-kubectl}
IMAGE=${IMAGE:-example.org/agent:1}
PREFIX=${PREFIX:-cniproof-again-}
WITHIN=${WITHIN:-30}
NODE_1=${NODE_1:-worker}
NODE_2=${NODE_2:-worker2}
namespaces=("${PREFIX}prod")

say() { printf '%s\n' "$*"; }
give_up() { say "could not be told: $*" && exit 2; }
trap 'give_up "line $LINENO failed: $BASH_COMMAND"' ERR
remove() { "$KUBECTL" delete namespace --ignore-not-found --timeout=90s "${namespaces[@]}" >/dev/null || true; }

# fill puts the names and addresses of this run where the manifests have placeholders.
fills=(-e "s|@PREFIX@|$PREFIX|g" -e "s|@IMAGE@|$IMAGE|g" -e "s|@NODE_1@|$NODE_1|g" -e "s|@NODE_2@|$NODE_2|g")
fill() { sed "${fills[@]}"; }

# learn NAMESPACE POD adds the addresses of a pod to what fill knows, before those that it had earlier.
learn() {
	local ip
	for ip in $("$KUBECTL" get pod -n "$PREFIX$1" "$2" -o 'jsonpath={.status.podIPs[*].ip}'); do
		if [[ $ip == *:* ]]; then
			fills=(-e "s|@IP6:$1/$2@|$ip|g" "${fills[@]}")
		else
			fills=(-e "s|@IP4:$1/$2@|$ip|g" "${fills[@]}")
		fi
	done
}

# start NAMESPACE POD PORT... waits for a pod and has its agent listen.
start() {
	local namespace=$1 pod=$2
	shift 2
	"$KUBECTL" wait -n "$PREFIX$namespace" --for=condition=Ready --timeout=120s "pod/$pod" >/dev/null || give_up "pod $namespace/$pod is not ready"
	learn "$namespace" "$pod"
	[[ $# -eq 0 ]] || "$KUBECTL" exec -n "$PREFIX$namespace" "$pod" -- /agent listen "$@" || give_up "pod $namespace/$pod does not listen"
}

# of FAMILY picks an address of the family from standard input.
of() {
	local a all
	read -ra all || true # there is no newline
	for a in "${all[@]}"; do
		case $1/$a in
		ipv6/*:*) echo "[$a]" && return ;;
		ipv4/*:*) ;;
		ipv4/*) echo "$a" && return ;;
		esac
	done
}

# see NAMESPACE POD KIND VIA FAMILY TO-NAMESPACE TO-POD PORT tries one connection and sets seen to allow, deny or
# unknown. Only an answer of the right pod counts as allow, only silence or a refusal as deny.
seen='' outcome=''
see() {
	local address uid answer port=$8
	if [[ $6/$7 == kube-system/dns ]]; then
		address=$("$KUBECTL" get service -n kube-system kube-dns -o 'jsonpath={.spec.clusterIPs[*]}' | of "$5")
	elif [[ $4 == clusterIP ]]; then
		address=$("$KUBECTL" get service -n "$PREFIX$6" "$7" -o 'jsonpath={.spec.clusterIPs[*]}' | of "$5")
		port=$((port + 20000))
	else
		address=$("$KUBECTL" get pod -n "$PREFIX$6" "$7" -o 'jsonpath={.status.podIPs[*].ip}' | of "$5")
	fi
	answer=$("$KUBECTL" exec -n "$PREFIX$1" "$2" -- /agent probe --query kubernetes.default.svc.cluster.local. "$3://$address:$port" 2>/dev/null) || true
	[[ -n $answer ]] || answer=failed
	outcome=${answer%% *} seen=unknown
	case $outcome in
	timed-out | refused | reset | unreachable) seen=deny ;;
	connected)
		[[ $6/$7 == kube-system/dns ]] && seen=allow && return
		uid=$("$KUBECTL" get pod -n "$PREFIX$6" "$7" -o 'jsonpath={.metadata.uid}')
		if [[ ${answer#* } == "$PREFIX$6/$7/$uid" ]]; then seen=allow; else outcome='wrong-peer'; fi
		;;
	esac
}

# act STEP does a step; from then on its flows have time until WITHIN is over.
until=$((SECONDS + WITHIN))
act() {
	"$@"
	until=$((SECONDS + WITHIN))
}

# await VERDICT FLOW... tries a flow until it has the verdict; it fails when the time is over.
await() {
	local expected=$1
	shift
	while true; do
		see "$@"
		[[ $seen != "$expected" ]] || return 0
		((SECONDS < until)) || return 1
		sleep 0.3
	done
}

wrong=0 unclear=0
# check VERDICT LINE FLOW... is the verdict of one flow, here and now.
check() {
	local expected=$1 line=$2 tries
	shift 2
	if await "$expected" "$@"; then
		for ((tries = 0; tries < 3; tries++)); do
			see "$@"
			[[ $seen == "$expected" || $seen == unknown ]] || break
		done
	fi
	for ((tries = 0; tries < 5; tries++)); do
		[[ $seen == unknown ]] || break
		see "$@"
	done
	case $seen in
	"$expected") say "right  $line: $expected ($outcome)" ;;
	unknown) unclear=$((unclear + 1)) && say "?      $line: $outcome" ;;
	*) wrong=$((wrong + 1)) && say "WRONG  $line: expected $expected, seen $seen ($outcome)" ;;
	esac
}

topology() {
	cat <<'END'
apiVersion: v1
kind: Namespace
metadata:
  labels:
    env: prod
    pod-security.kubernetes.io/enforce: restricted
  name: @PREFIX@prod
spec: {}
---
apiVersion: v1
kind: Pod
metadata:
  labels:
    cniproof.dev/pod: db
    role: db
  name: db
  namespace: @PREFIX@prod
spec:
  automountServiceAccountToken: false
  containers:
  - args:
    - --control
    - socket
    image: '@IMAGE@'
    name: agent
    resources:
      requests:
        cpu: 20m
    securityContext:
      allowPrivilegeEscalation: false
      capabilities:
        drop:
        - ALL
  enableServiceLinks: false
  nodeSelector:
    kubernetes.io/hostname: '@NODE_1@'
  securityContext:
    seccompProfile:
      type: RuntimeDefault
    sysctls:
    - name: net.ipv4.ip_unprivileged_port_start
      value: "0"
  terminationGracePeriodSeconds: 1
  tolerations:
  - operator: Exists
---
apiVersion: v1
kind: Pod
metadata:
  labels:
    cniproof.dev/pod: web
    extra: really
    role: web
  name: web
  namespace: @PREFIX@prod
spec:
  automountServiceAccountToken: false
  containers:
  - args:
    - --control
    - socket
    image: '@IMAGE@'
    name: agent
    resources:
      requests:
        cpu: 20m
    securityContext:
      allowPrivilegeEscalation: false
      capabilities:
        drop:
        - ALL
  enableServiceLinks: false
  nodeSelector:
    kubernetes.io/hostname: '@NODE_2@'
  securityContext:
    seccompProfile:
      type: RuntimeDefault
    sysctls:
    - name: net.ipv4.ip_unprivileged_port_start
      value: "0"
  terminationGracePeriodSeconds: 1
  tolerations:
  - operator: Exists
---
apiVersion: v1
kind: Service
metadata:
  name: db
  namespace: @PREFIX@prod
spec:
  ports:
  - name: tcp-80
    port: 20080
    protocol: TCP
    targetPort: 80
  selector:
    cniproof.dev/pod: db
END
}

step_1() {
	say 'step 1: deny "it'\''s all"'
	fill <<'END' | "$KUBECTL" apply -f - >/dev/null
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  name: db
  namespace: @PREFIX@prod
spec:
  ingress:
  - from:
    - ipBlock:
        cidr: @IP4:prod/web@/32
    - namespaceSelector:
        matchLabels:
          kubernetes.io/metadata.name: @PREFIX@prod
      podSelector:
        matchLabels:
          role: nobody
  podSelector:
    matchLabels:
      role: db
  policyTypes:
  - Ingress
END
}

step_2() {
	say 'step 2: relabel and recreate'
	"$KUBECTL" label --overwrite namespace "${PREFIX}prod" 'env=test' >/dev/null
	"$KUBECTL" label --overwrite -n "${PREFIX}prod" pod web 'extra-' 'of='"${PREFIX}prod" 'role=nobody' >/dev/null
	"$KUBECTL" delete pod -n "${PREFIX}prod" web --timeout=90s >/dev/null
	fill <<'END' | "$KUBECTL" apply -f - >/dev/null
apiVersion: v1
kind: Pod
metadata:
  labels:
    cniproof.dev/pod: web
    of: ${ns.prod}
    role: nobody
  name: web
  namespace: @PREFIX@prod
spec:
  automountServiceAccountToken: false
  containers:
  - args:
    - --control
    - socket
    image: '@IMAGE@'
    name: agent
    resources:
      requests:
        cpu: 20m
    securityContext:
      allowPrivilegeEscalation: false
      capabilities:
        drop:
        - ALL
  enableServiceLinks: false
  nodeSelector:
    kubernetes.io/hostname: '@NODE_2@'
  securityContext:
    seccompProfile:
      type: RuntimeDefault
    sysctls:
    - name: net.ipv4.ip_unprivileged_port_start
      value: "0"
  terminationGracePeriodSeconds: 1
  tolerations:
  - operator: Exists
END
	start prod web
}

"$KUBECTL" get node "$NODE_1" >/dev/null || give_up "there is no node $NODE_1: set NODE_1 to one of this cluster's"
"$KUBECTL" get node "$NODE_2" >/dev/null || give_up "there is no node $NODE_2: set NODE_2 to one of this cluster's"
[[ -n $IMAGE ]] || give_up "which image has the agent? set IMAGE"
for n in "${namespaces[@]}"; do
	[[ -z $("$KUBECTL" get namespace --ignore-not-found -o name "$n") ]] || give_up "namespace $n is there already: remove it, or set PREFIX"
done
[[ -n ${KEEP:-} ]] || trap remove EXIT

say "making the pods"
topology | fill | "$KUBECTL" apply -f - >/dev/null
start prod db tcp/80 udp/53
start prod web
say "control: without any policy the flows connect"
act true
await allow prod web tcp podIP ipv4 prod db 80 || give_up "without any policy, "'prod/web -> prod/db:80/TCP via podIP over ipv4'" is $outcome"
act step_1
await deny prod web tcp podIP ipv4 prod db 80 || say "meanwhile: $outcome:" 'prod/web -> prod/db:80/TCP via podIP over ipv4'
act step_2
check allow 'prod/web -> prod/db:80/TCP via podIP over ipv4' prod web tcp podIP ipv4 prod db 80
((wrong == 0)) || { say "REPRODUCED: $wrong of 1 flow wrong again" && exit 1; }
((unclear == 0)) || give_up "$unclear of 1 flows"
say "NOT REPRODUCED: the flow was right, as expected"
