// SPDX-License-Identifier: MIT
// links: links to a line or a range of the log, and the reader's marks.

const isPosition = /^[A-Za-z0-9._~-]{1,128}$/;
const keepMarks = 200;
const keepChars = 120;

/**
 * What a link's fragment asks for: `#A` a line, `#A..B` a range, `#+A` the line after A (of a log of
 * several files, where the lines before a position cannot be had).
 *
 * @param {string} hash
 * @returns {{from: string, to: string, isAfter: boolean} | null}
 */
export function parseLink(hash) {
    const text = hash.replace(/^#/, "");
    const isAfter = text.startsWith("+");
    const [from, to = from, ...more] = text.slice(isAfter ? 1 : 0).split("..");
    const isGood = more.length === 0 && isPosition.test(from) && isPosition.test(to);
    return isGood ? { from, to, isAfter } : null;
}

/** @returns {string} the fragment for the lines from one position to another */
export function formatLink(from, to = from) {
    return from === to ? `#${from}` : `#${from}..${to}`;
}

/** The marked lines of one stream, kept in the browser. */
export class Marks {
    #key;
    #storage;
    /** By position: the text, and the position before, where the line itself cannot be asked for. */
    #marks = new Map();

    /**
     * @param {string} stream
     * @param {Storage | null} storage
     */
    constructor(stream, storage) {
        this.#key = `ssecgi.marks.${stream}`;
        this.#storage = storage;
        try {
            const list = JSON.parse(storage?.getItem(this.#key) ?? "[]");
            for (const [position, text, before = ""] of list) {
                if (isPosition.test(position) && typeof text === "string") {
                    this.#marks.set(position, { text, before: isPosition.test(before) ? before : "" });
                }
            }
        } catch {
            // Not ours, or damaged: it begins empty.
        }
    }

    get positions() {
        return new Set(this.#marks.keys());
    }

    /** @returns {[position: string, text: string, before: string][]} the newest mark first */
    get list() {
        return [...this.#marks]
            .map(([position, { text, before }]) => [position, text, before])
            .reverse();
    }

    toggle(position, text, before = "") {
        if (!this.#marks.delete(position)) {
            this.#marks.set(position, { text: text.slice(0, keepChars), before });
        }
        for (const oldest of [...this.#marks.keys()].slice(0, -keepMarks)) {
            this.#marks.delete(oldest);
        }
        try {
            this.#storage?.setItem(this.#key, JSON.stringify(this.list.reverse()));
        } catch {
            // Full or switched off: they last as long as the page.
        }
    }
}
