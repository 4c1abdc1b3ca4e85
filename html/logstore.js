// SPDX-License-Identifier: MIT
// logstore: the rows that the log page keeps in memory, numbered from 0 in the order of arrival.

/**
 * @typedef {object} Row
 * @property {"line" | "gap"} kind
 * @property {string} label what stands before it: the line's number on this page
 * @property {string} text
 * @property {string} position
 */

const compactAt = 4096;

export class LogStore {
    /** @type {(Row | undefined)[]} */
    #rows = [];
    #dropped = 0; // rows dropped and no longer in the array
    #skipped = 0; // rows dropped and still in its front part
    #chars = 0;

    /** The number of the oldest row that is kept. */
    get first() {
        return this.#dropped + this.#skipped;
    }

    /** One past the number of the newest row. */
    get end() {
        return this.#dropped + this.#rows.length;
    }

    /** How many characters the rows hold. */
    get chars() {
        return this.#chars;
    }

    /** @param {number} number of a row that is kept */
    get(number) {
        return this.#rows[number - this.#dropped];
    }

    /** @param {Row} row */
    push(row) {
        this.#rows.push(row);
        this.#chars += row.text.length;
    }

    /**
     * Drops the oldest rows until the rest is within both limits.
     *
     * @param {number} maxRows
     * @param {number} maxChars
     */
    trim(maxRows, maxChars) {
        while (this.end - this.first > maxRows || this.#chars > maxChars) {
            this.#chars -= this.#rows[this.#skipped].text.length;
            this.#rows[this.#skipped] = undefined;
            this.#skipped++;
        }
        if (this.#skipped >= compactAt) {
            this.#rows.splice(0, this.#skipped);
            this.#dropped += this.#skipped;
            this.#skipped = 0;
        }
    }
}
