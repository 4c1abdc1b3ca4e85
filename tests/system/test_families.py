# SPDX-License-Identifier: MIT
"""Families: streams that come into being when somebody reads them or publishes into them."""

import json
import signal
import unittest

import harness

LIMIT = 4


class Families(harness.Case):
    def setUp(self):
        super().setUp()
        self.state = self.dir / "state"
        self.state.mkdir()
        rooms = {"source": "topic", "max_members": LIMIT, "publish": {"users": ["alice"]}}
        self.file = self.config({"rooms/*": rooms, "rooms/quiet": {"source": "topic"}},
                                state_dir=str(self.state))
        self.server = self.responder(self.file)

    def post(self, name, body):
        body = body.encode()
        return self.keep(self.server.request("/events/" + name, "POST", {}, body,
                                             CONTENT_TYPE="text/plain", REMOTE_USER="alice",
                                             CONTENT_LENGTH=str(len(body))))

    def publish(self, name, body):
        response = self.post(name, body)
        text = response.body()
        self.assertEqual(response.status, 201, text)
        return json.loads(text)["position"]

    def refused(self, path, method="GET"):
        response = self.keep(self.server.request(path, method))
        return response.status, json.loads(response.body())["error"]

    def journals(self):
        topics = self.state / "topics"
        return sorted(p.name for p in topics.iterdir()) if topics.exists() else []

    def test_a_member_is_there_when_it_is_read_and_kept_when_it_is_published(self):
        stream = self.keep(self.server.stream("/events/rooms/17"))
        self.assertEqual(self.journals(), [])
        position = self.publish("rooms/17", "hello")
        event = stream.event()
        self.assertEqual((event.id, event.data), (position, "hello"))
        self.assertEqual(self.journals(), ["rooms%2f17"])
        late = self.keep(self.server.stream("/events/rooms/17?last=5"))
        self.assertEqual(late.event().data, "hello")

    def test_members_do_not_mix(self):
        streams = [self.keep(self.server.stream("/events/rooms/%d" % n)) for n in range(3)]
        for n in (2, 0, 1):
            self.publish("rooms/%d" % n, "for %d" % n)
        for n, stream in enumerate(streams):
            self.assertEqual(stream.event().data, "for %d" % n)

    def test_a_position_of_another_member_is_unknown_or_a_gap(self):
        position = self.publish("rooms/1", "a")
        self.publish("rooms/2", "b")
        stream = self.keep(self.server.stream("/events/rooms/2", {"Last-Event-ID": position}))
        event = stream.event()
        self.assertEqual(event.event, "stream.gap")

    def test_names_out_of_the_alphabet_are_refused(self):
        for name in ("rooms/", "rooms/.hidden", "rooms/a%2fb", "rooms/..", "rooms/a%20b"):
            status, error = self.refused("/events/" + name)
            self.assertEqual(status, 400, name)
            self.assertIn("letters, digits and ._-", error)
        self.assertEqual(self.refused("/events/rooms")[0], 404)
        self.assertEqual(self.refused("/events/rooms/*")[0], 404)
        self.assertEqual(self.journals(), [])

    def test_a_member_beyond_the_limit_is_told_to_come_back(self):
        for n in range(LIMIT):
            self.keep(self.server.stream("/events/rooms/%d" % n))
        response = self.keep(self.server.request("/events/rooms/one-more"))
        self.assertEqual(response.status, 200)
        body = response.body()
        self.assertIn(b"event: stream.busy\n", body)
        self.assertIn(b"max_members", body)
        response = self.post("rooms/one-more", "x")
        self.assertEqual(response.status, 503)
        self.assertIn("retry-after", response.headers)

    def test_the_list_shows_the_family_and_how_many_there_are(self):
        self.keep(self.server.stream("/events/rooms/1"))
        self.keep(self.server.stream("/events/rooms/2"))
        self.keep(self.server.stream("/events/rooms/2"))
        entry = json.loads(self.keep(self.server.request("/events/")).body())["streams"][0]
        self.assertEqual((entry["name"], entry["members"], entry["readers"]), ("rooms/*", 2, 3))

    def test_a_reload_leaves_members_that_did_not_change_alone(self):
        stream = self.keep(self.server.stream("/events/rooms/1"))
        self.server.process.signal(signal.SIGHUP)
        harness.wait_until(lambda: "reloaded" in (self.dir / "responder.log").read_text(), "the reload")
        self.publish("rooms/1", "still here")
        self.assertEqual(stream.event().data, "still here")

    def test_a_member_of_another_process_is_the_same(self):
        stream = self.keep(self.server.stream("/events/rooms/1"))
        self.server = self.responder(self.file, is_tcp=True, log="second.log")
        self.publish("rooms/1", "from over there")
        self.assertEqual(stream.event().data, "from over there")


if __name__ == "__main__":
    unittest.main()
