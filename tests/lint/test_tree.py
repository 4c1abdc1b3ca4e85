# SPDX-License-Identifier: MIT
# test_tree.py: the rules of lint.py hold in this tree, and each header compiles alone.

import os
import shlex
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import lint  # noqa: E402

TOP = os.environ.get("SRCDIR", os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))


class Tree(unittest.TestCase):
    def expect_silence(self, check):
        complaints = check(TOP)
        if complaints:
            self.fail("\n" + "\n".join(complaints))

    def test_includes_follow_the_table_of_rooms(self):
        self.expect_silence(lint.check_includes)

    def test_files_begin_with_licence_and_purpose(self):
        self.expect_silence(lint.check_headings)

    def test_header_guards_are_named_after_their_place(self):
        self.expect_silence(lint.check_guards)

    def test_files_are_short(self):
        self.expect_silence(lint.check_sizes)

    def test_text_is_clean(self):
        self.expect_silence(lint.check_text)

    def test_files_are_listed_for_build_and_distribution(self):
        self.expect_silence(lint.check_listed)

    @unittest.skipUnless("LINT_CC" in os.environ, "LINT_CC names no compiler")
    def test_headers_compile_alone(self):
        # One run: each header once, first in a translation unit of its own.
        command = shlex.split(os.environ["LINT_CC"]) + ["-fsyntax-only", "-x", "c"]
        failures = []
        for header in lint.walk(TOP, (".h",), ("src",)):
            unit = f'#include "{header}"\n'
            run = subprocess.run(command + ["-I", TOP, "-"], input=unit, text=True,
                                 capture_output=True, check=False)
            if run.returncode:
                failures.append(f"{header}:\n{run.stderr}")
        if failures:
            self.fail("\n" + "\n".join(failures))


if __name__ == "__main__":
    unittest.main()
