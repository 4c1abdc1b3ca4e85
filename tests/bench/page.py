#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""page.py: puts what `make bench` has measured into doc/performance.md.

    python3 tests/bench/page.py bench.json doc

Text between <!-- bench: NAME --> and <!-- end --> is replaced. NAME is `machine`, `aims` or a part
of the benchmark; `work` is what web servers and peers were both given. Everything else is text by
people.
"""

import json
import pathlib
import re
import sys

import aims
import machine
import plot
import table

PLACE = re.compile(r"(<!-- bench: ([a-z]+) -->\n).*?(<!-- end -->)", re.S)


def blocks(result):
    """NAME to text."""
    found = {name: table.as_markdown(part["cells"]) for name, part in result["parts"].items()}
    found["work"] = table.as_markdown([cell for name in ("frontends", "peers")
                                       for cell in result["parts"].get(name, {}).get("cells", [])])
    found["machine"] = machine.text(result["machine"]) + ".\n"
    found["aims"] = aims.as_markdown(table.cells_of(result))
    return found


def fill(text, found):
    return PLACE.sub(lambda m: m.group(1) + (found.get(m.group(2)) or "Not measured.\n")
                     + m.group(3), text)


def main(arguments):
    if len(arguments) != 2:
        print("usage: page.py BENCH.JSON DOC", file=sys.stderr)
        return 2
    with open(arguments[0], encoding="utf-8") as f:
        result = json.load(f)
    page = pathlib.Path(arguments[1]) / "performance.md"
    page.write_text(fill(page.read_text(encoding="utf-8"), blocks(result)), encoding="utf-8")
    plot.write(table.cells_of(result), str(page.with_suffix(".svg")))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
