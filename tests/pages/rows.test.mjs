// SPDX-License-Identifier: MIT
// rows: a filter kept up with a store that grows and is cut at both ends, against all lines anew.

import assert from "node:assert/strict";
import { test } from "node:test";

import { RowFilter, indexOf, withContext } from "../../html/log/rows.js";

// The same row of numbers each time.
function makeRandom(seed) {
    let state = seed;
    return (below) => {
        state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff;
        return (state >> 8) % below;
    };
}

test("a filter has the lines that pass, whatever happens to the store", () => {
    for (let seed = 1; seed <= 50; seed++) {
        const random = makeRandom(seed);
        const store = { first: 0, end: 0 };
        const passes = (number) => (number * 7919) % 5 < 2;
        const filter = new RowFilter(store, passes);
        for (let i = 0; i < 60; i++) {
            const what = random(6);
            if (what < 3) {
                store.end += random(3000);
            } else if (what === 3) {
                store.first -= random(2000);
            } else if (what === 4) {
                store.first = Math.min(store.end, store.first + random(4000));
            } else {
                store.end = Math.max(store.first, store.end - random(4000));
            }
            if (random(3) > 0) {
                continue; // several changes at once
            }
            const wanted = [];
            for (let number = store.first; number < store.end; number++) {
                if (passes(number)) {
                    wanted.push(number);
                }
            }
            assert.deepEqual([...filter.update()], wanted, `seed ${seed}, step ${i}`);
        }
    }
});

test("surroundings come once and in order", () => {
    const lines = Int32Array.of(0, 10, 12, 30);
    assert.deepEqual([...withContext(lines, 0, 0, 31)], [0, 10, 12, 30]);
    assert.deepEqual(
        [...withContext(lines, 2, 0, 31)],
        [0, 1, 2, 8, 9, 10, 11, 12, 13, 14, 28, 29, 30]
    );
    assert.deepEqual([...withContext(Int32Array.of(-5), 2, -6, -4)], [-6, -5]);
    assert.deepEqual([...withContext(Int32Array.of(), 5, 0, 9)], []);
});

test("a line's place is found", () => {
    const lines = Int32Array.of(-3, 0, 7);
    assert.deepEqual([-9, -3, -1, 0, 7, 8].map((number) => indexOf(lines, number)), [0, 0, 1, 1, 2, 3]);
});
