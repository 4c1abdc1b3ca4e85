// SPDX-License-Identifier: MIT
// frames: the event stream format (WHATWG HTML 9.2.6) into batches of lines, on bytes.

import { levelOf, levelOfWord } from "./level.js";
import {
    Lines,
    brokenFlag,
    idOf,
    isFilePosition,
    kindShift,
    kinds,
    pieceBytes,
    textStart,
} from "./lines.js";

const LF = 10;
const CR = 13;
const SPACE = 32;
const COLON = 58;

const maxFieldBytes = 16 * 1024 * 1024; // of a longer line or event the rest is left out

const gapFlags = kinds.indexOf("gap") << kindShift;
const partialFlags = kinds.indexOf("partial") << kindShift;

const fieldOf = { 100: "data", 101: "event", 105: "id", 114: "retry" }; // by the first letter
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

function isField(bytes, from, to, name) {
    const length = name.length;
    if (to - from < length || (to - from > length && bytes[from + length] !== COLON)) {
        return false;
    }
    for (let i = 0; i < length; i++) {
        if (bytes[from + i] !== name.charCodeAt(i)) {
            return false;
        }
    }
    return true;
}

/** Reads the bytes of one connection after the other; lines and gaps gather in `lines`. */
export class FrameParser {
    lines = new Lines();
    arrived = 0; // what lines are told to be
    taken = 0; // so many lines there were in all

    #onFull;
    #carry = new Uint8Array(256); // a field that has not ended yet
    #carryEnd = 0;
    #isFirst = true;
    #wasCr = false;

    #nextId = null; // counts once its event is whole
    #id = new Uint8Array(0);
    #position = "";
    #toldPosition = "";

    #name = "";
    #dataLines = 0;
    #events = [];

    /** `onFull` takes batches that are full. */
    constructor(onFull = () => {}) {
        this.#onFull = onFull;
    }

    get position() {
        return this.#position;
    }

    /** A new connection: the event that was not whole is forgotten. */
    reset() {
        this.#carryEnd = 0;
        this.#isFirst = true;
        this.#wasCr = false;
        this.#clearEvent();
        this.lines.unwrite();
    }

    /** A gap that the client found out. */
    addGap(gap) {
        const bytes = new TextEncoder().encode(JSON.stringify(gap));
        this.lines.unwrite();
        this.lines.write(bytes, 0, bytes.length);
        this.lines.endLine(this.#id, gapFlags, "", this.arrived);
    }

    /** Whether take() has anything to give, be it a new position. */
    get hasNews() {
        return this.lines.count > 0 || this.#toldPosition !== this.#position;
    }

    take() {
        this.lines.position = this.#position;
        this.#toldPosition = this.#position;
        return this.lines.take();
    }

    /**
     * What ssecgi.js needs to know of some bytes: {name: "lines", position} when there are lines or a
     * new position, {retry}, and {name, data, position} of stream.* events but gaps.
     */
    feed(bytes) {
        const idBefore = this.#id;
        const takenBefore = this.taken;
        this.#events = [];
        this.#split(this.#wasCr || bytes.indexOf(CR) >= 0 ? this.#unixEnds(bytes) : bytes);
        if (this.#id !== idBefore || this.taken !== takenBefore) {
            this.#position = decoder.decode(this.#id);
            // First, because the connection may end with one of the others.
            this.#events.unshift({ name: "lines", position: this.#position || undefined });
        }
        return this.#events;
    }

    // A CRLF may be in two pieces.
    #unixEnds(bytes) {
        const out = new Uint8Array(bytes.length);
        let end = 0;
        for (const byte of bytes) {
            if (byte !== LF || !this.#wasCr) {
                out[end++] = byte === CR ? LF : byte;
            }
            this.#wasCr = byte === CR;
        }
        return out.subarray(0, end);
    }

