# SPDX-License-Identifier: MIT
"""The demo's own programs: an answer word by word, and ten numbered messages."""

import json
import subprocess
import unittest

import harness
import sse_client

DEMO = harness.SRCDIR / "deploy" / "demo"


class Demo(harness.Case):
    def setUp(self):
        super().setUp()
        config = self.fill("ssecgi.json", RUNDIR=self.dir, DOCROOT=harness.SRCDIR / "html")
        self.server = self.responder(config)

    def post(self, name, body):
        response = self.keep(self.server.request("/events/" + name, "POST", {}, body, CONTENT_TYPE="text/plain",
                                                 CONTENT_LENGTH=str(len(body)), REMOTE_ADDR="127.0.0.1"))
        if response.status != 200:
            raise harness.BadStatus(response)
        return sse_client.EventStream(response)

    @staticmethod
    def events(stream):
        found = []
        while not found or found[-1].event != "stream.end":
            found.append(stream.event())
        return [e for e in found if e.event != "stream.started"]

    def test_a_question_is_answered_from_the_documentation(self):
        *words, end = self.events(self.post("answer", b"What is a gap?"))
        self.assertEqual(json.loads(end.data)["status"], 0)
        self.assertGreater(len(words), 10)
        text = "".join(w.data for w in words)
        self.assertIn("gap", text)
        self.assertIn("(README.md, ", text)

    def test_what_nobody_knows_is_not_made_up(self):
        for question in (b"", b"xyzzy $(touch x) `x` \xff", b"the and of"):
            *words, _ = self.events(self.post("answer", question))
            self.assertIn("I know nothing but", "".join(w.data for w in words))

    def test_a_question_is_not_a_command(self):
        done = subprocess.run([DEMO / "answer.sh", harness.SRCDIR, "0"], input=b"$(touch hacked); *" * 500,
                              stdout=subprocess.PIPE, cwd=self.dir, check=True, timeout=harness.WAIT)
        self.assertTrue(done.stdout)
        self.assertFalse((self.dir / "hacked").exists())

    def test_ten_messages_are_numbered(self):
        done = subprocess.run([DEMO / "ten.sh", "0"], stdout=subprocess.PIPE, check=True, timeout=harness.WAIT)
        self.assertEqual(done.stdout.decode().splitlines(), ["message %d of 10" % n for n in range(1, 11)])

    def test_a_message_comes_before_the_last_one(self):
        stream = self.post("ten", b"")
        stream.event()
        self.assertEqual(stream.event().data, "message 1 of 10")


if __name__ == "__main__":
    unittest.main()
