// SPDX-License-Identifier: MIT
// columns: lines of JSON as fields, with what the common loggers name time, level and message.

const maxFields = 40;
const maxDepth = 4;
const maxNames = 200;
const maxWidth = 40;

const timeNames = ["time", "timestamp", "@timestamp", "ts", "datetime", "date", "t"];
const levelNames = ["level", "severity", "log.level", "lvl", "levelname", "loglevel"];
const messageNames = ["msg", "message", "@message", "event.original", "event"];

// pino and bunyan
const levelWords = new Map(
    ["trace", "debug", "info", "warn", "error", "fatal"].map((word, i) => [String(10 * (i + 1)), word])
);

function textOf(value) {
    return typeof value === "string" ? value : JSON.stringify(value);
}

function flatten(object, prefix, depth, fields) {
    for (const [key, value] of Object.entries(object)) {
        if (fields.size >= maxFields) {
            return;
        }
        const name = prefix + key;
        const isObject = value !== null && typeof value === "object" && !Array.isArray(value);
        if (isObject && depth < maxDepth && Object.keys(value).length > 0) {
            flatten(value, `${name}.`, depth + 1, fields);
        } else {
            fields.set(name, textOf(value));
        }
    }
}

/**
 * The fields of a line, those of inner objects by dotted names.
 *
 * @param {string} text
 * @returns {Map<string, string> | null} null when the line is not a JSON object
 */
export function readFields(text) {
    if (!/^\s*\{/.test(text)) {
        return null;
    }
    let value;
    try {
        value = JSON.parse(text);
    } catch {
        return null;
    }
    const fields = new Map();
    flatten(value, "", 1, fields);
    const level = nameIn(fields, levelNames);
    if (level) {
        fields.set(level, levelWords.get(fields.get(level)) ?? fields.get(level));
    }
    return fields;
}

function nameIn(fields, names) {
    return names.find((name) => fields.has(name));
}

/** What stands where: the names of time, level and message, where there are such, and all others. */
export function arrange(fields) {
    const time = nameIn(fields, timeNames);
    const level = nameIn(fields, levelNames);
    const message = nameIn(fields, messageNames);
    const others = [...fields.keys()].filter((name) => ![time, level, message].includes(name));
    return { time, level, message, others };
}

/** The names seen so far, and how wide the chosen columns are. */
export class Columns {
    #counts = new Map();
    #widths = [];
    /** @type {string[]} */
    names = [];

    see(fields) {
        for (const name of fields.keys()) {
            const count = this.#counts.get(name) ?? 0;
            if (count > 0 || this.#counts.size < maxNames) {
                this.#counts.set(name, count + 1);
            }
        }
    }

    /** Most frequent first; of equals, in the order in which they came. */
    seen() {
        return [...this.#counts].sort((a, b) => b[1] - a[1]).map(([name]) => name);
    }

    choose(names) {
        this.names = names;
        this.#widths = names.map((name) => name.length);
    }

    /** A column's width in characters; grows with what it holds. Tells whether it has. */
    widen(column, length) {
        const width = Math.min(length, maxWidth);
        const isWider = width > this.#widths[column];
        this.#widths[column] = Math.max(width, this.#widths[column]);
        return isWider;
    }

    width(column) {
        return this.#widths[column];
    }
}
