#!/bin/sh
# SPDX-License-Identifier: MIT
# fill.sh: fills the @NAME@ places of a template and writes the result to standard output.
#
#     deploy/fill.sh TEMPLATE NAME=VALUE... > RESULT
#
# The templates and their places:
#   lighttpd/lighttpd.conf           PORT DOCROOT RUNDIR SSECGI CONFIG
#   lighttpd/lighttpd-external.conf  PORT DOCROOT RUNDIR SOCKET
#   apache/fcgid.conf                PORT DOCROOT RUNDIR SSECGI CONFIG MODULES USER GROUP
#   apache/cgi.conf                  PORT DOCROOT RUNDIR SSECGI CONFIG MODULES USER GROUP
#   ssecgi.json                      RUNDIR
# where
#   PORT     listens on 127.0.0.1:PORT
#   DOCROOT  the folder with the pages (html/)
#   RUNDIR   an existing folder for logs, sockets and the like; short: a socket's path has at most
#            107 bytes
#   SSECGI   the program, CONFIG its configuration file, SOCKET where it listens (--listen unix:)
#   MODULES  the folder of Apache's modules (Debian: /usr/lib/apache2/modules)
#   USER, GROUP  whom Apache serves as when it is started by root; they must be able to reach all
#            of the above. Ignored, with a warning, when somebody else starts it.
# Paths are absolute. Names that a template does not use do no harm; a place without a value is an
# error, and so is a value that could break out of its quotes.
set -eu

[ $# -ge 1 ] || { echo "usage: fill.sh TEMPLATE NAME=VALUE..." >&2; exit 2; }
[ -r "$1" ] || { echo "fill.sh: cannot read $1" >&2; exit 1; }

exec awk '
function fail(text) { print "fill.sh: " text > "/dev/stderr"; exit 1 }

BEGIN {
    for (i = 2; i < ARGC; i++) {
        at = index(ARGV[i], "=")
        name = substr(ARGV[i], 1, at - 1)
        if (name !~ /^[A-Z]+$/)
            fail("not NAME=VALUE: " ARGV[i])
        value[name] = substr(ARGV[i], at + 1)
        if (value[name] ~ /["'\''\\[:cntrl:]]/)
            fail("a quote, a backslash or a control character in " ARGV[i])
        ARGV[i] = ""
    }
}

{
    rest = $0
    line = ""
    while (match(rest, /@[A-Z]+@/)) {
        name = substr(rest, RSTART + 1, RLENGTH - 2)
        if (!(name in value))
            fail(FILENAME ":" FNR ": no value for " name)
        line = line substr(rest, 1, RSTART - 1) value[name]
        rest = substr(rest, RSTART + RLENGTH)
    }
    print line rest
}
' "$@"
