# SPDX-License-Identifier: MIT
"""Readers are told how many they are, over all processes."""

import json
import os
import shutil
import signal

import harness

PROCS = 4
EVENT = "stream.presence"
ON = {"presence": True}


class Case(harness.Case):
    def setUp(self):
        super().setUp()
        if not os.access("/dev/shm", os.W_OK):
            self.skipTest("/dev/shm cannot be written")
        self.folders = set()
        self.addCleanup(self.remove_folders)  # when all processes have ended

    def remove_folders(self):
        for folder in self.folders:
            shutil.rmtree(folder, ignore_errors=True)

    def folder(self, pids):
        """One of the processes has readers: where it notes them. It goes with the test."""
        found = harness.wait_until(
            lambda: next(filter(None, map(harness.presence_folder, pids())), None),
            "a process notes its readers")
        self.folders.add(found)
        return found

    def answer(self, server, path="/events/app/-/presence", **more):
        ask = server.request if isinstance(server, harness.Responder) else server.get
        response = ask(path, **more)
        try:
            return response.status, response.body().decode(), response.headers
        finally:
            response.close()

    def number(self, server, path="/events/app/-/presence"):
        status, body, headers = self.answer(server, path)
        if status >= 500:
            return None  # a web server's word for a process that was just killed
        self.assertEqual(status, 200, body)
        self.assertIn("no-store", headers["cache-control"])
        return json.loads(body)["readers"]

    def wait_for_number(self, server, count, path="/events/app/-/presence"):
        harness.wait_until(lambda: self.number(server, path) == count, "%d readers" % count)

    def wait_until_told(self, stream, count):
        """Reads on until the stream says that there are so many. Answers the numbers up to then."""
        told = []
        while not told or told[-1] != count:
            block = stream.event()
            if block.event == EVENT:
                self.assertIsNone(block.id)
                told.append(json.loads(block.data)["readers"])
        return told

    def start(self, **settings):
        self.log, app = self.tail(text="one\n", **ON)
        self.path = self.config({"app": app, "off": {"source": "clock"}}, **settings)
        server = self.responder(self.path)
        self.pids = lambda: [server.process.pid]
        return server


