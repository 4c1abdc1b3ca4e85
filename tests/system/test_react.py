# SPDX-License-Identifier: MIT
"""The React page, built by Vite as `make react` does, in headless Chromium behind lighttpd."""

import os
import shutil
import subprocess

import browser_rig
import harness

HTML = harness.SRCDIR / "html"
VITE = HTML / "react" / "node_modules" / "vite" / "bin" / "vite.js"
BUILD_TIMEOUT = 120
TIMEOUT = 100


class React(browser_rig.Case):
    def build(self, kind):
        """Puts the page among the others. React's own build for development checks more, and mounts
        everything twice."""
        built = self.dir / kind
        done = subprocess.run([self.node, VITE, "build", "--config", HTML / "react" / "vite.config.js",
                               "--configLoader", "native", "--outDir", built],
                              env=self.environment({"TMPDIR": self.dir, "NODE_ENV": kind}),
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, timeout=BUILD_TIMEOUT, check=False)
        self.assertEqual(done.returncode, 0, done.stdout)
        place = self.docroot() / "react"
        if place.exists():
            shutil.rmtree(place)
        (built / "react").rename(place)

    def test_the_react_page_works_in_chromium(self):
        self.node, _ = self.find_browser()
        if not VITE.exists():
            self.skipTest("vite.js is not installed: npm ci in html/react")
        for path in HTML.iterdir():
            if path.name not in ("react", "node_modules"):
                (self.docroot() / path.name).symlink_to(path)
        self.build("development")
        self.start(self.docroot())
        chosen = os.environ.get("BROWSER_TESTS", "").split()
        self.run_browser("--suite", "react", *chosen, timeout=TIMEOUT)
        self.build("production")
        self.run_browser("--suite", "react", "react_shows_each_message", timeout=TIMEOUT)
