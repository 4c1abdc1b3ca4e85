// SPDX-License-Identifier: MIT
// when: the time that a log line tells of itself, and times as text.

const startChars = 300;
const quarterMs = 15 * 60 * 1000;
const dayMs = 24 * 60 * 60 * 1000;

const monthNames = "JanFebMarAprMayJunJulAugSepOctNovDec";
const month = "(Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)";
const clock = "([01]\\d|2[0-3]):([0-5]\\d):([0-5]\\d|60)(?:[.,](\\d{1,9}))?";
const zone = "\\s?(Z|[+-]\\d\\d:?\\d\\d)?";

// The first that matches wins. Each names the places of: year, month, day, clock (four), zone.
const forms = [
    // 2026-11-21T22:28:00.123+01:00, 2026/11/21 22:28:00, and an RFC 5424 header before it
    [new RegExp(`(\\d{4})[-/](\\d\\d)[-/](\\d\\d)[T ]${clock}${zone}(?![\\w:])`), 1, 2, 3, 4, 8],
    // 21/Nov/2026:22:28:00 +0000, the common log format
    [new RegExp(`(\\d\\d)/${month}/(\\d{4}):${clock}${zone}`), 3, 2, 1, 4, 8],
    // Sat Nov 21 22:28:00.123 2026, Apache's error log
    [new RegExp(`${month} +(\\d\\d?) ${clock} (\\d{4})\\b`), 7, 1, 2, 3, 0],
    // Nov 21 22:28:00, syslog: no year, no zone
    [new RegExp(`^(?:<\\d{1,3}>)?${month} +(\\d\\d?) ${clock}\\b`), 0, 1, 2, 3, 0],
];

const epoch = /^\[?(\d{10})(\d{3})?(?:\.(\d{1,9}))?\b/;
const epochField = /"(?:time|timestamp|ts|@timestamp|t)"\s*:\s*"?(\d{10})(\d{3})?(?:\.(\d{1,9}))?\b/;

function millis(fraction = "") {
    return Number(fraction.padEnd(3, "0").slice(0, 3));
}

function monthOf(text) {
    return /\d/.test(text) ? Number(text) - 1 : monthNames.indexOf(text) / 3;
}

function zoneMsOf(text) {
    if (!text || text === "Z") {
        return 0;
    }
    const sign = text[0] === "-" ? -1 : 1;
    return sign * (Number(text.slice(1, 3)) * 60 + Number(text.slice(-2))) * 60000;
}

// Without a year: the latest that is not in the future, a day allowed for clocks and zones.
function yearFor(monthIndex, day, now) {
    const year = new Date(now).getUTCFullYear();
    return Date.UTC(year, monthIndex, day) > now + dayMs ? year - 1 : year;
}

function fromMatch(match, [, year, monthAt, dayAt, clockAt, zoneAt], now) {
    const monthIndex = monthOf(match[monthAt]);
    const day = Number(match[dayAt]);
    const [hours, minutes, seconds] = match.slice(clockAt, clockAt + 3).map(Number);
    const fullYear = year ? Number(match[year]) : yearFor(monthIndex, day, now);
    const date = Date.UTC(fullYear, monthIndex, day);
    if (monthIndex < 0 || monthIndex > 11 || new Date(date).getUTCDate() !== day) {
        return null;
    }
    const zoneText = zoneAt ? match[zoneAt] : undefined;
    const ms = date + ((hours * 60 + minutes) * 60 + seconds) * 1000 + millis(match[clockAt + 3]);
    return { ms: ms - zoneMsOf(zoneText), isZoned: zoneText !== undefined };
}

/**
 * The time that a line begins with or tells early.
 *
 * @param {string} text
 * @param {number} now for lines that do not tell the year
 * @returns {{ms: number, isZoned: boolean} | null} not zoned: as if it were UTC
 */
export function readTime(text, now) {
    const start = text.slice(0, startChars);
    const seconds = epoch.exec(start) ?? (start[0] === "{" ? epochField.exec(start) : null);
    if (seconds) {
        const part = seconds[2] ? Number(seconds[2]) : millis(seconds[3]);
        return { ms: Number(seconds[1]) * 1000 + part, isZoned: true };
    }
    for (const form of forms) {
        const match = form[0].exec(start);
        const time = match ? fromMatch(match, form, now) : null;
        if (time) {
            return time;
        }
    }
    return null;
}

/** Times of one log. Lines that tell no zone tell it all the same when they come as they are written. */
export class LogClock {
    #zoneMs = NaN;

    /**
     * @param {string} text
     * @param {number} arrived when the line came live, in ms since 1970, else 0
     * @returns {number} ms since 1970, NaN where the line tells none
     */
    timeOf(text, arrived, now = Date.now()) {
        const time = readTime(text, arrived || now);
        if (!time) {
            return NaN;
        }
        if (time.isZoned) {
            return time.ms;
        }
        if (arrived) {
            const zoneMs = Math.round((time.ms - arrived) / quarterMs) * quarterMs;
            const isLive = Math.abs(time.ms - arrived - zoneMs) < 60000;
            this.#zoneMs = isLive && Math.abs(zoneMs) <= 14 * 4 * quarterMs ? zoneMs : this.#zoneMs;
        }
        // Else it is taken for the reader's own.
        const local = new Date(time.ms).getTimezoneOffset() * 60000;
        return Number.isNaN(this.#zoneMs) ? time.ms + local : time.ms - this.#zoneMs;
    }
}

const pad = (value, length) => String(value).padStart(length, "0");

/** The date and the time of day, as ISO 8601 writes them. */
export function formatTime(ms, isUtc) {
    const shifted = isUtc ? ms : ms - new Date(ms).getTimezoneOffset() * 60000;
    const date = new Date(shifted);
    const day = [pad(date.getUTCFullYear(), 4), pad(date.getUTCMonth() + 1, 2), pad(date.getUTCDate(), 2)];
    const time = [date.getUTCHours(), date.getUTCMinutes(), date.getUTCSeconds()];
    const text = time.map((part) => pad(part, 2)).join(":");
    return { date: day.join("-"), time: `${text}.${pad(date.getUTCMilliseconds(), 3)}` };
}
