// SPDX-License-Identifier: MIT
// hub_rig: a server with a log of numbered lines, and a page that follows it and writes down what it gets.

import assert from "node:assert/strict";
import { createServer } from "node:http";
import { Store } from "../../html/log/store.js";
import { positionOf } from "./log_rig.mjs";

const deadlineMs = 30000;

/** Waits for something to be true. */
export async function until(isSo) {
    const untilAt = performance.now() + deadlineMs;
    while (!isSo()) {
        assert.ok(performance.now() < untilAt, `in time: ${isSo}`);
        await new Promise((resolve) => setTimeout(resolve, 2));
    }
}

/** Lines 1 to `count`; a position names the line, as long as its generation is right. */
export class LogServer {
    count = 0;
    padding = 0;
    isDown = false;
    isBeginningGone = false;
    cutAt = 0; // the connection that comes to this line is lost
    lastWords = null; // instead of what comes from there on, and then a proper end of the response
    requests = [];
    readers = new Set();
    written = 0;
    #generation = "Q80EMilHcc9";
    #http = createServer((request, response) => this.#answer(request, response));

    async listen() {
        await new Promise((resolve) => this.#http.listen(0, "127.0.0.1", resolve));
        this.base = `http://127.0.0.1:${this.#http.address().port}/events/`;
    }

    close() {
        this.cut();
        this.#http.close();
        this.#http.closeAllConnections();
    }

    write(lines) {
        this.count += lines;
        this.readers.forEach((reader) => this.#pump(reader));
    }

    cut() {
        this.readers.forEach(({ response }) => response.destroy());
    }

    /** Another history, in which old positions mean nothing. */
    forget(lines) {
        this.#generation = "Q80EMzGBzxp";
        this.count += lines;
    }

    /** Resolves when nothing was written for a while. */
    async isStill() {
        for (let last = -1; last !== this.written; ) {
            last = this.written;
            await new Promise((resolve) => setTimeout(resolve, 100));
        }
        return this;
    }

    #answer(request, response) {
        if (this.isDown) {
            response.destroy();
            return;
        }
        const query = Object.fromEntries(new URL(request.url, this.base).searchParams);
        this.requests.push(query);
        if (query.regex === "(") {
            response.writeHead(400).end('{"error":"regex: missing )"}');
            return;
        }
        if (query.before === positionOf(1, this.#generation) && this.isBeginningGone) {
            response.writeHead(410).end();
            return;
        }
        let at = Math.max(0, this.count - Number(query.last ?? 0));
        let end = Infinity;
        if (query.before !== undefined) {
            end = Number(query.before.split(".")[1]) - 1;
            at = Math.max(0, end - Number(query.last));
        } else if (query.until !== undefined) {
            end = Number(query.until.split(".")[1]);
        }
        if (query.from === "start") {
            query.from = positionOf(0, this.#generation);
        }
        if (query.from !== undefined) {
            const [generation, number] = query.from.split(".");
            if (generation !== this.#generation) {
                response.writeHead(400).end('{"error":"from: unknown"}');
                return;
            }
            at = Number(number);
        }
        response.writeHead(200, { "Content-Type": "text/event-stream" });
        response.write(`retry: 100\n\nid: ${positionOf(at, this.#generation)}\n\n`);
        const reader = { response, at, end, grep: query.grep };
        this.readers.add(reader);
        response.on("close", () => this.readers.delete(reader));
        response.on("drain", () => this.#pump(reader));
        this.#pump(reader);
    }

    #pump(reader) {
        const pad = "p".repeat(this.padding);
        const last = Math.min(this.count, reader.end);
        while (reader.at < last && !reader.response.writableNeedDrain) {
            let text = "";
            for (let i = 0; i < 50 && reader.at < last; i++) {
                reader.at++;
                this.written++;
                const id = `id: ${positionOf(reader.at, this.#generation)}\n`;
                if (reader.grep && !String(reader.at).includes(reader.grep)) {
                    const left = last - reader.at;
                    text += `${id}event: stream.progress\ndata: {"bytes_left": ${left}}\n\n`;
                } else {
                    text += `${id}data: ${reader.at} ${pad}\n\n`;
                }
            }
            reader.response.write(text);
            if (this.cutAt && reader.at >= this.cutAt) {
                this.cutAt = 0;
                if (this.lastWords === null) {
                    reader.response.destroy();
                } else {
                    reader.response.end(this.lastWords);
                }
                return;
            }
        }
        if (reader.at >= reader.end) {
            reader.response.end('event: stream.end\ndata: {"reason":"until"}\n\n');
        }
    }
}

/** A page with a feed; one that is slow does not acknowledge. */
export class Page {
    lines = [];
    gaps = [];
    batches = 0;
    state = "";
    isSlow;
    #held = [];
    #start = {};

    constructor(Feed, server, { isSlow = false, ...options } = {}) {
        this.isSlow = isSlow;
        const wait = () => this.isSlow && new Promise((resolve) => this.#held.push(resolve));
        this.feed = new Feed("log", {
            base: server.base,
            onBatch: (batch) => {
                this.#take(batch);
                return wait();
            },
            onState: ({ name }) => (this.state = name),
            ...options,
        });
    }

    get last() {
        return this.lines.at(-1) ?? 0;
    }

    follow(start) {
        this.#start = start;
        this.feed.follow(start);
    }

    resume() {
        const { cursor } = this.feed;
        this.feed.follow(cursor ? { from: cursor } : this.#start);
    }

    acknowledge() {
        this.#held.splice(0).forEach((resolve) => resolve());
    }

    /** It got the lines from one number to another, each once. */
    expectRun(first, last) {
        assert.equal(this.lines.length, last - first + 1);
        this.lines.forEach((number, i) => assert.equal(number, first + i));
    }

    #take(batch) {
        this.batches++;
        const store = new Store();
        store.append(batch);
        for (let n = 0; n < store.end; n++) {
            const { kind, text } = store.line(n);
            if (kind === "gap") {
                this.gaps.push({ after: this.last, reason: JSON.parse(text).reason });
            } else {
                this.lines.push(Number.parseInt(text, 10));
            }
        }
    }
}
