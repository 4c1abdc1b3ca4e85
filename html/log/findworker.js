// SPDX-License-Identifier: MIT
// findworker: keeps copies of lines as text, and searches them, a little at a time.

import { Piece } from "./match.js";

const turnMs = 12; // then others may be heard

const pieces = new Map();
const { port1: wake, port2: woken } = new MessageChannel();
let turn = 0;
let query = null;
let waiting = []; // the keys of pieces to search

function report(isDone, found) {
    const buffers = found.map(({ lines }) => lines.buffer);
    globalThis.postMessage({ turn, found, isDone }, buffers);
}

function search() {
    const found = [];
    const untilAt = performance.now() + turnMs;
    while (waiting.length > 0 && performance.now() < untilAt) {
        const key = waiting.shift();
        const piece = pieces.get(key);
        if (piece) {
            found.push({ key, count: piece.count, lines: piece.find(query) });
        }
    }
    if (waiting.length > 0) {
        wake.postMessage(0);
    }
    report(waiting.length === 0, found);
}

woken.onmessage = () => {
    if (query && waiting.length > 0) {
        search();
    }
};

const answers = {
    add: ({ key, part }) => pieces.set(key, new Piece(part)),
    drop: ({ keys }) => keys.forEach((key) => pieces.delete(key)),
    find: (message) => {
        const isUnderway = waiting.length > 0;
        ({ turn, query } = message);
        waiting = message.keys;
        if (!isUnderway) {
            search();
        }
    },
    stop: () => {
        waiting = [];
        query = null;
    },
};

globalThis.onmessage = ({ data }) => answers[data.do](data);
