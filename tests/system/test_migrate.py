# SPDX-License-Identifier: MIT
"""ssecgi-ctl migrate: a topic's journal into Redis, each event once, whatever happens meanwhile."""

import json
import os
import pathlib
import random
import signal
import subprocess
import time
import unittest

import harness
import redis_kept
import redis_server
from harness import SSECGI, WAIT, wait_until

CTL = pathlib.Path(SSECGI).parent / "ssecgi-ctl"
MANY = 20000


@unittest.skipUnless(redis_server.HAS_MODULE, "the source redis is not built (hiredis)")
@unittest.skipUnless(CTL.exists(), "ssecgi-ctl is not built (libcurl)")
class Migrate(harness.Case):
    def setUp(self):
        super().setUp()
        self.redis = redis_kept.Server(self).start()
        self.password = self.write("redis.password", redis_kept.PASSWORD + "\n")
        self.url = "redis://127.0.0.1:%d" % self.redis.port
        state = self.dir / "state"
        state.mkdir()
        self.topic = self.config({"news": {"source": "topic", "sync": "none"},
                                  "clock": {"source": "clock"},
                                  "rooms/*": {"source": "topic"}},
                                 name="topic.json", state_dir=str(state))
        moved = {"source": "redis", "url": self.url, "password_file": str(self.password),
                 "publish": {"addresses": [redis_server.ADDRESS]}}
        self.moved = self.config({"news": moved, "rooms/*": moved}, name="redis.json",
                                 module_dir=redis_server.MODULES)

    def ctl(self, *arguments, text=None):
        """(status, standard output, standard error)"""
        done = subprocess.run([CTL, *map(str, arguments)], input=text, capture_output=True,
                              text=True, timeout=4 * WAIT, check=False,
                              env=self.environment({"SSECGI_CONFIG": self.topic}))
        harness.append(self.dir / "ctl.log", done.stdout + done.stderr)
        return done.returncode, done.stdout, done.stderr

    def publish(self, *data, stream="news"):
        lines = "".join(d + "\n" for d in data)
        self.assertEqual(self.ctl("publish", stream, text=lines)[0], 0)

    def arguments(self, *more, stream="news"):
        return ("migrate", stream, "--to", self.url, "--password-file", self.password, *more)

    def migrate(self, count, *more, stream="news"):
        status, out, err = self.ctl(*self.arguments(*more, stream=stream))
        self.assertEqual((status, out), (0, "%d events copied\n" % count), err)
        return err

    def refused(self, *more, stream="news"):
        status, out, err = self.ctl(*self.arguments(*more, stream=stream))
        self.assertEqual((status, out), (1, ""), err)
        return err

    def entries(self, stream="news"):
        """[(id, {field: value})] of the stream in Redis."""
        answer = self.redis.ask("XRANGE", "ssecgi:" + stream, "-", "+")
        return [(i, dict(zip(f[::2], f[1::2]))) for i, f in answer]

    def data(self, stream="news"):
        return [fields["data"] for _, fields in self.entries(stream)]

    def served(self, count, stream="news"):
        """[(name, data)] of the last events, as the source redis serves them."""
        responder = self.responder(self.moved)
        events = []
        reader = responder.stream("/events/%s?last=%d" % (stream, count))
        for _ in range(count):
            events.append(reader.event())
        reader.close()
        responder.process.stop()
        return [(e.event, e.data) for e in events]


