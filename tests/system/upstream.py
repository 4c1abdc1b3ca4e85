# SPDX-License-Identifier: MIT
"""A stand-in for a server that speaks OpenAI's protocol, with every fault that a test wants.

It is no language model: it says the words that it was told to say. What it answers next is a Reply,
whose steps are bytes to write, or one of CUT, RESET, END, HANG, or a threading.Event to wait for.

    python3 upstream.py PORT [WORDS [PER_SECOND]]     answers everybody with so many words
"""

import asyncio
import json
import socket
import struct
import sys
import threading

NAME = "stand-in for an OpenAI-compatible server"
HEAD_MAX = 65536

CUT = "cut"      # closes the connection in the middle
RESET = "reset"  # the same, and what is on its way is lost
END = "end"      # ends the body
HANG = "hang"    # says nothing more until the client leaves


def chunk(text=None, finish=None, **more):
    """The text of a chunk, as the real ones write it."""
    delta = {} if text is None else {"content": text}
    value = {"id": "chatcmpl-stand-in", "object": "chat.completion.chunk", "created": 1,
             "model": "m", "system_fingerprint": NAME,
             "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]}
    value.update(more)
    return json.dumps(value)


def data(text):
    return b"data: " + text.encode() + b"\n\n"


def usage(prompt, completion):
    return chunk(choices=[], usage={"prompt_tokens": prompt, "completion_tokens": completion,
                                    "total_tokens": prompt + completion})


DONE = data("[DONE]")


def words(*texts):
    """The steps of an answer that ends well."""
    return ([data(chunk(""))] + [data(chunk(t)) for t in texts]
            + [data(chunk(finish="stop")), data(usage(7, len(texts))), DONE, END])


class Reply:
    def __init__(self, steps=(), status=200, kind="text/event-stream", headers=None, split=0,
                 pause_s=0):
        self.steps = list(steps)
        self.status = status
        self.kind = kind
        self.headers = headers or {}
        self.split = split      # so many bytes at a time; 0: as they are
        self.pause_s = pause_s  # after each step


def error(status, message="no", kind="some_error", **headers):
    body = json.dumps({"error": {"message": message, "type": kind, "code": None}}).encode()
    return Reply([body, END], status, "application/json",
                 {k.replace("_", "-"): str(v) for k, v in headers.items()})


class Upstream:
    """Serves from a thread of its own. `replies` are used up in order, then `otherwise` is."""

    def __init__(self, otherwise=None, port=0):
        self.otherwise = otherwise or Reply(words("Hello", " ", "world"))
        self.replies = []
        self.requests = []  # (path, headers, body as JSON)
        self.left = 0       # clients that left before the end
        self.connections = 0
        self.port = port
        self._tasks = set()
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._stop = None
        self._thread = threading.Thread(target=self._loop.run_until_complete,
                                        args=(self._serve(),), daemon=True)
        self._thread.start()
        self._ready.wait()

    @property
    def url(self):
        return "http://127.0.0.1:%d/v1" % self.port

    def close(self):
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()
        self._loop.close()

    def join(self):
        self._thread.join()

    async def _serve(self):
        self._stop = asyncio.Event()
        server = await asyncio.start_server(self._connection, "127.0.0.1", self.port,
                                            limit=HEAD_MAX, backlog=1000)
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        await self._stop.wait()
        server.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _connection(self, reader, writer):
        self._tasks.add(asyncio.current_task())
        self.connections += 1
        try:
            while await self._exchange(reader, writer):
                pass
        except (OSError, EOFError):
            self.left += 1
        except asyncio.CancelledError:
            pass
        finally:
            self._tasks.discard(asyncio.current_task())
            writer.close()

    async def _exchange(self, reader, writer):
        """One request. True: the connection can be used again."""
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        except asyncio.IncompleteReadError:
            return False
        headers = {k.lower(): v for k, _, v in (line.partition(": ") for line in head[1:])}
        body = await reader.readexactly(int(headers.get("content-length", 0)))
        self.requests.append((head[0].split()[1], headers, json.loads(body)))
        reply = self.replies.pop(0) if self.replies else self.otherwise
        text = "HTTP/1.1 %d X\r\nServer: %s\r\nContent-Type: %s\r\n" % (reply.status, NAME, reply.kind)
        text += "".join("%s: %s\r\n" % item for item in reply.headers.items())
        writer.write((text + "Transfer-Encoding: chunked\r\n\r\n").encode())
        return await self._steps(reply, reader, writer)

    async def _steps(self, reply, reader, writer):
        for step in reply.steps:
            if step is END:
                await self._write(writer, b"0\r\n\r\n", reply.split)
                return True
            if step is CUT:
                return False
            if step is RESET:
                writer.get_extra_info("socket").setsockopt(
                    socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                return False
            if step is HANG:
                await reader.read(1)
                raise EOFError
            if isinstance(step, threading.Event):
                while not step.is_set():
                    await asyncio.sleep(0.01)
                continue
            await self._write(writer, b"%x\r\n%s\r\n" % (len(step), step), reply.split)
            if reply.pause_s:
                await asyncio.sleep(reply.pause_s)
        return False

    @staticmethod
    async def _write(writer, bytes_, split):
        size = split or len(bytes_)
        for i in range(0, len(bytes_), size):
            writer.write(bytes_[i:i + size])
            await writer.drain()
            if split:
                await asyncio.sleep(0)


def main(port, count="100", rate="50"):
    texts = ["word%d " % i for i in range(int(count))]
    server = Upstream(Reply(words(*texts), pause_s=1 / float(rate)), int(port))
    print("%s at %s" % (NAME, server.url), flush=True)
    server.join()


if __name__ == "__main__":
    main(*sys.argv[1:])
