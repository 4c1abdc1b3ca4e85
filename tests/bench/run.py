#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""run.py: measures, prints tables of medians and ranges, and writes them as JSON and as a plot.

    make bench                         in the build folder
    python3 tests/bench/run.py [--rounds N] [--only PART[,PART...]] [--json FILE]

BENCH names the folder of the benchmark's programs, SSECGI the program to measure. Each round
starts every system anew; systems that are compared run one after the other in the same round. A run
of some parts leaves the others' results in FILE as they are.
"""

import argparse
import json
import os
import resource
import signal
import sys
import time

import aims
import answers
import exec_rate
import fanout
import figures
import frontends
import instructions
import machine
import peers
import plot
import publishing
import redis_rate
import rig
import slow
import storm
import table
import tail_rate

SPARE_FILES = 200
READERS_MAX = 10000
PROGRAMS = ("asking", "load", "peer_bare", "peer_blast", "peer_threads", "first_byte",
            "journal_speed", "libs_alone", "stand_in", "tail_speed")


def parts(most):
    """What measures one round of each part."""
    return {
        "figures": lambda t, keep: figures.measure(t, most),
        "fanout": lambda t, keep: fanout.measure(keep, most),
        "frontends": lambda t, keep: frontends.measure(keep),
        "peers": lambda t, keep: peers.measure(keep, most),
        "slow": lambda t, keep: slow.measure(keep),
        "storm": lambda t, keep: storm.measure(keep, most),
        "instructions": lambda t, keep: instructions.measure(t),
        "tail": lambda t, keep: tail_rate.measure(t),
        "publishing": publishing.measure,
        "redis": lambda t, keep: redis_rate.measure(keep),
        "exec": lambda t, keep: exec_rate.measure(t),
        "answers": lambda t, keep: answers.measure(keep),
    }


ONCE = ("instructions",)  # it hardly varies


def missing():
    """What must be there, by name."""
    needed = [rig.SSECGI] + [str(rig.BENCH / p) for p in PROGRAMS]
    return [p for p in needed if not os.access(p, os.X_OK)]


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", type=lambda text: text.split(","),
                        help="of: %s" % ", ".join(parts(0)))
    parser.add_argument("--json", default="bench.json")
    options = parser.parse_args()
    unknown = set(options.only or ()) - set(parts(0))
    if unknown or options.rounds < 1:
        parser.error("no such part: %s" % ", ".join(unknown) if unknown else "no rounds")
    return options


def read(path):
    """What an earlier run has left."""
    try:
        with open(path, encoding="utf-8") as f:
            return json.load(f)
    except FileNotFoundError:
        return {"parts": {}}


def write(path, result):
    with open(path + ".new", "w", encoding="utf-8") as f:
        json.dump(result, f, indent=1)
    os.replace(path + ".new", path)


def measure(name, one_round, number, state):
    """One round of one part, added to what its rounds before have brought."""
    cells, runs, seconds = state.setdefault(name, (table.Table(), [], [0]))

    def keep(report, section, row, column, value, note=""):
        cells.put(section, row, column, value, note)
        if report:
            runs.append({"round": number, "section": section, "row": row, "report": report})

    cells.round = number
    start = time.monotonic()
    one_round(cells, keep)
    seconds[0] += time.monotonic() - start
    return {"rounds": number, "seconds": round(seconds[0]), "cells": cells.as_json(), "runs": runs}


def main():
    options = arguments()
    absent = missing()
    if absent:
        print("bench: not built: %s; run `make bench`" % " ".join(absent), file=sys.stderr)
        return 1
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # what was started is ended
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    chosen = {name: part for name, part in parts(min(READERS_MAX, hard - SPARE_FILES)).items()
              if not options.only or name in options.only}
    result, state = read(options.json), {}
    result["machine"] = machine.describe()
    for number in range(1, options.rounds + 1):
        for name, one_round in chosen.items():
            if name in ONCE and number > 1:
                continue
            print("bench: round %d of %d: %s" % (number, options.rounds, name), file=sys.stderr,
                  flush=True)
            result["parts"][name] = measure(name, one_round, number, state)
            write(options.json, result)
    cells = table.cells_of(result)
    plot.write(cells, os.path.splitext(options.json)[0] + ".svg")
    print("%s.\n\n%s\n%s" % (machine.text(result["machine"]), table.as_markdown(cells),
                             aims.as_markdown(cells)))
    print("bench: written to %s" % options.json, file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
