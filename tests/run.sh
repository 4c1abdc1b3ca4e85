#!/bin/bash
# SPDX-License-Identifier: MIT
# run.sh: runs every test, as .ci/run and a new developer do.
#
#     tests/run.sh
#
# Installs what the tests need from Debian's packages and the npm registry (and says so), builds in
# build/tests with gcc, with clang and with sanitizers, runs all tests, and ends with one line
# "N passed, N failed, N skipped"; a build or another step counts as one. What failed is shown in
# full, what was skipped with its reason. Exit status 1 when anything failed.
set -uo pipefail

umask 022 # what others can write is no module that ssecgi loads
top=$(cd "$(dirname "$0")/.." && pwd)
work=$top/build/tests
jobs=$(nproc)
test_jobs=$((jobs * 2)) # most tests of the whole system wait more than they work
passed=0
failed=0
skipped=0

PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin
# Screenshots of the browser test.
export ARTEFACTS=${ARTEFACTS-$work/artefacts}
export ASAN_OPTIONS=${ASAN_OPTIONS-detect_stack_use_after_return=1}
export UBSAN_OPTIONS=${UBSAN_OPTIONS-print_stacktrace=1}

# step NAME COMMAND...: runs it, shows its output if it fails, and counts it as one test.
step() {
    local name=$1 log=$work/$1.log start=$SECONDS
    shift
    printf '== %-20s ' "$name"
    if "$@" >"$log" 2>&1; then
        passed=$((passed + 1))
        echo "ok, $((SECONDS - start)) s"
        return 0
    fi
    failed=$((failed + 1))
    echo "FAILED, $((SECONDS - start)) s"
    sed 's/^/   /' "$log"
    return 1
}

# results FOLDER: how many passed, failed and were skipped, by the files that the TAP driver left.
results() {
    find "$1" -name '*.trs' -exec cat {} + | awk '
        /^:test-result: (PASS|XFAIL)/       { passed++ }
        /^:test-result: (FAIL|XPASS|ERROR)/ { failed++ }
        /^:test-result: SKIP/               { skipped++ }
        END                                 { print passed + 0, failed + 0, skipped + 0 }'
}

# check NAME FOLDER TARGET...: runs make there and counts the single tests.
check() {
    local name=$1 folder=$work/$2 log=$work/$1.log start=$SECONDS status=0 p f s
    shift 2
    printf '== %-20s ' "$name"
    find "$folder" -name '*.trs' -exec rm {} +
    make -C "$folder" -j"$test_jobs" --no-print-directory VERBOSE=1 "$@" >"$log" 2>&1 || status=1
    read -r p f s <<<"$(results "$folder")"
    # Something went wrong that is no test's result, such as a program that does not compile.
    if ((status && !f)); then f=1; fi
    passed=$((passed + p))
    failed=$((failed + f))
    skipped=$((skipped + s))
    echo "$p passed, $f failed, $s skipped, $((SECONDS - start)) s"
    grep '^SKIP: ' "$log" | sort -u | sed 's/^/   /'
    ((f == 0)) || grep -vE '^(PASS: |make|  (CC|CCLD|AR) )' "$log" | sed 's/^/   /'
    ((f == 0))
}

configure() {
    local folder=$work/$1
    shift
    rm -rf "$folder"
    mkdir -p "$folder"
    (cd "$folder" && "$top/configure" --enable-werror "$@")
}

# install_packages FOLDER...: what each folder's package-lock.json names, unless it is there.
install_packages() {
    local folder name
    for folder; do
        if [ "$top/$folder/node_modules/.package-lock.json" -nt "$top/$folder/package-lock.json" ]; then
            continue
        fi
        name=npm-ci-${folder##*/}
        echo "   installing $folder/package-lock.json from the npm registry"
        step "$name" npm ci --prefix "$top/$folder" --ignore-scripts --no-audit --no-fund
    done
}

finish() {
    echo "$passed passed, $failed failed, $skipped skipped"
    ((failed == 0)) || exit 1
    exit 0
}

mkdir -p "$work" || exit 1
"$top/deploy/install-deps.sh" tests || { failed=1; finish; }
install_packages tests/browser html html/react
step autogen "$top/autogen.sh" || finish

if step configure-gcc configure gcc CC=gcc \
    && step build-gcc make -C "$work/gcc" -j"$jobs" -k all; then
    check check gcc check
    check valgrind gcc check-valgrind
    # The model tests have played all of their histories above.
    step distcheck env TAIL_MODEL_COUNT=1000 TAIL_MANY_COUNT=200 JOURNAL_MODEL_COUNT=200 \
        MERGE_MODEL_COUNT=200 REDIS_MODEL_COUNT=10 make -C "$work/gcc" -j"$jobs" distcheck SYSTEM_TESTS= \
        DISTCHECK_CONFIGURE_FLAGS=--enable-werror
fi

if step configure-clang configure clang CC=clang; then
    step build-clang make -C "$work/clang" -j"$jobs" -k check TESTS=
fi

if step configure-sanitizers configure sanitizers --enable-sanitizers CC=gcc CFLAGS='-g -O1'; then
    TAIL_MODEL_COUNT=5000 TAIL_MANY_COUNT=1000 JOURNAL_MODEL_COUNT=2000 MERGE_MODEL_COUNT=2000 \
        REDIS_MODEL_COUNT=40 check sanitizers-unit sanitizers check-unit
    check sanitizers-system sanitizers check-system-some
fi

finish
