#!/usr/bin/env bash
# families.sh COMMAND...: runs a program of Calico's with what it needs to know of
# the node's families: HOST_IPS has the node's addresses, one of each.
set -euo pipefail

ranges=()
case $HOST_IPS in
*.*) ranges+=('[{"subnet": "usePodCidr"}]') ;;
*) export IP=none CALICO_ROUTER_ID=hash ;;
esac
case $HOST_IPS in
*:*)
	ranges+=('[{"subnet": "usePodCidrIPv6"}]')
	export IP6=autodetect FELIX_IPV6SUPPORT=true CALICO_IPV6POOL_NAT_OUTGOING=true
	;;
esac
# The network that the install program writes; calico-node has none.
if [[ -v CNI_NETWORK_CONFIG ]]; then
	addresses="\"type\": \"host-local\", \"ranges\": [$(IFS=, && echo "${ranges[*]}")]"
	export CNI_NETWORK_CONFIG=${CNI_NETWORK_CONFIG/'"type": "calico-ipam"'/$addresses}
fi
exec "$@"
