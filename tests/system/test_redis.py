# SPDX-License-Identifier: MIT
"""Streams that Redis keeps: publishing, following, history, and what is said when entries are missing."""

import json
import signal
import time
import unittest

import harness
import redis_server
from harness import wait_until


class Case(redis_server.Case):
    def second(self):
        """Another process with the same configuration."""
        path = self.dir / "ssecgi.json"
        address = str(self.dir / "other.sock")
        other = self.process([harness.SSECGI, "--config", path, "--listen", "unix:" + address],
                             "other.log", env=self.environment({}))
        wait_until((self.dir / "other.sock").exists, "the other one listens")
        return harness.Responder(other, address)


class Streams(Case):
    def setUp(self):
        super().setUp()
        self.redis.start()
        self.server = self.serve()

    def stream(self, query="", headers=None):
        return self.keep(self.server.stream("/events/t" + query, headers))

    def resume(self, position):
        return self.stream(headers={"Last-Event-ID": position})

    def forget(self, **settings):
        """Another process serves the stream: nothing of it is in memory."""
        self.server.process.stop()
        self.server = self.serve(log="again.log", **settings)

    def test_what_is_published_is_read(self):
        stream = self.stream()
        position = self.publish(self.server, "hello\nworld")
        event = stream.event()
        self.assertEqual((event.id, event.event, event.data), (position, None, "hello\nworld"))
        self.publish(self.server, '{"event": "deploy", "data": {"a": 1}}', "application/json")
        event = stream.event()
        self.assertEqual((event.event, event.data), ("deploy", '{"a":1}'))

    def test_a_reader_of_an_empty_stream_gets_the_first_event(self):
        stream = self.stream()
        stream.close()
        position = stream.last_id
        self.publish(self.server, "1")
        self.assertEqual(self.take(self.resume(position), 1), ["1"])

    def test_a_reader_resumes_where_it_was(self):
        positions = [self.publish(self.server, str(i)) for i in range(5)]
        self.assertEqual(self.take(self.resume(positions[1]), 3), ["2", "3", "4"])
        self.assertEqual(self.take(self.stream("?last=2"), 2), ["3", "4"])
        self.assertEqual(self.take(self.stream("?last=100"), 5), list("01234"))

    def test_the_first_reader_of_a_new_process_gets_the_last_events(self):
        for i in range(5):
            self.publish(self.server, str(i))
        self.forget()
        stream = self.stream("?last=2")
        self.assertEqual(self.take(stream, 2), ["3", "4"])
        self.publish(self.server, "5")
        self.assertEqual(self.take(stream, 1), ["5"])

    def test_a_reader_begins_at_a_time(self):
        self.publish(self.server, "old")
        old_ms = int(self.redis.call("XRANGE", self.key(), "-", "+")[0][0].split(b"-")[0])
        wait_until(lambda: time.time() * 1000 > old_ms + 2, "the next milliseconds")
        since = int(time.time() * 1000)
        self.publish(self.server, "new")
        self.assertEqual(self.take(self.stream("?since=%d" % since), 1), ["new"])
        self.assertEqual(self.take(self.stream("?since=%d" % old_ms), 2), ["old", "new"])

    def test_history_is_read_backwards_in_pages(self):
        positions = [self.publish(self.server, str(i)) for i in range(8)]
        self.redis.call("XDEL", self.key(), positions[3].split(".")[3])
        self.forget()
        pages = []
        for before, count in ((7, 2), (5, 1), (4, 2), (1, 5), (0, 3)):
            stream = self.stream("?before=%s&last=%d" % (positions[before], count))
            pages.append([self.tell(b) for b in stream.rest() if b.is_event])
        ends = [page.pop() for page in pages]
        self.assertEqual(pages, [["5", "6"], ["4"], ["2", ("deleted", 1)], ["0"], []])
        self.assertEqual({json.loads(end)["reason"] for end in ends}, {"until"})

    def test_two_processes_share_a_stream(self):
        here = self.stream()
        other = self.second()
        there = self.keep(other.stream("/events/t"))
        for i in range(10):
            self.publish([self.server, other][i % 2], str(i))
        numbers = [str(i) for i in range(10)]
        self.assertEqual(self.take(here, 10), numbers)
        self.assertEqual(self.take(there, 10), numbers)

    def test_a_batch_is_all_or_nothing_and_a_known_key_is_one_event(self):
        batch = '{"data": "a", "key": "k1"}\n{"data": "b"}\n'
        self.assertEqual(self.post(self.server, '{"data": "%s"}\n{"data": "x"}\n' % ("y" * 70000),
                                   "application/x-ndjson")[0], 413)
        self.publish(self.server, batch, "application/x-ndjson")
        first = self.publish(self.server, '{"data": "c", "key": "k2"}', "application/json")
        again = self.publish(self.server, '{"data": "c", "key": "k2"}', "application/json")
        self.assertEqual(first, again)
        self.publish(self.server, '{"data": "d"}\n{"data": "a", "key": "k1"}\n',
                     "application/x-ndjson")
        self.publish(self.server, "end")
        self.assertEqual(self.take(self.stream("?last=100"), 5), ["a", "b", "c", "d", "end"])

    def test_a_long_history_comes_in_pages(self):
        for begin in range(0, 6000, 1000):
            lines = ['{"data": "%d %s"}' % (i, "x" * 100) for i in range(begin, begin + 1000)]
            self.publish(self.server, "\n".join(lines), "application/x-ndjson")
        self.forget()
        got = self.take(self.stream("?last=5990"), 5990)
        self.assertEqual([int(d.split()[0]) for d in got], list(range(10, 6000)))

    def test_many_readers_at_many_places_each_get_theirs(self):
        positions = [self.publish(self.server, str(i)) for i in range(60)]
        self.forget()
        readers = [self.resume(positions[i]) for i in range(50)]
        for i, reader in enumerate(readers):
            self.assertEqual(self.take(reader, 59 - i), [str(n) for n in range(i + 1, 60)])

    def test_trimmed_events_are_a_gap_with_their_number(self):
        positions = [self.publish(self.server, str(i)) for i in range(10)]
        self.redis.call("XTRIM", self.key(), "MAXLEN", "4")
        self.forget()
        self.assertEqual(self.take(self.resume(positions[1]), 3), [("expired", 4), "6", "7"])
        self.assertEqual(self.take(self.resume(positions[5]), 2), ["6", "7"])
        self.assertEqual(self.take(self.stream("?last=100"), 1), ["6"])

    def test_deleted_events_are_a_gap_with_their_number(self):
        positions = [self.publish(self.server, str(i)) for i in range(6)]
        for i in (2, 3):
            self.redis.call("XDEL", self.key(), positions[i].split(".")[3])
        self.forget()
        self.assertEqual(self.take(self.resume(positions[0]), 3), ["1", ("deleted", 2), "4"])
        self.assertEqual(self.take(self.resume(positions[2]), 2), [("deleted", 1), "4"])
        self.assertEqual(self.take(self.resume(positions[3]), 1), ["4"])

    def test_a_stream_that_was_deleted_goes_on_with_its_numbers(self):
        positions = [self.publish(self.server, str(i)) for i in range(5)]
        stream = self.stream()
        self.redis.call("DEL", self.key())
        self.publish(self.server, "5")
        self.assertEqual(self.take(stream, 1), ["5"])
        self.forget()
        self.assertEqual(self.take(self.resume(positions[2]), 2), [("deleted", 2), "5"])

    def test_an_emptied_store_is_said(self):
        stream = self.stream()
        old = self.publish(self.server, "1")
        self.assertEqual(self.take(stream, 1), ["1"])
        self.redis.call("FLUSHALL")
        self.publish(self.server, "2")
        self.assertEqual(self.take(stream, 2), [("replaced", None), "2"])
        self.forget()
        self.assertEqual(self.take(self.resume(old), 2), [("replaced", None), "2"])

    def test_what_is_known_of_a_stream_may_be_lost(self):
        stream = self.stream()
        self.publish(self.server, "1")
        self.redis.call("DEL", self.key("meta"))
        self.publish(self.server, "2")
        self.assertEqual(self.take(stream, 2), ["1", "2"])

    def test_entries_of_others_are_a_gap(self):
        stream = self.stream()
        first = self.publish(self.server, "1")
        for _ in range(3):
            self.redis.call("XADD", self.key(), "*", "what", "ever")
        self.redis.call("XADD", self.key(), "*", "at", "no mark", "data", "x")
        self.publish(self.server, "2")
        got = self.take(stream, 3)
        while isinstance(got[-1], tuple):
            got += self.take(stream, 1)
        self.assertEqual((got[0], got[-1]), ("1", "2"))
        self.assertEqual({g[0] for g in got[1:-1]}, {"damaged"})
        self.assertEqual(sum(g[1] for g in got[1:-1]), 4)
        self.forget()
        self.assertEqual(self.take(self.resume(first), 2), [("damaged", 4), "2"])

    def test_entries_of_others_before_the_first_event_are_not_read_over_and_over(self):
        for _ in range(3):
            self.redis.call("XADD", self.key(), "*", "what", "ever")
        stream = self.stream()
        for _ in range(2):
            self.assertFalse(stream.block().is_event)  # heartbeats, a second each
        reads = int(self.redis.info("commandstats", "cmdstat_xread").split(",")[0].split("=")[1])
        self.assertLess(reads, 100)
        self.publish(self.server, "1")
        self.assertEqual(self.take(stream, 2), [("damaged", 3), "1"])

    def test_a_key_that_is_no_stream_is_told_and_gets_well(self):
        stream = self.stream()
        self.publish(self.server, "1")
        self.assertEqual(self.take(stream, 1), ["1"])
        self.redis.call("SET", self.key(), "text")
        status, answer = self.post(self.server, "2")
        self.assertEqual(status, 500, answer)
        self.redis.call("DEL", self.key())
        self.publish_when_back(self.server, "3")
        self.assertEqual(self.take(stream, 1), ["3"])

    def test_scripts_that_were_forgotten_are_sent_again(self):
        stream = self.stream()
        self.publish(self.server, "1")
        self.redis.call("SCRIPT", "FLUSH")
        self.publish(self.server, "2")
        position = self.publish(self.server, "3")
        self.assertEqual(self.take(stream, 3), ["1", "2", "3"])
        self.assertEqual(self.take(self.stream("?last=1"), 1), ["3"])
        self.assertTrue(position)

    def test_memory_that_is_short_refuses_and_keeps_nothing_of_it(self):
        stream = self.stream()
        self.publish(self.server, "1")
        self.redis.call("CONFIG", "SET", "maxmemory", "1")
        status, answer = self.post(self.server, '{"data": "a"}\n{"data": "b"}\n',
                                   "application/x-ndjson")
        self.assertEqual(status, 507, answer)
        self.redis.call("CONFIG", "SET", "maxmemory", "0")
        self.publish(self.server, "2")
        self.assertEqual(self.take(stream, 2), ["1", "2"])

    def test_old_events_are_trimmed_as_the_settings_say(self):
        self.forget(keep_events=100)
        for _ in range(10):
            self.publish(self.server, '{"data": "x"}\n' * 100, "application/x-ndjson")
        length = self.redis.call("XLEN", self.key())
        self.assertLess(length, 400)
        self.assertGreaterEqual(length, 100)

    def test_an_unknown_position_is_told(self):
        self.publish(self.server, "1")
        stream = self.resume("gibberish")
        self.assertEqual(self.take(stream, 1), [("unknown-position", None)])


