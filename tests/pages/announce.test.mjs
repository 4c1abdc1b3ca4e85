// SPDX-License-Identifier: MIT
// announce: new lines are read out one a second at most, else their number.

import assert from "node:assert/strict";
import { test } from "node:test";

import { Announcer } from "../../html/log/announce.js";

function makeAnnouncer() {
    const said = [];
    const waiting = [];
    const announcer = new Announcer((text) => said.push(text), (then) => waiting.push(then));
    return { announcer, said, nextSecond: () => waiting.shift()?.() };
}

test("a single line is read, more within a second are counted", () => {
    const { announcer, said, nextSecond } = makeAnnouncer();
    announcer.add(1, "first");
    announcer.add(1, "second");
    announcer.add(118, "");
    announcer.add(1, "last");
    assert.deepEqual(said, ["first"]);
    nextSecond();
    assert.deepEqual(said, ["first", "120 new lines"]);
    nextSecond();
    announcer.add(1, "x".repeat(1000));
    assert.equal(said.length, 3);
    assert.ok(said[2].length <= 200);
});

test("what came before a pause is not read after it", () => {
    const { announcer, said, nextSecond } = makeAnnouncer();
    announcer.add(1, "first");
    announcer.add(5, "");
    announcer.clear();
    nextSecond();
    announcer.add(1, "later");
    assert.deepEqual(said, ["first", "later"]);
});
