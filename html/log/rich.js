// SPDX-License-Identifier: MIT
// rich: what rows show beyond plain text: colours, marks of a search, fields, times, long lines.

import { t } from "../lang.js";
import { formatBytes, make, setText } from "../page.js";
import { markRuns, placeIn, runsOf, visible } from "./ansi.js";
import { Columns, arrange, readFields } from "./columns.js";
import { Marker } from "./marker.js";
import { cutChars } from "./row.js";
import { LogClock, formatTime } from "./when.js";

/** @typedef {import("./row.js").Row} Row */

/**
 * What rows share: the store, how they are shown, and what is selected.
 *
 * @typedef {object} Look
 * @property {import("./store.js").Store} store
 * @property {number} version grows when all rows are to be filled anew
 * @property {object} options see makeLook() in row.js
 * @property {RegExp[]} patterns
 * @property {(number: number) => boolean} isHit
 * @property {Map<number, number>} opened how much is shown of long lines
 * @property {Set<string>} marks          positions
 * @property {[number, number] | null} range the lines selected
 * @property {ArrayLike<number>} hits       lines that the rail tells of
 * @property {{older?: string, newer?: string}} edges
 * @property {number} flashed
 * @property {(number: number) => boolean} canLoad
 * @property {object | null} rich this module
 * @property {() => void} needRich loads it and fills the rows anew
 * @property {() => void} restyle  fills the rows anew
 * @property {Marker} [marker]     of the patterns
 * @property {object} [memory] rich.makeMemory()
 * @property {HTMLElement} viewport
 */

const pieceChars = 32 * 1024; // of a long line, with each press
const jsonChars = 32 * 1024;

const switches = ["bold", "dim", "italic", "underline", "strike"];

/** What is remembered of a log's lines. */
export function makeMemory() {
    return { clock: new LogClock(), columns: new Columns() };
}

function setColour(classes, element, name, colour) {
    if (typeof colour === "number") {
        classes.push(`${name}${colour}`);
    } else if (colour) {
        classes.push(`${name}x`);
        element.style.setProperty(`--${name}`, colour);
    }
}

function nodeOf(run) {
    if (!run.style && !run.isMark) {
        return document.createTextNode(run.shown);
    }
    const element = make(run.isMark ? "mark" : "span", "", run.shown);
    const style = run.style ?? {};
    const classes = switches.filter((name) => style[name]);
    const { fg, bg } = style;
    const [front, back] = style.inverse ? [bg, fg ?? "currentcolor"] : [fg, bg];
    setColour(classes, element, "f", front);
    setColour(classes, element, "b", back);
    if (back !== undefined) {
        classes.push("back");
    }
    element.className = classes.join(" ");
    return element;
}

function findIn(source, look) {
    if (look.marker?.patterns !== look.patterns) {
        look.marker?.dispose();
        look.marker = new Marker(look.patterns, look.restyle);
    }
    return look.marker.rangesOf(source);
}

// Shows a text that can be copied in part.
function fillCell(row, element, source) {
    const { look } = row;
    let runs = runsOf(source, look.options.ansi);
    const isTried = look.patterns.length > 0 && look.isHit(row.number);
    const ranges = isTried ? findIn(source, look) : [];
    if (ranges.length > 0) {
        runs = markRuns(runs, ranges);
    }
    row.cells.push({ element, source, runs });
    if (runs.length === 1 && !runs[0].style && !runs[0].isMark) {
        row.setPlain(element, runs[0].shown);
    } else {
        element.replaceChildren(...runs.map(nodeOf));
    }
}

function setWidth({ memory, viewport }, column) {
    viewport.style.setProperty(`--w${column}`, `${memory.columns.width(column) + 0.5}ch`);
}

/** Chooses the fields that have columns. */
export function chooseColumns(look, names) {
    look.memory.columns.choose(names);
    names.forEach((name, column) => setWidth(look, column));
}

function addField(row, parts, fields, name, className) {
    if (name) {
        const cell = make("span", className);
        fillCell(row, cell, fields.get(name));
        parts.push(cell, " ");
    }
}

function fillFields(row, fields) {
    const { look } = row;
    const { columns, time: timeOption } = look.options;
    const parts = [];
    look.memory.columns.see(fields);
    if (columns?.length > 0) {
        columns.forEach((name, column) => {
            const cell = make("span", `cell c${column}`);
            fillCell(row, cell, fields.get(name) ?? "");
            cell.title = cell.textContent;
            cell.style.width = `var(--w${column})`;
            parts.push(cell, " ");
            if (look.memory.columns.widen(column, cell.textContent.length)) {
                setWidth(look, column);
            }
        });
    } else {
        const { level, message, others, time } = arrange(fields);
        addField(row, parts, fields, level, "cell level");
        addField(row, parts, fields, message, "cell message");
        for (const name of time && timeOption === "off" ? [time, ...others] : others) {
            parts.push(make("span", "key", `${visible(name)}=`));
            addField(row, parts, fields, name, "cell");
        }
    }
    row.text.replaceChildren(...parts);
}

