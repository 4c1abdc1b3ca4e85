#!/bin/sh
# SPDX-License-Identifier: MIT
# autogen.sh: makes ./configure in a fresh checkout.
set -eu
cd "$(dirname "$0")"
for tool in autoreconf automake pkg-config; do
    command -v "$tool" >/dev/null || {
        echo "autogen.sh: $tool was not found: install autoconf, automake and pkg-config" >&2
        exit 1
    }
done
exec autoreconf --force --install "$@"
