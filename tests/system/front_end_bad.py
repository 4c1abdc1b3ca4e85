# SPDX-License-Identifier: MIT
"""Requests as clients and web servers mangle them: a clear status, never the wrong stream."""

import json

import sse_client

import front_end_matrix
import harness

APP, REFUSED = "app", "refused"
# Each path with what it may lead to: the stream app's own line, or a refusal. Servers differ in
# what they decode and merge; the wrong stream and silence are never right.
PATHS = (
    ("/events/app?last=1", (APP,)),
    ("/events/app?last=1&", (APP,)),
    ("/events/app?&&last=1", (APP,)),
    ("//events/app?last=1", (APP, REFUSED)),
    ("/events//app?last=1", (APP, REFUSED)),
    ("/events/./app?last=1", (APP, REFUSED)),
    ("/events/other/../app?last=1", (APP, REFUSED)),
    ("/events/%61pp?last=1", (APP,)),
    ("/events%2Fapp?last=1", (APP, REFUSED)),
    ("/events/app/?last=1", (APP, REFUSED)),
    ("/events/app%2F?last=1", (APP, REFUSED)),
    ("/events/app%2Fother?last=1", (REFUSED,)),
    ("/events/app%2F..%2Fother?last=1", ("other", REFUSED)),
    ("/events/..%2F..%2Fetc%2Fpasswd", (REFUSED,)),
    ("/events/app/other?last=1", (REFUSED,)),
    ("/events/app%00?last=1", (REFUSED,)),
    ("/events/app%00other?last=1", (REFUSED,)),
    ("/events/app%0d%0aX:%20y?last=1", (REFUSED,)),
    ("/events/app%ff?last=1", (REFUSED,)),
    ("/events/app;last=1?last=1", (REFUSED,)),
    ("/events/APP?last=1", (REFUSED,)),
    ("/events/%zz?last=1", (REFUSED,)),
    ("/events/%2561pp?last=1", (REFUSED,)),
    ("/events/app?last=1&last=2", (REFUSED,)),
    ("/events/app?last=1&LAST=1", (REFUSED,)),
    ("/events/app?LAST=1", (REFUSED,)),
    ("/events/app?last=%31", (APP,)),
    ("/events/app?last=1%00", (REFUSED,)),
    ("/events/app?last=%zz", (REFUSED,)),
    ("/events/app?last", (REFUSED,)),
    ("/events/app?--version", (REFUSED,)),  # these two would be a CGI program's arguments
    ("/events/app?--print+other+--last+1", (REFUSED,)),
    ("/eventsapp?last=1", (REFUSED,)),
    ("/events/app%3Flast=1", (REFUSED,)),
    ("/events/" + "a" * 6000, (REFUSED,)),
    ("/events/app?last=1&x=" + "y" * 6000, (REFUSED,)),
    ("/events/", ("list",)),
    ("/events", ("list",)),
    ("/events?", ("list",)),
)


class Lines(list):
    """Headers of which one may come twice."""

    def items(self):
        return self


class BadInput(front_end_matrix.Cells):
    def outcome(self, path, headers=None):
        """The stream that it led to, "list", or "refused"."""
        try:
            response = self.server.get(path, headers)
        except sse_client.StreamEnded:
            return "closed"
        try:
            kind = response.headers.get("content-type", "")
            if 400 <= response.status < 500 or response.status in self.more_refusals:
                return REFUSED
            self.assertEqual(response.status, 200, path)
            if kind.startswith("application/json"):
                return "list"
            self.assertEqual(kind, "text/event-stream")
            return sse_client.EventStream(response).start().event().data
        finally:
            response.close()

    def taken(self, headers):
        """Where a stream begins: the position that is taken, "ignored", "a gap" or "refused"."""
        response = self.keep(self.server.get("/events/app", headers))
        if response.status != 200:
            self.assertEqual(response.status, 400)
            return "refused"
        stream = sse_client.EventStream(response).start()
        harness.append(self.log, "sentinel\n")
        event = stream.event()
        if event.event == "stream.gap":
            self.assertEqual(json.loads(event.data)["reason"], "unknown-position")
            return "a gap"
        return "ignored" if event.data == "sentinel" else event.data

    def test_mangled_paths_and_queries(self):
        self.begin()
        harness.append(self.log, "app\n")
        before = self.server.responders()
        with self.cell("mangled paths and queries: right or refused"):
            for path, allowed in PATHS:
                self.assertIn(self.outcome(path), allowed, path)
            whole = "http://127.0.0.1:%d/events/app?last=1" % self.server.port
            self.assertIn(self.outcome(whole), (APP, REFUSED))
        with self.cell("an empty query is none"):
            self.assertNotEqual(self.stream("/events/app?").last_id, "")
        with self.cell("an unknown method is refused"):
            response = self.keep(self.server.get("/events/app", method="BREW"))
            self.assertIn(response.status, (400, 405, 501))
        self.check_alive(before)

    def test_mangled_headers(self):
        self.begin()
        before = self.server.responders()
        harness.append(self.log, "app\n")
        with self.cell("6 KiB of cookies"):
            self.assertEqual(self.outcome("/events/app?last=1", {"Cookie": "c=" + "x" * 6144}), APP)
        with self.cell("64 KiB of cookies") as result:
            status, _ = self.recorded("/events/", {"Cookie": "c=" + "x" * 65536})
            self.assertIn(status, (200, 400, 413, 414, 431))
            result["value"] = str(status)
        old = self.keep(self.server.stream("/events/app?last=4"))
        ids = [old.event().id for _ in range(3)]
        names = {"old 2": "taken", "old 3": "the second", "a gap": "a gap", "ignored": "ignored",
                 "refused": "refused"}
        with self.cell("`Last_Event_ID` with underscores") as result:
            result["value"] = names[self.taken({"Last_Event_ID": ids[0]})]
        with self.cell("`Last-Event-ID`, and then with underscores") as result:
            names["old 2"] = "the first"
            result["value"] = names[self.taken({"Last-Event-ID": ids[0], "Last_Event_ID": ids[1]})]
        with self.cell("`Last-Event-ID` twice") as result:
            result["value"] = names[self.taken(Lines([("Last-Event-ID", ids[0]),
                                                      ("Last-Event-ID", ids[1])]))]
        self.check_alive(before)

    def check_alive(self, before):
        with self.cell("nothing crashed"):
            if self.server.responder:
                self.assertTrue(all(map(harness.is_alive, before)))
            harness.append(self.log, "app\n")
            self.assertEqual(self.outcome("/events/app?last=1"), "app")
