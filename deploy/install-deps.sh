#!/bin/sh
# SPDX-License-Identifier: MIT
# install-deps.sh: installs those Debian packages that the demo, its chart, the tests or the benchmark
# need and miss.
#
#     deploy/install-deps.sh demo|chart|tests|bench
#
# Says what it installs, and does nothing when nothing is missing. Needs root, or sudo.
set -eu

# For each need: what shows that it is there (a command, or a file for pkg-config), and the
# packages that bring it. A tool that came by another way than Debian's packages is as good.
demo_needs='
command:cc          gcc libc6-dev
command:make        make
command:autoreconf  autoconf
command:automake    automake
command:pkg-config  pkg-config
module:libuv        libuv1-dev
module:json-c       libjson-c-dev
module:zlib         zlib1g-dev
module:libpcre2-8   libpcre2-dev
module:libmd        libmd-dev
module:libcurl      libcurl4-openssl-dev
header:fcgiapp.h    libfcgi-dev
command:lighttpd    lighttpd
'
# It brings uPlot, the chart of the price page.
chart_needs='
command:npm         npm
'
tests_needs="$demo_needs"'
command:gcc         gcc libc6-dev
command:clang       clang
command:valgrind    valgrind
command:python3     python3
command:xz          xz-utils
module:cmocka       libcmocka-dev
command:apache2     apache2
file:/usr/lib/apache2/modules/mod_fcgid.so  libapache2-mod-fcgid
file:/usr/lib/lighttpd/mod_openssl.so  lighttpd-mod-openssl
file:/usr/lib/lighttpd/mod_deflate.so  lighttpd-mod-deflate
command:nginx       nginx-light
command:haproxy     haproxy
command:redis-server  redis-server
command:redis-sentinel  redis-sentinel
module:hiredis      libhiredis-dev
command:caddy       caddy
command:h2o         h2o
command:perl        perl
command:curl        curl
command:openssl     openssl
command:chromium    chromium fonts-dejavu-core
file:/usr/share/fonts/truetype/wqy/wqy-microhei.ttc  fonts-wqy-microhei
command:logrotate   logrotate
command:systemd-analyze  systemd
command:node        nodejs
command:npm         npm
'

# What the benchmark cannot have is left out there, and so it is here.
bench_needs="$demo_needs"'
command:gcc         gcc libc6-dev
command:valgrind    valgrind
command:python3     python3
command:apache2     apache2
file:/usr/lib/apache2/modules/mod_fcgid.so  libapache2-mod-fcgid
command:nginx       nginx-light
file:/usr/lib/nginx/modules/ngx_nchan_module.so  libnginx-mod-nchan
command:haproxy     haproxy
command:pushpin     pushpin
command:zurl        zurl
command:go          golang-go
command:node        nodejs
command:npm         npm
'

# Servers are in sbin, which is not in everybody's PATH.
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin

say() { echo "install-deps.sh: $*"; }
die() { say "$*" >&2; exit 1; }

is_there() {
    case $1 in
    command:*) command -v "${1#*:}" >/dev/null ;;
    module:*) pkg-config --exists "${1#*:}" 2>/dev/null ;;
    header:*) echo "#include <${1#*:}>" | cc -E - >/dev/null 2>&1 ;;
    file:*) [ -e "${1#*:}" ] ;;
    esac
}

missing_packages() {
    echo "$1" | while read -r need packages; do
        [ -z "$need" ] || is_there "$need" || echo "$packages"
    done | tr ' ' '\n' | sort -u | tr '\n' ' '
}

case ${1:-} in
demo) needs=$demo_needs ;;
chart) needs=$chart_needs ;;
tests) needs=$tests_needs ;;
bench) needs=$bench_needs ;;
*) echo "usage: install-deps.sh demo|chart|tests|bench" >&2; exit 2 ;;
esac

packages=$(missing_packages "$needs")
[ -n "$packages" ] || exit 0

command -v apt-get >/dev/null || die "this system has no apt-get; what Debian has in these packages is missing: $packages"
as_root=
if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null || die "please run as root: apt-get install --no-install-recommends $packages"
    as_root=sudo
fi
say "installing from Debian: $packages"

# A web server that is installed would be started at once, on port 80. While this file exists no
# package starts its service.
policy=/usr/sbin/policy-rc.d
if [ ! -e $policy ]; then
    trap '$as_root rm -f $policy' EXIT
    trap 'exit 1' INT TERM HUP
    printf '#!/bin/sh\nexit 101\n' | $as_root tee $policy >/dev/null
    $as_root chmod 755 $policy
fi

# A new machine may be busy with its first upgrade: wait for that.
apt() { $as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -y -o DPkg::Lock::Timeout=300 "$@"; }
apt update
if [ "$1" = bench ]; then
    known=
    for package in $packages; do
        if apt-cache show "$package" >/dev/null 2>&1; then
            known="$known $package"
        else
            say "left out, there is no such package: $package"
        fi
    done
    packages=$known
fi
# shellcheck disable=SC2086 # a list of words
apt install --no-install-recommends $packages

packages=$(missing_packages "$needs")
[ -z "$packages" ] || die "installed, but still not found: $packages"

for server in lighttpd apache2 nginx haproxy caddy h2o redis-server redis-sentinel; do
    if [ -d /run/systemd/system ] && [ "$(systemctl is-enabled $server 2>/dev/null)" = enabled ]; then
        say "note: Debian starts $server at each boot; systemctl disable $server prevents that"
    fi
done
