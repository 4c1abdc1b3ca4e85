# SPDX-License-Identifier: MIT
"""The pages in headless Chromium, served by lighttpd with its shipped configuration.

One test here for each suite of tests/browser/run.mjs. BROWSER_TESTS: names or beginnings of names of
those to run, instead of all.
"""

import os
import re

import browser_rig
import harness

TIMEOUT = 220
CHOSEN = os.environ.get("BROWSER_TESTS", "").split()


class Browser(browser_rig.Case):
    def run_suite(self, *args):
        self.find_browser()
        self.start()
        self.run_browser(*args, timeout=TIMEOUT)
        harness.wait_until(
            lambda: not any(map(harness.presence_folder, self.server.responders())),
            "with its last reader gone, a process removes what it noted")


def suites():
    """As run.mjs names them."""
    line = re.search(r"(?m)^const suites = \[(.*)\];$", (browser_rig.BROWSER / "run.mjs").read_text("utf-8"))
    return re.findall(r'"(\w+)"', line.group(1))


def test_of(*args):
    return lambda self: self.run_suite(*args)


if CHOSEN:
    Browser.test_what_was_chosen = test_of(*CHOSEN)
else:
    for suite in suites():
        setattr(Browser, "test_%s" % suite, test_of("--suite", suite))