class Copies(Migrate):
    def test_order_names_data_and_times(self):
        before = int(time.time() * 1000)
        events = [("a", "one"), (None, "two\nlines"), ("b", ""), (None, "ümläut"),
                  ("c", "x" * 60000)]
        lines = "".join(json.dumps(dict({"data": d}, **({"event": n} if n else {}))) + "\n"
                        for n, d in events)
        self.assertEqual(self.ctl("publish", "--json", "news", text=lines)[0], 0)
        after = int(time.time() * 1000)
        wait_until(lambda: time.time() * 1000 > after + 100, "time has passed")
        self.migrate(len(events))
        self.assertEqual(self.served(len(events)), events)
        for entry, _ in self.entries():
            self.assertTrue(before <= int(entry.split("-")[0]) <= after, entry)

    def test_run_again_it_copies_what_is_new(self):
        self.publish("one", "two")
        self.migrate(2)
        self.migrate(0)
        self.publish("three")
        self.migrate(1)
        self.assertEqual(self.data(), ["one", "two", "three"])

    def test_many_and_they_go_on_in_redis(self):
        self.publish(*("e%d" % n for n in range(3000)))
        self.migrate(3000)
        responder = self.responder(self.moved)
        stream = self.keep(responder.stream("/events/news?last=3000"))
        self.assertEqual([stream.event().data for _ in range(3000)],
                         ["e%d" % n for n in range(3000)])

    def test_what_is_published_meanwhile(self):
        feed = self.dir / "feed"
        feed.mkdir()
        os.mkfifo(feed / "in")
        publisher = self.process([CTL, "publish", "news", feed / "in"], "publish.log",
                                 env=self.environment({"SSECGI_CONFIG": self.topic}))
        with open(feed / "in", "w") as f:
            copied = 0
            for n in range(20):
                f.write("".join("e%d\n" % i for i in range(n * 100, n * 100 + 100)))
                f.flush()
                _, out, err = self.ctl(*self.arguments())
                copied += int(out.split()[0]) if out else 0
                self.assertIn(err, ("", 'ssecgi-ctl: nothing was published into "news" yet\n'))
        self.assertEqual(publisher.wait(), 0)
        self.migrate(2000 - copied)
        self.assertEqual(self.data(), ["e%d" % n for n in range(2000)])

    def test_what_cannot_be_read_is_told(self):
        self.publish(*("e%d" % n for n in range(1000)))
        segment = next((self.dir / "state" / "topics" / "news").iterdir())
        with open(segment, "r+b") as f:
            f.seek(20000)
            f.write(b"damage")
        self.assertIn("the journal has a gap (damaged): 1 events", self.migrate(999))

    def test_on_a_terminal_it_shows_how_far_it_is(self):
        self.publish(*("e%d" % n for n in range(1000)))
        ours, theirs = os.openpty()
        with open(ours, "rb", buffering=0) as terminal:
            with open(theirs, "wb") as out:
                status = subprocess.run([CTL, *map(str, self.arguments())], stderr=out, timeout=WAIT,
                                        stdout=subprocess.DEVNULL, check=False,
                                        env=self.environment({"SSECGI_CONFIG": self.topic}))
                shown = terminal.read(4096)
        self.assertEqual(status.returncode, 0)
        self.assertIn(b"256 copied, 744 left", shown)
        self.assertTrue(shown.endswith(b"1000 copied, 0 left\r\n"), shown)

    def test_a_member_of_a_family(self):
        self.publish("hello", stream="rooms/17")
        self.migrate(1, stream="rooms/17")
        self.assertEqual(self.served(1, "rooms/17"), [(None, "hello")])


