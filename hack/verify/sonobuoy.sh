#!/usr/bin/env bash
# Sonobuoy's own code loads the plugin's definition and reads JUnit reports, and the
# plugin has the rights that docs/clusters.md names, no more.
set -euo pipefail
cd "$(dirname "$0")/../.."

status=0
rules() { sed -n '/^rules:$/,/^- {apiGroups: \[apps\]/p' "$1"; }
diff <(rules docs/clusters.md) <(rules hack/sonobuoy/rbac.yaml) || status=1
(cd hack/sonobuoy && go run ./check plugin.yaml ../../internal/report/testdata/*.xml) >/dev/null || status=1
[[ $status -eq 0 ]] || echo "fix: hack/sonobuoy/plugin.yaml, or the JUnit report; the rules of hack/sonobuoy/rbac.yaml are those of docs/clusters.md"
exit "$status"
