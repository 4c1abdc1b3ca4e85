// SPDX-License-Identifier: MIT
// finder: searches the store's lines in workers, which keep copies of them.

import { workerUrl } from "../trusted.js";
import { brokenFlag, kindMask, kindShift, kinds } from "./lines.js";
import { complaint, makePart } from "./match.js";

/** @typedef {import("./match.js").Query} Query */

/**
 * @typedef {object} Result
 * @property {Int32Array} lines   ascending numbers
 * @property {number} ms
 * @property {string} problem     "", "slow": ended early, `lines` is what was found until then; else
 *     what is wrong with the query, in the engine's words
 * @property {boolean} isCancelled another call ended it
 */

const limitMs = 2000;
const mostWorkers = 2;
const mostParts = 16; // of a piece that grows; then it is copied as one
const copyBytes = 4 * 1024 * 1024; // at once; then the page may do other things

const flagsOf = {
    kindOf: (flags) => kinds[(flags >> kindShift) & kindMask],
    isBroken: (flags) => (flags & brokenFlag) !== 0,
};

function startWorker() {
    return new Worker(workerUrl("finder"), { type: "module" });
}

function pauseBriefly() {
    return new Promise((resolve) => {
        const { port1, port2 } = new MessageChannel();
        port1.onmessage = () => {
            port1.close();
            resolve();
        };
        port2.postMessage(0);
    });
}

// A worker and what it holds.
class Hand {
    #start;
    #onFound;
    #worker = null;
    keys = new Set();
    bytes = 0;
    onDone = () => {};

    constructor(start, onFound) {
        this.#start = start;
        this.#onFound = onFound;
    }

    add(key, part) {
        this.#make();
        this.keys.add(key);
        this.bytes += part.text.length;
        this.#worker.postMessage({ do: "add", key, part }, [part.text.buffer, part.ends.buffer]);
    }

    drop(keys) {
        keys.forEach((key) => this.keys.delete(key));
        this.#worker?.postMessage({ do: "drop", keys });
    }

    // Resolves when all is searched.
    find(turn, query, keys) {
        if (keys.length === 0) {
            this.#worker?.postMessage({ do: "stop" });
            return Promise.resolve();
        }
        return new Promise((resolve) => {
            this.onDone = (doneTurn) => {
                if (doneTurn === turn) {
                    resolve();
                }
            };
            this.#worker.postMessage({ do: "find", turn, query, keys });
        });
    }

    stop() {
        this.#worker?.postMessage({ do: "stop" });
    }

    end() {
        this.#worker?.terminate();
        this.#worker = null;
        this.keys.clear();
        this.bytes = 0;
    }

    #make() {
        if (this.#worker) {
            return;
        }
        this.#worker = this.#start();
        this.#worker.onmessage = ({ data }) => {
            this.#onFound(data);
            if (data.isDone) {
                this.onDone(data.turn);
            }
        };
    }
}

export class Finder {
    #store;
    #hands;
    #turn = 0;
    /** @type {Query | null} */
    #query = null;
    #onProgress = () => {};
    #isSlow = false; // the query that is on was ended
    #running = Promise.resolve();
    #endRun = () => {};
    #sent = new Map(); // a piece of the store: its keys, and how many lines they hold
    #found = new Map(); // of the query that is on: by key
    #nextKey = 1;

    /**
     * @param {import("./store.js").Store} store
     * @param {{ start?: () => Worker, workers?: number }} [options]
     */
    constructor(store, { start = startWorker, workers } = {}) {
        this.#store = store;
        const cores = globalThis.navigator?.hardwareConcurrency ?? mostWorkers;
        const count = workers ?? Math.max(1, Math.min(mostWorkers, cores));
        this.#hands = Array.from(
            { length: count },
            () => new Hand(start, (message) => this.#take(message))
        );
    }