class Readers(Migrate):
    """Who read from the journal comes back with its id, and Redis answers."""

    def positions(self, count, config=None):
        """The ids of the last events as the topic serves them."""
        responder = self.responder(config or self.topic, log="topic.log")
        stream = responder.stream("/events/news?last=%d" % count)
        ids = [stream.last_id] + [stream.event().id for _ in range(count)]
        stream.close()
        responder.process.stop()
        return ids

    def follow(self, responder, last_id, count):
        """The data of what follows an id, a gap as (reason, events)."""
        stream = responder.stream("/events/news", headers={"Last-Event-ID": last_id})
        found = []
        for _ in range(count):
            event = stream.event()
            gap = json.loads(event.data) if event.event == "stream.gap" else None
            found.append((gap["reason"], gap.get("events")) if gap else event.data)
        stream.close()
        return found

    def test_every_reader_goes_on_where_it_was(self):
        wanted = ["e%d" % n for n in range(2000)]
        self.publish(*wanted)
        ids = self.positions(2000)
        self.migrate(2000)
        responder = self.responder(self.moved)
        for n in (0, 1, 2, 63, 64, 255, 256, 257, 1000, 1998, 1999):
            with self.subTest(n=n):
                count = min(50, 2000 - n)
                self.assertEqual(self.follow(responder, ids[n], count), wanted[n:n + count])
        stream = self.keep(responder.stream("/events/news", headers={"Last-Event-ID": ids[-1]}))
        self.publish("one more")
        self.migrate(1)
        self.assertEqual(stream.event().data, "one more")

    def test_the_move_under_a_reader(self):
        config = self.write("ssecgi.json", self.topic.read_bytes())
        responder = self.responder(config)
        stream = responder.stream("/events/news?last=10")
        self.publish("one", "two")
        self.assertEqual([stream.event().data for _ in range(2)], ["one", "two"])
        self.publish("three")
        self.migrate(3)
        config.write_bytes(self.moved.read_bytes())
        responder.process.signal(signal.SIGHUP)
        rest = [block for block in stream.rest() if block.is_event]
        self.assertEqual([(b.event, b.data) for b in rest], [(None, "three")][:len(rest)])
        answer = responder.request("/events/news", "POST", {}, b"four", CONTENT_TYPE="text/plain",
                                   CONTENT_LENGTH="4", REMOTE_ADDR=redis_server.ADDRESS)
        self.assertEqual(answer.status, 201, answer.body())
        answer.close()
        found = self.follow(responder, stream.last_id, 2 - len(rest))
        self.assertEqual([b.data for b in rest] + found, ["three", "four"])

    def test_gaps_of_the_journal_are_gaps(self):
        self.publish(*("e%d" % n for n in range(1000)))
        ids = self.positions(1000)
        segment = next((self.dir / "state" / "topics" / "news").iterdir())
        with open(segment, "r+b") as f:
            f.seek(20000)
            f.write(b"damage")
        self.migrate(999)
        data = self.data()
        lost = next(n for n in range(1000) if data[n] != "e%d" % n)
        responder = self.responder(self.moved)
        self.assertEqual(self.follow(responder, ids[lost - 1], 3),
                         ["e%d" % (lost - 1), ("deleted", 1), "e%d" % (lost + 1)])

    def test_who_read_what_was_not_copied_is_told(self):
        self.publish("one", "two")
        self.migrate(2)
        self.publish("three", "four")
        ids = self.positions(4)
        responder = self.responder(self.moved)
        answer = responder.request("/events/news", "POST", {}, b"in Redis", CONTENT_TYPE="text/plain",
                                  CONTENT_LENGTH="8", REMOTE_ADDR=redis_server.ADDRESS)
        self.assertEqual(answer.status, 201)
        answer.close()
        self.assertEqual(self.follow(responder, ids[2], 1), ["in Redis"])
        for n in (3, 4):
            self.assertEqual(self.follow(responder, ids[n], 2), [("truncated", None), "in Redis"])

    def test_what_had_expired_is_told(self):
        small = self.config({"news": {"source": "topic", "sync": "none", "keep_bytes": 262144,
                                      "segment_bytes": 65536}}, name="small.json",
                            state_dir=str(self.dir / "state"))
        self.topic = small
        self.publish("first")
        first = self.positions(1)[1]
        self.publish(*("x" * 1000 for _ in range(1000)))
        _, out, _ = self.ctl(*self.arguments())
        count = int(out.split()[0])
        self.assertLess(count, 1000)
        responder = self.responder(self.moved)
        self.assertEqual(self.follow(responder, first, 2), [("expired", 1000 - count), "x" * 1000])


