// SPDX-License-Identifier: MIT
// frames: bytes of a stream, cut anywhere, give the lines that the format says, and their levels.

import assert from "node:assert/strict";
import { test } from "node:test";
import { FrameParser } from "../../html/log/frames.js";
import { levelOf } from "../../html/log/level.js";
import { Store } from "../../html/log/store.js";
import { sliceBatch } from "../../html/log/lines.js";
import { textParser } from "../../html/ssecgi.js";
import { batchOf, makeRandom, positionOf } from "./log_rig.mjs";

const encoder = new TextEncoder();

/** All that a batch says, as plain objects. */
function linesOf(batches) {
    const store = new Store();
    batches.forEach((batch) => store.append(batch));
    return Array.from({ length: store.count }, (_, i) => {
        const { kind, position, name } = store.line(store.first + i);
        return { kind, position, name, text: store.full(store.first + i) };
    });
}

function cutAnywhere(bytes, random, longest) {
    const pieces = [];
    for (let at = 0; at < bytes.length; ) {
        const end = at + 1 + random.below(longest);
        pieces.push(bytes.slice(at, end));
        at = end;
    }
    return pieces;
}

function feedAll(pieces) {
    const batches = [];
    const parser = new FrameParser((batch) => batches.push(batch));
    const events = pieces.flatMap((piece) => parser.feed(piece));
    batches.push(parser.take());
    return { lines: linesOf(batches), events, parser };
}

// The same by the client's parser of text.
function model(bytes) {
    const lines = [];
    const others = [];
    let position = "";
    for (const item of textParser()(bytes)) {
        position = item.position ?? position;
        if (!item.name) {
            continue;
        }
        const { name, data: text } = item;
        if (name === "stream.gap") {
            lines.push({ kind: "gap", position, name: "", text });
        } else if (name.startsWith("stream.")) {
            others.push({ name, data: text });
        } else if (name === "partial") {
            lines.push({ kind: "partial", position, name: "", text });
        } else {
            lines.push({ kind: "line", position, name: name === "message" ? "" : name, text });
        }
    }
    return { lines, others, position };
}

const texts = ["", "plain", "with: colon", " leading", "日本語 😀", "data: not a field", "x".repeat(300), "\tTab\0nul", "\ufeffmark"];
const fieldsOf = [
    (random) => `data: ${random.pick(texts)}`,
    (random) => `data:${random.pick(texts)}`,
    () => "data",
    (random) => `id: ${positionOf(random.below(1000))}`,
    () => "id: with\0nul",
    () => "id",
    (random) => `event: ${random.pick(["a.log", "b.log", "partial", "stream.gap", "stream.progress", "message", "größe.log"])}`,
    () => ": comment",
    () => "",
    () => "",
    (random) => `retry: ${random.below(3000)}`,
    () => "retry: 12x",
    () => "datum: x",
    () => "idx: 3",
];

test("lines are those of the format, however the bytes are cut", () => {
    const random = makeRandom(11);
    for (let round = 0; round < 400; round++) {
        const end = random.pick(["\n", "\n", "\r\n", "\r", "mixed"]);
        let text = random.below(5) === 0 ? "\ufeff" : "";
        for (let i = random.below(60); i >= 0; i--) {
            text += random.pick(fieldsOf)(random) + (end === "mixed" ? random.pick(["\n", "\r\n", "\r"]) : end);
        }
        const bytes = encoder.encode(text);
        const wanted = model(bytes);
        const { lines, events, parser } = feedAll(cutAnywhere(bytes, random, random.pick([1, 3, 40, 4000])));
        assert.deepEqual(lines, wanted.lines, JSON.stringify(text));
        assert.equal(parser.position, wanted.position);
        const told = events.filter(({ name }) => name?.startsWith("stream."));
        assert.deepEqual(told.map(({ name, data }) => ({ name, data })), wanted.others);
    }
});

test("what is not whole when a connection ends is forgotten, its id, too", () => {
    const parser = new FrameParser();
    parser.feed(encoder.encode("id: a\ndata: one\n\nid: b\nevent: x\ndata: two\nda"));
    parser.reset();
    parser.feed(encoder.encode("\ufeffdata: again\n\nid: c\ndata: two\n\n"));
    const lines = linesOf([parser.take()]);
    assert.deepEqual(lines.map(({ text, position }) => [text, position]), [["one", "a"], ["again", "a"], ["two", "c"]]);
});

