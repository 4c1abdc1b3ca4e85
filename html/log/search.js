// SPDX-License-Identifier: MIT
// search: the search bar, and the lines that it finds among those loaded.

import { t } from "../lang.js";
import { byId, formatNumber, setText } from "../page.js";
import { Finder } from "./finder.js";
import { compile, escapePattern } from "./match.js";
import { indexOf } from "./rows.js";

const typingMs = 120;
const growMs = 250;
const none = new Int32Array(0);

/** @typedef {import("./match.js").Query} Query */

/** What `?grep=` or `?regex=` the server is asked for the same lines. */
export function serverQuery({ text, isRegex, ignoreCase, invert }) {
    const which = isRegex || ignoreCase
        ? { regex: (ignoreCase ? "(?i)" : "") + (isRegex ? text : escapePattern(text)) }
        : { grep: text };
    return invert ? { ...which, invert: true } : which;
}

// What is marked in the rows.
function highlighter(query) {
    if (!query.text || query.invert) {
        return [];
    }
    try {
        return [compile(query)];
    } catch {
        return [];
    }
}

export class Search {
    #store;
    #finder;
    #onChange;
    #onStep;
    #onServer;
    #form = byId("search");
    #text = byId("search-text");
    #timer = 0;
    #growTimer = 0;
    #isSearching = false;
    #wantedStep = 0; // taken when the search has an end
    #problem = "";
    #hits = none;

    /**
     * @param {import("./store.js").Store} store
     * @param {object} handlers
     * @param {(isNew: boolean) => void} handlers.onChange other lines are found, or are shown
     * @param {(direction: number) => void} handlers.onStep the reader wants the next one
     * @param {(query: Query, context: number) => void} handlers.onServer search the whole log
     */
    constructor(store, { onChange, onStep, onServer }) {
        this.#store = store;
        this.#finder = new Finder(store);
        this.#onChange = onChange;
        this.#onStep = onStep;
        this.#onServer = onServer;
        this.#listen();
    }

    get finder() {
        return this.#finder;
    }

    /** @returns {Query} */
    get query() {
        return {
            text: this.isOpen ? this.#text.value : "",
            isRegex: isPressed("search-regex"),
            ignoreCase: !isPressed("search-case"),
            invert: isPressed("search-invert"),
        };
    }

    get isOpen() {
        return !this.#form.hidden;
    }

    /** Whether only what is found is shown. */
    get isFilter() {
        return this.query.text !== "" && !this.#problem && isPressed("search-filter");
    }

    get context() {
        return Number(byId("search-context").value);
    }

    /** What is marked in the rows. */
    get patterns() {
        return this.#problem ? [] : highlighter(this.query);
    }

    /** @returns {Int32Array} the lines found */
    get hits() {
        return this.#hits;
    }

    isHit(number) {
        return this.#hits[indexOf(this.#hits, number)] === number;
    }

    open() {
        this.#form.hidden = false;
        byId("search-open").setAttribute("aria-expanded", "true");
        this.#finder.warm();
        this.#find();
    }

    close() {
        this.#form.hidden = true;
        byId("search-open").setAttribute("aria-expanded", "false");
        this.#find();
    }

    /** The store begins anew. */
    again() {
        this.#hits = none;
        if (this.query.text) {
            this.#find();
        }
    }

    /** The store has other lines. */
    grow() {
        if (this.query.text && !this.#problem && !this.#growTimer) {
            this.#growTimer = setTimeout(() => this.#extend(), growMs);
        }
    }

    /**
     * Tells how many there are.
     *
     * @param {Int32Array} hits  those among the rows that are shown
     * @param {number} current   the line that the reader is at
     */
    showCount(hits, current) {
        let count = "";
        if (this.#problem) {
            count = this.#problem;
        } else if (this.query.text) {
            const at = indexOf(hits, current);
            const n = hits[at] === current ? formatNumber(at + 1) : "–";
            count = hits.length > 0
                ? t("{n} of {count}", { n, count: formatNumber(hits.length) })
                : this.#isSearching
                  ? t("searching")
                  : t("not found");
        }
        setText(byId("search-count"), count);
        byId("search-count").classList.toggle("problem", this.#problem !== "");
    }

    #listen() {
        byId("search-tools").disabled = false;
        this.#text.addEventListener("input", () => {
            clearTimeout(this.#timer);
            this.#isSearching = true;
            this.#timer = setTimeout(() => this.#find(), typingMs);
        });
        this.#text.addEventListener("keydown", (event) => {
            if (event.key === "Enter") {
                event.preventDefault(); // the form's own answer is the search of all of the log
                this.#step(event.shiftKey ? -1 : 1);
            }
        });
        for (const name of ["regex", "case", "invert"]) {
            onPress(`search-${name}`, () => this.#find());
        }
        onPress("search-filter", () => {
            byId("search-context").disabled = !isPressed("search-filter");
            this.#onChange(true);
        });
        byId("search-context").addEventListener("change", () => this.#onChange(true));
        byId("search-previous").addEventListener("click", () => this.#onStep(-1));
        byId("search-next").addEventListener("click", () => this.#onStep(1));
        this.#form.addEventListener("submit", (event) => {
            event.preventDefault();
            if (this.query.text) {
                this.#onServer(this.query, this.context);
            }
        });
    }

    #step(direction) {
        if (this.#isSearching) {
            this.#wantedStep = direction;
        } else {
            this.#onStep(direction);
        }
    }

    async #find() {
        clearTimeout(this.#timer);
        clearTimeout(this.#growTimer);
        this.#growTimer = 0;
        byId("search-all").disabled = !this.query.text;
        if (!this.query.text) {
            this.#finder.cancel();
            this.#take({ lines: none, problem: "" }, true);
            return;
        }
        this.#isSearching = true;
        this.#take(await this.#finder.find(this.query, () => {}), true);
    }

    async #extend() {
        try {
            this.#take(await this.#finder.extend(), false);
        } finally {
            this.#growTimer = 0;
        }
    }

    // Nothing, when a later search took this one's place.
    #take(found, isNew) {
        if (!found.isCancelled) {
            this.#isSearching = false;
            this.#problem = found.problem === "slow"
                ? t("this pattern takes too long here; let the server search")
                : found.problem;
            this.#hits = this.#problem ? none : found.lines;
            this.#onChange(isNew);
            if (this.#wantedStep) {
                this.#onStep(this.#wantedStep);
                this.#wantedStep = 0;
            }
        }
    }
}

function isPressed(id) {
    return byId(id).getAttribute("aria-pressed") === "true";
}

function onPress(id, then) {
    byId(id).addEventListener("click", () => {
        byId(id).setAttribute("aria-pressed", String(!isPressed(id)));
        then();
    });
}