class Refuses(Migrate):
    def test_a_stream_that_has_events_already(self):
        self.publish("one")
        self.migrate(1)
        self.redis.ask("HDEL", "ssecgi:news:meta", "from")  # as if somebody else had published it
        self.publish("two")
        self.assertIn("is not empty", self.refused())
        self.assertEqual(self.data(), ["one"])
        self.migrate(2, "--append")
        self.assertEqual(self.data(), ["one", "one", "two"])

    def test_one_into_which_others_published_since(self):
        self.publish("one")
        self.migrate(1)
        self.redis.ask("HINCRBY", "ssecgi:news:meta", "n", 1)
        self.publish("two")
        self.assertIn("others have published", self.refused())
        self.migrate(1, "--append")
        self.assertEqual(self.data(), ["one", "two"])

    def test_another_journal(self):
        self.publish("one")
        self.migrate(1)
        subprocess.run(["rm", "-r", str(self.dir / "state" / "topics")], check=True)
        self.publish("new")
        self.assertIn("another journal", self.refused())
        self.migrate(1, "--append")
        self.assertEqual(self.data(), ["one", "new"])

    def test_what_makes_no_sense(self):
        self.assertIn("nothing was published", self.refused())
        self.publish("one")
        self.assertIn('there is no stream "nope"', self.refused(stream="nope"))
        self.assertIn("is no topic", self.refused(stream="clock"))
        for arguments, why in ((("migrate", "news"), "--to"),
                               (("migrate", "--to", self.url), "name of a stream")):
            status, _, err = self.ctl(*arguments)
            self.assertEqual(status, 2)
            self.assertIn(why, err)
        for url in ("http://x", "redis://", "redis://h:x"):
            status, _, err = self.ctl("migrate", "news", "--to", url)
            self.assertEqual(status, 1)
            self.assertIn("url: must be redis://", err)

    def test_a_server_that_refuses(self):
        self.publish("one")
        status, _, err = self.ctl("migrate", "news", "--to", self.url)
        self.assertEqual(status, 1)
        self.assertIn("NOAUTH", err)
        self.redis.process.stop()
        self.assertIn("cannot connect to Redis at 127.0.0.1", self.refused())

    def test_where_memory_is_short_nothing_is_half_there(self):
        self.publish(*("x" * 1000 for _ in range(2000)))
        self.redis.ask("CONFIG", "SET", "maxmemory", "2mb")
        self.redis.ask("CONFIG", "SET", "maxmemory-policy", "noeviction")
        status, out, err = self.ctl(*self.arguments())
        self.assertEqual(status, 1)
        self.assertIn("OOM", err)
        there = len(self.data())
        self.assertEqual(out, "%d events copied; run it again, it goes on there\n" % there
                         if there else "")
        self.redis.ask("CONFIG", "SET", "maxmemory", "0")
        self.migrate(2000 - there)
        self.assertEqual(len(self.data()), 2000)


class Killed(Migrate):
    def test_it_goes_on_where_it_was_killed(self):
        wanted = ["e%d" % n for n in range(MANY)]
        self.publish(*wanted)
        chance = random.Random(1)
        kills = 0
        while True:
            before = self.redis.ask("XLEN", "ssecgi:news")
            process = self.process([CTL, *self.arguments()], "migrate.log",
                                   env=self.environment({"SSECGI_CONFIG": self.topic}))
            goal = before + chance.randrange(0, MANY // 8)
            wait_until(lambda: not process.is_running()
                       or self.redis.ask("XLEN", "ssecgi:news") > goal, "some are copied")
            if not process.is_running():
                self.assertEqual(process.wait(), 0)
                break
            process.signal(signal.SIGKILL)
            process.wait()
            kills += 1
        self.assertGreater(kills, 2)
        self.assertEqual(self.data(), wanted)

    def test_it_goes_on_where_redis_was_killed(self):
        wanted = ["e%d" % n for n in range(MANY)]
        self.publish(*wanted)
        process = self.process([CTL, *self.arguments()], "migrate.log",
                               env=self.environment({"SSECGI_CONFIG": self.topic}))
        wait_until(lambda: self.redis.ask("XLEN", "ssecgi:news") > 0, "some are copied")
        self.redis.kill()
        self.assertEqual(process.wait(), 1)
        self.redis.start()
        there = self.redis.ask("XLEN", "ssecgi:news")
        self.assertLess(there, MANY)
        self.migrate(MANY - there)
        self.assertEqual(self.data(), wanted)
        self.assertEqual([data for _, data in self.served(MANY)], wanted)


if __name__ == "__main__":
    unittest.main()
