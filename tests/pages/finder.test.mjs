// SPDX-License-Identifier: MIT
// finder: a search of many lines at once finds what a test of each line alone does.

import assert from "node:assert/strict";
import { after, test } from "node:test";
import { Finder } from "../../html/log/finder.js";
import { compile, isLineBound } from "../../html/log/match.js";
import { Store } from "../../html/log/store.js";
import { batchOf, makeRandom, startThread } from "./log_rig.mjs";

const finders = [];
after(() => finders.forEach((finder) => finder.dispose()));

function makeFinder(store) {
    const finder = new Finder(store, { start: startThread, workers: 2 });
    finders.push(finder);
    return finder;
}

function makeStore(lines, each = 700) {
    const store = new Store();
    for (let at = 0; at < lines.length; at += each) {
        store.append(batchOf(lines.slice(at, at + each), { first: at + 1 }));
    }
    return store;
}

// The meaning of a search: each line by itself.
function model(store, query) {
    const regex = compile(query);
    const found = [];
    for (let n = store.first; n < store.end; n++) {
        regex.lastIndex = 0;
        if (store.kindOf(n) !== "gap" && regex.test(store.full(n)) !== Boolean(query.invert)) {
            found.push(n);
        }
    }
    return found;
}

const words = ["error", "Error", "ERROR", "ſtraße", "straße", "日本", "😀", "", "a", "-", "\t", "[x]", "1.5", "\u2028", "aaab"];

const ascii = words.filter((word) => /^[\x20-\x7e]*$/.test(word));
const kindsOfText = {
    "ASCII": ascii,
    "Unicode": words.filter((word) => word !== "\u2028"),
    "Unicode with line ends of its own": words,
};

function randomLines(random, count, pool = ascii) {
    return Array.from({ length: count }, () =>
        Array.from({ length: random.below(6) }, () => random.pick(pool)).join(random.pick([" ", ""]))
    );
}

const patterns = [
    "error", "^error", "error$", "^$", "^", "$", "a*", "\\berror\\b", "\\B", "er+or", "[a-z]+\\d", "\\d",
    "(?:error|a) ", "(error).*\\1", ".*", "^.{3,5}$", "x|", "\\s", "\\s$", "\\W", "\\W$", "[^a]", "[^a]$",
    "(?=a)", "(?!a)", "(?<=a)b", "(?<!a)$", "\\n", "\\x0a", "\\u000a", "\\p{L}+$", "\\S\\s", "[\\s\\S]", "[\\t-\\r]",
    "日", "😀", "^.$", "ß$", "s", "(?<n>a)\\k<n>", "[-a]", "\\\\", "\\[x\\]", "a\\nb", "\\cJ", "\\D$", "error\\n?",
];

for (const [kind, pool] of Object.entries(kindsOfText)) {
    test(`finds what each line alone matches: ${kind}`, async () => {
        const random = makeRandom(7);
        const lines = randomLines(random, 3000, pool);
        if (pool === words) {
            lines[10] = "two\nlines of error\n";
            lines[20] = { text: '{"reason":"error"}', name: "stream.gap" };
        }
        const store = makeStore(lines);
        const finder = makeFinder(store);
        for (const text of patterns) {
            for (const options of [{}, { ignoreCase: true }, { invert: true }]) {
                const query = { text, isRegex: true, ...options };
                const { lines: found, problem } = await finder.find(query);
                assert.equal(problem, "");
                assert.deepEqual([...found], model(store, query), JSON.stringify(query));
            }
        }
        for (const text of ["error", "[x]", "1.5", "日本", "😀", ".", " ", "\\"]) {
            for (const options of [{}, { ignoreCase: true }, { invert: true }]) {
                const query = { text, ...options };
                const { lines: found } = await finder.find(query);
                assert.deepEqual([...found], model(store, query), JSON.stringify(query));
            }
        }
    });
}

test("searches simple patterns over many lines at once, and others line by line", () => {
    for (const text of ["error", "\\bGET /\\w+", "^a.*b$", "[0-9a-f]{8}", "(?:a|b)\\d+"]) {
        assert.ok(isLineBound({ text, isRegex: true }), text);
    }
    for (const text of ["\\s", "\\W", "\\D", "[^a]", "(?=a)", "(?<!a)", "\\n", "\\x0a", "\\u{a}", "\\p{Z}", "\\cJ", "\\0"]) {
        assert.ok(!isLineBound({ text, isRegex: true }), text);
    }
});

test("finds in what comes at both ends, and forgets what is dropped", async () => {
    const random = makeRandom(3);
    const store = new Store({ capBytes: 600000 });
    const finder = makeFinder(store);
    const query = { text: "error", ignoreCase: true };
    store.append(batchOf(randomLines(random, 100)));
    await finder.find(query);
    for (let round = 0; round < 60; round++) {
        const batch = batchOf(randomLines(random, 1 + random.below(600)));
        if (random.below(3) > 0) {
            store.append({ ...batch, before: store.position });
        } else {
            store.prepend(batch);
        }
        const { lines } = await finder.extend();
        assert.deepEqual([...lines], model(store, query));
    }
    store.clear();
    store.append(batchOf(["an error", "none"]));
    assert.deepEqual([...(await finder.extend()).lines], [0]);
});

test("says in the engine's words what is wrong with a pattern", async () => {
    const finder = makeFinder(makeStore(["a"]));
    const { lines, problem } = await finder.find({ text: "a(", isRegex: true });
    assert.equal(lines.length, 0);
    assert.match(problem, /Unterminated group/);
    assert.equal((await finder.find({ text: "a(" })).problem, "");
    assert.equal((await finder.find({ text: "" })).lines.length, 0);
});

test("ends a pattern that takes for ever, and works on", async () => {
    const store = makeStore(["fine", `${"a".repeat(40)}!`, "fine"]);
    const finder = makeFinder(store);
    const { problem } = await finder.find({ text: "^(a+)+$", isRegex: true });
    assert.equal(problem, "slow");
    assert.equal((await finder.extend()).problem, "slow");
    assert.deepEqual([...(await finder.find({ text: "fine" })).lines], [0, 2]);
});

test("a new search ends the one before", async () => {
    const finder = makeFinder(makeStore(randomLines(makeRandom(5), 20000)));
    const first = finder.find({ text: "\\s", isRegex: true });
    const second = finder.find({ text: "1.5" });
    assert.ok((await first).isCancelled);
    assert.ok((await second).lines.length > 0);
    finder.cancel();
    assert.equal((await finder.extend()).lines.length, 0);
});

test("copies that were made ahead are searched, each once", async () => {
    const store = makeStore(randomLines(makeRandom(6), 8000));
    const finder = makeFinder(store);
    const query = { text: "error" };
    const copied = finder.warm();
    assert.deepEqual([...(await finder.find(query)).lines], model(store, query));
    await copied;
    store.append(batchOf(["error again"]));
    await finder.warm();
    assert.deepEqual([...(await finder.extend()).lines], model(store, query));
});

test("tells its progress", async () => {
    const store = makeStore(randomLines(makeRandom(5), 5000));
    let last = null;
    const { lines } = await makeFinder(store).find({ text: "a" }, (progress) => (last = progress));
    assert.deepEqual(last, { searched: 5000, count: 5000, found: lines.length });
});
