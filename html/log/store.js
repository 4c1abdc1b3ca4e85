// SPDX-License-Identifier: MIT
// store: the lines that the log page holds, as bytes; a line is decoded when it is looked at.

import {
    Lines,
    bytesOf,
    idOf,
    idStart,
    indexOfId,
    isFilePosition,
    kindMask,
    kindShift,
    kinds,
    levelMask,
    pieceBytes,
    textStart,
} from "./lines.js";

const shownChars = 4096; // of a line; full() has all of it
const adoptBytes = pieceBytes / 2; // a batch of this size stays as it came
const generationChars = 11;
const gapKind = kinds.indexOf("gap");

const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

function decode(batch, from, to) {
    return decoder.decode(batch.text.subarray(from, to));
}

// No half of a character at the end: neither in bytes nor in UTF-16 units.
function decodeStart({ text }, from, to) {
    const bytes = text.subarray(from, Math.min(to, from + 3 * shownChars));
    const start = new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes, { stream: true });
    return start.slice(0, shownChars).replace(/[\ud800-\udbff]$/, "");
}

function arrivedAt({ arrivals }, index) {
    let i = arrivals.length - 2;
    while (arrivals[i] > index) {
        i -= 2;
    }
    return arrivals[i + 1] ?? 0;
}

function holds(chunk, n) {
    return chunk !== undefined && n >= chunk.base && n < chunk.base + chunk.lines.count;
}

function isOtherFile(a, i, b, j) {
    const from = idStart(a, i);
    const at = idStart(b, j);
    if (!isFilePosition(a.ids, from, a.idEnds[i]) || !isFilePosition(b.ids, at, b.idEnds[j])) {
        return false;
    }
    for (let k = 0; k < generationChars; k++) {
        if (a.ids[from + k] !== b.ids[at + k]) {
            return true;
        }
    }
    return false;
}

/**
 * Lines are numbered: the first that is appended is 0, older ones that are put before it have
 * negative numbers. A number stays until clear().
 */
export class Store {
    #capBytes;
    #chunks = []; // {base: number of the first, lines, id}, in order; the last may grow
    #sealedBytes = 0; // of all chunks but one that grows
    #growing = false;
    #nextId = 1;
    #levels = new Uint32Array(5);
    #lastChunk = 0; // where the last look was

    version = 0;
    /** The newest lines were dropped: live ones do not follow on. */
    isDetached = false;
    /** Told what was dropped: "old", "new" or "all". */
    onTrim = () => {};

    constructor({ capBytes = 128 * 1024 * 1024 } = {}) {
        this.#capBytes = capBytes;
    }

    get first() {
        return this.#chunks.length > 0 ? this.#chunks[0].base : 0;
    }

    get end() {
        const last = this.#chunks[this.#chunks.length - 1];
        return last ? last.base + last.lines.count : 0;
    }

    get count() {
        return this.end - this.first;
    }

    get bytes() {
        const last = this.#growing ? this.#chunks[this.#chunks.length - 1].lines.bytes : 0;
        return this.#sealedBytes + last;
    }

    /** The position after the last line; following from it, nothing is missed or comes twice. */
    get position() {
        return this.#chunks[this.#chunks.length - 1]?.lines.position ?? "";
    }

    /** The position before the first line, "" where it is not known. */
    get before() {
        return this.#chunks[0]?.lines.before ?? "";
    }

    /** Newer lines. Where the newest have been dropped, only what follows on is taken: or false. */
    append(batch) {
        if (this.isDetached && batch.before !== this.position) {
            return false;
        }
        this.version++;
        this.#countLevels(batch, 1);
        if (bytesOf(batch) >= adoptBytes) {
            this.#seal();
            this.#push(batch);
        } else if (batch.count > 0) {
            this.#grow(batch);
        } else if (this.#chunks.length > 0) {
            this.#chunks[this.#chunks.length - 1].lines.position = batch.position;
        }
        this.trimOld();
        return true;
    }

    /** An older page: its last line stands right before the first one here. */
    prepend(batch) {
        if (batch.count === 0) {
            return;
        }
        this.version++;
        this.#countLevels(batch, 1);
        this.#sealedBytes += bytesOf(batch);
        const base = this.first - batch.count;
        this.#chunks.unshift({ base, lines: batch, id: this.#nextId++ });
        this.trimNew();
    }

    clear() {
        this.#chunks = [];
        this.#sealedBytes = 0;
        this.#growing = false;
        this.#levels.fill(0);
        this.isDetached = false;
        this.version++;
        this.onTrim("all");
    }

    trimOld() {
        let count = 0;
        while (this.bytes > this.#capBytes && this.#chunks.length > 1) {
            this.#drop(this.#chunks.shift());
            count++;
        }
        if (count > 0) {
            this.onTrim("old");
        }
    }

    trimNew() {
        let count = 0;
        while (this.bytes > this.#capBytes && this.#chunks.length > 1) {
            this.#seal();
            this.#drop(this.#chunks.pop());
            count++;
        }
        if (count > 0) {
            this.isDetached = true;
            this.onTrim("new");
        }
    }