test("a batch tells the positions before and after it", () => {
    const parser = new FrameParser();
    parser.feed(encoder.encode("retry: 5\n\nid: start\n\n"));
    assert.ok(parser.hasNews);
    parser.feed(encoder.encode("id: a\ndata: one\n\nid: b\ndata: two\n\n"));
    const first = parser.take();
    assert.deepEqual([first.before, first.position, first.count], ["start", "b", 2]);
    assert.ok(!parser.hasNews);
    parser.feed(encoder.encode("id: c\n\n"));
    const second = parser.take();
    assert.deepEqual([second.before, second.position, second.count], ["c", "c", 0]);
    parser.feed(encoder.encode("id: d\ndata: three\n\n"));
    assert.equal(parser.take().before, "c");
});

test("pieces are of at most 256 KiB, but for one long line", () => {
    const batches = [];
    const parser = new FrameParser((batch) => batches.push(batch));
    const long = "y".repeat(700000);
    parser.feed(encoder.encode(`${`data: ${"x".repeat(1000)}\n\n`.repeat(1000)}data: ${long}\n\n`));
    batches.push(parser.take());
    assert.equal(batches.reduce((sum, { count }) => sum + count, 0), 1001);
    assert.ok(batches.slice(0, -2).every(({ text }) => text.length < 264000));
    assert.equal(linesOf(batches).at(-1).text, long);
});

test("of an event without an end no more is kept than of a long line", () => {
    const batches = [];
    const parser = new FrameParser((batch) => batches.push(batch));
    const piece = encoder.encode(`data: ${"x".repeat(1024 * 1024)}\n`);
    for (let i = 0; i < 40; i++) {
        parser.feed(piece);
    }
    parser.feed(encoder.encode("id: a\n\nid: b\ndata: next\n\n"));
    batches.push(parser.take());
    assert.deepEqual([batches[0].count, batches[0].position, batches.at(-1).position], [1, "a", "b"]);
    assert.ok(batches[0].ends[0] < 18 * 1024 * 1024);
});

test("a slice of a batch is a batch", () => {
    const batch = batchOf(["a", { text: "b", name: "x.log" }, "c\nd", { text: "e", name: "y.log" }], { start: "s" });
    const all = linesOf([batch]);
    for (let from = 0; from <= 4; from++) {
        for (let to = from; to <= 4; to++) {
            const slice = sliceBatch(batch, from, to);
            assert.deepEqual(linesOf([slice]), all.slice(from, to));
            assert.equal(slice.before, from === 0 ? "s" : all[from - 1].position);
        }
    }
});

test("a line's level is told by its first bytes", () => {
    const levels = {
        "2026-11-21 10:00:00 ERROR it broke": 4,
        "[Fri Nov 21] [core:warn] [pid 1] careful": 3,
        "2026/11/21 10:00:00 [error] 12#12: open() failed": 4,
        "level=info msg=\"an error was handled\"": 2,
        "msg=\"an error was handled\" level=info": 2,
        "{\"msg\":\"error\",\"level\":\"debug\"}": 1,
        "{\"level\":50,\"time\":1,\"msg\":\"x\"}": 4,
        "{\"level\": 30, \"msg\":\"error\"}": 2,
        "{\"severity\":\"WARNING\"}": 3,
        "{\"msg\":\"error\"}": 0,
        "{\"log.level\":\"fatal\"}": 4,
        "<11>Nov 21 host prog: text": 4,
        "<12>text": 3,
        "<999>text": 0,
        "127.0.0.1 - - [21/Nov/2026:10:42:21 +0000] \"GET /error HTTP/1.1\" 200 12 \"-\" \"x\"": 2,
        "127.0.0.1 - - [21/Nov/2026:10:42:21 +0000] \"GET / HTTP/1.1\" 404 12": 3,
        "127.0.0.1 - - [21/Nov/2026:10:42:21 +0000] \"GET / HTTP/1.1\" 503": 4,
        "\u001b[31mERROR\u001b[0m red": 4,
        "\u001b[32minfo\u001b[39m green": 2,
        "no errors found": 0,
        "GET /error.html": 0,
        "terror": 0,
        "error_count 5": 0,
        "Panic: it is over": 4,
        "TRACE enter": 1,
        "notice me": 2,
        "日本 warn": 3,
        "err": 4,
        "": 0,
        [`${"x".repeat(300)} error`]: 0,
    };
    for (const [line, level] of Object.entries(levels)) {
        const bytes = encoder.encode(`..${line} error`);
        assert.equal(levelOf(bytes, 2, bytes.length - 6), level, line);
    }
});

test("of a single file an event's name may be the level, of several it is the file", () => {
    const store = new Store();
    store.append(batchOf([{ text: "x", name: "crit" }, { text: "error", name: "info" }]));
    store.append(batchOf([{ text: "x", name: "error", id: "vLoPQ80EMipTvAbYM61pPM61pP8" }]));
    assert.deepEqual([0, 1, 2].map((n) => [store.levelOf(n), store.nameOf(n)]), [[4, ""], [2, ""], [0, "error"]]);
});
