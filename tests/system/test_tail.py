# SPDX-License-Identifier: MIT
"""A log's life seen by readers: it appears, is rotated, truncated, unreadable."""

import json
import os

import harness


class Tail(harness.Case):
    def setUp(self):
        super().setUp()
        self.log, self.app = self.tail(text="old 1\nold 2\n")
        _, self.absent = self.tail("absent.log")
        os.unlink(self.absent["path"])
        self.start()

    def start(self):
        # Root may read any file, unless it gives that up.
        before = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"]
        self.server = self.responder(self.config(
            {"app": self.app, "absent": self.absent, "clock": {"source": "clock",
                                                               "interval_ms": 50}}),
            before=before if os.getuid() == 0 else ())

    def stream(self, path="/events/app", headers=None):
        return self.keep(self.server.stream(path, headers))

    def lines(self, stream, count):
        return [stream.event().data for _ in range(count)]

    def next_line(self, stream):
        """The next line, and the reasons of the gaps before it."""
        reasons = []
        while True:
            event = stream.event()
            if event.event is None:
                return event.data, reasons
            self.assertEqual(event.event, "stream.gap")
            reasons.append(json.loads(event.data)["reason"])

    def test_a_file_that_does_not_exist_yet_is_waited_for(self):
        stream = self.stream("/events/absent")
        harness.append(self.absent["path"], "first\nsecond\n")
        self.assertEqual(self.lines(stream, 2), ["first", "second"])
        again = self.stream("/events/absent?last=1")
        self.assertEqual(again.event().data, "second")

    def test_a_position_from_before_the_file_was_there_gets_all_of_it(self):
        stream = self.stream("/events/absent")
        stream.close()
        harness.append(self.absent["path"], "first\n")
        again = self.stream("/events/absent", {"Last-Event-ID": stream.last_id})
        self.assertEqual(again.event().data, "first")

    def rotate_five_times(self, rename):
        """The writer lags: it goes on in the renamed file for a line."""
        stream = self.stream("/events/app?last=2")
        self.assertEqual(self.lines(stream, 2), ["old 1", "old 2"])
        for n in range(1, 6):
            harness.append(self.log, "before %d\n" % n)
            newest = rename(n)
            harness.append(newest, "late %d\n" % n)
            harness.append(self.log, "after %d\n" % n)
            self.assertEqual(self.lines(stream, 3), ["%s %d" % (word, n) for word in
                                                     ("before", "late", "after")])

    def test_rotation_that_counts_up_the_old_files_loses_and_repeats_nothing(self):
        def rename(n):  # logrotate: .1 is the newest
            for k in range(n - 1, 0, -1):
                os.rename("%s.%d" % (self.log, k), "%s.%d" % (self.log, k + 1))
            os.rename(self.log, str(self.log) + ".1")
            return str(self.log) + ".1"
        self.rotate_five_times(rename)

    def test_rotation_that_gives_the_newest_the_highest_number_loses_and_repeats_nothing(self):
        def rename(n):  # log4j, fileIndex max
            os.rename(self.log, "%s.%d" % (self.log, n))
            return "%s.%d" % (self.log, n)
        self.rotate_five_times(rename)

    def test_rotation_to_dated_names_loses_and_repeats_nothing(self):
        def rename(n):  # logrotate, dateext
            os.rename(self.log, "%s-202611%02d" % (self.log, n))
            return "%s-202611%02d" % (self.log, n)
        self.rotate_five_times(rename)

    def test_a_reader_resumes_in_a_rotated_file_and_goes_on_in_the_next(self):
        stream = self.stream("/events/app?last=2")
        first = stream.event()
        stream.close()
        os.rename(self.log, str(self.log) + ".1")
        harness.append(self.log, "new 1\n")
        again = self.stream(headers={"Last-Event-ID": first.id})
        self.assertEqual(self.lines(again, 2), ["old 2", "new 1"])

    def test_copytruncate_loses_nothing_that_was_read(self):
        stream = self.stream()
        harness.append(self.log, "before\n")
        self.assertEqual(stream.event().data, "before")
        (self.dir / "app.log.1").write_bytes(self.log.read_bytes())
        os.truncate(self.log, 0)
        harness.append(self.log, "after\n")
        line, _ = self.next_line(stream)
        self.assertEqual(line, "after")

    def test_an_older_file_put_at_the_path_brings_nothing_back(self):
        backup = self.dir / "backup"
        backup.write_text("backup 1\n")
        stream = self.stream()
        harness.append(self.log, "a\n")
        self.assertEqual(stream.event().data, "a")
        os.rename(self.log, str(self.log) + ".1")
        harness.append(self.log, "b\n")
        self.assertEqual(stream.event().data, "b")
        os.rename(self.log, str(self.log) + ".old")
        os.rename(backup, self.log)
        self.assertEqual(stream.event().data, "backup 1")
        os.unlink(self.log)
        harness.append(self.log, "c\n")
        self.assertEqual(stream.event().data, "c")

    def test_what_is_gone_for_good_is_told(self):
        stream = self.stream("/events/app?last=2")
        first = stream.event()
        stream.close()
        self.server.process.stop()  # which may still hold the file open
        os.unlink(self.log)
        harness.append(self.log, "another file altogether\n")
        self.start()
        again = self.stream(headers={"Last-Event-ID": first.id})
        line, reasons = self.next_line(again)
        self.assertEqual(line, "another file altogether")
        self.assertEqual(len(reasons), 1)

    def tells_once_and_reads_again(self, put_in_place, take_away):
        stream, clock = self.stream(), self.stream("/events/clock")
        os.rename(self.log, str(self.log) + ".away")
        put_in_place(self.log)
        gap = stream.event()
        self.assertEqual(gap.event, "stream.gap")
        self.assertEqual(json.loads(gap.data)["reason"], "unreadable")
        for _ in range(20):  # twenty polls and more
            self.assertIsNotNone(clock.event().data)
        said = [line for line in self.server.process.log.read_text().splitlines()
                if str(self.log) in line]
        self.assertEqual(len(said), 1, said)
        take_away(self.log)
        harness.append(self.log, "readable\n")
        self.assertEqual(self.next_line(stream)[0], "readable")

    def test_an_unreadable_file_is_told_once_and_read_when_it_can_be(self):
        def put_in_place(path):
            hidden = self.write("hidden", "readable\n")
            hidden.chmod(0)
            os.rename(hidden, path)
        self.tells_once_and_reads_again(put_in_place, lambda path: path.chmod(0o644))

    def test_a_folder_in_place_of_the_file_is_told_once(self):
        self.tells_once_and_reads_again(os.mkdir, os.rmdir)

    def test_a_pipe_in_place_of_the_file_blocks_nobody(self):
        os.unlink(self.log)
        os.mkfifo(self.log)
        stream = self.stream()
        self.assertIsNotNone(self.stream("/events/clock").event().data)
        os.unlink(self.log)
        harness.append(self.log, "a file again\n")
        self.assertEqual(self.next_line(stream)[0], "a file again")

    def test_an_appended_burst_does_not_starve_other_streams(self):
        clock = self.stream("/events/clock")
        stream = self.stream()
        block = "".join("%07d %s\n" % (n, "x" * 90) for n in range(10000))
        for _ in range(20):
            harness.append(self.log, block)
            self.assertIsNotNone(clock.event().data)
        for n in range(200000):
            self.assertEqual(int(stream.event().data[:7]), n % 10000)
