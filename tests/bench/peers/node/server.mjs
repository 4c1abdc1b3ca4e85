// SPDX-License-Identifier: MIT
// server.mjs: a peer of the benchmark: an event stream by Node and better-sse.
//
//     node server.mjs PORT < LINES
//
// As the documentation of better-sse shows it: a session for each reader, all in one channel, to
// which each line is broadcast. It has no history of its own.

import { createServer } from "node:http";
import { createInterface } from "node:readline";
import { createChannel, createSession } from "better-sse";

const channel = createChannel();
let count = 0;

const server = createServer(async (request, response) => {
  const session = await createSession(request, response, {
    serializer: String, // lines are text, not JSON
    keepAlive: null,
  });
  channel.register(session);
});

createInterface({ input: process.stdin })
  .on("line", (line) => channel.broadcast(line, "message", { eventId: String(++count).padStart(30, "0") }))
  .on("close", () => process.exit(0));

server.listen({ host: "127.0.0.1", port: Number(process.argv[2]), backlog: 4096 });