    #split(bytes) {
        let from = 0;
        let to = bytes.indexOf(LF);
        if (this.#carryEnd > 0 && to >= 0) {
            this.#keep(bytes, 0, to);
            const end = this.#carryEnd;
            this.#carryEnd = 0;
            this.#field(this.#carry, 0, end);
            from = to + 1;
            to = bytes.indexOf(LF, from);
        }
        while (to >= 0) {
            this.#field(bytes, from, to);
            from = to + 1;
            to = bytes.indexOf(LF, from);
        }
        this.#keep(bytes, from, bytes.length);
    }

    #keep(bytes, from, to) {
        const end = Math.min(to, from + maxFieldBytes - this.#carryEnd);
        const need = this.#carryEnd + end - from;
        if (need > this.#carry.length) {
            const larger = new Uint8Array(Math.max(need, 2 * this.#carry.length));
            larger.set(this.#carry.subarray(0, this.#carryEnd));
            this.#carry = larger;
        }
        this.#carry.set(bytes.subarray(from, end), this.#carryEnd);
        this.#carryEnd = need;
    }

    #field(bytes, start, to) {
        let from = start;
        if (this.#isFirst) {
            this.#isFirst = false;
            if (bytes[from] === 0xef && bytes[from + 1] === 0xbb && bytes[from + 2] === 0xbf) {
                from += 3;
            }
        }
        if (from === to) {
            this.#dispatch();
            return;
        }
        const field = fieldOf[bytes[from]];
        if (field && isField(bytes, from, to, field)) {
            this.#value(bytes, from, to, field);
        }
    }

    #value(bytes, start, to, field) {
        let from = Math.min(start + field.length + 1, to);
        if (from < to && bytes[from] === SPACE) {
            from++;
        }
        if (field === "data") {
            if (this.lines.textEnd - textStart(this.lines, this.lines.count) >= maxFieldBytes) {
                return;
            }
            if (this.#dataLines++ > 0) {
                this.lines.writeBreak();
            }
            this.lines.write(bytes, from, to);
        } else if (field === "id") {
            const id = bytes.slice(from, to);
            this.#nextId = id.includes(0) ? this.#nextId : id; // the format's rule
        } else if (field === "event") {
            this.#name = decoder.decode(bytes.subarray(from, to));
        } else {
            const text = decoder.decode(bytes.subarray(from, to));
            if (/^\d+$/.test(text)) {
                this.#events.push({ retry: Number(text) });
            }
        }
    }

    #dispatch() {
        const hasId = this.#nextId !== null;
        this.#id = this.#nextId ?? this.#id;
        if (this.#dataLines > 0) {
            if (this.#name.startsWith("stream.") && this.#name !== "stream.gap") {
                this.#tell();
            } else {
                this.#endLine();
            }
        } else if (hasId && this.lines.count === 0) {
            this.lines.before = decoder.decode(this.#id);
        }
        this.#clearEvent();
    }

    #clearEvent() {
        this.#name = "";
        this.#dataLines = 0;
        this.#nextId = null;
    }

    #tell() {
        const { lines } = this;
        const start = textStart(lines, lines.count);
        const data = decoder.decode(lines.text.subarray(start, lines.textEnd));
        lines.unwrite();
        this.#events.push({ name: this.#name, data, position: decoder.decode(this.#id) || undefined });
    }

    #endLine() {
        const { lines } = this;
        const id = this.#id;
        let name = this.#name === "message" ? "" : this.#name;
        let flags = 0;
        if (name === "stream.gap") {
            name = "";
            flags = gapFlags;
        } else if (name === "partial") {
            name = "";
            flags = partialFlags;
        }
        if (flags !== gapFlags) {
            let level = 0;
            if (name && isFilePosition(id, 0, id.length)) {
                // Of a single file, events are named by their level, if at all.
                level = levelOfWord(name);
                name = level ? "" : name;
            }
            flags |= level || levelOf(lines.text, textStart(lines, lines.count), lines.textEnd);
        }
        if (this.#dataLines > 1) {
            flags |= brokenFlag;
        }
        lines.endLine(id, flags, name, this.arrived);
        this.taken++;
        if (lines.bytes >= pieceBytes) {
            lines.position = idOf(lines, lines.count - 1);
            this.#onFull(lines.take());
        }
    }
}
