# SPDX-License-Identifier: MIT
"""Answers other than streams: the list, refusals that name their reason, CORS."""

import json

import harness

ALLOWED = "https://app.example.org"


class Answers(harness.Case):
    def setUp(self):
        super().setUp()
        _, settings = self.tail(text="line\n")
        price = {"source": "price", "symbols": ["ACME", "GLOBEX"], "seed": 42}
        self.server = self.responder(self.config(
            {"app": settings, "price": price, "clock": {"source": "clock"}},
            cors_origins=[ALLOWED]))

    def ask(self, path, method="GET", headers=None, **more):
        return self.keep(self.server.request(path, method, headers, **more))

    def assert_error(self, response, status, *words):
        """A JSON body whose error names the words; and the server goes on serving."""
        self.assertEqual(response.status, status)
        self.assertEqual(response.headers["content-type"].split(";")[0], "application/json")
        self.assertIn("no-store", response.headers["cache-control"])
        body = json.loads(response.body())
        for word in words:
            self.assertIn(word, body["error"])
        self.assertEqual(response.end, (0, 0))
        self.server.stream("/events/app").close()


class Listing(Answers):
    def test_it_names_each_stream_with_its_source_and_url(self):
        response = self.ask("/events/")
        self.assertEqual(response.status, 200)
        self.assertEqual(response.headers["content-type"].split(";")[0], "application/json")
        streams = {s["name"]: s for s in json.loads(response.body())["streams"]}
        self.assertEqual(set(streams), {"app", "price", "clock"})
        self.assertEqual(streams["app"]["source"], "tail")
        self.assertEqual(streams["app"]["url"], "/events/app")
        self.assertEqual(streams["price"]["params"], ["symbol"])
        self.assertEqual(streams["app"]["readers"], 0)

    def test_it_tells_what_is_read_what_is_published_into_and_what_answers(self):
        anybody = {"publish": {"addresses": ["127.0.0.1"]}}
        asked = {"source": "exec", "mode": "per_request", "argv": ["/bin/echo", "secret"],
                 "framing": "chunks"}
        config = self.config({
            "clock": {"source": "clock"}, "topic": dict(anybody, source="topic"),
            "ask": dict(asked, **anybody), "nobody": asked}, "asked.json", state_dir=str(self.dir))
        self.server = self.responder(config, is_tcp=True, log="asked.log")
        body = self.ask("/events/").body()
        streams = {s["name"]: s for s in json.loads(body)["streams"]}
        self.assertEqual({name: s["methods"] for name, s in streams.items()},
                         {"clock": ["GET"], "topic": ["GET", "POST"], "ask": ["POST"], "nobody": []})
        self.assertEqual(streams["ask"]["framing"], "chunks")
        self.assertNotIn("framing", streams["clock"])
        self.assertNotIn(b"secret", body)

    def test_it_is_the_same_without_the_slash(self):
        self.assertIn("streams", json.loads(self.ask("/events").body()))

    def test_it_counts_readers(self):
        streams = [self.keep(self.server.stream("/events/app")) for _ in range(3)]
        self.assertEqual(self.server.readers("app"), 3)
        self.assertEqual(self.server.readers("clock"), 0)
        streams[0].close()
        harness.wait_until(lambda: self.server.readers("app") == 2, "a reader's departure counts")


