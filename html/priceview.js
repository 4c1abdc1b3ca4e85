// SPDX-License-Identifier: MIT
// priceview: which stretch of time the chart shows: the latest so many minutes, or a chosen one.

const spanMinMs = 1000;

/** @typedef {{from: number, to: number}} Range milliseconds since 1970 */

/** Either follows the end of what there is, or stands where it was put. */
export class PriceView {
    #homeMs;
    #spanMs;
    /** @type {Range | null} */
    #chosen = null;

    /** @param {number} spanMs Infinity shows all */
    constructor(spanMs) {
        this.#homeMs = spanMs;
        this.#spanMs = spanMs;
    }

    get isFollowing() {
        return this.#chosen === null;
    }

    /** What it follows the end with. */
    get spanMs() {
        return this.#spanMs;
    }

    /**
     * What is shown of an extent; null where there is nothing.
     *
     * @param {Range | null} extent
     * @returns {Range | null}
     */
    range(extent) {
        if (!extent || this.#chosen) {
            return extent && this.#chosen;
        }
        const all = Math.max(extent.to - extent.from, spanMinMs);
        return { from: extent.to - (this.#spanMs === Infinity ? all : this.#spanMs), to: extent.to };
    }

    /** Follows the end with this span from now on; reset() comes back to it. */
    follow(spanMs) {
        this.#homeMs = spanMs;
        this.reset();
    }

    reset() {
        this.#spanMs = this.#homeMs;
        this.#chosen = null;
    }

    /** Shows this range, made longer if it is too short to see. */
    choose(from, to) {
        const surplus = Math.max(0, spanMinMs - (to - from)) / 2;
        this.#chosen = { from: from - surplus, to: to + surplus };
    }

    /**
     * Shows half of the time with a factor of 0.5.
     *
     * @param {number} factor
     * @param {Range | null} extent
     * @param {number | null} at what stays where it is; null: the end while that is followed, else
     *     the middle
     */
    zoom(factor, extent, at = null) {
        const range = this.range(extent);
        if (!range) {
            return;
        }
        const span = range.to - range.from;
        if (this.isFollowing && at === null) {
            this.#spanMs = Math.max(spanMinMs, span * factor);
            return;
        }
        const fixed = at ?? range.from + span / 2;
        this.choose(fixed - (fixed - range.from) * factor, fixed + (range.to - fixed) * factor);
    }

    /** Moves by a part of what is shown, -0.5 half of it back; at the end it follows again. */
    move(part, extent) {
        const range = this.range(extent);
        if (!range) {
            return;
        }
        const span = range.to - range.from;
        if (part > 0 && range.to + span * part >= extent.to) {
            this.#spanMs = span;
            this.#chosen = null;
        } else {
            this.choose(range.from + span * part, range.to + span * part);
        }
    }
}
