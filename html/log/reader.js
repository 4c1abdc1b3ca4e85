// SPDX-License-Identifier: MIT
// reader: what the reader does with the rows: wheel, touch, keys, clicks, and copying exactly.

import { openLine, saveLine, sourceOf } from "./rich.js";

/**
 * @typedef {object} Actions
 * @property {(downPx: number) => void} pushed  the rows are moved by hand
 * @property {(name: string) => boolean} key     a key that moves; tells whether it was one
 * @property {(number: number, isFurther: boolean) => void} pick
 * @property {(number: number) => void} step     another line is the current one
 * @property {() => void} pause
 * @property {(number: number) => void} loadGap
 * @property {(from: number, to: number) => string} textOf
 */

export class Reader {
    #viewport;
    #list;
    #window;
    #on;
    #handle = null;
    #begunAt; // the line where a selection of text began: its row may be gone by now

    /**
     * @param {HTMLElement} viewport
     * @param {HTMLElement} list
     * @param {import("./window.js").RowWindow} window
     * @param {Actions} on
     */
    constructor(viewport, list, window, on) {
        this.#viewport = viewport;
        this.#list = list;
        this.#window = window;
        this.#on = on;
        let touchY = 0;
        const passive = { passive: true };
        viewport.addEventListener("wheel", (event) => on.pushed(-event.deltaY), passive);
        viewport.addEventListener("touchstart", (event) => (touchY = event.touches[0].clientY), passive);
        viewport.addEventListener(
            "touchmove",
            (event) => on.pushed(event.touches[0].clientY - touchY),
            passive
        );
        viewport.addEventListener("keydown", (event) => this.#pressed(event));
        list.addEventListener("selectstart", (event) => {
            this.#begunAt = this.#rowAt(event.target)?.number;
        });
        document.addEventListener("selectionchange", () => this.#selecting());
        document.addEventListener("copy", (event) => this.#copy(event));
    }

    /** Of all the numbers one can be reached with the Tab key: that of this row. */
    offer(row) {
        const isHeld = this.#handle?.isConnected && this.#handle === document.activeElement;
        if (!isHeld && row?.handle !== this.#handle) {
            this.#take(row);
        }
    }

    #take(row) {
        this.#handle?.setAttribute("tabindex", "-1");
        this.#handle = row?.handle ?? null;
        this.#handle?.setAttribute("tabindex", "0");
    }

    #pressed(event) {
        if (event.ctrlKey || event.altKey || event.metaKey) {
            return;
        }
        const row = event.target === this.#handle ? this.#rowAt(event.target) : undefined;
        const step = { ArrowUp: -1, ArrowDown: 1 }[event.key];
        if (row && step) {
            this.#step(row, step);
        } else if (row && (event.key === "Enter" || event.key === " ")) {
            this.#on.pick(row.number, event.shiftKey);
        } else if ((event.target !== this.#viewport && !row) || !this.#on.key(event.key)) {
            return;
        }
        event.preventDefault();
    }

    #step(row, step) {
        this.#on.pause();
        const { rows } = this.#window;
        const next = rows[rows.indexOf(row) + step];
        if (next) {
            this.#on.step(next.number);
            this.#take(next);
            next.handle.focus({ preventScroll: true });
            next.element.scrollIntoView({ block: "nearest" });
        }
    }

    /** A click on a number or a button in the rows. */
    clicked(event) {
        const row = this.#rowAt(event.target);
        const name = event.target.className;
        if (!row) {
            return;
        }
        if (name === "number") {
            this.#on.pick(row.number, event.shiftKey);
        } else if (name === "load") {
            this.#on.loadGap(row.number);
        } else if (name === "more" || name === "less") {
            this.#on.pause();
            this.#window.keep(() => openLine(row, name === "more"));
        } else if (name === "save") {
            saveLine(row);
        }
    }

    #rowAt(node) {
        const own = (node instanceof Element ? node : node?.parentElement)?.closest(".log-row");
        return own ? this.#window.rows.find((row) => row.element === own) : undefined;
    }

    // The reader's selection of text, when it is in the rows.
    #selection() {
        const selection = document.getSelection();
        const isText = selection.rangeCount > 0 && !selection.isCollapsed;
        return isText && this.#list.contains(selection.focusNode) ? selection : null;
    }

    // Rows that follow the end would take the text away from under the pointer.
    #selecting() {
        const selection = this.#selection();
        if (selection) {
            this.#on.pause();
            this.#begunAt ??= this.#rowAt(selection.anchorNode)?.number;
        }
    }

    #copy(event) {
        const selection = this.#selection();
        const last = selection ? this.#rowAt(selection.focusNode) : undefined;
        if (!last) {
            return;
        }
        const start = this.#rowAt(selection.anchorNode)?.number ?? this.#begunAt ?? last.number;
        const part = start === last.number ? sourceOf(last, selection.getRangeAt(0)) : null;
        const numbers = [Math.min(start, last.number), Math.max(start, last.number)];
        event.clipboardData.setData("text/plain", part ?? this.#on.textOf(...numbers));
        event.preventDefault();
    }
}
