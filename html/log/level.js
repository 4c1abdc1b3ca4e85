// SPDX-License-Identifier: MIT
// level: how much a line matters, told from its first bytes; the server's level_events has the rules.

const words = [
    [4, "emerg|emergency|panic|alert|crit|critical|fatal|error|err|severe"],
    [3, "warn|warning"],
    [2, "notice|info|information"],
    [1, "debug|trace"],
];
const levels = new Map(words.flatMap(([level, text]) => text.split("|").map((it) => [it, level])));
const any = words.map(([, text]) => text).join("|");

const keyed = RegExp(`(?:level|lvl|severity)(?:name)?"? ?[:=] ?"?(?:(\\d+)|(${any})\\b)`, "i");
const bracketed = RegExp(`\\[(${any})\\]`, "i");
const plain = RegExp(`(?<![\\w/-])(${any})(?![\\w/-])`, "i");
const hint = RegExp(`${any}|level|lvl|severity`, "i"); // most lines have none, and need no more
const escapes = /\x1b\[[\d;]*m/g; // would run into the next word
const status = /" ([1-5])\d\d(?: |$)/; // of an access log

const lookBytes = 256;
const lookStatusBytes = 2048; // the request stands before the status, and may be long

/** The level that a word stands for, as an event's name does; 0 for others. */
export function levelOfWord(word) {
    return levels.get(word.toLowerCase()) ?? 0;
}

// 10 trace, 20 debug, 30 info, 40 warn, 50 error, 60 fatal
function levelOfNumber(number) {
    return number < 10 ? 0 : Math.min(4, Math.max(1, Math.floor(number / 10) - 1));
}

/** Of the line at [from, to) in bytes: 0 none, 1 trace or debug, 2 info, 3 warn, 4 error. */
export function levelOf(bytes, from, to) {
    // A byte a character: what is not ASCII tells nothing here. Faster than a decoder.
    const read = (length) =>
        String.fromCharCode.apply(null, bytes.subarray(from, Math.min(to, from + length)));
    let text = read(lookBytes);
    const priority = text[0] === "<" && /^<(\d{1,2}|1[0-8]\d|19[01])>/.exec(text);
    if (priority) {
        return [4, 4, 4, 4, 3, 2, 2, 1][priority[1] & 7];
    }
    const isJson = text[0] === "{";
    if (!isJson && text.includes('"')) {
        const found = status.exec(to - from > lookBytes ? read(lookStatusBytes) : text);
        if (found) {
            return Math.max(2, found[1] - 1);
        }
    }
    if (!hint.test(text)) {
        return 0;
    }
    const key = keyed.exec(text);
    if (key) {
        return key[1] ? levelOfNumber(Number(key[1])) : levelOfWord(key[2]);
    }
    if (isJson) {
        return 0;
    }
    text = text.replace(escapes, " ");
    const found = bracketed.exec(text) ?? plain.exec(text);
    return found ? levelOfWord(found[1]) : 0;
}
