#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""run.py: measures, prints one table of medians and ranges, and writes it as JSON.

    make bench                         in the build folder
    python3 tests/bench/run.py [--rounds N] [--only figures|fanout] [--json FILE]

BENCH names the folder of the benchmark's programs, SSECGI the program to measure. Each round
starts every system anew; systems that are compared run one after the other in the same round.
"""

import argparse
import json
import os
import resource
import sys
import time

import fanout
import figures
import instructions
import machine
import systems
from table import Table

SPARE_FILES = 200


def missing():
    """What must be there, by name."""
    needed = [systems.SSECGI] + [str(systems.BENCH / p) for p in
                                 ("load", "peer_bare", "peer_blast", "first_byte", "libs_alone")]
    return [p for p in needed if not os.access(p, os.X_OK)]


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", choices=("figures", "fanout"))
    parser.add_argument("--json", default="bench.json")
    return parser.parse_args()


def main():
    options = arguments()
    absent = missing()
    if absent:
        print("bench: not built: %s; run `make bench`" % " ".join(absent), file=sys.stderr)
        return 1
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    most = min(10000, hard - SPARE_FILES)
    table, runs, described = Table(), [], machine.describe()
    start = time.monotonic()
    for number in range(1, options.rounds + 1):
        print("bench: round %d of %d" % (number, options.rounds), file=sys.stderr, flush=True)
        if options.only != "fanout":
            figures.measure(table, most)
        if options.only != "figures":
            fanout.measure(table, runs, most)
    if options.only != "figures":
        instructions.measure(table)  # once: it hardly varies
    result = {"machine": described, "rounds": options.rounds,
              "seconds": round(time.monotonic() - start), "table": table.as_json(), "runs": runs}
    with open(options.json, "w", encoding="utf-8") as f:
        json.dump(result, f, indent=1)
    print("%s.\n\n%s" % (machine.text(described), table.as_markdown()))
    print("bench: written to %s" % options.json, file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
