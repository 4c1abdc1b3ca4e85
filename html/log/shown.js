// SPDX-License-Identifier: MIT
// shown: the rows that the levels, the file and the search leave, and the way from hit to hit.

import { byId } from "../page.js";
import { FileBar, LevelBar } from "./bars.js";
import { RowFilter, indexOf, withContext } from "./rows.js";

const none = new Int32Array(0);

export class Shown {
    #store;
    #view;
    #onChange;
    #filter = null;
    #hits = null;
    #count = 0; // of rows, where they are filtered
    /** The search bar, once it is loaded. @type {import("./search.js").Search | null} */
    search = null;

    /**
     * @param {import("./store.js").Store} store
     * @param {import("./view.js").LogView} view
     * @param {() => void} onChange other rows will be shown
     */
    constructor(store, view, onChange) {
        this.#store = store;
        this.#view = view;
        this.#onChange = onChange;
        this.levels = new LevelBar(() => this.change());
        this.files = new FileBar(() => this.change());
    }

    get isFiltered() {
        return !this.levels.isAll || this.files.current !== "" || Boolean(this.search?.isFilter);
    }

    /** Whether there are lines, and none is shown. */
    get isEmpty() {
        return this.isFiltered && this.#count === 0 && this.#store.count > 0;
    }

    /** The lines found that are of the chosen levels and file. */
    get hits() {
        const found = this.#here(this.search?.hits ?? none);
        const isAll = this.levels.isAll && !this.files.current;
        this.#hits ??= isAll ? found : found.filter((number) => this.#passes(number));
        return this.#here(this.#hits);
    }

    /** Other rows are wanted. */
    change() {
        this.clear();
        this.#onChange();
        this.#view.setRows(this.isFiltered ? this.#take(this.#rows()) : null);
    }

    /** The store has other lines. */
    refresh() {
        if (this.isFiltered) {
            this.#view.setRows(this.#take(this.#rows()));
        }
    }

    /** The search has other hits. */
    takeHits() {
        this.#hits = null;
        this.#view.setHits(this.hits);
    }

    clear() {
        this.#filter = this.#hits = null;
    }

    /** The next hit in a direction, around the ends; undefined where there is none. */
    nextHit(direction) {
        const { hits } = this;
        const from = this.from(direction);
        const at = direction > 0 ? indexOf(hits, from + 1) : indexOf(hits, from) - 1;
        return hits[(at + hits.length) % hits.length];
    }

    /** The next line of a level in a direction, in the chosen file. */
    nextLevel(from, level, direction) {
        let number = from;
        do {
            number = this.#store.nextLevel(number, level, direction);
        } while (number !== undefined && !this.#isOfFile(number));
        return number;
    }

    /** Where a step begins: who follows looks back from the end. */
    from(direction) {
        return direction < 0 && this.#view.isFollowing ? this.#store.end : this.#view.current;
    }

    /** Tells how many there are. */
    showCounts() {
        this.levels.showCounts(this.#store.levelCounts());
        const names = new Set(this.#store.pieces().flatMap(({ lines }) => lines.names));
        names.delete("");
        this.files.show([...names].sort());
        byId("files").hidden = names.size === 0;
    }

    #take(rows) {
        this.#count = rows.length;
        return rows;
    }

    #rows() {
        if (!this.search?.isFilter) {
            this.#filter ??= new RowFilter(this.#store, (number) => this.#passes(number));
            return this.#filter.update();
        }
        const { first, end } = this.#store;
        const rows = withContext(this.hits, this.search.context, first, end);
        return this.files.current ? rows.filter((number) => this.#isOfFile(number)) : rows;
    }

    #passes(number) {
        const store = this.#store;
        const isLevel = this.levels.isAll || this.levels.shows(store.levelOf(number));
        return store.kindOf(number) === "gap" || (isLevel && this.#isOfFile(number));
    }

    #isOfFile(number) {
        return !this.files.current || this.#store.nameOf(number) === this.files.current;
    }

    // Those that are still in the store.
    #here(numbers) {
        const { first, end } = this.#store;
        return numbers.subarray(indexOf(numbers, first), indexOf(numbers, end));
    }
}
