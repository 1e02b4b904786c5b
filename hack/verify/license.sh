#!/usr/bin/env bash
# LICENSE is the plain text of the Apache License 2.0.
set -euo pipefail
cd "$(dirname "$0")/../.."

echo "cfc7749b96f63bd31c3c42b5c471bf756814053e847c10f3eb003417bc523d30  LICENSE" | sha256sum --check --quiet && exit 0
echo "fix: copy https://www.apache.org/licenses/LICENSE-2.0.txt to LICENSE, unchanged"
exit 1
