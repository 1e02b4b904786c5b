#!/usr/bin/env bash
# node-image.sh COMPONENT...: makes a kind node image of each kubernetes-MINOR
# that binaries.sh has compiled, as kind's own builder does, without pulling
# anything: nodes/VERSION.tar in the mirror.
set -euo pipefail
# shellcheck source=hack/offline/env.sh
. "$(dirname "$0")/env.sh"

# programs CONTEXT COMPONENT: fills a folder for docker build with the images'
# programs.
programs() {
	rm -rf "$1" && mkdir -p "$1"
	ln "$work/bin/$2"/kube-{apiserver,controller-manager,scheduler,proxy} "$work/rootfs/tools.tar" "$work/bin/coredns/coredns" "$work/bin/pause" "$1"
	ln "$work/bin/etcd/server" "$1/etcd"
}

# archive FILE COMPONENT: the images that a control plane needs, as an archive.
archive() {
	local file=$1 component=$2 context=$work/context/images version image target images=()
	version=$(version "$component" k8s.io/kubernetes)
	programs "$context" "$component"
	# kubeadm says how the images are called; which pause it is, kind's containerd says.
	mapfile -t images < <("$work/bin/$component/kubeadm" config images list --kubernetes-version "$version" | grep -v /pause:)
	images+=("$(sed -n 's/.*sandbox_image = "\(.*\)"/\1/p' "$kind/etc/containerd/config.toml")")
	for image in "${images[@]}"; do
		target=${image##*/}
		quietly docker build -f "$offline/images/Dockerfile" --target "${target%:*}" -t "$image" "$context"
	done
	docker save -o "$file.new" "${images[@]}"
	quietly docker rmi "${images[@]}"
	mv "$file.new" "$file"
}

# node FILE COMPONENT IMAGES: the node image, loaded into Docker and saved.
node() {
	local file=$1 component=$2 context=$work/context/node version
	version=$(version "$component" k8s.io/kubernetes)
	rm -rf "$context" && mkdir -p "$context"/{containerd,cni,kubernetes}
	cp -r --no-preserve=mode "$kind" "$context/files"
	ln "$work/bin/containerd"/* "$context/containerd/"
	ln "$work/bin/cni-plugins"/* "$context/cni/"
	ln "$work/bin/$component"/{kubelet,kubeadm,kubectl} "$context/kubernetes/"
	ln "$work/rootfs/node.tar" "$context/"
	ln "$3" "$context/images.tar"
	ln "$work/bin/runc-wrapper" "$context/"
	cp "$offline/node"/{default-storage.yaml,stats.toml} "$context/"
	quietly docker build -f "$offline/node/Dockerfile" --build-arg "VERSION=$version" -t "cniproof.dev/node:$version" "$context"
	docker save -o "$file.new" "cniproof.dev/node:$version"
	chmod 644 "$file.new"
	mv "$file.new" "$file"
	rm -rf "$context"
}

"$offline/docker.sh" start
kind=$(go list -C "$offline/kind" -m -f '{{.Dir}}' sigs.k8s.io/kind)/images/base/files
mkdir -p "$work/archives"
compile_own runc-wrapper
compile_own pause

for component in "$@"; do
	version=$(version "$component" k8s.io/kubernetes)
	made=("$work/stamps"/{compile-{"$component",etcd,coredns,pause},rootfs-tools}.made)
	step "images-$component" "$work/archives/$component.tar" "$offline/images" "${made[@]}" "$kind" \
		-- archive "$work/archives/$component.tar" "$component"
	made=("$work/stamps"/{compile-{"$component",containerd,cni-plugins,runc-wrapper},rootfs-node,"images-$component"}.made)
	step "node-$component" "$mirror/nodes/$version.tar" "$offline/node" "${made[@]}" \
		-- node "$mirror/nodes/$version.tar" "$component" "$work/archives/$component.tar"
done
