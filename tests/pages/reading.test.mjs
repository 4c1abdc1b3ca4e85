// SPDX-License-Identifier: MIT
// reading, past: following, history, links and holding, with a log that is a list of numbers.

import assert from "node:assert/strict";
import { test } from "node:test";

import { Lines } from "../../html/log/lines.js";
import { Past } from "../../html/log/past.js";
import { Reading } from "../../html/log/reading.js";
import { Store } from "../../html/log/store.js";

const encoder = new TextEncoder();
const settle = () => new Promise((resolve) => setImmediate(resolve));

// A batch of the lines [from, to): line n has the position "p<n>", the one before it is "p<n-1>".
function makeBatch(from, to, kind = "line") {
    const lines = new Lines();
    for (let n = from; n < to; n++) {
        const text = encoder.encode(kind === "gap" ? '{"reason":"rotated-away"}' : `line ${n}`);
        const id = encoder.encode(`p${n}`);
        lines.write(text, 0, text.length);
        lines.endLine(id, kind === "gap" ? 2 << 3 : 0, "", 0);
    }
    const batch = lines.take();
    batch.before = `p${from - 1}`;
    batch.position = `p${to - 1}`;
    return batch;
}

// A feed whose log has the lines from `oldest` up; the test hands them over.
class FakeFeed {
    asked = [];
    cursor = "";
    oldest = 0;
    failure = null;

    constructor(onBatch) {
        this.onBatch = onBatch;
    }

    follow(how) {
        this.asked.push(how);
    }

    stop() {
        this.asked.push("stop");
    }

    give(from, to, kind) {
        this.cursor = `p${to - 1}`;
        this.onBatch(makeBatch(from, to, kind));
    }

    async page(before, count) {
        if (this.failure) {
            throw this.failure;
        }
        const end = Number(before.slice(1));
        if (end < this.oldest) {
            return { gone: true };
        }
        const start = Math.max(this.oldest, end - count);
        const ends = { start: `p${start - 1}`, end: `p${end - 1}` };
        return { batch: makeBatch(start, end), ...ends, isOldest: start === this.oldest };
    }
}

function makeReading({ capBytes = 128 * 1024 * 1024 } = {}) {
    const store = new Store({ capBytes });
    const it = { store, isFollowing: true, places: [], clears: 0, failures: { count: 0 } };
    it.reading = new Reading({
        store,
        makeFeed: (onBatch) => (it.feed = new FakeFeed(onBatch)),
        startLines: 1000,
        capBytes,
        isFollowing: () => it.isFollowing,
        onChange: () => {},
        onClear: () => it.clears++,
    });
    it.past = new Past(
        it.reading,
        (...place) => it.places.push(place),
        () => it.failures.count++
    );
    return it;
}

function textsOf(store) {
    const texts = [];
    for (let n = store.first; n < store.end; n++) {
        texts.push(store.kindOf(n) === "gap" ? "gap" : Number(store.full(n).slice(5)));
    }
    return texts;
}

const numbers = (from, to) => Array.from({ length: to - from }, (_, i) => from + i);

test("history is read page by page, up to the beginning", async () => {
    const { reading, past, feed, store } = makeReading();
    reading.start();
    feed.give(1200, 1210);
    await past.load(false);
    assert.deepEqual(textsOf(store), numbers(700, 1210));
    assert.equal(reading.older, "more");
    await past.load(false);
    await past.load(false);
    assert.deepEqual(textsOf(store), numbers(0, 1210));
    assert.equal(reading.older, "beginning");
});

test("two calls load one page", async () => {
    const { reading, past, feed, store } = makeReading();
    reading.start();
    feed.give(1200, 1210);
    await Promise.all([past.load(false), past.load(false)]);
    assert.deepEqual(textsOf(store), numbers(700, 1210));
});

test("history that is gone, fails or is not offered is told", async () => {
    const { reading, past, feed } = makeReading();
    reading.start();
    feed.give(10, 20);
    feed.oldest = 15;
    await past.load(false);
    assert.equal(reading.older, "gone");
    feed.failure = new Error("no answer");
    await past.load(false);
    assert.equal(reading.older, "failed");
    feed.failure = new Error("before: this stream follows several files");
    await past.load(false);
    assert.equal(reading.older, "");
});

test("a page that comes after the log was begun anew is dropped", async () => {
    const { reading, past, feed, store } = makeReading();
    reading.start();
    feed.give(600, 610);
    const page = past.load(false);
    reading.start();
    feed.give(900, 910);
    await page;
    assert.deepEqual(textsOf(store), numbers(900, 910));
});

