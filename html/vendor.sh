#!/bin/sh
# SPDX-License-Identifier: MIT
# vendor.sh: puts what the pages take from others into html/vendor, from the npm registry.
#
#     html/vendor.sh [--must]
#
# That is uPlot, in the version of package-lock.json, whose checksum npm verifies. Does nothing when
# it is there. Without it all pages work but for the price page's chart, so that to fail is no error
# (exit status 0) unless --must is given.
set -eu

top=$(cd "$(dirname "$0")" && pwd)
package=$top/node_modules/uplot
new=$top/vendor/.new.$$

fail() {
    echo "vendor.sh: $*; the price page goes without its chart" >&2
    [ "${must:-}" ] && exit 1
    exit 0
}

must=
case ${1:-} in
--must) must=1 ;;
?*) echo "usage: vendor.sh [--must]" >&2; exit 2 ;;
esac

# Whether a file is there, and the lock file is not newer.
is_fresh() { [ -e "$1" ] && [ -z "$(find "$top/package-lock.json" -newer "$1")" ]; }

is_fresh "$top/vendor/uplot.js" && exit 0
[ -w "$top" ] || fail "cannot write to $top"
if ! is_fresh "$top/node_modules/.package-lock.json"; then
    command -v npm >/dev/null || fail "npm was not found, which brings uPlot"
    echo "vendor.sh: installing html/package-lock.json from the npm registry"
    npm ci --prefix "$top" --ignore-scripts --no-audit --no-fund --fetch-retries=1 --fetch-retry-mintimeout=1000 \
        >&2 || fail "npm could not install uPlot"
fi

version=$(sed -n 's/^ *"version": "\([^"]*\)",*$/\1/p' "$package/package.json")
trap 'rm -rf "$new"' EXIT
mkdir -p "$top/vendor" "$new" || fail "cannot write to $top/vendor"
# The package's small file is a script that sets a variable: the last line makes it a module.
{
    echo "// SPDX-License-Identifier: MIT"
    echo "// uplot: the chart library uPlot $version as npm has it, made a module; see uplot-license.txt."
    cat "$package/dist/uPlot.iife.min.js"
    echo "export default uPlot;"
} >"$new/uplot.js"
{
    echo "/* SPDX-License-Identifier: MIT */"
    echo "/* uplot: the style sheet of uPlot $version as npm has it; see uplot-license.txt. */"
    cat "$package/dist/uPlot.min.css"
    echo
} >"$new/uplot.css"
cp "$package/LICENSE" "$new/uplot-license.txt"
# The module last: it shows that all is there.
for file in uplot-license.txt uplot.css uplot.js; do
    mv "$new/$file" "$top/vendor/$file"
done
