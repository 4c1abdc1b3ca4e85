#!/bin/sh
# SPDX-License-Identifier: MIT
# fill.sh: fills the places of a template and writes the result to standard output.
#
#     deploy/fill.sh TEMPLATE [NAME=VALUE | +OPTION]... > RESULT
#
# A place is @NAME@, or @NAME=DEFAULT@ where a value need not be given. A line that begins with
# "#+OPTION " is a comment unless the option is switched on. The names:
#   PORT       listens on 127.0.0.1:PORT; lighttpd.conf and scale/ take another ADDRESS, too
#   RUNDIR     an existing folder for logs, sockets and the like; short: a socket's path has at most
#              107 bytes
#   DOCROOT    the folder with the pages (html/)
#   SSECGI     the program, and CONFIG its configuration file, where the web server starts it
#   SOCKET     where ssecgi listens (--listen unix:SOCKET), where it runs by itself; the web server's
#              user must be allowed to write to it
#   MODULES    the folder of Apache's modules (Debian: /usr/lib/apache2/modules)
#   USER, GROUP  whom Apache, nginx, HAProxy and H2O serve as when root starts them; they must be able
#              to reach all of the above
#   PROCS      how many processes of ssecgi lighttpd starts
#   ONE, TWO, REDIS, STATEDIR, TOKENHASH, PASSWORDFILE  see scale/
#   TIMEOUT    seconds of silence after which the server ends a stream
#   GRACE      seconds that streams get when the server is reloaded or stopped
# and the options, where a server has them:
#   +tls       HTTPS and HTTP/2 on 127.0.0.1:TLSPORT; CERT is a PEM file with certificate and key
#   +auth      asks for a name and a password; PASSWORDS is a file by htpasswd -s (HAProxy, Caddy: one
#              name AUTHUSER and its hash AUTHHASH, by `openssl passwd -6`, `caddy hash-password`)
#   +gzip      compresses
#   +user      serves as USER; for H2O started by root
# Paths are absolute. Names that a template does not use do no harm; a place without a value is an
# error, and so are an option that the template lacks and a value that could break out of its quotes.
set -eu

[ $# -ge 1 ] || { echo "usage: fill.sh TEMPLATE [NAME=VALUE | +OPTION]..." >&2; exit 2; }
[ -r "$1" ] || { echo "fill.sh: cannot read $1" >&2; exit 1; }

exec awk '
function fail(text) { failed = 1; print "fill.sh: " text > "/dev/stderr"; exit 1 }

BEGIN {
    for (i = 2; i < ARGC; i++) {
        if (ARGV[i] ~ /^\+[a-z]+$/) {
            option[substr(ARGV[i], 2)] = 0
            ARGV[i] = ""
            continue
        }
        at = index(ARGV[i], "=")
        name = substr(ARGV[i], 1, at - 1)
        if (name !~ /^[A-Z]+$/)
            fail("neither NAME=VALUE nor +OPTION: " ARGV[i])
        value[name] = substr(ARGV[i], at + 1)
        if (value[name] ~ /["'\''\\[:cntrl:]]/)
            fail("a quote, a backslash or a control character in " ARGV[i])
        ARGV[i] = ""
    }
}

# An option that is off stays a comment.
match($0, /^[ \t]*#\+[a-z]+ /) {
    mark = index($0, "#")
    name = substr($0, mark + 2, RLENGTH - mark - 2)
    if (!(name in option)) {
        result = result $0 "\n"
        next
    }
    option[name] = 1
    $0 = substr($0, 1, mark - 1) substr($0, RLENGTH + 1)
}

{
    rest = $0
    line = ""
    while (match(rest, /@[A-Z]+(=[^@]*)?@/)) {
        name = substr(rest, RSTART + 1, RLENGTH - 2)
        text = ""
        if ((at = index(name, "="))) {
            text = substr(name, at + 1)
            name = substr(name, 1, at - 1)
        } else if (!(name in value) && !(name in wanted)) {
            wanted[name] = FNR
            missing = missing " " name
        }
        line = line substr(rest, 1, RSTART - 1) (name in value ? value[name] : text)
        rest = substr(rest, RSTART + RLENGTH)
    }
    result = result line rest "\n"
}

END {
    if (!failed && missing)
        fail(FILENAME ": no value for" missing)
    for (name in option)
        if (!failed && !option[name])
            fail(FILENAME " has no option +" name)
    if (!failed)
        printf "%s", result
}
' "$@"
