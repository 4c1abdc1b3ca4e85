// SPDX-License-Identifier: MIT
// driver: opens the log page in Chromium, does one thing with it and prints what it took as JSON.
//
//     node driver.mjs PART     PART is paint, follow or million; pages.py sets BASE_URL and LOG_FILE

import { appendFileSync } from "node:fs";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import { memoryOf } from "./memory.mjs";

const require = createRequire(new URL("../../browser/", import.meta.url));
const { chromium } = require("playwright-core");

const { BASE_URL, LOG_FILE, CHROMIUM = "/usr/bin/chromium" } = process.env;
const inside = fileURLToPath(new URL("inside.js", import.meta.url));

const loads = 5;
const jumps = 20;
const deadlineMs = 60000;
const tickMs = 10;
const idleMs = 2000;

const followLinesPerS = Number(process.env.LINES_PER_S);
const followS = Number(process.env.SECONDS);
const lineCount = Number(process.env.LINES);

// Written by pages.py, too: the number comes first.
function line(number) {
    return `2026-11-21T10:42:21Z host app[${number % 977}]: n=${number} GET /page status=200 took=12ms`;
}

// What the page is asked may never come.
function within(what, promise) {
    return Promise.race([
        promise,
        new Promise((_, reject) =>
            setTimeout(() => reject(new Error(`waited in vain: ${what}`)), deadlineMs).unref()),
    ]);
}

const numberOf = (text) => Number(/ n=(\d+) /.exec(text)?.[1]);

// And waits until `first` is seen, if it is a text.
async function openPage(browser, query, first = "") {
    const context = await browser.newContext({
        viewport: { width: 1280, height: 800 },
        locale: "en-US",
    });
    await context.addInitScript({ path: inside });
    await context.addInitScript((text) => {
        globalThis.firstShown = text && globalThis.bench.whenShown(text);
    }, first);
    const page = await context.newPage();
    page.setDefaultTimeout(deadlineMs);
    page.on("pageerror", (error) => console.error(`thrown: ${error.message}`));
    await page.goto(new URL(`log.html?stream=app${query}`, BASE_URL).href, { waitUntil: "commit" });
    const shownMs = await within(first, page.evaluate(() => globalThis.firstShown));
    return { page, shownMs };
}

/** First paint, and the last of the lines that are there, painted. */
async function paint(browser) {
    const found = [];
    for (let i = 0; i <= loads; i++) {
        const { page, shownMs } = await openPage(browser, "", ` n=${lineCount} `);
        const paintMs = await page.evaluate(() =>
            performance.getEntriesByName("first-contentful-paint")[0].startTime);
        found.push({ paintMs, shownMs });
        await page.context().close();
    }
    return { cold: found[0], warm: found.slice(1) };
}

// Keeps the rate whatever the timer does. Answers when all is written.
function write(first, count) {
    const begun = performance.now();
    let written = 0;
    return new Promise((resolve) => {
        const timer = setInterval(() => {
            const due = Math.min(count,
                Math.floor(((performance.now() - begun) / 1000) * followLinesPerS));
            let text = "";
            for (; written < due; written++) {
                text += `${line(first + written)}\n`;
            }
            appendFileSync(LOG_FILE, text);
            if (written === count) {
                clearInterval(timer);
                resolve();
            }
        }, tickMs);
    });
}

// Runs in the page: the numbers of its store's lines, that none is missing and none twice.
function countFaults(first) {
    const { store } = globalThis.logPage;
    let expected = first;
    let lost = 0;
    let repeated = 0;
    for (let n = store.first; n < store.end; n++) {
        const number = Number(/ n=(\d+) /.exec(store.line(n).text)?.[1]);
        if (number >= first) {
            lost += Math.max(0, number - expected);
            repeated += number < expected ? 1 : 0;
            expected = Math.max(expected, number + 1);
        }
    }
    return { lost, repeated, last: expected - 1 };
}

