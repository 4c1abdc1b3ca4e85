// SPDX-License-Identifier: MIT
// ansi: a line of text in runs that can be shown: colours as styles, nothing hidden, nothing acting.

/**
 * @typedef {object} Run
 * @property {string} shown
 * @property {number} start   where in the line it begins, and ends
 * @property {number} end
 * @property {boolean} isExact one shown character for each of the line's
 * @property {Style | null} style
 * @property {boolean} [isMark] what a search looks for
 *
 * @typedef {object} Style
 * @property {number | string} [fg] 0 to 15, or a colour of CSS
 * @property {number | string} [bg]
 * @property {boolean} [bold] and dim, italic, underline, strike, inverse
 */

// A line may not cost more elements than this: what follows is shown without colours.
const maxRuns = 200;

// What can't be seen, or acts: controls of C0 and C1, bidirectional controls, separators of lines,
// spaces without width, tags. Joiners stay: scripts and emoji need them. Tab stays.
const hidden =
    "[\\u0000-\\u0008\\u000a-\\u001f\\u007f-\\u009f\\u061c\\u200b\\u200e\\u200f\\u2028-\\u202e" +
    "\\u2060-\\u206f\\ufeff\\u{e0000}-\\u{e007f}]";
const isOdd = new RegExp(hidden, "u");
const odd = new RegExp(hidden, "gu");

// Escape sequences: colours and other CSI; strings (OSC, DCS, SOS, PM, APC) that have an end; others.
const escapes =
    "\\u001b\\[([0-?]*)[ -/]*([@-~])|\\u001b[\\]PX^_][^\\u0007\\u001b]*(?:\\u0007|\\u001b\\\\)|" +
    "\\u001b[ -/]*[0-~]?";
const tokens = new RegExp(`${escapes}|${hidden}`, "gu");

const cube = [0, 95, 135, 175, 215, 255];

/** A control's picture, or its code where there is none. */
function pictureOf(char) {
    const code = char.codePointAt(0);
    if (code < 0x20 || code === 0x7f) {
        return String.fromCharCode(code === 0x7f ? 0x2421 : 0x2400 + code);
    }
    return `<U+${code.toString(16).toUpperCase().padStart(4, "0")}>`;
}

/** The text with all that can't be seen made visible. */
export function visible(text) {
    return isOdd.test(text) ? text.replace(odd, pictureOf) : text;
}

function rgb(red, green, blue) {
    return [red, green, blue].every((part) => part >= 0 && part <= 255)
        ? `rgb(${red} ${green} ${blue})`
        : undefined;
}

function indexed(index) {
    if (index < 16) {
        return index;
    }
    if (index < 232) {
        const at = index - 16;
        return rgb(cube[Math.floor(at / 36)], cube[Math.floor(at / 6) % 6], cube[at % 6]);
    }
    const grey = 8 + 10 * (index - 232);
    return index < 256 ? rgb(grey, grey, grey) : undefined;
}

// 38 or 48, and what follows it. Returns the colour and how many codes it took.
function extended(codes) {
    if (codes[1] === 5) {
        return [indexed(codes[2] ?? 0), 3];
    }
    return codes[1] === 2 ? [rgb(codes[2], codes[3], codes[4]), 5] : [undefined, codes.length];
}

const plainCodes = {
    1: { bold: true },
    2: { dim: true },
    3: { italic: true },
    4: { underline: true },
    7: { inverse: true },
    9: { strike: true },
    21: { underline: true },
    22: { bold: false, dim: false },
    23: { italic: false },
    24: { underline: false },
    27: { inverse: false },
    29: { strike: false },
    39: { fg: undefined },
    49: { bg: undefined },
};

function changeOf(code) {
    const ten = Math.floor(code / 10);
    const one = code % 10;
    if (one < 8 && (ten === 3 || ten === 9)) {
        return { fg: one + (ten === 9 ? 8 : 0) };
    }
    if (one < 8 && (ten === 4 || ten === 10)) {
        return { bg: one + (ten === 10 ? 8 : 0) };
    }
    return plainCodes[code];
}

/** The style after a sequence CSI PARAMS m. */
function styleAfter(style, params) {
    let next = style ?? {};
    // 38:2::R:G:B has an empty place for a colour space; 4:3 is a kind of underline.
    const flat = params.replace(/([34]8:2):\d*:(\d+:\d+:\d+)/g, "$1:$2").replace(/\b4:0/g, "24");
    let codes = flat.replace(/\b4:\d+/g, "4").split(/[;:]/).map(Number);
    while (codes.length > 0) {
        const code = codes[0];
        let taken = 1;
        if (code === 0) {
            next = {};
        } else if (code === 38 || code === 48) {
            const [colour, count] = extended(codes);
            taken = count;
            next = { ...next, [code === 38 ? "fg" : "bg"]: colour };
        } else {
            next = { ...next, ...changeOf(code) };
        }
        codes = codes.slice(taken);
    }
    return Object.values(next).some((value) => value !== undefined && value !== false) ? next : null;
}

