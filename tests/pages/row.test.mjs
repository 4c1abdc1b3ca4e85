// SPDX-License-Identifier: MIT
// row: which lines are rows, their numbers, and their exact text.

import assert from "node:assert/strict";
import { test } from "node:test";
import { labelOf } from "../../html/log/row.js";
import { Store } from "../../html/log/store.js";
import { RowIndex } from "../../html/log/window.js";
import { batchOf } from "./log_rig.mjs";

function makeStore() {
    const store = new Store();
    store.append(batchOf(["zero", { text: '{"reason":"truncated"}', name: "stream.gap" }, "two", "three"]));
    store.prepend(batchOf(["older", "old"], { first: 100 }));
    return store;
}

test("the first line that came is 1, the one before it −1", () => {
    assert.deepEqual([0, 1, 41, -1, -300].map(labelOf), ["1", "2", "42", "\u22121", "\u2212300"]);
});

test("without a filter every line is a row, with its own number", () => {
    const rows = new RowIndex(makeStore());
    assert.deepEqual([rows.low, rows.high], [-2, 4]);
    assert.equal(rows.at(-1), -1);
    assert.deepEqual([-9, -2, 3, 9].map((number) => rows.indexOf(number)), [-2, -2, 3, 4]);
});

test("with a filter rows are its lines, and a line that is none leads to the next", () => {
    const rows = new RowIndex(makeStore());
    rows.chosen = Int32Array.from([-2, 0, 3]);
    assert.deepEqual([rows.low, rows.high], [0, 3]);
    assert.deepEqual([0, 1, 2].map((index) => rows.at(index)), [-2, 0, 3]);
    assert.deepEqual([-9, -2, -1, 0, 2, 3, 4].map((number) => rows.indexOf(number)), [0, 0, 1, 1, 2, 2, 3]);
});

test("the text of rows is what the log has, without gaps and without what is not shown", () => {
    const rows = new RowIndex(makeStore());
    assert.equal(rows.textOf(-2, 3), "older\nold\nzero\ntwo\nthree");
    assert.equal(rows.textOf(-1, 0), "old\nzero");
    assert.equal(rows.textOf(2, 99), "two\nthree");
    assert.equal(rows.textOf(1, 1), "");
    rows.chosen = Int32Array.from([-2, 0, 3, 77]);
    assert.equal(rows.textOf(-99, 99), "older\nzero\nthree");
});
