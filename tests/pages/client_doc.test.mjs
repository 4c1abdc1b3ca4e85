// SPDX-License-Identifier: MIT
// client_doc.test: each example of doc/client.md runs, and prints what the page says.

import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { eventsUrl } from "../../html/ssecgi.js";

const deadlineMs = 30000;
const page = readFileSync(new URL("../../doc/client.md", import.meta.url), "utf8");
const examples = [...page.matchAll(/^## ([^\n]*)\n|```js\n(.*?)```\n\n```text\n(.*?)```/gms)];

/* --- the streams of the examples ----------------------------------------------------------- */

const line = (number) => `id: p${number}\ndata: line ${number}\n\n`;
const hop = (number) => `id: h${number}\ndata: hop ${number}\n\n`;
const started = 'event: stream.started\ndata: {"id": "1", "url": "/events/trace/1"}\n\n';
const gap = 'id: p5\nevent: stream.gap\ndata: {"reason": "truncated", "bytes": 12}\n\n';
const end = (data) => `event: stream.end\ndata: ${data}\n\n`;
const member = (stream, data) => `data: ${JSON.stringify({ stream, data })}\n\n`;
const list = [
    { name: "app", source: "tail", methods: ["GET"] },
    { name: "trace", source: "exec", methods: ["POST"] },
];

// What is answered to "METHOD path from"; what does not end is cut there.
const answers = {
    "GET app?last=2": line(3) + line(4),
    "GET app?last=1": line(4),
    "GET app?from=p4": gap + line(6) + end("{}"),
    "GET ?stream=clock&stream=rooms%2F17": member("clock", "12:00") + member("rooms/17", "hello") + end("{}"),
    "POST trace": `${started}${hop(1)}id: h2\ndata: hop`,
    "GET trace/1 h1": hop(2) + hop(3) + end('{"status": 0}'),
    "GET feed": `event: update\ndata: 17\n\n${end("{}")}`,
    "GET burst": "data: x\n\n".repeat(1000) + end("{}"),
};

function answer(request, response) {
    const path = request.url.replace(/^\/(events\/)?/, "");
    const lastId = request.headers["last-event-id"];
    const text = answers[[request.method, path, lastId].filter((part) => part !== undefined).join(" ")];
    const isRefused = path === "feed" && request.headers.authorization !== "Bearer let-me-in";
    if (path === "" && request.method === "GET") {
        response.end(JSON.stringify({ streams: list }));
    } else if (text === undefined || isRefused) {
        response.writeHead(404).end();
    } else {
        const place = request.method === "POST" && { "Content-Location": "/events/trace/1" };
        const headers = { "Content-Type": "text/event-stream", "X-Feed": "a feed", ...place };
        response.writeHead(200, headers).end(`retry: 100\n\n${text}`);
    }
}

/* --- running them -------------------------------------------------------------------------- */

const server = createServer(answer);
const realFetch = globalThis.fetch;
const folder = mkdtempSync(join(tmpdir(), "client-doc-"));

before(async () => {
    await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
    // Beside the module there is no server, and the other server is none: both are this one.
    const base = `http://127.0.0.1:${server.address().port}/`;
    globalThis.fetch = async (url, init) => {
        const here = String(url)
            .replace(eventsUrl.href, `${base}events/`)
            .replace("https://api.example.org/", base);
        return realFetch(here, init);
    };
    const kept = new Map();
    Object.defineProperty(globalThis, "localStorage", {
        configurable: true,
        value: { getItem: (key) => kept.get(key) ?? null, setItem: (key, value) => kept.set(key, value) },
    });
});

after(() => {
    // Whatever is read still comes to its end.
    globalThis.fetch = async () => new Response(null, { status: 204 });
    server.closeAllConnections();
    server.close();
    rmSync(folder, { recursive: true });
});

async function outputOf(code, expected, name) {
    const printed = [];
    const realLog = console.log;
    console.log = (...values) => printed.push(values.join(" ").trim());
    const deadline = Date.now() + deadlineMs;
    try {
        const path = join(folder, `${name}.mjs`);
        const html = new URL("../../html/", import.meta.url).href;
        writeFileSync(path, code.replaceAll('from "./', `from "${html}`));
        await import(path);
        while (printed.length < expected.length && Date.now() < deadline) {
            await new Promise((resolve) => setTimeout(resolve, 10));
        }
    } finally {
        console.log = realLog;
    }
    return printed;
}

let heading = "";
let number = 0;
for (const [, title, code, text] of examples) {
    heading = title ?? heading;
    if (code) {
        const name = `example-${++number}`;
        test(`${heading} (${name})`, async () => {
            const expected = text.trimEnd().split("\n");
            assert.deepEqual(await outputOf(code, expected, name), expected);
        });
    }
}

test("every example has its output", () => {
    assert.equal([...page.matchAll(/^```js$/gm)].length, number);
    assert.ok(number > 5);
});
