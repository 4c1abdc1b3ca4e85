// SPDX-License-Identifier: MIT
// store: holds what plain arrays hold, in less memory, and forgets whole pieces at a cap.

import assert from "node:assert/strict";
import { test } from "node:test";
import { Store } from "../../html/log/store.js";
import { batchOf, makeRandom, positionOf } from "./log_rig.mjs";

const levels = ["x", "trace x", "info x", "warn x", "error x"];

/** The same with an array of lines. */
class Model {
    lines = [];
    first = 0;

    get end() {
        return this.first + this.lines.length;
    }

    nextLevel(n, level, direction) {
        for (let at = n + direction; at >= this.first && at < this.end; at += direction) {
            if (this.lines[at - this.first].level >= level) {
                return at;
            }
        }
        return undefined;
    }
}

function makeLines(random, count, serial) {
    return Array.from({ length: count }, (_, i) => {
        const level = random.below(5);
        const isGap = random.below(40) === 0;
        const padding = random.below(30) === 0 ? 3000 : 20;
        const name = isGap ? "stream.gap" : random.pick(["", "", "a.log", "partial"]);
        return { text: `${levels[level]} ${serial + i} ${"p".repeat(padding)}`, name, level: isGap ? 0 : level };
    });
}

function modelLine({ text, name, level }, position) {
    const kind = name === "stream.gap" ? "gap" : name === "partial" ? "partial" : "line";
    return { text, kind, level, position, name: kind === "line" ? name : "" };
}

function check(store, model, random) {
    assert.equal(store.count, model.lines.length);
    const counts = [0, 0, 0, 0, 0];
    model.lines.forEach(({ kind, level }) => (counts[level] += kind === "gap" ? 0 : 1));
    assert.deepEqual([...store.levelCounts()], counts);
    assert.equal(store.first, model.first);
    assert.equal(store.end, model.end);
    for (let i = 0; i < 20 && model.lines.length > 0; i++) {
        const n = model.first + random.below(model.lines.length);
        const wanted = model.lines[n - model.first];
        const { kind, text, level, position, name, size } = store.line(n);
        assert.deepEqual({ kind, text, level, position, name }, wanted);
        assert.equal(size, text.length);
        assert.equal(store.full(n), wanted.text);
        assert.equal(store.kindOf(n), wanted.kind);
        assert.equal(store.levelOf(n), wanted.level);
        assert.equal(store.positionOf(n), wanted.position);
        assert.equal(store.nameOf(n), wanted.name);
        assert.equal(store.find(wanted.position), n);
        for (const direction of [1, -1]) {
            const next = model.nextLevel(n, 4, direction);
            assert.equal(store.nextLevel(n, 4, direction), next);
        }
    }
}

test("holds what arrays hold, through growth at both ends, drops at both ends and clearing", () => {
    const random = makeRandom(21);
    const store = new Store({ capBytes: 1500000 });
    let model = new Model();
    let newest = 500000;
    let oldest = 500000;
    let drops = { old: 0, new: 0, all: 0 };
    store.onTrim = (side) => drops[side]++;

    for (let round = 0; round < 600; round++) {
        const count = random.pick([1, 3, 50, 900, 2500]);
        const what = random.below(20);
        if (what === 0) {
            store.clear();
            model = new Model();
        } else if (what < 12) {
            const lines = makeLines(random, count, newest);
            const batch = batchOf(lines, { first: newest, start: store.position || "s" });
            assert.ok(store.append(batch));
            model.lines.push(...lines.map((line, i) => modelLine(line, positionOf(newest + i))));
            newest += count;
            if (store.first > model.first) {
                model.lines.splice(0, store.first - model.first);
                model.first = store.first;
            }
        } else {
            oldest -= count;
            const lines = makeLines(random, count, oldest);
            store.prepend(batchOf(lines, { first: oldest }));
            model.lines.unshift(...lines.map((line, i) => modelLine(line, positionOf(oldest + i))));
            model.first -= count;
            if (store.end < model.end) {
                model.lines.splice(store.end - model.first);
            }
        }
        check(store, model, random);
        assert.ok(store.bytes <= 1500000);
    }
    assert.ok(drops.old > 20 && drops.new > 20 && drops.all > 10, JSON.stringify(drops));
});

