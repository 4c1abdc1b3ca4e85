// SPDX-License-Identifier: MIT
// announce: reads new lines out to those who listen: one a second at most, else how many.

import { tn } from "../lang.js";

const pauseMs = 1000;
const spokenChars = 200;

export class Announcer {
    #say;
    #later;
    #count = 0;
    #text = "";
    #isWaiting = false;

    /**
     * @param {(text: string) => void} say
     * @param {(then: () => void, ms: number) => unknown} later
     */
    constructor(say, later = (then, ms) => setTimeout(then, ms)) {
        this.#say = say;
        this.#later = later;
    }

    /**
     * @param {number} count  new lines
     * @param {string} newest the text of the last
     */
    add(count, newest) {
        this.#count += count;
        this.#text = newest.slice(0, spokenChars);
        if (!this.#isWaiting) {
            this.#speak();
        }
    }

    /** Forgets what was not said yet. */
    clear() {
        this.#count = 0;
    }

    #speak() {
        this.#isWaiting = this.#count > 0;
        if (this.#isWaiting) {
            const summary = tn(this.#count, "{n} new line", "{n} new lines");
            this.#say(this.#count === 1 ? this.#text : summary);
            this.#count = 0;
            this.#later(() => this.#speak(), pauseMs);
        }
    }
}
