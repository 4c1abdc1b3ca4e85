// SPDX-License-Identifier: MIT
// links: what a link of the log page means, and the marks that outlast the page.

import assert from "node:assert/strict";
import { test } from "node:test";

import { Marks, formatLink, parseLink } from "../../html/log/links.js";

class Memory {
    #values = new Map();
    isFull = false;

    getItem(key) {
        return this.#values.get(key) ?? null;
    }

    setItem(key, value) {
        if (this.isFull) {
            throw new Error("full");
        }
        this.#values.set(key, value);
    }
}

test("a link leads to a line, a range, or what is after a position", () => {
    const a = "Q80Ej_k2mWF.325.qNQqvqgkMTi";
    const b = "Q80Ej_k2mWF.344.9H3FxREPNUX";
    assert.deepEqual(parseLink(`#${a}`), { from: a, to: a, isAfter: false });
    assert.deepEqual(parseLink(`#${a}..${b}`), { from: a, to: b, isAfter: false });
    assert.deepEqual(parseLink(`#+${a}`), { from: a, to: a, isAfter: true });
    assert.deepEqual(parseLink(`#+${a}..${b}`), { from: a, to: b, isAfter: true });
});

test("what is no link is none", () => {
    for (const hash of ["", "#", "#..", "#a..", "#..a", "#a..b..c", "#a b", "#<b>", "#+", `#${"a".repeat(129)}`]) {
        assert.equal(parseLink(hash), null, hash);
    }
});

test("a link is read as it was written", () => {
    for (const [from, to] of [["a.1.c", "a.1.c"], ["a.1.c", "a~2.-_"]]) {
        assert.deepEqual(parseLink(formatLink(from, to)), { from, to, isAfter: false });
    }
});

test("marks are kept for their stream, the newest first", () => {
    const memory = new Memory();
    const marks = new Marks("app", memory);
    marks.toggle("p1", "one");
    marks.toggle("p2", "t".repeat(1000));
    marks.toggle("p3", "three", "p2");
    marks.toggle("p1", "");
    assert.deepEqual(marks.list.map(([position]) => position), ["p3", "p2"]);
    assert.ok(marks.list[1][1].length < 200, "a long line is cut");
    assert.deepEqual(new Marks("app", memory).list, marks.list);
    assert.equal(new Marks("app", memory).list[0][2], "p2", "and where to read from");
    assert.deepEqual(new Marks("other", memory).list, []);
    assert.deepEqual([...marks.positions], ["p2", "p3"]);
});

test("marks are limited, and work where nothing can be stored", () => {
    const memory = new Memory();
    const marks = new Marks("app", memory);
    memory.isFull = true;
    for (let i = 0; i < 300; i++) {
        marks.toggle(`p${i}`, "");
    }
    assert.equal(marks.list.length, 200);
    assert.equal(marks.list[0][0], "p299");
    new Marks("app", null).toggle("p", "");
});

test("what is not ours in the storage does no harm", () => {
    for (const text of ["{", "3", '{"a":1}', '[["<b>","x"],["p",3],4]', '[null]']) {
        const memory = new Memory();
        memory.setItem("ssecgi.marks.app", text);
        assert.deepEqual(new Marks("app", memory).list, [], text);
    }
});
