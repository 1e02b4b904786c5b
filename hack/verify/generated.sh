#!/usr/bin/env bash
# What go generate writes is up to date. (What tests write with -update, the
# tests check themselves.) Works in a copy, so that it changes nothing.
set -euo pipefail
cd "$(dirname "$0")/../.."

copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT
mkdir "$copy/before" "$copy/after"
hack/files.sh | tar -c -T - | tee >(tar -x -C "$copy/before") | tar -x -C "$copy/after"

cd "$copy/after"
git init -q . # the scripts ask git for the project's files
hack/generate.sh --only-go-generate
rm -rf .git
diff -ru "$copy/before" "$copy/after" && exit 0
echo "fix: make generate"
exit 1
