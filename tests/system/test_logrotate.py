# SPDX-License-Identifier: MIT
"""Debian's logrotate rotates a log while it is written and followed: nothing is lost or doubled."""

import json
import os
import re
import signal
import subprocess
import threading
import time

import harness

ROTATIONS = 6
LINES = 60  # of a generation, at the least
AHEAD = 40  # lines that the writer is before the reader, at most
TEXT = re.compile(r"line (\d{6}) (x+)\Z")


def line_of(number):
    return "line %06d %s" % (number, "x" * (number * 7 % 90 + 1))


class Writer(threading.Thread):
    """A daemon that keeps its log open and writes numbered lines, one write(2) each. `reopens`:
    "when-told" sets reopen(); "when-moved" looks now and then where its path leads, and waits until
    another file is there; "when-gone" makes that file itself; "never"."""

    LOOKS_EVERY = 25  # lines

    def __init__(self, path, reopens):
        super().__init__(daemon=True)
        self.path = path
        self.reopens = reopens
        self.changed = threading.Condition()
        self.written = 0
        self.received = 0
        self.is_told = False
        self.is_paused = False
        self.is_idle = False
        self.is_over = False
        self.ahead = AHEAD
        self.fd = self._open()

    def _open(self):
        return os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o644)

    def _has_moved(self):
        try:
            return not os.path.samestat(os.stat(self.path), os.fstat(self.fd))
        except FileNotFoundError:  # logrotate would move away what is made before its own
            return self.reopens == "when-gone"

    def _wants_to_reopen(self):
        if self.reopens == "when-told":
            return self.is_told
        return (self.reopens in ("when-moved", "when-gone") and self.written % self.LOOKS_EVERY == 0
                and self._has_moved())

    def _may_write(self):
        """Waits until it may; False at the end."""
        while self.is_paused or (self.written >= self.received + self.ahead and not self.is_told):
            if self.is_over:
                return False
            self.is_idle = True
            self.changed.notify_all()
            self.changed.wait()
        self.is_idle = False
        return not self.is_over

    def run(self):
        while True:
            with self.changed:
                if not self._may_write():
                    break
                if self._wants_to_reopen():
                    os.close(self.fd)
                    self.fd = self._open()
                    self.is_told = False
                    self.changed.notify_all()
                self.written += 1
                os.write(self.fd, (line_of(self.written) + "\n").encode())
        os.close(self.fd)

    def got(self, number):
        with self.changed:
            self.received = max(self.received, number)
            self.changed.notify_all()

    def pause(self):
        with self.changed:
            self.is_paused = True
            self.changed.wait_for(lambda: self.is_idle, harness.WAIT)

    def go_on(self):
        with self.changed:
            self.is_paused = False
            self.changed.notify_all()

    def reopen(self):
        with self.changed:
            self.is_told = True
            self.changed.notify_all()

    def stop(self):
        """Answers how many lines it wrote."""
        with self.changed:
            self.is_over = True
            self.changed.notify_all()
        if self.is_alive():
            self.join(harness.WAIT)
        return self.written


