// SPDX-License-Identifier: MIT
// ansi: a line in runs: colours, what is dropped, what is made visible, marks, and the way back.

import assert from "node:assert/strict";
import { test } from "node:test";
import { markRuns, placeIn, rangesOf, runsOf, visible } from "../../html/log/ansi.js";
import { makeRandom } from "./log_rig.mjs";

const E = "\u001b";
const shown = (text, isAnsi = true) => runsOf(text, isAnsi).map((run) => run.shown).join("");
const styles = (text) => runsOf(text, true).map(({ shown: part, style }) => [part, style]);

test("plain text is one run, and is the same string", () => {
    const text = "GET / 200 中文 \t é 👩‍👩‍👧";
    assert.deepEqual(runsOf(text, true), [
        { shown: text, start: 0, end: text.length, isExact: true, style: null },
    ]);
    assert.deepEqual(shown(""), "");
});

test("the sixteen colours, and their end", () => {
    assert.deepEqual(styles(`${E}[31mred${E}[0m ${E}[92;44mboth${E}[39m ground${E}[m end`), [
        ["red", { fg: 1 }],
        [" ", null],
        ["both", { fg: 10, bg: 4 }],
        [" ground", { fg: undefined, bg: 4 }],
        [" end", null],
    ]);
});

test("256 and true colours, with semicolons and with colons", () => {
    assert.deepEqual(styles(`${E}[38;5;9ma`), [["a", { fg: 9 }]]);
    assert.deepEqual(styles(`${E}[38;5;208ma`), [["a", { fg: "rgb(255 135 0)" }]]);
    assert.deepEqual(styles(`${E}[48;5;232ma`), [["a", { bg: "rgb(8 8 8)" }]]);
    assert.deepEqual(styles(`${E}[38;2;1;2;3;1ma`), [["a", { fg: "rgb(1 2 3)", bold: true }]]);
    assert.deepEqual(styles(`${E}[38:2::1:2:3ma`), [["a", { fg: "rgb(1 2 3)" }]]);
    assert.deepEqual(styles(`${E}[38:2:1:2:3ma`), [["a", { fg: "rgb(1 2 3)" }]]);
});

test("colours that are none are no colours", () => {
    for (const code of ["38;5;256", "38;2;256;0;0", "38;2;1", "38;9;1", "38", "48;5;999"]) {
        assert.deepEqual(styles(`${E}[${code}ma`), [["a", null]], code);
    }
    // Private sequences that end in m are no colours: this one is of xterm's keyboard.
    assert.deepEqual(styles(`${E}[>4;1ma`), [["a", null]]);
});

test("bold, dim, italic, underline, strike, inverse; hidden text is shown", () => {
    assert.deepEqual(styles(`${E}[1;2;3;4;7;9ma${E}[22;23;24;27;29mb${E}[8mc${E}[4:3md${E}[4:0me`), [
        ["a", { bold: true, dim: true, italic: true, underline: true, inverse: true, strike: true }],
        ["b", null],
        ["c", null],
        ["d", { underline: true }],
        ["e", null],
    ]);
});

test("links, titles, cursor moves and other sequences are dropped, their text stays", () => {
    assert.equal(shown(`a${E}]8;;http://example.org/${E}\\link${E}]8;;${E}\\b`), "alinkb");
    assert.equal(shown(`a${E}]0;a title\u0007b${E}[2J${E}[10;20Hc${E}7d${E}(Be`), "abcde");
    assert.equal(shown(`a${E}Pq#0;2${E}\\b${E}_app${E}\\c${E}^pm${E}\\d${E}Xsos${E}\\e`), "abcde");
});

test("a sequence without an end hides nothing", () => {
    assert.equal(shown(`a${E}]0;the rest of the line`), "a0;the rest of the line");
    assert.equal(shown(`a${E}[12;`), "a12;");
    assert.equal(shown(`a${E}`), "a");
});

test("controls are pictures, what can't be seen is its code", () => {
    assert.equal(shown("a\u0000\u0007\r\n\u007fb\tc"), "a\u2400\u2407\u240d\u240a\u2421b\tc");
    assert.equal(shown("\u009b31m \u202eabc\u202c"), "<U+009B>31m <U+202E>abc<U+202C>");
    assert.equal(shown("\u200b \ufeff \u2028"), "<U+200B> <U+FEFF> <U+2028>");
    assert.equal(visible("\u{e0041}\u2066"), "<U+E0041><U+2066>");
    assert.equal(shown(`a${E}[31mb`, false), "a\u241b[31mb");
});

test("a hostile line costs a bounded number of runs, and shows all its text", () => {
    const coloured = Array.from({ length: 1000 }, (_, i) => `${E}[${31 + (i % 6)}m${i % 10}`).join("");
    assert.ok(runsOf(coloured, true).length <= 202);
    assert.equal(shown(coloured), Array.from({ length: 1000 }, (_, i) => i % 10).join(""));
    const turned = "\u202e".repeat(1000);
    assert.ok(runsOf(turned, true).length <= 202);
    assert.equal(shown(turned), "<U+202E>".repeat(1000));
});

test("what a search finds is marked, across runs and once where hits overlap", () => {
    assert.deepEqual(rangesOf("abcabc", [/b/g, /bc/g, /x*/g]), [[1, 3], [4, 6]]);
    const text = `one ${E}[31mtwo${E}[0m three`;
    const at = text.indexOf("two");
    const runs = markRuns(runsOf(text, true), [[2, at + 2]]);
    assert.deepEqual(runs.map((run) => [run.shown, run.isMark]), [
        ["on", false],
        ["e ", true],
        ["tw", true],
        ["o", false],
        [" three", false],
    ]);
});

test("model: the runs cover the line in order, and each place leads back to where it was", () => {
    const random = makeRandom(7);
    const parts = ["a", "bc", "é", "👍", "\t", "\u0000", "\u202e", "\u200b", `${E}[31m`, `${E}[0m`,
        `${E}]8;;u${E}\\`, `${E}[`, E, "\u{e0041}", "x".repeat(9)];
    for (let round = 0; round < 2000; round++) {
        const text = Array.from({ length: random.below(12) }, () => random.pick(parts)).join("");
        const ranges = rangesOf(text, [/a|bc/g]);
        const runs = markRuns(runsOf(text, round % 2 === 0), ranges);
        let end = 0;
        runs.forEach((run, index) => {
            assert.ok(run.start >= end && run.end <= text.length, JSON.stringify(text));
            end = run.end;
            for (let offset = 0; run.isExact && offset < run.shown.length; offset++) {
                const place = placeIn(runs, index, offset, false);
                const same = text[place] === run.shown[offset] || visible(text[place]) === run.shown[offset];
                assert.ok(same, JSON.stringify([text, index, offset]));
            }
            assert.equal(placeIn(runs, index, 0, false), run.shown ? run.start : run.end);
            assert.equal(placeIn(runs, index, run.shown.length, true), run.shown ? run.end : run.start);
        });
    }
});
