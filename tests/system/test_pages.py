# SPDX-License-Identifier: MIT
"""The modules of the pages under Node's own test runner: a test here for each file of tests there."""

import subprocess

import harness

FOLDER = harness.SRCDIR / "tests" / "pages"
TIMEOUT = 120


class Pages(harness.Case):
    def run_file(self, path):
        node = harness.find_program("node")
        log = self.dir / "node.log"
        with open(log, "wb") as out:
            done = subprocess.run([node, "--test", "--test-reporter=tap", str(path)], cwd=self.dir,
                                  stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                                  timeout=TIMEOUT, check=False)
        text = log.read_text("utf-8", "replace")
        self.assertEqual(done.returncode, 0, text[-20000:])
        self.assertRegex(text, r"(?m)^# pass [1-9]", "there are tests in it")


def test_of(path):
    return lambda self: self.run_file(path)


for each in sorted(FOLDER.glob("*.test.mjs")):
    setattr(Pages, "test_%s" % each.name.removesuffix(".test.mjs"), test_of(each))
