#!/usr/bin/env bash
# rootfs.sh: makes the file systems that images begin with, from Debian packages:
# rootfs/node.tar for nodes, with systemd and what kubelet, containerd and CNIs
# call; rootfs/tools.tar for images whose programs call iptables and the like.
set -euo pipefail
# shellcheck source=hack/offline/env.sh
. "$(dirname "$0")/env.sh"

suite=bookworm
node_packages=(systemd dbus conntrack iptables nftables ipset iproute2 ethtool kmod libseccomp2 e2fsprogs
	bash ca-certificates jq procps socat curl util-linux mount runc)

tools_packages=(iptables nftables ipset iproute2 conntrack kmod runit)

# bootstrap FILE PACKAGE...: a tar of a minimal Debian with the packages.
bootstrap() {
	local file=$1 tree include
	shift
	tree=$(mktemp -d "$work/rootfs/tree.XXXX")
	include=$(IFS=, && echo "$*")
	debootstrap --variant=minbase --include="$include" --cache-dir="$work/debs" "$suite" "$tree" >"$file.log" 2>&1 ||
		fail "debootstrap failed; see $file.log"
	rm -rf "$tree"/var/cache/apt/* "$tree"/var/lib/apt/lists/* "$tree"/usr/share/{doc,man,info,locale}/* "$tree"/var/log/*
	tar -C "$tree" -cf "$file.new" --numeric-owner .
	mv "$file.new" "$file"
	rm -rf "$tree"
}

packages debootstrap
mkdir -p "$work"/{rootfs,debs}
step rootfs-node "$work/rootfs/node.tar" "$suite" -- bootstrap "$work/rootfs/node.tar" "${node_packages[@]}"
step rootfs-tools "$work/rootfs/tools.tar" "$suite" -- bootstrap "$work/rootfs/tools.tar" "${tools_packages[@]}"
