// SPDX-License-Identifier: MIT
// helpers: what the tests of all pages use: waiting, the log file, the server behind the pages.

import { appendFileSync } from "node:fs";
import { join } from "node:path";

const deadlineMs = 30000;
const pollMs = 50;

/**
 * @param {object} env
 * @param {string} env.baseUrl   where the pages are
 * @param {string} env.logFile   what the stream "app" follows
 * @param {string} env.logStream its name, if it is another
 * @param {string} env.folder    where the other files of the test are
 * @param {string} env.control   where the server behind the pages is killed and restarted
 * @param {string} env.artefacts the folder for screenshots
 */
export function makeHelpers({ baseUrl, logFile, logStream, folder, control: controlUrl, artefacts }) {
    const logParams = logStream ? { stream: logStream } : {};

    function pageUrl(page, params = {}) {
        const url = new URL(page, baseUrl);
        for (const [key, value] of Object.entries(params)) {
            url.searchParams.set(key, value);
        }
        return url.href;
    }

    /** Appends whole lines to the log. */
    function append(...lines) {
        appendFileSync(logFile, lines.map((line) => `${line}\n`).join(""));
    }

    // Other lines may come in between (the log may be the server's own): ours are unmistakable.
    let markCount = 0;
    function mark() {
        markCount++;
        return `mark-${process.pid}-${Date.now()}-${markCount}-end`;
    }

    /** Waits until the condition holds, and answers its value. */
    async function until(what, condition) {
        const deadline = Date.now() + deadlineMs;
        for (;;) {
            const value = await condition();
            if (value) {
                return value;
            }
            if (Date.now() > deadline) {
                throw new Error(`waited ${deadlineMs} ms in vain: ${what}`);
            }
            await new Promise((resolve) => setTimeout(resolve, pollMs));
        }
    }

    function assertThat(condition, what) {
        if (!condition) {
            throw new Error(what);
        }
    }

    function textOf(page, selector) {
        return page.locator(selector).first().textContent();
    }

    /** The connection is in that state, whatever the page's language calls it. */
    function stateIs(page, word) {
        const badge = page.locator(".state").first();
        return until(
            `state ${word}`,
            async () => (await badge.getAttribute("data-state")) === word.toLowerCase()
        );
    }

    function rowsWith(page, text) {
        return page.locator("#rows .text", { hasText: text });
    }

    /** Waits for a line of the log page. */
    function seen(page, text) {
        return until(`a row with ${text}`, async () => (await rowsWith(page, text).count()) > 0);
    }

    async function openLog(page, params = logParams) {
        await page.goto(pageUrl("log.html", params));
        await stateIs(page, "Live");
    }

    /**
     * Does something to what the pages read, and answers what came of it:
     * "kill-responder", "stop-server", "start-server", "restart-server" (at the same port);
     * "rotate", "truncate", "write", of the file `file` ("app.log" unless told; `body` is written).
     */
    async function control(what, { file, body = "" } = {}) {
        const url = new URL(what, controlUrl);
        if (file) {
            url.searchParams.set("file", file);
        }
        const response = await fetch(url, { method: "POST", body });
        const answer = await response.json();
        assertThat(response.ok, `${what}: ${answer.error}`);
        return answer;
    }

    /** No wider than a small phone, in dark colours; a screenshot tells the rest. */
    async function fitsNarrow(page, name, params = name === "log" ? logParams : {}) {
        await page.emulateMedia({ colorScheme: "dark" });
        await page.setViewportSize({ width: 360, height: 740 });
        await page.goto(pageUrl(`${name}.html`, params));
        await stateIs(page, "Live");
        const width = await page.evaluate(() => document.documentElement.scrollWidth);
        assertThat(width <= 360, `the page is ${width} pixels wide`);
        await page.screenshot({ path: join(artefacts, `${name}-dark-360.png`) });
    }

    return {
        append, artefacts, assertThat, baseUrl, control, deadlineMs, fitsNarrow, folder, logFile,
        logParams, mark, openLog, pageUrl, rowsWith, seen, stateIs, textOf, until,
    };
}
