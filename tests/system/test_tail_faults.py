# SPDX-License-Identifier: MIT
"""What files can do to a log's reader, done to the program itself while it does not look."""

import json
import os
import signal

import harness

BURST_BYTES = 100 * 1000 * 1000
SPARSE_BYTES = 5 << 30


class Faults(harness.Case):
    def setUp(self):
        super().setUp()
        self.log, app = self.tail(text="old 1\nold 2\n")
        self.addCleanup(os.truncate, self.log, 0)  # or it would be shown as a program's log
        self.server = self.responder(self.config({"app": app}))
        self.stream = self.keep(self.server.stream("/events/app"))

    def texts(self, count, stream=None):
        """Lines, and gaps by their reason."""
        found = []
        for _ in range(count):
            event = (stream or self.stream).event()
            if event.event == "stream.gap":
                found.append("gap: " + json.loads(event.data)["reason"])
            else:
                self.assertIsNone(event.event)
                found.append(event.data)
        return found

    def resumed(self, position):
        return self.keep(self.server.stream("/events/app", {"Last-Event-ID": position}))

    def unseen(self, act):
        """Between two looks."""
        self.server.process.signal(signal.SIGSTOP)
        try:
            act()
        finally:
            self.server.process.signal(signal.SIGCONT)

    def test_bytes_that_are_no_text_come_as_replacement_characters(self):
        harness.append(self.log, b"a\xff\xfeb\r\n\xc3\x28\nlatin \xe9\n\xf0\x9f\x8c\x8d\n")
        wanted = ["a\ufffd\ufffdb", "\ufffd(", "latin \ufffd", "\U0001f30d"]
        self.assertEqual(self.texts(4), wanted)
        again = self.keep(self.server.stream("/events/app?last=4"))
        self.assertEqual(self.texts(4, again), wanted)

    def test_a_byte_order_mark_and_carriage_returns_are_no_text(self):
        os.rename(self.log, str(self.log) + ".1")
        harness.append(self.log, b"\xef\xbb\xbffirst\r\n\r\nthird\r\n")
        self.assertEqual(self.texts(3), ["first", "", "third"])

    def test_a_symlink_that_is_swapped_unseen(self):
        target = self.write("target", "new 1\nnew 2\n")
        harness.append(self.log, "old 3\n")
        self.assertEqual(self.texts(1), ["old 3"])

        def swap():
            os.rename(self.log, self.dir / "before")
            os.symlink("before", self.log)
            harness.append(self.dir / "before", "old 4\n")
            os.symlink(target.name, self.dir / "fresh")
            os.rename(self.dir / "fresh", self.log)
        self.unseen(swap)
        self.assertEqual(self.texts(3), ["old 4", "new 1", "new 2"])
        harness.append(target, "new 3\n")
        self.assertEqual(self.texts(1), ["new 3"])

    def regrow(self, text):
        harness.append(self.log, "line\n")
        self.assertEqual(self.texts(1), ["line"])

        def act():
            os.truncate(self.log, 0)
            harness.append(self.log, text)
        self.unseen(act)

    def test_truncated_and_grown_to_the_same_size_unseen(self):
        size = len("old 1\nold 2\nline\n")
        self.regrow("x" * (size - 1) + "\n")
        self.assertEqual(os.path.getsize(self.log), size)
        self.assertEqual(self.texts(2), ["gap: truncated", "x" * (size - 1)])

    def test_truncated_and_grown_beyond_unseen(self):
        self.regrow("one\n" * 20)
        self.assertEqual(self.texts(21), ["gap: truncated"] + ["one"] * 20)

    def test_an_inode_that_is_given_out_again(self):
        inodes = [os.stat(self.log).st_ino]
        for n in range(20):
            os.unlink(self.log)
            harness.append(self.log, "line %d\n" % n)
            inodes.append(os.stat(self.log).st_ino)
            self.assertEqual(self.texts(1), ["line %d" % n])
        at = self.stream.last_id
        self.unseen(lambda: (os.unlink(self.log), harness.append(self.log, "line 20\n")))
        self.assertEqual(self.texts(1), ["line 20"])
        self.assertEqual(self.texts(1, self.resumed(at))[-1], "line 20")

    def test_a_burst_of_100_mb_comes_whole(self):
        line = "%06d " + "x" * 9992 + "\n"
        count = BURST_BYTES // 10000
        with open(self.log, "ab") as f:
            for n in range(count):
                f.write((line % n).encode())
        for n in range(count):
            event = self.stream.event()
            self.assertEqual((event.event, event.data[:7]), (None, "%06d " % n))

    def test_a_line_of_10_mib_is_cut_and_the_next_one_whole(self):
        harness.append(self.log, "y" * (10 << 20) + "\nnext\n")
        cut, after = self.texts(2)
        self.assertTrue(cut.startswith("y" * 65536))
        self.assertRegex(cut[65536:], r"\A \[\.\.\. \d+ more bytes\]\Z")
        self.assertEqual(after, "next")

    def test_beyond_4_gib(self):
        try:
            os.truncate(self.log, SPARSE_BYTES)
        except OSError as e:
            self.skipTest("no sparse files here: %s" % e)
        harness.append(self.log, "far\nfarther\n")
        self.assertEqual(self.texts(2), ["gap: hole", "far"])
        at = self.stream.last_id
        self.assertEqual(self.texts(1), ["farther"])
        self.assertEqual(self.texts(1, self.resumed(at)), ["farther"])
        last = self.keep(self.server.stream("/events/app?last=1"))
        self.assertEqual(self.texts(1, last), ["farther"])