class OneProcess(Case):
    def test_readers_are_told_when_others_come_and_go(self):
        server = self.start()
        first = self.keep(server.stream("/events/app"))
        self.wait_until_told(first, 1)
        self.folder(self.pids)
        second = self.keep(server.stream("/events/app?grep=o"))  # a channel of its own
        self.wait_until_told(first, 2)
        self.wait_until_told(second, 2)
        third = server.stream("/events/app")
        for stream in (first, second, third):
            self.wait_until_told(stream, 3)
        third.close()
        self.wait_until_told(first, 2)
        self.wait_until_told(second, 2)

    def test_ids_stay_those_of_the_log(self):
        server = self.start()
        stream = self.keep(server.stream("/events/app?last=1"))
        self.folder(self.pids)
        line = stream.event()
        self.assertEqual(line.data, "one")
        self.wait_until_told(stream, 1)
        self.assertEqual(stream.last_id, line.id)
        harness.append(self.log, "two\n")
        line = stream.event()
        self.assertEqual(line.data, "two")
        again = self.keep(server.stream("/events/app", {"Last-Event-ID": line.id}))
        self.assertEqual(self.wait_until_told(again, 2)[-1], 2)
        harness.append(self.log, "three\n")
        self.assertEqual(again.event().data, "three")

    def test_a_reader_that_reads_history_is_told_when_it_has_caught_up(self):
        server = self.start()
        harness.append(self.log, "x\n" * 20000)
        stream = self.keep(server.stream("/events/app?last=20000"))
        for _ in range(20000):
            self.assertIsNone(stream.event().event)
        self.wait_until_told(stream, 1)
        self.folder(self.pids)

    def test_the_page(self):
        server = self.start()
        self.assertEqual(self.number(server), 0)
        stream = self.keep(server.stream("/events/app"))
        self.folder(self.pids)
        self.wait_for_number(server, 1)
        status, body, headers = self.answer(server)
        self.assertEqual((status, json.loads(body)), (200, {"readers": 1}))
        self.assertEqual(headers["content-type"], "application/json")
        status, body, _ = self.answer(server, method="HEAD")
        self.assertEqual((status, body), (200, ""))
        for method in ("POST", "DELETE"):
            status, _, headers = self.answer(server, method=method)
            self.assertEqual((status, headers["allow"]), (405, "GET, HEAD, OPTIONS"))
        status, body, _ = self.answer(server, "/events/off/-/presence")
        self.assertEqual((status, json.loads(body)["error"]),
                         (404, "presence is off for this stream"))
        self.assertEqual(self.answer(server, "/events/nope/-/presence")[0], 404)
        self.assertEqual(self.answer(server, "/events/app/-/other")[0], 404)
        self.assertEqual(self.answer(server, "/events/app/-/presence?x=1")[0], 400)
        stream.close()
        self.wait_for_number(server, 0)

    def test_without_it_nobody_is_told_anything(self):
        server = self.start()
        stream = self.keep(server.stream("/events/off"))
        for _ in range(3):
            self.assertNotEqual(stream.event().event, EVENT)
        self.assertIsNone(harness.presence_folder(server.process.pid))

    def test_members_of_a_family_count_for_themselves(self):
        topic = dict(ON, source="topic", max_members=2)
        path = self.config({"rooms/*": topic}, state_dir=str(self.dir))
        server = self.responder(path)
        one = [self.keep(server.stream("/events/rooms/1")) for _ in range(2)]
        two = self.keep(server.stream("/events/rooms/2"))
        for stream in one:
            self.wait_until_told(stream, 2)
        self.assertEqual(self.wait_until_told(two, 1), [1])
        self.folder(lambda: [server.process.pid])
        self.assertEqual(self.number(server, "/events/rooms/1/-/presence"), 2)
        status, body, headers = self.answer(server, "/events/rooms/3/-/presence")
        self.assertEqual((status, headers["retry-after"]), (503, "30"))
        self.assertIn("max_members", body)
        two.close()
        self.wait_for_number(server, 0, "/events/rooms/2/-/presence")
        self.assertEqual(self.answer(server, "/events/rooms/.x/-/presence")[0], 400)

    def test_a_reader_of_several_streams_counts_for_each_and_is_told_which(self):
        clock = dict(ON, source="clock", interval_ms=3600000)
        _, app = self.tail(text="one\n", **ON)
        server = self.responder(self.config({"app": app, "clock": clock, "off": {"source": "clock"}}))
        alone = self.keep(server.stream("/events/app"))
        self.wait_until_told(alone, 1)
        self.folder(lambda: [server.process.pid])

        def numbers(stream, wanted):
            told = {}
            while told != wanted:
                block = stream.event()
                if block.event == EVENT:
                    self.assertIsNone(block.id)
                    said = json.loads(block.data)
                    told[said["stream"]] = said["readers"]
        both = self.keep(server.stream("/events/?stream=app&stream=clock&stream=off"))
        numbers(both, {"app": 2, "clock": 1})
        self.wait_until_told(alone, 2)
        third = self.keep(server.stream("/events/?stream=app&stream=clock&raw=1"))
        numbers(third, {"app": 3, "clock": 2})
        numbers(both, {"app": 3, "clock": 2})
        again = self.keep(server.stream("/events/?stream=app&stream=clock&raw=1"))  # the same set
        numbers(again, {"app": 4, "clock": 3})
        self.wait_for_number(server, 3, "/events/clock/-/presence")

    def test_a_reload_turns_it_on_and_off(self):
        server = self.start()
        stream = self.keep(server.stream("/events/app"))
        self.wait_until_told(stream, 1)
        self.folder(self.pids)
        for presence, status in ((False, 404), (True, 200)):
            self.config({"app": dict(self.tail(text="one\n")[1], presence=presence)})
            server.process.signal(signal.SIGHUP)
            harness.wait_until(lambda want=status: self.answer(server)[0] == want, "it is in force")
        stream = self.keep(server.stream("/events/app"))
        self.wait_until_told(stream, 1)

    def test_settings_in_force_show_it(self):
        path = self.config({"a": dict(ON, source="clock"), "b": {"source": "clock"}})
        shown = json.loads(self.run_program("--config", path, "--dump-config")[1])["streams"]
        self.assertEqual([shown[name]["presence"] for name in "ab"], [True, False])
        path = self.config({"a": {"source": "clock", "presence": 1}})
        status, _, err = self.run_program("--config", path, "--check-config")
        self.assertEqual(status, 6)
        self.assertIn("streams.a.presence", err)

    def test_print_shows_none(self):
        path = self.config({"clock": dict(ON, source="clock", interval_ms=100)})
        status, out, _ = self.run_program("--config", path, "--print", "clock", "--count", "25")
        self.assertEqual(status, 0)
        self.assertNotIn(EVENT, out)

    def test_where_it_cannot_note_them_it_counts_its_own(self):
        server = self.start()
        stream = self.keep(server.stream("/events/app"))
        self.wait_until_told(stream, 1)
        folder = self.folder(self.pids)
        server.process.stop()
        self.assertFalse(os.path.exists(folder))  # the last one removed it
        with open(folder, "w", encoding="ascii"):
            pass
        self.addCleanup(os.unlink, folder)
        server = self.responder(self.path, log="again.log")
        streams = [self.keep(server.stream("/events/app")) for _ in range(2)]
        for stream in streams:
            self.wait_until_told(stream, 2)
        self.assertEqual((self.dir / "again.log").read_text().count("this process only"), 1)

    def test_a_folder_that_was_removed_is_made_anew(self):
        server = self.start()
        stream = self.keep(server.stream("/events/app"))
        self.wait_until_told(stream, 1)
        folder = self.folder(self.pids)
        shutil.rmtree(folder)
        harness.wait_until(lambda: os.path.isdir(folder) and len(os.listdir(folder)) == 2,
                           "it is there again, with a note and the sums")
        self.assertEqual(self.number(server), 1)
        self.assertNotIn("this process only", (self.dir / "responder.log").read_text())


