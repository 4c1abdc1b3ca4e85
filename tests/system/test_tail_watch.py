# SPDX-License-Identifier: MIT
"""What a log's reader gets when inotify fails or loses notices; half lines, sent after a time."""

import ctypes
import os
import pathlib
import signal
import struct
import subprocess

import harness

IN_MODIFY, IN_MOVED, IN_CREATE = 0x2, 0xC0, 0x100
IN_Q_OVERFLOW = 0x4000
QUEUE = pathlib.Path("/proc/sys/fs/inotify/max_queued_events")
QUEUE_MAX = 200000  # more takes too long to fill
TELLS = "cannot watch the folder"


class Watch:
    """An inotify queue of our own on a folder: it overflows when the responder's does."""

    def __init__(self, folder):
        self.fd = harness.LIBC.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        path = ctypes.c_char_p(os.fsencode(folder))
        harness.LIBC.inotify_add_watch(self.fd, path, IN_MODIFY | IN_MOVED | IN_CREATE)

    def has_overflown(self):
        found = False
        while True:
            try:
                data = os.read(self.fd, 65536)
            except BlockingIOError:
                return found
            at = 0
            while at < len(data):
                _, mask, _, size = struct.unpack_from("iIII", data, at)
                found = found or bool(mask & IN_Q_OVERFLOW)
                at += 16 + size

    def close(self):
        os.close(self.fd)


class Lost(harness.Case):
    def setUp(self):
        super().setUp()
        (self.dir / "logs").mkdir()  # where nothing else is written
        self.log, self.app = self.tail("logs/app.log")

    def lines(self, stream, count):
        return [stream.event().data for _ in range(count)]

    def test_an_overflown_queue_loses_no_line(self):
        size = int(QUEUE.read_text())
        if size > QUEUE_MAX:
            self.skipTest("the queue holds %d notices" % size)
        self.server = self.responder(self.config({"app": self.app}))
        stream = self.keep(self.server.stream("/events/app"))
        harness.append(self.log, "before\n")
        self.assertEqual(self.lines(stream, 1), ["before"])
        watch = self.keep(Watch(self.log.parent))
        self.server.process.signal(signal.SIGSTOP)
        self.addCleanup(self.server.process.signal, signal.SIGCONT)
        a, b = self.log.parent / "a", self.log.parent / "b"
        a.touch()
        for _ in range(size // 4 + 1000):  # two notices a rename; equal neighbours would be merged
            os.rename(a, b)
            os.rename(b, a)
        harness.append(self.log, "unseen 1\n")
        os.rename(self.log, str(self.log) + ".1")
        harness.append(self.log, "unseen 2\n")
        self.server.process.signal(signal.SIGCONT)
        self.assertTrue(watch.has_overflown())
        self.assertEqual(self.lines(stream, 2), ["unseen 1", "unseen 2"])
        harness.append(self.log, "after\n")
        self.assertEqual(self.lines(stream, 1), ["after"])

    def shim(self):
        out = self.dir / "watch_shim.so"
        source = harness.SRCDIR / "tests" / "system" / "watch_shim.c"
        subprocess.run([harness.find_program("cc"), "-shared", "-fPIC", "-D_GNU_SOURCE", "-o", out,
                        source], check=True)
        return out

    def follow(self, fault):
        """Lines, a rotation and more lines, without a notice of any. Answers what was logged."""
        before = ["env", "LD_PRELOAD=%s" % self.shim(), "WATCH_FAULT=%s" % fault,
                  "ASAN_OPTIONS=verify_asan_link_order=0:" + os.environ.get("ASAN_OPTIONS", "")]
        self.server = self.responder(self.config({"app": self.app}), before=before)
        stream = self.keep(self.server.stream("/events/app"))
        for n in range(5):
            harness.append(self.log, "line %d\n" % n)
            self.assertEqual(self.lines(stream, 1), ["line %d" % n])
        os.rename(self.log, str(self.log) + ".1")
        harness.append(self.log, "next file\n")
        self.assertEqual(self.lines(stream, 1), ["next file"])
        return [line for line in self.server.process.log.read_text().splitlines() if TELLS in line]

    def test_without_watches_left_it_polls_and_tells_once(self):
        told = self.follow("no-watches")
        self.assertEqual(len(told), 1)
        self.assertIn(" warn tail: ", told[0])

    def test_without_inotify_it_polls_and_tells_once(self):
        told = self.follow("no-instances")
        self.assertEqual(len(told), 1)
        self.assertIn(" warn tail: ", told[0])

    def test_a_file_system_that_tells_nothing_is_polled(self):
        self.assertEqual(self.follow("silent"), [])


class Half(harness.Case):
    def setUp(self):
        super().setUp()
        self.log, never = self.tail(text="old\n")
        self.server = self.responder(self.config(
            {"never": never, "soon": dict(never, partial_flush_ms=50)}))
        self.never, self.soon = (self.keep(self.server.stream("/events/" + name))
                                 for name in ("never", "soon"))

    def event(self, stream):
        event = stream.event()
        return event.event, event.data

    def test_a_half_line_is_sent_marked_and_its_rest_by_itself(self):
        harness.append(self.log, "half")
        self.assertEqual(self.event(self.soon), ("partial", "half"))
        harness.append(self.log, " a line\nwhole\n")
        self.assertEqual(self.event(self.soon), (None, " a line"))
        self.assertEqual(self.event(self.soon), (None, "whole"))
        # Had it been sent here, too, it would come first.
        self.assertEqual(self.event(self.never), (None, "half a line"))
        self.assertEqual(self.event(self.never), (None, "whole"))

    def test_a_reader_resumes_behind_the_half(self):
        harness.append(self.log, "half")
        at = self.soon.event().id
        harness.append(self.log, " a line\n")
        again = self.keep(self.server.stream("/events/soon", {"Last-Event-ID": at}))
        self.assertEqual(self.event(again), (None, " a line"))

    def test_a_half_line_of_a_file_that_was_rotated_away_is_a_line(self):
        harness.append(self.log, "half")
        self.assertEqual(self.event(self.soon), ("partial", "half"))
        harness.append(self.log, " and end")
        os.rename(self.log, str(self.log) + ".1")
        harness.append(self.log, "next file\n")
        self.assertEqual(self.event(self.never), (None, "half and end"))
        self.assertEqual(self.event(self.never), (None, "next file"))
        got = ""
        while not got.endswith("next file"):
            got += self.event(self.soon)[1]
        self.assertEqual(got, " and endnext file")
