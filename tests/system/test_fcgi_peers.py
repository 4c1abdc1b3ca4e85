# SPDX-License-Identifier: MIT
"""Peers that are silent, slow or broken: each loses its own connection at most.

In every test one good reader goes on receiving while the odd peer does its worst.
"""

import json
import random
import socket
import struct

import fcgi
import harness
import sse_client
from fcgi import begin, pairs, record

REQUEST_DEADLINE = 40.0  # more than ssecgi gives a request to be whole


class Peers(harness.Case):
    def setUp(self):
        super().setUp()
        self.log, settings = self.tail()
        self.server = self.responder(self.config({"app": settings}))
        self.good = self.keep(self.server.stream("/events/app"))
        self.count = 0
        self.params = fcgi.environment("/events/app")

    def connect(self):
        return self.keep(self.server.connect())

    def assert_good_goes_on(self, readers=1):
        self.count += 1
        harness.append(self.log, "line %d\n" % self.count)
        self.assertEqual(self.good.event().data, "line %d" % self.count)
        harness.wait_until(lambda: self.server.readers("app") == readers,
                           "%d readers are counted" % readers)

    def assert_loses_its_connection(self, data, name):
        """What the peer gets before its end is whole records at most."""
        peer = self.connect()
        try:
            peer.send(data)
            peer.wait_closed()
        except (BrokenPipeError, ConnectionResetError):
            pass
        except TimeoutError:
            self.fail("still connected: %s" % name)
        peer.close()

    def streams_after(self, data):
        """The peer gets its stream."""
        peer = self.connect()
        peer.send(data)
        return peer, sse_client.EventStream(fcgi.FcgiResponse(peer).read_head()).start()


class Silent(Peers):
    def test_silent_and_unfinished_peers_are_closed_in_time_and_delay_nobody(self):
        whole = fcgi.request_bytes(self.params)
        parts = [b"", whole[:3], whole[:8], whole[:12], whole[:16], whole[:40], whole[:-16],
                 whole[:-8], whole[:-1]]
        peers = []
        for part in parts:
            peer = self.connect()
            peer.send(part)
            peers.append(peer)
            self.assert_good_goes_on()
        for part, peer in zip(parts, peers):
            self.assertEqual(peer.wait_closed(REQUEST_DEADLINE), [], "after %d bytes" % len(part))
        self.assert_good_goes_on()

    def test_many_silent_peers_delay_nobody(self):
        for _ in range(200):
            self.connect()
        self.assert_good_goes_on()
        stream = self.keep(self.server.stream("/events/app"))
        self.assert_good_goes_on(readers=2)
        self.assertEqual(stream.event().data, "line 2")


class Slow(Peers):
    def test_a_request_may_come_byte_by_byte(self):
        peer = self.connect()
        for byte in fcgi.request_bytes(self.params):
            peer.send(bytes([byte]))
        sse_client.EventStream(fcgi.FcgiResponse(peer).read_head()).start()
        self.assert_good_goes_on(readers=2)

    def test_a_request_may_come_cut_anywhere(self):
        whole = fcgi.request_bytes(self.params)
        for cut in [*range(1, 40), *range(40, len(whole), 7), *range(len(whole) - 17, len(whole))]:
            peer = self.connect()
            peer.send(whole[:cut])
            self.server.listing()  # a whole turn of the loop between the two halves
            peer.send(whole[cut:])
            sse_client.EventStream(fcgi.FcgiResponse(peer).read_head()).start()
            peer.close()
        self.assert_good_goes_on()

    def test_params_may_be_cut_into_any_records(self):
        content = pairs(self.params)
        data = begin() + b"".join(record(fcgi.PARAMS, content[n:n + 1], padding=n % 9)
                                  for n in range(len(content)))
        self.streams_after(data + record(fcgi.PARAMS) + record(fcgi.STDIN))
        self.assert_good_goes_on(readers=2)

    def test_padding_of_any_length_is_skipped(self):
        content = pairs(self.params)
        for padding in (1, 7, 255):
            peer, _ = self.streams_after(begin() + record(fcgi.PARAMS, content, padding=padding)
                                         + record(fcgi.PARAMS, padding=padding)
                                         + record(fcgi.STDIN, padding=padding))
            peer.close()
        self.assert_good_goes_on()


