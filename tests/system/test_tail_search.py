# SPDX-License-Identifier: MIT
"""Search, pages and times in a log with rotated files, as readers ask for them."""

import json
import os
import subprocess
import urllib.parse

import harness


class Search(harness.Case):
    def setUp(self):
        super().setUp()
        self.log, self.app = self.tail(time_format="iso8601")
        self.times = ["2026-11-21T10:%02d:%02dZ" % (n // 60, n % 60) for n in range(600)]
        self.lines = ["%s %s %d" % (t, "rare" if n % 50 == 7 else "plain", n)
                      for n, t in enumerate(self.times)]
        self.files(self.lines[:200], ".2", is_compressed=True)
        self.files(self.lines[200:400], ".1")
        self.files(self.lines[400:], "")
        self.rare = [line for line in self.lines if "rare" in line]
        self.server = self.responder(self.config({"app": self.app, "levels": dict(
            self.app, level_events=True, format="json")}))

    def files(self, lines, suffix, is_compressed=False):
        name = str(self.log) + suffix
        with open(name, "w", encoding="ascii") as f:
            f.write("".join(line + "\n" for line in lines))
        if is_compressed:
            subprocess.run(["gzip", name], check=True)

    def stream(self, query, headers=None, name="app"):
        return self.keep(self.server.stream("/events/%s?%s" % (name, query), headers))

    def events(self, stream, count):
        """Events with data, without news of the search."""
        found = []
        while len(found) < count:
            event = stream.event()
            if event.event != "stream.progress":
                found.append(event)
        return found

    def page(self, query):
        blocks = [b for b in self.stream(query).rest() if b.data is not None]
        self.assertEqual(blocks[-1].event, "stream.end")
        return blocks[:-1]

    def error(self, query, status=400):
        response = self.keep(self.server.request("/events/app?" + query))
        self.assertEqual(response.status, status)
        return json.loads(response.body())["error"]


class Filter(Search):
    def test_all_of_history_is_searched_and_then_what_is_new(self):
        stream = self.stream("from=start&grep=rare")
        self.assertEqual([e.data for e in self.events(stream, len(self.rare))], self.rare)
        harness.append(self.log, "plain again\n")
        harness.append(self.log, "rare again\n")
        self.assertEqual(self.events(stream, 1)[0].data, "rare again")

    def test_a_reader_cut_off_goes_on_with_the_next_match(self):
        first = self.events(self.stream("from=start&grep=rare"), 5)
        again = self.stream("grep=rare", {"Last-Event-ID": first[-1].id})
        self.assertEqual([e.data for e in self.events(again, 3)], self.rare[5:8])

    def test_an_id_is_the_same_without_the_filter(self):
        found = self.events(self.stream("from=start&grep=rare"), 1)[0]
        after = self.stream("from=" + found.id).event()
        self.assertEqual(after.data, self.lines[8])

    def test_it_ends_at_a_position_whose_line_is_held_back(self):
        ids = [e.id for e in self.events(self.stream("from=start"), 30)]
        found = self.page("from=start&grep=rare&until=" + ids[29])
        self.assertEqual([e.data for e in found], self.rare[:1])

    def test_a_regex_and_its_inverse_share_the_log(self):
        pattern = urllib.parse.quote(r"^\S+ rare \d+$")
        stream = self.stream("from=start&regex=" + pattern)
        self.assertEqual([e.data for e in self.events(stream, len(self.rare))], self.rare)
        stream = self.stream("last=3&invert=1&regex=" + pattern)
        self.assertEqual([e.data for e in self.events(stream, 3)], self.lines[-3:])

    def test_last_counts_matches_only(self):
        stream = self.stream("last=3&grep=rare")
        self.assertEqual([e.data for e in self.events(stream, 3)], self.rare[-3:])

    def test_readers_with_the_same_filter_share_a_channel(self):
        streams = [self.stream("grep=rare") for _ in range(3)]
        harness.append(self.log, "no\nrare one\n")
        self.assertEqual({self.events(s, 1)[0].data for s in streams}, {"rare one"})
        self.assertEqual(self.server.readers("app"), 3)

    def test_a_bad_pattern_is_400_and_told_where(self):
        self.assertEqual(self.error("regex=a(b"),
                         "regex: at offset 3: missing closing parenthesis")
        self.assertIn("grep: must be at most", self.error("grep=" + "a" * 513))
        self.assertIn("invert: goes with", self.error("invert=1"))

    def test_a_pattern_over_budget_is_a_gap_and_others_are_served(self):
        harness.append(self.log, "a" * 60 + "b\n" + "aaa\n")
        stream = self.stream("last=2&regex=" + urllib.parse.quote("^(a+)+$"))
        events = self.events(stream, 2)
        self.assertEqual(json.loads(events[0].data)["reason"], "filter-limit")
        self.assertEqual(events[1].data, "aaa")


class Page(Search):
    def test_pages_backwards_join_up_to_the_whole_history(self):
        stream = self.stream("last=1")
        seen = [stream.event()]
        while True:
            events = self.page("last=70&before=" + seen[0].id)
            if not events:
                break
            seen = events + seen
        self.assertEqual([e.data for e in seen], self.lines)

    def test_pages_of_matches_do_so_too(self):
        seen = [self.events(self.stream("last=1&grep=rare"), 1)[0]]
        while True:
            events = self.page("last=5&grep=rare&before=" + seen[0].id)
            if not events:
                break
            seen = events + seen
        self.assertEqual([e.data for e in seen], self.rare)

    def test_before_a_position_that_is_gone_is_410(self):
        at = self.stream("last=1").event().id
        for suffix in ("", ".1", ".2.gz"):
            os.unlink(str(self.log) + suffix)
        harness.append(self.log, "another log\n")
        harness.wait_until(lambda: self.status("before=" + at) == 410, "410")

    def status(self, query):
        response = self.server.request("/events/app?" + query)
        try:
            return response.status
        finally:
            response.close()


class Since(Search):
    def test_a_time_is_found_in_any_of_the_files(self):
        for n in (0, 3, 199, 200, 201, 399, 400, 430, 599):
            self.assertEqual(self.stream("since=" + self.times[n]).event().data, self.lines[n])

    def test_a_time_before_all_begins_with_the_oldest(self):
        self.assertEqual(self.stream("since=2020-01-01").event().data, self.lines[0])

    def test_a_time_after_all_begins_with_what_is_new(self):
        stream = self.stream("since=2030-01-01")
        harness.append(self.log, "new\n")
        self.assertEqual(stream.event().data, "new")

    def test_it_goes_with_a_filter(self):
        stream = self.stream("grep=rare&since=" + self.times[300])
        self.assertEqual(self.events(stream, 1)[0].data, self.lines[307])


class Form(Search):
    def test_a_level_is_the_name_and_json_holds_the_line(self):
        stream = self.stream("", name="levels")
        harness.append(self.log, "[error] it \"broke\"\nnothing\n")
        event = stream.event()
        offset = os.path.getsize(self.log)
        self.assertEqual(event.event, "error")
        self.assertEqual(json.loads(event.data), {"line": "[error] it \"broke\"",
                                                  "offset": offset - len("nothing\n")})
        event = stream.event()
        self.assertEqual((event.event, json.loads(event.data)["line"]), (None, "nothing"))