function isColours(match) {
    return match[2] === "m" && /^[0-9;:]*$/.test(match[1]);
}

/**
 * The runs of a line.
 *
 * @param {string} text
 * @param {boolean} isAnsi colours are shown and other sequences dropped; else their bytes are shown
 * @returns {Run[]}
 */
export function runsOf(text, isAnsi) {
    if (!isOdd.test(text)) {
        return [{ shown: text, start: 0, end: text.length, isExact: true, style: null }];
    }
    const runs = [];
    let style = null;
    let at = 0;
    const add = (shown, end, isExact) => {
        if (end > at && shown !== "") {
            runs.push({ shown, start: at, end, isExact, style });
        }
        at = end;
    };
    const pattern = isAnsi ? tokens : odd;
    pattern.lastIndex = 0;
    for (let match = pattern.exec(text); match; match = pattern.exec(text)) {
        if (runs.length >= maxRuns) {
            break;
        }
        const [token] = match;
        const end = match.index + token.length;
        add(text.slice(at, match.index), match.index, true);
        if (isAnsi && token[0] === "\u001b") {
            at = end;
            style = isColours(match) ? styleAfter(style, match[1]) : style;
        } else {
            const shown = pictureOf(token);
            add(shown, end, shown.length === token.length);
        }
    }
    if (runs.length >= maxRuns) {
        style = null;
        const rest = text.slice(at);
        add(visible(isAnsi ? rest.replace(new RegExp(escapes, "gu"), "") : rest), text.length, false);
    } else {
        add(text.slice(at), text.length, true);
    }
    return runs.length > 0 ? runs : [{ shown: "", start: 0, end: text.length, isExact: false, style: null }];
}

/** Where the patterns match a text, as ascending [start, end) that do not overlap. */
export function rangesOf(text, patterns) {
    const found = [];
    for (const pattern of patterns) {
        pattern.lastIndex = 0;
        let match;
        while (found.length < maxRuns && (match = pattern.exec(text))) {
            if (match[0] === "") {
                pattern.lastIndex++;
            } else {
                found.push([match.index, match.index + match[0].length]);
            }
        }
    }
    found.sort((a, b) => a[0] - b[0]);
    const ranges = [];
    for (const [start, end] of found) {
        const last = ranges.at(-1);
        if (last && start <= last[1]) {
            last[1] = Math.max(last[1], end);
        } else {
            ranges.push([start, end]);
        }
    }
    return ranges;
}

function pieceOf(run, start, end, isMark) {
    const shown = run.isExact ? run.shown.slice(start - run.start, end - run.start) : run.shown;
    return { ...run, shown, start, end, isMark };
}

/** The runs, cut at the ends of the ranges; those inside are marks. */
export function markRuns(runs, ranges) {
    const pieces = [];
    let next = 0;
    for (const run of runs) {
        while (next < ranges.length && ranges[next][1] <= run.start) {
            next++;
        }
        if (!run.isExact) {
            const isMark = next < ranges.length && ranges[next][0] < run.end;
            pieces.push({ ...run, isMark });
            continue;
        }
        let at = run.start;
        for (let i = next; i < ranges.length && ranges[i][0] < run.end; i++) {
            const start = Math.max(at, ranges[i][0]);
            const end = Math.min(run.end, ranges[i][1]);
            if (start > at) {
                pieces.push(pieceOf(run, at, start, false));
            }
            pieces.push(pieceOf(run, start, end, true));
            at = end;
        }
        if (at < run.end || run.start === run.end) {
            pieces.push(pieceOf(run, at, run.end, false));
        }
    }
    return pieces;
}

/**
 * Where in the line a place in the shown runs is.
 *
 * @param {Run[]} runs
 * @param {number} index of the run
 * @param {number} offset in what it shows
 * @param {boolean} isEnd the place ends a selection: it takes in the whole of what can't be parted
 */
export function placeIn(runs, index, offset, isEnd) {
    const run = runs[index];
    if (run.isExact) {
        return run.start + offset;
    }
    return isEnd ? (offset > 0 ? run.end : run.start) : offset < run.shown.length ? run.start : run.end;
}