    line(n) {
        const { lines, index } = this.#at(n);
        const from = textStart(lines, index);
        const to = lines.ends[index] - 1;
        return {
            number: n,
            kind: this.kindOf(n),
            position: idOf(lines, index),
            text:
                this.kindOf(n) === "gap" || to - from <= shownChars
                    ? decode(lines, from, to)
                    : decodeStart(lines, from, to),
            name: lines.names[lines.nameOf[index]],
            level: lines.flags[index] & levelMask,
            arrived: arrivedAt(lines, index),
            startsFile: this.#startsFile(n),
            size: to - from,
        };
    }

    full(n) {
        const { lines, index } = this.#at(n);
        return decode(lines, textStart(lines, index), lines.ends[index] - 1);
    }

    kindOf(n) {
        const { lines, index } = this.#at(n);
        return kinds[(lines.flags[index] >> kindShift) & kindMask];
    }

    levelOf(n) {
        const { lines, index } = this.#at(n);
        return lines.flags[index] & levelMask;
    }

    nameOf(n) {
        const { lines, index } = this.#at(n);
        return lines.names[lines.nameOf[index]];
    }

    positionOf(n) {
        const { lines, index } = this.#at(n);
        return idOf(lines, index);
    }

    /** Of several lines with that position, the newest. */
    find(position) {
        const id = new TextEncoder().encode(position);
        for (let i = this.#chunks.length - 1; i >= 0 && id.length > 0; i--) {
            const index = indexOfId(this.#chunks[i].lines, id);
            if (index >= 0) {
                return this.#chunks[i].base + index;
            }
        }
        return undefined;
    }

    /** The next line after n, or before it with direction -1, with at least a level. */
    nextLevel(n, level, direction = 1) {
        let at = direction > 0 ? Math.max(n + 1, this.first) : Math.min(n - 1, this.end - 1);
        while (at >= this.first && at < this.end) {
            const { lines, index } = this.#at(at);
            const { flags, count } = lines;
            for (let i = index; i >= 0 && i < count; i += direction) {
                if ((flags[i] & levelMask) >= level) {
                    return at + i - index;
                }
            }
            at += direction > 0 ? count - index : -index - 1;
        }
        return undefined;
    }

    /** How many lines there are of each level; gaps do not count. */
    levelCounts() {
        return this.#levels.slice();
    }

    /**
     * The pieces it consists of, for a search: the same id stands for the same lines, except that
     * the last piece may grow.
     */
    pieces() {
        return this.#chunks.slice();
    }

    #push(lines) {
        this.#chunks.push({ base: this.end, lines, id: this.#nextId++ });
        this.#sealedBytes += bytesOf(lines);
    }

    // Small batches grow together into pieces.
    #grow(batch) {
        if (!this.#growing) {
            this.#chunks.push({ base: this.end, lines: new Lines(), id: this.#nextId++ });
            this.#growing = true;
        }
        const { lines } = this.#chunks[this.#chunks.length - 1];
        lines.add(batch);
        if (lines.bytes >= pieceBytes) {
            this.#seal();
        }
    }

    #seal() {
        if (this.#growing) {
            const last = this.#chunks[this.#chunks.length - 1];
            last.lines = last.lines.take();
            this.#sealedBytes += bytesOf(last.lines);
            this.#growing = false;
        }
    }

    #drop(chunk) {
        this.version++;
        this.#sealedBytes -= bytesOf(chunk.lines);
        this.#countLevels(chunk.lines, -1);
    }

    #countLevels({ flags, count }, sign) {
        const seen = [0, 0, 0, 0, 0];
        for (let i = 0; i < count; i++) {
            if (((flags[i] >> kindShift) & kindMask) !== gapKind) {
                seen[flags[i] & levelMask]++;
            }
        }
        seen.forEach((number, level) => (this.#levels[level] += sign * number));
    }

    #at(n) {
        const chunks = this.#chunks;
        if (!holds(chunks[this.#lastChunk], n)) {
            let low = 0;
            for (let high = chunks.length; high - low > 1; ) {
                const middle = (low + high) >> 1;
                [low, high] = chunks[middle].base <= n ? [middle, high] : [low, middle];
            }
            this.#lastChunk = low;
        }
        const chunk = chunks[this.#lastChunk];
        if (!holds(chunk, n)) {
            throw new RangeError(`line ${n} is not here`);
        }
        return { lines: chunk.lines, index: n - chunk.base };
    }

    // A gap in between belongs to neither file.
    #startsFile(n) {
        if (this.kindOf(n) === "gap") {
            return false;
        }
        let before = n - 1;
        while (before >= this.first && this.kindOf(before) === "gap") {
            before--;
        }
        if (before < this.first) {
            return false;
        }
        const here = this.#at(n);
        const there = this.#at(before);
        return isOtherFile(there.lines, there.index, here.lines, here.index);
    }
}