// The processor time of the page's own thread while something happens, in seconds, by kind.
async function workOf(page, happens) {
    const session = await page.context().newCDPSession(page);
    await session.send("Performance.enable", { timeDomain: "threadTicks" });
    const ask = async () => {
        const { metrics } = await session.send("Performance.getMetrics");
        return new Map(metrics.map(({ name, value }) => [name, value]));
    };
    const before = await ask();
    const result = await happens();
    const after = await ask();
    await session.detach();
    const work = {};
    for (const kind of ["Task", "Script", "Layout", "RecalcStyle"]) {
        const name = `${kind}Duration`;
        work[kind] = after.get(name) - before.get(name);
    }
    return { result, work };
}

// The page's frames, its long tasks and its work while something happens.
async function watch(page, happens) {
    await page.evaluate(() => globalThis.bench.startFrames());
    const { work } = await workOf(page, happens);
    return { work, ...(await page.evaluate(() => globalThis.bench.stopFrames())) };
}

/** Follows at a steady rate; before that, with nothing to do. */
async function follow(browser) {
    const { page } = await openPage(browser, "", ` n=${lineCount} `);
    const count = followLinesPerS * followS;
    const idle = await watch(page, () => page.waitForTimeout(idleMs));
    const measured = await watch(page, () => write(lineCount + 1, count));
    const written = performance.now();
    await within("the last line",
        page.evaluate((text) => globalThis.bench.whenShown(text), ` n=${lineCount + count} `));
    const lagMs = performance.now() - written;
    const faults = await page.evaluate(
        `globalThis.logPage ? (${countFaults})(${lineCount + 1}) : { lost: null, repeated: null }`);
    return {
        ...measured, idle, lagMs, ...faults,
        rows: await page.evaluate(() => globalThis.bench.rowCount()),
    };
}

// To a place of the scrollbar, and not on its thumb, which is where the last jump went.
async function jump(page, from) {
    const rail = await page.locator("#rail").boundingBox();
    const to = 0.02 + ((from + 0.15 + 0.7 * Math.random()) % 1) * 0.96;
    const measured = page.evaluate(() => globalThis.bench.nextJump());
    await page.evaluate(() => 0); // the page listens
    await page.mouse.click(rail.x + rail.width / 2, rail.y + rail.height * to);
    const { ms, text } = await within("a full screen", measured);
    return { ms, number: numberOf(text), to };
}

async function search(page) {
    const find = (text) => page.evaluate(async (pattern) => {
        const { Finder } = await import(new URL("log/finder.js", location.href).href);
        globalThis.benchFinder ??= new Finder(globalThis.logPage.store);
        const begun = performance.now();
        const { lines, problem } = await globalThis.benchFinder.find(
            { text: pattern, isRegex: true, ignoreCase: false, invert: false });
        return { ms: performance.now() - begun, count: lines.length, problem };
    }, text);
    return { first: await find("n=\\d*999 "), again: await find("n=[0-9]*77[0-9] GET") };
}

/** One million lines in the page: loaded from the first on, by its link. */
async function million(browser) {
    const begun = performance.now();
    const { page } = await openPage(browser, `#${process.env.POSITION}`);
    await page.waitForFunction((count) => {
        const { store } = globalThis.logPage ?? { store: { end: 0, first: 0 } };
        return store.end - store.first >= count;
    }, lineCount, { polling: 100 });
    const loadMs = performance.now() - begun;
    const memory = await memoryOf(browser);
    const found = [];
    for (let i = 0; i < jumps; i++) {
        const { result, work } = await workOf(page, () => jump(page, found.at(-1)?.to ?? 0));
        found.push({ ...result, work });
    }
    const rows = await page.evaluate(() => globalThis.bench.rowCount());
    const searches = await search(page);
    return { loadMs, memory, jumps: found, rows, searches, memoryAfter: await memoryOf(browser) };
}

async function main(part) {
    const browser = await chromium.launch({
        executablePath: CHROMIUM,
        args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
            "--disable-background-networking", "--disable-component-update", "--disable-sync"],
    });
    try {
        console.log(JSON.stringify(await { paint, follow, million }[part](browser)));
    } finally {
        await browser.close();
    }
}

await main(process.argv[2]);
