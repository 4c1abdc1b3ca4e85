# SPDX-License-Identifier: MIT
# test_lint.py: each rule of lint.py catches a planted violation and passes what is right.

import os
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import lint  # noqa: E402

HEADING = "/* SPDX-License-Identifier: MIT */\n/* buf: an example. */\n"


class Lint(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.top = folder.name
        self.plant("Makefile.am", "")

    def plant(self, path, text):
        whole = os.path.join(self.top, path)
        os.makedirs(os.path.dirname(whole), exist_ok=True)
        with open(whole, "w", encoding="utf-8") as f:
            f.write(text)

    def complaints_about_include(self, path, include):
        self.plant(path, HEADING + f"#include {include}\n")
        complaints = lint.check_includes(self.top)
        os.unlink(os.path.join(self.top, path))
        return complaints

    def test_allowed_includes_pass(self):
        for path, include in (
                ("src/hub/ring.c", '"hub/ring.h"'),
                ("src/hub/ring.c", '"sse/frame.h"'),
                ("src/app/main.c", '"source/source.h"'),
                ("src/app/main.c", "<uv.h>"),
                ("src/gate/fcgi.c", "<fcgiapp.h>"),
                ("src/conf/file.c", "<json-c/json.h>"),
                ("src/ctl/doctor.c", "<curl/curl.h>"),
                ("src/source/redis/link.c", "<hiredis/hiredis.h>"),
                ("src/source/redis/link.c", '"base/buf.h"'),
                ("src/base/log.c", "<sys/uio.h>"),
                ("src/base/log.c", "<stdint.h>")):
            self.assertEqual(self.complaints_about_include(path, include), [], (path, include))

    def test_planted_includes_are_caught(self):
        for path, include in (
                ("src/hub/ring.c", '"source/source.h"'),
                ("src/source/tail/tail.c", '"hub/ring.h"'),
                ("src/source/tail/tail.c", '"gate/fcgi.h"'),
                ("src/base/buf.c", '"sse/frame.h"'),
                ("src/sse/frame.c", '"conf/option.h"'),
                ("src/gate/fcgi.c", '"app/app.h"'),
                ("src/ctl/doctor.c", '"hub/ring.h"'),
                ("src/hub/ring.c", "<uv.h>"),
                ("src/hub/ring.c", "<json-c/json.h>"),
                ("src/app/main.c", "<fcgiapp.h>"),
                ("src/source/tail/tail.c", "<curl/curl.h>"),
                ("src/base/buf.c", "<hiredis/hiredis.h>"),
                ("src/hub/ring.c", '"ring.h"'),
                ("src/hub/ring.c", '"../hub/ring.h"'),
                ("src/hub/ring.c", '"hub/../source/source.h"'),
                ("src/hub/ring.c", '"hub/page.c"'),
                ("src/hub/ring.c", "RING_HEADER"),
                ("src/source/tail/tail.c", "<hiredis/hiredis.h>"),
                ("src/source/redis/link.c", '"hub/ring.h"'),
                ("src/source/tail/more/tail.c", "<stdint.h>"),
                ("src/attic/ring.c", "<stdint.h>"),
                ("src/ring.c", "<stdint.h>")):
            complaints = self.complaints_about_include(path, include)
            self.assertEqual(len(complaints), 1, (path, include, complaints))
            self.assertTrue(complaints[0].startswith(path + ":"), complaints[0])

    def test_odd_spelling_does_not_hide_an_include(self):
        complaints = self.complaints_about_include("src/hub/a.c", '<uv.h>\n  #  include  <uv.h>')
        self.assertEqual([c.split(":")[1] for c in complaints], ["3", "4"])

    def test_missing_licence_and_purpose_are_caught(self):
        self.plant("src/base/a.c", HEADING)
        self.plant("tests/a.sh", "#!/bin/sh\n# SPDX-License-Identifier: MIT\n# a.sh: an example.\n")
        self.assertEqual(lint.check_headings(self.top), [])
        self.plant("src/base/b.c", "/* b: an example. */\n")
        self.plant("src/base/c.c", "/* SPDX-License-Identifier: MIT */\n\n")
        self.assertEqual(len(lint.check_headings(self.top)), 2)

    def test_wrong_guard_is_caught(self):
        self.plant("src/base/buf.h", "#ifndef BASE_BUF_H\n#define BASE_BUF_H\n#endif\n")
        self.assertEqual(lint.check_guards(self.top), [])
        self.plant("src/base/log.h", "#ifndef BASE_BUF_H\n#define BASE_BUF_H\n#endif\n")
        self.assertEqual(len(lint.check_guards(self.top)), 1)

    def test_long_file_is_caught(self):
        self.plant("src/base/a.c", "\n" * lint.MAX_LINES)
        self.assertEqual(lint.check_sizes(self.top), [])
        self.plant("src/base/a.c", "\n" * (lint.MAX_LINES + 1))
        self.assertEqual(len(lint.check_sizes(self.top)), 1)

    def test_unclean_text_is_caught(self):
        self.plant("src/base/a.c", 'open("/var/log/app.log");\n')
        self.assertEqual(lint.check_text(self.top), [])
        for line in ("/ho" + "me/ann/x", "cd /wo" + "rk/main", "/ro" + "ot/x", "a \n", "\tb", "c\r"):
            self.plant("src/base/a.c", line + "\n")
            self.assertEqual(len(lint.check_text(self.top)), 1, line)

    def test_unlisted_file_is_caught(self):
        self.plant("src/base/a.c", "")
        self.plant("tests/unit/test_a.c", "")
        self.assertEqual(len(lint.check_listed(self.top)), 2)
        self.plant("src/local.mk", "x_SOURCES = src/base/a.c\nUNIT_TESTS = tests/unit/test_a\n")
        self.assertEqual(lint.check_listed(self.top), [])


if __name__ == "__main__":
    unittest.main()