class SeveralProcesses(Case):
    def start(self):
        return self.config({"app": dict(ON, source="clock", interval_ms=1000)}, heartbeat_s=1)

    def test_one_of_two_is_killed(self):
        path = self.start()
        one = self.responder(path)
        os.rename(self.dir / "fcgi.sock", self.dir / "one.sock")
        one.address = str(self.dir / "one.sock")
        two = self.responder(path, log="two.log")
        mine = [self.keep(one.stream("/events/app")) for _ in range(3)]
        others = [self.keep(two.stream("/events/app")) for _ in range(2)]
        self.folder(lambda: [one.process.pid, two.process.pid])
        for stream in (*mine, *others):
            self.wait_until_told(stream, 5)
        self.wait_for_number(one, 5)
        two.process.signal(signal.SIGKILL)
        two.process.wait()
        for stream in mine:
            self.wait_until_told(stream, 3)
        self.wait_for_number(one, 3)
        two = self.responder(path, log="three.log")
        self.wait_for_number(two, 3)
        more = self.keep(two.stream("/events/app"))
        for stream in (*mine, more):
            self.wait_until_told(stream, 4)

    def test_lighttpd_with_max_procs(self):
        server = self.lighttpd("lighttpd/lighttpd.conf", PROCS=PROCS, CONFIG=self.start())
        harness.wait_until(lambda: len(server.responders()) == PROCS, "all processes run")
        streams = [self.keep(server.stream("/events/app")) for _ in range(3 * PROCS)]
        self.folder(server.responders)
        for stream in streams:
            self.wait_until_told(stream, 3 * PROCS)
        held = harness.socket_count
        victim = max(server.responders(), key=held)
        harness.kill_all([victim])
        harness.wait_until(lambda: (self.number(server) or 3 * PROCS) < 3 * PROCS,
                           "those of the one killed do not count")
        left = self.number(server)
        self.assertGreater(left, 0)
        for _ in range(3 * PROCS - left):
            streams.append(self.keep(server.stream("/events/app")))
        self.wait_for_number(server, 3 * PROCS)
        self.wait_until_told(streams[-1], 3 * PROCS)

    def test_mod_fcgid(self):
        server = self.apache("apache-fcgid/apache.conf", self.start())
        streams = [self.keep(server.stream("/events/app")) for _ in range(4)]
        self.folder(server.responders)
        for stream in streams:
            self.wait_until_told(stream, 4)
        self.wait_for_number(server, 4)
        for stream in streams[:2]:
            stream.close()  # noticed when the clock's next event is written
        self.wait_until_told(streams[3], 2)
        self.wait_for_number(server, 2)
