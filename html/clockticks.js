// SPDX-License-Identifier: MIT
// clockticks: how a clock's ticks arrive: how long after their time, how evenly, and which did not.

const figureTicks = 60;
const stepsKept = 9;
const stepsNeeded = 3;
const missingFactor = 1.5;

function median(values) {
    const sorted = values.toSorted((a, b) => a - b);
    return sorted[sorted.length >> 1];
}

/**
 * @typedef {object} Arrival
 * @property {number} time    the tick's, in milliseconds since 1970
 * @property {number} offset  how much later it arrived, in milliseconds, by this computer's clock
 * @property {number} jitter  the offset's change from the tick before; NaN for the first
 * @property {number} missing how many ticks before it never came
 * @property {boolean} isLate it came in the place of a later one: a resumed stream brings what it missed
 */

/** Tells of each tick how it came, and sums up the last minute's worth of them. */
export class TickLog {
    ticks = 0;
    missing = 0;
    late = 0;

    #steps = [];
    #offsets = [];
    #jitters = [];
    /** @type {Arrival | null} */
    #last = null;

    /** The usual time between two ticks; NaN until some have come. */
    get step() {
        return this.#steps.length < stepsNeeded ? NaN : median(this.#steps);
    }

    /** The median offset of the last ticks that were not late; NaN before the first. */
    get offset() {
        return this.#offsets.length > 0 ? median(this.#offsets) : NaN;
    }

    /** The mean change of the offset from tick to tick; NaN before the second. */
    get jitter() {
        const sum = this.#jitters.reduce((total, value) => total + value, 0);
        return this.#jitters.length > 0 ? sum / this.#jitters.length : NaN;
    }

    /**
     * Takes a tick. Null for one that was there already.
     *
     * @param {number} time
     * @param {number} now both in milliseconds since 1970
     * @returns {Arrival | null}
     */
    take(time, now) {
        const last = this.#last;
        if (last && time <= last.time) {
            return null;
        }
        const { step } = this;
        const offset = now - time;
        // At the usual pace it is not: one of the clocks was set.
        const isPaced = last && Math.abs(now - last.time - last.offset - step) <= step / 2;
        const isLate = !isPaced && offset > this.offset + step;
        const passed = last ? time - last.time : NaN;
        const missing = passed > missingFactor * step ? Math.round(passed / step) - 1 : 0;
        const isEven = last !== null && !last.isLate && !isLate && missing === 0;
        const jitter = isEven ? Math.abs(offset - last.offset) : NaN;
        this.#last = { time, offset, jitter, missing, isLate };

        this.ticks++;
        this.missing += missing;
        this.late += isLate ? 1 : 0;
        if (missing === 0 && last) {
            this.#keep(this.#steps, passed, stepsKept);
        }
        if (!isLate) {
            this.#keep(this.#offsets, offset, figureTicks);
        }
        if (isEven) {
            this.#keep(this.#jitters, jitter, figureTicks);
        }
        return this.#last;
    }

    #keep(values, value, most) {
        values.push(value);
        if (values.length > most) {
            values.shift();
        }
    }
}
