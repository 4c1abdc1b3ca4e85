// SPDX-License-Identifier: MIT
// window: the rows that are in the page, a small part of all; the reader's place is kept.

/** In the page at most, with the two edge rows 200. */
export const maxRows = 198;

// Room above the first row, which rows put before it use up: so the place on the screen stays without
// touching scrollTop, which would end a movement that is under way.
const headroomPx = 1e6;
const leastHeadroomPx = 1e4;
const mostHeadroomPx = 4e6;

/** Which lines are rows: all of a store, or those that a filter names. */
export class RowIndex {
    #store;
    /** @type {{length: number, at(index: number): number | undefined} | null} */
    chosen = null;

    constructor(store) {
        this.#store = store;
    }

    /** The rows are numbered [low, high). */
    get low() {
        return this.chosen ? 0 : this.#store.first;
    }

    get high() {
        return this.chosen ? this.chosen.length : this.#store.end;
    }

    at(index) {
        return this.chosen ? this.chosen.at(index) : index;
    }

    /** The row of a line, or of the next line that has one. */
    indexOf(number) {
        if (!this.chosen) {
            return Math.min(Math.max(number, this.low), this.high);
        }
        let low = 0;
        let high = this.chosen.length;
        while (low < high) {
            const middle = (low + high) >>> 1;
            if (this.chosen.at(middle) < number) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        return low;
    }

    /** The exact text of the rows from one line to another, without gaps. */
    textOf(from, to) {
        const { first, end } = this.#store;
        const texts = [];
        for (let index = this.indexOf(Math.max(from, first)); index < this.high; index++) {
            const number = this.at(index);
            if (number > to || number >= end) {
                break;
            }
            if (this.#store.kindOf(number) !== "gap") {
                texts.push(this.#store.full(number));
            }
        }
        return texts.join("\n");
    }
}

export class RowWindow {
    #viewport;
    #list;
    #lines;
    #makeRow;
    #rows = [];
    #pool = [];
    #room = 0;
    /** The rows [from, to) are in the page. */
    from = 0;
    to = 0;
    /** Where the last of our own movements ended: what differs is the reader's. */
    lastTop = 0;

    constructor(viewport, list, lines, makeRow) {
        this.#viewport = viewport;
        this.#list = list;
        this.#lines = lines;
        this.#makeRow = makeRow;
        /** What covers the first rows, and what stands after the last. */
        this.head = null;
        this.last = null;
    }

    get rows() {
        return this.#rows;
    }

    /** Where on the screen the rows begin to be seen. */
    get #edge() {
        return this.#viewport.getBoundingClientRect().top + (this.head?.offsetHeight ?? 0);
    }

    /** Pixels of rows above what is seen, and below. */
    get above() {
        return this.#viewport.scrollTop - this.#room;
    }

    get below() {
        const view = this.#viewport;
        return view.scrollHeight - view.scrollTop - view.clientHeight;
    }

    /** Puts the rows [from, to) into the page, using elements again, and filling only new ones. */
    render(from, to, isStale = () => false) {
        const lines = this.#lines;
        const old = this.#rows;
        const kept = [];
        const spare = [];
        let index = from;
        for (const row of old) {
            while (index < to && lines.at(index) < row.number) {
                index++;
            }
            (index < to && lines.at(index) === row.number ? kept : spare).push(row);
        }
        this.from = from;
        this.to = to;
        if (kept.length === 0) {
            this.#refill();
            return;
        }
        for (const row of spare) {
            row.element.remove();
        }
        this.#pool.push(...spare);
        let next = 0;
        this.#rows = [];
        for (index = from; index < to; index++) {
            const number = lines.at(index);
            let row = kept[next];
            if (row?.number === number) {
                next++;
                if (isStale(row)) {
                    row.fill(number);
                }
            } else {
                row = this.#newRow(number);
                this.#list.insertBefore(row.element, kept[next]?.element ?? this.last);
            }
            this.#rows.push(row);
        }
    }

    #newRow(number) {
        const row = this.#pool.pop() ?? this.#makeRow();
        row.fill(number);
        return row;
    }