test("a link opens with lines before it and all after it", async () => {
    const { reading, past, feed, store, places } = makeReading();
    past.open({ from: "p500", to: "p502", isAfter: false });
    await settle();
    assert.deepEqual(feed.asked.at(-1), { from: "p499" });
    assert.deepEqual(textsOf(store), numbers(300, 500));
    feed.give(500, 501);
    assert.deepEqual(places, [[200, 200, false]]);
    feed.give(501, 600);
    assert.deepEqual(places.at(-1), [200, 202, false], "the end of the range came later");
    assert.deepEqual(textsOf(store), numbers(300, 600));
});

test("a link to the first line of all opens", async () => {
    const { reading, past, feed, store, places } = makeReading();
    past.open({ from: "p0", to: "p0", isAfter: false });
    await settle();
    feed.give(0, 3);
    assert.deepEqual(places, [[0, 0, false]]);
    assert.deepEqual(textsOf(store), [0, 1, 2]);
    assert.equal(reading.older, "beginning");
});

test("a link whose lines can't be had is tried again, and shows no other line instead", async (t) => {
    t.mock.timers.enable({ apis: ["setTimeout"] });
    const { past, feed, places, failures } = makeReading();
    feed.failure = new Error("no answer");
    past.open({ from: "p500", to: "p500", isAfter: false });
    await settle();
    assert.deepEqual([feed.asked, failures.count], [["stop"], 1]);
    feed.failure = null;
    t.mock.timers.tick(2000);
    await settle();
    assert.deepEqual(feed.asked.at(-1), { from: "p499" });
    feed.give(500, 501);
    assert.deepEqual(places, [[200, 200, false]]);
});

test("a link to what is gone says so, at the gap", async () => {
    const { reading, past, feed, store, places } = makeReading();
    feed.oldest = 100;
    past.open({ from: "p50", to: "p50", isAfter: false });
    await settle();
    assert.deepEqual(feed.asked.at(-1), { from: "p50" });
    feed.give(99, 100, "gap");
    feed.give(100, 110);
    assert.deepEqual(places, [[0, 0, true]]);
    assert.deepEqual(textsOf(store), ["gap", ...numbers(100, 110)]);
});

test("a link to what is after a position asks for no history", async () => {
    const { reading, past, feed, store, places } = makeReading();
    feed.failure = new Error("not to be asked");
    past.open({ from: "p50", to: "p50", isAfter: true });
    await settle();
    feed.give(51, 60);
    assert.deepEqual(places, [[0, 0, false]]);
    assert.deepEqual(textsOf(store), numbers(51, 60));
});

test("while paused the feed is held before a line is dropped, and goes on where it was", () => {
    const it = makeReading({ capBytes: 24 * 1024 * 1024 });
    const { reading, past, feed, store } = it;
    reading.start();
    feed.give(0, 10);
    it.isFollowing = false;
    reading.pause();
    let next = 10;
    while (!reading.isParked) {
        feed.give(next, next + 20000);
        next += 20000;
        assert.equal(store.first, 0, "nothing is dropped");
    }
    assert.equal(feed.asked.at(-1), "stop");
    it.isFollowing = true;
    reading.toNewest();
    assert.deepEqual(feed.asked.at(-1), { from: `p${next - 1}` });
    assert.equal(reading.isParked, false);
    feed.give(next, next + 5);
    assert.equal(store.end, next + 5);
});

test("where history has pushed the newest lines out, reading goes on after what is left", async () => {
    const it = makeReading({ capBytes: 300 * 1024 });
    const { reading, past, feed, store } = it;
    reading.start();
    feed.give(50000, 50300);
    it.isFollowing = false;
    reading.pause();
    while (!store.isDetached) {
        await past.load(true);
    }
    assert.equal(reading.isParked, true);
    const last = textsOf(store).at(-1);
    assert.ok(last < 50299);
    reading.newer();
    assert.deepEqual(feed.asked.at(-1), { from: `p${last}` });
    feed.give(last + 1, last + 100);
    assert.equal(textsOf(store).at(-1), last + 99);

    while (!store.isDetached) {
        await past.load(true);
    }
    it.isFollowing = true;
    reading.toNewest();
    assert.deepEqual(feed.asked.at(-1), { last: 1000 });
    assert.equal(store.count, 0, "the newest is far: the log is begun anew there");
});

test("under a filter some pages are loaded, then the reader is asked", async () => {
    const { reading, past, feed, store } = makeReading();
    reading.start();
    feed.give(90000, 90010);
    let loads = 0;
    for (; reading.older === "more"; loads++) {
        await past.load(true);
    }
    assert.equal(reading.older, "ask");
    assert.equal(store.count, 10 + loads * 5000);
    assert.ok(loads > 1 && loads < 10);
    await past.load(true);
    assert.equal(reading.older, "more", "who asks gets as many again");
    past.refilter();
    await past.load(false);
    assert.equal(reading.older, "more");
});
