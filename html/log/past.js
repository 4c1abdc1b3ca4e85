// SPDX-License-Identifier: MIT
// past: what is before the lines that are loaded: pages of history, and the places that links lead to.

const pageLines = 500;
const filteredPageLines = 5000; // few of them will be shown
const filteredPages = 4; // that a filter loads by itself; then the reader is asked
const linkLines = 200; // before the line that a link leads to
const retryMs = 2000; // when they could not be loaded

// What is before the first line, reading.older: "more" (it can be loaded), "ask" (when the reader says
// so), "loading", "failed", "beginning", "gone" (deleted), or "" where there is no way to it: several
// files.

export class Past {
    #reading;
    #onPlace;
    #onFailure;
    #pages = 0; // loaded for this filter
    #target = null; // where a link leads to

    /**
     * @param {import("./reading.js").Reading} reading
     * @param {(a: number, b: number, isGone: boolean) => void} onPlace a link's lines came
     * @param {() => void} onFailure they could not be had, and are asked for again
     */
    constructor(reading, onPlace, onFailure) {
        this.#reading = reading;
        this.#onPlace = onPlace;
        this.#onFailure = onFailure;
        reading.onBatch = () => this.#find();
    }

    async load(isFiltered) {
        const reading = this.#reading;
        const { store, turn } = reading;
        const before = store.count > 0 ? store.positionOf(store.first) : "";
        if (reading.older === "loading" || !before || reading.isFull) {
            return; // who follows does not want to lose the newest for the oldest
        }
        if (store.nameOf(store.first)) {
            reading.older = ""; // of several files there is nothing before a position
            return;
        }
        this.#pages = isFiltered && reading.older !== "ask" ? this.#pages + 1 : 1;
        reading.older = "loading";
        const page = await this.#page(before, isFiltered ? filteredPageLines : pageLines);
        if (turn !== reading.turn) {
            return;
        }
        if (page.batch) {
            store.prepend(page.batch);
            if (store.isDetached && !reading.isParked) {
                reading.hold();
            }
        }
        const isEnough = isFiltered && this.#pages >= filteredPages;
        reading.older = page.older === "more" && isEnough ? "ask" : page.older;
    }

    /** Other lines are shown: those before them are loaded as the reader comes near. */
    refilter() {
        this.#pages = 0;
        if (this.#reading.older === "ask") {
            this.#reading.older = "more";
        }
    }

    /** Opens the log at a link: some lines before it, the line, and all that follow. */
    async open({ from, to, isAfter }) {
        const reading = this.#reading;
        const { store } = reading;
        reading.clear();
        reading.pause();
        const { turn } = reading;
        const page = isAfter ? { older: "more" } : await this.#page(from, linkLines);
        if (turn !== reading.turn) {
            return;
        }
        if (page.older === "failed") {
            // To begin after the line would show another one in its place.
            const again = () => turn === reading.turn && this.open({ from, to, isAfter });
            setTimeout(again, retryMs);
            this.#onFailure();
            return;
        }
        if (page.batch) {
            store.append(page.batch);
        }
        this.#target = { from, to, turn, first: store.end, isFound: false };
        reading.feed.follow({ from: page.end || from });
        reading.older = page.older || "more"; // the server refused the link, not the way back
    }

    async #page(before, count) {
        try {
            const page = await this.#reading.feed.page(before, count);
            return page.gone ? { older: "gone" } : { ...page, older: page.isOldest ? "beginning" : "more" };
        } catch (error) {
            // A stream that cannot be read backwards refuses the word.
            return { older: error.message.startsWith("before:") ? "" : "failed" };
        }
    }

    #find() {
        const target = this.#target;
        const { store, turn } = this.#reading;
        if (target?.turn !== turn) {
            return;
        }
        const a = store.find(target.from);
        const b = store.find(target.to);
        if (!target.isFound) {
            target.isFound = true;
            // What came instead: the line after it, or a gap.
            const first = Math.min(target.first, store.end - 1);
            const isGone = a === undefined && store.kindOf(first) === "gap";
            this.#onPlace(a ?? first, b ?? a ?? first, isGone);
        } else if (a !== undefined && b !== undefined) {
            this.#onPlace(a, b, false);
        }
        if (b !== undefined || store.count > filteredPageLines || a === undefined) {
            this.#target = null;
        }
    }
}