class Logrotate(harness.Case):
    def setUp(self):
        super().setUp()
        self.program = harness.find_program("logrotate")
        self.log, self.app = self.tail(rotated=[])
        del self.app["rotated"]
        self.got = []  # (id, line or a gap's reason)

    # --- what is rotated

    def logrotate(self, *directives, script=None):
        """Its configuration for the log; each call of rotate() rotates once."""
        text = "".join("    %s\n" % d for d in ("rotate 100", *directives))
        if script:
            text += "    sharedscripts\n    postrotate\n%s    endscript\n" % script
        self.rotation = self.write("logrotate.conf", "%s {\n%s}\n" % (self.log, text))
        self.rotation.chmod(0o644)
        self.is_dated = "dateext" in directives

    def rotate(self):
        if self.is_dated:  # the names have seconds, and no two are to be equal
            after = int(time.time()) + 1.05  # its clock may be a tick behind ours
            harness.wait_until(lambda: time.time() > after, "the next second")
        done = subprocess.run([self.program, "--force", "--state", self.dir / "state",
                               self.rotation], capture_output=True, text=True, check=False)
        self.assertEqual((done.returncode, done.stderr), (0, ""))

    def rotated(self, pattern):
        """The rotated files whose names have this behind the log's."""
        return [n for n in os.listdir(self.log.parent)
                if re.fullmatch(re.escape(self.log.name) + pattern, n)]

    # --- who reads

    def start(self, **settings):
        self.server = self.responder(self.config({"app": dict(self.app, **settings)}))

    def restart(self):
        self.server.process.stop()
        self.start()

    def read(self, stream, upto, got):
        """Reads up to a line with that number or a later one, and notes all in `got`."""
        while True:
            event = stream.event()
            if event.event is not None:
                self.assertEqual(event.event, "stream.gap")
                got.append((event.id, "gap: %s" % json.loads(event.data)["reason"]))
                continue
            got.append((event.id, event.data))
            match = TEXT.match(event.data)
            if match:
                self.writer.got(int(match.group(1)))
                if int(match.group(1)) >= upto:
                    return int(match.group(1))

    def follow(self, reopens, rotations=ROTATIONS, around=None, rotate=None):
        """A reader follows the log from its first line on, through rotations. Answers how many
        lines there were; what came is in self.got."""
        self.writer = Writer(self.log, reopens)
        self.addCleanup(self.writer.stop)
        self.start()
        stream = self.keep(self.server.stream("/events/app"))
        self.writer.start()
        number = 0
        for _ in range(rotations):
            number = self.read(stream, number + LINES, self.got)
            if around:
                self.writer.pause()
            (rotate or self.rotate)()
            if around:
                self.writer.go_on()
        number = self.read(stream, number + LINES, self.got)
        count = self.writer.stop()
        if number < count:
            self.read(stream, count, self.got)
        stream.close()
        return count

    def expect_all(self, count):
        self.assertEqual([text for _, text in self.got],
                         [line_of(n) for n in range(1, count + 1)])

    def expect_resume(self, are_ids_kept=True):
        """Another process goes on after any line that was sent. A copy has ids of its own."""
        self.restart()
        last = len(self.got)
        tried = sorted({1, 2, last - 1} | set(range(LINES // 2, last, 37)))
        for n in tried:
            stream = self.server.stream("/events/app", {"Last-Event-ID": self.got[n - 1][0]})
            again = []
            self.read(stream, last, again)
            stream.close()
            what = slice(None if are_ids_kept else 1, None)
            self.assertEqual([event[what] for event in again],
                             [event[what] for event in self.got[n:]], "after line %d" % n)

    def script(self):
        """Tells the writer, as `kill -HUP` in a postrotate script does, and waits for it: what is
        written to a file that is being compressed would be lost."""
        def on_hup(number, frame):
            threading.Thread(target=tell, daemon=True).start()

        def tell():
            self.writer.reopen()
            with self.writer.changed:
                self.writer.changed.wait_for(lambda: not self.writer.is_told, harness.WAIT)
            (self.dir / "reopened").touch()
        old = signal.signal(signal.SIGHUP, on_hup)
        self.addCleanup(signal.signal, signal.SIGHUP, old)
        return ("        rm -f '{0}'\n        kill -HUP {1}\n        n=0\n"
                "        while [ ! -e '{0}' ] && [ $n -lt 2000 ]; do sleep 0.01; n=$((n+1)); done\n"
                .format(self.dir / "reopened", os.getpid()))


class Renamed(Logrotate):
    def all_of_it(self, reopens, pattern, *directives, script=None, files=ROTATIONS):
        self.logrotate(*directives, script=script)
        count = self.follow(reopens)
        self.expect_all(count)
        self.assertEqual(len(self.rotated(pattern)), files)
        self.expect_resume(are_ids_kept="compress" not in directives)

    def test_create_with_a_writer_that_lags(self):
        self.all_of_it("when-moved", r"\.\d+", "create")

    def test_create_with_a_writer_that_is_told(self):
        self.all_of_it("when-told", r"\.\d+", "create", script=self.script())

    def test_nocreate(self):
        self.all_of_it("when-gone", r"\.\d+", "nocreate")

    def test_compress(self):
        self.all_of_it("when-told", r"\.\d+\.gz", "create", "compress", script=self.script())

    def test_delaycompress(self):
        self.all_of_it("when-moved", r"\.\d+\.gz", "create", "compress", "delaycompress",
                       files=ROTATIONS - 1)

    def test_dated_names(self):
        self.all_of_it("when-moved", r"-\d{10}", "create", "dateext", "dateformat -%s")

    def test_dated_and_compressed(self):
        self.all_of_it("when-told", r"-\d{8}\.\d{10}\.gz", "create", "compress", "dateext",
                       "dateformat -%Y%m%d.%s", script=self.script())

    def test_dated_before_the_extension(self):
        self.logrotate("create", "dateext", "dateformat -%s", "extension .log")
        count = self.follow("when-moved")
        self.expect_all(count)
        self.assertEqual(len([n for n in os.listdir(self.dir)
                              if re.fullmatch(r"app-\d{10}\.log", n)]), ROTATIONS)
        self.expect_resume()

    def test_a_folder_for_the_old_ones(self):
        (self.dir / "old").mkdir()
        self.app["rotated"] = [str(self.dir / "old" / "app.log.*")]
        self.logrotate("create", "olddir %s" % (self.dir / "old"))
        count = self.follow("when-moved")
        self.expect_all(count)
        self.expect_resume()

    def test_old_ones_are_deleted_and_that_is_told(self):
        self.logrotate("create", "rotate 2")
        count = self.follow("when-moved")
        self.expect_all(count)
        self.assertEqual(len(self.rotated(r"\.\d+")), 2)
        self.restart()
        stream = self.keep(self.server.stream("/events/app", {"Last-Event-ID": self.got[0][0]}))
        again = []
        self.read(stream, count, again)
        self.assertEqual(again[0][1], "gap: rotated-away")
        self.assertEqual(again[1:], self.got[len(self.got) - len(again) + 1:])

    def test_several_rotations_while_ssecgi_is_stopped(self):
        self.logrotate("create", "compress", "delaycompress")

        def rotate_unseen():
            self.server.process.stop()
            for _ in range(3):
                self.writer.ahead += LINES
                wanted = self.writer.received + self.writer.ahead
                self.writer.got(0)
                harness.wait_until(lambda: self.writer.written >= wanted, "lines are written")
                self.rotate()
        self.writer = Writer(self.log, "when-moved")
        self.addCleanup(self.writer.stop)
        self.start()
        stream = self.keep(self.server.stream("/events/app"))
        self.writer.start()
        self.read(stream, LINES, self.got)
        rotate_unseen()
        self.start()
        stream = self.keep(self.server.stream("/events/app",
                                              {"Last-Event-ID": self.got[-1][0]}))
        count = self.writer.stop()
        self.read(stream, count, self.got)
        self.expect_all(count)
        self.expect_resume(are_ids_kept=False)


class Copied(Logrotate):
    def test_copytruncate_while_the_writer_pauses(self):
        self.logrotate("copytruncate")
        count = self.follow("never", around=True)
        self.expect_all(count)
        self.assertEqual(len(self.rotated(r"\.\d+")), ROTATIONS)
        self.expect_resume(are_ids_kept=False)

    def test_copytruncate_and_compress_while_the_writer_pauses(self):
        self.logrotate("copytruncate", "compress")
        count = self.follow("never", around=True)
        self.expect_all(count)
        self.assertEqual(len(self.rotated(r"\.\d+\.gz")), ROTATIONS)
        self.expect_resume(are_ids_kept=False)

    def test_copytruncate_with_dated_names_while_the_writer_pauses(self):
        self.logrotate("copytruncate", "dateext", "dateformat -%s", "compress", "delaycompress")
        count = self.follow("never", around=True)
        self.expect_all(count)
        self.expect_resume(are_ids_kept=False)

    def kept(self):
        """The lines that lie in any of the files, by number; a copy may end within a line."""
        found = {}
        for name in [self.log.name] + self.rotated(r"\.\d+"):
            for line in (self.log.parent / name).read_text().splitlines():
                match = TEXT.match(line)
                if match:
                    found[int(match.group(1))] = line
        return found

    def test_under_a_busy_writer_what_the_files_hold_is_sent_or_a_gap_told(self):
        self.logrotate("copytruncate")
        count = self.follow("never", rotate=self.rotate_busily)
        kept = self.kept()
        before, is_gap = 0, False
        for _, text in self.got:
            match = TEXT.match(text)
            if not match:
                is_gap = True
                continue
            number = int(match.group(1))
            self.assertGreater(number, before, "each once and in order")
            self.assertIn(text, (line_of(number), kept.get(number)))
            if not is_gap:  # logrotate has destroyed what is missing
                self.assertEqual([n for n in range(before + 1, number) if n in kept], [])
            before, is_gap = number, False
        self.assertEqual(before, count)

    def rotate_busily(self):
        """The writer need not wait for the reader meanwhile; some of its lines are destroyed."""
        self.writer.ahead = 1 << 30
        self.writer.got(0)
        self.rotate()
        self.writer.ahead = AHEAD
        safe = self.writer.written + 1
        self.writer.got(safe)
        harness.wait_until(lambda: self.writer.written >= safe, "a line that is not destroyed")
