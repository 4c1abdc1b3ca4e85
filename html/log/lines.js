// SPDX-License-Identifier: MIT
// lines: many lines in a few arrays of bytes, as they travel from the hub and stand in the store.

export const kinds = ["line", "partial", "gap"];
export const levelMask = 7;
export const kindShift = 3;
export const kindMask = 3;
export const brokenFlag = 32; // the text has line breaks of its own

/** A batch of this size is as large as one gets, but for a single long line. */
export const pieceBytes = 256 * 1024;

const maxNames = 65535;
const perLineBytes = 11; // of ends, idEnds, flags and nameOf

function costOf({ count, arrivals }, textBytes, idBytes) {
    return textBytes + idBytes + count * perLineBytes + arrivals.length * 8;
}

/** What a batch costs in memory. */
export function bytesOf(batch) {
    return costOf(batch, batch.text.length, batch.ids.length);
}

/** A position of the form GENERATION.OFFSET.CHECK is one in a single file. */
export function isFilePosition(ids, from, to) {
    return to - from > 13 && ids[from + 11] === 46 && ids[from + 12] >= 48 && ids[from + 12] <= 57;
}

export function textStart(batch, index) {
    return index === 0 ? 0 : batch.ends[index - 1];
}

export function idStart(batch, index) {
    return index === 0 ? 0 : batch.idEnds[index - 1];
}

const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

export function idOf(batch, index) {
    return decoder.decode(batch.ids.subarray(idStart(batch, index), batch.idEnds[index]));
}

/** The index of the last line with a position, given in bytes; -1 when there is none. */
export function indexOfId(batch, id) {
    const { ids, idEnds } = batch;
    const length = id.length;
    const last = id[length - 1];
    for (let index = batch.count - 1; index >= 0; index--) {
        const end = idEnds[index];
        if (ids[end - 1] !== last || end - idStart(batch, index) !== length) {
            continue;
        }
        let at = 1;
        while (at < length && ids[end - 1 - at] === id[length - 1 - at]) {
            at++;
        }
        if (at >= length) {
            return index;
        }
    }
    return -1;
}

function grown(array, length) {
    if (array.length >= length) {
        return array;
    }
    const larger = new array.constructor(Math.max(length, 2 * array.length));
    larger.set(array);
    return larger;
}

/** Lines that grow: what a parser fills, and the newest lines of the store. Has a batch's shape. */
export class Lines {
    count = 0;
    text = new Uint8Array(16 * 1024);
    ends = new Uint32Array(256);
    ids = new Uint8Array(8 * 1024);
    idEnds = new Uint32Array(256);
    flags = new Uint8Array(256);
    names = [""];
    nameOf = new Uint16Array(256);
    arrivals = [];
    before = "";
    position = "";

    textEnd = 0; // of the line that is being written, too
    idsEnd = 0;

    get bytes() {
        return costOf(this, this.textEnd, this.idsEnd);
    }

    /** Adds to the line that is being written. */
    write(source, from, to) {
        this.text = grown(this.text, this.textEnd + to - from);
        this.text.set(source.subarray(from, to), this.textEnd);
        this.textEnd += to - from;
    }

    writeBreak() {
        this.text = grown(this.text, this.textEnd + 1);
        this.text[this.textEnd++] = 10;
    }

    unwrite() {
        this.textEnd = textStart(this, this.count);
    }

    endLine(id, flags, name, arrived) {
        this.writeBreak();
        const index = this.count;
        this.#makeRoom(1, 0, id.length);
        this.ids.set(id, this.idsEnd);
        this.idsEnd += id.length;
        this.ends[index] = this.textEnd;
        this.idEnds[index] = this.idsEnd;
        this.flags[index] = flags;
        this.nameOf[index] = this.#nameIndex(name);
        this.#setArrival(index, arrived);
        this.count++;
    }

    /** Adds lines [from, to) of a batch. */
    add(batch, from = 0, to = batch.count) {
        const index = this.count;
        const text = batch.text.subarray(textStart(batch, from), textStart(batch, to));
        const ids = batch.ids.subarray(idStart(batch, from), idStart(batch, to));
        const places = batch.names.map((name) => this.#nameIndex(name));
        this.#makeRoom(to - from, text.length, ids.length);
        this.text.set(text, this.textEnd);
        this.ids.set(ids, this.idsEnd);
        this.flags.set(batch.flags.subarray(from, to), index);
        const textShift = this.textEnd - textStart(batch, from);
        const idShift = this.idsEnd - idStart(batch, from);
        for (let i = from, at = index; i < to; i++, at++) {
            this.ends[at] = batch.ends[i] + textShift;
            this.idEnds[at] = batch.idEnds[i] + idShift;
            this.nameOf[at] = places[batch.nameOf[i]];
        }
        this.textEnd += text.length;
        this.idsEnd += ids.length;
        this.#addArrivals(batch.arrivals, from, to);
        if (index === 0) {
            this.before = from === 0 ? batch.before : idOf(batch, from - 1);
        }
        this.position = to === batch.count ? batch.position : idOf(batch, to - 1);
        this.count += to - from;
    }

    /** All lines as a batch; what is being written stays. */
    take() {
        const end = textStart(this, this.count);
        const rest = this.text.slice(end, this.textEnd);
        const batch = {
            count: this.count,
            text: this.text.slice(0, end),
            ends: this.ends.slice(0, this.count),
            ids: this.ids.slice(0, this.idsEnd),
            idEnds: this.idEnds.slice(0, this.count),
            flags: this.flags.slice(0, this.count),
            names: this.names,
            nameOf: this.nameOf.slice(0, this.count),
            arrivals: this.arrivals,
            before: this.before,
            position: this.position,
        };
        this.text.set(rest);
        this.textEnd = rest.length;
        this.idsEnd = 0;
        this.count = 0;
        this.names = [""];
        this.arrivals = [];
        this.before = this.position;
        return batch;
    }

    #makeRoom(count, textBytes, idBytes) {
        const need = this.count + count;
        this.text = grown(this.text, this.textEnd + textBytes);
        this.ends = grown(this.ends, need);
        this.ids = grown(this.ids, this.idsEnd + idBytes);
        this.idEnds = grown(this.idEnds, need);
        this.flags = grown(this.flags, need);
        this.nameOf = grown(this.nameOf, need);
    }

    #nameIndex(name) {
        if (this.names[this.names.length - 1] === name) {
            return this.names.length - 1;
        }
        const known = this.names.indexOf(name);
        if (known >= 0 || this.names.length > maxNames) {
            return Math.max(known, 0);
        }
        return this.names.push(name) - 1;
    }

    #addArrivals(arrivals, from, to) {
        for (let i = 0; i < arrivals.length; i += 2) {
            if (arrivals[i] < to && !(arrivals[i + 2] <= from)) {
                this.#setArrival(this.count + Math.max(0, arrivals[i] - from), arrivals[i + 1]);
            }
        }
    }

    #setArrival(index, arrived) {
        if (this.arrivals.at(-1) !== arrived) {
            this.arrivals.push(index, arrived);
        }
    }
}

/** Lines [from, to) of a batch as a batch of its own. */
export function sliceBatch(batch, from, to) {
    const lines = new Lines();
    lines.add(batch, from, to);
    return lines.take();
}
