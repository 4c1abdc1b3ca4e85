# SPDX-License-Identifier: MIT
"""Runs the matrix behind every web server and writes its table into doc/front-ends.md.

    SSECGI=build/ssecgi python3 tests/system/front_end_table.py [RESULTS]

With RESULTS, the results of an earlier run (FRONT_END_RESULTS of the tests), nothing is run.
"""

import json
import os
import pathlib
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
PAGE = HERE.parents[1] / "doc" / "front-ends.md"
BEGIN, END = "<!-- table: front_end_table.py -->", "<!-- end of the table -->"
# In the order of the columns.
TESTS = ("lighttpd", "lighttpd_external", "lighttpd_procs", "lighttpd_cgi", "apache_fcgid",
         "apache_proxy", "apache_cgi", "nginx", "haproxy", "caddy", "h2o")
# In the order of the rows; others follow.
FIRST = ("unbuffered", "the query arrives", "`Last-Event-ID` arrives", "`Authorization` arrives",
         "`Cookie` arrives", "`REMOTE_USER` after the server's password")


def run(path):
    """Runs the tests; their results are in the file."""
    for name in TESTS:
        print("test_matrix_%s" % name, flush=True)
        done = subprocess.run([sys.executable, "-B", HERE / "tap.py",
                               HERE / ("test_matrix_%s.py" % name)], stdout=subprocess.PIPE,
                              env=dict(os.environ, FRONT_END_RESULTS=path), check=False)
        if done.returncode:
            sys.stdout.write(done.stdout.decode("utf-8", "replace"))


def table(path):
    results = [json.loads(line) for line in pathlib.Path(path).read_text().splitlines()]
    columns = list(dict.fromkeys(r["server"] for r in results))
    rows = list(dict.fromkeys([*FIRST, *(r["cell"] for r in results)]))
    values = {(r["cell"], r["server"]): r["value"] for r in results}
    lines = ["| | %s |" % " | ".join(columns), "|---" * (len(columns) + 1) + "|"]
    for row in rows:
        lines.append("| %s | %s |" % (row, " | ".join(values.get((row, c), "-") for c in columns)))
    return "\n".join(lines) + "\n"


def main(args):
    with tempfile.TemporaryDirectory() as folder:
        path = args[0] if args else os.path.join(folder, "results")
        if not args:
            run(path)
        text = PAGE.read_text()
        before, _, rest = text.partition(BEGIN + "\n")
        _, _, behind = rest.partition(END)
        PAGE.write_text(before + BEGIN + "\n" + table(path) + END + behind)


if __name__ == "__main__":
    main(sys.argv[1:])
