// SPDX-License-Identifier: MIT
// hub: one connection a stream for all pages of this browser that follow it. Runs as a SharedWorker,
// or in the page where there is none.
//
// The lines of the connection stand in a ring. A reader, which is a page, is a place in it. One whose
// place is not in the ring has a connection of its own until what that brings meets the ring.

import { bytesOf, indexOfId, sliceBatch } from "./lines.js";
import { Source } from "./source.js";

const ringBytes = 4 * 1024 * 1024;
const batchesUnderway = 8; // so many may wait for a page's acknowledgement
const pingMs = 15000;
const goneMs = 60000; // without an answer, where locks do not tell

const encoder = new TextEncoder();

/** Recent batches, numbered. */
class Ring {
    #batches = [];
    #bytes = 0;
    first = 0;

    get end() {
        return this.first + this.#batches.length;
    }

    at(number) {
        return this.#batches[number - this.first];
    }

    push(batch) {
        this.#batches.push(batch);
        this.#bytes += bytesOf(batch);
        while (this.#bytes > ringBytes && this.#batches.length > 1) {
            this.#bytes -= bytesOf(this.#batches.shift());
            this.first++;
        }
    }

    /** The place after a position, looked for in the batches from number `from` on. */
    find(position, from = this.first) {
        if (!position) {
            return null;
        }
        const id = encoder.encode(position);
        for (let number = this.end - 1; number >= from; number--) {
            const batch = this.at(number);
            if (batch.position === position) {
                return { number: number + 1, line: 0 };
            }
            const index = indexOfId(batch, id);
            if (index >= 0) {
                return { number, line: index + 1 };
            }
        }
        return this.end > from && this.at(from).before === position
            ? { number: from, line: 0 }
            : null;
    }

    /** The place with `count` lines behind it; null when there are not so many. */
    findLast(count) {
        let missing = count;
        for (let number = this.end - 1; number >= this.first; number--) {
            const batch = this.at(number);
            if (batch.count >= missing) {
                return { number, line: batch.count - missing };
            }
            missing -= batch.count;
        }
        return missing === 0 ? { number: this.end, line: 0 } : null;
    }
}

/** A page that follows. */
class Reader {
    #send;
    channel = null;
    place = null; // in the ring; null while it has a connection of its own
    own = null;
    cursor = "";
    credits = batchesUnderway;

    constructor(send) {
        this.#send = send;
    }

    give(batch) {
        if (batch.count > 0) {
            this.credits--;
        }
        this.cursor = batch.position;
        this.#send({ is: "batch", batch });
    }

    tell(state) {
        this.#send({ is: "state", state });
    }
}

/** A stream that at least one page follows. */
class Channel {
    #target;
    #ring = new Ring();
    #main = null;
    #mainLast = 0; // it began so many lines back, or as many as there were
    #readers = new Set();

    constructor(target) {
        this.#target = target;
    }

    get isUnused() {
        return this.#readers.size === 0;
    }

