# SPDX-License-Identifier: MIT
"""The cells of the table in doc/front-ends.md for Apache with mod_fcgid, and its busy time-out."""

import time

import front_end_bad
import front_end_matrix
import front_end_servers
import sse_client

BUSY_S = 10  # the least that shows: mod_fcgid looks once in SCAN seconds


class Matrix(front_end_matrix.Matrix, front_end_bad.BadInput, front_end_servers.ApacheFcgid):
    def test_a_busy_stream_outlives_the_busy_time_out(self):
        self.begin(folder="endless", BUSY=BUSY_S, SCAN=1)
        endless, _ = self.clock()
        self.begin(folder="aged", settings={"max_stream_age_s": 6}, BUSY=BUSY_S, SCAN=1)
        with self.cell("a busy stream outlives `FcgidBusyTimeout`"):
            began = time.monotonic()
            stream, last = self.clock()
            cuts = self.follow(stream, lambda: None, last, 10 * (BUSY_S + 4))
            self.assertGreaterEqual(cuts, 1)
            self.assertGreater(time.monotonic() - began, BUSY_S)
        try:
            while True:  # what the age prevents: this one did not end by itself
                endless.block()
        except (OSError, sse_client.StreamEnded):
            pass
