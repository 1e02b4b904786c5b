#!/usr/bin/env bash
# binaries.sh COMPONENT...: compiles the programs of a component, which is a
# folder beside this script: its go.mod pins the versions and names the programs
# as tools. They go to the work folder's bin/COMPONENT.
set -euo pipefail
# shellcheck source=hack/offline/env.sh
. "$(dirname "$0")/env.sh"

# stamped VERSION PACKAGE...: linker flags that write the version into packages
# of Kubernetes, which otherwise calls itself v0.0.0-master.
stamped() {
	local version=$1 major minor
	shift
	IFS=. read -r major minor _ <<<"${version#v}"
	for package in "$@"; do
		printf -- '-X %s.gitVersion=%s -X %s.gitMajor=%s -X %s.gitMinor=%s ' \
			"$package" "$version" "$package" "$major" "$package" "$minor"
	done
}

# compile COMPONENT FLAG...: builds every tool of the component's go.mod.
compile() {
	local component=$1 tools
	shift
	mapfile -t tools < <(sed -nE 's/^tool ([^(]+)$/\1/p; /^tool \(/,/^\)/s/^\t(.+)$/\1/p' "$offline/$component/go.mod")
	mkdir -p "$work/bin/$component"
	CGO_ENABLED=0 go build -C "$offline/$component" -buildvcs=false -trimpath "$@" -o "$work/bin/$component/" "${tools[@]}"
}

# The Go module has no release tags; its manifests say which one it is.
calico=v3.28.5
calico_module=github.com/projectcalico/calico

# flags COMPONENT: sets the array flags to what go build needs for it.
flags() {
	local link='-s -w'
	flags=()
	case $1 in
	kubernetes-*) link+=" $(stamped "$(version "$1" k8s.io/kubernetes)" k8s.io/component-base/version k8s.io/client-go/pkg/version)" ;;
	containerd)
		link+=" -X github.com/containerd/containerd/v2/version.Version=$(version "$1" github.com/containerd/containerd/v2)"
		flags+=(-tags "no_aufs no_zfs no_btrfs no_devmapper")
		;;
	calico) link+=" -X main.VERSION=$calico -X $calico_module/node/pkg/lifecycle/startup.VERSION=$calico -X $calico_module/node/buildinfo.GitVersion=$calico -X $calico_module/felix/buildinfo.GitVersion=$calico" ;;
	cilium) link+=" -X github.com/cilium/cilium/pkg/version.ciliumVersion=$(version "$1" github.com/cilium/cilium | tr -d v)" ;;
	esac
	flags+=(-ldflags "$link")
}

for component in "$@"; do
	flags "$component"
	step "compile-$component" "$work/bin/$component" "$offline/$component/go.mod" "$offline/$component/go.sum" "$(go env GOVERSION GOARCH)" \
		-- compile "$component" "${flags[@]}"
done
