# SPDX-License-Identifier: MIT
"""html/vendor.sh: what the pages take from others, and what happens where it cannot be had."""

import os
import shutil
import subprocess
import unittest

import harness

TOOLS = ("cat", "cp", "dirname", "find", "mkdir", "mv", "rm", "rmdir", "sed", "sh")

# In npm's place: brings a package of that shape, if it is asked in that way.
NPM = """#!/bin/sh
[ "$1" = ci ] && [ "$2" = --prefix ] && [ "$4" = --ignore-scripts ] || exit 1
echo called >>"$3/npm-calls"
mkdir -p "$3/node_modules/uplot/dist"
cd "$3/node_modules"
echo '  "version": "1.2.3",' >uplot/package.json
echo 'var uPlot=function(){};' >uplot/dist/uPlot.iife.min.js
echo '.uplot{}' >uplot/dist/uPlot.min.css
echo 'The MIT License' >uplot/LICENSE
echo >.package-lock.json
"""


class Vendor(harness.Case):
    def setUp(self):
        super().setUp()
        self.html = self.dir / "html"
        self.bin = self.dir / "bin"
        self.html.mkdir()
        self.bin.mkdir()
        for name in ("vendor.sh", "package.json", "package-lock.json"):
            shutil.copy(harness.SRCDIR / "html" / name, self.html)
        for tool in TOOLS:
            (self.bin / tool).symlink_to(shutil.which(tool))

    def run_it(self, *arguments):
        return subprocess.run([self.bin / "sh", self.html / "vendor.sh", *arguments], text=True,
                              env={"PATH": str(self.bin)}, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, timeout=harness.WAIT, check=False)

    def have_npm(self, script=NPM):
        (self.bin / "npm").write_text(script)
        (self.bin / "npm").chmod(0o755)

    def calls(self):
        return (self.html / "npm-calls").read_text().count("called")

    def test_without_npm_it_says_so_and_is_no_error(self):
        done = self.run_it()
        self.assertEqual(done.returncode, 0, done.stdout)
        self.assertIn("npm was not found", done.stdout)
        self.assertFalse((self.html / "vendor").exists())
        self.assertEqual(self.run_it("--must").returncode, 1, "but a tarball needs it")

    def test_npm_that_fails_is_no_error_either(self):
        self.have_npm("#!/bin/sh\nexit 1\n")
        done = self.run_it()
        self.assertEqual(done.returncode, 0, done.stdout)
        self.assertIn("npm could not install", done.stdout)
        self.assertEqual(self.run_it("--must").returncode, 1)

    def test_it_makes_a_module_with_its_licence(self):
        self.have_npm()
        done = self.run_it("--must")
        self.assertEqual(done.returncode, 0, done.stdout)
        folder = self.html / "vendor"
        self.assertEqual(sorted(os.listdir(folder)), ["uplot-license.txt", "uplot.css", "uplot.js"])
        module = (folder / "uplot.js").read_text()
        self.assertIn("uPlot 1.2.3", module)
        self.assertTrue(module.endswith("export default uPlot;\n"), module)
        self.assertIn("MIT", (folder / "uplot-license.txt").read_text())

    def test_what_is_there_is_not_made_again_until_the_lock_changes(self):
        self.have_npm()
        self.run_it()
        self.assertEqual(self.run_it().stdout, "")
        self.assertEqual(self.calls(), 1)
        lock = self.html / "package-lock.json"
        later = (self.html / "vendor" / "uplot.js").stat().st_mtime + 10
        os.utime(lock, (later, later))
        self.run_it()
        self.assertEqual(self.calls(), 2)

    def test_a_tarball_needs_no_npm(self):
        self.have_npm()
        self.run_it()
        (self.bin / "npm").unlink()
        shutil.rmtree(self.html / "node_modules")
        self.assertEqual(self.run_it("--must").returncode, 0)


if __name__ == "__main__":
    unittest.main()
