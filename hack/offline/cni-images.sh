#!/usr/bin/env bash
# cni-images.sh NAME...: makes the images of a CNI (none, calico, cilium) and its
# entry of the catalog, from the folder of that name: every target of its
# Dockerfile becomes cniproof.dev/NAME/TARGET, or cniproof.dev/NAME where there is one target.
set -euo pipefail
# shellcheck source=hack/offline/env.sh
. "$(dirname "$0")/env.sh"

# module COMPONENT PATH: the folder of a module that a component pins.
module() { go list -C "$offline/$1" -m -f '{{.Dir}}' "$2"; }

# entry NAME VERSION: the catalog's entry, and the file that it names.
entry() {
	local source
	sed "s/@VERSION@/$2/g" "$offline/$1/catalog.yaml" >"$mirror/catalog/$1.yaml"
	case $1 in
	calico)
		source=$(module calico github.com/projectcalico/calico)
		by_family <"$source/manifests/calico-vxlan.yaml" >"$mirror/catalog/calico-manifest.yaml"
		;;
	cilium)
		source=$(module cilium github.com/cilium/cilium)
		crds "$source/pkg/k8s/apis/cilium.io/client/crds" >"$mirror/catalog/cilium-crds.yaml"
		;;
	esac
}

# make NAME VERSION TARGET...: builds the targets in the context, and saves them
# as one archive.
make() {
	local name=$1 version=$2 images=() target
	shift 2
	for target in "$@"; do
		images+=("cniproof.dev/$target:$version")
		quietly docker build -f "$offline/$name/Dockerfile" --target "${target##*/}" -t "${images[-1]}" "$context"
	done
	docker save -o "$work/$name.tar" "${images[@]}"
	quietly docker rmi "${images[@]}"
	chmod 644 "$work/$name.tar"
	mv "$work/$name.tar" "$mirror/images/$name.tar"
	rm -rf "$context"
}

none() {
	ln "$work/bin/kubernetes-1.36/kubectl" "$context/"
	cp "$offline/none/none.sh" "$context/"
	mkdir "$context/cni" && ln "$work/bin/cni-plugins"/{ptp,host-local} "$context/cni/"
	make none "$1" none
}

# by_family: Calico's manifest, with what calico/families.sh needs. Addresses come
# from each node's pod CIDR, as "host-local IPAM" in Calico's documentation says,
# so that hosts outside know the way to every pod; the routes between the nodes are
# not Calico's then.
by_family() {
	local host_ips='- {name: HOST_IPS, valueFrom: {fieldRef: {fieldPath: status.hostIPs}}}'
	sed -e '/^ *# This container performs upgrade from host-local/,/^ *privileged: true/d' \
		-e 's#docker.io/calico/#cniproof.dev/calico/#' \
		-e "s#^\( *\)- name: KUBERNETES_NODE_NAME\$#\1$host_ips\n&#" \
		-e "s#^\( *\)- name: NODENAME\$#\1$host_ips\n\1- {name: USE_POD_CIDR, value: \"true\"}\n&#" \
		-e '/- name: CALICO_IPV[46]POOL_VXLAN$/{n;s/CrossSubnet/Never/}' \
		-e 's#command: \["/opt/cni/bin/install"\]#command: [families.sh, /opt/cni/bin/install]#' \
		-e 's#^\( *\)- name: calico-node$#&\n\1  command: [families.sh, start_runit]#'
}

calico() {
	local source
	source=$(module calico github.com/projectcalico/calico)
	mkdir "$context"/{filesystem,filesystem/usr,plugins,status}
	cp -r --no-preserve=mode "$source/node/filesystem/etc" "$context/filesystem/etc"
	cp -r --no-preserve=mode "$source/node/filesystem/sbin" "$context/filesystem/usr/sbin"
	touch "$context/status/status.json"
	cp "$offline/calico/families.sh" "$offline/none/none.sh" "$context/"
	ln "$work/bin/kubernetes-1.36/kubectl" "$context/"
	ln "$work/bin/calico"/{calico-node,kube-controllers,check-status} "$context/"
	ln "$work/bin/calico"/{calico,install} "$work/bin/cni-plugins"/{host-local,loopback,portmap,bandwidth} "$context/plugins/"
	ln -s calico "$context/plugins/calico-ipam"
	make calico "$1" calico/node calico/cni calico/kube-controllers calico/routes
}

# Packages that clang needs to compile for eBPF, without their dependencies for
# other targets: headers, linkers, libraries of other languages.
llvm=(clang-19 libclang-cpp19 libllvm19 libedit2 libbsd0 libmd0 libxml2 libicu72 libz3-4 libstdc++6)

# unpack FOLDER PACKAGE...: what the Debian packages hold.
unpack() {
	local folder=$1 file
	shift
	mkdir -p "$work/debs/unpacked" && (cd "$work/debs/unpacked" && rm -f ./*.deb && quietly apt-get download "$@")
	for file in "$work/debs/unpacked"/*.deb; do
		dpkg-deb --extract "$file" "$folder"
	done
	rm -rf "${folder:?}/usr/share"
	[[ ! -d $folder/lib ]] || { cp -r "$folder/lib" "$folder/usr/" && rm -r "${folder:?}/lib"; } # /lib is a link in Debian
}

# crds FOLDER: all its custom resource definitions, one document each.
crds() {
	local file
	for file in "$1"/*/*.yaml; do
		printf -- '---\n' && cat "$file"
	done
}

cilium() {
	local source
	source=$(module cilium github.com/cilium/cilium)
	mkdir "$context/llvm"
	unpack "$context/llvm" "${llvm[@]}"
	cp -r --no-preserve=mode "$source/bpf" "$context/bpf" && rm -rf "$context/bpf"/{tests,complexity-tests}
	ln "$work/bin/cilium/daemon" "$context/cilium-agent"
	ln "$work/bin/cilium"/{cilium-dbg,cilium-cni} "$context/"
	make cilium "$1" cilium
}

# of NAME: the version that an image and the entry have.
of() {
	case $1 in
	none) version cni-plugins github.com/containernetworking/plugins ;;
	calico) sed -n 's#.*image: docker.io/calico/node:##p' "$(module calico github.com/projectcalico/calico)/manifests/calico-vxlan.yaml" | head -1 ;;
	cilium) version cilium github.com/cilium/cilium ;;
	esac
}

# made NAME: what was made for it before.
made() {
	local steps=(rootfs-tools)
	case $1 in
	none) steps+=(compile-cni-plugins compile-kubernetes-1.36) ;;
	calico) steps+=(compile-cni-plugins compile-calico compile-kubernetes-1.36) ;;
	cilium) steps+=(compile-cilium) ;;
	esac
	printf '%s\n' "${steps[@]/%/.made}"
}

"$offline/docker.sh" start
for name in "$@"; do
	context=$work/context/$name version=$(of "$name")
	mapfile -t made < <(made "$name")
	rm -rf "$context" && mkdir -p "$context" && ln "$work/rootfs/tools.tar" "$context/"
	step "images-$name" "$mirror/images/$name.tar" "$offline/$name/Dockerfile" "$offline/none/none.sh" "$offline/calico/families.sh" "$offline/cni-images.sh" \
		"${made[@]/#/$work/stamps/}" -- "$name" "$version"
	entry "$name" "$version"
done
