// SPDX-License-Identifier: MIT
// log_rig: what tests of the log page's data share: streams as bytes, batches, workers, numbers.

import { Worker as Thread } from "node:worker_threads";
import { FrameParser } from "../../html/log/frames.js";
import { Lines } from "../../html/log/lines.js";

/** Numbers that are the same in each run. */
export function makeRandom(seed) {
    let state = seed >>> 0;
    const next = () => {
        state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
        return state / 2 ** 32;
    };
    return {
        below: (limit) => Math.floor(next() * limit),
        pick: (list) => list[Math.floor(next() * list.length)],
    };
}

/** The position of a line in a file: as long as a real one. */
export function positionOf(number, generation = "Q80EMilHcc9") {
    return `${generation}.${number}.${String(number % 99991).padStart(11, "k")}`;
}

/** Events as the server writes them; a line is a text, or {text, id, name}. */
export function frames(lines, { first = 1, start, generation } = {}) {
    const out = start === undefined ? [] : [`id: ${start}\n\n`];
    lines.forEach((line, index) => {
        const { text, id, name } = typeof line === "string" ? { text: line } : line;
        out.push(`id: ${id ?? positionOf(first + index, generation)}\n`);
        out.push(name ? `event: ${name}\n` : "");
        out.push(text.split("\n").map((part) => `data: ${part}\n`).join(""), "\n");
    });
    return new TextEncoder().encode(out.join(""));
}

/** A batch of lines, as the parser makes it. */
export function batchOf(lines, options) {
    const all = new Lines();
    const parser = new FrameParser((batch) => all.add(batch));
    parser.feed(frames(lines, options));
    all.add(parser.take());
    return all.take();
}

/** What starts a worker of the pages as a thread. */
export function startThread() {
    const glue = `
        const { parentPort } = require("node:worker_threads");
        globalThis.postMessage = (data, transfer) => parentPort.postMessage(data, transfer);
        const early = [];
        parentPort.on("message", (data) => early ? early.push(data) : globalThis.onmessage({ data }));
        import(${JSON.stringify(new URL("../../html/log/findworker.js", import.meta.url).href)})
            .then(() => { for (const data of early.splice(0)) globalThis.onmessage({ data }); })
            .then(() => { parentPort.removeAllListeners("message");
                          parentPort.on("message", (data) => globalThis.onmessage({ data })); });`;
    const thread = new Thread(glue, { eval: true });
    const worker = {
        postMessage: (data, transfer) => thread.postMessage(data, transfer),
        terminate: () => thread.terminate(),
        onmessage: null,
    };
    thread.on("message", (data) => worker.onmessage?.({ data }));
    return worker;
}
