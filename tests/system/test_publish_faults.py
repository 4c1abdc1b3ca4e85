# SPDX-License-Identifier: MIT
"""Publishing while things go wrong: a lock that is held, killed publishers, full disks, folders that go.
What was acknowledged comes once and in order, or a gap says so."""

import fcntl
import json
import os
import pathlib
import shutil
import signal
import subprocess
import threading

import harness
import sse_client
import test_metrics
from test_publish import BEARER, CTL, Topic

KILLS = 6
LIMIT_KIB = 96
FILES, MEMBERS = 100, 200


def segments(state, name="t"):
    return sorted((pathlib.Path(state) / "topics" / name).glob("*.seg"))


class Faults(Topic):
    def second(self, config=None, before=()):
        """Another responder with the same state."""
        folder = self.dir / "second"
        folder.mkdir()
        address = str(folder / "fcgi.sock")
        process = self.process([*before, harness.SSECGI, "--config", config or self.file,
                                "--listen", "unix:" + address], "second.log",
                               env=self.environment({}))
        server = harness.Responder(process, address)

        def answers():
            try:
                server.connect().close()
                return True
            except OSError:
                return False
        harness.wait_until(answers, "it listens")
        return server

    def lock(self):
        """The newest segment's, held by this process; answers how to let go of it."""
        held = os.open(segments(self.state)[-1], os.O_RDWR)
        fcntl.flock(held, fcntl.LOCK_EX)
        return lambda: os.close(held)

    def post_to(self, server, body, headers=BEARER):
        self.server = server
        return self.publish(body, headers=headers)


class Locked(Faults):
    def test_a_post_waits_for_a_lock(self):
        self.start()
        self.publish("one")
        let_go = self.lock()
        connection = self.keep(self.server.connect())
        connection.send(harness.fcgi.request_bytes(harness.fcgi.environment(
            "/events/t", "POST", dict(BEARER), CONTENT_TYPE="text/plain", CONTENT_LENGTH="3"), 0,
            body=b"two"))
        self.server.listing()  # it has seen the first request by now
        let_go()
        response = harness.fcgi.FcgiResponse(connection).read_head()
        self.assertEqual(response.status, 201, response.body())
        self.assertEqual([e[2] for e in self.history()], ["one", "two"])

    def test_a_post_does_not_wait_for_ever(self):
        self.start()
        self.publish("one")
        let_go = self.lock()
        self.assert_error(self.post("two"), 503, "nothing was published")
        let_go()
        self.publish("three")
        self.assertEqual([e[2] for e in self.history()], ["one", "three"])

    def test_the_command_line_waits_for_a_lock(self):
        if not os.access(CTL, os.X_OK):
            self.skipTest("ssecgi-ctl is not built (libcurl)")
        self.start()
        self.publish("one")
        let_go = self.lock()
        writer = subprocess.Popen([CTL, "publish", "t", "--config", str(self.file)],
                                  stdin=subprocess.PIPE)
        writer.stdin.write(b"two\n")
        writer.stdin.close()

        newest = str(segments(self.state)[-1])
        harness.wait_until(lambda: newest in files_of(writer.pid), "it has the segment open")
        let_go()
        self.assertEqual(writer.wait(harness.WAIT), 0)
        self.assertEqual([e[2] for e in self.history()], ["one", "two"])


def files_of(pid):
    """The paths of its open files."""
    found = []
    for entry in pathlib.Path("/proc/%d/fd" % pid).glob("*"):
        try:
            found.append(os.readlink(entry))
        except OSError:
            pass
    return found


class Killed(Faults):
    def settings(self):
        return {"segment_bytes": 65536, "sync": "always"}

    def test_a_killed_responder_loses_and_repeats_nothing(self):
        reader = self.second()
        stream = self.keep(reader.stream("/events/t"))
        acknowledged, number = [], 0
        for _ in range(KILLS):
            self.start()
            victim = self.server.process
            killer = threading.Thread(target=lambda: (self.reached.wait(harness.WAIT),
                                                      victim.signal(signal.SIGKILL)))
            self.reached = threading.Event()
            killer.start()
            while True:
                headers = dict(BEARER, **{"Idempotency-Key": "k%d" % number})
                try:
                    response = self.server.request(
                        "/events/t", "POST", headers, b"%d " % number + b"x" * 2000,
                        CONTENT_TYPE="text/plain", CONTENT_LENGTH=str(2001 + len(str(number))))
                    status = response.status
                    response.close()
                except (OSError, sse_client.StreamEnded):
                    break
                self.assertEqual(status, 201)
                acknowledged.append(number)
                number += 1
                if len(acknowledged) % 10 == 0:
                    self.reached.set()
            killer.join()
            victim.wait()
        self.assertGreater(number, 9 * KILLS)
        got = []
        while len(got) < number:
            event = stream.event()
            self.assertNotEqual(event.event, "stream.gap", event.data)
            got.append(int(event.data.split()[0]))
        self.assertEqual(got, list(range(number)))


