# SPDX-License-Identifier: MIT
"""Redis that fails: what was acknowledged comes once, in order, or a gap says that it does not."""

import json
import re
import signal
import unittest

import harness
import redis_server
from harness import wait_until


class Faults(redis_server.Case):
    def setUp(self):
        super().setUp()
        self.redis.start()
        self.server = self.serve()
        self.stream = self.keep(self.server.stream("/events/t"))

    def expect(self, *data, stream=None):
        self.assertEqual(self.take(stream or self.stream, len(data)), list(data))

    def heartbeat(self):
        self.assertFalse(self.stream.block().is_event)

    def forget(self):
        self.server.process.stop()
        self.server = self.serve(log="again.log")

    def resume(self, position):
        return self.keep(self.server.stream("/events/t", {"Last-Event-ID": position}))


class Restarts(Faults):
    def test_one_without_data_is_said(self):
        old = self.publish(self.server, "1")
        self.expect("1")
        self.redis.kill()
        status, answer = self.post(self.server, "lost")
        while status != 503:  # it had been sent to a server that was not known to be gone
            status, answer = self.post(self.server, "lost")
        self.heartbeat()
        self.redis.start()
        self.expect(("replaced", None))
        self.publish_when_back(self.server, "2")
        self.expect("2")
        self.forget()
        self.expect(("replaced", None), "2", stream=self.resume(old))

    def test_a_reader_of_an_emptied_store_comes_back_to_all_there_is(self):
        self.publish(self.server, "1")
        self.expect("1")
        self.redis.kill()
        self.redis.start()
        gap = self.stream.event()
        self.assertEqual(self.tell(gap), ("replaced", None))
        self.stream.close()
        self.publish_when_back(self.server, "2")
        self.expect("2", stream=self.resume(gap.id))

    def test_connections_that_are_cut_lose_nothing(self):
        for i in range(20):
            self.publish_when_back(self.server, str(i))
            if i % 4 == 3:
                self.redis.call("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
        self.expect(*[str(i) for i in range(20)])

    def test_a_server_that_does_not_answer_is_away(self):
        self.publish(self.server, "1")
        self.expect("1")
        self.redis.process.signal(signal.SIGSTOP)
        try:
            status, answer = self.post(self.server, "2", headers={"Idempotency-Key": "key of 2"})
            self.assertEqual(status, 503, answer)
            self.heartbeat()
        finally:
            self.redis.process.signal(signal.SIGCONT)
        self.publish_when_back(self.server, "2")
        self.publish_when_back(self.server, "3")
        self.expect("2", "3")

    def test_readers_that_wait_for_history_get_it_when_the_server_is_back(self):
        positions = [self.publish(self.server, str(i)) for i in range(3)]
        self.forget()
        self.redis.process.signal(signal.SIGSTOP)
        try:
            waiting = self.resume(positions[0])
            while not waiting.block().comments:
                pass
        finally:
            self.redis.process.signal(signal.SIGCONT)
        self.expect("1", "2", stream=waiting)

    def test_a_responder_that_is_killed_loses_nothing(self):
        got, last = [], self.stream.last_id
        for i in range(12):
            self.publish_when_back(self.server, str(i))
            if i % 4 == 3:
                self.server.process.signal(signal.SIGKILL)
                self.server.process.wait()
                self.server = self.serve(log="again%d.log" % i)
                stream = self.resume(last)
                got += self.take(stream, 4)
                last = stream.last_id
        self.assertEqual(got, [str(i) for i in range(12)])


class Kept(Faults):
    def server_settings(self):
        return {"appendonly": "yes", "appendfsync": "always"}

    def test_a_restart_with_all_data_is_no_gap(self):
        old = self.publish(self.server, "1")
        for i in range(2, 6):
            self.redis.kill()
            self.redis.start()
            self.publish_when_back(self.server, str(i))
        self.expect("1", "2", "3", "4", "5")
        self.forget()
        self.expect("2", "3", "4", "5", stream=self.resume(old))


class Access(redis_server.Case):
    def server_settings(self):
        return {"requirepass": '"s3cret/@:"'}

    def listens(self):
        try:
            redis_server.Connection(self.redis.socket).close()
            return True
        except OSError:
            return False

    def test_a_password_in_the_url(self):
        self.redis.start_without_waiting()
        server = self.serve(url="redis://:s3cret%%2F%%40%%3A@127.0.0.1:%d/3" % self.redis.port)
        self.publish_when_back(server, "1")

    def test_a_password_in_a_file_and_a_wrong_one_is_told(self):
        self.redis.start_without_waiting()
        wait_until(self.listens, "redis-server listens")
        path = self.write("password", "wrong\n")
        server = self.serve(password_file=str(path), url=self.redis.url + "?db=2")
        log = self.dir / "responder.log"
        self.assertEqual(self.post(server, "x")[0], 503)
        wait_until(lambda: "WRONGPASS" in log.read_text(), "the refusal is logged")
        path.write_text("s3cret/@:\n")
        self.publish_when_back(server, "1")
        self.assertNotIn("s3cret", log.read_text())


class AccessList(redis_server.Case):
    def test_a_user_needs_no_more_than_the_manual_says(self):
        text = (harness.SRCDIR / "doc" / "redis.md").read_text()
        rules = re.search(r"An ACL user needs `([^`]*)`", text).group(1).split()
        self.redis.start()
        self.redis.call("ACL", "SETUSER", "app", "on", ">pw", "resetkeys", "-@all", *rules)
        url = "redis://app:pw@127.0.0.1:%d" % self.redis.port
        server = self.serve(url=url, keep_s=3600, presence=True)
        stream = self.keep(server.stream("/events/t"))
        for i in range(3):
            self.publish_when_back(server, str(i))
        wait_until(lambda: self.redis.call("HLEN", self.key("readers")) == 1, "the reader counts")
        events = []
        while len(events) < 3:
            event = stream.event()
            events += [event.data] if event.event is None else []
        self.assertEqual(events, ["0", "1", "2"])
        self.redis.call("DEL", self.key("meta"))
        self.publish_when_back(server, "3")
        server.process.stop()
        refused = self.redis.call("ACL", "LOG")
        self.assertEqual(refused, [])


class Replicas(redis_server.Case):
    def server_settings(self):
        return {"repl_diskless_sync_delay": 0}

    def setUp(self):
        super().setUp()
        self.redis.start()
        self.replica = redis_server.Server(self, "replica",
                                           replicaof="127.0.0.1 %d" % self.redis.port)
        self.replica.start()
        self.in_sync()

    def in_sync(self):
        wait_until(lambda: "state=online" in (self.redis.info("replication", "slave0") or ""),
                   "the replica follows")

    def test_a_publisher_waits_for_them(self):
        server = self.serve(replicas=1, replicas_ms=4000)
        self.publish(server, "1")
        self.replica.process.signal(signal.SIGSTOP)
        try:
            status, answer = self.post(server, "2")
            self.assertEqual(status, 500, answer)
            self.assertIn("not known", answer["error"])
        finally:
            self.replica.process.signal(signal.SIGCONT)
        self.publish(server, "3")

    def test_a_replica_is_not_used(self):
        server = self.serve(url=self.replica.url)
        self.assertEqual(self.post(server, "x")[0], 503)
        self.assertIn("not a master", (self.dir / "responder.log").read_text())

    def test_a_master_that_becomes_a_replica_is_left(self):
        server = self.serve()
        self.publish(server, "1")
        self.replica.call("REPLICAOF", "NO", "ONE")
        self.redis.call("REPLICAOF", "127.0.0.1", str(self.replica.port))
        status, answer = self.post(server, "2")
        self.assertEqual(status, 503, answer)


@unittest.skipUnless(redis_server.is_installed("redis-sentinel"), "redis-sentinel is not installed")
class Sentinel(Replicas):
    """A failover to a replica that lags."""

    def setUp(self):
        super().setUp()
        self.port = harness.free_port()
        folder = self.dir / "sentinel"
        folder.mkdir()
        path = self.write("sentinel.conf", "\n".join((
            "port %d" % self.port, "bind 127.0.0.1", "dir %s" % folder,
            "sentinel monitor m 127.0.0.1 %d 1" % self.redis.port,
            "sentinel down-after-milliseconds m 300", "sentinel failover-timeout m 3000", "")))
        self.process([harness.find_program("redis-sentinel"), path], "sentinel.log")
        wait_until(self.knows_replica, "the sentinel knows the replica")

    def knows_replica(self):
        try:
            connection = redis_server.Connection(("127.0.0.1", self.port))
        except OSError:
            return False
        try:
            return len(connection.call("SENTINEL", "REPLICAS", "m")) == 1
        except redis_server.RedisError:
            return False
        finally:
            connection.close()

    def settings(self):
        return {"sentinels": ["127.0.0.1:%d" % harness.free_port(), "127.0.0.1:%d" % self.port],
                "master": "m"}

    test_a_publisher_waits_for_them = None
    test_a_replica_is_not_used = None
    test_a_master_that_becomes_a_replica_is_left = None

    def test_what_a_failover_lost_is_told_to_those_who_have_not_got_it(self):
        server = self.serve()
        stream = self.keep(server.stream("/events/t"))
        early = self.publish_when_back(server, "1")
        wait_until(lambda: self.replica.call("XLEN", self.key()) == 1, "the replica has it")
        self.replica.process.signal(signal.SIGSTOP)
        self.redis.call("CLIENT", "KILL", "TYPE", "replica")
        late = [self.publish(server, str(i)) for i in (2, 3, 4)]
        self.assertEqual(self.take(stream, 4), ["1", "2", "3", "4"])
        self.redis.kill()
        self.replica.process.signal(signal.SIGCONT)
        self.publish_when_back(server, "5")
        self.assertEqual(self.take(stream, 1), ["5"])
        server.process.stop()
        server = self.serve(log="again.log")
        for position, expected in ((early, [("truncated", 3), "5"]),
                                   (late[0], [("truncated", 2), "5"]),
                                   (late[2], ["5"])):
            reader = self.keep(server.stream("/events/t", {"Last-Event-ID": position}))
            self.assertEqual(self.take(reader, len(expected)), expected)


if __name__ == "__main__":
    unittest.main()
