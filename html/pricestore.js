// SPDX-License-Identifier: MIT
// pricestore: prices in columns, as a chart takes them: the times, and for each symbol a value or
// null at each of them.

/**
 * @typedef {{symbol: string, price: number, change: number, time: number}} Price time in
 *     milliseconds since 1970
 * @typedef {{name: string, price: number, change: number}} Latest the last of a symbol
 */

const stepsKept = 9;
const stepsNeeded = 3;
const missingFactor = 1.5;

/**
 * What a server has said, in its own order: the symbols of a tick share its time, and the ticks
 * ascend. A row of nulls breaks all lines: it stands where something is missing.
 */
export class PriceStore {
    /** @type {(number | null)[][]} the times first, then each symbol's values */
    columns = [[]];
    /** @type {Latest[]} */
    latest = [];
    /** Whether rows went because there were too many. */
    isFull = false;

    #limit;
    #indexes = new Map();
    #steps = [];
    #lastTick = -Infinity;
    #isBroken = false;
    #breaks = []; // the times of their rows

    /** @param {number} limit rows; a few more may be held for a while, so that few moves are made */
    constructor(limit) {
        this.#limit = limit;
    }

    get times() {
        return this.columns[0];
    }

    /** The time of the first row and of the last; null when there is none. */
    get extent() {
        const { times } = this;
        return times.length > 0 ? { from: times[0], to: times.at(-1) } : null;
    }

    /** The stretches in which something is missing, from the tick before to the tick after. */
    get breaks() {
        return this.#breaks.map((time) => ({
            from: time - 1,
            to: this.times[this.rowAfter(time)] ?? time - 1,
        }));
    }

    /**
     * Takes a price. One that is older than the last tick was there already.
     *
     * @param {Price} price
     */
    add({ symbol, price, change, time }) {
        if (time < this.#lastTick) {
            return;
        }
        if (time > this.#lastTick) {
            this.#addTick(time);
        }
        const index = this.#indexOf(symbol);
        this.columns[index + 1][this.times.length - (this.#isBroken ? 2 : 1)] = price;
        Object.assign(this.latest[index], { price, change });
    }

    /** Something is missing after the last tick. */
    break() {
        if (!this.#isBroken && this.times.length > 0) {
            this.#isBroken = true;
            this.#breaks.push(this.#lastTick + 1);
            this.#pushRow(this.#lastTick + 1);
        }
    }

    /**
     * Puts older prices before what is there, which they lead up to. False when none is older.
     *
     * @param {Price[]} prices
     */
    prepend(prices) {
        const first = this.times[0] ?? Infinity;
        const older = new PriceStore(Infinity);
        // Their lines are in the order of ours.
        this.latest.forEach(({ name }) => older.#indexOf(name));
        prices.filter(({ time }) => time <= first).forEach((price) => older.add(price));
        if (older.times.length === 0) {
            return false;
        }
        older.latest.forEach(({ name, price, change }) => {
            const latest = this.latest[this.#indexOf(name)];
            if (Number.isNaN(latest.price)) {
                Object.assign(latest, { price, change });
            }
        });
        if (older.times.at(-1) === this.times[0]) {
            this.#mergeFirst(older);
        }
        this.columns = this.columns.map((column, i) => older.columns[i].concat(column));
        this.#breaks = older.#breaks.concat(this.#breaks);
        this.#lastTick = Math.max(this.#lastTick, older.#lastTick);
        this.#trim(0);
        return true;
    }

    /**
     * The lowest and the highest value of a symbol, both NaN where it has none.
     *
     * @param {number} index
     * @param {number} from
     * @param {number} to
     */
    bounds(index, from, to) {
        const values = this.columns[index + 1];
        const end = this.rowAfter(to);
        let low = NaN;
        let high = NaN;
        for (let row = this.rowAfter(from - 1); row < end; row++) {
            const value = values[row];
            if (value !== null) {
                low = value >= low ? low : value;
                high = value <= high ? high : value;
            }
        }
        return { low, high };
    }

    /** The columns of a range, each symbol in percent of its first value there, which is 0. */
    relative(from, to) {
        const start = Math.max(0, this.rowAfter(from - 1) - 1);
        const end = this.rowAfter(to) + 1;
        return this.columns.map((column, i) => {
            const part = column.slice(start, end);
            const first = part.find((value) => value !== null);
            return i === 0 ? part : part.map((value) => value === null ? null : (value / first - 1) * 100);
        });
    }

    /** The first row later than a time; the number of rows if there is none. */
    rowAfter(time) {
        let low = 0;
        let high = this.times.length;
        while (low < high) {
            const middle = (low + high) >> 1;
            if (this.times[middle] <= time) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        return low;
    }

    /** Whether a row only breaks the lines. */
    isBreak(row) {
        return this.columns.every((column, i) => i === 0 || column[row] === null);
    }

    #indexOf(symbol) {
        let index = this.#indexes.get(symbol);
        if (index === undefined) {
            index = this.latest.length;
            this.#indexes.set(symbol, index);
            this.latest.push({ name: symbol, price: NaN, change: NaN });
            this.columns.push(new Array(this.times.length).fill(null));
        }
        return index;
    }

    // Ticks come at an even pace: one that is late by more than a half of it has others before it.
    #addTick(time) {
        const step = time - this.#lastTick;
        if (Number.isFinite(step) && !this.#isBroken) {
            const sorted = this.#steps.toSorted((a, b) => a - b);
            if (sorted.length >= stepsNeeded && step > missingFactor * sorted[sorted.length >> 1]) {
                this.break();
            }
            this.#steps.push(step);
            this.#steps.splice(0, this.#steps.length - stepsKept);
        }
        this.#isBroken = false;
        this.#lastTick = time;
        this.#pushRow(time);
        this.#trim(this.#limit >> 3);
    }

    #pushRow(time) {
        this.columns.forEach((column, i) => column.push(i === 0 ? time : null));
    }

    // The page of older prices ended within the tick that ours began with.
    #mergeFirst(older) {
        older.columns.forEach((column, i) => {
            const value = column.pop();
            this.columns[i][0] ??= value;
        });
    }

    #trim(slack) {
        const surplus = this.times.length - this.#limit;
        if (surplus > slack) {
            this.isFull = true;
            this.columns.forEach((column) => column.splice(0, surplus));
            this.#breaks = this.#breaks.filter((time) => time > this.times[0]);
        }
    }
}
