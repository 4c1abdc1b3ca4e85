// SPDX-License-Identifier: MIT
// client_model.test: however a stream is cut, into pieces or for good, the same events come of it, once and in order.

import assert from "node:assert/strict";
import { createServer } from "node:http";
import { test } from "node:test";
import { Stream, textParser } from "../../html/ssecgi.js";

// The same numbers each time (mulberry32): a failure can be looked at again.
function random(seed) {
    let state = seed;
    return (below) => {
        state = (state + 0x6d2b79f5) | 0;
        let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
        mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
        return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
    };
}

/* --- the text format ----------------------------------------------------------------------- */

// WHATWG HTML 9.2.6 to the letter, on a stream that is there as a whole.
function readWhole(text) {
    const found = [];
    let [lastId, id, name, data] = ["", "", "", ""];
    const lines = text.replace(/^\uFEFF/, "").replaceAll("\r\n", "\n").replaceAll("\r", "\n").split("\n");
    for (const line of lines.slice(0, -1)) {
        const colon = line.indexOf(":");
        if (line === "") {
            lastId = id;
            if (data !== "") {
                found.push({ name: name || "message", data: data.slice(0, -1), position: lastId });
            } else {
                found.push({ position: lastId });
            }
            [name, data] = ["", ""];
        } else if (colon !== 0) {
            const field = colon < 0 ? line : line.slice(0, colon);
            let value = colon < 0 ? "" : line.slice(colon + 1);
            value = value.startsWith(" ") ? value.slice(1) : value;
            if (field === "event") {
                name = value;
            } else if (field === "data") {
                data += `${value}\n`;
            } else if (field === "id") {
                id = value.includes("\0") ? id : value;
            } else if (field === "retry" && value !== "" && [...value].every((c) => c >= "0" && c <= "9")) {
                found.push({ retry: parseInt(value, 10) });
            }
        }
    }
    return found;
}

const pieces = [
    "data", "data:", "data: ", "data:  two", "data: a:b", "data: \u{1F600} ü 日本", "data: \0", "data : no",
    "event: named", "event:", "id: 1", "id", "id: 2\0", "id:é", "retry: 50", "retry: 5x", "retry:", "retry: -1",
    "retry: 007", ": comment", ":", "unknown: x", "Data: x", " data: x", "\uFEFFdata: late mark",
    "data: \u2028\u0085\v\f", "data: tab\t", "", "", "", "",
];

function makeText(pick) {
    const ends = [["\n"], ["\r"], ["\r\n"], ["\n", "\r", "\r\n"]][pick(4)];
    let text = pick(3) === 0 ? "\uFEFF" : "";
    for (let i = pick(60); i >= 0; i--) {
        text += pieces[pick(pieces.length)] + ends[pick(ends.length)];
    }
    return text + (pick(2) ? "data: whose end does not come" : "");
}

// Cuts bytes into pieces of 0 and more.
function* cut(bytes, pick) {
    const most = [2, 5, 40][pick(3)];
    for (let at = 0; at < bytes.length;) {
        const end = Math.min(bytes.length, at + pick(most + 1));
        yield bytes.subarray(at, end);
        at = end;
    }
}

test("random cuts of a random event stream give what the standard says of the whole", () => {
    for (let seed = 1; seed <= 3000; seed++) {
        const pick = random(seed);
        const text = makeText(pick);
        const expected = readWhole(text);
        const bytes = new TextEncoder().encode(text);
        const parse = textParser();
        const found = [...cut(bytes, pick)].flatMap((piece) => parse(piece));
        assert.deepEqual(found, expected, `seed ${seed}: ${JSON.stringify(text)}`);
        assert.deepEqual(textParser()(bytes), expected, `seed ${seed}, in one piece`);
    }
});

test("invalid UTF-8 becomes U+FFFD, however it is cut", () => {
    const pick = random(7);
    for (let round = 0; round < 300; round++) {
        const bytes = Buffer.from("data: ????????\n\n", "latin1");
        for (let i = 0; i < 8; i++) {
            bytes[6 + i] = 0x80 + pick(128);
        }
        const parse = textParser();
        const [event] = [...cut(bytes, pick)].flatMap((piece) => parse(piece));
        assert.equal(event.data, new TextDecoder().decode(bytes.subarray(6, 14)));
    }
});

