# SPDX-License-Identifier: MIT
"""Connections of web servers that half close, reset or stall: each frees its reader, nothing leaks.

Heartbeat and stall time-out are an hour unless a test is about them: what is freed within its
deadline was noticed by itself.
"""

import os
import socket

import fcgi
import harness
import sse_client

PEERS = 20
HOUR = 3600
BIG = 16 << 20  # more than all buffers between here and there hold, for each peer


def half_close(peer):
    peer.sock.shutdown(socket.SHUT_WR)


def reset(peer):
    sse_client.reset(peer.sock)


def close(peer):
    peer.close()


WAYS = (half_close, reset, close)


class Gone:
    """Mixed into a harness.Case with is_tcp."""

    is_tcp = False

    def serve(self, **settings):
        self.log, app = self.tail(text="old 1\nold 2\n")
        settings = dict({"heartbeat_s": HOUR, "stall_timeout_s": HOUR}, **settings)
        self.server = self.responder(self.config({"app": app}, **settings), is_tcp=self.is_tcp)
        self.good = self.keep(self.server.stream("/events/app"))
        self.count = 0
        self.assert_good_goes_on()
        self.base = self.descriptors()

    def descriptors(self):
        return len(os.listdir("/proc/%d/fd" % self.server.process.pid))

    def assert_good_goes_on(self):
        self.count += 1
        harness.append(self.log, "line %d\n" % self.count)
        while self.good.event().data != "line %d" % self.count:
            pass

    def assert_all_are_gone(self, what):
        harness.wait_until(lambda: self.descriptors() == self.base,
                           "%s: the descriptors are as before" % what)
        self.assertEqual(self.server.readers("app"), 1, what)
        self.assert_good_goes_on()

    def peers(self, data, receive_bytes=0):
        found = []
        for _ in range(PEERS):
            peer = self.keep(self.server.connect())
            if receive_bytes:
                peer.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
            peer.send(data)
            found.append(peer)
        return found

    def held(self, data):
        """Peers whose connections are open at the other end, too."""
        peers = self.peers(data)
        harness.wait_until(lambda: self.descriptors() == self.base + PEERS, "all are connected")
        return peers

    def request(self, path="/events/app", **more):
        return fcgi.request_bytes(fcgi.environment(path), **more)

    def readers(self, data, receive_bytes=0):
        peers = self.peers(data, receive_bytes)
        harness.wait_until(lambda: self.server.readers("app") == PEERS + 1, "all are readers")
        return peers

    def test_quiet_streams_end_with_their_connections(self):
        self.serve()
        for way in WAYS:
            for flags in (0, fcgi.KEEP_CONN):
                for peer in self.readers(self.request(flags=flags)):
                    way(peer)
                self.assert_all_are_gone("%s, flags %d" % (way.__name__, flags))

    def test_unfinished_requests_end_with_their_connections(self):
        self.serve()
        whole = self.request()
        for cut in (0, 3, 8, 16, 20, len(whole) - 16, len(whole) - 8, len(whole) - 1):
            for way in WAYS:
                for peer in self.held(whole[:cut]):
                    way(peer)
                self.assert_all_are_gone("%s after %d bytes" % (way.__name__, cut))

    def test_bodies_that_do_not_come_to_their_end_leave_nothing(self):
        self.serve()
        params = fcgi.environment("/events/app", "POST", CONTENT_LENGTH="100000")
        data = fcgi.begin() + fcgi.record(fcgi.PARAMS, fcgi.pairs(params)) \
            + fcgi.record(fcgi.PARAMS) + fcgi.record(fcgi.STDIN, b"x" * 1000)
        for way in WAYS:
            for peer in self.held(data):
                way(peer)
            self.assert_all_are_gone(way.__name__)

    def test_connections_kept_after_an_answer_end_when_they_are_closed(self):
        self.serve()
        for way in WAYS:
            peers = self.peers(self.request("/events/", flags=fcgi.KEEP_CONN))
            for peer in peers:
                fcgi.FcgiResponse(peer).read_head().body()
                way(peer)
            self.assert_all_are_gone(way.__name__)

    def fill(self):
        """Writes so much that nobody gets it all who does not read."""
        harness.append(self.log, ("x" * 1023 + "\n") * (BIG >> 10))
        self.assert_good_goes_on()  # it has come through

    def test_stalled_connections_are_freed_by_their_time_out(self):
        self.serve(stall_timeout_s=1)
        self.readers(self.request(), receive_bytes=4096)
        self.fill()
        self.assert_all_are_gone("stalled")

    def test_stalled_connections_that_end_do_not_wait_for_the_time_out(self):
        self.serve()
        self.fill()
        for way in WAYS:
            peers = self.readers(self.request("/events/app?from=start"), receive_bytes=4096)
            for peer in peers:
                way(peer)
            self.assert_all_are_gone(way.__name__)


class OverUnix(Gone, harness.Case):
    def test_a_peer_that_reads_no_more_is_found_by_the_heartbeat(self):
        self.serve(heartbeat_s=1)
        for peer in self.readers(self.request()):
            peer.sock.shutdown(socket.SHUT_RD)
        self.assert_all_are_gone("SHUT_RD")


class OverTcp(Gone, harness.Case):
    is_tcp = True