class Presence(Case):
    def setUp(self):
        super().setUp()
        self.redis.start()
        self.server = self.serve(presence=True)
        self.other = self.second()

    def numbers(self, server):
        response = server.request("/events/t/-/presence")
        try:
            return json.loads(response.body()).get("readers")
        finally:
            response.close()

    def wait_for(self, count, *servers):
        for server in servers or (self.server, self.other):
            wait_until(lambda s=server: self.numbers(s) == count, "%d readers" % count)

    def test_readers_of_all_processes_are_counted_and_those_of_a_killed_one_go(self):
        streams = [self.keep(s.stream("/events/t")) for s in (self.server,) * 3 + (self.other,) * 2]
        self.wait_for(5)
        streams[0].close()
        self.wait_for(4)
        self.other.process.signal(signal.SIGKILL)
        self.wait_for(2, self.server)
        self.server.process.stop()
        self.assertEqual(self.redis.call("HLEN", self.key("readers")), 0)

    def test_an_emptied_store_is_told_anew(self):
        self.keep(self.server.stream("/events/t"))
        self.wait_for(1)
        self.redis.call("FLUSHALL")
        self.redis.call("SCRIPT", "FLUSH")
        self.keep(self.other.stream("/events/t"))
        self.wait_for(2)


class Family(redis_server.Case):
    def test_members_share_the_connections(self):
        self.redis.start()
        server = self.serve(streams={"rooms/*": dict(self.settings(), source="redis", publish={
            "addresses": [redis_server.ADDRESS]})})
        names = ["rooms/%d" % i for i in range(20)]
        streams = [self.keep(server.stream("/events/" + name)) for name in names]
        for name in names:
            self.publish(server, "to " + name, name=name)
        for name, stream in zip(names, streams):
            self.assertEqual(self.take(stream, 1), ["to " + name])
        clients = self.redis.call("CLIENT", "LIST", "TYPE", "normal").decode().splitlines()
        self.assertEqual(len([c for c in clients if "cmd=client|list" not in c]), 3, clients)


class Settings(redis_server.Case):
    def refused(self, *words, **settings):
        path = self.config({"t": dict({"source": "redis"}, **settings)},
                           module_dir=redis_server.MODULES)
        status, _, err = self.run_program("--config", path, "--check-config")
        self.assertEqual(status, 6, err)
        for word in words:
            self.assertIn(word, err)

    def test_what_cannot_be_is_refused(self):
        self.refused("streams.t.url: must be", url="http://x")
        self.refused("streams.t.url: must be", url="redis://host:x")
        self.refused("streams.t.url: must be", url="unix://relative")
        self.refused("streams.t.master: goes with", master="m")
        self.refused("streams.t.sentinels[0]: must be", sentinels=["a:b"], master="m")

    def test_a_stream_needs_no_server_to_be_served(self):
        server = self.serve(url="redis://127.0.0.1:%d" % harness.free_port())
        stream = self.keep(server.stream("/events/t"))
        self.assertEqual(self.post(server, "x")[0], 503)
        self.assertIsNotNone(stream.block())


if __name__ == "__main__":
    unittest.main()