test("a long line in many pieces is read in linear time", () => {
    const parse = textParser();
    const piece = new Uint8Array(4096).fill(0x61);
    assert.deepEqual(parse(new TextEncoder().encode("data: ")), []);
    for (let i = 0; i < 4096; i++) {
        assert.deepEqual(parse(piece), []); // 16 MiB; quadratic time would be minutes
    }
    const [event] = parse(new TextEncoder().encode("\n\n"));
    assert.equal(event.data.length, 4096 * 4096);
});

/* --- a server that breaks everything ------------------------------------------------------- */

const eventCount = 60;

function frame(number, pick) {
    const end = ["\n", "\r\n", "\r"][pick(3)];
    const name = number % 5 === 0 ? `event: kind-${number}${end}` : "";
    const comment = pick(4) === 0 ? `:${end}${end}` : "";
    return `${comment}id: p${number}${end}${name}data: event ${number}${end}data: 日本 ${number}${end}${end}`;
}

// What a cut may be: the connection is ended or reset at any byte, or there is no stream at all.
function answer(request, response, pick, cuts) {
    const url = new URL(request.url, "http://server.example");
    const from = request.headers["last-event-id"] ?? url.searchParams.get("from") ?? "p0";
    const first = Number(from.slice(1)) + 1;
    const kind = cuts.left-- > 0 ? pick(8) : 7;
    if (kind === 0) {
        response.writeHead(503).end("away");
        return;
    }
    if (kind === 1) {
        request.socket.destroy();
        return;
    }
    response.writeHead(200, { "Content-Type": "text/event-stream" });
    let text = `retry: 100\n\nid: ${from}\n\n`;
    if (kind === 2) {
        response.end(`${text}event: stream.busy\ndata: {"reason": "max_streams"}\n\n`);
        return;
    }
    for (let number = first; number <= eventCount; number++) {
        text += frame(number, pick);
    }
    text += `event: stream.end\ndata: {"status": 0}\n\n`;
    const bytes = Buffer.from(text);
    const end = kind === 7 ? bytes.length : pick(bytes.length);
    for (const piece of cut(bytes.subarray(0, end), () => pick(400))) {
        response.write(piece);
    }
    if (kind === 7) {
        return; // the client leaves
    }
    response.write("", () => (kind % 2 ? response.end() : response.destroy()));
}

function follow(url, seed) {
    const events = [];
    return new Promise((resolve, reject) => {
        const deadline = setTimeout(() => reject(new Error(`seed ${seed}: no end`)), 60000);
        const stream = new Stream("", {
            url: `${url}?seed=${seed}`,
            onEvent: (event) => void events.push(event),
            onGap: (gap) => reject(new Error(`seed ${seed}: a gap, ${gap.reason}`)),
            onState: (state) => {
                if (state.name === "ended") {
                    clearTimeout(deadline);
                    resolve(events);
                }
            },
        });
        stream.open();
    });
}

test("each event comes once and in order through cuts at any byte", async () => {
    const seeds = Array.from({ length: 12 }, (_, i) => i + 1);
    const states = new Map(seeds.map((seed) => [String(seed), { pick: random(seed), cuts: { left: 5 } }]));
    const server = createServer((request, response) => {
        const { pick, cuts } = states.get(new URL(request.url, "http://server.example").searchParams.get("seed"));
        answer(request, response, pick, cuts);
    });
    await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
    try {
        const url = `http://127.0.0.1:${server.address().port}/events/model`;
        const all = await Promise.all(seeds.map((seed) => follow(url, seed)));
        all.forEach((events, i) => {
            const expected = Array.from({ length: eventCount }, (_, at) => at + 1).map((number) => ({
                name: number % 5 === 0 ? `kind-${number}` : "message",
                data: `event ${number}\n日本 ${number}`,
                position: `p${number}`,
            }));
            assert.deepEqual(events, expected, `seed ${seeds[i]}`);
        });
    } finally {
        // Whatever is read still, after a failure, comes to its end.
        globalThis.fetch = async () => new Response(null, { status: 204 });
        server.closeAllConnections();
        server.close();
    }
});