test("an unknown position is not found", () => {
    const store = new Store();
    store.append(batchOf(["a", "b"], { first: 10 }));
    assert.equal(store.find(positionOf(12)), undefined);
    assert.equal(store.find(""), undefined);
    assert.equal(store.find(positionOf(11)), 1);
    assert.throws(() => store.line(2), RangeError);
    assert.throws(() => new Store().line(0), RangeError);
});

test("when the newest were dropped, live lines do not follow on, but the next ones do", () => {
    const store = new Store({ capBytes: 1000000 });
    const text = "t".repeat(100);
    let first = 100000;
    store.append(batchOf(Array(3000).fill(text), { first, start: "s" }));
    while (!store.isDetached) {
        first -= 3000;
        store.prepend(batchOf(Array(3000).fill(text), { first }));
    }
    const { end, position } = store;
    assert.ok(!store.append(batchOf(["live"], { first: 103000, start: positionOf(102999) })));
    assert.equal(store.end, end);
    assert.ok(store.append(batchOf(["next"], { first: 999999, start: position })));
    assert.equal(store.line(end).text, "next");
    store.clear();
    assert.ok(!store.isDetached);
    assert.ok(store.append(batchOf(["live"])));
    assert.equal(store.line(0).text, "live");
});

test("a rotation shows where the generation changes, also beyond a gap", () => {
    const store = new Store();
    store.append(batchOf(["a", "b"], { generation: "Q80EMilHcc9" }));
    store.append(batchOf(["{}"].map((text) => ({ text, name: "stream.gap", id: "Q80EMzGBzxp.0.00000000000" }))));
    store.append(batchOf(["c", "d"], { generation: "Q80EMzGBzxp" }));
    store.append(batchOf([{ text: "e", id: "vLoPQ80EMipTvAbYM61pPM61pP8" }, { text: "f", id: "vLoQQ80EMipTvAbYM61pPM61pP8" }]));
    const starts = Array.from({ length: store.count }, (_, n) => store.line(n).startsFile);
    assert.deepEqual(starts, [false, false, false, true, false, false, false]);
    store.prepend(batchOf(["old"], { generation: "Q80EMaaaaaa" }));
    assert.ok(store.line(0).startsFile);
});

test("a long line is cut for showing, between characters", () => {
    const store = new Store();
    for (const char of ["a", "é", "日", "😀", "a😀"]) {
        store.append(batchOf([char.repeat(30000)]));
        const { text, size } = store.line(store.end - 1);
        assert.ok(text.length === 4096 || text.length === 4095, `${char} ${text.length}`);
        assert.ok(char.repeat(30000).startsWith(text));
        assert.ok(text.isWellFormed?.() ?? true);
        assert.equal(size, new TextEncoder().encode(char).length * 30000);
        assert.equal(store.full(store.end - 1), char.repeat(30000));
    }
});

test("a line of many bytes and few characters is whole", () => {
    const store = new Store();
    const text = "日".repeat(2000);
    store.append(batchOf([text, "next"]));
    assert.equal(store.line(0).text, text);
});

test("a line that came live knows when", () => {
    const store = new Store();
    const arrive = (texts, arrived) => {
        const batch = batchOf(texts);
        batch.arrivals = [0, arrived];
        store.append(batch);
    };
    arrive(["a", "b"], 0);
    arrive(["c"], 1000);
    arrive(["d", "e"], 1000);
    arrive(["f"], 2000);
    assert.deepEqual([0, 1, 2, 3, 4, 5].map((n) => store.line(n).arrived), [0, 0, 1000, 1000, 1000, 2000]);
});

test("the version grows with each change", () => {
    const store = new Store();
    let last = store.version;
    for (const change of [
        () => store.append(batchOf(["a"])),
        () => store.prepend(batchOf(["b"])),
        () => store.clear(),
    ]) {
        change();
        assert.ok(store.version > last);
        last = store.version;
    }
});
