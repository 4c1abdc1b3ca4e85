// SPDX-License-Identifier: MIT
// page: numbers, gaps and connections in words, in both languages; which language is chosen.

import assert from "node:assert/strict";
import { test } from "node:test";

const stored = new Map();
const browser = { languages: ["en-US"] };
const element = { lang: "" };
Object.defineProperty(globalThis, "navigator", { value: browser, configurable: true });
globalThis.localStorage = {
    getItem: (name) => stored.get(name) ?? null,
    setItem: (name, value) => stored.set(name, value),
};

const { chosenLanguage, t, tn, useWords } = await import("../../html/lang.js");
const page = await import("../../html/page.js");
globalThis.document = { documentElement: element, querySelectorAll: () => [] };

test("the first language of the browser that there is, unless one was chosen", () => {
    for (const [languages, expected] of [
        [["en-GB"], "en"],
        [["zh"], "zh-CN"],
        [["zh-Hant-TW", "en"], "zh-CN"],
        [["fr", "zh-CN", "en"], "zh-CN"],
        [["fr"], "en"],
        [["zha"], "en"],
        [[], "en"],
        [undefined, "en"],
    ]) {
        browser.languages = languages;
        assert.equal(chosenLanguage(), expected, `${languages}`);
    }
    browser.languages = ["zh-CN"];
    stored.set("ssecgi.lang", "en");
    assert.equal(chosenLanguage(), "en");
    stored.set("ssecgi.lang", "no language");
    assert.equal(chosenLanguage(), "zh-CN");
    stored.clear();
});

test("places are filled, and only those that have a value", () => {
    assert.equal(t("{a} of {b}, {c}", { a: 1, b: "{a}" }), "1 of {a}, {c}");
    assert.equal(tn(1, "{n} line", "{n} lines"), "1 line");
    assert.equal(tn(1000, "{n} line", "{n} lines", { n: "1,000" }), "1,000 lines");
});

test("sizes have a unit that fits", () => {
    for (const [bytes, expected] of [
        [0, "0 bytes"],
        [1023, "1,023 bytes"],
        [1024, "1 KiB"],
        [1536, "1.5 KiB"],
        [1024 ** 3 * 2, "2 GiB"],
        [1024 ** 6, "1,048,576 TiB"],
    ]) {
        assert.equal(page.formatBytes(bytes), expected);
    }
});

test("a gap in words tells what is known of it", () => {
    for (const [gap, expected] of [
        [{ reason: "truncated" }, "Gap: truncated, size unknown"],
        [{ reason: "expired", events: 1 }, "Gap: expired, 1 event missing"],
        [{ reason: "late", events: 0, bytes: 10 }, "Gap: late, 0 events, 10 bytes missing"],
        [{ reason: "a {size}", detail: "why" }, "Gap: a {size}, size unknown (why)"],
        [{ reason: "expired", events: "many" }, "Gap: expired, size unknown"],
    ]) {
        assert.equal(page.formatGap(gap), expected);
    }
});

test("an odd reason of a gap is a word like any", () => {
    for (const reason of [null, 7, {}, "constructor", "__proto__", "toString"]) {
        assert.ok(page.formatGap({ reason }).startsWith(`Gap: ${reason}, `));
        assert.equal(page.stateDetail(reason), String(reason));
    }
});

test("a connection's state is told with its status and its reason", () => {
    assert.equal(page.stateDetail("the server answered 503: it sleeps"), "the server answered 503: it sleeps");
    assert.equal(page.stateDetail(""), "");
});

// Last: from here on all is in Chinese.
test("in Chinese the same is said", async () => {
    browser.languages = ["zh-CN"];
    await useWords("no page of that name");
    assert.equal(element.lang, "zh-CN");
    assert.equal(page.formatGap({ reason: "truncated", bytes: 5 }), "缺口：被截断，缺少 5 字节");
    assert.equal(page.formatReaders(1), "1 位读者");
    assert.equal(page.stateDetail("the server answered 503: it sleeps"), "服务器返回 503: it sleeps");
    assert.equal(page.stateDetail("a word that is not known"), "a word that is not known");
});
