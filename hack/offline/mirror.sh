#!/usr/bin/env bash
# Fills a mirror folder for `cniproof --mirror` from Go modules and Debian packages
# alone: node images, and the CNIs none, Calico and Cilium. What is there already
# is kept. CNIPROOF_MIRROR names the folder. Arguments: versions of Kubernetes, as
# the folders kubernetes-MINOR beside this script (default: all of them).
set -euo pipefail
# shellcheck source=hack/offline/env.sh
. "$(dirname "$0")/env.sh"

kubernetes=("$@")
[[ $# -gt 0 ]] || kubernetes=(kubernetes-1.36 kubernetes-1.35)
cnis=(none calico cilium)

"$offline/docker.sh" start
"$offline/rootfs.sh"
"$offline/binaries.sh" containerd cni-plugins kind etcd coredns "${kubernetes[@]}" calico cilium
"$offline/node-image.sh" "${kubernetes[@]}"
"$offline/cni-images.sh" "${cnis[@]}"
"$offline/index.sh"
say "the mirror is complete after $SECONDS s: $mirror"
