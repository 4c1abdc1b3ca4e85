// SPDX-License-Identifier: MIT
// around: what is around the rows: the scrollbar, the edges, the head over columns, the reader's hands.

import { make } from "../page.js";
import { Edge } from "./edges.js";
import { Rail } from "./rail.js";
import { Reader } from "./reader.js";
import { Ticks } from "./ticks.js";

/**
 * @typedef {object} Acts what the view does for it
 * @property {() => void} pause
 * @property {() => void} follow
 * @property {(index: number, offsetPx: number) => void} show pauses, and puts a row somewhere
 * @property {(downPx: number) => void} pushed the rows are moved by hand
 * @property {(number: number) => void} step another line is the current one
 * @property {(from: number | null, to?: number) => void} select
 * @property {() => number} lineHeight
 */

export class Around {
    #viewport;
    #window;
    #lines;
    #look;
    #store;
    #on;
    #acts;
    #edges;
    #ticks;
    #rail;
    #reader;
    #head = make("div", "log-head");

    /**
     * @param {object} parts list, rail, lines, window, look; on: what the page is told
     * @param {Acts} acts
     */
    constructor({ list, rail, lines, window, look, on }, acts) {
        const { viewport, store } = look;
        this.#viewport = viewport;
        this.#window = window;
        this.#lines = lines;
        this.#look = look;
        this.#store = store;
        this.#on = on;
        this.#acts = acts;
        this.#edges = {
            older: new Edge("older", () => on.onOlder?.()),
            newer: new Edge("newer", () => on.onNewer?.()),
        };
        list.prepend(this.#edges.older.element);
        list.append(this.#edges.newer.element);
        window.last = this.#edges.newer.element;
        this.#head.setAttribute("aria-hidden", "true");
        list.before(this.#head);
        window.head = this.#head;
        this.#ticks = new Ticks(store, lines, look);
        this.#rail = new Rail(rail, list.id, {
            toFraction: (fraction) => this.#toFraction(fraction),
            key: (name) => this.#pressKey(name),
            ticks: (count) => this.#ticks.find(count),
        });
        this.#reader = new Reader(viewport, list, window, {
            pushed: acts.pushed,
            key: (name) => this.#pressKey(name),
            pick: (number, isFurther) => this.#pick(number, isFurther),
            step: acts.step,
            pause: acts.pause,
            loadGap: (number) => on.onLoadGap?.(number),
            textOf: (from, to) => lines.textOf(from, to),
        });
        this.setEdges();
        this.showHead();
    }

    /** What is beyond the rows has changed. */
    setEdges() {
        for (const [side, edge] of Object.entries(this.#edges)) {
            edge.set(this.#look.edges[side] ?? "");
        }
        this.rendered();
    }

    /** Other rows are in the page. */
    rendered() {
        this.#edges.older.show(this.#window.from <= this.#lines.low);
        this.#edges.newer.show(this.#window.to >= this.#lines.high);
    }

    /** The reader is near an edge. */
    reach(side) {
        this.#edges[side].reach();
    }

    showHead() {
        const { options, rich } = this.#look;
        const names = (options.json === "columns" && options.columns) || [];
        this.#head.hidden = names.length === 0 || !rich;
        this.#head.classList.toggle("timed", options.time !== "off");
        this.#head.classList.toggle("named", options.names);
        rich?.fillHead(this.#head, names);
    }

    /** Shows which part of all rows is seen; of all numbers the Tab key reaches that of a row. */
    seen(place, row) {
        this.#rail.show(place);
        this.#reader.offer(row);
    }

    clicked(event) {
        this.#reader.clicked(event);
    }

    /** What the ticks stand for has changed. */
    refresh() {
        this.#rail.refresh();
    }

    clear() {
        this.#ticks.clear();
    }

    #toFraction(fraction) {
        const { low, high } = this.#lines;
        if (fraction >= 1) {
            this.#toNewest();
            return;
        }
        const height = this.#acts.lineHeight();
        const seen = Math.max(1, Math.floor(this.#viewport.clientHeight / height));
        const place = low + fraction * Math.max(0, high - low - seen);
        const index = Math.floor(place);
        this.#acts.show(index, -(place - index) * height);
    }

    #toNewest() {
        if (this.#store.isDetached && this.#on.onNewest) {
            this.#on.onNewest();
        } else {
            this.#acts.follow();
        }
    }

    // Keys that move. Tells whether it was one.
    #pressKey(name) {
        const line = this.#acts.lineHeight();
        const page = this.#viewport.clientHeight - 2 * line;
        const steps = { ArrowUp: -line, ArrowDown: line, PageUp: -page, PageDown: page };
        if (name === "Home") {
            this.#acts.show(this.#lines.low, 0);
            this.#viewport.scrollTop = 0; // what stands above the first row is seen as well
        } else if (name === "End") {
            this.#toNewest();
        } else if (name in steps) {
            this.#acts.pushed(-steps[name]);
            this.#viewport.scrollBy(0, steps[name]);
        } else {
            return false;
        }
        return true;
    }

    // Selects a line, or from the one selected before to it; once more for none.
    #pick(number, isFurther) {
        const [start, end] = this.#look.range ?? [NaN, NaN];
        this.#acts.step(number);
        if (isFurther && this.#look.range) {
            this.#acts.select(number < start ? end : start, number);
        } else {
            this.#acts.select(start === number && end === number ? null : number);
        }
        this.#on.onSelect?.(...(this.#look.range ?? [null, null]));
    }
}