class Full(Faults):
    def test_a_full_disk_is_507_and_leaves_nothing_half_written(self):
        limit = ["bash", "-c", 'ulimit -f %d; exec "$@"' % LIMIT_KIB, "limit"]
        self.server = self.responder(self.file, before=limit)
        stream = self.keep(self.server.stream("/events/t"))
        count = 0
        while True:
            response = self.post("%d " % count + "x" * 5000)
            if response.status != 201:
                break
            count += 1
        self.assert_error(response, 507, "nothing was published")
        self.assertGreater(count, 5)
        self.publish("small")  # there is room for that
        for i in range(count):
            self.assertEqual(int(stream.event().data.split()[0]), i)
        self.assertEqual(stream.event().data, "small")
        size = segments(self.state)[-1].stat().st_size
        self.assertLessEqual(size, LIMIT_KIB * 1024)

    def test_the_command_line_tells_what_was_not_published(self):
        if not os.access(CTL, os.X_OK):
            self.skipTest("ssecgi-ctl is not built (libcurl)")
        lines = "".join("%d %s\n" % (i, "x" * 5000) for i in range(40))
        done = subprocess.run(["bash", "-c", 'ulimit -f %d; exec "$@"' % LIMIT_KIB, "limit", CTL,
                               "publish", "t", "--config", str(self.file)], input=lines.encode(),
                              capture_output=True, timeout=harness.WAIT, check=False)
        said = done.stderr.decode()
        self.assertEqual(done.returncode, 1, said)
        self.assertIn("there is no room on the disk", said)


class Files(Faults):
    def test_more_members_than_files_may_be_open(self):
        publish = dict(self.PUBLISH, max_batch=1)
        config = self.config({"t": {"source": "topic"},
                              "rooms/*": {"source": "topic", "publish": publish}},
                             state_dir=str(self.state))
        limit = ["bash", "-c", 'ulimit -n %d; exec "$@"' % FILES, "limit"]
        self.server = self.responder(config, before=limit)
        for turn in range(2):
            for member in range(MEMBERS):
                self.publish("%d.%d" % (member, turn), path="/events/rooms/%d" % member)
        self.assertLess(len(files_of(self.server.process.pid)), FILES)
        for member in range(0, MEMBERS, 20):
            stream = self.server.stream("/events/rooms/%d?last=9" % member)
            self.assertEqual([stream.event().data for _ in range(2)],
                             ["%d.%d" % (member, turn) for turn in range(2)])
            stream.close()


class Odd(Faults):
    def test_publishers_with_other_settings_share_a_topic(self):
        self.start()
        stream = self.keep(self.server.stream("/events/t"))
        other = json.loads(pathlib.Path(self.file).read_text())
        other["streams"]["t"].update(segment_bytes=65536, keep_bytes=0, sync="always",
                                     max_event_bytes=100000)
        self.second_config = self.write("other.json", json.dumps(other))
        servers = [self.server, self.second(self.second_config)]
        for i in range(60):
            self.post_to(servers[i % 2], "%d " % i + "x" * 4000)
        self.assertGreater(len(segments(self.state)), 1)
        for i in range(60):
            self.assertEqual(int(stream.event().data.split()[0]), i)

    def test_a_folder_that_goes_is_a_gap(self):
        self.start()
        stream = self.keep(self.server.stream("/events/t"))
        self.publish("one")
        self.assertEqual(stream.event().data, "one")
        shutil.rmtree(self.state / "topics")
        self.publish("two")
        event = stream.event()
        self.assertEqual(event.event, "stream.gap")
        self.assertEqual(json.loads(event.data)["reason"], "replaced")
        self.assertEqual(stream.event().data, "two")

    def test_a_folder_that_may_not_be_read_comes_back(self):
        if os.getuid() == 0:
            self.skipTest("root may read everything")
        self.start()
        stream = self.keep(self.server.stream("/events/t"))
        self.publish("one")
        self.assertEqual(stream.event().data, "one")
        self.server.process.stop()
        folder = self.state / "topics" / "t"
        os.chmod(folder, 0)
        self.addCleanup(lambda: folder.exists() and os.chmod(folder, 0o700))
        self.start()
        self.assert_error(self.post("two"), 500, "could not be stored")
        os.chmod(folder, 0o700)
        self.publish("three")
        self.assertEqual([e[2] for e in self.history()], ["one", "three"])

    def test_what_is_published_and_refused_is_counted(self):
        if not os.access("/dev/shm", os.W_OK):
            self.skipTest("/dev/shm cannot be written")
        config = json.loads(pathlib.Path(self.file).read_text())
        config["metrics"] = {"allow": ["127.0.0.1"]}
        self.file = self.write("metrics.json", json.dumps(config))
        self.start()
        self.publish('{"data": 1}\n{"data": 2}\n', "application/x-ndjson")
        self.publish("x")
        self.assertEqual(self.post("x", headers={}).status, 401)
        response = self.keep(self.server.request(test_metrics.METRICS))
        board = test_metrics.board_of(self.server.process.pid)
        self.addCleanup(lambda: board and os.path.exists(board) and os.unlink(board))
        found = test_metrics.parse(response.body().decode())
        self.assertEqual(found[("ssecgi_published_events_total", "t")], 3)
        self.assertEqual(found[("ssecgi_refused_publishes_total", "t")], 1)
        self.assertEqual(found[("ssecgi_published_events_total", "mute")], 0)
