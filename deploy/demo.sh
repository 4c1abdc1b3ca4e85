#!/bin/bash
# SPDX-License-Identifier: MIT
# demo.sh: builds ssecgi and shows it in a browser, behind lighttpd, until Ctrl-C.
#
#     deploy/demo.sh              on http://127.0.0.1:8080/
#     PORT=8081 deploy/demo.sh    on another port
#
# Installs what is missing from Debian's packages (see install-deps.sh), builds in build/demo, and
# runs lighttpd with deploy/lighttpd/lighttpd.conf. Nothing stays but the packages and the build.
set -euo pipefail

top=$(cd "$(dirname "$0")/.." && pwd)
build=$top/build/demo
port=${PORT:-8080}
start_timeout_s=20
stop_timeout_s=10
run_dir=
server=

# lighttpd is in sbin, which is not in everybody's PATH.
PATH=$PATH:/usr/sbin:/sbin

say() { echo "demo.sh: $*"; }
die() { say "$*" >&2; exit 1; }

is_listening() { (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; }

check_port() {
    if ! [[ $port =~ ^[1-9][0-9]{0,4}$ ]] || ((port > 65535)); then
        die "PORT=$port is not a port (1 to 65535)"
    fi
    if is_listening; then
        die "port $port of 127.0.0.1 is taken; choose another one: PORT=8081 $0"
    fi
}

# Whether anything of lighttpd's process group still runs. A zombie does not: who inherits it may
# take its time.
is_running() {
    local file line state group
    for file in /proc/[0-9]*/stat; do
        { read -r line <"$file"; } 2>/dev/null || continue
        read -r state _ group _ <<<"${line##*) }"
        [[ $group == "$server" && $state != Z ]] && return 0
    done
    return 1
}

stop() {
    trap '' INT TERM HUP
    if [ -n "$server" ]; then
        kill -TERM "$server" 2>/dev/null || true
        local deadline=$((SECONDS + stop_timeout_s))
        while is_running; do
            if ((SECONDS >= deadline)); then
                say "still running after $stop_timeout_s s: killing it" >&2
                kill -KILL -- "-$server" 2>/dev/null || true
                break
            fi
            sleep 0.1
        done
        wait "$server" 2>/dev/null || true
    fi
    [ -z "$run_dir" ] || rm -rf "$run_dir"
}

compile() {
    # configure refuses to build elsewhere what was configured in place.
    [ ! -e "$top/config.status" ] || build=$top
    mkdir -p "$build" || exit 1
    [ -w "$build" ] || die "cannot write to $build: did another user build there?"
    say "building in $build"
    [ -x "$top/configure" ] || "$top/autogen.sh"
    cd "$build"
    [ -e Makefile ] || "$top/configure" --quiet
    make --no-print-directory -j"$(nproc)" ssecgi ssecgi-ctl
    cd "$top"
}

# The chart of the price page comes by npm; a tarball has it already.
fetch_chart() {
    [ -e "$top/html/vendor/uplot.js" ] || "$top/deploy/install-deps.sh" chart \
        || say "going on without npm" >&2
    "$top/html/vendor.sh"
}

start() {
    run_dir=$(mktemp -d "${TMPDIR:-/tmp}/ssecgi-demo.XXXXXX")
    local values=(PORT="$port" DOCROOT="$top/html" RUNDIR="$run_dir" SSECGI="$build/ssecgi"
        CONFIG="$run_dir/ssecgi.json")
    "$top/deploy/fill.sh" "$top/deploy/ssecgi.json" "${values[@]}" >"$run_dir/ssecgi.json"
    "$top/deploy/fill.sh" "$top/deploy/lighttpd/lighttpd.conf" "${values[@]}" >"$run_dir/lighttpd.conf"
    "$build/ssecgi" --config "$run_dir/ssecgi.json" --check-config >/dev/null

    check_port
    # A session of its own: Ctrl-C reaches this script only, which then stops everything in order.
    setsid lighttpd -D -f "$run_dir/lighttpd.conf" &
    server=$!
    local deadline=$((SECONDS + start_timeout_s))
    until is_listening; do
        if ! kill -0 "$server" 2>/dev/null || ((SECONDS >= deadline)); then
            cat "$run_dir"/*.log >&2 || true
            die "lighttpd did not start"
        fi
        sleep 0.1
    done
}

check_port
"$top/deploy/install-deps.sh" demo
compile
fetch_chart
trap stop EXIT
trap 'echo; exit 0' INT TERM HUP
start
say "what it does: http://127.0.0.1:$port/events/-/metrics"
say "what a browser gets: ${build#"$top"/}/ssecgi-ctl doctor http://127.0.0.1:$port/events/clock"
say "an answer, word by word: curl -N --data 'What is a gap?' http://127.0.0.1:$port/events/answer"
say "http://127.0.0.1:$port/ (Ctrl-C stops it)"
wait "$server" || true
cat "$run_dir"/*.log >&2 || true
die "lighttpd ended by itself"
