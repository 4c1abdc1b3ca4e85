#!/bin/sh
# SPDX-License-Identifier: MIT
# prerequisites.sh: says in the test report which kinds of test this build leaves out.
echo 1..2
if [ -n "${HAVE_CMOCKA:-}" ]; then
    echo 'ok 1 - unit tests are built'
else
    echo 'ok 1 - unit tests are built # SKIP configure found no cmocka'
fi
if [ -n "${PYTHON3:-}" ]; then
    echo 'ok 2 - system tests and lints run'
else
    echo 'ok 2 - system tests and lints run # SKIP configure found no python3'
fi
