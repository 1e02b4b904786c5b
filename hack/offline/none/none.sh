#!/usr/bin/env bash
# One node's part of a network without policies: the ptp plugin with addresses
# from the node's pod CIDRs, a route to the pod CIDRs of every other node, and
# the node's own address for what leaves the cluster. NODE_NAME names the node;
# /host has its /opt/cni/bin and /etc/cni/net.d. With ROUTES_ONLY it sets the routes
# alone, for a CNI that leaves them to others.
set -euo pipefail

# configure CIDR...: hands the node's network over to the container runtime.
configure() {
	local ranges=() routes=()
	for cidr in "$@"; do
		ranges+=("[{\"subnet\": \"$cidr\"}]")
		case $cidr in
		*:*) routes+=('{"dst": "::/0"}') ;;
		*) routes+=('{"dst": "0.0.0.0/0"}') ;;
		esac
	done
	cp /opt/cni/bin/{ptp,host-local} /host/opt/cni/bin/
	cat >/host/etc/cni/net.d/.none.new <<-EOF
		{"cniVersion": "1.0.0", "name": "none", "plugins": [{"type": "ptp", "ipMasq": false, "ipam": {
			"type": "host-local", "dataDir": "/run/cni-ipam", "routes": [$(IFS=, && echo "${routes[*]}")], "ranges": [$(IFS=, && echo "${ranges[*]}")]}}]}
	EOF
	mv /host/etc/cni/net.d/{.none.new,10-none.conflist}
}

# masquerade: replaces the table, with no pods in it yet.
masquerade() {
	nft -f - <<-EOF
		table inet none
		delete table inet none
		table inet none {
			set pods4 { type ipv4_addr; flags interval; auto-merge; }
			set pods6 { type ipv6_addr; flags interval; auto-merge; }
			chain leave {
				type nat hook postrouting priority srcnat
				ip saddr @pods4 ip daddr != @pods4 masquerade
				ip6 saddr @pods6 ip6 daddr != @pods6 masquerade
			}
		}
	EOF
}

# known CIDR: counts as pods from now on.
known() {
	local set=pods4
	[[ $1 != *:* ]] || set=pods6
	nft add element inet none "$set" "{ $1 }"
}

# route CIDR ADDRESS...: sends it to the first address of its family.
route() {
	local cidr=$1 family=-4 address
	shift
	[[ $cidr != *:* ]] || family=-6
	for address in "$@"; do
		case $family$address in
		-4*:* | -6*.*) continue ;;
		esac
		ip "$family" route replace "$cidr" via "$address"
		return
	done
}

# follow reads NAME|CIDRS|ADDRESSES of nodes as they come.
follow() {
	local name cidrs addresses
	while IFS='|' read -r name cidrs addresses; do
		read -ra cidrs <<<"$cidrs"
		read -ra addresses <<<"$addresses"
		[[ ${#cidrs[@]} -gt 0 ]] || continue
		for cidr in "${cidrs[@]}"; do
			[[ -v ROUTES_ONLY ]] || known "$cidr"
			[[ $name == "$NODE_NAME" ]] || route "$cidr" "${addresses[@]}"
		done
		[[ $name != "$NODE_NAME" || -v ROUTES_ONLY ]] || configure "${cidrs[@]}"
		echo "$name: ${cidrs[*]} at ${addresses[*]}"
	done
}

[[ -v ROUTES_ONLY ]] || masquerade
while true; do
	kubectl get nodes --watch -o jsonpath='{.metadata.name}|{.spec.podCIDRs[*]}|{.status.addresses[?(@.type=="InternalIP")].address}{"\n"}' | follow || true
	sleep 1 # the API server is not there yet, or went away
done
