// SPDX-License-Identifier: MIT
// when: times that log lines tell, zones that they do not, and times as text.

import assert from "node:assert/strict";
import { test } from "node:test";
import { LogClock, formatTime, readTime } from "../../html/log/when.js";

process.env.TZ = "UTC";
const now = Date.UTC(2026, 10, 21, 23, 0, 0);
const at = (text) => {
    const time = readTime(text, now);
    return time && `${new Date(time.ms).toISOString()} ${time.isZoned}`;
};

test("ISO 8601, RFC 3339 and what is near them", () => {
    assert.equal(at("2026-11-21T22:28:00.123Z start"), "2026-11-21T22:28:00.123Z true");
    assert.equal(at("2026-11-21T22:28:00+01:00 x"), "2026-11-21T21:28:00.000Z true");
    assert.equal(at("2026-11-21 22:28:00,123 WARN x"), "2026-11-21T22:28:00.123Z false");
    assert.equal(at("2026/11/21 22:28:00 [error] 7#7: *1 x"), "2026-11-21T22:28:00.000Z false");
    assert.equal(at("[2026-11-21T22:28:00.123456789-0330] x"), "2026-11-22T01:58:00.123Z true");
    assert.equal(at("<34>1 2003-10-11T22:14:15.003Z host x"), "2003-10-11T22:14:15.003Z true");
    assert.equal(at('{"level":"info","time":"2026-11-21T22:28:00Z"}'), "2026-11-21T22:28:00.000Z true");
});

test("the logs of web servers", () => {
    const access = '127.0.0.1 - - [21/Nov/2026:22:28:00 +0100] "GET / HTTP/1.1" 200 5';
    assert.equal(at(access), "2026-11-21T21:28:00.000Z true");
    assert.equal(at("[Sat Nov 21 22:28:00.123456 2026] [core:error] x"), "2026-11-21T22:28:00.123Z false");
});

test("syslog tells no year: it is the latest that is not ahead", () => {
    assert.equal(at("Nov 21 22:28:00 host x[7]: y"), "2026-11-21T22:28:00.000Z false");
    assert.equal(at("<13>Nov  1 02:03:04 host x"), "2026-11-01T02:03:04.000Z false");
    assert.equal(at("Dec 31 23:59:59 host x"), "2025-12-31T23:59:59.000Z false");
});

test("seconds and milliseconds since 1970", () => {
    assert.equal(at("1763763600 x"), "2025-11-21T22:20:00.000Z true");
    assert.equal(at("[1763763600.5] x"), "2025-11-21T22:20:00.500Z true");
    assert.equal(at("1763763600123 x"), "2025-11-21T22:20:00.123Z true");
    assert.equal(at('{"level":30,"time":1763763600123,"msg":"x"}'), "2025-11-21T22:20:00.123Z true");
    assert.equal(at('{"ts":1763763600.25}'), "2025-11-21T22:20:00.250Z true");
});

test("what is no time is none", () => {
    for (const text of ["", "hello", "12345", "2026-13-01T00:00:00Z", "2026-02-30T00:00:00Z",
        "2026-11-21T25:00:00Z", "17637636001 x", "Foo 21 22:28:00", "x".repeat(400) + "2026-11-21T22:28:00Z"]) {
        assert.equal(at(text), null, text);
    }
});

test("lines that come as they are written tell their zone", () => {
    const clock = new LogClock();
    const arrived = Date.UTC(2026, 10, 21, 14, 28, 1);
    const line = "2026-11-21 22:28:00 x"; // eight hours ahead of UTC
    assert.equal(clock.timeOf(line, arrived), Date.UTC(2026, 10, 21, 14, 28, 0));
    assert.equal(clock.timeOf("2026-11-21 22:00:00 older", 0), Date.UTC(2026, 10, 21, 14, 0, 0));
    // A line that is five minutes late is of no such zone, and changes nothing.
    clock.timeOf("2026-11-21 22:23:00 late", arrived);
    assert.equal(clock.timeOf(line, 0), Date.UTC(2026, 10, 21, 14, 28, 0));
    assert.ok(Number.isNaN(clock.timeOf("no time", arrived)));
});

test("times as text", () => {
    assert.deepEqual(formatTime(Date.UTC(2026, 0, 2, 3, 4, 5, 6), true), {
        date: "2026-01-02",
        time: "03:04:05.006",
    });
});
