// SPDX-License-Identifier: MIT
// rows: which lines of a store are shown: by level, by file, by search.

/** @typedef {import("./store.js").Store} Store */

/** The numbers of the lines that pass, kept up with a store that grows and is cut at both ends. */
export class RowFilter {
    #store;
    #passes;
    #lines = new Int32Array(1024);
    #begin = 0; // those that pass are lines[begin..end),
    #end = 0;
    #from; //      out of the lines [from, to) of the store
    #to;

    /**
     * @param {Store} store
     * @param {(number: number) => boolean} passes
     */
    constructor(store, passes) {
        this.#store = store;
        this.#passes = passes;
        this.#from = this.#to = store.first;
    }

    /** @returns {Int32Array} ascending */
    update() {
        const { first, end } = this.#store;
        if (first >= this.#to || end <= this.#from) {
            this.#begin = this.#end = 0;
            this.#from = this.#to = first;
        }
        while (this.#begin < this.#end && this.#lines[this.#begin] < first) {
            this.#begin++;
        }
        while (this.#end > this.#begin && this.#lines[this.#end - 1] >= end) {
            this.#end--;
        }
        if (first < this.#from) {
            this.#prepend(first, this.#from);
        }
        for (let number = Math.max(this.#to, first); number < end; number++) {
            if (this.#passes(number)) {
                this.#push(number);
            }
        }
        this.#from = first;
        this.#to = end;
        return this.#lines.subarray(this.#begin, this.#end);
    }

    #push(number) {
        if (this.#end === this.#lines.length) {
            const kept = this.#lines.subarray(this.#begin, this.#end);
            const room = new Int32Array(Math.max(1024, 2 * kept.length));
            room.set(kept);
            this.#end = kept.length;
            this.#begin = 0;
            this.#lines = room;
        }
        this.#lines[this.#end++] = number;
    }

    #prepend(from, to) {
        const older = [];
        for (let number = from; number < to; number++) {
            if (this.#passes(number)) {
                older.push(number);
            }
        }
        const kept = this.#lines.subarray(this.#begin, this.#end);
        const room = new Int32Array(older.length + kept.length + 1024);
        room.set(older);
        room.set(kept, older.length);
        this.#lines = room;
        this.#begin = 0;
        this.#end = older.length + kept.length;
    }
}

/**
 * Adds the lines around each.
 *
 * @param {Int32Array} lines ascending
 * @param {number} context   how many before and after
 * @param {number} first     of all lines there are,
 * @param {number} end       up to this one
 * @returns {Int32Array} ascending, each once
 */
export function withContext(lines, context, first, end) {
    if (context === 0) {
        return lines;
    }
    const all = [];
    let next = first;
    for (const number of lines) {
        const last = Math.min(end - 1, number + context);
        for (next = Math.max(next, number - context); next <= last; next++) {
            all.push(next);
        }
    }
    return Int32Array.from(all);
}

/**
 * Where a number is, or would be, among ascending ones.
 *
 * @param {Int32Array} lines
 * @param {number} number
 */
export function indexOf(lines, number) {
    let low = 0;
    let high = lines.length;
    while (low < high) {
        const middle = (low + high) >> 1;
        if (lines[middle] < number) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}