class Refusals(Answers):
    def test_an_unknown_stream_is_404(self):
        for name in ("nope", "app/", "app/x", "", "../app", "APP", "a" * 5000, "\u00e9", "%"):
            if name:
                self.assert_error(self.ask("/events/" + name), 404)

    def test_404_does_not_echo_what_was_asked_as_markup(self):
        response = self.ask("/events/<script>alert(1)</script>")
        self.assertEqual(response.headers["content-type"].split(";")[0], "application/json")
        self.assertEqual(response.headers.get("x-content-type-options"), "nosniff")

    def test_a_wrong_method_is_405_with_allow(self):
        for method in ("POST", "PUT", "DELETE", "PATCH", "get", "FOO"):
            response = self.ask("/events/app", method)
            allow = {m.strip() for m in response.headers.get("allow", "").split(",")}
            self.assertEqual(allow, {"GET", "HEAD", "OPTIONS"}, method)
            self.assert_error(response, 405)

    def test_a_body_that_nobody_wants_does_no_harm(self):
        response = self.ask("/events/app", "POST", body=b"x" * 200000, CONTENT_LENGTH="200000")
        self.assert_error(response, 405)

    def test_a_bad_from_is_400_and_named(self):
        for value in ("", "a%20b", "a" * 129, "not-of-this-source", "%C3%A9"):
            self.assert_error(self.ask("/events/app?from=" + value), 400, "from")

    def test_a_bad_last_is_400_and_named(self):
        for value in ("", "-1", "x", "1.5", "1e3", "99999999999999999999", "%20 1"):
            self.assert_error(self.ask("/events/app?last=" + value), 400, "last")

    def test_a_bad_source_parameter_is_400_and_named(self):
        self.assert_error(self.ask("/events/price?symbol=NOPE"), 400, "symbol", "NOPE", "ACME")

    def test_a_broken_query_is_400(self):
        self.assert_error(self.ask("/events/app?from=%zz"), 400)
        self.assert_error(self.ask("/events/app?last=1%"), 400)
        self.assert_error(self.ask("/events/app?last=1&last=2"), 400, "last")
        self.assert_error(self.ask("/events/app?nonsense=1"), 400, "nonsense")

    def test_a_request_that_is_too_long_is_414(self):
        self.assert_error(self.ask("/events/app?" + "&".join("a=1" for _ in range(200))), 414)
        self.assert_error(self.ask("/events/app?from=" + "a" * 20000), 414)
        self.assert_error(self.ask("/events/" + "a" * 20000), 414)

    def test_parameters_of_a_source_pick(self):
        stream = self.keep(self.server.stream("/events/price?symbol=GLOBEX&last=3"))
        seen = [json.loads(stream.event().data)["symbol"] for _ in range(3)]
        self.assertEqual(seen, ["GLOBEX"] * 3)

    def test_head_has_the_head_and_no_body(self):
        for path, kind in (("/events/app", "text/event-stream"), ("/events/", "application/json")):
            response = self.ask(path, "HEAD")
            self.assertEqual(response.status, 200)
            self.assertEqual(response.headers["content-type"].split(";")[0], kind)
            self.assertEqual(response.body(), b"")
            self.assertEqual(response.end, (0, 0))
        self.assertEqual(self.ask("/events/nope", "HEAD").status, 404)


class Cors(Answers):
    def preflight(self, origin, path="/events/app"):
        return self.ask(path, "OPTIONS", {"Origin": origin, "Access-Control-Request-Method": "GET",
                                          "Access-Control-Request-Headers": "last-event-id"})

    def assert_no_cors(self, response):
        self.assertEqual([h for h in response.headers if h.startswith("access-control-")], [])

    def test_an_allowed_origin_may(self):
        response = self.preflight(ALLOWED)
        self.assertEqual(response.status, 204)
        self.assertEqual(response.headers["access-control-allow-origin"], ALLOWED)
        self.assertIn("GET", response.headers["access-control-allow-methods"])
        allowed = response.headers["access-control-allow-headers"].lower()
        self.assertIn("last-event-id", allowed)
        self.assertEqual(response.body(), b"")

    def test_another_origin_may_not(self):
        for origin in ("https://evil.example", ALLOWED + ".evil.example", "null", ALLOWED.upper(),
                       "http://app.example.org"):
            self.assert_no_cors(self.preflight(origin))
            self.assert_no_cors(self.ask("/events/app", headers={"Origin": origin}))

    def test_streams_and_errors_name_the_allowed_origin(self):
        for path, status in (("/events/app", 200), ("/events/", 200), ("/events/nope", 404)):
            response = self.ask(path, headers={"Origin": ALLOWED})
            self.assertEqual(response.status, status)
            self.assertEqual(response.headers.get("access-control-allow-origin"), ALLOWED, path)
            self.assertIn("origin", response.headers.get("vary", "").lower())

    def test_without_an_origin_nothing_is_said(self):
        self.assert_no_cors(self.ask("/events/app"))

    def test_the_star_never_comes_with_credentials(self):
        _, settings = self.tail("other.log")
        path = self.config({"app": settings}, "star.json", cors_origins=["*"])
        self.server = self.responder(path, is_tcp=True, log="star.log")
        for response in (self.preflight("https://any.example"),
                         self.ask("/events/app", headers={"Origin": "https://any.example"})):
            self.assertEqual(response.headers["access-control-allow-origin"], "*")
            self.assertNotIn("access-control-allow-credentials", response.headers)

    def test_options_without_an_origin_is_answered(self):
        response = self.ask("/events/app", "OPTIONS")
        self.assertIn(response.status, (200, 204))
        self.assert_no_cors(response)
