// SPDX-License-Identifier: MIT
// match: which lines of a piece of text a pattern matches; as if each line were tested alone, but
// with one search over the whole where that comes to the same.

/**
 * @typedef {object} Query
 * @property {string} text
 * @property {boolean} [isRegex]    JavaScript's syntax, with the flag u
 * @property {boolean} [ignoreCase]
 * @property {boolean} [invert]     lines that do not match
 *
 * @typedef {object} Part lines of text, as they come to a worker
 * @property {number} base          the number of the first
 * @property {Uint8Array} text      each line ends in "\n"
 * @property {Uint32Array} ends     where, behind the "\n"
 * @property {number[]} gaps        the indices of those that are no lines, and never match
 * @property {boolean} isBroken     a line has line breaks of its own
 */

/** A text as a pattern that matches nothing but it, for JavaScript and PCRE alike. */
export function escapePattern(text) {
    return text.replace(/[\\^$.*+?()[\]{}|/]/g, "\\$&");
}

/** @param {Query} query @throws {SyntaxError} */
export function compile({ text, isRegex, ignoreCase }) {
    const source = isRegex ? text : escapePattern(text);
    return new RegExp(source, ignoreCase ? "giu" : "gu");
}

/** What is wrong with a query, in the engine's words; "" when nothing is. */
export function complaint(query) {
    try {
        compile(query);
        return "";
    } catch (error) {
        return error.message;
    }
}

// What could see beyond a line's end when a text of many lines is searched: classes that hold "\n"
// or may, escapes that may stand for it, and what looks around.
const seesLineEnds = /\\[^dwbB\\^$.*+?()[\]{}|/1-9-]|\[\^|\(\?(?!:)|[\0-\x1f\u2028\u2029]/;

// Ranges from a control character to another may hold it, too; with no escapes and no control
// characters in the pattern there are none.

/** Whether a pattern may be searched for in many lines at once. */
export function isLineBound({ text, isRegex }) {
    return isRegex ? !seesLineEnds.test(text) : !/[\n\u2028\u2029]/.test(text);
}

// The ends of lines in UTF-16 units; null when the text is not what it should be.
function unitEnds(bytes, ends, length) {
    const out = new Uint32Array(ends.length);
    let units = 0;
    let at = 0;
    for (let line = 0; line < ends.length; line++) {
        for (const end = ends[line]; at < end; at++) {
            const byte = bytes[at];
            if ((byte & 0xc0) !== 0x80) {
                units += byte >= 0xf0 ? 2 : 1;
            }
        }
        out[line] = units;
    }
    return units === length ? out : null;
}

const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

function decodeLines(bytes, ends) {
    const out = new Uint32Array(ends.length);
    let text = "";
    let from = 0;
    for (let line = 0; line < ends.length; line++) {
        text += decoder.decode(bytes.subarray(from, ends[line]));
        from = ends[line];
        out[line] = text.length;
    }
    return { text, ends: out };
}

/** A part as a worker keeps it. */
export class Piece {
    #text;
    #ends;
    #gaps;
    #isPlain; // "\n" is the only thing that ends a line, and stands nowhere else

    /** @param {Part} part */
    constructor({ base, text, ends, gaps, isBroken }) {
        this.base = base;
        this.#gaps = new Set(gaps);
        this.#text = decoder.decode(text);
        this.#ends =
            this.#text.length === text.length ? ends : unitEnds(text, ends, this.#text.length);
        if (!this.#ends) {
            ({ text: this.#text, ends: this.#ends } = decodeLines(text, ends));
        }
        this.#isPlain = !isBroken && !/[\r\u2028\u2029]/.test(this.#text);
    }

    get count() {
        return this.#ends.length;
    }

    /**
     * The numbers of the lines that match, or with `invert` do not.
     *
     * @param {Query} query
     * @returns {Int32Array}
     */
    find(query) {
        const hits = new Uint8Array(this.count);
        const canSearchAll = this.#isPlain && isLineBound(query);
        if (canSearchAll && !query.isRegex && !query.ignoreCase) {
            this.#searchText(query.text, hits);
        } else if (canSearchAll) {
            this.#searchAll(query, hits);
        } else {
            this.#searchEach(query, hits);
        }
        return this.#numbers(hits, query.invert ? 0 : 1);
    }

    #numbers(hits, wanted) {
        const numbers = new Int32Array(this.count);
        let count = 0;
        for (let index = 0; index < hits.length; index++) {
            if (hits[index] === wanted && !this.#gaps.has(index)) {
                numbers[count++] = this.base + index;
            }
        }
        return numbers.slice(0, count);
    }

    #searchText(wanted, hits) {
        const text = this.#text;
        const ends = this.#ends;
        let line = 0;
        let at = text.indexOf(wanted);
        while (at >= 0) {
            line = this.#lineAt(at, line);
            if (line === ends.length) {
                return;
            }
            hits[line] = 1;
            at = text.indexOf(wanted, ends[line]);
        }
    }

    #searchAll(query, hits) {
        const { source, flags } = compile(query);
        const regex = new RegExp(source, `${flags}m`);
        const text = this.#text;
        const ends = this.#ends;
        let line = 0;
        // A match does not go over a line's end, so its own end tells the line.
        while (regex.test(text)) {
            line = this.#lineAt(regex.lastIndex, line);
            if (line === ends.length) {
                return; // behind the last line's end
            }
            hits[line] = 1;
            regex.lastIndex = ends[line];
        }
    }

    // The line with a place, from a line on that is not behind it: nearly always a near one.
    #lineAt(at, from) {
        const ends = this.#ends;
        let low = from;
        let step = 1;
        while (low + step < ends.length && ends[low + step - 1] <= at) {
            low += step;
            step *= 2;
        }
        let high = Math.min(low + step, ends.length);
        while (low < high) {
            const middle = (low + high) >> 1;
            if (ends[middle] <= at) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        return low;
    }

    #searchEach(query, hits) {
        const regex = compile(query);
        const text = this.#text;
        let from = 0;
        for (let line = 0; line < hits.length; line++) {
            regex.lastIndex = 0;
            hits[line] = regex.test(text.slice(from, this.#ends[line] - 1)) ? 1 : 0;
            from = this.#ends[line];
        }
    }
}

/** What a part of `lines` from line `from` on is sent as. @returns {Part} */
export function makePart({ text, ends, flags, count }, base, from, { kindOf, isBroken }) {
    const start = from === 0 ? 0 : ends[from - 1];
    const cut = ends.slice(from, count);
    if (start > 0) {
        for (let i = 0; i < cut.length; i++) {
            cut[i] -= start;
        }
    }
    const gaps = [];
    let hasBreaks = false;
    for (let i = from; i < count; i++) {
        if (kindOf(flags[i]) === "gap") {
            gaps.push(i - from);
        }
        hasBreaks ||= isBroken(flags[i]);
    }
    const end = count === 0 ? 0 : ends[count - 1];
    return { base: base + from, text: text.slice(start, end), ends: cut, gaps, isBroken: hasBreaks };
}
