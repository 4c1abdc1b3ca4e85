// SPDX-License-Identifier: MIT
// clock: what the clock page tells of its ticks.

import assert from "node:assert/strict";
import { test } from "node:test";
import { TickLog } from "../../html/clockticks.js";

/** Ticks of a second, each with this offset, from the first number to the last. */
function play(log, first, last, offset = 5) {
    for (let i = first; i <= last; i++) {
        log.take(i * 1000, i * 1000 + offset);
    }
    return log;
}

test("before the first ticks nothing is claimed", () => {
    const log = new TickLog();
    assert.deepEqual([log.step, log.offset, log.jitter, log.ticks, log.missing], [NaN, NaN, NaN, 0, 0]);
    log.take(1000, 1007);
    assert.deepEqual([log.step, log.offset, log.jitter, log.ticks], [NaN, 7, NaN, 1]);
});

test("offset is the median and jitter the mean change", () => {
    const log = new TickLog();
    [4, 6, 5, 105, 5].forEach((offset, i) => log.take(i * 1000, i * 1000 + offset));
    assert.equal(log.offset, 5);
    assert.equal(log.jitter, (2 + 1 + 100 + 100) / 4);
    assert.equal(log.step, 1000);
});

test("a clock that is set otherwise gives negative offsets", () => {
    assert.equal(play(new TickLog(), 1, 9, -3000).offset, -3000);
});

test("missing ticks are counted, and change neither step nor jitter", () => {
    const log = play(new TickLog(), 1, 10);
    assert.equal(log.take(14000, 14009).missing, 3);
    assert.deepEqual([log.missing, log.ticks, log.step, log.jitter], [3, 11, 1000, 0]);
});

test("a tick that was there already is not counted", () => {
    const log = play(new TickLog(), 1, 5);
    assert.equal(log.take(5000, 5500), null);
    assert.equal(log.take(4000, 5500), null);
    assert.equal(log.ticks, 5);
});

test("ticks that a resumed stream brings late are not taken for jitter", () => {
    const log = play(new TickLog(), 1, 10);
    for (let i = 11; i <= 15; i++) {
        log.take(i * 1000, 15100);
    }
    play(log, 16, 20);
    assert.deepEqual([log.ticks, log.missing], [20, 0]);
    assert.equal(log.late, 4, "those of 11 to 14");
    assert.equal(log.offset, 5);
});

test("when a clock is set, the ticks after that are not late for ever", () => {
    const log = play(play(new TickLog(), 1, 50), 51, 200, 60000);
    assert.deepEqual([log.late, log.missing, log.offset], [1, 0, 60000]);
});

test("the figures are of the last minute's ticks", () => {
    const log = play(play(new TickLog(), 1, 100, 50), 101, 160, 2);
    assert.equal(log.offset, 2);
});
