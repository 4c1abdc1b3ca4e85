# SPDX-License-Identifier: MIT
"""Byte sources for streams that come compressed, or over HTTP/2 (read by curl)."""

import os
import select
import shutil
import subprocess
import zlib


class Gunzip:
    """What a source yields, decompressed as it comes."""

    def __init__(self, source):
        self.source = source
        self._gunzip = zlib.decompressobj(31)

    def recv(self, timeout):
        while True:
            data = self.source.recv(timeout)
            plain = self._gunzip.decompress(data)
            if plain or not data:
                return plain

    def close(self):
        self.source.close()


class Curl:
    """A GET over TLS and HTTP/2. Underscores in header names stand for hyphens."""

    count = 0

    def __init__(self, folder, url, headers):
        Curl.count += 1
        self._head = folder / ("curl-%d.head" % Curl.count)
        args = [shutil.which("curl"), "-sSNk", "--http2", "-D", str(self._head), url]
        for name, value in headers.items():
            args += ["-H", "%s: %s" % (name.replace("_", "-"), value)]
        with open(folder / "curl.log", "ab") as errors:
            self.process = subprocess.Popen(args, stdin=subprocess.DEVNULL, stderr=errors,
                                            stdout=subprocess.PIPE)

    def version(self):
        return self._head.read_text().split(" ")[0]

    def recv(self, timeout):
        pipe = self.process.stdout
        if not select.select([pipe], [], [], max(timeout, 0))[0]:
            raise TimeoutError("nothing from curl")
        return os.read(pipe.fileno(), 65536)

    def close(self):
        self.process.stdout.close()
        self.process.kill()
        self.process.wait()
