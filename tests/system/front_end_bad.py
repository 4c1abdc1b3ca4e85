# SPDX-License-Identifier: MIT
"""Requests as clients and web servers mangle them: a clear status, never the wrong stream."""

import sse_client

import front_end_matrix
import harness

APP, REFUSED = "app", "refused"
# Each path with what it may lead to: the stream app's own line, or a refusal. Servers differ in
# what they decode and merge; the wrong stream and silence are never right.
PATHS = (
    ("/events/app?last=1", (APP,)),
    ("/events/app?last=1&", (APP,)),
    ("//events/app?last=1", (APP, REFUSED)),
    ("/events//app?last=1", (APP, REFUSED)),
    ("/events/./app?last=1", (APP, REFUSED)),
    ("/events/other/../app?last=1", (APP, REFUSED)),
    ("/events/%61pp?last=1", (APP,)),
    ("/events%2Fapp?last=1", (APP, REFUSED)),
    ("/events/app%2F?last=1", (APP, REFUSED)),
    ("/events/app%2Fother?last=1", (REFUSED,)),
    ("/events/app%2F..%2Fother?last=1", ("other", REFUSED)),
    ("/events/app/other?last=1", (REFUSED,)),
    ("/events/app%00?last=1", (APP, REFUSED)),  # H2O passes a NUL, which ends the name
    ("/events/app%0d%0aX:%20y?last=1", (REFUSED,)),
    ("/events/%zz?last=1", (REFUSED,)),
    ("/events/%2561pp?last=1", (REFUSED,)),
    ("/events/app?last=1&last=2", (REFUSED,)),
    ("/events/app?LAST=1", (REFUSED,)),
    ("/eventsapp?last=1", (REFUSED,)),
    ("/events/app%3Flast=1", (REFUSED,)),
    ("/events/", ("list",)),
    ("/events", ("list",)),
    ("/events?", ("list",)),
)


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

    def test_mangled_paths_and_queries(self):
        self.begin()
        harness.append(self.log, "app\n")
        before = self.server.responders()
        with self.cell("mangled paths and queries: right or refused"):
            for path, allowed in PATHS:
                self.assertIn(self.outcome(path), allowed, path)
        with self.cell("64 KiB of cookies") as result:
            status, _ = self.recorded("/events/", {"Cookie": "c=" + "x" * 65536})
            self.assertIn(status, (200, 400, 413, 414, 431))
            result["value"] = str(status)
        with self.cell("an empty query is none"):
            self.assertNotEqual(self.stream("/events/app?").last_id, "")
        with self.cell("`Last_Event_ID` with underscores") as result:
            position = self.keep(self.server.stream("/events/app?last=1")).last_id
            stream = self.keep(self.server.get("/events/app", {"Last_Event_ID": position}))
            self.assertIn(stream.status, (200, 400))
            result["value"] = "refused"
            if stream.status == 200:
                began = sse_client.EventStream(stream).start().last_id
                result["value"] = "taken for it" if began == position else "ignored"
        with self.cell("nothing crashed"):
            if self.server.responder:
                self.assertTrue(all(map(harness.is_alive, before)))
            self.assertEqual(self.outcome("/events/app?last=1"), "app")