    // Nothing of what is there is of use: the elements stay where they are and get other lines.
    #refill() {
        const count = this.to - this.from;
        for (const row of this.#rows.splice(count)) {
            row.element.remove();
            this.#pool.push(row);
        }
        for (let i = 0; i < count; i++) {
            const number = this.#lines.at(this.from + i);
            if (i < this.#rows.length) {
                this.#rows[i].fill(number);
            } else {
                const row = this.#newRow(number);
                this.#list.insertBefore(row.element, this.last);
                this.#rows.push(row);
            }
        }
    }

    /** The topmost row of which something is seen. */
    top() {
        const edge = this.#edge + 0.5;
        let low = 0;
        let high = this.#rows.length - 1;
        while (low < high) {
            const middle = (low + high) >>> 1;
            if (this.#rows[middle].element.getBoundingClientRect().bottom > edge) {
                high = middle;
            } else {
                low = middle + 1;
            }
        }
        const row = this.#rows[low];
        if (!row) {
            return null;
        }
        const box = row.element.getBoundingClientRect();
        const offset = box.top - edge + 0.5;
        return { row, number: row.number, index: this.from + low, offset, height: box.height };
    }

    /** One past the last row of which something is seen. */
    bottom() {
        const edge = this.#viewport.getBoundingClientRect().top + this.#viewport.clientHeight;
        let low = 0;
        let high = this.#rows.length;
        while (low < high) {
            const middle = (low + high) >>> 1;
            if (this.#rows[middle].element.getBoundingClientRect().top < edge - 0.5) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        return this.from + low;
    }

    /** Makes a change; the topmost row stays where it is on the screen. */
    keep(change) {
        const anchor = this.top();
        const scrolled = this.#viewport.scrollTop;
        const before = anchor ? anchor.row.element.getBoundingClientRect().top + scrolled : 0;
        change();
        if (!anchor) {
            this.#settle(0, scrolled);
            return;
        }
        if (anchor.row.number === anchor.number && anchor.row.element.isConnected) {
            const now = this.#viewport.scrollTop; // the browser may have had to move it
            const after = anchor.row.element.getBoundingClientRect().top + now;
            this.#settle(after - before, scrolled);
        } else if (this.#rows.length > 0) {
            const index = this.#lines.indexOf(anchor.number);
            this.place(Math.min(Math.max(index, this.from), this.to - 1), anchor.offset);
        }
    }

    // The content below the room has moved by so much: the room makes up for it where it can.
    #settle(deltaPx, scrolled) {
        const wanted = this.#room - deltaPx;
        const room = this.#roomFor(wanted);
        this.#setRoom(room);
        this.#scrollTo(scrolled + (room - wanted));
    }

    #roomFor(wanted) {
        if (this.from <= this.#lines.low) {
            return 0;
        }
        return wanted >= leastHeadroomPx && wanted <= mostHeadroomPx ? wanted : headroomPx;
    }

    #setRoom(px) {
        if (px !== this.#room) {
            this.#room = px;
            this.#list.style.paddingTop = `${px}px`;
        }
    }

    #scrollTo(px) {
        if (Math.abs(this.#viewport.scrollTop - px) > 0.01) {
            this.#viewport.scrollTop = px;
        }
        this.lastTop = this.#viewport.scrollTop;
    }

    /** Moves a row of the page to so many pixels below the upper edge. */
    place(index, offsetPx) {
        this.#setRoom(this.#roomFor(headroomPx));
        const box = this.#rows[index - this.from].element.getBoundingClientRect();
        this.#scrollTo(this.#viewport.scrollTop + box.top - this.#edge - offsetPx);
    }

    toEnd() {
        this.#setRoom(this.#roomFor(headroomPx));
        this.#viewport.scrollTop = this.#viewport.scrollHeight;
        this.lastTop = this.#viewport.scrollTop;
    }

    clear() {
        for (const row of this.#rows) {
            row.element.remove();
        }
        this.#pool.push(...this.#rows);
        this.#rows = [];
        this.from = 0;
        this.to = 0;
        this.#setRoom(0);
    }
}
