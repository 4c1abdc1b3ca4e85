#!/bin/sh
# SPDX-License-Identifier: MIT
# ten.sh: ten numbered messages, one a second, and then a proper end.
for n in 1 2 3 4 5 6 7 8 9 10; do
    echo "message $n of 10"
    [ "$n" = 10 ] || sleep "${1:-1}"
done
