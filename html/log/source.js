// SPDX-License-Identifier: MIT
// source: one connection to a stream, whose lines come as batches.

import { Stream } from "../ssecgi.js";
import { FrameParser } from "./frames.js";

const flushMs = 16; // a batch at most this often, unless it is full
const quietMs = 150; // after such a pause all that was there before has come

export class Source {
    #options;
    #parser;
    #stream;
    #flushTimer = 0;
    #flushedAt = 0;
    #idleAt = 0;
    #linesUntilLive = Infinity;
    #isLive = false;
    #isClosed = false;
    #go = null; // lets the connection read on
    #wait = null;

    /** @param {import("./types.d.ts").SourceOptions} options */
    constructor({ name, base }, options) {
        this.#options = options;
        this.#parser = new FrameParser((batch) => this.#hand(batch));
        const { last, from } = options.start;
        this.#stream = new Stream(name, {
            params: from || last === undefined ? options.params : { ...options.params, last },
            from,
            base,
            parse: (cursor) => this.#begin(cursor),
            onEvent: (event) => this.#took(event),
            onGap: (gap) => {
                this.#parser.addGap(gap);
                this.#planFlush();
            },
            onState: (state) => {
                if (state.name === "ended") {
                    this.flush();
                }
                if (!this.#isClosed) {
                    options.onState(state);
                }
            },
            onResponse: options.onResponse,
        });
    }

    open() {
        this.#stream.open();
    }

    close() {
        this.#isClosed = true;
        clearTimeout(this.#flushTimer);
        this.#stream.close();
        this.readOn();
    }

    get state() {
        return this.#stream.state;
    }

    /** Whether it has come to what happens now. */
    get isLive() {
        const isQuiet = !this.#wait && Date.now() - this.#idleAt >= quietMs;
        return this.#isLive || this.#linesUntilLive <= 0 || (isQuiet && this.state.name === "live");
    }

    readOn() {
        this.#go?.();
        this.#go = null;
        this.#wait = null;
    }

    flush() {
        clearTimeout(this.#flushTimer);
        this.#flushTimer = 0;
        this.#flushedAt = Date.now();
        if (!this.#isClosed && this.#parser.hasNews) {
            this.#hand(this.#parser.take());
        }
    }

    #begin(cursor) {
        const { last } = this.#options.start;
        this.#parser.reset();
        this.#isLive = false;
        this.#idleAt = Date.now();
        // Of a known number, what comes then is new.
        this.#linesUntilLive = cursor || last === undefined ? Infinity : last;
        return (bytes) => this.#parse(bytes);
    }

    #parse(bytes) {
        const now = Date.now();
        this.#isLive = this.isLive;
        this.#parser.arrived = this.#isLive ? now : 0;
        const before = this.#parser.taken;
        const events = this.#parser.feed(bytes);
        this.#linesUntilLive -= this.#parser.taken - before;
        this.#idleAt = Date.now();
        return events;
    }

    #took(event) {
        if (event.name !== "lines") {
            this.#options.onEvent?.(event);
            return undefined;
        }
        this.#planFlush();
        if (this.#isClosed || (this.#options.canTake?.() ?? true)) {
            return undefined;
        }
        this.#wait ??= new Promise((go) => {
            this.#go = () => {
                this.#idleAt = Date.now();
                go();
            };
        });
        return this.#wait;
    }

    #planFlush() {
        if (this.#flushTimer || this.#isClosed) {
            return;
        }
        const waitMs = flushMs - (Date.now() - this.#flushedAt);
        if (waitMs <= 0) {
            this.flush();
        } else {
            this.#flushTimer = setTimeout(() => this.flush(), Math.min(waitMs, flushMs));
        }
    }

    #hand(batch) {
        if (!this.#isClosed) {
            this.#options.onBatch(batch);
        }
    }
}