function addTime(row, line) {
    const { memory, options } = row.look;
    const own = memory.clock.timeOf(line.text, line.arrived);
    const hasOwn = !Number.isNaN(own);
    const ms = hasOwn ? own : line.arrived;
    const shown = ms > 0 ? formatTime(ms, options.time === "utc") : { date: "", time: "" };
    const parts = [make("span", "date", shown.date), make("span", "clock", shown.time)];
    const time = make("span", hasOwn ? "time" : "time arrived", ...parts);
    if (!hasOwn && ms > 0) {
        time.title = t("When the line arrived here");
    }
    row.addExtra(time, row.handle.nextSibling);
}

function addRest(row, line, isCut) {
    const rest = make("span", "rest", t("… {size} in all", { size: formatBytes(line.size) }));
    const buttons = [
        isCut ? ["more", t("Show more")] : null,
        row.look.opened.has(line.number) ? ["less", t("Show less")] : null,
        ["save", t("Download the line")],
    ];
    for (const [name, text] of buttons.filter(Boolean)) {
        const button = make("button", name, text);
        button.type = "button";
        rest.append(" ", button);
    }
    row.addClass("long");
    row.addExtra(rest);
}

// As much of a long line as is to be shown.
function shownOf(row, line) {
    const { opened, options, store } = row.look;
    if (line.text.length < cutChars) {
        return { text: line.text, isCut: false };
    }
    const count = opened.get(line.number) ?? cutChars;
    // No UTF-16 unit takes more than three bytes.
    const isShort = line.size <= 3 * jsonChars;
    if (!isShort && !opened.has(line.number)) {
        return { text: line.text, isCut: true };
    }
    const full = store.full(line.number);
    const isWhole = full.length <= count || (options.json === "columns" && isShort && full[0] === "{");
    return isWhole ? { text: full, isCut: false } : { text: full.slice(0, count), isCut: true };
}

/** Shows a line in a row. */
export function fillLine(row, line) {
    const { options, opened } = row.look;
    const { text, isCut } = shownOf(row, line);
    const fields = options.json === "columns" && !isCut ? readFields(text) : null;
    if (fields) {
        fillFields(row, fields);
    } else {
        fillCell(row, row.text, text);
    }
    if (options.time !== "off") {
        addTime(row, line);
    }
    if (isCut || opened.has(line.number)) {
        addRest(row, line, isCut);
    }
}

/** Shows more of a long line, or what was shown at first. */
export function openLine(row, isMore) {
    const { opened } = row.look;
    const shown = opened.get(row.number);
    if (isMore) {
        opened.set(row.number, shown === undefined ? pieceChars : shown + pieceChars);
    } else {
        opened.delete(row.number);
    }
    row.fill(row.number);
}

/** Gives a line to the reader as a file. */
export function saveLine(row) {
    const link = document.createElement("a");
    const text = row.look.store.full(row.number);
    link.href = URL.createObjectURL(new Blob([text], { type: "text/plain" }));
    link.download = "line.txt";
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}

function placeOf({ element, source, runs }, node, offset, isEnd) {
    if (node === element) {
        return offset < runs.length ? runs[offset].start : source.length;
    }
    let child = node;
    while (child.parentNode !== element) {
        child = child.parentNode;
    }
    const index = [...element.childNodes].indexOf(child);
    const inRun = node.nodeType === Node.TEXT_NODE || offset === 0 ? offset : runs[index].shown.length;
    return placeIn(runs, index, inRun, isEnd);
}

/**
 * What a selection inside a row stands for.
 *
 * @param {Row} row
 * @param {Range} range
 * @returns {string | null} null when it is not within one text
 */
export function sourceOf(row, range) {
    const plain = { element: row.text, source: row.text.textContent };
    plain.runs = runsOf(plain.source, false);
    const cells = row.cells.length > 0 ? row.cells : [plain];
    const cell = cells.find(
        ({ element }) => element.contains(range.startContainer) && element.contains(range.endContainer)
    );
    if (!cell) {
        return null;
    }
    const start = placeOf(cell, range.startContainer, range.startOffset, false);
    const end = placeOf(cell, range.endContainer, range.endOffset, true);
    return cell.source.slice(start, end);
}

/** Names the columns. */
export function fillHead(head, names) {
    const cells = names.map((name, column) => {
        const cell = make("span", `cell c${column}`);
        setText(cell, visible(name));
        cell.style.width = `var(--w${column})`;
        return cell;
    });
    head.replaceChildren(...cells.flatMap((cell) => [cell, " "]));
}
