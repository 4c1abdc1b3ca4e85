// SPDX-License-Identifier: MIT
// speed: prints what a million lines cost the log page's modules, in time and memory. Not a test.
//
//     node --expose-gc tests/pages/speed.mjs [LINES]

import { Finder } from "../../html/log/finder.js";
import { FrameParser } from "../../html/log/frames.js";
import { Store } from "../../html/log/store.js";
import { frames, positionOf, startThread } from "./log_rig.mjs";

const count = Number(process.argv[2] ?? 1e6);
const chunkLines = 500;

function lineOf(number) {
    const level = number % 97 === 0 ? "ERROR" : "INFO";
    return `2026-11-21T10:42:21.250Z ${level} request ${number} took ${number % 1000} ms on host-${number % 7}`;
}

function show(what, ms, note = "") {
    console.log(`${what.padEnd(44)} ${ms.toFixed(1).padStart(9)} ms  ${note}`);
}

function timed(what, run, note) {
    const startedAt = performance.now();
    const result = run();
    show(what, performance.now() - startedAt, note?.(result));
    return result;
}

function memory() {
    globalThis.gc?.();
    const { heapUsed, arrayBuffers } = process.memoryUsage();
    return `${((heapUsed + arrayBuffers) / 2 ** 20).toFixed(0)} MiB of heap and buffers`;
}

const chunks = [];
for (let at = 0; at < count; at += chunkLines) {
    const lines = Array.from({ length: Math.min(chunkLines, count - at) }, (_, i) => lineOf(at + i));
    chunks.push(frames(lines, { first: at }));
}
const sseBytes = chunks.reduce((sum, chunk) => sum + chunk.length, 0);

const batches = [];
timed("parse", () => {
    const parser = new FrameParser((batch) => batches.push(batch));
    chunks.forEach((chunk) => parser.feed(chunk));
    batches.push(parser.take());
}, () => `${(sseBytes / 2 ** 20).toFixed(0)} MiB, ${batches.length} batches`);
chunks.length = 0;

const before = memory();
const store = new Store();
let longest = 0;
timed("append", () => {
    for (const batch of batches.splice(0)) {
        const startedAt = performance.now();
        store.append(batch);
        longest = Math.max(longest, performance.now() - startedAt);
    }
}, () => `${(store.bytes / 2 ** 20).toFixed(0)} MiB by its own count, longest ${longest.toFixed(1)} ms`);
console.log(`memory: ${before} before, ${memory()} after`);

timed("find the position of the first line", () => store.find(positionOf(store.first)));
timed("find a position that is not there", () => store.find(positionOf(count + 9)));
timed("decode 200 lines in the middle", () => {
    for (let n = store.end >> 1, end = n + 200; n < end; n++) {
        store.line(n);
    }
});
timed("next level that is nowhere", () => store.nextLevel(store.first, 5));

const finder = new Finder(store, { start: startThread, workers: 2 });
const queries = [
    { text: "request 77777 " },
    { text: "request 77777 " },
    { text: "took 99\\d ms", isRegex: true },
    { text: "ERROR|took 5 ms", isRegex: true },
    { text: "error", ignoreCase: true },
    { text: "request \\d*77 ", isRegex: true },
    { text: "took", isRegex: true },
    { text: "host-[^0-5]$", isRegex: true },
    { text: "took\\s+99\\d", isRegex: true, ignoreCase: true },
];
for (const query of queries) {
    const { lines, ms, problem } = await finder.find(query);
    show(`find ${JSON.stringify(query.text)}${query.ignoreCase ? " i" : ""}`, ms, `${lines.length} lines ${problem}`);
}
finder.dispose();
