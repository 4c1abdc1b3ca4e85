// SPDX-License-Identifier: MIT
// history: pages, stretches and searches of a log, as the log page asks for them.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Feed } from "../../html/log/feed.js";
import { Store } from "../../html/log/store.js";
import { LogServer } from "./hub_rig.mjs";
import { positionOf } from "./log_rig.mjs";

const server = new LogServer();
let feed;

before(async () => {
    await server.listen();
    server.write(1000);
    feed = new Feed("log", { base: server.base, onBatch: () => {} });
});
after(() => server.close());

function numbersOf(...batches) {
    const store = new Store();
    batches.forEach((batch) => store.append(batch));
    return Array.from({ length: store.count }, (_, n) => Number.parseInt(store.line(n).text, 10));
}

function run(first, last) {
    return Array.from({ length: last - first + 1 }, (_, i) => first + i);
}

/** A search, when it has ended. */
function search(query, onStart = () => {}) {
    return new Promise((resolve) => {
        const batches = [];
        const progress = [];
        const handle = feed.search(query, {
            onBatch: (batch) => batches.push(batch),
            onProgress: (it) => progress.push(it),
            onEnd: (reason) => resolve({ reason, numbers: numbersOf(...batches), progress }),
        });
        onStart(handle);
    });
}

test("a page holds the lines before a position, and tells where the one before it begins", async () => {
    const page = await feed.page(positionOf(500), 100);
    assert.deepEqual(numbersOf(page.batch), run(400, 499));
    assert.deepEqual([page.start, page.end, page.isOldest], [positionOf(399), positionOf(499), false]);
    const oldest = await feed.page(positionOf(51), 100);
    assert.deepEqual(numbersOf(oldest.batch), run(1, 50));
    assert.ok(oldest.isOldest);
    const none = await feed.page(positionOf(1), 100);
    assert.deepEqual([none.batch.count, none.isOldest], [0, true]);
});

test("a page that is cut off, or that the server has no time for, is not taken for all there is", async () => {
    server.cutAt = 420;
    await assert.rejects(feed.page(positionOf(500), 100));
    for (const [words, message] of [
        ["", "connection lost"],
        ["event: stream.busy\ndata: {\"reason\":\"memory\"}\n\n", "the server is busy"],
    ]) {
        server.lastWords = words;
        server.cutAt = 420;
        await assert.rejects(feed.page(positionOf(500), 100), { message });
        server.cutAt = 420;
        await assert.rejects(feed.range(positionOf(410), positionOf(500), 100), { message });
    }
    server.lastWords = null;
    assert.deepEqual(numbersOf((await feed.page(positionOf(500), 100)).batch), run(400, 499));
});

test("a page that is gone is told, and what is wrong in the server's words", async () => {
    server.isBeginningGone = true;
    assert.deepEqual(await feed.page(positionOf(1), 100), { gone: true });
    const wrong = feed.range("junk.1", positionOf(5), 10);
    await assert.rejects(wrong, { message: "from: unknown", status: 400 });
});

test("a stretch goes up to a position, a number of lines or the newest", async () => {
    const stretch = (...args) => feed.range(...args).then((batch) => numbersOf(batch));
    assert.deepEqual(await stretch(positionOf(10), positionOf(20), 100), run(11, 20));
    assert.deepEqual(await stretch(positionOf(10), positionOf(900), 7), run(11, 17));
    assert.deepEqual(await stretch(positionOf(990), undefined, 5), run(991, 995));
    assert.deepEqual(await stretch(positionOf(990), undefined, 50), run(991, 1000));
});

test("a search goes through all of the log up to now, and on after a cut", async () => {
    const wanted = run(1, 1000).filter((number) => String(number).includes("77"));
    const { reason, numbers, progress } = await search({ grep: "77" });
    assert.equal(reason, "");
    assert.deepEqual(numbers, wanted);
    assert.equal(progress.length, 1000 - wanted.length);
    assert.deepEqual(progress[0], { bytesLeft: 999, position: positionOf(1) });

    server.cutAt = 400;
    const count = server.requests.length;
    assert.deepEqual((await search({ grep: "77" })).numbers, wanted);
    const asked = server.requests.slice(count).filter(({ grep }) => grep);
    assert.equal(asked.length, 2);
    assert.equal(asked[1].until, positionOf(1000));
    assert.deepEqual((await search({ grep: "77", from: positionOf(500), until: positionOf(600) })).numbers, [577]);
});

test("a search can be cancelled at any time, and a refused one ends", async () => {
    const atOnce = await search({ grep: "77" }, (handle) => handle.cancel());
    assert.equal(atOnce.reason, "cancelled");
    assert.equal((await search({ regex: "(" })).reason, "regex: missing )");
});