class Broken(Peers):
    def test_a_wrong_version_loses_its_connection(self):
        for version in (0, 2, 255):
            self.assert_loses_its_connection(record(fcgi.BEGIN_REQUEST, b"\0\1" + b"\0" * 6,
                                                    version=version), version)
            self.assert_good_goes_on()

    def test_http_sent_by_mistake_loses_its_connection(self):
        self.assert_loses_its_connection(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP")
        self.assert_loses_its_connection(b"\x16\x03\x01\x02\x00\x01\x00", "TLS")
        self.assert_good_goes_on()

    def test_a_begin_request_of_a_wrong_length_loses_its_connection(self):
        for size in (0, 7, 9, 65535):
            self.assert_loses_its_connection(
                record(fcgi.BEGIN_REQUEST, b"\0\1".ljust(size, b"\0")[:size]), size)
        self.assert_good_goes_on()

    def test_pairs_that_reach_beyond_their_end_lose_their_connection(self):
        broken = [b"\x05", b"\x05\x05ab", b"\x80", b"\x80\0\0", b"\xff\xff\xff\xff\x01a",
                  b"\x01\xff\xff\xff\xffab", b"\x80\0\0\x01\x80\0\0", pairs(self.params) + b"\x01"]
        for content in broken:
            self.assert_loses_its_connection(
                begin() + record(fcgi.PARAMS, content) + record(fcgi.PARAMS) + record(fcgi.STDIN),
                content[:20])
        self.assert_good_goes_on()

    def test_stdin_before_the_params_loses_its_connection(self):
        self.assert_loses_its_connection(begin() + record(fcgi.STDIN, b"x") + record(fcgi.STDIN),
                                         "STDIN")
        self.assert_good_goes_on()

    def test_params_behind_their_end_lose_their_connection(self):
        content = pairs(self.params)
        self.assert_loses_its_connection(
            begin() + record(fcgi.PARAMS, content) + record(fcgi.PARAMS)
            + record(fcgi.PARAMS, content) + record(fcgi.STDIN), "PARAMS")
        self.assert_good_goes_on()

    def test_another_role_is_refused(self):
        for role in (fcgi.AUTHORIZER, fcgi.FILTER, 0, 77):
            peer = self.connect()
            peer.send(begin(role) + record(fcgi.PARAMS, pairs(self.params)) + record(fcgi.PARAMS)
                      + record(fcgi.STDIN))
            ends = [struct.unpack("!IB3x", r[2]) for r in peer.wait_closed()
                    if r[0] == fcgi.END_REQUEST]
            self.assertEqual(ends, [(0, fcgi.UNKNOWN_ROLE)], role)
        self.assert_good_goes_on()

    def test_noise_loses_its_connection(self):
        noise = random.Random(20261121)
        for _ in range(100):
            peer = self.connect()
            data = noise.randbytes(noise.randrange(1, 3000))
            if noise.random() < 0.7:  # further than the first header
                data = begin() + record(noise.randrange(1, 12), data, padding=noise.randrange(256))
            try:
                peer.send(data)
                peer.sock.shutdown(socket.SHUT_WR)
                peer.wait_closed()
            except (OSError, AssertionError):
                pass
            peer.close()
        self.assert_good_goes_on()


class Oversize(Peers):
    def assert_refused_or_closed(self, data):
        peer = self.connect()
        try:
            peer.send(data)
            response = fcgi.FcgiResponse(peer).read_head()
            self.assertEqual(response.status, 431)
        except (OSError, sse_client.StreamEnded):
            pass  # closed at once
        peer.close()

    def test_too_many_variables_are_refused(self):
        for size in (140000, 5000000):
            params = dict(self.params, HTTP_COOKIE="x" * size)
            self.assert_refused_or_closed(fcgi.request_bytes(params))
            self.assert_good_goes_on()

    def test_many_small_variables_are_refused(self):
        params = dict(self.params, **{"HTTP_X_%d" % n: "y" for n in range(20000)})
        self.assert_refused_or_closed(fcgi.request_bytes(params))
        self.assert_good_goes_on()

    def test_variables_within_the_limit_are_taken(self):
        params = dict(self.params, HTTP_COOKIE="x" * 30000)
        self.streams_after(fcgi.request_bytes(params))
        self.assert_good_goes_on(readers=2)

    def test_a_body_that_is_too_large_is_413(self):
        peer = self.connect()
        peer.send(begin() + record(fcgi.PARAMS, pairs(fcgi.environment("/events/app", "POST")))
                  + record(fcgi.PARAMS))
        for _ in range(40):
            peer.send(record(fcgi.STDIN, b"x" * 65535))
        self.assert_good_goes_on()
        response = fcgi.FcgiResponse(peer).read_head()
        self.assertEqual(response.status, 413)
        json.loads(response.body())
        self.assert_good_goes_on()


class Management(Peers):
    def test_get_values_is_answered(self):
        for padding in (0, 5):
            peer = self.connect()
            asked = {"FCGI_MAX_CONNS": "", "FCGI_MPXS_CONNS": "", "NOT_KNOWN": ""}
            peer.send(record(fcgi.GET_VALUES, pairs(asked), request_id=0, padding=padding))
            kind, request_id, content = peer.next_record()
            self.assertEqual((kind, request_id), (fcgi.GET_VALUES_RESULT, 0))
            values = fcgi.parse_pairs(content)
            self.assertEqual(set(values), {"FCGI_MAX_CONNS", "FCGI_MPXS_CONNS"})
            self.assertEqual(values["FCGI_MPXS_CONNS"], "0")
            self.assertGreater(int(values["FCGI_MAX_CONNS"]), 0)
            peer.send(fcgi.request_bytes(self.params))  # and the connection is still good
            sse_client.EventStream(fcgi.FcgiResponse(peer).read_head()).start()
            peer.close()
        self.assert_good_goes_on()

    def test_an_unknown_management_record_is_answered(self):
        peer = self.connect()
        peer.send(record(99, b"whatever", request_id=0))
        kind, request_id, content = peer.next_record()
        self.assertEqual((kind, request_id, content[0]), (fcgi.UNKNOWN_TYPE, 0, 99))
        self.assert_good_goes_on()

    def test_an_unknown_record_of_a_request_is_ignored(self):
        self.streams_after(begin() + record(99, b"x") + record(8, b"FCGI_DATA")
                           + record(fcgi.PARAMS, pairs(self.params)) + record(fcgi.PARAMS)
                           + record(99, b"x" * 5000) + record(fcgi.STDIN))
        self.assert_good_goes_on(readers=2)

    def test_records_of_other_requests_are_ignored(self):
        self.streams_after(record(fcgi.ABORT_REQUEST, request_id=7)
                           + record(fcgi.PARAMS, b"junk", request_id=3)
                           + fcgi.request_bytes(self.params)
                           + record(fcgi.ABORT_REQUEST, request_id=7))
        self.assert_good_goes_on(readers=2)


class Leaving(Peers):
    def test_abort_ends_a_stream(self):
        peer, _ = self.streams_after(fcgi.request_bytes(self.params))
        self.assert_good_goes_on(readers=2)
        peer.send(record(fcgi.ABORT_REQUEST))
        self.assert_good_goes_on(readers=1)
        peer.wait_closed()

    def test_abort_in_the_same_write_as_the_request_does_no_harm(self):
        peer = self.connect()
        peer.send(fcgi.request_bytes(self.params) + record(fcgi.ABORT_REQUEST))
        peer.wait_closed()
        self.assert_good_goes_on()

    def test_abort_before_the_request_is_whole_closes(self):
        self.assert_loses_its_connection(begin() + record(fcgi.ABORT_REQUEST), "ABORT")
        self.assert_good_goes_on()

    def test_a_reset_is_noticed_on_a_quiet_stream(self):
        peer, _ = self.streams_after(fcgi.request_bytes(self.params))
        sse_client.reset(peer.sock)
        harness.wait_until(lambda: self.server.readers("app") == 1, "the reset was noticed")
        self.assert_good_goes_on()

    def test_a_close_is_noticed_on_a_quiet_stream(self):
        peer, _ = self.streams_after(fcgi.request_bytes(self.params))
        peer.close()
        harness.wait_until(lambda: self.server.readers("app") == 1, "the close was noticed")
        self.assert_good_goes_on()

    def test_a_half_close_is_a_departure(self):
        peer, _ = self.streams_after(fcgi.request_bytes(self.params))
        peer.sock.shutdown(socket.SHUT_WR)
        peer.wait_closed()
        self.assert_good_goes_on()

    def test_readers_come_and_go_by_hundreds(self):
        for round_ in range(3):
            streams = [self.server.stream("/events/app") for _ in range(150)]
            self.assert_good_goes_on(readers=151)
            for stream in streams:
                stream.event()
                (stream.close if round_ else lambda s=stream: sse_client.reset(
                    s.source.connection.sock))()
            self.assert_good_goes_on(readers=1)


class OneConnection(Peers):
    def test_keep_conn_serves_one_request_after_another(self):
        peer = self.connect()
        for request_id in (1, 2, 1, 500):
            peer.send(fcgi.request_bytes(fcgi.environment("/events/"), fcgi.KEEP_CONN, request_id))
            response = fcgi.FcgiResponse(peer, request_id).read_head()
            self.assertIn(b"streams", response.body())
            self.assertEqual(response.end, (0, fcgi.REQUEST_COMPLETE))
        peer.send(fcgi.request_bytes(self.params, fcgi.KEEP_CONN, 9))
        sse_client.EventStream(fcgi.FcgiResponse(peer, 9).read_head()).start()
        self.assert_good_goes_on(readers=2)

    def test_without_keep_conn_the_answer_closes(self):
        peer = self.connect()
        peer.send(fcgi.request_bytes(fcgi.environment("/events/")))
        self.assertEqual(peer.wait_closed()[-1][0], fcgi.END_REQUEST)
        self.assert_good_goes_on()

    def test_two_requests_in_one_write_are_answered_in_turn(self):
        peer = self.connect()
        peer.send(fcgi.request_bytes(fcgi.environment("/events/"), fcgi.KEEP_CONN, 1)
                  + fcgi.request_bytes(fcgi.environment("/events/"), fcgi.KEEP_CONN, 2))
        for request_id in (1, 2):
            self.assertIn(b"streams", fcgi.FcgiResponse(peer, request_id).read_head().body())
        self.assert_good_goes_on()

    def test_a_request_beside_a_stream_takes_its_place(self):
        # HAProxy takes a connection whose reader has left for another one, and says nothing.
        peer = self.connect()
        peer.send(fcgi.request_bytes(self.params, fcgi.KEEP_CONN))
        first = fcgi.FcgiResponse(peer)
        stream = sse_client.EventStream(first.read_head()).start()
        peer.send(fcgi.request_bytes(self.params, fcgi.KEEP_CONN, 2))
        self.assertEqual(stream.rest(), [])  # up to the end of the first request
        second = sse_client.EventStream(fcgi.FcgiResponse(peer, 2).read_head()).start()
        self.assert_good_goes_on(readers=2)
        self.assertEqual(second.event().data, "line 1")
