// SPDX-License-Identifier: MIT
// marker: where a search matches the texts that are shown. What people type may take for ever on one
// text, so a worker looks for patterns, and is ended when it does. Plain words are looked for here.

import { workerUrl } from "../trusted.js";
import { rangesOf } from "./ansi.js";

const limitMs = 1000; // for the texts of one drawing
const keepTexts = 2000;

const plain = /^(?:[^\\^$.*+?()[\]{}|]|\\\W)*$/;

export class Marker {
    #patterns;
    #onFound;
    #isPlain;
    #known = new Map();
    #waiting = new Set();
    #worker = null;
    #timer = 0;
    #isSlow = false;

    /**
     * @param {RegExp[]} patterns
     * @param {() => void} onFound texts that were asked for before have matches
     */
    constructor(patterns, onFound) {
        this.#patterns = patterns;
        this.#onFound = onFound;
        this.#isPlain = patterns.every(({ source }) => plain.test(source));
    }

    get patterns() {
        return this.#patterns;
    }

    /** Where they match, as far as it is known by now. */
    rangesOf(text) {
        if (this.#isPlain) {
            return rangesOf(text, this.#patterns);
        }
        const known = this.#known.get(text);
        if (!known && !this.#isSlow) {
            this.#waiting.add(text);
            if (!this.#timer) {
                this.#timer = setTimeout(() => this.#ask());
            }
        }
        return known ?? [];
    }

    dispose() {
        this.#isSlow = true;
        clearTimeout(this.#timer);
        this.#worker?.terminate();
        this.#waiting.clear();
    }

    #ask() {
        if (!this.#worker) {
            this.#worker = new Worker(workerUrl("marker"), { type: "module" });
            this.#worker.onmessage = ({ data }) => this.#take(data);
            this.#worker.onerror = () => this.dispose();
        }
        this.#worker.postMessage({ patterns: this.#patterns, texts: [...this.#waiting] });
        this.#waiting.clear();
        this.#timer = setTimeout(() => this.dispose(), limitMs);
    }

    #take({ texts, found }) {
        clearTimeout(this.#timer);
        this.#timer = this.#waiting.size > 0 ? setTimeout(() => this.#ask()) : 0;
        if (this.#known.size > keepTexts) {
            this.#known.clear();
        }
        texts.forEach((text, i) => this.#known.set(text, found[i]));
        if (found.some((ranges) => ranges.length > 0)) {
            this.#onFound();
        }
    }
}
