#!/usr/bin/env bash
# Shell scripts parse, are executable, stop at the first error, and shellcheck,
# where it is installed, has nothing to say.
set -euo pipefail
cd "$(dirname "$0")/../.."

status=0
mapfile -t scripts < <(hack/files.sh '*.sh' .ci/run)
wrong() { status=1 && printf '%s: %s\nfix: %s\n' "$@"; }
for script in "${scripts[@]}"; do
	bash -n "$script" || wrong "$script" "does not parse" "see above"
	[[ -x $script ]] || wrong "$script" "is not executable" "chmod +x $script"
	[[ $(head -1 "$script") == '#!/usr/bin/env bash' ]] || wrong "$script" "does not begin like the others" "first line: #!/usr/bin/env bash"
	grep -qx 'set -euo pipefail' "$script" || wrong "$script" "does not stop at errors" "add: set -euo pipefail"
done
if command -v shellcheck >/dev/null; then
	shellcheck "${scripts[@]}" || status=1
else
	echo "shellcheck is not installed: that part is left out"
fi
exit "$status"