    join(reader, start) {
        this.#readers.add(reader);
        reader.channel = this;
        reader.cursor = start.from ?? "";
        if (!this.#main) {
            reader.place = { number: 0, line: 0 };
            this.#mainLast = start.from ? 0 : (start.last ?? 0);
            this.#main = this.#connect(start, {
                onBatch: (batch) => this.#take(batch),
                onState: (state) => this.#tell(state),
                canTake: () => this.#canTake(),
            });
            this.#main.open();
            return;
        }
        const place = this.#findStart(start);
        if (place) {
            this.#enter(reader, place);
        } else {
            this.#startOwn(reader, start);
        }
    }

    leave(reader) {
        this.#readers.delete(reader);
        reader.own?.close();
        reader.own = null;
        if (this.isUnused) {
            this.#main.close();
        } else {
            this.#main.readOn();
        }
    }

    acknowledge(reader) {
        reader.credits++;
        if (reader.own) {
            reader.own.readOn();
        } else {
            this.#pump(reader);
            this.#main.readOn();
        }
    }

    #connect(start, callbacks) {
        return new Source(this.#target, { params: this.#target.params, start, ...callbacks });
    }

    #findStart({ from, last = 0 }) {
        if (from) {
            return this.#ring.find(from);
        }
        if (!this.#main.isLive) {
            return null;
        }
        // There may be fewer: then the ring has what the log has.
        const hasAll = this.#ring.first === 0 && this.#mainLast >= last;
        return this.#ring.findLast(last) ?? (hasAll ? { number: 0, line: 0 } : null);
    }

    // While nobody in the ring has room it waits; who is slower than others catches up later.
    #canTake() {
        const inRing = [...this.#readers].filter((reader) => reader.place);
        return inRing.length === 0 || inRing.some((reader) => reader.credits > 0);
    }

    #take(batch) {
        this.#ring.push(batch);
        for (const reader of this.#readers) {
            if (reader.place) {
                this.#pump(reader);
            } else {
                this.#meet(reader, this.#ring.end - 1);
            }
        }
    }

    #tell(state) {
        for (const reader of this.#readers) {
            if (reader.place) {
                reader.tell(state);
            }
        }
    }

    #enter(reader, place) {
        reader.own?.close();
        reader.own = null;
        reader.place = place;
        reader.tell(this.#main.state);
        this.#pump(reader);
        this.#main.readOn();
    }

    #meet(reader, from) {
        const place = this.#ring.find(reader.cursor, from);
        if (place) {
            this.#enter(reader, place);
        }
    }

    #pump(reader) {
        const ring = this.#ring;
        while (reader.credits > 0 && reader.place && reader.place.number < ring.end) {
            const { number, line } = reader.place;
            if (number < ring.first) {
                this.#startOwn(reader, { from: reader.cursor });
                return;
            }
            const batch = ring.at(number);
            reader.place = { number: number + 1, line: 0 };
            if (line < batch.count || line === 0) {
                reader.give(line > 0 ? sliceBatch(batch, line, batch.count) : batch);
            }
        }
    }

    #startOwn(reader, start) {
        const own = this.#connect(start, {
            onBatch: (batch) => {
                reader.give(batch);
                this.#meet(reader, this.#ring.first);
            },
            onState: (state) => reader.tell(state),
            canTake: () => reader.credits > 0,
        });
        reader.place = null;
        reader.own = own;
        own.open();
    }
}

export class Hub {
    #channels = new Map();
    #pings = true;

    /** Pings: whether ports have to show that they live. */
    constructor({ pings = true } = {}) {
        this.#pings = pings;
    }

    connect(port) {
        let reader = null;
        let heardAt = Date.now();
        let pingTimer = 0;
        const leave = () => {
            if (reader) {
                this.#leave(reader);
            }
            reader = null;
        };
        const drop = () => {
            clearInterval(pingTimer);
            leave();
            port.postMessage({ is: "gone" });
        };
        const answers = {
            follow: (message) => {
                leave();
                reader = this.#follow(port, message);
            },
            stop: leave,
            ack: ({ turn }) => {
                if (reader?.turn === turn) {
                    reader.channel.acknowledge(reader);
                }
            },
            // The page holds this lock as long as it lives.
            lock: ({ name }) => {
                clearInterval(pingTimer);
                navigator.locks.request(name, drop).catch(() => {});
            },
            ping: () => port.postMessage({ is: "pong" }),
            pong: () => {},
            bye: drop,
        };
        port.onmessage = ({ data }) => {
            heardAt = Date.now();
            answers[data.do]?.(data);
        };
        if (this.#pings) {
            pingTimer = setInterval(() => {
                port.postMessage({ is: "ping" });
                if (Date.now() - heardAt > goneMs) {
                    drop();
                }
            }, pingMs);
        }
        port.postMessage({ is: "hello", hasLocks: Boolean(globalThis.navigator?.locks) });
    }

    #follow(port, { turn, target, start }) {
        const key = JSON.stringify(target);
        if (!this.#channels.has(key)) {
            this.#channels.set(key, new Channel(target));
        }
        const reader = new Reader((message) => port.postMessage({ ...message, turn }));
        reader.turn = turn;
        reader.key = key;
        this.#channels.get(key).join(reader, start);
        return reader;
    }

    #leave(reader) {
        reader.channel.leave(reader);
        if (reader.channel.isUnused) {
            this.#channels.delete(reader.key);
        }
    }
}

if (typeof SharedWorkerGlobalScope === "function") {
    const hub = new Hub();
    globalThis.onconnect = ({ ports }) => hub.connect(ports[0]);
}