    /**
     * Searches all lines. A search that is on is ended.
     *
     * @param {Query} query
     * @param {(progress: {searched: number, count: number, found: number}) => void} [onProgress]
     * @returns {Promise<Result>}
     */
    find(query, onProgress = () => {}) {
        this.cancel();
        const problem = query.text === "" ? "" : complaint(query);
        if (problem || query.text === "") {
            return Promise.resolve(this.#result(0, problem));
        }
        this.#query = { ...query };
        this.#onProgress = onProgress;
        return this.#start();
    }

    /**
     * Searches what the store has more than at the last time, with the same query.
     *
     * @returns {Promise<Result>} as of all lines
     */
    async extend() {
        const turn = this.#turn;
        await this.#running;
        if (turn !== this.#turn || !this.#query || this.#isSlow) {
            return this.#result(0, this.#isSlow ? "slow" : "", turn !== this.#turn);
        }
        return this.#start();
    }

    /** Copies the lines ahead of a search. */
    warm() {
        return this.#copy(this.#turn);
    }

    /** Ends the search that is on. */
    cancel() {
        this.#turn++;
        this.#query = null;
        this.#isSlow = false;
        this.#found.clear();
        this.#hands.forEach((hand) => hand.stop());
        this.#endRun("cancelled");
    }

    dispose() {
        this.cancel();
        this.#hands.forEach((hand) => hand.end());
        this.#sent.clear();
    }

    #start() {
        const run = this.#run(this.#turn);
        this.#running = run;
        return run;
    }

    async #run(turn) {
        const startedAt = performance.now();
        const ended = new Promise((resolve) => (this.#endRun = resolve));
        await this.#copy(turn);
        let timer = 0;
        let how = "cancelled";
        if (turn === this.#turn) {
            const late = new Promise((resolve) => {
                timer = setTimeout(resolve, limitMs, "slow");
            });
            const done = Promise.all(
                this.#hands.map((hand) => hand.find(turn, this.#query, this.#missing(hand)))
            ).then(() => "");
            how = await Promise.race([done, late, ended]);
            clearTimeout(timer);
        }
        if (how === "slow") {
            this.#isSlow = true;
            this.#endWorkers();
        }
        const isCancelled = how === "cancelled" || turn !== this.#turn;
        return this.#result(performance.now() - startedAt, isCancelled ? "" : how, isCancelled);
    }

    #missing(hand) {
        return [...hand.keys].filter((key) => !this.#found.has(key));
    }

    // They may be in the middle of a line that will never be done.
    #endWorkers() {
        this.#hands.forEach((hand) => hand.end());
        this.#sent.clear();
    }

    #result(ms, problem, isCancelled = false) {
        const parts = isCancelled ? [] : [...this.#found.values()].filter((it) => it.lines.length);
        parts.sort((a, b) => a.lines[0] - b.lines[0]);
        const lines = new Int32Array(parts.reduce((sum, part) => sum + part.lines.length, 0));
        let at = 0;
        for (const part of parts) {
            lines.set(part.lines, at);
            at += part.lines.length;
        }
        return { lines, ms, problem, isCancelled };
    }

    #take({ turn, found }) {
        if (turn !== this.#turn) {
            return;
        }
        for (const { key, count, lines } of found) {
            this.#found.set(key, { count, lines });
        }
        let searched = 0;
        let hits = 0;
        for (const part of this.#found.values()) {
            searched += part.count;
            hits += part.lines.length;
        }
        this.#onProgress({ searched, count: this.#store.count, found: hits });
    }

    // Gives the workers what they do not have yet, and takes away what the store has dropped.
    async #copy(turn) {
        const pieces = this.#store.pieces();
        this.#drop(pieces);
        let copied = 0;
        for (const piece of pieces) {
            const sent = this.#sent.get(piece.id) ?? { keys: [], count: 0 };
            if (sent.count < piece.lines.count) {
                copied += this.#send(piece, sent);
            }
            if (copied >= copyBytes) {
                copied = 0;
                await pauseBriefly();
                if (turn !== this.#turn) {
                    return;
                }
            }
        }
    }

    #send({ id, base, lines }, sentBefore) {
        let sent = sentBefore;
        if (sent.keys.length >= mostParts) {
            this.#forget(sent.keys);
            sent = { keys: [], count: 0 };
        }
        const part = makePart(lines, base, sent.count, flagsOf);
        const size = part.text.length;
        const hand = this.#hands.reduce((a, b) => (b.bytes < a.bytes ? b : a));
        const key = this.#nextKey++;
        this.#sent.set(id, { keys: [...sent.keys, key], count: lines.count });
        hand.add(key, part);
        return size;
    }

    #drop(pieces) {
        const here = new Set(pieces.map(({ id }) => id));
        const gone = [];
        for (const [id, { keys }] of this.#sent) {
            if (!here.has(id)) {
                gone.push(...keys);
                this.#sent.delete(id);
            }
        }
        if (gone.length > 0) {
            this.#forget(gone);
        }
    }

    #forget(keys) {
        keys.forEach((key) => this.#found.delete(key));
        this.#hands.forEach((hand) => hand.drop(keys.filter((key) => hand.keys.has(key))));
    }
}
