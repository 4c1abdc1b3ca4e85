// SPDX-License-Identifier: MIT
// history: what the server can tell of a log's past: pages, stretches, searches.

import { parseObject, streamUrl } from "../ssecgi.js";
import { FrameParser } from "./frames.js";
import { Lines, kindMask, kindShift, kinds, sliceBatch } from "./lines.js";
import { Source } from "./source.js";

/** @typedef {import("./types.d.ts").Batch} Batch */

/** The address before everything that a log has. */
const beginning = "start";

const quietMs = 500; // without an end, a stretch is over after such a pause
const stallMs = 30000; // an answer that pauses for longer does not come
const gapKind = kinds.indexOf("gap");

/**
 * @typedef {object} Target the stream that is asked
 * @property {string} name
 * @property {Record<string, string | number>} params
 * @property {string | URL} [base] where the streams are, if not beside the pages
 */

async function open(target, params, signal) {
    const url = streamUrl(target.name, { ...target.params, ...params }, target.base);
    const response = await inTime(fetch(url, { cache: "no-store", signal }));
    if (response.ok || response.status === 410) {
        return response;
    }
    const { error } = parseObject(await response.text().catch(() => ""));
    const { status } = response;
    throw Object.assign(new Error(error ?? `the server answered ${status}`), { status });
}

// What resolves after a time, and can be given up.
function pause(ms) {
    let timer = 0;
    const over = new Promise((resolve) => {
        timer = setTimeout(() => resolve({ isQuiet: true }), ms);
    });
    return { over, end: () => clearTimeout(timer) };
}

// What a promise brings, unless it takes too long.
async function inTime(promise) {
    const wait = pause(stallMs);
    const value = await Promise.race([promise, wait.over]).finally(wait.end);
    if (value.isQuiet) {
        throw new Error("no answer");
    }
    return value;
}

// Reads a response into one batch, until it ends, has `count` lines, or is quiet for a while. What is
// cut off must not be taken for all there is.
async function readBatch(response, { count = Infinity, limitMs = 0 } = {}) {
    const all = new Lines();
    const parser = new FrameParser((batch) => all.add(batch));
    const reader = response.body.getReader();
    for (let isOver = false; !isOver; ) {
        const wait = pause(limitMs || stallMs);
        const read = await Promise.race([reader.read(), wait.over]);
        wait.end();
        const names = (read.value ? parser.feed(read.value) : []).map(({ name }) => name);
        if (parser.hasNews) {
            all.add(parser.take());
        }
        const isPause = read.isQuiet && limitMs > 0;
        isOver = isPause || all.count >= count || names.includes("stream.end");
        const isBusy = names.includes("stream.busy");
        if (isBusy || ((read.done || read.isQuiet) && !isOver)) {
            reader.cancel().catch(() => {});
            throw new Error(isBusy ? "the server is busy" : "connection lost");
        }
    }
    reader.cancel().catch(() => {});
    const batch = all.take();
    return batch.count > count ? sliceBatch(batch, 0, count) : batch;
}

function countLines({ flags, count }) {
    let lines = 0;
    for (let i = 0; i < count; i++) {
        if (((flags[i] >> kindShift) & kindMask) !== gapKind) {
            lines++;
        }
    }
    return lines;
}

/**
 * The `count` lines before a position. `start` is the position before the first of them, `end` that
 * of the last; gone: nothing from there can be had any more.
 *
 * @returns {Promise<{batch: Batch, start: string, end: string, isOldest: boolean} | {gone: true}>}
 */
export async function fetchPage(target, before, count) {
    const response = await open(target, { before, last: count });
    if (response.status === 410) {
        return { gone: true };
    }
    const batch = await readBatch(response);
    const isOldest = countLines(batch) < count;
    return { batch, start: batch.before, end: batch.position, isOldest };
}

/**
 * The lines after `from`, up to that at `until` where it is given, and no more than `count`.
 *
 * @returns {Promise<Batch>}
 */
export async function fetchRange(target, { from, until, count }) {
    const response = await open(target, { from, until });
    if (response.status === 410) {
        throw new Error("gone");
    }
    return readBatch(response, { count, limitMs: until ? 0 : quietMs });
}

// The position of what is newest now: every stream begins by telling it.
async function fetchNewest(target) {
    const abort = new AbortController();
    const response = await open(target, {}, abort.signal);
    const parser = new FrameParser();
    const reader = response.body.getReader();
    while (!parser.position) {
        const { done, value } = await reader.read();
        if (done) {
            throw new Error("no answer");
        }
        parser.feed(value);
    }
    abort.abort();
    return parser.position;
}

/**
 * Lets the server search, from the beginning of the log unless told otherwise, up to what is the
 * newest line now. A lost connection is made again, and the search goes on where it was.
 *
 * @param {Target} target
 * @param {object} query
 * @param {string} [query.grep]   a text, or
 * @param {string} [query.regex]  a pattern (PCRE2)
 * @param {boolean} [query.invert]
 * @param {number} [query.context] lines around each match
 * @param {string} [query.from]   where to begin: a position, or
 * @param {number} [query.last]   so many matches back, or
 * @param {string} [query.since]  a time
 * @param {string} [query.until]  the position of the last line to look at
 * @param {object} callbacks
 * @param {(batch: Batch) => void} callbacks.onBatch
 * @param {(progress: {bytesLeft: number | undefined, position: string}) => void} [callbacks.onProgress]
 * @param {(reason: "" | "cancelled" | string) => void} [callbacks.onEnd] "" when all has been looked
 *     at; else a sentence
 * @returns {{ cancel(): void }}
 */
export function searchHistory(target, query, callbacks) {
    const search = new Search(target, query, callbacks);
    search.run().catch((error) => search.end(error.message));
    return { cancel: () => search.end("cancelled") };
}

class Search {
    #target;
    #query;
    #callbacks;
    #source = null;
    #isOver = false;

    constructor(target, query, callbacks) {
        this.#target = target;
        this.#query = query;
        this.#callbacks = callbacks;
    }

    async run() {
        const { grep, regex, invert, context, from, last, since } = this.#query;
        const until = this.#query.until ?? (await fetchNewest(this.#target));
        if (this.#isOver) {
            return;
        }
        const isElsewhere = last !== undefined || since !== undefined;
        this.#source = new Source(this.#target, {
            params: {
                ...this.#target.params,
                grep,
                regex,
                invert: invert ? 1 : undefined,
                context: context || undefined,
                since,
                until,
            },
            start: isElsewhere ? { last } : { from: from ?? beginning },
            onBatch: (batch) => {
                if (batch.count > 0) {
                    this.#callbacks.onBatch(batch);
                }
            },
            onEvent: (event) => this.#progress(event),
            onState: (state) => {
                if (state.name === "ended") {
                    this.end("");
                }
            },
            onResponse: (response) => this.#judge(response),
        });
        this.#source.open();
    }

    end(reason) {
        if (!this.#isOver) {
            this.#isOver = true;
            this.#source?.close();
            this.#callbacks.onEnd?.(reason);
        }
    }

    #progress({ name, data, position }) {
        if (name === "stream.progress") {
            const bytesLeft = parseObject(data).bytes_left;
            this.#callbacks.onProgress?.({ bytesLeft, position });
        }
    }

    // What the server refuses now it will refuse again.
    async #judge(response) {
        if (response.status >= 400 && response.status < 500 && response.status !== 429) {
            const { error } = parseObject(await response.clone().text());
            this.end(error ?? `the server answered ${response.status}`);
        }
    }
}
