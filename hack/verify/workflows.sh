#!/usr/bin/env bash
# The workflows and the composite actions are valid, says actionlint.
set -euo pipefail
cd "$(dirname "$0")/../.."

# Not shellcheck: whether it is installed must not decide.
lint() { go tool -modfile=hack/tools/actionlint/go.mod actionlint -shellcheck= -pyflakes= "$@"; }

# Prints the workflow that does what a composite action does, as actionlint knows
# workflows only.
as_workflow() {
	awk '
		/^[a-z]/ { part = $1 }
		part == "inputs:" && /^inputs:/ { print "on:\n  workflow_call:\n    inputs:"; next }
		part == "inputs:" && NF { print "    " $0 }
		part == "inputs:" && /^  [a-z-]+:$/ { print "        type: string" }
		/^  steps:$/ { print "jobs:\n  action:\n    runs-on: ubuntu-24.04\n    steps:"; steps = 1; next }
		steps { print (NF ? "  " : "") $0 }
	' "$1"
}

status=0
lint .github/workflows/*.yaml || status=1
for action in .github/actions/*/action.yaml; do
	as_workflow "$action" | lint -stdin-filename "$action (as a workflow)" - || status=1
done
[[ $status -eq 0 ]] || echo "fix: what actionlint names above"
exit "$status"
