// SPDX-License-Identifier: MIT
// ticks: where on the rail errors, gaps, marks and hits are.

const errorLevel = 4;
const budgetMs = 5; // of looking through lines at a time; the rest is for the next

export class Ticks {
    #store;
    #lines;
    #look;
    // The lines [from, to) have been looked through for gaps.
    #from = 0;
    #to = 0;
    #gaps = [];
    /**
     * @param {import("./store.js").Store} store
     * @param {import("./window.js").RowIndex} lines
     * @param {{marks: Set<string>, hits: ArrayLike<number>}} look
     */
    constructor(store, lines, look) {
        this.#look = look;
        this.#store = store;
        this.#lines = lines;
    }

    clear() {
        this.#from = this.#to = 0;
        this.#gaps = [];
    }

    /** For each kind the places from 0 to 1, at most `count` of each. */
    find(count) {
        const { low, high } = this.#lines;
        const scale = 1 / Math.max(1, high - low);
        const placesOf = (numbers) => this.#spread(numbers, count, (number) => {
            const index = this.#lines.indexOf(number);
            return index < high && this.#lines.at(index) === number ? (index - low) * scale : -1;
        });
        this.#lookForGaps();
        const marked = [...this.#look.marks].map((position) => this.#store.find(position));
        return {
            error: this.#lines.chosen ? [] : this.#errors(count, low, high),
            gap: placesOf(this.#gaps),
            mark: placesOf(marked.filter((number) => number !== undefined)),
            hit: placesOf(this.#look.hits),
        };
    }

    #errors(count, low, high) {
        const places = [];
        const step = Math.max(1, (high - low) / count);
        const started = performance.now();
        for (let slot = 0; slot < count && performance.now() - started < 2 * budgetMs; slot++) {
            const start = Math.ceil(low + slot * step);
            const found = this.#store.nextLevel(start - 1, errorLevel, 1);
            if (found === undefined) {
                break;
            }
            slot = Math.max(slot, Math.floor((found - low) / step));
            places.push((found - low) / Math.max(1, high - low));
        }
        return places;
    }

    // One for each place that can be told from the others. Of very many, some are looked at.
    #spread(numbers, count, placeOf) {
        const places = new Map();
        const step = Math.max(1, Math.floor(numbers.length / (20 * count)));
        for (let i = 0; i < numbers.length; i += step) {
            const place = placeOf(numbers[i]);
            if (place >= 0) {
                places.set(Math.floor(place * count), place);
            }
        }
        return places.values();
    }

    #lookForGaps() {
        const { first, end } = this.#store;
        if (this.#to < first || this.#from > end || this.#from === this.#to) {
            this.#from = this.#to = end;
            this.#gaps = [];
        }
        this.#from = Math.max(this.#from, first);
        this.#to = Math.min(this.#to, end);
        this.#gaps = this.#gaps.filter((number) => number >= first && number < end);
        const started = performance.now();
        const isTime = (number) => number % 1024 !== 0 || performance.now() - started < budgetMs;
        for (; this.#to < end && isTime(this.#to); this.#to++) {
            if (this.#store.kindOf(this.#to) === "gap") {
                this.#gaps.push(this.#to);
            }
        }
        const older = [];
        for (; this.#from > first && isTime(this.#from); this.#from--) {
            if (this.#store.kindOf(this.#from - 1) === "gap") {
                older.push(this.#from - 1);
            }
        }
        this.#gaps.unshift(...older.reverse());
    }
}
