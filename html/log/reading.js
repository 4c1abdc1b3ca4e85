// SPDX-License-Identifier: MIT
// reading: which part of the log is in the store: its end as it grows, or held until the reader goes on.

import { bytesOf } from "./lines.js";

// A paused page keeps what arrives until this much is left of the store; then the feed is parked.
const spareBytes = 8 * 1024 * 1024;

export class Reading {
    #startLines;
    #isFollowing;
    #onChange;
    #onClear;
    #room = 0;
    #isParked = false;
    #older = "more";
    /** Grows when the store begins anew: what was asked for before is dropped. */
    turn = 0;
    onBatch = () => {};

    // isFollowing: whether the newest line is what is looked at.
    constructor({ store, makeFeed, startLines, capBytes, isFollowing, onChange, onClear }) {
        this.store = store;
        this.capBytes = capBytes;
        this.feed = makeFeed((batch) => this.#take(batch));
        this.#startLines = startLines;
        this.#isFollowing = isFollowing;
        this.#onChange = onChange;
        this.#onClear = onClear;
    }

    get isParked() {
        return this.#isParked;
    }

    /** Whether it follows while the store is so full that it would have to drop the newest lines. */
    get isFull() {
        return this.#isFollowing() && this.store.bytes > this.capBytes / 2;
    }

    // What is before the first line: see past.js.
    get older() {
        return this.#older;
    }

    set older(older) {
        this.#older = older;
        this.#onChange();
    }

    /** The position after which reading goes on. */
    get cursor() {
        return this.store.position || this.feed.cursor || "";
    }

    start() {
        this.clear();
        this.feed.follow({ last: this.#startLines });
    }

    clear() {
        this.turn++;
        this.feed.stop();
        this.store.clear();
        this.#isParked = false;
        this.#onClear();
        this.older = "more";
    }

    hold() {
        this.#isParked = true;
        this.feed.stop();
        this.#onChange();
    }

    /** Reads on where it was held. */
    goOn() {
        if (!this.#isParked) {
            return;
        }
        this.#isParked = false;
        this.store.isDetached = false; // what comes follows on the last line that is here
        const from = this.cursor;
        this.feed.follow(from ? { from } : { last: this.#startLines });
        this.#onChange();
    }

    toNewest() {
        if (this.store.isDetached) {
            this.start();
        } else {
            this.goOn();
        }
    }

    /** The reader paused: so much may come before it is held. */
    pause() {
        this.#room = Math.max(spareBytes, this.capBytes - this.store.bytes - spareBytes);
    }

    newer() {
        if (this.#isParked) {
            this.#room = spareBytes;
            this.goOn();
        }
    }

    #take(batch) {
        this.store.append(batch);
        this.onBatch();
        if (!this.#isFollowing()) {
            this.#room -= bytesOf(batch);
            if (this.#room <= 0 && !this.#isParked) {
                this.hold();
            }
        }
        this.#onChange();
    }
}
