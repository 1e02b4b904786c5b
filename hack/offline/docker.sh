#!/usr/bin/env bash
# docker.sh start: installs Debian's Docker where there is none, and starts it
#     when no daemon answers.
# docker.sh stop: ends the daemon that start began, and no other.
set -euo pipefail
# shellcheck source=hack/offline/env.sh
. "$(dirname "$0")/env.sh"

state=$work/docker
log=$state/dockerd.log

start() {
	if docker version >/dev/null 2>&1; then
		say "docker: a daemon answers"
		return
	fi
	packages docker.io iptables kmod
	mkdir -p "$state"
	compile_own runc-wrapper
	install "$work/bin/runc-wrapper" "$state/runc"
	# One that was killed leaves its number behind, which somebody else may have by now.
	[[ ! -e $state/dockerd.pid || $(cat "/proc/$(<"$state/dockerd.pid")/comm" 2>/dev/null) == dockerd ]] || rm "$state/dockerd.pid"
	say "docker: starting dockerd, its log is $log"
	setsid /usr/sbin/dockerd --pidfile "$state/dockerd.pid" \
		--add-runtime "cniproof=$state/runc" --default-runtime cniproof >"$log" 2>&1 </dev/null &
	for _ in {1..60}; do
		docker version >/dev/null 2>&1 && return
		kill -0 $! 2>/dev/null || break
		sleep 0.5
	done
	tail -5 "$log" >&2
	fail "docker: dockerd did not come up; see $log"
}

stop() {
	local pid
	[[ -e $state/dockerd.pid ]] || { say "docker: no daemon that was started here" && return; }
	pid=$(<"$state/dockerd.pid")
	kill "$pid" 2>/dev/null || { say "docker: pid $pid has ended before" && return; }
	while kill -0 "$pid" 2>/dev/null; do sleep 0.2; done
	say "docker: dockerd, pid $pid, has ended"
}

case ${1:-} in
start | stop) "$1" ;;
*) fail "usage: $0 start|stop" ;;
esac
